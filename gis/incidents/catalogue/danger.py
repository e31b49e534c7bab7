"""The danger that a report's words tell of, by the table and the catalogue in force."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, insert, select, text
from sqlalchemy.orm import Session

from gis.db import cached_text
from gis.errors import Unavailable
from gis.incidents.catalogue import editions
from gis.incidents.catalogue.classifier import Suggestion, suggest
from gis.incidents.catalogue.editions import Edition
from gis.incidents.danger.reader import Danger, Reader
from gis.incidents.danger.table import DEFAULT, LISTS, Row, parse
from gis.incidents.models import DangerTable

URGENT = "urgent"


MOVES_WITH_DANGER = frozenset(
    {"note", "reopen", "rate"}
)  # moves in whose words danger counts: those who are there write them


_readers: dict[tuple[int, int], Reader] = {}


def reader(session: Session) -> Reader:
    """Return the reader of the table in force; prepared once per process and edition."""
    number, edition = active_table_id(session), editions.active_edition(session)
    if (number, edition.id) not in _readers:
        _readers.clear()
        _readers[number, edition.id] = Reader(table_rows(session, number), everyday_of(edition))
    return _readers[number, edition.id]


def everyday_of(edition: Edition) -> list[str]:
    """Return the examples of the categories that residents choose: everyday matters."""
    return [
        example for kind in edition.categories.values() if kind.public for example in kind.examples
    ]


def heard(session: Session, report: str) -> Danger | None:
    """Return the danger that a report describes; None when it describes none."""
    return reader(session).read(report) if report.strip() else None


def numbers(session: Session) -> list[str]:
    """Return the emergency numbers of the table, those of most rows first."""
    calls = [number for row in reader(session).rows for number in row.call]
    return sorted(set(calls), key=lambda number: (-calls.count(number), number))


def in_words(danger: Danger | None) -> dict[str, Any] | None:
    """Return what the reporter is shown: the danger, the numbers and the advice."""
    if danger is None:
        return None
    zh, en = "、".join(danger.call), " or ".join(danger.call)
    return {
        "kind": danger.kinds[0],
        "zh": danger.zh,
        "en": danger.en,
        "call": list(danger.call),
        "because": list(danger.because),
        "advice_zh": f"如有人身危险，请先拨打{zh}，再补充上报。",
        "advice_en": f"If anybody is in danger, call {en} first.",
    }


def likely(
    edition: Edition, report: str, danger: Danger | None, *, public: bool = False
) -> list[Suggestion]:
    """Return the likeliest categories of a report.

    For a danger, the category of its table or none.
    """
    if danger is None:
        return suggest(edition, report, public=public)
    kind = edition.categories.get(danger.category)
    if kind is None or (public and not kind.public):
        return []
    return [Suggestion(kind.code, kind.zh, kind.en, 1.0, list(danger.because))]


NEWEST = "SELECT max(id) FROM danger_table"


_tables: dict[int, tuple[Row, ...]] = {}


def active_table_id(session: Session | Connection) -> int:
    """Return the number of the edition in force.

    Raises
    ------
    Unavailable
        None is loaded.
    """
    newest = session.scalar(cached_text(NEWEST))
    if newest is None:
        raise Unavailable("danger.table_missing")
    return int(newest)


def table_rows(session: Session | Connection, number: int) -> tuple[Row, ...]:
    """Return the rows of an edition; read once per process, since editions never change."""
    if number not in _tables:
        stored = session.scalar(select(DangerTable.rows).where(DangerTable.id == number))
        _tables[number] = tuple(
            Row(**row | {key: tuple(row[key]) for key in LISTS}) for row in stored or ()
        )
    return _tables[number]


def load(
    session: Session | Connection, rows: Sequence[Row], source: str, author: str = ""
) -> int | None:
    """Make rows the edition in force. None, and nothing done, when they are already.

    Parameters
    ----------
    rows
        As `parse` gave them, with nothing refused.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('load danger', 0))"))
    newest = session.scalar(text(NEWEST))
    if newest is not None and table_rows(session, newest) == tuple(rows):
        return None
    new = insert(DangerTable).values(
        rows=[asdict(row) for row in rows], source=source, author=author
    )
    return int(session.scalar(new.returning(DangerTable.id)) or 0)


def fill(connection: Connection) -> None:
    """Load the default table into a database without one, or with an earlier default.

    What somebody edited stays.
    """
    query = select(DangerTable.source, DangerTable.author).order_by(DangerTable.id.desc()).limit(1)
    newest = connection.execute(query).one_or_none()
    if newest is None or (newest.source, newest.author) == (DEFAULT.name, ""):
        rows, report = parse(DEFAULT)
        report.require_all_taken()
        load(connection, rows, DEFAULT.name)
