"""Follow-up (回访): calling the reporter after the work is done, and what they say.

It changes no state; a reporter who says that it is not solved reopens the matter.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gis.errors import invalid_field
from gis.incidents.clock import WORKING, moment_after
from gis.incidents.lifecycle.payload import Effect, MovePayload
from gis.incidents.models import IncidentEvent
from gis.incidents.policy import MAX_CALL_LATER, policy_of
from gis.incidents.reading.locked import LockedIncident
from gis.incidents.reading.reporters import find_contact
from gis.incidents.states import ENDED_STATES, SOLVED, State
from gis.incidents.working_time import day_minutes
from gis.rights.principal import Principal

REACHED, CALL_LATER = "reached", "call_later"
OUTCOMES = (REACHED, "no_answer", "wrong_number", "refused", CALL_LATER)
# nobody is called again after these, whatever the number of calls
FINAL_OUTCOMES = (REACHED, "wrong_number", "refused")
NOT_ASKED = {"follow_up_due_at": None, "questionnaire_at": None}  # any more
# why somebody is not content
DISSATISFACTION = ("not_solved", "slow", "attitude", "not_informed", "result", "other")


def follow_up(
    session: Session, principal: Principal, row: LockedIncident, payload: MovePayload, now: datetime
) -> Effect:
    """Record a call to the reporter: its outcome, what they say, and when to call again.

    Raises
    ------
    InvalidInput
        The outcome is unknown, or a field does not go with it.
    """
    _validate(payload, now)
    attempt = count_calls(session, row) + 1
    changes: dict[str, Any] = {"follow_up_due_at": None}
    max_calls = policy_of(session, row.county).max_calls
    if payload.outcome not in FINAL_OUTCOMES and attempt < max_calls:
        changes["follow_up_due_at"] = payload.again_at or next_working_day(now)
    detail: dict[str, Any] = {"outcome": payload.outcome, "attempt": attempt}
    if payload.again_at is not None:
        detail["again_at"] = payload.again_at
    if payload.outcome == REACHED:
        changes["office_solved"] = payload.solved
        detail |= {"solved": payload.solved, "reasons": list(payload.reasons)}
        if payload.rating is not None:
            changes["office_rating"] = detail["rating"] = payload.rating
    return changes, detail, []


def _validate(payload: MovePayload, now: datetime) -> None:
    """Raise InvalidInput unless the fields of a call go together.

    Raises
    ------
    InvalidInput
        One is unknown, missing, out of range, or belongs to another outcome.
    """
    if payload.outcome not in OUTCOMES:
        raise invalid_field(
            "outcome", "field.none_of", value=payload.outcome[:40], allowed=list(OUTCOMES)
        )
    if (payload.outcome == CALL_LATER) != (payload.again_at is not None):
        raise invalid_field("again_at", "follow_up.again_at_with_call_later")
    if payload.again_at is not None and not now < payload.again_at <= now + MAX_CALL_LATER:
        raise invalid_field("again_at", "follow_up.again_at_out_of_range", days=MAX_CALL_LATER.days)
    if payload.outcome != REACHED:
        for name, value in (
            ("solved", payload.solved is not None),
            ("rating", payload.rating is not None),
            ("reasons", bool(payload.reasons)),
        ):
            if value:
                raise invalid_field(name, "follow_up.only_when_reached")
        return
    if payload.solved is None:
        raise invalid_field("solved", "follow_up.solved_missing")
    if payload.rating is not None and not 1 <= payload.rating <= 5:
        raise invalid_field("rating", "rate.rating_out_of_range")
    for reason in payload.reasons:
        if reason not in DISSATISFACTION:
            raise invalid_field(
                "reasons", "field.none_of", value=reason[:40], allowed=list(DISSATISFACTION)
            )


def count_calls(session: Session, row: LockedIncident) -> int:
    """Return how many times the reporter was called since the work was done last."""
    handled = (
        select(func.max(IncidentEvent.id))
        .where(IncidentEvent.incident_id == row.id, IncidentEvent.move == "handle")
        .scalar_subquery()
    )
    calls = select(func.count()).where(
        IncidentEvent.incident_id == row.id,
        IncidentEvent.move == "follow_up",
        IncidentEvent.id > func.coalesce(handled, 0),
    )
    return session.scalar(calls) or 0


def next_working_day(now: datetime) -> datetime:
    """Return the moment a working day after another."""
    return moment_after(WORKING, now, day_minutes(now))


def after_work(
    session: Session, row: LockedIncident, new_state: str, now: datetime
) -> dict[str, Any]:
    """Return when the reporter is to be called and asked by mail, as a move changes it.

    Called within a working day after it is handled, if they can be reached; asked by mail as soon
    as it is closed, if they left an address. Neither while somebody works on it again.
    """
    if new_state == row.state:
        return {}
    if new_state == State.HANDLED:
        due = next_working_day(now) if _is_reachable(session, row, mail=False) else None
        return {"follow_up_due_at": due}
    if new_state == State.CLOSED:
        return {"questionnaire_at": now if _is_reachable(session, row, mail=True) else None}
    if row.state in (*SOLVED, *ENDED_STATES) and new_state not in SOLVED:
        return NOT_ASKED
    return {}


def _is_reachable(session: Session, row: LockedIncident, *, mail: bool) -> bool:
    """Return whether a reporter has an account or left a way to reach them, or a mail address."""
    if row.account_id is not None and not mail:
        return True
    contact = find_contact(session, row.county, row.id)
    return any(contact.get(name) for name in (("email",) if mail else ("email", "phone")))
