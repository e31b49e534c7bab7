"""Frames of buildings, and of the households behind their doors."""

from typing import Any

from geopandas import GeoDataFrame
from sqlalchemy import ColumnElement, Integer, func, select
from sqlalchemy.orm import Session

from gis.frames.read import Query, read_frame, wkb
from gis.places.models import Building, Household, Stairwell

STAIRWELLS_OF_BUILDING_SQL = func.nullif(
    select(func.count())
    .select_from(Stairwell)
    .where(Stairwell.building_id == Building.id)
    .scalar_subquery(),
    0,
    type_=Integer,
)
"""How many stairwells a building has; NULL for none."""


def building_query() -> Query:
    """Return the query of `buildings`, ordered by code."""
    return select(
        Building.code,
        Building.county,
        Building.name,
        Building.estate,
        Building.address,
        Building.kind,
        Building.floors,
        STAIRWELLS_OF_BUILDING_SQL.label("stairwells"),
        Building.homes,
        Building.outline,
        Building.source,
        wkb(Building.geom),
    ).order_by(Building.code)


def buildings(session: Session) -> GeoDataFrame:
    """Return the buildings by their footprints.

    Returns
    -------
    GeoDataFrame
        Index `code`. Columns `county` (code or None), `name`, `estate` (name of the compound),
        `address`, `kind` (as OSM's building=*), `floors` (storeys above ground), `stairwells` (how
        many), `homes` (as a register counts them; these three missing where unknown), `outline`
        (drawn, or assumed: a square around a point), `source` (the load), `geometry`
        (MultiPolygon).
    """
    counts = dict.fromkeys(("floors", "stairwells", "homes"), "Int32")
    return read_frame(session, building_query(), "code").astype(counts)


def building_point() -> ColumnElement[Any]:
    """Return the entrance of a building, else a point in its footprint."""
    return func.coalesce(Building.entrance, func.ST_PointOnSurface(Building.geom))


def households(session: Session) -> GeoDataFrame:
    """Return the number of households and people behind each entrance; no rooms and no names.

    Returns
    -------
    GeoDataFrame
        One row for each stairwell of a building, or for the whole building where it has none; index
        `building` (code) and `stairwell` (name, empty where there is none). Columns `county`,
        `households`, `people`, `units` (of the ten-household units that these belong to),
        `geometry` (Point: the entrance, else a point in the footprint).
    """
    stairwell = func.coalesce(Stairwell.name, "")
    query = (
        select(
            Building.code.label("building"),
            stairwell.label("stairwell"),
            Household.county,
            func.count().label("households"),
            func.sum(Household.people).label("people"),
            func.count(Household.unit_id.distinct()).label("units"),
            wkb(building_point()),
        )
        .join_from(Household, Building)
        .outerjoin(Stairwell, Stairwell.id == Household.stairwell_id)
        .group_by(Building.id, stairwell, Household.county)
        .order_by(Building.code, stairwell)
    )
    return read_frame(session, query, ["building", "stairwell"])
