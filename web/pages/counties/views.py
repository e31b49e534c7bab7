"""`/counties`: which county to work in, where each has a database of its own.

`/start`: the own page of who asks, in the county of their posts.
"""

from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Blueprint, Response, redirect, request, url_for

from gis.areas import hierarchy
from gis.areas.models import Level
from web.http.db import session
from web.pages.shell.home import home_address
from web.pages.shell.page import render_page
from web.security.guard import safe_redirect_target
from web.security.session import principal

bp = Blueprint("counties", __name__)

MAX_COUNTIES = 1000


@bp.get("/counties")
def choose() -> Response:
    """List the counties; each leads to the page that was asked for, in that county."""
    target = urlsplit(safe_redirect_target(request.args.get("next")))
    kept = [pair for pair in parse_qsl(target.query) if pair[0] != "county"]
    rows = hierarchy.areas(
        session(), datetime.now(UTC), level=Level.COUNTY, after=None, limit=MAX_COUNTIES
    )
    return render_page(
        "counties/counties.html",
        counties=[
            (row, f"{target.path}?{urlencode([*kept, ('county', row.code)])}") for row in rows
        ],
    )


@bp.get("/start")
def start() -> Response:
    """Lead to the page on which somebody begins."""
    return redirect(home_address(principal()) or url_for("map.index"), 303)  # type: ignore[return-value]
