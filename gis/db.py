"""The database from Python: the declarative base, engines and sessions.

Functions in `gis/` may flush but never commit; the view or command commits once.
"""

import math
import re
import select
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import datetime
from functools import cache, lru_cache, partial
from importlib import import_module
from itertools import islice
from typing import Any

import orjson
import psycopg
from geoalchemy2 import Geometry
from psycopg import Cursor
from psycopg.sql import SQL, Identifier
from psycopg.types.json import set_json_loads
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Engine,
    Identity,
    MetaData,
    TextClause,
    create_engine,
    event,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import TSTZRANGE, Range
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Mapper, Session, mapped_column
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import Text

from gis.crs import STORAGE_SRID as STORAGE_SRID
from gis.office_calendar import CalendarFollower

PRECISION_DEG = 1e-7  # about 1 cm; stored areas and footprints lie on this lattice

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Declarative base; text columns are unbounded, constraints are named."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map = {  # noqa: RUF012
        str: Text(),
        Range[datetime]: TSTZRANGE(),
        datetime: DateTime(timezone=True),
    }


@event.listens_for(Mapper, "before_configured", once=True)
def _import_models() -> None:
    """Import every model before the first is used: keys name the tables of others by words."""
    import_module("gis.ops.metadata")


def columns_of(
    row_type: type, model: type[DeclarativeBase], *, without: Collection[str] = ()
) -> list[str]:
    """Return the names of the columns of a model that a dataclass has as fields.

    A new column is one line in the model, and one in each dataclass that shows it.
    """
    names = {field.name for field in fields(row_type)} - set(without)
    return [column.name for column in model.__table__.columns if column.name in names]


def as_json(value: Any) -> str:
    """Return a value as JSON text, for a JSONB column; dataclasses and moments included."""
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


def point_ewkt(lon: float, lat: float) -> str:
    """Return a point (degrees, EPSG:4490) as a geometry column takes it, to the last digit."""
    return f"SRID={STORAGE_SRID};POINT({float(lon)!r} {float(lat)!r})"


def geometry(kind: str, *, index: bool = True) -> Geometry:
    """Return a geometry column type in the storage system, with a GiST index of all its rows."""
    return Geometry(kind, srid=STORAGE_SRID, spatial_index=index)


def key(comment: str = "Surrogate key.") -> Any:
    """Return a generated bigint primary key column."""
    return mapped_column(BigInteger, Identity(always=False), primary_key=True, comment=comment)


@lru_cache(maxsize=512)
def cached_text(query: str) -> TextClause:
    """Return `sqlalchemy.text`, parsed once a process; for the queries of every request."""
    return text(query)


# A server that is gone without a word, as without power, is noticed in this time: TCP by itself
# waits for ever. Not less: one that takes nothing in for so long (a COPY at a lock) is lost too.
LOST_S = 15
CONNECTION_LIMITS: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": LOST_S // 3,
    "keepalives_interval": LOST_S // 3,
    "keepalives_count": 2,
    "tcp_user_timeout": 1000 * LOST_S,
}

STREAMED_ROWS = 5_000

IDLE_S = 30.0  # seconds after which an idle connection is tried: what is between may drop it


_pooled: set[str] = set()  # addresses of poolers in transaction mode


def pool_transactions(url: str) -> None:
    """Say that a pooler in transaction mode is at an address, before its engine is made.

    A statement prepared on one connection is unknown on the next, or another client's of the same
    name (pgbouncer before 1.21), so none is prepared there.
    """
    _pooled.add(url)


# A number beyond 64 bits, as an integer of jsonb may be, is a float then, which JSON can say again.
set_json_loads(orjson.loads)


@cache  # unbounded: an evicted engine would leave its pool open
def engine(url: str) -> Engine:
    """Return the engine of a server (`postgresql://…`); one per URL and process."""
    return _create_engine(url)


@cache
def read_only_engine(url: str) -> Engine:
    """Return the engine of what only reads: PostgreSQL itself keeps it from writing.

    It has connections of its own: a transaction that reads ends by ROLLBACK, at which the driver
    forgets what is prepared on the connection; a report planned anew takes 3.5 ms rather than 1.2.
    """
    return _create_engine(url, postgresql_readonly=True)


def reading_engine(of: Engine) -> Engine:
    """Return an engine whose transactions read one state and write nothing."""
    return of.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _create_engine(url: str, **options: Any) -> Engine:
    result = create_engine(
        re.sub("^postgres(ql)?://", "postgresql+psycopg://", url),
        pool_size=8,
        max_overflow=8,
        json_serializer=as_json,
        execution_options=options,
        connect_args={"application_name": "wangge", **CONNECTION_LIMITS}
        | ({"prepare_threshold": None} if url in _pooled else {}),
    )
    event.listen(result, "checkin", _note_use)
    event.listen(result, "checkout", partial(_check_idle, result, CalendarFollower()))
    return result


def _note_use(_: Any, record: ConnectionPoolEntry) -> None:
    record.info["used_at"] = time.monotonic()


def _check_idle(of: Engine, calendar: CalendarFollower, driver: Any, record: Any, _: Any) -> None:
    """Look whether a connection from the pool still works, and use the calendar of its office.

    By a round trip only where the server has sent something meanwhile, which an idle connection
    gets when it ends, or after IDLE_S; at every use (`pool_pre_ping`) it costs a busy server much.

    Raises
    ------
    DisconnectionError
        It does not; the pool takes another.
    """
    try:
        heard = select.poll()
        heard.register(driver.fileno(), select.POLLIN)
        is_recent = time.monotonic() - record.info.get("used_at", math.inf) < IDLE_S
        if heard.poll(0) or not is_recent:
            of.dialect.do_ping(driver)
        calendar.follow(driver)
    except of.dialect.loaded_dbapi.Error as error:
        raise DisconnectionError from error


@contextmanager
def audit_context(session: Session, actor: str, reason: str | None = None) -> Iterator[Session]:
    """Set the actor and reason recorded in the history for this transaction."""
    session.execute(
        text("SELECT set_config('wangge.who', :who, true), set_config('wangge.why', :why, true)"),
        {"who": actor, "why": reason or ""},
    )
    yield session


def allow_boundary_writes(session: Session) -> None:
    """Let this transaction change boundaries and the hierarchy of areas.

    The database refuses such changes to every other transaction.
    """
    session.execute(text("SELECT set_config('wangge.publishing', 'on', true)"))


def plan_for_values(session: Session, *, parallel: bool = True) -> None:
    """Have PostgreSQL plan each statement of this transaction for the values it is sent with.

    Sent more than ten times, it would get one plan for all values, for which PostgreSQL takes it
    that few periods hold a moment.

    Parameters
    ----------
    parallel
        Whether several processes of the server read, as is worth it for much of a county: their
        usual cost of a row that one hands over is that of a large row, twenty times ours. False
        where little is read and drawn: as the functions of PostGIS count as very dear, several
        would read a whole table to share these, where one reads a hundredth by the index.
    """
    name, value = (
        ("parallel_tuple_cost", "0.005") if parallel else ("max_parallel_workers_per_gather", "0")
    )
    session.execute(
        cached_text(
            "SELECT set_config('plan_cache_mode', 'force_custom_plan', true),"
            " set_config(:name, :value, true)"
        ),
        {"name": name, "value": value},
    )


def new_ids(session: Session, table: str, count: int) -> list[int]:
    """Reserve ids for rows to be written, from the table's own sequence.

    Parameters
    ----------
    table
        Name of the table, with schema where that is not public; its key is `id`.
    """
    if not count:
        return []
    query = text(
        "SELECT nextval(pg_get_serial_sequence(:table, 'id')) FROM generate_series(1, :count)"
    )
    return list(session.scalars(query, {"table": table, "count": count}))


def copy_rows(
    session: Session, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> int:
    """Write many rows through COPY, inside the session's transaction.

    Parameters
    ----------
    table
        Name of the table, with schema where that is not public.
    columns
        Names of the columns, in the order of each row.
    rows
        Values as psycopg adapts them; a geometry is hex EWKB or EWKT text ("SRID=4490;POINT(…)").

    Returns
    -------
    int
        Number of rows written.

    Raises
    ------
    psycopg.Error
        A row violates the table; the caller must then roll back.
    """
    raw: Any = session.connection().connection.dbapi_connection
    target = SQL("COPY {} ({}) FROM STDIN").format(
        Identifier(*table.split(".")), SQL(", ").join(map(Identifier, columns))
    )
    count = 0
    with raw.cursor() as cursor, cursor.copy(target) as copy:
        for row in rows:
            copy.write_row(row)
            count += 1
    return count


def fetch_rows(
    session: Session, query: str, params: Mapping[str, object] | None = None
) -> list[tuple[Any, ...]]:
    """Read many rows straight from the driver, in binary; several times faster than the ORM.

    Parameters
    ----------
    query
        SQL with `%(name)s` for each parameter; a literal percent sign is doubled.
    params
        Values of the parameters; a list is an array.

    Raises
    ------
    DBAPIError
        As SQLAlchemy raises it; a connection that is lost is not used again.
    """
    with _driver(session, query) as raw, raw.cursor(binary=True) as cursor:
        cursor.execute(query, params or {})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def stream_rows(
    session: Session, query: str, params: Mapping[str, object]
) -> Iterator[list[tuple[Any, ...]]]:
    """Read very many rows as `fetch_rows`, STREAMED_ROWS at a time, while the server goes on.

    Raises
    ------
    DBAPIError
        As `fetch_rows`; also after some rows.
    """
    with _driver(session, query) as raw, raw.cursor(binary=True) as cursor:
        rows = cursor.stream(query, params, size=STREAMED_ROWS)
        while part := list(islice(rows, STREAMED_ROWS)):
            yield part


@lru_cache(maxsize=512)
def _for_driver(query: str) -> str:
    """Return a query of `cached_text` as the driver takes it, with `%(name)s` for `:name`."""
    return str(text(query).compile(dialect=postgresql.psycopg.dialect()))


def execute_raw(session: Session, query: str, params: Mapping[str, object]) -> Cursor[Any]:
    """Execute a query of `cached_text` straight by the driver; for those of every report.

    SQLAlchemy takes three times as long for it as psycopg, and for each row that it reads.

    Parameters
    ----------
    query
        SQL with `:name` for each parameter; a literal colon before a letter is escaped by a
        backslash.
    params
        Values as the driver adapts them.

    Raises
    ------
    DBAPIError
        As SQLAlchemy raises it; a connection that is lost is not used again.
    """
    with _driver(session, query) as raw:
        cursor: Cursor[Any] = raw.execute(_for_driver(query), params)
    return cursor


@contextmanager
def _driver(session: Session, query: str) -> Iterator[Any]:
    """Yield the driver's connection for a query; what it raises is raised as SQLAlchemy does.

    Raises
    ------
    DBAPIError
        The driver raised an error.
    """
    session.flush()
    connection = session.connection()
    raw: Any = connection.connection.dbapi_connection
    try:
        yield raw
    except psycopg.Error as error:
        if is_lost := raw.closed:
            connection.invalidate(error)
        raise DBAPIError.instance(
            query,
            None,
            error,
            psycopg.Error,
            hide_parameters=True,
            connection_invalidated=is_lost,
        ) from error


def one_of(column: str, values: tuple[str, ...], name: str) -> CheckConstraint:
    """Return a constraint that a column holds one of some values."""
    return CheckConstraint(f"{column} IN ({', '.join(map(repr, values))})", name=name)
