"""An incident locked for a change, and who may do which move to it."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import columns_of
from gis.errors import Conflict
from gis.incidents.models import Incident
from gis.incidents.reading.event_access import progress
from gis.incidents.states import TRANSITIONS, State, allowed_moves, not_now
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.rights.visibility import internal, visibility_clause, waits_for_operator


@dataclass(frozen=True)
class LockedIncident:
    """An incident as it is locked for a change.

    lon, lat: EPSG:4490. asked_by: Who made the waiting request.

    unowned: It is in the operator's queue of who asks. inside: They may know what is said inside.
    """

    county: str
    id: UUID
    version: int
    changed_at: datetime
    edition_id: int
    category: str
    category_zh: str
    severity: str
    channel: str
    lon: float
    lat: float
    area_ids: list[int]
    grid_id: int
    grid_code: str
    unit_id: int | None
    building_id: int | None
    revision_id: int
    rule_name: str
    dispatch_mode: str
    skill: str
    time_limits: dict[str, Any]
    state: str
    pending_request: str
    state_before_suspension: str
    role: str | None
    area_id: int | None
    holder_id: int | None
    organisation_id: int | None
    stage_started_at: datetime | None
    due_at: datetime | None
    spent_min: dict[str, dict[str, float]]
    late_by: dict[str, dict[str, Any]]
    supervise_at: datetime | None
    supervised: bool
    supervisor_role: str | None
    solved: bool | None
    office_solved: bool | None
    parent_id: UUID | None
    account_id: int | None
    key_id: int | None
    asked_by: str | None
    offered: bool
    unowned: bool
    inside: bool

    def at(self, state: str, pending: str, before: str) -> "LockedIncident":
        """Return the same incident after a move."""
        return replace(self, state=state, pending_request=pending, state_before_suspension=before)


# the version is the one the principal sees
LOCKED_COLUMNS_SQL = ", ".join(
    f"i.{name}" for name in columns_of(LockedIncident, Incident, without={"version"})
)
REQUESTED_BY_SQL = """CASE WHEN i.pending_request <> '' THEN (
  SELECT e.who FROM incident_event e
  WHERE e.incident_id = i.id AND e.move = 'request_' || i.pending_request
  ORDER BY e.id DESC LIMIT 1) END AS asked_by"""


OFFERED = """EXISTS (
  SELECT FROM order_offer o WHERE o.incident_id = i.id AND o.person_id = :me) AS offered"""


# A statement of its own: one that reads other tables as well compares a row that it has waited for
# with their rows of before, and finds none where the incident has another grid or category by now.
LOCK_INCIDENT_SQL = "SELECT FROM incident WHERE id = :id FOR UPDATE"


def locked_query(by: Principal, offered: bool = False) -> tuple[str, dict[str, Any]]:
    """Return the query that reads an incident (`:id`) locked before, and its parameters.

    One that is visible or offered to the principal.
    """
    condition, params = visibility_clause(by, "i")
    seen, progress_params = progress(by)
    # raw SQL: under the conditions of visibility that every reading shares as text
    query = f"""
SELECT {LOCKED_COLUMNS_SQL}, {seen["version"]} AS version, c.zh AS category_zh, g.code AS grid_code,
  ST_X(i.geom) AS lon, ST_Y(i.geom) AS lat, {REQUESTED_BY_SQL}, {OFFERED},
      {waits_for_operator(by)} AS unowned, {internal(by)} AS inside
FROM incident i JOIN incident_category c ON (c.edition_id, c.code) = (i.edition_id, i.category)
  JOIN area g ON g.id = i.grid_id
WHERE i.id = :id AND ({condition}
  OR CAST(:offered AS boolean) AND i.dispatch_mode = 'order' AND EXISTS (
  SELECT FROM order_offer o WHERE o.incident_id = i.id AND o.person_id = :me))"""  # noqa: S608
    return query, params | progress_params | {"me": by.person_id, "offered": offered}


def may_move(by: Principal, row: Any, name: str) -> bool:
    """Return whether a principal may do a move to an incident they see, its state apart.

    Parameters
    ----------
    row
        Has area_ids, area_id, holder_id, organisation_id, account_id, key_id, dispatch_mode, state,
        asked_by, offered, unowned.

    HANDLE is for who holds it, alone or in a team, is offered it, or has such rights in the very
    area of the post it lies with; and for who dispatches there. A request is withdrawn by who
    made it and approved by another. Rating is the reporter's, and of those who follow up for the
    community.
    """
    if by.kind == "system":
        return True
    action = TRANSITIONS[name].by
    if row.unowned:  # the operator is its desk
        by = by.acting(row.area_ids)
    if action == Action.SYSTEM or action not in by.areas_by_action:
        return False
    is_reporter = _is_reporter(by, row)
    if name == "withdraw":
        return bool(by.actor == row.asked_by)
    if action == Action.NOTE:
        return True
    if action == Action.RATE:
        where = by.areas_by_action[action]
        return is_reporter or (where is not None and by.is_allowed(action, row.area_ids))
    if action == Action.HANDLE:
        mine = by.person_id is not None and by.person_id == row.holder_id
        mine = mine or row.organisation_id in by.teams
        offer = row.dispatch_mode == "order" and row.state == State.DISPATCHED and row.offered
        has_post_there = (
            row.area_id is not None
            and row.dispatch_mode == "assign"
            and all(by.is_allowed(needed, [row.area_id]) for needed in (action, Action.READ))
        )
        return mine or offer or has_post_there or by.is_allowed(Action.DISPATCH, row.area_ids)
    if action == Action.APPROVE:
        return by.is_allowed(action, row.area_ids) and by.actor != row.asked_by
    return by.is_allowed(action, row.area_ids)


def impossible(by: Principal, row: LockedIncident, name: str) -> Conflict:
    """Return why an incident does not allow a move, as a principal may know it.

    Neither what waits inside is told outside, nor what others may do.
    """
    possible = allowed_moves(row.state, row.pending_request)
    own = [each for each in possible if may_move(by, row, each)]
    return not_now(name, row.state, row.pending_request if row.inside else "", own)


def _is_reporter(by: Principal, row: Any) -> bool:
    return (
        by.kind == "reporter"
        or (by.account_id is not None and by.account_id == row.account_id)
        or (by.key_id is not None and by.key_id == row.key_id)
    )


def as_desk(session: Session, by: Principal, incident_id: UUID) -> Principal:
    """Return the principal, with the rights of the incident's desk if it is in their queue.

    The operator's queue, that is.
    """
    if not by.operates:
        return by
    query = f"SELECT i.area_ids FROM incident i WHERE i.id = :id AND {waits_for_operator(by)}"  # noqa: S608  our own text
    areas = session.scalar(text(query), visibility_clause(by, "i")[1] | {"id": incident_id})
    return by if areas is None else by.acting(areas)
