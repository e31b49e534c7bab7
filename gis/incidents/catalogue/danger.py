"""The danger that a report's words tell of, by the table and the catalogue in force."""

from collections.abc import Iterable
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from sqlalchemy.orm import Session

from gis.errors import Unavailable
from gis.files.editions import Editions
from gis.incidents.catalogue import editions
from gis.incidents.catalogue.classifier import Suggestion, suggest
from gis.incidents.catalogue.editions import CategoryRow, Edition
from gis.incidents.danger import table
from gis.incidents.danger.reader import Danger, Reader
from gis.incidents.danger.table import Row
from gis.incidents.models import DangerTable

URGENT = "urgent"


MOVES_WITH_DANGER = frozenset(
    {"note", "reopen", "rate"}
)  # moves in whose words danger counts: those who are there write them


EDITIONS = Editions(
    DangerTable,
    "danger",
    table.DANGER_CSV,
    table.parse,
    table.dump,
    to_json=asdict,
    from_json=lambda row: Row(**row | {key: tuple(row[key]) for key in table.MULTI_VALUE_COLUMNS}),
    missing=lambda: Unavailable("danger.table_missing"),
)

_readers: dict[tuple[int, int], Reader] = {}


@lru_cache(maxsize=4)
def prepared(rows: tuple[Row, ...], everyday: tuple[str, ...]) -> Reader:
    """Return the reader of a table; the databases of a process mostly have the same one."""
    return Reader(rows, everyday)


def reader(session: Session, edition: Edition | None = None, number: int | None = None) -> Reader:
    """Return the reader of the table in force; prepared once per process and edition.

    Parameters
    ----------
    edition, number
        The catalogue in force and the id of the table, where the caller has read them already.
    """
    number = number or EDITIONS.active_id(session)
    edition = edition or editions.active_edition(session)
    if (number, edition.id) not in _readers:
        _readers.clear()
        _readers[number, edition.id] = prepared(
            EDITIONS.rows(session, number), everyday_of(edition.categories.values())
        )
    return _readers[number, edition.id]


def everyday_of(categories: Iterable[CategoryRow]) -> tuple[str, ...]:
    """Return the examples of the categories that residents choose: everyday matters."""
    return tuple(example for kind in categories if kind.public for example in kind.examples)


def heard(
    session: Session, report: str, edition: Edition | None = None, number: int | None = None
) -> Danger | None:
    """Return the danger that a report describes; None when it describes none.

    Parameters
    ----------
    edition, number
        As for `reader`.
    """
    return reader(session, edition, number).read(report) if report.strip() else None


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
