"""An incident locked for a change, and who may do which move to it."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.incidents.reading.event_access import progress
from gis.incidents.states import TRANSITIONS, State
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.rights.visibility import visibility_clause, waits_for_operator


@dataclass(frozen=True)
class LockedIncident:
    """An incident as it is locked for a change. lon, lat: EPSG:4490. asked_by: Who made the waiting request.

    unowned: It is in the operator's queue of who asks.
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
    areas: list[int]
    grid_id: int
    grid_code: str
    unit_id: int | None
    building_id: int | None
    revision_id: int
    rule_name: str
    way: str
    skill: str
    limits: dict[str, Any]
    state: str
    pending: str
    before: str
    role: str | None
    area_id: int | None
    holder_id: int | None
    stage_began: datetime | None
    due_at: datetime | None
    spent_min: float | None
    supervise_at: datetime | None
    supervised: bool
    supervise_level: int
    supervisor_role: str | None
    solved: bool | None
    parent_id: UUID | None
    account_id: int | None
    key_id: int | None
    asked_by: str | None
    offered: bool
    unowned: bool

    def at(self, state: str, pending: str, before: str) -> "LockedIncident":
        """The same after a move."""
        return replace(self, state=state, pending=pending, before=before)


REQUESTED_BY_SQL = """CASE WHEN i.pending <> '' THEN (SELECT e.who FROM incident_event e WHERE e.incident_id = i.id
  AND e.move = 'request_' || i.pending ORDER BY e.id DESC LIMIT 1) END AS asked_by"""


OFFERED = """EXISTS (SELECT FROM order_offer o WHERE o.incident_id = i.id AND o.person_id = :me) AS offered"""


def lock_query(by: Principal, offered: bool = False) -> tuple[str, dict[str, Any]]:
    """The query that locks one incident (`:id`) the asker sees, or was offered; and its parameters."""
    condition, params = visibility_clause(by, "i")
    seen, more = progress(by)
    query = f"""
SELECT i.county, i.id, {seen["version"]} AS version, i.changed_at, i.edition_id, i.category, c.zh AS category_zh, i.severity, i.channel,
  ST_X(i.shape) AS lon, ST_Y(i.shape) AS lat, i.areas, i.grid_id, g.code AS grid_code, i.unit_id, i.building_id,
  i.revision_id, i.rule_name, i.way, i.skill, i.limits, i.state, i.pending, i.before, i.role, i.area_id, i.holder_id,
  i.stage_began, i.due_at, i.spent_min, i.supervise_at, i.supervised, i.supervise_level,
  i.supervisor_role, i.solved, i.parent_id, i.account_id, i.key_id, {REQUESTED_BY_SQL}, {OFFERED}, {waits_for_operator(by)} AS unowned
FROM incident i JOIN incident_category c ON (c.edition_id, c.code) = (i.edition_id, i.category)
  JOIN area g ON g.id = i.grid_id
WHERE i.id = :id AND ({condition} OR CAST(:offered AS boolean) AND i.way = 'order' AND EXISTS (
  SELECT FROM order_offer o WHERE o.incident_id = i.id AND o.person_id = :me)) FOR UPDATE OF i"""  # noqa: S608
    return query, params | more | {"me": by.person_id, "offered": offered}


def may_move(by: Principal, row: Any, name: str) -> bool:
    """Whether somebody may do a move of the table to an incident they see (its state apart).

    Args:
        row: Has areas, area_id, holder_id, account_id, key_id, way, state, asked_by, offered, unowned.

    HANDLE is for who holds it, is offered it, or has such rights in the very area of the post it lies with; and for
    who dispatches there. A request is withdrawn by who made it and approved by another. Rating is the reporter's, and of those who follow up for the community.
    """
    if by.kind == "system":
        return True
    action = TRANSITIONS[name].by
    if row.unowned:  # the operator is its desk
        by = by.acting(row.areas)
    if action == Action.SYSTEM or action not in by.may_in:
        return False
    own = _own(by, row)
    if name == "withdraw":
        return bool(by.who == row.asked_by)
    if action == Action.NOTE:
        return True
    if action == Action.RATE:
        where = by.may_in[action]
        return own or (where is not None and by.may(action, row.areas))
    if action == Action.HANDLE:
        mine = by.person_id is not None and by.person_id == row.holder_id
        offer = row.way == "order" and row.state == State.DISPATCHED and row.offered
        there = (
            row.area_id is not None
            and row.way == "assign"
            and all(by.may(one, [row.area_id]) for one in (action, Action.READ))
        )
        return mine or offer or there or by.may(Action.DISPATCH, row.areas)
    if action == Action.APPROVE:
        return by.may(action, row.areas) and by.who != row.asked_by
    return by.may(action, row.areas)


def _own(by: Principal, row: Any) -> bool:
    return (
        by.kind == "reporter"
        or (by.account_id is not None and by.account_id == row.account_id)
        or (by.key_id is not None and by.key_id == row.key_id)
    )


def as_desk(session: Session, by: Principal, incident_id: UUID) -> Principal:
    """Who asks, with the rights of its desk where an incident is in their operator's queue."""
    if not by.operates:
        return by
    query = f"SELECT i.areas FROM incident i WHERE i.id = :id AND {waits_for_operator(by)}"  # noqa: S608  our own text
    areas = session.scalar(text(query), visibility_clause(by, "i")[1] | {"id": incident_id})
    return by if areas is None else by.acting(areas)
