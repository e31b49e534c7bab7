"""Sets of routing rules in the database: stored as drafts, activated, read.

A set never changes once it has been in force; a change is a new set. A draft may be loaded again
under its name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, text
from sqlalchemy.orm import Session

from gis.db import cached_text, columns_of
from gis.errors import Conflict, Forbidden, NotFound, Unavailable, invalid_field
from gis.incidents import working_time
from gis.incidents.models import RoutingRule, RuleSet
from gis.incidents.routing.rules import RoutingRules, Rule
from gis.incidents.routing.rules_file import DEFAULT, parse
from gis.rights.actions import Action
from gis.rights.principal import Principal

DEFAULT_NAME = "默认规则"


def load(session: Session | Connection, rules: Sequence[Rule], name: str, author: str = "") -> int:
    """Keep rules as a draft set, in place of a draft of the same name; returns its id.

    Parameters
    ----------
    rules
        As `parse` or `validate_rules` gave them, with nothing wrong.

    Raises
    ------
    Conflict
        A set of that name is, or was, in force. InvalidInput: The name is empty or too long, there
        is no rule for everything, or one names an area that does not exist.
    """
    if not 1 <= len(name) <= 100:
        raise invalid_field("name", "rules.name_length")
    if not rules or not rules[-1].anything:
        raise invalid_field("rules", "rules.last_not_general")
    session.execute(
        text("DELETE FROM rule_set WHERE name = :name AND state = 'draft'"), {"name": name}
    )
    if session.scalar(text("SELECT count(*) FROM rule_set WHERE name = :name"), {"name": name}):
        raise Conflict("rules.name_in_use", name=name)
    codes = {rule.area for rule in rules if rule.area}
    query = text("SELECT code, id FROM area WHERE code = ANY(:codes)")
    ids = {row.code: row.id for row in session.execute(query, {"codes": list(codes)})}
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
        There is no such set. Conflict: It is in force already.
    """
    session.execute(text("SELECT FROM rule_set WHERE state = 'active' FOR UPDATE"))  # one at a time
    state = session.scalar(
        text("SELECT state FROM rule_set WHERE id = :id FOR UPDATE"), {"id": set_id}
    )
    if state is None:
        raise NotFound("rules.set_unknown", set_id=str(set_id))
    if state == "active":
        raise Conflict("rules.already_active")
    session.execute(text("UPDATE rule_set SET state = 'retired' WHERE state = 'active'"))
    session.execute(
        text("UPDATE rule_set SET state = 'active', activated_at = :now WHERE id = :id"),
        {"id": set_id, "now": now},
    )


def require_all_counties(session: Session, by: Principal) -> None:
    """Raise Forbidden unless somebody may change rules in every county: a set in force holds in all
    of them.
    """
    by.require(Action.RULES)
    allowed = by.areas_by_action[Action.RULES]
    if allowed is not None and not allowed.issuperset(
        session.scalars(text("SELECT id FROM area WHERE level = 'county'"))
    ):
        raise Forbidden("rules.not_all_counties")


def load_default_rules(connection: Connection) -> None:
    """Load the default rules into a database that has none."""
    if not connection.scalar(text("SELECT count(*) FROM rule_set")):
        rules, report = parse(DEFAULT)
        report.require_all_taken()
        activate(connection, load(connection, rules, DEFAULT_NAME), datetime.now(working_time.ZONE))


_cache: dict[int, RoutingRules] = {}  # sets that have been in force: they never change


SETS = "SELECT id, name, state, author, loaded_at, activated_at FROM rule_set"


RULES = """
SELECT r.*, coalesce(a.code, '') AS area FROM routing_rule r LEFT JOIN area a ON a.id = r.area_id
WHERE r.rule_set_id = :id ORDER BY r.position
"""


def find(session: Session, set_id: int) -> RoutingRules:
    """Return a set with its rules.

    Raises
    ------
    NotFound
        There is none.
    """
    row = session.execute(text(f"{SETS} WHERE id = :id"), {"id": set_id}).mappings().one_or_none()
    if row is None:
        raise NotFound("rules.set_unknown", set_id=str(set_id))
    return RoutingRules(
        **row,
        rules=tuple(map(rule_of_row, session.execute(text(RULES), {"id": set_id}).mappings())),
    )


def rule_of_row(row: Mapping[Any, Any]) -> Rule:
    rule = Rule(**{key: value for key, value in row.items() if key in Rule.__dataclass_fields__})
    return replace(rule, escalation=tuple(rule.escalation))


def list_rule_sets(session: Session) -> list[RoutingRules]:
    """List the sets without their rules, the one in force first, then the newest."""
    query = text(f"{SETS} ORDER BY state <> 'active', loaded_at DESC, id DESC")
    return [RoutingRules(**row, rules=()) for row in session.execute(query).mappings()]


def active(session: Session) -> RoutingRules:
    """Return the set in force.

    Raises
    ------
    Unavailable
        None is.
    """
    set_id = session.scalar(cached_text("SELECT id FROM rule_set WHERE state = 'active'"))
    if set_id is None:
        raise Unavailable("rules.none_active")
    if set_id not in _cache:
        _cache[set_id] = find(session, set_id)
    return _cache[set_id]
