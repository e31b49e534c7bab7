"""Check-up sheets of communities: read, as a spreadsheet, and visits written down."""

from pathlib import Path
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, current_app

from gis.facilities import checkup, checkup_table, checkup_visits
from gis.messages import Message
from gis.rights.actions import Action
from web.api.checkups.schemas import (
    CheckupIn,
    CheckupOut,
    VisitIn,
    VisitOut,
    sheet_to_json,
    visit_to_json,
)
from web.http import i18n, params
from web.http.body_limit import PHOTO_FORM_MAX_BYTES, body_limit
from web.http.db import session
from web.http.downloads import XLSX, attachment
from web.http.idempotency import run_once
from web.http.openapi import IMAGE, documents_body
from web.http.responses import conditional_response, photo_response
from web.security.disclosures import record_export
from web.security.guard import require
from web.security.sanitising import parse_photo_body

bp = APIBlueprint("checkups", __name__, url_prefix="/api/v1", tag="Facilities")

REFUSALS: dict[int | str, Any] = {
    401: "Sign in, or send a key",
    403: "Not allowed there",
    404: "No community has that code",
}


@bp.get("/checkups/<community>")
@bp.input(CheckupIn, location="query")
@bp.output(CheckupOut)
@bp.doc(summary="The check-up sheet of a community", responses=REFUSALS)
def sheet(community: str, query_data: CheckupIn) -> Response:
    """Each item of the standard: what the data say, who is left out, and what visits saw."""
    by, now = require(Action.FIGURES), params.parse_datetime(None)
    area = checkup_visits.read_community(session(), by, community, now)
    result = checkup.check_up(session(), area, now, query_data.tier)
    visits = checkup_visits.list_visits(session(), by, area, query_data.tier, now)
    may_write = checkup_visits.may_write(session(), by, area, now)
    return conditional_response(sheet_to_json(result, visits, may_write))


@bp.get("/checkups/<community>.xlsx")
@bp.input(CheckupIn, location="query")
@bp.doc(
    summary="The check-up sheet of a community as a spreadsheet",
    responses=REFUSALS | {200: {"description": "In the reader's language", "content": {XLSX: {}}}},
)
def table(community: str, query_data: CheckupIn) -> Response:
    """Ready to print on A4."""
    by, now = require(Action.FIGURES), params.parse_datetime(None)
    area = checkup_visits.read_community(session(), by, community, now)
    result = checkup.check_up(session(), area, now, query_data.tier)
    visits = checkup_visits.list_visits(session(), by, area, query_data.tier, now)
    zone = current_app.config["SETTINGS"].timezone
    response = attachment(
        f"checkup-{area.code}-{query_data.tier}.xlsx",
        lambda path: checkup_table.write_sheet(result, visits, path, i18n.chosen(), zone, _var()),
    )
    record_export(by, Message("shown.checkup", {"area": area.code}), area.code)
    return response


@bp.post("/checkups/<community>/visits")
@documents_body(VisitIn, files=True)
@body_limit(PHOTO_FORM_MAX_BYTES)
@bp.output(VisitOut, status_code=201)
@bp.doc(
    summary="Write down what a visit saw of an item",
    responses=REFUSALS | {422: "A field is missing or wrong"},
)
def add_visit(community: str) -> Response:
    """Beside what the data say; for who reads the sheet and may handle incidents there.

    JSON, or a form with the JSON in the part `json` and up to six photos in parts `photo`.
    """
    by, now = require(Action.HANDLE), params.parse_datetime(None)
    submitted, attached = parse_photo_body(VisitIn)

    def do() -> tuple[int, dict[str, Any]]:
        visit = checkup_visits.add_visit(
            session(),
            by,
            community,
            checkup_visits.VisitInput(
                tier=submitted.tier,
                item=submitted.item,
                result=submitted.result,
                location=submitted.where,
                note=submitted.note,
                visited_at=params.parse_datetime(submitted.visited_at, "visited_at"),
            ),
            now,
            attached,
        )
        return 201, visit_to_json(visit)

    return run_once(by, do)


@bp.get("/checkups/photos/<uuid:visit_photo_id>")
@bp.doc(summary="A photo of a visit", responses=IMAGE)
def get_photo(visit_photo_id: UUID) -> Response:
    """Send a photo as it is stored, to who reads the sheet: JPEG, PNG or WebP."""
    return _photo(visit_photo_id, thumbnail=False)


@bp.get("/checkups/photos/<uuid:visit_photo_id>/thumbnail")
@bp.doc(summary="A photo of a visit, small", responses=IMAGE)
def get_thumbnail(visit_photo_id: UUID) -> Response:
    """At most 480 pixels long; for the rest as the photo."""
    return _photo(visit_photo_id, thumbnail=True)


def _photo(photo_id: UUID, *, thumbnail: bool) -> Response:
    by, now = require(Action.FIGURES), params.parse_datetime(None)
    return photo_response(
        *checkup_visits.photo_path(session(), by, _var(), photo_id, now, thumbnail=thumbnail)
    )


def _var() -> Path:
    """Return the deployment's folder."""
    return Path(current_app.config["SETTINGS"].var)
