"""The database session of a request: opened when first used, rolled back and closed at its end."""

from collections.abc import Callable

from flask import Flask, current_app, g, request
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from gis.db import engine, read_only_engine
from gis.ops.replica import Replica
from gis.ops.shards import city
from web.http.replica import may_read_replica
from web.http.shards import is_about_city

READ_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

# Makes a session; told whether the request only reads. Tests put their own under
# app.config["SESSION_FACTORY"].
Factory = Callable[[bool], Session]


def session_factory(url: str, replica: Replica | None = None) -> Factory:
    """Return how sessions are made in a running service.

    Parameters
    ----------
    url
        The server that takes changes.
    replica
        For what `web.http.replica` lets be read there; None means `url` for everything.

    Requests that only read get transactions that PostgreSQL itself keeps from writing.
    """
    writes, reads = engine(url).execution_options(), read_only_engine(url).execution_options()
    for bind in (writes, reads):
        bind.hide_parameters = True  # errors go to the log; positions and names do not
    if replica is None:
        return lambda reading: Session(reads if reading else writes)
    copies = read_only_engine(replica.url).execution_options()
    copies.hide_parameters = True

    def open_session(reading: bool) -> Session:
        if reading and may_read_replica() and replica.is_usable():
            opened = Session(copies)
            try:
                opened.connection()
                return opened
            except OperationalError:  # it died since
                opened.close()
                replica.step_over()
        return Session(reads if reading else writes)

    return open_session


def session() -> Session:
    """Return the request's session; GET, HEAD and OPTIONS cannot write with it.

    The view commits once, or nothing stays.
    """
    current: Session | None = g.get("session")
    if current is None:
        factory: Factory = current_app.config["SESSION_FACTORY"]
        current = g.session = factory(request.method in READ_METHODS)
        if is_about_city():
            city.read_counties(current)
    return current


def init_app(app: Flask, url: str, read_url: str | None = None) -> None:
    """Give the app its sessions."""
    replica = app.extensions["replica"] = Replica(read_url, url) if read_url else None
    app.config["SESSION_FACTORY"] = session_factory(url, replica)

    @app.teardown_appcontext
    def close(_: BaseException | None) -> None:
        opened: Session | None = g.pop("session", None)
        if opened is not None:
            opened.close()  # rolls back what was not committed
