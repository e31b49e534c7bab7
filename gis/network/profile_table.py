"""The table of walking profiles: kept in the database, edited as a spreadsheet, checked row by row.

Each load is a new edition; the newest is in force.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from gis.errors import Unavailable
from gis.files.cells import parse_text
from gis.files.column import Column
from gis.files.editions import Editions
from gis.files.report import THE_TABLE, LoadReport, RejectedRow
from gis.files.table_writer import write_table
from gis.files.tables import finish_reading, read_table
from gis.messages import Message
from gis.network.models import WalkingProfileTable
from gis.network.profiles import (
    ADULT,
    PROFILES,
    PROFILES_CSV,
    QUANTITIES,
    ProfileValue,
    WalkingProfile,
    default_rows,
    get_profile,
    is_possible,
    profiles_of,
)

MAX_PROFILE_TEXT_CHARS = 300
COLUMNS = (
    Column(
        "profile", "人群", parse_text, ("步行人群",), "代码，如 elder", "Its key, as elder.", True
    ),
    Column(
        "quantity",
        "项目",
        parse_text,
        (),
        "如 speed_m_s：步行速度，米/秒；没有列出的项目不影响步行",
        "As speed_m_s; what has no row costs nothing and closes nothing.",
        True,
        QUANTITIES,
    ),
    Column(
        "value",
        "数值",
        parse_text,
        (),
        "倍数至少为 1，0 表示不能通行；是否：1 或 0",
        "Factors are at least 1, 0 closes; yes or no: 1 or 0.",
        True,
    ),
    Column("unit", "单位", parse_text, (), "如 m/s", "As m/s.", True),
    Column(
        "source", "来源", parse_text, (), "标准、文献，或 assumption", "Where it comes from.", True
    ),
    Column("note", "说明", parse_text, (), "补充说明", "What else there is to say."),
)


def parse(path: Path) -> tuple[list[ProfileValue], LoadReport]:
    """Read a table of walking profiles and check it.

    What is wrong is in the report's `refused`, by row and column.

    Raises
    ------
    InvalidInput, TooLarge
        As `gis.files.tables.read_table`.
    """
    report = LoadReport("profiles", path.name)
    table = read_table(path, COLUMNS, report)
    rows: list[ProfileValue] = []
    seen: set[tuple[str, str]] = set()
    for row in table.rows:
        values = {column.key: str(row[column.key] or "").strip() for column in COLUMNS}
        problems = list(_problems(values, seen))
        report.refused += [table.refuse(row.number, key, reason) for key, reason in problems]
        if not problems:
            seen.add((values["profile"], values["quantity"]))
            rows.append(ProfileValue(**{**values, "value": float(values["value"])}))  # type: ignore[arg-type]
    if not report.refused:
        names = dict.fromkeys((ADULT.name, *(row.profile for row in rows)))
        slow = [name for name in names if (name, "speed_m_s") not in seen]
        if slow:
            reason = Message("profile_row.speed_missing", {"profiles": slow})
            report.refused.append(RejectedRow(THE_TABLE, "quantity", reason))
    finish_reading(report)
    return rows, report


def _problems(
    values: Mapping[str, str], seen: set[tuple[str, str]]
) -> Iterator[tuple[str, Message]]:
    profile, quantity, value = values["profile"], values["quantity"], values["value"]
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", profile):
        yield "profile", Message("profile_row.key_wrong", {"key": profile[:40]})
    if quantity not in QUANTITIES:
        allowed = list(QUANTITIES)
        yield "quantity", Message("cell.none_of", {"value": quantity[:40], "allowed": allowed})
    elif not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", value, re.ASCII) or not is_possible(
        quantity, float(value)
    ):
        params = {"value": value[:20], "quantity": quantity}
        yield "value", Message("profile_row.value_impossible", params)
    if (profile, quantity) in seen:
        yield "quantity", Message("profile_row.twice", {"profile": profile, "quantity": quantity})
    for key in ("unit", "source"):
        if not values[key]:
            yield key, Message("cell.empty")
    for key in ("unit", "source", "note"):
        if len(values[key]) > MAX_PROFILE_TEXT_CHARS:
            yield key, Message("profile_row.too_long", {"limit": MAX_PROFILE_TEXT_CHARS})


def dump(rows: Iterable[ProfileValue], path: Path) -> None:
    """Write a table that `parse` reads back the same: .csv or .xlsx, with Chinese headers."""
    write_table(path, COLUMNS, [[*row[:2], f"{row.value:.10g}", *row[3:]] for row in rows])


# --- editions -------------------------------------------------------------------------------------

EDITIONS = Editions(
    WalkingProfileTable,
    "profiles",
    PROFILES_CSV,
    parse,
    dump,
    to_json=ProfileValue._asdict,
    from_json=lambda row: ProfileValue(**row),
    missing=lambda: Unavailable("profiles.table_missing"),
)


def active_edition_id(session: Session | Connection) -> int:
    """Return the number of the edition in force; 0 for the table that comes with the program."""
    return EDITIONS.newest_id(session) or 0


def edition_rows(session: Session | Connection, number: int) -> tuple[ProfileValue, ...]:
    """Return the rows of an edition; of 0 those that come with the program."""
    return EDITIONS.rows(session, number) if number else tuple(default_rows())


def read_profiles(session: Session | Connection) -> dict[str, WalkingProfile]:
    """Return the walking profiles in force by name, in the order of their table."""
    number = active_edition_id(session)
    return profiles_of(edition_rows(session, number)) if number else dict(PROFILES)


def find_profile(session: Session, name: str) -> WalkingProfile:
    """Return the walking profile of that name in force.

    Raises
    ------
    InvalidInput
        No profile has the name.
    """
    return get_profile(name, read_profiles(session))


def load(
    session: Session | Connection, rows: Sequence[ProfileValue], source: str, author: str = ""
) -> int | None:
    """Make rows the edition in force. None, and nothing done, when they are already.

    Parameters
    ----------
    rows
        As `parse` gave them, with nothing refused.

    Notes
    -----
    Stored circles of profiles that change or go are deleted, for they are no longer true.
    """
    EDITIONS.lock(session)  # before the profiles in force are read
    former, new = read_profiles(session), profiles_of(rows)
    new_id = EDITIONS.load(session, rows, source, author)
    if new_id is not None:
        changed = [name for name, profile in former.items() if new.get(name) != profile]
        session.execute(
            text("DELETE FROM service_circle WHERE profile = ANY(:names)"), {"names": changed}
        )
    return new_id


def fill(connection: Connection) -> None:
    """Load the default table into a database without one, or with an earlier default.

    What somebody edited stays.
    """
    if EDITIONS.follows_default(connection):
        load(connection, default_rows(), PROFILES_CSV.name)
