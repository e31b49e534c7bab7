"""Loading incidents that were kept elsewhere: a hotline's list, a patrol's table.

Each row is filed as a report is.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from gis.areas.snapshot import RegistrySnapshot, read_snapshot
from gis.errors import NotFound, OutsideGrids, TooLarge, WanggeError, invalid_field
from gis.exchange.columns import INCIDENTS
from gis.files import datasets
from gis.files.report import LoadReport, RejectedRow, fault_message
from gis.files.tables import Row, Table, finish_reading, read_table
from gis.incidents.catalogue import editions
from gis.incidents.clock import CLOCK_COLUMNS
from gis.incidents.lifecycle import intake
from gis.incidents.lifecycle import report as lifecycle_report
from gis.incidents.lifecycle.history import RATINGS, Past, file_past
from gis.incidents.models import CHANNELS, SEVERITIES, Incident
from gis.incidents.states import ENDED_STATES, State
from gis.messages import Message
from gis.rights.principal import Principal, system_principal
from gis.rights.roles import ROLES
from gis.rights.visibility import visibility_clause
from gis.settings import SHANGHAI

OUR_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
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
# what other systems call their states; None: it is open, and goes to who is there now
WORDS_BY_STATE: dict[State | None, tuple[str, ...]] = {
    State.CLOSED: (
        *("已办结", "办结", "已结案", "结案", "已完成", "完成", "已处结", "处结"),
        *("已关闭", "关闭", "已归档", "归档", "done", "resolved"),
    ),
    State.VOID: ("已作废", "作废", "已撤销", "撤销", "cancelled"),
    None: (
        *("办理中", "处理中", "在办", "待办", "待处理", "待受理", "待派单", "未办结", "新建"),
        *("已受理", "已派单", "已派发", "已退回", "挂账", "open"),
    ),
}
STATE_BY_WORD: dict[str, State | None] = {
    **{state.value: state for state in State},
    **{word: state for state, words in WORDS_BY_STATE.items() for word in words},
}
RATING_BY_WORD = {
    word: number for number in range(1, 6) for word in (f"{number}", f"{number}.0")
} | {
    "非常满意": 5,
    "很满意": 5,
    "满意": 4,
    "基本满意": 3,
    "一般": 3,
    "不满意": 2,
    "非常不满意": 1,
    "很不满意": 1,
}
SOLVED_BY_WORD = {
    **dict.fromkeys(["是", "已解决", "解决", "yes", "true"], True),
    **dict.fromkeys(["否", "未解决", "没解决", "no", "false"], False),
}
# column -> the words it may hold
CHOICES: dict[str, Mapping[str, Any]] = {
    "severity": SEVERITY_BY_WORD,
    "channel": CHANNEL_BY_WORD,
    "state": STATE_BY_WORD,
    "rating": RATING_BY_WORD,
    "solved": SOLVED_BY_WORD,
    "office_rating": RATING_BY_WORD,
    "office_solved": SOLVED_BY_WORD,
    "role": {word: role.key for role in ROLES for word in (role.key, role.zh, role.en.lower())},
}
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
    incident_ids = _loaded_ids(session, principal, ids.values())
    new = [row for row in rows if row.number in ids and ids[row.number] not in incident_ids]
    if len(new) > MAX_ROWS_WITHOUT_SNAPSHOT:
        session.execute(text(NO_BITMAP_SCANS))
    filing = Filing(
        session,
        principal,
        SnapshotsByTime(session, len(new) > MAX_ROWS_WITHOUT_SNAPSHOT),
        now,
        timezone,
        old_by_today,
    )
    categories = _categories(session)
    new.sort(key=lambda row: (_moment(row, "reported_at", timezone) or now, row.number))
    for filed, row in enumerate(new, 1):
        incident = _to_incident(row, crs, timezone, ids[row.number], categories)
        try:
            incident_ids[ids[row.number]] = filing.file(row, incident)
        except WanggeError as error:
            report.refused += _refusals(row, table, error)
        if filed > MAX_ROWS_WITHOUT_SNAPSHOT and filed & (filed - 1) == 0:  # after each doubling
            session.execute(text(DISCARD_PLANS))
    report.refused += _link_parents(session, new, table, ids, incident_ids)
    systems = {row["crs"] or crs or "" for row in rows if row["lon"] is not None}
    report.crs = ", ".join(sorted(systems)) or None
    if finish_reading(report):
        report.counts |= {"new": len(new), "unchanged": len(rows) - len(new)}
        for number in filing.placed_by_today:
            report.note_row("incident_row.placed_by_today", number)
        if len(rows) > len(new):
            report.note("incident_row.loaded_before", count=len(rows) - len(new))
        datasets.record_load(
            session, "incidents", path, datasets.file_sha256(path), report.counts, ""
        )
    return report


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
        WanggeError
            The row cannot be filed; among others `incident_row.before_boundaries`.
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
        past = _to_past(row, self.timezone)
        if past != Past():
            return file_past(
                self.session, self.principal, incident, past, self.now, snapshot=snapshot
            )
        return lifecycle_report.file_report(
            self.session,
            self.principal,
            incident,
            self.now,
            snapshot=snapshot,
            look_alike=False,
        ).id

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


def _refusals(row: Row, table: Table, error: WanggeError) -> list[RejectedRow]:
    """Return the rejections of a row: one for each field at fault, else one for the row."""
    if not error.errors:
        return [table.refuse(row.number, "", Message(error.code, error.params))]
    return [table.refuse(row.number, fault.field, fault_message(fault)) for fault in error.errors]


def _take(row: Row, table: Table, report: LoadReport, now: datetime, timezone: ZoneInfo) -> bool:
    """Refuse what is wrong in the row itself; return whether it is good so far."""
    faults: list[tuple[str, Message]] = []
    for key, choices in CHOICES.items():
        if row[key] and row[key].lower() not in choices:
            params = {"text": row[key][:40], "choices": list(choices)}
            faults.append((key, Message("incident_row.word_unknown", params)))
    at, closed_at = (_moment(row, key, timezone) for key in ("reported_at", "closed_at"))
    state = _word(row, "state")
    if state in ENDED_STATES and closed_at is None:
        faults.append(("state", Message("incident_row.closed_missing", {"text": row["state"]})))
    if state == State.SUSPENDED and row["suspended_until"] is None:
        faults.append(("suspended_until", Message("incident_row.until_missing")))
    is_open = (row["state"] or "").lower() in STATE_BY_WORD and state not in ENDED_STATES
    if closed_at is not None and is_open:
        faults.append(("closed_at", Message("incident_row.not_finished", {"text": row["state"]})))
    if closed_at is not None and closed_at < (at or now):
        time = f"{closed_at:%Y-%m-%d %H:%M}"
        faults.append(("closed_at", Message("incident_row.closed_before", {"time": time})))
    for key, moment in (("reported_at", at), ("closed_at", closed_at)):
        if moment is not None and moment > now + timedelta(minutes=5):
            time = f"{moment:%Y-%m-%d %H:%M}"
            faults.append((key, Message("incident_row.in_future", {"time": time})))
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


def _moment(row: Row, key: str, timezone: ZoneInfo) -> datetime | None:
    moment: datetime | None = row[key]
    return moment.replace(tzinfo=timezone) if moment and moment.tzinfo is None else moment


def _word(row: Row, key: str) -> Any:
    """Return what the word of a column means, see CHOICES; None where it is empty."""
    return CHOICES[key].get(row[key].lower()) if row[key] else None


def _to_past(row: Row, timezone: ZoneInfo) -> Past:
    """Return what a row says of how its matter stands; `Past()` where it says nothing."""
    closed_at = _moment(row, "closed_at", timezone)
    state = _word(row, "state") or (State.CLOSED if closed_at else None)
    return Past(
        state=state,
        handler=row["handler"] or "",
        role=_word(row, "role") or "",
        post_area=row["post_area"] or "",
        due=_moment(row, "due_at", timezone),
        until=_moment(row, "suspended_until", timezone) if state == State.SUSPENDED else None,
        closed_at=closed_at,
        result=row["result"] or "",
        **{name: _word(row, name) for name in RATINGS},
    )


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


def category_by_word(session: Session, word: str) -> str:
    """Return the code of a category by one of its common terms; the term if there is none."""
    return _category(_categories(session), word)


def _category(categories: Mapping[str, str], word: str) -> str:
    return categories.get(word) or categories.get(word.lower()) or word


def _to_incident(
    row: Row, crs: str | None, timezone: ZoneInfo, row_id: str, categories: Mapping[str, str]
) -> intake.IncidentReport:
    named = row["category"] or ""
    return intake.IncidentReport(
        category=_category(categories, named),
        description=row["description"] or "",
        lon=row["lon"],
        lat=row["lat"],
        crs=row["crs"] or crs,
        address=row["address"] or "",
        area=row["area"] or "",
        severity=_word(row, "severity") or "",
        channel=_word(row, "channel") or "import",
        attributes={**(row["attributes"] or {}), "external_id": row_id},
        at=_moment(row, "reported_at", timezone),
    )
