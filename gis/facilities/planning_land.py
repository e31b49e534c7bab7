"""The land that a planning question is about: an area, a rectangle, or where one may plan."""

from collections.abc import Collection
from datetime import datetime

import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas.identity import find_area_id
from gis.errors import Forbidden, InvalidInput, NotFound
from gis.people.area_chains import area_chain
from gis.rights.actions import PLANNING
from gis.rights.principal import Principal

MAX_STATED_CHARS = 500  # of a reason, name, address or note that a planner states
# Begins a query on what lies where a principal plans; with the parameters of `planning_params`.
PLANNED_AREAS_CTE = """
WITH RECURSIVE mine AS (
  SELECT id FROM area WHERE id = ANY(:areas)
  UNION
  SELECT a.id FROM area a JOIN mine m ON a.parent_id = m.id
)
"""
LANDS_SQL = """
SELECT ST_AsBinary(b.geom)
FROM boundary b
WHERE b.valid_time @> CAST(:at AS timestamptz) AND b.area_id = ANY(in_counties(
  CAST(:ids AS bigint[]) || ARRAY(SELECT id FROM area WHERE code = :code)))
"""


def land_of_area(session: Session, code: str, at: datetime) -> shapely.Geometry:
    """Return the land of an area, degrees, EPSG:4490.

    Raises
    ------
    NotFound
        No area has the code.
    InvalidInput
        It has no land of its own at that moment, as a unit or a retired area.
    """
    if find_area_id(session, code) is None:
        raise NotFound("facility.area_unknown", code=code)
    land = _lands(session, at, code=code)
    if land is None:
        raise InvalidInput("siting.area_without_land", code=code)
    return land


def planned_land(
    session: Session, principal: Principal, code: str | None, at: datetime
) -> shapely.Geometry | None:
    """Return the land that a principal may plan for: an area, or all where they may.

    Parameters
    ----------
    code
        Code of an area; None means wherever the principal may draft or publish boundaries.

    Returns
    -------
    Geometry in degrees, EPSG:4490; None means everywhere.

    Raises
    ------
    Forbidden
        The principal may neither draft nor publish boundaries in the whole of the area.
    NotFound, InvalidInput
        As `land_of_area`.
    """
    principal.require_any(PLANNING)
    areas = principal.areas_of(PLANNING)
    if areas is None:
        return None if code is None else land_of_area(session, code, at)
    ids = sorted(areas)
    if code is None:
        return _lands(session, at, ids=ids) or shapely.MultiPolygon()
    codes = session.scalars(text("SELECT code FROM area WHERE id = ANY(:ids)"), {"ids": ids})
    if not code.startswith(tuple(codes)):
        raise Forbidden("siting.not_allowed", code=code)
    return land_of_area(session, code, at)


def planning_params(principal: Principal) -> dict[str, object]:
    """Return the parameters of `PLANNED_AREAS_CTE`, and whether the principal plans everywhere."""
    areas = principal.areas_of(PLANNING)
    return {"everywhere": areas is None, "areas": sorted(areas or ())}


def require_planner_of(
    session: Session, principal: Principal, grid: int | None, at: datetime
) -> None:
    """Raise Forbidden unless the principal plans in a grid; outside every grid, everywhere."""
    principal.require_any(PLANNING, [] if grid is None else area_chain(session, grid, None, at))


def _lands(
    session: Session, at: datetime, *, code: str = "", ids: Collection[int] = ()
) -> shapely.Geometry | None:
    rows = session.scalars(text(LANDS_SQL), {"at": at, "code": code, "ids": list(ids)}).all()
    if not rows:
        return None
    return shapely.union_all(shapely.from_wkb([bytes(wkb) for wkb in rows]))
