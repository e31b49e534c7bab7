"""Boundary revisions: drafts of operations, looked at before they are published."""

from io import BytesIO
from typing import Any

import orjson
from apiflask import APIBlueprint
from flask import Response, current_app

from gis.areas.models import RevisionState
from gis.boundaries import (
    draft_conflicts,
    draft_locks,
    drafts,
    editor_view,
    painting_view,
    preview,
    publish,
    revision_access,
)
from gis.boundaries.preview import UNIT_HOUSEHOLDS
from gis.boundaries.preview_issues import GRID_HOUSEHOLDS
from gis.errors import InvalidInput
from gis.exchange import boundary_file, preview_workbook
from gis.exchange.area_file import ReadOptions
from gis.messages import Message
from gis.rights.actions import Action
from web.api.revisions.changes import after_change, named_operations, redrawn_grids, review_of
from web.api.revisions.schemas import (
    REVISION_KEYS,
    FileIn,
    OperationIn,
    PreviewIn,
    PublishIn,
    RevisionIn,
    RevisionsIn,
    WithinIn,
    coverage_errors_to_geojson,
    grids_to_geojson,
    issue_to_json,
    missing_to_json,
    operation_to_json,
    preview_to_json,
    revision_to_json,
    shorten_operation,
)
from web.http import params
from web.http.body_limit import body_limit
from web.http.conditional import one_version
from web.http.db import session
from web.http.downloads import attachment
from web.http.idempotency import run_once
from web.http.responses import GEOJSON, conditional_response, paginate
from web.http.uploads import uploaded_file
from web.security.disclosures import record_export
from web.security.guard import require
from web.security.readers import require_planner
from web.security.session import principal

bp = APIBlueprint("revisions", __name__, url_prefix="/api/v1", tag="Boundaries")

MAX_BOUNDARY_FILE_BYTES = 64 * 1024 * 1024  # bytes
REFUSALS: dict[int | str, Any] = {
    401: "Sign in, or send a key",
    403: "Not allowed there",
    404: "No such revision in your areas",
}
WRITE_REFUSALS = REFUSALS | {
    409: "It is no longer a draft, its version is another, or its grids were redrawn since",
    422: "A field or shape is not right; the message says where, and what would be",
}


@bp.post("/revisions")
@bp.input(RevisionIn)
@bp.doc(summary="Begin a draft", responses=WRITE_REFUSALS | {201: "The draft"})
def begin(json_data: RevisionIn) -> Response:
    """Create a draft; its author edits it, who may draft or publish in its areas sees it."""
    by = require(Action.DRAFT)

    def do() -> tuple[int, dict[str, Any]]:
        return 201, revision_to_json(
            drafts.create_draft(session(), by, json_data.title, json_data.base), by
        )

    return run_once(by, do)


@bp.get("/revisions")
@bp.input(RevisionsIn, location="query")
@bp.doc(summary="List revisions", responses=REFUSALS)
def revisions(query_data: RevisionsIn) -> Response:
    """List revisions, newest first: one's own, and those of grids one may draft or publish in."""
    by = require(Action.DRAFT if require_planner().is_allowed(Action.DRAFT) else Action.PUBLISH)
    cursor = params.number_cursor(params.decode_cursor(query_data.cursor))
    rows = drafts.list_revisions(
        session(), by, state=query_data.state, before=cursor, limit=query_data.limit + 1
    )
    body = paginate(rows, query_data.limit, lambda row: str(row.id))
    keys = (*REVISION_KEYS, "operations", "grids")
    return conditional_response(
        body | {"items": [{key: getattr(row, key) for key in keys} for row in body["items"]]}
    )


@bp.get("/revisions/<int:number>")
@bp.doc(summary="One revision", responses=REFUSALS)
def get_revision(number: int) -> Response:
    """With its operations, and the grids that somebody else has redrawn since.

    `editors` may edit it besides its author; `review` says where its review stands and, of an
    approval that has lapsed, what changed since. `ETag` is its version, for `If-Match`.
    """
    by = require_planner()
    revision = revision_access.get_revision(session(), by, number)
    body = revision_to_json(revision, by) | {
        "operations": [operation_to_json(*each) for each in named_operations(number)]
    }
    body["conflicts"] = (
        [
            {
                "grid": clash.grid,
                "name": clash.name,
                "revision": clash.revision,
                "title": clash.title,
                "author": clash.author,
                "published_at": clash.published_at,
                "change": clash.change,
            }
            for clash in draft_conflicts.conflicts(session(), number)
        ]
        if revision.state == RevisionState.DRAFT
        else []
    )
    body["newest"] = drafts.latest_published_id(session())
    body["editors"] = draft_locks.list_editors(session(), number)
    body["review"] = review_of(revision)
    response = conditional_response(body)
    response.set_etag(str(revision.version))
    return response


@bp.post("/revisions/<int:number>/operations")
@bp.input(OperationIn)
@bp.doc(
    summary="Add an operation to a draft",
    responses=WRITE_REFUSALS | {201: "What changed, and what is odd"},
)
def operate(number: int, json_data: OperationIn) -> Response:
    """Draw, name, recode or settle something; `op` names the operation and its fields."""
    by = require(Action.DRAFT)

    def do() -> tuple[int, dict[str, Any]]:
        operation = drafts.add_operation(
            session(), by, number, json_data.model_dump(), one_version()
        )
        return 201, {
            "step": operation.step,
            "op": shorten_operation(operation.op),
            "made": operation.new_grids,
            **after_change(by, number, redrawn_grids([operation])),
            "problems": [
                issue_to_json(issue) for issue in preview.operation_issues(session(), by, operation)
            ],
        }

    return run_once(by, do)


@bp.delete("/revisions/<int:number>/operations/<int:step>")
@bp.doc(summary="Undo an operation of a draft, with all after it", responses=WRITE_REFUSALS)
def undo(number: int, step: int) -> Response:
    """Undo an operation and return the shapes from before; the same operation can be done again."""
    by = require(Action.DRAFT)

    def do() -> tuple[int, dict[str, Any]]:
        undone = drafts.undo_operations(session(), by, number, step, one_version())
        issues = preview.preview(session(), by, number).problems
        return 200, {
            "step": step - 1,
            "undone": [shorten_operation(item.op) for item in undone],
            **after_change(by, number, redrawn_grids(undone)),
            "problems": [issue_to_json(item) for item in issues],
        }

    return run_once(by, do)


@bp.post("/revisions/from-file")
@bp.input(FileIn, location="query")
@bp.doc(
    summary="Make a draft of a file of grids",
    responses=WRITE_REFUSALS | {201: "The draft, and the report", 413: "Too large"},
)
@body_limit(MAX_BOUNDARY_FILE_BYTES)
def from_file(query_data: FileIn) -> Response:
    """Create a draft from a file of grids, matched by code, in the form's part `file`.

    GeoPackage, GeoJSON, FlatGeobuf, zipped Shapefile, KML, KMZ, or DXF, whose `crs` must be given;
    other names are renamings. A file with overlaps or gaps is refused (422) with them as GeoJSON in
    `torn`; `clean` mends them up to a width. One that omits grids is refused with them in
    `missing`, until the parameter `missing` says what becomes of them. A table (CSV, Excel) of
    codes and names renames; with a column new_code (新编码) it gives other codes too.

    Raises
    ------
    InvalidInput
        Rows are refused; `torn` and `missing` come along.
    """
    by = require(Action.DRAFT)
    with uploaded_file("input.map_file_missing", max_suffixes=2) as file:
        file_draft = boundary_file.draft_from_file(
            session(),
            by,
            file.path,
            query_data.title,
            ReadOptions(crs=query_data.crs, layer=query_data.layer),
            clean=query_data.clean,
            missing=query_data.missing,
        )
    report = file_draft.report
    report.source = file.name
    if report.refused:
        errors = [rejected.to_field_error() for rejected in report.refused]
        extra = {
            "torn": coverage_errors_to_geojson(file_draft),
            "notes": report.notes,
            "notes_zh": report.notes_in("zh"),
            "errors_zh": [rejected.text_in("zh") for rejected in report.refused],
            "missing": missing_to_json(file_draft),
        }
        raise InvalidInput("boundary_file.rejected", errors, extra=extra, count=len(errors))
    session().commit()
    body = {
        "report": report.to_dict() | {"notes_zh": report.notes_in("zh")},
        "new": file_draft.new,
        "gone": file_draft.gone,
        "changed": file_draft.changed,
        "renamed": file_draft.renamed,
        "recoded": file_draft.recoded,
        "missing": missing_to_json(file_draft),
        "torn": coverage_errors_to_geojson(file_draft),
        "revision": None if file_draft.draft is None else revision_to_json(file_draft.draft, by),
    }
    response = Response(
        orjson.dumps(body), 201 if file_draft.draft else 200, mimetype="application/json"
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.get("/revisions/<int:number>/coverage")
@bp.input(WithinIn, location="query")
@bp.doc(summary="The grids of an area as a draft has them", responses=REFUSALS)
def coverage(number: int, query_data: WithinIn) -> Response:
    """Return the grids of an area and those bordering on them as GeoJSON, with their homes.

    A home is longitude, latitude, households, people.
    """
    by = require_planner()
    view = editor_view.read_editor_view(session(), by, number, query_data.within)
    revision = revision_access.get_revision(session(), by, number)
    return conditional_response(
        grids_to_geojson(view)
        | {
            "homes": view.homes,
            "bands": {"grid_households": GRID_HOUSEHOLDS, "unit_households": UNIT_HOUSEHOLDS},
            "newest": drafts.latest_published_id(session()),
            "base": revision.base,
            "version": revision.version,
        },
        GEOJSON,
    )


@bp.get("/revisions/<int:number>/guides")
@bp.input(WithinIn, location="query")
@bp.doc(summary="Streets and building outlines to draw along", responses=REFUSALS)
def guides(number: int, query_data: WithinIn) -> Response:
    """Lines as lists of [longitude, latitude], degrees."""
    return conditional_response(
        editor_view.snapping_guides(session(), require_planner(), number, query_data.within)
    )


@bp.get("/revisions/<int:number>/buildings")
@bp.input(WithinIn, location="query")
@bp.doc(summary="Buildings to give to grids, by block", responses=REFUSALS)
def buildings(number: int, query_data: WithinIn) -> Response:
    """In the bounding box of an area; `block` numbers the faces of the street network."""
    rows = painting_view.paintable_buildings(
        session(), require_planner(), number, query_data.within
    )
    return conditional_response({"items": rows})


@bp.get("/revisions/<int:number>/preview")
@bp.input(PreviewIn, location="query")
@bp.doc(summary="What a draft would change, or a published revision did", responses=REFUSALS)
def look(number: int, query_data: PreviewIn) -> Response:
    """Grids before and after, what moves with its land, what is odd.

    As JSON, or as a sheet to hand round.
    """
    changes = preview.preview(session(), require_planner(), number)
    if query_data.format == "xlsx":
        out = BytesIO()
        preview_workbook.write(changes, out)
        record_export(principal(), Message("shown.preview", {"number": str(number)}))
        return attachment(f"revision-{number}.xlsx", out.getvalue())
    return conditional_response(preview_to_json(changes))


@bp.post("/revisions/<int:number>/publish")
@bp.input(PublishIn)
@bp.doc(summary="Publish a draft", responses=WRITE_REFUSALS)
def publish_(number: int, json_data: PublishIn) -> Response:
    """One transaction: grids, the levels above, units, lineage, open incidents.

    A later moment takes effect by itself.
    """
    by = require(Action.PUBLISH)
    effective = (
        params.parse_datetime(json_data.effective, "effective") if json_data.effective else None
    )

    def do() -> tuple[int, dict[str, Any]]:
        settings = current_app.config["SETTINGS"]
        done = publish.publish(
            session(),
            by,
            number,
            json_data.reason,
            effective,
            two_persons=settings.two_persons,
            needs_approval=settings.publication_approval,
            version=one_version(),
        )
        return 200, revision_to_json(done, by)

    return run_once(by, do)


@bp.post("/revisions/<int:number>/withdraw")
@bp.doc(summary="Withdraw a draft", responses=WRITE_REFUSALS)
def withdraw(number: int) -> Response:
    """Withdraw a draft; it stays on record."""
    by = require(Action.DRAFT)

    def do() -> tuple[int, dict[str, Any]]:
        return 200, revision_to_json(drafts.withdraw(session(), by, number, one_version()), by)

    return run_once(by, do)


@bp.post("/revisions/<int:number>/rebase")
@bp.doc(summary="Draw a draft again on what is published now", responses=WRITE_REFUSALS)
def rebase(number: int) -> Response:
    """Repeat the steps of a draft on the newest boundaries and return the grids that had changed.

    409 names the step that no longer fits, and leaves the draft as it was.
    """
    by = require(Action.DRAFT)

    def do() -> tuple[int, dict[str, Any]]:
        clashes = drafts.rebase(session(), by, number, one_version())
        changed = {clash.grid for clash in clashes if clash.change == "land"}
        changed |= set(redrawn_grids(drafts.list_operations(session(), number)))
        return 200, {
            **revision_to_json(revision_access.get_revision(session(), by, number), by),
            "rebased": [
                {"grid": clash.grid, "name": clash.name, "revision": clash.revision}
                for clash in clashes
            ],
            **after_change(by, number, sorted(changed)),
        }

    return run_once(by, do)


@bp.post("/revisions/<int:number>/revert")
@bp.doc(
    summary="Begin a draft that takes a published revision back",
    responses=WRITE_REFUSALS | {201: "The draft"},
)
def revert(number: int) -> Response:
    """Its grids get the lines, and retired ones the code, they had before.

    Published like any other.
    """
    by = require(Action.DRAFT)
    return run_once(
        by,
        lambda: (201, revision_to_json(publish.create_reverting_draft(session(), by, number), by)),
    )


# --- how things look ------------------------------------------------------------------------------
