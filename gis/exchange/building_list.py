"""The register of buildings as its keepers read it: a list, one building, those without a place."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from openpyxl import Workbook
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import NotFound
from gis.files.formulas import cell_text
from gis.messages import label
from gis.people.area_chains import area_chain
from gis.rights.actions import KEEPING, Action
from gis.rights.principal import Principal

MAX_SHEET_BUILDINGS = 50_000
MAX_BUILDING_CHANGES = 50  # of a building, the newest
BUILDING_FACTS = ("estate", "name", "address", "kind", "floors", "homes", "outline", "code")
LACKS = ("outline", "head", "homes")
SHEET_COLUMNS = (
    "code", "estate", "name", "address", "kind", "floors", "stairwells", "homes", "households",
    "outline", "grid", "grid_name", "community_name", "units", "head", "sponsor", "lon", "lat",
)  # fmt: skip


@dataclass(frozen=True)
class Filters:
    """Which buildings.

    Attributes
    ----------
    words
        In estate, name, code or address.
    area
        Code of a grid, community, street or county that they stand in.
    lacks
        One of LACKS: an outline that is drawn, a head, or homes.
    """

    words: str = ""
    estate: str = ""
    area: str = ""
    lacks: str = ""


# The order is that of the doors: the estate, then the number, as 2号楼 before 10号楼.
BUILDING_SORT_KEY = "building_sort_key(b.estate, b.name, b.code)"


def _within(name: str, areas: str) -> str:
    """Return the SQL of what lies in areas: `{name}_county` and `{name}_building`.

    A building says its county itself, but for some loaded before there were areas. In other areas
    it is looked for in their own shapes, in those below where they have none.
    """
    covers = "s.geom && b.geom AND ST_Covers(s.geom, ST_PointOnSurface(b.geom))"
    holds = "s.valid_time @> CAST(:at AS timestamptz)"
    return f"""
{name}_top AS (SELECT id, code, level FROM area WHERE id = ANY(in_counties({areas}))),
{name}_county AS (SELECT code FROM {name}_top WHERE level = 'county'),
{name}_area AS (
  SELECT id FROM {name}_top WHERE level <> 'county'
  UNION SELECT a.id FROM area a JOIN {name}_area m ON a.parent_id = m.id
  WHERE a.level <> 'unit'
    AND NOT EXISTS (SELECT FROM boundary s WHERE s.area_id = m.id AND {holds})
),
{name}_building AS (
  SELECT b.id FROM {name}_area m JOIN boundary s ON s.area_id = m.id AND {holds}
  JOIN building b ON {covers}
  UNION ALL
  SELECT b.id FROM {name}_top m JOIN boundary s ON s.area_id = m.id AND {holds}
  JOIN building b ON b.county IS NULL AND {covers} WHERE m.level = 'county'
)"""  # noqa: S608  ours


WHERE = """
(:everywhere OR b.county IN (SELECT code FROM mine_county)
    OR b.id IN (SELECT id FROM mine_building))
  AND (:area = '' OR b.county IN (SELECT code FROM chosen_county)
    OR b.id IN (SELECT id FROM chosen_building))
  AND (:words = '' OR strpos(lower(concat_ws(' ', b.estate || b.name, b.code, b.address)),
    lower(:words)) > 0)
  AND (:estate = '' OR b.estate = :estate)
  AND CASE :lacks
    WHEN 'outline' THEN b.outline = 'assumed'
    WHEN 'head' THEN b.estate <> '' AND NOT EXISTS (SELECT FROM post p WHERE p.building_id = b.id
      AND p.role = 'building_head' AND p.holder_id IS NOT NULL
      AND p.valid_time @> CAST(:at AS timestamptz))
    WHEN 'homes' THEN NOT EXISTS (SELECT FROM household h WHERE h.building_id = b.id)
    ELSE true END
"""
AREAS_CTE = f"""
WITH RECURSIVE {_within("mine", ":areas")},
{_within("chosen", "ARRAY(SELECT id FROM area WHERE code = :area)")}
"""  # noqa: S608  ours
COLUMNS = f"""
b.id, b.code, b.estate, b.name, b.address, b.kind, b.floors, b.homes, b.outline, b.source,
b.version, ST_X(p.point) AS lon, ST_Y(p.point) AS lat, g.code AS grid, g.name AS grid_name,
c.name AS community_name, {BUILDING_SORT_KEY} AS key,
(SELECT count(*) FROM stairwell s WHERE s.building_id = b.id) AS stairwells,
(SELECT count(*) FROM household h WHERE h.building_id = b.id) AS households,
(SELECT string_agg(DISTINCT u.name, '、') FROM unit_part t JOIN area u ON u.id = t.unit_id
  WHERE t.building_id = b.id) AS units,
(SELECT h.name FROM post k JOIN personal.person h ON h.id = k.holder_id
  WHERE k.building_id = b.id AND k.role = 'building_head'
  AND k.valid_time @> CAST(:at AS timestamptz) LIMIT 1) AS head,
(SELECT h.name FROM post k JOIN personal.person h ON h.id = k.holder_id
  WHERE k.building_id = b.id AND k.role = 'building_sponsor'
  AND k.valid_time @> CAST(:at AS timestamptz) LIMIT 1) AS sponsor
"""  # noqa: S608  ours
BUILDING_PLACES = """
CROSS JOIN LATERAL (SELECT ST_PointOnSurface(b.geom) AS point) p
LEFT JOIN LATERAL grid_at(p.point, CAST(:at AS timestamptz)) g ON true
LEFT JOIN area c ON c.id = g.parent_id
"""
BUILDING_LIST_SQL = f"""
{AREAS_CTE}, page AS (
  SELECT b.* FROM building b WHERE {WHERE}
  AND (CAST(:after AS text) IS NULL OR {BUILDING_SORT_KEY} > :after)
  ORDER BY {BUILDING_SORT_KEY} LIMIT :limit
)
SELECT {COLUMNS} FROM page b {BUILDING_PLACES} ORDER BY {BUILDING_SORT_KEY}
"""  # noqa: S608  ours
COUNT_SQL = f"""
{AREAS_CTE}
SELECT count(*) FROM building b WHERE {WHERE}
"""  # noqa: S608  ours
ONE_SQL = f"""
SELECT {COLUMNS}, ST_AsGeoJSON(b.geom, 7) AS geometry
FROM building b {BUILDING_PLACES} WHERE b.code = :code
"""  # noqa: S608  ours
AT_SQL = """
SELECT code FROM building
WHERE ST_Covers(geom, ST_SetSRID(ST_Point(:lon, :lat), 4490)) ORDER BY ST_Area(geom), code LIMIT 1
"""
FLOORS_SQL = """
SELECT coalesce(s.name, '') AS stairwell, h.floor, count(h.room) AS homes,
  coalesce(sum(h.people), 0) AS people
FROM stairwell s FULL JOIN household h ON h.stairwell_id = s.id
WHERE coalesce(h.building_id, s.building_id) = :id
GROUP BY 1, 2 ORDER BY lpad(coalesce(s.name, ''), 6, '0'), 2
"""
BUILDING_CHANGES_SQL = """
SELECT at, who, why, op, old, new FROM history
WHERE table_name = 'building' AND row_key = CAST(:id AS text) ORDER BY id DESC LIMIT :most
"""
# Those of one's own areas; of no area those of estates that have buildings there (lower: an index).
UNPLACED_LIST_SQL = f"""
{AREAS_CTE}, mine AS (
  SELECT id FROM area WHERE id = ANY(:areas)
  UNION SELECT a.id FROM area a JOIN mine m ON a.parent_id = m.id WHERE a.level <> 'unit'
)
SELECT id, coalesce(code, '') AS code, estate, name, address, kind, floors, stairwells, homes,
  source
FROM unplaced_building u
WHERE :everywhere OR area_id IN (SELECT id FROM mine)
  OR area_id IS NULL AND estate <> '' AND EXISTS (
    SELECT FROM building b WHERE lower(b.estate) = lower(u.estate) AND b.estate = u.estate
      AND (b.county IN (SELECT code FROM mine_county) OR b.id IN (SELECT id FROM mine_building)))
ORDER BY estate, lpad(coalesce(substring(name FROM '[0-9]+'), ''), 6, '0'), name, id
"""  # noqa: S608  ours


def list_buildings(
    session: Session,
    principal: Principal,
    at: datetime,
    filters: Filters,
    after: str | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Return buildings where a principal keeps the register, by estate and number.

    Names of heads and sponsors are those that the principal may see there; else empty.

    Parameters
    ----------
    after
        `key` of the last one before.
    """
    params = _params(principal, at, filters) | {"after": after, "limit": limit}
    rows = session.execute(text(BUILDING_LIST_SQL), params).mappings()
    may_name: dict[str | None, bool] = {}  # by grid
    return [_shown(session, principal, at, dict(row), may_name) for row in rows]


def count_buildings(session: Session, principal: Principal, at: datetime, filters: Filters) -> int:
    """Return how many buildings `list_buildings` has in all."""
    return int(session.scalar(text(COUNT_SQL), _params(principal, at, filters)) or 0)


def _params(principal: Principal, at: datetime, filters: Filters) -> dict[str, Any]:
    areas = principal.areas_of(KEEPING)
    return {
        "everywhere": areas is None,
        "areas": sorted(areas or ()),
        "at": at,
        "area": filters.area,
        "words": filters.words.strip(),
        "estate": filters.estate,
        "lacks": filters.lacks,
    }


def _shown(
    session: Session,
    principal: Principal,
    at: datetime,
    row: dict[str, Any],
    may_name: dict[str | None, bool],
) -> dict[str, Any]:
    """Return a row without the names that the principal may not see there.

    Parameters
    ----------
    may_name
        What is known of grids by then; asked once for each.
    """
    if principal.areas_by_action.get(Action.NAMES, frozenset()) is None:
        return row
    if row["head"] or row["sponsor"]:
        grid = row["grid"]
        if grid not in may_name:
            chain = area_chain(session, None, row["id"], at)
            may_name[grid] = principal.is_allowed(Action.NAMES, chain)
        if not may_name[grid]:
            return row | {"head": None, "sponsor": None}
    return row


def building_at(session: Session, lon: float, lat: float) -> str | None:
    """Return the code of the smallest building over a point, EPSG:4490; None for none."""
    code: str | None = session.scalar(text(AT_SQL), {"lon": lon, "lat": lat})
    return code


def building_detail(
    session: Session, principal: Principal, at: datetime, code: str
) -> dict[str, Any]:
    """Return one building with its outline, homes by stairwell and storey, and changes.

    Raises
    ------
    NotFound
        No building has the code.
    Forbidden
        The principal does not keep the register there.
    """
    row = session.execute(text(ONE_SQL), {"code": code, "at": at}).mappings().first()
    if row is None:
        raise NotFound("building.unknown", code=code)
    principal.require_any(KEEPING, area_chain(session, None, row["id"], at))
    floors = session.execute(text(FLOORS_SQL), {"id": row["id"]}).mappings()
    changes = session.execute(
        text(BUILDING_CHANGES_SQL), {"id": row["id"], "most": MAX_BUILDING_CHANGES}
    )
    return _shown(session, principal, at, dict(row), {}) | {
        "geometry": orjson.loads(row["geometry"]),
        "doors": [dict(each) for each in floors],
        "changes": [_change(each) for each in changes],
    }


def _change(row: Any) -> dict[str, Any]:
    old, new = row.old or {}, row.new or {}
    fields = [name for name in (*BUILDING_FACTS, "geom") if old.get(name) != new.get(name)]
    return {
        "at": row.at,
        "who": row.who,
        "why": row.why,
        "op": row.op,
        "fields": [
            {"field": name, "old": _text(old.get(name)), "new": _text(new.get(name))}
            if name != "geom"
            else {"field": name, "old": "", "new": ""}
            for name in fields
        ],
    }


def _text(value: object) -> str:
    return "" if value is None else str(value)


def list_unplaced(session: Session, principal: Principal, at: datetime) -> list[dict[str, Any]]:
    """Return the buildings of a principal's registers that wait, without names of persons."""
    params = _params(principal, at, Filters())
    return [dict(row) for row in session.execute(text(UNPLACED_LIST_SQL), params).mappings()]


def write_list(rows: Sequence[dict[str, Any]], path: Path, language: str) -> None:
    """Write buildings as a workbook; texts that would be formulas begin with an apostrophe."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("buildings")
    sheet.append([label(f"building_column.{name}", language) for name in SHEET_COLUMNS])
    for row in rows:
        values = (row[name] for name in SHEET_COLUMNS)
        sheet.append([cell_text(value) if isinstance(value, str) else value for value in values])
    book.save(path)
