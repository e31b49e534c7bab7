"""`/figures`: statistics of incidents as a table and as a spreadsheet; needs no script."""

import csv
from datetime import date, datetime, timedelta
from io import StringIO
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, make_response, request, url_for
from flask_babel import gettext, lazy_gettext

from gis.areas.hierarchy import list_subtree
from gis.errors import InvalidInput
from gis.files.formulas import cell_text
from gis.incidents.catalogue import editions
from gis.incidents.models import CHANNELS
from gis.incidents.reading import statistics
from gis.incidents.reading.statistics import (
    HOURS,
    METRICS,
    RATES,
    StatisticsRow,
    metric_label,
    metric_meaning,
)
from gis.messages import label
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.rights.roles import ROLE_BY_KEY
from web.http import i18n, params
from web.http.db import session
from web.http.errors import localised_detail
from web.pages.shell.page import render_page
from web.security.disclosures import record_export
from web.security.guard import require

bp = Blueprint("figures_page", __name__)

DEFAULT_DAYS = 30  # length of the period without one in the address
MAX_TABLE_ROWS = 500  # rows on the page; the spreadsheet has all
GROUP_LABELS = {
    "street": lazy_gettext("Street"),
    "community": lazy_gettext("Community"),
    "grid": lazy_gettext("Grid"),
    "category": lazy_gettext("Kind"),
    "major": lazy_gettext("Group of kinds"),
    "person": lazy_gettext("Person"),
    "role": lazy_gettext("Role"),
    "channel": lazy_gettext("Channel"),
    "day": lazy_gettext("Day"),
    "week": lazy_gettext("Week"),
    "month": lazy_gettext("Month"),
}
# figures in large type above the table
HEADLINE_COLUMNS = (
    "reported",
    "response",
    "completion",
    "resolution",
    "satisfaction",
    "overdue",
)


@bp.get("/figures")
def figures() -> Response:
    """Show the statistics; period, area, grouping and order stand in the address."""
    by = require(Action.FIGURES)
    query = _parse_query(by)
    error_text, rows = "", list[StatisticsRow]()
    total: StatisticsRow | None = None
    try:
        total = next(iter(_count(by, query, "all")), None)
        rows = _count(by, query, query["per"])
    except InvalidInput as error:
        error_text = localised_detail(error)
    language = i18n.chosen()
    response = render_page(
        "figures/figures.html",
        query=query,
        error=error_text,
        total=total if total and total.reported else None,
        rows=[
            (_group_label(row, query["per"], language), row)
            for row in _sorted(rows, query["sort"])[:MAX_TABLE_ROWS]
        ],
        hidden_rows=len(rows) - MAX_TABLE_ROWS,
        groups=_allowed_groups(by),
        areas=list_subtree(session(), by.areas_by_action.get(Action.FIGURES) or ()),
        columns=METRICS,
        headline=HEADLINE_COLUMNS,
        rates=RATES,
        hours=HOURS,
        metrics={
            name: (metric_label(name, language), metric_meaning(name, language)) for name in METRICS
        },
        address=lambda **change: f"?{urlencode(query | change)}",
        table=f"{url_for('figures_page.table')}?{urlencode(query)}",
    )
    response.status_code = 422 if error_text else 200
    return response


@bp.get("/figures.csv")
def table() -> Response:
    """Send the statistics as CSV, with rates from 0 to 1.

    Notes
    -----
    UTF-8 with a byte order mark, without which Excel does not recognise Chinese.
    """
    by = require(Action.FIGURES)
    query = _parse_query(by)
    language = i18n.chosen()
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(
        [
            GROUP_LABELS[query["per"]],
            gettext("code"),
            *(metric_label(name, language) for name in METRICS),
        ]
    )
    for row in _sorted(_count(by, query, query["per"]), query["sort"]):
        values = ("" if getattr(row, name) is None else getattr(row, name) for name in METRICS)
        writer.writerow(
            [
                cell_text(str(_group_label(row, query["per"], language)[0])),
                cell_text(row.key or ""),
                *values,
            ]
        )
    description = " ".join(
        f"{field}={query[field]}" for field in ("per", "since", "until", "area") if query[field]
    )
    record_export(by, f"figures.csv {description}", query["area"])
    response = make_response("\ufeff" + out.getvalue())
    response.mimetype = "text/csv"
    name = f"figures-{query['per']}-{query['since']}-{query['until']}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _allowed_groups(by: Principal) -> dict[str, Any]:
    return {
        key: label
        for key, label in GROUP_LABELS.items()
        if key != "person" or by.is_allowed(Action.NAMES)
    }


def _parse_query(by: Principal) -> dict[str, str]:
    """Return the query parameters of the address, with defaults for those missing.

    Raises
    ------
    InvalidInput
        `field.none_of`: an unknown grouping or order. `field.not_a_day`: a malformed day.
    """
    today = datetime.now(current_app.config["SETTINGS"].timezone).date()
    query = {
        "since": request.args.get("since")
        or (today - timedelta(days=DEFAULT_DAYS - 1)).isoformat(),
        "until": request.args.get("until") or today.isoformat(),
        "per": request.args.get("per", "category"),
        "area": request.args.get("area", ""),
        "sort": request.args.get("sort", "-reported"),
    }
    for field, allowed in (
        ("per", _allowed_groups(by)),
        ("sort", [sign + name for name in ("key", *METRICS) for sign in ("", "-")]),
    ):
        if query[field] not in allowed:
            raise params.invalid_field(
                field, "field.none_of", value=query[field][:40], allowed=list(allowed)
            )
    for field in ("since", "until"):
        try:
            date.fromisoformat(query[field])
        except ValueError:
            raise params.invalid_field(field, "field.not_a_day", value=query[field][:40]) from None
    return query


def _count(by: Principal, query: dict[str, str], per: str) -> list[StatisticsRow]:
    """Count the incidents of the period by group; its last day counts as a whole."""
    last = date.fromisoformat(query["until"]) + timedelta(days=1)
    since, until = (
        params.parse_datetime(query["since"], "since"),
        params.parse_datetime(last.isoformat(), "until"),
    )
    zone = current_app.config["SETTINGS"].timezone.key
    return statistics.incident_statistics(
        session(), by, since, until, per, query["area"], now=params.parse_datetime(None), zone=zone
    )


def _sorted(rows: list[StatisticsRow], order: str) -> list[StatisticsRow]:
    """Sort rows by a column, those without a value last."""
    name, down = order.removeprefix("-"), order.startswith("-")
    valued = [row for row in rows if getattr(row, name) is not None]
    return sorted(valued, key=lambda row: getattr(row, name), reverse=down) + [
        row for row in rows if row not in valued
    ]


def _group_label(row: StatisticsRow, per: str, language: str) -> tuple[str, str]:
    """Return the label of a group in the reader's language, and a small note beside it."""
    if not row.key:
        return "—", ""
    if per == "channel":
        channel = label(f"channel.{row.key}", language) if row.key in CHANNELS else row.key
        return channel[:1].upper() + channel[1:], ""
    if per == "role" and row.key in ROLE_BY_KEY:
        return label(f"role.{row.key}", language), ""
    if per == "category":
        kind = editions.active_edition(session()).categories.get(row.key)
        return (kind.zh if language == "zh" else kind.en) if kind else row.name or row.key, row.key
    if per in ("day", "week", "month", "major"):
        return row.name or row.key, ""
    return row.name or row.key, row.key
