"""Check-up sheets of communities: read, as a spreadsheet, and visits written down."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from apiflask import APIBlueprint
from flask import Response, current_app

from gis.facilities import checkup, checkup_table, checkup_visits
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
from web.http.db import session
from web.http.idempotency import run_once
from web.http.responses import conditional_response
from web.security.disclosures import record_export
from web.security.guard import require

bp = APIBlueprint("checkups", __name__, url_prefix="/api/v1", tag="Facilities")

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
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
    with TemporaryDirectory() as folder:
        path = Path(folder) / "checkup.xlsx"
        checkup_table.write_sheet(result, visits, path, i18n.chosen(), zone)
        response = Response(path.read_bytes(), mimetype=XLSX)
    record_export(by, f"checkup {area.code} (.xlsx)", area.code)
    name = f"checkup-{area.code}-{query_data.tier}.xlsx"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.post("/checkups/<community>/visits")
@bp.input(VisitIn)
@bp.output(VisitOut, status_code=201)
@bp.doc(
    summary="Write down what a visit saw of an item",
    responses=REFUSALS | {422: "A field is missing or wrong"},
)
def add_visit(community: str, json_data: VisitIn) -> Response:
    """Beside what the data say; for who reads the sheet and may handle incidents there."""
    by, now = require(Action.HANDLE), params.parse_datetime(None)

    def do() -> tuple[int, dict[str, Any]]:
        visit = checkup_visits.add_visit(
            session(),
            by,
            community,
            tier=json_data.tier,
            item=json_data.item,
            result=json_data.result,
            location=json_data.where,
            note=json_data.note,
            visited_at=params.parse_datetime(json_data.visited_at, "visited_at"),
            now=now,
        )
        return 201, orjson.loads(orjson.dumps(visit_to_json(visit)))

    return run_once(by, do)
