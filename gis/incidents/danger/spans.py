"""Hits of words in a text, looked up by place."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Hit(NamedTuple):
    """A word of the table found in a text."""

    start: int
    end: int
    word: str


class Spans:
    """Hits in the order of the text, asked by place.

    Looks at a few of them only, wherever it is asked.
    """

    FEW = 8

    def __init__(self, hits: Sequence[Hit]) -> None:
        self.hits = hits
        self.starts = [hit.start for hit in hits]

    def over(self, hit: Hit) -> bool:
        """Return whether a hit overlaps one of these.

        A longer one that contains it entirely still counts.
        """
        at = bisect_left(self.starts, hit.end)
        return any(
            other.end > hit.start
            and not (hit.start <= other.start and other.end <= hit.end and other.word != hit.word)
            for other in self.hits[max(at - self.FEW, 0) : at]
        )

    def inside(self, start: int, end: int) -> Sequence[Hit]:
        """Return the first few hits that begin and end in a range."""
        at = bisect_left(self.starts, start)
        return [hit for hit in self.hits[at : at + self.FEW] if hit.end <= end]

    def within(self, start: int, end: int) -> bool:
        """Return whether a hit begins and ends in a range."""
        return bool(self.inside(start, end))

    def at(self, start: int) -> bool:
        """Return whether a hit begins exactly at a position."""
        at = bisect_left(self.starts, start)
        return self.starts[at : at + 1] == [start]

    def ending_before(self, end: int, start: int) -> Sequence[Hit]:
        """Return the last few hits that end before a position and begin after another."""
        at = bisect_right(self.starts, end)
        return [
            hit
            for hit in self.hits[max(at - self.FEW, 0) : at]
            if hit.start >= start and hit.end <= end
        ]

    def beside(self, act: Hit, within: int) -> Iterator[Hit]:
        """Yield the nearest hits before and after an act, within so many characters."""
        preceding = self.ending_before(act.start, act.start - within - 12)
        nearest = max(preceding, key=lambda hit: hit.end, default=None)
        if nearest is not None and act.start - nearest.end <= within:
            yield nearest
        following = self.inside(act.end, act.end + within + 12)
        if following and following[0].start - act.end <= within:
            yield following[0]


NONE = Spans(())


def around(borders: Sequence[int], span: Hit) -> tuple[int, int]:
    """Return the clause or sentence of a span.

    From its start to the end of the one the span ends in.
    """
    at = bisect_right(borders, span.start) - 1
    return borders[at], borders[bisect_left(borders, span.end)]
