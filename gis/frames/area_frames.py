"""Frames of areas of any level and moment."""

from datetime import UTC, datetime

from geopandas import GeoDataFrame
from sqlalchemy import DateTime, and_, cast, func, select, true
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION, array
from sqlalchemy.orm import Session, aliased

from gis.areas.identity import under_code
from gis.areas.models import LEVELS_OVER_COUNTY, Area, Boundary, DatedParent, Level
from gis.frames.read import Query, read_frame, wkb


def area_query(level: Level, at: datetime, within: str = "") -> Query:
    """Return the query of `areas`, ordered by code."""
    over_county = level in LEVELS_OVER_COUNTY
    land = func.land_of(array([Area.id]), at, type_=Boundary.geom.type) if over_county else None
    geom = Boundary.geom if land is None else land
    parent = aliased(Area)
    valid_from = func.lower(Boundary.valid_time, type_=DateTime(timezone=True))
    return (
        select(
            Area.code,
            Area.name_at(at),
            Area.level,
            parent.code.label("parent"),
            Area.county,
            Boundary.revision_id.label("revision"),
            valid_from.label("since"),
            cast(func.round(func.ST_Area(func.geography(geom))), DOUBLE_PRECISION).label("area_m2"),
            wkb(geom),
        )
        .join(
            Boundary,
            and_(Boundary.area_id == Area.id, Boundary.in_force(at)),
            isouter=over_county,
        )
        .outerjoin(DatedParent, and_(DatedParent.area_id == Area.id, DatedParent.in_force(at)))
        .outerjoin(parent, parent.id == func.coalesce(DatedParent.parent_id, Area.parent_id))
        .where(
            Area.level == level.value,
            Area.in_use(at) if over_county else true(),
            under_code(within),
        )
        .order_by(Area.code)
    )


def areas(
    session: Session, level: Level, at: datetime | None = None, within: str = ""
) -> GeoDataFrame:
    """Return the areas of a level at a moment.

    Parameters
    ----------
    level
        One of LEVELS; provinces and cities have the land of their counties.
    at
        Moment whose boundaries and hierarchy apply, with time zone; None means now.
    within
        Only areas whose code begins so, as the code of a county, street or community.

    Returns
    -------
    GeoDataFrame
        Index `code`. Columns `name`, `level`, `parent` (code or None), `county` (code),
        `revision` (number of the one that drew it), `since` (UTC), `area_m2` (geodesic), `geometry`
        (MultiPolygon).
    """
    return read_frame(session, area_query(level, at or datetime.now(UTC), within), "code")


def grids(session: Session, at: datetime | None = None, within: str = "") -> GeoDataFrame:
    """Return the grids at a moment; parameters and columns as of `areas`."""
    return areas(session, Level.GRID, at, within)


def communities(session: Session, at: datetime | None = None, within: str = "") -> GeoDataFrame:
    """Return the communities at a moment; parameters and columns as of `areas`."""
    return areas(session, Level.COMMUNITY, at, within)


def units(session: Session, at: datetime | None = None, within: str = "") -> GeoDataFrame:
    """Return the ten-household units at a moment; parameters and columns as of `areas`."""
    return areas(session, Level.UNIT, at, within)
