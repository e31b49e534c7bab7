"""Store the rows of a register of buildings: insert new ones, change known ones, leave others."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas.identity import lock_counties
from gis.boundaries.store import derive_units
from gis.boundaries.unit_changes import record_load
from gis.db import STORAGE_SRID, copy_rows, point_ewkt
from gis.exchange.building_rows import BuildingRow, hex_ewkb, outline_of, square_around
from gis.facilities.entrances import MAX_DISTANCE_M
from gis.files.report import LoadReport
from gis.files.tables import Table
from gis.messages import Message

LOCK_BUILDINGS_SQL = "SELECT pg_advisory_xact_lock(hashtext('register of buildings'))"
TEXT_COLUMNS = ("estate", "name", "address", "kind")
NUMBER_COLUMNS = ("floors", "homes")

INCOMING_SQL = f"""
CREATE TEMP TABLE incoming_building_row (
  row int PRIMARY KEY, building_id bigint, is_new boolean DEFAULT false, code text, estate text,
  name text, address text, kind text, floors int, homes int, stairwells int, clear text[],
  outline text, by_shape boolean, geom geometry(MULTIPOLYGON, {STORAGE_SRID}),
  point geometry(POINT, {STORAGE_SRID}), county text
) ON COMMIT DROP
"""
COLUMNS = (
    "row", "building_id", "code", *TEXT_COLUMNS, *NUMBER_COLUMNS, "stairwells", "clear", "outline",
    "by_shape", "geom", "point",
)  # fmt: skip

# What an unplaced building was said to be holds where the row says nothing. Those of an area stand
# there: another one of the name may be elsewhere.
PLACED_SQL = """
WITH placed AS (
  DELETE FROM unplaced_building u USING incoming_building_row i
  LEFT JOIN building b ON b.id = i.building_id
  LEFT JOIN LATERAL grid_at(ST_PointOnSurface(coalesce(i.geom, b.geom)), now()) g ON true
  WHERE (u.code = i.code OR (u.code IS NULL AND (u.estate, u.name) = (i.estate, i.name)))
    AND (u.area_id IS NULL OR g.id IS NULL OR u.area_id IN (
      WITH RECURSIVE up AS (
        SELECT id, parent_id FROM area WHERE id = g.id
        UNION SELECT a.id, a.parent_id FROM area a JOIN up ON a.id = up.parent_id
      ) SELECT id FROM up))
  RETURNING i.row, u.*
), merged AS (
  UPDATE incoming_building_row i
  SET estate = coalesce(i.estate, nullif(u.estate, '')),
    name = coalesce(i.name, nullif(u.name, '')),
    address = coalesce(i.address, u.address), kind = coalesce(i.kind, u.kind),
    floors = coalesce(i.floors, u.floors), homes = coalesce(i.homes, u.homes),
    stairwells = coalesce(i.stairwells, u.stairwells)
  FROM placed u WHERE u.row = i.row
)
SELECT u.row, h.code AS head, s.code AS sponsor
FROM placed u
LEFT JOIN personal.person h ON h.id = u.head_id
LEFT JOIN personal.person s ON s.id = u.sponsor_id
"""
# An outline that is stored stays where the row has the same, or only a point, or an assumed one; a
# point moves an assumed one when it lies outside.
KEPT_OUTLINES_SQL = """
UPDATE incoming_building_row i SET geom = NULL, outline = NULL
FROM building b
WHERE b.id = i.building_id AND NOT coalesce(
  CASE WHEN i.by_shape THEN
    (i.outline = 'drawn' OR b.outline = 'assumed')
    AND ((i.outline = 'drawn' AND b.outline = 'assumed')
      OR NOT ST_Equals(i.geom, b.geom) AND ST_HausdorffDistance(i.geom, b.geom) > 2e-7)
  ELSE b.outline = 'assumed' AND NOT ST_Covers(b.geom, i.point) END,
  false)
"""
OUTSIDE_SQL = """
SELECT i.row, round(ST_Distance(geography(ST_SetSRID(b.geom, 4326)),
  geography(ST_SetSRID(i.point, 4326)))) AS metres
FROM incoming_building_row i JOIN building b ON b.id = i.building_id
WHERE i.geom IS NULL AND i.point IS NOT NULL AND NOT ST_Covers(b.geom, i.point)
ORDER BY i.row
"""
NEW_IDS_SQL = """
UPDATE incoming_building_row i
SET building_id = nextval(pg_get_serial_sequence('building', 'id')), is_new = true
WHERE building_id IS NULL
"""
NEW_CODES_SQL = """
WITH last AS (
  SELECT coalesce(max(CAST(substr(code, 2) AS bigint)), 0) AS number
  FROM (SELECT code FROM building UNION ALL SELECT code FROM closed_building
    UNION ALL SELECT code FROM incoming_building_row) c
  WHERE code ~ '^b[0-9]{1,15}$'
)
UPDATE incoming_building_row i SET code = 'b' || (last.number + n.nth)
FROM last, (SELECT row, row_number() OVER (ORDER BY row) AS nth
  FROM incoming_building_row WHERE is_new AND code IS NULL) n
WHERE n.row = i.row
"""
# The county of the grid (else of any area) that a point in the building lies in.
COUNTIES_OF_BUILDINGS_SQL = """
UPDATE incoming_building_row i
SET county = coalesce((SELECT g.county FROM grid_at(p.point, now()) g), (
  SELECT a.county FROM area a JOIN boundary s ON s.area_id = a.id AND s.valid_time @> now()
  WHERE (a.retired_at IS NULL OR a.retired_at > now()) AND ST_Covers(s.geom, p.point)
  ORDER BY a.code LIMIT 1))
FROM (SELECT row, ST_PointOnSurface(geom) AS point FROM incoming_building_row) p
WHERE p.row = i.row AND i.geom IS NOT NULL
"""
COUNTIES_OF_ROWS_SQL = (
    "SELECT DISTINCT county FROM incoming_building_row WHERE county IS NOT NULL ORDER BY 1"
)
# Homes and their units would be left behind in another county or grid.
LEFT_BEHIND_SQL = """
SELECT i.row, b.code, min(u.code) AS unit
FROM incoming_building_row i
JOIN building b ON b.id = i.building_id
JOIN household h ON h.building_id = b.id
LEFT JOIN area u ON u.id = h.unit_id
LEFT JOIN boundary s ON s.area_id = u.parent_id AND s.valid_time @> now()
WHERE i.geom IS NOT NULL
  AND (h.county IS DISTINCT FROM i.county OR NOT ST_Intersects(s.geom, i.geom))
GROUP BY i.row, b.code ORDER BY i.row
"""
INSERT_SQL = """
INSERT INTO building (id, code, county, estate, name, address, kind, floors, homes, geom, outline,
  source)
OVERRIDING SYSTEM VALUE
SELECT building_id, code, county, coalesce(estate, ''), coalesce(name, ''), coalesce(address, ''),
  coalesce(kind, ''), floors, homes, geom, outline, :source
FROM incoming_building_row WHERE is_new ORDER BY row
"""
_NEW_VALUES = ", ".join(
    [f"coalesce(i.{name}, b.{name})" for name in TEXT_COLUMNS]
    + [
        f"CASE WHEN '{name}' = ANY(i.clear) THEN NULL ELSE coalesce(i.{name}, b.{name}) END"
        for name in NUMBER_COLUMNS
    ]
    + ["coalesce(i.code, b.code)", "coalesce(i.geom, b.geom)", "coalesce(i.outline, b.outline)"]
    + ["CASE WHEN i.geom IS NULL THEN b.county ELSE i.county END"]
)
_COLUMN_NAMES = (*TEXT_COLUMNS, *NUMBER_COLUMNS, "code", "geom", "outline", "county")
UPDATE_BUILDINGS_SQL = f"""
WITH stated AS (
  SELECT b.id, {_NEW_VALUES}
  FROM incoming_building_row i JOIN building b ON b.id = i.building_id WHERE NOT i.is_new
), changed AS (
  UPDATE building b
  SET ({", ".join(_COLUMN_NAMES)}) = ({", ".join(f"s.{name}" for name in _COLUMN_NAMES)}),
    source = :source, version = b.version + 1
  FROM stated s(id, {", ".join(_COLUMN_NAMES)})
  WHERE s.id = b.id AND ({", ".join(f"b.{name}" for name in _COLUMN_NAMES)})
    IS DISTINCT FROM ({", ".join(f"s.{name}" for name in _COLUMN_NAMES)})
  RETURNING b.id
)
SELECT count(*) FROM changed
"""  # noqa: S608  ours
REOPEN_BUILDINGS_SQL = (
    "DELETE FROM closed_building c USING incoming_building_row i WHERE c.code = i.code"
)
FAR_DOORS_SQL = """
DELETE FROM entrance e USING incoming_building_row i
WHERE e.building_id = i.building_id AND i.geom IS NOT NULL AND NOT i.is_new
  AND ST_Distance(geography(ST_SetSRID(e.geom, 4326)), geography(ST_SetSRID(i.geom, 4326))) > :most
"""
# As many stairwells as stated: the lowest numbers that are free.
STAIRWELLS_SQL = """
INSERT INTO stairwell (building_id, name)
SELECT i.building_id, n.name
FROM incoming_building_row i
CROSS JOIN LATERAL (SELECT count(*) AS number FROM stairwell s
  WHERE s.building_id = i.building_id) has
CROSS JOIN LATERAL (
  SELECT CAST(nth AS text) AS name FROM generate_series(1, i.stairwells) nth
  WHERE NOT EXISTS (SELECT FROM stairwell s
    WHERE s.building_id = i.building_id AND s.name = CAST(nth AS text))
  ORDER BY nth LIMIT greatest(i.stairwells - has.number, 0)) n
ORDER BY i.row, CAST(n.name AS int)
"""
MORE_STAIRWELLS_SQL = """
SELECT i.row, i.stairwells AS stated, count(*) AS number
FROM incoming_building_row i JOIN stairwell s ON s.building_id = i.building_id
GROUP BY i.row, i.stairwells HAVING count(*) > i.stairwells ORDER BY i.row
"""
UNITS_OF_BUILDINGS_SQL = """
SELECT DISTINCT p.unit_id FROM unit_part p JOIN incoming_building_row i USING (building_id)
WHERE i.geom IS NOT NULL
"""
SUMMARY_SQL = """
SELECT min(ST_XMin(b.geom)), min(ST_YMin(b.geom)), max(ST_XMax(b.geom)), max(ST_YMax(b.geom)),
  array_agg(i.row ORDER BY i.row) FILTER (WHERE b.county IS NULL) AS outside,
  count(*) FILTER (WHERE i.is_new AND b.outline = 'assumed') AS assumed
FROM incoming_building_row i JOIN building b ON b.id = i.building_id
"""


def stage(session: Session, rows: Sequence[BuildingRow]) -> None:
    """Put the rows that have a place into a temporary table."""
    session.execute(text("DROP TABLE IF EXISTS pg_temp.incoming_building_row"))
    session.execute(text(INCOMING_SQL))
    copy_rows(session, "incoming_building_row", COLUMNS, map(_incoming, rows))


def _incoming(row: BuildingRow) -> tuple[object, ...]:
    stated = outline_of(row["outline"])
    shape, outline = row.shape, stated or "drawn"
    if shape is None and row.point is not None:
        shape, outline = square_around(*row.point), "assumed"
    point = None if row.point is None else point_ewkt(*row.point)
    return (
        row.number,
        row.building,
        row["code"],
        *(row[name] for name in (*TEXT_COLUMNS, *NUMBER_COLUMNS)),
        row["stairwells"],
        list(row.clear),
        outline,
        row.shape is not None,
        hex_ewkb(shape),
        point,
    )


def write(
    session: Session, source: str, table: Table, report: LoadReport
) -> dict[int, dict[str, str]]:
    """Store the staged rows; refuse outlines that would leave homes behind.

    Parameters
    ----------
    source
        Marks what is new or changed.

    Returns
    -------
    The codes of the head and sponsor of those that were not placed until now, by row.
    """
    waiting = {
        each.row: {post: getattr(each, post) for post in ("head", "sponsor") if getattr(each, post)}
        for each in session.execute(text(PLACED_SQL))
    }
    session.execute(text(KEPT_OUTLINES_SQL))
    for row, metres in session.execute(text(OUTSIDE_SQL)):
        report.note_row("building_row.point_outside", row, f"{metres:.0f} m")
    for statement in (NEW_IDS_SQL, NEW_CODES_SQL, COUNTIES_OF_BUILDINGS_SQL):
        session.execute(text(statement))
    for row, code, unit in session.execute(text(LEFT_BEHIND_SQL)):
        params = {"code": code, "unit": unit or ""}
        report.refused.append(table.refuse(row, "geometry", "building_row.left_behind", **params))
    lock_counties(session, session.scalars(text(COUNTIES_OF_ROWS_SQL)).all())
    connection = session.connection()
    rows: int = session.execute(text("SELECT count(*) FROM incoming_building_row")).scalar_one()
    new = connection.execute(text(INSERT_SQL), {"source": source}).rowcount
    changed: int = session.execute(text(UPDATE_BUILDINGS_SQL), {"source": source}).scalar_one()
    session.execute(text(REOPEN_BUILDINGS_SQL))
    connection.execute(text(FAR_DOORS_SQL), {"most": MAX_DISTANCE_M})
    stairwells = connection.execute(text(STAIRWELLS_SQL)).rowcount
    for row, stated, number in session.execute(text(MORE_STAIRWELLS_SQL)):
        detail = Message("building_row.stairwells_of", {"stated": stated, "number": number})
        report.note_row("building_row.more_stairwells", row, detail)
    units = list(session.scalars(text(UNITS_OF_BUILDINGS_SQL)))
    if units:
        derive_units(session, unit_ids=units)
        record_load(session, units, 0)
    report.counts |= {
        "new": new,
        "changed": changed,
        "unchanged": rows - new - changed,
        "new_stairwells": stairwells,
    }
    *bbox, outside, assumed = session.execute(text(SUMMARY_SQL)).one()
    report.bbox = None if bbox[0] is None else (bbox[0], bbox[1], bbox[2], bbox[3])
    for row in outside or ():
        report.note_row("building_row.outside_areas", row)
    if assumed:
        report.note("building_row.assumed", count=assumed)
    return waiting
