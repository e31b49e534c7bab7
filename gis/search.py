"""Search of places and people by code, name or address, as the search box offers it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from gis.areas.models import Level
from gis.bigrams import bigrams_of, contains_sql
from gis.errors import invalid_field
from gis.facilities.categories import CATEGORY_BY_KEY
from gis.facilities.category_words import find_categories
from gis.files.person_names import one_dot
from gis.pinyin import is_typed_pinyin, match_pinyin
from gis.places.address import parse_address
from gis.places.lookup import find_named
from gis.places.naming import Naming
from gis.rights.roles import ROLE_BY_KEY

MAX_QUERY_CHARS = 100
MAX_PREFIXED = 200  # areas whose code begins with what was typed; the shortest codes
LEVEL_EN = {
    Level.PROVINCE: "province",
    Level.CITY: "city",
    Level.COUNTY: "county",
    Level.STREET: "street",
    Level.COMMUNITY: "community",
    Level.GRID: "grid",
    Level.UNIT: "ten-household unit",
}


@dataclass(frozen=True)
class Hit:
    """A result of a search.

    Attributes
    ----------
    kind
        area, building, facility or person.
    code
        Code of the result; for a person, of the area or building they are responsible for.
    kind_zh, kind_en
        Level, category or role, for display.
    detail
        Where it is: the area above, the address, or what the person is responsible for.
    lon, lat
        A point on it, degrees, EPSG:4490.
    bbox
        West, south, east, north of its geometry, degrees.
    address
        The part of an address that names a stairwell or room, to be passed to `locate`.
    """

    kind: str
    code: str
    name: str
    level: str
    kind_zh: str
    kind_en: str
    detail: str
    lon: float
    lat: float
    bbox: tuple[float, float, float, float]
    address: str | None = None


# `fit` is 0 if the text is the query, 1 if it begins with it, 2 if it contains it. Each branch is
# limited to its best rows, and the whole again.
SEARCH_SQL = text(
    f"""
WITH asked AS (
  SELECT CAST(:q AS text) AS q, CAST(:person_q AS text) AS person_q, (
    SELECT ST_Union(geom) FROM boundary
    WHERE area_id = ANY(CAST(:mine AS bigint[])) AND valid_time @> CAST(:at AS timestamptz)
  ) AS mine
),
area_hit AS (
  SELECT 'area' AS kind, a.code, a.name, a.level AS level, coalesce(up.name, '') AS detail,
    land.geom,
    CASE WHEN a.code = q OR replace(lower(a.name), ' ', '') = q THEN 0
      WHEN starts_with(a.code, q) OR starts_with(replace(lower(a.name), ' ', ''), q) THEN 1
      ELSE 2 END AS fit,
    coalesce(ST_Intersects(land.geom, mine), false) AS near,
    0 AS after
  FROM asked, (
    SELECT id FROM area
    WHERE {contains_sql("name", "q")}
    UNION
    SELECT id FROM area
    WHERE lower(name) = ANY(CAST(:sounds AS text[]))
    UNION (
      SELECT id FROM area
      WHERE code ~>=~ CAST(:q AS text) AND code ~<=~ (CAST(:q AS text) || '~')
      ORDER BY length(code), code LIMIT :most_prefixed)
  ) fitting
  JOIN area a ON a.id = fitting.id
  LEFT JOIN boundary b ON b.area_id = a.id AND b.valid_time @> CAST(:at AS timestamptz)
  CROSS JOIN LATERAL (
    SELECT CASE WHEN a.level IN ('province', 'city')
      THEN land_of(ARRAY[a.id], CAST(:at AS timestamptz)) ELSE b.geom END AS geom
  ) land
  LEFT JOIN area up ON up.id = a.parent_id
  WHERE land.geom IS NOT NULL
  ORDER BY fit, near DESC, length(a.code), a.code
  LIMIT :n
), facility_hit AS (
  SELECT 'facility', f.code, f.name, f.category, f.address, f.geom,
    CASE WHEN lower(f.code) = q OR replace(lower(f.name), ' ', '') = q THEN 0
      WHEN starts_with(replace(lower(f.name), ' ', ''), q) OR f.category = ANY(:categories) THEN 1
      ELSE 2 END AS fit,
    coalesce(ST_Intersects(f.geom, mine), false) AS near,
    1
  FROM asked, (
    SELECT id FROM facility WHERE {contains_sql("name", "q")}
    UNION
    SELECT id FROM facility WHERE {contains_sql("address", "q")}
    UNION
    SELECT id FROM facility
    WHERE lower(code) = :q OR lower(name) = ANY(CAST(:sounds AS text[]))
      OR category = ANY(:categories)
  ) fitting
  JOIN facility f ON f.id = fitting.id
  ORDER BY fit, near DESC, f.name, f.code
  LIMIT :n
), building_hit AS (
  SELECT 'building', h.code, h.estate || h.name, 'building', h.address, h.geom,
    CASE WHEN lower(h.code) = q OR replace(lower(h.estate || h.name), ' ', '') = q
        OR h.code = ANY(CAST(:named AS text[])) THEN 0
      WHEN starts_with(replace(lower(h.estate || h.name), ' ', ''), q) THEN 1
      ELSE 2 END AS fit,
    coalesce(ST_Intersects(h.geom, mine), false) AS near,
    2
  FROM asked, (
    SELECT id FROM building WHERE NOT :whole AND {contains_sql("estate || name", "q")}
    UNION
    SELECT id FROM building WHERE NOT :whole AND {contains_sql("address", "q")}
    UNION
    SELECT id FROM building
    WHERE lower(code) = :q OR code = ANY(CAST(:named AS text[]))
      OR NOT :whole AND lower(estate) = ANY(CAST(:sounds AS text[]))
  ) fitting
  JOIN building h ON h.id = fitting.id
  ORDER BY fit, near DESC, h.estate, length(h.name), h.name, h.code
  LIMIT :n
), person_hit AS (
  SELECT 'person', coalesce(a.code, h.code), p.name, o.role, coalesce(a.name, h.estate || h.name),
    coalesce(b.geom, h.geom),
    CASE WHEN replace(lower(p.name), ' ', '') = person_q THEN 0
      WHEN starts_with(replace(lower(p.name), ' ', ''), person_q) THEN 1
      ELSE 2 END AS fit,
    coalesce(ST_Intersects(coalesce(b.geom, h.geom), mine), false) AS near,
    3
  FROM asked, personal.person p
  JOIN post o ON o.holder_id = p.id AND o.valid_time @> CAST(:at AS timestamptz)
  LEFT JOIN area a ON a.id = o.area_id
  LEFT JOIN boundary b ON b.area_id = a.id AND b.valid_time @> CAST(:at AS timestamptz)
  LEFT JOIN building h ON h.id = o.building_id
  WHERE {contains_sql("p.name", "person_q")}
    AND coalesce(b.geom, h.geom) IS NOT NULL
    AND (:everywhere OR EXISTS (
      WITH RECURSIVE up AS (
        SELECT id, parent_id FROM area
        WHERE id = coalesce(o.area_id, (
          SELECT g.id FROM grid_at(ST_PointOnSurface(h.geom), CAST(:at AS timestamptz)) g))
        UNION
        SELECT x.id, x.parent_id FROM area x JOIN up ON x.id = up.parent_id
      )
      SELECT FROM up WHERE up.id = ANY(CAST(:names_in AS bigint[]))))
  ORDER BY fit, near DESC, p.name, p.id
  LIMIT :n
), hit AS (
  SELECT * FROM area_hit
  UNION ALL
  SELECT * FROM facility_hit
  UNION ALL
  SELECT * FROM building_hit
  UNION ALL
  SELECT * FROM person_hit
)
SELECT kind, code, name, level, detail,
  ST_X(ST_PointOnSurface(geom)) AS lon, ST_Y(ST_PointOnSurface(geom)) AS lat,
  ST_XMin(geom) AS west, ST_YMin(geom) AS south, ST_XMax(geom) AS east, ST_YMax(geom) AS north
FROM hit
ORDER BY fit, near DESC, after, length(code), name, code
LIMIT :n
"""  # noqa: S608  our own text
)


# what may be searched for by its pinyin; names of people are not
PINYIN_NAMES_SQL = text(
    """
SELECT a.name FROM area a
  JOIN boundary b ON b.area_id = a.id AND b.valid_time @> CAST(:at AS timestamptz)
UNION
SELECT name FROM facility
UNION
SELECT estate FROM building
"""
)
MAX_SOUNDS = 200  # names that sound like what was typed


def search(
    session: Session,
    query: str,
    at: datetime,
    limit: int = 10,
    names: frozenset[int] | None = None,
    mine: frozenset[int] = frozenset(),
) -> list[Hit]:
    """Find areas, facilities, buildings and responsible people, best match first.

    Parameters
    ----------
    query
        A code or its beginning, a name or part of it, its pinyin or the initials of it ("xxsq"), a
        word for a category ("药店", "诊所"), an address with or without the community's name and
        the room ("西兴社区3栋2单元501室"), or a person's name. Blanks do not count.
    at
        Moment whose boundaries and posts apply.
    names
        Ids of the areas whose people are found; None means everywhere.
    mine
        Ids of the areas that come first among what fits as well.

    Raises
    ------
    InvalidInput
        The query is empty, or longer than MAX_QUERY_CHARS.
    """
    query = _require_query(query)
    address = parse_address(query)
    named = find_named(session, address, at, areas=False) if address.text else []
    needle = "".join(query.lower().split())
    person_needle = one_dot(needle)  # as names are stored
    rows = session.execute(
        SEARCH_SQL,
        {
            "q": needle,
            "person_q": person_needle,
            "person_q_bigrams": bigrams_of(person_needle),
            "q_bigrams": bigrams_of(needle),
            "most_prefixed": MAX_PREFIXED,
            "at": at,
            "n": limit,
            "everywhere": names is None,
            "names_in": sorted(names or ()),
            # 祥和苑2号楼 does not match 新祥和苑2号楼
            "whole": bool(named)
            and bool(address.building or address.house)
            and named[0].naming is not Naming.NUMBER,
            "named": [building.code for building in named],
            "categories": find_categories(needle),
            "sounds": _find_sounds(session, needle, at),
            "mine": sorted(mine),
        },
    ).mappings()
    inside = (
        query
        if named and (address.is_inside or (address.other and address.other.is_inside))
        else None
    )
    return [_hit(row, inside) for row in rows]


def _require_query(query: str) -> str:
    """Return a query with single blanks.

    Raises
    ------
    InvalidInput
        It is empty or too long.
    """
    query = " ".join(query.split())
    if not query:
        raise invalid_field("q", "search.query_empty")
    if len(query) > MAX_QUERY_CHARS:
        raise invalid_field("q", "search.query_too_long", count=len(query), high=MAX_QUERY_CHARS)
    return query


def _hit(row: RowMapping, inside: str | None) -> Hit:
    """Return a row as a hit; `inside` is the address within a building that was searched."""
    kind_zh, kind_en = _titles(row["kind"], row["level"])
    return Hit(
        kind=row["kind"],
        code=row["code"],
        name=row["name"] or kind_zh,
        level=row["level"],
        kind_zh=kind_zh,
        kind_en=kind_en,
        detail=row["detail"],
        lon=row["lon"],
        lat=row["lat"],
        bbox=(row["west"], row["south"], row["east"], row["north"]),
        address=inside if row["kind"] == "building" else None,
    )


def _find_sounds(session: Session, typed: str, at: datetime) -> list[str]:
    """Return the names of places that sound like what was typed, the shortest first."""
    if not is_typed_pinyin(typed):
        return []
    names = [name for name in session.scalars(PINYIN_NAMES_SQL, {"at": at}) if name]
    return [name.lower() for name in sorted(match_pinyin(names, typed), key=len)[:MAX_SOUNDS]]


def _titles(kind: str, level: str) -> tuple[str, str]:
    if kind == "area":
        return Level(level).zh, LEVEL_EN[Level(level)]
    if kind == "person":
        return ROLE_BY_KEY[level].zh, ROLE_BY_KEY[level].en
    if kind == "facility":
        return (
            (CATEGORY_BY_KEY[level].zh, CATEGORY_BY_KEY[level].en)
            if level in CATEGORY_BY_KEY
            else (level, level)
        )
    return "楼栋", "building"
