"""Who lives in a made-up town and who answers for it: homes, ten-household units, posts, deputies
and leave.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

from gis.demo.compounds import House

HOUSEHOLDS, PEOPLE, UNITS = 8800, 24_000, 510  # the Zone's pilot, the measure of every size
FEWEST, MOST = 10, 20  # households of a unit
START = datetime(
    2026, 1, 1, tzinfo=ZoneInfo("Asia/Shanghai")
)  # since when the town's areas and posts hold
CHANGED = datetime(2026, 6, 1, tzinfo=START.tzinfo)  # when some grids got a new leader


def largest_remainder_shares(total: int, weights: Sequence[float]) -> list[int]:
    """Whole numbers in proportion to weights that add up to a total (largest remainders)."""
    whole = sum(weights)
    exact = [total * weight / whole for weight in weights]
    found = [int(one) for one in exact]
    order = sorted(range(len(exact)), key=lambda i: (found[i] - exact[i], i))
    for i in order[: total - sum(found)]:
        found[i] += 1
    return found


@dataclass(frozen=True)
class GeneratedHousehold:
    """One household: number of the house in its block, stairwell (0: none), floor, room, people."""

    house: int
    stair: int
    floor: int
    room: str
    people: int


@dataclass(frozen=True)
class Part:
    """What a unit holds of a house: a stairwell (0: none) and floors; no floors: all of them."""

    house: int
    stair: int
    floors: tuple[int, int] | None


def allocate_households(
    houses: Sequence[House], households: int, people: int, dice: Random
) -> list[GeneratedHousehold]:
    """Fill homes: so many households, so many people, a few rooms left empty.

    In order of house, stairwell, floor.
    """
    rooms = [
        (number, stair, floor, f"{floor}{door:02d}")
        for number, house in enumerate(houses)
        if house.doors
        for stair in (range(1, house.stairs + 1) if house.stairs else (0,))
        for floor in range(1, house.floors + 1)
        for door in range(1, house.doors + 1)
    ]
    taken = sorted(dice.sample(range(len(rooms)), households))
    sizes = dice.choices((1, 2, 3, 4, 5, 6), (15, 28, 32, 15, 7, 3), k=households)
    while (missing := people - sum(sizes)) != 0:
        step = 1 if missing > 0 else -1
        for i in dice.sample(range(households), min(abs(missing), households)):
            if 1 <= sizes[i] + step <= 7:
                sizes[i] += step
    return [GeneratedHousehold(*rooms[i], size) for i, size in zip(taken, sizes, strict=True)]


def allocate_units(
    houses: Sequence[House], homes: Sequence[GeneratedHousehold], count: int
) -> list[tuple[list[Part], list[int]]]:
    """Bind homes into so many units of 10 to 20: whole floors, in order, cut between stairwells
    where it can be.

    Returns
    -------
    For each unit its parts and the numbers of its homes.

    Houses without a stairwell stay whole unless some unit would come out too small or too large for
    it.
    """
    whole = _bind(houses, homes, count, torn=False)
    fits = all(FEWEST <= len(members) <= MOST for _, members in whole)
    return whole if fits else _bind(houses, homes, count, torn=True)


def _bind(
    houses: Sequence[House], homes: Sequence[GeneratedHousehold], count: int, torn: bool
) -> list[tuple[list[Part], list[int]]]:
    floors: list[tuple[tuple[int, int, int], list[int]]] = []
    for number, home in enumerate(homes):
        level = home.floor if torn or houses[home.house].stairs else 0
        key = (home.house, home.stair, level)
        if not floors or floors[-1][0] != key:
            floors.append((key, []))
        floors[-1][1].append(number)
    cuts = _cut([(key[:2], len(members)) for key, members in floors], count)
    found = []
    for low, high in pairwise(cuts):
        piece = floors[low:high]
        parts: dict[tuple[int, int], list[int]] = {}
        for (house, stair, level), _ in piece:
            parts.setdefault((house, stair), []).append(level)
        found.append(
            (
                [
                    Part(h, s, _span(houses[h], low, high, floors, (h, s), levels))
                    for (h, s), levels in parts.items()
                ],
                [number for _, members in piece for number in members],
            )
        )
    return found


def _span(
    house: House,
    low: int,
    high: int,
    floors: list[tuple[tuple[int, int, int], list[int]]],
    where: tuple[int, int],
    levels: list[int],
) -> tuple[int, int] | None:
    """Floors from and to of a part, empty floors between units given to the lower one.

    None for all floors.
    """
    if levels == [0]:
        return None
    before = low > 0 and floors[low - 1][0][:2] == where
    after = floors[high][0] if high < len(floors) and floors[high][0][:2] == where else None
    bottom = min(levels) if before else 1
    top = after[2] - 1 if after else house.floors
    return None if (bottom, top) == (1, house.floors) else (bottom, top)


def _cut(atoms: Sequence[tuple[tuple[int, int], int]], count: int) -> list[int]:
    """Where to cut a row of floors into pieces, as even as can be (dynamic programming
    over cuts).
    """
    total = sum(size for _, size in atoms)
    target = total / count
    sums = [0]
    for _, size in atoms:
        sums.append(sums[-1] + size)
    best: list[dict[int, tuple[float, int]]] = [{0: (0.0, 0)}]
    for piece in range(1, count + 1):
        here: dict[int, tuple[float, int]] = {}
        for start, (cost, _) in best[-1].items():
            for end in range(start + 1, len(atoms) + 1):
                size = sums[end] - sums[start]
                if size > 2 * MOST:
                    break
                more = (size - target) ** 2 + (0 if FEWEST <= size <= MOST else 1000)
                if end < len(atoms) and atoms[end - 1][0] == atoms[end][0]:
                    more += 6  # a stairwell is better not torn
                if end not in here or cost + more < here[end][0]:
                    here[end] = (cost + more, start)
        # only places from which the rest can still be even
        best.append(
            {
                end: found
                for end, found in here.items()
                if abs(sums[end] - piece * target) <= 2 * MOST
            }
        )
    cuts = [len(atoms)]
    for piece in range(count, 0, -1):
        cuts.append(best[piece][cuts[-1]][1])
    return cuts[::-1]


@dataclass(frozen=True)
class PostRow:
    """A made-up post: role, area or building (numbers of the caller), holder and deputy (numbers of
    persons), time.
    """

    role: str
    area: int | None
    building: int | None
    holder: int | None
    deputy: int | None
    start: datetime = START
    end: datetime | None = None


@dataclass(frozen=True)
class GridToStaff:
    """A grid that wants people: its area, its units, and the buildings that have a head."""

    area: int
    units: Sequence[int]
    buildings: Sequence[int]


class Staff:
    """Hands out numbers of persons and posts for one community after the other."""

    def __init__(self, dice: Random) -> None:
        self.dice = dice
        self.persons = 0

    def hire(self) -> int:
        """A new person's number, from 0."""
        self.persons += 1
        return self.persons - 1

    def community(self, community: int, grids: Sequence[GridToStaff]) -> Iterator[PostRow]:
        """Posts of a community and all below it.

        One grid in five has a second worker, one worker in ten two grids.
        """
        secretary = self.hire()
        workers = [self.hire() for _ in range(3)]
        yield PostRow("community_secretary", community, None, secretary, workers[0])
        for worker, deputy in zip(workers, workers[1:] + workers[:1], strict=True):
            yield PostRow("community_worker", community, None, worker, deputy)
        for _ in range(3):
            yield PostRow("party_member", community, None, self.hire(), None)
        yield PostRow("volunteer_team", community, None, self.hire(), None)
        contact, before = self.hire(), None
        for place, grid in enumerate(grids):
            leader = self.hire()
            shared = before is not None and self.dice.random() < 0.1
            worker = before if shared and before is not None else self.hire()
            if self.dice.random() < 0.3:
                yield PostRow("grid_leader", grid.area, None, self.hire(), worker, START, CHANGED)
                yield PostRow("grid_leader", grid.area, None, leader, worker, CHANGED)
            else:
                yield PostRow(
                    "grid_leader",
                    grid.area,
                    None,
                    leader if self.dice.random() > 0.06 else None,
                    worker,
                )
            yield PostRow("grid_worker", grid.area, None, worker, leader)
            if self.dice.random() < 0.2:
                yield PostRow("grid_worker", grid.area, None, self.hire(), worker)
            yield PostRow("grid_party_leader", grid.area, None, self.hire(), leader)
            if place % 4 == 0:
                yield PostRow("contact_leader", grid.area, None, contact, None)
            before = worker
            heads = [self.hire() for _ in grid.units]
            for unit, head, neighbour in zip(grid.units, heads, heads[1:] + heads[:1], strict=True):
                vacant = self.dice.random() < 0.02
                yield PostRow(
                    "unit_head",
                    unit,
                    None,
                    None if vacant else head,
                    neighbour if neighbour != head else None,
                )
            for building in grid.buildings:
                yield PostRow("building_head", None, building, self.dice.choice(heads), None)
                yield PostRow(
                    "building_sponsor", None, building, workers[building % len(workers)], secretary
                )

    def leave(self, persons: int) -> Iterator[tuple[int, datetime, datetime]]:
        """Two weeks away every three months, for three years, for one person in twelve: (person,
        from, to).
        """
        for person in range(persons):
            if self.dice.random() < 1 / 12:
                first = START + timedelta(days=self.dice.randrange(91))
                for quarter in range(12):
                    start = first + timedelta(days=91 * quarter)
                    yield person, start, start + timedelta(days=14)
