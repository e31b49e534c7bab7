"""Reading incidents: one, many, counts, what is near, who could take one. Every query carries `access.visible`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import cached_text
from gis.errors import NotFound, invalid_field
from gis.incidents import working_time
from gis.incidents.catalogue import editions
from gis.incidents.models import CHANNELS, SEVERITIES
from gis.incidents.routing.approval import has_approver
from gis.incidents.routing.post_holders import CLAIMANTS_SQL, list_post_holders
from gis.incidents.states import INDEPENDENT_MOVES, MOVES_SHOWN_TO_REPORTER, STATES, TRANSITIONS, State, allowed_moves
from gis.incidents.states import OPEN_STATES as OPEN
from gis.rights.access import ACCESS_ROLES as ACCESS
from gis.rights.access import (
    ACTION_BY_FACT,
    LIVING,
    Action,
    Fact,
    Principal,
    can_see,
    hide_contacts,
    holder_label,
    internal,
    location,
    open_to_all,
    reveal_contacts,
    visibility_clause,
    waits_for_operator,
)
from gis.rights.roles import ROLE_BY_KEY

NEAR_M, NEAR_DAYS = 50.0, 7  # near-duplicates: the same category within so many metres and days
SORTS = ("urgent", "newest")


@dataclass(frozen=True)
class LockedIncident:
    """An incident as it is locked for a change. lon, lat: EPSG:4490. asked_by: Who made the waiting request.

    unowned: It is in the operator's queue of who asks.
    """

    county: str
    id: UUID
    version: int
    changed_at: datetime
    edition_id: int
    category: str
    category_zh: str
    severity: str
    channel: str
    lon: float
    lat: float
    areas: list[int]
    grid_id: int
    grid_code: str
    unit_id: int | None
    building_id: int | None
    revision_id: int
    rule_name: str
    way: str
    skill: str
    limits: dict[str, Any]
    state: str
    pending: str
    before: str
    role: str | None
    area_id: int | None
    holder_id: int | None
    stage_began: datetime | None
    due_at: datetime | None
    spent_min: float | None
    supervise_at: datetime | None
    supervised: bool
    supervise_level: int
    supervisor_role: str | None
    solved: bool | None
    parent_id: UUID | None
    account_id: int | None
    key_id: int | None
    asked_by: str | None
    offered: bool
    unowned: bool

    def at(self, state: str, pending: str, before: str) -> "LockedIncident":
        """The same after a move."""
        return replace(self, state=state, pending=pending, before=before)


REQUESTED_BY_SQL = """CASE WHEN i.pending <> '' THEN (SELECT e.who FROM incident_event e WHERE e.incident_id = i.id
  AND e.move = 'request_' || i.pending ORDER BY e.id DESC LIMIT 1) END AS asked_by"""
OFFERED = """EXISTS (SELECT FROM order_offer o WHERE o.incident_id = i.id AND o.person_id = :me) AS offered"""


def lock_query(by: Principal, offered: bool = False) -> tuple[str, dict[str, Any]]:
    """The query that locks one incident (`:id`) the asker sees, or was offered; and its parameters."""
    condition, params = visibility_clause(by, "i")
    seen, more = progress(by)
    query = f"""
SELECT i.county, i.id, {seen["version"]} AS version, i.changed_at, i.edition_id, i.category, c.zh AS category_zh, i.severity, i.channel,
  ST_X(i.shape) AS lon, ST_Y(i.shape) AS lat, i.areas, i.grid_id, g.code AS grid_code, i.unit_id, i.building_id,
  i.revision_id, i.rule_name, i.way, i.skill, i.limits, i.state, i.pending, i.before, i.role, i.area_id, i.holder_id,
  i.stage_began, i.due_at, i.spent_min, i.supervise_at, i.supervised, i.supervise_level,
  i.supervisor_role, i.solved, i.parent_id, i.account_id, i.key_id, {REQUESTED_BY_SQL}, {OFFERED}, {waits_for_operator(by)} AS unowned
FROM incident i JOIN incident_category c ON (c.edition_id, c.code) = (i.edition_id, i.category)
  JOIN area g ON g.id = i.grid_id
WHERE i.id = :id AND ({condition} OR CAST(:offered AS boolean) AND i.way = 'order' AND EXISTS (
  SELECT FROM order_offer o WHERE o.incident_id = i.id AND o.person_id = :me)) FOR UPDATE OF i"""  # noqa: S608
    return query, params | more | {"me": by.person_id, "offered": offered}


def may_move(by: Principal, row: Any, name: str) -> bool:
    """Whether somebody may do a move of the table to an incident they see (its state apart).

    Args:
        row: Has areas, area_id, holder_id, account_id, key_id, way, state, asked_by, offered, unowned.

    HANDLE is for who holds it, is offered it, or has such rights in the very area of the post it lies with; and for
    who dispatches there. A request is withdrawn by who made it and approved by another. Rating is the reporter's, and of those who follow up for the community.
    """
    if by.kind == "system":
        return True
    action = TRANSITIONS[name].by
    if row.unowned:  # the operator is its desk
        by = by.acting(row.areas)
    if action == Action.SYSTEM or action not in by.may_in:
        return False
    own = _own(by, row)
    if name == "withdraw":
        return bool(by.who == row.asked_by)
    if action == Action.NOTE:
        return True
    if action == Action.RATE:
        where = by.may_in[action]
        return own or (where is not None and by.may(action, row.areas))
    if action == Action.HANDLE:
        mine = by.person_id is not None and by.person_id == row.holder_id
        offer = row.way == "order" and row.state == State.DISPATCHED and row.offered
        there = (
            row.area_id is not None
            and row.way == "assign"
            and all(by.may(one, [row.area_id]) for one in (action, Action.READ))
        )
        return mine or offer or there or by.may(Action.DISPATCH, row.areas)
    if action == Action.APPROVE:
        return by.may(action, row.areas) and by.who != row.asked_by
    return by.may(action, row.areas)


def _own(by: Principal, row: Any) -> bool:
    return (
        by.kind == "reporter"
        or (by.account_id is not None and by.account_id == row.account_id)
        or (by.key_id is not None and by.key_id == row.key_id)
    )


@dataclass(frozen=True)
class IncidentView:
    """An incident for who may see it. point: CGCS2000 degrees. assigned_to: A name where the asker may have names, else
    an organisation's. parent, children, photos: Those the asker sees.

    colour: green, amber or red; None: no clock runs. moves: What the asker may do now. how: How it was decided.
    queue: Who has it to act on now: at (see QUEUES), and zh, en; None once it has ended. rating, solved: The reporter's
    own word; office_rating, office_solved: what was recorded at the follow-up visit.
    asked_by: Who made the request that waits. approvable: Whether anybody else than who asks could approve a request;
    None where there is none to make or to approve, and in lists. left_min: Working minutes until it is due, negative past it.
    """

    id: UUID
    county: str
    state: str
    state_zh: str
    state_en: str
    pending: str
    version: int
    category: str
    category_zh: str
    category_en: str
    kind: str
    severity: str
    description: str
    address: str
    channel: str
    attributes: dict[str, Any]
    point: dict[str, Any]
    areas: list[dict[str, Any]]
    role: str | None
    role_zh: str | None
    role_en: str | None
    assigned_to: str | None
    area: str | None
    way: str
    skill: str
    rule: str
    reported_at: datetime
    changed_at: datetime
    closed_at: datetime | None
    stage_began: datetime | None
    due: datetime | None
    amber: datetime | None
    colour: str | None
    left_min: float | None
    stopped_after_min: float | None
    supervised: bool
    supervise_level: int
    supervisor_role: str | None
    supervisor_zh: str | None
    parent: UUID | None
    children: list[UUID]
    rating: int | None
    solved: bool | None
    photos: list[UUID]
    asked_by: str | None
    offered: int
    mine: bool
    moves: list[str]
    how: list[dict[str, Any]]
    queue: dict[str, str] | None
    office_rating: int | None
    office_solved: bool | None
    approvable: bool | None = None


def told(by: Principal, event: str = "e") -> tuple[str, dict[str, Any]]:
    """The condition, with its parameters beside those of `visible`, under which an event `e` of `i` is the asker's to read.

    Who reported, and who may only claim it, does not read what those who work on it say among themselves, nor see
    their photos.
    """
    notes = (
        f"{event}.move = 'note' AND ({event}.role IN ('reporter', 'anonymous', 'resident') OR {event}.who = :see_who)"
    )
    condition = f"({internal(by)} OR {event}.move = ANY(:told_moves) OR {notes})"
    return condition, {"told_moves": [*MOVES_SHOWN_TO_REPORTER], "see_who": by.who}


def progress(by: Principal) -> tuple[dict[str, str], dict[str, Any]]:
    """How far an incident `i` has come, as SQL for each of version, changed_at and pending; and the parameters beside those of `visible`.

    Who does not read what is said inside is not told either that something was: no number, time or request of it.
    """
    inside, (readable, more) = internal(by), told(by, "t")
    events = f"FROM incident_event t WHERE (t.county, t.incident_id) = (i.county, i.id) AND {readable}"
    outside = {"version": f"(SELECT count(*) {events})", "changed_at": f"(SELECT max(t.at) {events})", "pending": "''"}
    return {name: f"CASE WHEN {inside} THEN i.{name} ELSE {query} END" for name, query in outside.items()}, more


VIEW = f"""
SELECT i.*, {{version}} AS version_seen, {{changed_at}} AS changed_seen, {{pending}} AS pending_seen, ST_X(i.shape) AS lon, ST_Y(i.shape) AS lat, c.zh AS category_zh, c.en AS category_en, c.kind,
  held.code AS held_code, held.level AS held_level, {LIVING.owner("i", ":now")} AS owner, {{unowned}} AS unowned, p.name AS holder_name,
  coalesce(held.name, (SELECT coalesce(nullif(b.estate, ''), b.name) FROM building b WHERE b.id = i.building_id), '')
    AS held_name,
  (SELECT jsonb_agg(jsonb_build_object('level', a.level, 'code', a.code, 'name', a.name)
     ORDER BY array_position(ARRAY['county', 'street', 'community', 'grid', 'unit'], a.level))
   FROM area a WHERE a.id = ANY(i.areas)) AS area_names,
  ARRAY(SELECT x.id FROM incident x WHERE x.parent_id = i.id AND {{other}} ORDER BY x.reported_at) AS children,
  (SELECT x.id FROM incident x WHERE x.id = i.parent_id AND {{other}}) AS parent_seen,
  ARRAY(SELECT f.id FROM photo f JOIN incident_event e ON (e.county, e.id) = (f.county, f.event_id)
    WHERE f.incident_id = i.id AND {{told}} ORDER BY f.event_id, f.at) AS photos,
  (SELECT count(*) FROM order_offer o WHERE o.incident_id = i.id) AS offers,
  {REQUESTED_BY_SQL}, {OFFERED}
FROM incident i JOIN incident_category c ON (c.edition_id, c.code) = (i.edition_id, i.category)
  LEFT JOIN area held ON held.id = i.area_id LEFT JOIN personal.person p ON p.id = i.holder_id
"""  # noqa: S608  our own text


def _query(by: Principal, rest: str) -> tuple[str, dict[str, Any]]:
    """`VIEW` as the asker has it, with what stands behind it; and its parameters but `now`."""
    other, params = visibility_clause(by, "x")
    readable, more = told(by)
    query = VIEW.format(other=other, told=readable, unowned=waits_for_operator(by), **progress(by)[0])
    return f"{query} {rest}", params | more | {"me": by.person_id}


# who has a matter to act on now -> the words; {role} of who holds it, {area} where it waits
QUEUES = {
    "holder": ("由{role}办理", "with the {role_en}"),
    "post": ("由{role}岗位在岗人员办理", "with whoever stands in as {role_en}"),
    "offered": ("已推送，等待接单", "offered to those who may claim it"),
    "posts": ("按岗位办理，尚无登录账号", "with the posts of the place; there are no accounts yet"),
    "operator": ("在平台管理员处等待处理", "waiting at the operator"),
    "nobody": ("暂无账号可处理，等待平台管理员", "waiting: no account can act on it yet"),
} | dict.fromkeys(("unit", "grid", "community", "street", "county"), ("在{area}等待处理", "waiting at {area}"))
IN_HAND = ("holder", "post", "offered", "posts")


def as_desk(session: Session, by: Principal, incident_id: UUID) -> Principal:
    """Who asks, with the rights of its desk where an incident is in their operator's queue."""
    if not by.operates:
        return by
    query = f"SELECT i.areas FROM incident i WHERE i.id = :id AND {waits_for_operator(by)}"  # noqa: S608  our own text
    areas = session.scalar(text(query), visibility_clause(by, "i")[1] | {"id": incident_id})
    return by if areas is None else by.acting(areas)


def in_words(owner: str, role_key: str | None, areas: Mapping[str, str]) -> dict[str, str]:
    """Who has a matter to act on now, as the API tells it.

    Args:
        owner: One of QUEUES. areas: Level of each of its areas -> the name.
    """
    role = ROLE_BY_KEY.get(role_key or "")
    values = {"role": role.zh if role else "责任人", "role_en": role.en if role else "person responsible",
              "area": areas.get(owner, "")}  # fmt: skip
    zh, en = (words.format_map(values) for words in QUEUES[owner])
    return {"at": owner, "zh": zh, "en": en}


def get_incident(
    session: Session, by: Principal, incident_id: UUID, *, now: datetime, moved: LockedIncident | None = None
) -> IncidentView:
    """One incident.

    Args:
        moved: Its row when the asker has just moved it: it may be out of sight now, and is shown this once.

    Raises:
        NotFound: There is none, or it is not the asker's to see.
    """
    condition = "true" if moved is not None and moved.id == incident_id else visibility_clause(by, "i")[0]
    query, params = _query(by, f"WHERE i.id = :id AND {condition}")
    row = session.execute(text(query), params | {"id": incident_id, "now": now}).one_or_none()
    if row is None:
        raise NotFound("there is no such incident")
    found = _view(by, row, now)
    if not row.pending and not any(name.startswith("request_") for name in found.moves):
        return found
    requester = row.asked_by if row.pending else by.who
    return replace(found, approvable=has_approver(session, row.areas, requester or "", row.unowned, now))


def _view(by: Principal, row: Any, now: datetime) -> IncidentView:
    zh, en = STATES[State(row.state)]
    # who cannot act on it is not said to have it; who has handled it is
    done = row.holder_id is not None and row.state not in (State.DISPATCHED, State.TAKEN)
    has_it = row.owner is None or row.owner in IN_HAND or row.owner == row.held_level or done
    role = ROLE_BY_KEY.get(row.role or "") if has_it else None
    if row.unowned:
        by = by.acting(row.areas)
    above = ROLE_BY_KEY.get(row.supervisor_role or "")
    supervisor = above.zh if above else ACCESS[row.supervisor_role][0] if row.supervisor_role in ACCESS else None
    left = None
    if row.due_at is not None:
        wall = bool(row.limits.get("around_the_clock"))
        late = now > row.due_at
        begin, end = (row.due_at, now) if late else (now, row.due_at)
        left = round(working_time.elapsed_minutes(begin, end, around_the_clock=wall) * (-1 if late else 1), 1)
    return IncidentView(
        id=row.id, county=row.county, state=row.state, state_zh=zh, state_en=en, pending=row.pending_seen,
        version=row.version_seen, category=row.category, category_zh=row.category_zh, category_en=row.category_en,
        kind=row.kind, severity=row.severity, description=row.description, address=row.address, channel=row.channel,
        attributes=row.attributes, point={"lon": round(row.lon, 7), "lat": round(row.lat, 7), "crs": "cgcs2000"},
        areas=row.area_names or [], role=role.key if role else None, role_zh=role.zh if role else None, role_en=role.en if role else None,
        assigned_to=holder_label(by, row.areas, row.role, row.held_name, row.holder_name, row.holder_id) if has_it else None,
        area=row.held_code, way=row.way, skill=row.skill,
        rule=row.rule_name, reported_at=row.reported_at, changed_at=row.changed_seen, closed_at=row.closed_at,
        stage_began=row.stage_began, due=row.due_at, amber=row.amber_at,
        colour=working_time.due_status(now, row.amber_at, row.due_at), left_min=left,
        stopped_after_min=row.spent_min if row.due_at is None else None, supervised=row.supervised,
        supervise_level=row.supervise_level, supervisor_role=row.supervisor_role, supervisor_zh=supervisor,
        parent=row.parent_seen, children=list(row.children), rating=row.rating, solved=row.solved,
        photos=list(row.photos), asked_by=row.asked_by if row.pending_seen and can_see(by, Fact.NAMES, row.areas) else None, offered=row.offers,
        mine=by.person_id is not None and by.person_id == row.holder_id,
        moves=sorted(
            name for name in allowed_moves(row.state, row.pending)
            if may_move(by, row, name) and (row.parent_id is None or name in INDEPENDENT_MOVES)
        ), how=row.how, queue=in_words(row.owner, row.role, {one["level"]: one["name"] for one in row.area_names or ()}) if row.owner else None,
        office_rating=row.office_rating, office_solved=row.office_solved,
    )  # fmt: skip


@dataclass(frozen=True)
class IncidentFilters:
    """Which incidents. area: Code; everything in it. overdue: The running stage's time is over.

    colour: green, amber or red. category: Code or its beginning. mine: Held by, or offered to, the asker.
    queue: Who has it to act on now, one of QUEUES. since, until: By when they were reported. sort: urgent (督办 first, then by due) or newest.
    """

    state: Sequence[str] = ()
    area: str = ""
    category: str = ""
    overdue: bool | None = None
    colour: str = ""
    way: str = ""
    severity: str = ""
    channel: str = ""
    supervised: bool | None = None
    pending: bool | None = None
    mine: bool = False
    queue: str = ""
    words: str = ""
    since: datetime | None = None
    until: datetime | None = None
    parent: UUID | None = None
    sort: str = "newest"


OPEN_STATES = [state.value for state in OPEN]
COLOURS = {
    "green": "i.due_at IS NOT NULL AND i.amber_at > :now",
    "amber": "i.amber_at <= :now AND i.due_at >= :now",
    "red": "i.due_at < :now",
}


# filter -> the values there are
ALLOWED_FILTER_VALUES: dict[str, Collection[str]] = {
    "state": ("open", *STATES), "colour": tuple(COLOURS), "way": ("assign", "order"), "severity": SEVERITIES,
    "channel": CHANNELS, "sort": SORTS, "queue": tuple(QUEUES),
}  # fmt: skip


def validate_filters(session: Session, wanted: IncidentFilters) -> None:
    """See that filters name what there is, so that an empty list means that nothing fits.

    Raises:
        InvalidInput: A value is none of those known, or no category ever had the code, or one beginning with it.
    """
    for name, known in ALLOWED_FILTER_VALUES.items():
        given = getattr(wanted, name)
        for value in (given,) if isinstance(given, str) else given:
            if (value or name == "sort") and value not in known:
                raise invalid_field(name, f"{value[:40]!r} is none of {', '.join(known)}")
    ever = "SELECT EXISTS (SELECT FROM incident_category WHERE starts_with(code, :code))"  # in an older edition, too
    if wanted.category and not session.scalar(cached_text(ever), {"code": wanted.category}):
        editions.active_edition(session).category(wanted.category)


def area_id(session: Session, code: str) -> int:
    """The id of an area, whoever asks and be it retired: codes of areas are public.

    Raises:
        InvalidInput: There never was an area of the code.
    """
    found: int | None = session.scalar(cached_text("SELECT id FROM area WHERE code = :code"), {"code": code})
    if found is None:
        raise invalid_field("area", f"no area has the code {code[:40]!r}")
    return found


def filter_clause(
    session: Session, by: Principal, wanted: IncidentFilters, now: datetime
) -> tuple[str, dict[str, Any]]:
    """Return the condition on an incident `i`, with its parameters, that leaves what fits and what the asker sees."""
    condition, params = visibility_clause(by, "i")
    parts = [condition]
    params |= {"me": by.person_id, "now": now}
    if wanted.state:
        states = {state for one in wanted.state for state in (OPEN_STATES if one == "open" else [one])}
        parts.append("i.state = ANY(:states)")
        params["states"] = sorted(states)
    if wanted.area:
        parts.append("i.areas && CAST(ARRAY[:area] AS bigint[])")
        params["area"] = area_id(session, wanted.area)
    if wanted.colour:
        parts.append(COLOURS[wanted.colour])
    if wanted.overdue is not None:
        parts.append(COLOURS["red"] if wanted.overdue else f"({COLOURS['red']}) IS NOT TRUE")
    for name, value in (("way", wanted.way), ("severity", wanted.severity), ("channel", wanted.channel)):
        if value:
            parts.append(f"i.{name} = :{name}")
            params[name] = value
    if wanted.category:
        parts.append("starts_with(i.category, :category)")
        params["category"] = wanted.category
    if wanted.supervised is not None:
        parts.append("i.supervised" if wanted.supervised else "NOT i.supervised")
    if wanted.pending is not None:
        parts.append(f"({progress(by)[0]['pending']} <> '') = :pending")
        params["pending"] = wanted.pending
    if wanted.mine:
        parts.append(
            "(i.holder_id = :me OR i.state = 'dispatched' AND EXISTS (SELECT FROM order_offer o"
            " WHERE o.incident_id = i.id AND o.person_id = :me))"
        )
    if wanted.queue:
        parts.append(f"{LIVING.owner('i', ':now')} = :queue")
        params["queue"] = wanted.queue
    if wanted.words:
        parts.append("(strpos(lower(i.description), :words) > 0 OR strpos(lower(i.address), :words) > 0"
                     " OR starts_with(i.id::text, :words))")  # fmt: skip
        params["words"] = wanted.words.lower()
    if wanted.since is not None:
        parts.append("i.reported_at >= :since")
        params["since"] = wanted.since
    if wanted.until is not None:
        parts.append("i.reported_at < :until")
        params["until"] = wanted.until
    if wanted.parent is not None:
        other = visibility_clause(by, "x")[0]  # of a parent that is not theirs to see nobody learns what repeats it
        parts.append(f"EXISTS (SELECT FROM incident x WHERE x.id = i.parent_id AND x.id = :parent AND {other})")
        params["parent"] = wanted.parent
    return " AND ".join(f"({part})" for part in parts), params


KEYS = {"newest": "(i.reported_at, i.id)", "urgent": "(NOT i.supervised, coalesce(i.due_at, 'infinity'), i.id)"}
ORDERS = {"newest": "i.reported_at DESC, i.id DESC", "urgent": "NOT i.supervised, coalesce(i.due_at, 'infinity'), i.id"}


def list_incidents(
    session: Session, by: Principal, wanted: IncidentFilters, limit: int, after: str | None, *, now: datetime
) -> list[IncidentView]:
    """Incidents the asker sees, one page.

    Args:
        limit: At most so many. after: `sort_key` of the last one of the page before.
    """
    validate_filters(session, wanted)
    where, params = filter_clause(session, by, wanted, now)
    if after is not None:
        params |= _behind(after, wanted.sort)
        if wanted.sort == "newest":
            where += f" AND {KEYS['newest']} < (CAST(:a0 AS timestamptz), CAST(:a1 AS uuid))"
        else:
            where += f" AND {KEYS['urgent']} > (CAST(:a0 AS boolean), CAST(:a1 AS timestamptz), CAST(:a2 AS uuid))"
    query, more = _query(by, f"WHERE {where} ORDER BY {ORDERS[wanted.sort]} LIMIT :limit")
    return [_view(by, row, now) for row in session.execute(text(query), params | more | {"limit": limit})]


def _behind(after: str, sort: str) -> dict[str, Any]:
    first: list[Any] = after.split("|")
    try:
        first[-1] = UUID(first[-1])
        if first[-2] != "infinity":
            first[-2] = datetime.fromisoformat(first[-2])
        if first[:-2] not in ([["True"], ["False"]] if sort == "urgent" else [[]]):
            raise ValueError
    except (ValueError, IndexError):
        raise invalid_field("cursor", "belongs to another order; leave it out") from None
    return {f"a{number}": str(one) for number, one in enumerate(first)}


def sort_key(one: IncidentView, sort: str) -> str:
    """Behind what the next page begins."""
    if sort == "newest":
        return f"{one.reported_at.isoformat()}|{one.id}"
    return f"{not one.supervised}|{one.due.isoformat() if one.due else 'infinity'}|{one.id}"


COUNTS = f"""
SELECT i.state, count(*) AS n, count(*) FILTER (WHERE {COLOURS["red"]}) AS red,
  count(*) FILTER (WHERE {COLOURS["amber"]}) AS amber, count(*) FILTER (WHERE i.supervised) AS supervised,
  count(*) FILTER (WHERE {{pending}} <> '') AS pending
FROM incident i WHERE {{where}} GROUP BY i.state"""  # noqa: S608  our own text


def count_by_state(session: Session, by: Principal, wanted: IncidentFilters, *, now: datetime) -> dict[str, Any]:
    """How many incidents the asker sees: by state (each of them, 0 too), and how many are late, watched, asked about."""
    validate_filters(session, wanted)
    where, params = filter_clause(session, by, replace(wanted, state=()), now)
    rows = session.execute(text(COUNTS.format(where=where, pending=progress(by)[0]["pending"])), params).all()
    states = dict.fromkeys((state.value for state in State), 0) | {row.state: row.n for row in rows}
    total = {name: sum(getattr(row, name) for row in rows) for name in ("red", "amber", "supervised", "pending")}
    return {"states": states, "open": sum(states[state] for state in OPEN_STATES), "all": sum(states.values()), **total}


@dataclass(frozen=True)
class Duplicate:
    """Something like it, near and lately. id: None where the asker may not see it; distance_m is then of its public place."""

    id: UUID | None
    state: str
    state_zh: str
    state_en: str
    distance_m: float
    reported_at: datetime


DUPLICATES_SQL = """
SELECT * FROM (
  SELECT i.id, i.state, i.reported_at, {condition} AS seen,
    ST_Distance(({location})::geography, p.spot::geography) AS metres
  FROM incident i, (SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4490) AS spot) p
  WHERE i.category = :category AND i.reported_at > :since AND i.reported_at <= :now AND i.state <> 'void'
    AND i.parent_id IS NULL AND i.shape && ST_Expand(p.spot, :east, :north) AND ({condition} OR {public})
    AND i.id IS DISTINCT FROM CAST(:but AS uuid)
) found WHERE metres <= :metres ORDER BY metres, reported_at LIMIT 20
"""


def find_duplicates(
    session: Session, by: Principal, category: str, lon: float, lat: float, at: datetime, but: UUID | None = None
) -> list[Duplicate]:
    """Incidents of the same category within 50 m and 7 days, nearest first; void ones and repeats left out.

    Args:
        lon, lat: Degrees, EPSG:4490. but: Not this one.

    Who may not see one is told of it, without its id and by its public place, where it is open to all; else nothing.
    """
    condition, params = visibility_clause(by, "i")
    public, more = open_to_all("i")
    query = cached_text(DUPLICATES_SQL.format(condition=condition, public=public, location=location(condition)))
    params |= more | {"category": category, "lon": lon, "lat": lat, "since": at - timedelta(days=NEAR_DAYS), "now": at,
               "metres": NEAR_M, "east": 0.0013, "north": 0.0007, "but": but}  # fmt: skip
    return [
        Duplicate(
            row.id if row.seen else None, row.state, *STATES[State(row.state)], round(row.metres, 1), row.reported_at
        )
        for row in session.execute(query, params)
    ]


@dataclass(frozen=True)
class AssigneeCandidate:
    """Somebody an incident can be given to. load: Open incidents held. away: On leave now. metres: Straight, for takers."""

    code: str | None
    name: str | None
    role: str
    role_zh: str
    role_en: str
    area: str
    level: str
    load: int
    stands_in: bool
    away: bool
    metres: float | None
    skills: bool


def list_assignees(session: Session, by: Principal, one: IncidentView, now: datetime) -> list[AssigneeCandidate]:
    """Who an incident can be given to: everybody in a post of its place, nearest role first, then who takes orders.

    Raises:
        Forbidden: The asker may not dispatch there.
    """
    ids = {row.code: row.id for row in session.execute(
        text("SELECT code, id FROM area WHERE code = ANY(:codes)"), {"codes": [area["code"] for area in one.areas]}
    )}  # fmt: skip
    by.need(Action.DISPATCH, ids.values())
    building = session.scalar(text("SELECT building_id FROM incident WHERE id = :id"), {"id": one.id})
    found = sorted(
        list_post_holders(session, list(ids.values()), building, now),
        key=lambda seat: (ROLE_BY_KEY[seat.role].rank, seat.load),
    )
    named = can_see(by, Fact.NAMES, ids.values())
    people = [
        AssigneeCandidate(
            seat.person_code if named else None, seat.name if named else None, seat.role, ROLE_BY_KEY[seat.role].zh,
            ROLE_BY_KEY[seat.role].en, seat.code, seat.level, seat.load, bool(seat.why and seat.person_id),
            seat.person_id is None and seat.why == "leave", None, False,
        )
        for seat in found
    ]  # fmt: skip
    if one.skill and named:
        params = {
            "areas": list(ids.values()),
            "skill": one.skill,
            "lon": one.point["lon"],
            "lat": one.point["lat"],
            "at": now,
        }
        rows = session.execute(text(CLAIMANTS_SQL), params).all()
        who = {row.id: row for row in session.execute(
            text("SELECT id, code, name FROM personal.person WHERE id = ANY(:ids)"), {"ids": [row.person_id for row in rows]}
        )}  # fmt: skip
        codes = {number: code for code, number in ids.items()}
        people += [
            AssigneeCandidate(
                who[row.person_id].code, who[row.person_id].name, row.role, ROLE_BY_KEY[row.role].zh, ROLE_BY_KEY[row.role].en,
                codes[row.area_id], "", 0, False, False, row.straight, True,
            )
            for row in rows
        ]  # fmt: skip
    return people


def areas_of(session: Session, incident_id: UUID) -> list[int]:
    """Ids of the areas an incident lies in."""
    query = cached_text("SELECT unnest(areas) FROM incident WHERE id = :id")
    return list(session.scalars(query, {"id": incident_id}))


def get_reporter_contact(session: Session, by: Principal, one: IncidentView) -> Mapping[str, str] | None:
    """How to reach who reported; None when nothing was left. The caller records it: see gis/accounts/disclosures.py.

    Raises:
        Forbidden: The asker may not have contacts there.
    """
    by.need(ACTION_BY_FACT[Fact.CONTACT], areas_of(session, one.id))
    reveal_contacts(session)
    query = text("SELECT name, phone, email FROM personal.reporter WHERE county = :county AND incident_id = :id")
    found = session.execute(query, {"county": one.county, "id": one.id}).mappings().one_or_none()
    hide_contacts(session)
    return dict(found) if found else None
