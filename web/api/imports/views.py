"""Files of incidents that were kept elsewhere."""

from typing import Literal

import orjson
from apiflask import APIBlueprint
from flask import Response, current_app
from pydantic import BaseModel, Field

from gis.errors import InvalidInput
from gis.exchange.incidents import load_incidents
from gis.rights.actions import Action
from web.http import params
from web.http.body_limit import body_limit
from web.http.db import session
from web.http.uploads import uploaded_file
from web.security.guard import require_sign_in

bp = APIBlueprint("imports", __name__, url_prefix="/api/v1", tag="Incidents")

MAX_IMPORT_BYTES = 20 * 1024 * 1024  # bytes of a file
MAX_IMPORT_ROWS = 2_000  # rows of a file; more by the command line


class ImportIn(BaseModel):
    """What to do with the file."""

    commit: bool = Field(False, description="Keep what was loaded; without it everything is undone")
    crs: Literal["wgs84", "cgcs2000", "gcj02", "bd09"] | None = Field(
        None, description="System of the points of rows that name none"
    )
    old_by_today: bool = Field(
        False,
        description="Place rows from before the first boundary by today's, and mark them so",
    )


@bp.post("/incidents/import")
@bp.input(ImportIn, location="query")
@bp.doc(
    summary="Load a file of incidents",
    responses={
        200: "The report: what was or would be filed, and every refused row with its reason",
        401: "Sign in, or send a key",
        403: "Not allowed to who does not dispatch",
        413: "More than 2,000 rows, or 20 MB",
        422: "The file is no such table, or a row was refused and nothing is kept",
    },
)
@body_limit(MAX_IMPORT_BYTES)
def load(query_data: ImportIn) -> Response:
    """CSV, Excel or NDJSON in the form's part `file`, as ./wangge template incidents.

    Rehearses unless `commit`.

    All or nothing: with one refused row nothing is kept. A row is known by its number, so the same
    file again files nothing twice.

    Raises
    ------
    InvalidInput
        A row is refused, and `commit` is set.
    """
    by = require_sign_in()
    by.require(Action.DISPATCH)
    with uploaded_file("input.file_missing") as file:
        report = load_incidents(
            session(),
            file.path,
            query_data.crs,
            now=params.parse_datetime(None),
            principal=by,
            timezone=current_app.config["SETTINGS"].timezone,
            most=MAX_IMPORT_ROWS,
            old_by_today=query_data.old_by_today,
        )
        report.source = file.name
    if query_data.commit and report.refused:
        errors = [rejected.to_field_error() for rejected in report.refused]
        raise InvalidInput("load.rejected", errors, count=len(errors))
    if query_data.commit:
        session().commit()
        report.committed = True
    response = Response(orjson.dumps(report.to_dict()), mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
