"""The posts of areas and buildings, as they are listed and handed over."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import NotFound, invalid_field
from gis.people.area_chains import area_chains
from gis.rights.actions import Action
from gis.rights.principal import Principal


@dataclass(frozen=True)
class PostRow:
    """A post with its holder.

    Attributes
    ----------
    kind
        Key of the kind of its role that people added; None if there is none.
    role_zh, role_en
        What the post is called: its kind, else its role.
    area
        Code of the area or building.
    follows
        Whether the open incidents of the previous post are transferred when it begins.
    grade
        Of the holder; empty: none is stated.
    leave
        Code of the person, start and end of each leave that is not over.
    """

    id: int
    role: str
    kind: str | None
    role_zh: str
    role_en: str
    area: str
    area_name: str
    level: str
    holder: dict[str, str] | None
    deputy: dict[str, str] | None
    valid_from: datetime
    valid_to: datetime | None
    grade: str
    follows: bool
    leave: list[dict[str, str | None]]

    @property
    def key(self) -> str:
        """The key for sorting and for cursors."""
        return f"{self.area}|{self.id}"


POSTS_UNDER_AREA_SQL = """
WITH RECURSIVE down AS (
  SELECT id, code, name, level FROM area WHERE code = :area
  UNION
  SELECT a.id, a.code, a.name, a.level
  FROM area a
  JOIN down ON a.parent_id = down.id
  -- a post outlives its area until somebody ends it, and must be seen for that
  WHERE :within AND (a.retired_at IS NULL OR a.retired_at > :at OR EXISTS (
    SELECT FROM post p WHERE p.area_id = a.id AND coalesce(upper(p.valid_time) > :at, true)))
), place AS (
  SELECT id AS area_id, NULL::bigint AS building_id, code, name, level FROM down
  UNION ALL
  SELECT NULL, h.id, h.code, h.estate || h.name, 'building'
  FROM building h
  WHERE :within AND EXISTS (
    SELECT FROM down
    JOIN boundary b ON b.area_id = down.id AND b.valid_time @> CAST(:at AS timestamptz)
    WHERE down.level = 'grid' AND ST_Covers(b.geom, ST_PointOnSurface(h.geom)))
)
SELECT p.id, p.role, k.key AS kind, coalesce(k.zh, r.zh) AS role_zh,
  coalesce(nullif(k.en, ''), k.zh, r.en) AS role_en,
  place.code AS area, place.name AS area_name, place.level,
  CASE WHEN o.id IS NOT NULL THEN jsonb_build_object('code', o.code, 'name', o.name) END AS holder,
  CASE WHEN d.id IS NOT NULL THEN jsonb_build_object('code', d.code, 'name', d.name) END AS deputy,
  lower(p.valid_time) AS valid_from, upper(p.valid_time) AS valid_to, p.grade,
  p.incidents_from_post_id IS NOT NULL AND lower(p.valid_time) > :at AS follows,
  coalesce((
    SELECT jsonb_agg(
      jsonb_build_object(
        'person', w.code, 'from', lower(l.valid_time), 'until', upper(l.valid_time))
      ORDER BY lower(l.valid_time))
    FROM leave l
    JOIN personal.person w ON w.id = l.person_id
    WHERE l.person_id IN (p.holder_id, p.deputy_id) AND coalesce(upper(l.valid_time) > :at, true)
  ), '[]') AS leave
FROM place
JOIN post p ON p.area_id = place.area_id OR p.building_id = place.building_id
JOIN role r ON r.key = p.role
LEFT JOIN kind k ON k.id = p.kind_id
LEFT JOIN personal.person o ON o.id = p.holder_id
LEFT JOIN personal.person d ON d.id = p.deputy_id
WHERE coalesce(upper(p.valid_time) > :at, true)
  AND (CAST(:after_code AS text) IS NULL
    OR (place.code, p.id) > (:after_code, CAST(:after_id AS bigint)))
ORDER BY place.code, p.id
LIMIT :limit
"""


def require_area(session: Session, code: str) -> int:
    """Return the id of an area.

    Raises
    ------
    NotFound
        No area has the code.
    """
    area_id = session.scalar(text("SELECT id FROM area WHERE code = :code"), {"code": code})
    if area_id is None:
        raise NotFound("post.area_unknown", code=code[:40])
    return int(area_id)


def posts_of(
    session: Session,
    principal: Principal,
    area: str,
    at: datetime,
    *,
    within: bool = False,
    limit: int = 1000,
    cursor: str | None = None,
) -> list[PostRow]:
    """List the posts of an area held at a moment or later, by code of their area or building.

    Parameters
    ----------
    principal
        Needs Action.NAMES in the area.
    within
        Whether to list the posts of every area and building in it too.
    cursor
        `key` of the last post of the previous page.

    Raises
    ------
    NotFound
        No area has the code.
    Forbidden
        The principal may not see names in the area.
    InvalidInput
        The cursor is not one of this list.
    """
    area_id = require_area(session, area)
    for chain in area_chains(session, area_id, at):
        principal.require(Action.NAMES, chain)
    code, _, number = (cursor or "").rpartition("|")
    if cursor is not None and not (number.isdecimal() and len(number) < 19):
        raise invalid_field("cursor", "field.cursor_of_another_list")
    params = {
        "area": area,
        "within": within,
        "at": at,
        "limit": limit,
        "after_code": code or None,
        "after_id": int(number or 0),
    }
    return [
        PostRow(**row) for row in session.execute(text(POSTS_UNDER_AREA_SQL), params).mappings()
    ]
