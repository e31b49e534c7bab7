"""`/coverage/report/AREA`: the report of an area, to read, print and take along."""

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, request, url_for

from gis.areas.identity import find_area_id
from gis.errors import NotFound
from gis.facilities.area_report import ReportQuery, area_report
from gis.facilities.planning_land import planned_land
from gis.files.pdf import html_to_pdf
from gis.messages import Message
from gis.people.area_chains import area_chains
from gis.rights.actions import Action
from gis.rights.principal import Principal
from web.http import i18n, params
from web.http.db import session
from web.http.downloads import attachment
from web.pages.coverage.question import read_question
from web.pages.coverage.report_html import report_document, report_values
from web.pages.shell.page import render_page
from web.security.disclosures import record_export
from web.security.guard import require
from web.security.readers import require_planner

bp = Blueprint("coverage_report", __name__)


@bp.get("/coverage/report/<area>")
def report(area: str) -> Response:
    """Show the report; service, minutes, profile and number of new places stand in the address."""
    by, now = require(Action.FIGURES), params.parse_datetime(None)
    chains = _require_figures(by, area, now)
    values: dict[str, Any] = request.args.to_dict()
    return render_page(
        "coverage/report.html",
        back=url_for("coverage_page.coverage", area=area, **values),
        files={
            kind: url_for("coverage_report.file", area=area, kind=kind, **values)
            for kind in ("pdf", "html")
        },
        may_export=all(by.is_allowed(Action.EXPORT, chain) for chain in chains),
        **report_values(area_report(session(), _query(area, now), now), i18n.chosen(), now),
    )


@bp.get("/coverage/report/<area>.<any(pdf, html):kind>")
def file(area: str, kind: str) -> Response:
    """Send the report as a file: to who may see the figures of the area and take data out."""
    by, now = require(Action.EXPORT), params.parse_datetime(None)
    for chain in _require_figures(by, area, now):
        by.require(Action.EXPORT, chain)
    query = _query(area, now)
    html = report_document(area_report(session(), query, now), i18n.chosen(), now)
    data = html_to_pdf(html) if kind == "pdf" else html.encode()
    record_export(
        by,
        Message("shown.coverage_report_page", {"ending": kind, "category": query.category}),
        area,
    )
    return attachment(f"coverage-{query.area}.{kind}", data)


def _require_figures(by: Principal, area: str, now: datetime) -> list[list[int]]:
    """Return the chains of an area, where the asker may see its figures.

    Raises
    ------
    NotFound
        No area has the code.
    Forbidden
        Figures of the area are not for the asker.
    """
    number = find_area_id(session(), area)
    if number is None:
        raise NotFound("facility.area_unknown", code=area)
    chains = area_chains(session(), number, now)
    for chain in chains:
        by.require(Action.FIGURES, chain)
    return chains


def _query(area: str, now: datetime) -> ReportQuery:
    """Read what the report is about.

    Raises
    ------
    Forbidden
        New places are sought in an area that is not the asker's to plan.
    InvalidInput
        A number is none.
    """
    sites = round(params.parse_float(request.args.get("sites") or "0", "sites"))
    if sites:
        planned_land(session(), require_planner(), area, now)
    open_at = params.parse_open_at(request.args.get("at"))
    return ReportQuery(area, *read_question(), sites, open_at)
