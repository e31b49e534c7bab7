"""`/nearby`: a household's quarter of an hour, what it reaches on foot, and the walks there."""

from flask import Blueprint, Response

from gis.facilities.nearby import RINGS
from layers.overview import overview
from web.http import params
from web.http.db import session
from web.pages.shell.base_map import base_map
from web.pages.shell.page import render_page

bp = Blueprint("nearby_page", __name__)


@bp.get("/nearby")
def nearby() -> Response:
    """Show the page; `p=lon,lat` in the address is the place, `to` the chosen facility."""
    figures = overview(session(), params.parse_datetime(None))
    return render_page(
        "nearby/nearby.html",
        script="nearby/nearby.js",
        data={"bbox": figures.bbox, "rings": RINGS},
        parts=base_map(figures, without=("grids", "units")),
        figures=figures,
        rings=RINGS,
    )
