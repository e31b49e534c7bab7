"""`/buildings`: the register of buildings for who keeps it, on a list and a map."""

from typing import Any

from flask import Blueprint, Response, request, url_for

from gis.areas.offered_areas import list_subtree
from gis.errors import TooLarge
from gis.exchange.building_list import (
    MAX_SHEET_BUILDINGS,
    Filters,
    count_buildings,
    list_buildings,
    list_unplaced,
    write_list,
)
from gis.messages import Message
from gis.places.building_kinds import BUILDING_KINDS
from gis.rights.actions import KEEPING, Action
from gis.rights.principal import Principal
from web.api.buildings.schemas import BuildingFiltersIn
from web.http import i18n, params
from web.http.db import session
from web.http.downloads import attachment
from web.http.validation import validate_model
from web.pages.shell.base_map import base_map
from web.pages.shell.opening import opening
from web.pages.shell.page import render_page
from web.security.disclosures import record_export
from web.security.readers import require_keeper

bp = Blueprint("buildings_page", __name__)

PAGE_BUILDINGS = 100


@bp.get("/buildings")
def buildings() -> Response:
    """Show a page of the list, the map, and the building that the address names."""
    by, now = require_keeper(), params.parse_datetime(None)
    filters = _filters()
    cursor = params.decode_cursor(request.args.get("cursor"))
    rows = list_buildings(session(), by, now, filters, cursor, PAGE_BUILDINGS + 1)
    last = rows[PAGE_BUILDINGS - 1]["key"] if len(rows) > PAGE_BUILDINGS else None
    figures, unplaced = opening(now), list_unplaced(session(), by, now)
    return render_page(
        "buildings/buildings.html",
        script="buildings/buildings.js",
        data={
            "bbox": figures.bbox,
            "may": {"posts": by.is_allowed(Action.POSTS)},
            "kinds": BUILDING_KINDS,
            "unplaced": unplaced,
            "code": request.args.get("code", "")[:200],
        },
        parts=base_map(figures, without=("units",)),
        figures=figures,
        rows=rows[:PAGE_BUILDINGS],
        count=count_buildings(session(), by, now, filters),
        more=params.encode_cursor(last) if last else "",
        cursor=cursor,
        filters=filters,
        areas=_areas(by),
        unplaced=unplaced,
        link=_link,
    )


@bp.get("/buildings.xlsx")
def sheet() -> Response:
    """Send all buildings of the list as shown; that it was is recorded.

    Raises
    ------
    TooLarge
        There are more than a sheet is to hold.
    """
    by, now = require_keeper(), params.parse_datetime(None)
    filters = _filters()
    rows = list_buildings(session(), by, now, filters, None, MAX_SHEET_BUILDINGS + 1)
    if len(rows) > MAX_SHEET_BUILDINGS:
        raise TooLarge("building.too_many", limit=MAX_SHEET_BUILDINGS)
    response = attachment("buildings.xlsx", lambda path: write_list(rows, path, i18n.chosen()))
    record_export(by, Message("shown.buildings", {"count": len(rows)}), filters.area)
    return response


def _filters() -> Filters:
    names = BuildingFiltersIn.model_fields
    fields = {name: value for name, value in request.args.items() if name in names}
    return validate_model(BuildingFiltersIn, fields).filters()


def _link(endpoint: str = "buildings", **values: Any) -> str:
    """Return the address of the page or sheet with the filters as they are, and some values."""
    names = (*BuildingFiltersIn.model_fields, "cursor")
    kept = {name: request.args[name] for name in names if request.args.get(name)}
    return url_for(f"buildings_page.{endpoint}", **(kept | values))


def _areas(by: Principal) -> list[dict[str, Any]]:
    """List the areas where the register is kept, each before those below it; no units."""
    ids = by.areas_of(KEEPING)
    return [area for area in list_subtree(session(), ids or ()) if area["level"] != "unit"]
