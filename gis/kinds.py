"""Kinds that people add: roles, facilities, devices, services, skills, organisations and duties.

The rows of the code are the roots. A kind refines one of them and inherits what it may do, its
place in the order of asking, its icon and its colour; what reads roots need not know of it.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from gis.db import Base, key, one_of

KIND_SUBJECTS = ("role", "facility", "device", "service", "skill", "organisation", "duty")


class Kind(Base):
    """A kind that people added, below one that the code knows."""

    __tablename__ = "kind"
    __table_args__ = (
        UniqueConstraint("subject", "key"),
        one_of("subject", KIND_SUBJECTS, "subject_known"),
        *(
            CheckConstraint(
                f"{target} IS NULL OR {target} >= 0 AND subject = 'duty'", name=f"{target}_of_duty"
            )
            for target in ("visits_target", "solved_target")
        ),
        Index(
            "one_active_kind_of_a_name",
            "subject",
            "zh",
            "county",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("active"),
        ),
        {"comment": "Kinds that people added, each below one that the code knows."},
    )

    id: Mapped[int] = key()
    subject: Mapped[str] = mapped_column(comment="Key of KIND_SUBJECTS.")
    key: Mapped[str] = mapped_column(comment="Its key in files and addresses; it never changes.")
    parent: Mapped[str] = mapped_column(comment="Key of the kind of the code that it refines.")
    zh: Mapped[str] = mapped_column(comment="Its name, as 楼层小组长.")
    en: Mapped[str] = mapped_column(
        server_default="", comment="Its name in English; empty: the same."
    )
    active: Mapped[bool] = mapped_column(
        server_default="true", comment="Loads and forms offer it; false: only what has it shows it."
    )
    shared: Mapped[bool | None] = mapped_column(
        comment="Of a role: several hold it for one place at a time; empty: as its parent."
    )
    county: Mapped[str | None] = mapped_column(
        comment="Code of the county that has it; empty: all."
    )
    visits_target: Mapped[int | None] = mapped_column(
        comment="Of a duty: visits a year; empty: none asked."
    )
    solved_target: Mapped[int | None] = mapped_column(
        comment="Of a duty: problems solved a year; empty: none asked."
    )


@dataclass(frozen=True)
class KindRow:
    """A kind, as it is shown; the columns of `Kind`."""

    id: int
    subject: str
    key: str
    parent: str
    zh: str
    en: str
    active: bool
    shared: bool | None
    county: str | None
    visits_target: int | None = None
    solved_target: int | None = None

    def name(self, language: str) -> str:
        """Return its name in a language."""
        return self.zh if language == "zh" else self.en or self.zh


@dataclass(frozen=True)
class KindTable:
    """The kinds of one subject that are in use, those of counties first, and retired ones."""

    rows: Sequence[KindRow]
    retired: Sequence[KindRow] = ()

    def keeping(self, *kept: int | str | None) -> "KindTable":
        """Return the table with retired kinds in it that something has, by ids or keys."""
        also = [row for row in self.retired if row.id in kept or row.key in kept]
        return replace(self, rows=[*self.rows, *also])

    def find(self, word: str, county: str | None = None) -> KindRow | None:
        """Return the kind that a word names by its key or a name; None if it names none.

        Parameters
        ----------
        county
            Of the place that is to have it; None: not known, and a kind of one county is returned
            only if no other county has one of that name.
        """
        name = _plain(word)
        named = [row for row in self.rows if name in map(_plain, (row.key, row.zh, row.en))]
        rows = [row for row in named if row.active] or named
        if county is not None:
            return next((row for row in rows if row.county in (None, county)), None)
        return next((row for row in rows if row.county is None or len(rows) == 1), None)

    def below(self, parent: str) -> list[str]:
        """Return the keys of the kinds that refine one, itself first."""
        return [parent, *(row.key for row in self.rows if row.parent == parent)]


def read_kinds(session: Session, subject: str) -> KindTable:
    """Read the kinds of a subject."""
    rows = list_kinds(session, subject)
    return KindTable([row for row in rows if row.active], [row for row in rows if not row.active])


def list_kinds(session: Session, subject: str = "", *, active: bool = False) -> list[KindRow]:
    """List kinds: by subject, those of counties first, then by parent and name.

    Parameters
    ----------
    subject
        Only these; empty: all.
    active
        Only those in use.
    """
    # the table, not the class: its first use has every class of the database set up, 0.3 s
    kind = Kind.__table__.c
    query = select(*(kind[field.name] for field in fields(KindRow))).order_by(
        kind.subject, kind.county.nulls_last(), kind.parent, kind.zh
    )
    if subject:
        query = query.where(kind.subject == subject)
    if active:
        query = query.where(kind.active)
    return [KindRow(*row) for row in session.execute(query)]


def _plain(word: str) -> str:
    """Return a name as it is compared: width, case and blanks aside."""
    return "".join(unicodedata.normalize("NFKC", word).lower().split())
