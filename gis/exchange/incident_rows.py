"""What a row of a table of incidents says: its faults, its id, and the report it is filed as."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy.orm import Session

from gis.errors import WanggeError
from gis.exchange.incident_words import STATE_BY_WORD, WORDS_BY_COLUMN, word_of
from gis.files.report import LoadReport, RejectedRow, fault_message
from gis.files.tables import Row, Table
from gis.incidents.catalogue import editions
from gis.incidents.lifecycle import intake
from gis.incidents.lifecycle.history import RATINGS, Past
from gis.incidents.states import ENDED_STATES, State
from gis.messages import Message

MAX_ID_CHARS = 100  # characters of an external id


def refusals(row: Row, table: Table, error: WanggeError) -> list[RejectedRow]:
    """Return the rejections of a row: one for each field at fault, else one for the row."""
    if not error.errors:
        return [table.refuse(row.number, "", Message(error.code, error.params))]
    return [table.refuse(row.number, fault.field, fault_message(fault)) for fault in error.errors]


def check_row(
    row: Row, table: Table, report: LoadReport, now: datetime, timezone: ZoneInfo
) -> bool:
    """Refuse what is wrong in the row itself; return whether it is good so far."""
    faults: list[tuple[str, Message]] = []
    for key, choices in WORDS_BY_COLUMN.items():
        if row[key] and row[key].lower() not in choices:
            params = {"text": row[key][:40], "choices": list(choices)}
            faults.append((key, Message("incident_row.word_unknown", params)))
    at, closed_at = (moment_of(row, key, timezone) for key in ("reported_at", "closed_at"))
    state = word_of(row, "state")
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


def ids_of_rows(rows: Sequence[Row], table: Table, report: LoadReport) -> dict[int, str]:
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


def moment_of(row: Row, key: str, timezone: ZoneInfo) -> datetime | None:
    """Return the moment of a column, of the given zone where it names none."""
    moment: datetime | None = row[key]
    return moment.replace(tzinfo=timezone) if moment and moment.tzinfo is None else moment


def to_past(row: Row, timezone: ZoneInfo) -> Past:
    """Return what a row says of how its matter stands; `Past()` where it says nothing."""
    closed_at = moment_of(row, "closed_at", timezone)
    state = word_of(row, "state") or (State.CLOSED if closed_at else None)
    return Past(
        state=state,
        handler=row["handler"] or "",
        role=word_of(row, "role") or "",
        post_area=row["post_area"] or "",
        due=moment_of(row, "due_at", timezone),
        until=moment_of(row, "suspended_until", timezone) if state == State.SUSPENDED else None,
        closed_at=closed_at,
        result=row["result"] or "",
        **{name: word_of(row, name) for name in RATINGS},
    )


def categories_by_word(session: Session) -> Mapping[str, str]:
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
    return _category(categories_by_word(session), word)


def _category(categories: Mapping[str, str], word: str) -> str:
    return categories.get(word) or categories.get(word.lower()) or word


def to_report(
    row: Row, crs: str | None, timezone: ZoneInfo, row_id: str, categories: Mapping[str, str]
) -> intake.IncidentReport:
    """Return the report that a row is filed as; `categories` as `categories_by_word`."""
    named = row["category"] or ""
    return intake.IncidentReport(
        category=_category(categories, named),
        description=row["description"] or "",
        lon=row["lon"],
        lat=row["lat"],
        crs=row["crs"] or crs,
        address=row["address"] or "",
        area=row["area"] or "",
        severity=word_of(row, "severity") or "",
        channel=word_of(row, "channel") or "import",
        attributes={**(row["attributes"] or {}), "external_id": row_id},
        at=moment_of(row, "reported_at", timezone),
    )
