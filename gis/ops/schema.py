"""The version of a database's schema, and of this code's."""

from functools import cache

from sqlalchemy import Connection, text

from gis.settings import ROOT

MIGRATIONS = ROOT / "gis" / "migrations"
VERSIONS_TABLE_SQL = "SELECT to_regclass('public.alembic_version')"
VERSION_SQL = "SELECT version_num FROM public.alembic_version"


@cache
def versions() -> tuple[str, ...]:
    """Return the migrations of this code in their order: the numbers that their files begin with.

    Alembic reads them, too, but to import it takes a tenth of a second of every command.
    """
    files = (MIGRATIONS / "versions").glob("[0-9]*_*.py")
    return tuple(sorted(path.name.partition("_")[0] for path in files))


def head() -> str:
    """Return the newest migration of this code."""
    return versions()[-1]


def is_known(version: str) -> bool:
    """Return whether this code has a migration of that name."""
    return version in versions()


def current(connection: Connection) -> str | None:
    """Return the migration of a database; None if it is empty."""
    if connection.scalar(text(VERSIONS_TABLE_SQL)) is None:
        return None
    return connection.scalar(text(VERSION_SQL))
