"""The building of a point: the one that covers it, the nearest, or the one an address names."""

from gis.areas.explanation import DecisionStep, decision_step
from gis.areas.snapshot import RegistrySnapshot
from gis.places.address import Address
from gis.places.naming import Naming, compare, name_before
from gis.places.queries import MAX_BUILDING_DISTANCE_M
from gis.shapes import local_distance

# metres; a more distant building needs a unique number, or the name of its estate
MAX_LABEL_DISTANCE_M = 100.0


class BuildingResolver:
    """Resolver of points to buildings on one snapshot of the registry."""

    def __init__(self, snapshot: RegistrySnapshot) -> None:
        self.snapshot = snapshot

    def find(
        self, grid: int, x: float, y: float, address: Address | None
    ) -> tuple[int | None, float, list[DecisionStep]]:
        """Return the building of a point, its distance in metres, and the steps of the decision.

        The building covers the point, or else is the nearest in the grid. An address may name
        another.
        """
        row, metres, step = self._at_point(grid, x, y)
        if address is None:
            return row, metres, [step]
        named = self.list_named(grid, row if metres == 0 else None, row, address)
        if row is not None and row in named:
            agrees = decision_step("building", "address_agrees", name=self.label(row))
            return row, metres, [step, agrees]
        if named:
            shapes = self.snapshot.places.shapes[named]
            distances = local_distance.point_distances_m(shapes, x, y).tolist()
            distance_m, other = min(zip(distances, named, strict=True))
            sure = self.compare(other, address) in (Naming.WHOLE, Naming.HOUSE)
            if distance_m <= MAX_LABEL_DISTANCE_M or sure or len(named) == 1:
                chosen = decision_step(
                    "building",
                    "address" if row is None else "address_over_point",
                    name=self.label(other),
                    other="" if row is None else self.label(row),
                    metres=f"{distance_m:.1f}",
                )
                return other, distance_m, [chosen]
        unmatched = self._unmatched(grid, x, y, address)
        return row, metres, [step, *([unmatched] if unmatched else [])]

    def _at_point(self, grid: int, x: float, y: float) -> tuple[int | None, float, DecisionStep]:
        """Return the building that covers a point, or the nearest in the grid."""
        places = self.snapshot.places
        row, metres, rule = places.covering(x, y), 0.0, "covers"
        if row is None:
            close = places.within(x, y, MAX_BUILDING_DISTANCE_M)
            in_grid = [
                (distance_m, candidate)
                for distance_m, candidate in close
                if self.snapshot.building_grid[candidate] == grid
            ]
            if in_grid:
                (metres, row), rule = in_grid[0], "nearest_within_15m"
        if row is None:
            return None, metres, decision_step("building", "none_within_15m")
        step = decision_step("building", rule, name=self.label(row), metres=f"{metres:.1f}")
        return row, metres, step

    def _unmatched(self, grid: int, x: float, y: float, address: Address) -> DecisionStep | None:
        """Return the step for an address that names no building of the grid, if it names one."""
        for _, row in self.snapshot.places.within(x, y, MAX_LABEL_DISTANCE_M):
            home = int(self.snapshot.building_grid[row])
            if home != grid and self.compare(row, address) >= Naming.HOUSE:
                code = self.snapshot.grids.codes[home] if home >= 0 else "-"
                return decision_step(
                    "building", "address_elsewhere", name=self.label(row), code=code
                )
        if not address.building:
            return None
        name = name_before(address, self.snapshot.names_of(grid)) + address.quotes[0]
        return decision_step("building", "address_unmatched", name=name)

    def compare(self, row: int, address: Address) -> Naming:
        """Return how surely an address names a building."""
        naming = compare(address, self.snapshot.places.label_of(row), self.area_names_of(row))
        return (
            Naming.NO if naming is Naming.NUMBER and self.is_other_estate(row, address) else naming
        )

    def is_other_estate(self, row: int, address: Address) -> bool:
        """Return whether an address names another estate of the registry than the building's.

        Short forms of the name count.
        """
        name = name_before(address, self.area_names_of(row))
        return (
            bool(name)
            and name not in self.snapshot.places.estates[row]
            and name in self.snapshot.places.estate_names
        )

    def area_names_of(self, row: int) -> tuple[str, ...]:
        """Return the names of the areas that hold a building."""
        grid = int(self.snapshot.building_grid[row])
        return self.snapshot.names_of(grid) if grid >= 0 else ()

    def list_named(
        self, grid: int, inside: int | None, row: int | None, address: Address
    ) -> list[int]:
        """List the buildings that an address may name.

        These are the best matches in the grid, and the building of the point.

        Parameters
        ----------
        grid
            Row of the grid.
        inside
            The building that covers the point. Only an unambiguous name replaces it.
        row
            The building of the point, covering it or nearest.
        address
            The parsed address.
        """
        sure = {
            int(building_row): self.compare(int(building_row), address)
            for building_row in self.snapshot.buildings_of(grid)
        }
        if row is not None:
            sure[row] = self.compare(row, address)
        best = max(sure.values(), default=Naming.NO)
        if best is Naming.NO:
            return []
        named = [building_row for building_row, naming in sure.items() if naming is best]
        if row in named:
            return [row]
        unknown = (
            best is Naming.NUMBER
            and address.building
            and name_before(address, self.area_names_of(named[0]))
        )
        # 文庙路17号 names another building than one that is known to be 文庙路15号
        other_house = inside is not None and best is Naming.HOUSE and self._house_of(inside)
        if inside is not None and (best < Naming.NUMBER or unknown) and not other_house:
            return [inside] if sure[inside] else []
        if row is not None and best is Naming.NUMBER:
            # 2号楼 on the ground of an estate means the building of that estate
            estates = self.snapshot.places.estates
            same = [building_row for building_row in named if estates[building_row] == estates[row]]
            return same if same or (inside is not None and estates[row]) else named
        return named if best is not Naming.HOUSE or len(named) == 1 else []

    def _house_of(self, row: int) -> str:
        """Return street and house number of a building, if they are on record."""
        return self.snapshot.places.label_of(row).house

    def label(self, row: int) -> str:
        """Return the display name of a building: its estate and name, else its code."""
        places = self.snapshot.places
        return places.estates[row] + places.names[row] or places.codes[row]
