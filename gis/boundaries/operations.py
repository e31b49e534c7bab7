"""The operations of a boundary draft: the fields of each, and its effect on a coverage of grids.

An operation is a JSON object as submitted; its shapes are GeoJSON, longitude first, in degrees. A
draft is rebased and published by applying its operations to other boundaries, so everything an
operation decides (new codes) is written back into it. No database.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import shapely
from shapely import MultiPolygon
from shapely.geometry.base import BaseGeometry

from gis.boundaries.cutting import cut, divide, simplify
from gis.boundaries.identity_operations import IDENTITY_OPERATIONS, names_given
from gis.boundaries.operation_fields import (
    FIELD_RULES,
    OperationSpec,
    is_point,
    parse_land,
    parse_line,
    parse_polygon,
    parse_position,
)
from gis.boundaries.operation_model import OperationResult, OperationType, Surroundings
from gis.boundaries.painting import (
    drawn_region,
    painted_land,
    transfer_buildings,
    transfer_region,
)
from gis.boundaries.redraw import redraw
from gis.errors import InvalidInput, invalid_field
from gis.messages import Message, render
from gis.shapes import edits, polygon_coverage
from gis.shapes.edits import ChangedGeometries, GridGeometries
from gis.shapes.measure import wider
from gis.shapes.repair import extract_polygons

MAKES = ("add", "cut", "merge", "move_to", "recode", "redraw", "split")  # may create grids


def validate_operation(op: Any) -> OperationSpec:
    """Return an operation whose fields are present and of the right type.

    Raises
    ------
    InvalidInput
        The operation is not an object or of an unknown kind, or a field is missing, unknown or
        wrong.
    """
    if not isinstance(op, Mapping):
        raise InvalidInput("operation.not_an_object")
    name = op.get("op")
    if name not in OPERATION_TYPES:
        raise invalid_field(
            "op", "operation.unknown", name=repr(name), allowed=list(OPERATION_TYPES)
        )
    kind = OPERATION_TYPES[name]
    if unknown := sorted(set(op) - set(kind.fields) - {"op"}):
        raise invalid_field(
            unknown[0], "operation.unknown_field", name=name, allowed=list(kind.fields)
        )
    operation: OperationSpec = {"op": name}
    for key, needed in kind.fields.items():
        value = op.get(key)
        if value is None:
            if needed:
                raise invalid_field(
                    key, "operation.field_missing", name=name, expected=FIELD_RULES[key][1]
                )
            continue
        is_right, expected = FIELD_RULES[key]
        if not is_right(value):
            raise invalid_field(key, "operation.field_wrong", expected=expected)
        operation[key] = value
    kind.drawn(operation)
    return operation


def grids_named(op: OperationSpec) -> list[str]:
    """Return the codes of the existing grids that an operation names."""
    return list(dict.fromkeys(OPERATION_TYPES[op["op"]].named(op)))


def operation_geometries(op: OperationSpec) -> list[BaseGeometry]:
    """Return the shapes in an operation, in degrees."""
    return OPERATION_TYPES[op["op"]].drawn(op)


def apply_operation(
    op: OperationSpec, geometries: GridGeometries, surroundings: Surroundings
) -> OperationResult:
    """Apply a validated operation.

    Parameters
    ----------
    op
        The operation.
    geometries
        The grids it names, those under its shapes, and all that touch any of these.
    surroundings
        Queries about the surroundings.

    Raises
    ------
    InvalidInput, NotFound
        As the edits of `gis.shapes.edits`.
    """
    return OPERATION_TYPES[op["op"]].do(op, geometries, surroundings)


def describe_operation(op: OperationSpec, names: Mapping[str, str]) -> tuple[str, str]:
    """Return the description of an operation in Chinese and English, with known grids by name."""

    def called(code: object) -> str:
        return names.get(str(code), str(code))

    kind = OPERATION_TYPES[op["op"]]
    codes = [called(code) for code in kind.named(op)]
    every = codes[:4] + ["…"] * (len(codes) > 4)
    params = {
        "all": every,
        "first": codes[0] if codes else called(op.get("parent", "")),
        "to": called(op.get("to") or op.get("into") or op.get("give_to") or op.get("grid") or ""),
        "unit": called(op.get("unit", "")),
        "count": str(len(op.get("grids", ()))),
        "was": list(op.get("was", {}).values())[:4] + ["…"] * (len(op.get("was", ())) > 4),
        "name": list(names_given(op).values())[:4] + ["…"] * (len(names_given(op)) > 4),
        "new_code": str(op.get("new_code", "")),
        "parent": called(op.get("parent", "")),
    }
    is_withdrawn = op["op"] == "settle" and "grid" not in op
    code = "operation.settle_withdrawn" if is_withdrawn else kind.description
    message = Message(code, params)
    return render(message, "zh"), render(message, "en")


def moves_land(geometries: GridGeometries, changed: ChangedGeometries) -> list[str]:
    """Return the codes of changed shapes whose area differs, not only a vertex on the border."""
    both = [code for code, shape in changed.items() if shape is not None and code in geometries]
    differ = shapely.symmetric_difference(
        [geometries[code] for code in both], [changed[code] for code in both]
    )
    differences = np.empty(len(both), dtype=object)
    differences[:] = [extract_polygons(shape) or MultiPolygon() for shape in differ]
    moved = {
        code
        for code, wide in zip(
            both, wider(differences, polygon_coverage.MIN_GAP_WIDTH_M).tolist(), strict=True
        )
        if wide
    }
    return sorted(moved | (set(changed) - set(both)))


def _move_border(
    op: OperationSpec, geometries: GridGeometries, surroundings: Surroundings
) -> OperationResult:
    code, other_code = op["between"]
    return OperationResult(
        op, edits.move_border(geometries, code, other_code, parse_line(op, "line"))
    )


def _reshape(
    op: OperationSpec, geometries: GridGeometries, surroundings: Surroundings
) -> OperationResult:
    give_to, islands = op.get("give_to"), bool(op.get("islands"))
    return OperationResult(
        op,
        edits.reshape(
            geometries, op["code"], parse_land(op, "geometry"), give_to=give_to, islands=islands
        ),
    )


def _split(
    op: OperationSpec, geometries: GridGeometries, surroundings: Surroundings
) -> OperationResult:
    code = op["code"]
    if sum(key in op for key in ("line", "parts", "count")) != 1:
        raise invalid_field("line", "operation.split_line_or_parts")
    if "count" in op:
        op = divide(op, geometries, surroundings)
    changed = edits.split(
        geometries,
        code,
        line=parse_line(op, "line") if "line" in op else None,
        parts=[parse_polygon(part, f"parts[{i}]") for i, part in enumerate(op.get("parts", ()))],
        codes=op.get("codes"),
        fresh=surroundings.fresh_codes(code),
        households=surroundings.count_households,
        islands=bool(op.get("islands")),
    )
    new = [part_code for part_code in changed if part_code not in geometries]
    if "codes" not in op and "parts" not in op:
        shapes = {part_code: changed[part_code] for part_code in (code, *new)}
        op = op | {"codes": edits.codes_west_to_east(shapes)}
    elif "codes" not in op:
        op = op | {
            "codes": _by_parts(op, {part_code: changed[part_code] for part_code in (code, *new)})
        }
    parents = {part_code: str(code) for part_code in new}
    return OperationResult(
        op, changed, parents, _names(op, new), [("split", code, part_code) for part_code in new]
    )


def _by_parts(op: OperationSpec, shapes: ChangedGeometries) -> list[str]:
    """Return the codes in the order of the submitted parts."""
    parts = [parse_polygon(part, f"parts[{i}]") for i, part in enumerate(op["parts"])]
    return [
        max(shapes, key=lambda part_code: shapely.intersection(part, shapes[part_code]).area)
        for part in parts
    ]


def _merge(
    op: OperationSpec, geometries: GridGeometries, surroundings: Surroundings
) -> OperationResult:
    codes, into = op["codes"], op["into"]
    changed = edits.merge(geometries, codes, into, islands=bool(op.get("islands")))
    new: dict[str, str] = {} if into in codes else {into: str(op.get("parent") or codes[0])}
    lineage = [
        ("merged", merged_code, into) for merged_code in dict.fromkeys(codes) if merged_code != into
    ]
    return OperationResult(op, changed, new, _names(op, list(new)), lineage)


def _add(
    op: OperationSpec, geometries: GridGeometries, surroundings: Surroundings
) -> OperationResult:
    code = op.get("code") or next(surroundings.fresh_codes(op["parent"]), "")
    if not code:
        raise invalid_field("code", "operation.no_code_left", community=op["parent"])
    op = op | {"code": code}
    return OperationResult(
        op,
        edits.add(geometries, code, parse_land(op, "geometry")),
        {code: op["parent"]},
        _names(op, [code]),
    )


def _retire(
    op: OperationSpec, geometries: GridGeometries, surroundings: Surroundings
) -> OperationResult:
    code, to = op["code"], op.get("give_to")
    return OperationResult(
        op, edits.retire(geometries, code, give_to=to), lineage=[("merged", code, to)] if to else []
    )


def _move_vertex(
    op: OperationSpec, geometries: GridGeometries, surroundings: Surroundings
) -> OperationResult:
    start, to, edge = op.get("from") or op["to"], op["to"], op.get("edge")
    if "from" not in op and edge is None:
        raise invalid_field("from", "operation.vertex_or_edge")
    ends = None if edge is None else (parse_position(edge[0]), parse_position(edge[1]))
    return OperationResult(
        op, edits.move_vertex(geometries, parse_position(start), parse_position(to), edge=ends)
    )


def _names(op: OperationSpec, new: Sequence[str]) -> dict[str, str]:
    """Return the names that an operation gives to new grids.

    Raises
    ------
    InvalidInput
        It names another grid.
    """
    names: dict[str, str] = dict(op.get("names", {}))
    if op.get("name"):
        names.setdefault(new[0] if new else op["into"], op["name"])
    if old := sorted(set(names) - set(new)):
        raise InvalidInput("operation.name_of_old_grid", codes=old[:5])
    return names


def _none(op: OperationSpec) -> list[BaseGeometry]:
    return []


def _vertices(op: OperationSpec) -> list[BaseGeometry]:
    if not is_point(op["to"]):
        raise invalid_field("to", "operation.field_wrong", expected=Message("expected.point"))
    return [
        shapely.Point(parse_position(value))
        for value in (op["to"], op.get("from"), *op.get("edge", ()))
        if value
    ]


OPERATION_TYPES: dict[str, OperationType] = {
    "move_border": OperationType(
        {"between": True, "line": True},
        lambda op: op["between"],
        lambda op: [parse_line(op, "line")],
        _move_border,
        "operation.move_border",
    ),
    "reshape": OperationType(
        {"code": True, "geometry": True, "give_to": False, "islands": False},
        lambda op: [op["code"], *([op["give_to"]] if "give_to" in op else [])],
        lambda op: [parse_land(op, "geometry")],
        _reshape,
        "operation.reshape",
    ),
    "split": OperationType(
        {
            "code": True,
            "line": False,
            "parts": False,
            "count": False,
            "codes": False,
            "names": False,
            "islands": False,
        },
        lambda op: [op["code"]],
        lambda op: (
            [parse_line(op, "line")]
            if "line" in op
            else [parse_polygon(part, "parts") for part in op.get("parts", ())]
        ),
        _split,
        "operation.split",
    ),
    "cut": OperationType(
        {"line": True, "pieces": False},
        lambda op: list(op.get("pieces", ())),
        lambda op: [parse_line(op, "line")],
        cut,
        "operation.cut",
    ),
    "simplify": OperationType(
        {"between": True, "tolerance_m": False},
        lambda op: op["between"],
        _none,
        simplify,
        "operation.simplify",
    ),
    "merge": OperationType(
        {"codes": True, "into": True, "parent": False, "name": False, "islands": False},
        lambda op: op["codes"],
        _none,
        _merge,
        "operation.merge",
    ),
    "transfer": OperationType(
        {"region": True, "to": True, "islands": False},
        lambda op: [op["to"]],
        drawn_region,
        transfer_region,
        "operation.transfer",
    ),
    "transfer_buildings": OperationType(
        {"buildings": True, "to": True, "regions": False, "islands": False},
        lambda op: [op["to"], *op.get("regions", ())],
        painted_land,
        transfer_buildings,
        "operation.transfer_buildings",
    ),
    "add": OperationType(
        {"geometry": True, "parent": True, "code": False, "name": False},
        lambda op: [],
        lambda op: [parse_land(op, "geometry")],
        _add,
        "operation.add",
    ),
    "retire": OperationType(
        {"code": True, "give_to": False},
        lambda op: [op["code"], *([op["give_to"]] if "give_to" in op else [])],
        _none,
        _retire,
        "operation.retire",
    ),
    "move_vertex": OperationType(
        {"to": True, "from": False, "edge": False},
        lambda op: [],
        _vertices,
        _move_vertex,
        "operation.move_vertex",
    ),
    "redraw": OperationType(
        {"grids": True},
        lambda op: [grid["code"] for grid in op["grids"] if grid.get("geometry") is None],
        lambda op: [
            parse_polygon(grid["geometry"], f"grids[{i}].geometry")
            for i, grid in enumerate(op["grids"])
            if grid.get("geometry") is not None
        ],
        redraw,
        "operation.redraw",
    ),
} | IDENTITY_OPERATIONS
