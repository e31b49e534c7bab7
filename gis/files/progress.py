"""Telling whoever waits for a load how far it is."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Progress = Callable[[str, int], None]  # what is being done, how many so far
Item = TypeVar("Item")

STEP = 1_000  # items between two reports


def counted(items: Iterable[Item], label: str, report_progress: Progress) -> Iterator[Item]:
    """Yield items, and report now and then how many there were."""
    report_progress(label, 0)
    for count, item in enumerate(items, 1):
        if count % STEP == 0:
            report_progress(label, count)
        yield item
