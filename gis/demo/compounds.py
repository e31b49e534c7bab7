"""The contents of one grid: a gated compound of homes; beside it shops, a school, works or a park.

The wall of a compound is passed only at its gates: inner paths meet the street nowhere else, so
that the way to a shop next door may be long. All lengths are metres of the plan.
"""

from dataclasses import dataclass, field
from random import Random

from shapely import LineString, Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from gis.demo.names import estate_name, lane_name
from gis.demo.streets import RIVER_HALF, Cell, Plan, is_arterial_row

SETBACK_M = 17.0  # from the centre of a street to the wall
HOUSING_WEIGHTS = (("slab", 50), ("tower", 28), ("old", 22))
OTHER_USE_WEIGHTS = (("shops", 42), ("park", 22), ("works", 18), ("office", 18))
MAX_FLOORS = {"slab": 11, "tower": 33, "old": 6}
# land use, kind of its building and floors
LARGE_USES = {
    "shops": ("retail", "retail", 4),
    "works": ("industrial", "industrial", 2),
    "office": ("commercial", "office", 9),
}
ROW_PITCH_M = {"slab": 31.0, "tower": 56.0, "old": 19.0}
ROW_DEPTH_M = {"slab": 12.0, "tower": 25.0, "old": 9.0}


@dataclass
class House:
    """A building.

    Attributes
    ----------
    shape
        Footprint.
    door
        Entrance.
    stairs
        Number of stairwells; 0 with `doors` means homes without a stairwell of their own.
    doors
        Homes on each floor of each stairwell.
    """

    shape: Polygon
    floors: int
    kind: str
    door: Point
    name: str = ""
    estate: str = ""
    address: str = ""
    stairs: int = 0  # 0 with doors: homes without a stairwell of their own
    doors: int = 0

    @property
    def rooms(self) -> int:
        """The number of homes it has room for."""
        return self.floors * self.doors * max(self.stairs, 1)


@dataclass
class Path:
    """An inner path; the ends in `gates` lie on a street."""

    line: LineString
    kind: str = "service"
    gates: tuple[Point, ...] = ()


@dataclass
class Slot:
    """The location of a facility.

    Attributes
    ----------
    size
        front (of a shop), gate, stop, plot or park.
    """

    geometry: BaseGeometry
    door: Point
    size: str  # front, plot or park


@dataclass
class Block:
    """The contents of one grid.

    Attributes
    ----------
    ground
        Kind, subkind, name and polygon of each piece of land use.
    """

    cell: Cell
    houses: list[House] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)
    ground: list[tuple[str, str, str, Polygon]] = field(
        default_factory=list
    )  # kind, subkind, name, shape


def fill(plan: Plan, cell: Cell, homes: int, rng: Random) -> Block:
    """Build up a grid with room for at least so many homes.

    Raises
    ------
    AssertionError
        There is no room for so many homes.
    """
    block = Block(cell)
    outline = plan.outline(cell)
    ground = outline.buffer(-SETBACK_M)
    if plan.river in (cell.column, cell.column + 1):
        ground = ground.difference(plan.river_line.buffer(RIVER_HALF + SETBACK_M))
    west, south, east, north = ground.bounds
    kind = _choose(HOUSING_WEIGHTS, rng)
    share = {"slab": 0.62, "tower": 0.6, "old": 0.66}[kind]
    flip = rng.random() < 0.5
    cut = west + (east - west) * ((1 - share) if flip else share)
    living = ground.intersection(
        box(cut + 4, south, east, north) if flip else box(west, south, cut - 4, north)
    )
    other = ground.intersection(
        box(west, south, cut - 6, north) if flip else box(cut + 6, south, east, north)
    )
    # narrow land beside a river may be too small for the first kind; houses fit nearly everywhere
    if not any(
        _compound(block, plan, living, candidate_kind, homes, rng)
        for candidate_kind in dict.fromkeys((kind, "tower", "old"))
    ):
        raise AssertionError(f"grid {cell.number}: no room for {homes} homes")
    _beside(block, plan, other, rng)
    return block


def _choose(table: tuple[tuple[str, int], ...], rng: Random) -> str:
    return rng.choices([row[0] for row in table], [row[1] for row in table])[0]


def _south_street(plan: Plan, cell: Cell) -> LineString:
    return LineString(
        [
            plan.corners[cell.row, cell.column],
            plan.across[cell.row, cell.column],
            plan.corners[cell.row, cell.column + 1],
        ]
    )


def _north_street(plan: Plan, cell: Cell) -> LineString:
    r, c = cell.row + 1, cell.column
    return LineString([plan.corners[r, c], plan.across[r, c], plan.corners[r, c + 1]])


def _on(street: LineString, x: float) -> Point:
    """Return the point of a street at x."""
    west, south, east, north = street.bounds
    x = min(max(x, west + 1), east - 1)
    hit = street.intersection(LineString([(x, south - 50), (x, north + 50)]))
    return Point(hit.x, hit.y)


def _compound(
    block: Block, plan: Plan, land: BaseGeometry, kind: str, homes: int, rng: Random
) -> bool:
    """Build rows of houses along inner paths, a path across the rows, and gates at its ends.

    Returns
    -------
    bool
        Whether there is room for the homes; if not, nothing was built.
    """
    west, south, east, _ = land.bounds
    spine = west + (east - west) * rng.uniform(0.4, 0.6)
    rows = _build_rows(block, land, kind, spine, homes, rng)
    if not _grow(block.houses, homes, MAX_FLOORS[kind]):
        block.houses.clear()
        return False
    for way, left, right in rows:
        block.paths.append(
            Path(
                LineString([(left, way), (spine, way), (right, way)]),
                "footway" if kind == "old" else "service",
            )
        )
    gate = _on(_south_street(plan, block.cell), spine)
    stops = [(gate.x, gate.y), *((spine, way) for way, _, _ in rows)]
    gates = [gate]
    if rng.random() < (0.8 if kind == "old" else 0.3):
        back = _on(_north_street(plan, block.cell), spine)
        stops.append((back.x, back.y))
        gates.append(back)
    block.paths.append(
        Path(LineString(stops), "residential" if kind == "old" else "service", tuple(gates))
    )
    wall = land.intersection(box(west, south, east, rows[-1][0] + 8))
    block.ground.append(("landuse", "residential", estate_name(block.cell.number), wall))
    # a delivery point inside the gate
    inside = rows[0][0] - ROW_DEPTH_M[kind] - 2
    block.slots.append(Slot(Point(spine + 7, inside), Point(spine + 1, inside), "gate"))
    return True


def _build_rows(
    block: Block, land: BaseGeometry, kind: str, spine: float, homes: int, rng: Random
) -> list[tuple[float, float, float]]:
    """Build rows of houses from the south until there is room for the homes.

    Returns
    -------
    list[tuple[float, float, float]]
        Of the path along each row: y, and x of its ends.
    """
    _, south, _, north = land.bounds
    estate = estate_name(block.cell.number)
    depth = ROW_DEPTH_M[kind]
    lane = 0
    rows: list[tuple[float, float, float]] = []
    y = south + 9
    while y + depth + 8 < north and sum(house.rooms for house in block.houses) < homes * 1.04:
        row = _row(land, kind, spine, y, depth, rng)
        if row:
            for house in row:
                number = len(block.houses) + 1
                if kind == "old":
                    house.name = f"{number}号"
                    house.address = f"{lane_name(block.cell.number * 3 + lane)}{number}号"
                else:
                    house.name = f"{number}号楼"
                    house.estate = estate
                block.houses.append(house)
            ends = [
                min(house.shape.bounds[0] for house in row) + 3,
                max(house.shape.bounds[2] for house in row) - 3,
                spine,
            ]
            rows.append((y + depth + 5, min(ends), max(ends)))
            lane += len(rows) % 4 == 0
        y += ROW_PITCH_M[kind]
    return rows


def _row(
    land: BaseGeometry, kind: str, spine: float, y: float, deep: float, rng: Random
) -> list[House]:
    """Return one row of buildings at y, with doors to the path on its north side.

    The way of the path across the rows is left free.
    """
    west, _, east, _ = land.bounds
    row, x = [], west + 4 + rng.uniform(0, 6)
    while x < east:
        stairs = rng.choice((2, 3, 3, 4)) if kind == "slab" else 1 if kind == "tower" else 0
        wide = {"slab": 15.0 * stairs, "tower": 26.0, "old": rng.uniform(9, 12)}[kind]
        if x < spine + 6 and x + wide > spine - 6:
            x = spine + 6
        shape = box(x, y, x + wide, y + deep)
        if land.covers(shape):
            floors = {
                "slab": 6,
                "tower": rng.choice((18, 22, 26, 33, 33)),
                "old": rng.choice((2, 3, 3)),
            }[kind]
            doors = {"slab": 2, "tower": rng.choice((4, 4, 5)), "old": 2}[kind]
            door = Point(x + wide / 2, y + deep)
            row.append(
                House(
                    shape,
                    floors,
                    "apartments" if kind != "old" else "house",
                    door,
                    stairs=stairs,
                    doors=doors,
                )
            )
        x += wide + {"slab": 13.0, "tower": 24.0, "old": 3.0}[kind]
    return row


def _grow(houses: list[House], homes: int, most: int) -> bool:
    """Add floors, evenly, until there is room; return False if that takes too many floors."""
    while (room := sum(house.rooms for house in houses)) < homes:
        low = min(houses, key=lambda house: house.floors, default=None)
        if low is None or low.floors >= most:
            return False
        low.floors += 1
    return room >= homes


def _beside(block: Block, plan: Plan, land: BaseGeometry, rng: Random) -> None:
    """Build what lies beside the compound.

    Shop fronts along the south street, a bus stop if that is an arterial, and a plot behind for a
    larger use.
    """
    west, south, east, north = land.bounds
    street = _south_street(plan, block.cell)
    if is_arterial_row(block.cell.row):
        stop = _on(street, (west + east) / 2)
        block.slots.append(Slot(stop, stop, "stop"))
    x = west + 2
    while x + 30 < east:
        shape = box(x, south + 3, x + 28, south + 14)
        if land.covers(shape):
            block.houses.append(
                House(shape, rng.choice((1, 2, 2)), "retail", Point(x + 14, south + 3))
            )
            for shop in (4, 14, 24):
                block.slots.append(Slot(Point(x + shop, south + 8), _on(street, x + shop), "front"))
        x += 33
    behind = land.intersection(box(west, south + 24, east, north)).buffer(-1)
    if behind.is_empty or behind.geom_type != "Polygon":
        return
    use = _choose(OTHER_USE_WEIGHTS, rng)
    middle = behind.representative_point()
    gate = _on(_north_street(plan, block.cell), middle.x)
    block.paths.append(
        Path(LineString([(gate.x, gate.y), (middle.x, middle.y)]), "service", (gate,))
    )
    if use == "park":
        _lay_out_park(block, behind, gate, min(east - west, north - south) / 3, rng)
        return
    subkind, kind, floors = LARGE_USES[use]
    block.ground.append(("landuse", subkind, "", behind))
    half = behind.intersection(box(west, south, east, (behind.bounds[1] + behind.bounds[3]) / 2))
    block.slots.append(Slot(half, middle, "plot"))
    tall = box(middle.x - 22, middle.y - 34, middle.x + 22, middle.y - 10)
    if behind.covers(tall):
        block.houses.append(House(tall, floors, kind, Point(middle.x, middle.y - 10)))


def _lay_out_park(
    block: Block, behind: Polygon, gate: Point, pond_radius: float, rng: Random
) -> None:
    """Lay out a park, with a pond in every second one that is large enough."""
    middle = behind.representative_point()
    block.ground.append(("green", "park", "", behind))
    pond = middle.buffer(pond_radius).intersection(behind.buffer(-8))
    if rng.random() < 0.5 and pond.area > 200:
        block.ground.append(
            (
                "water",
                "pond",
                estate_name(block.cell.number)[:2] + "湖",
                Polygon(pond.exterior) if pond.geom_type == "Polygon" else middle.buffer(9),
            )
        )
    block.slots.append(Slot(behind, gate, "park"))
