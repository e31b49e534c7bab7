"""Publishing a boundary draft: one transaction in which grids, the levels above, units and open incidents follow.

Nothing here commits: whoever calls does, once, so that a publication that fails half-way leaves everything as it was.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import shapely
from psycopg.types.range import TimestamptzRange
from shapely import MultiPolygon
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas import codes as patterns
from gis.areas import drafts
from gis.areas.homes import homeless, unit_homes
from gis.areas.models import Area, Level, Lineage, Operation, Revision, RevisionState
from gis.areas.register import read_grids
from gis.areas.revisions import in_force, publish_shapes
from gis.db import copy_rows, publishing, sql
from gis.errors import Conflict, Forbidden, InvalidInput, wrong
from gis.incidents.follow import follow
from gis.people.access import Action, Principal
from gis.shapes.coverage import Land, dissolve
from gis.shapes.measure import place
from gis.shapes.repair import multi

LONGEST_REASON = 1000  # characters
LOSES = ("redraw", "retire")  # operations after which land may belong to nobody

# what of the dated parents holds at a moment, brought into the areas themselves
SETTLED = """
UPDATE area a SET parent_id = d.parent_id FROM dated_parent d
WHERE d.area_id = a.id AND d.valid @> CAST(:now AS timestamptz) AND a.parent_id <> d.parent_id
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

    Args:
        reason: Why, for everybody who looks at the history.
        effective: From when it holds, with its time zone, not past; None is now. Later: it takes effect by itself.
        two_persons: Whether somebody else than the author must publish.

    Raises:
        NotFound: No such draft in the asker's areas. Forbidden: Not theirs to publish, or their own.
        Conflict: It is no draft any more, grids were redrawn since (`conflicts` names them), or later ones are planned.
        InvalidInput: The reason is missing, the moment is past, the draft changes nothing, or homes lose their grid.
    """
    draft = drafts.revision(session, by, number, lock=True)
    by.need(Action.PUBLISH)
    drafts.is_draft(draft)
    if version is not None and version != draft.version:
        raise Conflict(f"the draft has version {draft.version}, not {version}; read it again", version=draft.version)
    why = reason.strip()
    if not why or len(why) > LONGEST_REASON:
        raise wrong("reason", f"say in 1 to {LONGEST_REASON} characters why the boundaries change")
    if two_persons and draft.author == by.who:
        raise Forbidden("a draft is published by somebody else than its author here; ask a colleague to look at it")
    done = drafts.steps(session, number)
    if not done:
        raise InvalidInput(f"draft {number} has no operations; draw something first")
    _hold_counties(session, done)
    # not now(), when this transaction began: somebody else may have published while it waited
    now = session.execute(sql("SELECT clock_timestamp()")).scalar_one()
    if effective is not None and effective.tzinfo is None:
        raise wrong("effective", f"{effective.isoformat()} has no time zone; write it as 2026-12-01T00:00+08:00")
    if effective is not None and effective < now:
        raise wrong("effective", f"{effective.isoformat()} is past; boundaries change now (null) or later")
    if clashes := drafts.conflicts(session, number):
        named = ", ".join(f"{one.grid} ({one.author}, revision {one.revision})" for one in clashes[:5])
        raise Conflict(
            f"redrawn since by somebody else: {named}; rebase the draft and look at it again",
            conflicts=[{"grid": one.grid, "name": one.name, "revision": one.revision, "title": one.title,
                        "author": one.author} for one in clashes],
        )  # fmt: skip
    if drafts.behind(session, number):  # a vertex of a neighbour, no land of ours
        drafts.replay(session, drafts_author(draft), draft)
        done = drafts.steps(session, number)
    drafts.need(session, by, Action.PUBLISH, {code for one in done for code in one.touched})
    if by.who != draft.author:
        draft.publisher = by.who
    _write(session, draft, done, why, effective or now, now)
    if (effective or now) <= now:
        session.execute(sql(SETTLED), {"now": now})
        follow(session, now)
    return draft


def drafts_author(draft: Revision) -> Principal:
    """Who a draft is done again for: what its author was allowed when drawing it."""
    return Principal("system", draft.author, dict.fromkeys(Action))


def settle(session: Session, now: datetime) -> int:
    """Bring units under the grids that are theirs from now on; returns how many changed. For the sweep."""
    publishing(session)
    return int(getattr(session.execute(sql(SETTLED), {"now": now}), "rowcount", 0))


def _hold_counties(session: Session, done: Sequence[Operation]) -> None:
    """One publication at a time in a county."""
    counties = sorted({patterns.ancestor(code, Level.COUNTY) for one in done for code in one.touched})
    session.execute(text("SELECT id FROM area WHERE code = ANY(:codes) ORDER BY code FOR UPDATE"), {"codes": counties})


def _write(session: Session, draft: Revision, done: Sequence[Operation], why: str, at: datetime, now: datetime) -> None:
    publishing(session)
    shapes = drafts.drawn_shapes(done)
    made: dict[str, Any] = {code: one.made[code] for one in done for code in one.made}
    ids = _ids(session, shapes)
    born = {code: made[code] for code, shape in shapes.items() if code not in ids and shape is not None}
    shapes = {code: shape for code, shape in shapes.items() if code in ids or code in born}
    before = in_force(session, ids.values(), at)
    if any(one.op["op"] in LOSES for one in done):
        _homes_keep_a_grid(session, shapes, list(before.values()))
    _make(session, born)
    revived = [code for code, shape in shapes.items() if shape is not None and code in ids]
    session.execute(
        text("UPDATE area SET retired_at = NULL WHERE code = ANY(:codes) AND retired_at IS NOT NULL"),
        {"codes": revived},
    )
    session.expire_all()
    title, author = draft.title, draft.author
    if publish_shapes(session, shapes, title=title, author=author, reason=why, effective=at, draft=draft) is None:
        if not any(one.op["op"] == "settle" for one in done):
            raise InvalidInput(f"draft {draft.id} changes nothing: its operations take each other back")
        draft.state, draft.reason, draft.effective, draft.published_at = RevisionState.PUBLISHED, why, at, now
    draft.version += 1
    ended = [code for code, shape in shapes.items() if shape is None]
    session.execute(text("UPDATE area SET retired_at = :at WHERE code = ANY(:codes)"), {"at": at, "codes": ended})
    _lineage(session, draft, done)
    rehome(session, draft.id, [*shapes.values(), *before.values()], done, at)
    session.flush()


def _homes_keep_a_grid(session: Session, shapes: Mapping[str, Land | None], before: Sequence[Land]) -> None:
    """Refuse to leave households without a grid: land that became free, or that a file forgot."""
    after = [shape for shape in shapes.values() if shape is not None]
    lost = freed(before, after)
    if homes := homeless(session, lost):
        lon, lat = place(lost)
        raise InvalidInput(
            f"{homes} households would belong to no grid, near {lon:.6f}, {lat:.6f};"
            " merge the grid with a neighbour, or retire it with give_to"
        )


def freed(before: Sequence[Land], after: Sequence[Land]) -> Any:
    """The land (degrees, EPSG:4490) that some grids had and do not have any more."""
    if not before or not after:
        return dissolve(before) if before else MultiPolygon()
    return shapely.difference(dissolve(before), dissolve(after))


def _ids(session: Session, codes: Iterable[str]) -> dict[str, int]:
    rows = session.execute(sql("SELECT code, id FROM area WHERE code = ANY(:codes)"), {"codes": list(codes)})
    return {row.code: row.id for row in rows}


def _make(session: Session, born: Mapping[str, Mapping[str, str]]) -> None:
    parents = {one["parent"] for one in born.values()}
    found = {area.code: area for area in session.query(Area).filter(Area.code.in_(parents))}
    for code, one in sorted(born.items()):
        parent = found.get(one["parent"])
        if parent is None or parent.retired_at is not None:
            raise Conflict(f"{code} was to stand under {one['parent']}, which is no community any more; draw it anew")
        session.add(Area(code=code, level=Level.GRID, name=one["name"], county=parent.county, parent_id=parent.id))
    session.flush()


def _lineage(session: Session, draft: Revision, done: Sequence[Operation]) -> None:
    """Where grids came from and went, over all operations: a grid both made and gone in the draft is passed over."""
    pairs: dict[tuple[str, str], str] = {}
    for one in done:
        pairs |= {(start, end): kind for kind, start, end in one.lineage}
    ids = _ids(session, {code for pair in pairs for code in pair})
    for (start, end), kind in list(pairs.items()):
        if start in ids and end not in ids:  # split off, then merged away again
            for (other, last), _ in list(pairs.items()):
                if other == end and last in ids and last != start:
                    pairs.setdefault((start, last), kind)
    for (start, end), kind in sorted(pairs.items()):
        if start in ids and end in ids:
            session.add(Lineage(revision_id=draft.id, kind=kind, from_id=ids[start], to_id=ids[end]))


def rehome(session: Session, number: int, lands: Sequence[Any], done: Sequence[Operation], at: datetime) -> None:
    """Units stand under the grid in which most of their households live, or the one a draft says, from a moment on."""
    lands = [land for land in lands if land is not None]
    grids = read_grids(session, at, shapely.box(*shapely.total_bounds(lands))) if lands else None
    moved = [] if grids is None else unit_homes(session, grids, lands, at)
    told = {str(one.op["unit"]): str(one.op["grid"]) for one in done if one.op["op"] == "settle"}
    wish: dict[int, tuple[int, int]] = {}
    for unit in moved:
        if unit.best is not None and grids is not None and unit.parent != grids.codes[unit.best]:
            wish[unit.id] = (unit.parent_id, int(grids.ids[unit.best]))
    if told:
        rows = session.execute(
            text("SELECT u.id, u.parent_id, g.id FROM unnest(CAST(:units AS text[]), CAST(:grids AS text[])) t(u, g)"
                 " JOIN area u ON u.code = t.u JOIN area g ON g.code = t.g"),
            {"units": list(told), "grids": list(told.values())},
        )  # fmt: skip
        for one, parent, grid in rows:
            wish.pop(one, None)
            if parent != grid:
                wish[one] = (parent, grid)
    if not wish:
        return
    held = {"ids": list(wish), "at": at}
    # what was planned for later is replaced; what held until now ends
    session.execute(text("DELETE FROM dated_parent WHERE area_id = ANY(:ids) AND lower(valid) >= :at"), held)
    ended = session.execute(
        text("""
        UPDATE dated_parent SET valid = tstzrange(lower(valid), :at)
        WHERE area_id = ANY(:ids) AND valid @> CAST(:at AS timestamptz) RETURNING area_id"""),
        held,
    ).scalars()
    known = set(ended)
    rows_ = [
        (unit, parent, number, TimestamptzRange(None, at, "()"))
        for unit, (parent, _) in wish.items()
        if unit not in known
    ]
    rows_ += [(unit, grid, number, TimestamptzRange(at, None, "[)")) for unit, (_, grid) in wish.items()]
    copy_rows(session, "dated_parent", ("area_id", "parent_id", "revision_id", "valid"), rows_)
    session.execute(text("SELECT pg_notify('wangge_changed', 'dated_parent')"))


def revert(session: Session, by: Principal, number: int) -> Revision:
    """A draft that gives the grids of a published revision the shapes they had before it.

    Raises:
        NotFound, Forbidden: As `drafts.revision`. Conflict: It is not published, or grids were redrawn since.
    """
    old = drafts.revision(session, by, number)
    if old.state != RevisionState.PUBLISHED or old.effective is None:
        raise Conflict(f"revision {number} is {old.state}; only a published one can be taken back")
    rows = session.execute(
        text("""
        SELECT a.code, a.name, p.code AS parent, drew.id IS NOT NULL AS drew, now.revision_id = :id AS newest,
          now.id AS now_id, ST_AsBinary(was.shape) AS was, other.id AS later
        FROM area a JOIN area p ON p.id = a.parent_id
          LEFT JOIN boundary drew ON drew.area_id = a.id AND drew.revision_id = :id
          LEFT JOIN boundary was ON was.area_id = a.id AND upper(was.valid) = :at
          LEFT JOIN boundary now ON now.area_id = a.id AND upper_inf(now.valid)
          LEFT JOIN revision other ON other.id = now.revision_id AND other.id <> :id
        WHERE a.level = 'grid' AND (drew.id IS NOT NULL OR (
          was.id IS NOT NULL AND EXISTS (SELECT FROM operation o WHERE o.revision_id = :id AND o.shapes ? a.code)))
        ORDER BY a.code"""),
        {"id": number, "at": old.effective},
    ).all()
    later = [row for row in rows if row.later is not None]
    if later:
        raise Conflict(
            f"redrawn since: {', '.join(f'{row.code} (revision {row.later})' for row in later[:5])};"
            " take those back first, or draw the change by hand"
        )
    grids = []
    for row in rows:
        shape = None if row.was is None else multi(shapely.from_wkb(row.was))
        if shape is None and row.now_id is None:
            continue
        geometry = None if shape is None else shapely.geometry.mapping(shape)
        grids.append({"code": row.code, "name": row.name, "parent": row.parent, "geometry": geometry})
    if not grids:
        raise Conflict(f"revision {number} drew no grids; there is nothing to take back")
    draft = drafts.begin(session, by, f"撤销：{old.title}"[: drafts.LONGEST_TITLE])
    draft.reverts = number
    drafts.operate(session, by, draft.id, {"op": "redraw", "grids": grids})
    return draft
