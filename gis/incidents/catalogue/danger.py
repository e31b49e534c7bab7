"""The danger that a report's words tell of, by the table and the catalogue in force."""

from typing import Any

from sqlalchemy.orm import Session

from gis.incidents.catalogue import editions
from gis.incidents.catalogue.classifier import Suggestion, suggest
from gis.incidents.catalogue.editions import Edition
from gis.incidents.danger import table
from gis.incidents.danger.reader import Danger, Reader

URGENT = "urgent"


HEARD = frozenset({"note", "reopen", "rate"})  # moves in whose words danger counts: those who are there write them


_readers: dict[tuple[int, int], Reader] = {}


def reader(session: Session) -> Reader:
    """The table in force beside the catalogue's everyday examples, made ready once a process and edition."""
    number, edition = table.active_id(session), editions.active_edition(session)
    if (number, edition.id) not in _readers:
        _readers.clear()
        _readers[number, edition.id] = Reader(table.edition(session, number), everyday_of(edition))
    return _readers[number, edition.id]


def everyday_of(edition: Edition) -> list[str]:
    """The examples of the categories that residents choose: what people report on most days."""
    return [words for kind in edition.categories.values() if kind.public for words in kind.examples]


def heard(session: Session, given: str) -> Danger | None:
    """The danger that words tell; None when they tell of none."""
    return reader(session).read(given) if given.strip() else None


def numbers(session: Session) -> list[str]:
    """Every number of the table, those of most rows first."""
    calls = [number for row in reader(session).rows for number in row.call]
    return sorted(set(calls), key=lambda number: (-calls.count(number), number))


def in_words(found: Danger | None) -> dict[str, Any] | None:
    """What is told to who reports: the danger, the numbers and the advice."""
    if found is None:
        return None
    zh, en = "、".join(found.call), " or ".join(found.call)
    return {
        "kind": found.kinds[0], "zh": found.zh, "en": found.en, "call": list(found.call), "because": list(found.because),
        "advice_zh": f"如有人身危险，请先拨打{zh}，再补充上报。", "advice_en": f"If anybody is in danger, call {en} first.",
    }  # fmt: skip


def likely(edition: Edition, given: str, found: Danger | None, *, public: bool = False) -> list[Suggestion]:
    """The likeliest categories of some words; of danger the table's own one, or none."""
    if found is None:
        return suggest(edition, given, public=public)
    kind = edition.categories.get(found.category)
    if kind is None or (public and not kind.public):
        return []
    return [Suggestion(kind.code, kind.zh, kind.en, 1.0, list(found.because))]
