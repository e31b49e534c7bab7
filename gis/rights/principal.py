"""Who makes a request, and what they may do in which areas."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Forbidden
from gis.messages import Message, text_of
from gis.rights.actions import ACCESS_ROLES, AS_OPERATOR, OPERATOR, Action
from gis.rights.roles import ACCESS_ROLE_BY_POST


@dataclass(frozen=True)
class Principal:
    """The party that makes a request, with its rights.

    Attributes
    ----------
    kind
        anonymous, account, key, reporter (who holds an incident's tracking secret) or system.
    actor
        Name in the history and in events: "account wang", "program mini", "job clock".
    areas_by_action
        For each action the ids of the areas it is allowed in; None means everywhere.
    roles
        Pairs of access role and area id or None, the strongest first; for display.
    at
        Moment at which the rights were read.
    teams
        Ids of the organisations whose orders the person takes.
    """

    kind: str
    actor: str
    areas_by_action: Mapping[Action, frozenset[int] | None] = field(default_factory=dict)
    roles: tuple[tuple[str, int | None], ...] = ()
    account_id: int | None = None
    person_id: int | None = None
    key_id: int | None = None
    incident_id: UUID | None = None
    name: str = ""
    at: datetime | None = None
    teams: frozenset[int] = frozenset()

    @property
    def operates(self) -> bool:
        """Whether the principal sees the operator's queue, in some areas or everywhere."""
        return any(role == OPERATOR for role, _ in self.roles)

    @property
    def own_areas(self) -> frozenset[int]:
        """Ids of the areas that the roles are for; empty if one of them is for everywhere."""
        areas = frozenset(area for _, area in self.roles if area is not None)
        return frozenset() if any(area is None for _, area in self.roles) else areas

    def acting(self, areas: Iterable[int]) -> "Principal":
        """Return the principal with the rights of a desk over some areas.

        For incidents in the operator's queue.
        """
        extra_areas = frozenset(areas)
        areas_by_action = dict(self.areas_by_action)
        for action in AS_OPERATOR:
            area_ids = areas_by_action.get(action, frozenset())
            areas_by_action[action] = None if area_ids is None else area_ids | extra_areas
        return replace(self, areas_by_action=areas_by_action)

    def is_allowed(self, action: Action, areas: Iterable[int] | None = None) -> bool:
        """Return whether an action is allowed in any of some areas (an incident's chain).

        Parameters
        ----------
        areas
            Ids; None means anywhere.
        """
        if action not in self.areas_by_action:
            return False
        allowed = self.areas_by_action[action]
        return allowed is None or areas is None or not allowed.isdisjoint(areas)

    def is_allowed_any(self, actions: Iterable[Action], areas: Iterable[int] | None = None) -> bool:
        """Return whether `is_allowed` allows one of some actions."""
        return any(self.is_allowed(action, areas) for action in actions)

    def require(self, action: Action, areas: Iterable[int] | None = None) -> None:
        """Raise Forbidden unless `is_allowed` allows an action.

        Raises
        ------
        Forbidden
            `right.not_allowed`.
        """
        if not self.is_allowed(action, areas):
            raise Forbidden(
                "right.not_allowed",
                action=Message(f"action_name.{action.value}"),
                roles=self.role_labels,
            )

    def require_any(self, actions: Sequence[Action], areas: Iterable[int] | None = None) -> None:
        """Raise Forbidden, naming the first, unless `is_allowed_any` allows some actions."""
        if not self.is_allowed_any(actions, areas):
            self.require(actions[0], areas)

    def areas_of(self, actions: Sequence[Action]) -> frozenset[int] | None:
        """Return the ids of the areas that one of some actions is allowed in; None: everywhere."""
        union: frozenset[int] = frozenset()
        for action in actions:
            areas = self.areas_by_action.get(action, frozenset())
            if areas is None:
                return None
            union |= areas
        return union

    @property
    def role_labels(self) -> list[Message]:
        """The access roles, for messages; the kind of principal if there are none."""
        codes = dict.fromkeys(f"role.{role}" for role, _ in self.roles) or [
            f"principal_kind.{self.kind}"
        ]
        return [Message(code) for code in codes]

    @property
    def role_words(self) -> str:
        """The access roles in English."""
        return text_of(self.role_labels, "en")


ANONYMOUS = Principal("anonymous", "anonymous", {Action.REPORT: None})


def system_principal(job: str) -> Principal:
    """Return the principal of our own jobs and the command line, with every right everywhere."""
    return Principal("system", job, dict.fromkeys(Action))


# a right in a city or province is that right in each of its counties, as they are now
GRANTS_SQL = """
SELECT access, area_id, in_counties(ARRAY[area_id]) AS reach FROM (
SELECT m.access, p.area_id
FROM post p
JOIN (
  SELECT unnest(CAST(:posts AS text[])) AS post, unnest(CAST(:access AS text[])) AS access
) m ON m.post = p.role
WHERE p.valid_time @> CAST(:at AS timestamptz) AND :person IN (p.holder_id, p.deputy_id)
UNION
SELECT g.role, g.area_id FROM personal.access_grant g WHERE g.account_id = :account
UNION
SELECT 'order_taker', t.area_id FROM order_taker t WHERE t.person_id = :person AND t.active
UNION
SELECT 'order_taker', o.area_id FROM organisation_member m JOIN organisation o
  ON o.id = m.organisation_id
WHERE m.person_id = :person AND m.takes_orders AND o.active AND o.area_id IS NOT NULL
  AND m.valid_time @> CAST(:at AS timestamptz)
) given
"""
TEAMS_SQL = """
SELECT o.id FROM organisation_member m JOIN organisation o ON o.id = m.organisation_id
WHERE m.person_id = :person AND m.takes_orders AND o.active
  AND m.valid_time @> CAST(:at AS timestamptz)
"""


def reporter_principal(incident_id: UUID) -> Principal:
    """Return the principal who presented the tracking secret of an incident, limited to it."""
    return Principal(
        "reporter", "reporter", {Action.RATE: None, Action.NOTE: None}, incident_id=incident_id
    )


def account_principal(
    session: Session, account_id: int, person_id: int | None, username: str, at: datetime
) -> Principal:
    """Return the principal of an account, with its rights at a moment by posts and grants."""
    params = {
        "posts": [*ACCESS_ROLE_BY_POST],
        "access": [*ACCESS_ROLE_BY_POST.values()],
        "at": at,
        "person": person_id,
        "account": account_id,
    }
    rows = session.execute(text(GRANTS_SQL), params)
    granted = [(row.access, row.area_id, row.reach) for row in rows if row.access in ACCESS_ROLES]
    granted.sort(key=lambda row: ([*ACCESS_ROLES].index(row[0]), row[1] or 0), reverse=True)
    areas_by_action: dict[Action, frozenset[int] | None] = {}
    for role, area, reach in granted or [("resident", None, ())]:
        everywhere = area is None and role in ("administrator", "resident")
        for action in ACCESS_ROLES[role]:
            area_ids = areas_by_action.get(action, frozenset())
            areas_by_action[action] = (
                None if everywhere or area_ids is None else area_ids.union(reach)
            )
    areas_by_action[Action.REPORT] = None  # everyone may report everywhere
    return Principal(
        "account",
        f"account {username}",
        areas_by_action,
        tuple((role, area) for role, area, _ in granted),
        account_id,
        person_id,
        name=username,
        at=at,
        teams=frozenset(session.scalars(text(TEAMS_SQL), {"person": person_id, "at": at})),
    )
