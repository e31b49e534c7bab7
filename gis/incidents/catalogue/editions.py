"""The catalogue of categories, edition by edition: loaded, looked up, cached.

The urban-management events have the five-digit codes of GB/T 47678.5-2026, with the older edition's
codes beside them (its majors are lower by five: 01010 became 06010). Codes of a letter and four
digits are this project's own, for the community kinds that the standard leaves out. An edition
never changes once it is loaded; a change is a new edition.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, func, insert, select, text, update
from sqlalchemy.orm import Session

from gis.db import cached_text, columns_of
from gis.errors import Conflict, NotFound, Unavailable, invalid_field
from gis.incidents.models import CatalogueEdition, Category

ACTIVE_EDITION_SQL = "SELECT id FROM catalogue_edition WHERE state = 'active'"


@dataclass(frozen=True)
class CategoryRow:
    """A kind of matter.

    kind: incident, or order that somebody claims, with the skill asked for. words, examples: What
    people call it. attributes: Questions of its own, as Open311 describes them. public: Residents
    may choose it.
    """

    code: str
    old_code: str
    major: str
    major_zh: str
    major_en: str
    zh: str
    en: str
    kind: str
    severity: str
    skill: str = ""
    public: bool = True
    words: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    attributes: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Edition:
    """An edition; `categories` by their codes, in the order of the table."""

    id: int
    name: str
    categories: dict[str, CategoryRow] = field(hash=False)

    def category(self, code: str) -> CategoryRow:
        """Return the category of a code.

        Raises
        ------
        InvalidInput
            The edition has none; the words name the nearest, or the new code of an old one.
        """
        row = self.categories.get(code)
        if row is not None:
            return row
        newer = [other for other in self.categories.values() if other.old_code == code]
        close = difflib.get_close_matches(code, self.categories, 3) or [
            other.code for other in self.categories.values() if code and code in other.zh
        ]
        if newer:
            raise invalid_field(
                "category", "category.renamed", code=code[:40], new_code=newer[0].code
            )
        if close:
            candidates = "; ".join(f"{match} {self.categories[match].zh}" for match in close)
            raise invalid_field(
                "category", "category.unknown_near", code=code[:40], candidates=candidates
            )
        raise invalid_field("category", "category.unknown", code=code[:40])

    def skill_zh(self, skill: str) -> str:
        """Return a skill in Chinese: the categories that need it.

        The skill itself if there are none.
        """
        return "、".join(row.zh for row in self.categories.values() if row.skill == skill) or skill

    @cached_property
    def fallback(self) -> CategoryRow:
        """What a report without a clear category is filed under.

        Until the community chooses one.
        """
        return [row for row in self.categories.values() if not row.words][-1]


# one load at a time: the second sees what the first made of it
ALONE = "SELECT pg_advisory_xact_lock(hashtextextended('load catalogue', 0))"


def load(
    session: Session | Connection, rows: Sequence[CategoryRow], name: str, source: str = ""
) -> int | None:
    """Make rows the edition in force and retire the one before.

    None, and nothing done, when they are in force already.

    Parameters
    ----------
    rows
        As `parse` gave them, with nothing refused. name: Of the edition; each has its own.

    Raises
    ------
    Conflict
        Another edition has the name.
    """
    session.execute(text(ALONE))
    active_id = session.scalar(cached_text(ACTIVE_EDITION_SQL))
    if active_id is not None and [*_read(session, active_id).categories.values()] == list(rows):
        return None
    if session.scalar(select(func.count()).where(CatalogueEdition.name == name)):
        raise Conflict("catalogue.name_taken", name=name)
    session.execute(
        update(CatalogueEdition).where(CatalogueEdition.state == "active").values(state="retired")
    )
    edition_id = session.scalar(
        insert(CatalogueEdition)
        .values(name=name, state="active", source=source)
        .returning(CatalogueEdition.id)
    )
    columns = columns_of(CategoryRow, Category)
    values = [
        {column: getattr(row, column) for column in columns}
        | {
            "edition_id": edition_id,
            "position": position,
            "keywords": [*row.words],
            "examples": [*row.examples],
        }
        for position, row in enumerate(rows, 1)
    ]
    session.execute(insert(Category), values)
    return int(edition_id or 0)


_cache: dict[int, Edition] = {}

ROWS = select(
    *(getattr(Category, name) for name in columns_of(CategoryRow, Category)),
    Category.keywords.label("words"),
).order_by(Category.position)


def get_edition(session: Session, edition_id: int) -> Edition:
    """Return an edition by its id; read once per process, since editions never change."""
    if edition_id not in _cache:
        _cache[edition_id] = _read(session, edition_id)
    return _cache[edition_id]


def _read(session: Session | Connection, edition_id: int) -> Edition:
    name = session.scalar(select(CatalogueEdition.name).where(CatalogueEdition.id == edition_id))
    if name is None:
        raise NotFound("catalogue.edition_unknown", edition=str(edition_id))
    query = ROWS.where(Category.edition_id == edition_id)
    rows: list[dict[str, Any]] = [{**row} for row in session.execute(query).mappings()]
    for row in rows:
        row |= {key: tuple(row[key]) for key in ("words", "examples", "attributes")}
    return Edition(edition_id, str(name), {row["code"]: CategoryRow(**row) for row in rows})


def active_edition(session: Session, number: int | None = None) -> Edition:
    """Return the edition in force.

    Parameters
    ----------
    number
        Its id, where the caller has read it already.

    Raises
    ------
    Unavailable
        None is loaded.
    """
    edition_id = number or session.scalar(cached_text(ACTIVE_EDITION_SQL))
    if edition_id is None:
        raise Unavailable("catalogue.missing")
    return get_edition(session, edition_id)


def category_label(session: Session, code: str, language: str, name: str) -> str:
    """Return what a category is called in the active edition; `name` if it is not in it."""
    category = active_edition(session).categories.get(code)
    return (category.zh if language == "zh" else category.en) if category else name


def active_edition_loaded_at(session: Session) -> datetime | None:
    """Return when the edition in force was loaded; None while there is none."""
    return session.scalar(
        select(func.max(CatalogueEdition.loaded_at)).where(CatalogueEdition.state == "active")
    )


def known_codes(session: Session, codes: Sequence[str]) -> set[str]:
    """Return those of some codes that a category has, or had in an earlier edition."""
    return set(session.scalars(select(Category.code).where(Category.code.in_(codes))))
