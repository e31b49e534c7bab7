"""The part of spread work that a worker does: prove that it is of one deployment, then compute.

It imports nothing of Dask: whatever carries a function and its task to a process can call `run`.
"""

import hashlib
import os
import platform
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from gis.db import engine, reading_engine
from gis.errors import Conflict, Unavailable, WanggeError
from gis.ops.cluster import database_urls, private_base
from gis.settings import ROOT, Settings

SOURCE_ENDINGS = (".py", ".sql", ".csv", ".txt")
# what the last bit of a number may depend on
LIBRARIES = ("numpy", "scipy", "shapely", "pyproj", "contourpy", "pyarrow", "SQLAlchemy")
# The lock is seen in the same database of the same server only, and there while its owner works.
LOCK_HELD_SQL = """
SELECT EXISTS (
  SELECT FROM pg_locks
  WHERE locktype = 'advisory' AND granted AND objsubid = 1
    AND (classid::bigint << 32) | objid::bigint = :lock
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
"""


@dataclass(frozen=True)
class Origin:
    """Who asked for the work, for a worker to compare with.

    Attributes
    ----------
    program
        As `program_versions`.
    lock
        Key of an advisory lock that the asking transaction holds.
    snapshot
        Name under which the asking transaction has exported the state that it reads.
    """

    program: Mapping[str, str]
    lock: int
    snapshot: str


@dataclass(frozen=True)
class Outcome:
    """The result of a task, or why it was refused."""

    value: Any = None
    refusal: WanggeError | None = None


@cache
def program_versions() -> Mapping[str, str]:
    """Return what results depend on besides the database: our sources and the libraries."""
    digest = hashlib.sha256()
    for file in sorted((ROOT / "gis").rglob("*")):
        if file.suffix in SOURCE_ENDINGS:
            digest.update(f"{file.relative_to(ROOT)}\0{file.stat().st_size}\0".encode())
            digest.update(file.read_bytes())
    libraries = {name: version(name) for name in LIBRARIES}
    python = {"python": platform.python_version(), "processor": platform.machine()}
    return {"wangge": digest.hexdigest()[:12]} | python | libraries


def run(origin: Origin, function: Callable[[Session, Any], Any], task: Any) -> Outcome:
    """Return the result of a function for a task, read from the state that the origin reads."""
    try:
        _require_program(origin)
        with Session(reading_engine(engine(_database_url()))) as session:
            _take_state(session, origin)
            return Outcome(function(session, task))
    except WanggeError as refusal:
        return Outcome(refusal=refusal)


def _worker_name() -> str:
    return f"{socket.gethostname()}, process {os.getpid()}"


def _require_program(origin: Origin) -> None:
    """Refuse to compute with another program than who asks.

    Raises
    ------
    Conflict
        It is another.
    """
    local = program_versions()
    for name, asked in origin.program.items():
        if local.get(name) != asked:
            raise Conflict(
                "spread.other_program",
                worker=_worker_name(),
                name=name,
                theirs=local.get(name, "-"),
                ours=asked,
            )


def _database_url() -> str:
    """Return the address of the database by the environment of this process.

    Raises
    ------
    Unavailable
        It names none, and no private one runs here: none is made for a worker.
    """
    settings = Settings.from_env()
    is_running = (private_base(settings) / "data" / "postmaster.pid").exists()
    if not settings.database_url and not is_running:
        raise Unavailable("spread.worker_without_database", worker=_worker_name(), var=settings.var)
    return database_urls(settings).app


def _take_state(session: Session, origin: Origin) -> None:
    """Read from now on what the origin reads.

    Raises
    ------
    Unavailable
        The database cannot be reached.
    Conflict
        It is another, or who asked is gone.
    """
    try:
        is_same = session.scalar(text(LOCK_HELD_SQL), {"lock": origin.lock})
        session.rollback()
        if not is_same:
            raise Conflict("spread.other_database", worker=_worker_name())
        raw: Any = session.connection().connection.dbapi_connection
        raw.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(origin.snapshot)))
    except (SQLAlchemyError, psycopg.Error) as error:
        cause = getattr(error, "orig", None) or error
        reason = (str(cause).splitlines() or [""])[0]
        raise Unavailable("spread.worker_database", worker=_worker_name(), reason=reason) from None
