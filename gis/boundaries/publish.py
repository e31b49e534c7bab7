"""Publish a boundary draft: grids, upper levels, units and open incidents in one transaction.

Nothing here commits: the caller does so once, so a publication that fails changes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas import codes as patterns
from gis.areas.identity import lock_counties
from gis.areas.models import Area, Level, Lineage, Operation, Revision, RevisionState
from gis.boundaries import (
    conservation,
    draft_conflicts,
    draft_grids,
    draft_identity,
    draft_locks,
    drafts,
    identity_publication,
    numbering,
    operations,
    preview,
    reviews,
    revision_access,
    statistics,
)
from gis.boundaries.queries import boundaries_at
from gis.boundaries.revert import create_reverting_draft as create_reverting_draft
from gis.boundaries.reviews import MAX_REASON_CHARS
from gis.boundaries.store import publish_shapes
from gis.boundaries.store_checks import require_none_later
from gis.boundaries.unit_reassignment import reassign_units
from gis.db import allow_boundary_writes, cached_text
from gis.errors import Conflict, Forbidden, InvalidInput, invalid_field
from gis.incidents.lifecycle.boundary_follow import reassign_after_boundary_change
from gis.messages import Message
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.shapes.polygon_coverage import PolygonLike

# copies the dated parents that hold at a moment into the areas
APPLY_PARENTS_SQL = """
UPDATE area a SET parent_id = d.parent_id FROM dated_parent d
WHERE d.area_id = a.id AND d.valid_time @> CAST(:now AS timestamptz) AND a.parent_id <> d.parent_id
"""


def publish(
    session: Session,
    principal: Principal,
    number: int,
    reason: str,
    effective: datetime | None,
    *,
    two_persons: bool = False,
    needs_approval: bool = False,
    version: int | None = None,
) -> Revision:
    """Publish a draft.

    Parameters
    ----------
    reason
        Reason of the change, for readers of the history.
    effective
        Moment from which it holds, with time zone, not past. None means now. A later publication
        takes effect by itself. A draft that reverts a planned publication before it holds cancels
        it.
    two_persons
        Whether another person than those who drew it must publish.
    needs_approval
        Whether another person must have approved the draft as it is.
    version
        Version of the draft as the caller knows it. None means any.

    Raises
    ------
    NotFound
        The draft does not exist in the principal's areas.
    Forbidden
        The principal may not publish in them, or drew it.
    Conflict
        It is no longer a draft, it is not approved, grids were redrawn since (`conflicts` names
        them), or later ones are planned.
    InvalidInput
        The reason, the moment or a change is missing, or area or homes would lose their grid.
    """
    draft = revision_access.get_revision(session, principal, number, lock=True)
    principal.require(Action.PUBLISH)
    draft_locks.require_draft(draft)
    if version is not None and version != draft.version:
        raise draft_locks.stale_version(draft.version, version)
    stated_reason = validate_reason(reason)
    done = drafts.list_operations(session, number)
    if two_persons and principal.actor in reviews.drawn_by(done, draft):
        raise Forbidden("publish.needs_second_person")
    if not done:
        raise InvalidInput("publish.no_operations", number=str(number))
    if needs_approval:
        reviews.require_approval(session, draft)
    _hold_counties(session, done)
    now = _validate_effective(session, effective)
    _require_no_conflicts(session, number)
    if draft_conflicts.is_outdated(session, number):  # only a vertex of a neighbour has changed
        done = _replay_unchanged(session, draft, done)
    revision_access.require_on_grids(session, principal, Action.PUBLISH, _changed_codes(done))
    draft.publisher = principal.actor if principal.actor != draft.author else draft.publisher
    if planned := _cancels(session, draft, effective, now):
        effective = planned
    numbering.check_free(session, draft, _born(done))
    figures = preview.compute(session, draft)
    if void := next((item for item in figures.problems if item.kind == "settle_void"), None):
        raise Conflict("settle.void", unit=void.codes[0], grids=list(void.codes[1:]))
    _write(session, draft, done, stated_reason, effective or now, now, cancels=planned is not None)
    statistics.store(session, figures)
    if (effective or now) <= now:
        _take_effect(session, number, done, now)
    return draft


def _take_effect(session: Session, number: int, done: Sequence[Operation], now: datetime) -> None:
    session.execute(cached_text(APPLY_PARENTS_SQL), {"now": now})
    identity_publication.apply_due(session, now)
    # what else has come to hold meanwhile is for the job of every minute
    reassign_after_boundary_change(session, now, number, _changed_codes(done))


def _changed_codes(done: Sequence[Operation]) -> set[str]:
    """Return the codes of the grids that operations change."""
    return {code for item in done for code in item.changed_codes}


def _replay_unchanged(
    session: Session, draft: Revision, done: Sequence[Operation]
) -> list[Operation]:
    """Do the operations of a draft again on what is published now; the land must be the same."""
    drawn, touched = (
        draft_grids.drawn_shapes(done),
        _changed_codes(done),
    )
    drafts.replay(session, drafts_author(draft), draft)
    again = drafts.list_operations(session, draft.id)
    _same_land(
        drawn,
        touched,
        draft_grids.drawn_shapes(again),
        _changed_codes(again),
    )
    return again


def validate_reason(reason: str) -> str:
    """Return a reason without the space around it.

    Raises
    ------
    InvalidInput
        It is empty or too long.
    """
    stripped = reason.strip()
    if not stripped or len(stripped) > MAX_REASON_CHARS:
        raise invalid_field("reason", "publish.reason_wrong", limit=str(MAX_REASON_CHARS))
    return stripped


def _validate_effective(session: Session, effective: datetime | None) -> datetime:
    """Return the present moment; a publication may hold from it or from a later one.

    Raises
    ------
    InvalidInput
        It is to hold from an earlier one, or from one without a time zone.
    """
    # not now(), the start of this transaction: another may have published while it waited
    now = session.execute(cached_text("SELECT clock_timestamp()")).scalar_one()
    if effective is not None and effective.tzinfo is None:
        raise invalid_field("effective", "publish.without_time_zone", moment=effective.isoformat())
    if effective is not None and effective < now:
        raise invalid_field("effective", "publish.past", moment=effective.isoformat())
    return now


def _require_no_conflicts(session: Session, number: int) -> None:
    """Raise Conflict, with the grids, when others have redrawn grids of a draft since.

    Raises
    ------
    Conflict
        `publish.redrawn_since`; `conflicts` names the revisions and their authors.
    """
    conflicts = draft_conflicts.conflicts(session, number)
    if not conflicts:
        return
    grids = [
        Message(
            "publish.grid_of_author" if item.revision else "publish.name_of_author",
            {"grid": item.grid, "author": item.author or "", "revision": str(item.revision)},
        )
        for item in conflicts[:5]
    ]
    keys = ("grid", "name", "revision", "title", "author", "change")
    extra = {"conflicts": [{key: getattr(item, key) for key in keys} for item in conflicts]}
    raise Conflict("publish.redrawn_since", extra=extra, grids=grids)


def drafts_author(draft: Revision) -> Principal:
    """Return the principal for replaying a draft: its author with the rights when drawing."""
    return Principal("system", draft.author, dict.fromkeys(Action))


def apply_scheduled(session: Session, now: datetime) -> int:
    """Set the parents of units and the names of areas planned for now; return how many changed."""
    allow_boundary_writes(session)
    moved = session.execute(cached_text(APPLY_PARENTS_SQL), {"now": now})
    return int(getattr(moved, "rowcount", 0)) + identity_publication.apply_due(session, now)


def _hold_counties(session: Session, done: Sequence[Operation]) -> None:
    """Lock the counties, so that each has one publication at a time."""
    counties = {patterns.ancestor_code(code, Level.COUNTY) for code in _changed_codes(done)}
    lock_counties(session, counties)


def _same_land(
    old_shapes: Mapping[str, PolygonLike | None],
    touched_before: set[str],
    new_shapes: Mapping[str, PolygonLike | None],
    touched: set[str],
) -> None:
    """Raise Conflict if replaying a draft gives other shapes than its author saw.

    Raises
    ------
    Conflict
        `publish.land_around_redrawn`: which grids.
    """
    both = {
        code: shape
        for code, shape in old_shapes.items()
        if shape is not None and code in new_shapes and code in touched
    }
    otherwise = {
        *operations.moves_land(both, {code: new_shapes[code] for code in both}),
        *(touched_before ^ touched),
    }
    if otherwise:
        raise Conflict("publish.land_around_redrawn", grids=sorted(otherwise)[:5])


def _cancels(
    session: Session, draft: Revision, effective: datetime | None, now: datetime
) -> datetime | None:
    """Return the effective moment of the planned publication that a draft cancels, if any."""
    planned = None if draft.reverts is None else session.get_one(Revision, draft.reverts).effective
    return (
        planned if planned is not None and planned > now and (effective or now) <= planned else None
    )


def _born(done: Sequence[Operation]) -> set[str]:
    """Return the codes of the new grids that exist at the end of a draft."""
    shapes = draft_grids.drawn_shapes(done)
    return {
        code for operation in done for code in operation.new_grids if shapes.get(code) is not None
    }


def _write(
    session: Session,
    draft: Revision,
    done: Sequence[Operation],
    reason: str,
    at: datetime,
    now: datetime,
    *,
    cancels: bool,
) -> None:
    allow_boundary_writes(session)
    shapes = draft_grids.drawn_shapes(done)
    new_grids: dict[str, Any] = {}
    for operation in done:
        new_grids |= operation.new_grids
    ids = _ids(session, shapes)
    require_none_later(session, ids.values(), at)
    present = {code for code, shape in shapes.items() if shape is not None}
    born = {code: new_grids[code] for code in shapes if code in present and code not in ids}
    shapes = {code: shape for code, shape in shapes.items() if code in ids or code in born}
    stored = boundaries_at(session, ids.values(), at)
    old_shapes = {code: stored[number] for code, number in ids.items() if number in stored}
    conservation.check(session, done, old_shapes, shapes, at)
    identity_publication.check_names(session, done, shapes)
    _make(session, born, draft_identity.draft_names(done))
    _revive(session, [code for code in shapes if code in present and code in ids])
    published = publish_shapes(
        session,
        shapes,
        title=draft.title,
        author=draft.author,
        reason=reason,
        effective=at,
        draft=draft,
    )
    renamed = 0
    if cancels and draft.reverts is not None:
        renamed += identity_publication.cancel_names(session, draft.reverts)
    renamed += identity_publication.write_names(session, draft, done, shapes, at, now)
    if published is None:
        _mark_published(draft, done, reason, at, now, renames=renamed > 0)
    draft.version += 1
    ended = [code for code, shape in shapes.items() if shape is None]
    _retire(session, ended, now if cancels else at)
    _lineage(session, draft, done)
    identity_publication.move_posts(session, done, at)
    reassign_units(session, draft.id, [*shapes.values(), *old_shapes.values()], done, at)
    session.flush()


def _retire(session: Session, codes: list[str], at: datetime) -> None:
    query = text("UPDATE area SET retired_at = :at WHERE code = ANY(:codes)")
    session.execute(query, {"at": at, "codes": codes})


def _revive(session: Session, codes: list[str]) -> None:
    session.execute(
        text(
            "UPDATE area SET retired_at = NULL WHERE code = ANY(:codes) AND retired_at IS NOT NULL"
        ),
        {"codes": codes},
    )
    session.expire_all()


def _mark_published(
    draft: Revision,
    done: Sequence[Operation],
    reason: str,
    at: datetime,
    now: datetime,
    *,
    renames: bool,
) -> None:
    """Mark a draft without new shapes as published.

    Raises
    ------
    InvalidInput
        It renames no area and settles no unit either.
    """
    if not renames and not any(operation.op["op"] == "settle" for operation in done):
        raise InvalidInput("publish.changes_nothing", number=str(draft.id))
    draft.state, draft.reason = RevisionState.PUBLISHED, reason
    draft.effective, draft.published_at = at, now


def _ids(session: Session, codes: Iterable[str]) -> dict[str, int]:
    rows = session.execute(
        cached_text("SELECT code, id FROM area WHERE code = ANY(:codes)"), {"codes": list(codes)}
    )
    return {row.code: row.id for row in rows}


def _make(
    session: Session, born: Mapping[str, Mapping[str, str]], names: Mapping[str, str]
) -> None:
    parents = {grid["parent"] for grid in born.values()}
    communities = {area.code: area for area in session.query(Area).filter(Area.code.in_(parents))}
    for code, grid in sorted(born.items()):
        parent = communities.get(grid["parent"])
        if parent is None or parent.retired_at is not None:
            raise Conflict("publish.community_gone", grid=code, community=grid["parent"])
        session.add(
            Area(
                code=code,
                level=Level.GRID,
                name=names.get(code, grid["name"]),
                county=parent.county,
                parent_id=parent.id,
            )
        )
    session.flush()


def _lineage(session: Session, draft: Revision, done: Sequence[Operation]) -> None:
    steps = [step for operation in done for step in operation.lineage]
    ids = _ids(session, {code for _, *both in steps for code in both})
    session.add_all(
        Lineage(revision_id=draft.id, kind=kind, from_id=ids[start], to_id=ids[end])
        for kind, start, end in draft_identity.lasting_lineage(steps, ids)
    )
