"""Supervision (督办): who watches a matter, computed from its place and the moment.

The n-th time that the limit of a stage has passed, the n-th living step above whoever is late now
supervises. How many steps there were is not stored: the clock and the ladder say it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from gis.areas.models import Area
from gis.db import cached_text
from gis.incidents.clock import (
    clock_of,
    late_since,
    limit_minutes,
    moment_after,
    passed_limits,
)
from gis.incidents.lifecycle.events import EventInput, lock_incident, notify_of_move, record_event
from gis.incidents.models import IncidentEvent
from gis.incidents.policy import policy_of
from gis.incidents.reading.locked import LockedIncident
from gis.incidents.routing.post_holders import (
    DESK_ROLES,
    HEIGHT,
    Step,
    list_post_holders,
    office,
    steps_above,
)
from gis.incidents.states import ENDED_STATES
from gis.messages import Message, render
from gis.rights.living import SIGNS_IN, given_there, has_account, on_duty
from gis.rights.principal import system_principal
from gis.rights.roles import ACCESS_ROLE_BY_POST

SUPERVISION_ACTOR = "job clock"

# who supervises by hand does it by the access role of their post
ACCESS_ROLES_SQL = ", ".join(f"('{post}', '{role}')" for post, role in ACCESS_ROLE_BY_POST.items())
# the incident `i` is supervised, and nobody alive is in the chair of its supervisor
# OFFSET 0: the posts of its areas by their index, where PostgreSQL would read all posts at once
VACANT = f"""i.supervised AND i.supervisor_role IS NOT NULL AND NOT EXISTS (
  SELECT FROM (
    SELECT * FROM post
    WHERE area_id = ANY(i.area_ids) AND valid_time @> CAST(:now AS timestamptz) OFFSET 0
  ) p JOIN personal.person h ON h.id IN (p.holder_id, p.deputy_id)
  WHERE (p.role = i.supervisor_role OR (p.role, i.supervisor_role) IN ({ACCESS_ROLES_SQL}))
    AND {on_duty("h.id", ":now")} AND {has_account("h.id")})
AND NOT EXISTS (
  SELECT FROM personal.access_grant g JOIN personal.account c ON c.id = g.account_id
  WHERE g.role = i.supervisor_role AND {given_there("i.area_ids")}
    AND {SIGNS_IN.format(a="c")} AND {on_duty("c.person_id", ":now")})"""  # noqa: S608  our own text
IS_VACANT = f"SELECT {VACANT} FROM incident i WHERE i.id = :id"  # noqa: S608  our own text


def escalate_overdue(
    session: Session, incident_id: UUID, now: datetime, *, job: str = SUPERVISION_ACTOR
) -> bool:
    """Put an overdue incident under the step above whoever is late, once for each limit passed.

    False: it is not due (any more).

    Notes
    -----
    The next step follows when the same limit has passed again, counted from when this one was due,
    so that a missed run is caught up step by step without doubling.
    """
    row = lock_incident(session, system_principal(job), incident_id)
    due = row.supervise_at
    if due is None or due > now or row.state in ENDED_STATES:
        return False
    passed = passed_limits(row.time_limits, row.state, row.due_at or due, due)
    steps = _steps(session, row, now)
    detail: dict[str, Any] = {"passed": passed, "due": row.due_at, "late_since": late_since(row)}
    if passed > len(steps):
        note = Message("event_note.overdue_at_the_top")
        changes: dict[str, Any] = {"supervised": True, "supervise_at": None}
        _record(session, row, None, note, detail | {"top": True}, changes, now, job)
        return True
    step = _next_step(session, row, steps, passed, now)
    again = moment_after(clock_of(row.time_limits), due, limit_minutes(row.time_limits, row.state))
    note = Message("event_note.overdue", {"role": Message(f"role.{step.role}")})
    _record(session, row, step, note, detail, {"supervise_at": again}, now, job)
    return True


def fill_vacant_chair(
    session: Session, incident_id: UUID, now: datetime, *, job: str = SUPERVISION_ACTOR
) -> bool:
    """Pass the supervision of an incident on whose supervisor is away, or is no more.

    To the next living step above; to the highest there is if nobody higher lives. False: somebody
    is there, or nobody lives above whoever holds it.
    """
    row = lock_incident(session, system_principal(job), incident_id)
    vacant = session.scalar(cached_text(IS_VACANT), {"id": row.id, "now": now})
    if not vacant or row.state in ENDED_STATES:
        return False
    role = row.supervisor_role or ""
    steps = [step for step in _steps(session, row, now) if step.role != role]
    if not steps:
        return False
    step = _first_above(steps, HEIGHT.get(role, 0)) or steps[-1]
    note = Message(
        "event_note.supervisor_away",
        {"old": Message(f"role.{role}"), "role": Message(f"role.{step.role}")},
    )
    detail = {"vacant": role, "late_since": late_since(row)}
    _record(session, row, step, note, detail, {}, now, job)
    return True


def supervise_reopened(session: Session, incident_id: UUID, now: datetime, actor: str) -> bool:
    """Supervise an incident at once that was reopened as often as its county sets, or more often.

    By the first living step above whoever holds it. False: it was not, or nobody is above.
    """
    reopened = session.scalar(
        select(func.count()).where(
            IncidentEvent.incident_id == incident_id, IncidentEvent.move == "reopen"
        )
    )
    row = lock_incident(session, system_principal(actor), incident_id)
    if (reopened or 0) < policy_of(session, row.county).supervised_reopening:
        return False
    steps = _steps(session, row, now)
    if not steps:
        return False
    note = Message(
        "event_note.reopened_again",
        {"count": reopened, "role": Message(f"role.{steps[0].role}")},
    )
    detail = {"reopened": reopened, "late_since": late_since(row)}
    _record(session, row, steps[0], note, detail, {}, now, SUPERVISION_ACTOR)
    return True


def _steps(session: Session, row: LockedIncident, now: datetime) -> list[Step]:
    """Return the living steps above whoever has an incident now, the nearest first."""
    level = session.scalar(select(Area.level).where(Area.id == row.area_id))
    desk = DESK_ROLES.get(level or ("operator" if row.dispatch_mode == "assign" else ""), "")
    return steps_above(
        list_post_holders(session, row.area_ids, row.building_id, now),
        row.time_limits.get("escalation", ()),
        HEIGHT.get(row.role or desk, 0),
        office(session, row.area_ids, now),
    )


class _Watch(NamedTuple):
    """How an incident is supervised: whether by somebody's hand, and for which lateness."""

    by_hand: bool
    late_since: str | None


# of the time since supervision ended last
WATCH_SQL = """
SELECT coalesce(bool_or(move = 'supervise'), false) AS by_hand,
  (array_agg(detail ->> 'late_since' ORDER BY id DESC))[1] AS late_since
FROM incident_event
WHERE incident_id = :id AND move IN ('escalate', 'supervise') AND id > coalesce((
  SELECT max(id) FROM incident_event WHERE incident_id = :id AND move IN ('release', 'reopen')), 0)
"""


def _next_step(
    session: Session, row: LockedIncident, steps: Sequence[Step], passed: int, now: datetime
) -> Step:
    """Return who supervises after so many limits, never below who does in the same lateness.

    Nor below who took it under supervision by hand. An empty chair is stepped over.
    """
    step = steps[passed - 1]
    if not row.supervised or row.supervisor_role is None:
        return step
    watch = _Watch(*session.execute(text(WATCH_SQL), {"id": row.id}).one())
    height = HEIGHT.get(row.supervisor_role, 0)
    stays = watch.by_hand or watch.late_since == late_since(row)
    if not stays or HEIGHT[step.role] >= height:
        return step
    if session.scalar(cached_text(IS_VACANT), {"id": row.id, "now": now}):
        return _first_above(steps, height) or steps[-1]
    return next(
        (item for item in steps if item.role == row.supervisor_role),
        Step(row.supervisor_role, None),
    )


def _first_above(steps: Sequence[Step], height: int) -> Step | None:
    return next((step for step in steps if HEIGHT[step.role] > height), None)


def _record(
    session: Session,
    row: LockedIncident,
    step: Step | None,
    note: Message,
    detail: Mapping[str, Any],
    changes: Mapping[str, Any],
    now: datetime,
    actor: str,
) -> None:
    """Write that somebody supervises an incident, and tell them and the holder."""
    person = step.person_id if step else None
    watched = {"supervised": True, "supervisor_role": step.role} if step else {}
    role = {"role": step.role} if step else {}
    record_event(
        session,
        row,
        EventInput(
            "escalate",
            actor,
            note=render(note, "zh"),
            role="system",
            person_id=person,
            detail={**detail, **role, "en": render(note)},
        ),
        now,
        changes={**changes, **watched},
    )
    notify_of_move(
        session,
        row,
        "escalate",
        {},
        system_principal(actor),
        extra_person_ids=[person],
        now=now,
        to_desk=person is None,  # a step without a person is an office's, and so is the top
    )
