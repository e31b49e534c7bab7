"""What a register changes in what is stored: who and what came, changed, and went.

Only within what it speaks of: the stairwells, grids or communities that it names. What went is
said; it is taken away by `remove_*` only, when the reader asks for that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.boundaries.store import derive_units
from gis.boundaries.unit_changes import record_load
from gis.exchange.post_rows import PostChange, PostLoader
from gis.places.unit_parts import derive_unit_parts
from gis.rights.roles import ROLE_BY_KEY

What = Literal["came", "changed", "went"]


@dataclass(frozen=True)
class Change:
    """One thing that comes, changes or goes.

    name: As people call it, such as 虹山花园1号楼 1单元 301. old, new: Figures, telephones or
    people before and after; empty where there is none. id: Of what went.
    """

    what: What
    name: str
    old: str = ""
    new: str = ""
    id: int | None = None


HOMES_SQL = """
WITH stored AS (
  SELECT k.id, k.building_id, coalesce(s.name, '') AS stairwell, k.room, k.people, k.elders,
    k.children
  FROM household k LEFT JOIN stairwell s ON s.id = k.stairwell_id
  WHERE (k.building_id, coalesce(s.name, '')) IN (
    SELECT building_id, coalesce(stairwell, '') FROM incoming_household
    WHERE building_id IS NOT NULL)
), both_lists AS (
  SELECT k.id, h.row, coalesce(k.building_id, h.building_id) AS building_id,
    nullif(coalesce(k.stairwell, h.stairwell), '') AS stairwell, coalesce(k.room, h.room) AS room,
    concat_ws('/', k.people, k.elders, k.children) AS old,
    concat_ws('/', h.people,
      coalesce(h.elders, CASE WHEN k.elders + coalesce(h.children, k.children, 0) <= h.people
        THEN k.elders END),
      coalesce(h.children, CASE WHEN k.children + coalesce(h.elders, k.elders, 0) <= h.people
      THEN k.children END)) AS new
  FROM stored k FULL JOIN (SELECT * FROM incoming_household WHERE building_id IS NOT NULL) h
    ON h.building_id = k.building_id AND coalesce(h.stairwell, '') = k.stairwell
      AND h.room = k.room
)
SELECT CASE WHEN l.row IS NULL THEN 'went' WHEN l.id IS NULL THEN 'came' ELSE 'changed' END,
  concat_ws(' ', b.estate || b.name, l.stairwell || '单元', l.room),
  CASE WHEN l.id IS NULL THEN '' ELSE old END,
  CASE WHEN l.row IS NULL THEN '' ELSE new END, l.id
FROM both_lists l JOIN building b ON b.id = l.building_id
WHERE l.id IS NULL OR l.row IS NULL OR old <> new
ORDER BY b.estate, b.name, l.stairwell, l.room
"""
REMOVE_HOMES_SQL = "DELETE FROM household WHERE id = ANY(:ids) RETURNING building_id, unit_id"

FACILITIES_SQL = """
WITH spoken_of AS (
  SELECT DISTINCT f.category, c.parent_id AS community
  FROM incoming_facility f JOIN LATERAL grid_at(f.point, now()) g ON true JOIN area c ON c.id = g.id
), stored AS (
  SELECT k.* FROM facility k
  LEFT JOIN LATERAL grid_at(coalesce(k.entrance, ST_PointOnSurface(k.geom)), now()) g ON true
  LEFT JOIN area c ON c.id = g.id
  WHERE k.code IN (SELECT code FROM incoming_facility)
    OR k.source LIKE 'facilities: %' AND (k.category, c.parent_id) IN (SELECT * FROM spoken_of)
)
SELECT CASE WHEN f.row IS NULL THEN 'went' WHEN k.id IS NULL THEN 'came' ELSE 'changed' END,
  coalesce(nullif(f.name, ''), k.name, ''),
  concat_ws(' · ', nullif(k.address, ''), nullif(k.opening_hours, ''), nullif(k.contact, ''),
    k.capacity),
  concat_ws(' · ', nullif(coalesce(f.address, k.address), ''),
    nullif(coalesce(f.opening_hours, k.opening_hours), ''),
    nullif(coalesce(f.contact, k.contact), ''), coalesce(f.capacity, k.capacity)), k.id
FROM stored k FULL JOIN incoming_facility f ON f.code = k.code
WHERE k.id IS NULL OR f.row IS NULL
  OR (k.name, k.category, k.address, k.opening_hours, k.contact) IS DISTINCT FROM
     (coalesce(f.name, k.name), f.category, coalesce(f.address, k.address),
      coalesce(f.opening_hours, k.opening_hours), coalesce(f.contact, k.contact))
  OR coalesce(f.capacity, k.capacity) IS DISTINCT FROM k.capacity
  OR NOT ST_Covers(k.geom, f.point)
ORDER BY 2
"""
REMOVE_FACILITIES_SQL = """
WITH gone AS (DELETE FROM facility WHERE id = ANY(:ids) RETURNING code, category, name)
INSERT INTO closed_facility (code, category, name, closed_at, author)
SELECT code, category, name, now(),
  coalesce(nullif(current_setting('wangge.who', true), ''), 'load')
FROM gone
"""

# Present posts of the areas and roles that the list speaks of, whose holders it does not have.
POSTS_GONE_SQL = """
SELECT o.id, o.role, o.area_id IS NULL AS of_building,
  coalesce(o.area_id, o.building_id) AS site,
  coalesce(a.name, b.estate || b.name) AS place, coalesce(p.code, '') AS code,
  coalesce(p.name, '') AS person
FROM post o
LEFT JOIN area a ON a.id = o.area_id
LEFT JOIN building b ON b.id = o.building_id
LEFT JOIN personal.person p ON p.id = o.holder_id
JOIN unnest(CAST(:roles AS text[]), CAST(:areas AS bigint[]), CAST(:buildings AS bigint[]))
  s (role, area_id, building_id)
  ON s.role = o.role AND (s.area_id = o.area_id OR s.building_id = o.building_id)
WHERE o.valid_time @> now()
ORDER BY o.role, place, person, o.id
"""
PLACES_SQL = """
SELECT 'area' AS of, id, name FROM area WHERE id = ANY(:areas)
UNION ALL SELECT 'building', id, estate || name FROM building WHERE id = ANY(:buildings)
"""
PHONES_SQL = "SELECT code, name, phone FROM personal.person WHERE code = ANY(:codes)"
END_REGISTER_POSTS_SQL = """
UPDATE post SET valid_time = tstzrange(lower(valid_time), CAST(:now AS timestamptz), '[)')
WHERE id = ANY(:ids) AND lower(valid_time) < CAST(:now AS timestamptz)
"""


def of_homes(session: Session) -> list[Change]:
    """Return what the incoming homes change; people, elders and children as 3/1/0."""
    return [Change(*row) for row in session.execute(text(HOMES_SQL))]


def remove_homes(session: Session, ids: Sequence[int]) -> None:
    """Delete homes; the units they belonged to then stand on what is left."""
    rows = session.execute(text(REMOVE_HOMES_SQL), {"ids": list(ids)}).all()
    buildings = {row.building_id for row in rows if row.unit_id}
    if units := derive_unit_parts(session, buildings):
        derive_units(session, unit_ids=units)
        record_load(session, units, len(rows))


def of_facilities(session: Session) -> list[Change]:
    """Return what the incoming facilities change."""
    return [Change(*row) for row in session.execute(text(FACILITIES_SQL))]


def remove_facilities(session: Session, ids: Sequence[int]) -> None:
    """Close facilities, so that a map does not bring them back."""
    session.execute(text(REMOVE_FACILITIES_SQL), {"ids": list(ids)})


def of_posts(session: Session, loader: PostLoader, posts: Sequence[PostChange]) -> list[Change]:
    """Return what a list of people changes: new posts, ended ones, telephones, and who is gone."""
    names = _place_names(session, loader)
    people = {code: name or loader.names.get(code, "") for code, (name, _) in loader.people.items()}
    people |= {code: name for code, name in loader.names.items() if code not in people}
    changes: list[Change] = []
    ended: set[int] = set()
    for slot, term in posts:
        place = names["building" if slot.site.level == "building" else "area", slot.site.id]
        kind = next((kind.zh for kind in loader.kinds.rows if kind.id == slot.kind), None)
        name = f"{kind or ROLE_BY_KEY[slot.role].zh} · {place}"
        person = people.get(term.person or "", "")
        if term.id is None:
            # a stored later holder ends a post that begins before
            until = (
                f" → {term.stop.astimezone(loader.timezone).date()}"
                if term.stop is not None
                else ""
            )
            changes.append(Change("came", name, new=person + until))
        elif term.stop is not None:
            ended.add(term.id)
            changes.append(Change("went", name, old=_stored_name(session, term.person, people)))
        else:
            changes.append(Change("changed", name, new=person))
    changes += _phones(session, loader)
    listed = {
        (slot.role, slot.site.level == "building", slot.site.id, term.person or "")
        for slot, terms in loader.posts.items()
        for term in terms
    }
    for row in session.execute(text(POSTS_GONE_SQL), _sites(loader)):
        if row.id not in ended and (row.role, row.of_building, row.site, row.code) not in listed:
            name = f"{ROLE_BY_KEY[row.role].zh} · {row.place}"
            changes.append(Change("went", name, old=row.person, id=row.id))
    return changes


def end_posts(session: Session, ids: Sequence[int], now: datetime) -> None:
    """End present posts now."""
    session.execute(text(END_REGISTER_POSTS_SQL), {"ids": list(ids), "now": now})


def _sites(loader: PostLoader) -> dict[str, list[Any]]:
    pairs = {(slot.role, slot.site.level == "building", slot.site.id) for slot in loader.posts}
    ordered = sorted(pairs)
    return {
        "roles": [role for role, _, _ in ordered],
        "areas": [None if of_building else id for _, of_building, id in ordered],
        "buildings": [id if of_building else None for _, of_building, id in ordered],
    }


def _place_names(session: Session, loader: PostLoader) -> dict[tuple[str, int], str]:
    sites = _sites(loader)
    params = {key: [id for id in sites[key] if id is not None] for key in ("areas", "buildings")}
    return {(row.of, row.id): row.name for row in session.execute(text(PLACES_SQL), params)}


def _stored_name(session: Session, code: str | None, people: dict[str, str]) -> str:
    if code is None or code in people:
        return people.get(code or "", "")
    row = session.execute(text(PHONES_SQL), {"codes": [code]}).first()
    return str(row.name) if row else ""


def _phones(session: Session, loader: PostLoader) -> list[Change]:
    """Return the telephones that change."""
    stored = session.execute(text(PHONES_SQL), {"codes": list(loader.people)})
    return [
        Change("changed", row.name, old=row.phone, new=phone)
        for row in stored
        if (phone := loader.people[row.code][1]) and phone != row.phone
    ]
