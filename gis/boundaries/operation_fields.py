"""The fields of an operation: whether a value is right, and shapes of GeoJSON."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shapely import LineString, MultiPolygon, Polygon
from shapely.errors import ShapelyError
from shapely.geometry import shape as from_geojson
from shapely.geometry.base import BaseGeometry

from gis.errors import invalid_field
from gis.messages import Message
from gis.shapes.polygon_coverage import PolygonLike
from gis.shapes.rings import find_open_ring

MAX_AREA_NAME_CHARS = 100  # characters


MAX_SPLIT_PARTS = 50  # of one split or merge


MAX_TOLERANCE_M = 100  # metres by which a simplified border may move


MAX_PAINTED_BUILDINGS = 2_000  # of one operation


MAX_REDRAWN_GRIDS = 20_000  # grids of one file


OperationSpec = dict[str, Any]


def _parse_geometry(value: Mapping[str, Any], key: str) -> BaseGeometry:
    try:
        return from_geojson(value)
    except (ShapelyError, AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise invalid_field(key, "operation.not_geojson") from error


def parse_line(op: OperationSpec, key: str) -> LineString:
    """Return the line of a field.

    Raises
    ------
    InvalidInput
        It is another shape.
    """
    line = _parse_geometry(op[key], key)
    if not isinstance(line, LineString):
        raise invalid_field(key, "operation.not_line", type=line.geom_type)
    return line


def parse_land(op: OperationSpec, key: str) -> PolygonLike:
    """Return the polygon of a field; raise InvalidInput if it is another shape."""
    return parse_polygon(op[key], key)


def parse_polygon(value: Mapping[str, Any], key: str) -> PolygonLike:
    """Return a GeoJSON geometry as polygon.

    Raises
    ------
    InvalidInput
        It is another shape.
    """
    polygon = _parse_geometry(value, key)
    if not isinstance(polygon, Polygon | MultiPolygon):
        raise invalid_field(key, "operation.not_polygon", type=polygon.geom_type)
    if at := find_open_ring(value):
        raise invalid_field(key, "geometry.ring_not_closed", at=at)
    return polygon


def parse_position(value: Sequence[Any]) -> tuple[float, float]:
    """Return a position as (lon, lat) in degrees."""
    return float(value[0]), float(value[1])


def is_code(value: object) -> bool:
    """Return whether a value has the form of a code: 1 to 40 printable ASCII characters."""
    return (
        isinstance(value, str) and 0 < len(value) <= 40 and value.isascii() and value.isprintable()
    )


def _are_codes(value: object) -> bool:
    return (
        isinstance(value, list)
        and 0 < len(value) <= MAX_SPLIT_PARTS
        and all(is_code(code) for code in value)
    )


def _is_name(value: object) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value.strip()) <= MAX_AREA_NAME_CHARS
        and value.isprintable()
    )


def _are_names(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and 0 < len(value) <= MAX_REDRAWN_GRIDS
        and all(is_code(code) and _is_name(name) for code, name in value.items())
    )


def is_point(value: object) -> bool:
    """Return whether a value is a GeoJSON position of finite numbers."""
    return (
        isinstance(value, list)
        and len(value) >= 2
        and all(
            isinstance(number, int | float)
            and not isinstance(number, bool)
            and math.isfinite(number)
            for number in value[:2]
        )
    )


def _is_shape(value: object) -> bool:
    return (
        isinstance(value, Mapping) and isinstance(value.get("type"), str) and "coordinates" in value
    )


def _are_grids(value: object) -> bool:
    return (
        isinstance(value, list)
        and 0 < len(value) <= MAX_REDRAWN_GRIDS
        and all(
            isinstance(grid, Mapping)
            and is_code(grid.get("code"))
            and (grid.get("geometry") is None or _is_shape(grid["geometry"]))
            and (not grid.get("name") or _is_name(grid["name"]))
            and (not grid.get("parent") or is_code(grid["parent"]))
            for grid in value
        )
    )


# by field: whether a value is valid, and what is expected
FIELD_RULES: dict[str, tuple[Callable[[Any], bool], Message]] = {
    "between": (
        lambda value: _are_codes(value) and len(value) == 2,
        Message("expected.two_neighbours"),
    ),
    "buildings": (
        lambda value: (
            isinstance(value, list)
            and 0 < len(value) <= MAX_PAINTED_BUILDINGS
            and all(isinstance(code, str) and 0 < len(code) <= 60 for code in value)
        ),
        Message("expected.building_codes", {"limit": MAX_PAINTED_BUILDINGS}),
    ),
    "code": (is_code, Message("expected.grid_code_text")),
    "codes": (_are_codes, Message("expected.codes", {"limit": MAX_SPLIT_PARTS})),
    "count": (
        lambda value: type(value) is int and 2 <= value <= MAX_SPLIT_PARTS,
        Message("expected.part_count", {"limit": MAX_SPLIT_PARTS}),
    ),
    "edge": (
        lambda value: isinstance(value, list) and len(value) == 2 and all(map(is_point, value)),
        Message("expected.two_vertices"),
    ),
    "from": (is_point, Message("expected.point")),
    "geometry": (_is_shape, Message("expected.polygon")),
    "give_to": (is_code, Message("expected.neighbour_code")),
    "grid": (is_code, Message("expected.grid_code")),
    "grids": (_are_grids, Message("expected.grids")),
    "into": (is_code, Message("expected.keeper_code")),
    "islands": (lambda value: isinstance(value, bool), Message("expected.boolean")),
    "line": (_is_shape, Message("expected.line")),
    "name": (_is_name, Message("expected.name", {"limit": MAX_AREA_NAME_CHARS})),
    "names": (_are_names, Message("expected.names", {"limit": MAX_AREA_NAME_CHARS})),
    "new_code": (is_code, Message("expected.grid_code_text")),
    "parent": (is_code, Message("expected.community_code")),
    "parts": (
        lambda value: (
            isinstance(value, list)
            and 2 <= len(value) <= MAX_SPLIT_PARTS
            and all(map(_is_shape, value))
        ),
        Message("expected.parts"),
    ),
    "pieces": (
        lambda value: (
            isinstance(value, Mapping)
            and 0 < len(value) <= MAX_SPLIT_PARTS
            and all(is_code(code) and _are_codes(codes) for code, codes in value.items())
        ),
        Message("expected.pieces"),
    ),
    "region": (_is_shape, Message("expected.polygon")),
    "regions": (
        lambda value: (
            isinstance(value, Mapping)
            and 0 < len(value) <= MAX_SPLIT_PARTS
            and all(is_code(code) and _is_shape(shape) for code, shape in value.items())
        ),
        Message("expected.regions"),
    ),
    "to": (lambda value: is_code(value) or is_point(value), Message("expected.code_or_vertex")),
    "tolerance_m": (
        lambda value: (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and 0 < value <= MAX_TOLERANCE_M
        ),
        Message("expected.tolerance", {"limit": MAX_TOLERANCE_M}),
    ),
    "unit": (is_code, Message("expected.unit_code")),
    "was": (_are_names, Message("expected.names", {"limit": MAX_AREA_NAME_CHARS})),
}
