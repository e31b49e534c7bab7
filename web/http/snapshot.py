"""The registry snapshot in memory, which finds who is responsible without the database."""

from collections.abc import Callable
from datetime import datetime

from flask import Flask, current_app
from sqlalchemy.orm import Session

from gis.areas.snapshot import RegistrySnapshot
from gis.areas.snapshot_cache import SnapshotCache


def init_app(app: Flask) -> None:
    """Give the application its snapshot cache.

    A session factory put in its place later (tests) is read instead.
    """
    app.extensions["register"] = (
        app.config["SESSION_FACTORY"],
        SnapshotCache(
            app.config["SETTINGS"].database_listen_url or app.config["DATABASE_URL"],
        ),
    )


def register_note() -> str | None:
    """Return why answers are read from the database and not from memory.

    None while changes of the registry are heard.
    """
    factory, live = current_app.extensions["register"]
    if current_app.config["SESSION_FACTORY"] is not factory or not (waited := live.undelivered_s()):
        return None
    return (
        f"notifications of changes have not arrived for {waited:.0f} s (is there a pooler in"
        f" transaction mode?);"
        " every question is answered from the database, which is right but slower"
    )


def current_snapshot(at: datetime) -> RegistrySnapshot | None:
    """Return the registry snapshot in memory, if it is valid at a moment."""
    factory: Callable[[bool], Session]
    factory, live = current_app.extensions["register"]
    return live.current(at) if current_app.config["SESSION_FACTORY"] is factory else None
