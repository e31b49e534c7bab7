"""Loading the places people walk to for a service."""

from collections.abc import Callable, Sequence
from pathlib import Path

from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import STORAGE_SRID, copy_rows
from gis.exchange.building_match import BuildingNotFound, BuildingQuery, find_buildings
from gis.exchange.building_rows import as_outline, hex_ewkb, shape_of_text
from gis.exchange.columns import FACILITY_COLUMNS
from gis.facilities.categories import (
    CATEGORIES,
    CATEGORY_BY_KEY,
    MAX_CAPACITY,
)
from gis.facilities.category_words import is_own_name, key_of_word
from gis.files import datasets
from gis.files.cells import CellError
from gis.files.points import read_points
from gis.files.report import LoadReport
from gis.files.tables import Row, Table, finish_reading, no_check, read_table
from gis.kinds import KindTable, read_kinds
from gis.messages import Message

FACILITY_AREA_M2 = (2.0, 10_000_000.0)  # of an outline, as of a park

FACILITY_STAGING_SQL = f"""
CREATE TEMP TABLE incoming_facility (
  row int PRIMARY KEY, code text NOT NULL, name text, category text NOT NULL, kind_id bigint,
  address text,
  opening_hours text, contact text, capacity int, building_id bigint,
  point geometry(POINT, {STORAGE_SRID}), shape geometry(GEOMETRY, {STORAGE_SRID}), county text
) ON COMMIT DROP
"""

FACILITY_STAGING_COLUMNS = (
    "row",
    "code",
    "name",
    "category",
    "kind_id",
    "address",
    "opening_hours",
    "contact",
    "capacity",
    "building_id",
    "point",
    "shape",
)

AT_BUILDINGS = """
UPDATE incoming_facility f
SET point = coalesce(b.entrance, ST_ReducePrecision(ST_PointOnSurface(b.geom), 1e-7))
FROM building b WHERE b.id = f.building_id
"""
IN_OUTLINES = """
UPDATE incoming_facility SET point = ST_ReducePrecision(ST_PointOnSurface(shape), 1e-7)
WHERE point IS NULL
"""

# The county of the grid (else of any area) that the point lies in; the lower code where two share a
# border.
FACILITY_COUNTIES_SQL = """
UPDATE incoming_facility f SET county = coalesce((SELECT g.county FROM grid_at(f.point, now()) g), (
  SELECT a.county FROM area a JOIN boundary s ON s.area_id = a.id AND s.valid_time @> now()
  WHERE (a.retired_at IS NULL OR a.retired_at > now()) AND ST_Covers(s.geom, f.point)
      ORDER BY a.code LIMIT 1))
"""

# An empty cell, a point in a known outline or an outline of the same ground leaves the stored
# value; the file of a row stays until the row differs. A point outside the outline of its row has
# been moved.
WRITE_FACILITIES_SQL = """
WITH written AS (
  INSERT INTO facility AS old (code, county, category, kind_id, name, address, opening_hours,
      contact, capacity, geom, source)
  SELECT f.code, f.county, f.category, f.kind_id, coalesce(f.name, k.name, ''),
         coalesce(f.address, k.address, ''),
         coalesce(f.opening_hours, k.opening_hours, ''), coalesce(f.contact, k.contact, ''),
         coalesce(f.capacity, k.capacity),
         CASE WHEN ST_Covers(f.shape, f.point)
             THEN CASE WHEN ST_Equals(f.shape, k.geom) THEN k.geom ELSE f.shape END
           WHEN ST_Covers(k.geom, f.point) THEN k.geom ELSE f.point END, :source
  FROM incoming_facility f LEFT JOIN facility k ON k.code = f.code ORDER BY f.row
  ON CONFLICT (code) DO UPDATE
  SET county = excluded.county, category = excluded.category, kind_id = excluded.kind_id,
      name = excluded.name,
      address = excluded.address, opening_hours = excluded.opening_hours,
      contact = excluded.contact, capacity = excluded.capacity, geom = excluded.geom,
      source = excluded.source
  WHERE (old.county, old.category, old.kind_id, old.name, old.address, old.opening_hours,
         old.contact, old.capacity, old.geom)
    IS DISTINCT FROM (excluded.county, excluded.category, excluded.kind_id, excluded.name,
                      excluded.address, excluded.opening_hours, excluded.contact,
                      excluded.capacity, excluded.geom)
  RETURNING xmax = 0 AS new
)
SELECT count(*) FILTER (WHERE new), count(*) FILTER (WHERE NOT new) FROM written
"""

FACILITY_KINDS_SQL = "SELECT code, kind_id FROM facility WHERE code = ANY(:codes)"

# who names one that was closed opens it again
REOPEN_FACILITIES_SQL = (
    "DELETE FROM closed_facility c USING incoming_facility f WHERE f.code = c.code"
)

# entrances that were known for another place are none for this one
FORMER_ENTRANCES = """
DELETE FROM entrance e USING facility k, incoming_facility f
WHERE e.facility_id = k.id AND k.code = f.code AND NOT ST_Covers(k.geom, f.point)
"""

FACILITY_BBOX_SQL = """
SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e), outside
FROM (
  SELECT ST_Extent(point) AS e,
    array_agg(row ORDER BY row) FILTER (WHERE county IS NULL) AS outside
      FROM incoming_facility
) f
"""


def load_facilities(session: Session, path: Path, crs: str | None = None) -> LoadReport:
    """Load facilities from a table; `gis.exchange.columns.FACILITIES` says what it may hold.

    A facility is known by its code; known ones are changed where the row differs, others stay.
    Without a point or outline it stands at the entrance (else inside) of the building that its
    address means.

    Parameters
    ----------
    crs
        System of the points of rows that name none; one of `gis.crs.SUPPORTED_CRS`.

    Returns
    -------
    The report. Where a row is refused nothing is written at all.

    Raises
    ------
    InvalidInput, TooLarge
        The file cannot be read as such a table.
    """
    report = LoadReport("facilities", path.name)
    load_facility_table(session, read_table(path, FACILITY_COLUMNS, report), report, crs)
    datasets.record_report(session, path, report)
    return report


def load_facility_table(
    session: Session,
    table: Table,
    report: LoadReport,
    crs: str | None = None,
    check: Callable[[], None] = no_check,
) -> None:
    """Load facilities from an open table; see `load_facilities`.

    Parameters
    ----------
    check
        Called when all rows are in the table incoming_facility and nothing is written yet; may
        refuse more.
    """
    rows = list(table.rows)
    row_by_code: dict[str, int] = {}
    kinds = _kinds_of(session, rows)
    for row in rows:
        faults = _faults(row, row_by_code, kinds[row["code"]])
        report.refused += [table.refuse(row.number, *fault) for fault in faults]
        _note_category(row, kinds[row["code"]], report)
    points, pointless = read_points(table, rows, crs, report)
    outlines = _outlines(rows, table, crs, report)
    pointless = [nth for nth in pointless if rows[nth].number not in outlines]
    buildings = _find_by_address(session, rows, pointless, table, report)
    report.crs = (
        ", ".join(sorted({row["crs"] or crs or "" for row in rows if row["lon"] is not None}))
        or None
    )
    if finish_reading(report):
        for nth in sorted(buildings):
            report.note_row("facility_row.at_building", rows[nth].number, rows[nth]["address"])
        session.execute(text("DROP TABLE IF EXISTS pg_temp.incoming_facility"))
        session.execute(text(FACILITY_STAGING_SQL))
        incoming = (
            (
                *_incoming(row, kinds[row["code"]], point, buildings.get(nth)),
                hex_ewkb(outlines.get(row.number)),
            )
            for nth, (row, point) in enumerate(zip(rows, points, strict=True))
        )
        copy_rows(session, "incoming_facility", FACILITY_STAGING_COLUMNS, incoming)
        session.execute(text(AT_BUILDINGS))
        session.execute(text(IN_OUTLINES))
        session.execute(text(FACILITY_COUNTIES_SQL))
        check()
        if finish_reading(report):
            _write(session, report)


def _outlines(
    rows: Sequence[Row], table: Table, crs: str | None, report: LoadReport
) -> dict[int, BaseGeometry]:
    """Return the outlines of rows by number; refuse those that are none."""
    outlines: dict[int, BaseGeometry] = {}
    for row in rows:
        try:
            shape = shape_of_text(row["shape"], row["crs"] or crs) if row["shape"] else None
            if shape is not None and shape.geom_type != "Point":  # that is lon and lat
                outline = as_outline(shape, FACILITY_AREA_M2)
                outlines[row.number] = outline if len(outline.geoms) > 1 else outline.geoms[0]
        except CellError as error:
            report.refused.append(table.refuse(row.number, "shape", error.message))
    return outlines


def _kinds_of(session: Session, rows: Sequence[Row]) -> dict[str | None, KindTable]:
    """Return the kinds that the facility of each code may be of: those in use, and what it has."""
    codes = [row["code"] for row in rows]
    stored = session.execute(text(FACILITY_KINDS_SQL), {"codes": codes}).all()
    kinds = read_kinds(session, "facility")
    kept = {row.code: kinds.keeping(row.kind_id) for row in stored}
    return dict.fromkeys(codes, kinds) | kept


def _find_by_address(
    session: Session,
    rows: Sequence[Row],
    positions: Sequence[int],
    table: Table,
    report: LoadReport,
) -> dict[int, int]:
    """Return the id of the building that a row's address means, by position.

    Refuse rows that mean none.
    """
    matches = find_buildings(
        session, [BuildingQuery(address=rows[nth]["address"]) for nth in positions]
    )
    buildings: dict[int, int] = {}
    for nth, match in zip(positions, matches, strict=True):
        row = rows[nth]
        if not isinstance(match, BuildingNotFound):
            buildings[nth] = match
        elif row["address"]:
            report.refused.append(
                table.refuse(
                    row.number, match.field, "facility_row.no_building", reason=match.reason
                )
            )
        else:
            report.refused.append(table.refuse(row.number, "lon", "facility_row.no_place"))
    return buildings


def _faults(row: Row, row_by_code: dict[str, int], kinds: KindTable) -> list[tuple[str, Message]]:
    """Return what is wrong with one row, its place apart: field and reason."""
    faults = []
    code, category = row["code"], row["kind"] or row["category"]
    if not code:
        faults.append(("code", Message("facility_row.code_empty")))
    elif row_by_code.setdefault(code, row.number) != row.number:
        params: dict[str, object] = {"code": code, "row": str(row_by_code[code])}
        faults.append(("code", Message("facility_row.code_twice", params)))
    if not category or _category_and_kind(category, kinds)[0] is None:
        params = {
            "categories": "、".join(
                [*(choice.zh for choice in CATEGORIES), *(kind.zh for kind in kinds.rows)]
            )
        }
        if category:
            faults.append(
                (
                    "category",
                    Message("facility_row.category_unknown", params | {"category": category}),
                )
            )
        else:
            faults.append(("category", Message("facility_row.category_empty", params)))
    capacity = row["capacity"]
    if capacity is not None and not 0 <= capacity <= MAX_CAPACITY:
        params = {"capacity": str(capacity), "high": MAX_CAPACITY}
        faults.append(("capacity", Message("facility_row.capacity_out_of_range", params)))
    return faults


def _note_category(row: Row, kinds: KindTable, report: LoadReport) -> None:
    """Note which category a word was read as that is not the name of one."""
    word = row["kind"] or row["category"] or ""
    if not (is_own_name(word) or kinds.find(word)) and (key := key_of_word(word)):
        report.note_row(
            "facility_row.category_read", row.number, f"{word}: {CATEGORY_BY_KEY[key].zh}"
        )


def _category_and_kind(word: str, kinds: KindTable) -> tuple[str | None, int | None]:
    """Return the key of the category that a word means, and the id of a kind that people added."""
    kind = kinds.find(word)
    return (kind.parent, kind.id) if kind else (key_of_word(word), None)


def _incoming(
    row: Row, kinds: KindTable, point: tuple[float, float] | None, building: int | None
) -> tuple[object, ...]:
    ewkt = None if point is None else f"SRID={STORAGE_SRID};POINT({point[0]!r} {point[1]!r})"
    texts = (row["address"], row["opening_hours"], row["contact"])
    return (
        row.number,
        row["code"],
        row["name"],
        *_category_and_kind(row["kind"] or row["category"], kinds),
        *texts,
        row["capacity"],
        building,
        ewkt,
    )


def _write(session: Session, report: LoadReport) -> None:
    session.execute(text(FORMER_ENTRANCES))
    session.execute(text(REOPEN_FACILITIES_SQL))
    new, changed = session.execute(
        text(WRITE_FACILITIES_SQL), {"source": f"facilities: {report.source}"}
    ).one()
    report.counts |= {
        "new": new,
        "changed": changed,
        "unchanged": report.counts["rows"] - new - changed,
    }
    *bbox, outside = session.execute(text(FACILITY_BBOX_SQL)).one()
    report.bbox = (bbox[0], bbox[1], bbox[2], bbox[3])
    for row in outside or ():
        report.note_row("facility_row.outside_areas", row)
