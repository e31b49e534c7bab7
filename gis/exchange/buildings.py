"""Loading a register of buildings, or a map of their outlines."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.exchange import building_store
from gis.exchange.building_place import match_buildings
from gis.exchange.building_posts import write_posts_of
from gis.exchange.building_rows import BuildingRow, read_rows
from gis.exchange.columns import BUILDING_COLUMNS
from gis.exchange.map_table import read_map_table
from gis.files import datasets
from gis.files.report import LoadReport
from gis.files.tables import Table, finish_reading, no_check, read_table, row_number
from gis.files.vector import VECTOR_FORMATS
from gis.settings import Settings

Unplaced = Literal["refuse", "later"]


@dataclass(frozen=True)
class BuildingDefaults:
    """What holds for rows of buildings that do not say it themselves.

    crs: System of the points and shapes of rows that name none. place: What becomes of a row
    without a place: it is refused, or waits until somebody places it. timezone: Of the first days
    of posts.
    """

    crs: str | None = None
    place: Unplaced = "refuse"
    timezone: tzinfo = Settings.timezone


def load_buildings(
    session: Session,
    path: Path,
    crs: str | None = None,
    *,
    layer: str | None = None,
    place: Unplaced = "refuse",
    timezone: tzinfo = Settings.timezone,
) -> LoadReport:
    """Load buildings from a table or a map.

    `gis.exchange.columns.BUILDING_COLUMNS` says what it may hold.

    Parameters
    ----------
    crs
        System of the points and shapes of rows that name none; of a map that names none.
    layer
        Of a map that has several.
    place, timezone
        As `BuildingDefaults`.

    Returns
    -------
    The report. Where a row is refused nothing is written at all.

    Raises
    ------
    InvalidInput, TooLarge
        The file cannot be read as such a table or map.
    """
    report = LoadReport("buildings", path.name)
    if path.suffix.lower() in VECTOR_FORMATS:
        ignored = ("lon", "lat", "crs", "shape")
        table: Table = read_map_table(path, BUILDING_COLUMNS, report, crs, layer, ignored)
    else:
        table = read_table(path, BUILDING_COLUMNS, report)
    load_buildings_table(session, table, report, BuildingDefaults(crs, place, timezone))
    datasets.record_report(session, path, report)
    return report


def load_buildings_table(
    session: Session,
    table: Table,
    report: LoadReport,
    defaults: BuildingDefaults,
    *,
    source: str = "",
    within: Sequence[int] | None = None,
    check: Callable[[Sequence[BuildingRow], Sequence[BuildingRow]], None] = no_check,
) -> None:
    """Load buildings from rows whose values are named like the columns of `BUILDING_COLUMNS`.

    A building is known by its code, else by estate and name, else by the outline that it stands on.
    Known ones are changed where the row differs, others stay; an empty cell leaves what is stored.
    New ones stand where their shape or point is. As many stairwells as stated are made; heads and
    sponsors get their posts from now on.

    Parameters
    ----------
    report
        Gets counts, notes and refusals; where a row is refused nothing is written at all.
    source
        Marks what is new or changed; empty for the name of the file.
    within
        Ids of the areas whose buildings names mean before others; None: all alike.
    check
        Called with the rows that are not refused, those with a place and those without, before
        anything is written; the former are staged. May refuse more.
    """
    session.execute(text(building_store.LOCK_BUILDINGS_SQL))
    rows = read_rows(table, defaults.crs, report)
    unplaced = match_buildings(session, rows, table, report, within)
    if defaults.place == "refuse":
        report.refused += [
            table.refuse(row.number, "lon", "building_row.not_placed", name=row.title)
            for row in unplaced
            if row["lon"] is None and not row["shape"]
        ]
    refused = {row_number(rejected) for rejected in report.refused}
    unplaced = [row for row in unplaced if row.number not in refused]
    left_out = refused | {row.number for row in unplaced}
    rows = [row for row in rows if row.number not in left_out]
    building_store.stage(session, rows)
    check(rows, unplaced)
    if not finish_reading(report):
        return
    with session.begin_nested() as savepoint:
        source = source or f"buildings: {report.source}"
        waiting = building_store.write(session, source, table, report)
        write_posts_of(session, rows, unplaced, waiting, table, defaults.timezone, report)
        if not finish_reading(report):
            savepoint.rollback()
