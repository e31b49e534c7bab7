"""Boundary revisions as drafts: a named list of operations, drawn on what is published, that nobody
sees in force yet.

A draft is drawn on the newest published shapes, those planned for later included. Each operation
remembers the stored boundaries it was drawn on: when another revision has since redrawn a grid that
the draft moves land of, the two are in conflict until the draft is rebased. Nothing here commits.
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
  SELECT DISTINCT ON (d.key) d.key AS code, d.value::bigint AS boundary_id,
      d.key = ANY(o.changed_codes) AS touched
  FROM operation o CROSS JOIN LATERAL jsonb_each_text(o.base_boundary_ids) d
  WHERE o.revision_id = :id ORDER BY d.key, (d.key = ANY(o.changed_codes)) DESC, o.step
)
SELECT drawn.code, a.name, drawn.touched, r.id AS revision, r.title, coalesce(r.publisher,
    r.author) AS author,
       r.published_at, ST_AsBinary(was.geom) AS was, ST_AsBinary(b.geom) AS now
FROM drawn JOIN area a ON a.code = drawn.code LEFT JOIN boundary b ON b.area_id = a.id
    AND upper_inf(b.valid_time)
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


def create_draft(session: Session, by: Principal, title: str, base: int | None = None) -> Revision:
    """Begin a draft.

    Parameters
    ----------
    base
        The published revision it starts from, as `locate` names it; None: the newest.

    Raises
    ------
    Forbidden
        The asker may draft nowhere. InvalidInput: The title or base is not right.
    """
    by.require(Action.DRAFT)
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
        title=clean, state=RevisionState.DRAFT, author=by.actor, base=base or newest, version=1
    )
    session.add(draft)
    session.flush()
    session.refresh(draft)
    return draft


def latest_published_id(session: Session) -> int | None:
    """Number of the revision published last."""
    return session.scalar(
        cached_text(
            "SELECT id FROM revision WHERE state = 'published'"
            " ORDER BY published_at DESC, id DESC LIMIT 1"
        )
    )


def list_revisions(
    session: Session,
    by: Principal,
    *,
    state: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[Row[Any]]:
    """The revisions the asker may see, the newest first: columns of revision, operations, grids
    (codes touched).

    Loads and other publications without operations are seen by whoever may see everything.
    """
    by.require(Action.DRAFT if by.is_allowed(Action.DRAFT) else Action.PUBLISH)
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
            visibility_params(session, by) | {"state": state, "before": before, "limit": limit},
        )
    )


def list_operations(session: Session, number: int) -> list[Operation]:
    """The operations of a revision in order."""
    query = cached_text("SELECT id FROM operation WHERE revision_id = :id")
    ids = list(session.scalars(query, {"id": number}))
    return (
        sorted((session.get_one(Operation, item) for item in ids), key=lambda item: item.step)
        if ids
        else []
    )


def drawn_shapes(done: Iterable[Operation]) -> dict[str, PolygonLike | None]:
    """The shapes of a draft that differ from what is published, by code; None: no land any more."""
    shapes: dict[str, str | None] = {}
    for operation in done:
        shapes |= operation.geometries
    return {code: None if wkb is None else shapely.from_wkb(wkb) for code, wkb in shapes.items()}


def add_operation(
    session: Session, by: Principal, number: int, spec: Any, version: int | None = None
) -> Operation:
    """Add an operation to a draft.

    Parameters
    ----------
    given
        The operation as a JSON object (see `gis.boundaries.operations`).
    version
        What the asker believes the draft's version to be; None: any.

    Raises
    ------
    NotFound
        No such draft, grid or unit. Forbidden: Not theirs to edit, or not there.
    Conflict
        It is published or withdrawn, or its version, or the base, is older than what is there.
    InvalidInput
        The operation is not right, with the field, the place and the remedy.
    """
    draft = lock_own_draft(session, by, number, version)
    op = operations.validate_operation(spec)
    done_before = list_operations(session, number)
    if len(done_before) >= MAX_OPERATIONS:
        raise Conflict("draft.too_many_operations", limit=MAX_OPERATIONS)
    operation = _do(session, by, draft, op, done_before, step=len(done_before) + 1)
    _newer_than_base(session, draft, operation)
    session.add(operation)
    draft.version += 1
    session.flush()
    return operation


def _do(
    session: Session,
    by: Principal,
    draft: Revision,
    op: OperationSpec,
    earlier: Sequence[Operation],
    step: int,
) -> Operation:
    """An operation done on a draft, not yet added."""
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
        # two drafts that ask at once for a new code ask one after the other
        session.execute(
            cached_text("SELECT pg_advisory_xact_lock(hashtext('grid codes ' || :county))"),
            {"county": county},
        )
    validate_new_codes(session, draft, op, state.lands, new_codes)
    done = operations.apply_operation(
        op,
        state.lands,
        operations.Town(
            lambda code: next_codes(session, code, new_codes),
            lambda lands: count_households(session, lands),
        ),
    )
    conservation.check_abroad(session, state.lands, done.changed)
    touched = operations.moves_land(state.lands, done.changed) or operations.grids_named(op)
    new_grids = made_of(session, done)
    require_on_grids(session, by, Action.DRAFT, touched)
    if op["op"] == "settle":
        _check_unit(session, by, op["unit"])
    read = {*done.changed, *operations.grids_named(op)}
    read |= {
        code
        for code, land in state.lands.items()
        if any(land.intersects(state.lands[item]) for item in touched if item in state.lands)
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
    session: Session, by: Principal, number: int, step: int, version: int | None = None
) -> list[Operation]:
    """Take an operation of a draft back, with all after it; returns them.

    Raises
    ------
    As `operate`; NotFound: The draft has no such step.
    """
    draft = lock_own_draft(session, by, number, version)
    gone = [operation for operation in list_operations(session, number) if operation.step >= step]
    if not gone or step < 1:
        raise NotFound("draft.unknown_step", step=str(step))
    for operation in gone:
        session.delete(operation)
    draft.version += 1
    session.flush()
    return gone


def conflicts(session: Session, number: int) -> list[EditConflict]:
    """The grids that a draft moves land of and whose land another revision has changed since, not
    only by a vertex.
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
    """Whether anything the draft was drawn on has changed since, be it a vertex of a neighbour."""
    return session.execute(cached_text(CONFLICTS), {"id": number}).first() is not None


def rebase(
    session: Session, by: Principal, number: int, version: int | None = None
) -> list[EditConflict]:
    """Do all operations of a draft again on what is published now.

    Returns the grids that had changed.

    Raises
    ------
    As `operate`; Conflict: An operation no longer fits; the draft stays as it was. The message
        Names the step.
    """
    draft = lock_own_draft(session, by, number, version)
    changed = conflicts(session, number)
    replay(session, by, draft)
    draft.base = latest_published_id(session)
    draft.version += 1
    session.flush()
    return changed


def replay(session: Session, by: Principal, draft: Revision) -> None:
    """Do the operations of a draft again, in place."""
    again: list[Operation] = []
    for operation in list_operations(session, draft.id):
        try:
            done = _do(
                session,
                by,
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


def withdraw(session: Session, by: Principal, number: int) -> Revision:
    """Give a draft up; it stays on record.

    Raises
    ------
    As `operate`.
    """
    draft = lock_own_draft(session, by, number, None)
    draft.state = RevisionState.WITHDRAWN
    draft.version += 1
    session.flush()
    return draft


def lock_own_draft(session: Session, by: Principal, number: int, version: int | None) -> Revision:
    """A draft the asker may edit, locked: their own.

    Raises
    ------
    NotFound, Forbidden, Conflict
        It is hidden, somebody else's, or no draft of that version any more.
    """
    draft = get_revision(session, by, number, lock=True)
    if by.kind != "system" and draft.author != by.actor:
        raise Forbidden("draft.of_somebody_else", number=str(number))
    by.require(Action.DRAFT)
    require_draft(draft)
    if version is not None and version != draft.version:
        raise stale_version(draft.version, version)
    return draft


def stale_version(current: int, version: int) -> Conflict:
    """Return the error for a draft that has another version than its reader believes."""
    return Conflict(
        "draft.stale_version",
        extra={"version": current},
        current=str(current),
        version=str(version),
    )


def require_draft(revision: Revision) -> None:
    """Raise Conflict when a revision is a draft no longer."""
    if revision.state != RevisionState.DRAFT:
        raise Conflict(
            "revision.not_draft",
            number=str(revision.id),
            state=Message(f"revision_state.{revision.state}"),
        )


def _county(session: Session, op: OperationSpec) -> str:
    """The one county an operation is in."""
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


def _check_unit(session: Session, by: Principal, code: str) -> None:
    query = (
        "SELECT g.code FROM area u JOIN area g ON g.id = u.parent_id WHERE u.code = :code"
        " AND u.level = 'unit' AND (u.retired_at IS NULL OR u.retired_at > now())"
    )
    grid = session.scalar(cached_text(query), {"code": code})
    if grid is None:
        raise invalid_field("unit", "draft.unknown_unit", code=code)
    require_on_grids(session, by, Action.DRAFT, [grid])


def _newer_than_base(session: Session, draft: Revision, operation: Operation) -> None:
    """Refuse to draw on grids that were published after the base the author looked at."""
    query = """
    SELECT a.code, r.id, r.author FROM boundary b JOIN area a ON a.id = b.area_id JOIN revision r
        ON r.id = b.revision_id
      JOIN revision base ON base.id = :base
    WHERE b.id = ANY(:ids) AND a.code = ANY(:codes) AND r.published_at > base.published_at ORDER BY a.code LIMIT 1"""
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
