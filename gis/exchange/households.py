"""Loading the register of homes: where each is, how many live there, and its ten-household unit.

No names.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from gis.areas import codes
from gis.areas.models import Area, Level
from gis.boundaries.store import derive_units
from gis.db import copy_rows
from gis.exchange.building_match import (
    BuildingNotFound,
    BuildingQuery,
    find_buildings,
    with_suggestions,
)
from gis.exchange.columns import HOUSEHOLDS
from gis.exchange.household_address import HomeError, combine
from gis.files import datasets
from gis.files.points import InputPoint, points_to_storage
from gis.files.report import LoadReport
from gis.files.tables import Table, finish_reading, read_table
from gis.labels import PLAIN_ROOM_SQL
from gis.messages import Message

# The columns that identify the building of a row.
BuildingKey = tuple[str | None, str | None, str | None, float | None, float | None, str | None]

INCOMING = """
CREATE TEMP TABLE incoming_household (
  row int PRIMARY KEY, place int NOT NULL, stairwell text, floor int, room text NOT NULL,
      people int NOT NULL,
  unit text, unit_name text, building_id bigint, unit_id bigint, grid_id bigint, county text
) ON COMMIT DROP
"""

# The grid of a known unit is its parent; that of a new one is named by its code's first digits.
UNITS = """
SELECT w.unit, w.name, a.id, a.level, a.retired_at <= now() AS retired,
       g.id AS grid_id, g.code AS grid, g.county
FROM (SELECT unit, max(unit_name) AS name FROM incoming_household WHERE unit IS NOT NULL
    GROUP BY unit) w
LEFT JOIN area a ON a.code = w.unit
LEFT JOIN area g ON g.level = 'grid' AND (g.retired_at IS NULL OR g.retired_at > now())
  AND CASE WHEN a.id IS NULL THEN g.code = left(w.unit, :digits) ELSE g.id = a.parent_id END
ORDER BY w.unit
"""

GRIDS = "SELECT code FROM area WHERE level = 'grid' AND (retired_at IS NULL OR retired_at > now())"

# The grid of a building: that of a point in it.
GRIDS_OF_BUILDINGS_SQL = (
    "SELECT g.id, g.code, g.county FROM grid_at(ST_PointOnSurface(b.geom), now()) g"
)

UNITS_IN_OTHER_GRIDS_SQL = f"""
SELECT p.unit, g.code AS grid, b.code AS building, stands.code AS stands_in, p.rows
FROM (SELECT unit, grid_id, building_id, array_agg(row) AS rows FROM incoming_household
      WHERE grid_id IS NOT NULL AND building_id IS NOT NULL GROUP BY unit, grid_id, building_id) p
JOIN area g ON g.id = p.grid_id
JOIN boundary s ON s.area_id = g.id AND s.valid_time @> now()
JOIN building b ON b.id = p.building_id AND NOT ST_Intersects(s.geom, b.geom)
LEFT JOIN LATERAL ({GRIDS_OF_BUILDINGS_SQL}) stands ON true
"""  # noqa: S608

COUNTIES = f"""
WITH place AS (
  SELECT b.id, coalesce(b.county, max(g.county), (SELECT county
      FROM ({GRIDS_OF_BUILDINGS_SQL}) stands)) AS county
  FROM building b JOIN incoming_household h ON h.building_id = b.id
  LEFT JOIN area g ON g.id = h.grid_id GROUP BY b.id
)
UPDATE incoming_household h SET county = place.county FROM place WHERE place.id = h.building_id
"""  # noqa: S608

# Rows that contradict nothing but may be mistakes.
NO_STAIRWELL = """
SELECT row FROM incoming_household WHERE stairwell IS NULL AND building_id IN (
  SELECT building_id FROM incoming_household WHERE stairwell IS NOT NULL UNION SELECT building_id
      FROM stairwell)
ORDER BY row
"""
TOO_HIGH = """
SELECT h.row, h.floor, b.floors FROM incoming_household h JOIN building b ON b.id = h.building_id
WHERE h.floor > b.floors ORDER BY h.row
"""

# A home that is stored in another spelling keeps it.
AS_STORED = f"""
WITH stored AS (
  SELECT DISTINCT ON (h.row) h.row, k.room
  FROM incoming_household h
  JOIN household k ON k.building_id = h.building_id
    AND {PLAIN_ROOM_SQL.format(room="k.room")} = {PLAIN_ROOM_SQL.format(room="h.room")}
  LEFT JOIN stairwell s ON s.id = k.stairwell_id
  WHERE s.name IS NOT DISTINCT FROM h.stairwell
  ORDER BY h.row, k.room <> h.room, k.room
)
UPDATE incoming_household h SET room = stored.room FROM stored WHERE stored.row = h.row
    AND stored.room <> h.room
"""  # noqa: S608

DUPLICATE_ROWS_SQL = f"""
SELECT row, first FROM (
  SELECT row, min(row) OVER (PARTITION BY building_id, stairwell,
      {PLAIN_ROOM_SQL.format(room="room")}) AS first
  FROM incoming_household WHERE building_id IS NOT NULL
) r WHERE row <> first
"""  # noqa: S608

STAIRWELLS = """
INSERT INTO stairwell (building_id, name)
SELECT DISTINCT building_id, stairwell FROM incoming_household WHERE stairwell IS NOT NULL
EXCEPT SELECT building_id, name FROM stairwell
RETURNING id
"""

# An empty cell leaves the stored value.
WRITE = """
WITH written AS (
  INSERT INTO household AS old (county, building_id, stairwell_id, floor, room, people, unit_id)
  SELECT h.county, h.building_id, s.id, h.floor, h.room, h.people, h.unit_id
  FROM incoming_household h
  LEFT JOIN stairwell s ON s.building_id = h.building_id AND s.name = h.stairwell
  ORDER BY h.row
  ON CONFLICT ON CONSTRAINT uq_household_county_building_id_stairwell_id_room DO UPDATE
  SET floor = coalesce(excluded.floor, old.floor), people = excluded.people,
      unit_id = coalesce(excluded.unit_id, old.unit_id)
  WHERE (old.floor, old.people, old.unit_id) IS DISTINCT FROM
        (coalesce(excluded.floor, old.floor), excluded.people, coalesce(excluded.unit_id,
            old.unit_id))
  RETURNING xmax = 0 AS new
)
SELECT count(*) FILTER (WHERE new), count(*) FILTER (WHERE NOT new) FROM written
"""

# The parts of buildings of each unit, as large as its homes allow: whole buildings, stairwells,
# runs of floors. Homes without a unit count as one unit (0), so that a partly loaded building is
# not assigned as a whole.
PARTS = """
CREATE TEMP TABLE unit_part_now ON COMMIT DROP AS
WITH home AS (
  SELECT building_id, stairwell_id, floor, coalesce(unit_id, 0) AS unit FROM household
  WHERE building_id IN (SELECT building_id FROM incoming_household WHERE unit_id IS NOT NULL)
), whole AS (
  SELECT building_id, min(unit) AS unit FROM home GROUP BY 1 HAVING min(unit) = max(unit)
), stairs AS (
  SELECT building_id, stairwell_id, min(unit) AS unit FROM home
  WHERE stairwell_id IS NOT NULL AND building_id NOT IN (SELECT building_id FROM whole)
  GROUP BY 1, 2 HAVING min(unit) = max(unit)
), rest AS (
  SELECT DISTINCT h.building_id, h.stairwell_id, h.unit, h.floor,
         dense_rank() OVER (PARTITION BY h.building_id, h.stairwell_id ORDER BY h.floor) AS nth
  FROM home h
  WHERE h.building_id NOT IN (SELECT building_id FROM whole)
    AND (h.stairwell_id IS NULL OR h.stairwell_id NOT IN (SELECT stairwell_id FROM stairs))
), run AS (
  SELECT *, nth - row_number() OVER (PARTITION BY building_id, stairwell_id, unit
      ORDER BY nth) AS run
  FROM rest
)
SELECT unit AS unit_id, building_id, NULL::bigint AS stairwell_id,
       NULL::int AS floor_from, NULL::int AS floor_to
FROM whole WHERE unit <> 0
UNION SELECT unit, building_id, stairwell_id, NULL, NULL FROM stairs WHERE unit <> 0
UNION SELECT unit, building_id, stairwell_id, min(floor), max(floor) FROM run
      WHERE unit <> 0 GROUP BY unit, building_id, stairwell_id, run, floor IS NULL
"""

CHANGE_PARTS = """
WITH gone AS (
  DELETE FROM unit_part p
  WHERE building_id IN (SELECT building_id FROM incoming_household WHERE unit_id IS NOT NULL)
    AND NOT EXISTS (
      SELECT FROM unit_part_now n WHERE (n.unit_id, n.building_id, n.stairwell_id, n.floor_from,
          n.floor_to)
      IS NOT DISTINCT FROM (p.unit_id, p.building_id, p.stairwell_id, p.floor_from, p.floor_to))
  RETURNING unit_id
), come AS (
  INSERT INTO unit_part (unit_id, building_id, stairwell_id, floor_from, floor_to)
  SELECT unit_id, building_id, stairwell_id, floor_from, floor_to FROM unit_part_now
  ON CONFLICT ON CONSTRAINT uq_unit_part_whole DO NOTHING
  RETURNING unit_id
)
SELECT unit_id FROM gone UNION SELECT unit_id FROM come
"""


BBOX = """
SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e) FROM (
  SELECT ST_Extent(geom) AS e FROM building WHERE id IN (SELECT building_id
      FROM incoming_household)) b
"""

OTHERS = """
SELECT count(*) FROM household WHERE building_id IN (SELECT building_id FROM incoming_household)
"""


def load_households(session: Session, path: Path, crs: str | None = None) -> LoadReport:
    """Load homes from a table; `gis.exchange.columns.HOUSEHOLDS` says what it may hold.

    A home is its building, stairwell and room: known ones are changed where the row differs, new
    ones are made with their stairwells and units; homes not in the file stay. Units then stand on
    what their homes stand on, and their shapes follow the footprints.

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
    report = LoadReport("households", path.name)
    table = read_table(path, HOUSEHOLDS, report)
    places: dict[BuildingKey, int] = {}
    session.execute(text("DROP TABLE IF EXISTS pg_temp.incoming_household, pg_temp.unit_part_now"))
    session.execute(text(INCOMING))
    columns = ("row", "place", "stairwell", "floor", "room", "people", "unit", "unit_name")
    copy_rows(session, "incoming_household", columns, _homes(table, places, crs, report))
    session.execute(text("ANALYZE incoming_household"))
    _set_buildings(session, places, table, report)
    new_units = _check_units(session, table, report)
    _check_homes(session, table, report)
    if finish_reading(report):
        _write(session, new_units, report)
        datasets.record_load(
            session, "households", path, datasets.file_sha256(path), report.counts, ""
        )
    return report


def _homes(
    table: Table, nth_by_key: dict[BuildingKey, int], crs: str | None, report: LoadReport
) -> Iterator[tuple[object, ...]]:
    """Yield the rows for COPY; what a building is named by is stored once, with a number."""
    for row in table.rows:
        try:
            home = combine(row, report)
        except HomeError as error:
            report.refused += [table.refuse(row.number, *fault) for fault in error.faults]
            continue
        key = (
            row["building"],
            row["estate"],
            home.building,
            row["lon"],
            row["lat"],
            row["crs"] or crs,
        )
        nth = nth_by_key.setdefault(key, len(nth_by_key))
        yield (
            row.number,
            nth,
            home.stairwell,
            home.floor,
            home.room,
            row["people"],
            row["unit"],
            row["unit_name"],
        )


def _set_buildings(
    session: Session, keys: Mapping[BuildingKey, int], table: Table, report: LoadReport
) -> None:
    """Put the building each row means into the incoming rows; refuse the rows that mean none."""
    input_points = [InputPoint(lon, lat, system) for _, _, _, lon, lat, system in keys]
    points, wrong = points_to_storage(input_points)
    queries = []
    for (code, estate, name, *_), point in zip(keys, points, strict=True):
        lon, lat = point or (None, None)
        queries.append(BuildingQuery(code, estate, name, lon=lon, lat=lat))
    matches = find_buildings(session, queries)
    faults: dict[int, tuple[str, Message]] = {
        nth: (match.field, match.reason)
        for nth, match in enumerate(matches)
        if isinstance(match, BuildingNotFound)
    }
    faults |= wrong
    session.execute(
        text(
            "UPDATE incoming_household h SET building_id = f.id "
            "FROM unnest(CAST(:places AS int[]), CAST(:ids AS bigint[])) f(place, id)"
            " WHERE f.place = h.place"
        ),
        {
            "places": [nth for nth in range(len(matches)) if nth not in faults],
            "ids": [match for nth, match in enumerate(matches) if nth not in faults],
        },
    )
    rows = text("SELECT row, place FROM incoming_household WHERE place = ANY(:places) ORDER BY row")
    for row, nth in session.execute(rows, {"places": list(faults)}):
        report.refused.append(table.refuse(row, *faults[nth]))
    systems = sorted({point.crs for point in input_points if point.crs and point.lon is not None})
    report.crs = ", ".join(systems) or None


def _check_units(session: Session, table: Table, report: LoadReport) -> list[dict[str, object]]:
    """Set the units of the incoming rows and return the units to create.

    Rows with an impossible unit are rejected.
    """
    units = session.execute(text(UNITS), {"digits": codes.DIGITS[Level.GRID][0]}).all()
    grids = session.scalars(text(GRIDS)).all() if units else []
    new: list[dict[str, object]] = []
    faults: dict[str, Message] = {}
    for unit in units:
        if fault := _unit_fault(unit, grids):
            faults[unit.unit] = fault
        elif not unit.id:
            name = unit.name or f"第{int(unit.unit.removeprefix(unit.grid))}十联户"
            new.append(
                {"code": unit.unit, "name": name, "county": unit.county, "parent_id": unit.grid_id}
            )
    _set_units(session, units)
    rows = text("SELECT row, unit FROM incoming_household WHERE unit = ANY(:units) ORDER BY row")
    for row, code in session.execute(rows, {"units": list(faults)}):
        report.refused.append(table.refuse(row, "unit", faults[code]))
    for pair in session.execute(text(UNITS_IN_OTHER_GRIDS_SQL)):
        params = {"unit": pair.unit, "grid": pair.grid, "building": pair.building}
        if pair.stands_in:
            reason = Message("household_row.unit_in_other_grid", params | {"other": pair.stands_in})
        else:
            reason = Message("household_row.building_in_no_grid", params)
        report.refused += [table.refuse(row, "unit", reason) for row in pair.rows]
    return new


def _unit_fault(unit: Any, grids: Sequence[str]) -> Message | None:
    """Return why a row of `UNITS` cannot be taken; None when it can."""
    if unit.level and unit.level != Level.UNIT:
        level = f"{unit.level} ({Level(unit.level).zh})"
        return Message("household_row.not_a_unit", {"code": unit.unit, "level": level})
    if unit.retired:
        return Message("household_row.unit_retired", {"code": unit.unit})
    if unit.id:
        return None
    if wrong := codes.code_error(unit.unit, Level.UNIT):
        return wrong
    if unit.grid is None:
        grid = codes.ancestor_code(unit.unit, Level.GRID)
        message = Message("household_row.no_unit_nor_grid", {"code": unit.unit, "grid": grid})
        return with_suggestions(message, grid, grids)
    number = unit.unit.removeprefix(unit.grid)
    return (
        None
        if number.strip("0")
        else Message("household_row.digits_lost", {"code": unit.unit, "end": number})
    )


def _set_units(session: Session, units: Sequence[Any]) -> None:
    session.execute(
        text(
            "UPDATE incoming_household h SET unit_id = u.id, grid_id = u.grid "
            "FROM unnest(CAST(:codes AS text[]), CAST(:ids AS bigint[]), CAST(:grids AS bigint[])) "
            "u(code, id, grid) WHERE u.code = h.unit"
        ),
        {
            "codes": [u.unit for u in units],
            "ids": [u.id for u in units],
            "grids": [u.grid_id for u in units],
        },
    )


def _check_homes(session: Session, table: Table, report: LoadReport) -> None:
    """Refuse homes that stand in no county and homes that stand in the file twice.

    Bring rooms to their stored names.
    """
    session.execute(text(AS_STORED))
    session.execute(text(COUNTIES))
    nowhere = (
        "SELECT row FROM incoming_household WHERE building_id IS NOT NULL AND county IS NULL"
        " ORDER BY row"
    )
    for row in session.scalars(text(nowhere)):
        report.refused.append(table.refuse(row, "building", "household_row.no_county"))
    for row, earlier in session.execute(text(DUPLICATE_ROWS_SQL)):
        report.refused.append(
            table.refuse(row, "room", "household_row.same_home", row=str(earlier))
        )
    for row in session.scalars(text(NO_STAIRWELL)):
        report.note_row("household_row.no_stairwell", row)
    for row, floor, floors in session.execute(text(TOO_HIGH)):
        detail = Message("household_row.storey_of", {"floor": str(floor), "floors": str(floors)})
        report.note_row("household_row.storey_too_high", row, detail)


def _write(session: Session, new_units: list[dict[str, object]], report: LoadReport) -> None:
    if new_units:
        session.execute(insert(Area).values(level=Level.UNIT), new_units)
        session.execute(
            text(
                "UPDATE incoming_household h SET unit_id = a.id FROM area a"
                " WHERE a.code = h.unit AND h.unit_id IS NULL"
            )
        )
    stairwells = len(session.execute(text(STAIRWELLS)).all())
    new, changed = session.execute(text(WRITE)).one()
    session.execute(text(PARTS))
    units = sorted(session.scalars(text(CHANGE_PARTS)))
    if units:
        derive_units(session, unit_ids=units)
    report.counts |= {
        "new": new,
        "changed": changed,
        "unchanged": report.counts["rows"] - new - changed,
    }
    report.counts |= {
        "new_units": len(new_units),
        "new_stairwells": stairwells,
        "units_reshaped": len(units),
    }
    report.bbox = tuple(session.execute(text(BBOX)).one())
    others = (session.scalar(text(OTHERS)) or 0) - report.counts["rows"]
    if others:
        report.note("household_row.others_stay", count=others)
