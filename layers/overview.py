"""What a first look at the deployment shows: how much there is, where, and whom to credit."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from math import asinh, pi, radians, tan
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Overview:
    """The deployment, or a part of it, as every page with a map needs it.

    names: Of its cities, and its counties without one, joined by 、; empty without counties.
    counties: Codes of the counties of the part; None: all.
    bbox: (west, south, east, north) in degrees of the own areas, else of the grids, the buildings,
        the facilities; None when empty.
    attributions: Whom to credit, as each load named it.
    made_up: Whether some of the data is invented.
    version: Of `data_version`; part of the address of tiles, so that they may be cached.
    """

    names: str
    counties: list[str] | None
    bbox: tuple[float, float, float, float] | None
    attributions: tuple[str, ...]
    made_up: bool
    version: str


# The counties that some areas lie in, and what they are called: a city by its own name.
OWN_SQL = text(
    """
WITH own AS (
  SELECT a.*, a.level IN ('province', 'city', 'county') AS upper FROM area a
  WHERE a.id = ANY(:areas)
)
SELECT ARRAY(SELECT DISTINCT county FROM area WHERE id = ANY(in_counties(:areas))) AS counties,
  (SELECT string_agg(a.name, '、' ORDER BY a.code) FROM area a
   WHERE a.id IN (SELECT id FROM own WHERE upper)
     OR a.level = 'county' AND a.code IN (SELECT county FROM own WHERE NOT upper)) AS names
"""
)
OVERVIEW_SQL = text(
    """
SELECT (SELECT string_agg(a.name, '、' ORDER BY a.code)
          FROM area a LEFT JOIN area up ON up.id = a.parent_id
          WHERE (a.retired_at IS NULL OR a.retired_at > now())
            AND (a.level = 'city' OR a.level = 'county' AND up.level IS DISTINCT FROM 'city'))
         AS names,
       (SELECT coalesce(jsonb_agg(jsonb_build_array(attribution, made_up) ORDER BY kind), '[]')
          FROM dataset) AS datasets
"""
)
# what a map draws changes by a load, a revision or a run, or a row of its own is added (its id),
# changed (its version) or taken away
DATA_VERSION_SQL = text(
    """
SELECT concat_ws(' ',
  (SELECT string_agg(concat(kind, digest, loaded_at), ' ' ORDER BY kind) FROM dataset),
  (SELECT max(published_at) FROM revision),
  (SELECT max(effective) FROM revision WHERE effective <= now()),
  (SELECT max(computed_at) FROM service_circle), (SELECT max(computed_at) FROM access_run),
  (SELECT concat(count(*), ' ', sum(version), ' ', max(id)) FROM facility),
  (SELECT concat(count(*), ' ', sum(version), ' ', max(id)) FROM building))
"""
)
COUNTS_SQL = text(
    """
SELECT coalesce((SELECT jsonb_object_agg(level, n) FROM (SELECT level, count(*) AS n FROM area
          WHERE (retired_at IS NULL OR retired_at > now())
            AND (CAST(:counties AS text[]) IS NULL OR county = ANY(:counties))
          GROUP BY level) a), '{}')
  || jsonb_build_object('household', homes.household, 'people', homes.people,
    'building', (SELECT count(*) FROM building
      WHERE CAST(:counties AS text[]) IS NULL OR county = ANY(:counties)),
    'facility', (SELECT count(*) FROM facility
      WHERE CAST(:counties AS text[]) IS NULL OR county = ANY(:counties)))
FROM (SELECT count(*) AS household, coalesce(sum(people), 0) AS people FROM household
      WHERE CAST(:counties AS text[]) IS NULL OR county = ANY(:counties)) homes
"""
)

# of the own areas, a unit by its grid; else of the grids of the counties; else of all there is;
# OFFSET 0: worked out once for the four sides
EXTENT_SQL = text(
    """
SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e) FROM (SELECT coalesce(
  (SELECT ST_Extent(b.geom) FROM boundary b WHERE b.valid_time @> CAST(:at AS timestamptz)
     AND b.area_id = ANY(in_counties(ARRAY(
       SELECT CASE level WHEN 'unit' THEN parent_id ELSE id END FROM area
       WHERE id = ANY(:areas))))),
  (SELECT ST_Extent(b.geom) FROM boundary b JOIN area a ON a.id = b.area_id
     WHERE a.level = 'grid' AND b.valid_time @> CAST(:at AS timestamptz)
       AND (CAST(:counties AS text[]) IS NULL OR a.county = ANY(:counties))),
  (SELECT ST_Extent(geom) FROM building), (SELECT ST_Extent(geom) FROM facility)) AS e OFFSET 0) s
      WHERE e IS NOT NULL
"""
)


def overview(session: Session, at: datetime, areas: Collection[int] = ()) -> Overview:
    """Return what the deployment is called, where it lies, and the version of its data at a moment.

    Parameters
    ----------
    areas
        Ids; names of the counties that these lie in, and their own extent. Empty means of all.
    """
    own = session.execute(OWN_SQL, {"areas": sorted(areas)}).one() if areas else None
    if own and not own.counties:  # a city before its counties
        own = None
    counties: list[str] | None = own.counties if own else None
    params = {"at": at, "counties": counties}
    row = session.execute(OVERVIEW_SQL).mappings().one()
    box = session.execute(EXTENT_SQL, params | {"areas": sorted(areas)}).first()
    datasets = row["datasets"]
    return Overview(
        names=(own.names if own else row["names"]) or "",
        counties=counties,
        bbox=None if box is None else (box[0], box[1], box[2], box[3]),
        attributions=tuple(dict.fromkeys(credit for credit, _ in datasets if credit)),
        made_up=any(made_up for _, made_up in datasets),
        version=data_version(session),
    )


def data_version(session: Session) -> str:
    """Return a digest that changes with whatever a map draws now."""
    return sha256(str(session.execute(DATA_VERSION_SQL).scalar()).encode()).hexdigest()[:12]


def register_counts(session: Session, counties: list[str] | None = None) -> dict[str, int]:
    """Count the areas of each level, buildings, households, people and facilities of counties.

    Parameters
    ----------
    counties
        Their codes; None means all.
    """
    counts: dict[str, int] = session.execute(COUNTS_SQL, {"counties": counties}).scalar_one()
    return counts


SAMPLE = text(
    """
SELECT g.code AS grid, up.code AS community, ST_X(places.p) AS lon, ST_Y(places.p) AS lat,
  g.name, ST_AsGeoJSON(b.geom, 7, 0) AS shape,
  f.code AS facility, ST_X(f.p) AS facility_lon, ST_Y(f.p) AS facility_lat
FROM area g
JOIN boundary b ON b.area_id = g.id AND b.valid_time @> CAST(:at AS timestamptz)
JOIN area up ON up.id = g.parent_id
CROSS JOIN LATERAL (SELECT ST_PointOnSurface(b.geom) AS p) places
LEFT JOIN LATERAL (
  SELECT code, ST_PointOnSurface(geom) AS p FROM facility
  WHERE NOT EXISTS (SELECT FROM service_circle c WHERE c.facility_id = facility.id AND off_network)
  ORDER BY id LIMIT 1
) f ON true
WHERE g.level = 'grid'
ORDER BY g.code
LIMIT 1
"""
)
SAMPLE_ZOOM = 14  # of the tile that a sample names
SAMPLE_ELSEWHERE: dict[str, Any] = {
    "grid": "520402007012001",
    "community": "520402007012",
    "facility": "n1",
    "lon": 105.95,
    "lat": 26.23,
    "facility_lon": 105.95,
    "facility_lat": 26.23,
    "name": "第1网格",
    "shape": '{"type": "MultiPolygon", "coordinates": []}',
}


def sample(session: Session, at: datetime) -> dict[str, str]:
    """Return a grid, its community, a place in it, a facility and a tile, for examples.

    Returns
    -------
    dict
        Codes as grid, community and facility; lon and lat of a place in the grid, facility_lon and
        facility_lat, in degrees, EPSG:4490; bbox around the place; z, x and y of a tile; grids, a
        file of the grid as GeoJSON. Where nothing is loaded, such as there might be.
    """
    row = session.execute(SAMPLE, {"at": at}).mappings().first()
    codes: dict[str, Any] = {
        **SAMPLE_ELSEWHERE,
        **{key: value for key, value in (row or {}).items() if value},
    }
    lon, lat = float(codes["lon"]), float(codes["lat"])
    x = int((lon + 180) / 360 * 2**SAMPLE_ZOOM)
    y = int((1 - asinh(tan(radians(lat))) / pi) / 2 * 2**SAMPLE_ZOOM)
    places = ("lon", "lat", "facility_lon", "facility_lat")
    grid = {"code": codes["grid"], "name": codes["name"], "community_code": codes["community"]}
    feature = {"type": "Feature", "properties": grid, "geometry": json.loads(codes.pop("shape"))}
    return {key: f"{value:.6f}" if key in places else value for key, value in codes.items()} | {
        "bbox": f"{lon - 0.002:.4f},{lat - 0.002:.4f},{lon + 0.002:.4f},{lat + 0.002:.4f}",
        "grids": json.dumps(
            {"type": "FeatureCollection", "features": [feature]}, ensure_ascii=False
        ),
        "z": str(SAMPLE_ZOOM),
        "x": str(x),
        "y": str(y),
    }
