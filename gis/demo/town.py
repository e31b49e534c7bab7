"""Writing a made-up town: community by community through COPY, in the session's transaction."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

import numpy as np
import shapely
from psycopg.types.range import TimestamptzRange
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.boundaries.store import derive_units, publish_shapes
from gis.db import STORAGE_SRID, copy_rows, new_ids
from gis.demo import facilities
from gis.demo.compounds import Block, fill
from gis.demo.households import (
    HOUSEHOLDS,
    PEOPLE,
    START,
    UNITS,
    GeneratedHousehold,
    GridToStaff,
    Part,
    PostRow,
    Staff,
    allocate_households,
    allocate_units,
    largest_remainder_shares,
)
from gis.demo.names import person_name, street_name
from gis.demo.streets import (
    GRIDS_PER_COMMUNITY,
    HOUSEHOLDS_PER_GRID,
    RIVER_HALF,
    Cell,
    Plan,
    Street,
    make_plan,
    rng_for,
    streets,
    to_degrees,
)
from gis.errors import Conflict, InvalidInput
from gis.files.datasets import is_loaded, record_load
from gis.files.report import LoadReport
from gis.network.store import WalkEdgeRow, replace_network

COUNTY = ("520402", "西秀区")
STREETS = (("520402007", "西航街道"), ("520402100", "宋旗镇"))
COMMUNITIES = (
    ("520402007004", "学苑"),
    ("520402007012", "西兴"),
    ("520402100001", "青松"),
)  # the Zone's pilot
PER_STREET = 8  # communities of a made-up street
ATTRIBUTION = "示例数据，纯属虚构"
VERSION = 2  # of the generator: part of the digest, raised when the same seed gives another town
MIN_HOUSEHOLDS, MAX_HOUSEHOLDS = 100, 2_000_000
Progress = Callable[[int, int], None]


def generate_town(
    session: Session,
    seed: int = 2026,
    households: int = HOUSEHOLDS,
    progress: Progress | None = None,
) -> LoadReport:
    """Make a made-up town; the same seed and size give the same town, and twice changes nothing.

    At the default size it is the Zone's pilot: 3 communities, 35 grids, 510 units, 8,800
    households, 24,000 people.

    Parameters
    ----------
    households
        From 100 to 2,000,000.
    progress
        Called with (grids done, grids).

    Raises
    ------
    InvalidInput
        The size is out of range.
    Conflict
        The database holds another town, or areas that are not this town's.
    """
    if not MIN_HOUSEHOLDS <= households <= MAX_HOUSEHOLDS:
        raise InvalidInput(
            "demo.households_out_of_range",
            low=MIN_HOUSEHOLDS,
            high=MAX_HOUSEHOLDS,
            households=households,
        )
    words = f"seed {seed}, {households} households"
    digest = hashlib.sha256(f"town {VERSION}: {words}".encode()).hexdigest()
    report = LoadReport("town", words, crs="EPSG:4490")
    if is_loaded(session, "town", digest):
        report.note("town.already_there")
        report.counts = dict(
            session.scalar(text("SELECT counts FROM dataset WHERE kind = 'town'")) or {}
        )
        return report
    if session.scalar(text("SELECT EXISTS (SELECT FROM area)")):
        raise Conflict("demo.areas_present")
    town = _Town(
        session, make_plan(seed, max(1, round(households / HOUSEHOLDS_PER_GRID))), seed, households
    )
    town.write(progress)
    report.counts, report.bbox = town.counts, town.extent()
    record_load(session, "town", words, digest, report.counts, ATTRIBUTION, made_up=True)
    return report


@dataclass
class _Town:
    session: Session
    plan: Plan
    seed: int
    households: int
    counts: dict[str, int] = field(default_factory=dict)
    names: dict[tuple[str, int, int], tuple[str, Street]] = field(default_factory=dict)
    gates: dict[tuple[str, int, int], list[tuple[float, float]]] = field(default_factory=dict)
    paths: list[tuple[list[tuple[float, float]], str]] = field(default_factory=list)
    codes: dict[int, str] = field(default_factory=dict)
    _persons: list[int] = field(default_factory=list)
    _namer: Random | None = None

    def write(self, progress: Progress | None) -> None:
        cells = self.plan.cells
        for street in streets(self.plan):
            self.names[street.key] = (street_name(street.name, street.arterial), street)
        dice = rng_for(self.seed, "sizes")
        weights = [dice.uniform(0.75, 1.3) for _ in cells]
        homes = largest_remainder_shares(self.households, weights)
        people = largest_remainder_shares(round(self.households * PEOPLE / HOUSEHOLDS), homes)
        bound = largest_remainder_shares(
            max(len(cells), round(self.households * UNITS / HOUSEHOLDS)), homes
        )
        parts = _communities(len(cells))
        ids = self._areas(parts)
        staff = Staff(rng_for(self.seed, "posts"))
        done = 0
        for number, (which, community) in enumerate(parts):
            members = [cells[i] for i in which]
            blocks = [
                fill(self.plan, cell, homes[cell.number], rng_for(self.seed, "block", cell.number))
                for cell in members
            ]
            grids = []
            for block in blocks:
                n = block.cell.number
                grids.append(self._grid(block, ids[n], homes[n], people[n], bound[n]))
                done += 1
                if progress:
                    progress(done, len(cells))
            self._facilities(number, community[0], blocks)
            self._staff(staff, ids[("community", number)], grids)
        self._above(staff, ids)
        self._network()
        self._scenery()
        derive_units(self.session, effective=START)

    def extent(self) -> tuple[float, float, float, float]:
        """West, south, east, north, degrees."""
        edge = self.plan.corners.reshape(-1, 2)
        west, south, east, north = shapely.total_bounds(
            shapely.points(to_degrees(edge[:, 0], edge[:, 1]))
        ).tolist()
        return west, south, east, north

    def _count(self, table: str, rows: int) -> None:
        self.counts[table] = self.counts.get(table, 0) + rows

    def _copy(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        self._count(table.split(".")[-1], copy_rows(self.session, table, columns, rows))

    def _areas(self, parts: list[tuple[list[int], tuple[str, str]]]) -> dict[object, int]:
        """County, streets, communities and grids with their boundaries.

        Ids by number of grid and by level and number.
        """
        cells = self.plan.cells
        street_codes = list(dict.fromkeys(community[0][:9] for _, community in parts))
        new = iter(new_ids(self.session, "area", 1 + len(street_codes) + len(parts) + len(cells)))
        ids: dict[object, int] = {("county", 0): next(new)}
        rows: list[tuple[object, ...]] = [
            (ids["county", 0], COUNTY[0], "county", COUNTY[1], COUNTY[0], None)
        ]
        known = dict(STREETS)
        for number, code in enumerate(street_codes):
            ids["street", number] = next(new)
            rows.append(
                (
                    ids["street", number],
                    code,
                    "street",
                    known.get(code, f"示例{number - 1}街道"),
                    COUNTY[0],
                    ids["county", 0],
                )
            )
        shapes = {}
        for number, (which, (code, name)) in enumerate(parts):
            ids["community", number] = next(new)
            parent = ids["street", street_codes.index(code[:9])]
            rows.append(
                (ids["community", number], code, "community", f"{name}社区", COUNTY[0], parent)
            )
            for nth, i in enumerate(
                sorted(which, key=lambda i: (-cells[i].row, cells[i].column)), 1
            ):
                ids[i] = next(new)
                grid = f"{code}{nth:03d}"
                rows.append(
                    (
                        ids[i],
                        grid,
                        "grid",
                        f"{name}第{nth}网格",
                        COUNTY[0],
                        ids["community", number],
                    )
                )
                shapes[grid] = self._degrees(self.plan.outline(cells[i]))
        self._copy("area", ("id", "code", "level", "name", "county", "parent_id"), rows)
        self.session.flush()
        publish_shapes(
            self.session,
            shapes,
            title="示例网格划分",
            author="town",
            reason=f"seed {self.seed}",
            effective=START,
        )
        self.codes = {int(str(row[0])): str(row[1]) for row in rows}
        return ids

    def _grid(
        self, block: Block, area: int, households: int, people: int, count: int
    ) -> GridToStaff:
        """Buildings, stairwells, units and homes of one grid."""
        dice = rng_for(self.seed, "homes", block.cell.number)
        code = self.codes[area]
        buildings = new_ids(self.session, "building", len(block.houses))
        street = self._street_of(block.cell)
        self._copy(
            "building",
            (
                "id",
                "code",
                "county",
                "name",
                "estate",
                "address",
                "kind",
                "floors",
                "geom",
                "entrance",
                "source",
            ),
            [
                (
                    number,
                    f"{code}B{nth:03d}",
                    COUNTY[0],
                    house.name,
                    house.estate,
                    house.address
                    or f"{street}{_house_number(block.cell, 1 if house.estate else nth)}号",
                    house.kind,
                    house.floors,
                    self._hex(shapely.MultiPolygon([house.shape])),
                    self._hex(house.door),
                    "town",
                )
                for nth, (number, house) in enumerate(zip(buildings, block.houses, strict=True), 1)
            ],
        )
        wells = [(n, s) for n, house in enumerate(block.houses) for s in range(1, house.stairs + 1)]
        stair_ids = dict(zip(wells, new_ids(self.session, "stairwell", len(wells)), strict=True))
        self._copy(
            "stairwell",
            ("id", "building_id", "name"),
            [(i, buildings[n], str(s)) for (n, s), i in stair_ids.items()],
        )
        homes = allocate_households(block.houses, households, people, dice)
        bound = allocate_units(block.houses, homes, count)
        unit_ids = new_ids(self.session, "area", count)
        self._copy(
            "area",
            ("id", "code", "level", "name", "county", "parent_id"),
            [
                (i, f"{code}{nth:02d}", "unit", f"第{nth}十联户", COUNTY[0], area)
                for nth, i in enumerate(unit_ids, 1)
            ],
        )
        self._units(buildings, stair_ids, unit_ids, bound, homes)
        for path in block.paths:
            self.paths.append((list(path.line.coords), path.kind))
            for gate in path.gates:
                self._gate(block.cell, gate.x, gate.y)
        return GridToStaff(
            area,
            unit_ids,
            [b for b, house in zip(buildings, block.houses, strict=True) if house.stairs],
        )

    def _units(
        self,
        buildings: Sequence[int],
        stairs: dict[tuple[int, int], int],
        unit_ids: Sequence[int],
        bound: list[tuple[list[Part], list[int]]],
        homes: Sequence[GeneratedHousehold],
    ) -> None:
        self._copy(
            "unit_part",
            ("unit_id", "building_id", "stairwell_id", "floor_from", "floor_to"),
            [
                (
                    unit,
                    buildings[p.house],
                    stairs.get((p.house, p.stair)),
                    *(p.floors or (None, None)),
                )
                for unit, (parts, _) in zip(unit_ids, bound, strict=True)
                for p in parts
            ],
        )
        self._copy(
            "household",
            ("county", "building_id", "stairwell_id", "floor", "room", "people", "unit_id"),
            [
                (
                    COUNTY[0],
                    buildings[h.house],
                    stairs.get((h.house, h.stair)),
                    h.floor,
                    h.room,
                    h.people,
                    unit,
                )
                for unit, (_, members) in zip(unit_ids, bound, strict=True)
                for h in (homes[m] for m in members)
            ],
        )

    def _gate(self, cell: Cell, x: float, y: float) -> None:
        """Remember that a path meets the street south or north of the cell."""
        keys = [("across", row, cell.column) for row in (cell.row, cell.row + 1)]
        key = min(keys, key=lambda k: self.names[k][1].line.distance(shapely.Point(x, y)))
        self.gates.setdefault(key, []).append((x, y))

    def _facilities(self, number: int, code: str, blocks: Sequence[Block]) -> None:
        placed = facilities.place(number, code, blocks, rng_for(self.seed, "facilities", number))
        self._copy(
            "facility",
            (
                "code",
                "county",
                "category",
                "name",
                "address",
                "opening_hours",
                "contact",
                "geom",
                "entrance",
                "source",
            ),
            [
                (
                    one.code,
                    COUNTY[0],
                    one.category,
                    one.name,
                    f"{self._street_of(one.cell)}{_house_number(one.cell, nth)}号",
                    one.hours,
                    "",
                    self._hex(one.shape),
                    self._hex(one.door),
                    "town",
                )
                for nth, one in enumerate(placed, 2)
            ],
        )
        self._ground(
            [
                (kind, subkind, name, shape)
                for block in blocks
                for kind, subkind, name, shape in block.ground
            ]
        )

    def _street_of(self, cell: Cell) -> str:
        """Name of the street at the foot of a cell."""
        return self.names["across", cell.row, cell.column][0]

    def _staff(self, staff: Staff, community: int, grids: Sequence[GridToStaff]) -> None:
        self._posts(staff, list(staff.community(community, grids)))

    def _above(self, staff: Staff, ids: dict[object, int]) -> None:
        """Posts of streets and county, and everybody's leave."""
        rows = []
        for key, area in ids.items():
            if isinstance(key, tuple) and key[0] == "street":
                office = staff.hire()
                rows += [
                    PostRow("street_office", area, None, office, None),
                    PostRow("liaison_officer", area, None, staff.hire(), office),
                    PostRow("enforcement_squad", area, None, staff.hire(), None),
                ]
        rows.append(PostRow("command_centre", ids["county", 0], None, staff.hire(), None))
        self._posts(staff, rows)
        persons = self._persons
        self._copy(
            "leave",
            ("person_id", "valid_time"),
            [
                (persons[p], TimestamptzRange(start, end, "[)"))
                for p, start, end in staff.leave(len(persons))
            ],
        )

    def _posts(self, staff: Staff, rows: Sequence[PostRow]) -> None:
        self._namer = self._namer or rng_for(self.seed, "names")
        first = len(self._persons)
        fresh = new_ids(self.session, "personal.person", staff.persons - first)
        self._persons += fresh
        self._copy(
            "personal.person",
            ("id", "code", "name", "phone"),
            [
                (i, f"D{n:06d}", person_name(self._namer), f"1380000{n % 10000:04d}")
                for n, i in enumerate(fresh, first + 1)
            ],
        )
        who = self._persons
        self._copy(
            "post",
            ("county", "role", "area_id", "building_id", "holder_id", "deputy_id", "valid_time"),
            [
                (
                    COUNTY[0],
                    row.role,
                    row.area,
                    row.building,
                    None if row.holder is None else who[row.holder],
                    None if row.deputy is None else who[row.deputy],
                    TimestamptzRange(row.start, row.end, "[)"),
                )
                for row in rows
            ],
        )

    def _network(self) -> None:
        """Streets cut at their gates, and the inner paths.

        Every point is a node, so what meets is joined.
        """
        numbers: dict[tuple[float, float], int] = {}
        lines: list[tuple[list[tuple[float, float]], str, str]] = [
            (points, kind, "") for points, kind in self.paths
        ]
        water = self.plan.river_line.buffer(RIVER_HALF)
        for key, (name, street) in self.names.items():
            banks = shapely.get_coordinates(street.line.intersection(water.exterior)).tolist()
            stops = [*street.line.coords, *self.gates.get(key, []), *map(tuple, banks)]
            stops.sort(key=lambda point: street.line.project(shapely.Point(point)))
            lines.append((stops, "primary" if street.arterial else "tertiary", name))
        degrees = to_degrees(*np.array([point for points, *_ in lines for point in points]).T)
        edges: list[WalkEdgeRow] = []
        at = 0
        for way, (points, kind, name) in enumerate(lines, 1):
            spots = [tuple(spot) for spot in degrees[at : at + len(points)].tolist()]
            at += len(points)
            wet = [
                water.buffer(-1).contains(shapely.LineString(pair).centroid)
                for pair in pairwise(points)
            ]
            for (a, b), bridge in zip(pairwise(spots), wet, strict=True):
                if a != b:
                    u, v = (numbers.setdefault(spot, len(numbers) + 1) for spot in (a, b))
                    edges.append(
                        WalkEdgeRow(
                            way, u, v, [a, b], kind, name, False, "bridge" if bridge else ""
                        )
                    )
        replace_network(
            self.session, ((number, *spot) for spot, number in numbers.items()), edges, "town"
        )
        self._count("walk_node", len(numbers))
        self._count("walk_edge", len(edges))

    def _scenery(self) -> None:
        """Streets with names, inner paths, river and railway for the basemap."""
        rows: list[tuple[str, str, str, BaseGeometry]] = [
            ("water", "river", "示例河", self.plan.river_line.buffer(16)),
            ("rail", "rail", "示例铁路", self.plan.railway),
        ]
        whole: dict[tuple[str, str], list[BaseGeometry]] = {}
        for name, street in self.names.values():
            whole.setdefault((name, "primary" if street.arterial else "tertiary"), []).append(
                street.line
            )
        rows += [
            ("street", kind, name, shapely.line_merge(shapely.MultiLineString(lines)))
            for (name, kind), lines in whole.items()
        ]
        rows += [
            (
                "street",
                "service" if kind != "footway" else "footway",
                "",
                shapely.LineString(points),
            )
            for points, kind in self.paths
        ]
        self._ground(rows)

    def _ground(self, rows: Sequence[tuple[str, str, str, BaseGeometry]]) -> None:
        self._copy(
            "basemap_feature",
            ("kind", "subkind", "name", "min_zoom", "geom", "source"),
            [
                (kind, sub, name, ZOOM.get(sub, 13), self._hex(shape), "town")
                for kind, sub, name, shape in rows
            ],
        )

    def _degrees(self, shape: BaseGeometry) -> BaseGeometry:
        return shapely.transform(shape, lambda xy: to_degrees(xy[:, 0], xy[:, 1]))

    def _hex(self, shape: BaseGeometry) -> str:
        return str(
            shapely.to_wkb(
                shapely.set_srid(self._degrees(shape), STORAGE_SRID), hex=True, include_srid=True
            )
        )


def _house_number(cell: Cell, nth: int) -> int:
    """Numbers run along the street, forty to a block."""
    return cell.column * 40 + nth


ZOOM = {
    "primary": 10,
    "river": 9,
    "rail": 10,
    "tertiary": 12,
    "residential": 14,
    "service": 15,
    "footway": 16,
}


def _communities(grids: int) -> list[tuple[list[int], tuple[str, str]]]:
    """Runs of grids with the code and name of their community: the pilot's three first, then
    made-up ones.
    """
    count = max(1, -(-grids // GRIDS_PER_COMMUNITY))
    runs, start = [], 0
    for number, size in enumerate(largest_remainder_shares(grids, [1.0] * count)):
        runs.append((list(range(start, start + size)), _community(number)))
        start += size
    return runs


def _community(number: int) -> tuple[str, str]:
    if number < len(COMMUNITIES):
        return COMMUNITIES[number]
    street, nth = divmod(number - len(COMMUNITIES), PER_STREET)
    return f"{COUNTY[0]}{900 + street:03d}{nth + 1:03d}", f"示例{number + 1}"
