"""Loading the places people walk to for a service."""

from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import STORAGE_SRID, copy_rows
from gis.exchange.building_match import BuildingNotFound, BuildingQuery, find_buildings
from gis.exchange.columns import FACILITIES
from gis.exchange.facility_aliases import OWN_NAMES, find_category
from gis.facilities.categories import CATEGORIES, CATEGORY_BY_KEY
from gis.files import datasets
from gis.files.points import InputPoint, points_to_storage
from gis.files.report import LoadReport
from gis.files.tables import Row, finish_reading, read_table

INCOMING = f"""
CREATE TEMP TABLE incoming_facility (
  row int PRIMARY KEY, code text NOT NULL, name text, category text NOT NULL, address text,
  opening_hours text, contact text, building_id bigint, point geometry(POINT, {STORAGE_SRID}), county text
) ON COMMIT DROP
"""

AT_BUILDINGS = """
UPDATE incoming_facility f
SET point = coalesce(b.entrance, ST_ReducePrecision(ST_PointOnSurface(b.shape), 1e-7))
FROM building b WHERE b.id = f.building_id
"""

# The county of the grid (else of any area) that the point lies in; the lower code where two share a border.
COUNTIES = """
UPDATE incoming_facility f SET county = coalesce((SELECT g.county FROM grid_at(f.point, now()) g), (
  SELECT a.county FROM area a JOIN boundary s ON s.area_id = a.id AND s.valid @> now()
  WHERE (a.retired_at IS NULL OR a.retired_at > now()) AND ST_Covers(s.shape, f.point) ORDER BY a.code LIMIT 1))
"""

# An empty cell leaves what is there, and so does a point in a known outline; the file a row came from is kept
# until the row differs.
WRITE = """
WITH written AS (
  INSERT INTO facility AS old (code, county, category, name, address, opening_hours, contact, shape, source)
  SELECT f.code, f.county, f.category, coalesce(f.name, k.name, ''), coalesce(f.address, k.address, ''),
         coalesce(f.opening_hours, k.opening_hours, ''), coalesce(f.contact, k.contact, ''),
         CASE WHEN ST_Covers(k.shape, f.point) THEN k.shape ELSE f.point END, :source
  FROM incoming_facility f LEFT JOIN facility k ON k.code = f.code ORDER BY f.row
  ON CONFLICT (code) DO UPDATE
  SET county = excluded.county, category = excluded.category, name = excluded.name,
      address = excluded.address, opening_hours = excluded.opening_hours,
      contact = excluded.contact, shape = excluded.shape,
      source = excluded.source,
      -- an entrance that was known for another place is none for this one
      entrance = CASE WHEN old.shape IS DISTINCT FROM excluded.shape THEN NULL ELSE old.entrance END,
      entrances = CASE WHEN old.shape IS DISTINCT FROM excluded.shape THEN NULL ELSE old.entrances END
  WHERE (old.county, old.category, old.name, old.address, old.opening_hours, old.contact, old.shape)
    IS DISTINCT FROM (excluded.county, excluded.category, excluded.name, excluded.address,
                      excluded.opening_hours, excluded.contact, excluded.shape)
  RETURNING xmax = 0 AS new
)
SELECT count(*) FILTER (WHERE new), count(*) FILTER (WHERE NOT new) FROM written
"""

BBOX = """
SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e), outside
FROM (
  SELECT ST_Extent(point) AS e, count(*) FILTER (WHERE county IS NULL) AS outside FROM incoming_facility
) f
"""


def load_facilities(session: Session, path: Path, crs: str | None = None) -> LoadReport:
    """Load facilities from a table; `gis.exchange.columns.FACILITIES` says what it may hold.

    A facility is known by its code; known ones are changed where the row differs, others stay. Without a
    point it stands at the entrance (else inside) of the building that its address means.

    Args:
        crs: System of the points of rows that name none; one of `gis.crs.SUPPORTED_CRS`.

    Returns:
        The report. Where a row is refused nothing is written at all.

    Raises:
        InvalidInput, TooMuch: The file cannot be read as such a table.
    """
    report = LoadReport("facilities", path.name)
    table = read_table(path, FACILITIES, report)
    rows = list(table.rows)
    first: dict[str, int] = {}  # row by code
    for row in rows:
        faults = _faults(row, first)
        report.refused += [table.refuse(row.number, field, reason) for field, reason in faults]
        _note_category(row, report)
    points, wrong = points_to_storage([InputPoint(row["lon"], row["lat"], row["crs"] or crs) for row in rows])
    report.refused += [table.refuse(rows[nth].number, *fault) for nth, fault in wrong.items()]
    placeless = [nth for nth, point in enumerate(points) if point is None and nth not in wrong]
    found = find_buildings(session, [BuildingQuery(address=rows[nth]["address"]) for nth in placeless])
    buildings: dict[int, int] = {}
    for nth, building in zip(placeless, found, strict=True):
        if not isinstance(building, BuildingNotFound):
            buildings[nth] = building
        elif rows[nth]["address"]:
            reason = f"{building.reason}; or give lon, lat and crs"
            report.refused.append(table.refuse(rows[nth].number, building.field, reason))
        else:
            reason = "is empty, and so is the address; give lon, lat and crs, or an address"
            report.refused.append(table.refuse(rows[nth].number, "lon", reason))
    report.crs = ", ".join(sorted({row["crs"] or crs or "" for row in rows if row["lon"] is not None})) or None
    if finish_reading(report):
        for nth in sorted(buildings):
            at_building = "facilities without a point stand at the building of their address"
            report.note_row(at_building, rows[nth].number, rows[nth]["address"])
        session.execute(text("DROP TABLE IF EXISTS pg_temp.incoming_facility"))
        session.execute(text(INCOMING))
        incoming = (
            _incoming(row, point, buildings.get(nth)) for nth, (row, point) in enumerate(zip(rows, points, strict=True))
        )
        columns = (
            "row",
            "code",
            "name",
            "category",
            "address",
            "opening_hours",
            "contact",
            "building_id",
            "point",
        )
        copy_rows(session, "incoming_facility", columns, incoming)
        _write(session, report)
        datasets.record_load(session, "facilities", path, datasets.file_sha256(path), report.counts, "")
    return report


def _faults(row: Row, first: dict[str, int]) -> list[tuple[str, str]]:
    """What is wrong with one row, its place apart: field and reason."""
    faults = []
    code, category = row["code"], row["category"]
    if not code:
        faults.append(("code", "is empty; every facility has a code of its own"))
    elif first.setdefault(code, row.number) != row.number:
        faults.append(("code", f"{code} stands in row {first[code]} already; every facility has a code of its own"))
    if not category or find_category(category) is None:
        known = "、".join(one.zh for one in CATEGORIES)
        faults.append(("category", f"{category or 'nothing'} is not a category known here; one of {known}"))
    return faults


def _note_category(row: Row, report: LoadReport) -> None:
    """Put into the report which category a word was read as that is not the name of one."""
    word = row["category"] or ""
    if word.lower() not in OWN_NAMES and (key := find_category(word)):
        report.note_row("other words are read as a category", row.number, f"{word}: {CATEGORY_BY_KEY[key].zh}")


def _incoming(row: Row, point: tuple[float, float] | None, building: int | None) -> tuple[object, ...]:
    place = None if point is None else f"SRID={STORAGE_SRID};POINT({point[0]!r} {point[1]!r})"
    texts = (row["address"], row["opening_hours"], row["contact"])
    return row.number, row["code"], row["name"], find_category(row["category"]), *texts, building, place


def _write(session: Session, report: LoadReport) -> None:
    session.execute(text(AT_BUILDINGS))
    session.execute(text(COUNTIES))
    new, changed = session.execute(text(WRITE), {"source": f"facilities: {report.source}"}).one()
    report.counts |= {"new": new, "changed": changed, "unchanged": report.counts["rows"] - new - changed}
    *bbox, outside = session.execute(text(BBOX)).one()
    report.bbox = (bbox[0], bbox[1], bbox[2], bbox[3])
    if outside:
        report.notes.append(f"{outside} facilities stand outside every area that is loaded")
