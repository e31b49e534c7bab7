"""Filing matters that another system has begun or finished, as they stood there.

What happened in between is not invented: one event, `load`, brings a matter to its state, and the
figures of taking and handling do not count it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas.snapshot import RegistrySnapshot
from gis.errors import invalid_fields
from gis.incidents.clock import PROMISED, stage_clock
from gis.incidents.lifecycle.effects import suspension_columns
from gis.incidents.lifecycle.events import insert_offers
from gis.incidents.lifecycle.insertion import TrackingKey, incident_row, insert_incident
from gis.incidents.lifecycle.intake import Assessed, IncidentReport, assess, moment_error
from gis.incidents.lifecycle.report import (
    first_events,
    insert_contact,
    notice_of,
    sound_alarm,
)
from gis.incidents.reading.filters import area_id
from gis.incidents.routing.post_holders import office
from gis.incidents.routing.router import RoutingDecision, route
from gis.incidents.states import ENDED_STATES, State
from gis.incidents.working_time import WARNING_SHARE
from gis.rights.actions import Action
from gis.rights.principal import Principal

RATINGS = ("rating", "solved", "office_rating", "office_solved")
HELD_STATES = (State.DISPATCHED, State.TAKEN, State.HANDLED, State.CHECKED, State.SUSPENDED)


@dataclass(frozen=True)
class Past:
    """What has become of a matter elsewhere.

    state: None: it is open, and begins here as a report does. handler: Code or name of a person, or
    an organisation, as written. role, post_area: Key of the role that has it, code of the area it
    is for. due: Of the running stage of an open matter. promised: By when all of it is to be done,
    as somebody else promised. until: Of a suspended one. closed_at: Of a finished one.
    result: What was done. rating, solved: The reporter's own word; office_rating, office_solved: as
    recorded at the follow-up.
    """

    state: State | None = None
    handler: str = ""
    role: str = ""
    post_area: str = ""
    due: datetime | None = None
    promised: datetime | None = None
    until: datetime | None = None
    closed_at: datetime | None = None
    result: str = ""
    rating: int | None = None
    solved: bool | None = None
    office_rating: int | None = None
    office_solved: bool | None = None


class Handler(NamedTuple):
    """Who has a matter, as stored; None where it is not known here."""

    person_id: int | None
    role: str | None
    area_id: int | None


# a person by code, else by a name that one person alone has; of an open matter only who has a post,
# or takes orders, in one of its areas or its building; an order is of a person, not of an area
HANDLER_SQL = """
WITH person AS (
  SELECT p.id, p.code = :handler AS by_code,
    (SELECT jsonb_build_array(t.role, t.area_id) FROM post t
     WHERE p.id IN (t.holder_id, t.deputy_id) AND t.valid_time @> CAST(:now AS timestamptz)
       AND (t.area_id = ANY(:areas) OR t.building_id = :building)
     ORDER BY t.role = :role DESC, t.id LIMIT 1) AS post,
    (SELECT jsonb_build_array(o.role, NULL) FROM order_taker o
     WHERE o.person_id = p.id AND o.active AND o.area_id = ANY(:areas) LIMIT 1) AS taker
  FROM personal.person p WHERE p.code = :handler OR p.name = :handler
)
SELECT id, coalesce(CASE WHEN taker ->> 0 = :role THEN taker END, post, taker) AS seat FROM person
WHERE by_code OR (SELECT count(*) = 1 FROM person)
ORDER BY by_code DESC LIMIT 1
"""


def file_past(
    session: Session,
    principal: Principal,
    report: IncidentReport,
    past: Past,
    now: datetime,
    *,
    snapshot: RegistrySnapshot | None = None,
) -> UUID:
    """File a matter as it stands elsewhere, and return its id.

    A finished one is told to nobody. An open one goes to its handler if they have a post in its
    place now, else to who is there now, as a report does.

    Parameters
    ----------
    principal
        Needs Action.REPORT and Action.DISPATCH in the areas of the location.
    snapshot
        As for `gis.areas.resolver.resolve_request`.

    Raises
    ------
    InvalidInput
        As `gis.incidents.lifecycle.intake.assess`; or a moment is out of range, or a role or area
        is unknown.
    OutsideGrids, NotFound, Forbidden
        As there.
    """
    due, promised, until = past.due, past.promised, past.until
    moments = (("due_at", due), ("due_at", promised), ("suspended_until", until))
    if wrong := [error for name, at in moments if (error := moment_error(name, at))]:
        raise invalid_fields(wrong)
    case = assess(session, principal, report, now, snapshot=snapshot)
    principal.require(Action.DISPATCH, case.where.area_ids)
    ended = past.state in ENDED_STATES
    if ended and report.severity:  # its danger is over
        case = replace(case, severity=report.severity)
    # its category is as clear as it was elsewhere
    routed = route(session, replace(case.routing_request(report.channel), clear=True), now)
    handler = _find_handler(session, case, past, now, ended=ended)
    has_handler = handler is not None and handler.person_id is not None
    state = past.state or (State.DISPATCHED if has_handler else routed.state)
    routed = _as_past(session, case, routed, past, state, handler, now)
    how = [*case.how, *([] if ended else routed.how)]
    tracking = TrackingKey()
    new_id = tracking.incident_id
    events = first_events(principal, report, case, routed, now)
    if past.state is not None:
        events = [events[0], *_load_events(events[0], past, past.state, now)]
    if past.handler and not has_handler:
        events[-1]["detail"] = events[-1].get("detail", {}) | {"handler": past.handler}
    row = incident_row(principal, report, case, routed.columns, how, tracking, events)
    notice = None if ended else notice_of(session, case, routed, new_id, now)
    insert_incident(session, row, events, notice)
    insert_contact(session, report, case.where.county, new_id)
    if not ended:
        if routed.offers:
            insert_offers(session, case.where.county, new_id, routed.offers, now)
        sound_alarm(session, case, routed, new_id)
    return new_id


def _find_handler(
    session: Session, case: Assessed, past: Past, now: datetime, *, ended: bool
) -> Handler | None:
    """Return who has or had a matter; None if that is not known here."""
    post_area = area_id(session, past.post_area, "post_area") if past.post_area else None
    params = {
        "handler": past.handler,
        "now": now,
        "areas": case.where.area_ids,
        "building": case.where.building_id,
        "role": past.role,
    }
    row = session.execute(text(HANDLER_SQL), params).one_or_none() if past.handler else None
    if row is not None and (ended or row.seat):
        role, seat_area = row.seat or (None, None)
        return Handler(row.id, past.role or role, post_area or seat_area)
    return Handler(None, past.role, post_area) if past.role else None


def _as_past(
    session: Session,
    case: Assessed,
    routed: RoutingDecision,
    past: Past,
    state: State,
    handler: Handler | None,
    now: datetime,
) -> RoutingDecision:
    """Return where a matter goes: to its handler, else as it was routed, else to the office."""
    columns, offers = dict(routed.columns), routed.offers
    if handler is None and state in ENDED_STATES:  # the figures count it as nobody's here
        handler = Handler(None, None, None)
    if handler is not None:
        columns |= {
            "role": handler.role or None,
            "area_id": handler.area_id,
            "holder_id": handler.person_id,
            "dispatch_mode": "assign",
        }
        offers = []
    elif state != routed.state and (
        state not in HELD_STATES or routed.offers or routed.state != State.DISPATCHED
    ):
        columns |= office(session, case.where.area_ids, now).columns | {"dispatch_mode": "assign"}
        offers = []
    if past.promised is not None:
        columns["time_limits"] = {**columns["time_limits"], PROMISED: past.promised.isoformat()}
    columns |= stage_clock(columns["time_limits"], state, now)
    if past.due is not None and columns["due_at"] is not None:
        left = max(past.due - now, timedelta())
        columns |= {
            "due_at": past.due,
            "supervise_at": past.due,
            "warning_at": min(now + left * WARNING_SHARE, past.due),
        }
    if past.until is not None:
        columns |= suspension_columns(session, case.where.county, past.until, now)
    if offers:  # unclaimed in time it falls back to the community instead of going one level up
        columns["supervise_at"] = None
    columns |= {name: getattr(past, name) for name in RATINGS}
    return replace(routed, state=state, columns=columns, seat=None, offers=offers)


def _load_events(
    reported: Mapping[str, Any], past: Past, state: State, now: datetime
) -> list[dict[str, Any]]:
    """Return the events that bring a matter to its state; none where it is as it was reported."""
    if state == State.REPORTED and not past.result:
        return []
    steps = [state]
    if state == State.SUSPENDED:  # resumed, it goes back to the state before
        steps.insert(0, State.TAKEN if past.handler or past.role else State.ACCEPTED)
    return [
        {
            **reported,
            "move": "load",
            "at": past.closed_at or now,
            "from_state": previous,
            "to_state": step,
            "note": past.result if step == state else "",
            "detail": {"loaded_at": now},
        }
        for previous, step in zip((State.REPORTED, *steps), steps, strict=False)
    ]
