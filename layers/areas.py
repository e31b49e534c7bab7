"""Communities, grids, ten-household units and buildings."""

from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Select, select

from gis.areas.models import Area, Boundary, Level
from gis.messages import Message
from gis.palette import AREA_OUTLINE_COLOURS, BASEMAP_COLOURS, TEXT_COLOURS, WHITE
from gis.places.models import Building
from layers.layer import Label, Layer, Style


def areas(level: Level, at: datetime) -> Select[*tuple[Any, ...]]:
    """Select the areas of a level with their boundaries at a moment."""
    return (
        select(Area.code, Area.name_at(at), Boundary.geom.label("geom"))
        .join_from(Area, Boundary, Boundary.area_id == Area.id)
        .where(Area.level == level, Boundary.in_force(at))
    )


def buildings(at: datetime) -> Select[*tuple[Any, ...]]:
    """Select the building footprints, which are the same at every moment."""
    return select(
        Building.code,
        Building.name,
        Building.estate,
        Building.floors,
        Building.kind,
        Building.geom.label("geom"),
    )


BUILDINGS = Layer(
    name="buildings",
    title=Message("layer.title.buildings"),
    geometry_type="polygon",
    query=buildings,
    zooms=range(14, 20),
    styles={
        "": Style(
            fill=BASEMAP_COLOURS["building"],
            stroke=BASEMAP_COLOURS["building_edge"],
            width=((15, 0.4), (18, 1)),
        )
    },
    labels=(
        Label(
            "name", from_zoom=17, size=((17, 10.5), (19, 13)), colour=TEXT_COLOURS["quiet"], rank=60
        ),
    ),
)

# Only ever drawn when chosen: the outlines of communities say as much.
COUNTIES, STREETS = (
    Layer(
        name=name,
        title=title,
        geometry_type="polygon",
        query=partial(areas, level),
        zooms=range(20),
        styles={"": Style(stroke=AREA_OUTLINE_COLOURS["community"], width=((6, 1), (18, 4)))},
        user_selectable=False,
        visible_by_default=False,
    )
    for name, title, level in (
        ("counties", Message("layer.title.counties"), Level.COUNTY),
        ("streets", Message("layer.title.streets"), Level.STREET),
    )
)

COMMUNITIES = Layer(
    name="communities",
    title=Message("layer.title.communities"),
    geometry_type="polygon",
    query=partial(areas, Level.COMMUNITY),
    zooms=range(9, 20),
    styles={
        "": Style(
            stroke=AREA_OUTLINE_COLOURS["community"],
            width=((10, 1), (14, 2.2), (18, 3.5)),
            casing=WHITE,
            casing_width=((10, 2), (14, 5), (18, 8)),
        )
    },
    labels=(
        Label(
            "name",
            from_zoom=11,
            size=((11, 12), (15, 17)),
            colour=AREA_OUTLINE_COLOURS["community"],
            rank=10,
            weight=700,
        ),
    ),
)

GRIDS = Layer(
    name="grids",
    title=Message("layer.title.grids"),
    geometry_type="polygon",
    query=partial(areas, Level.GRID),
    zooms=range(11, 20),
    styles={
        "": Style(stroke=AREA_OUTLINE_COLOURS["grid"], width=((12, 0.6), (15, 1.3), (18, 2.2)))
    },
    labels=(
        Label(
            "name",
            from_zoom=14,
            size=((14, 11), (17, 14)),
            colour=AREA_OUTLINE_COLOURS["grid"],
            rank=20,
            weight=600,
        ),
    ),
)

UNITS = Layer(
    name="units",
    title=Message("layer.title.units"),
    hint=Message("layer.hint.units"),
    geometry_type="polygon",
    query=partial(areas, Level.UNIT),
    zooms=range(16, 20),
    styles={
        "": Style(stroke=AREA_OUTLINE_COLOURS["unit"], width=((16, 1), (19, 2)), dash=(3, 2.5))
    },
    labels=(
        Label(
            "name",
            from_zoom=18,
            size=((18, 10.5), (19, 12)),
            colour=AREA_OUTLINE_COLOURS["unit"],
            rank=50,
        ),
    ),
)
