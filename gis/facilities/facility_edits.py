"""Facilities as planners state them: add one, change what is said of it, close it for good.

Labels of coverage follow by their digests (`gis.facilities.access_store`). Loads of maps leave
alone what a person stated and do not bring back what one closed; a table that names it does.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import point_ewkt
from gis.errors import Conflict, FieldError, NotFound, invalid_fields
from gis.facilities.categories import CATEGORY_BY_KEY, MAX_CAPACITY
from gis.facilities.hours import read_hours
from gis.facilities.planning_land import MAX_STATED_CHARS, require_planner_of
from gis.facilities.queries import FacilityRow, facility
from gis.kinds import read_kinds
from gis.rights.principal import Principal

FACTS = ("category", "kind_id", "name", "address", "opening_hours", "contact", "capacity")
EMPTY_FACTS: dict[str, Any] = dict.fromkeys(FACTS, "") | {"capacity": None, "kind_id": None}

GRID_SQL = "SELECT g.id, g.county FROM grid_at(ST_GeomFromEWKT(:point), :at) g"
LOCK_FACILITY_SQL = "SELECT FROM facility WHERE code = :code FOR UPDATE"  # as of an incident
LOCKED_SQL = f"""
SELECT f.id, f.version, {", ".join(f"f.{name}" for name in FACTS)}, g.id AS grid, g.county
FROM facility f
LEFT JOIN LATERAL grid_at(coalesce(f.entrance, ST_PointOnSurface(f.geom)), :at) g ON true
WHERE f.code = :code
"""  # noqa: S608  ours
INSERT_FACILITY_SQL = """
WITH new AS (SELECT nextval(pg_get_serial_sequence('facility', 'id')) AS id)
INSERT INTO facility (id, code, county, category, kind_id, name, address, opening_hours, contact,
  capacity, geom, source)
SELECT id, 'p' || id, :county, :category, :kind_id, :name, :address, :opening_hours, :contact,
  :capacity, ST_GeomFromEWKT(:point), 'page'
FROM new
RETURNING code
"""
UPDATE_SQL = f"""
UPDATE facility SET {", ".join(f"{name} = :{name}" for name in FACTS)}, source = 'page',
  version = version + 1
WHERE id = :id
"""  # noqa: S608  ours
CLOSE_SQL = """
WITH gone AS (DELETE FROM facility WHERE id = :id RETURNING code, category, name)
INSERT INTO closed_facility (code, category, name, closed_at, author)
SELECT code, category, name, :at, :author FROM gone
"""


def add_facility(
    session: Session,
    principal: Principal,
    at: datetime,
    point: tuple[float, float],
    facts: Mapping[str, Any],
) -> FacilityRow:
    """Add a facility.

    Parameters
    ----------
    point
        Longitude and latitude, EPSG:4490: where people go in.
    facts
        Some of FACTS, the category among them: its key, or a kind that people added.

    Raises
    ------
    Forbidden
        The principal does not plan there.
    InvalidInput
        A fact is wrong.
    """
    point_and_time = {"point": point_ewkt(*point), "at": at}
    grid = session.execute(text(GRID_SQL), point_and_time).first()
    values = EMPTY_FACTS | _checked(session, facts, None if grid is None else grid.county)
    require_planner_of(session, principal, None if grid is None else grid.id, at)
    values |= {"county": None if grid is None else grid.county, "point": point_and_time["point"]}
    return facility(session, session.execute(text(INSERT_FACILITY_SQL), values).scalar_one())


def change_facility(
    session: Session,
    principal: Principal,
    at: datetime,
    code: str,
    facts: Mapping[str, Any],
    versions: Collection[int] = (),
) -> FacilityRow:
    """Change what is said of a facility; loads of maps then leave it alone.

    Parameters
    ----------
    facts
        Those of FACTS that change.
    versions
        Those it may have; none means any.

    Raises
    ------
    NotFound
        No facility has the code.
    Forbidden
        The principal does not plan there.
    Conflict
        Somebody has changed it since.
    InvalidInput
        A fact is wrong.
    """
    row = _locked(session, principal, at, code, versions)
    stored = {name: getattr(row, name) for name in FACTS}
    values = stored | _checked(session, facts, row.county, row.kind_id)
    session.execute(text(UPDATE_SQL), values | {"id": row.id})
    return facility(session, code)


def close_facility(
    session: Session,
    principal: Principal,
    at: datetime,
    code: str,
    versions: Collection[int] = (),
) -> None:
    """Take a closed facility away, with its doors and circles; the history holds what it was.

    Raises
    ------
    NotFound, Forbidden, Conflict
        As `change_facility`.
    """
    row = _locked(session, principal, at, code, versions)
    session.execute(text(CLOSE_SQL), {"id": row.id, "at": at, "author": principal.actor})


def _locked(
    session: Session, principal: Principal, at: datetime, code: str, versions: Collection[int]
) -> Any:
    """Return a facility where the principal plans, of one of some versions, until the commit.

    Raises
    ------
    NotFound
        There is no such facility.
    Conflict
        It has another version.
    """
    session.execute(text(LOCK_FACILITY_SQL), {"code": code})
    row = session.execute(text(LOCKED_SQL), {"code": code, "at": at}).first()
    if row is None:
        raise NotFound("facility.unknown", code=code)
    require_planner_of(session, principal, row.grid, at)
    if versions and row.version not in versions:
        raise Conflict("facility.version_changed", version=row.version, seen=max(versions))
    return row


def _checked(
    session: Session, facts: Mapping[str, Any], county: str | None, kept: int | None = None
) -> dict[str, Any]:
    """Return facts as they are stored.

    Parameters
    ----------
    county
        Code of the county of the place.
    kept
        Id of the kind that the facility has.

    Raises
    ------
    InvalidInput
        Some are wrong; each is named.
    """
    values: dict[str, Any] = {
        name: value.strip() if isinstance(value, str) else value for name, value in facts.items()
    }
    faults = [
        FieldError(name, "checkup.text_too_long", {"limit": MAX_STATED_CHARS})
        for name, value in values.items()
        if isinstance(value, str) and len(value) > MAX_STATED_CHARS
    ]
    capacity = values.get("capacity")
    if "category" in values:
        category, kinds = str(values["category"]), read_kinds(session, "facility").keeping(kept)
        kind = None if category in CATEGORY_BY_KEY else kinds.find(category, county)
        values |= {"category": kind.parent, "kind_id": kind.id} if kind else {"kind_id": None}
        if values["category"] not in CATEGORY_BY_KEY:
            allowed = [*CATEGORY_BY_KEY, *(row.key for row in kinds.rows)]
            params = {"value": category[:40], "allowed": allowed}
            faults.append(FieldError("category", "input.not_among", params))
    if capacity is not None and not 0 <= capacity <= MAX_CAPACITY:
        limits = {"capacity": str(capacity), "high": MAX_CAPACITY}
        faults.append(FieldError("capacity", "facility_row.capacity_out_of_range", limits))
    hours = values.get("opening_hours")
    if hours:
        values["opening_hours"] = read_hours(hours)
        if values["opening_hours"] is None:
            params = {"value": hours[:40]}
            faults.append(FieldError("opening_hours", "entrance.hours_unreadable", params))
    if faults:
        raise invalid_fields(faults)
    return values
