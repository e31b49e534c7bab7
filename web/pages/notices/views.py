"""`/notices`: the notices of the account that is signed in."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from flask import Blueprint, Response, current_app, redirect, request, url_for
from flask_babel import lazy_gettext

from gis.notices import actions, queries
from gis.notices.notice_text import render_notice
from gis.rights.principal import Principal
from web.http import i18n, params
from web.http.db import session
from web.pages.shell.incident_address import incident_address
from web.pages.shell.page import render_page
from web.security.guard import raise_sign_in_required
from web.security.session import principal

bp = Blueprint("notice_page", __name__)

PAGE_ROWS = 50
DAY_LABELS = {
    "today": lazy_gettext("Today"),
    "yesterday": lazy_gettext("Yesterday"),
    "earlier": lazy_gettext("Earlier"),
}


@bp.get("/notices")
def notices() -> Response:
    """List notices by day, newest first; `before` is the last number of the previous page.

    Raises
    ------
    InvalidInput
        `before` is no number.
    """
    by = require_account()
    cursor = request.args.get("before", "")
    before = params.read_digits(cursor)
    if cursor and before is None:
        raise params.invalid_field("before", "field.not_a_notice_number_or_empty")
    rows = queries.list_notices(session(), by, PAGE_ROWS + 1, before)
    zone = current_app.config["SETTINGS"].timezone
    today = datetime.now(zone).date()
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows[:PAGE_ROWS]:
        notice = render_notice(
            row.topic, row.body, i18n.chosen(), area_name=row.area_name, category_en=row.category_en
        )
        at = row.at.astimezone(zone)
        age = (today - at.date()).days
        group = "today" if age <= 0 else "yesterday" if age == 1 else "earlier"
        entry = {
            "id": row.id,
            "at": at,
            "time": at.strftime("%Y-%m-%d %H:%M" if age > 1 else "%H:%M"),
            "seen": row.seen,
            "event": notice.event,
            "subject": notice.subject,
            "lines": notice.lines,
            "address": incident_address(by, row.incident) or _draft_address(row.body),
            "urgent": row.topic == "incident.escalate" or row.body.get("severity") == "urgent",
        }
        groups.setdefault(group, []).append(entry)
    newest = rows[0].id if rows and not cursor else None
    return render_page(
        "notices/notices.html",
        groups=[(DAY_LABELS[name], entries) for name, entries in groups.items()],
        newest=newest,
        unseen=queries.count_unseen(session(), by),
        older=rows[PAGE_ROWS - 1].id if len(rows) > PAGE_ROWS else None,
        cursor=cursor,
    )


@bp.post("/notices")
def seen() -> Response:
    """Mark a notice (`id`), or all up to a number (`until`), as seen, and show the list again.

    Raises
    ------
    InvalidInput
        `id`, or `until` where it is missing, is not a number.
    """
    by = require_account()
    notice_id = request.form.get("id", "")
    number = params.read_digits(notice_id or request.form.get("until", ""))
    if number is None:
        raise params.invalid_field("id", "field.not_a_notice_number")
    actions.mark_seen(session(), by, [number] if notice_id else None, number)
    session().commit()
    return cast(Response, redirect(url_for("notice_page.notices"), 303))


def _draft_address(body: Mapping[str, Any]) -> str:
    """Return the address of the draft that a notice is about; empty without one."""
    number = body.get("revision")
    return url_for("revisions_page.revision", number=number) if number else ""


def require_account() -> Principal:
    """Return the principal if an account is signed in.

    Raises
    ------
    AuthenticationRequired
        Nobody is signed in.
    """
    by = principal()
    if by.kind != "account":
        raise_sign_in_required()
    return by
