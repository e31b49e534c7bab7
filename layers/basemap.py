"""The quiet ground: land use, green, water, streets and railways from the imported data."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Select, case, select

from gis.basemap.models import BasemapFeature
from gis.palette import BASEMAP_COLOURS, TEXT_COLOURS, WHITE
from layers.layer import Label, Layer, Style, Title

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
    """The basemap features of some kinds, with `class` for their style."""
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
    title=Title("用地", "Land use"),
    kind="polygon",
    rows=features("landuse"),
    zooms=range(11, 20),
    by="class",
    styles={
        "": Style(fill=BASEMAP_COLOURS["residential"]),
        **{
            use: Style(fill=BASEMAP_COLOURS["public"])
            for use in ("commercial", "retail", "education", "school", "hospital")
        },
    },
    choice=False,
)
GREEN = Layer(
    name="green",
    title=Title("绿地", "Green"),
    kind="polygon",
    rows=features("green"),
    zooms=range(9, 20),
    styles={"": Style(fill=BASEMAP_COLOURS["green"])},
    labels=(
        Label(
            "name", from_zoom=15, size=((15, 11), (18, 13)), colour=TEXT_COLOURS["green"], rank=72
        ),
    ),
    choice=False,
)
WATER = Layer(
    name="water",
    title=Title("水面", "Water"),
    kind="polygon",
    rows=features("water"),
    zooms=range(8, 20),
    styles={"": Style(fill=BASEMAP_COLOURS["water"])},
    labels=WATER_NAME,
    choice=False,
)
WATERWAYS = Layer(
    name="waterways",
    title=Title("河流", "Waterways"),
    kind="line",
    rows=features("waterway"),
    zooms=range(10, 20),
    styles={"": Style(stroke=BASEMAP_COLOURS["water"], width=((11, 1), (15, 3), (18, 7)))},
    labels=WATER_NAME,
    choice=False,
)
RAILWAYS = Layer(
    name="railways",
    title=Title("铁路", "Railways"),
    kind="line",
    rows=features("rail"),
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
    choice=False,
)
ROADS = Layer(
    name="roads",
    title=Title("道路", "Streets"),
    kind="line",
    rows=features("street"),
    zooms=range(10, 20),
    by="class",
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
    choice=False,
)
PLACES = Layer(
    name="places",
    title=Title("地名", "Places"),
    kind="point",
    rows=features("place"),
    zooms=range(8, 20),
    styles={},
    labels=(
        Label(
            "name", from_zoom=10, size=((10, 12), (16, 13)), colour=TEXT_COLOURS["quiet"], rank=30
        ),
    ),
    choice=False,
)

BASEMAP = (LANDUSE, GREEN, WATER, WATERWAYS, RAILWAYS, ROADS, PLACES)  # painted in this order
