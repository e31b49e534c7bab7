"""Rings of GeoJSON, which end where they begin (RFC 7946); shapely closes others without a word."""

from collections.abc import Mapping
from typing import Any

from gis.shapes.measure import position_text


def find_open_ring(geometry: Mapping[str, Any]) -> str | None:
    """Return where the first ring that is not closed begins, as text; None if all are closed.

    Parameters
    ----------
    geometry
        GeoJSON that has been read as a shape already.
    """
    coordinates = geometry.get("coordinates", ())
    parts = {"Polygon": [coordinates], "MultiPolygon": coordinates}.get(geometry["type"], ())
    for ring in (ring for part in parts for ring in part):
        if [*ring[0][:2]] != [*ring[-1][:2]]:
            return position_text(*ring[0][:2])
    return None
