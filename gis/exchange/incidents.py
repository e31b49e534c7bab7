"""Loading incidents that were kept elsewhere: a hotline's list, a patrol's table. Each row is filed as a report is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas.snapshot import RegistrySnapshot, read_snapshot
from gis.errors import TooLarge, WanggeError
from gis.exchange.columns import INCIDENTS
from gis.files import datasets
from gis.files.report import LoadReport
from gis.files.tables import Row, Table, finish_reading, read_table
from gis.incidents.catalogue import editions
from gis.incidents.lifecycle import intake
from gis.incidents.lifecycle import report as lifecycle_report
from gis.incidents.models import CHANNELS, SEVERITIES
from gis.rights.principal import Principal, system_principal
from gis.rights.visibility import visibility_clause
from gis.settings import SHANGHAI

MAX_ID_CHARS = 100  # characters of an external id
MAX_CACHED_SNAPSHOTS = 24  # whole registers, one for each interval between two changes, read for rows of the past
MAX_ROWS_WITHOUT_SNAPSHOT = 20  # rows up to which reading a whole register does not pay

SEVERITY = {name: name for name in SEVERITIES} | {
    "低": "low", "轻微": "low", "一般": "normal", "普通": "normal", "正常": "normal", "中": "normal",
    "高": "high", "严重": "high", "较急": "high", "紧急": "urgent", "特急": "urgent",
}  # fmt: skip
CHANNEL = {name: name for name in CHANNELS} | {
    "小程序": "mini_program", "微信": "mini_program", "网页": "web", "网站": "web", "电话": "phone", "热线": "phone",
    "12345": "phone", "来访": "in_person", "当面": "in_person", "上门": "in_person", "巡查": "patrol", "巡逻": "patrol",
    "啄木鸟": "woodpecker", "设备": "device", "导入": "import", "接口": "api",
}  # fmt: skip

# one load at a time, so that two of the same file file nothing twice
ALONE = "SELECT pg_advisory_xact_lock(hashtextextended('load incidents', 0))"
# rows of this transaction are not in the planner's figures: it would read whole indexes to combine them, and go on
# with plans it made for an empty table
NARROW = "SET LOCAL enable_bitmapscan = off"
PLAN_ANEW = "DISCARD PLANS"
# what other systems call a matter that nobody works on any more
FINISHED = frozenset(
    {
        "已办结",
        "办结",
        "已结案",
        "结案",
        "已完成",
        "完成",
        "已处结",
        "已关闭",
        "关闭",
        "已作废",
        "作废",
        "closed",
        "done",
        "resolved",
    }
)
KNOWN = "SELECT i.attributes ->> 'external_id' FROM incident i WHERE i.attributes ->> 'external_id' = ANY(:ids) AND {}"


@dataclass
class SnapshotsByTime:
    """Registers of the moments of rows, read when first needed."""

    session: Session
    whole: bool
    read: list[RegistrySnapshot] = field(default_factory=list)

    def at(self, moment: datetime) -> RegistrySnapshot | None:
        """The register that holds a moment; None: the database is to be asked."""
        found = next((one for one in self.read if one.holds(moment)), None)
        if found is None and self.whole and len(self.read) < MAX_CACHED_SNAPSHOTS:
            found = read_snapshot(self.session, moment)
            self.read.append(found)
        return found


def load_incidents(
    session: Session,
    path: Path,
    crs: str | None = None,
    *,
    now: datetime,
    by: Principal | None = None,
    timezone: ZoneInfo = SHANGHAI,
    most: int | None = None,
) -> LoadReport:
    """File the rows of a table as reports; `gis.exchange.columns.INCIDENTS` says what it may hold.

    A row is known by its external id, else by all it says: one that was loaded before is left as it is now, so the
    same file twice changes nothing. Times without a zone are `timezone`'s.

    Args:
        crs: System of the points of rows that name none; one of `gis.crs.SUPPORTED_CRS`.
        by: Who files them; None is the command line, which may do so everywhere.
        most: Rows that are taken; None: any number.

    Returns:
        The report. Where a row is refused nothing is to be kept: the caller does not commit.

    Raises:
        InvalidInput, TooMuch: The file cannot be read as such a table, or has too many rows.
    """
    report = LoadReport("incidents", path.name)
    table = read_table(path, INCIDENTS, report)
    rows = [row for row in table.rows if _take(row, table, report, now, timezone)]
    if most is not None and report.counts["rows"] > most:
        raise TooLarge(
            f"{report.counts['rows']:,} rows are too many at once; send at most {most:,}, or ./wangge load incidents"
        )
    session.execute(text(ALONE))
    by = by or system_principal("load incidents")
    ids = _ids(rows, table, report)
    mine, params = visibility_clause(
        by, "i"
    )  # what others loaded is not theirs to learn of, and may have the same numbers
    known = set(session.scalars(text(KNOWN.format(mine)), params | {"ids": list(ids.values())}))
    new = [row for row in rows if row.number in ids and ids[row.number] not in known]
    if len(new) > MAX_ROWS_WITHOUT_SNAPSHOT:
        session.execute(text(NARROW))
    registers = SnapshotsByTime(session, len(new) > MAX_ROWS_WITHOUT_SNAPSHOT)
    categories = _categories(session)
    for filed, row in enumerate(sorted(new, key=lambda row: (_at(row, timezone) or now, row.number)), 1):
        at = _at(row, timezone)
        given = _given(row, crs, at, ids[row.number], categories)
        try:
            lifecycle_report.file_report(session, by, given, now, snapshot=registers.at(at or now), look_alike=False)
        except WanggeError as error:
            faults = error.errors or ()
            report.refused += [table.refuse(row.number, one.field, one.message) for one in faults]
            if not faults:
                report.refused.append(table.refuse(row.number, "", error.detail))
        if filed > MAX_ROWS_WITHOUT_SNAPSHOT and filed & (filed - 1) == 0:  # after each doubling
            session.execute(text(PLAN_ANEW))
    report.crs = ", ".join(sorted({row["crs"] or crs or "" for row in rows if row["lon"] is not None})) or None
    if finish_reading(report):
        report.counts |= {"new": len(new), "unchanged": len(rows) - len(new)}
        if len(rows) > len(new):
            report.notes.append(f"{len(rows) - len(new)} rows were loaded before; their incidents stay as they are now")
        datasets.record_load(session, "incidents", path, datasets.file_sha256(path), report.counts, "")
    return report


def _take(row: Row, table: Table, report: LoadReport, now: datetime, timezone: ZoneInfo) -> bool:
    """Refuse what can be told without asking anybody; whether the row is good so far."""
    faults = []
    for key, words in (("severity", SEVERITY), ("channel", CHANNEL)):
        if row[key] and row[key].lower() not in words:
            faults.append((key, f"{row[key][:40]!r} is not known here; one of {', '.join(words)}"))
    finished = "state" if (row["state"] or "").lower() in FINISHED else "closed_at" if row["closed_at"] else None
    if finished:
        faults.append(
            (
                finished,
                f"{row[finished]}: the matter is finished, and loading it would open it again; leave the row out",
            )
        )
    at = _at(row, timezone)
    if at is not None and at > now + timedelta(minutes=5):
        faults.append(("reported_at", f"{at:%Y-%m-%d %H:%M} lies in the future"))
    if row["external_id"] and len(row["external_id"]) > MAX_ID_CHARS:
        faults.append(("external_id", f"is longer than {MAX_ID_CHARS} characters"))
    report.refused += [table.refuse(row.number, key, reason) for key, reason in faults]
    return not faults


def _ids(rows: Sequence[Row], table: Table, report: LoadReport) -> dict[int, str]:
    """The id of each row by its number: its own, else a digest of what it says; those that come twice are refused."""
    first: dict[str, int] = {}
    found = {}
    for row in rows:
        own = row["external_id"]
        made = own or "sha256:" + sha256(orjson.dumps(dict(sorted(row.values.items())))).hexdigest()[:32]
        before = first.setdefault(made, row.number)
        if before == row.number:
            found[row.number] = made
        else:
            reason = f"{own} stands in row {before} already" if own else f"the row is the same as row {before}"
            more = "every incident has an id of its own" if own else "if both are meant, give each an id of its own"
            report.refused.append(table.refuse(row.number, "external_id", f"{reason}; {more}"))
    return found


def _at(row: Row, timezone: ZoneInfo) -> datetime | None:
    at: datetime | None = row["reported_at"]
    return at.replace(tzinfo=timezone) if at else None


def _categories(session: Session) -> Mapping[str, str]:
    """Code by what people write for a category: its code, names, the older edition's code; a name of several is none."""
    found: dict[str, str] = {}
    twice: set[str] = set()
    rows = editions.active_edition(session).categories.values()
    for one in rows:
        codes = {code.removeprefix("0") for code in (one.code, one.old_code)}  # as Excel makes numbers of them
        for word in {one.zh, one.en.lower(), one.old_code, *codes} - {""}:
            if found.setdefault(word, one.code) != one.code:
                twice.add(word)
    return {word: code for word, code in found.items() if word not in twice} | {one.code: one.code for one in rows}


def _given(
    row: Row, crs: str | None, at: datetime | None, made: str, categories: Mapping[str, str]
) -> intake.IncidentReport:
    named = row["category"] or ""
    return intake.IncidentReport(
        category=categories.get(named) or categories.get(named.lower()) or named,
        description=row["description"] or "",
        lon=row["lon"],
        lat=row["lat"],
        crs=row["crs"] or crs,
        address=row["address"] or "",
        area=row["area"] or "",
        severity=SEVERITY[row["severity"].lower()] if row["severity"] else "",
        channel=CHANNEL[row["channel"].lower()] if row["channel"] else "import",
        attributes={"external_id": made},
        at=at,
    )
