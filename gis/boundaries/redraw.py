"""Redraw grids as in a file or an earlier state, with the lineage that follows from the area."""

from collections.abc import Mapping

import shapely

from gis.boundaries.operation_fields import (
    OperationSpec,
    parse_polygon,
)
from gis.boundaries.operation_model import OperationResult, Surroundings
from gis.errors import InvalidInput, NotFound, invalid_field
from gis.shapes import polygon_coverage
from gis.shapes.edits import ChangedGeometries, GridGeometries
from gis.shapes.polygon_coverage import PolygonLike
from gis.shapes.repair import repair

MIN_ORIGIN_SHARE = 0.5  # share of a grid's area that makes another grid its origin


def redraw(
    op: OperationSpec, geometries: GridGeometries, surroundings: Surroundings
) -> OperationResult:
    """Redraw grids as in a file or an earlier state.

    The result must form a coverage with the grids around.

    Raises
    ------
    InvalidInput
        A code comes twice, a geometry cannot be stored, a new grid names no parent, or the result
        is no coverage.
    NotFound
        A grid that is to end does not exist.
    """
    drawn_: ChangedGeometries = {}
    parents: dict[str, str] = {}
    for i, grid in enumerate(op["grids"]):
        code, key = grid["code"], f"grids[{i}].geometry"
        if code in drawn_:
            raise invalid_field(f"grids[{i}].code", "redraw.code_twice", code=code)
        if grid.get("geometry") is None:
            if code not in geometries:
                raise NotFound("redraw.unknown_code", code=code)
            drawn_[code] = None
            continue
        done = repair(parse_polygon(grid["geometry"], key))
        if done.shape is None:
            raise invalid_field(key, "redraw.geometry_not_storable", reason=done.reason)
        drawn_[code] = done.shape
        if code not in geometries:
            if not grid.get("parent"):
                raise invalid_field(f"grids[{i}].parent", "redraw.parent_missing", code=code)
            parents[code] = grid["parent"]
    unchanged = {code: land for code, land in geometries.items() if code not in drawn_}
    new = {code: shape for code, shape in drawn_.items() if shape is not None}
    shapes: list[PolygonLike] = [*new.values(), *unchanged.values()]
    if not polygon_coverage.is_valid(shapes):
        bad = polygon_coverage.find_overlaps(shapes)
        codes = [*new, *unchanged]
        if not bad:
            raise InvalidInput("redraw.no_coverage")
        overlap = bad[0]
        raise InvalidInput(
            "redraw.grids_overlap",
            first=codes[overlap.position],
            second=codes[overlap.other_position],
            at=str(overlap.label_point),
        )
    op = op | {"grids": [dict(grid) for grid in op["grids"]]}
    lineage = lineage_by_area(geometries, drawn_, parents)
    names = {grid["code"]: str(grid["name"]) for grid in op["grids"] if grid.get("name")}
    return OperationResult(op, drawn_, parents, names, lineage)


def lineage_by_area(
    geometries: GridGeometries, drawn_: ChangedGeometries, parents: Mapping[str, str]
) -> list[tuple[str, str, str]]:
    """Return the lineage of new and ended grids where one grid has half of the area or more."""
    lineage = []
    for code in parents:
        shape = drawn_[code]
        assert shape is not None
        shares = {
            old: shapely.intersection(shape, land).area / shape.area
            for old, land in geometries.items()
        }
        best = max(shares, key=lambda old: shares[old], default=None)
        if (
            best is not None
            and shares[best] >= MIN_ORIGIN_SHARE
            and drawn_.get(best, geometries[best]) is not None
        ):
            lineage.append(("split", best, code))
    for code, shape in drawn_.items():
        if shape is None:
            land = geometries[code]
            shares = {
                new: shapely.intersection(other, land).area / land.area
                for new, other in {**geometries, **drawn_}.items()
                if other is not None and new != code
            }
            best = max(shares, key=lambda new: shares[new], default=None)
            if best is not None and shares[best] >= MIN_ORIGIN_SHARE:
                lineage.append(("merged", code, best))
    return lineage
