"""Publishing a boundary draft: one transaction in which grids, the levels above, units and open
incidents follow.

Nothing here commits: whoever calls does, once, so that a publication that fails half-way leaves
everything as it was.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import shapely
from psycopg.types.range import TimestamptzRange
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas import codes as patterns
from gis.areas.models import Area, Level, Lineage, Operation, Revision, RevisionState
from gis.areas.snapshot import read_grids
from gis.boundaries import (
    conservation,
    drafts,
    numbering,
    operations,
    preview,
    revision_access,
    statistics,
)
from gis.boundaries.household_counts import read_unit_households
from gis.boundaries.revert import create_reverting_draft as create_reverting_draft
from gis.boundaries.store import boundaries_at, publish_shapes
from gis.db import allow_boundary_writes, cached_text, copy_rows
from gis.errors import Conflict, Forbidden, InvalidInput, invalid_field
from gis.incidents.lifecycle.boundary_follow import reassign_after_boundary_change
from gis.messages import Message
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.shapes.polygon_coverage import PolygonLike

MAX_REASON_CHARS = 1000  # characters

# what of the dated parents holds at a moment, brought into the areas themselves
APPLY_PARENTS_SQL = """
UPDATE area a SET parent_id = d.parent_id FROM dated_parent d
WHERE d.area_id = a.id AND d.valid_time @> CAST(:now AS timestamptz) AND a.parent_id <> d.parent_id
"""


def publish(
    session: Session,
    by: Principal,
    number: int,
    reason: str,
    effective: datetime | None,
    *,
    two_persons: bool = False,
    version: int | None = None,
) -> Revision:
    """Publish a draft.

    Parameters
    ----------
    reason
        Why, for everybody who looks at the history.
    effective
        From when it holds, with its time zone, not past; None is now. Later: it takes effect by
        itself. What takes a planned publication back before it holds, cancels it: everything is as
        if never planned.
    two_persons
        Whether somebody else than the author must publish.

    Raises
    ------
    NotFound
        No such draft in the principal's areas. Forbidden: Not theirs to publish, or their own.
    Conflict
        It is no longer a draft, grids were redrawn since (`conflicts` names them), or later ones
        are planned.
    InvalidInput
        The reason, the moment or a change is missing, or land or homes would lose their grid.
    """
    draft = revision_access.get_revision(session, by, number, lock=True)
    by.require(Action.PUBLISH)
    drafts.require_draft(draft)
    if version is not None and version != draft.version:
        raise drafts.stale_version(draft.version, version)
    stated_reason = _validate_reason(reason)
    if two_persons and draft.author == by.actor:
        raise Forbidden("publish.needs_second_person")
    done = drafts.list_operations(session, number)
    if not done:
        raise InvalidInput("publish.no_operations", number=str(number))
    _hold_counties(session, done)
    now = _validate_effective(session, effective)
    _require_no_conflicts(session, number)
    if drafts.is_outdated(session, number):  # a vertex of a neighbour, no land of ours
        done = _replay_unchanged(session, draft, done)
    revision_access.require_on_grids(
        session, by, Action.PUBLISH, {code for item in done for code in item.changed_codes}
    )
    draft.publisher = by.actor if by.actor != draft.author else draft.publisher
    if planned := _cancels(session, draft, effective, now):
        effective = planned
    numbering.check_free(session, draft, _born(done))
    figures = preview.compute(session, draft)
    _write(session, draft, done, stated_reason, effective or now, now, cancels=planned is not None)
    statistics.store(session, figures)
    if (effective or now) <= now:
        _take_effect(session, now)
    return draft


def _take_effect(session: Session, now: datetime) -> None:
    session.execute(cached_text(APPLY_PARENTS_SQL), {"now": now})
    reassign_after_boundary_change(session, now)


def _replay_unchanged(
    session: Session, draft: Revision, done: Sequence[Operation]
) -> list[Operation]:
    """Do the operations of a draft again on what is published now.

    Raise Conflict when other land comes of it.
    """
    drawn, touched = (
        drafts.drawn_shapes(done),
        {code for item in done for code in item.changed_codes},
    )
    drafts.replay(session, drafts_author(draft), draft)
    again = drafts.list_operations(session, draft.id)
    _same_land(
        drawn,
        touched,
        drafts.drawn_shapes(again),
        {code for item in again for code in item.changed_codes},
    )
    return again


def _validate_reason(reason: str) -> str:
    stripped = reason.strip()
    if not stripped or len(stripped) > MAX_REASON_CHARS:
        raise invalid_field("reason", "publish.reason_wrong", limit=str(MAX_REASON_CHARS))
    return stripped


def _validate_effective(session: Session, effective: datetime | None) -> datetime:
    """Return the present moment.

    Raise InvalidInput when a publication should hold from an earlier one.
    """
    # not now(), when this transaction began: somebody else may have published while it waited
    now = session.execute(cached_text("SELECT clock_timestamp()")).scalar_one()
    if effective is not None and effective.tzinfo is None:
        raise invalid_field("effective", "publish.without_time_zone", moment=effective.isoformat())
    if effective is not None and effective < now:
        raise invalid_field("effective", "publish.past", moment=effective.isoformat())
    return now


def _require_no_conflicts(session: Session, number: int) -> None:
    """Raise Conflict, with the grids, when others have redrawn grids of a draft since."""
    conflicts = drafts.conflicts(session, number)
    if not conflicts:
        return
    grids = [
        Message(
            "publish.grid_of_author",
            {"grid": item.grid, "author": item.author, "revision": str(item.revision)},
        )
        for item in conflicts[:5]
    ]
    keys = ("grid", "name", "revision", "title", "author")
    extra = {"conflicts": [{key: getattr(item, key) for key in keys} for item in conflicts]}
    raise Conflict("publish.redrawn_since", extra=extra, grids=grids)


def drafts_author(draft: Revision) -> Principal:
    """Who a draft is done again for: what its author was allowed when drawing it."""
    return Principal("system", draft.author, dict.fromkeys(Action))


def apply_scheduled_parents(session: Session, now: datetime) -> int:
    """Bring units under the grids that are theirs from now on; returns how many changed.

    For the sweep.
    """
    allow_boundary_writes(session)
    return int(
        getattr(session.execute(cached_text(APPLY_PARENTS_SQL), {"now": now}), "rowcount", 0)
    )


def _hold_counties(session: Session, done: Sequence[Operation]) -> None:
    """One publication at a time in a county."""
    counties = sorted(
        {
            patterns.ancestor_code(code, Level.COUNTY)
            for operation in done
            for code in operation.changed_codes
        }
    )
    session.execute(
        text("SELECT id FROM area WHERE code = ANY(:codes) ORDER BY code FOR UPDATE"),
        {"codes": counties},
    )


def _same_land(
    old_shapes: Mapping[str, PolygonLike | None],
    touched_before: set[str],
    new_shapes: Mapping[str, PolygonLike | None],
    touched: set[str],
) -> None:
    """Refuse to publish what came out otherwise, when done again, than what its author
    looked at.
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
    """The moment of the planned publication that a draft takes back before it holds.

    None when there is none such.
    """
    planned = None if draft.reverts is None else session.get_one(Revision, draft.reverts).effective
    return (
        planned if planned is not None and planned > now and (effective or now) <= planned else None
    )


def _born(done: Sequence[Operation]) -> set[str]:
    """The new grids of a draft that are there at its end."""
    shapes = drafts.drawn_shapes(done)
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
    shapes = drafts.drawn_shapes(done)
    new_grids: dict[str, Any] = {
        code: operation.new_grids[code] for operation in done for code in operation.new_grids
    }
    ids = _ids(session, shapes)
    born = {
        code: new_grids[code]
        for code, shape in shapes.items()
        if code not in ids and shape is not None
    }
    shapes = {code: shape for code, shape in shapes.items() if code in ids or code in born}
    code_of = {number: code for code, number in ids.items()}
    old_shapes = {
        code_of[number]: land for number, land in boundaries_at(session, ids.values(), at).items()
    }
    conservation.check(session, done, old_shapes, shapes, at)
    _make(session, born)
    revived = [code for code, shape in shapes.items() if shape is not None and code in ids]
    session.execute(
        text(
            "UPDATE area SET retired_at = NULL WHERE code = ANY(:codes) AND retired_at IS NOT NULL"
        ),
        {"codes": revived},
    )
    session.expire_all()
    title, author = draft.title, draft.author
    if (
        publish_shapes(
            session, shapes, title=title, author=author, reason=reason, effective=at, draft=draft
        )
        is None
    ):
        if not any(operation.op["op"] == "settle" for operation in done):
            raise InvalidInput("publish.changes_nothing", number=str(draft.id))
        draft.state, draft.reason, draft.effective, draft.published_at = (
            RevisionState.PUBLISHED,
            reason,
            at,
            now,
        )
    draft.version += 1
    ended = [code for code, shape in shapes.items() if shape is None]
    params = {"at": now if cancels else at, "codes": ended}
    session.execute(text("UPDATE area SET retired_at = :at WHERE code = ANY(:codes)"), params)
    _lineage(session, draft, done)
    reassign_units(session, draft.id, [*shapes.values(), *old_shapes.values()], done, at)
    session.flush()


def _ids(session: Session, codes: Iterable[str]) -> dict[str, int]:
    rows = session.execute(
        cached_text("SELECT code, id FROM area WHERE code = ANY(:codes)"), {"codes": list(codes)}
    )
    return {row.code: row.id for row in rows}


def _make(session: Session, born: Mapping[str, Mapping[str, str]]) -> None:
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
                name=grid["name"],
                county=parent.county,
                parent_id=parent.id,
            )
        )
    session.flush()


def _lineage(session: Session, draft: Revision, done: Sequence[Operation]) -> None:
    """Where grids came from and went, over all operations: a grid both made and gone in the draft
    is passed over.
    """
    pairs: dict[tuple[str, str], str] = {}
    for operation in done:
        pairs |= {(start, end): kind for kind, start, end in operation.lineage}
    ids = _ids(session, {code for pair in pairs for code in pair})
    for (start, end), kind in list(pairs.items()):
        if start in ids and end not in ids:  # split off, then merged away again
            for (other, last), _ in list(pairs.items()):
                if other == end and last in ids and last != start:
                    pairs.setdefault((start, last), kind)
    for (start, end), kind in sorted(pairs.items()):
        if start in ids and end in ids:
            session.add(
                Lineage(revision_id=draft.id, kind=kind, from_id=ids[start], to_id=ids[end])
            )


def reassign_units(
    session: Session, number: int, lands: Sequence[Any], done: Sequence[Operation], at: datetime
) -> None:
    """Units stand under the grid in which most of their households live, or the one a draft says,
    from a moment on.
    """
    lands = [land for land in lands if land is not None]
    grids = read_grids(session, at, shapely.box(*shapely.total_bounds(lands))) if lands else None
    moved = [] if grids is None else read_unit_households(session, grids, lands, at)
    settled = {
        str(item.op["unit"]): str(item.op["grid"]) for item in done if item.op["op"] == "settle"
    }
    wish: dict[int, tuple[int, int]] = {}
    for unit in moved:
        if unit.best is not None and grids is not None and unit.parent != grids.codes[unit.best]:
            wish[unit.id] = (unit.parent_id, int(grids.ids[unit.best]))
    if settled:
        rows = session.execute(
            text(
                "SELECT u.id, u.parent_id, g.id"
                " FROM unnest(CAST(:units AS text[]), CAST(:grids AS text[])) t(u, g)"
                " JOIN area u ON u.code = t.u JOIN area g ON g.code = t.g"
            ),
            {"units": list(settled), "grids": list(settled.values())},
        )
        for item, parent, grid in rows:
            wish.pop(item, None)
            if parent != grid:
                wish[item] = (parent, grid)
    if not wish:
        return
    params = {"ids": list(wish), "at": at}
    # what was planned for later is replaced; what held until now ends
    session.execute(
        text("DELETE FROM dated_parent WHERE area_id = ANY(:ids) AND lower(valid_time) >= :at"),
        params,
    )
    session.execute(
        text(
            "UPDATE dated_parent SET valid_time = tstzrange(lower(valid_time), :at)"
            " WHERE area_id = ANY(:ids) AND valid_time @> CAST(:at AS timestamptz)"
        ),
        params,
    )
    # of what is left the last ends now: it goes on where the unit stays, after a plan that was
    # cancelled
    rows = session.execute(
        text(
            "SELECT area_id, id, parent_id FROM dated_parent WHERE area_id = ANY(:ids)"
            " AND upper(valid_time) = :at"
        ),
        params,
    )
    last = {row.area_id: (row.id, row.parent_id) for row in rows}
    on = [number for unit, (number, parent) in last.items() if parent == wish[unit][1]]
    session.execute(
        text(
            "UPDATE dated_parent SET valid_time = tstzrange(lower(valid_time), NULL)"
            " WHERE id = ANY(:on)"
        ),
        {"on": on},
    )
    fresh = {
        unit: pair for unit, pair in wish.items() if unit not in last or last[unit][0] not in on
    }
    rows_ = [
        (unit, parent, number, TimestamptzRange(None, at, "()"))
        for unit, (parent, _) in fresh.items()
        if unit not in last
    ]
    rows_ += [
        (unit, grid, number, TimestamptzRange(at, None, "[)")) for unit, (_, grid) in fresh.items()
    ]
    copy_rows(session, "dated_parent", ("area_id", "parent_id", "revision_id", "valid_time"), rows_)
    session.execute(text("SELECT pg_notify('wangge_changed', 'dated_parent')"))
