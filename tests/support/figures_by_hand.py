"""The figures counted the long way: in Python, incident by incident, over the events."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.incidents import working_time

FINISHED = ("handled", "checked", "closed")
WAITING = ("reported", "accepted", "dispatched", "returned")


@dataclass
class Counted:
    """The incidents of each rate (`of`, and `n` of them), of each count, and hours by incident."""

    n: dict[str, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    of: dict[str, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    count: dict[str, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    hours: dict[str, dict[UUID, float]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, rate: str, incident_id: UUID, counts: bool) -> None:
        self.of[rate].add(incident_id)
        if counts:
            self.n[rate].add(incident_id)

    def rate(self, name: str, ids: Iterable[UUID]) -> tuple[int, int]:
        """n and of, of some incidents."""
        return len(self.n[name] & set(ids)), len(self.of[name] & set(ids))

    def median(self, name: str, ids: Iterable[UUID]) -> float | None:
        values = [
            self.hours[name][incident_id] for incident_id in ids if incident_id in self.hours[name]
        ]
        return median(values) if values else None


def count_by_hand(session: Session, since: datetime, until: datetime, now: datetime) -> Counted:
    """Count every figure of the incidents reported from `since` until before `until`."""
    counted, events = Counted(), defaultdict(list)
    for event in session.execute(text("SELECT * FROM incident_event ORDER BY id")):
        events[event.incident_id].append(event)
    verdicts = {
        row.incident_id: row.verdict
        for row in session.execute(
            text("SELECT * FROM spot_check WHERE verdict <> '' ORDER BY checked_at, id")
        )
    }
    for row in session.execute(text("SELECT * FROM incident")):
        if since <= row.reported_at < until and row.state != "void" and row.parent_id is None:
            _count_one(counted, row, events[row.id], verdicts.get(row.id), now)
    return counted


def _count_one(
    counted: Counted, row: Any, events: list[Any], verdict: str | None, now: datetime
) -> None:
    moves = defaultdict(list)
    for event in events:
        moves[event.move].append(event)
    late = row.due_at is not None and row.due_at < now
    finished = row.state in FINISHED
    counts = {
        "reported": True,
        "closed": row.state == "closed",
        "open": row.state != "closed",
        "overdue": late,
        "supervised": row.supervised or moves["escalate"] or moves["supervise"],
        "rated": row.rating is not None,
        "taken": moves["take"],
        "handled": finished and moves["handle"],
    }
    for name, counts_it in counts.items():
        if counts_it:
            counted.count[name].add(row.id)
    if moves["take"] or (late and row.state in WAITING):
        in_time = bool(moves["take"]) and moves["take"][0].detail.get("in_time", True)
        counted.add("response", row.id, in_time)
    counted.add("completion", row.id, row.state == "closed")
    counted.add("returned", row.id, bool(moves["return"]))
    if finished and moves["handle"]:
        counted.add("in_time", row.id, moves["handle"][-1].detail.get("in_time", True))
    elif not finished and late:
        counted.add("in_time", row.id, False)
    if row.solved is not None or (moves["reopen"] and not finished):
        counted.add("resolution", row.id, bool(row.solved) and finished)
    for name, rating in (
        ("satisfaction", row.rating),
        ("office_satisfaction", row.office_rating),
    ):
        if rating is not None:
            counted.add(name, row.id, rating >= 4)
    called = any(event.detail["outcome"] == "reached" for event in moves["follow_up"])
    call_late = row.follow_up_due_at is not None and row.follow_up_due_at < now
    if called or call_late:
        counted.add("followed_up", row.id, not call_late)
    if row.office_solved is not None:
        counted.add("office_resolution", row.id, row.office_solved)
    if verdict:
        counted.add("confirmed", row.id, verdict == "real")
    for name, end in (
        ("hours_to_take", moves["take"][0].at if moves["take"] else None),
        ("hours_to_handle", moves["handle"][-1].at if counts["handled"] else None),
    ):
        if end:
            wall, working = (
                working_time.elapsed_minutes(row.reported_at, end, around_the_clock=clock) / 60
                for clock in (True, False)
            )
            counted.hours[name][row.id] = wall
            counted.hours[f"{name}_working"][row.id] = working
