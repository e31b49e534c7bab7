"""Loading the register of homes: where each is, how many live there, and its ten-household unit.

No names.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from gis.areas import codes
from gis.areas.identity import lock_counties
from gis.areas.models import Area, Level
from gis.boundaries.store import derive_units
from gis.boundaries.unit_changes import record_load
from gis.db import copy_rows
from gis.exchange.building_match import (
    BuildingNotFound,
    BuildingQuery,
    find_buildings,
    with_suggestions,
)
from gis.exchange.columns import HOUSEHOLD_COLUMNS
from gis.exchange.household_address import HomeError, combine
from gis.exchange.household_sql import (
    AS_STORED,
    BUILDINGS_WITH_UNITS,
    COUNTIES_OF_ROWS,
    DUPLICATE_ROWS_SQL,
    FILE_UNITS_SQL,
    GRID_CODES_SQL,
    HOUSEHOLD_BBOX_SQL,
    HOUSEHOLD_COUNTIES_SQL,
    HOUSEHOLD_STAGING_SQL,
    NO_STAIRWELL,
    STAIRWELLS,
    STORED_HOUSEHOLDS_SQL,
    TOO_HIGH,
    UNITS_IN_OTHER_GRIDS_SQL,
    WRITE_HOUSEHOLDS_SQL,
)
from gis.files import datasets
from gis.files.points import InputPoint, points_to_storage
from gis.files.report import LoadReport
from gis.files.tables import Table, finish_reading, no_check, read_table
from gis.messages import Message
from gis.places.unit_parts import derive_unit_parts

OTHERS_STAY = "household_row.others_stay"  # says how many homes are stored and not in the file
# The columns that identify the building of a row.
BuildingKey = tuple[str | None, str | None, str | None, float | None, float | None, str | None]


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
    load_household_table(session, read_table(path, HOUSEHOLD_COLUMNS, report), report, crs)
    datasets.record_report(session, path, report)
    return report


def load_household_table(
    session: Session,
    table: Table,
    report: LoadReport,
    crs: str | None = None,
    check: Callable[[], None] = no_check,
) -> None:
    """Load homes from an open table; see `load_households`.

    Parameters
    ----------
    check
        Called when all rows are in the table incoming_household and nothing is written yet; may
        refuse more.
    """
    places: dict[BuildingKey, int] = {}
    session.execute(text("DROP TABLE IF EXISTS pg_temp.incoming_household"))
    session.execute(text(HOUSEHOLD_STAGING_SQL))
    columns = (
        "row",
        "place",
        "stairwell",
        "floor",
        "room",
        "people",
        "elders",
        "children",
        "unit",
        "unit_name",
    )
    copy_rows(session, "incoming_household", columns, _homes(table, places, crs, report))
    session.execute(text("ANALYZE incoming_household"))
    _set_buildings(session, places, table, report)
    new_units = _check_units(session, table, report)
    _check_homes(session, table, report)
    check()
    if finish_reading(report):
        _write(session, new_units, report)


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
            row["elders"],
            row["children"],
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
    units = session.execute(
        text(FILE_UNITS_SQL), {"digits": codes.CODE_DIGITS[Level.GRID][0]}
    ).all()
    grids = session.scalars(text(GRID_CODES_SQL)).all() if units else []
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
    """Return why a row of `FILE_UNITS_SQL` cannot be taken; None when it can."""
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
    session.execute(text(HOUSEHOLD_COUNTIES_SQL))
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
    # a planner may move homes between the same units at this moment
    lock_counties(session, session.scalars(text(COUNTIES_OF_ROWS)).all())
    if new_units:
        session.execute(insert(Area).values(level=Level.UNIT), new_units)
        session.execute(
            text(
                "UPDATE incoming_household h SET unit_id = a.id FROM area a"
                " WHERE a.code = h.unit AND h.unit_id IS NULL"
            )
        )
    stairwells = len(session.execute(text(STAIRWELLS)).all())
    new, changed = session.execute(text(WRITE_HOUSEHOLDS_SQL)).one()
    units = derive_unit_parts(session, session.scalars(text(BUILDINGS_WITH_UNITS)).all())
    if units:
        derive_units(session, unit_ids=units)
        record_load(session, units, new + changed)
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
    report.bbox = tuple(session.execute(text(HOUSEHOLD_BBOX_SQL)).one())
    others = (session.scalar(text(STORED_HOUSEHOLDS_SQL)) or 0) - report.counts["rows"]
    if others:
        report.note(OTHERS_STAY, count=others)
