"""Organisations with their members, who takes orders, and how evenly orders are spread."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.incidents.states import STATE_PARAMS
from gis.rights.actions import Action
from gis.rights.principal import Principal

LISTING = (Action.DISPATCH, Action.POSTS)  # who may do one of them lists organisations there
# An organisation or a taker is in reach of who has the right in its area, or in one above or below.
REACH_SQL = """
WITH RECURSIVE own AS (
  SELECT id, parent_id FROM area WHERE CAST(:areas AS bigint[]) IS NULL OR id = ANY(:areas)
), up AS (
  SELECT id, parent_id FROM own UNION SELECT a.id, a.parent_id FROM area a JOIN up
    ON a.id = up.parent_id
), down AS (
  SELECT id FROM own UNION SELECT a.id FROM area a JOIN down ON a.parent_id = down.id
), named AS (
  SELECT id FROM area WHERE CAST(:named AS bigint[]) IS NULL OR id = ANY(:named)
  UNION SELECT a.id FROM area a JOIN named ON a.parent_id = named.id
)"""
# names of people are for who may see them in the very area, or everywhere
NAMES_SEEN_SQL = """(o.area_id IN (SELECT id FROM named)
    OR o.area_id IS NULL AND CAST(:named AS bigint[]) IS NULL)"""
IN_REACH_SQL = "(o.area_id IS NULL OR o.area_id IN (SELECT id FROM up UNION SELECT id FROM down))"
ORGANISATIONS_SQL = f"""{REACH_SQL}
SELECT o.code, o.name, coalesce(k.key, o.kind) AS kind, k.zh AS kind_zh, o.number,
  parent.code AS parent, a.code AS area, a.name AS area_name, o.estate, f.code AS facility,
  CASE WHEN {NAMES_SEEN_SQL} THEN head.code END AS head,
  CASE WHEN {NAMES_SEEN_SQL} THEN head.name END AS head_name, o.phone, o.address,
  o.limit_min, o.skills, o.hours,
  ST_X(o.geom) AS lon, ST_Y(o.geom) AS lat, o.active,
  (SELECT count(*) FROM organisation_member m
   WHERE m.organisation_id = o.id AND m.valid_time @> CAST(:at AS timestamptz)) AS members,
  (SELECT count(*) FROM incident i
   WHERE i.organisation_id = o.id AND i.state = ANY(:open_states)) AS load
FROM organisation o
LEFT JOIN kind k ON k.id = o.kind_id
LEFT JOIN organisation parent ON parent.id = o.parent_id
LEFT JOIN area a ON a.id = o.area_id
LEFT JOIN facility f ON f.id = o.facility_id
LEFT JOIN personal.person head ON head.id = o.head_id
WHERE {IN_REACH_SQL}
ORDER BY o.kind, o.name, o.code
"""  # noqa: S608  our own text
MEMBERS_SQL = f"""{REACH_SQL}
SELECT o.code AS organisation, p.code AS person, p.name, p.phone, m.role, m.takes_orders,
  lower(m.valid_time) AS begins, upper(m.valid_time) AS ends
FROM organisation_member m
JOIN organisation o ON o.id = m.organisation_id
JOIN personal.person p ON p.id = m.person_id
WHERE {IN_REACH_SQL} AND {NAMES_SEEN_SQL} AND (CAST(:code AS text) IS NULL OR o.code = :code)
  AND (upper_inf(m.valid_time) OR upper(m.valid_time) > :at)
ORDER BY o.code, p.code, lower(m.valid_time)
"""  # noqa: S608  our own text
TAKERS_SQL = f"""{REACH_SQL}
SELECT p.code AS person, p.name, p.phone, t.role, r.zh AS role_zh, r.en AS role_en,
  a.code AS area, a.name AS area_name, t.skills, t.hours, t.address,
  ST_X(t.geom) AS lon, ST_Y(t.geom) AS lat, t.consent_at, t.consent_by, t.active,
  (SELECT count(*) FROM incident i
   WHERE i.holder_id = t.person_id AND i.state = ANY(:open_states)) AS load,
  coalesce(done.orders, 0) AS orders
FROM order_taker t
JOIN personal.person p ON p.id = t.person_id
JOIN area a ON a.id = t.area_id
JOIN role r ON r.key = t.role
LEFT JOIN (
  SELECT e.person_id, count(DISTINCT e.incident_id) AS orders
  FROM incident_event e JOIN incident i ON i.id = e.incident_id
  WHERE e.move = 'take' AND i.skill <> '' AND e.at >= :since AND e.at <= :at
  GROUP BY e.person_id
) done ON done.person_id = t.person_id
WHERE t.area_id IN (SELECT id FROM named)
ORDER BY p.code
"""  # noqa: S608  our own text


@dataclass(frozen=True)
class OrganisationView:
    """An organisation.

    kind, kind_zh: Key, and the name of a kind that people added. parent, area, facility, head:
    Codes. limit_min: Working minutes it has for a part. members: How many belong to it now. load:
    Open matters that it holds as a team.
    """

    code: str
    name: str
    kind: str
    kind_zh: str | None
    number: str
    parent: str | None
    area: str | None
    area_name: str | None
    estate: str
    facility: str | None
    head: str | None
    head_name: str | None
    phone: str
    address: str
    limit_min: float
    skills: list[str]
    hours: str
    lon: float | None
    lat: float | None
    active: bool
    members: int
    load: int


@dataclass(frozen=True)
class MemberView:
    """Somebody who belongs to an organisation, from when to when (the end itself out)."""

    organisation: str
    person: str
    name: str
    phone: str
    role: str
    takes_orders: bool
    begins: datetime
    ends: datetime | None


@dataclass(frozen=True)
class TakerView:
    """Somebody who takes orders. load: Open matters held. orders: How many orders they took."""

    person: str
    name: str
    phone: str
    role: str
    role_zh: str
    role_en: str
    area: str
    area_name: str
    skills: list[str]
    hours: str
    address: str
    lon: float | None
    lat: float | None
    consent_at: datetime | None
    consent_by: str
    active: bool
    load: int
    orders: int


@dataclass(frozen=True)
class Fairness:
    """How evenly orders are spread over those who take them.

    mean: Orders each. most: Of one. gini: 0, all took as many, to 1, one took all; None: no orders.
    """

    takers: int
    orders: int
    mean: float
    most: int
    gini: float | None


def list_organisations(
    session: Session, principal: Principal, now: datetime, *, active: bool = True
) -> list[OrganisationView]:
    """List the organisations of a principal's areas, and those of all areas, by kind and name.

    Parameters
    ----------
    principal
        Its areas of LISTING count; names of heads are for Action.NAMES.
    active
        Only those that things are handed to.
    """
    rows = _rows(session, ORGANISATIONS_SQL, principal, now)
    return [OrganisationView(**row) for row in rows if row["active"] or not active]


def list_members(
    session: Session, principal: Principal, now: datetime, organisation: str | None = None
) -> list[MemberView]:
    """List who belongs to organisations of a principal's areas, now or later.

    Parameters
    ----------
    principal
        Its areas of Action.NAMES count.
    organisation
        Code of the one; None: all.
    """
    params = {"code": organisation}
    rows = _rows(session, MEMBERS_SQL, principal, now, params)
    return [MemberView(**row) for row in rows]


def list_takers(
    session: Session, principal: Principal, now: datetime, since: datetime
) -> list[TakerView]:
    """List who takes orders in the areas where a principal may see names, or below them.

    Parameters
    ----------
    since
        From when on orders are counted.
    """
    rows = _rows(session, TAKERS_SQL, principal, now, {"since": since})
    return [TakerView(**row) for row in rows]


def fairness(orders: Sequence[int]) -> Fairness:
    """Return how evenly orders are spread; each number is what one person took.

    The Gini coefficient is half the mean difference of any two, over the mean: with the numbers
    in ascending order, the sum of (2 i - n - 1) x(i) over n times their sum.
    """
    total, count = sum(orders), len(orders)
    weighted = sum((2 * i - count - 1) * x for i, x in enumerate(sorted(orders), 1))
    gini = round(weighted / (count * total), 4) if total else None
    mean = round(total / count, 2) if count else 0.0
    return Fairness(count, total, mean, max(orders, default=0), gini)


def _rows(
    session: Session,
    query: str,
    principal: Principal,
    now: datetime,
    params: Mapping[str, Any] | None = None,
) -> Sequence[Any]:
    areas, named = _area_ids(principal, *LISTING), _area_ids(principal, Action.NAMES)
    values = {"areas": areas, "named": named, "at": now, **STATE_PARAMS, **(params or {})}
    return session.execute(text(query), values).mappings().all()


def _area_ids(principal: Principal, *actions: Action) -> list[int] | None:
    areas = None if principal.kind == "system" else principal.areas_of(actions)
    return None if areas is None else sorted(areas)
