"""Facilities by category, and the service circles around them."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select

from gis.facilities.categories import CATEGORIES
from gis.facilities.models import Facility, ServiceCircle
from gis.messages import Message
from gis.palette import CIRCLE, TEXT_COLOURS, WHITE, text_colour_on
from layers import icons
from layers.layer import Label, Layer, Style, Title

MAX_TILE_CIRCLES = 100  # more lie over each other and say nothing
SHOWN_CIRCLE = (15, "adult")  # minutes and profile of the circles drawn all at once


def facilities(_: datetime) -> Select[*tuple[Any, ...]]:
    """Select the facilities; tiles and GeoJSON draw a polygon as a point on its surface."""
    return select(Facility.code, Facility.name, Facility.category, Facility.geom.label("geom"))


def circles(_: datetime) -> Select[*tuple[Any, ...]]:
    """Select the 15-minute service circle of every facility on the network."""
    minutes, profile = SHOWN_CIRCLE
    return (
        select(
            Facility.code,
            Facility.name,
            Facility.category,
            ServiceCircle.minutes,
            ServiceCircle.households,
            ServiceCircle.people,
            ServiceCircle.geom.label("geom"),
        )
        .join_from(ServiceCircle, Facility, Facility.id == ServiceCircle.facility_id)
        .where(
            ServiceCircle.minutes == minutes,
            ServiceCircle.profile == profile,
            ~func.ST_IsEmpty(ServiceCircle.geom),
        )
    )


FACILITIES = Layer(
    name="facilities",
    title=Message("layer.title.facilities"),
    hint=Message("layer.hint.facilities"),
    geometry_type="point",
    query=facilities,
    zooms=range(12, 20),
    style_property="category",
    styles={
        c.key: Style(
            fill=c.colour,
            stroke=WHITE,
            width=((13, 0.8), (17, 1.5)),
            radius=((13, 2.2), (15, 4), (16, 9), (18, 11)),
            glyph=text_colour_on(c.colour),
            title=Title(c.zh, c.en),
            from_zoom=c.from_zoom,
        )
        for c in sorted(CATEGORIES, key=lambda c: c.rank)
    },
    labels=(
        Label(
            "name", from_zoom=17, size=((17, 11), (19, 12.5)), colour=TEXT_COLOURS["text"], rank=45
        ),
    ),
    icons=icons.paths(),
)

CIRCLES = Layer(
    name="circles",
    title=Message("layer.title.circles"),
    geometry_type="polygon",
    query=circles,
    zooms=range(13, 20),
    style_property="category",
    styles={
        "": Style(
            fill=CIRCLE, fill_opacity=0.05, stroke=CIRCLE, opacity=0.5, width=((12, 0.6), (18, 1.2))
        )
    },
    visible_by_default=False,
    user_selectable=False,
    max_tile_features=MAX_TILE_CIRCLES,
)
