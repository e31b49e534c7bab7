"""The report of an area as HTML: within the pages, and as a file of its own."""

from datetime import datetime
from typing import Any

from flask import current_app, render_template
from flask_babel import gettext as _

from gis.facilities.access_classes import MAX_BUILDINGS
from gis.facilities.area_report import AreaReport
from gis.facilities.building_coverage import STANDINGS, Standing
from gis.facilities.categories import CATEGORY_BY_KEY
from gis.facilities.siting_problem import Status
from gis.files.datasets import has_made_up_data
from gis.messages import label
from gis.palette import PAGE_COLOURS
from gis.settings import ROOT
from layers.overview import overview
from layers.report_map import CLASS_COLOURS, report_map
from web.http.db import session
from web.pages.coverage.class_labels import class_labels
from web.pages.shell.choices import service_name
from web.pages.shell.tokens import tokens_css

MAX_LISTED_GAPS = 30  # gaps in a report; the spreadsheet has all
REPORT_CSS = ROOT / "web" / "pages" / "coverage" / "static" / "report.css"


def report_values(report: AreaReport, language: str, at: datetime) -> dict[str, Any]:
    """Return the variables of coverage/report_body.html.

    Parameters
    ----------
    at
        Moment of the boundaries that are drawn.
    """
    service = service_name(report.query.category)
    coverage = report.coverage
    standings = {
        Standing.SERVED: _("Served"),
        Standing.BEYOND: _("Beyond"),
        Standing.CANNOT_SAY: _("Cannot say"),
        Standing.OFF_NETWORK: _("Off the network"),
    }
    parts = [(standings[value], getattr(coverage, value)) for value in STANDINGS]
    parts += [(_("Altogether"), coverage.total), (_("Straight circle"), coverage.plain_circle)]
    zone = current_app.config["SETTINGS"].timezone
    title = _("%(what)s within %(minutes)s minutes", what=service, minutes=report.query.minutes)
    return {
        "report": report,
        "service": service,
        "profile": label(f"profile.{report.query.profile}", language),
        "computed_at": f"{report.buildings.computed_at.astimezone(zone):%Y-%m-%d %H:%M}",
        "open_at": report.query.open_at and f"{report.query.open_at:%Y-%m-%d %H:%M}",
        "parts": parts,
        "elders_known": coverage.total.elders is not None,
        "standings": standings,
        "map": report_map(session(), report, at, f"{report.name}: {title}"),
        "max_drawn": MAX_BUILDINGS,
        "legend": _legend(report),
        "certainty": _certainty(report),
        "services": [
            (service_name(key), row)
            for key, row in sorted(
                report.by_category.items(), key=lambda item: CATEGORY_BY_KEY[item[0]].rank
            )
        ],
        "listed": MAX_LISTED_GAPS,
        "colours": PAGE_COLOURS,
        "attributions": overview(session(), at).attributions,
    }


def report_document(report: AreaReport, language: str, at: datetime) -> str:
    """Return the report as one HTML document that needs nothing else."""
    return render_template(
        "coverage/report_file.html",
        language=language,
        made_up=has_made_up_data(session()),
        style=tokens_css() + REPORT_CSS.read_text(encoding="utf-8"),
        **report_values(report, language, at),
    )


def _legend(report: AreaReport) -> list[tuple[str, str, int]]:
    """Return colour, label and households of each class that has buildings."""
    labels = class_labels(report.classes.limits)
    return [
        (CLASS_COLOURS[key], labels[key], tally.households)
        for key, tally in report.classes.counts.items()
        if tally.buildings
    ]


def _certainty(report: AreaReport) -> str:
    """Return how sure the choice of places is."""
    if report.siting is None:
        return ""
    compared = _("%(n)s places were compared.", n=f"{report.siting.candidate_count:,}")
    if report.siting.status == Status.OPTIMAL:
        return f"{_('No other choice serves more people.')} {compared}"
    gap = f"{100 * report.siting.gap:.1f}"
    return f"{_('Another choice may serve up to %(n)s %% more people.', n=gap)} {compared}"
