"""Operations that cut: one line across several grids, equal parts, a smoother border."""

import numpy as np
import shapely
from shapely import LineString
from shapely.geometry import mapping

from gis.boundaries.operation_fields import OperationSpec, parse_line
from gis.boundaries.operation_model import OperationResult, Surroundings
from gis.errors import InvalidInput
from gis.shapes import drawn_line, edits
from gis.shapes.edits import ChangedGeometries, GridGeometries
from gis.shapes.edits.common import shared_borders
from gis.shapes.equal_parts import equal_parts
from gis.shapes.measure import to_local_metres
from gis.shapes.polygon_coverage import PolygonLike

LATTICE_DEG = 1e-7  # of stored positions


def cut(
    op: OperationSpec, geometries: GridGeometries, surroundings: Surroundings
) -> OperationResult:
    """Cut every grid that a line crosses from border to border, in one step.

    `pieces` has the codes of the parts of each grid, as `split` numbers them; without it every grid
    that the line parts is cut and the codes are chosen. A grid in which the line ends stays whole.

    Raises
    ------
    InvalidInput
        The line parts no grid, or as `edits.split`.
    """
    line = drawn_line.validate_line(parse_line(op, "line"))
    pieces: dict[str, list[str]] = dict(op.get("pieces") or {})
    codes = sorted(pieces) or [
        code for code in sorted(geometries) if _parts(line, geometries[code])
    ]
    if not codes:
        raise InvalidInput("cut.parts_nothing")
    current, changed = dict(geometries), ChangedGeometries()
    lineage = []
    for code in codes:
        used = {key for parts in pieces.values() for key in parts} | set(current)
        done = edits.split(
            current,
            code,
            line=line,
            codes=pieces.get(code),
            fresh=(key for key in surroundings.fresh_codes(code) if key not in used),
            households=surroundings.count_households,
        )
        new = [key for key in done if key not in current]
        lineage += [("split", code, key) for key in new]
        pieces.setdefault(code, edits.codes_west_to_east({key: done[key] for key in (code, *new)}))
        current |= {key: shape for key, shape in done.items() if shape is not None}
        changed |= done
    parents = {new: origin for _, origin, new in lineage}
    return OperationResult(op | {"pieces": pieces}, changed, parents, {}, lineage)


def _parts(line: LineString, land: PolygonLike) -> bool:
    """Return whether a line crosses a shape and ends outside it or on its border."""
    path = drawn_line.extend_to_border(line, land)
    ends = shapely.points([path.coords[0], path.coords[-1]])
    crosses = bool(shapely.relate_pattern(path, land, "T********"))
    return crosses and not shapely.contains_properly(land, ends).any()


def divide(
    op: OperationSpec, geometries: GridGeometries, surroundings: Surroundings
) -> OperationSpec:
    """Return a `split` in `count` parts of equal households as one into given `parts`.

    Raises
    ------
    InvalidInput
        The grid has no households, or they live in fewer buildings than there are parts.
    NotFound
        The code is not among the grids.
    """
    code, count = op["code"], op["count"]
    edits.require_grids(geometries, code)
    homes = surroundings.read_homes([geometries[code]])
    parts = equal_parts(geometries[code], count, list(homes.shapes), homes.households)
    if len(parts) < count:
        raise InvalidInput("split.too_few_homes", grid=code, count=count)
    shapes = [mapping(shapely.set_precision(part, LATTICE_DEG)) for part in parts]
    return {key: value for key, value in op.items() if key != "count"} | {"parts": shapes}


def simplify(
    op: OperationSpec, geometries: GridGeometries, surroundings: Surroundings
) -> OperationResult:
    """Draw the border of two neighbours with fewer vertices, or straight from end to end.

    `tolerance_m`: how far the new border may lie from the old, metres, by Douglas and Peucker
    (1973); absent: straight.

    Raises
    ------
    NotFound
        A code is not among the grids.
    InvalidInput
        The two are no neighbours, one lies in the other, nothing would change, or as
        `edits.move_border`.
    """
    code, other_code = op["between"]
    edits.require_grids(geometries, code, other_code)
    if code == other_code:
        raise InvalidInput("move_border.same_grid", grid=code)
    borders = shared_borders(geometries[code], geometries[other_code])
    if not borders:
        raise InvalidInput("move_border.not_neighbours", first=code, second=other_code)
    if any(border.is_ring for border in borders):
        raise InvalidInput("simplify.enclave", first=code, second=other_code)
    current, changed = dict(geometries), ChangedGeometries()
    for border in borders:
        line = _simpler(border, op.get("tolerance_m"))
        if shapely.get_num_coordinates(line) < shapely.get_num_coordinates(border):
            done = edits.move_border(current, code, other_code, line)
            current |= {key: shape for key, shape in done.items() if shape is not None}
            changed |= done
    if not changed:
        raise InvalidInput("simplify.nothing", first=code, second=other_code)
    return OperationResult(op, changed)


def _simpler(border: LineString, tolerance_m: float | None) -> LineString:
    if tolerance_m is None:
        return LineString([border.coords[0], border.coords[-1]])
    latitude = border.coords[0][1]
    local = to_local_metres(np.array([border]), latitude=latitude)
    back = to_local_metres(shapely.simplify(local, tolerance_m), back=True, latitude=latitude)
    xy = shapely.get_coordinates(back[0])
    return LineString([border.coords[0], *xy[1:-1].tolist(), border.coords[-1]])
