"""The collections of OGC API – Features: areas, buildings, facilities and circles by code."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, Subquery, Text, cast, func, or_, select, text
from sqlalchemy.orm import Session

from gis.areas.models import Area, Boundary, Level
from gis.db import STORAGE_SRID
from layers.areas import BUILDINGS, COMMUNITIES, COUNTIES, GRIDS, STREETS, UNITS
from layers.facilities import CIRCLES, FACILITIES
from layers.features import COORDINATE_DECIMALS
from layers.layer import Layer

Box = tuple[float, float, float, float]  # west, south, east, north; west > east: over 180 degrees


@dataclass(frozen=True)
class Period:
    """A closed period; None is open, and an instant has two equal ends."""

    start: datetime | None
    end: datetime | None


@dataclass(frozen=True)
class Collection:
    """A layer as a collection of features.

    Attributes
    ----------
    layer
        Whose name, title and present features it has.
    level
        Of dated areas; None: its features are the same at every moment.
    """

    layer: Layer
    level: Level | None = None

    @property
    def name(self) -> str:
        """Its id in addresses."""
        return self.layer.name

    def select(self, period: Period, now: datetime) -> Select[*tuple[Any, ...]]:
        """Select its features that hold at some moment of a period: properties and `geom`."""
        if self.level is None:
            return self.layer.query(now)
        return areas_during(self.level, period, now)


COLLECTIONS: Mapping[str, Collection] = {
    collection.name: collection
    for collection in (
        Collection(COUNTIES, Level.COUNTY),
        Collection(STREETS, Level.STREET),
        Collection(COMMUNITIES, Level.COMMUNITY),
        Collection(GRIDS, Level.GRID),
        Collection(UNITS, Level.UNIT),
        Collection(BUILDINGS),
        Collection(FACILITIES),
        Collection(CIRCLES),
    )
}


def areas_during(level: Level, period: Period, now: datetime) -> Select[*tuple[Any, ...]]:
    """Select the areas of a level in a period, each with the newest boundary that it had in it."""
    during = Boundary.valid_time.op("&&")(
        text(
            "tstzrange(CAST(:period_start AS timestamptz), CAST(:period_end AS timestamptz), '[]')"
        ).bindparams(period_start=period.start, period_end=period.end)
    )
    return (
        select(
            Area.code,
            Area.name_at(period.end or now),
            func.lower(Boundary.valid_time).label("valid_from"),
            func.upper(Boundary.valid_time).label("valid_to"),
            Boundary.geom.label("geom"),
        )
        .join_from(Area, Boundary, Boundary.area_id == Area.id)
        .where(Area.level == level, during)
    )


@dataclass(frozen=True)
class ItemFilter:
    """Which features of a collection."""

    period: Period
    bbox: Box | None = None
    equal: Mapping[str, str] | None = None


def queryables(collection: Collection, now: datetime) -> dict[str, str]:
    """Return the properties that features can be chosen by, with their JSON types."""
    rows = collection.select(Period(now, now), now).subquery()
    return {
        str(column.name): "integer" if isinstance(column.type, Integer) else "string"
        for column in rows.c
        if column.name not in ("geom", "valid_from", "valid_to")
    }


def read_items(
    session: Session,
    collection: Collection,
    chosen: ItemFilter,
    now: datetime,
    *,
    limit: int,
    offset: int,
    latitude_first: bool,
) -> list[Mapping[str, Any]]:
    """Return a page of the features that match, in the order of their codes.

    Parameters
    ----------
    latitude_first
        Whether `geometry`, GeoJSON text, has latitude before longitude (EPSG:4490 by its axes).
    """
    rows, conditions = _matching(collection, chosen, now)
    shape = func.ST_ForcePolygonCCW(rows.c.geom)
    if latitude_first:
        shape = func.ST_FlipCoordinates(shape)
    page = (
        select(
            func.ST_AsGeoJSON(shape, COORDINATE_DECIMALS, 0).label("geometry"),
            *(column for column in rows.c if column.name != "geom"),
        )
        .where(*conditions)
        .order_by(rows.c.code)
        .limit(limit)
        .offset(offset)
    )
    return [*session.execute(page).mappings()]


def count_items(session: Session, collection: Collection, chosen: ItemFilter, now: datetime) -> int:
    """Return how many features match."""
    rows, conditions = _matching(collection, chosen, now)
    return session.scalar(select(func.count()).select_from(rows).where(*conditions)) or 0


def _matching(
    collection: Collection, chosen: ItemFilter, now: datetime
) -> tuple[Subquery, list[ColumnElement[bool]]]:
    """Return the features of a period, and what must hold of those that match."""
    query = collection.select(chosen.period, now)
    if collection.level is not None and chosen.period.start != chosen.period.end:
        query = query.distinct(Area.code).order_by(
            Area.code, func.lower(Boundary.valid_time).desc()
        )
    rows = query.subquery()
    equal = (chosen.equal or {}).items()
    conditions = [cast(rows.c[name], Text) == value for name, value in equal]
    return rows, [*_in_box(rows, chosen.bbox), *conditions]


def _in_box(rows: Subquery, bbox: Box | None) -> Sequence[ColumnElement[bool]]:
    if bbox is None:
        return ()
    west, south, east, north = bbox
    parts = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
    boxes = [
        # of no height or width a line or a point, where ST_MakeEnvelope is an invalid polygon
        func.ST_SetSRID(
            func.ST_Envelope(
                func.ST_MakeLine(func.ST_MakePoint(left, south), func.ST_MakePoint(right, north))
            ),
            STORAGE_SRID,
        )
        for left, right in parts
    ]
    return (or_(*(func.ST_Intersects(rows.c.geom, box) for box in boxes)),)


def read_extent(
    session: Session, collection: Collection, now: datetime
) -> tuple[Box | None, datetime | None]:
    """Return the box of a collection's present features, and since when it has features.

    None where there are none, or where its features are not dated.
    """
    rows = collection.select(Period(now, now), now).subquery()
    extent = func.ST_Extent(rows.c.geom)
    edges = (func.ST_XMin, func.ST_YMin, func.ST_XMax, func.ST_YMax)
    west, south, east, north = session.execute(select(*(edge(extent) for edge in edges))).one()
    since = None
    if collection.level is not None:
        since = session.scalar(
            select(func.min(func.lower(Boundary.valid_time)))
            .join_from(Area, Boundary, Boundary.area_id == Area.id)
            .where(Area.level == collection.level)
        )
    return (None if west is None else (west, south, east, north)), since
