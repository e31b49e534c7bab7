"""Tables of rules kept in the database edition by edition, and edited as spreadsheets.

An edition never changes; the newest is in force. Used by the tables of danger, of walking profiles
and of the standards of facilities.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, func, insert, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from gis.db import cached_text, key
from gis.errors import Unavailable
from gis.files.report import LoadReport

Row = TypeVar("Row")


@cache
def parse_default(
    parse: Callable[[Path], tuple[Sequence[Row], LoadReport]], path: Path
) -> tuple[Row, ...]:
    """Return the rows of a table that comes with the program; read once a process.

    Raises
    ------
    InvalidInput
        The parser refuses one of its rows.
    """
    rows, report = parse(path)
    report.require_all_taken()
    return tuple(rows)


class EditionColumns:
    """The columns of a table of editions, to be mixed into its model."""

    id: Mapped[int] = key()
    rows: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, comment="Its rows in their order.")
    source: Mapped[str] = mapped_column(server_default="", comment="The file it came from.")
    author: Mapped[str] = mapped_column(server_default="", comment="Who loaded it.")
    loaded_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="When it was loaded."
    )


@dataclass(frozen=True)
class Editions(Generic[Row]):
    """The editions of one table.

    Attributes
    ----------
    model
        Its table, with EditionColumns.
    subject
        A word that names its lock.
    default
        The file that comes with the program.
    parse
        Reads and checks a spreadsheet; what is wrong is in its report's `refused`.
    dump
        Writes rows as a spreadsheet that `parse` reads back the same.
    to_json, from_json
        One row to and from what the database stores.
    missing
        Makes the refusal when no edition is loaded.
    """

    model: type[Any]
    subject: str
    default: Path
    parse: Callable[[Path], tuple[list[Row], LoadReport]]
    dump: Callable[[Iterable[Row], Path], None]
    to_json: Callable[[Row], dict[str, Any]]
    from_json: Callable[[dict[str, Any]], Row]
    missing: Callable[[], Unavailable]
    _read: "WeakKeyDictionary[Engine, dict[int, tuple[Row, ...]]]" = field(
        default_factory=WeakKeyDictionary
    )

    @property
    def newest_sql(self) -> str:
        """The SELECT of the number of the edition in force."""
        return f"SELECT max(id) FROM {self.model.__tablename__}"  # noqa: S608  a table of ours

    def newest_id(self, session: Session | Connection) -> int | None:
        """Return the number of the edition in force; None if none is loaded."""
        number = session.scalar(cached_text(self.newest_sql))
        return None if number is None else int(number)

    def active_id(self, session: Session | Connection) -> int:
        """Return the number of the edition in force.

        Raises
        ------
        Unavailable
            None is loaded.
        """
        number = self.newest_id(session)
        if number is None:
            raise self.missing()
        return number

    def rows(self, session: Session | Connection, number: int) -> tuple[Row, ...]:
        """Return the rows of an edition; read once for each database, since they never change."""
        connection = session.connection() if isinstance(session, Session) else session
        cached = self._read.setdefault(connection.engine, {})
        if number not in cached:
            stored = session.scalar(select(self.model.rows).where(self.model.id == number))
            cached[number] = tuple(map(self.from_json, stored or ()))
        return cached[number]

    def active_rows(self, session: Session | Connection) -> tuple[Row, ...]:
        """Return the rows in force, in the order of the table.

        Raises
        ------
        Unavailable
            No edition is loaded.
        """
        return self.rows(session, self.active_id(session))

    def lock(self, session: Session | Connection) -> None:
        """Let no other transaction load an edition before this one ends."""
        query = "SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"
        session.execute(text(query), {"name": f"load {self.subject}"})

    def load(
        self, session: Session | Connection, rows: Sequence[Row], source: str, author: str = ""
    ) -> int | None:
        """Make rows the edition in force. None, and nothing done, when they are already.

        Parameters
        ----------
        rows
            As the table's reader gave them, with nothing refused.
        """
        self.lock(session)
        newest = self.newest_id(session)
        if newest is not None and self.rows(session, newest) == tuple(rows):
            return None
        values = {"rows": [self.to_json(row) for row in rows], "source": source, "author": author}
        return int(session.scalar(insert(self.model).values(values).returning(self.model.id)) or 0)

    def follows_default(self, connection: Connection) -> bool:
        """Return whether there is no edition, or nobody edited the one that is in force."""
        query = select(self.model.source, self.model.author)
        newest = connection.execute(query.order_by(self.model.id.desc()).limit(1)).one_or_none()
        return newest is None or (newest.source, newest.author) == (self.default.name, "")

    def fill(self, connection: Connection) -> None:
        """Load the default table into a database without one, or with an earlier default."""
        if self.follows_default(connection):
            self.load(connection, parse_default(self.parse, self.default), self.default.name)
