"""Made-up households, ten-household units and holders of posts on real buildings and grids.

No file of a real neighbourhood says who lives where or who is responsible, and none should be in a
demo. The demo with files therefore invents them, from a seed, and marks the data as made up.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.boundaries.store import derive_units
from gis.db import copy_rows, new_ids
from gis.demo.households import (
    DEMO_HOUSEHOLD_COLUMNS,
    MAX_UNIT_HOUSEHOLDS,
    MIN_UNIT_HOUSEHOLDS,
    draw_children,
    draw_elders,
)
from gis.demo.names import person_name
from gis.errors import InvalidInput
from gis.files.datasets import record_load

RESIDENTIAL_KINDS = (
    "apartments",
    "residential",
    "house",
    "detached",
    "terrace",
    "dormitory",
    "yes",
    "",
)  # OSM's building values
MIN_FOOTPRINT_M2, MAX_FOOTPRINT_M2 = 60.0, 6000.0  # of buildings with homes
AREA_PER_HOUSEHOLD_M2 = 95.0  # of footprint on its floor
MAX_DOORS_PER_FLOOR = 4  # homes on a floor of a stairwell
MEAN_UNIT_HOUSEHOLDS = 17  # that of the Zone
SINCE = datetime(2026, 1, 1, tzinfo=ZoneInfo("Asia/Shanghai"))

# role, level of its areas, number of holders in each, and percentage of vacancies
DEMO_POSTS = (
    ("unit_head", "unit", 1, 4),
    ("grid_worker", "grid", 2, 0),
    ("grid_leader", "grid", 1, 5),
    ("grid_party_leader", "grid", 1, 0),
    ("community_secretary", "community", 1, 0),
    ("community_worker", "community", 2, 0),
    ("enforcement_squad", "street", 1, 0),
    ("command_centre", "county", 1, 0),
)


@dataclass
class Stair:
    """A stairwell of a building: its floors and the doors on each."""

    building: int
    county: str
    grid: int
    name: str
    floors: int
    doors: int
    id: int = 0


@dataclass
class Unit:
    """A ten-household unit.

    Attributes
    ----------
    parts
        Stairwell, lowest and highest floor of each part.
    """

    grid: int
    parts: list[tuple[Stair, int, int]] = field(default_factory=list)
    id: int = 0

    @property
    def households(self) -> int:
        """The number of homes in it."""
        return sum(stair.doors * (high - low + 1) for stair, low, high in self.parts)


def populate(session: Session, seed: int = 2026, now: datetime | None = None) -> dict[str, int]:
    """Invent households, units, persons, posts and leave for every grid of the database.

    Parameters
    ----------
    seed
        The same seed on the same buildings gives the same people.
    now
        Day around which leave falls; None means the present.

    Returns
    -------
    dict[str, int]
        Number of rows by table.

    Raises
    ------
    InvalidInput
        There are no grids, or there are households already.
    """
    rng = random.Random(seed)
    if session.scalar(text("SELECT EXISTS (SELECT FROM household)")):
        raise InvalidInput("demo.households_present")
    stairs = list(_stairs(session, rng))
    units = list(_units(stairs))
    counts = {
        "households": _write_homes(session, stairs, units, rng),
        "stairwells": len(stairs),
        "units": len(units),
    }
    derive_units(session, effective=SINCE)
    counts |= _write_posts(session, rng, now or datetime.now(SINCE.tzinfo))
    record_load(
        session,
        "town",
        f"made-up people, seed {seed}",
        f"populate {seed}",
        counts,
        "",
        made_up=True,
    )
    return counts


def _stairs(session: Session, rng: random.Random) -> Iterator[Stair]:
    """Yield the stairwells that the homes of the real buildings would have.

    Building by building, from west to east.

    Raises
    ------
    InvalidInput
        There are no grids.
    """
    rows = session.execute(
        text("""
        SELECT b.id, a.county, a.id AS grid, b.floors, ST_Area(b.geom::geography) AS m2
        FROM building b
        CROSS JOIN LATERAL grid_at(ST_PointOnSurface(b.geom), now()) a
        WHERE b.kind = ANY(:living) AND ST_Area(b.geom::geography) BETWEEN :smallest AND :largest
        ORDER BY a.id, ST_XMin(b.geom), b.code"""),
        {
            "living": list(RESIDENTIAL_KINDS),
            "smallest": MIN_FOOTPRINT_M2,
            "largest": MAX_FOOTPRINT_M2,
        },
    ).all()
    if not rows and not session.scalar(
        text("SELECT EXISTS (SELECT FROM area WHERE level = 'grid')")
    ):
        raise InvalidInput("demo.grids_missing")
    for building, county, grid, floors, m2 in rows:
        floors = min(floors or (6 if m2 > 150 else 2), 33)
        doors = max(1, round(m2 / AREA_PER_HOUSEHOLD_M2 * rng.uniform(0.8, 1.0)))
        count = -(-doors // MAX_DOORS_PER_FLOOR)
        for number in range(count):
            share = doors // count + (number < doors % count)
            yield Stair(building, county, grid, str(number + 1), floors, share)


def _units(stairs: list[Stair]) -> Iterator[Unit]:
    """Yield units by cutting stairwells at whole floors.

    Small neighbours of one grid are joined until they are large enough.
    """
    small: Unit | None = None
    for stair in stairs:
        if small and small.grid != stair.grid:
            yield small
            small = None
        homes = stair.doors * stair.floors
        if homes < MIN_UNIT_HOUSEHOLDS or (
            small and small.households + homes <= MEAN_UNIT_HOUSEHOLDS
        ):
            small = small or Unit(stair.grid)
            small.parts.append((stair, 1, stair.floors))
            if small.households >= MIN_UNIT_HOUSEHOLDS:
                yield small
                small = None
            continue
        pieces = -(-homes // MAX_UNIT_HOUSEHOLDS)
        edges = [round(stair.floors * i / pieces) for i in range(pieces + 1)]
        for low, high in pairwise(edges):
            if high > low:
                yield Unit(stair.grid, [(stair, low + 1, high)])
    if small:
        yield small


def _write_homes(
    session: Session, stairs: list[Stair], units: list[Unit], rng: random.Random
) -> int:
    """Write stairwells, units with their parts, and households; return the number of households."""
    for stair, number in zip(stairs, new_ids(session, "stairwell", len(stairs)), strict=True):
        stair.id = number
    copy_rows(
        session,
        "stairwell",
        ("id", "building_id", "name"),
        ((s.id, s.building, s.name) for s in stairs),
    )
    _write_units(session, units)
    dice = random.Random(len(units))  # of its own, so that everything else stays as it was
    return copy_rows(
        session,
        "household",
        DEMO_HOUSEHOLD_COLUMNS,
        (
            (
                stair.county,
                stair.building,
                stair.id,
                floor,
                f"{floor}{door:02d}",
                people := rng.choice((1, 2, 2, 3, 3, 3, 4, 5)),
                elders := draw_elders(people, dice),
                draw_children(people, elders),
                unit.id,
            )
            for unit in units
            for stair, low, high in unit.parts
            for floor in range(low, high + 1)
            for door in range(1, stair.doors + 1)
        ),
    )


def _write_units(session: Session, units: list[Unit]) -> None:
    """Write units as areas, and their parts."""
    grids = {
        row.id: row
        for row in session.execute(text("SELECT id, code, county FROM area WHERE level = 'grid'"))
    }
    numbers: dict[int, int] = {}
    rows = []
    for unit, number in zip(units, new_ids(session, "area", len(units)), strict=True):
        unit.id = number
        grid = grids[unit.grid]
        numbers[unit.grid] = nth = numbers.get(unit.grid, 0) + 1
        rows.append(
            (unit.id, f"{grid.code}{nth:03d}", "unit", f"第{nth}十联户", grid.county, unit.grid)
        )
    copy_rows(session, "area", ("id", "code", "level", "name", "county", "parent_id"), rows)
    copy_rows(
        session,
        "unit_part",
        ("unit_id", "building_id", "stairwell_id", "floor_from", "floor_to"),
        (
            (
                unit.id,
                stair.building,
                stair.id,
                *((None, None) if (low, high) == (1, stair.floors) else (low, high)),
            )
            for unit in units
            for stair, low, high in unit.parts
        ),
    )


@dataclass
class _Roster:
    """Made-up persons, with ids reserved before."""

    rng: random.Random
    ids: Iterator[int]
    rows: list[tuple[int, str, str, str]] = field(default_factory=list)

    def add(self) -> int:
        """Add a person and return its id."""
        number, count = next(self.ids), len(self.rows)
        name, phone = person_name(self.rng), f"1390000{count % 10000:04d}"
        self.rows.append((number, f"M{count + 1:06d}", name, phone))
        return number


def _write_posts(session: Session, rng: random.Random, now: datetime) -> dict[str, int]:
    """Write persons and posts by the table DEMO_POSTS, and leave; return the number of each.

    Deputies come from the next area's post.
    """
    areas_of = {
        level: session.execute(
            text(
                "SELECT id, county FROM area WHERE level = :level AND retired_at IS NULL"
                " ORDER BY code"
            ),
            {"level": level},
        ).all()
        for _, level, _, _ in DEMO_POSTS
    }
    count = sum(len(areas_of[level]) * many for _, level, many, _ in DEMO_POSTS)
    roster = _Roster(rng, iter(new_ids(session, "personal.person", count)))
    period = f"[{SINCE.isoformat()},)"
    posts: list[tuple[object, ...]] = []
    for role, level, many, vacant in DEMO_POSTS:
        areas = areas_of[level]
        holders = [[roster.add() for _ in range(many)] for _ in areas]
        for index, area in enumerate(areas):
            neighbour = holders[(index + 1) % len(areas)][0]
            for holder in holders[index]:
                post_holder = None if rng.randrange(100) < vacant else holder
                deputy = neighbour if neighbour != holder else None
                posts.append((area.county, role, area.id, post_holder, deputy, period))
    persons = roster.rows
    copy_rows(session, "personal.person", ("id", "code", "name", "phone"), persons)
    copy_rows(
        session,
        "post",
        ("county", "role", "area_id", "holder_id", "deputy_id", "valid_time"),
        posts,
    )
    away = [person[0] for person in persons if rng.randrange(100) < 5]
    span = f"[{(now - timedelta(days=3)).isoformat()},{(now + timedelta(days=11)).isoformat()})"
    copy_rows(session, "leave", ("person_id", "valid_time"), ((person, span) for person in away))
    return {"persons": len(persons), "posts": len(posts), "leave": len(away)}
