"""Checks that no publication loses area, or leaves a household without a grid."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import shapely
from shapely import MultiPolygon
from sqlalchemy.orm import Session

from gis.areas.models import Operation
from gis.boundaries.household_counts import read_building_households
from gis.boundaries.land_abroad import find_land_abroad, lock_land_between_counties
from gis.boundaries.preview_grids import counties_of
from gis.errors import InvalidInput
from gis.shapes import polygon_coverage
from gis.shapes.measure import geodesic_area_m2, label_point, position_text, wider
from gis.shapes.polygon_coverage import PolygonLike, dissolve

LAND_LOSING_OPERATIONS = ("redraw", "retire")  # operations after which land may belong to no grid
GAINS = ("redraw", "add")  # operations after which land of no grid may belong to one


def check(
    session: Session,
    done: Sequence[Operation],
    old_shapes: Mapping[str, PolygonLike],
    new_shapes: Mapping[str, PolygonLike | None],
    at: datetime,
) -> None:
    """Raise InvalidInput if a publication loses area or households, or takes area twice.

    Parameters
    ----------
    at
        From when it holds.
    old_shapes
        The shapes in force of the grids that change, by code; degrees, EPSG:4490.
    new_shapes
        Their new shapes; None: no land any more.

    Raises
    ------
    InvalidInput
        Names the amount and the position.
    """
    old, new = (
        list(old_shapes.values()),
        [shape for shape in new_shapes.values() if shape is not None],
    )
    _check_homes(session, counties_of(old_shapes), old, new)
    # two counties, which publish at once, could both take the land between them
    lock_land_between_counties(session)
    check_abroad(session, old_shapes, new_shapes, at)
    kinds = {operation.op["op"] for operation in done}
    for lost, excused, code in (
        (released_area(old, new), kinds & set(LAND_LOSING_OPERATIONS), "publish.land_without_grid"),
        (released_area(new, old), kinds & set(GAINS), "publish.land_of_others"),
    ):
        parts = shapely.get_parts(lost)
        wide = parts[wider(parts, polygon_coverage.NOISE_WIDTH_M)]
        if len(wide) and not excused:
            lon, lat = label_point(wide[0])
            area_m2 = round(sum(geodesic_area_m2(part) for part in wide))
            raise InvalidInput(code, area_m2=area_m2, at=position_text(lon, lat))


def check_abroad(
    session: Session,
    old_shapes: Mapping[str, PolygonLike],
    new_shapes: Mapping[str, PolygonLike | None],
    at: datetime | None = None,
) -> None:
    """Refuse grids that gain land of another county's grids; what overlapped before stays as it is.

    Parameters
    ----------
    old_shapes
        By code, degrees, EPSG:4490, of the grids that change; others are passed over.
    at
        From when the new shapes hold; None: now.

    Raises
    ------
    InvalidInput
        A grid gains such land; the first one is named.
    """
    for land in find_land_abroad(session, old_shapes, new_shapes, at):
        raise InvalidInput(
            "publish.land_of_another_county", area_m2=land.area_m2, grid=land.grid, at=land.at
        )


def released_area(old_shapes: Sequence[PolygonLike], new_shapes: Sequence[PolygonLike]) -> Any:
    """Return the area that grids had and no longer have, in degrees, EPSG:4490."""
    if not old_shapes or not new_shapes:
        return dissolve(old_shapes) if old_shapes else MultiPolygon()
    return shapely.difference(dissolve(old_shapes), dissolve(new_shapes))


def _check_homes(
    session: Session,
    counties: Sequence[str],
    old_shapes: Sequence[PolygonLike],
    new_shapes: Sequence[PolygonLike],
) -> None:
    """Raise InvalidInput if a household with a grid would lose it.

    The coverage ensures that it has only one.

    Raises
    ------
    InvalidInput
        `publish.households_without_grid`: how many households, and where.
    """
    homes = read_building_households(session, counties, old_shapes)
    if not len(homes.ids):
        return
    points = shapely.points(homes.points)
    homeless = _covered(old_shapes, points) & ~_covered(new_shapes, points) & (homes.households > 0)
    if homeless.any():
        lon, lat = homes.points[homeless][0]
        count = int(homes.households[homeless].sum())
        raise InvalidInput(
            "publish.households_without_grid", count=count, at=position_text(lon, lat)
        )


def _covered(geometries: Sequence[PolygonLike], points: Any) -> Any:
    """Return which points lie in one of the shapes, or on its border."""
    covered = np.zeros(len(points), dtype=bool)
    for land in geometries:
        shapely.prepare(land)
        covered |= shapely.intersects(land, points)
    return covered
