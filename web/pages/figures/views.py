"""`/figures`: statistics of incidents with charts, as a spreadsheet, and the rows behind a number.

The page needs no script but for its charts.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, current_app, request, url_for
from flask_babel import gettext

from gis.areas.offered_areas import list_subtree
from gis.errors import InvalidInput
from gis.files.table_writer import write_values
from gis.incidents.catalogue import editions
from gis.incidents.models import channel_label
from gis.incidents.reading.statistics import (
    METRICS,
    MIN_RATE_OF,
    RATES,
    StatisticsRow,
    closed_by_key,
    grouped_statistics,
    metric_meaning,
)
from gis.incidents.reading.statistics_rows import CountedIncident, counted_incidents
from gis.incidents.reading.statistics_sql import HOUR_EXPRESSIONS, Scope
from gis.messages import Message, label
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.rights.roles import ROLE_BY_KEY
from web.http import i18n, params
from web.http.db import session
from web.http.downloads import attachment
from web.http.errors import localised_detail
from web.pages.figures import charts
from web.pages.figures.cells import figure_cell, metric_title
from web.pages.figures.query import (
    DEFAULT_GROUP,
    GROUP_LABELS,
    FigureQuery,
    allowed_groups,
    parse_query,
    periods,
    sorted_rows,
)
from web.pages.figures.table import table_header, table_values
from web.pages.shell.page import render_page
from web.security.disclosures import record_export
from web.security.guard import require

bp = Blueprint("figures_page", __name__)

MAX_TABLE_ROWS = 500  # rows on the page; the spreadsheet has all
PAGE_ROWS = 200  # incidents on a page of those behind a number
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
    query = parse_query(by)
    error_text, values = "", dict[str, Any]()
    try:
        values = _counted(by, query)
    except InvalidInput as error:
        error_text = localised_detail(error)
    language = i18n.chosen()
    today = datetime.now(current_app.config["SETTINGS"].timezone).date()
    response = render_page(
        "figures/figures.html",
        script="figures/figures.js" if values.get("total") else "",
        data={"charts": values.pop("charts", None)},
        query=query,
        error=error_text,
        groups=allowed_groups(by),
        areas=list_subtree(session(), by.areas_by_action.get(Action.FIGURES) or ()),
        periods=[
            (name, query.address(since=since.isoformat(), until=until.isoformat()))
            for name, since, until in periods(today)
        ],
        columns=METRICS,
        headline=HEADLINE_COLUMNS,
        rates=RATES,
        min_of=MIN_RATE_OF,
        max_bars=charts.MAX_GROUP_BARS,
        metrics={
            name: (metric_title(name, language), metric_meaning(name, language)) for name in METRICS
        },
        supervises=by.is_allowed(Action.SUPERVISE),
        row_address=_row_address(query) if by.is_allowed(Action.READ) else None,
        **values,
    )
    response.status_code = 422 if error_text else 200
    return response


def _counted(by: Principal, query: FigureQuery) -> dict[str, Any]:
    """Return what the page shows of its period, beside the period before."""
    language, scope, earlier = i18n.chosen(), query.scope(), query.scope(before=True)
    total, rows = grouped_statistics(session(), by, scope)
    total_before, rows_before = grouped_statistics(session(), by, earlier)
    if total is None:
        return {"total": None, "before": total_before, "period_before": _days(earlier)}
    rows = sorted_rows(rows, query.sort)
    old_rows = _by_key(rows_before) if query.compares_groups else {}
    step, address = charts.time_step(scope), _row_address(query)
    by_time, by_time_before = (
        closed_by_key(session(), by, query.scope(per=step, before=earlier_too))
        for earlier_too in (False, True)
    )
    return {
        "total": {name: figure_cell(name, total, total_before) for name in METRICS},
        "period_before": _days(earlier),
        "rows": [
            (
                row,
                _group_label(row, query.per, language),
                {name: figure_cell(name, row, old_rows.get(row.key)) for name in METRICS},
            )
            for row in rows[:MAX_TABLE_ROWS]
        ],
        "hidden_rows": len(rows) - MAX_TABLE_ROWS,
        "charts": {
            "trend": charts.trend(scope, by_time, earlier, by_time_before, address),
            "rates": charts.rates(total, total_before, language, address),
            "groups": charts.groups(
                rows, lambda row: _group_label(row, query.per, language)[0], address
            ),
        },
    }


def _row_address(query: FigureQuery) -> Any:
    """Return a function from a figure and group to the address of the incidents behind it."""

    def address(**fields: str) -> str:
        return f"{url_for('figures_page.rows')}?{query.address(**fields)}"

    return address


def _days(scope: Scope) -> tuple[str, str]:
    """Return the first and the last day of a period."""
    zone = current_app.config["SETTINGS"].timezone
    last = scope.until.astimezone(zone) - timedelta(days=1)
    return scope.since.astimezone(zone).date().isoformat(), last.date().isoformat()


@bp.get("/figures/rows")
def rows() -> Response:
    """List the incidents behind a figure of a group; `part` chooses those that count."""
    by = require(Action.FIGURES)
    query, language = parse_query(by, whole=True), i18n.chosen()
    metric, key = request.args.get("metric", "reported"), request.args.get("key")
    part = request.args.get("part", "of")
    if query.per == "all":
        key = None
    listed = counted_incidents(
        session(),
        by,
        query.scope(),
        metric,
        key,
        part,
        limit=PAGE_ROWS + 1,
        after=_parse_after(request.args.get("after")),
    )
    page, last = listed[:PAGE_ROWS], listed[PAGE_ROWS - 1] if len(listed) > PAGE_ROWS else None
    address = {"metric": metric} | ({} if key is None else {"key": key})
    group = _one_group(by, query, key) if key is not None or metric in RATES else None
    overview = {"per": DEFAULT_GROUP} if query.per == "all" else {}
    return render_page(
        "figures/rows.html",
        query=query,
        title=metric_title(metric, language),
        meaning=metric_meaning(metric, language) if metric in METRICS else "",
        group=_group_label(group, query.per, language)[0] if group and key is not None else "",
        parts=_parts(metric, group) if metric in RATES else [],
        chosen=part,
        is_rate=metric in RATES,
        is_hours=metric in HOUR_EXPRESSIONS,
        rows=[
            (
                row,
                editions.category_label(session(), row.category, language, row.category_zh),
                label(f"state.{row.state}", language),
            )
            for row in page
        ],
        address=lambda **fields: f"?{query.address(**address, **fields)}",
        back=f"{url_for('figures_page.figures')}?{query.address(**overview)}",
        older=encode_after(last) if last else None,
        zone=current_app.config["SETTINGS"].timezone,
    )


def _one_group(by: Principal, query: FigureQuery, key: str | None) -> StatisticsRow | None:
    if key is None:
        return grouped_statistics(session(), by, query.scope(per="all"))[0]
    return next(
        (
            row
            for row in grouped_statistics(session(), by, query.scope())[1]
            if (row.key or "") == key
        ),
        None,
    )


def _parts(metric: str, group: StatisticsRow | None) -> list[tuple[str, str, int]]:
    """Return the parts of a rate: key, label and how many."""
    n, of = (group.rates[metric].n, group.rates[metric].of) if group else (0, 0)
    return [
        ("of", gettext("All it is of"), of),
        ("n", gettext("Counted"), n),
        ("rest", gettext("Not counted"), of - n),
    ]


def encode_after(row: CountedIncident) -> str:
    """Return the cursor behind which the next page goes on."""
    return params.encode_cursor(f"{row.reported_at.isoformat()}|{row.id}")


def _parse_after(cursor: str | None) -> tuple[datetime, UUID] | None:
    moment, _, number = (params.decode_cursor(cursor) or "").partition("|")
    try:
        return (datetime.fromisoformat(moment), UUID(number)) if moment else None
    except ValueError:
        raise params.invalid_field("after", "input.cursor_unknown") from None


@bp.get("/figures.<any(csv, xlsx):kind>")
def table(kind: str) -> Response:
    """Send the statistics as CSV or .xlsx: the numbers of the page, rates from 0 to 1.

    Notes
    -----
    The CSV is UTF-8 with a byte order mark, without which Excel does not recognise Chinese.
    """
    by = require(Action.FIGURES)
    query, language = parse_query(by), i18n.chosen()
    compared = query.compares_groups
    before = (
        _by_key(grouped_statistics(session(), by, query.scope(before=True))[1]) if compared else {}
    )
    header = [str(GROUP_LABELS[query.per]), gettext("code")]
    lines = [
        [
            str(_group_label(row, query.per, language)[0]),
            row.key or "",
            *table_values(row, before.get(row.key), compared=compared),
        ]
        for row in sorted_rows(grouped_statistics(session(), by, query.scope())[1], query.sort)
    ]
    description = " ".join(
        f"{name}={value}"
        for name in ("per", "since", "until", "area")
        if (value := getattr(query, name))
    )
    header += table_header(language, compared=compared)
    response = attachment(
        f"figures-{query.per}-{query.since}-{query.until}.{kind}",
        lambda path: write_values(path, header, lines),
    )
    record_export(
        by, Message("shown.figures", {"ending": kind, "filters": description}), query.area
    )
    return response


def _by_key(rows: list[StatisticsRow]) -> dict[str | None, StatisticsRow]:
    return {row.key: row for row in rows}


def _group_label(row: StatisticsRow, per: str, language: str) -> tuple[str, str]:
    """Return the label of a group in the reader's language, and a small note beside it."""
    if not row.key:
        return "—", ""
    if per == "channel":
        channel = channel_label(row.key, language)
        return channel[:1].upper() + channel[1:], ""
    if per == "role" and row.key in ROLE_BY_KEY:
        return label(f"role.{row.key}", language), ""
    if per == "category":
        name = editions.category_label(session(), row.key, language, row.name or row.key)
        return name, row.key
    if per in ("day", "week", "month", "major"):
        return row.name or row.key, ""
    return row.name or row.key, row.key
