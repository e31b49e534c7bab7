"""Loading incidents that were kept elsewhere: a hotline's list, a patrol's table.

Each row is filed as a report is.
"""

from collections.abc import Iterable, Mapping, Sequence
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
from gis.files.report import LoadReport, RejectedRow, fault_message
from gis.files.tables import Row, Table, finish_reading, read_table
from gis.incidents.catalogue import editions
from gis.incidents.lifecycle import intake
from gis.incidents.lifecycle import report as lifecycle_report
from gis.incidents.models import CHANNELS, SEVERITIES
from gis.messages import Message
from gis.rights.principal import Principal, system_principal
from gis.rights.visibility import visibility_clause
from gis.settings import SHANGHAI

MAX_ID_CHARS = 100  # characters of an external id
MAX_CACHED_SNAPSHOTS = (
    24  # complete snapshots, one for each interval between two changes, for rows of the past
)
MAX_ROWS_WITHOUT_SNAPSHOT = 20  # rows up to which a complete snapshot is slower than single queries

SEVERITY_BY_WORD = {name: name for name in SEVERITIES} | {
    "低": "low",
    "轻微": "low",
    "一般": "normal",
    "普通": "normal",
    "正常": "normal",
    "中": "normal",
    "高": "high",
    "严重": "high",
    "较急": "high",
    "紧急": "urgent",
    "特急": "urgent",
}
CHANNEL_BY_WORD = {name: name for name in CHANNELS} | {
    "小程序": "mini_program",
    "微信": "mini_program",
    "网页": "web",
    "网站": "web",
    "电话": "phone",
    "热线": "phone",
    "12345": "phone",
    "来访": "in_person",
    "当面": "in_person",
    "上门": "in_person",
    "巡查": "patrol",
    "巡逻": "patrol",
    "啄木鸟": "woodpecker",
    "设备": "device",
    "导入": "import",
    "接口": "api",
}

# one load at a time, so that two loads of a file store nothing twice
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('load incidents', 0))"
# The planner's statistics omit rows of this transaction: it would combine whole indexes,
# and reuse plans made for an empty table.
NO_BITMAP_SCANS = "SET LOCAL enable_bitmapscan = off"
DISCARD_PLANS = "DISCARD PLANS"
# states of other systems that mean an ended incident
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
LOADED_IDS = (
    "SELECT i.attributes ->> 'external_id' FROM incident i"
    " WHERE i.attributes ->> 'external_id' = ANY(:ids) AND {}"
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
) -> LoadReport:
    """File the rows of a table as reports; `gis.exchange.columns.INCIDENTS` says what it may hold.

    A row is known by its external id, else by all it says: one that was loaded before is left as it
    is now, so the same file twice changes nothing. Times without a zone are `timezone`'s.

    Parameters
    ----------
    crs
        System of the points of rows that name none; one of `gis.crs.SUPPORTED_CRS`.
    principal
        Reporter; None means the command line, which may report everywhere.
    most
        Rows that are taken; None: any number.

    Returns
    -------
    The report. Where a row is refused nothing is to be kept
        The caller does not commit.

    Raises
    ------
    InvalidInput, TooLarge
        The file cannot be read as such a table, or has too many rows.
    """
    report = LoadReport("incidents", path.name)
    table = read_table(path, INCIDENTS, report)
    rows = [row for row in table.rows if _take(row, table, report, now, timezone)]
    if most is not None and report.counts["rows"] > most:
        raise TooLarge("incident_row.too_many", count=report.counts["rows"], limit=most)
    session.execute(text(LOCK))
    principal = principal or system_principal("load incidents")
    ids = _ids(rows, table, report)
    loaded = _loaded_ids(session, principal, ids.values())
    new = [row for row in rows if row.number in ids and ids[row.number] not in loaded]
    if len(new) > MAX_ROWS_WITHOUT_SNAPSHOT:
        session.execute(text(NO_BITMAP_SCANS))
    snapshots = SnapshotsByTime(session, len(new) > MAX_ROWS_WITHOUT_SNAPSHOT)
    categories = _categories(session)
    new.sort(key=lambda row: (_at(row, timezone) or now, row.number))
    for filed, row in enumerate(new, 1):
        at = _at(row, timezone)
        incident = _to_incident(row, crs, at, ids[row.number], categories)
        try:
            snapshot = snapshots.at(at or now)
            lifecycle_report.file_report(
                session, principal, incident, now, snapshot=snapshot, look_alike=False
            )
        except WanggeError as error:
            report.refused += _refusals(row, table, error)
        if filed > MAX_ROWS_WITHOUT_SNAPSHOT and filed & (filed - 1) == 0:  # after each doubling
            session.execute(text(DISCARD_PLANS))
    systems = {row["crs"] or crs or "" for row in rows if row["lon"] is not None}
    report.crs = ", ".join(sorted(systems)) or None
    if finish_reading(report):
        report.counts |= {"new": len(new), "unchanged": len(rows) - len(new)}
        if len(rows) > len(new):
            report.note("incident_row.loaded_before", count=len(rows) - len(new))
        datasets.record_load(
            session, "incidents", path, datasets.file_sha256(path), report.counts, ""
        )
    return report


def _loaded_ids(session: Session, principal: Principal, ids: Iterable[str]) -> set[str]:
    """Return which external ids were loaded before.

    What others loaded is not theirs to learn of, and may have the same numbers.
    """
    mine, params = visibility_clause(principal, "i")
    return set(session.scalars(text(LOADED_IDS.format(mine)), params | {"ids": list(ids)}))


def _refusals(row: Row, table: Table, error: WanggeError) -> list[RejectedRow]:
    """Return the rejections of a row: one for each field at fault, else one for the row."""
    if not error.errors:
        return [table.refuse(row.number, "", Message(error.code, error.params))]
    return [table.refuse(row.number, fault.field, fault_message(fault)) for fault in error.errors]


def _take(row: Row, table: Table, report: LoadReport, now: datetime, timezone: ZoneInfo) -> bool:
    """Refuse what is wrong in the row itself; return whether it is good so far."""
    faults: list[tuple[str, Message]] = []
    for key, choices in (("severity", SEVERITY_BY_WORD), ("channel", CHANNEL_BY_WORD)):
        if row[key] and row[key].lower() not in choices:
            params = {"text": row[key][:40], "choices": list(choices)}
            faults.append((key, Message("incident_row.word_unknown", params)))
    finished = (
        "state"
        if (row["state"] or "").lower() in FINISHED
        else "closed_at"
        if row["closed_at"]
        else None
    )
    if finished:
        faults.append((finished, Message("incident_row.finished", {"text": row[finished]})))
    at = _at(row, timezone)
    if at is not None and at > now + timedelta(minutes=5):
        faults.append(
            ("reported_at", Message("incident_row.in_future", {"time": f"{at:%Y-%m-%d %H:%M}"}))
        )
    if row["external_id"] and len(row["external_id"]) > MAX_ID_CHARS:
        faults.append(("external_id", Message("incident_row.id_too_long", {"limit": MAX_ID_CHARS})))
    report.refused += [table.refuse(row.number, *fault) for fault in faults]
    return not faults


def _ids(rows: Sequence[Row], table: Table, report: LoadReport) -> dict[int, str]:
    """Return the id of each row by its number: its own, else a digest of the row.

    Refuse those that come twice.
    """
    row_by_id: dict[str, int] = {}
    ids = {}
    for row in rows:
        external_id = row["external_id"]
        row_id = (
            external_id
            or "sha256:" + sha256(orjson.dumps(dict(sorted(row.values.items())))).hexdigest()[:32]
        )
        earlier = row_by_id.setdefault(row_id, row.number)
        if earlier == row.number:
            ids[row.number] = row_id
        elif external_id:
            params = {"id": external_id, "row": str(earlier)}
            report.refused.append(
                table.refuse(row.number, "external_id", Message("incident_row.id_twice", params))
            )
        else:
            report.refused.append(
                table.refuse(row.number, "external_id", "incident_row.same_row", row=str(earlier))
            )
    return ids


def _at(row: Row, timezone: ZoneInfo) -> datetime | None:
    at: datetime | None = row["reported_at"]
    return at.replace(tzinfo=timezone) if at else None


def _categories(session: Session) -> Mapping[str, str]:
    """Return the category code by each of its common terms.

    The terms are the code, the names, and the code of the previous edition. Terms of several
    categories are left out.
    """
    code_by_word: dict[str, str] = {}
    twice: set[str] = set()
    rows = editions.active_edition(session).categories.values()
    for row in rows:
        # as Excel makes numbers of them
        codes = {code.removeprefix("0") for code in (row.code, row.old_code)}
        for word in {row.zh, row.en.lower(), row.old_code, *codes} - {""}:
            if code_by_word.setdefault(word, row.code) != row.code:
                twice.add(word)
    unique = {word: code for word, code in code_by_word.items() if word not in twice}
    return unique | {row.code: row.code for row in rows}


def _to_incident(
    row: Row, crs: str | None, at: datetime | None, row_id: str, categories: Mapping[str, str]
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
        severity=SEVERITY_BY_WORD[row["severity"].lower()] if row["severity"] else "",
        channel=CHANNEL_BY_WORD[row["channel"].lower()] if row["channel"] else "import",
        attributes={"external_id": row_id},
        at=at,
    )
