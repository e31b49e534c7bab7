"""Make one grid of several."""

from collections.abc import Sequence

import shapely

from gis.errors import InvalidInput
from gis.shapes.edits.common import (
    ChangedGeometries,
    GridGeometries,
    complete_coverage,
    grids_near,
    position_of,
    require_grids,
)
from gis.shapes.measure import shape_array
from gis.shapes.repair import extract_polygons


def merge(
    geometries: GridGeometries, codes: Sequence[str], into: str, *, islands: bool = False
) -> ChangedGeometries:
    """Make one grid of several.

    Parameters
    ----------
    codes
        At least two.
    into
        The code that keeps the land: one of them, or one never used.
    islands
        Whether they may lie apart.

    Raises
    ------
    NotFound
        A code is not among the grids.
    InvalidInput
        There are fewer than two, or they lie apart.
    """
    named = list(dict.fromkeys(codes))
    require_grids(geometries, *named)
    if len(named) < 2:
        raise InvalidInput("merge.too_few")
    if into in geometries and into not in named:
        raise InvalidInput("merge.into_not_merged", grid=into, grids=named)
    grids = grids_near(geometries, named)
    whole = extract_polygons(
        shapely.coverage_union_all(shape_array([grids[code] for code in named]))
    )
    most_parts = max(len(shapely.get_parts(grids[code])) for code in named)
    if whole is not None and not islands and len(shapely.get_parts(whole)) > most_parts:
        apart = min(shapely.get_parts(whole), key=lambda part: part.area)
        raise InvalidInput("merge.not_neighbours", grids=named, at=position_of(apart))
    return complete_coverage(grids, dict.fromkeys(named) | {into: whole}, islands=True)
