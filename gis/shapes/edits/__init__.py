"""Edits of a coverage: each keeps it whole, or is refused with the position and the remedy.

No database.

Grids are polygons by code in degrees, EPSG:4490, on the 1e-7 degree lattice, a coverage (see
`gis.shapes.polygon_coverage`). Every edit is given the grids it names and all that touch them (more
do no harm) and returns the shapes that change: None where a code has no land any more, and
neighbours that only gain a vertex. The land as a whole stays as it is, but for `add`, and `retire`
without a receiver. The given shapes are never changed.
"""

from gis.shapes.edits.add import add
from gis.shapes.edits.common import ChangedGeometries, GridGeometries, require_grids
from gis.shapes.edits.merge import merge
from gis.shapes.edits.move import move_border
from gis.shapes.edits.reshape import reshape
from gis.shapes.edits.retire import retire
from gis.shapes.edits.split import codes_west_to_east, split
from gis.shapes.edits.transfer import transfer
from gis.shapes.edits.vertex import move_vertex

__all__ = [
    "ChangedGeometries",
    "GridGeometries",
    "add",
    "codes_west_to_east",
    "merge",
    "move_border",
    "move_vertex",
    "require_grids",
    "reshape",
    "retire",
    "split",
    "transfer",
]
