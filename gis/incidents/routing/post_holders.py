"""Who is responsible for an incident: from posts and a rule to the first person available."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import starmap
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from gis.areas.explanation import DecisionStep, routing_step
from gis.db import cached_text, execute_raw
from gis.incidents.states import STATE_PARAMS
from gis.rights.actions import OPERATOR
from gis.rights.living import LIVING, has_account, on_duty
from gis.rights.roles import FIRST_CONTACT_ROLES, ROLE_BY_KEY


@dataclass(frozen=True)
class PostHolder:
    """A post at a place, and who is there now.

    role_zh, role_en: What the post is called: the kind that people added, else its role.
    area_id: None for a building's post. person_id, name: Who answers now, holder or deputy; None:
    nobody. absence: leave, vacancy or account (none to act with), when the holder does not answer
    himself.
    """

    post_id: int
    role: str
    role_zh: str
    role_en: str
    area_id: int | None
    code: str
    level: str
    person_id: int | None
    name: str | None
    person_code: str | None
    absence: str | None


@dataclass(frozen=True)
class Assignment:
    """Who goes first: the seat, or None when nobody is there; and how that was decided."""

    seat: PostHolder | None
    how: list[DecisionStep]


POST_HOLDERS_SQL = f"""
WITH place AS (
  SELECT id AS area_id, NULL::bigint AS building_id, code, level FROM area WHERE id = ANY(:areas)
  UNION ALL SELECT NULL, id, code, 'building' FROM building WHERE id = :building
), seat AS (
  SELECT place.*, p.id AS post_id, p.role, p.kind_id, p.holder_id, p.deputy_id
  FROM place JOIN post p ON p.area_id = place.area_id WHERE p.valid_time @> CAST(:at AS timestamptz)
  UNION ALL
  SELECT place.*, p.id, p.role, p.kind_id, p.holder_id, p.deputy_id
  FROM place JOIN post p ON p.building_id = place.building_id
      WHERE p.valid_time @> CAST(:at AS timestamptz)
), there AS MATERIALIZED (  -- who is away is asked once a post
  SELECT seat.*, away.holder AS holder_away,
    CASE WHEN holder_id IS NOT NULL AND NOT away.holder
        AND {has_account("holder_id")} THEN holder_id
         WHEN deputy_id IS NOT NULL AND NOT away.deputy
             AND {has_account("deputy_id")} THEN deputy_id END AS person_id
  FROM seat, LATERAL (SELECT NOT ({on_duty("holder_id", ":at")}) AS holder,
      NOT ({on_duty("deputy_id", ":at")}) AS deputy) away
)
SELECT post_id, role, coalesce(k.zh, r.zh) AS role_zh,
  coalesce(nullif(k.en, ''), k.zh, r.en) AS role_en, area_id, there.code, level, person_id,
    person.name,
    person.code AS person_code,
  CASE WHEN holder_id IS NULL THEN 'vacancy' WHEN holder_away THEN 'leave'
       WHEN person_id IS DISTINCT FROM holder_id THEN 'account' END AS absence
FROM there JOIN role r ON r.key = role LEFT JOIN kind k ON k.id = kind_id
  LEFT JOIN personal.person person ON person.id = person_id
ORDER BY post_id
"""  # noqa: S608  our own text


LOADS_SQL = """
SELECT holder_id, count(*) FROM incident
WHERE holder_id = ANY(:people) AND state = ANY(:open_states) GROUP BY holder_id
"""


def list_post_holders(
    session: Session, areas: Collection[int], building: int | None, at: datetime
) -> list[PostHolder]:
    """List the posts of some areas and a building, with who is responsible at a moment."""
    params = post_holder_params(areas, building, at)
    # its columns are those of PostHolder, in their order
    return list(starmap(PostHolder, execute_raw(session, POST_HOLDERS_SQL, params)))


def post_holder_params(
    areas: Collection[int], building: int | None, at: datetime
) -> dict[str, object]:
    """Return the parameters of POST_HOLDERS_SQL."""
    return {"areas": list(areas), "building": building, "at": at}


def open_loads(session: Session, holders: Iterable[PostHolder]) -> dict[int | None, int]:
    """Return how many open incidents each person there holds, of those who hold any."""
    params = {"people": [seat.person_id for seat in holders], **STATE_PARAMS}
    return dict(execute_raw(session, LOADS_SQL, params).fetchall())


def choose_assignee(
    session: Session,
    holders: Iterable[PostHolder],
    first_role: str,
    escalation: Sequence[str] = (),
) -> Assignment:
    """Choose who goes first: the first role with a person available.

    Of the rule's escalation, then of the usual one.

    Several of one role: who has the least open, which is counted for these alone. Each step up is
    said.
    """
    by_role: dict[str, list[PostHolder]] = {}
    for seat in holders:
        by_role.setdefault(seat.role, []).append(seat)
    start = FIRST_CONTACT_ROLES.index(first_role) if first_role in FIRST_CONTACT_ROLES else 0
    ladder = list(dict.fromkeys([first_role, *escalation, *FIRST_CONTACT_ROLES[start:]]))
    explanation: list[DecisionStep] = []
    for role in ladder:
        row = ROLE_BY_KEY[role]
        role_params = {"role_zh": row.zh, "role_en": row.en}
        role_holders = by_role.get(role, [])
        available = [s for s in role_holders if s.person_id is not None]
        if available:
            loads = open_loads(session, available) if len(available) > 1 else {}
            best = min(
                available,
                key=lambda s: (loads.get(s.person_id, 0), s.absence is not None, s.post_id),
            )
            rule = "deputy" if best.absence else "least_busy" if len(available) > 1 else "found"
            explanation.append(
                routing_step("person", rule, area=best.code, count=len(available), **role_params)
            )
            return Assignment(best, explanation)
        explanation.append(
            routing_step(
                "person",
                _passed_over(role_holders),
                area=role_holders[0].code if role_holders else "",
                **role_params,
            )
        )
    return Assignment(None, explanation)


def _passed_over(holders: Sequence[PostHolder]) -> str:
    """Return why a role is passed over: no_post, vacant, away, no_account or late.

    The last that is true of a holder.
    """
    reasons = {seat.absence for seat in holders}
    return (
        "late"
        if "late" in reasons
        else "no_account"
        if "account" in reasons
        else "away"
        if "leave" in reasons
        else "vacant"
        if reasons
        else "no_post"
    )


@dataclass(frozen=True)
class Office:
    """Where a matter waits that no person holds.

    The nearest area with a living desk, the operator, or nobody.

    level: Of the area; or operator, nobody. role: Of a post there that dispatches; None where
    rights are granted.
    """

    level: str
    area_id: int | None
    code: str
    name: str
    role: str | None

    @property
    def columns(self) -> dict[str, Any]:
        """What an incident stores of it."""
        return {"role": self.role, "area_id": self.area_id, "holder_id": None}

    @property
    def decision(self) -> DecisionStep:
        """Return it as a step of the decision."""
        return routing_step(
            "person", "office" if self.code else self.level, name=self.name, code=self.code
        )


OFFICES_SQL = f"""
SELECT a.level, a.id AS area_id, a.code, a.name, d.role FROM (
  SELECT p.area_id, p.role FROM post p WHERE p.area_id = ANY(:areas)
      AND p.role IN ({LIVING.posts("desk")})
    AND p.valid_time @> CAST(:at AS timestamptz)
    AND (p.holder_id IS NOT NULL AND {on_duty("p.holder_id", ":at")}
        AND {has_account("p.holder_id")}
      OR p.deputy_id IS NOT NULL AND {on_duty("p.deputy_id", ":at")}
          AND {has_account("p.deputy_id")})
  UNION ALL SELECT g.area_id, NULL
      FROM ({LIVING.places("desk", ":at", "CAST(:areas AS bigint[])")}) g
) d JOIN area a ON a.id = d.area_id LEFT JOIN role r ON r.key = d.role
ORDER BY array_position(ARRAY['unit', 'grid', 'community', 'street', 'county'], a.level),
    r.rank NULLS LAST LIMIT 1
"""  # noqa: S608  our own text


def office(session: Session, areas: Collection[int], at: datetime) -> Office:
    """Return where an incident of some areas waits while no person holds it."""
    params = {"areas": list(areas), "at": at}
    office_row = session.execute(cached_text(OFFICES_SQL), params).mappings().one_or_none()
    if office_row is not None:
        return Office(**office_row)
    operator = session.scalar(
        cached_text(f"SELECT {LIVING.operator('CAST(:areas AS bigint[])')}"), params
    )
    return Office("operator" if operator else "nobody", None, "", "", None)


@dataclass(frozen=True)
class Home:
    """Who has a matter: the person of a seat, or an office.

    columns: What the incident stores of it. owner: holder, or the level of the office, as
    `Office.level`.
    """

    seat: PostHolder | None
    columns: dict[str, Any]
    how: list[DecisionStep]
    owner: str


def home(
    session: Session,
    areas: Collection[int],
    building: int | None,
    first_role: str,
    escalation: Sequence[str],
    at: datetime,
    post_holders: Sequence[PostHolder] | None = None,
) -> Home:
    """Return who holds an incident of a place.

    Holder, deputy, next post up, else the office where it waits.

    Parameters
    ----------
    first_role, escalation
        As for `choose_assignee`.
    post_holders
        The posts there at that moment, where the caller has read them already, or those of them
        that may have it.
    """
    if post_holders is None:
        post_holders = list_post_holders(session, areas, building, at)
    chosen = choose_assignee(session, post_holders, first_role, escalation)
    if chosen.seat is not None:
        seat = chosen.seat
        columns = {"role": seat.role, "area_id": seat.area_id, "holder_id": seat.person_id}
        return Home(seat, columns, chosen.how, "holder")
    waits = office(session, areas, at)
    return Home(None, waits.columns, [*chosen.how, waits.decision], waits.level)


# how high a role or an office stands; supervision only ever goes up
HEIGHT: dict[str, int] = {role.key: role.rank for role in ROLE_BY_KEY.values()} | {
    "dispatcher": 42,
    "street": 54,
    OPERATOR: 100,
}
DESK_ROLES = {
    "unit": "dispatcher",
    "grid": "dispatcher",
    "community": "dispatcher",
    "street": "street",
    "county": "command_centre",
    "operator": OPERATOR,
}  # level of an office -> the access role of its desk


class Step(NamedTuple):
    """A step of the ladder: a role, and its person (None: an office's accounts)."""

    role: str
    person_id: int | None


def steps_above(
    holders: Sequence[PostHolder], escalation: Sequence[str], floor: int, waits: Office
) -> list[Step]:
    """List the steps that stand higher than `floor`, each higher than the one before.

    Of the rule's ladder; where that has nobody higher, of the usual one and the desk that the
    matter would wait at. Roles with nobody living are stepped over.
    """
    person_by_role = {
        seat.role: seat.person_id for seat in reversed(holders) if seat.person_id is not None
    }
    desk = DESK_ROLES.get(waits.level)
    usual = [*_people(FIRST_CONTACT_ROLES, person_by_role), *([Step(desk, None)] if desk else [])]
    return _rising(_people(escalation, person_by_role), floor) or _rising(usual, floor)


def _people(roles: Sequence[str], person_by_role: Mapping[str, int]) -> list[Step]:
    return [Step(role, person_by_role[role]) for role in roles if role in person_by_role]


def _rising(ladder: Sequence[Step], floor: int) -> list[Step]:
    steps: list[Step] = []
    for step in ladder:
        if HEIGHT[step.role] > (HEIGHT[steps[-1].role] if steps else floor):
            steps.append(step)
    return steps
