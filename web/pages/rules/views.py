"""The page of routing rules: the sets, a set in words, a new one from a spreadsheet, its test,
switching it on.
"""

from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from flask import Blueprint, Response, current_app, flash, redirect, request, send_file, url_for
from flask_babel import gettext as _

from gis.db import audit_context
from gis.errors import Conflict, WanggeError
from gis.incidents import working_time
from gis.incidents.catalogue import danger as catalogue_danger
from gis.incidents.catalogue import editions
from gis.incidents.danger import table as danger_table
from gis.incidents.routing import rules, rules_file, rules_replay, rules_store, rules_text
from gis.incidents.routing.rules import RoutingRules
from gis.incidents.routing.rules_file import COLUMNS, RuleError
from gis.incidents.routing.rules_replay import ReplayDifference, RoutedTo
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.rights.roles import ROLE_BY_KEY
from web.http import i18n, params
from web.http.body_limit import body_limit
from web.http.db import session
from web.http.errors import localised_detail
from web.pages.shell.incident_address import incident_address
from web.pages.shell.page import render_page
from web.security.disclosures import record_export
from web.security.guard import require
from web.security.readers import require_rules_reader, storable_id

bp = Blueprint("rules_page", __name__)

DAYS = (30, 90, 365)  # offered for a test
NAMED = 14  # incidents of a group that are linked to
LARGEST = 2 * 1024 * 1024  # bytes of a spreadsheet


@bp.get("/rules")
def sets() -> Response:
    """A set (`set`, else the one in force), and with `days` its test against the past."""
    by, asked = require_rules_reader(), request.args.get("days", "")
    if asked and not (asked.isdecimal() and len(asked) < 5 and 1 <= int(asked) <= 3660):
        raise params.invalid_field("days", "field.not_days", low=1, high=3660)
    return _page(by, days=int(asked) if asked else None)


@bp.post("/rules")
@body_limit(LARGEST)
def upload() -> Response:
    """Keep a spreadsheet as a draft, or the page again with what is wrong in it."""
    by = require(Action.RULES)
    given, name = request.files.get("file"), request.form.get("name", "").strip()
    if given is None or not given.filename:
        return _page(by, wrong=_("Choose a spreadsheet."), name=name)
    name = name or Path(given.filename).stem[:100]
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"upload{Path(given.filename).suffix.lower()[:8]}"
        given.save(path)
        try:
            made, report, problems = rules_file.preview_rules_file(
                path, editions.active_edition(session()), session()
            )
        except WanggeError as error:
            why = localised_detail(error).replace(path.name, given.filename)
            return _page(by, wrong=_("This file is no table of rules: %(why)s", why=why), name=name)
    problems += [RuleError(_row(one.where), one.field, one.message) for one in report.refused]
    if problems:
        return _page(by, problems=problems, file=given.filename[:100], name=name)
    try:
        with audit_context(session(), by.actor, "load rules"):
            made_id = rules_store.load(session(), made, name, by.actor)
            session().commit()
    except Conflict:
        session().rollback()
        return _page(
            by, wrong=_("A set of that name is or was in force; choose another name."), name=name
        )
    flash(_("Kept as a draft. Test it before you switch it on."))
    return cast(Response, redirect(url_for("rules_page.sets", set=made_id), 303))


@bp.post("/rules/<int:set_id>/activate")
def activate(set_id: int) -> Response:
    """Switch a set on."""
    by = require(Action.RULES)
    rules_store.require_all_counties(session(), by)
    with audit_context(session(), by.actor, "activate rules"):
        rules_store.activate(session(), storable_id(set_id), params.parse_datetime(None))
        session().commit()
    flash(_("The set is in force. Incidents filed before keep their rule."))
    return cast(Response, redirect(url_for("rules_page.sets", set=set_id), 303))


@bp.get("/rules/<int:set_id>.xlsx")
def table(set_id: int) -> Response:
    """A set as a spreadsheet, to be edited and sent back."""
    by = require_rules_reader()
    found = rules.read_rule_set(session(), storable_id(set_id))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "rules.xlsx"
        rules_file.dump(found.rules, path)
        written = BytesIO(path.read_bytes())
    record_export(by, f"rule set {set_id} (.xlsx)")
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return send_file(written, kind, as_attachment=True, download_name=f"{found.name}.xlsx")


@bp.get("/rules/danger.xlsx")
def danger() -> Response:
    """The table of danger as a spreadsheet, to be edited and loaded by ./wangge danger."""
    by = require_rules_reader()
    rows = catalogue_danger.table_rows(session(), catalogue_danger.active_table_id(session()))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "danger.xlsx"
        danger_table.dump(rows, path)
        written = BytesIO(path.read_bytes())
    record_export(by, "table of danger (.xlsx)")
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return send_file(written, kind, as_attachment=True, download_name="danger.xlsx")


def _dangers(english: bool) -> list[tuple[str, str]]:
    """Each danger and the numbers to call for it."""
    found: dict[str, list[str]] = {}
    for row in catalogue_danger.table_rows(session(), catalogue_danger.active_table_id(session())):
        if row.use == "danger":
            numbers = found.setdefault(row.en if english else row.zh, [])
            numbers += [one for one in row.call if one not in numbers]
    return [(name, "、".join(numbers)) for name, numbers in found.items()]


def _page(
    by: Principal, *, days: int | None = None, problems: list[RuleError] | None = None, **more: Any
) -> Response:
    listed = rules.list_rule_sets(session())
    chosen = request.args.get("set", "") if request.method == "GET" else ""
    if chosen and not (chosen.isdecimal() and len(chosen) < 100):
        raise params.invalid_field("set", "field.not_a_rule_set_number")
    found = (
        rules.read_rule_set(session(), storable_id(int(chosen)))
        if chosen
        else rules.active_rules(session())
    )
    english = i18n.chosen() == "en"
    names = rules_text.category_names(editions.active_edition(session()), english)
    year = datetime.now(working_time.ZONE).year
    refused = bool(problems or more.get("wrong"))
    response = render_page(
        "rules/rules.html",
        found=found,
        rows=_rows(found, names, english),
        sets=listed,
        days=days,
        offered=DAYS,
        tested=_tested(by, found, days, names) if days else None,
        zone=current_app.config["SETTINGS"].timezone,
        may_edit=by.is_allowed(Action.RULES),
        may_switch=_may_switch(by),
        reads=by.is_allowed(Action.READ),
        problems=[_problem(one, english) for one in problems or ()],
        unknown=[one for one in (year, year + 1) if not working_time.has_holiday_calendar(one)],
        hours=_hours(),
        dangers=_dangers(english),
        **more,
    )
    if refused:
        response.status_code = 422
    return response


def _may_switch(by: Principal) -> bool:
    try:
        rules_store.require_all_counties(session(), by)
    except WanggeError:
        return False
    return True


def _rows(
    found: RoutingRules, names: dict[str, str], english: bool
) -> list[tuple[str, str, str, str, str]]:
    """Each rule as its name, which matters, to whom, how long, and who is above."""
    areas = rules_text.area_names(session(), found.rules)
    return [
        (
            one.name,
            *rules_text.describe_rule(one, names, areas)[english],
            " → ".join(_role(role, english) for role in one.escalation),
        )
        for one in found.rules
    ]


def _role(key: str, english: bool) -> str:
    return (ROLE_BY_KEY[key].en if english else ROLE_BY_KEY[key].zh) if key in ROLE_BY_KEY else "—"


def _tested(by: Principal, found: RoutingRules, days: int, names: dict[str, str]) -> dict[str, Any]:
    """The test of a set, its groups in words."""
    until = params.parse_datetime(None)
    done = rules_replay.replay(session(), found.rules, until - timedelta(days=days), until, by)
    groups = [
        {
            "one": one,
            "before": _went(one.before),
            "after": _went(one.after),
            "more": one.count - len(one.cases[:NAMED]),
            "cases": [
                (past, names.get(past.category, past.category), incident_address(by, past.id))
                for past in one.cases[:NAMED]
            ],
            "time": _time(one),
        }
        for one in done.differences
    ]
    return {"done": done, "groups": groups}


def _time(one: ReplayDifference) -> str:
    parts = []
    if one.slower:
        parts.append(_("more time for %(n)s", n=one.slower))
    if one.faster:
        parts.append(_("less time for %(n)s", n=one.faster))
    return _(", ").join(parts)


def _went(went: RoutedTo) -> tuple[str, str]:
    """Whom a rule sends to, and its name."""
    role = _role(went.role, i18n.chosen() == "en")
    return (_("claimed, else %(role)s", role=role) if went.way == "order" else role, went.rule)


def _row(where: str) -> int | None:
    last = where.rpartition(" ")[2]
    return int(last) if last.isdecimal() else None


def _problem(one: RuleError, english: bool) -> tuple[int | None, str, str]:
    titles = {column.key: column.key if english else column.zh for column in COLUMNS}
    return one.row, titles.get(one.column, one.column), one.en if english else one.zh


def _hours() -> str:
    return _(", ").join(f"{start:%H:%M}–{end:%H:%M}" for start, end in working_time.WORKING_HOURS)
