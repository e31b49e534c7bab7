"""The other grids in which a point may lie that is known only within some metres."""

from gis.areas.explanation import DecisionStep, decision_step
from gis.areas.grids import GridIndex
from gis.areas.locate_result import GridCandidate
from gis.messages import Message

MAX_ACCURACY_REACH_M = 1000.0  # metres; a place that is known less exactly tells no grid
MAX_OTHER_GRIDS = 20  # other grids in an answer


def reach_m(accuracy_m: float | None) -> float:
    """Return within how many metres of a point other grids are looked for."""
    return min(accuracy_m or 0.0, MAX_ACCURACY_REACH_M)


def other_grids(
    grids: GridIndex, accuracy_m: float | None, row: int, x: float, y: float
) -> list[GridCandidate]:
    """Return the grids other than its own in which a point may lie, the nearest first.

    Parameters
    ----------
    accuracy_m
        Metres within which the point is known; None: as given.
    row
        Its own grid.
    x, y
        Degrees, EPSG:4490.
    """
    if accuracy_m is None:
        return []
    near = grids.others_within(row, x, y, reach_m(accuracy_m))
    return [
        GridCandidate(grids.codes[other], grids.names[other], round(metres, 1))
        for other, metres in near[:MAX_OTHER_GRIDS]
    ]


def accuracy_steps(accuracy_m: float | None, candidates: list[GridCandidate]) -> list[DecisionStep]:
    """Return the step that says what the accuracy of a point leaves open, if it was stated."""
    if accuracy_m is None:
        return []
    metres = f"{accuracy_m:.0f}"
    if not candidates:
        return [decision_step("accuracy", "no_other", metres=metres)]
    named = [
        Message("locate.grid_with_code", {"name": grid.name, "code": grid.code})
        for grid in candidates
    ]
    return [decision_step("accuracy", "others", metres=metres, grids=named)]
