"""The quiet ground: land use, green, water, streets and railways from the imported data."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Select, case, select

from gis.basemap.models import BasemapFeature
from gis.messages import Message
from gis.palette import BASEMAP_COLOURS, TEXT_COLOURS, WHITE
from layers.layer import Label, Layer, Style

Rows = Callable[[datetime], Select[*tuple[Any, ...]]]

# OSM highway value -> how prominent the street is
MAIN = (
    "motorway",
    "motorway_link",
    "trunk",
    "trunk_link",
    "primary",
    "primary_link",
    "secondary",
    "secondary_link",
)
PATHS = (
    "footway",
    "path",
    "steps",
    "cycleway",
    "track",
    "bridleway",
    "corridor",
    "pedestrian_area",
)


def features(*kinds: str) -> Rows:
    """Return the select of basemap features of some kinds, with `class` for their style."""
    column = BasemapFeature
    grade = case(
        (column.kind != "street", column.subkind),
        (column.subkind.in_(MAIN), "main"),
        (column.subkind.in_(PATHS), "path"),
        (column.subkind.in_(("service", "living_street")), "lane"),
        else_="street",
    )

    def rows(_: datetime) -> Select[*tuple[Any, ...]]:
        return select(
            column.name,
            column.kind,
            grade.label("class"),
            column.min_zoom,
            column.geom.label("geom"),
        ).where(column.kind.in_(kinds))

    return rows


WATER_NAME = (
    Label("name", from_zoom=13, size=((13, 11), (17, 13)), colour=TEXT_COLOURS["water"], rank=70),
)

LANDUSE = Layer(
    name="landuse",
    title=Message("layer.title.landuse"),
    geometry_type="polygon",
    query=features("landuse"),
    zooms=range(11, 20),
    style_property="class",
    styles={
        "": Style(fill=BASEMAP_COLOURS["residential"]),
        **{
            use: Style(fill=BASEMAP_COLOURS["public"])
            for use in ("commercial", "retail", "education", "school", "hospital")
        },
    },
    user_selectable=False,
)
GREENERY = Layer(
    name="green",
    title=Message("layer.title.green"),
    geometry_type="polygon",
    query=features("green"),
    zooms=range(9, 20),
    styles={"": Style(fill=BASEMAP_COLOURS["green"])},
    labels=(
        Label(
            "name", from_zoom=15, size=((15, 11), (18, 13)), colour=TEXT_COLOURS["green"], rank=72
        ),
    ),
    user_selectable=False,
)
WATER = Layer(
    name="water",
    title=Message("layer.title.water"),
    geometry_type="polygon",
    query=features("water"),
    zooms=range(8, 20),
    styles={"": Style(fill=BASEMAP_COLOURS["water"])},
    labels=WATER_NAME,
    user_selectable=False,
)
WATERWAYS = Layer(
    name="waterways",
    title=Message("layer.title.waterways"),
    geometry_type="line",
    query=features("waterway"),
    zooms=range(10, 20),
    styles={"": Style(stroke=BASEMAP_COLOURS["water"], width=((11, 1), (15, 3), (18, 7)))},
    labels=WATER_NAME,
    user_selectable=False,
)
RAILWAYS = Layer(
    name="railways",
    title=Message("layer.title.railways"),
    geometry_type="line",
    query=features("rail"),
    zooms=range(10, 20),
    styles={
        "": Style(
            stroke=WHITE,
            width=((12, 0.8), (18, 2)),
            dash=(6, 6),
            casing=BASEMAP_COLOURS["rail"],
            casing_width=((12, 1.6), (18, 3.6)),
        )
    },
    user_selectable=False,
)
ROADS = Layer(
    name="roads",
    title=Message("layer.title.roads"),
    geometry_type="line",
    query=features("street"),
    zooms=range(10, 20),
    style_property="class",
    styles={  # painted in this order
        "path": Style(stroke=BASEMAP_COLOURS["path"], width=((15, 0.6), (18, 1.6)), dash=(3, 2)),
        "lane": Style(
            stroke=BASEMAP_COLOURS["street"],
            width=((14, 0.8), (16, 3), (18, 7)),
            casing=BASEMAP_COLOURS["street_edge"],
            casing_width=((14, 1.4), (16, 4.2), (18, 9)),
        ),
        "": Style(
            stroke=BASEMAP_COLOURS["street"],
            width=((12, 0.8), (14, 2.5), (16, 6), (18, 15)),
            casing=BASEMAP_COLOURS["street_edge"],
            casing_width=((12, 1.4), (14, 3.8), (16, 7.6), (18, 17)),
        ),
        "main": Style(
            stroke=BASEMAP_COLOURS["main_street"],
            width=((10, 1), (13, 3), (16, 10), (18, 24)),
            casing=BASEMAP_COLOURS["main_edge"],
            casing_width=((10, 1.6), (13, 4.2), (16, 12), (18, 26)),
        ),
    },
    labels=(
        Label(
            "name",
            from_zoom=14,
            size=((14, 10.5), (18, 13)),
            colour=TEXT_COLOURS["street"],
            rank=40,
        ),
    ),
    user_selectable=False,
)
PLACES = Layer(
    name="places",
    title=Message("layer.title.places"),
    geometry_type="point",
    query=features("place"),
    zooms=range(8, 20),
    styles={},
    labels=(
        Label(
            "name", from_zoom=10, size=((10, 12), (16, 13)), colour=TEXT_COLOURS["quiet"], rank=30
        ),
    ),
    user_selectable=False,
)

BASEMAP = (LANDUSE, GREENERY, WATER, WATERWAYS, RAILWAYS, ROADS, PLACES)  # painted in this order
