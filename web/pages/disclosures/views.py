"""`/disclosures`: who was shown contacts, photos and exports, for auditors; needs no script."""

from functools import partial
from uuid import UUID

from flask import Blueprint, Response, current_app, request
from flask_babel import gettext, lazy_gettext

from gis.accounts.disclosures import DisclosureView, Filters, list_disclosures, subject_in
from gis.errors import InvalidInput
from gis.messages import Message
from gis.rights.actions import Action
from gis.rights.principal import Principal
from web.http import i18n, params
from web.http.db import session
from web.http.downloads import MAX_LIST_ROWS, list_table, wants_table
from web.http.errors import localised_detail
from web.pages.shell.page import render_page
from web.security.disclosures import record_export
from web.security.guard import require

bp = Blueprint("disclosures_page", __name__)

PAGE_ROWS = 100
DISCLOSURE_KIND_LABELS = {
    "": lazy_gettext("Everything"),
    "contact": lazy_gettext("Contact"),
    "photo": lazy_gettext("Photo"),
    "export": lazy_gettext("Export"),
}
FIELDS = ("kind", "who", "incident", "since", "until", "before")


@bp.get("/disclosures")
def disclosures() -> Response:
    """List disclosures, newest first; filters stand in the address.

    Notes
    -----
    `before` in the address is the last number of the previous page.
    """
    by = require(Action.HISTORY)
    query = {name: request.args.get(name, "").strip()[:100] for name in FIELDS}
    error_text, rows = "", list[DisclosureView]()
    try:
        cursor = params.number_cursor(query["before"] or None, "before")
        limit = MAX_LIST_ROWS if wants_table() else PAGE_ROWS + 1
        rows = list_disclosures(session(), by, _filters(query), limit, cursor)
    except InvalidInput as error:
        error_text = localised_detail(error)
    if wants_table() and not error_text:
        return _table(by, rows)
    response = render_page(
        "disclosures/disclosures.html",
        query=query,
        error=error_text,
        rows=rows[:PAGE_ROWS],
        kinds=DISCLOSURE_KIND_LABELS,
        subject_of=partial(subject_in, language=i18n.chosen()),
        older=rows[PAGE_ROWS - 1].id if len(rows) > PAGE_ROWS else None,
        zone=current_app.config["SETTINGS"].timezone,
    )
    response.status_code = 422 if error_text else 200
    return response


def _table(by: Principal, rows: list[DisclosureView]) -> Response:
    """Return the disclosures as a file, which is one itself."""
    header = [gettext(name) for name in ("When", "Who", "Kind", "What", "From where", "Why")]
    zone, language = current_app.config["SETTINGS"].timezone, i18n.chosen()
    cells = [
        (
            f"{row.at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
            row.who,
            str(DISCLOSURE_KIND_LABELS[row.kind]),
            f"{subject_in(row.subject, language)} {row.incident or ''}".strip(),
            row.source,
            row.reason,
        )
        for row in rows
    ]
    response = list_table("disclosures", header, cells)
    record_export(by, Message("shown.disclosures", {"count": len(cells)}))
    return response


def _filters(query: dict[str, str]) -> Filters:
    try:
        incident = UUID(query["incident"]) if query["incident"] else None
    except ValueError:
        raise params.invalid_field(
            "incident", "field.not_an_incident_id", value=query["incident"][:40]
        ) from None
    since, until = (
        params.parse_datetime(query[name], name) if query[name] else None
        for name in ("since", "until")
    )
    return Filters(query["kind"], query["who"], incident, since, until)
