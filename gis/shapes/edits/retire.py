"""Take a grid out of use."""

from gis.shapes.edits.common import ChangedGeometries, GridGeometries, require_grids
from gis.shapes.edits.merge import merge


def retire(
    geometries: GridGeometries, code: str, *, give_to: str | None = None
) -> ChangedGeometries:
    """Take a grid out of use.

    Parameters
    ----------
    give_to
        The neighbour that takes its land; None: the land belongs to nobody from then on.

    Raises
    ------
    NotFound
        A code is not among the grids.
    InvalidInput
        The receiver is no neighbour.
    """
    if give_to is None:
        require_grids(geometries, code)
        return {code: None}
    return merge(geometries, [code, give_to], give_to)
