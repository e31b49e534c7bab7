"""`/unanswered`: the places nobody answers for, for the operator; needs no script."""

from flask import Blueprint, Response

from gis.incidents.reading.unanswered import unanswered
from web.http.db import session
from web.http.params import parse_datetime
from web.pages.shell.page import render_page
from web.security.readers import require_operator

bp = Blueprint("unanswered_page", __name__)


@bp.get("/unanswered")
def listed() -> Response:
    """List the grids nobody answers for."""
    require_operator()
    return render_page(
        "unanswered/unanswered.html", report=unanswered(session(), parse_datetime(None))
    )
