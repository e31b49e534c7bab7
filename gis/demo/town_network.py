"""The walking network of a made-up town, and the lines of its basemap."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy.orm import Session

from gis.demo.streets import RIVER_HALF, Plan, Street, to_degrees
from gis.network.store import WalkEdgeRow, replace_network

# lowest zoom at which a subkind of the basemap is drawn
ZOOM = {
    "primary": 10,
    "river": 9,
    "rail": 10,
    "tertiary": 12,
    "residential": 14,
    "service": 15,
    "footway": 16,
}
StreetKey = tuple[str, int, int]
Points = list[tuple[float, float]]


def write_network(
    session: Session,
    plan: Plan,
    streets: Iterable[tuple[StreetKey, tuple[str, Street]]],
    gates: Mapping[StreetKey, Points],
    paths: Sequence[tuple[Points, str]],
) -> tuple[int, int]:
    """Write the walking network: streets, cut at their gates, and inner paths.

    Parameters
    ----------
    streets
        Name and geometry of each street piece by its key.
    gates
        Points at which paths meet a street piece.
    paths
        Points and kind of each inner path.

    Returns
    -------
    tuple[int, int]
        Number of nodes and edges.

    Notes
    -----
    Every point is a node, so that lines are joined where they meet.
    """
    lines: list[tuple[Points, str, str]] = [(points, kind, "") for points, kind in paths]
    water = plan.river_line.buffer(RIVER_HALF)
    for key, (name, street) in streets:
        banks = shapely.get_coordinates(street.line.intersection(water.exterior)).tolist()
        stops = [*street.line.coords, *gates.get(key, []), *map(tuple, banks)]
        stops.sort(key=lambda point: street.line.project(shapely.Point(point)))
        lines.append((stops, "primary" if street.arterial else "tertiary", name))
    degrees = to_degrees(*np.array([point for points, *_ in lines for point in points]).T)
    numbers: dict[tuple[float, float], int] = {}
    edges: list[WalkEdgeRow] = []
    at = 0
    for way, (points, kind, name) in enumerate(lines, 1):
        points_deg = [tuple(point) for point in degrees[at : at + len(points)].tolist()]
        at += len(points)
        wet = [
            water.buffer(-1).contains(shapely.LineString(pair).centroid)
            for pair in pairwise(points)
        ]
        for (a, b), bridge in zip(pairwise(points_deg), wet, strict=True):
            if a != b:
                u, v = (numbers.setdefault(point, len(numbers) + 1) for point in (a, b))
                structure = "bridge" if bridge else ""
                edges.append(WalkEdgeRow(way, u, v, [a, b], kind, name, False, structure))
    replace_network(session, ((number, *point) for point, number in numbers.items()), edges, "town")
    return len(numbers), len(edges)


def scenery(
    plan: Plan, streets: Iterable[tuple[str, Street]], paths: Sequence[tuple[Points, str]]
) -> list[tuple[str, str, str, BaseGeometry]]:
    """Return named streets, inner paths, river and railway for the basemap.

    Returns
    -------
    list
        Kind, subkind, name and geometry, in metres of the plan.
    """
    rows: list[tuple[str, str, str, BaseGeometry]] = [
        ("water", "river", "示例河", plan.river_line.buffer(16)),
        ("rail", "rail", "示例铁路", plan.railway),
    ]
    whole: dict[tuple[str, str], list[BaseGeometry]] = {}
    for name, street in streets:
        kind = "primary" if street.arterial else "tertiary"
        whole.setdefault((name, kind), []).append(street.line)
    rows += [
        ("street", kind, name, shapely.line_merge(shapely.MultiLineString(lines)))
        for (name, kind), lines in whole.items()
    ]
    rows += [
        (
            "street",
            "service" if kind != "footway" else "footway",
            "",
            shapely.LineString(points),
        )
        for points, kind in paths
    ]
    return rows
