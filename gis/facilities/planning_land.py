"""The land that a planning question is about: an area, a rectangle, or where one may plan."""

from collections.abc import Collection
from datetime import datetime

import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Forbidden, InvalidInput, NotFound
from gis.rights.actions import Action
from gis.rights.principal import Principal

PLANNING_ACTIONS = (Action.DRAFT, Action.PUBLISH)  # either of them, in the area asked about

LANDS_SQL = """
SELECT ST_AsBinary(b.geom)
FROM boundary b JOIN area a ON a.id = b.area_id
WHERE b.valid_time @> CAST(:at AS timestamptz)
  AND (a.code = :code OR a.id = ANY(CAST(:ids AS bigint[])))
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
    if session.scalar(text("SELECT id FROM area WHERE code = :code"), {"code": code}) is None:
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
    if not any(principal.is_allowed(action) for action in PLANNING_ACTIONS):
        principal.require(PLANNING_ACTIONS[0])
    area_sets = [
        principal.areas_by_action[action]
        for action in PLANNING_ACTIONS
        if action in principal.areas_by_action
    ]
    if None in area_sets:
        return None if code is None else land_of_area(session, code, at)
    ids = sorted({number for areas in area_sets for number in areas or ()})
    if code is None:
        return _lands(session, at, ids=ids) or shapely.MultiPolygon()
    codes = session.scalars(text("SELECT code FROM area WHERE id = ANY(:ids)"), {"ids": ids})
    if not code.startswith(tuple(codes)):
        raise Forbidden("siting.not_allowed", code=code)
    return land_of_area(session, code, at)


def _lands(
    session: Session, at: datetime, *, code: str = "", ids: Collection[int] = ()
) -> shapely.Geometry | None:
    rows = session.scalars(text(LANDS_SQL), {"at": at, "code": code, "ids": list(ids)}).all()
    if not rows:
        return None
    return shapely.union_all(shapely.from_wkb([bytes(wkb) for wkb in rows]))
