"""The database session of a request: opened when first used, rolled back and closed at its end."""

from collections.abc import Callable

from flask import Flask, current_app, g, request
from sqlalchemy.orm import Session

from gis.db import engine

READ_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

# Makes a session; told whether the request only reads. Tests put their own under
# app.config["SESSION_FACTORY"].
Factory = Callable[[bool], Session]


def session_factory(url: str, read_url: str | None = None) -> Factory:
    """Return how sessions are made in a running service.

    Parameters
    ----------
    url
        The server that takes changes.
    read_url
        A replica for requests that only read; None means `url`.

    Requests that only read get transactions that PostgreSQL itself keeps from writing.
    """
    writes = engine(url).execution_options()
    reads = engine(read_url or url).execution_options(postgresql_readonly=True)
    for bind in (writes, reads):
        bind.hide_parameters = True  # errors go to the log; positions and names do not
    return lambda reading: Session(reads if reading else writes)


def session() -> Session:
    """Return the request's session; GET, HEAD and OPTIONS cannot write with it.

    The view commits once, or nothing stays.
    """
    current: Session | None = g.get("session")
    if current is None:
        factory: Factory = current_app.config["SESSION_FACTORY"]
        current = g.session = factory(request.method in READ_METHODS)
    return current


def init_app(app: Flask, url: str, read_url: str | None = None) -> None:
    """Give the app its sessions."""
    app.config["SESSION_FACTORY"] = session_factory(url, read_url)

    @app.teardown_appcontext
    def close(_: BaseException | None) -> None:
        opened: Session | None = g.pop("session", None)
        if opened is not None:
            opened.close()  # rolls back what was not committed
