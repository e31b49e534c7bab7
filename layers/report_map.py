"""The map of a report as SVG: buildings by class of minutes, facilities, sites, the land."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from math import floor, log10
from typing import Any, NamedTuple
from xml.etree import ElementTree

import shapely
from shapely.geometry import shape
from sqlalchemy.orm import Session

from gis.facilities.access_classes import UNREACHABLE, features_within
from gis.facilities.area_report import AreaReport
from gis.facilities.building_coverage import Standing
from gis.facilities.planning_land import land_of_area
from gis.palette import (
    ACCESS_CLASS_COLOURS,
    ACCESS_PLACE_COLOURS,
    BASEMAP_COLOURS,
    PAGE_COLOURS,
    WHITE,
)
from gis.shapes.local_distance import metres_per_degree, widen_bbox
from layers.basemap import GREEN, ROADS, WATER, WATERWAYS
from layers.facilities import FACILITIES
from layers.features import feature_collection
from layers.layer import Layer

WIDTH, MAX_HEIGHT = 720.0, 620.0  # user units
MARGIN_M = 60.0  # round the land
CLASS_COLOURS = {str(i): colour for i, colour in enumerate(ACCESS_CLASS_COLOURS)} | {
    UNREACHABLE: ACCESS_PLACE_COLOURS["unreachable"],
    Standing.CANNOT_SAY.value: ACCESS_PLACE_COLOURS["cannot_say"],
    Standing.OFF_NETWORK.value: ACCESS_PLACE_COLOURS["off_network"],
}
INK = PAGE_COLOURS["text"]
# what lies under the buildings, in the order of drawing
GROUND: tuple[tuple[Layer, dict[str, Any]], ...] = (
    (GREEN, {"fill": BASEMAP_COLOURS["green"]}),
    (WATER, {"fill": BASEMAP_COLOURS["water"]}),
    (WATERWAYS, {"stroke": BASEMAP_COLOURS["water"], "width": 3}),
    (ROADS, {"stroke": BASEMAP_COLOURS["street_edge"], "width": 1.4}),
)
OUTLINE: dict[str, Any] = {"stroke": WHITE, "width": 0.5}
OUTLINES = {
    Standing.CANNOT_SAY.value: {"stroke": PAGE_COLOURS["mark"], "width": 0.7, "dash": "3 2"}
}


@dataclass(frozen=True)
class _Frame:
    """From degrees to user units of the drawing, y downward."""

    west: float
    north: float
    per_lon: float
    per_lat: float
    scale: float

    @classmethod
    def of(cls, bbox: tuple[float, float, float, float]) -> tuple["_Frame", float, float]:
        """Return a frame for a box in degrees, and the width and height of the drawing."""
        west, south, east, north = bbox
        per_lon, per_lat = metres_per_degree((south + north) / 2)
        width, height = (east - west) * per_lon, (north - south) * per_lat
        scale = min(WIDTH / width, MAX_HEIGHT / height)
        frame = cls(west, north, float(per_lon), float(per_lat), float(scale))
        return frame, width * scale, height * scale

    def place(self, lon: float, lat: float) -> tuple[float, float]:
        return (
            (lon - self.west) * self.per_lon * self.scale,
            (self.north - lat) * self.per_lat * self.scale,
        )

    def path(self, geometry: shapely.Geometry) -> str:
        """Return the data of a path: lines, and outlines with their holes."""
        return "".join(
            "M"
            + "L".join(f"{x:.1f} {y:.1f}" for x, y in (self.place(*xy) for xy in line.coords))
            + ("Z" if line.is_ring else "")
            for line in _lines(geometry)
        )


def _lines(geometry: shapely.Geometry) -> Iterator[shapely.LineString]:
    for part in shapely.get_parts(geometry):
        if part.geom_type == "Polygon":
            yield from (part.exterior, *part.interiors)
        else:
            yield part


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
    frame, width, height = _Frame.of(bbox)
    svg = ElementTree.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {width:.0f} {height:.0f}",
            "role": "img",
            "aria-label": label,
        },
    )
    for layer, style in GROUND:
        for feature in feature_collection(session, layer, at, bbox=bbox)["features"]:
            _path(svg, frame.path(shape(feature["geometry"])), **style)
    collection = features_within(session, report.buildings, query.minutes, bbox)
    for feature in collection["features"]:
        key = feature["properties"]["class"]
        outline = frame.path(shape(feature["geometry"]))
        _path(svg, outline, fill=CLASS_COLOURS[key], **OUTLINES.get(key, OUTLINE))
    _path(svg, frame.path(land), stroke=INK, width=1.6)
    for feature in feature_collection(session, FACILITIES, at, bbox=bbox)["features"]:
        if feature["properties"]["category"] == query.category:
            _facility(svg, *frame.place(*feature["geometry"]["coordinates"]))
    for nth, site in enumerate(report.siting.sites if report.siting else (), 1):
        _site(svg, *frame.place(site.lon, site.lat), nth)
    _scale_bar(svg, frame.scale, height)
    return ReportMap(ElementTree.tostring(svg, encoding="unicode"), collection["truncated"])


def _path(
    svg: ElementTree.Element,
    data: str,
    *,
    fill: str = "none",
    stroke: str = "none",
    width: float = 0.0,
    dash: str = "",
) -> None:
    attributes = {
        "d": data,
        "fill": fill,
        "fill-rule": "evenodd",
        "stroke": stroke,
        "stroke-width": str(width),
        "stroke-linejoin": "round",
    }
    ElementTree.SubElement(svg, "path", attributes | ({"stroke-dasharray": dash} if dash else {}))


def _facility(svg: ElementTree.Element, x: float, y: float) -> None:
    """Draw an existing facility: a cross on white, which is also told without its colour."""
    ElementTree.SubElement(
        svg,
        "circle",
        {"cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": "7", "fill": WHITE, "stroke": INK},
    )
    _path(
        svg,
        f"M{x - 4:.1f} {y:.1f}H{x + 4:.1f}M{x:.1f} {y - 4:.1f}V{y + 4:.1f}",
        stroke=INK,
        width=2,
    )


def _site(svg: ElementTree.Element, x: float, y: float, number: int) -> None:
    """Draw a new place with its number."""
    place = {"cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": "11", "fill": PAGE_COLOURS["ink"]}
    ElementTree.SubElement(svg, "circle", place | {"stroke": WHITE, "stroke-width": "2"})
    words = {
        "x": f"{x:.1f}",
        "y": f"{y + 4.5:.1f}",
        "text-anchor": "middle",
        "font-size": "13",
        "font-weight": "700",
        "fill": WHITE,
    }
    ElementTree.SubElement(svg, "text", words).text = str(number)


def _scale_bar(svg: ElementTree.Element, scale: float, height: float) -> None:
    """Draw a bar of a round number of metres in the lower left corner, an eighth of the width."""
    metres = WIDTH / 8 / scale
    magnitude = 10 ** floor(log10(metres))
    metres = max(step * magnitude for step in (1, 2, 5) if step * magnitude <= metres)
    x, y = 12.0, height - 14
    _path(
        svg,
        f"M{x} {y - 5:.1f}V{y:.1f}H{x + metres * scale:.1f}V{y - 5:.1f}",
        stroke=INK,
        width=1.5,
    )
    words = {"x": f"{x + 4}", "y": f"{y - 5:.1f}", "font-size": "12", "fill": INK}
    ElementTree.SubElement(svg, "text", words).text = f"{metres:g} m"
