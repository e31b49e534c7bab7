"""Drawing maps as SVG for paper: a frame from degrees to user units, ground, paths, a scale bar."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from math import floor, log10
from typing import Any
from xml.etree import ElementTree

import shapely
from shapely.geometry import shape
from sqlalchemy.orm import Session

from gis.palette import BASEMAP_COLOURS, PAGE_COLOURS
from gis.shapes.local_distance import metres_per_degree
from layers.basemap import GREENERY, ROADS, WATER, WATERWAYS
from layers.features import feature_collection
from layers.layer import Layer

INK = PAGE_COLOURS["text"]
# what lies under the buildings, in the order of drawing
GROUND: tuple[tuple[Layer, dict[str, Any]], ...] = (
    (GREENERY, {"fill": BASEMAP_COLOURS["green"]}),
    (WATER, {"fill": BASEMAP_COLOURS["water"]}),
    (WATERWAYS, {"stroke": BASEMAP_COLOURS["water"], "width": 3}),
    (ROADS, {"stroke": BASEMAP_COLOURS["street_edge"], "width": 1.4}),
)


@dataclass(frozen=True)
class Frame:
    """From degrees to user units of a drawing, y downward.

    scale: User units per metre.
    """

    west: float
    north: float
    per_lon: float
    per_lat: float
    scale: float

    @classmethod
    def fit(
        cls, bbox: tuple[float, float, float, float], width: float, max_height: float
    ) -> tuple["Frame", float, float]:
        """Return a frame in which a box in degrees fits, with the size of the drawing."""
        west, south, east, north = bbox
        per_lon, per_lat = metres_per_degree((south + north) / 2)
        width_m, height_m = (east - west) * per_lon, (north - south) * per_lat
        scale = min(width / width_m, max_height / height_m)
        frame = cls(west, north, float(per_lon), float(per_lat), float(scale))
        return frame, width_m * scale, height_m * scale

    @classmethod
    def centred(
        cls, bbox: tuple[float, float, float, float], scale: float, width: float, height: float
    ) -> tuple["Frame", tuple[float, float, float, float]]:
        """Return a frame of a scale about the middle of a box in degrees, with the box it shows."""
        west, south, east, north = bbox
        per_lon, per_lat = map(float, metres_per_degree((south + north) / 2))
        lon, lat = (west + east) / 2, (south + north) / 2
        half_lon, half_lat = width / scale / per_lon / 2, height / scale / per_lat / 2
        visible = (lon - half_lon, lat - half_lat, lon + half_lon, lat + half_lat)
        return cls(visible[0], visible[3], per_lon, per_lat, scale), visible

    def place(self, lon: float, lat: float) -> tuple[float, float]:
        """Return a position in user units."""
        return (
            (lon - self.west) * self.per_lon * self.scale,
            (self.north - lat) * self.per_lat * self.scale,
        )

    def path(self, geometry: shapely.Geometry, decimals: int = 1) -> str:
        """Return the data of a path: lines, and outlines with their holes."""
        return "".join(
            "M"
            + "L".join(
                f"{x:.{decimals}f} {y:.{decimals}f}"
                for x, y in (self.place(*xy) for xy in line.coords)
            )
            + ("Z" if line.is_ring else "")
            for line in _lines(geometry)
        )


def _lines(geometry: shapely.Geometry) -> Iterator[shapely.LineString]:
    for part in shapely.get_parts(geometry):
        if part.geom_type == "Polygon":
            yield from (part.exterior, *part.interiors)
        else:
            yield part


def drawing(width: float, height: float, label: str) -> ElementTree.Element:
    """Return an empty drawing; `label` is what it says to who cannot see it."""
    return ElementTree.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {width:.0f} {height:.0f}",
            "role": "img",
            "aria-label": label,
        },
    )


def draw_ground(
    svg: ElementTree.Element,
    session: Session,
    frame: Frame,
    bbox: tuple[float, float, float, float],
    at: datetime,
    unit: float = 1.0,
) -> None:
    """Draw green, water and streets of a box in degrees; `unit` is the width of a thin line."""
    for layer, style in GROUND:
        widths = {"width": style["width"] * unit} if "width" in style else {}
        for feature in feature_collection(session, layer, at, bbox=bbox)["features"]:
            draw_path(svg, frame.path(shape(feature["geometry"]), 2), **style | widths)


def draw_path(
    svg: ElementTree.Element,
    data: str,
    *,
    fill: str = "none",
    stroke: str = "none",
    width: float = 0.0,
    dash: str = "",
) -> None:
    """Draw the data of a path."""
    attributes = {
        "d": data,
        "fill": fill,
        "fill-rule": "evenodd",
        "stroke": stroke,
        "stroke-width": str(width),
        "stroke-linejoin": "round",
    }
    ElementTree.SubElement(svg, "path", attributes | ({"stroke-dasharray": dash} if dash else {}))


def draw_scale_bar(
    svg: ElementTree.Element, scale: float, width: float, height: float, unit: float = 1.0
) -> None:
    """Draw a bar of a round number of metres in the lower left corner, an eighth of the width."""
    metres = width / 8 / scale
    magnitude = 10 ** floor(log10(metres))
    metres = max(step * magnitude for step in (1, 2, 5) if step * magnitude <= metres)
    x, y = 12.0 * unit, height - 14 * unit
    draw_path(
        svg,
        f"M{x} {y - 5 * unit:.1f}V{y:.1f}H{x + metres * scale:.1f}V{y - 5 * unit:.1f}",
        stroke=INK,
        width=1.5 * unit,
    )
    text_attributes = {
        "x": f"{x + 4 * unit}",
        "y": f"{y - 5 * unit:.1f}",
        "font-size": f"{12 * unit}",
    }
    ElementTree.SubElement(svg, "text", text_attributes | {"fill": INK}).text = f"{metres:g} m"
