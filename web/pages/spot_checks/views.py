"""`/spot-checks`: samples of what was closed in a week, and verdicts on them; needs no script."""

from datetime import datetime, timedelta
from typing import cast

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask_babel import gettext

from gis.errors import Conflict, Forbidden, InvalidInput
from gis.incidents.catalogue import editions
from gis.incidents.lifecycle import spot_checks
from gis.incidents.models import VERDICTS
from gis.incidents.reading.spot_checks import (
    list_samples,
    supervised_communities,
    week_of,
    week_period,
)
from gis.incidents.reading.statistics import MIN_RATE_OF
from gis.messages import Message, label
from gis.rights.actions import Action
from gis.rights.principal import Principal
from web.http import i18n, params
from web.http.db import session
from web.http.downloads import list_table, wants_table
from web.http.errors import localised_detail, problem_type
from web.pages.shell.page import render_page
from web.security.disclosures import record_export
from web.security.guard import require

bp = Blueprint("spot_checks_page", __name__)

MAX_WEEKS = 12  # offered in the list of weeks


@bp.get("/spot-checks")
def checks() -> Response:
    """Show the samples of a week; last week's without one in the address."""
    by = require(Action.SUPERVISE)
    week = request.args.get("week") or _last_weeks()[0]
    week_period(week, params.local_zone())
    return _table(by, week) if wants_table() else _page(by, week)


def _table(by: Principal, week: str) -> Response:
    """Return the samples of a week as a file."""
    language, zone = i18n.chosen(), params.local_zone()
    cells = [
        (
            sample.name,
            row.grid,
            str(row.incident_id),
            editions.category_label(session(), row.category, language, row.category_zh),
            row.description or row.address,
            f"{row.reported_at.astimezone(zone):%Y-%m-%d %H:%M}",
            label(f"spot_verdict.{row.verdict}", language) if row.verdict else "",
            row.note,
        )
        for sample in list_samples(session(), by, week, params.parse_datetime(None))
        for row in sample.incidents
    ]
    names = ("Community", "Grid", "Number of the matter", "Kind", "What", "Reported", "Verdict")
    header = [*(gettext(name) for name in names), gettext("What was seen (needed unless real)")]
    response = list_table(f"spot-checks-{week}", header, cells)
    record_export(by, Message("shown.spot_checks", {"week": str(week), "count": len(cells)}))
    return response


@bp.post("/spot-checks")
def draw() -> Response:
    """Draw the samples of a week, or show the page with what is wrong."""
    by, week = require(Action.SUPERVISE), request.form.get("week", "")
    try:
        drawn = spot_checks.draw(
            session(), by, week, params.parse_datetime(None), params.local_zone()
        )
    except InvalidInput as error:
        return _refused(by, week, error)
    session().commit()
    count = sum(len(sample.incidents) for sample in drawn)
    flash(gettext("Incidents drawn: %(n)s", n=count))
    return cast(Response, redirect(url_for("spot_checks_page.checks", week=week), 303))


@bp.post("/spot-checks/<int:check_id>")
def judge(check_id: int) -> Response:
    """Write a verdict down, or show the page with what is wrong."""
    by, form = require(Action.SUPERVISE), request.form
    week, now = form.get("week", ""), params.parse_datetime(None)
    verdict, note = form.get("verdict", ""), form.get("note", "")
    try:
        spot_checks.judge(session(), by, check_id, verdict, note, now, form.get("replaces"))
    except (InvalidInput, Forbidden, Conflict) as error:
        return _refused(by, week, error)
    session().commit()
    flash(gettext("The verdict is written down."))
    address = url_for("spot_checks_page.checks", week=week, _anchor=f"check-{check_id}")
    return cast(Response, redirect(address, 303))


def _refused(by: Principal, week: str, error: InvalidInput | Forbidden | Conflict) -> Response:
    session().rollback()
    try:
        week_period(week, params.local_zone())
    except InvalidInput:
        week = _last_weeks()[0]
    response = _page(by, week, localised_detail(error))
    response.status_code = problem_type(error)[0]
    return response


def _last_weeks() -> list[str]:
    """Return the weeks that are over, the last first."""
    today = datetime.now(params.local_zone())
    return [week_of(today - timedelta(weeks=number)) for number in range(1, MAX_WEEKS + 1)]


def _page(by: Principal, week: str, error: str = "") -> Response:
    now, language = params.parse_datetime(None), i18n.chosen()
    since, until = week_period(week, params.local_zone())
    samples = list_samples(session(), by, week, now)
    communities = supervised_communities(session(), by, now)
    drawn = {sample.area for sample in samples}
    return render_page(
        "spot_checks/spot_checks.html",
        week=week,
        days=(since.date().isoformat(), (until - timedelta(days=1)).date().isoformat()),
        weeks=[*dict.fromkeys((*_last_weeks(), week))],
        samples=samples,
        kind=lambda row: editions.category_label(
            session(), row.category, language, row.category_zh
        ),
        communities=communities,
        undrawn=[row.name for row in communities if row.code not in drawn],
        may_draw=until <= now,
        verdicts={name: label(f"spot_verdict.{name}", language) for name in VERDICTS},
        rate={
            "n": sum(sample.confirmed.n for sample in samples),
            "of": sum(sample.confirmed.of for sample in samples),
            "drawn": sum(len(sample.incidents) for sample in samples),
        },
        min_of=MIN_RATE_OF,
        share=spot_checks.DEFAULT_SHARE,
        minimum=spot_checks.DEFAULT_MINIMUM,
        error=error,
        form=request.form,
        zone=params.local_zone(),
    )
