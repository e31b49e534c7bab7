"""`/screen`: the big screen of a command centre, which nobody sits at."""

from flask import Blueprint, Response

from gis.rights.actions import Action
from web.pages.shell.assets import asset_digest
from web.pages.shell.base_map import base_map
from web.pages.shell.incident_data import incident_data
from web.pages.shell.opening import opening
from web.pages.shell.page import render_page
from web.security.guard import require

bp = Blueprint("screen", __name__)


@bp.get("/screen")
def screen() -> Response:
    """Show the numbers of now, the open incidents on the map, and which wait most urgently.

    Notes
    -----
    Visitors stand before it: it shows no names, no words of reporters and no telephones.
    """
    require(Action.SUPERVISE)
    figures = opening()
    return render_page(
        "screen/screen.html",
        script="screen/screen.js",
        data=incident_data() | {"bbox": figures.bbox, "release": asset_digest()},
        parts=base_map(figures, without=("units",)),
        figures=figures,
    )
