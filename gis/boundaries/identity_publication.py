"""What follows the names and codes of a publication: areas, posts, grants and settings by area.

Nothing here commits.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas import successors
from gis.areas.models import Operation, PlannedName, Revision
from gis.boundaries import draft_identity
from gis.boundaries.identity_operations import require_own_names
from gis.db import cached_text
from gis.errors import Conflict, InvalidInput

# Tables whose rows are of one area, and go on with it under another code.
FOLLOWING_TABLES = (
    "answer_template",
    "notice_target",
    "order_taker",
    "organisation",
    "paper_template",
    "routing_rule",
    "unplaced_building",
)
# A grant that the account has there already stays where it is.
MOVE_GRANTS_SQL = """
UPDATE personal.access_grant g SET area_id = t.new
FROM unnest(CAST(:olds AS bigint[]), CAST(:news AS bigint[])) t(old, new)
WHERE g.area_id = t.old AND NOT EXISTS (
  SELECT FROM personal.access_grant o
  WHERE o.account_id = g.account_id AND o.role = g.role AND o.area_id = t.new)
"""
MOVE_KEYS_SQL = """
UPDATE personal.api_key k SET area_ids = array_replace(k.area_ids, t.old, t.new)
FROM unnest(CAST(:olds AS bigint[]), CAST(:news AS bigint[])) t(old, new)
WHERE t.old = ANY(k.area_ids)
"""
FOLLOW_SQL = """
UPDATE {table} f SET area_id = t.new
FROM unnest(CAST(:olds AS bigint[]), CAST(:news AS bigint[])) t(old, new) WHERE f.area_id = t.old
"""
# Posts that begin later go on as they are; those held at the moment end, and begin again.
MOVE_POSTS_SQL = """
WITH pair AS (
  SELECT * FROM unnest(CAST(:olds AS bigint[]), CAST(:news AS bigint[])) t(old, new)
), later AS (
  UPDATE post p SET area_id = pair.new FROM pair
  WHERE p.area_id = pair.old AND lower(p.valid_time) >= :at
), held AS (
  UPDATE post p SET valid_time = tstzrange(lower(p.valid_time), :at) FROM pair,
    (SELECT id, upper(valid_time) AS until FROM post) was
  WHERE p.area_id = pair.old AND was.id = p.id
    AND lower(p.valid_time) < :at AND coalesce(upper(p.valid_time) > :at, true)
  RETURNING p.county, p.role, p.kind_id, pair.new, p.holder_id, p.deputy_id, was.until
)
INSERT INTO post (county, role, kind_id, area_id, holder_id, deputy_id, valid_time)
SELECT county, role, kind_id, new, holder_id, deputy_id, tstzrange(:at, until) FROM held
"""
# Two terms of one post that a cancelled plan had divided.
JOINED_POSTS_SQL = """
WITH halves AS (
  SELECT a.id AS earlier, b.id AS later, b.valid_time AS rest
  FROM post a JOIN post b ON b.area_id = a.area_id AND b.role = a.role
    AND b.kind_id IS NOT DISTINCT FROM a.kind_id
    AND b.holder_id IS NOT DISTINCT FROM a.holder_id
    AND b.deputy_id IS NOT DISTINCT FROM a.deputy_id
    AND b.incidents_from_post_id IS NULL
  WHERE a.area_id = ANY(:news) AND upper(a.valid_time) = :at AND lower(b.valid_time) = :at
), dropped AS (
  DELETE FROM post p USING halves WHERE p.id = halves.later
)
UPDATE post p SET valid_time = p.valid_time + halves.rest FROM halves WHERE p.id = halves.earlier
"""
# Areas with their names, and from when the last planned one holds.
NAMED_SQL = """
SELECT a.id, a.code, a.name, (
  SELECT max(n.effective) FROM planned_name n WHERE n.area_id = a.id) AS planned
FROM area a WHERE a.code = ANY(:codes) ORDER BY a.code
"""
DUE_NAMES_SQL = """
DELETE FROM planned_name WHERE effective <= :now RETURNING effective, area_id, name
"""
GIVE_NAMES_SQL = """
UPDATE area a SET name = t.name
FROM unnest(CAST(:ids AS bigint[]), CAST(:names AS text[])) t(id, name)
WHERE a.id = t.id AND a.name <> t.name
"""
NAMES_FROM_SQL = "SELECT set_config('wangge.names_from', :moment, true)"


def check_names(session: Session, done: Sequence[Operation], drawn: Mapping[str, object]) -> None:
    """Refuse names that another area of the community has got since the draft was drawn.

    Raises
    ------
    Conflict
        Names the name and both codes.
    """
    names = {
        code: name
        for code, name in draft_identity.draft_names(done).items()
        if drawn.get(code, "") is not None
    }
    siblings = draft_identity.sibling_names(session, done, drawn, list(names))
    try:
        require_own_names(names, siblings)
    except InvalidInput as error:
        params = error.errors[0].params
        raise Conflict(
            "publish.name_taken",
            name=params["name"],
            code=params["code"],
            other=params["other"],
        ) from error


def _renamed(done: Iterable[Operation], drawn: Mapping[str, object]) -> dict[str, str]:
    """Return the names that a draft gives on purpose, by code, of areas that stand at its end."""
    done = list(done)
    by_rename = {
        code
        for item in done
        for code in (*item.op.get("names", ()), item.op.get("code"), item.op.get("new_code"))  # type: ignore[misc]
        if item.op["op"] in ("rename", "recode", "move_to")
    }
    names = draft_identity.draft_names(done)
    return {
        code: name
        for code, name in names.items()
        if code in by_rename and drawn.get(code, "") is not None
    }


def write_names(
    session: Session,
    draft: Revision,
    done: Sequence[Operation],
    drawn: Mapping[str, object],
    at: datetime,
    now: datetime,
) -> int:
    """Give areas the names of a publication, or plan it; returns how many get another one.

    Parameters
    ----------
    session
        Open session; the caller commits.
    draft
        The publication.
    done
        Its operations.
    drawn
        Its shapes; None: the grid has no area any longer.
    at
        Moment from which they hold.
    now
        The present moment.

    Raises
    ------
    Conflict
        An area gets another name at a later moment.
    """
    names = _renamed(done, drawn)
    rows = session.execute(cached_text(NAMED_SQL), {"codes": list(names)}).all()
    later = next((row for row in rows if row.planned is not None and row.planned > at), None)
    if later is not None:
        raise Conflict("publish.name_planned", code=later.code, since=later.planned.isoformat())
    changed = {row.id: names[row.code] for row in rows if row.name != names[row.code]}
    if at > now:
        session.add_all(
            PlannedName(area_id=area, revision_id=draft.id, name=name, effective=at)
            for area, name in changed.items()
        )
    elif changed:
        _give_names(session, changed, at)
    return len(changed)


def _give_names(session: Session, names: Mapping[int, str], since: datetime) -> int:
    """Give areas other names, by id; the former ones held until that moment."""
    session.execute(cached_text(NAMES_FROM_SQL), {"moment": since.isoformat()})
    params = {"ids": list(names), "names": list(names.values())}
    result = session.execute(cached_text(GIVE_NAMES_SQL), params)
    session.execute(cached_text(NAMES_FROM_SQL), {"moment": ""})
    session.expire_all()
    return int(getattr(result, "rowcount", 0))


def cancel_names(session: Session, revision: int) -> int:
    """Take the planned names of a publication back; returns how many there were."""
    query = cached_text("DELETE FROM planned_name WHERE revision_id = :revision")
    return int(getattr(session.execute(query, {"revision": revision}), "rowcount", 0))


def move_posts(session: Session, done: Sequence[Operation], at: datetime) -> None:
    """Bring the posts of grids that go on under another code there, from a moment on."""
    goes_on = draft_identity.recoded(done)
    rows = session.execute(
        cached_text("SELECT code, id FROM area WHERE code = ANY(:codes)"),
        {"codes": [*goes_on, *goes_on.values()]},
    )
    ids = {row.code: row.id for row in rows}
    pairs = {ids[old]: ids[new] for old, new in goes_on.items() if old in ids and new in ids}
    if pairs:
        params = {"olds": list(pairs), "news": list(pairs.values()), "at": at}
        session.execute(text(MOVE_POSTS_SQL), params)
        session.execute(text(JOINED_POSTS_SQL), params)
        session.expire_all()


def apply_due(session: Session, now: datetime) -> int:
    """Give areas the names planned until a moment, and bring grants and settings to new codes.

    Returns
    -------
    How many areas got a name.
    """
    count, due = 0, session.execute(text(DUE_NAMES_SQL), {"now": now}).all()
    for since, rows in groupby(sorted(due), key=lambda row: row.effective):
        count += _give_names(session, {row.area_id: row.name for row in rows}, since)
    if pairs := successors.successor_ids(session, now):
        params = {"olds": list(pairs), "news": list(pairs.values())}
        for table in FOLLOWING_TABLES:
            session.execute(text(FOLLOW_SQL.format(table=table)), params)
        session.execute(text(MOVE_GRANTS_SQL), params)
        session.execute(text(MOVE_KEYS_SQL), params)
    return count
