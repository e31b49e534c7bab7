"""Routing rules: the sets, drafts, testing one against the past, switching one on."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from apiflask import APIBlueprint
from flask import Response

from gis.db import audit_context
from gis.errors import FieldError, InvalidInput
from gis.incidents.catalogue import editions
from gis.incidents.routing import rules, rules_file, rules_replay, rules_store
from gis.rights.actions import Action
from web.api.rules.schemas import (
    DraftIn,
    ReplayOut,
    SetOut,
    SetsOut,
    TestIn,
    WholeSetOut,
    error_location,
    rule_set_to_json,
    rule_set_with_rules,
    rule_to_cells,
)
from web.http.db import session
from web.http.params import parse_datetime
from web.http.responses import conditional_response
from web.security.guard import require
from web.security.readers import require_rules_reader, storable_id

bp = APIBlueprint("rules", __name__, url_prefix="/api/v1", tag="Incidents")

REFUSALS = {401: "Sign in, or send a key", 403: "Not allowed"}


@bp.get("/rules")
@bp.output(SetsOut)
@bp.doc(summary="The sets of routing rules", responses=REFUSALS)
def list_rule_sets() -> Response:
    """List the sets of routing rules: the one in force first, then the newest."""
    require_rules_reader()
    return conditional_response(
        {"items": [rule_set_to_json(rule_set) for rule_set in rules.list_rule_sets(session())]}
    )


@bp.get("/rules/<int:set_id>")
@bp.output(WholeSetOut)
@bp.doc(summary="A set with its rules", responses=REFUSALS)
def get_rule_set(set_id: int) -> Response:
    """Return a set with its rules in their order; the first that matches an incident applies."""
    require_rules_reader()
    return conditional_response(
        rule_set_with_rules(rules.read_rule_set(session(), storable_id(set_id)))
    )


@bp.post("/rules")
@bp.input(DraftIn)
@bp.output(WholeSetOut, status_code=201)
@bp.doc(
    summary="Keep a set as a draft",
    responses=REFUSALS | {409: "A set of that name is or was in force"},
)
def draft(json_data: DraftIn) -> tuple[dict[str, Any], int]:
    """Save rules as a draft; errors are named by rule and column, nothing is put in force.

    Raises
    ------
    InvalidInput
        A rule is wrong.
    """
    by = require(Action.RULES)
    rows = [(number, rule_to_cells(item)) for number, item in enumerate(json_data.rules, 1)]
    valid_rules, problems = rules_file.validate_rules(
        rows, editions.active_edition(session()), session()
    )
    if problems:
        errors = [
            FieldError(error_location(item), item.message.code, item.message.params)
            for item in problems
        ]
        raise InvalidInput("rules.draft_refused", errors, count=len(errors))
    with audit_context(session(), by.actor, "load rules"):
        rule_set = rule_set_with_rules(
            rules.read_rule_set(
                session(),
                rules_store.load(session(), valid_rules, json_data.name.strip(), by.actor),
            )
        )
        session().commit()
    return rule_set, 201


@bp.post("/rules/<int:set_id>/test")
@bp.input(TestIn)
@bp.output(ReplayOut)
@bp.doc(summary="Test a set against past incidents", responses=REFUSALS)
def test(set_id: int, json_data: TestIn) -> Response:
    """What it would have done with them; nothing is changed."""
    by, until = require(Action.RULES), parse_datetime(None)
    since = until - timedelta(days=json_data.days)
    replayed = rules_replay.replay(
        session(), rules.read_rule_set(session(), storable_id(set_id)).rules, since, until, by
    )
    rows = [
        asdict(difference) | {"ids": [past.id for past in difference.cases]}
        for difference in replayed.differences
    ]
    for row in rows:
        del row["cases"]
    return conditional_response(
        asdict(replayed) | {"since": since, "until": until, "differences": rows}
    )


@bp.post("/rules/<int:set_id>/activate")
@bp.output(SetOut)
@bp.doc(summary="Switch a set on", responses=REFUSALS | {409: "It is in force already"})
def activate(set_id: int) -> dict[str, Any]:
    """Put a set in force and end the one in force at the same moment.

    Incidents filed before keep their rule.
    """
    by = require(Action.RULES)
    rules_store.require_all_counties(session(), by)
    with audit_context(session(), by.actor, "activate rules"):
        rules_store.activate(session(), storable_id(set_id), parse_datetime(None))
        session().commit()
    return rule_set_to_json(rules.read_rule_set(session(), set_id))
