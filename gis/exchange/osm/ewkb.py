"""Shapes of OSM objects as EWKB in hex."""

import struct
from collections.abc import Iterable, Sequence

from gis.db import STORAGE_SRID
from gis.exchange.osm.walk_graph import (
    DEGREE,
    NodeAt,
)

# EWKB: https://libgeos.org/specifications/wkb/, with the flag that announces an SRID.
SRID_FLAG = 0x20000000
_MULTIPOLYGON, _POLYGON, _LINESTRING, _POINT = 6, 3, 2, 1


def degrees_of(nodes: Iterable[NodeAt]) -> list[tuple[float, float]]:
    """Return the coordinates of nodes in degrees."""
    return [(x / DEGREE, y / DEGREE) for _, x, y in nodes]


def ewkb(wkb: str) -> str:
    """Return hex WKB of a multipolygon with our SRID put in."""
    return struct.pack("<BII", 1, _MULTIPOLYGON | SRID_FLAG, STORAGE_SRID).hex() + wkb[10:]


def point_ewkb(x: int, y: int) -> str:
    """Return a point of OSM's whole-number coordinates."""
    return struct.pack("<BIIdd", 1, _POINT | SRID_FLAG, STORAGE_SRID, x / DEGREE, y / DEGREE).hex()


def line_ewkb(run: Sequence[NodeAt]) -> str:
    """Return a line through nodes."""
    return struct.pack("<BII", 1, _LINESTRING | SRID_FLAG, STORAGE_SRID).hex() + _coords(run)


def polygon_ewkb(ring: Sequence[NodeAt]) -> str:
    """Return a multipolygon of one ring."""
    head = struct.pack("<BIIIBII", 1, _MULTIPOLYGON | SRID_FLAG, STORAGE_SRID, 1, 1, _POLYGON, 1)
    return head.hex() + _coords(ring)


def _coords(nodes: Sequence[NodeAt]) -> str:
    flat = [part / DEGREE for _, x, y in nodes for part in (x, y)]
    return struct.pack(f"<I{len(flat)}d", len(nodes), *flat).hex()
