"""Bringing one shape into the form it is stored in, and saying what was wrong with it."""

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from gis.db import PRECISION_DEG
from gis.messages import Message
from gis.shapes.measure import position_text

MAX_STORED_VERTICES = 250_000  # vertices in one shape; a large county has about ten thousand

# code of the message by GEOS's reason
FAULT_CODES = {
    "Self-intersection": "geometry.self_intersection",
    "Ring Self-intersection": "geometry.ring_touches_itself",
    "Hole lies outside shell": "geometry.hole_outside",
    "Holes are nested": "geometry.nested_holes",
    "Interior is disconnected": "geometry.interior_cut",
    "Nested shells": "geometry.nested_parts",
    "Duplicate Rings": "geometry.ring_twice",
}


@dataclass(frozen=True)
class Repaired:
    """A shape as it may be stored, or None with the reason.

    shape: Valid, two-dimensional, on the 1e-7 degree lattice, EPSG:4490; None when it cannot be
    mended. repairs: What was mended; empty when nothing was wrong. reason: Why it cannot be mended;
    None when it could.
    """

    shape: Polygon | MultiPolygon | None
    repairs: list[Message] = field(default_factory=list)
    reason: Message | None = None


def repair(shape: BaseGeometry | None) -> Repaired:
    """Make a polygon storable: valid, flat, without doubled vertices, on the 1e-7 degree lattice.

    Parameters
    ----------
    shape
        As read, longitude and latitude in degrees, EPSG:4490.

    Crossing rings become the land they enclose (both lobes of a bow-tie). Rounding to the lattice
    (about 1 cm) is not a repair. Beyond `MOST_VERTICES`, or without any land, a shape is not taken.
    """
    if shape is None or shape.is_empty:
        return Repaired(None, reason=Message("geometry.missing"))
    if not isinstance(shape, Polygon | MultiPolygon):
        return Repaired(None, reason=Message("geometry.not_polygon", {"type": shape.geom_type}))
    vertices = int(shapely.get_num_coordinates(shape))
    if vertices > MAX_STORED_VERTICES:
        return Repaired(
            None,
            reason=Message(
                "geometry.too_many_vertices", {"count": vertices, "limit": MAX_STORED_VERTICES}
            ),
        )
    repairs = []
    flat = shapely.force_2d(shape)
    if not np.isfinite(shapely.get_coordinates(flat)).all():
        return Repaired(None, reason=Message("geometry.not_finite"))
    if doubled := _doubled(flat):
        code = (
            "geometry.doubled_vertex_removed"
            if doubled == 1
            else "geometry.doubled_vertices_removed"
        )
        repairs.append(Message(code, {"count": doubled}))
    if not shapely.is_valid(flat):
        repairs.append(
            Message("geometry.mended", {"fault": fault_message(str(shapely.is_valid_reason(flat)))})
        )
        flat = shapely.make_valid(flat, method="structure", keep_collapsed=False)
    land = extract_polygons(shapely.set_precision(flat, PRECISION_DEG))
    if land is None:
        return Repaired(None, repairs, Message("geometry.no_land"))
    return Repaired(land, repairs)


def extract_polygons(shape: BaseGeometry) -> Polygon | MultiPolygon | None:
    """Return the polygons of a shape, without lines and points; None if there are none."""
    if isinstance(shape, Polygon | MultiPolygon):
        return None if shape.is_empty else shape
    parts = [
        part
        for part in shapely.get_parts(shape, return_index=False)
        if isinstance(part, Polygon | MultiPolygon)
    ]
    singles = [
        single for part in parts for single in shapely.get_parts(part) if not single.is_empty
    ]
    if not singles:
        return None
    return singles[0] if len(singles) == 1 else MultiPolygon(singles)


def to_multipolygon(shape: Polygon | MultiPolygon) -> MultiPolygon:
    """Return a multipolygon in normal form, so that equal shapes are equal byte for byte."""
    return shapely.normalize(shape if isinstance(shape, MultiPolygon) else MultiPolygon([shape]))


def is_on_lattice(shapes: Any) -> NDArray[np.bool_]:
    """Return which of the shapes have every vertex on the 1e-7 degree lattice."""
    xy, owner = shapely.get_coordinates(shapes, return_index=True)
    off = (np.abs(xy / PRECISION_DEG - np.round(xy / PRECISION_DEG)) >= 1e-4).any(axis=1)
    return np.bincount(owner[off], minlength=len(shapes)) == 0


def _doubled(shape: Polygon | MultiPolygon) -> int:
    """Return how many vertices repeat the previous one in their ring.

    Rounding to the lattice removes them.
    """
    rings = shapely.get_rings(shapely.get_parts(shape))
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    return int(((xy[1:] == xy[:-1]).all(axis=1) & (ring[1:] == ring[:-1])).sum())


def fault_message(reason: str) -> Message:
    """Return the reason why a shape is invalid as a message, with the position if GEOS gives it."""
    match = re.match(r"([^\[]+)(?:\[(\S+) (\S+)\])?", reason)
    if not match:
        return Message("geometry.other_fault", {"reason": reason})
    kind = match[1].strip()
    fault = (
        Message(FAULT_CODES[kind])
        if kind in FAULT_CODES
        else Message("geometry.other_fault", {"reason": kind.lower()})
    )
    if not match[2]:
        return fault
    return Message(
        "geometry.fault_at", {"fault": fault, "at": position_text(float(match[2]), float(match[3]))}
    )
