"""`/unanswered`: the places nobody answers for, for the operator; needs no script."""

from flask import Blueprint, Response

from gis.people.unanswered import unanswered
from web.api.unanswered import looks
from web.db import session
from web.pages.shell import page
from web.params import moment

bp = Blueprint("unanswered_page", __name__)


@bp.get("/unanswered")
def listed() -> Response:
    """The page; the posts of each place are where people are put."""
    looks()
    return page("unanswered.html", found=unanswered(session(), moment(None)))
