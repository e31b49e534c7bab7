"""`/unanswered`: the places nobody answers for, for the operator; needs no script."""

from flask import Blueprint, Response
from flask_babel import gettext

from gis.incidents.reading.unanswered import unanswered
from web.http.db import session
from web.http.downloads import list_table, wants_table
from web.http.params import parse_datetime
from web.pages.shell.page import render_page
from web.security.readers import require_operator

bp = Blueprint("unanswered_page", __name__)


@bp.get("/unanswered")
def listed() -> Response:
    """List the grids nobody answers for."""
    require_operator()
    report = unanswered(session(), parse_datetime(None))
    if not wants_table():
        return render_page("unanswered/unanswered.html", report=report)
    header = [gettext("Grid"), gettext("code"), gettext("Community"), gettext("code")]
    header.append(gettext("Handles what is given"))
    rows = [
        (
            place.name,
            place.code,
            place.community_name,
            place.community,
            gettext("Yes") if place.handled else gettext("Nobody"),
        )
        for place in report.places
    ]
    return list_table("unanswered", header, rows)
