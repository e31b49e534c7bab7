"""The map of a grid's printed sheet as SVG, in millimetres of paper at a round scale."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np
import shapely
from sqlalchemy.orm import Session

from gis.boundaries.sheets import GridSheet, SheetSet
from gis.palette import BASEMAP_COLOURS, PAGE_COLOURS, WHITE
from gis.shapes.polygon_coverage import PolygonLike
from layers.svg_map import INK, Frame, draw_ground, draw_path, draw_scale_bar, drawing

MARGIN_MM = 8.0  # mm of paper round the land
SCALES = tuple(step * 10**power for power in (2, 3, 4, 5) for step in (1, 2, 2.5, 5, 7.5))
UNIT = 0.3  # mm, a thin line
LETTER_MM = 2.3  # height of the small letters
NARROW_MM = 6.0  # a building narrower than this carries no name


class SheetMap(NamedTuple):
    """An `svg` element in mm of paper, and the scale of the map as 1 : scale."""

    svg: str
    scale: int


def sheet_map(
    session: Session,
    sheets: SheetSet,
    sheet: GridSheet | None,
    size: tuple[float, float],
    at: datetime,
    label: str,
) -> SheetMap:
    """Return the map of one grid, or of all grids of the set.

    Parameters
    ----------
    sheet
        The grid; None for an overview of all.
    size
        Width and height in mm of paper.
    at
        Moment of the basemap.
    label
        What it says to who cannot see it.
    """
    width, height = size
    chosen = [sheet] if sheet else list(sheets.sheets)
    bbox = tuple(shapely.total_bounds([each.land for each in chosen]).tolist())
    metres, _, _ = Frame.fit(bbox, width - 2 * MARGIN_MM, height - 2 * MARGIN_MM)
    scale = next((each for each in SCALES if each >= 1000 / metres.scale), SCALES[-1])
    frame, bbox_shown = Frame.centred(bbox, 1000 / scale, width, height)
    svg = drawing(width, height, label)
    draw_path(svg, f"M0 0H{width}V{height}H0Z", fill=BASEMAP_COLOURS["land"])
    draw_ground(svg, session, frame, bbox_shown, at, UNIT)
    named = _buildings(svg, sheets, frame, bbox_shown)
    chosen_codes = {each.code for each in chosen}
    _grids(svg, sheets, chosen_codes, frame)
    box = shapely.box(*bbox_shown)
    if sheet:
        _words(svg, named, PAGE_COLOURS["text"])
        for line in _longest(sheets, box).items():
            _along(svg, *line, frame)
    around = {code: land for code, land in sheets.grids.items() if not sheet or code != sheet.code}
    for code, land in around.items():
        if (inside := shapely.intersection(land, box)) and not inside.is_empty:
            x, y = frame.place(*shapely.get_coordinates(shapely.point_on_surface(inside))[0])
            colour = INK if code in chosen_codes else PAGE_COLOURS["quiet"]
            _word(svg, sheets.names[code], x, y, LETTER_MM * 1.1, colour)
    _north(svg, width)
    draw_scale_bar(svg, frame.scale, width, height, UNIT)
    return SheetMap(ElementTree.tostring(svg, encoding="unicode"), int(scale))


def _buildings(
    svg: ElementTree.Element,
    sheets: SheetSet,
    frame: Frame,
    shown: tuple[float, float, float, float],
) -> list[tuple[str, float, float]]:
    """Draw the buildings; return the names that have room, with their places."""
    named = []
    homes = sheets.homes
    wide = shapely.bounds(homes.shapes)
    candidates = (
        (wide[:, 0] <= shown[2])
        & (wide[:, 2] >= shown[0])
        & (wide[:, 1] <= shown[3])
        & (wide[:, 3] >= shown[1])
    )
    for row in np.flatnonzero(candidates).tolist():
        draw_path(
            svg,
            frame.path(homes.shapes[row], 2),
            fill=BASEMAP_COLOURS["building"],
            stroke=PAGE_COLOURS["mark"],
            width=UNIT / 2,
        )
        west, south, east, north = wide[row].tolist()
        (left, top), (right, bottom) = frame.place(west, north), frame.place(east, south)
        is_named = homes.names[row] != homes.codes[row]
        if is_named and max(right - left, bottom - top) >= NARROW_MM:
            named.append((homes.names[row], (left + right) / 2, (top + bottom) / 2))
    return named


def _grids(svg: ElementTree.Element, sheets: SheetSet, chosen: set[str], frame: Frame) -> None:
    """Draw the borders: those around dashed, the chosen ones strong with a light rim."""
    for code, land in sheets.grids.items():
        if code not in chosen:
            draw_path(
                svg, frame.path(land, 2), stroke=PAGE_COLOURS["quiet"], width=UNIT, dash="1.6 1"
            )
    for code in sorted(chosen):
        outline = frame.path(sheets.grids[code], 2)
        draw_path(svg, outline, stroke=WHITE, width=UNIT * 6)
        draw_path(svg, outline, stroke=INK, width=UNIT * 3)


def _longest(sheets: SheetSet, box: PolygonLike) -> Mapping[str, shapely.LineString]:
    """Return the longest part within a box of each named line."""
    longest: dict[str, shapely.LineString] = {}
    for name, shape in sheets.lines:
        for part in shapely.get_parts(shapely.intersection(shape, box)):
            line = part.exterior if part.geom_type == "Polygon" else part
            if (
                line.geom_type in ("LineString", "LinearRing")
                and line.length
                and (name not in longest or line.length > longest[name].length)
            ):
                longest[name] = line
    return longest


def _along(svg: ElementTree.Element, name: str, line: shapely.LineString, frame: Frame) -> None:
    """Write a name along the middle of a line, upright enough to be read."""
    size = LETTER_MM * 1.15
    (x1, y1), (x2, y2) = (
        frame.place(*line.interpolate(share, normalized=True).coords[0]) for share in (0.42, 0.58)
    )
    length = line.length * frame.per_lat * frame.scale
    if length < size * len(name):
        return
    angle = float(np.degrees(np.arctan2(y2 - y1, x2 - x1)))
    angle = angle - 180 if angle > 90 else angle + 180 if angle < -90 else angle
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    word = _word(svg, name, x, y, size, PAGE_COLOURS["ink"])
    word.set("transform", f"rotate({angle:.1f} {x:.2f} {y:.2f})")


def _words(svg: ElementTree.Element, labels: list[tuple[str, float, float]], colour: str) -> None:
    for text, x, y in labels:
        _word(svg, text, x, y, LETTER_MM, colour)


def _word(svg: ElementTree.Element, text: str, x: float, y: float, size: float, colour: str) -> Any:
    """Write a word in the middle of a place, with a light rim."""
    attributes = {
        "x": f"{x:.2f}",
        "y": f"{y + size * 0.36:.2f}",
        "text-anchor": "middle",
        "font-size": f"{size:.2f}",
    }
    rim = {"fill": "none", "stroke": WHITE, "stroke-width": f"{size / 4:.2f}"}
    group = ElementTree.SubElement(svg, "g")
    ElementTree.SubElement(group, "text", attributes | rim).text = text
    ElementTree.SubElement(group, "text", attributes | {"fill": colour}).text = text
    return group


def _north(svg: ElementTree.Element, width: float) -> None:
    """Draw an arrow to the north in the upper right corner."""
    x = width - 8
    draw_path(svg, f"M{x} 4L{x + 3} 13L{x} 11L{x - 3} 13Z", fill=INK, stroke=WHITE, width=UNIT)
    _word(svg, "N", x, 15.5, LETTER_MM * 1.4, INK)
