"""When boundaries change, open incidents follow to the new patch; closed ones stay as they were."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, any_, exists, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from gis.areas.locate_result import LocateResult
from gis.areas.models import Area
from gis.areas.snapshot import RegistrySnapshot, read_snapshot_around
from gis.areas.successors import successor_ids
from gis.db import cached_text
from gis.errors import WanggeError
from gis.incidents.lifecycle.events import EventInput, lock_incident, notify_of_move, record_event
from gis.incidents.lifecycle.rerouting import stored_location
from gis.incidents.models import Incident
from gis.incidents.reading.locked import LockedIncident
from gis.incidents.routing.location import IncidentLocation, resolve_location
from gis.incidents.routing.post_holders import home, office
from gis.incidents.routing.router import COMMUNITY
from gis.incidents.states import OPEN_SQL, State
from gis.messages import Message, render
from gis.rights.principal import system_principal

BOUNDARY_ACTOR = "job boundaries"
# who has done the work keeps it; before it is dispatched nobody has it
DONE = (State.HANDLED, State.CHECKED)
WAITING_STATES = (State.REPORTED, State.ACCEPTED, State.RETURNED)

# The areas above a grid up to its county, for grids that `grids` names.
CHAINS_SQL = """
chain AS (
  SELECT g.id AS grid, array_remove(ARRAY[g.parent_id, a.parent_id, b.parent_id], NULL) AS above
  FROM area g
    LEFT JOIN area a ON a.id = g.parent_id AND a.level IN ('street', 'community')
    LEFT JOIN area b ON b.id = a.parent_id AND b.level IN ('street', 'community')
  WHERE g.id IN (SELECT grid_id FROM grids)
)"""
# Grids that an open incident knows by another revision than the one that draws them now, or under
# other areas; and the oldest revision that one knows. What incidents know of a grid is mostly the
# same, and is compared once.
STALE_GRIDS_SQL = f"""
WITH grids AS MATERIALIZED (
  SELECT grid_id, revision_id, array_remove(area_ids, unit_id) AS areas
  FROM incident WHERE {OPEN_SQL} {{which}} GROUP BY 1, 2, 3
), {CHAINS_SQL}
SELECT min(known.revision_id), array_agg(DISTINCT grid_id) FILTER
  (WHERE own.revision_id IS DISTINCT FROM known.revision_id OR NOT areas @> chain.above)
FROM grids known JOIN chain ON chain.grid = grid_id
  LEFT JOIN boundary own ON own.area_id = grid_id AND own.valid_time @> CAST(:now AS timestamptz)
"""  # noqa: S608  our own text
# Open incidents whose grid is drawn by another revision than recorded, is no longer there, stands
# under other areas up to its county, or that a grid drawn since covers too (on a border the lower
# code answers). No shape is looked at for the others. A matter of a whole community (its grid is
# not among its areas) follows its community only.
MOVED_INCIDENTS_SQL = f"""
WITH other AS (
  SELECT i.id, i.geom, i.grid_id, i.area_ids, i.revision_id, min(a.code) AS code
  FROM boundary b JOIN area a ON a.id = b.area_id AND a.level = 'grid'
    JOIN incident i ON ST_Covers(b.geom, i.geom)
  WHERE b.revision_id > :oldest AND b.valid_time @> CAST(:now AS timestamptz)
    AND b.revision_id > i.revision_id AND b.area_id <> i.grid_id AND i.{OPEN_SQL}
  GROUP BY i.county, i.id
), grids AS MATERIALIZED (
  SELECT id, geom, grid_id, area_ids, revision_id, NULL AS code FROM incident
  WHERE grid_id = ANY(CAST(:changed AS bigint[])) AND {OPEN_SQL}
    AND id NOT IN (SELECT id FROM other)
  UNION ALL SELECT * FROM other
), {CHAINS_SQL}
SELECT i.id, ST_X(i.geom) AS lon, ST_Y(i.geom) AS lat,
  own.id IS NOT NULL AND ST_Covers(own.geom, i.geom) AND i.area_ids @> chain.above AS inside,
  own.revision_id AS revision, i.code < g.code AS lower
FROM grids i JOIN chain ON chain.grid = i.grid_id JOIN area g ON g.id = i.grid_id
  LEFT JOIN boundary own ON own.area_id = i.grid_id
    AND own.valid_time @> CAST(:now AS timestamptz)
WHERE i.grid_id = ANY(i.area_ids)
  AND (own.revision_id IS DISTINCT FROM i.revision_id OR NOT i.area_ids @> chain.above
      OR i.code < g.code)
ORDER BY i.id
"""  # noqa: S608  our own text


# of some grids, by codes that they have or had
OF_GRIDS_SQL = "AND grid_id IN (SELECT id FROM area WHERE code = ANY(:codes))"


def reassign_after_boundary_change(
    session: Session, now: datetime, revision: int | None = None, codes: Collection[str] = ()
) -> int:
    """Bring open incidents to the patch they lie in now.

    Returns how many changed it, one event each.

    The person changes only where the area they hold it for is no longer among the incident's, by
    the same decision as at dispatch; who has handled it keeps it. A second run does nothing.
    Outside every grid it stays where it was.

    Parameters
    ----------
    revision, codes
        Only what a revision that holds from now on has changed, and the grids that it names; None:
        whatever has changed since each incident was last looked at.
    """
    params: dict[str, Any] = {"now": now, "codes": [*codes]}
    query = STALE_GRIDS_SQL.format(which="" if revision is None else OF_GRIDS_SQL)
    oldest, changed = session.execute(cached_text(query), params).one()
    if revision is not None:
        oldest = revision - 1
    elif oldest is None:  # nothing is open
        return 0
    params |= {"oldest": oldest, "changed": changed or []}
    rows = session.execute(cached_text(MOVED_INCIDENTS_SQL), params).all()
    # redrawn around it, and it still lies inside: nothing to tell
    stays = [row for row in rows if row.inside and not row.lower]
    for revision in sorted({row.revision for row in stays}):
        _record_revision(session, [row.id for row in stays if row.revision == revision], revision)
    unmoved_ids = {row.id for row in stays}
    moved = [row for row in rows if row.id not in unmoved_ids]
    if not moved:
        return 0
    register = read_snapshot_around(
        session, now, [row.lon for row in moved], [row.lat for row in moved], addresses=True
    )
    successors = successor_ids(session, now)
    return sum(_follow(session, row.id, now, register, successors) for row in moved)


def _record_revision(session: Session, incident_ids: Sequence[UUID], revision: int) -> None:
    """Set the boundary revision by which some incidents lie in their grid."""
    session.execute(
        update(Incident)
        .where(Incident.id == any_(literal(incident_ids, ARRAY(Uuid()))))
        .values(revision_id=revision),
        execution_options={"synchronize_session": False},
    )


def _follow(
    session: Session,
    number: UUID,
    now: datetime,
    snapshot: RegistrySnapshot,
    successors: Mapping[int, int],
) -> bool:
    row = lock_incident(session, system_principal(BOUNDARY_ACTOR), number)
    address = session.scalar(select(Incident.address).where(Incident.id == number))
    try:
        location, answer, _ = resolve_location(
            session,
            now,
            lon=row.lon,
            lat=row.lat,
            crs="cgcs2000",
            address=address or "",
            register=snapshot,
        )
    except WanggeError:
        return False  # outside every grid now: nobody else answers for it
    areas, unit = location.area_ids, location.unit_id
    if (
        unit is None
        and row.unit_id is not None
        and _stands(session, row.unit_id, location.grid_id, now)
    ):
        unit, areas = row.unit_id, [*areas, row.unit_id]  # told by hand, or by the code of the unit
    if (areas, unit) == (list(row.area_ids), row.unit_id):
        _record_revision(session, [row.id], location.revision)
        return False
    changes: dict[str, Any] = {
        "area_ids": areas,
        "grid_id": location.grid_id,
        "unit_id": unit,
        "revision_id": location.revision,
        "building_id": location.building_id or row.building_id,
    }
    goes_on = successors.get(row.area_id or 0)
    if goes_on in areas:  # the same patch under another code: who holds it keeps it
        changes["area_id"] = goes_on
    else:
        changes |= _holder(session, row, location, areas, now)
    _record_follow(session, row, location, answer, changes, now)
    return True


def _record_follow(
    session: Session,
    row: LockedIncident,
    location: IncidentLocation,
    answer: LocateResult,
    changes: Mapping[str, Any],
    now: datetime,
) -> None:
    """Write the event of an incident that follows to another grid, and tell who had it."""
    old, new = _grid(stored_location(session, row)), _grid(location)
    names = {"old_code": old[0], "old_name": old[1], "new_code": new[0], "new_name": new[1]}
    note = Message("event_note.boundary_changed", names)
    detail = {
        "from_grid": old[0],
        "to_grid": new[0],
        "revision": [row.revision_id, location.revision],
        "from_person": row.holder_id,
        "to_person": changes.get("holder_id", row.holder_id),
        "role": changes.get("role", row.role),
        "how": [step for step in answer.how if step.step == "grid"],
        "en": render(note),
    }
    record_event(
        session,
        row,
        EventInput("follow", BOUNDARY_ACTOR, note=render(note, "zh"), detail=detail),
        now,
        changes=changes,
    )
    notify_of_move(
        session,
        row,
        "follow",
        changes,
        system_principal(BOUNDARY_ACTOR),
        extra_person_ids=[row.holder_id],
        now=now,
    )


def _holder(
    session: Session,
    row: LockedIncident,
    location: IncidentLocation,
    areas: Sequence[int],
    now: datetime,
) -> dict[str, Any]:
    """Who holds it in the new patch: only what changes."""
    if (
        row.dispatch_mode == "order"
        or (row.area_id is None and row.holder_id is not None)  # of a building, which stays
        or row.area_id in areas
        or row.state in DONE
    ):
        return {}
    if row.state in WAITING_STATES:
        return office(session, areas, now).columns
    first_role = row.time_limits.get("first_role") or row.role or COMMUNITY
    return home(
        session, areas, location.building_id, first_role, row.time_limits.get("escalation", ()), now
    ).columns


def _grid(location: IncidentLocation) -> tuple[str, str]:
    """Code and name of its grid."""
    return next(
        ((area[2], area[3]) for area in location.areas if area[0] == location.grid_id), ("", "")
    )


def _stands(session: Session, unit: int, grid: int, now: datetime) -> bool:
    """Return whether a unit is in use and belongs to a grid."""
    is_unit = exists().where(Area.id == unit, Area.parent_id == grid, Area.in_use(now))
    return bool(session.scalar(select(is_unit)))
