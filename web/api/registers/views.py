"""Registers as offices have them: what their columns are, a preview, the load, and recipes."""

from typing import Any, Literal

import orjson
from apiflask import APIBlueprint
from flask import Response, current_app, request
from pydantic import BaseModel, Field

from gis.db import audit_context
from gis.errors import InvalidInput, invalid_field
from gis.exchange.buildings import Unplaced
from gis.exchange.registers.load import Options, RegisterLoad, load_register
from gis.exchange.registers.mapping import RegisterMapping, confirmed
from gis.exchange.registers.recipes import (
    delete_recipe,
    list_recipes,
    recipe_mapping,
    save_recipe,
)
from gis.exchange.registers.result import kind_label, to_dict
from gis.exchange.registers.rights import areas_of, recipe_areas, recipe_owner
from gis.rights.actions import Action
from gis.rights.principal import Principal
from web.http import i18n, params
from web.http.body_limit import body_limit
from web.http.db import session
from web.http.responses import conditional_response
from web.http.uploads import uploaded_file
from web.security.guard import require_sign_in
from web.security.readers import require_keeper, storable_id

bp = APIBlueprint("registers", __name__, url_prefix="/api/v1", tag="Registers")

MAX_REGISTER_BYTES = 20 * 1024 * 1024  # bytes of a file
MAX_REGISTER_ROWS = 30_000  # rows of a file; more by the command line
MAX_COLUMNS_CHARS = 100_000  # of the mapping as JSON
Kind = Literal["residents", "buildings", "roster", "facilities", "members", "volunteers"]
REFUSALS: dict[int | str, Any] = {
    401: "Sign in, or send a key",
    403: "For who plans or administers there; lists of people are for administrators",
}


class RegisterIn(BaseModel):
    """What the file is, and what to do with it."""

    kind: Kind | None = Field(None, description="What it lists; proposed when left out")
    recipe: str | None = Field(
        None, max_length=200, description="Read the columns as this recipe says"
    )
    save_recipe: str | None = Field(
        None, max_length=200, description="With `commit`: remember the columns under this name"
    )
    crs: Literal["wgs84", "cgcs2000", "gcj02", "bd09"] | None = Field(
        None, description="System of the points of rows that name none"
    )
    commit: bool = Field(False, description="Keep what was loaded; without it everything is undone")
    end_gone: bool = Field(False, description="Take away what the file no longer has")
    skip_refused: bool = Field(False, description="Load the other rows where some are refused")
    place: Unplaced = Field(
        "refuse",
        description="What becomes of a building without a place: later waits for one at"
        " `/buildings/unplaced`",
    )


@bp.post("/registers")
@bp.input(RegisterIn, location="query")
@bp.doc(
    summary="Preview or load a register",
    responses=REFUSALS
    | {
        200: "What each column is read as, which rows are sure, a guess or refused, what changes",
        413: "More than 30,000 rows, or 20 MB",
        422: "The file is no register, or a row was refused and nothing is kept",
    },
)
@body_limit(MAX_REGISTER_BYTES)
def load(query_data: RegisterIn) -> Response:
    """CSV or Excel in the form's part `file`, as the office has it.

    The part `columns` confirms what is what: JSON, a list of `{header, nth, field}`. Without it, or
    a recipe, the columns are proposed. Nothing is stored between a preview and the load: the file
    is sent again.

    Raises
    ------
    InvalidInput
        A row is refused, and `commit` is set.
    """
    by = require_keeper()
    mapping = _mapping(by, query_data)
    with (
        uploaded_file("input.file_missing") as file,
        audit_context(session(), by.actor, f"load register {file.name}"),
    ):
        options = Options(
            params.parse_datetime(None),
            current_app.config["SETTINGS"].timezone,
            kind=query_data.kind,
            mapping=mapping,
            areas=lambda kind: areas_of(by, kind),
            crs=query_data.crs,
            end_gone=query_data.end_gone,
            skip_refused=query_data.skip_refused,
            place=query_data.place,
            post_areas=by.areas_of((Action.POSTS,)),
            name_areas=by.areas_of((Action.NAMES,)),
            most=MAX_REGISTER_ROWS,
            keep=query_data.commit,
        )
        loaded = load_register(session(), file.path, file.name, options)
    if query_data.commit:
        _commit(by, loaded, query_data.save_recipe)
    response = Response(orjson.dumps(to_dict(loaded, i18n.chosen())), mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.get("/registers/recipes")
@bp.doc(summary="List recipes of registers", responses=REFUSALS)
def recipes() -> Response:
    """Those of one's areas, of the areas above them, and everybody's."""
    language = i18n.chosen()
    rows = list_recipes(session(), recipe_areas(require_sign_in()))
    return conditional_response(
        {
            "items": [
                {
                    "id": row.id,
                    "name": row.name,
                    "kind": row.kind,
                    "kind_label": kind_label(row.kind, language),
                    "area": row.area,
                    "author": row.author,
                    "saved_at": row.saved_at,
                }
                for row in rows
            ]
        }
    )


@bp.delete("/registers/recipes/<int:recipe_id>")
@bp.output({}, status_code=204)
@bp.doc(
    summary="Delete a recipe of a register",
    responses=REFUSALS | {404: "No recipe of one's own areas has that number"},
)
def remove_recipe(recipe_id: int) -> Response:
    """Only one of one's own areas; everybody's are kept by who administers everything."""
    by = require_sign_in()
    areas = recipe_areas(by)
    with audit_context(session(), by.actor, "delete a recipe"):
        delete_recipe(session(), storable_id(recipe_id), areas)
        session().commit()
    return Response(status=204)


def _mapping(by: Principal, query_data: RegisterIn) -> RegisterMapping | None:
    """Return the mapping that the form confirms, or that a recipe has; None: to be proposed.

    Raises
    ------
    InvalidInput
        The part `columns` is no mapping.
    """
    if query_data.recipe:
        return recipe_mapping(session(), query_data.recipe, recipe_areas(by))
    written = request.form.get("columns", "")
    if not written:
        return None
    try:
        columns = orjson.loads(written) if len(written) <= MAX_COLUMNS_CHARS else None
    except orjson.JSONDecodeError:
        columns = None
    if not isinstance(columns, list) or not all(isinstance(column, dict) for column in columns):
        raise invalid_field("columns", "register.mapping_text")
    if query_data.kind is None:
        raise invalid_field("kind", "input.missing")
    return confirmed(query_data.kind, columns)


def _commit(by: Principal, loaded: RegisterLoad, recipe: str | None) -> None:
    """Keep a load, and its columns under a name.

    Raises
    ------
    InvalidInput
        A row is refused.
    """
    if not loaded.ready:
        errors = [rejected.to_field_error() for rejected in loaded.report.refused]
        raise InvalidInput("load.rejected", errors, count=len(errors))
    if recipe:
        save_recipe(session(), recipe, loaded.mapping, recipe_owner(by), by.actor)
    session().commit()
    loaded.report.committed = True
