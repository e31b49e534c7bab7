"""Drafts of boundary revisions: named lists of operations that are not in force.

A draft is based on the newest published shapes, including planned ones. Each operation stores the
boundaries it was drawn on. If another revision has redrawn a grid whose area the draft moves, the
two conflict until the draft is rebased. Nothing here commits.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import shapely
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from gis.areas import codes as patterns
from gis.areas.models import Level, Operation, Revision, RevisionState
from gis.boundaries import conservation, operations
from gis.boundaries.draft_grids import neighbouring_grids
from gis.boundaries.household_counts import count_households
from gis.boundaries.numbering import made_of, next_codes, validate_new_codes
from gis.boundaries.operation_fields import OperationSpec
from gis.boundaries.revision_access import (
    VISIBLE_REVISION_SQL,
    get_revision,
    require_on_grids,
    visibility_params,
)
from gis.db import STORAGE_SRID, cached_text
from gis.errors import Conflict, Forbidden, NotFound, WanggeError, invalid_field
from gis.messages import Message
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.shapes.polygon_coverage import PolygonLike
from gis.shapes.repair import to_multipolygon

MAX_TITLE_CHARS = 200  # characters
MAX_OPERATIONS = 2_000  # operations in one draft

CONFLICTS = """
WITH drawn AS (
  SELECT DISTINCT ON (d.key)
         d.key AS code, d.value::bigint AS boundary_id, d.key = ANY(o.changed_codes) AS touched
  FROM operation o CROSS JOIN LATERAL jsonb_each_text(o.base_boundary_ids) d
  WHERE o.revision_id = :id
  ORDER BY d.key, (d.key = ANY(o.changed_codes)) DESC, o.step
)
SELECT drawn.code, a.name, drawn.touched, r.id AS revision, r.title,
       coalesce(r.publisher, r.author) AS author, r.published_at,
       ST_AsBinary(was.geom) AS was, ST_AsBinary(b.geom) AS now
FROM drawn
  JOIN area a ON a.code = drawn.code
  LEFT JOIN boundary b ON b.area_id = a.id AND upper_inf(b.valid_time)
  LEFT JOIN boundary was ON was.id = drawn.boundary_id
  LEFT JOIN LATERAL (
    SELECT * FROM revision x WHERE x.id = coalesce(b.revision_id, (
      SELECT l.revision_id FROM lineage l WHERE l.from_id = a.id ORDER BY l.id DESC LIMIT 1))
  ) r ON true
WHERE b.id IS DISTINCT FROM drawn.boundary_id ORDER BY drawn.code
"""


@dataclass(frozen=True)
class EditConflict:
    """A grid of a draft that another revision has redrawn since."""

    grid: str
    name: str
    revision: int | None
    title: str | None
    author: str | None
    published_at: datetime | None


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


def drawn_shapes(done: Iterable[Operation]) -> dict[str, PolygonLike | None]:
    """Return the shapes of a draft that differ from the published ones, by code.

    None means that the grid has no area any longer.
    """
    shapes: dict[str, str | None] = {}
    for operation in done:
        shapes |= operation.geometries
    return {code: None if wkb is None else shapely.from_wkb(wkb) for code, wkb in shapes.items()}


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
        The draft belongs to another author, or a grid to areas where the principal may not draft.
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
    _newer_than_base(session, draft, operation)
    session.add(operation)
    draft.version += 1
    session.flush()
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
    drawn = drawn_shapes(earlier)
    new_codes = {code for item in earlier for code in item.new_grids}
    county = _county(session, op)
    redrawn = [item["code"] for item in op.get("grids", ())]
    state = neighbouring_grids(
        session,
        county,
        drawn,
        [*operations.grids_named(op), *redrawn],
        operations.operation_geometries(op),
    )
    if op["op"] in operations.MAKES:
        # drafts that request new codes at the same time take turns
        session.execute(
            cached_text("SELECT pg_advisory_xact_lock(hashtext('grid codes ' || :county))"),
            {"county": county},
        )
    validate_new_codes(session, draft, op, state.geometries, new_codes)
    done = operations.apply_operation(
        op,
        state.geometries,
        operations.Surroundings(
            lambda code: next_codes(session, code, new_codes),
            lambda geometries: count_households(session, geometries),
        ),
    )
    conservation.check_abroad(session, state.geometries, done.changed)
    touched = operations.moves_land(state.geometries, done.changed) or operations.grids_named(op)
    new_grids = made_of(session, done)
    require_on_grids(session, principal, Action.DRAFT, touched)
    if op["op"] == "settle":
        _check_unit(session, principal, op["unit"])
    read = {*done.changed, *operations.grids_named(op)}
    read |= {
        code
        for code, land in state.geometries.items()
        if any(
            land.intersects(state.geometries[item]) for item in touched if item in state.geometries
        )
    }
    return Operation(
        revision_id=draft.id,
        step=step,
        op=done.op,
        changed_codes=sorted({*touched, *operations.grids_named(op)}),
        new_grids=new_grids,
        lineage=[list(item) for item in done.lineage],
        geometries={
            code: None if shape is None else shapely.to_wkb(to_multipolygon(shape), hex=True)
            for code, shape in done.changed.items()
        },
        base_boundary_ids={
            code: state.stored[code]
            for code in sorted(read)
            if code in state.stored and code not in drawn
        },
    )


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
    for operation in gone:
        session.delete(operation)
    draft.version += 1
    session.flush()
    return gone


def conflicts(session: Session, number: int) -> list[EditConflict]:
    """List the grids whose area the draft moves and another revision has changed since.

    Grids that only gained or lost a vertex are left out.
    """
    rows = [row for row in session.execute(cached_text(CONFLICTS), {"id": number}) if row.touched]
    same = {
        row.code
        for row in rows
        if row.was is not None
        and row.now is not None
        and not operations.moves_land(
            {row.code: shapely.from_wkb(row.was)}, {row.code: shapely.from_wkb(row.now)}
        )
    }
    return [
        EditConflict(row.code, row.name, row.revision, row.title, row.author, row.published_at)
        for row in rows
        if row.code not in same
    ]


def is_outdated(session: Session, number: int) -> bool:
    """Return whether any boundary the draft was drawn on has changed since, if only by a vertex."""
    return session.execute(cached_text(CONFLICTS), {"id": number}).first() is not None


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
    replay(session, principal, draft)
    draft.base = latest_published_id(session)
    draft.version += 1
    session.flush()
    return changed


def replay(session: Session, principal: Principal, draft: Revision) -> None:
    """Apply the operations of a draft again, in place."""
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


def withdraw(session: Session, principal: Principal, number: int) -> Revision:
    """Withdraw a draft; its record is kept.

    Raises
    ------
    NotFound, Forbidden, Conflict
        As `add_operation`.
    """
    draft = lock_own_draft(session, principal, number, None)
    draft.state = RevisionState.WITHDRAWN
    draft.version += 1
    session.flush()
    return draft


def lock_own_draft(
    session: Session, principal: Principal, number: int, version: int | None
) -> Revision:
    """Return a draft of the principal, locked.

    Raises
    ------
    NotFound, Forbidden, Conflict
        The draft is hidden, belongs to another author, or is not a draft of that version.
    """
    draft = get_revision(session, principal, number, lock=True)
    if principal.kind != "system" and draft.author != principal.actor:
        raise Forbidden("draft.of_somebody_else", number=str(number))
    principal.require(Action.DRAFT)
    require_draft(draft)
    if version is not None and version != draft.version:
        raise stale_version(draft.version, version)
    return draft


def stale_version(current: int, version: int) -> Conflict:
    """Return the error for a draft whose version is not the one the caller knows."""
    return Conflict(
        "draft.stale_version",
        extra={"version": current},
        current=str(current),
        version=str(version),
    )


def require_draft(revision: Revision) -> None:
    """Raise Conflict unless the revision is a draft."""
    if revision.state != RevisionState.DRAFT:
        raise Conflict(
            "revision.not_draft",
            number=str(revision.id),
            state=Message(f"revision_state.{revision.state}"),
        )


def _county(session: Session, op: OperationSpec) -> str:
    """Return the county of an operation; it must lie in one."""
    codes = [
        *operations.grids_named(op),
        *([op["parent"]] if "parent" in op else []),
        *(grid["code"] for grid in op.get("grids", ())),
    ]
    if codes:
        counties = {patterns.ancestor_code(code, Level.COUNTY) for code in codes}
    else:
        west, south, east, north = shapely.total_bounds(
            operations.operation_geometries(op)
        ).tolist()
        query = f"""
        SELECT DISTINCT a.county FROM boundary b JOIN area a ON a.id = b.area_id
        WHERE a.level = 'grid' AND upper_inf(b.valid_time)
          AND b.geom && ST_MakeEnvelope(:west, :south, :east, :north, {STORAGE_SRID})"""  # noqa: S608
        box = {"west": west, "south": south, "east": east, "north": north}
        counties = set(session.scalars(cached_text(query), box))
    if len(counties) > 1:
        raise invalid_field(
            "op", "draft.several_counties", count=len(counties), counties=sorted(counties)
        )
    if not counties:
        raise NotFound("draft.no_grid_there")
    return counties.pop()


def _check_unit(session: Session, principal: Principal, code: str) -> None:
    query = (
        "SELECT g.code FROM area u JOIN area g ON g.id = u.parent_id WHERE u.code = :code"
        " AND u.level = 'unit' AND (u.retired_at IS NULL OR u.retired_at > now())"
    )
    grid = session.scalar(cached_text(query), {"code": code})
    if grid is None:
        raise invalid_field("unit", "draft.unknown_unit", code=code)
    require_on_grids(session, principal, Action.DRAFT, [grid])


def _newer_than_base(session: Session, draft: Revision, operation: Operation) -> None:
    """Raise Conflict if a grid was published after the base that the author knows."""
    query = """
    SELECT a.code, r.id, r.author
    FROM boundary b
      JOIN area a ON a.id = b.area_id
      JOIN revision r ON r.id = b.revision_id
      JOIN revision base ON base.id = :base
    WHERE b.id = ANY(:ids) AND a.code = ANY(:codes) AND r.published_at > base.published_at
    ORDER BY a.code LIMIT 1"""
    params = {
        "base": draft.base,
        "ids": list(operation.base_boundary_ids.values()),
        "codes": operation.changed_codes,
    }
    if row := session.execute(cached_text(query), params).first():
        raise Conflict(
            "draft.grid_redrawn",
            extra={"grid": row[0], "revision": row[1]},
            grid=row[0],
            revision=str(row[1]),
            author=row[2],
        )
