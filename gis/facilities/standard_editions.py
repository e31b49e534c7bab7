"""The editions of the table of standards in the database; the newest is in force."""

from dataclasses import asdict

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from gis.errors import Unavailable
from gis.facilities.models import ServiceStandard
from gis.facilities.standards import STANDARDS_CSV, Standard, dump, from_stored, parse
from gis.files.editions import Editions

EDITIONS = Editions(
    ServiceStandard,
    "standards",
    STANDARDS_CSV,
    parse,
    dump,
    to_json=asdict,
    from_json=from_stored,
    missing=lambda: Unavailable("standards.table_missing"),
)


def active_rows(session: Session | Connection, tier: str | None = None) -> tuple[Standard, ...]:
    """Return the rows in force, in the order of the table; all or those of a tier.

    Raises
    ------
    Unavailable
        No edition is loaded.
    """
    return tuple(row for row in EDITIONS.active_rows(session) if tier in (None, row.tier))
