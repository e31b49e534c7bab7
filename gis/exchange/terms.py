"""Merge the terms of a file into stored terms without overlap; a term says who holds what when.

No database. Times have a time zone. A term holds from `start` (inclusive) to `stop` (exclusive;
None: open).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any, TypeVar

from gis.messages import Message


@dataclass(frozen=True)
class StoredTerm:
    """A term that is known.

    id: None for one that `arrange` opened.
    person, deputy: Codes of people; no person is a vacancy.
    grade: Of the person in it; empty: none is stated.
    """

    id: int | None
    person: str | None
    deputy: str | None
    start: datetime
    stop: datetime | None
    grade: str = ""

    def holds(self, at: datetime) -> bool:
        """Return whether it holds at a moment."""
        return self.start <= at and (self.stop is None or at < self.stop)


@dataclass(frozen=True)
class FileTerm:
    """A term that a row asks for.

    Without a start it begins now, unless the person holds it already.

    is_ongoing: Whether the row says that it has no end (至今), where no stop alone leaves the end
    as it is.
    """

    row: int
    person: str | None
    deputy: str | None
    start: datetime | None
    stop: datetime | None
    is_ongoing: bool = False
    grade: str | None = None


@dataclass(frozen=True)
class TermConflict:
    """A row that does not fit: the column at fault, and why."""

    row: int
    field: str
    reason: Message


def merge_terms(
    stored: Iterable[StoredTerm], new: Sequence[FileTerm], now: datetime
) -> tuple[list[StoredTerm], list[TermConflict]]:
    """Fit terms into a timeline.

    A term that the person holds already keeps its start; its deputy, grade and end are taken over
    where the row gives them. A new term closes the one that runs at its start, and ends where the
    next one begins. What is not asked for stays.

    Parameters
    ----------
    stored
        The known terms, without overlap.
    new
        The terms of the file, in any order; the earlier start comes first.
    now
        The start of terms without one; all moments are given in its zone, and so are their days in
        reasons.

    Returns
    -------
    The whole timeline in its order (no two terms overlap, none is empty), and the rows that do not
    fit, which leave it as it was. Asking for the same again, at any later time, changes nothing.
    """
    timeline = sorted((_in_zone(term, now.tzinfo) for term in stored), key=lambda term: term.start)
    conflicts: list[TermConflict] = []
    row_by_start: dict[datetime, int] = {}
    terms = sorted(
        (_in_zone(term, now.tzinfo) for term in new), key=lambda term: (term.start or now, term.row)
    )
    for nth, term in enumerate(terms):
        start = term.start or now
        later = next(
            (other for other in terms[nth + 1 :] if other.start and other.start > start), None
        )
        if term.start is None and len(new) > 1:
            conflicts.append(TermConflict(term.row, "from", Message("term.start_missing")))
        elif start in row_by_start:
            reason = Message("term.same_start", {"row": str(row_by_start[start])})
            conflicts.append(TermConflict(term.row, "from", reason))
        elif later and later.start and term.stop and later.start < term.stop:
            params = {"stop": _day(term.stop), "row": str(later.row), "start": _day(later.start)}
            conflicts.append(TermConflict(term.row, "to", Message("term.stop_after_row", params)))
        elif later and later.start and term.is_ongoing:
            reason = Message(
                "term.ongoing_before_row", {"row": str(later.row), "start": _day(later.start)}
            )
            conflicts.append(TermConflict(term.row, "to", reason))
        elif conflict := _put(timeline, term, start):
            conflicts.append(conflict)
        row_by_start.setdefault(start, term.row)
    return timeline, conflicts


Term = TypeVar("Term", StoredTerm, FileTerm)


def _in_zone(term: Term, zone: tzinfo | None) -> Term:
    """Return the same term with its moments in a zone."""
    moments: dict[str, Any] = {"start": term.start, "stop": term.stop}
    return replace(
        term, **{name: moment and moment.astimezone(zone) for name, moment in moments.items()}
    )


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


def _put(timeline: list[StoredTerm], term: FileTerm, start: datetime) -> TermConflict | None:
    """Put one term into the timeline, in place; or return why not, and leave it."""
    same = _held_already(timeline, term, start)
    own_start = term.start or (same.start if same else start)
    if term.stop is not None and term.stop <= own_start:
        params = {"stop": f"{term.stop:%Y-%m-%d %H:%M}", "start": f"{own_start:%Y-%m-%d %H:%M}"}
        return TermConflict(term.row, "to", Message("term.stop_not_after_start", params))
    start = same.start if same else start
    following = next((other for other in timeline if other.start > start), None)
    if term.stop is not None and following is not None and following.start < term.stop:
        holder, day = _holder(following), _day(following.start)
        reason = Message(
            "term.stop_after_start_of", {"stop": _day(term.stop), "holder": holder, "start": day}
        )
        return TermConflict(term.row, "to", reason)
    if term.is_ongoing and (same.stop if same else following and following.start):
        end = same.stop if same else following and following.start
        return TermConflict(
            term.row, "to", Message("term.ongoing_but_ends", {"end": f"{end:%Y-%m-%d}"})
        )
    if same is not None:
        timeline[timeline.index(same)] = replace(
            same,
            deputy=term.deputy or same.deputy,
            stop=term.stop or same.stop,
            grade=term.grade or same.grade,
        )
        return None
    running = next((other for other in timeline if other.holds(start)), None)
    if running is not None and running.start == start:
        reason = Message("term.held_from", {"holder": _holder(running), "start": _day(start)})
        return TermConflict(term.row, "from", reason)
    if running is not None:
        timeline[timeline.index(running)] = replace(running, stop=start)
    stop = term.stop or (following.start if following else None)
    timeline.append(StoredTerm(None, term.person, term.deputy, start, stop, term.grade or ""))
    timeline.sort(key=lambda stored: stored.start)
    return None


def _held_already(
    timeline: Sequence[StoredTerm], term: FileTerm, start: datetime
) -> StoredTerm | None:
    """Return the stored term that the row repeats.

    The term has the same person at the row's start or, if the row has none, at its end.
    """
    for stored in timeline:
        is_same_end = term.start is None and stored.stop is not None and stored.stop == term.stop
        if stored.person == term.person and (stored.holds(start) or is_same_end):
            return stored
    return None


def _holder(term: StoredTerm) -> Message:
    if term.person is None:
        return Message("term.vacancy", {"start": _day(term.start)})
    return Message("term.holder", {"person": term.person})
