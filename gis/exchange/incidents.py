"""Loading incidents that were kept elsewhere: a hotline's list, a patrol's table.

Each row is filed as a report is.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from gis.areas.snapshot import RegistrySnapshot, read_snapshot
from gis.errors import NotFound, OutsideGrids, TooLarge, WanggeError, invalid_field
from gis.exchange.columns import INCIDENT_COLUMNS
from gis.exchange.incident_rows import (
    categories_by_word,
    check_row,
    ids_of_rows,
    moment_of,
    refusals,
    to_past,
    to_report,
)
from gis.files import datasets
from gis.files.report import LoadReport, RejectedRow
from gis.files.tables import Row, Table, finish_reading, read_table
from gis.incidents.clock import CLOCK_COLUMNS
from gis.incidents.lifecycle import intake
from gis.incidents.lifecycle import report as lifecycle_report
from gis.incidents.lifecycle.history import Past, file_past
from gis.incidents.models import Incident
from gis.rights.principal import Principal, system_principal
from gis.rights.visibility import visibility_clause
from gis.settings import SHANGHAI

OUR_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MAX_CACHED_SNAPSHOTS = (
    24  # complete snapshots, one for each interval between two changes, for rows of the past
)
MAX_ROWS_WITHOUT_SNAPSHOT = 20  # rows up to which a complete snapshot is slower than single queries

# one load at a time, so that two loads of a file store nothing twice
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('load incidents', 0))"
# The planner's statistics omit rows of this transaction: it would combine whole indexes,
# and reuse plans made for an empty table.
NO_BITMAP_SCANS = "SET LOCAL enable_bitmapscan = off"
DISCARD_PLANS = "DISCARD PLANS"
# by the number of the other system, or by our own in a file of ours
LOADED_IDS = (
    "SELECT coalesce(i.attributes ->> 'external_id', i.id::text), i.id FROM incident i"
    " WHERE (i.attributes ->> 'external_id' = ANY(:ids)"
    " OR i.id = ANY(CAST(:own AS uuid[])) AND i.attributes ->> 'external_id' IS NULL) AND {}"
)


@dataclass
class SnapshotsByTime:
    """Snapshots of the registry at the moments of rows, read when first needed."""

    session: Session
    whole: bool
    read: list[RegistrySnapshot] = field(default_factory=list)

    def at(self, moment: datetime) -> RegistrySnapshot | None:
        """Return the snapshot that holds a moment; None: query the database instead."""
        snapshot = next((cached for cached in self.read if cached.is_valid_at(moment)), None)
        if snapshot is None and self.whole and len(self.read) < MAX_CACHED_SNAPSHOTS:
            snapshot = read_snapshot(self.session, moment)
            self.read.append(snapshot)
        return snapshot


def load_incidents(
    session: Session,
    path: Path,
    crs: str | None = None,
    *,
    now: datetime,
    principal: Principal | None = None,
    timezone: ZoneInfo = SHANGHAI,
    most: int | None = None,
    old_by_today: bool = False,
) -> LoadReport:
    """File the rows of a table as reports; `gis.exchange.columns.INCIDENTS` says what it may hold.

    A row is known by its external id, else by all it says: one that was loaded before is left as it
    is now, so the same file twice changes nothing. Times without a zone are `timezone`'s. A row
    that says how its matter stands elsewhere is filed so (`gis.incidents.lifecycle.history`).

    Parameters
    ----------
    crs
        System of the points of rows that name none; one of `gis.crs.SUPPORTED_CRS`.
    principal
        Reporter; None means the command line, which may report everywhere.
    most
        Rows that are taken; None: any number.
    old_by_today
        Whether rows from before the first boundary of their place are placed by today's boundaries
        and marked so; else they are refused.

    Returns
    -------
    The report. Where a row is refused nothing is to be kept
        The caller does not commit.

    Raises
    ------
    InvalidInput
        The file cannot be read as such a table.
    TooLarge
        It has more than `most` rows, or is beyond the limits of its format.
    """
    report = LoadReport("incidents", path.name)
    table = read_table(path, INCIDENT_COLUMNS, report)
    rows = [row for row in table.rows if check_row(row, table, report, now, timezone)]
    if most is not None and report.counts["rows"] > most:
        raise TooLarge("incident_row.too_many", count=report.counts["rows"], limit=most)
    session.execute(text(LOCK))
    principal = principal or system_principal("load incidents")
    ids = ids_of_rows(rows, table, report)
    incident_ids = _loaded_ids(session, principal, ids.values())
    new = [row for row in rows if row.number in ids and ids[row.number] not in incident_ids]
    many = len(new) > MAX_ROWS_WITHOUT_SNAPSHOT
    if many:
        session.execute(text(NO_BITMAP_SCANS))
    snapshots = SnapshotsByTime(session, whole=many)
    filing = Filing(session, principal, snapshots, now, timezone, old_by_today)
    categories = categories_by_word(session)
    new.sort(key=lambda row: (moment_of(row, "reported_at", timezone) or now, row.number))
    for filed, row in enumerate(new, 1):
        incident = to_report(row, crs, timezone, ids[row.number], categories)
        try:
            incident_ids[ids[row.number]] = filing.file(row, incident)
        except WanggeError as error:
            report.refused += refusals(row, table, error)
        if filed > MAX_ROWS_WITHOUT_SNAPSHOT and filed & (filed - 1) == 0:  # after each doubling
            session.execute(text(DISCARD_PLANS))
    report.refused += _link_parents(session, new, table, ids, incident_ids)
    systems = {row["crs"] or crs or "" for row in rows if row["lon"] is not None}
    report.crs = ", ".join(sorted(systems)) or None
    if finish_reading(report):
        _count(report, len(new), len(rows) - len(new), filing.placed_by_today)
        datasets.record_report(session, path, report)
    return report


def _count(report: LoadReport, new: int, unchanged: int, placed_by_today: Iterable[int]) -> None:
    """Count the rows filed and passed over, and note those that today's boundaries placed."""
    report.counts |= {"new": new, "unchanged": unchanged}
    for number in placed_by_today:
        report.note_row("incident_row.placed_by_today", number)
    if unchanged:
        report.note("incident_row.loaded_before", count=unchanged)


@dataclass
class Filing:
    """The filing of a table's rows, one after the other.

    placed_by_today: Numbers of the rows that today's boundaries placed.
    """

    session: Session
    principal: Principal
    snapshots: SnapshotsByTime
    now: datetime
    timezone: ZoneInfo
    old_by_today: bool
    placed_by_today: list[int] = field(default_factory=list)

    def file(self, row: Row, incident: intake.IncidentReport) -> UUID:
        """File a row and return the id of its incident.

        Raises
        ------
        InvalidInput
            The row is from before the first boundary of its place, or a field is wrong.
        OutsideGrids
            Neither the boundaries of its time nor today's have a grid there.
        NotFound
            It names an area that does not exist.
        WanggeError
            The row cannot be filed for another reason.
        """
        try:
            return self._file(row, incident)
        except (OutsideGrids, NotFound) as error:
            if incident.at is None or not (old := self._placed_today(incident)):
                raise
            if not self.old_by_today:
                time = f"{incident.at.astimezone(self.timezone):%Y-%m-%d %H:%M}"
                raise invalid_field(
                    "reported_at", "incident_row.before_boundaries", time=time
                ) from error
        self.placed_by_today.append(row.number)
        return self._file(row, old)

    def _file(self, row: Row, incident: intake.IncidentReport) -> UUID:
        snapshot = self.snapshots.at(incident.placed_at or incident.at or self.now)
        past = to_past(row, self.timezone)
        if past != Past():
            return file_past(
                self.session, self.principal, incident, past, self.now, snapshot=snapshot
            )
        sent = self.session, self.principal, incident, self.now
        case = intake.assess(*sent, snapshot=snapshot)
        return lifecycle_report.file_report(*sent, assessed=case, look_alike=False).id

    def _placed_today(self, incident: intake.IncidentReport) -> intake.IncidentReport | None:
        """Return a report as today's boundaries place it; None if they do not either."""
        placed = replace(incident, placed_at=self.now)
        try:
            intake.assess(
                self.session,
                self.principal,
                placed,
                self.now,
                snapshot=self.snapshots.at(self.now),
            )
        except WanggeError:
            return None
        return placed


def _loaded_ids(session: Session, principal: Principal, ids: Iterable[str]) -> dict[str, UUID]:
    """Return the incidents that were loaded before, by their numbers in the file.

    What others loaded is not theirs to learn of, and may have the same numbers.
    """
    mine, params = visibility_clause(principal, "i")
    numbers = list(ids)
    params |= {"ids": numbers, "own": [number for number in numbers if OUR_ID.fullmatch(number)]}
    rows = session.execute(text(LOADED_IDS.format(mine)), params)
    return {row[0]: row[1] for row in rows}


def _link_parents(
    session: Session,
    rows: Iterable[Row],
    table: Table,
    ids: Mapping[int, str],
    incident_ids: Mapping[str, UUID],
) -> list[RejectedRow]:
    """Link rows to the matters they repeat; return those whose matter is not known."""
    refused = []
    for row in rows:
        child = incident_ids.get(ids[row.number])
        if row["parent"] is None or child is None:
            continue
        parent = incident_ids.get(row["parent"])
        if parent is None or parent == child:
            refused.append(
                table.refuse(
                    row.number, "parent", "incident_row.parent_unknown", id=row["parent"][:40]
                )
            )
        else:
            session.execute(
                update(Incident)
                .where(Incident.id == child)
                .values(parent_id=parent, **dict.fromkeys(CLOCK_COLUMNS)),
                execution_options={"synchronize_session": False},
            )
    return refused
