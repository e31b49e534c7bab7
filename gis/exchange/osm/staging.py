"""The temporary tables of an OSM load: create, repair, assign counties, drop."""

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Table,
    TableClause,
    column,
    delete,
    func,
    literal_column,
    select,
    table,
    text,
    update,
)
from sqlalchemy.orm import Session

from gis.areas.models import Area, Boundary
from gis.db import PRECISION_DEG
from gis.facilities.models import Facility
from gis.files.report import shorten
from gis.messages import Message
from gis.places.models import Building

Bbox = tuple[float, float, float, float]
STORED = {model.__tablename__: cast(Table, model.__table__) for model in (Building, Facility)}


STORED_COLUMNS = {  # of the rows that the reader makes, in its order
    "building": ("code", "name", "address", "kind", "floors", "geom", "source"),
    "facility": (
        "code",
        "category",
        "name",
        "address",
        "opening_hours",
        "contact",
        "capacity",
        "geom",
        "source",
    ),
    "basemap_feature": ("kind", "subkind", "name", "min_zoom", "geom", "source"),
}


# doors and gates become rows of `entrance` once it is known whose they are
STAGING_COLUMNS = STORED_COLUMNS | {"door": ("node", "rank", "kind", "hours", "geom")}


# determined from the point
FILLED = {
    "building": ("county", "estate"),
    "facility": ("county",),
}


MAX_LISTED_CODES = 20  # in a note


def staging_table(name: str) -> TableClause:
    """Return the temporary table of a stored one.

    Its columns are untyped, so shapes pass through as they are.
    """
    extra = ("id", *FILLED[name]) if name in FILLED else ("id",)
    return table(f"incoming_{name}", *map(column, (*extra, *STORED_COLUMNS[name])))


def create_staging(session: Session) -> None:
    """Make the temporary tables, empty."""
    for statement in (
        (
            "DROP TABLE IF EXISTS incoming_building, incoming_facility,"
            " incoming_basemap_feature, incoming_door"
        ),
        "CREATE TEMP TABLE incoming_building AS"
        " SELECT code, county, name, estate, address, kind, floors, geom, "
        "source FROM building WITH NO DATA",
        "CREATE TEMP TABLE incoming_facility AS"
        " SELECT code, county, category, name, address, opening_hours, contact, "
        "capacity, geom, source FROM facility WITH NO DATA",
        "CREATE TEMP TABLE incoming_basemap_feature AS"
        " SELECT kind, subkind, name, min_zoom, geom, source "
        "FROM basemap_feature WITH NO DATA",
        "ALTER TABLE incoming_basemap_feature ADD id bigint GENERATED ALWAYS AS IDENTITY",
        "CREATE TEMP TABLE incoming_door (node bigint, rank integer, kind text, hours text,"
        " geom geometry(Point, 4490))",
    ):
        session.execute(text(statement))


def drop_staging(session: Session) -> None:
    """Drop the temporary tables."""
    session.execute(
        text(
            "DROP TABLE incoming_building, incoming_facility, incoming_basemap_feature,"
            " incoming_door"
        )
    )


def any_rows(session: Session) -> bool:
    """Return whether anything incoming in."""
    return any(
        session.scalar(select(literal_column("1")).select_from(staging_table(name)).limit(1))
        for name in STORED_COLUMNS
    )


def extent(session: Session) -> Bbox | None:
    """Return (west, south, east, north) of all that incoming in, degrees.

    None when nothing had a place.
    """
    row = session.execute(
        text(
            "SELECT ST_XMin(box), ST_YMin(box), ST_XMax(box), ST_YMax(box)"
            " FROM (SELECT ST_Extent(geom) AS box FROM ("
            "SELECT geom FROM incoming_building UNION ALL SELECT geom FROM incoming_facility "
            "UNION ALL SELECT geom FROM incoming_basemap_feature) AS every) AS whole"
        )
    ).one()
    return None if row[0] is None else (row[0], row[1], row[2], row[3])


def duplicate_codes(session: Session) -> list[str]:
    """Return the codes of the first buildings and facilities that incoming in twice."""
    codes: list[str] = []
    for code in (staging_table(name).c.code for name in FILLED):
        codes += session.scalars(
            select(code).group_by(code).having(func.count() > 1).order_by(code).limit(5)
        )
    return codes


def set_counties(session: Session) -> int:
    """Set the county of buildings and facilities from the areas now in force.

    Return how many changed.

    For loads of areas that come after the map. A place that no area covers keeps what it has.
    """
    changed = 0
    for name in FILLED:
        stored = STORED[name]
        county = county_of(stored)
        changes = update(stored).where(
            county.is_not(None), stored.c.county.is_distinct_from(county)
        )
        changed += session.connection().execute(changes.values(county=county)).rowcount
    return changed


def county_of(rows: Any) -> ColumnElement[str]:
    """Return the county of the grid, else of the county, that covers a row's point.

    On a border the lower code applies.
    """
    point = func.ST_PointOnSurface(rows.c.geom)
    grid = func.grid_at(point, func.now()).table_valued("county")
    county = (
        select(Area.county)
        .join(Boundary, Boundary.area_id == Area.id)
        .where(
            Area.level == "county",
            Boundary.valid_time.op("@>")(func.now()),
            func.ST_Covers(Boundary.geom, point),
        )
        .order_by(Area.code)
        .limit(1)
        .correlate(rows)
        .scalar_subquery()
    )
    return func.coalesce(select(grid.c.county).correlate(rows).scalar_subquery(), county)


def repair_shapes(session: Session, name: str) -> list[Message]:
    """Make invalid outlines valid, on the stored precision; drop what has no area then."""
    incoming = staging_table(name)
    label = (
        incoming.c.code if name in FILLED else func.concat(incoming.c.kind, " ", incoming.c.name)
    )
    valid = func.ST_ReducePrecision(func.ST_MakeValid(incoming.c.geom), PRECISION_DEG)
    repaired = session.scalars(
        update(incoming)
        .where(func.ST_Dimension(incoming.c.geom) == 2, ~func.ST_IsValid(incoming.c.geom))
        .values(geom=func.ST_Multi(func.ST_CollectionExtract(valid, 3)))
        .returning(label)
    ).all()
    empty = session.scalars(
        delete(incoming).where(func.ST_IsEmpty(incoming.c.geom)).returning(label)
    ).all()
    notes = []
    if len(repaired) > len(empty):
        codes = shorten(sorted(set(repaired) - set(empty)), MAX_LISTED_CODES)
        params = {"count": len(repaired) - len(empty), "table": name, "codes": codes}
        notes.append(Message("osm.outlines_repaired", params))
    if empty:
        codes = shorten(sorted(set(empty)), MAX_LISTED_CODES)
        notes.append(
            Message("osm.outlines_empty", {"count": len(empty), "table": name, "codes": codes})
        )
    return notes


def drop_twins(session: Session, outlines_of: Mapping[int, int]) -> list[Message]:
    """Drop ways whose relation has come in as well: one building mapped twice."""
    twins = {
        "ways": [f"w{way}" for way in outlines_of],
        "relations": [f"r{n}" for n in outlines_of.values()],
    }
    dropped = 0
    for statement in (
        "DELETE FROM incoming_building AS b"
        " USING unnest(CAST(:ways AS text[]), CAST(:relations AS text[])) AS "
        "twin (way, relation), incoming_building AS other WHERE b.code = way"
        " AND other.code = relation",
        "DELETE FROM incoming_facility AS f"
        " USING unnest(CAST(:ways AS text[]), CAST(:relations AS text[])) AS "
        "twin (way, relation), incoming_facility AS other "
        "WHERE f.code = way AND other.code = relation AND f.category = other.category",
    ):
        dropped += session.connection().execute(text(statement), twins).rowcount
    return [Message("osm.twins_skipped", {"count": dropped})] if dropped else []
