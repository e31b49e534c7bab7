"""Take a grid out of use."""

from gis.shapes.edits.common import ChangedGeometries, GridGeometries, require_grids
from gis.shapes.edits.merge import merge


def retire(
    geometries: GridGeometries, code: str, *, give_to: str | None = None
) -> ChangedGeometries:
    """Retire a grid.

    Parameters
    ----------
    geometries
        The grids around, by code; degrees, EPSG:4490.
    code
        The grid.
    give_to
        The neighbour that takes its area. None means that the area has no grid from then on.

    Raises
    ------
    NotFound
        A code is not among the grids.
    InvalidInput
        The receiver is not a neighbour.
    """
    if give_to is None:
        require_grids(geometries, code)
        return {code: None}
    return merge(geometries, [code, give_to], give_to)
