"""Who may do what, where: roles × actions as one table, and the rows an asker may see as one condition.

A person's access roles come from the posts held (or deputised for) now, by `BY_POST`, and from grants. Every change
goes through `may`; every read through what stands under "who sees what": `visible` and `open_to_all` for rows, `can_see`
for a fact of a row (always with the areas it lies in), `holder_label` for a name, `location` for a point.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Forbidden
from gis.rights.living import Living
from gis.rights.roles import ORGANISATIONS, organisation_name


class Action(StrEnum):
    """What can be allowed."""

    SYSTEM = "system"  # nobody: only our own jobs
    REPORT = "incident.report"
    READ = "incident.read"  # every incident of the areas; one's own and those one holds are always seen
    NOTE = "incident.note"
    RATE = "incident.rate"
    HANDLE = "incident.handle"  # take, return, handle, ask for suspension, time, voiding
    DISPATCH = "incident.dispatch"
    APPROVE = "incident.approve"
    SUPERVISE = "incident.supervise"
    CONTACTS = "contacts.read"  # how to reach who reported
    NAMES = "names.read"  # names of those who answer for places
    FIGURES = "reports.read"
    EXPORT = "export"
    HISTORY = "history.read"
    DRAFT = "boundary.draft"
    PUBLISH = "boundary.publish"
    POSTS = "posts.hand_over"
    RULES = "rules.edit"  # catalogue and routing rules
    ACCOUNTS = "accounts.manage"


A = Action
STAFF = frozenset({A.REPORT, A.READ, A.NOTE, A.NAMES})
DESK = STAFF | {A.HANDLE, A.DISPATCH, A.APPROVE, A.CONTACTS, A.FIGURES, A.EXPORT, A.POSTS, A.RATE}

# access role -> words on screen, and what it may do in its areas
ACCESS_ROLES: dict[str, tuple[str, str, frozenset[Action]]] = {
    "resident": ("居民", "resident", frozenset({A.REPORT, A.RATE, A.NOTE})),
    "order_taker": ("接单人", "order taker", frozenset({A.REPORT, A.NOTE, A.HANDLE})),
    "unit_head": ("联户长", "unit head", STAFF | {A.HANDLE}),
    "grid_worker": ("网格员", "grid worker", STAFF | {A.HANDLE, A.CONTACTS}),
    "grid_leader": ("网格长", "grid leader", STAFF | {A.HANDLE, A.CONTACTS, A.SUPERVISE, A.FIGURES}),
    "dispatcher": ("社区调度员", "community dispatcher", DESK),
    "planner": ("规划员", "planner", frozenset({A.NAMES, A.FIGURES, A.EXPORT, A.DRAFT, A.PUBLISH})),
    "street": ("街道", "street", DESK | {A.SUPERVISE, A.PUBLISH}),
    "command_centre": ("指挥中心", "command centre", DESK | {A.SUPERVISE, A.RULES}),
    "auditor": ("审计员", "auditor", frozenset({A.READ, A.FIGURES, A.HISTORY, A.NAMES})),
    "administrator": ("管理员", "administrator", frozenset({A.ACCOUNTS, A.RULES, A.NAMES, A.POSTS})),
}

# role of a post (gis/rights/roles.py) -> access role in the post's area; a building's posts see what they hold
BY_POST = {
    "unit_head": "unit_head",
    "grid_worker": "grid_worker",
    "grid_leader": "grid_leader",
    "grid_party_leader": "grid_worker",
    "community_worker": "dispatcher",
    "community_secretary": "dispatcher",
    "liaison_officer": "street",
    "street_office": "street",
    "enforcement_squad": "order_taker",
    "command_centre": "command_centre",
    "building_head": "order_taker",
    "building_sponsor": "order_taker",
    "block_head": "order_taker",
    "property_company": "order_taker",
    "contact_leader": "order_taker",
    "party_member": "order_taker",
    "volunteer_team": "order_taker",
}

OPERATOR = "administrator"  # the access role whose queue holds what nobody else can act on
LIVING = Living(
    BY_POST,
    desk=[key for key, (_, _, actions) in ACCESS_ROLES.items() if actions >= {A.READ, A.DISPATCH, A.HANDLE, A.APPROVE}],
    there=[key for key, (_, _, actions) in ACCESS_ROLES.items() if actions >= {A.READ, A.HANDLE}],
    hand=[key for key, (_, _, actions) in ACCESS_ROLES.items() if A.HANDLE in actions],
    operator=OPERATOR,
)
AS_OPERATOR = DESK | {A.SUPERVISE}  # what an operator may do with what is in the operator's queue

# what a program's key may be given
KEY_ACTIONS = frozenset(
    {A.REPORT, A.READ, A.NOTE, A.RATE, A.HANDLE, A.DISPATCH, A.NAMES, A.FIGURES, A.EXPORT, A.DRAFT, A.PUBLISH}
)


@dataclass(frozen=True)
class Principal:
    """Who asks.

    kind: anonymous, account, key, reporter (who holds an incident's tracking secret) or system.
    who: As the history and events show it: "account wang", "program mini", "job clock".
    may_in: For each action the ids of the areas it is allowed in; None is everywhere.
    roles: (access role, area id or None), the strongest first; for screens.
    at: The moment the rights are those of.
    """

    kind: str
    who: str
    may_in: Mapping[Action, frozenset[int] | None] = field(default_factory=dict)
    roles: tuple[tuple[str, int | None], ...] = ()
    account_id: int | None = None
    person_id: int | None = None
    key_id: int | None = None
    incident_id: UUID | None = None
    name: str = ""
    at: datetime | None = None

    @property
    def operates(self) -> bool:
        """Whether the operator's queue is the asker's to see, in some areas or everywhere."""
        return any(role == OPERATOR for role, _ in self.roles)

    def acting(self, areas: Iterable[int]) -> "Principal":
        """The same, with the rights of a desk over some areas: for what is in the operator's queue."""
        more = frozenset(areas)
        may_in = dict(self.may_in)
        for action in AS_OPERATOR:
            before = may_in.get(action, frozenset())
            may_in[action] = None if before is None else before | more
        return replace(self, may_in=may_in)

    def may(self, action: Action, areas: Iterable[int] | None = None) -> bool:
        """Whether an action is allowed: in any of some areas (an incident's chain), or anywhere when None is given."""
        if action not in self.may_in:
            return False
        allowed = self.may_in[action]
        return allowed is None or areas is None or not allowed.isdisjoint(areas)

    def need(self, action: Action, areas: Iterable[int] | None = None) -> None:
        """Raise Forbidden unless `may`."""
        if not self.may(action, areas):
            raise Forbidden(f"{action.value} is not allowed to {self.role_words} here")

    @property
    def role_words(self) -> str:
        """The access roles in English, for messages."""
        return ", ".join(dict.fromkeys(ACCESS_ROLES[role][1] for role, _ in self.roles)) or self.kind


ANONYMOUS = Principal("anonymous", "anonymous", {A.REPORT: None})


def system_principal(job: str) -> Principal:
    """Our own jobs and the command line: everything, everywhere."""
    return Principal("system", job, dict.fromkeys(Action))


GRANTS = """
SELECT m.access, p.area_id FROM post p JOIN (SELECT unnest(CAST(:posts AS text[])) AS post, unnest(CAST(:access AS text[])) AS access) m
  ON m.post = p.role
WHERE p.valid @> CAST(:at AS timestamptz) AND :person IN (p.holder_id, p.deputy_id)
UNION
SELECT g.role, g.area_id FROM personal.access_grant g WHERE g.account_id = :account
UNION
SELECT 'order_taker', t.area_id FROM order_taker t WHERE t.person_id = :person AND t.active
"""


def reporter_principal(incident_id: UUID) -> Principal:
    """Who showed the tracking secret of an incident: that one, nothing else."""
    return Principal("reporter", "reporter", {A.RATE: None, A.NOTE: None}, incident_id=incident_id)


def account_principal(
    session: Session, account_id: int, person_id: int | None, username: str, at: datetime
) -> Principal:
    """An account's rights at a moment, from posts, grants and taking orders."""
    params = {"posts": [*BY_POST], "access": [*BY_POST.values()], "at": at, "person": person_id, "account": account_id}
    found = [(role, area) for role, area in session.execute(text(GRANTS), params) if role in ACCESS_ROLES]
    roles = sorted(found, key=lambda one: ([*ACCESS_ROLES].index(one[0]), one[1] or 0), reverse=True)
    may_in: dict[Action, frozenset[int] | None] = {}
    for role, area in roles or [("resident", None)]:
        everywhere = area is None and role in ("administrator", "resident")
        for action in ACCESS_ROLES[role][2]:
            before = may_in.get(action, frozenset())
            own = frozenset() if area is None else frozenset({area})
            may_in[action] = None if everywhere or before is None else before | own
    may_in[A.REPORT] = None  # as anybody may, wherever it is
    return Principal(
        "account", f"account {username}", may_in, tuple(roles), account_id, person_id, name=username, at=at
    )


# --- who sees what -------------------------------------------------------------------------------------------------


class Fact(StrEnum):
    """What of an incident, or of those who answer for a place, is not for everybody."""

    INTERNAL = "internal"  # what those who work on it say among themselves, and their photos
    NAMES = "names"  # of those who answer for it
    CONTACT = "contact"  # of who reported it


# what makes a fact visible in the areas it lies in
ACTION_BY_FACT = {Fact.INTERNAL: A.READ, Fact.NAMES: A.NAMES, Fact.CONTACT: A.CONTACTS}

# channels residents report by; what staff and devices find is not for the public
PUBLIC_CHANNELS = ("mini_program", "web", "phone", "in_person", "woodpecker", "open311")
PUBLIC_STEP_DEG = 1e-4  # the public's rounding, about ten metres: a building, not a door


def can_see(principal: Principal, fact: Fact, areas: Iterable[int], holder_id: int | None = None) -> bool:
    """Whether somebody sees a fact in the areas (an incident's chain) it lies in; a right elsewhere does not count.

    Args:
        holder_id: Who holds the incident: they read what is said about it.
    """
    if principal.may(ACTION_BY_FACT[fact], areas):
        return True
    return fact == Fact.INTERNAL and holder_id is not None and holder_id == principal.person_id


def holder_label(
    principal: Principal,
    areas: Iterable[int],
    role: str | None,
    place_name: str,
    name: str | None,
    holder_id: int | None,
) -> str | None:
    """Who holds an incident: the person for who may have names there, else the organisation, else None.

    Args:
        place_name: Of the area or estate the post answers for. name, holder_id: Of the person; None: nobody.
    """
    if name is None or holder_id == principal.person_id is not None or can_see(principal, Fact.NAMES, areas):
        return name
    return organisation_name(role, place_name) if role in ORGANISATIONS else None


def visibility_clause(by: Principal, incident: str = "i") -> tuple[str, dict[str, Any]]:
    """The condition, with its parameters, under which a row of incident is the asker's to see.

    Everything that reads incidents puts it in its WHERE: lists, single reads, counts, tiles, exports, streams.
    """
    if by.kind == "system":
        return "true", {}
    areas = by.may_in.get(Action.READ, frozenset())
    if areas is None:
        return "true", {}
    condition = (
        f"({incident}.areas && CAST(:see_areas AS bigint[]) OR {incident}.holder_id = :see_person"
        f" OR {incident}.id = :see_incident"
        f" OR {incident}.account_id = :see_account OR {incident}.key_id = :see_key"
        f" OR {incident}.way = 'order' AND {incident}.state = 'dispatched' AND EXISTS (SELECT FROM order_offer o"
        f" WHERE o.incident_id = {incident}.id AND o.person_id = :see_person)"
        f"{f' OR {waits_for_operator(by, incident)}' if by.operates else ''})"
    )
    return condition, {
        "see_areas": sorted(areas), "see_person": by.person_id, "see_account": by.account_id, "see_key": by.key_id,
        "see_incident": by.incident_id, "see_at": by.at, "see_operated": sorted(area for role, area in by.roles if role == OPERATOR and area),
    }  # fmt: skip


def internal(by: Principal, incident: str = "i") -> str:
    """The condition of `Fact.INTERNAL`, with the parameters of `visible`."""
    if by.kind == "system" or by.may_in.get(Action.READ, frozenset()) is None:
        return "true"
    return f"({incident}.areas && CAST(:see_areas AS bigint[]) OR {incident}.holder_id = :see_person)"


def open_to_all(incident: str = "i") -> tuple[str, dict[str, Any]]:
    """The condition under which everybody may know that an incident is there, its category, state and rough place.

    It was reported by residents, and its category is of public space: a five-digit code of GB/T 47678.5 that residents
    may choose. Of quarrels, needs, patrols and alarms nothing is told.
    """
    condition = (
        rf"({incident}.category ~ '^\d{{5}}$' AND {incident}.channel = ANY(:public_channels) AND EXISTS ("
        f"SELECT FROM incident_category kind WHERE kind.public AND kind.edition_id = {incident}.edition_id"
        f" AND kind.code = {incident}.category))"
    )
    return condition, {"public_channels": list(PUBLIC_CHANNELS)}


def location(seen: str, incident: str = "i") -> str:
    """The point of an incident in SQL: as stored where the condition `seen` holds, else as the public may have it.

    Distances and whether something is near are taken from it too, or the exact place could be found by asking often.
    """
    return f"CASE WHEN {seen} THEN {incident}.shape ELSE ST_SnapToGrid({incident}.shape, {PUBLIC_STEP_DEG}) END"


def waits_for_operator(by: Principal, incident: str = "i") -> str:
    """The condition, with the parameters of `visible`, under which an incident is in the asker's operator's queue."""
    if not by.operates:
        return "false"
    everywhere = (OPERATOR, None) in by.roles
    there = "true" if everywhere else f"{incident}.areas && CAST(:see_operated AS bigint[])"
    open_ = f"{incident}.state NOT IN ('closed', 'void')"
    return f"({open_} AND {there} AND NOT {LIVING.owned(incident, ':see_at')})"


def reveal_contacts(session: Session) -> None:
    """Let this transaction see how to reach reporters; only after `need(Action.CONTACTS, …)`, and for one reading."""
    session.execute(text("SELECT set_config('wangge.contacts', 'on', true)"))


def hide_contacts(session: Session) -> None:
    """Hide them again."""
    session.execute(text("SELECT set_config('wangge.contacts', '', true)"))
