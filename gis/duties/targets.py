"""The light of a duty: how what was done stands to what is asked for the year.

What is needed of somebody who has the duty for a part of the year is that part of the yearly
target, rounded up. On course is who has done the part of it for the time gone, rounded down; when
the time of the duty is over, who has done all.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Light = Literal["green", "yellow", "red", "none"]
LIGHTS: tuple[Light, ...] = ("green", "yellow", "red", "none")


@dataclass(frozen=True)
class Progress:
    """What was done of what is asked.

    Attributes
    ----------
    target
        A year; None: nothing is asked.
    needed
        For the part of the year in which the duty is held.
    expected
        Of it, by now.
    """

    done: int
    target: int | None
    needed: int
    expected: int


@dataclass(frozen=True)
class HeldTime:
    """Seconds of a year in which a duty is held, those of them that are gone, and of the year."""

    held: int
    gone: int
    year: int


def measure(done: int, target: int | None, time: HeldTime) -> Progress:
    """Return what was done beside what is needed and expected by now."""
    needed = -(-(target or 0) * time.held // time.year)
    is_over = time.gone >= time.held
    return Progress(
        done, target, needed, needed if is_over else (target or 0) * time.gone // time.year
    )


def light_of(parts: Iterable[Progress]) -> Light:
    """Return green when all is reached, yellow when all is on course, else red."""
    targeted = [part for part in parts if part.target]
    if not targeted:
        return "none"
    if all(part.done >= part.needed for part in targeted):
        return "green"
    return "yellow" if all(part.done >= part.expected for part in targeted) else "red"
