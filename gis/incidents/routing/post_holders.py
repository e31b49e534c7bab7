"""Whose a matter is: from a place and a rule to the person who goes first, each step up said in words."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas.explanation import DecisionStep
from gis.areas.locate_input import parse_point
from gis.areas.locate_result import LocateRequest, LocateResult
from gis.areas.models import Level
from gis.areas.resolver import resolve_request
from gis.areas.snapshot import RegistrySnapshot
from gis.db import cached_text
from gis.errors import NotFound, Unavailable, invalid_field
from gis.incidents.catalogue import editions
from gis.network.build import load_network
from gis.network.walk import network_distances
from gis.people.queries import FIRST
from gis.places.address import parse_address
from gis.places.lookup import find_named, named_area
from gis.places.naming import Naming
from gis.rights.access import LIVING, OPERATOR
from gis.rights.living import has_account, on_duty
from gis.rights.roles import ROLE_BY_KEY

MAX_WALK_M = 5_000.0  # metres somebody is asked to walk for an order
MAX_CLAIMANTS = 100  # people an order is shown to at once, nearest first

# rule -> the sentence. No names of people: these are kept with the incident and shown to its reporter.
WORDS = {
    "area": ("按区域代码{code}取{name}内一点", "by area code {code}: a point inside {name}"),
    "address": ("按地址取{name}", "by the address: {name}"),
    "rule": ("路由规则“{name}”：先派{role_zh}", "routing rule “{name}”: {role_en} first"),
    "vacant": ("{role_zh}（{area}）空缺，上一级", "{role_en} ({area}) is vacant: one step up"),
    "away": ("{role_zh}（{area}）请假且无人代理，上一级", "{role_en} ({area}) is on leave and nobody stands in: one step up"),
    "no_post": ("此处未设{role_zh}，上一级", "there is no post of {role_en} here: one step up"),
    "found": ("派给{role_zh}（{area}）", "goes to {role_en} ({area})"),
    "deputy": ("派给{role_zh}（{area}）的代理人", "goes to the deputy of {role_en} ({area})"),
    "least_busy": (
        "派给{role_zh}（{area}）：同岗{count}人中在办最少者",
        "goes to {role_en} ({area}): of {count} in that post, who has the least open",
    ),
    "no_account": (
        "{role_zh}（{area}）没有可登录的账号，上一级",
        "{role_en} ({area}) has no account to act with: one step up",
    ),
    "office": ("目前无人在岗，由{name}（{code}）的账号受理", "nobody is there: it waits at {name} ({code})"),
    "operator": ("本地各级均无可处理的账号，由平台管理员待派", "no account of the place can act on it: it waits at the operator"),
    "nobody": (
        "本地各级均无人可处理，也没有管理员账号：只能在命令行查看",
        "nobody of the place can act on it and there is no operator's account: it is seen at the command line only",
    ),
    "offered": ("按技能“{skill_zh}”推送给步行最近的{count}人", "offered to the {count} nearest on foot with the skill {skill}"),
    "offered_straight": (
        "按技能“{skill_zh}”推送给直线最近的{count}人（未载入步行路网）",
        "offered to the {count} nearest in a straight line with the skill {skill} (no walking network is loaded)",
    ),
    "no_taker": ("无人可接“{skill_zh}”，改派负责人", "nobody takes orders for {skill}: it goes to who answers for the place"),
    "suggested": ("按描述归类为{zh}（{because}）", "by its words: {en} ({because})"),
    "danger": (
        "{zh}（{because}）：按紧急处理，全天计时；报警电话{call}",
        "{en} ({because}): urgent, around the clock; emergency call {call_en}",
    ),
    "danger_kind": ("险情，归入{zh}", "danger, filed as {en}"),
    "unclear": ("描述未能归类，由社区受理时选择", "its words name no category: the community chooses when accepting"),
}  # fmt: skip


def step(kind: str, rule: str, **values: Any) -> DecisionStep:
    """A reason in words."""
    zh, en = WORDS[rule]
    return DecisionStep(kind, rule, zh.format_map(values), en.format_map(values))


@dataclass(frozen=True)
class PostHolder:
    """A post at a place, and who is there now.

    area_id: None for a building's post. person_id, name: Who answers now, holder or deputy; None: nobody.
    why: leave, vacancy or account (none to act with), when the holder does not answer himself. load: Open incidents
    this person holds.
    """

    post_id: int
    role: str
    area_id: int | None
    code: str
    level: str
    person_id: int | None
    name: str | None
    person_code: str | None
    why: str | None
    load: int


@dataclass(frozen=True)
class IncidentLocation:
    """Where a matter is: lon, lat in degrees, EPSG:4490; its areas top down; who sits where.

    areas: (id, level, code, name), county first, the unit last when known.
    """

    lon: float
    lat: float
    asked: dict[str, Any]
    areas: tuple[tuple[int, str, str, str], ...]
    grid_id: int
    unit_id: int | None
    building_id: int | None
    revision: int

    @property
    def area_ids(self) -> list[int]:
        """The ids of its areas."""
        return [area[0] for area in self.areas]

    @property
    def county(self) -> str:
        """Code of its county."""
        return self.areas[0][2]


@dataclass(frozen=True)
class Assignment:
    """Who goes first: the seat, or None when nobody is there; and how that was decided."""

    seat: PostHolder | None
    how: list[DecisionStep]


IDS = """
SELECT id, level, code, name FROM area WHERE code = ANY(:codes)
UNION ALL SELECT id, 'building', code, name FROM building WHERE code = :building
"""

INSIDE = """
SELECT a.name, a.level, ST_X(p.spot) AS lon, ST_Y(p.spot) AS lat
FROM area a LEFT JOIN LATERAL (
  SELECT ST_PointOnSurface(b.shape) AS spot FROM boundary b WHERE b.area_id = a.id AND b.valid @> CAST(:at AS timestamptz)
  UNION ALL
  SELECT ST_PointOnSurface(h.shape) FROM unit_part u JOIN building h ON h.id = u.building_id WHERE u.unit_id = a.id
  LIMIT 1) p ON true
WHERE a.code = :code AND (a.retired_at IS NULL OR a.retired_at > :at)
"""


def resolve_location(
    session: Session,
    at: datetime,
    *,
    lon: float | None = None,
    lat: float | None = None,
    crs: str | None = None,
    address: str = "",
    area: str = "",
    register: RegistrySnapshot | None = None,
) -> tuple[IncidentLocation, LocateResult, list[DecisionStep]]:
    """Find the place of a matter by its point, else its address, else the code of an area.

    Returns the place, what `locate` answers for it, and how it was found.

    Args:
        lon, lat: Degrees in `crs`, one of `gis.crs.SUPPORTED_CRS`.
        area: Code of a grid, unit or an area above; of one above a grid, nobody below it is asked.
        register: As for `gis.areas.resolver.locate`.

    Raises:
        InvalidInput: None of the three is given, or it cannot be right, or the address may mean several places.
        OutsideGrids: No grid answers for the point. NotFound: No area has the code.
    """
    how: list[DecisionStep] = []
    asked: dict[str, Any] = {}
    part_of: str | None = None
    unit: str | None = None
    if lon is not None or lat is not None:
        if lon is None or lat is None:
            missing = "lon" if lon is None else "lat"
            raise invalid_field(missing, "is missing; a point needs both lon and lat")
        if not crs:
            words = "is missing; say wgs84, cgcs2000, gcj02 or bd09: there is no default"
            raise invalid_field("crs", words)
        asked = {"lon": lon, "lat": lat, "crs": crs}
    elif area:
        row = session.execute(text(INSIDE), {"code": area, "at": at}).one_or_none()
        if row is None or row.lon is None:
            raise NotFound(f"area: no area in force has the code {area[:40]}")
        how.append(step("point", "area", code=area, name=row.name))
        asked = {"area": area}
        part_of = area if row.level not in (Level.GRID, Level.UNIT) else None
        unit = area if row.level == Level.UNIT else None
        lon, lat, crs = row.lon, row.lat, "cgcs2000"
    elif address:
        lon, lat, name, part_of = _by_address(session, address, at)
        how.append(step("point", "address", name=name))
        asked, crs = {"address": address}, "cgcs2000"
    else:
        words = "is missing; send lon, lat and crs, or an address, or the code of an area"
        raise invalid_field("lon", words)
    question = LocateRequest(float(lon), float(lat), str(crs), address or None, at)
    x, y = parse_point(question)
    found = resolve_request(lambda: session, question, register)
    unit = unit or (found.unit.code if found.unit else None)
    codes = [one.code for one in found.areas] + ([unit] if unit else [])
    if part_of in codes:
        codes = codes[: codes.index(part_of) + 1]
    building = found.building.code if found.building and part_of is None else None
    wanted = [*codes, found.areas[-1].code]
    ids = {row[2]: row for row in session.execute(cached_text(IDS), {"codes": wanted, "building": building})}
    where = IncidentLocation(
        x, y, asked, tuple((row[0], row[1], row[2], row[3]) for row in (ids[code] for code in codes)),
        ids[found.areas[-1].code][0], ids[unit][0] if unit in codes else None, ids[building][0] if building else None,
        found.revision,
    )  # fmt: skip
    return where, found, [*how, *(one for one in found.how if one.step != "answerable")]


def _by_address(session: Session, address: str, at: datetime) -> tuple[float, float, str, str | None]:
    """A point of the building that an address names, and what it is called.

    Where it names no single building but an estate, a community or a street, a point of the smallest area that holds
    what it names, and the code of that area.
    """
    reading = parse_address(address)
    named = [one for one in find_named(session, reading, at, estates=True) if one.areas]
    if len(named) == 1 and named[0].naming and not reading.beside:
        name = reading.house if named[0].naming is Naming.HOUSE else named[0].estate + named[0].name
        return named[0].lon, named[0].lat, name, None
    common = [code for code in named[0].areas if all(code in one.areas for one in named)] if named else []
    sure = named and (
        named[0].naming is not Naming.NUMBER or named[0].named_areas or len(common) == len(named[0].areas)
    )
    code = (common[-1] if sure and len(common) > 1 else None) if named else named_area(session, reading.text, at)
    if code is not None:
        row = session.execute(text(INSIDE), {"code": code, "at": at}).one()
        if row.lon is not None:
            return row.lon, row.lat, row.name, code
        if named:
            return named[0].lon, named[0].lat, row.name, code
    if not named:
        message = f"{address[:60]!r} names no building that is known; send a point (lon, lat, crs) too"
        raise invalid_field("address", message)
    several = "; ".join(one.estate + one.name for one in named[:5])
    message = f"may mean several places: {several}. Name the estate or community, or send a point"
    raise invalid_field("address", message)


SEATS = f"""
WITH place AS (
  SELECT id AS area_id, NULL::bigint AS building_id, code, level FROM area WHERE id = ANY(:areas)
  UNION ALL SELECT NULL, id, code, 'building' FROM building WHERE id = :building
), seat AS (
  SELECT place.*, p.id AS post_id, p.role, p.holder_id, p.deputy_id
  FROM place JOIN post p ON p.area_id = place.area_id WHERE p.valid @> CAST(:at AS timestamptz)
  UNION ALL
  SELECT place.*, p.id, p.role, p.holder_id, p.deputy_id
  FROM place JOIN post p ON p.building_id = place.building_id WHERE p.valid @> CAST(:at AS timestamptz)
), there AS (
  SELECT seat.*, away.holder AS holder_away,
    CASE WHEN holder_id IS NOT NULL AND NOT away.holder AND {has_account("holder_id")} THEN holder_id
         WHEN deputy_id IS NOT NULL AND NOT away.deputy AND {has_account("deputy_id")} THEN deputy_id END AS person_id
  FROM seat, LATERAL (SELECT NOT ({on_duty("holder_id", ":at")}) AS holder, NOT ({on_duty("deputy_id", ":at")}) AS deputy) away
)
SELECT post_id, role, area_id, there.code, level, person_id, person.name, person.code AS person_code,
  CASE WHEN holder_id IS NULL THEN 'vacancy' WHEN holder_away THEN 'leave'
       WHEN person_id IS DISTINCT FROM holder_id THEN 'account' END AS why,
  (SELECT count(*) FROM incident i WHERE i.holder_id = person_id AND i.state NOT IN ('closed', 'void')) AS load
FROM there LEFT JOIN personal.person person ON person.id = person_id
ORDER BY post_id
"""  # noqa: S608  our own text


def list_post_holders(session: Session, areas: Collection[int], building: int | None, at: datetime) -> list[PostHolder]:
    """The posts of some areas and a building, with who is there now."""
    params = {"areas": list(areas), "building": building, "at": at}
    return [PostHolder(**row) for row in session.execute(cached_text(SEATS), params).mappings()]


def choose_assignee(found: Iterable[PostHolder], first: str, escalation: Sequence[str] = ()) -> Assignment:
    """Who goes first: the first role with somebody there, of the rule's ladder and then of the usual one.

    Several of one role: who has the least open. Each step up is said.
    """
    by_role: dict[str, list[PostHolder]] = {}
    for seat in found:
        by_role.setdefault(seat.role, []).append(seat)
    start = FIRST.index(first) if first in FIRST else 0
    ladder = list(dict.fromkeys([first, *escalation, *FIRST[start:]]))
    how: list[DecisionStep] = []
    for role in ladder:
        row = ROLE_BY_KEY[role]
        words = {"role_zh": row.zh, "role_en": row.en}
        here = by_role.get(role, [])
        there = sorted(
            (s for s in here if s.person_id is not None), key=lambda s: (s.load, s.why is not None, s.post_id)
        )
        if there:
            best = there[0]
            rule = "deputy" if best.why else "least_busy" if len(there) > 1 else "found"
            how.append(step("person", rule, area=best.code, count=len(there), **words))
            return Assignment(best, how)
        how.append(step("person", _passed_over(here), area=here[0].code if here else "", **words))
    return Assignment(None, how)


def _passed_over(here: Sequence[PostHolder]) -> str:
    """Why nobody in a role is gone to: no_post, vacant, away or no_account, the last that is true of somebody."""
    why = {seat.why for seat in here}
    return "no_account" if "account" in why else "away" if "leave" in why else "vacant" if why else "no_post"


@dataclass(frozen=True)
class Office:
    """Where a matter waits that no person holds: the nearest area with a living desk, the operator, or nobody.

    level: Of the area; or operator, nobody. role: Of a post there that dispatches; None where rights are granted.
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
    def why(self) -> DecisionStep:
        """It in words."""
        return step("person", "office" if self.code else self.level, name=self.name, code=self.code)


OFFICE = f"""
SELECT a.level, a.id AS area_id, a.code, a.name, d.role FROM (
  SELECT p.area_id, p.role FROM post p WHERE p.area_id = ANY(:areas) AND p.role IN ({LIVING.posts("desk")})
    AND p.valid @> CAST(:at AS timestamptz)
    AND (p.holder_id IS NOT NULL AND {on_duty("p.holder_id", ":at")} AND {has_account("p.holder_id")}
      OR p.deputy_id IS NOT NULL AND {on_duty("p.deputy_id", ":at")} AND {has_account("p.deputy_id")})
  UNION ALL SELECT g.area_id, NULL FROM ({LIVING.places("desk", ":at", "CAST(:areas AS bigint[])")}) g
) d JOIN area a ON a.id = d.area_id LEFT JOIN role r ON r.key = d.role
ORDER BY array_position(ARRAY['unit', 'grid', 'community', 'street', 'county'], a.level), r.rank NULLS LAST LIMIT 1
"""  # noqa: S608  our own text


def office(session: Session, areas: Collection[int], at: datetime) -> Office:
    """Where a matter of some areas waits while no person holds it."""
    params = {"areas": list(areas), "at": at}
    found = session.execute(cached_text(OFFICE), params).mappings().one_or_none()
    if found is not None:
        return Office(**found)
    operator = session.scalar(cached_text(f"SELECT {LIVING.operator('CAST(:areas AS bigint[])')}"), params)
    return Office("operator" if operator else "nobody", None, "", "", None)


@dataclass(frozen=True)
class Home:
    """Who has a matter: the person of a seat, or an office.

    columns: What the incident stores of it. owner: holder, or the level of the office, as `Office.level`.
    """

    seat: PostHolder | None
    columns: dict[str, Any]
    how: list[DecisionStep]
    owner: str


def home(
    session: Session,
    areas: Collection[int],
    building: int | None,
    first: str,
    escalation: Sequence[str],
    at: datetime,
    levels: Collection[str] = (),
) -> Home:
    """Who has a matter of a place: holder on duty, deputy, next post up, else the office it waits at; each step said.

    Args:
        first, escalation: As for `person_for`. levels: Only posts of these levels of area; empty: of all.
    """
    there = [seat for seat in list_post_holders(session, areas, building, at) if not levels or seat.level in levels]
    chosen = choose_assignee(there, first, escalation)
    if chosen.seat is not None:
        seat = chosen.seat
        columns = {"role": seat.role, "area_id": seat.area_id, "holder_id": seat.person_id}
        return Home(seat, columns, chosen.how, "holder")
    waits = office(session, areas, at)
    return Home(None, waits.columns, [*chosen.how, waits.why], waits.level)


# how high a role or an office stands; supervision only ever goes up
HEIGHT: dict[str, int] = {role.key: role.rank for role in ROLE_BY_KEY.values()} | {
    "dispatcher": 42,
    "street": 54,
    OPERATOR: 100,
}
DESKS = {"unit": "dispatcher", "grid": "dispatcher", "community": "dispatcher", "street": "street",
         "county": "command_centre", "operator": OPERATOR}  # level of an office -> the access role of its desk  # fmt: skip


def above(
    found: Sequence[PostHolder], escalation: Sequence[str], floor: int, watched: bool, waits: Office
) -> tuple[str, int | None] | None:
    """The next role that supervises, and who is there for it (None: an office's accounts); None at the top.

    Of the rule's ladder, stepping over roles with nobody there, only what stands higher than `floor`. Where nobody
    `watched` yet and the ladder has nobody higher: the usual ladder, then the desk it would wait at, then the operator.
    """
    there = {seat.role: seat.person_id for seat in reversed(found) if seat.person_id is not None}
    ladder: list[tuple[str, int | None]] = [(role, there[role]) for role in escalation if role in there]
    if not watched:
        desk = DESKS.get(waits.level)
        ladder += [(role, there[role]) for role in FIRST if role in there] + ([(desk, None)] if desk else [])
    return next((one for one in ladder if HEIGHT[one[0]] > floor), None)


CLAIMANTS_SQL = f"""
SELECT t.person_id, t.role, t.area_id, ST_X(t.shape) AS lon, ST_Y(t.shape) AS lat,
  ST_Distance(t.shape::geography, ST_SetSRID(ST_MakePoint(:lon, :lat), 4490)::geography) AS straight
FROM order_taker t
WHERE t.active AND {has_account("t.person_id")} AND t.area_id = ANY(:areas) AND :skill = ANY(t.skills)
  AND NOT EXISTS (SELECT FROM leave l WHERE l.person_id = t.person_id AND l.valid @> CAST(:at AS timestamptz))
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
    """Who an order is shown to: with the skill, of the areas, not on leave, the nearest on foot first.

    Metres are exact on the walking network; in a straight line, and said so, where none is loaded. Somebody without
    a starting place comes last; one further than `FARTHEST` on foot is not asked.
    """
    params = {"areas": where.area_ids, "skill": skill, "lon": where.lon, "lat": where.lat, "at": at}
    words = {"skill": skill, "skill_zh": editions.active_edition(session).skill_zh(skill)}
    rows = session.execute(text(CLAIMANTS_SQL), params).all()
    if not rows:
        return [], step("person", "no_taker", **words)
    placed = [row for row in rows if row.lon is not None]
    rule, metres = "offered", {row.person_id: float(row.straight) for row in placed}
    try:
        network = load_network(session)
    except Unavailable:
        rule = "offered_straight"
    else:
        if placed:
            here = network.snap_degrees([where.lon], [where.lat])
            homes = network.snap_degrees(np.array([row.lon for row in placed]), np.array([row.lat for row in placed]))
            walked = network_distances(network, here, homes, MAX_WALK_M)
            metres = {row.person_id: float(m) for row, m in zip(placed, walked, strict=True) if np.isfinite(m)}
    far = {row.person_id for row in placed} - metres.keys()
    found = [Claimant(row.person_id, metres.get(row.person_id)) for row in rows if row.person_id not in far]
    found.sort(key=lambda one: (one.distance_m is None, one.distance_m or 0.0))
    found = found[:MAX_CLAIMANTS]
    if not found:
        return [], step("person", "no_taker", **words)
    return found, step("person", rule, **words, count=len(found))
