"""Who holds one thing when: fitting the terms of a file into the terms already known, without overlap.

Pure: no database. Times are aware; a term holds from `start` (inclusive) to `stop` (exclusive; None: still).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True)
class StoredTerm:
    """A term that is known.

    id: None for one that `arrange` opened.
    person, deputy: Codes of people; no person is a vacancy.
    """

    id: int | None
    person: str | None
    deputy: str | None
    start: datetime
    stop: datetime | None

    def holds(self, at: datetime) -> bool:
        """Whether it holds at a moment."""
        return self.start <= at and (self.stop is None or at < self.stop)


@dataclass(frozen=True)
class FileTerm:
    """A term that a row asks for. Without a start it begins now, unless the person holds it already.

    is_ongoing: Whether the row says that it has no end (至今), where no stop alone leaves the end as it is.
    """

    row: int
    person: str | None
    deputy: str | None
    start: datetime | None
    stop: datetime | None
    is_ongoing: bool = False


@dataclass(frozen=True)
class TermConflict:
    """A row that does not fit: the column at fault, and why."""

    row: int
    field: str
    reason: str


def merge_terms(
    held: Iterable[StoredTerm], asked: Sequence[FileTerm], now: datetime
) -> tuple[list[StoredTerm], list[TermConflict]]:
    """Fit terms into a timeline.

    A term that the person holds already keeps its start; its deputy and its end are taken over where the
    row gives them. A new term closes the one that runs at its start, and ends where the next one begins.
    What is not asked for stays.

    Args:
        held: The known terms, without overlap.
        asked: The terms of the file, in any order; the earlier start comes first.
        now: The start of terms without one.

    Returns:
        The whole timeline in its order (no two terms overlap, none is empty), and the rows that do not fit,
        which leave it as it was. Asking for the same again, at any later time, changes nothing.
    """
    line = sorted(held, key=lambda one: one.start)
    clashes: list[TermConflict] = []
    rows: dict[datetime, int] = {}  # row by start
    terms = sorted(asked, key=lambda one: (one.start or now, one.row))
    for nth, term in enumerate(terms):
        start = term.start or now
        later = next((one for one in terms[nth + 1 :] if one.start and one.start > start), None)
        if term.start is None and len(asked) > 1:
            reason = "is empty, and other rows name the same; each needs its first day"
            clashes.append(TermConflict(term.row, "from", reason))
        elif start in rows:
            clashes.append(TermConflict(term.row, "from", f"the same from the same day as in row {rows[start]}"))
        elif later and later.start and term.stop and later.start < term.stop:
            reason = f"{term.stop:%Y-%m-%d} is later than the first day of row {later.row}, {later.start:%Y-%m-%d}"
            clashes.append(TermConflict(term.row, "to", reason))
        elif later and term.is_ongoing:
            reason = f"the row says that it goes on, but row {later.row} begins on {later.start:%Y-%m-%d}"
            clashes.append(TermConflict(term.row, "to", reason))
        elif clash := _put(line, term, start):
            clashes.append(clash)
        rows.setdefault(start, term.row)
    return line, clashes


def _put(line: list[StoredTerm], term: FileTerm, start: datetime) -> TermConflict | None:
    """Put one term into the timeline, in place; or say why not, and leave it."""
    same = _held_already(line, term, start)
    first = term.start or (same.start if same else start)
    if term.stop is not None and term.stop <= first:
        return TermConflict(
            term.row, "to", f"{term.stop:%Y-%m-%d %H:%M} is not after the start, {first:%Y-%m-%d %H:%M}"
        )
    start = same.start if same else start
    following = next((one for one in line if one.start > start), None)
    if term.stop is not None and following is not None and following.start < term.stop:
        reason = f"{term.stop:%Y-%m-%d} is later than the start of {_who(following)}, {following.start:%Y-%m-%d}"
        return TermConflict(term.row, "to", reason)
    if term.is_ongoing and (same.stop if same else following and following.start):
        end = same.stop if same else following and following.start
        return TermConflict(term.row, "to", f"the row says that it goes on, but it is known to end on {end:%Y-%m-%d}")
    if same is not None:
        line[line.index(same)] = replace(same, deputy=term.deputy or same.deputy, stop=term.stop or same.stop)
        return None
    running = next((one for one in line if one.holds(start)), None)
    if running is not None and running.start == start:
        reason = f"{_who(running)} holds it from {start:%Y-%m-%d} on; another holder needs a later first day"
        return TermConflict(term.row, "from", reason)
    if running is not None:
        line[line.index(running)] = replace(running, stop=start)
    stop = term.stop or (following.start if following else None)
    line.append(StoredTerm(None, term.person, term.deputy, start, stop))
    line.sort(key=lambda one: one.start)
    return None


def _held_already(line: Sequence[StoredTerm], term: FileTerm, start: datetime) -> StoredTerm | None:
    """The known term that the row tells again: held at its start by its person, or (no start) to its end."""
    for one in line:
        if one.person == term.person and (
            one.holds(start) or (term.start is None and one.stop and one.stop == term.stop)
        ):
            return one
    return None


def _who(held: StoredTerm) -> str:
    return f"the vacancy of {held.start:%Y-%m-%d}" if held.person is None else f"the holder {held.person}"
