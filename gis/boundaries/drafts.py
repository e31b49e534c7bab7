"""Drafts of boundary revisions: named lists of operations that are not in force.

A draft is based on the newest published shapes, including planned ones. Each operation stores the
boundaries it was drawn on. If another revision has redrawn a grid whose area the draft moves, the
two conflict until the draft is rebased. Nothing here commits.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import shapely
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from gis.areas.models import Operation, Revision, RevisionState
from gis.boundaries import (
    conservation,
    draft_grids,
    draft_identity,
    operation_model,
    operations,
    settlements,
)
from gis.boundaries.draft_checks import (
    county_of_operation,
    require_near_grids,
    require_newer_base,
    require_unit,
)
from gis.boundaries.draft_conflicts import EditConflict, conflicts
from gis.boundaries.draft_grids import neighbouring_grids, touching_grids
from gis.boundaries.draft_locks import lock_as_author, lock_own_draft
from gis.boundaries.household_counts import (
    count_households,
    read_building_households,
    read_footprints,
)
from gis.boundaries.numbering import lock_codes, made_of, next_codes, validate_new_codes
from gis.boundaries.operation_fields import OperationSpec
from gis.boundaries.reviews import notify_lapse
from gis.boundaries.revision_access import (
    VISIBLE_REVISION_SQL,
    require_on_grids,
    visibility_params,
)
from gis.db import audit_context, cached_text
from gis.errors import Conflict, NotFound, WanggeError, invalid_field
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.shapes.edits import ChangedGeometries
from gis.shapes.repair import to_multipolygon

MAX_TITLE_CHARS = 200  # characters
MAX_OPERATIONS = 2_000  # operations in one draft


def create_draft(
    session: Session, principal: Principal, title: str, base: int | None = None
) -> Revision:
    """Create a draft.

    Parameters
    ----------
    session
        Open session; the caller commits.
    principal
        Author of the draft.
    title
        Title of 1 to `MAX_TITLE_CHARS` characters.
    base
        Published revision it starts from, as `locate` names it. None means the newest.

    Raises
    ------
    Forbidden
        The principal may not draft in any area.
    InvalidInput
        The title or the base is invalid.
    """
    principal.require(Action.DRAFT)
    clean = " ".join(title.split())
    if not clean or len(clean) > MAX_TITLE_CHARS or not clean.isprintable():
        raise invalid_field("title", "draft.title_wrong", limit=MAX_TITLE_CHARS)
    newest = latest_published_id(session)
    if base is not None:
        base_revision = session.get(Revision, base)
        if base_revision is None or base_revision.state != RevisionState.PUBLISHED:
            raise invalid_field(
                "base", "draft.base_not_published", base=str(base), newest=str(newest)
            )
    draft = Revision(
        title=clean,
        state=RevisionState.DRAFT,
        author=principal.actor,
        base=base or newest,
        version=1,
    )
    session.add(draft)
    session.flush()
    session.refresh(draft)
    return draft


def latest_published_id(session: Session) -> int | None:
    """Return the number of the revision published last."""
    return session.scalar(
        cached_text(
            "SELECT id FROM revision WHERE state = 'published'"
            " ORDER BY published_at DESC, id DESC LIMIT 1"
        )
    )


def list_revisions(
    session: Session,
    principal: Principal,
    *,
    state: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[Row[Any]]:
    """List the revisions the principal may see, newest first.

    Returns
    -------
    Rows with the columns of revision, the number of operations and the changed grids (codes).

    Notes
    -----
    Publications without operations, such as loads, are visible to principals who may see
    everything.
    """
    principal.require(Action.DRAFT if principal.is_allowed(Action.DRAFT) else Action.PUBLISH)
    query = f"""
    SELECT r.*, coalesce(o.operations, 0) AS operations, coalesce(o.grids, '{{}}') AS grids
    FROM revision r LEFT JOIN LATERAL (
      SELECT count(DISTINCT o.id) AS operations, array_agg(DISTINCT t ORDER BY t) AS grids
      FROM operation o, unnest(o.changed_codes) t WHERE o.revision_id = r.id
    ) o ON true
    WHERE {VISIBLE_REVISION_SQL} AND (CAST(:state AS text) IS NULL OR r.state = :state)
      AND (CAST(:before AS bigint) IS NULL OR r.id < :before)
    ORDER BY r.id DESC LIMIT :limit"""  # noqa: S608  our own text
    return list(
        session.execute(
            text(query),
            visibility_params(session, principal)
            | {"state": state, "before": before, "limit": limit},
        )
    )


def list_operations(session: Session, number: int) -> list[Operation]:
    """List the operations of a revision in order."""
    query = cached_text("SELECT id FROM operation WHERE revision_id = :id")
    ids = list(session.scalars(query, {"id": number}))
    return (
        sorted((session.get_one(Operation, item) for item in ids), key=lambda item: item.step)
        if ids
        else []
    )


@contextmanager
def _redrawing(session: Session, principal: Principal, draft: Revision) -> Iterator[None]:
    """Change the steps of a draft: under the principal's name, and to its next version.

    Those whose approval lapses by it are told.
    """
    notify_lapse(session, draft)
    with audit_context(session, principal.actor):
        yield
        draft.version += 1
        session.flush()


def add_operation(
    session: Session, principal: Principal, number: int, spec: Any, version: int | None = None
) -> Operation:
    """Add an operation to a draft.

    Parameters
    ----------
    session
        Open session; the caller commits.
    principal
        Author of the draft.
    number
        Number of the draft.
    spec
        The operation as a JSON object (see `gis.boundaries.operations`).
    version
        Version of the draft as the caller knows it. None means any.

    Raises
    ------
    NotFound
        The draft, a grid or the unit does not exist.
    Forbidden
        The draft belongs to others, or a grid to areas where the principal may not draft.
    Conflict
        The draft is published or withdrawn, or the version or the base is out of date.
    InvalidInput
        The operation is invalid; the error names the field, the position and the remedy.
    """
    draft = lock_own_draft(session, principal, number, version)
    op = operations.validate_operation(spec)
    done_before = list_operations(session, number)
    if len(done_before) >= MAX_OPERATIONS:
        raise Conflict("draft.too_many_operations", limit=MAX_OPERATIONS)
    operation = _do(session, principal, draft, op, done_before, step=len(done_before) + 1)
    require_newer_base(session, draft, operation)
    with _redrawing(session, principal, draft):
        session.add(operation)
    return operation


def _do(
    session: Session,
    principal: Principal,
    draft: Revision,
    op: OperationSpec,
    earlier: Sequence[Operation],
    step: int,
) -> Operation:
    """Apply an operation to a draft and return it, not yet added to the session."""
    drawn = draft_grids.drawn_shapes(earlier)
    new_codes = {code for item in earlier for code in item.new_grids}
    county = county_of_operation(session, op)
    named = [] if op["op"] == "rename" else operations.grids_named(op)  # a name has no borders
    codes = [*named, *(grid["code"] for grid in op.get("grids", ()))]
    places = _places(session, op)
    require_near_grids(session, places, county)
    state = neighbouring_grids(session, county, drawn, codes, places)
    if op["op"] in operations.MAKES:
        lock_codes(session, county)
    first_code = draft_identity.first_code(earlier, op)
    validate_new_codes(session, draft, op, state.geometries, {*new_codes, first_code or ""})
    around = operation_model.Surroundings(
        lambda code: next_codes(session, code, new_codes),
        lambda geometries: count_households(session, [county], geometries),
        lambda geometries: read_building_households(session, [county], geometries),
        lambda codes: draft_identity.sibling_names(session, earlier, drawn, codes),
        lambda unit: settlements.unit_grids(session, county, drawn, unit, datetime.now(UTC)),
    )
    done = operations.apply_operation(op, state.geometries, around)
    conservation.check_abroad(session, state.geometries, done.changed)
    touched = operations.moves_land(state.geometries, done.changed) or operations.grids_named(op)
    siblings = around.sibling_names(list(done.new_grids))
    new_grids: dict[str, Any] = dict(made_of(session, done, siblings))
    if first_code is not None and first_code == done.op.get("new_code"):
        new_grids = {}  # the grid has its own code again
    require_on_grids(session, principal, Action.DRAFT, touched)
    if op["op"] == "settle":
        require_unit(session, principal, op["unit"])
    read = {*done.changed, *named, *touching_grids(state.geometries, touched)}
    based = sorted(read & set(state.stored) - set(drawn))
    return Operation(
        revision_id=draft.id,
        step=step,
        author=principal.actor,
        op=done.op,
        changed_codes=sorted({*touched, *operations.grids_named(op)}),
        new_grids=new_grids,
        lineage=[list(item) for item in done.lineage],
        geometries=_stored_geometries(done.changed),
        base_boundary_ids={code: state.stored[code] for code in based},
    )


def _places(session: Session, op: OperationSpec) -> list[Any]:
    """Return the shapes in an operation, and the buildings that it names."""
    footprints = read_footprints(session, op.get("buildings", ()))
    return [*operations.operation_geometries(op), *footprints]


def _stored_geometries(changed: ChangedGeometries) -> dict[str, str | None]:
    """Return shapes as a step stores them: WKB in hexadecimal; None where no land is left."""
    return {
        code: None if shape is None else shapely.to_wkb(to_multipolygon(shape), hex=True)
        for code, shape in changed.items()
    }


def undo_operations(
    session: Session, principal: Principal, number: int, step: int, version: int | None = None
) -> list[Operation]:
    """Delete an operation of a draft and all that follow, and return them.

    Raises
    ------
    NotFound
        The draft has no such step, or as `add_operation`.
    Forbidden, Conflict
        As `add_operation`.
    """
    draft = lock_own_draft(session, principal, number, version)
    gone = [operation for operation in list_operations(session, number) if operation.step >= step]
    if not gone or step < 1:
        raise NotFound("draft.unknown_step", step=str(step))
    with _redrawing(session, principal, draft):
        for operation in gone:
            session.delete(operation)
    return gone


def rebase(
    session: Session, principal: Principal, number: int, version: int | None = None
) -> list[EditConflict]:
    """Apply all operations of a draft to the boundaries published now.

    Returns
    -------
    The grids that had changed.

    Raises
    ------
    NotFound, Forbidden
        As `add_operation`.
    Conflict
        As `add_operation`, or an operation no longer fits; the message names the step. The draft
        stays unchanged.
    """
    draft = lock_own_draft(session, principal, number, version)
    changed = conflicts(session, number)
    with _redrawing(session, principal, draft):
        replay(session, principal, draft)
        draft.base = latest_published_id(session)
    return changed


def replay(session: Session, principal: Principal, draft: Revision) -> None:
    """Apply the operations of a draft again, in place.

    Raises
    ------
    Conflict
        A step cannot be done any more; the message says which and why.
    """
    again: list[Operation] = []
    for operation in list_operations(session, draft.id):
        try:
            done = _do(
                session,
                principal,
                draft,
                operations.validate_operation(operation.op),
                again,
                operation.step,
            )
        except WanggeError as error:
            raise Conflict(
                "draft.step_misfit",
                extra={"step": operation.step},
                step=str(operation.step),
                reason=error.as_message(),
            ) from error
        for key in (
            "op",
            "changed_codes",
            "new_grids",
            "lineage",
            "geometries",
            "base_boundary_ids",
        ):
            setattr(operation, key, getattr(done, key))
        again.append(operation)
    session.flush()


def withdraw(
    session: Session, principal: Principal, number: int, version: int | None = None
) -> Revision:
    """Withdraw a draft; its record is kept.

    Raises
    ------
    NotFound, Forbidden, Conflict
        As `add_operation`; only its author withdraws it.
    """
    draft = lock_as_author(session, principal, number, version)
    with audit_context(session, principal.actor):
        draft.state = RevisionState.WITHDRAWN
        draft.version += 1
        session.flush()
    return draft
