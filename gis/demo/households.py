"""The people of a made-up town: households, ten-household units, posts, deputies and leave."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

from psycopg.types.range import TimestamptzRange

from gis.demo.compounds import House

# of the table household, in the order in which rows are written
DEMO_HOUSEHOLD_COLUMNS = (
    "county",
    "building_id",
    "stairwell_id",
    "floor",
    "room",
    "people",
    "elders",
    "children",
    "unit_id",
)
PILOT_HOUSEHOLDS, PILOT_PEOPLE, PILOT_UNITS = 8800, 24_000, 510  # of the Zone's pilot
# a stairwell with fewer joins the next, one with more is divided
MIN_UNIT_HOUSEHOLDS, MAX_UNIT_HOUSEHOLDS = 10, 20
# from which the town's areas and posts are valid
START = datetime(2026, 1, 1, tzinfo=ZoneInfo("Asia/Shanghai"))
LEADER_CHANGE_AT = datetime(2026, 6, 1, tzinfo=START.tzinfo)  # at which some grids get a new leader


def largest_remainder_shares(total: int, weights: Sequence[float]) -> list[int]:
    """Return whole numbers in proportion to weights that add up to a total.

    References
    ----------
    The largest remainder method (Hare quota).
    """
    whole = sum(weights)
    exact = [total * weight / whole for weight in weights]
    shares = [int(share) for share in exact]
    order = sorted(range(len(exact)), key=lambda i: (shares[i] - exact[i], i))
    for i in order[: total - sum(shares)]:
        shares[i] += 1
    return shares


@dataclass(frozen=True)
class GeneratedHousehold:
    """A household.

    Attributes
    ----------
    house
        Index of the house in its block.
    stair
        Number of the stairwell; 0 means none.
    """

    house: int
    stair: int
    floor: int
    room: str
    people: int
    elders: int
    children: int


@dataclass(frozen=True)
class Part:
    """A part of a house that belongs to a unit.

    Attributes
    ----------
    stair
        Number of the stairwell; 0 means none.
    floors
        Lowest and highest floor; None means all.
    """

    house: int
    stair: int
    floors: tuple[int, int] | None


def allocate_households(
    houses: Sequence[House], households: int, people: int, rng: Random
) -> list[GeneratedHousehold]:
    """Return households in the homes of a block, ordered by house, stairwell and floor.

    Parameters
    ----------
    households, people
        Totals; homes beyond them stay empty.
    """
    rooms = [
        (number, stair, floor, f"{floor}{door:02d}")
        for number, house in enumerate(houses)
        if house.doors
        for stair in (range(1, house.stairs + 1) if house.stairs else (0,))
        for floor in range(1, house.floors + 1)
        for door in range(1, house.doors + 1)
    ]
    taken = sorted(rng.sample(range(len(rooms)), households))
    sizes = rng.choices((1, 2, 3, 4, 5, 6), (15, 28, 32, 15, 7, 3), k=households)
    while (missing := people - sum(sizes)) != 0:
        step = 1 if missing > 0 else -1
        for i in rng.sample(range(households), min(abs(missing), households)):
            if 1 <= sizes[i] + step <= 7:
                sizes[i] += step
    return [
        GeneratedHousehold(*rooms[i], size, elders, draw_children(size, elders))
        for i, size in zip(taken, sizes, strict=True)
        for elders in [draw_elders(size, rng)]
    ]


def draw_elders(people: int, rng: Random) -> int:
    """Return how many people of a home are sixty or older: of all homes about a fifth."""
    return min(people, rng.choices((0, 1, 2), (62, 20, 18))[0])


def draw_children(people: int, elders: int) -> int:
    """Return how many people of a home are six or younger: one where two others can be parents."""
    return int(people - elders >= 3)


def allocate_units(
    houses: Sequence[House], homes: Sequence[GeneratedHousehold], count: int
) -> list[tuple[list[Part], list[int]]]:
    """Bind homes into units of 10 to 20: whole floors, in order, cut between stairwells.

    Returns
    -------
    list
        For each unit its parts and the indices of its homes.

    Notes
    -----
    Houses without a stairwell stay whole, unless a unit would then be too small or too large.
    """
    whole = _bind(houses, homes, count, torn=False)
    fits = all(MIN_UNIT_HOUSEHOLDS <= len(members) <= MAX_UNIT_HOUSEHOLDS for _, members in whole)
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
    units = []
    for low, high in pairwise(cuts):
        piece = floors[low:high]
        parts: dict[tuple[int, int], list[int]] = {}
        for (house, stair, level), _ in piece:
            parts.setdefault((house, stair), []).append(level)
        units.append(
            (
                [
                    Part(h, s, _span(houses[h], low, high, floors, (h, s), levels))
                    for (h, s), levels in parts.items()
                ],
                [number for _, members in piece for number in members],
            )
        )
    return units


def _span(
    house: House,
    low: int,
    high: int,
    floors: list[tuple[tuple[int, int, int], list[int]]],
    where: tuple[int, int],
    levels: list[int],
) -> tuple[int, int] | None:
    """Return the lowest and highest floor of a part; None for all floors.

    Empty floors between two units belong to the lower one.
    """
    if levels == [0]:
        return None
    is_shared_below = low > 0 and floors[low - 1][0][:2] == where
    next_floor = floors[high][0] if high < len(floors) and floors[high][0][:2] == where else None
    bottom = min(levels) if is_shared_below else 1
    top = next_floor[2] - 1 if next_floor else house.floors
    return None if (bottom, top) == (1, house.floors) else (bottom, top)


def _cut(atoms: Sequence[tuple[tuple[int, int], int]], count: int) -> list[int]:
    """Return where to cut a row of floors into pieces, as even as possible.

    Notes
    -----
    Dynamic programming over the cuts: squared deviation from the mean size, with penalties for
    sizes out of range and for cuts inside a stairwell.
    """
    total = sum(size for _, size in atoms)
    target = total / count
    sums = [0]
    for _, size in atoms:
        sums.append(sums[-1] + size)
    best: list[dict[int, tuple[float, int]]] = [{0: (0.0, 0)}]
    for piece in range(1, count + 1):
        current: dict[int, tuple[float, int]] = {}
        for start, (cost, _) in best[-1].items():
            for end in range(start + 1, len(atoms) + 1):
                size = sums[end] - sums[start]
                if size > 2 * MAX_UNIT_HOUSEHOLDS:
                    break
                penalty = (size - target) ** 2 + (
                    0 if MIN_UNIT_HOUSEHOLDS <= size <= MAX_UNIT_HOUSEHOLDS else 1000
                )
                if end < len(atoms) and atoms[end - 1][0] == atoms[end][0]:
                    penalty += 6  # prefer cuts between stairwells
                if end not in current or cost + penalty < current[end][0]:
                    current[end] = (cost + penalty, start)
        # only cuts from which the remaining pieces can still be even
        best.append(
            {
                end: choice
                for end, choice in current.items()
                if abs(sums[end] - piece * target) <= 2 * MAX_UNIT_HOUSEHOLDS
            }
        )
    cuts = [len(atoms)]
    for piece in range(count, 0, -1):
        cuts.append(best[piece][cuts[-1]][1])
    return cuts[::-1]


@dataclass(frozen=True)
class PostRow:
    """A made-up post.

    Attributes
    ----------
    area, building
        Ids; one of them is None.
    holder, deputy
        Indices of persons.
    start, end
        Half-open period; an end of None means open.
    """

    role: str
    area: int | None
    building: int | None
    holder: int | None
    deputy: int | None
    start: datetime = START
    end: datetime | None = None

    def to_columns(self, county: str, persons: Sequence[int]) -> tuple[object, ...]:
        """Return county, role, area, building, holder, deputy and period, with ids of persons."""
        return (
            county,
            self.role,
            self.area,
            self.building,
            None if self.holder is None else persons[self.holder],
            None if self.deputy is None else persons[self.deputy],
            TimestamptzRange(self.start, self.end, "[)"),
        )


@dataclass(frozen=True)
class GridToStaff:
    """A grid that needs people: its area, its units, and the buildings that have a head."""

    area: int
    units: Sequence[int]
    buildings: Sequence[int]


class Staff:
    """Generator of persons and posts, one community after the other."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.persons = 0

    def hire(self) -> int:
        """Return the index of a new person, from 0."""
        self.persons += 1
        return self.persons - 1

    def community(self, community: int, grids: Sequence[GridToStaff]) -> Iterator[PostRow]:
        """Yield the posts of a community and of everything below it.

        One grid in five has a second worker, one worker in ten has two grids.
        """
        secretary = self.hire()
        workers = [self.hire() for _ in range(3)]
        yield PostRow("community_secretary", community, None, secretary, workers[0])
        for worker, deputy in zip(workers, workers[1:] + workers[:1], strict=True):
            yield PostRow("community_worker", community, None, worker, deputy)
        for _ in range(3):
            yield PostRow("party_member", community, None, self.hire(), None)
        yield PostRow("volunteer_team", community, None, self.hire(), None)
        contact, previous_worker = self.hire(), None
        for index, grid in enumerate(grids):
            leader = self.hire()
            shared = previous_worker is not None and self.rng.random() < 0.1
            worker = previous_worker if shared and previous_worker is not None else self.hire()
            if self.rng.random() < 0.3:
                yield PostRow(
                    "grid_leader", grid.area, None, self.hire(), worker, START, LEADER_CHANGE_AT
                )
                yield PostRow("grid_leader", grid.area, None, leader, worker, LEADER_CHANGE_AT)
            else:
                yield PostRow(
                    "grid_leader",
                    grid.area,
                    None,
                    leader if self.rng.random() > 0.06 else None,
                    worker,
                )
            yield PostRow("grid_worker", grid.area, None, worker, leader)
            if self.rng.random() < 0.2:
                yield PostRow("grid_worker", grid.area, None, self.hire(), worker)
            yield PostRow("grid_party_leader", grid.area, None, self.hire(), leader)
            if index % 4 == 0:
                yield PostRow("contact_leader", grid.area, None, contact, None)
            previous_worker = worker
            heads = [self.hire() for _ in grid.units]
            for unit, head, neighbour in zip(grid.units, heads, heads[1:] + heads[:1], strict=True):
                vacant = self.rng.random() < 0.02
                yield PostRow(
                    "unit_head",
                    unit,
                    None,
                    None if vacant else head,
                    neighbour if neighbour != head else None,
                )
            for building in grid.buildings:
                yield PostRow("building_head", None, building, self.rng.choice(heads), None)
                yield PostRow(
                    "building_sponsor", None, building, workers[building % len(workers)], secretary
                )

    def leave(self, persons: int) -> Iterator[tuple[int, datetime, datetime]]:
        """Yield leave as (person, start, end) for one person in twelve.

        Each is away for two weeks every three months, for three years.
        """
        for person in range(persons):
            if self.rng.random() < 1 / 12:
                first_start = START + timedelta(days=self.rng.randrange(91))
                for quarter in range(12):
                    start = first_start + timedelta(days=91 * quarter)
                    yield person, start, start + timedelta(days=14)
