"""The buildings of an area as the editor paints with them, each with its block."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from gis.areas import codes as patterns
from gis.areas.models import Level
from gis.boundaries.editor_view import area_box
from gis.boundaries.household_counts import read_building_households
from gis.boundaries.revision_access import get_revision
from gis.db import STORAGE_SRID, fetch_rows
from gis.rights.principal import Principal

# what parts blocks from each other; paths and service roads inside an estate do not
BLOCK_LINES_SQL = f"""
SELECT ST_AsBinary(geom) FROM basemap_feature
WHERE (kind IN ('rail', 'waterway') OR kind = 'street' AND subkind <> ALL(%(inner)s))
  AND geom && ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, {STORAGE_SRID})
"""  # noqa: S608  a number of ours
INNER_STREETS = (
    "bridleway",
    "corridor",
    "cycleway",
    "footway",
    "path",
    "pedestrian",
    "service",
    "steps",
    "track",
)


@dataclass(frozen=True)
class PaintableBuilding:
    """A building that may be given to a grid.

    Attributes
    ----------
    point
        The place that decides its grid; longitude and latitude, degrees.
    outline
        Its outer ring, degrees.
    block
        Number of the face of the street network in which it stands; buildings with the same number
        form a block.
    """

    code: str
    name: str
    point: tuple[float, float]
    outline: list[list[float]]
    households: int
    people: int
    block: int


def paintable_buildings(
    session: Session, principal: Principal, number: int, within: str
) -> list[PaintableBuilding]:
    """List the buildings in the bounding box of an area, for a draft that the principal may see.

    Raises
    ------
    NotFound
        The draft is hidden, or the area has no land.
    """
    get_revision(session, principal, number)
    box = area_box(session, within)
    homes = read_building_households(
        session, [patterns.ancestor_code(within, Level.COUNTY)], [shapely.box(*box.values())]
    )
    lines = shapely.from_wkb(
        [
            row[0]
            for row in fetch_rows(session, BLOCK_LINES_SQL, box | {"inner": list(INNER_STREETS)})
        ]
    )
    blocks = number_blocks(homes.points, lines, shapely.box(*box.values()))
    rings = [_ring(shape) for shape in homes.shapes]
    return [
        PaintableBuilding(code, name, (x, y), ring, households, people, block)
        for code, name, (x, y), ring, households, people, block in zip(
            homes.codes,
            homes.names,
            np.round(homes.points, 7).tolist(),
            rings,
            homes.households.tolist(),
            homes.people.tolist(),
            blocks.tolist(),
            strict=True,
        )
    ]


def number_blocks(points: NDArray[np.float64], lines: Any, box: Any) -> NDArray[np.int64]:
    """Return the number of the face of a network of lines in which each point lies.

    Parameters
    ----------
    points
        Shape (n, 2).
    lines
        Lines and areas; of an area its border parts faces.
    box
        What the network is closed by at its edge.
    """
    edges = [*shapely.get_parts(lines), box]
    bounds = [
        shapely.boundary(edge) if shapely.get_dimensions(edge) == 2 else edge for edge in edges
    ]
    faces = shapely.get_parts(shapely.polygonize([shapely.union_all(bounds)]))
    blocks = np.full(len(points), -1, dtype=np.int64)
    places, rows = shapely.STRtree(faces).query(shapely.points(points), predicate="intersects")
    blocks[places[::-1]] = rows[::-1]
    return blocks


def _ring(shape: Any) -> list[list[float]]:
    largest = max(shapely.get_parts(shape), key=lambda part: part.area)
    ring: list[list[float]] = np.round(shapely.get_coordinates(largest.exterior), 7).tolist()
    return ring
