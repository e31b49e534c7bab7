"""The clocks of an incident: the time of a stage, what was spent in it, and the whole time.

A stretch of time is measured in working minutes and in minutes of the wall clock, so that the two
are never added up, whichever of them an incident runs by.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from gis.errors import invalid_field
from gis.incidents import working_time
from gis.incidents.states import ENDED_STATES, State

WORKING, WALL = CLOCKS = ("working", "wall")
# the columns of a running clock
CLOCK_COLUMNS = ("stage_started_at", "warning_at", "due_at", "supervise_at")
# the stages that a matter goes through from report to close; coming back adds none
STAGES = (
    State.REPORTED,
    State.ACCEPTED,
    State.DISPATCHED,
    State.TAKEN,
    State.HANDLED,
    State.CHECKED,
)
# among the limits: the moment, as ISO 8601, by which the whole matter is to be done, as the hotline
# that handed it over says; no stage's time goes beyond it
PROMISED = "promised"
MIN_LIMIT_MINUTES = 1.0
MAX_LIMIT_MINUTES = 60 * 24 * 366

# state -> clock -> minutes
Spent = Mapping[str, Mapping[str, float]]


def clock_of(limits: Mapping[str, Any]) -> str:
    """Return the clock that an incident with these limits runs by: working or wall."""
    return WALL if limits.get("around_the_clock") else WORKING


def minutes_between(clock: str, began: datetime, until: datetime) -> float:
    """Return the minutes of a clock between two moments; 0 when `until` is earlier."""
    return working_time.elapsed_minutes(began, until, around_the_clock=clock == WALL)


def moment_after(clock: str, began: datetime, minutes: float) -> datetime:
    """Return the moment when so many minutes of a clock are over."""
    return working_time.deadline(began, minutes, around_the_clock=clock == WALL)


def spent_minutes(spent: Spent, state: str, clock: str) -> float:
    """Return the minutes of a clock that were spent in a state, the running stretch left out."""
    return spent.get(state, {}).get(clock, 0.0)


def add_stretch(
    spent: Spent, state: str, began: datetime, until: datetime
) -> dict[str, Mapping[str, float]]:
    """Return what was spent with one more stretch in a state."""
    stretch = {
        clock: spent_minutes(spent, state, clock) + minutes_between(clock, began, until)
        for clock in CLOCKS
    }
    return {**spent, state: stretch}


def spent_until(row: Any, now: datetime) -> Spent:
    """Return what an incident spent in each state, the running stretch with it."""
    if row.stage_started_at is None:
        spent: Spent = row.spent_min
        return spent
    return add_stretch(row.spent_min, row.state, row.stage_started_at, now)


def stage_clock(
    limits: Mapping[str, Any], state: str, began: datetime, spent: Spent | None = None
) -> dict[str, Any]:
    """Return the columns of a stage's clock that runs since a moment, with what was spent before.

    A stage without a limit has no clock; how long a suspension lasts is measured all the same.
    """
    minutes = limits.get(state)
    columns: dict[str, Any] = dict.fromkeys(CLOCK_COLUMNS)
    if minutes is None:
        return columns | ({"stage_started_at": began} if state == State.SUSPENDED else {})
    clock = clock_of(limits)
    spent_before = spent_minutes(spent or {}, state, clock)
    due, warning = (
        moment_after(clock, began, max(float(minutes) * share - spent_before, 0.0))
        for share in (1.0, working_time.WARNING_SHARE)
    )
    if (promised := promised_end(limits)) is not None and promised < due:
        left = max(promised - began, timedelta())
        due, warning = promised, began + left * working_time.WARNING_SHARE
    return {
        "stage_started_at": began,
        "warning_at": warning,
        "due_at": due,
        "supervise_at": due,
    }


def promised_end(limits: Mapping[str, Any]) -> datetime | None:
    """Return by when a matter is to be done as was promised elsewhere, if it was."""
    promised = limits.get(PROMISED)
    return None if promised is None else datetime.fromisoformat(promised)


def passed_limits(limits: Mapping[str, Any], state: str, due: datetime, at: datetime) -> int:
    """Return how many times a stage's limit has passed at a moment since it was due: 1 then."""
    passed = minutes_between(clock_of(limits), due, at) / limit_minutes(limits, state)
    return 1 + int(passed + 1e-6)  # whole steps, whatever a float lost


def limit_minutes(limits: Mapping[str, Any], state: str) -> float:
    """Return the minutes of a stage's limit, at least MIN_LIMIT_MINUTES."""
    return max(float(limits.get(state, 60)), MIN_LIMIT_MINUTES)


def require_limit(minutes: object) -> float:
    """Return a limit that somebody states, in minutes of its clock.

    Raises
    ------
    InvalidInput
        It is no number, not above 0, or more than MAX_LIMIT_MINUTES.
    """
    if not isinstance(minutes, int | float) or not 0 < minutes <= MAX_LIMIT_MINUTES:
        raise invalid_field("minutes", "limit.minutes_out_of_range", limit=MAX_LIMIT_MINUTES)
    return float(minutes)


def begun_anew(row: Any) -> dict[str, Any]:
    """Return the columns of an incident whose stages begin anew: nothing spent, nobody late.

    How long it was suspended stays, since it is no stage's time.
    """
    suspended = {key: value for key, value in row.spent_min.items() if key == State.SUSPENDED}
    return {"spent_min": suspended, "late_by": {}}


def clock_changes(
    row: Any, new_state: str, changes: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """Return the columns of the clocks that change with a move besides its own changes.

    Parameters
    ----------
    row
        The incident before the move: a LockedIncident.
    changes
        Columns that the move changes: `spent_min` begins the stages anew; `time_limits`,
        `parent_id` and `dispatch_mode` change the clock that runs.
    """
    limits = changes.get("time_limits", row.time_limits)
    if PROMISED in row.time_limits:  # whatever it is taken for, or to whom it goes
        limits = {**limits, PROMISED: row.time_limits[PROMISED]}
    is_anew = "spent_min" in changes
    is_child = changes.get("parent_id", row.parent_id) is not None
    is_entered = new_state != row.state or is_anew or (row.parent_id is not None and not is_child)
    spent, late = changes.get("spent_min", row.spent_min), changes.get("late_by", row.late_by)
    if not is_anew:
        if is_entered or is_child:
            spent = spent_until(row, now)
        late = with_lateness(row, now)
    columns: dict[str, Any] = {}
    if is_child:  # the clock is the parent's own: two would blame twice
        columns = dict.fromkeys(CLOCK_COLUMNS)
    elif is_entered or limits != row.time_limits:
        began = now if is_entered else row.stage_started_at or now
        columns = stage_clock(limits, new_state, began, spent)
        late = _still_late(late, new_state, columns, now)
    columns |= _order_clock(row, new_state, changes, columns)
    if "time_limits" in changes:
        columns["time_limits"] = limits
    stored = {"spent_min": spent, "late_by": late}
    return columns | {key: value for key, value in stored.items() if value != getattr(row, key)}


def _order_clock(
    row: Any, new_state: str, changes: Mapping[str, Any], columns: Mapping[str, Any]
) -> dict[str, Any]:
    """Return when an order goes up: never; unclaimed in time it falls back to the community."""
    if new_state != State.DISPATCHED:
        return {}
    if changes.get("dispatch_mode", row.dispatch_mode) == "order":
        return {"supervise_at": None}
    if row.dispatch_mode == "order" and "supervise_at" not in columns:
        return {"supervise_at": row.due_at}  # an order no more
    return {}


def _still_late(
    late: Mapping[str, Any], state: str, columns: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """Return who was late, without the state whose clock has time left."""
    has_time = columns["due_at"] is not None and columns["due_at"] > now
    return {key: entry for key, entry in late.items() if not (has_time and key == state)}


def with_lateness(row: Any, now: datetime) -> dict[str, Any]:
    """Return who was late in which state, with who holds it now if the running limit has passed.

    Notes
    -----
    Called at every event before it changes the holder; so the one that is stored first is the one
    who held it when the limit passed.
    """
    if row.due_at is None or now <= row.due_at or row.state in row.late_by:
        return dict(row.late_by)
    entry = {
        "since": row.due_at,
        "role": row.role,
        "area_id": row.area_id,
        "holder_id": row.holder_id,
    }
    return {**row.late_by, row.state: entry}


def late_holders(row: Any, now: datetime) -> frozenset[int]:
    """Return the ids of the persons who held an incident when a limit passed that is still over."""
    holders = (entry["holder_id"] for entry in with_lateness(row, now).values())
    return frozenset(holder for holder in holders if holder is not None)


def carried_on(row: Any, part: Any, now: datetime) -> dict[str, Any]:
    """Return the columns of the clocks of a part of an incident.

    What was spent of each stage is spent of the part's, too: splitting buys no time.
    """
    spent = spent_until(row, now)
    columns = stage_clock(part.time_limits, part.state, now, spent)
    late = _still_late(with_lateness(row, now), part.state, columns, now)
    if part.dispatch_mode == "order":
        columns["supervise_at"] = None
    return columns | {"spent_min": spent, "late_by": late}


def late_since(row: Any) -> str | None:
    """Return the moment since when the running stage is late, as ISO 8601; None: it has no clock.

    A stage that was entered again with its time spent is late since the first time.
    """
    since = row.late_by.get(row.state, {}).get("since", row.due_at)
    return since.isoformat() if isinstance(since, datetime) else since


def whole_time(row: Any, now: datetime) -> dict[str, Any]:
    """Return the time from report to close, each number of one clock.

    open_working_min leaves suspended_min out, both in working minutes; open_wall_min is all of it.
    total_due is when the limits of all stages together are over, moved by suspension; of what was
    promised elsewhere the moment that was promised.
    """
    until = now if row.state not in ENDED_STATES else row.closed_at or now
    suspended = {clock: spent_minutes(row.spent_min, State.SUSPENDED, clock) for clock in CLOCKS}
    if row.state == State.SUSPENDED and row.stage_started_at is not None:
        suspended = dict(
            add_stretch(row.spent_min, State.SUSPENDED, row.stage_started_at, now)[State.SUSPENDED]
        )
    clock = clock_of(row.time_limits)
    limit = sum(float(row.time_limits.get(stage) or 0.0) for stage in STAGES)
    working = minutes_between(WORKING, row.reported_at, until) - suspended[WORKING]
    return {
        "clock": clock,
        "open_working_min": round(max(working, 0.0), 1),
        "open_wall_min": round(minutes_between(WALL, row.reported_at, until), 1),
        "suspended_min": round(suspended[WORKING], 1),
        "total_due": promised_end(row.time_limits)
        or moment_after(clock, row.reported_at, limit + suspended[clock]),
    }
