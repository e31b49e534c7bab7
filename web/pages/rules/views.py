"""`/rules`: sets of routing rules: read, upload as a spreadsheet, test, and put in force."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar, cast

from flask import Blueprint, Response, current_app, flash, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.datastructures import FileStorage

from gis import office_calendar
from gis.db import audit_context
from gis.errors import Conflict, WanggeError
from gis.files.report import LoadReport
from gis.incidents import calendar_file, working_time
from gis.incidents.catalogue import danger as catalogue_danger
from gis.incidents.catalogue import editions
from gis.incidents.danger import table as danger_table
from gis.incidents.routing import rules, rules_file, rules_replay, rules_store, rules_text
from gis.incidents.routing.rules import RoutingRules
from gis.incidents.routing.rules_file import COLUMNS, RuleError
from gis.incidents.routing.rules_replay import ReplayDifference, RoutedTo
from gis.messages import Message
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.rights.roles import ROLE_BY_KEY
from web.http import i18n, params
from web.http.body_limit import MAX_SPREADSHEET_BYTES, body_limit
from web.http.db import session
from web.http.downloads import attachment
from web.http.errors import localised_detail
from web.pages.shell.incident_address import incident_address
from web.pages.shell.page import render_page
from web.security.disclosures import record_export
from web.security.guard import require
from web.security.readers import require_rules_reader, storable_id

bp = Blueprint("rules_page", __name__)

Read = TypeVar("Read")
TEST_DAYS = (30, 90, 365)  # offered for a test
MAX_LINKED_INCIDENTS = 14  # of a group of a test


@bp.get("/rules")
def sets() -> Response:
    """Show a set (`set`, else the one in force), and with `days` its test on past incidents.

    Raises
    ------
    InvalidInput
        `days` is no number of days from 1 to 3660.
    """
    by, days = require_rules_reader(), request.args.get("days", "")
    if days and not (days.isdecimal() and len(days) < 5 and 1 <= int(days) <= 3660):
        raise params.invalid_field("days", "field.not_days", low=1, high=3660)
    return _page(by, days=int(days) if days else None)


@bp.post("/rules")
@body_limit(MAX_SPREADSHEET_BYTES)
def upload() -> Response:
    """Save a spreadsheet as a draft, or show the page with the errors of the spreadsheet."""
    by = require(Action.RULES)
    file, name = request.files.get("file"), request.form.get("name", "").strip()
    if file is None or not file.filename:
        return _page(by, error=_("Choose a spreadsheet."), name=name)
    name = name or Path(file.filename).stem[:100]
    edition = editions.active_edition(session())
    read, reason = _read(file, lambda path: rules_file.preview_rules_file(path, edition, session()))
    if read is None:
        message = _("This file is no table of rules: %(reason)s", reason=reason)
        return _page(by, error=message, name=name)
    rules, report, problems = read
    problems += _refusals(report)
    if problems:
        return _page(by, problems=problems, file=file.filename[:100], name=name)
    try:
        with audit_context(session(), by.actor, "load rules"):
            set_id = rules_store.load(session(), rules, name, by.actor)
            session().commit()
    except Conflict:
        session().rollback()
        return _page(
            by, error=_("A set of that name is or was in force; choose another name."), name=name
        )
    flash(_("Kept as a draft. Test it before you switch it on."))
    return cast(Response, redirect(url_for("rules_page.sets", set=set_id), 303))


@bp.post("/rules/calendar")
@body_limit(MAX_SPREADSHEET_BYTES)
def upload_calendar() -> Response:
    """Make a spreadsheet the calendar in force, or show the page with its errors."""
    by = require(Action.RULES)
    rules_store.require_all_counties(session(), by)
    file = request.files.get("file")
    if file is None or not file.filename:
        return _page(by, error=_("Choose a spreadsheet."))
    read, reason = _read(file, calendar_file.parse)
    if read is None:
        return _page(by, error=_("This file is no calendar: %(reason)s", reason=reason))
    rows, report = read
    if report.refused:
        return _page(by, problems=_refusals(report), file=file.filename[:100])
    with audit_context(session(), by.actor, "load calendar"):
        calendar_file.EDITIONS.load(session(), rows, file.filename[:100], by.actor)
        moved = calendar_file.put_in_use(session(), rows)
        session().commit()
    flash(_("The calendar is in force; limits of open matters that moved: %(n)s.", n=moved))
    return cast(Response, redirect(url_for("rules_page.sets"), 303))


@bp.get("/rules/calendar.xlsx")
def calendar() -> Response:
    """Send the working calendar as a spreadsheet, to be edited and uploaded."""
    by = require_rules_reader()
    rows = calendar_file.EDITIONS.active_rows(session())
    response = attachment("calendar.xlsx", lambda path: calendar_file.dump(rows, path))
    record_export(by, Message("shown.calendar"))
    return response


def _read(file: FileStorage, parse: Callable[[Path], Read]) -> tuple[Read | None, str]:
    """Return what a reader makes of an uploaded spreadsheet; None and why if it is none."""
    name = file.filename or ""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"upload{Path(name).suffix.lower()[:8]}"
        file.save(path)
        try:
            return parse(path), ""
        except WanggeError as error:
            return None, localised_detail(error).replace(path.name, name)


def _refusals(report: LoadReport) -> list[RuleError]:
    return [RuleError(_row(cell.where), cell.field, cell.message) for cell in report.refused]


@bp.post("/rules/<int:set_id>/activate")
def activate(set_id: int) -> Response:
    """Put a set in force."""
    by = require(Action.RULES)
    rules_store.require_all_counties(session(), by)
    with audit_context(session(), by.actor, "activate rules"):
        rules_store.activate(session(), storable_id(set_id), params.parse_datetime(None))
        session().commit()
    flash(_("The set is in force. Incidents filed before keep their rule."))
    return cast(Response, redirect(url_for("rules_page.sets", set=set_id), 303))


@bp.get("/rules/<int:set_id>.xlsx")
def table(set_id: int) -> Response:
    """Send a set as a spreadsheet, to be edited and uploaded."""
    by = require_rules_reader()
    rule_set = rules.read_rule_set(session(), storable_id(set_id))
    response = attachment(
        f"{rule_set.name}.xlsx", lambda path: rules_file.dump(rule_set.rules, path)
    )
    record_export(by, Message("shown.rule_set", {"number": str(set_id)}))
    return response


@bp.get("/rules/danger.xlsx")
def danger() -> Response:
    """Send the table of danger as a spreadsheet, which ./wangge danger loads."""
    by = require_rules_reader()
    rows = catalogue_danger.EDITIONS.active_rows(session())
    response = attachment("danger.xlsx", lambda path: danger_table.dump(rows, path))
    record_export(by, Message("shown.danger"))
    return response


def _dangers(english: bool) -> list[tuple[str, str]]:
    """List the dangers, each with the telephone numbers to call."""
    numbers_by_danger: dict[str, list[str]] = {}
    for row in catalogue_danger.EDITIONS.active_rows(session()):
        if row.use == "danger":
            numbers = numbers_by_danger.setdefault(row.en if english else row.zh, [])
            numbers += [number for number in row.call if number not in numbers]
    return [(name, "、".join(numbers)) for name, numbers in numbers_by_danger.items()]


def _page(
    by: Principal,
    *,
    days: int | None = None,
    problems: list[RuleError] | None = None,
    **values: Any,
) -> Response:
    listed = rules.list_rule_sets(session())
    chosen = request.args.get("set", "") if request.method == "GET" else ""
    if chosen and not (chosen.isdecimal() and len(chosen) < 100):
        raise params.invalid_field("set", "field.not_a_rule_set_number")
    rule_set = (
        rules.read_rule_set(session(), storable_id(int(chosen)))
        if chosen
        else rules.active_rules(session())
    )
    english = i18n.chosen() == "en"
    names = rules_text.category_names(editions.active_edition(session()), english)
    year = datetime.now(working_time.ZONE).year
    refused = bool(problems or values.get("error"))
    response = render_page(
        "rules/rules.html",
        rule_set=rule_set,
        rows=_rows(rule_set, names, english),
        sets=listed,
        days=days,
        offered=TEST_DAYS,
        test=_test(by, rule_set, days, names) if days else None,
        zone=current_app.config["SETTINGS"].timezone,
        may_edit=by.is_allowed(Action.RULES),
        may_switch=_may_switch(by),
        reads=by.is_allowed(Action.READ),
        problems=[_problem(problem, english) for problem in problems or ()],
        years_without_holidays=[
            calendar_year
            for calendar_year in (year, year + 1)
            if not office_calendar.current().knows(calendar_year)
        ],
        hours=_hours(),
        may_load_calendar=by.is_allowed(Action.RULES) and _may_switch(by),
        dangers=_dangers(english),
        **values,
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
    rule_set: RoutingRules, names: dict[str, str], english: bool
) -> list[tuple[str, str, str, str, str]]:
    """Describe each rule: name, which incidents, to whom, how long, and who is above."""
    areas = rules_text.area_names(session(), rule_set.rules)
    return [
        (
            rule.name,
            *rules_text.describe_rule(rule, names, areas)[english],
            " → ".join(_role(role, english) for role in rule.escalation),
        )
        for rule in rule_set.rules
    ]


def _role(key: str, english: bool) -> str:
    return (ROLE_BY_KEY[key].en if english else ROLE_BY_KEY[key].zh) if key in ROLE_BY_KEY else "—"


def _test(
    by: Principal, rule_set: RoutingRules, days: int, names: dict[str, str]
) -> dict[str, Any]:
    """Replay past incidents with a set, and describe the groups that would go elsewhere."""
    until = params.parse_datetime(None)
    replay = rules_replay.replay(session(), rule_set.rules, until - timedelta(days=days), until, by)
    groups = [
        {
            "difference": difference,
            "old": _route(difference.before),
            "new": _route(difference.after),
            "unlisted": difference.count - len(difference.cases[:MAX_LINKED_INCIDENTS]),
            "cases": [
                (past, names.get(past.category, past.category), incident_address(by, past.id))
                for past in difference.cases[:MAX_LINKED_INCIDENTS]
            ],
            "time": _time(difference),
        }
        for difference in replay.differences
    ]
    return {"result": replay, "groups": groups}


def _time(difference: ReplayDifference) -> str:
    parts = []
    if difference.slower:
        parts.append(_("more time for %(n)s", n=difference.slower))
    if difference.faster:
        parts.append(_("less time for %(n)s", n=difference.faster))
    return _(", ").join(parts)


def _route(target: RoutedTo) -> tuple[str, str]:
    """Return to whom a rule sends, and the name of the rule."""
    role = _role(target.role, i18n.chosen() == "en")
    return _("claimed, else %(role)s", role=role) if target.way == "order" else role, target.rule


def _row(where: str) -> int | None:
    last = where.rpartition(" ")[2]
    return int(last) if last.isdecimal() else None


def _problem(problem: RuleError, english: bool) -> tuple[int | None, str, str]:
    titles = {column.key: column.key if english else column.zh for column in COLUMNS}
    return (
        problem.row,
        titles.get(problem.column, problem.column),
        problem.en if english else problem.zh,
    )


def _hours() -> str:
    today = datetime.now(working_time.ZONE).date()
    return calendar_file.spans_text(office_calendar.current().spans_in_minutes(today), _(", "))
