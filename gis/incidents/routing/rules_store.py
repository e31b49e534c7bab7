"""Sets of routing rules in the database: stored as drafts, activated, read.

A set never changes once it has been in force; a change is a new set. A draft may be loaded again
under its name.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.orm import Session

from gis.areas.models import LEVELS_OVER_COUNTY, Area, Level
from gis.db import columns_of
from gis.errors import Conflict, Forbidden, NotFound, invalid_field
from gis.files.editions import parse_default
from gis.incidents import working_time
from gis.incidents.models import RoutingRule, RuleSet
from gis.incidents.routing.rules import Rule
from gis.incidents.routing.rules_file import RULES_CSV, parse
from gis.rights.actions import Action
from gis.rights.principal import Principal

DEFAULT_RULES_NAME = "默认规则"


def load(session: Session | Connection, rules: Sequence[Rule], name: str, author: str = "") -> int:
    """Keep rules as a draft set, in place of a draft of the same name; returns its id.

    Parameters
    ----------
    rules
        As `parse` or `validate_rules` gave them, with nothing wrong.

    Raises
    ------
    Conflict
        A set of that name is, or was, in force.
    InvalidInput
        The name is empty or too long, there is no rule for everything, or one names an area that
        does not exist.
    """
    if not 1 <= len(name) <= 100:
        raise invalid_field("name", "rules.name_length")
    if not rules or not rules[-1].anything:
        raise invalid_field("rules", "rules.last_not_general")
    session.execute(delete(RuleSet).where(RuleSet.name == name, RuleSet.state == "draft"))
    if session.scalar(select(func.count()).where(RuleSet.name == name)):
        raise Conflict("rules.name_in_use", name=name)
    codes = {rule.area for rule in rules if rule.area}
    query = select(Area.code, Area.id).where(
        Area.code.in_(codes), Area.level.not_in(LEVELS_OVER_COUNTY)
    )
    ids = {row.code: row.id for row in session.execute(query)}
    if missing := sorted(codes - ids.keys()):
        raise invalid_field("area", "rules.areas_unknown", codes=missing)
    set_id = session.scalar(
        insert(RuleSet).values(name=name, state="draft", author=author).returning(RuleSet.id)
    )
    columns = columns_of(Rule, RoutingRule, without={"id", "area_id"})
    rows = [
        {column: getattr(rule, column) for column in columns}
        | {
            "rule_set_id": set_id,
            "dispatch_mode": rule.way,
            "position": position,
            "area_id": ids.get(rule.area),
            "escalation": [*rule.escalation],
        }
        for position, rule in enumerate(rules, 1)
    ]
    session.execute(insert(RoutingRule), rows)
    return int(set_id or 0)


def activate(session: Session | Connection, set_id: int, now: datetime) -> None:
    """Switch a set on and the one in force off; incidents filed before keep their rule.

    One that was may be again.

    Raises
    ------
    NotFound
        There is no such set.
    Conflict
        It is in force already.
    """
    is_active = RuleSet.state == "active"
    session.execute(select(RuleSet.id).where(is_active).with_for_update())  # one at a time
    state = session.scalar(select(RuleSet.state).where(RuleSet.id == set_id).with_for_update())
    if state is None:
        raise NotFound("rules.set_unknown", set_id=str(set_id))
    if state == "active":
        raise Conflict("rules.already_active")
    session.execute(update(RuleSet).where(is_active).values(state="retired"))
    session.execute(
        update(RuleSet).where(RuleSet.id == set_id).values(state="active", activated_at=now)
    )


def require_all_counties(session: Session, by: Principal) -> None:
    """Raise Forbidden unless the principal may change rules in every county.

    A set in force holds in all of them.

    Raises
    ------
    Forbidden
        There is a county where they may not.
    """
    by.require(Action.RULES)
    allowed = by.areas_by_action[Action.RULES]
    if allowed is not None and not allowed.issuperset(
        session.scalars(select(Area.id).where(Area.level == Level.COUNTY))
    ):
        raise Forbidden("rules.not_all_counties")


def load_default_rules(connection: Connection) -> None:
    """Load the default rules into a database that has none."""
    if not connection.scalar(select(func.count(RuleSet.id))):
        number = load(connection, parse_default(parse, RULES_CSV), DEFAULT_RULES_NAME)
        activate(connection, number, datetime.now(working_time.ZONE))
