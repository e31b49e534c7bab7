"""Loading doors and gates of buildings and facilities."""

from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import STORAGE_SRID, copy_rows, point_ewkt
from gis.exchange.columns import ENTRANCE_COLUMNS
from gis.facilities.entrances import MAX_DISTANCE_M
from gis.facilities.hours import read_hours
from gis.files import datasets
from gis.files.points import read_points
from gis.files.report import LoadReport
from gis.files.tables import Row, finish_reading, read_table
from gis.messages import Message
from gis.places.doors import ENTRANCE_KINDS, KIND_ZH

ENTRANCE_STAGING_SQL = f"""
CREATE TEMP TABLE incoming_entrance_row (
  row int PRIMARY KEY, code text NOT NULL, building text, facility text, kind text, hours text,
  note text, point geometry(POINT, {STORAGE_SRID}), building_id bigint, facility_id bigint,
  entrance_id bigint, metres float
) ON COMMIT DROP
"""
ENTRANCE_STAGING_COLUMNS = ("row", "code", "building", "facility", "kind", "hours", "note", "point")

OWNERS = """
UPDATE incoming_entrance_row i
SET building_id = o.building_id, facility_id = o.facility_id,
  metres = ST_Distance(geography(ST_SetSRID(o.geom, 4326)), geography(ST_SetSRID(i.point, 4326)))
FROM (
  SELECT code, id AS building_id, CAST(NULL AS bigint) AS facility_id, geom FROM building
  UNION ALL
  SELECT code, NULL, id, geom FROM facility) o
WHERE o.code = CASE WHEN o.building_id IS NULL THEN i.facility ELSE i.building END
"""
KNOWN = """
UPDATE incoming_entrance_row i SET entrance_id = e.id
FROM entrance e
WHERE coalesce(e.code, 'e' || e.id) = i.code
  AND (e.building_id = i.building_id OR e.facility_id = i.facility_id)
"""
# An empty cell leaves the stored value; what a person took away stays away.
UPDATE = """
WITH changed AS (
  SELECT e.id, coalesce(i.kind, e.kind) AS kind, coalesce(i.hours, e.hours) AS hours,
    coalesce(i.note, e.note) AS note, i.point AS geom
  FROM entrance e JOIN incoming_entrance_row i ON i.entrance_id = e.id
  WHERE e.removed_at IS NULL)
UPDATE entrance e
SET kind = c.kind, hours = c.hours, note = c.note, geom = c.geom, source = 'file',
  version = e.version + 1
FROM changed c
WHERE c.id = e.id
  AND (e.kind, e.hours, e.note, e.geom) IS DISTINCT FROM (c.kind, c.hours, c.note, c.geom)
"""
INSERT = """
INSERT INTO entrance (building_id, facility_id, code, kind, hours, note, geom, source)
SELECT building_id, facility_id, code, coalesce(kind, 'side'), coalesce(hours, ''),
  coalesce(note, ''), point, 'file'
FROM incoming_entrance_row WHERE entrance_id IS NULL ORDER BY row
"""
REMOVED = """
SELECT count(*) FROM incoming_entrance_row i JOIN entrance e ON e.id = i.entrance_id
WHERE e.removed_at IS NOT NULL
"""


def load_entrances(session: Session, path: Path, crs: str | None = None) -> LoadReport:
    """Load doors and gates from a table; `gis.exchange.columns.ENTRANCES` says what it may hold.

    An entrance is known by its code and its building or facility; known ones are changed where the
    row differs, others stay.

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
    report = LoadReport("entrances", path.name)
    table = read_table(path, ENTRANCE_COLUMNS, report)
    rows = list(table.rows)
    row_by_key: dict[tuple[str, ...], int] = {}
    for row in rows:
        report.refused += [table.refuse(row.number, *fault) for fault in _faults(row, row_by_key)]
    points, missing = read_points(table, rows, crs, report)
    report.refused += [
        table.refuse(rows[nth].number, "lon", "entrance_row.no_point") for nth in missing
    ]
    if report.refused:
        finish_reading(report)
        return report
    session.execute(text("DROP TABLE IF EXISTS pg_temp.incoming_entrance_row"))
    session.execute(text(ENTRANCE_STAGING_SQL))
    copy_rows(
        session,
        "incoming_entrance_row",
        ENTRANCE_STAGING_COLUMNS,
        (
            (row.number, row["code"], row["building"], row["facility"], kind_of(row["kind"]),
             read_hours(row["hours"]) if row["hours"] else None, row["note"], point_ewkt(*point))
            for row, point in zip(rows, points, strict=True)
            if point is not None
        ),
    )  # fmt: skip
    session.execute(text(OWNERS))
    for number, building, code, metres in session.execute(
        text(
            "SELECT row, building IS NOT NULL, coalesce(building, facility), metres"
            " FROM incoming_entrance_row WHERE metres IS NULL OR round(metres) > :most ORDER BY row"
        ),
        {"most": MAX_DISTANCE_M},
    ):
        field = "building" if building else "facility"
        if metres is None:
            unknown = "entrance.no_building" if building else "facility.unknown"
            report.refused.append(table.refuse(number, field, unknown, code=code))
        else:
            distance = {"metres": round(metres), "limit": MAX_DISTANCE_M}
            report.refused.append(table.refuse(number, "lon", "entrance.too_far", **distance))
    if finish_reading(report):
        _write(session, report)
        datasets.record_report(session, path, report)
    return report


def kind_of(word: str | None) -> str | None:
    """Return the kind that a word means: a key or its Chinese; None for others."""
    return next((kind for kind in ENTRANCE_KINDS if word in (kind, KIND_ZH[kind])), None)


def _faults(row: Row, row_by_key: dict[tuple[str, ...], int]) -> list[tuple[str, Message]]:
    """Return what is wrong with one row, its point apart: field and reason."""
    faults = []
    if not row["code"]:
        faults.append(("code", Message("facility_row.code_empty")))
    if bool(row["building"]) == bool(row["facility"]):
        faults.append(("building", Message("entrance_row.one_owner")))
    key = (row["code"] or "", row["building"] or "", row["facility"] or "")
    if row_by_key.setdefault(key, row.number) != row.number and row["code"]:
        params: dict[str, object] = {"code": row["code"], "row": str(row_by_key[key])}
        faults.append(("code", Message("facility_row.code_twice", params)))
    if row["kind"] and kind_of(row["kind"]) is None:
        params = {"value": row["kind"][:40], "allowed": list(KIND_ZH.values())}
        faults.append(("kind", Message("field.none_of", params)))
    if row["hours"] and read_hours(row["hours"]) is None:
        faults.append(("hours", Message("entrance.hours_unreadable", {"value": row["hours"][:40]})))
    return faults


def _write(session: Session, report: LoadReport) -> None:
    session.execute(text(KNOWN))
    connection = session.connection()
    changed = connection.execute(text(UPDATE)).rowcount
    removed = session.scalar(text(REMOVED)) or 0
    new = connection.execute(text(INSERT)).rowcount
    report.counts |= {
        "new": new,
        "changed": changed,
        "unchanged": report.counts["rows"] - new - changed,
    }
    if removed:
        report.note("entrance_row.removed", count=removed)
