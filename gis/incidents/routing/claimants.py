"""Who may claim an order: people and teams with the skill, nearest and least loaded first."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas.explanation import DecisionStep, routing_step
from gis.errors import Unavailable
from gis.facilities.hours import is_open
from gis.incidents.catalogue import editions
from gis.incidents.catalogue.services import skill_name
from gis.incidents.routing.location import IncidentLocation
from gis.incidents.states import STATE_PARAMS
from gis.incidents.working_time import ZONE
from gis.kinds import read_kinds
from gis.network.loading import load_network
from gis.network.walk import network_distances
from gis.rights.living import has_account, on_duty

MAX_WALK_M = 5_000.0  # metres somebody is asked to walk for an order
LOAD_M = 500.0  # metres of a walk that one more open order counts as
MAX_CLAIMANTS = 10  # people an order is shown to at once; the next when none of them takes it
# as what somebody takes an order for the organisation `o`
TEAM_ROLE_SQL = """CASE o.kind WHEN 'enforcement_squad' THEN 'enforcement_squad'
  WHEN 'property' THEN 'property_company' WHEN 'party_branch' THEN 'party_member'
  ELSE 'volunteer_team' END"""
MAX_CANDIDATES = 200  # people looked at, the nearest as the crow flies

# People by themselves who agreed, and the members of teams who take the team's orders.
ORDER_TAKERS_SQL = f"""
  SELECT t.person_id, t.role, t.area_id, t.geom, t.hours, t.skills, NULL::bigint AS organisation_id
  FROM order_taker t WHERE t.active AND t.consent_at IS NOT NULL
  UNION ALL
  SELECT m.person_id, {TEAM_ROLE_SQL}, o.area_id, o.geom, o.hours, o.skills, o.id
  FROM organisation o JOIN organisation_member m ON m.organisation_id = o.id
  WHERE o.active AND m.takes_orders AND m.valid_time @> CAST(:at AS timestamptz)
"""  # noqa: S608  our own text
# Of these, whoever is not on leave and has an account.
CLAIMANTS_SQL = f"""
SELECT c.*, ST_X(c.geom) AS lon, ST_Y(c.geom) AS lat,
  ST_Distance(c.geom::geography, ST_SetSRID(ST_MakePoint(:lon, :lat), 4490)::geography) AS straight,
  (SELECT count(*) FROM incident i WHERE i.holder_id = c.person_id
    AND i.state = ANY(:open_states)) AS load,
  (SELECT count(*) FROM order_offer f JOIN incident i ON i.id = f.incident_id
    WHERE f.person_id = c.person_id AND i.state = 'dispatched' AND i.dispatch_mode = 'order')
    AS offers
FROM ({ORDER_TAKERS_SQL}) c
WHERE c.area_id = ANY(:areas) AND c.skills && CAST(:skills AS text[])
  AND c.person_id <> ALL(CAST(:without AS bigint[]))
  AND {has_account("c.person_id")} AND {on_duty("c.person_id", ":at")}
ORDER BY straight NULLS LAST, c.person_id LIMIT {MAX_CANDIDATES}
"""  # noqa: S608  our own text


@dataclass(frozen=True)
class Claimant:
    """Somebody an order is shown to.

    distance_m: Metres to walk, None when unknown. organisation_id: The team they take it for; None:
    for themselves. load: Open matters they hold. offers: Orders that they and others may take.
    """

    person_id: int
    distance_m: float | None
    organisation_id: int | None = None
    load: int = 0
    offers: int = 0

    @property
    def rank(self) -> tuple[bool, float, int]:
        """Their place in the order of asking: the walk, and what they have to do already.

        An order that others may take as well counts as their share of it.
        """
        unknown = self.distance_m is None
        load = self.load + self.offers / MAX_CLAIMANTS
        return unknown, (self.distance_m or 0.0) + LOAD_M * load, self.person_id


def read_candidates(
    session: Session,
    areas: Sequence[int],
    skills: Sequence[str],
    point: tuple[float, float],
    at: datetime,
    without: Collection[int] = (),
) -> list[Any]:
    """Read who has one of some skills in some areas and can be asked at a moment, nearest first.

    Parameters
    ----------
    point
        Longitude and latitude, EPSG:4490, that distances are from.
    without
        Ids of persons who are passed over.
    """
    params = {
        "areas": list(areas),
        "skills": list(skills),
        "lon": point[0],
        "lat": point[1],
        "at": at,
        "without": list(without),
        **STATE_PARAMS,
    }
    rows = session.execute(text(CLAIMANTS_SQL), params)
    # hours that cannot be read are no hours: whatever is unclear is never closed
    return [row for row in rows if is_open(row.hours, at, ZONE) is not False]


def list_claimants(
    session: Session,
    where: IncidentLocation,
    skill: str,
    at: datetime,
    without: Collection[int] = (),
) -> tuple[list[Claimant], DecisionStep]:
    """List the people who are asked next to claim an order, nearest and least loaded first.

    Metres are exact on the walking network; in a straight line, and said so, where none is loaded.
    Somebody without a starting place comes last; one further than `MAX_WALK_M` on foot is not
    asked.

    Parameters
    ----------
    without
        Ids of persons who were asked already.
    """
    edition, skills = editions.active_edition(session), read_kinds(session, "skill")
    skill_params = {"skill": skill, "skill_zh": skill_name(skills, edition, skill)}
    point = (where.lon, where.lat)
    rows = read_candidates(session, where.area_ids, skills.below(skill), point, at, without)
    rule, metres = _walks(session, point, rows)
    by_person: dict[int, Claimant] = {}
    for number, row in enumerate(rows):
        if row.lon is None or number in metres:
            claimant = Claimant(
                row.person_id, metres.get(number), row.organisation_id, row.load, row.offers
            )
            best = by_person.get(row.person_id)
            if best is None or claimant.rank < best.rank:
                by_person[row.person_id] = claimant
    claimants = sorted(by_person.values(), key=lambda claimant: claimant.rank)[:MAX_CLAIMANTS]
    if not claimants:
        return [], routing_step("person", "no_taker", **skill_params)
    return claimants, routing_step("person", rule, **skill_params, count=len(claimants))


def _walks(
    session: Session, point: tuple[float, float], rows: Sequence[Any]
) -> tuple[str, dict[int, float]]:
    """Return the rule that measured, and the metres from the starting place of each row, by index.

    Those beyond `MAX_WALK_M` on foot are left out.
    """
    placed = [(number, row) for number, row in enumerate(rows) if row.lon is not None]
    try:
        network = load_network(session)
    except Unavailable:
        return "offered_straight", {number: float(row.straight) for number, row in placed}
    if not placed:
        return "offered", {}
    homes = np.array([(row.lon, row.lat) for _, row in placed])
    walked = network_distances(
        network,
        network.snap_degrees([point[0]], [point[1]]),
        network.snap_degrees(homes[:, 0], homes[:, 1]),
        MAX_WALK_M,
    )
    return "offered", {
        number: float(metres)
        for (number, _), metres in zip(placed, walked, strict=True)
        if np.isfinite(metres)
    }
