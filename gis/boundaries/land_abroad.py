"""Land that grids take from grids of another county, for drafts, publications and loads."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import shapely
from shapely import STRtree
from sqlalchemy.orm import Session

from gis.areas import codes
from gis.areas.models import Level
from gis.db import STORAGE_SRID, cached_text
from gis.shapes.measure import geodesic_area_m2, label_point, position_text, wider
from gis.shapes.polygon_coverage import NOISE_WIDTH_M, PolygonLike, dissolve

AREAL = 2  # dimensions

# The grids of other counties, in force from a moment on or planned for later.
GRIDS_ABROAD_SQL = f"""
SELECT a.code, ST_AsBinary(b.geom) AS shape FROM boundary b JOIN area a ON a.id = b.area_id
WHERE a.level = 'grid' AND a.county <> :county AND a.code <> ALL(:redrawn)
  AND (upper_inf(b.valid_time) OR upper(b.valid_time) > coalesce(:at, clock_timestamp()))
  AND b.geom && ST_MakeEnvelope(:west, :south, :east, :north, {STORAGE_SRID}) ORDER BY a.code
"""  # noqa: S608  a number of ours
LOCK_SQL = "SELECT pg_advisory_xact_lock(hashtext('land between counties'))"


@dataclass(frozen=True)
class LandAbroad:
    """Land of one grid of another county that shapes cover.

    codes: The areas that cover it. at: Longitude and latitude of a point of it, as text.
    """

    codes: list[str]
    grid: str
    area_m2: int
    at: str


def lock_land_between_counties(session: Session) -> None:
    """Let no other transaction take land between counties until this one ends."""
    session.execute(cached_text(LOCK_SQL))


def find_land_abroad(
    session: Session,
    old_shapes: Mapping[str, PolygonLike],
    new_shapes: Mapping[str, PolygonLike | None],
    at: datetime | None = None,
) -> list[LandAbroad]:
    """List the land of other counties' grids that areas gain.

    Slivers no wider than `NOISE_WIDTH_M` are one border drawn twice. What overlapped already stays.

    Parameters
    ----------
    old_shapes
        By code, degrees, EPSG:4490; those of areas that do not change are passed over.
    new_shapes
        By code of a grid or an area above; None: no land any more. Of several counties, each is
        compared with the new shapes of the others too.
    at
        From when the new shapes hold; None: now.
    """
    by_county: dict[str, dict[str, PolygonLike]] = {}
    for code, shape in new_shapes.items():
        if shape is not None:
            by_county.setdefault(codes.ancestor_code(code, Level.COUNTY), {})[code] = shape
    land: list[LandAbroad] = []
    for county, shapes in sorted(by_county.items()):
        abroad = _grids_abroad(session, county, shapes, list(new_shapes), at)
        abroad |= {
            code: shape
            for other, foreign in by_county.items()
            if other != county
            for code, shape in foreign.items()
            if codes.code_error(code, Level.GRID) is None
        }
        neighbours = [
            shape
            for code, shape in old_shapes.items()
            if code in new_shapes and codes.ancestor_code(code, Level.COUNTY) == county
        ]
        land += _overlaps(shapes, abroad, neighbours)
    return land


def _grids_abroad(
    session: Session,
    county: str,
    shapes: Mapping[str, PolygonLike],
    redrawn: list[str],
    at: datetime | None,
) -> dict[str, PolygonLike]:
    """Return the stored grids of other counties near shapes, but those redrawn with them."""
    west, south, east, north = shapely.total_bounds(list(shapes.values())).tolist()
    box = {"west": west, "south": south, "east": east, "north": north}
    rows = session.execute(
        cached_text(GRIDS_ABROAD_SQL), {"county": county, "redrawn": redrawn, "at": at} | box
    ).all()
    # a grid with a plan has several rows
    return {f"{row.code}\0{number}": shapely.from_wkb(row.shape) for number, row in enumerate(rows)}


def _overlaps(
    shapes: Mapping[str, PolygonLike],
    abroad: Mapping[str, PolygonLike],
    neighbours: list[PolygonLike],
) -> list[LandAbroad]:
    owned, foreign = np.array(list(shapes.values())), np.array(list(abroad.values()))
    if not len(foreign):
        return []
    pair_foreign, pair_owned = STRtree(owned).query(foreign, predicate="intersects")
    pieces = shapely.intersection(foreign[pair_foreign], owned[pair_owned])
    old_land = dissolve(neighbours) if neighbours else None
    own_codes, grid_codes = list(shapes), [code.partition("\0")[0] for code in abroad]
    land = []
    for number in np.unique(pair_foreign).tolist():
        pairs = np.flatnonzero(pair_foreign == number)
        areal = np.array([shapely.area(pieces[i]) > 0 for i in pairs])
        if not areal.any():
            continue
        gained = shapely.union_all(pieces[pairs[areal]])
        if old_land is not None:
            gained = shapely.difference(gained, old_land)
        parts = shapely.get_parts(gained)
        parts = parts[shapely.get_dimensions(parts) == AREAL]
        if len(wide := parts[wider(parts, NOISE_WIDTH_M)]):
            lon, lat = label_point(wide[0])
            takers = [
                own_codes[i]
                for i in pair_owned[pairs[areal]].tolist()
                if shapely.area(shapely.intersection(owned[i], shapely.union_all(wide))) > 0
            ]
            area_m2 = round(sum(geodesic_area_m2(part) for part in wide))
            land.append(LandAbroad(takers, grid_codes[number], area_m2, position_text(lon, lat)))
    return land
