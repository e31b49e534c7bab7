"""The editions of the table of standards in the database; the newest is in force."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, insert, select, text
from sqlalchemy.orm import Session

from gis.db import cached_text
from gis.errors import Unavailable
from gis.facilities.models import ServiceStandard
from gis.facilities.standards import DEFAULT, Standard, from_stored, parse

NEWEST = "SELECT max(id) FROM service_standard"


def active_edition_id(session: Session | Connection) -> int:
    """Return the number of the edition in force.

    Raises
    ------
    Unavailable
        None is loaded.
    """
    newest = session.scalar(cached_text(NEWEST))
    if newest is None:
        raise Unavailable("standards.table_missing")
    return int(newest)


def edition_rows(session: Session | Connection, edition_id: int) -> tuple[Standard, ...]:
    """Return the rows of an edition.

    An edition never changes, but a number may be used again after an undone load: the rows are
    read each time.
    """
    stored = session.scalar(select(ServiceStandard.rows).where(ServiceStandard.id == edition_id))
    return tuple(from_stored(row) for row in stored or ())


def active_rows(session: Session | Connection, tier: str | None = None) -> tuple[Standard, ...]:
    """Return the rows in force, in the order of the table; all or those of a tier.

    Raises
    ------
    Unavailable
        No edition is loaded.
    """
    rows = edition_rows(session, active_edition_id(session))
    return tuple(row for row in rows if tier is None or row.tier == tier)


def load(
    session: Session | Connection, rows: Sequence[Standard], source: str, author: str = ""
) -> int | None:
    """Make rows the edition in force. None, and nothing done, when they are already.

    Parameters
    ----------
    rows
        As `gis.facilities.standards.parse` gave them, with nothing refused.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('load standards', 0))"))
    newest = session.scalar(text(NEWEST))
    if newest is not None and edition_rows(session, newest) == tuple(rows):
        return None
    new = insert(ServiceStandard).values(
        rows=[asdict(row) for row in rows], source=source, author=author
    )
    return int(session.scalar(new.returning(ServiceStandard.id)) or 0)


def fill(connection: Connection) -> None:
    """Load the default table into a database without one, or with an earlier default.

    What somebody edited stays.
    """
    query = (
        select(ServiceStandard.source, ServiceStandard.author)
        .order_by(ServiceStandard.id.desc())
        .limit(1)
    )
    newest = connection.execute(query).one_or_none()
    if newest is None or (newest.source, newest.author) == (DEFAULT.name, ""):
        rows, report = parse(DEFAULT)
        report.require_all_taken()
        load(connection, rows, DEFAULT.name)
