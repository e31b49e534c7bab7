"""Grids under load far from the others of their county, as in a wrong coordinate system."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas import codes
from gis.areas.models import Level
from gis.boundaries.draft_checks import MAX_DISTANCE_DEG
from gis.exchange.area_file import AreaRecord
from gis.exchange.area_shapes import note_some
from gis.files.report import LoadReport
from gis.messages import Message
from gis.shapes.measure import GEOD, label_point, position_text

OTHERS_EXTENT_SQL = """
SELECT ST_AsBinary(CAST(ST_Extent(b.geom) AS geometry))
FROM boundary b JOIN area a ON a.id = b.area_id
WHERE a.level = 'grid' AND a.county = :county AND b.valid_time @> CAST(:at AS timestamptz)
  AND a.code <> ALL(:codes)"""


def note_far_grids(
    session: Session, drawn: Sequence[AreaRecord], at: datetime, report: LoadReport
) -> None:
    """Note the grids that lie far from the other grids of their county.

    They are loaded all the same: a county may have land that lies apart.

    Parameters
    ----------
    drawn
        Grids that have a shape.
    at
        The moment whose stored grids count.
    """
    counties: dict[str, list[AreaRecord]] = defaultdict(list)
    for entry in drawn:
        counties[codes.ancestor_code(entry.code, Level.COUNTY)].append(entry)
    notes = []
    for county, records in sorted(counties.items()):
        shapes = np.array([entry.shape for entry in records], dtype=object)
        params = {"county": county, "at": at, "codes": [entry.code for entry in records]}
        extent = session.execute(text(OTHERS_EXTENT_SQL), params).scalar()
        others = _nearest_in_file(shapes) if extent is None else shapely.from_wkb(extent)
        for n in np.flatnonzero(shapely.distance(shapes, others) > MAX_DISTANCE_DEG).tolist():
            other = others if extent is not None else others[n]
            place = {
                "place": records[n].location_with_code,
                "km": round(_distance_m(shapes[n], other) / 1000),
                "county": county,
                "at": position_text(*label_point(shapes[n])),
            }
            notes.append(Message("area_shape.far_from_others", place))
    note_some(report, notes, "area_shape.more_far")


def _nearest_in_file(shapes: NDArray[Any]) -> NDArray[Any]:
    """Return for each shape the nearest other one; None where there is no other."""
    nearest = np.full(len(shapes), None, dtype=object)
    if len(shapes) > 1:
        own, other = shapely.STRtree(shapes).query_nearest(
            shapes, exclusive=True, all_matches=False
        )
        nearest[own] = shapes[other]
    return nearest


def _distance_m(shape: Any, other: Any) -> float:
    """Return the metres between the points of two shapes that are nearest in degrees."""
    (lon, lat), (other_lon, other_lat) = shapely.get_coordinates(
        shapely.shortest_line(shape, other)
    )
    return float(GEOD.inv(lon, lat, other_lon, other_lat)[2])
