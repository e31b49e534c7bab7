"""A real PostGIS for every test: one throw-away cluster a run, every test's changes undone."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from gis import cluster, schema
from gis import db as gis_db
from gis.settings import ROOT, Settings

if TYPE_CHECKING:
    from tests.served import Deployment

SHARED = ROOT.parent / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs the development data where it is absent."""
    if not SHARED.is_dir():
        for item in items:
            if item.get_closest_marker("shared"):
                item.add_marker(pytest.mark.skip(reason=f"the development data folder {SHARED} is not here"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real development data."""
    return SHARED


@pytest.fixture(scope="session")
def settings() -> Iterator[Settings]:
    """Settings of a throw-away deployment, its cluster stopped and removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="wangge-test-"))
    folder.chmod(0o755)  # the user postgres must be able to enter
    made = Settings(var=folder)
    yield made
    cluster.stop(made)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def addresses(settings: Settings) -> cluster.Addresses:
    """The running, migrated throw-away database."""
    found = cluster.start(settings, throw_away=True)
    schema.migrate(found)
    return found


@pytest.fixture(scope="session")
def database_url(addresses: cluster.Addresses) -> str:
    """The address of the application's role."""
    return addresses.app


@pytest.fixture(scope="session")
def engine(database_url: str) -> Engine:
    """The engine of the application's role."""
    return gis_db.engine(database_url)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session whose every commit is undone after the test."""
    with engine.connect() as connection:
        outer = connection.begin()
        with Session(connection, join_transaction_mode="create_savepoint") as opened:
            yield opened
        outer.rollback()


@pytest.fixture(scope="session")
def app(settings: Settings, database_url: str) -> APIFlask:
    """The application on the throw-away database."""
    from web.create_app import create_app

    return create_app(settings, database_url)


@pytest.fixture
def client(app: APIFlask, session: Session) -> Iterator[FlaskClient]:
    """A client whose requests work inside the test's transaction: they see its rows, and are undone with it."""
    own = app.config["SESSION_FACTORY"]
    app.config["SESSION_FACTORY"] = lambda reading: Session(
        session.connection(), join_transaction_mode="create_savepoint"
    )
    yield app.test_client()
    app.config["SESSION_FACTORY"] = own


@contextmanager
def deployment_folder() -> Iterator[Path]:
    """An empty deployment folder for tests that start servers of their own; stopped and removed after."""
    folder = Path(tempfile.mkdtemp(prefix="wangge-own-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        cluster.stop(Settings(var=folder))
        base = cluster.place(Settings(var=folder)).base
        shutil.rmtree(folder, ignore_errors=True)
        if os.geteuid() == 0 and base.parent == Path("/var/lib/wangge"):
            shutil.rmtree(base, ignore_errors=True)


@pytest.fixture
def apart() -> Iterator[Callable[[], Session]]:
    """Sessions of a database of its own, where commits stay."""
    with deployment_folder() as var:
        addresses = cluster.start(Settings(var=var), throw_away=True)
        schema.migrate(addresses)
        yield lambda: Session(gis_db.engine(addresses.app))
        gis_db.engine(addresses.app).dispose()


@pytest.fixture(scope="session")
def served() -> Iterator["Deployment"]:
    """The made-up pilot of `./wangge demo`, served by processes of its own; tests leave it as it is."""
    from tests.served import Deployment, serving

    with deployment_folder() as var:
        made = Deployment(var).run("demo", "--no-serve")
        assert made.returncode == 0, made.stderr
        with serving(var) as url:
            yield Deployment(var, url)


@pytest.fixture
def own_var() -> Iterator[Path]:
    """A deployment folder of the test's own."""
    with deployment_folder() as folder:
        yield folder
