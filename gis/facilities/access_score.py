"""One mark for each community: how near daily facilities are to those who live there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy.orm import Session

from gis.facilities.access_store import read_labels, require_categories
from gis.facilities.building_coverage import read_buildings, require_level
from gis.facilities.categories import CATEGORY_BY_KEY
from gis.network.snapping import Bools, Floats

FULL_MIN, LIMIT_MIN, AT_LIMIT = 5.0, 15.0, 0.5  # minutes of the full mark, of the last, and that


@dataclass(frozen=True)
class AreaScore:
    """The mark of an area, 0 to 100.

    Attributes
    ----------
    code, name
        The area.
    households, people
        Who lives there.
    score
        The mean of the marks of the categories; None where no category has one.
    by_category
        The mark of each category; None: of nobody there anything can be said.
    """

    code: str
    name: str
    households: int
    people: int
    score: float | None
    by_category: dict[str, float | None]


def score(
    session: Session,
    area: str | None = None,
    profile: str = "adult",
    *,
    by: str = "community",
    categories: Sequence[str] | None = None,
    open_at: datetime | None = None,
) -> list[AreaScore]:
    r"""Return the mark of each area, by code.

    Parameters
    ----------
    area
        Only the area with this code; None means everywhere.
    profile
        Who walks.
    by
        county, street, community or grid.
    categories
        Which count, each the same; None means those of which the data hold a facility.
    open_at
        As of `read_buildings`.

    Raises
    ------
    InvalidInput, NotFound, Unavailable
        As in `gis.facilities.coverage_summary.coverage`.

    Notes
    -----
    A person :math:`p` with :math:`t_{pc}` minutes to the nearest facility of category :math:`c`
    has :math:`m(t) = 1` up to 5 minutes, :math:`m(t) = 1 - 0.05 (t - 5)` up to 15, where it is
    0.5, and 0 beyond. The mark is :math:`100 / |C| \sum_c \mathrm{mean}_p\, m(t_{pc})`. Left
    out of a mean are those of whom it cannot be said: the data end within 15 minutes and nearer
    than the facility, or no street is near. A category of which the data hold no facility at
    all says more about the data than about the place, so it does not count unless it is named.
    """
    level = require_level(by)
    stated = categories or [next(iter(CATEGORY_BY_KEY))]
    buildings = read_buildings(session, stated, profile, area, open_at=open_at)
    keys = require_categories(categories or [*CATEGORY_BY_KEY])
    labels = read_labels(session, buildings.walker, keys, open_at)
    order = labels[keys[0]].building
    if categories is None:
        labels = {key: each for key, each in labels.items() if (each.facility >= 0).any()}
    number, areas = buildings.areas.at_level(level)
    result = []
    for i, where in enumerate(areas):
        which = number == i
        if not which.any():
            continue
        rows = np.searchsorted(order, buildings.id[which])
        people = buildings.people[which]
        marks = {
            key: _mean(each.minutes[rows], each.edge_minutes[rows], each.off_network[rows], people)
            for key, each in labels.items()
        }
        numbers = [mark for mark in marks.values() if mark is not None]
        result.append(
            AreaScore(
                where.code,
                where.name,
                int(buildings.households[which].sum()),
                int(people.sum()),
                round(sum(numbers) / len(numbers), 1) if numbers else None,
                {key: None if mark is None else round(mark, 1) for key, mark in marks.items()},
            )
        )
    return result


def walk_mark(minutes: Floats) -> Floats:
    """Return the mark of walks, 0 to 1: full up to 5 minutes, half at 15, none beyond."""
    slope = (1 - AT_LIMIT) / (LIMIT_MIN - FULL_MIN)
    finite = np.where(np.isfinite(minutes), minutes, LIMIT_MIN)
    mark = 1 - slope * np.maximum(finite - FULL_MIN, 0)
    return np.where(minutes <= LIMIT_MIN, mark, 0.0)


def _mean(minutes: Floats, edge: Floats, off: Bools, people: np.ndarray) -> float | None:
    """Return the mean mark in hundredths over the people of whom it can be said."""
    sure = ~off & ((minutes <= LIMIT_MIN) | (edge > LIMIT_MIN))
    count = int(people[sure].sum())
    return 100 * float((walk_mark(minutes[sure]) * people[sure]).sum()) / count if count else None
