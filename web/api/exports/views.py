"""Layers as files for other programs, cut to the areas where the asker may have them."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from gis.boundaries import revision_access
from gis.errors import Forbidden, NotFound, invalid_field
from gis.exchange.boundary_file import FAR_FUTURE
from gis.exchange.dump import dump
from gis.messages import Message
from gis.rights.actions import Action
from web.http import params
from web.http.db import session
from web.http.downloads import GPKG, attachment
from web.security.disclosures import record_export
from web.security.guard import require
from web.security.session import principal

bp = APIBlueprint("exports", __name__, url_prefix="/api/v1", tag="Boundaries")

EXPORT_ACTIONS = (Action.EXPORT, Action.DRAFT, Action.PUBLISH)  # any of them, in the area asked for
MIN_CODE_DIGITS = (
    6  # digits of a county's code: one file is of one county at most, some 10,000 grids
)
EXPORT_RESPONSES: dict[int | str, Any] = {
    200: {
        "description": "To be edited in QGIS and sent to /revisions/from-file",
        "content": {GPKG: {}},
    },
    401: "Sign in, or send a key",
    403: "Not allowed there",
    404: "No grids there, or then",
    422: "Not the code of an area, or the moment is none",
}


class GridsIn(BaseModel):
    """Which grids, and of when."""

    within: str = Field(
        max_length=40,
        description="Code of a grid, community, street or county",
        examples=["520402007012"],
    )
    reason: str = Field("", max_length=2000, description="Why, for auditors; need not be stated")
    at: str | None = Field(
        None,
        max_length=40,
        description="Boundaries of this moment; null: the newest published, as a draft is based on",
    )


@bp.get("/export/grids.gpkg")
@bp.input(GridsIn, location="query")
@bp.doc(
    summary="The grids of an area as a GeoPackage",
    responses=EXPORT_RESPONSES,
)
def grids(query_data: GridsIn) -> Response:
    """EPSG:4490, layer `grids`, matched by `code` when it comes back.

    For who may export, draft or publish there.

    Raises
    ------
    InvalidInput
        `within` is no code of an area.
    NotFound
        The area has no grids at that time.
    """
    within = query_data.within
    require_within(within)
    if not (within.isdigit() and within.isascii() and len(within) >= MIN_CODE_DIGITS):
        raise invalid_field("within", "export.area_malformed", code=within[:40])
    at = params.parse_datetime(query_data.at) if query_data.at else FAR_FUTURE
    of = f"-{at:%Y%m%d}" if query_data.at else ""
    try:
        response = attachment(
            f"grids-{within}{of}.gpkg", lambda path: dump(session(), "grids", path, at, within)
        )
    except NotFound:  # in its own words it would name the year in which plans end
        if not query_data.at:
            raise NotFound("export.no_grids", code=within) from None
        raise NotFound("export.no_grids_at", code=within, time=f"{at:%Y-%m-%d %H:%M}") from None
    record_export(principal(), Message("shown.grids", {"area": within}), within)
    return response


def require_within(within: str) -> None:
    """Let through who may export, draft or publish in the whole of an area.

    Raises
    ------
    AuthenticationRequired
        Nobody is signed in.
    Forbidden
        They may not, or only in another area or a part of this one.
    """
    by = require(
        next((action for action in EXPORT_ACTIONS if principal().is_allowed(action)), Action.EXPORT)
    )
    area_sets = [
        by.areas_by_action[action] for action in EXPORT_ACTIONS if action in by.areas_by_action
    ]
    if None in area_sets:
        return
    ids = sorted(
        {area_id for area_ids in area_sets if area_ids is not None for area_id in area_ids}
    )
    if not within.startswith(tuple(revision_access.area_codes(session(), ids))):
        raise Forbidden("export.not_allowed", code=within)
