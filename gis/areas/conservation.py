"""What no publication may lose, whatever was believed while drawing: land, and the grid of a household."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import shapely
from shapely import MultiPolygon
from sqlalchemy.orm import Session

from gis.areas.homes import read_homes
from gis.areas.models import Operation
from gis.errors import InvalidInput
from gis.shapes import coverage
from gis.shapes.coverage import Land, dissolve
from gis.shapes.measure import area, place, wider

LOSES = ("redraw", "retire")  # operations after which land may belong to no grid
GAINS = ("redraw", "add")  # operations after which land of no grid may belong to one


def check(
    session: Session, done: Sequence[Operation], before: Mapping[str, Land], after: Mapping[str, Land | None]
) -> None:
    """Refuse a publication that loses land or the grid of a household, or takes land twice.

    Args:
        before: The shapes in force of the grids that change, by code; degrees, EPSG:4490.
        after: Their new shapes; None: no land any more.

    Raises:
        InvalidInput: With how much, and where.
    """
    old, new = list(before.values()), [shape for shape in after.values() if shape is not None]
    _check_homes(session, old, new)
    kinds = {one.op["op"] for one in done}
    for lost, excused, words in (
        (freed(old, new), kinds & set(LOSES), "would belong to no grid any more"),
        (freed(new, old), kinds & set(GAINS), "belong to no grid of this draft, or to another grid since"),
    ):
        parts = shapely.get_parts(lost)
        wide = parts[wider(parts, coverage.NOISE)]
        if len(wide) and not excused:
            lon, lat = place(wide[0])
            raise InvalidInput(
                f"{sum(area(part) for part in wide):,.0f} m² {words}, near {lon:.6f}, {lat:.6f};"
                " rebase the draft and look at it again"
            )


def freed(before: Sequence[Land], after: Sequence[Land]) -> Any:
    """The land (degrees, EPSG:4490) that some grids had and do not have any more."""
    if not before or not after:
        return dissolve(before) if before else MultiPolygon()
    return shapely.difference(dissolve(before), dissolve(after))


def _check_homes(session: Session, before: Sequence[Land], after: Sequence[Land]) -> None:
    """Every household that has a grid has one afterwards; that it has only one is for the coverage to say."""
    homes = read_homes(session, before)
    if not len(homes.ids):
        return
    points = shapely.points(homes.spots)
    homeless = _covered(before, points) & ~_covered(after, points) & (homes.households > 0)
    if homeless.any():
        lon, lat = homes.spots[homeless][0]
        raise InvalidInput(
            f"{homes.households[homeless].sum()} households would belong to no grid, near {lon:.6f}, {lat:.6f};"
            " merge the grid with a neighbour, or retire it with give_to"
        )


def _covered(lands: Sequence[Land], points: Any) -> Any:
    """Which points lie in one of the lands, or on its border."""
    found = np.zeros(len(points), dtype=bool)
    for land in lands:
        shapely.prepare(land)
        found |= shapely.intersects(land, points)
    return found
