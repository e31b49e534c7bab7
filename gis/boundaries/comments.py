"""Comments on a draft, pinned to places: written, answered and resolved by who may see the draft.

The words are data: they are stored as they are written, and never read as anything else.
"""

import math
from dataclasses import dataclass, replace
from datetime import datetime

import shapely
from sqlalchemy import select
from sqlalchemy.orm import Session

from gis.areas.models import Revision
from gis.boundaries import colleagues, draft_grids, draft_locks, drafts
from gis.boundaries.draft_checks import require_near_grids
from gis.boundaries.models import DraftComment
from gis.boundaries.preview_grids import grid_names
from gis.boundaries.revision_access import get_revision
from gis.db import cached_text, point_ewkt
from gis.errors import Conflict, NotFound, invalid_field
from gis.rights.actions import PLANNING
from gis.rights.principal import Principal
from gis.shapes.polygon_coverage import PolygonLike

MAX_COMMENT_CHARS = 1_000  # characters
MAX_COMMENTS = 500  # of one draft, replies included

COMMENTS_SQL = """
SELECT id, reply_to, ST_X(geom), ST_Y(geom), grid, text, author, at, resolved_by, resolved_at
FROM draft_comment WHERE revision_id = :id ORDER BY coalesce(reply_to, id), id
"""
GRID_LAND_SQL = """
SELECT ST_AsBinary(b.geom) FROM boundary b JOIN area a ON a.id = b.area_id
WHERE a.level = 'grid' AND a.code = :code AND upper_inf(b.valid_time)
"""


@dataclass(frozen=True)
class CommentView:
    """A comment as it is read.

    reply_to: The comment that it answers; then lon and lat (degrees, EPSG:4490) are None.
    grid, grid_name: The grid that it is about as a whole, named as the draft names it.
    """

    id: int
    reply_to: int | None
    lon: float | None
    lat: float | None
    grid: str | None
    text: str
    author: str
    at: datetime
    resolved_by: str | None
    resolved_at: datetime | None
    grid_name: str | None = None


def list_comments(session: Session, principal: Principal, number: int) -> list[CommentView]:
    """List the comments on a revision, each followed by its replies.

    Raises
    ------
    NotFound
        The revision does not exist or is hidden from the principal.
    """
    get_revision(session, principal, number)
    rows = session.execute(cached_text(COMMENTS_SQL), {"id": number}).all()
    grids = {row.grid for row in rows if row.grid}
    names = grid_names(session, grids, drafts.list_operations(session, number)) if grids else {}
    return [replace(CommentView(*row), grid_name=names.get(row.grid, row.grid)) for row in rows]


def add_comment(
    session: Session,
    principal: Principal,
    number: int,
    words: str,
    place: tuple[float, float] | str,
) -> DraftComment:
    """Pin a comment to a place of a draft, and notify its author.

    Parameters
    ----------
    session
        Open session; the caller commits.
    principal
        Who comments.
    number
        Number of the draft.
    words
        The comment, 1 to `MAX_COMMENT_CHARS` characters.
    place
        Longitude and latitude in degrees, EPSG:4490, or the code of a grid that the draft or the
        published boundaries have.

    Raises
    ------
    NotFound, Forbidden, Conflict
        The draft is hidden from the principal, who may plan nowhere; it is no longer a draft, or
        has too many comments.
    InvalidInput
        The words or the place are wrong.
    """
    draft = _lock_for_words(session, principal, number)
    lon, lat = _pin(session, draft, place)
    comment = DraftComment(
        revision_id=number,
        geom=point_ewkt(lon, lat),
        grid=place if isinstance(place, str) else None,
        text=_validate_words(words),
        author=principal.actor,
    )
    return _add(session, draft, comment, {draft.author})


def reply(
    session: Session, principal: Principal, number: int, comment_id: int, words: str
) -> DraftComment:
    """Answer a comment that is not resolved, and notify who wrote it and the draft's author.

    Raises
    ------
    NotFound, Forbidden, Conflict, InvalidInput
        As `add_comment`; there is no such comment, it is a reply itself, or it is resolved.
    """
    draft = _lock_for_words(session, principal, number)
    comment = _lock_unresolved(session, number, comment_id)
    answer = DraftComment(
        revision_id=number,
        reply_to=comment.id,
        text=_validate_words(words),
        author=principal.actor,
    )
    return _add(session, draft, answer, {draft.author, comment.author})


def resolve(session: Session, principal: Principal, number: int, comment_id: int) -> DraftComment:
    """Mark a comment as settled; of two who do so at once, the second is told of the first.

    Raises
    ------
    NotFound, Forbidden, Conflict
        As `reply`.
    """
    _lock_for_words(session, principal, number)
    comment = _lock_unresolved(session, number, comment_id)
    now = session.execute(cached_text("SELECT now()")).scalar_one()
    comment.resolved_by, comment.resolved_at = principal.actor, now
    session.flush()
    return comment


def _lock_for_words(session: Session, principal: Principal, number: int) -> Revision:
    draft = get_revision(session, principal, number, lock=True)
    principal.require_any(PLANNING)
    draft_locks.require_draft(draft)
    return draft


def _lock_unresolved(session: Session, number: int, comment_id: int) -> DraftComment:
    comment = session.scalars(
        select(DraftComment)
        .where(
            DraftComment.id == comment_id,
            DraftComment.revision_id == number,
            DraftComment.reply_to.is_(None),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if comment is None:
        raise NotFound("comment.unknown", comment=str(comment_id))
    if comment.resolved_at is not None:
        raise Conflict("comment.resolved_already", who=str(comment.resolved_by))
    return comment


def _validate_words(words: str) -> str:
    clean = words.replace("\r\n", "\n").strip()
    if not 0 < len(clean) <= MAX_COMMENT_CHARS or not clean.replace("\n", " ").isprintable():
        raise invalid_field("text", "comment.text_wrong", limit=MAX_COMMENT_CHARS)
    return clean


def _pin(
    session: Session, draft: Revision, place: tuple[float, float] | str
) -> tuple[float, float]:
    """Return the point of a place: of a grid, one inside its land in the draft.

    Raises
    ------
    InvalidInput
        There is no such grid in the draft, or the point is not on the earth.
    """
    if isinstance(place, str):
        land = _land_of(session, draft, place)
        if land is None:
            raise invalid_field("grid", "comment.grid_unknown", code=place[:40])
        point = shapely.point_on_surface(land)
        return point.x, point.y
    lon, lat = place
    if not (math.isfinite(lon) and math.isfinite(lat) and abs(lon) <= 180 and abs(lat) <= 90):
        raise invalid_field("lon", "comment.place_wrong")
    require_near_grids(session, [shapely.Point(lon, lat)])
    return lon, lat


def _land_of(session: Session, draft: Revision, code: str) -> PolygonLike | None:
    drawn = draft_grids.drawn_shapes(drafts.list_operations(session, draft.id))
    if drawn.get(code) is not None:
        return drawn[code]
    wkb = session.scalar(cached_text(GRID_LAND_SQL), {"code": code})
    return None if wkb is None else shapely.from_wkb(bytes(wkb))


def _add(
    session: Session, draft: Revision, comment: DraftComment, readers: set[str]
) -> DraftComment:
    query = cached_text("SELECT count(*) FROM draft_comment WHERE revision_id = :id")
    if (session.scalar(query, {"id": draft.id}) or 0) >= MAX_COMMENTS:
        raise Conflict("comment.too_many", limit=MAX_COMMENTS)
    session.add(comment)
    session.flush()
    session.refresh(comment, ["at"])
    colleagues.notify(session, draft, "draft.comment", readers - {comment.author})
    return comment
