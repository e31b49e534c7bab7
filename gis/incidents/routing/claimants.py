"""Who may claim an order, nearest first."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas.explanation import DecisionStep, routing_step
from gis.errors import Unavailable
from gis.incidents.catalogue import editions
from gis.incidents.catalogue.services import skill_name
from gis.incidents.routing.location import IncidentLocation
from gis.kinds import read_kinds
from gis.network.loading import load_network
from gis.network.walk import network_distances
from gis.rights.living import has_account

MAX_WALK_M = 5_000.0  # metres somebody is asked to walk for an order


MAX_CLAIMANTS = 100  # people an order is shown to at once, nearest first


CLAIMANTS_SQL = f"""
SELECT t.person_id, t.role, t.area_id, ST_X(t.geom) AS lon, ST_Y(t.geom) AS lat,
  ST_Distance(t.geom::geography, ST_SetSRID(ST_MakePoint(:lon, :lat), 4490)::geography) AS straight
FROM order_taker t
WHERE t.active AND {has_account("t.person_id")} AND t.area_id = ANY(:areas)
    AND t.skills && CAST(:skills AS text[])
  AND NOT EXISTS (SELECT FROM leave l WHERE l.person_id = t.person_id
      AND l.valid_time @> CAST(:at AS timestamptz))
ORDER BY straight NULLS LAST, t.person_id LIMIT 200
"""  # noqa: S608  our own text


@dataclass(frozen=True)
class Claimant:
    """Somebody an order is shown to; metres to walk, None when unknown."""

    person_id: int
    distance_m: float | None


def list_claimants(
    session: Session, where: IncidentLocation, skill: str, at: datetime
) -> tuple[list[Claimant], DecisionStep]:
    """List the people who may claim an order, nearest first.

    Metres are exact on the walking network; in a straight line, and said so, where none is loaded.
    Somebody without a starting place comes last; one further than `MAX_WALK_M` on foot is not
    asked.
    """
    params = {
        "areas": where.area_ids,
        "skills": read_kinds(session, "skill").below(skill),
        "lon": where.lon,
        "lat": where.lat,
        "at": at,
    }
    edition = editions.active_edition(session)
    skill_params = {"skill": skill, "skill_zh": skill_name(session, edition, skill)}
    rows = session.execute(text(CLAIMANTS_SQL), params).all()
    if not rows:
        return [], routing_step("person", "no_taker", **skill_params)
    placed = [row for row in rows if row.lon is not None]
    rule, metres = "offered", {row.person_id: float(row.straight) for row in placed}
    try:
        network = load_network(session)
    except Unavailable:
        rule = "offered_straight"
    else:
        if placed:
            start = network.snap_degrees([where.lon], [where.lat])
            homes = network.snap_degrees(
                np.array([row.lon for row in placed]), np.array([row.lat for row in placed])
            )
            walked = network_distances(network, start, homes, MAX_WALK_M)
            metres = {
                row.person_id: float(m)
                for row, m in zip(placed, walked, strict=True)
                if np.isfinite(m)
            }
    beyond_limit = {row.person_id for row in placed} - metres.keys()
    claimants = [
        Claimant(row.person_id, metres.get(row.person_id))
        for row in rows
        if row.person_id not in beyond_limit
    ]
    claimants.sort(key=lambda claimant: (claimant.distance_m is None, claimant.distance_m or 0.0))
    claimants = claimants[:MAX_CLAIMANTS]
    if not claimants:
        return [], routing_step("person", "no_taker", **skill_params)
    return claimants, routing_step("person", rule, **skill_params, count=len(claimants))
