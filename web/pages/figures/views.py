"""`/figures`: how well the loop works, as a table that sorts by its address and as a spreadsheet.

Needs no script.
"""

import csv
from datetime import date, datetime, timedelta
from io import StringIO
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, make_response, request, url_for
from flask_babel import lazy_gettext

from gis.areas.hierarchy import list_subtree
from gis.errors import InvalidInput
from gis.files.formulas import cell_text
from gis.incidents.catalogue import editions
from gis.incidents.models import CHANNELS
from gis.incidents.reading import statistics
from gis.incidents.reading.statistics import METRICS, StatisticsRow, metric_label, metric_meaning
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

DAYS = 30  # of the period shown first
MAX_TABLE_ROWS = 500  # rows on the page; the spreadsheet has all
# what to group by, as one chooses it
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
RATES = (
    "response",
    "completion",
    "in_time",
    "resolution",
    "satisfaction",
    "office_resolution",
    "office_satisfaction",
    "returned",
)
HOURS = ("hours_to_take", "hours_to_handle")
COLUMNS = ("reported", "open", "overdue", "supervised", *RATES, *HOURS)
HEAD = (
    "reported",
    "response",
    "completion",
    "resolution",
    "satisfaction",
    "overdue",
)  # the large figures


@bp.get("/figures")
def figures() -> Response:
    """The page; its period, area, grouping and order are in its address."""
    by = require(Action.FIGURES)
    asked = _asked(by)
    wrong, rows = "", list[StatisticsRow]()
    total: StatisticsRow | None = None
    try:
        total = next(iter(_count(by, asked, "all")), None)
        rows = _count(by, asked, asked["per"])
    except InvalidInput as error:
        wrong = localised_detail(error)
    language = i18n.chosen()
    response = render_page(
        "figures/figures.html",
        asked=asked,
        wrong=wrong,
        total=total if total and total.reported else None,
        rows=[
            (_named(row, asked["per"], language), row)
            for row in _sorted(rows, asked["sort"])[:MAX_TABLE_ROWS]
        ],
        more=len(rows) - MAX_TABLE_ROWS,
        per=_groups(by),
        areas=list_subtree(session(), by.areas_by_action.get(Action.FIGURES) or ()),
        columns=COLUMNS,
        head=HEAD,
        rates=RATES,
        hours=HOURS,
        words={
            name: (metric_label(name, language), metric_meaning(name, language)) for name in METRICS
        },
        address=lambda **change: f"?{urlencode(asked | change)}",
        table=f"{url_for('figures_page.table')}?{urlencode(asked)}",
    )
    response.status_code = 422 if wrong else 200
    return response


@bp.get("/figures.csv")
def table() -> Response:
    """The same as a spreadsheet: UTF-8 with a mark, as Excel likes it.

    Rates as numbers from 0 to 1.
    """
    by = require(Action.FIGURES)
    asked = _asked(by)
    language = i18n.chosen()
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(
        [
            GROUP_LABELS[asked["per"]],
            "代码" if language == "zh" else "code",
            *(metric_label(name, language) for name in COLUMNS),
        ]
    )
    for row in _sorted(_count(by, asked, asked["per"]), asked["sort"]):
        values = ("" if getattr(row, name) is None else getattr(row, name) for name in COLUMNS)
        writer.writerow(
            [
                cell_text(str(_named(row, asked["per"], language)[0])),
                cell_text(row.key or ""),
                *values,
            ]
        )
    words = " ".join(
        f"{field}={asked[field]}" for field in ("per", "since", "until", "area") if asked[field]
    )
    record_export(by, f"figures.csv {words}", asked["area"])
    response = make_response("\ufeff" + out.getvalue())
    response.mimetype = "text/csv"
    name = f"figures-{asked['per']}-{asked['since']}-{asked['until']}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _groups(by: Principal) -> dict[str, Any]:
    return {
        key: words
        for key, words in GROUP_LABELS.items()
        if key != "person" or by.is_allowed(Action.NAMES)
    }


def _asked(by: Principal) -> dict[str, str]:
    """What the address asks for, with what it leaves out filled in.

    Raises
    ------
    InvalidInput
        A grouping or order that there is none of, or a day that is none.
    """
    today = datetime.now(current_app.config["SETTINGS"].timezone).date()
    asked = {
        "since": request.args.get("since") or (today - timedelta(days=DAYS - 1)).isoformat(),
        "until": request.args.get("until") or today.isoformat(),
        "per": request.args.get("per", "category"),
        "area": request.args.get("area", ""),
        "sort": request.args.get("sort", "-reported"),
    }
    for field, known in (
        ("per", _groups(by)),
        ("sort", [sign + name for name in ("key", *COLUMNS) for sign in ("", "-")]),
    ):
        if asked[field] not in known:
            raise params.invalid_field(
                field, "field.none_of", value=asked[field][:40], allowed=list(known)
            )
    for field in ("since", "until"):
        try:
            date.fromisoformat(asked[field])
        except ValueError:
            raise params.invalid_field(field, "field.not_a_day", value=asked[field][:40]) from None
    return asked


def _count(by: Principal, asked: dict[str, str], per: str) -> list[StatisticsRow]:
    """The figures; the last day counts as a whole."""
    last = date.fromisoformat(asked["until"]) + timedelta(days=1)
    since, until = (
        params.parse_datetime(asked["since"], "since"),
        params.parse_datetime(last.isoformat(), "until"),
    )
    zone = current_app.config["SETTINGS"].timezone.key
    return statistics.incident_statistics(
        session(), by, since, until, per, asked["area"], now=params.parse_datetime(None), zone=zone
    )


def _sorted(rows: list[StatisticsRow], order: str) -> list[StatisticsRow]:
    """By a column, where it says nothing last."""
    name, down = order.removeprefix("-"), order.startswith("-")
    said = [row for row in rows if getattr(row, name) is not None]
    return sorted(said, key=lambda row: getattr(row, name), reverse=down) + [
        row for row in rows if row not in said
    ]


def _named(row: StatisticsRow, per: str, language: str) -> tuple[str, str]:
    """What a group is called in the reader's language, and what stands small beside it."""
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
