"""Where a matter goes: by the rules, to the person of the patch or to those who may claim it.

And the clock it gets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from gis.areas.explanation import DecisionStep, routing_step
from gis.incidents.catalogue import editions
from gis.incidents.clock import stage_clock
from gis.incidents.routing import rules
from gis.incidents.routing.claimants import Claimant, list_claimants
from gis.incidents.routing.location import IncidentLocation
from gis.incidents.routing.post_holders import PostHolder, home, office
from gis.incidents.states import State
from gis.messages import Message, render
from gis.rights.roles import ROLE_BY_KEY

COMMUNITY = "community_worker"  # the role that matters go to which come back


@dataclass(frozen=True)
class RoutingRequest:
    """An incident that is to be routed.

    at: When it was reported, which is what rules ask for. clear: Whether the category is certain;
    else it waits as reported for the community to choose one. rule_set: As for
    `rules.active_rules`. post_holders: As for `home`.
    """

    where: IncidentLocation
    kind: editions.CategoryRow
    severity: str
    channel: str
    at: datetime
    clear: bool = True
    rule_set: int | None = None
    post_holders: Sequence[PostHolder] | None = None


@dataclass(frozen=True)
class RoutingDecision:
    """Where a matter goes, and why.

    The state it is brought to, the columns it gets, who holds it or is offered it.

    owner: One of INCIDENT_QUEUES.
    """

    state: State
    columns: dict[str, Any]
    seat: PostHolder | None
    offers: list[Claimant]
    how: list[DecisionStep]
    owner: str

    @property
    def holds(self) -> bool:
        """Whether somebody has it, or may claim it."""
        return self.state == State.DISPATCHED


def route(session: Session, request: RoutingRequest, now: datetime) -> RoutingDecision:
    """Route an incident by the rules, to the person responsible or to those who may claim it.

    Parameters
    ----------
    now
        Who is there then gets it, and its clock begins.
    """
    where, skill, severity = request.where, request.kind.skill, request.severity
    case = rules.RoutingCase(
        request.kind.code, severity, frozenset(where.area_ids), request.at, request.channel
    )
    rule = rules.first_match(rules.active_rules(session, request.rule_set).rules, case)
    role = ROLE_BY_KEY[rule.first_role]
    how = [routing_step("rule", "rule", name=rule.name, role_zh=role.zh, role_en=role.en)]
    limits = _limits(rule, severity)
    columns = {
        "rule_id": rule.id,
        "rule_name": rule.name,
        "dispatch_mode": "assign",
        "skill": skill,
        "time_limits": limits,
        "role": None,
        "area_id": None,
        "holder_id": None,
    }
    if not request.clear:
        waits = office(session, where.area_ids, now)
        columns |= waits.columns | stage_clock(limits, State.REPORTED, now)
        step = waits.decision
        if waits.code:  # people may well be there; they are asked when the category is known
            step = routing_step("person", "waits", name=waits.name, code=waits.code)
        return RoutingDecision(State.REPORTED, columns, None, [], [*how, step], waits.level)
    # of what is urgent, nobody waits until somebody claims it
    if rule.way == "order" and skill and severity != "urgent":
        offered = _offer(session, where, skill, columns, how, now)
        if offered is not None:
            return offered
    place = where.area_ids, where.building_id
    roles = rule.first_role, rule.escalation
    found_home = home(session, *place, *roles, now, request.post_holders)
    state = State.DISPATCHED if found_home.seat is not None else State.ACCEPTED
    columns |= found_home.columns | stage_clock(limits, state, now)
    return RoutingDecision(
        state, columns, found_home.seat, [], [*how, *found_home.how], found_home.owner
    )


def _offer(
    session: Session,
    where: IncidentLocation,
    skill: str,
    columns: dict[str, Any],
    how: list[DecisionStep],
    now: datetime,
) -> RoutingDecision | None:
    """Offer an order to those who have the skill; None where nobody has, which `how` then tells."""
    claimants, claim_step = list_claimants(session, where, skill, now)
    how.append(claim_step)
    if not claimants:
        return None
    # unclaimed in time it falls back to the community instead of going one level up
    clock = stage_clock(columns["time_limits"], State.DISPATCHED, now) | {"supervise_at": None}
    return RoutingDecision(
        State.DISPATCHED,
        columns | clock | {"dispatch_mode": "order"},
        None,
        claimants,
        how,
        "offered",
    )


def _limits(rule: rules.Rule, severity: str) -> dict[str, Any]:
    """Return what an incident keeps of its rule: minutes per state, clock and escalation."""
    return {
        "reported": rule.accept_min,
        "accepted": rule.dispatch_min,
        "dispatched": rule.take_min,
        "taken": rule.handle_min,
        "handled": rule.check_min,
        "checked": rule.check_min,
        "returned": rule.dispatch_min,
        "around_the_clock": rule.around_the_clock or severity == "urgent",
        "escalation": list(rule.escalation),
        "first_role": rule.first_role,
    }


IN_HAND = ("holder", "post", "offered", "posts")


WAITING_AREAS = ("unit", "grid", "community", "street", "county")


INCIDENT_QUEUES = (*IN_HAND, "operator", "nobody", *WAITING_AREAS)


def queue_to_json(
    owner: str, role_key: str | None, area_names: Mapping[str, str]
) -> dict[str, str]:
    """Return who has an incident to act on now, as the API has it: at, zh and en.

    Parameters
    ----------
    owner
        One of INCIDENT_QUEUES.
    role_key
        Role of who holds it.
    area_names
        Name of each of its areas by level.
    """
    code = "queue.area" if owner in WAITING_AREAS else f"queue.{owner}"
    role = ROLE_BY_KEY.get(role_key or "")
    roles = (
        {"zh": role.zh, "en": role.en}
        if role
        else dict.fromkeys(("zh", "en"), Message("queue.responsible"))
    )
    area = area_names.get(owner, "")
    texts = {
        language: render(Message(code, {"role": roles[language], "area": area}), language)
        for language in roles
    }
    return {"at": owner, **texts}
