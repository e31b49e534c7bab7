"""Divide the plane between buildings, so that a border along the cells cuts no building."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.shapes.measure import to_local_metres
from gis.shapes.polygon_coverage import PolygonLike
from gis.shapes.repair import extract_polygons

SAMPLE_M = 2.0  # between points on outlines that stand for a building
SMOOTH_M = 1.0  # by which the edge of a cell may be drawn simpler
CELL_REACH_M = 15.0  # by which cells go beyond the land


def building_cells(
    footprints: Sequence[PolygonLike], chosen: NDArray[np.bool_], land: PolygonLike
) -> PolygonLike | None:
    """Return the land that is nearer to chosen buildings than to the others.

    The Voronoi cells of the outlines, simplified by `SMOOTH_M`; no part of a chosen building is
    left out and none of another is included, where footprints do not overlap.

    Parameters
    ----------
    footprints
        Buildings in and around the land, degrees, EPSG:4490.
    chosen
        Which of them are chosen; at least one.
    land
        Bounds of the cells: they end `CELL_REACH_M` beyond its bounding box.

    Returns
    -------
    Degrees, on no lattice; None where no land remains.
    """
    latitude = (land.bounds[1] + land.bounds[3]) / 2
    array = np.empty(len(footprints) + 1, dtype=object)
    array[:] = [land, *footprints]
    local = to_local_metres(array, latitude=latitude)
    box = shapely.box(*shapely.buffer(shapely.envelope(local[0]), CELL_REACH_M).bounds)
    mine, others = local[1:][chosen], local[1:][~chosen]
    region = shapely.intersection(_nearer(mine, others, box), box)
    region = shapely.difference(
        shapely.union(region, shapely.union_all(mine)), shapely.union_all(others)
    )
    return extract_polygons(to_local_metres(np.array([region]), back=True, latitude=latitude)[0])


def _nearer(mine: Any, others: Any, box: PolygonLike) -> Any:
    """Return the part of a box nearer to some shapes than to others, metres."""
    if not len(others):
        return box
    points, owners = shapely.get_coordinates(
        shapely.segmentize(np.concatenate([mine, others]), SAMPLE_M), return_index=True
    )
    points, index = np.unique(points, axis=0, return_index=True)
    cells = shapely.get_parts(
        shapely.voronoi_polygons(shapely.multipoints(points), extend_to=box, ordered=True)
    )
    region = shapely.union_all(cells[owners[index] < len(mine)])
    # the zigzag between two rows of points goes; footprints are put right by the caller
    return shapely.buffer(shapely.simplify(region, SMOOTH_M), 0)
