"""Mapbox Vector Tiles of layers, made by PostGIS (ST_AsMVT) in one question to the database."""

from collections.abc import Sequence
from datetime import datetime
from math import atan, degrees, pi, sinh
from typing import Any

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    ScalarSelect,
    Select,
    Subquery,
    func,
    literal,
    literal_column,
    select,
)
from sqlalchemy.orm import Session

from gis.db import STORAGE_SRID, plan_for_values
from gis.errors import InvalidInput
from layers.layer import Layer

WEB_MERCATOR = 3857  # the tile grid's own system: for drawing only, nothing is measured in it
WGS84_SRID = 4326
EXTENT, BUFFER = 4096, 64  # steps across a tile, and steps kept beyond its edge
WORLD_WIDTH_M = 40_075_016.685578488  # metres around the equator of the tile grid
MAX_ZOOM = 20
FULL_DETAIL = 14  # from this zoom on, shapes keep every vertex the grid of the tile can tell apart


def bounds(z: int, x: int, y: int, margin: float = 0.0) -> tuple[float, float, float, float]:
    """Return the bounds of a tile as (west, south, east, north) in degrees, EPSG:4490.

    Parameters
    ----------
    margin
        Width of a margin on each side, as a share of the tile.

    Raises
    ------
    InvalidInput
        `tile.unknown`: there is no such tile.
    """
    size = 2**z if 0 <= z <= MAX_ZOOM else 0
    if not (0 <= x < size and 0 <= y < size):
        raise InvalidInput("tile.unknown", tile=f"{z}/{x}/{y}", max_zoom=MAX_ZOOM)

    def latitude(row: float) -> float:
        return degrees(atan(sinh(pi * (1 - 2 * row / size))))

    def longitude(column: float) -> float:
        return column / size * 360 - 180

    return (
        max(longitude(x - margin), -180.0),
        latitude(min(y + 1 + margin, size)),
        min(longitude(x + 1 + margin), 180.0),
        latitude(max(y - margin, 0)),
    )


def tile(session: Session, layers: Sequence[Layer], z: int, x: int, y: int, at: datetime) -> bytes:
    """Return layers as one vector tile, empty bytes where nothing lies.

    Raises
    ------
    InvalidInput
        `tile.unknown`: there is no such tile.

    Notes
    -----
    Each layer is an MVT layer of its name; an area's label point is in `{name}_label`, once in the
    whole map. Shapes are clipped to the tile and a small margin, and simplified to half a pixel
    below zoom 14.
    """
    question = tile_query(layers, z, x, y, at)
    if question is None:
        return b""
    plan_for_values(session, parallel=False)
    return bytes(session.execute(question).scalar_one())


def tile_query(
    layers: Sequence[Layer], z: int, x: int, y: int, at: datetime
) -> Select[bytes] | None:
    """Return the select of a tile's bytes, None if no layer has this zoom.

    Raises
    ------
    InvalidInput
        `tile.unknown`: there is no such tile.
    """
    inner, outer = bounds(z, x, y), bounds(z, x, y, margin=BUFFER / EXTENT)
    parts: list[ColumnElement[bytes]] = []
    for layer in layers:
        if z in layer.zooms:
            parts.append(_part(layer, z, x, y, at, outer))
            if layer.geometry_type == "polygon" and _has_labels(layer, z):
                parts.append(_label_part(layer, z, x, y, at, inner))
    if not parts:
        return None
    whole = parts[0]
    for part in parts[1:]:
        # a tile is the sum of its layers' bytes
        whole = whole.op("||", return_type=LargeBinary())(part)
    return select(whole)


def _has_labels(layer: Layer, z: int) -> bool:
    """Return whether some label of a layer is written on the map of a tile, one zoom further in."""
    return any(label.from_zoom <= z + 1 for label in layer.labels)


def _part(
    layer: Layer, z: int, x: int, y: int, at: datetime, box: tuple[float, float, float, float]
) -> ScalarSelect[bytes]:
    rows = layer.query(at).subquery()
    shape = func.ST_PointOnSurface(rows.c.geom) if layer.geometry_type == "point" else rows.c.geom
    drawn = _to_mercator(shape)
    if layer.dissolved:
        return _encode_union(layer.name, rows, drawn, (z, x, y), box)
    if layer.geometry_type != "point" and z < FULL_DETAIL:
        drawn = func.ST_Simplify(drawn, _pixel_m(z) / 2, True)
    return _encode(layer.name, rows, drawn, (z, x, y), box, limit=layer.max_tile_features)


def _to_mercator(shape: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a shape in the system of the tile grid.

    Its numbers are taken for WGS 84, in which they are the same: to look up how CGCS2000 becomes
    that, PROJ takes 45 ms of the first tile of each connection, and then leaves them as they are.
    """
    return func.ST_Transform(func.ST_SetSRID(shape, WGS84_SRID), WEB_MERCATOR)


def _pixel_m(z: int) -> float:
    """Return the width of a pixel of a tile in metres of the tile grid."""
    return WORLD_WIDTH_M / 2**z / 512


def _encode_union(
    name: str,
    rows: Subquery,
    drawn: ColumnElement[Any],
    zxy: tuple[int, int, int],
    box: tuple[float, float, float, float],
) -> ScalarSelect[bytes]:
    """Encode shapes as one.

    Each is first simplified as a whole, to a pixel, so that neighbouring tiles cut the same lines.
    """
    tile_box = func.ST_TileEnvelope(*zxy)
    cut = func.ST_Expand(tile_box, 2 * BUFFER * _pixel_m(zxy[0]) * 512 / EXTENT)
    simple = func.ST_MakeValid(func.ST_Simplify(drawn, _pixel_m(zxy[0]), True))
    piece = func.ST_CollectionExtract(func.ST_ClipByBox2D(simple, cut), 3)
    whole = (
        select(func.ST_Union(piece).label("geom"))
        .where(rows.c.geom.op("&&")(func.ST_MakeEnvelope(*box, STORAGE_SRID)))
        .subquery("whole")
    )
    feature = select(func.ST_AsMVTGeom(whole.c.geom, tile_box, EXTENT, BUFFER, True).label("geom"))
    return _as_mvt(name, feature)


def _label_part(
    layer: Layer, z: int, x: int, y: int, at: datetime, box: tuple[float, float, float, float]
) -> ScalarSelect[bytes]:
    rows = layer.query(at).subquery()
    tile_box = func.ST_MakeEnvelope(*box, STORAGE_SRID)
    columns = [column for column in rows.c if column.name != "geom"]
    # OFFSET 0: a point is worked out once
    points = (
        select(*columns, func.ST_PointOnSurface(rows.c.geom).label("geom"))
        .where(rows.c.geom.op("&&")(tile_box))
        .offset(0)
        .subquery()
    )
    drawn = _to_mercator(points.c.geom)
    inside = func.ST_Intersects(points.c.geom, tile_box)
    return _encode(f"{layer.name}_label", points, drawn, (z, x, y), box, inside)


def _encode(
    name: str,
    rows: Subquery,
    drawn: ColumnElement[Any],
    zxy: tuple[int, int, int],
    box: tuple[float, float, float, float],
    *conditions: ColumnElement[bool],
    limit: int | None = None,
) -> ScalarSelect[bytes]:
    if "min_zoom" in rows.c:
        # min_zoom is a map zoom; tiles are one further out
        conditions = (*conditions, rows.c.min_zoom <= zxy[0] + 1)
    properties = [column for column in rows.c if column.name not in ("geom", "min_zoom")]
    clipped = func.ST_AsMVTGeom(drawn, func.ST_TileEnvelope(*zxy), EXTENT, BUFFER, True)
    features = (
        select(*properties, clipped.label("geom"))
        # the tile is transformed to the CRS of the table, not the rows, so that the index answers
        .where(rows.c.geom.op("&&")(func.ST_MakeEnvelope(*box, STORAGE_SRID)), *conditions)
        # OFFSET 0: clipped once, after all conditions; else also to see which are empty, of every
        # level of areas in the box
        .offset(0)
    )
    if limit is not None:  # the same ones in neighbouring tiles
        features = features.order_by(func.hashtext(rows.c.code)).limit(limit)
    return _as_mvt(name, features)


def _as_mvt(name: str, features: Select[Any]) -> ScalarSelect[bytes]:
    """Return the bytes of an MVT layer of features in steps of the tile, without empty ones."""
    rows = features.subquery("feature")
    encoded = func.ST_AsMVT(
        literal_column("feature"), literal(name), EXTENT, literal("geom"), type_=LargeBinary()
    )
    return select(encoded).select_from(rows).where(rows.c.geom.is_not(None)).scalar_subquery()
