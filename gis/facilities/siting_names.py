"""Names for chosen sites, for buildings and for facilities that could close."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.facilities.coverage_summary import Tally
from gis.facilities.siting_demand import (
    to_degrees,
)
from gis.facilities.siting_inputs import (
    Candidates,
)
from gis.facilities.siting_problem import (
    Ints,
)
from gis.facilities.siting_request import (
    Site,
)
from gis.network.build import Network

SITING_FACILITIES_SQL = """
SELECT id, name, ST_X(p), ST_Y(p)
FROM facility
CROSS JOIN LATERAL (SELECT coalesce(entrance, ST_PointOnSurface(geom)) AS p) q
WHERE id = ANY(:ids)
"""


SERVED_BUILDINGS_SQL = """
SELECT id, code, concat(estate, name) FROM building WHERE id = ANY(:ids)
"""


def building_names(session: Session, ids: Ints) -> dict[int, tuple[str, str]]:
    """Return code and name of buildings by id."""
    rows = session.execute(text(SERVED_BUILDINGS_SQL), {"ids": ids.tolist()})
    return {row[0]: (row[1], row[2]) for row in rows}


# The street and the named building nearest to each point within 0.001 degrees (about 100 m).
SURROUNDINGS_SQL = """
SELECT coalesce(w.name, ''), coalesce(b.name, ''), coalesce(g.code, ''), coalesce(c.name, '')
FROM unnest(CAST(:lon AS float8[]), CAST(:lat AS float8[])) WITH ORDINALITY AS q (lon, lat, nth)
CROSS JOIN LATERAL (SELECT ST_SetSRID(ST_MakePoint(q.lon, q.lat), 4490) AS p) s
LEFT JOIN LATERAL (
  SELECT e.name FROM walk_edge e
  WHERE e.name <> '' AND e.geom && ST_Expand(s.p, 0.001)
  ORDER BY ST_Distance(e.geom, s.p), e.name LIMIT 1
) w ON true
LEFT JOIN LATERAL (
  SELECT concat(h.estate, h.name) AS name FROM building h
  WHERE h.name <> '' AND h.geom && ST_Expand(s.p, 0.001)
  ORDER BY ST_Distance(h.geom, s.p), h.code LIMIT 1
) b ON true
LEFT JOIN LATERAL grid_at(s.p, now()) g ON true
LEFT JOIN area c ON c.id = g.parent_id
ORDER BY q.nth
"""


def named_sites(
    session: Session,
    network: Network,
    candidates: Candidates,
    chosen: Sequence[int],
    newly: Sequence[Tally],
) -> list[Site]:
    """Return the chosen candidates with their names and what each newly serves."""
    lon, lat = to_degrees(network, candidates.points[list(chosen)])
    around = session.execute(
        text(SURROUNDINGS_SQL), {"lon": lon.tolist(), "lat": lat.tolist()}
    ).all()
    buildings = (
        building_names(session, candidates.building[list(chosen)])
        if candidates.building.size
        else {}
    )
    sites = []
    for nth, number in enumerate(chosen):
        street, building, grid, community = around[nth]
        code, name = "", street
        if candidates.building.size:
            code, name = buildings[int(candidates.building[number])]
        elif candidates.places:
            code, name = candidates.places[number].code, candidates.places[number].name or street
        position = (round(float(lon[nth]), 7), round(float(lat[nth]), 7))
        sites.append(Site(*position, code, name, building, grid, community, newly[nth]))
    return sites
