"""Connections of the pool: tried when there is a reason, replaced when the server ended them."""

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from gis.db import IDLE_S, engine, execute_raw, fetch_rows
from gis.ops.cluster.location import DatabaseUrls


def backend(url: str) -> int:
    """Return the server process of the connection that the pool gives."""
    with engine(url).connect() as connection:
        return int(connection.scalar(text("SELECT pg_backend_pid()")) or 0)


@pytest.fixture(autouse=True)
def empty_pool(addresses: DatabaseUrls) -> None:
    """A pool without the connections that other tests of this process left in it."""
    engine(addresses.app).dispose()


@pytest.fixture
def pings(addresses: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The round trips that only look whether a connection works."""
    dialect, result = engine(addresses.app).dialect, list[int]()
    ping = dialect.do_ping

    def count(connection: object) -> bool:
        result.append(1)
        return bool(ping(connection))

    monkeypatch.setattr(dialect, "do_ping", count)
    return result


def test_a_connection_in_use_is_not_tried(addresses: DatabaseUrls, pings: list[int]) -> None:
    first = backend(addresses.app)
    pings.clear()
    assert [backend(addresses.app) for _ in range(5)] == [first] * 5
    assert pings == []


def test_one_that_lay_idle_is_tried(
    addresses: DatabaseUrls, pings: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = backend(addresses.app)
    pings.clear()
    monkeypatch.setattr("gis.db.IDLE_S", 0.0)
    assert IDLE_S > 0 and backend(addresses.app) == first
    assert pings == [1]


def test_one_that_the_server_ended_is_replaced_before_it_is_used(addresses: DatabaseUrls) -> None:
    first = backend(addresses.app)
    with psycopg.connect(addresses.app, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 60000)", [first])
    assert backend(addresses.app) != first


def test_what_goes_straight_to_the_driver_fails_as_through_sqlalchemy(
    addresses: DatabaseUrls,
) -> None:
    of = engine(addresses.app)
    with Session(of) as session:
        one = execute_raw(session, "SELECT :one + 1, '\\:x', '100%'", {"one": 1}).fetchall()
        assert one == [(2, ":x", "100%")]
        with pytest.raises(IntegrityError) as refused:
            execute_raw(session, "INSERT INTO kind (subject) VALUES (:secret)", {"secret": "4711"})
        assert "4711" not in str(refused.value).partition("DETAIL")[0]
    with Session(of) as session:
        pid = session.scalar(text("SELECT pg_backend_pid()"))
        with psycopg.connect(addresses.app, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 60000)", [pid])
        with pytest.raises(OperationalError):
            execute_raw(session, "SELECT 1", {})
    with Session(of) as session:
        pid = session.scalar(text("SELECT pg_backend_pid()"))
        with psycopg.connect(addresses.app, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 60000)", [pid])
        with pytest.raises(OperationalError):
            fetch_rows(session, "SELECT 1")
    with Session(of) as session:  # the pool gives no connection that is lost
        assert execute_raw(session, "SELECT 1", {}).fetchone() == (1,)
