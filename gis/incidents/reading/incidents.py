"""Read incidents: one, a page of a list, counts by state.

Every query carries `visibility_clause`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from gis.db import columns_of
from gis.errors import NotFound
from gis.incidents import clock, working_time
from gis.incidents.models import Incident
from gis.incidents.reading.event_access import progress, readable_events
from gis.incidents.reading.filters import IncidentFilters, filter_conditions, validate_filters
from gis.incidents.reading.locked import OFFERED, REQUESTED_BY_SQL, LockedIncident, may_move
from gis.incidents.reading.orders import ORDERS
from gis.incidents.reading.reporters import find_contact
from gis.incidents.routing.approval import has_approver
from gis.incidents.routing.post_holders import DESK_ROLES
from gis.incidents.routing.router import IN_HAND, queue_to_json
from gis.incidents.states import INDEPENDENT_MOVES, State, allowed_moves, state_labels
from gis.rights.actions import ACCESS_ROLES
from gis.rights.living import LIVING
from gis.rights.principal import Principal
from gis.rights.roles import ROLE_BY_KEY, role_label
from gis.rights.visibility import (
    ACTION_BY_FACT,
    Fact,
    can_see,
    holder_label,
    visibility_clause,
    waits_for_operator,
)


@dataclass(frozen=True)
class IncidentView:
    """An incident for who may see it.

    point: CGCS2000 degrees. assigned_to: A name where the asker may have names, else an
    organisation's. parent, children, photos: Those the asker sees.

    colour: green, amber or red; None: no clock runs. moves: What the asker may do now. how: How it
    was decided. queue: Who has it to act on now: at (see QUEUES), and zh, en; None once it has
    ended. rating, solved: The reporter's own word; office_rating, office_solved: what was recorded
    at the follow-up visit. asked_by: Who made the request that waits. approvable: Whether anybody
    else than who asks could approve a request; None where there is none to make or to approve, and
    in lists. holder_phone: Duty telephone of who holds it, where the asker may have names; None in
    lists. clock: working or wall, the clock of left_min (until it is due, negative past it) and
    stopped_after_min (spent of the stage before it was suspended). late_since, late_by: Since when
    the running stage is late, and who held it then. open_working_min, open_wall_min, suspended_min,
    total_due: As `gis.incidents.clock.whole_time`. split_from: Whose report told of it too;
    split_into: What else this report told of.
    """

    id: UUID
    county: str
    state: str
    state_zh: str
    state_en: str
    pending: str
    version: int
    category: str
    category_zh: str
    category_en: str
    kind: str
    severity: str
    description: str
    address: str
    channel: str
    attributes: dict[str, Any]
    point: dict[str, Any]
    areas: list[dict[str, Any]]
    role: str | None
    role_zh: str | None
    role_en: str | None
    assigned_to: str | None
    area: str | None
    way: str
    skill: str
    rule: str
    reported_at: datetime
    changed_at: datetime
    closed_at: datetime | None
    stage_began: datetime | None
    due: datetime | None
    amber: datetime | None
    colour: str | None
    clock: str
    left_min: float | None
    stopped_after_min: float | None
    late_since: datetime | None
    late_by: dict[str, str | None] | None
    open_working_min: float
    open_wall_min: float
    suspended_min: float
    total_due: datetime
    suspended_until: datetime | None
    supervised: bool
    supervisor_role: str | None
    supervisor_zh: str | None
    supervisor_en: str | None
    split_from: UUID | None
    split_into: list[UUID]
    parent: UUID | None
    children: list[UUID]
    rating: int | None
    solved: bool | None
    photos: list[UUID]
    asked_by: str | None
    offered: int
    mine: bool
    moves: list[str]
    how: list[dict[str, Any]]
    queue: dict[str, str] | None
    office_rating: int | None
    office_solved: bool | None
    approvable: bool | None = None
    holder_phone: str | None = None


# raw SQL: subqueries beside each row, and the conditions of visibility that every reading shares
VIEW = f"""
SELECT i.*, {{version}} AS version_seen, {{changed_at}} AS changed_seen,
    {{pending_request}} AS pending_seen, ST_X(i.geom) AS lon, ST_Y(i.geom) AS lat,
    coalesce(i.attributes ->> 'service', c.zh) AS category_zh,
    c.en AS category_en, c.kind,
  held.code AS held_code, held.level AS held_level, {LIVING.owner("i", ":now")} AS owner,
      {{unowned}} AS unowned, p.name AS holder_name, p.phone AS holder_phone,
  coalesce(held.name, (SELECT coalesce(nullif(b.estate, ''), b.name) FROM building b
      WHERE b.id = i.building_id), '')
    AS held_name,
  late.code AS late_code, late.level AS late_level, late.name AS late_area, late_person.name
      AS late_name,
  (SELECT jsonb_agg(jsonb_build_object('level', a.level, 'code', a.code, 'name', a.name)
     ORDER BY array_position(ARRAY['county', 'street', 'community', 'grid', 'unit'], a.level))
   FROM area a WHERE a.id = ANY(i.area_ids)) AS area_names,
  coalesce(others.children, '{{{{}}}}') AS children, others.parent_seen, others.split_seen,
  coalesce(others.split_into, '{{{{}}}}') AS split_into,
  ARRAY(SELECT f.id FROM photo f JOIN incident_event e ON (e.county, e.id) = (f.county, f.event_id)
    WHERE (f.incident_id = i.id OR f.incident_id = i.split_from AND e.move = 'report') AND {{told}}
    ORDER BY f.event_id, f.at) AS photos,
  (SELECT count(*) FROM order_offer o WHERE o.incident_id = i.id) AS offers,
  {REQUESTED_BY_SQL}, {OFFERED}
FROM incident i JOIN incident_category c ON (c.edition_id, c.code) = (i.edition_id, i.category)
  LEFT JOIN area held ON held.id = i.area_id LEFT JOIN personal.person p ON p.id = i.holder_id
  LEFT JOIN area late ON late.id = (i.late_by -> i.state ->> 'area_id')::bigint
  LEFT JOIN personal.person late_person
    ON late_person.id = (i.late_by -> i.state ->> 'holder_id')::bigint
  CROSS JOIN LATERAL (
    SELECT array_agg(x.id ORDER BY x.reported_at) FILTER (WHERE x.parent_id = i.id) AS children,
      (array_agg(x.id) FILTER (WHERE x.id = i.parent_id))[1] AS parent_seen,
      (array_agg(x.id) FILTER (WHERE x.id = i.split_from))[1] AS split_seen,
      array_agg(x.id ORDER BY x.id) FILTER (WHERE x.split_from = i.id) AS split_into
    FROM incident x
    WHERE (x.parent_id = i.id OR x.split_from = i.id OR x.id = i.parent_id OR x.id = i.split_from)
      AND {{other}}) others
"""  # noqa: S608  our own text


def _query(by: Principal, tail: str) -> tuple[str, dict[str, Any]]:
    """Return `VIEW` for a principal followed by a tail, and its parameters but `now`."""
    other, params = visibility_clause(by, "x")
    readable, readable_params = readable_events(by)
    query = VIEW.format(
        other=other, told=readable, unowned=waits_for_operator(by), **progress(by)[0]
    )
    return f"{query} {tail}", params | readable_params | {"me": by.person_id}


def get_incident(
    session: Session,
    by: Principal,
    incident_id: UUID,
    *,
    now: datetime,
    moved: LockedIncident | None = None,
) -> IncidentView:
    """Return one incident.

    Parameters
    ----------
    moved
        Its row before the move that the asker has just made: it may be out of sight now, and is
        shown this once.

    Raises
    ------
    NotFound
        There is none, or it is not the asker's to see.
    """
    condition = visibility_clause(by, "i")[0]
    if moved is not None and moved.id == incident_id:
        condition = "true"
        if moved.unowned:  # in the operator's queue: the operator is its desk
            by = by.acting(moved.area_ids)
    query, params = _query(by, f"WHERE i.id = :id AND {condition}")
    row = session.execute(text(query), params | {"id": incident_id, "now": now}).one_or_none()
    if row is None:
        raise NotFound("incident.unknown")
    view = _view(by, row, now)
    if view.assigned_to and can_see(by, Fact.NAMES, row.area_ids):
        view = replace(view, holder_phone=row.holder_phone or None)
    if not row.pending_request and not any(name.startswith("request_") for name in view.moves):
        return view
    requester = row.asked_by if row.pending_request else by.actor
    return replace(
        view, approvable=has_approver(session, row.area_ids, requester or "", row.unowned, now)
    )


# fields of a view that are columns as they stand; the others depend on who asks, and when
STORED_FIELDS = columns_of(
    IncidentView, Incident, without={"version", "changed_at", "role", "late_by", "split_from"}
)


def _view(by: Principal, row: Any, now: datetime) -> IncidentView:
    state_zh, state_en = state_labels(row.state)
    # who cannot act on it is not said to have it; who has handled it is
    done = row.holder_id is not None and row.state not in (State.DISPATCHED, State.TAKEN)
    has_it = row.owner is None or row.owner in IN_HAND or row.owner == row.held_level or done
    role = ROLE_BY_KEY.get(row.role or "") if has_it else None
    if row.unowned:
        by = by.acting(row.area_ids)
    areas = row.area_names or []
    holder = row.held_name, row.holder_name, row.holder_id
    names_seen = can_see(by, Fact.NAMES, row.area_ids)
    return IncidentView(
        **{name: getattr(row, name) for name in STORED_FIELDS},
        state_zh=state_zh,
        state_en=state_en,
        pending=row.pending_seen,
        version=row.version_seen,
        category_zh=row.category_zh,
        category_en=row.category_en,
        kind=row.kind,
        point={"lon": round(row.lon, 7), "lat": round(row.lat, 7), "crs": "cgcs2000"},
        areas=areas,
        role=role.key if role else None,
        role_zh=role.zh if role else None,
        role_en=role.en if role else None,
        assigned_to=holder_label(by, row.area_ids, row.role, *holder) if has_it else None,
        area=row.held_code,
        way=row.dispatch_mode,
        rule=row.rule_name,
        changed_at=row.changed_seen,
        **_clocks(row, now),
        **_lateness(by, row, now),
        supervisor_zh=_supervisor(row.supervisor_role, "zh"),
        supervisor_en=_supervisor(row.supervisor_role, "en"),
        split_from=row.split_seen,
        split_into=list(row.split_into),
        parent=row.parent_seen,
        children=list(row.children),
        photos=list(row.photos),
        asked_by=row.asked_by if row.pending_seen and names_seen else None,
        offered=row.offers,
        mine=by.person_id is not None and by.person_id == row.holder_id,
        moves=_moves(by, row),
        how=row.explanation,
        queue=queue_to_json(row.owner, row.role, {area["level"]: area["name"] for area in areas})
        if row.owner
        else None,
    )


def _moves(by: Principal, row: Any) -> list[str]:
    """Return what the asker may do now that changes something; little where it repeats another."""
    allowed = allowed_moves(row.state, row.pending_request)
    allowed -= {"supervise" if row.supervised else "release"}
    allowed = allowed - {"unlink"} if row.parent_id is None else allowed & INDEPENDENT_MOVES
    return sorted(name for name in allowed if may_move(by, row, name))


def _clocks(row: Any, now: datetime) -> dict[str, Any]:
    """Return the fields of a view that say how its time runs."""
    return {
        "stage_began": row.stage_started_at,
        "due": row.due_at,
        "amber": row.warning_at,
        "colour": working_time.due_status(now, row.warning_at, row.due_at),
        "left_min": _left_min(row, now),
        "stopped_after_min": _stopped_after_min(row),
        **clock.whole_time(row, now),
    }


def _left_min(row: Any, now: datetime) -> float | None:
    """Return the minutes of its clock until an incident is due, negative past it."""
    if row.due_at is None:
        return None
    late = now > row.due_at
    begin, end = (row.due_at, now) if late else (now, row.due_at)
    unit = clock.clock_of(row.time_limits)
    return round(clock.minutes_between(unit, begin, end) * (-1 if late else 1), 1)


def _stopped_after_min(row: Any) -> float | None:
    """Return the minutes of its clock that were spent of the stage before a suspension."""
    if row.state != State.SUSPENDED:
        return None
    unit = clock.clock_of(row.time_limits)
    return round(clock.spent_minutes(row.spent_min, row.state_before_suspension, unit), 1)


def _lateness(by: Principal, row: Any, now: datetime) -> dict[str, Any]:
    """Return since when the running stage is late, and who held it when its limit passed.

    late_by: role_zh, role_en, area (code), and name: as `holder_label`. None while it is in time.
    """
    if row.due_at is None or now <= row.due_at:
        return {"late_since": None, "late_by": None}
    entry = row.late_by.get(row.state)
    if entry is None:  # nothing happened since: it lies where it lay
        entry = {"role": row.role, "holder_id": row.holder_id}
        holder = row.held_code, row.held_level, row.held_name, row.holder_name
    else:
        holder = row.late_code, row.late_level, row.late_area or row.held_name, row.late_name
    code, level, area_name, person = holder
    role = entry["role"]
    desk = DESK_ROLES.get(level or "operator", "")
    label = holder_label(by, row.area_ids, role, area_name, person, entry["holder_id"])
    since = entry.get("since")
    return {
        "late_since": row.due_at if since is None else datetime.fromisoformat(since),
        "late_by": {
            "role_zh": role_label(role or desk, "zh"),
            "role_en": role_label(role or desk, "en"),
            "area": code,
            "name": label or area_name or None,
        },
    }


def _supervisor(role_key: str | None, language: str) -> str | None:
    is_known = role_key in ROLE_BY_KEY or role_key in ACCESS_ROLES
    return role_label(role_key, language) if role_key and is_known else None


def list_incidents(
    session: Session,
    by: Principal,
    filters: IncidentFilters,
    limit: int,
    cursor: str | None,
    *,
    now: datetime,
) -> list[IncidentView]:
    """List one page of the visible incidents.

    Parameters
    ----------
    limit
        At most so many. after: `sort_key` of the last one of the page before.
    """
    validate_filters(session, filters)
    where, params = filter_conditions(session, by, filters, now)
    order = ORDERS[filters.sort]
    if cursor is not None:
        behind, bounds = order.behind(cursor)
        where, params = f"{where} AND {behind}", params | bounds
    query, query_params = _query(by, f"WHERE {where} ORDER BY {order.order_by} LIMIT :limit")
    return [
        _view(by, row, now)
        for row in session.execute(text(query), params | query_params | {"limit": limit})
    ]


def sort_key(incident: IncidentView, sort: str) -> str:
    """Return the cursor after which the next page begins."""
    return ORDERS[sort].key(incident)


def areas_of(session: Session, incident_id: UUID) -> list[int]:
    """Return the ids of the areas an incident lies in."""
    return session.scalar(select(Incident.area_ids).where(Incident.id == incident_id)) or []


def get_reporter_contact(
    session: Session, by: Principal, incident: IncidentView
) -> Mapping[str, str] | None:
    """Return how to reach the reporter, None if unknown.

    The caller records it (gis/accounts/disclosures.py).

    Raises
    ------
    Forbidden
        The asker may not have contacts there.
    """
    by.require(ACTION_BY_FACT[Fact.CONTACT], areas_of(session, incident.id))
    return find_contact(session, incident.county, incident.id) or None
