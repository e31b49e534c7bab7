"""What has changed between two states of coverage: who gained, lost, got faster or slower."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from gis.areas.building_areas import PointAreas, areas_of_points
from gis.errors import InvalidInput, invalid_field
from gis.facilities.accessibility import sum_elders
from gis.facilities.building_coverage import STANDINGS, Standing, require_area, require_level
from gis.facilities.coverage_summary import Tally, flat_counts
from gis.facilities.snapshots import NOW, Snapshot, SnapshotHead, SnapshotItem, read_snapshot, take
from gis.network.snapping import Bools, Floats, Ints

LEAST_CHANGE_MIN = 0.5  # a walk that changes by less is the same


class Change(StrEnum):
    """What has become of a building; the weightiest first."""

    LOST = "lost"  # was served, and certainly is no more
    SLOWER = "slower"
    GAINED = "gained"  # was certainly not served, and is
    FASTER = "faster"
    NEW = "new"  # stood not in the former state
    GONE = "gone"
    UNCLEAR = "unclear"  # of one of the states nothing can be said of it
    SAME = "same"


CHANGES = tuple(Change)


@dataclass(frozen=True)
class AreaDifference:
    """What has changed in one area.

    Attributes
    ----------
    code, name
        The area; None and empty for buildings outside every grid, and for the total.
    served_before, served_after
        Who was served, and who is, each counted as many as lived there then.
    changes
        Everybody by what has become of them, counted as they live there after; gone: as before.
    """

    code: str | None
    name: str
    served_before: Tally
    served_after: Tally
    changes: dict[str, Tally]

    def figures(self) -> dict[str, object]:
        """Return the figures under flat names, as `lost_people`."""
        parts = {"served_before": self.served_before, "served_after": self.served_after}
        return flat_counts({f"{name}_": part for name, part in (parts | self.changes).items()})


@dataclass(frozen=True)
class ItemDifference:
    """What has changed for one item.

    Attributes
    ----------
    change
        Place in CHANGES of each building of the difference.
    walk_before, walk_after
        Minutes; infinite: none within an hour, or no such building.
    """

    item: str
    categories: tuple[str, ...]
    minutes: float
    totals: AreaDifference
    areas: tuple[AreaDifference, ...]
    change: Ints = field(repr=False)
    walk_before: Floats = field(repr=False)
    walk_after: Floats = field(repr=False)


@dataclass(frozen=True)
class Residents:
    """Who lives in some buildings, in parallel arrays; elders are NaN where no household says."""

    households: NDArray[np.int64]
    people: NDArray[np.int64]
    elders: Floats

    def where(self, which: Bools, other: "Residents") -> "Residents":
        """Return these where `which` says so, else the others."""
        return Residents(
            np.where(which, self.households, other.households),
            np.where(which, self.people, other.people),
            np.where(which, self.elders, other.elders),
        )

    def count(self, which: Bools) -> Tally:
        """Count some of the buildings."""
        people = self.people[which]
        return Tally(
            int(which.sum()),
            int(self.households[which].sum()),
            int(people.sum()),
            sum_elders(self.elders[which], people),
        )


@dataclass(frozen=True)
class CoverageDifference:
    """What has changed between two states.

    Attributes
    ----------
    code, lon, lat
        Of every building of either state; a point inside it, degrees, EPSG:4490.
    residents
        Who lives there after; where it is gone, who did.
    areas
        Where the buildings stand, by the boundaries in force.
    """

    before: SnapshotHead
    after: SnapshotHead
    by: str
    items: tuple[ItemDifference, ...]
    code: NDArray[np.str_] = field(repr=False)
    lon: Floats = field(repr=False)
    lat: Floats = field(repr=False)
    residents: Residents = field(repr=False)
    areas: PointAreas = field(repr=False)

    def as_json(self) -> dict[str, object]:
        """Return the difference as the API and the command show it."""
        return {
            "before": self.before.as_json(),
            "after": self.after.as_json(),
            "by": self.by,
            "least_change_minutes": LEAST_CHANGE_MIN,
            "items": [
                {
                    "item": item.item,
                    "categories": item.categories,
                    "minutes": round(item.minutes, 2),
                    "totals": item.totals.figures(),
                    "areas": [
                        {"code": row.code, "name": row.name} | row.figures() for row in item.areas
                    ],
                }
                for item in self.items
            ],
        }


def read_state(session: Session, name: str, like: Snapshot | None = None) -> Snapshot:
    """Return a saved snapshot, or for NOW the present state of what another asked.

    Raises
    ------
    NotFound
        No snapshot has the name.
    InvalidInput
        Both are NOW.
    """
    if name != NOW:
        return read_snapshot(session, name)
    if like is None:
        raise invalid_field("from", "snapshot.from_now", now=NOW)
    return take(session, like.head.question)


def difference(
    session: Session,
    before: Snapshot,
    after: Snapshot,
    *,
    area: str | None = None,
    by: str = "community",
    moment: datetime | None = None,
    within: Collection[int] | None = None,
) -> CoverageDifference:
    """Compare two states of coverage.

    Parameters
    ----------
    before, after
        Of the same question; who walks, the moment and the plan may differ.
    area
        Only the area with this code; None means everywhere.
    by
        county, street, community or grid.
    moment
        Whose boundaries count, for both states; None means now.
    within
        Ids of the areas that count where one of the states has a plan, which may serve a single
        building and so tell who lives there; None means all.

    Raises
    ------
    InvalidInput
        They do not ask the same, or the level or area is not possible.
    NotFound
        No area has the code.
    """
    level = require_level(by)
    if _questions(before) != _questions(after):
        raise InvalidInput(
            "snapshot.other_question", before=before.head.name, after=after.head.name
        )
    code = np.union1d(before.code, after.code)
    was, now = (_index(state.code, code) for state in (before, after))
    lon, lat = (
        np.where(now >= 0, _at(new, now, np.nan), _at(old, was, np.nan))
        for old, new in ((before.lon, after.lon), (before.lat, after.lat))
    )
    areas = areas_of_points(session, moment or datetime.now(UTC), lon, lat)
    which = np.ones(len(code), bool)
    if area is not None:
        which &= areas.within(require_area(session, area))
    if within is not None and (before.head.question.planned or after.head.question.planned):
        which &= areas.in_any(frozenset(within))
    if not which.all():
        code, lon, lat = code[which], lon[which], lat[which]
        was, now = was[which], now[which]
        areas = PointAreas(areas.grid[which], areas.chains)
    lived, live = _residents(before, was), _residents(after, now)
    both = _Pair(was, now, lived, live, lived.where(now < 0, live))
    number, places = areas.at_level(level)
    groups: list[tuple[str | None, str, Bools]] = [
        (named_area.code, named_area.name, number == i) for i, named_area in enumerate(places)
    ]
    groups = [group for group in [*groups, (None, "", number < 0)] if group[2].any()]
    return CoverageDifference(
        before.head,
        after.head,
        level.value,
        tuple(both.item(key, before.items[key], after.items[key], groups) for key in before.items),
        code,
        lon,
        lat,
        both.residents,
        areas,
    )


@dataclass(frozen=True)
class _Pair:
    """Two states on one list of buildings: where each stands in them, and who lives there."""

    was: Ints
    now: Ints
    lived: Residents
    live: Residents
    residents: Residents

    def item(
        self,
        key: str,
        before: SnapshotItem,
        after: SnapshotItem,
        groups: Sequence[tuple[str | None, str, Bools]],
    ) -> ItemDifference:
        """Compare the walks for one item."""
        walks = _at(before.walk, self.was, np.inf), _at(after.walk, self.now, np.inf)
        standings = _at(before.standing, self.was, -1), _at(after.standing, self.now, -1)
        change = _changes(*standings, *walks)
        served = [standing == STANDINGS.index(Standing.SERVED) for standing in standings]

        def row(code: str | None, name: str, which: Bools) -> AreaDifference:
            return AreaDifference(
                code,
                name,
                self.lived.count(which & served[0]),
                self.live.count(which & served[1]),
                {
                    each.value: self.residents.count(which & (change == i))
                    for i, each in enumerate(CHANGES)
                },
            )

        return ItemDifference(
            key,
            before.categories,
            before.minutes,
            row(None, "", np.ones(len(change), bool)),
            tuple(row(*group) for group in groups),
            change,
            *walks,
        )


def _questions(state: Snapshot) -> dict[str, tuple[tuple[str, ...], float]]:
    return {key: (item.categories, item.minutes) for key, item in state.items.items()}


def _index(codes: NDArray[np.str_], codes_to_find: NDArray[np.str_]) -> Ints:
    """Return the place of each wanted code among ascending ones; -1 for none."""
    if not len(codes):
        return np.full(len(codes_to_find), -1, np.int64)
    position = np.minimum(np.searchsorted(codes, codes_to_find), len(codes) - 1)
    return np.where(codes[position] == codes_to_find, position, -1)


def _at(values: NDArray[Any], index: Ints, missing: float) -> NDArray[Any]:
    """Return the values at some places, and one for what is missing."""
    result = np.full(len(index), missing, np.result_type(values, type(missing)))
    result[index >= 0] = values[index[index >= 0]]
    return result


def _residents(state: Snapshot, index: Ints) -> Residents:
    return Residents(
        _at(state.households, index, 0),
        _at(state.people, index, 0),
        _at(state.elders, index, np.nan),
    )


def _changes(old: Ints, new: Ints, walk_before: Floats, walk_after: Floats) -> Ints:
    """Return the place in CHANGES of each building from its standings (-1: none) and walks."""
    served, beyond = STANDINGS.index(Standing.SERVED), STANDINGS.index(Standing.BEYOND)
    is_certain = np.isin(old, [served, beyond]) & np.isin(new, [served, beyond])
    with np.errstate(invalid="ignore"):  # of two that are infinite
        longer = np.nan_to_num(walk_after - walk_before)
    cases = {
        Change.NEW: old < 0,
        Change.GONE: new < 0,
        Change.UNCLEAR: ~is_certain,
        Change.LOST: (old == served) & (new == beyond),
        Change.GAINED: (old == beyond) & (new == served),
        Change.SLOWER: longer >= LEAST_CHANGE_MIN,
        Change.FASTER: longer <= -LEAST_CHANGE_MIN,
    }
    return np.select(
        [*cases.values()], [CHANGES.index(change) for change in cases], CHANGES.index(Change.SAME)
    )
