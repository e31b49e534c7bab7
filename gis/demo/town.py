"""The writer of a made-up town: community by community through COPY, in one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

import shapely
from psycopg.types.range import TimestamptzRange
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.boundaries.store import derive_units
from gis.db import copy_rows, new_ids
from gis.demo import facilities
from gis.demo.compounds import Block, fill
from gis.demo.households import (
    DEMO_HOUSEHOLD_COLUMNS,
    PILOT_HOUSEHOLDS,
    PILOT_PEOPLE,
    PILOT_UNITS,
    START,
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
from gis.demo.streets import Cell, Plan, Street, ewkb_hex, rng_for, streets
from gis.demo.town_areas import COUNTY, communities, house_number, write_areas
from gis.demo.town_network import ZOOM, scenery, write_network

Progress = Callable[[int, int], None]


@dataclass
class TownWriter:
    """The writer of a town, with what it has written so far.

    Attributes
    ----------
    counts
        Rows by table.
    names
        Name and piece of each street by its key.
    gates
        Points at which paths meet a street piece.
    paths
        Points and kind of each inner path.
    codes
        Code of each area by its id.
    """

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
        """Write the whole town.

        Parameters
        ----------
        progress
            Called with (grids done, grids).
        """
        cells = self.plan.cells
        for street in streets(self.plan):
            self.names[street.key] = (street_name(street.name, street.arterial), street)
        rng = rng_for(self.seed, "sizes")
        weights = [rng.uniform(0.75, 1.3) for _ in cells]
        homes = largest_remainder_shares(self.households, weights)
        people = largest_remainder_shares(
            round(self.households * PILOT_PEOPLE / PILOT_HOUSEHOLDS), homes
        )
        bound = largest_remainder_shares(
            max(len(cells), round(self.households * PILOT_UNITS / PILOT_HOUSEHOLDS)), homes
        )
        parts = communities(len(cells))
        ids, self.codes = write_areas(self.session, self.plan, parts, f"seed {self.seed}")
        self._count("area", len(self.codes))
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
            posts = staff.community(ids[("community", number)], grids)
            self._posts(staff, list(posts))
        self._above(staff, ids)
        nodes, edges = write_network(
            self.session, self.plan, self.names.items(), self.gates, self.paths
        )
        self._count("walk_node", nodes)
        self._count("walk_edge", edges)
        self._ground(scenery(self.plan, self.names.values(), self.paths))
        derive_units(self.session, effective=START)
        for owner in ("building", "facility"):
            self.session.execute(
                text(
                    f"INSERT INTO entrance ({owner}_id, kind, geom, source)"  # noqa: S608  ours
                    f" SELECT id, 'main', entrance, 'town' FROM {owner}"
                    " WHERE source = 'town' AND entrance IS NOT NULL ORDER BY id"
                )
            )

    def _count(self, table: str, rows: int) -> None:
        self.counts[table] = self.counts.get(table, 0) + rows

    def _copy(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        self._count(table.split(".")[-1], copy_rows(self.session, table, columns, rows))

    def _grid(
        self, block: Block, area: int, households: int, people: int, count: int
    ) -> GridToStaff:
        """Write buildings, stairwells, units and households of one grid."""
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
                    or f"{street}{house_number(block.cell, 1 if house.estate else nth)}号",
                    house.kind,
                    house.floors,
                    ewkb_hex(shapely.MultiPolygon([house.shape])),
                    ewkb_hex(house.door),
                    "town",
                )
                for nth, (number, house) in enumerate(zip(buildings, block.houses, strict=True), 1)
            ],
        )
        unit_ids = self._homes(block, area, buildings, households, people, count)
        for path in block.paths:
            self.paths.append((list(path.line.coords), path.kind))
            for gate in path.gates:
                self._gate(block.cell, gate.x, gate.y)
        return GridToStaff(
            area,
            unit_ids,
            [b for b, house in zip(buildings, block.houses, strict=True) if house.stairs],
        )

    def _homes(
        self,
        block: Block,
        area: int,
        buildings: Sequence[int],
        households: int,
        people: int,
        count: int,
    ) -> list[int]:
        """Write stairwells, units and households of one grid; return the ids of its units."""
        rng = rng_for(self.seed, "homes", block.cell.number)
        code = self.codes[area]
        wells = [(n, s) for n, house in enumerate(block.houses) for s in range(1, house.stairs + 1)]
        stair_ids = dict(zip(wells, new_ids(self.session, "stairwell", len(wells)), strict=True))
        self._copy(
            "stairwell",
            ("id", "building_id", "name"),
            [(i, buildings[n], str(s)) for (n, s), i in stair_ids.items()],
        )
        homes = allocate_households(block.houses, households, people, rng)
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
        return unit_ids

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
        self._households(buildings, stairs, unit_ids, bound, homes)

    def _households(
        self,
        buildings: Sequence[int],
        stairs: dict[tuple[int, int], int],
        unit_ids: Sequence[int],
        bound: list[tuple[list[Part], list[int]]],
        homes: Sequence[GeneratedHousehold],
    ) -> None:
        self._copy(
            "household",
            DEMO_HOUSEHOLD_COLUMNS,
            [
                (
                    COUNTY[0],
                    buildings[h.house],
                    stairs.get((h.house, h.stair)),
                    h.floor,
                    h.room,
                    h.people,
                    h.elders,
                    h.children,
                    unit,
                )
                for unit, (_, members) in zip(unit_ids, bound, strict=True)
                for h in (homes[m] for m in members)
            ],
        )

    def _gate(self, cell: Cell, x: float, y: float) -> None:
        """Record that a path meets the street south or north of the cell."""
        keys = [("across", row, cell.column) for row in (cell.row, cell.row + 1)]
        key = min(keys, key=lambda k: self.names[k][1].line.distance(shapely.Point(x, y)))
        self.gates.setdefault(key, []).append((x, y))

    def _facilities(self, number: int, code: str, blocks: Sequence[Block]) -> None:
        placed = facilities.place_facilities(
            number, code, blocks, rng_for(self.seed, "facilities", number)
        )
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
                "capacity",
                "geom",
                "entrance",
                "source",
            ),
            [
                (
                    facility.code,
                    COUNTY[0],
                    facility.category,
                    facility.name,
                    f"{self._street_of(facility.cell)}{house_number(facility.cell, nth)}号",
                    facility.hours,
                    facility.contact,
                    facility.capacity,
                    ewkb_hex(facility.shape),
                    ewkb_hex(facility.door),
                    "town",
                )
                for nth, facility in enumerate(placed, 2)
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
        """Return the name of the street at the foot of a cell."""
        return self.names["across", cell.row, cell.column][0]

    def _above(self, staff: Staff, ids: dict[object, int]) -> None:
        """Write the posts of streets and county, and the leave of all persons."""
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
        hired = len(self._persons)
        fresh = new_ids(self.session, "personal.person", staff.persons - hired)
        self._persons += fresh
        self._copy(
            "personal.person",
            ("id", "code", "name", "phone"),
            [
                (i, f"D{n:06d}", person_name(self._namer), f"1380000{n % 10000:04d}")
                for n, i in enumerate(fresh, hired + 1)
            ],
        )
        persons = self._persons
        self._copy(
            "post",
            ("county", "role", "area_id", "building_id", "holder_id", "deputy_id", "valid_time"),
            [row.to_columns(COUNTY[0], persons) for row in rows],
        )

    def _ground(self, rows: Sequence[tuple[str, str, str, BaseGeometry]]) -> None:
        self._copy(
            "basemap_feature",
            ("kind", "subkind", "name", "min_zoom", "geom", "source"),
            [
                (kind, sub, name, ZOOM.get(sub, 13), ewkb_hex(shape), "town")
                for kind, sub, name, shape in rows
            ],
        )
