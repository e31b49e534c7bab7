"""The map of a report as SVG: buildings by class of minutes, facilities, sites, the land."""

from datetime import datetime
from typing import Any, NamedTuple
from xml.etree import ElementTree

from shapely.geometry import shape
from sqlalchemy.orm import Session

from gis.facilities.access_classes import UNREACHABLE, features_within
from gis.facilities.area_report import AreaReport
from gis.facilities.building_coverage import Standing
from gis.facilities.planning_land import land_of_area
from gis.palette import (
    ACCESS_CLASS_COLOURS,
    ACCESS_PLACE_COLOURS,
    PAGE_COLOURS,
    WHITE,
)
from gis.shapes.local_distance import widen_bbox
from layers.facilities import FACILITIES
from layers.features import feature_collection
from layers.svg_map import INK, Frame, draw_ground, draw_path, draw_scale_bar, drawing

WIDTH, MAX_HEIGHT = 720.0, 620.0  # user units
MARGIN_M = 60.0  # round the land
CLASS_COLOURS = {str(i): colour for i, colour in enumerate(ACCESS_CLASS_COLOURS)} | {
    UNREACHABLE: ACCESS_PLACE_COLOURS["unreachable"],
    Standing.CANNOT_SAY.value: ACCESS_PLACE_COLOURS["cannot_say"],
    Standing.OFF_NETWORK.value: ACCESS_PLACE_COLOURS["off_network"],
}
OUTLINE: dict[str, Any] = {"stroke": WHITE, "width": 0.5}
OUTLINES = {
    Standing.CANNOT_SAY.value: {"stroke": PAGE_COLOURS["mark"], "width": 0.7, "dash": "3 2"}
}


class ReportMap(NamedTuple):
    """An `svg` element, at most WIDTH by MAX_HEIGHT user units.

    `truncated` tells whether the area has more buildings than are drawn.
    """

    svg: str
    truncated: bool


def report_map(session: Session, report: AreaReport, at: datetime, label: str) -> ReportMap:
    """Return the drawing of a report, for a page or a printed sheet.

    Parameters
    ----------
    at
        Moment of the boundaries that are drawn.
    label
        What it says to who cannot see it.

    Raises
    ------
    InvalidInput
        The area has no land at that moment.
    """
    query = report.query
    land = land_of_area(session, query.area, at)
    bbox = widen_bbox(land.bounds, MARGIN_M)
    frame, width, height = Frame.fit(bbox, WIDTH, MAX_HEIGHT)
    svg = drawing(width, height, label)
    draw_ground(svg, session, frame, bbox, at)
    collection = features_within(session, report.buildings, query.minutes, bbox)
    for feature in collection["features"]:
        key = feature["properties"]["class"]
        outline = frame.path(shape(feature["geometry"]))
        draw_path(svg, outline, fill=CLASS_COLOURS[key], **OUTLINES.get(key, OUTLINE))
    draw_path(svg, frame.path(land), stroke=INK, width=1.6)
    for feature in feature_collection(session, FACILITIES, at, bbox=bbox)["features"]:
        if feature["properties"]["category"] == query.category:
            _facility(svg, *frame.place(*feature["geometry"]["coordinates"]))
    for nth, site in enumerate(report.siting.sites if report.siting else (), 1):
        _site(svg, *frame.place(site.lon, site.lat), nth)
    draw_scale_bar(svg, frame.scale, WIDTH, height)
    return ReportMap(ElementTree.tostring(svg, encoding="unicode"), collection["truncated"])


def _facility(svg: ElementTree.Element, x: float, y: float) -> None:
    """Draw an existing facility: a cross on white, which is also told without its colour."""
    ElementTree.SubElement(
        svg,
        "circle",
        {"cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": "7", "fill": WHITE, "stroke": INK},
    )
    draw_path(
        svg,
        f"M{x - 4:.1f} {y:.1f}H{x + 4:.1f}M{x:.1f} {y - 4:.1f}V{y + 4:.1f}",
        stroke=INK,
        width=2,
    )


def _site(svg: ElementTree.Element, x: float, y: float, number: int) -> None:
    """Draw a new place with its number."""
    circle = {"cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": "11", "fill": PAGE_COLOURS["ink"]}
    ElementTree.SubElement(svg, "circle", circle | {"stroke": WHITE, "stroke-width": "2"})
    label = {
        "x": f"{x:.1f}",
        "y": f"{y + 4.5:.1f}",
        "text-anchor": "middle",
        "font-size": "13",
        "font-weight": "700",
        "fill": WHITE,
    }
    ElementTree.SubElement(svg, "text", label).text = str(number)
