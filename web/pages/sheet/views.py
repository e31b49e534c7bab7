"""`/sheets/CODE.pdf` and `.html`: map sheets of a grid, or of all grids of a community."""

from typing import Annotated, Literal

from flask import Blueprint, Response, request
from pydantic import BaseModel, Field

from gis.boundaries.sheets import read_sheets
from gis.files.pdf import html_to_pdf
from gis.messages import Message
from gis.rights.actions import Action
from web.http import i18n, params
from web.http.db import session
from web.http.validation import validate_model
from web.pages.sheet.sheet_html import sheets_document
from web.security.disclosures import record_export
from web.security.guard import require

bp = Blueprint("sheet", __name__)

# one file with its styles in itself, and nothing that runs
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"


class SheetIn(BaseModel):
    """Which paper, and of which draft or moment."""

    paper: Literal["A4", "A3"] = "A4"
    draft: Annotated[int | None, Field(ge=1, le=2**63 - 1)] = None
    at: str | None = None


@bp.get("/sheets/<code>.<any(pdf, html):kind>")
def sheet(code: str, kind: str) -> Response:
    """Send the sheet of a grid, or of all grids of a community with an overview.

    Raises
    ------
    InvalidInput
        A draft and a moment are named.
    """
    by, now = require(Action.EXPORT), params.parse_datetime(None)
    query = validate_model(SheetIn, request.args.to_dict())
    if query.at and query.draft:
        raise params.invalid_field("at", "sheet.draft_or_moment")
    at = params.parse_datetime(query.at)
    sheets = read_sheets(session(), by, code, at, query.draft)
    by.require(Action.EXPORT, sheets.area_ids)
    html = sheets_document(sheets, query.paper, i18n.chosen(), now)
    data = html_to_pdf(html) if kind == "pdf" else html.encode()
    record_export(
        by, Message("shown.map_sheet", {"area": f"{sheets.code}.{kind}"}), sheets.community
    )
    response = Response(data, mimetype="application/pdf" if kind == "pdf" else "text/html")
    response.headers["Content-Disposition"] = f'inline; filename="sheet-{sheets.code}.{kind}"'
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Cache-Control"] = "no-store"
    return response
