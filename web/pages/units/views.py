"""`/units`: the ten-household units of a grid, and homes moved between them."""

from typing import Any

from flask import Blueprint, Response, request

from gis.areas.offered_areas import list_subtree
from gis.boundaries.preview import UNIT_HOUSEHOLDS
from gis.rights.actions import Action
from gis.rights.principal import Principal
from web.http.db import session
from web.pages.shell.base_map import base_map
from web.pages.shell.opening import opening
from web.pages.shell.page import render_page
from web.security.guard import require

bp = Blueprint("units_page", __name__)


@bp.get("/units")
def units() -> Response:
    """Show the page; its address keeps the grid."""
    by = require(Action.PUBLISH)
    figures, areas = opening(), _areas(by)
    grids = [area["code"] for area in areas if area["level"] == "grid"]
    grid_code = request.args.get("grid", "")
    return render_page(
        "units/units.html",
        script="units/units.js",
        data={"bbox": figures.bbox, "bands": UNIT_HOUSEHOLDS},
        parts=base_map(figures, without=("units",)),
        figures=figures,
        areas=areas,
        grid=grid_code if grid_code in grids else next(iter(grids), ""),
    )


def _areas(principal: Principal) -> list[dict[str, Any]]:
    """List the areas whose units the principal may change, each before those below it."""
    return list_subtree(session(), principal.areas_by_action.get(Action.PUBLISH) or ())
