"""The page of one's own notices."""

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

SHOWN = 50  # on a page
GROUPS = {
    "today": lazy_gettext("Today"),
    "yesterday": lazy_gettext("Yesterday"),
    "earlier": lazy_gettext("Earlier"),
}


@bp.get("/notices")
def notices() -> Response:
    """The newest first, by day; `before` is the last number of the page before."""
    by = account()
    before = request.args.get("before", "")
    if before and not (before.isdigit() and len(before) < 19):
        raise params.invalid_field("before", "field.not_a_notice_number_or_empty")
    found = queries.list_notices(session(), by, SHOWN + 1, int(before) if before else None)
    zone = current_app.config["SETTINGS"].timezone
    today = datetime.now(zone).date()
    groups: dict[str, list[dict[str, Any]]] = {}
    for one in found[:SHOWN]:
        notice = render_notice(
            one.topic, one.body, i18n.chosen(), area_name=one.area_name, category_en=one.category_en
        )
        at = one.at.astimezone(zone)
        age = (today - at.date()).days
        group = "today" if age <= 0 else "yesterday" if age == 1 else "earlier"
        shown = {
            "id": one.id,
            "at": at,
            "time": at.strftime("%Y-%m-%d %H:%M" if age > 1 else "%H:%M"),
            "seen": one.seen,
            "what": notice.event,
            "of": notice.subject,
            "lines": notice.lines,
            "address": incident_address(by, one.incident),
            "urgent": one.topic == "incident.escalate" or one.body.get("severity") == "urgent",
        }
        groups.setdefault(group, []).append(shown)
    newest = found[0].id if found and not before else None
    return render_page(
        "notices/notices.html",
        groups=[(GROUPS[name], rows) for name, rows in groups.items()],
        newest=newest,
        unseen=queries.count_unseen(session(), by),
        older=found[SHOWN - 1].id if len(found) > SHOWN else None,
        before=before,
    )


@bp.post("/notices")
def seen() -> Response:
    """Mark one (`id`), or all up to a number (`until`), as seen; then the list again."""
    by = account()
    one, until = request.form.get("id", ""), request.form.get("until", "")
    given = one or until
    if not (given.isdigit() and len(given) < 19):
        raise params.invalid_field("id", "field.not_a_notice_number")
    actions.mark_seen(session(), by, [int(one)] if one else None, int(until) if until else None)
    session().commit()
    return cast(Response, redirect(url_for("notice_page.notices"), 303))


def account() -> Principal:
    """Who asks.

    Raises
    ------
    SignInNeeded
        Nobody is signed in.
    """
    by = principal()
    if by.kind != "account":
        raise_sign_in_required()
    return by
