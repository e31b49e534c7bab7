"""Transfer buildings between grids: the border then runs between them, never through one."""

from typing import Any

import numpy as np
import shapely
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from gis.boundaries.cutting import LATTICE_DEG
from gis.boundaries.home_selection import MAX_NAMED_CODES
from gis.boundaries.household_counts import BuildingHouseholds
from gis.boundaries.operation_fields import OperationSpec, is_code, parse_land, parse_polygon
from gis.boundaries.operation_model import OperationResult, Surroundings
from gis.errors import InvalidInput, invalid_field
from gis.messages import Message
from gis.shapes import edits
from gis.shapes.cells import building_cells
from gis.shapes.edits import ChangedGeometries, GridGeometries
from gis.shapes.edits.common import complete_coverage
from gis.shapes.measure import position_text


def transfer_buildings(
    op: OperationSpec, geometries: GridGeometries, surroundings: Surroundings
) -> OperationResult:
    """Give the land of buildings to a grid, out of every grid in which they stand.

    The land of a building is what is nearer to it than to any other in its grid. `regions` has it
    by the grid that gives it; without it, it is found and written into the operation, so that the
    same land moves when the operation is done again.

    Raises
    ------
    NotFound
        The grid is not among the grids.
    InvalidInput
        A building is unknown, or all stand in the grid already; or as `edits.transfer`: a grid
        would lose all land, or a sliver or an island would be left.
    """
    to = op["to"]
    edits.require_grids(geometries, to)
    regions: dict[str, Any] = op.get("regions") or _regions(
        op["buildings"], to, geometries, surroundings
    )
    current, changed = dict(geometries), ChangedGeometries()
    for code, region in regions.items():
        # whether land lies apart is seen when all of it has moved
        land = parse_polygon(region, "regions")
        done = edits.transfer(current, land, to, only=code, islands=True)
        current |= {key: shape for key, shape in done.items() if shape is not None}
        changed |= done
    changed = complete_coverage(geometries, changed, islands=bool(op.get("islands")))
    return OperationResult(op | {"regions": regions}, changed)


def require_receiver(op: OperationSpec) -> None:
    """Raise InvalidInput unless the field `to` is the code of a grid.

    Raises
    ------
    InvalidInput
        `operation.field_wrong`: it is no code.
    """
    if not is_code(op["to"]):
        raise invalid_field("to", "operation.field_wrong", expected=Message("expected.receiver"))


def drawn_region(op: OperationSpec) -> list[BaseGeometry]:
    """Return the region that an operation gives to a grid."""
    require_receiver(op)
    return [parse_land(op, "region")]


def transfer_region(
    op: OperationSpec, geometries: GridGeometries, surroundings: Surroundings
) -> OperationResult:
    """Give the land in a drawn region to a grid; errors are those of `edits.transfer`."""
    islands = bool(op.get("islands"))
    return OperationResult(
        op, edits.transfer(geometries, parse_land(op, "region"), op["to"], islands=islands)
    )


def painted_land(op: OperationSpec) -> list[BaseGeometry]:
    """Return the land of the buildings of an operation, where it is known already."""
    require_receiver(op)
    return [parse_polygon(region, "regions") for region in op.get("regions", {}).values()]


def _regions(
    codes: list[str], to: str, geometries: GridGeometries, surroundings: Surroundings
) -> dict[str, Any]:
    """Return the land of buildings as GeoJSON, by the code of the grid that gives it.

    Raises
    ------
    InvalidInput
        A building is unknown, or none of them stands in a grid that can give it.
    """
    homes = surroundings.read_homes(list(geometries.values()))
    row_of = {code: row for row, code in enumerate(homes.codes)}
    if unknown := [code for code in codes if code not in row_of]:
        raise invalid_field(
            "buildings", "painting.unknown_buildings", buildings=unknown[:MAX_NAMED_CODES]
        )
    rows = np.array([row_of[code] for code in codes])
    grids = _grids_of(homes, rows, geometries)
    donors = sorted(set(grids) - {to, ""})
    if not donors:
        raise InvalidInput("painting.nothing_to_move", grid=to)
    regions: dict[str, Any] = {}
    for donor in donors:
        chosen = np.zeros(len(homes.codes), dtype=bool)
        chosen[rows[np.array(grids) == donor]] = True
        regions[donor] = _region(homes, chosen, geometries, donor)
    return regions


def _grids_of(homes: BuildingHouseholds, rows: np.ndarray, geometries: GridGeometries) -> list[str]:
    """Return the grid of each building; of several on a border the lower code, empty for none."""
    points = shapely.points(homes.points[rows])
    grids = [""] * len(rows)
    for code in sorted(geometries, reverse=True):
        for nth in np.flatnonzero(shapely.intersects(geometries[code], points)):
            grids[nth] = code
    return grids


def _region(
    homes: BuildingHouseholds, chosen: np.ndarray, geometries: GridGeometries, donor: str
) -> object:
    """Return the land of the chosen buildings of a grid as GeoJSON.

    Raises
    ------
    InvalidInput
        No land of the grid is left for the buildings.
    """
    land = geometries[donor]
    # a building on the border of the grid that stands in the next one keeps no land of this one
    touched = chosen | shapely.intersects(land, shapely.points(homes.points))
    region = building_cells(list(homes.shapes[touched]), chosen[touched], land)
    if region is None:
        at = position_text(*homes.points[chosen][0])
        raise InvalidInput("painting.no_land", at=at)
    return mapping(shapely.set_precision(region, LATTICE_DEG))
