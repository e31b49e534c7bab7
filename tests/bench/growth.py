"""What one question costs in a register in memory, as the number of units grows."""

import time
from datetime import datetime

import numpy as np
import pyarrow as pa
import shapely
from sqlalchemy.orm import Session

from gis.areas.grids import GridIndex
from gis.areas.resolver import LocateRequest, resolve_request
from gis.areas.snapshot import Area, RegistrySnapshot
from gis.people.queries import MAX_MICROS, MIN_MICROS, PeopleIndex, PostTable
from gis.places.queries import BuildingIndex
from gis.rights.roles import ROLES
from gis.settings import Settings
from tests.bench import grids
from tests.bench.rows import Figure, Reach, Row, median

HOUSES, STAIRS = 8, 2  # buildings a grid, units a building
SIDE = 0.0004  # degrees, of a building


def measure(settings: Settings, small: bool) -> Row:
    """Ask two registers in turns, other places every turn; no database stands behind them."""
    few = register(8, 4)
    many = register(10, 10) if small else register(250, 250)
    turns, queries = (2, 200) if small else (7, 4000)
    rng = np.random.default_rng(6)
    now = datetime.now(settings.timezone)
    sides = [(few, 8, 4), (many, 10, 10) if small else (many, 250, 250)]
    spent: list[list[float]] = [[], []]
    for turn in range(turns + 1):
        for side, (recorded, columns, rows) in enumerate(sides):
            inside = 0.001
            west, south = grids.WEST + inside, grids.SOUTH + inside
            x = rng.uniform(west, west + columns * grids.STEP - 2 * inside, queries).tolist()
            y = rng.uniform(south, south + rows * grids.STEP - 2 * inside, queries).tolist()
            begin = time.perf_counter()
            for lon, lat in zip(x, y, strict=True):
                resolve_request(_nobody, LocateRequest(lon, lat, "wgs84", None, now), recorded)
            if turn:  # the first warms up
                spent[side].append((time.perf_counter() - begin) / queries * 1e6)
    a, b = map(median, spent)
    units = len(many.places.parts)
    return Row(
        "growth",
        "Locate as the work grows",
        f"One question in a register in memory:"
        f" {len(few.places.parts)} units in {len(few.grids.codes)} grids,"
        f" and {units:,} in {len(many.grids.codes):,}; {HOUSES} buildings a grid;"
        f" {queries:,} random places a turn.",
        "µs",
        Figure(f"ours, {units:,} units", b, turns),
        [Figure(f"ours, {len(few.places.parts)} units", a, turns)],
        [Reach(f"within 1.5 × from 510 to 1,000,000 units: {b / a:.2f} ×", b <= 1.5 * a)],
        notes=[
            (
                "The registers are filled from arrays, not from a database."
                " Circles over the number of facilities and memory over edges are not measured"
                " yet."
            )
        ],
    )


def _nobody() -> Session:
    raise AssertionError("a question in a register asks no database")


def register(columns: int, rows: int) -> RegistrySnapshot:
    """A register of columns × rows grids, each with buildings, units, a leader, a worker, and a
    head for every unit.
    """
    shapes = grids.lattice(columns, rows)
    count = len(shapes)
    communities = -(-count // 20)
    grid_ids = np.arange(count, dtype=np.int64) + 2_000_000
    community = [1_000_000 + n // 20 for n in range(count)]
    codes = [
        f"{grids.COUNTY}{n // 10_000:03d}{n // 20 % 500:03d}{n % 20 + 1:03d}" for n in range(count)
    ]
    grid_index = GridIndex(
        grid_ids, codes, [f"第{n}网格" for n in range(count)], community, [1] * count, shapes
    )
    upper = {
        1: Area(1, "county", grids.COUNTY, "示例县", None),
        2: Area(2, "street", f"{grids.COUNTY}000", "示例街道", 1),
    }
    upper |= {
        1_000_000 + n: Area(1_000_000 + n, "community", codes[20 * n][:12], f"示例{n}社区", 2)
        for n in range(communities)
    }

    houses = HOUSES * count
    grid = np.repeat(np.arange(count), HOUSES)
    nth = np.tile(np.arange(HOUSES), count)
    column, row = grid % columns, grid // columns
    west = grids.WEST + (column + 0.3 + nth % 2 * 0.25) * grids.STEP
    south = grids.SOUTH + (row + 0.3 + nth // 2 * 0.15) * grids.STEP
    ids = np.arange(houses, dtype=np.int64) + 5_000_000
    parts = [
        (
            5_000_000 + n // STAIRS,
            20_000_000 + n,
            f"{codes[n // STAIRS // HOUSES]}{n % (STAIRS * HOUSES) + 1:02d}",
            "十联户",
            2_000_000 + n // STAIRS // HOUSES,
            str(n % STAIRS + 1),
            None,
            None,
        )
        for n in range(STAIRS * houses)
    ]
    places = BuildingIndex(
        ids,
        [f"{codes[n // HOUSES]}B{n % HOUSES:03d}" for n in range(houses)],
        [f"{n % HOUSES + 1}号楼" for n in range(houses)],
        ["示例小区"] * houses,
        [""] * houses,
        shapely.box(west, south, west + SIDE, south + SIDE),
        np.column_stack([west + SIDE / 2, south + SIDE / 2]),
        parts,
        np.repeat(ids, STAIRS),
    )
    of_grid, _, _ = grid_index.grids_at(places.label_points[:, 0], places.label_points[:, 1])
    order = np.argsort(of_grid, kind="stable")
    return RegistrySnapshot(
        MIN_MICROS,
        MAX_MICROS,
        grid_index,
        upper,
        places,
        of_grid,
        order,
        of_grid[order],
        people(grid_ids, len(parts)),
    )


def people(grid_ids: np.ndarray, units: int) -> PeopleIndex:
    """A leader and a worker for each grid, a head for each unit, everybody with a deputy."""
    role = {item.key: number for number, item in enumerate(ROLES)}
    location = np.concatenate([np.repeat(grid_ids, 2), np.arange(units) + 20_000_000])
    kind = np.concatenate(
        [
            np.tile([role["grid_leader"], role["grid_worker"]], len(grid_ids)),
            np.full(units, role["unit_head"]),
        ]
    )
    number = np.arange(len(location), dtype=np.int64) + 1
    start, end = np.full(len(location), MIN_MICROS), np.full(len(location), MAX_MICROS)
    deputy, no_kind = np.roll(number, 1), np.zeros_like(number)
    areas = PostTable.from_rows(
        np.column_stack([number, location, kind, number, deputy, no_kind, start, end])
    )
    nothing = np.empty(0, np.int64)
    return PeopleIndex(
        areas,
        PostTable(*(nothing,) * 8),
        (nothing,) * 3,
        number,
        pa.array([f"张示{n}" for n in number.tolist()], pa.large_string()),
    )
