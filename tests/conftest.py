"""A real PostGIS for every test: one throw-away cluster a run, every test's changes undone."""

import atexit
import gc
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from apiflask import APIFlask
from argon2 import PasswordHasher
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from gis import db as gis_db
from gis.accounts import credentials, rate_limit
from gis.ops import cluster
from gis.settings import ROOT, Settings
from tests.support.deployment import (
    SHARED,
    PreparedDeployments,
    create_template,
    deployment_folder,
    new_database,
)
from web.cli import GC_THRESHOLDS

if TYPE_CHECKING:
    from tests.support.access_table import World
    from tests.support.served import Deployment

gc.disable()  # until all tests are collected: what is imported stays, and is looked through often

# an example takes as long as the machine is busy
hypothesis.settings.register_profile("wangge", deadline=None)
hypothesis.settings.load_profile("wangge")

# Nothing here may touch the checkout's own deployment, or one that the environment names: whatever
# asks the environment gets a folder to throw away, also in the processes that tests start.
for name in [name for name in os.environ if name.startswith(("WANGGE_VAR", "DATABASE_"))]:
    del os.environ[name]
# hundreds of processes import the same files: the first of them writes them down compiled
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False  # this one too: the next run need not compile the tests
THROW_AWAY = Path(tempfile.mkdtemp(prefix="wangge-var-"))
os.environ["WANGGE_VAR"] = str(THROW_AWAY)
OWN = str(ROOT / "var")
HAD_OWN = Path(OWN).exists()
touched: list[str] = []


def watch(event: str, arguments: tuple[object, ...]) -> None:
    """Remember whatever in this process opens, lists or makes something in the checkout's own
    deployment.
    """
    if (
        event in ("open", "os.mkdir", "os.listdir", "os.scandir", "os.remove", "os.rename")
        and arguments
    ):
        path = arguments[0]
        if isinstance(path, str | os.PathLike) and (os.fspath(path) + os.sep).startswith(
            OWN + os.sep
        ):
            touched.append(f"{event} {path}")


sys.addaudithook(watch)


@atexit.register
def throw_away() -> None:
    """Stop what a command may have started in the folder of the run, and remove it."""
    if (THROW_AWAY / "postgres").exists():
        cluster.stop(Settings(var=THROW_AWAY))
    shutil.rmtree(THROW_AWAY, ignore_errors=True)


@pytest.fixture(autouse=True)
def checkout_untouched() -> Iterator[None]:
    """Fail the test that touches the checkout's own deployment.

    Be it by a process that it starts.
    """
    yield
    assert not touched, f"the deployment of the checkout was touched: {touched.pop()}"
    assert HAD_OWN or not Path(OWN).exists(), f"{OWN} was made"


@pytest.fixture(autouse=True)
def cheap_hashes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords with the least work, but where a test asks for `real_hashes`."""
    if "real_hashes" not in request.fixturenames:
        cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        monkeypatch.setattr("gis.accounts.credentials._HASHER", cheap)


@pytest.fixture
def real_hashes() -> Iterator[None]:
    """Hash passwords with the work that the application takes for them."""
    credentials._dummy_hash.cache_clear()  # may have been made with less
    yield
    credentials._dummy_hash.cache_clear()


@pytest.fixture
def one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count the requests of a test as of one minute, also when the minute turns meanwhile."""
    original, now = rate_limit.check_rate_limit, time.time()

    def check(var: Path, name: str, limit: int, _now: float, *more: object) -> None:
        original(var, name, limit, now, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(rate_limit, "check_rate_limit", check)


# fixtures that cost much: the tests that use one stay in one process, where it is made once
COSTLY = {"served": "served", "site": "served", "planned": "planned", "restored": "served"}
# files that look through the whole code, which is read once a process
READING_CODE = (
    "test_architecture",
    "test_documents",
    "test_messages",
    "test_names",
    "test_raises",
    "test_size",
)
# files that start processes or clusters of their own
STARTING = (
    "test_acceptance",
    "test_api",
    "test_backup",
    "test_bench",
    "test_cluster",
    "test_dask",
    "test_demo",
    "test_editor_cases",
    "test_full_disk",
    "test_incident_races",
    "test_jobs",
    "test_launcher",
    "test_lost_server",
    "test_pgbouncer",
    "test_replica",
    "test_revision_commands",
    "test_revision_races",
    "test_served",
    "test_shard_move",
    "test_shards",
)
# groups that take longest, begun first: what needs the made-up pilot (`served`, `planned`, …)
# stands apart from each other, since it is made when the first of them begins; what waits for most
# of its time (`test_lost_server`, `test_jobs`) does, too, so that the others have all cores
LONGEST = (
    "served",
    "http/test_figures",
    "facilities/test_circles",
    "planned",
    "http/test_access",
    "http/test_lost_server",
    "demo/test_demo",
    "http/test_visibility",
    "http/test_shard_move",
    "http/test_refusals",
    "ops/test_backup",
    "http/test_shards",
    "http/test_jobs",
    "http/test_editor_cases",
    "http/test_full_disk",
    "timed",
    "http/test_accounts",
    "http/test_incident_races",
    "demo/test_town",
    "http/test_sandbox",
    "http/test_revision_commands",
)
# files that take more than three seconds by themselves; `./wangge test fast` leaves them out
SLOW = (
    "test_abuse",
    "test_access",
    "test_access_steps",
    "test_accounts",
    "test_boundary_files",
    "test_catalogue",
    "test_circles",
    "test_cities",
    "test_counted_rows",
    "test_coverage",
    "test_coverage_edits",
    "test_coverage_report",
    "test_danger",
    "test_division_codes",
    "test_drafts",
    "test_drawings",
    "test_dump",
    "test_figures",
    "test_frames",
    "test_hidden_changes",
    "test_hotline",
    "test_how_to",
    "test_incident_history",
    "test_incident_import",
    "test_keys",
    "test_load_areas",
    "test_load_areas_abroad",
    "test_load_areas_stored",
    "test_load_edits",
    "test_load_osm",
    "test_load_tables",
    "test_locate",
    "test_locate_batch",
    "test_lost_server",
    "test_messages",
    "test_names",
    "test_names_and_codes",
    "test_notices",
    "test_office_tables",
    "test_oidc",
    "test_open311",
    "test_owners",
    "test_page",
    "test_papers",
    "test_photos",
    "test_profile_tags",
    "test_profiled",
    "test_qgis",
    "test_ragged_edits",
    "test_refusals",
    "test_revisions",
    "test_rules",
    "test_sandbox",
    "test_schema",
    "test_shapes",
    "test_shards",
    "test_siting",
    "test_siting_search",
    "test_snapshot_patch",
    "test_snapshots",
    "test_standards",
    "test_state_holes",
    "test_state_table",
    "test_sweeps",
    "test_templates",
    "test_text_is_data",
    "test_town",
    "test_two_planners",
    "test_visibility",
    "test_walking",
    "test_walking_cases",
)
# measure time: one after the other
TIMED = ("test_bench", "test_launcher", "test_network")


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs the development data where it is absent.

    Say what is slow, and what runs in one process.
    """
    ranks: dict[pytest.Item, int] = {}
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        stem = item.path.stem
        group = next((COSTLY[name] for name in COSTLY if name in fixtures), None)
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.browser)
        if group or stem in STARTING or {"apart", "own_var", "migrated_var"} & fixtures:
            item.add_marker(pytest.mark.served)
        if stem in SLOW:
            item.add_marker(pytest.mark.slow)
        if stem in TIMED:
            group = "timed"
        elif stem in READING_CODE and "unit" in item.path.parts:  # there is an http/test_names, too
            group = "code"
        elif stem == "test_api":  # has a fixture `served` of its own
            group = None
        group = group or f"{item.path.parent.name}/{stem}"
        item.add_marker(pytest.mark.xdist_group(group))
        ranks[item] = LONGEST.index(group) if group in LONGEST else len(LONGEST)
    items.sort(key=ranks.__getitem__)  # so that none of them runs alone at the end
    if not SHARED.is_dir():
        for item in items:
            if item.get_closest_marker("shared"):
                item.add_marker(
                    pytest.mark.skip(reason=f"the development data folder {SHARED} is not here")
                )


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse to run side by side without the groups: costly fixtures would be made in every
    process. Keep what is imported so far out of every collection of garbage.
    """
    gc.freeze()
    gc.enable()
    gc.set_threshold(*GC_THRESHOLDS)
    if session.config.getoption("loadgroup", False) and not all(
        "@" in item.nodeid for item in session.items
    ):
        raise pytest.UsageError("pytest-xdist did not apply the groups of the tests")


def pytest_sessionfinish() -> None:
    """Have pytest's last looks for garbage, five by every process, pass over what a run leaves."""
    gc.freeze()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real development data."""
    return SHARED


@pytest.fixture(scope="session")
def prepared(request: pytest.FixtureRequest) -> PreparedDeployments:
    """The deployments that this run makes once and copies."""
    return PreparedDeployments(prepared_folder(request.config))


def prepared_folder(config: pytest.Config) -> Path:
    """Return the folder of prepared deployments, which all processes of a run share."""
    base: Path = config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
    folder = (base.parent if hasattr(config, "workerinput") else base) / "prepared"
    folder.mkdir(exist_ok=True)
    return folder


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the prepared deployments once every process of the run has ended."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(prepared_folder(config), ignore_errors=True)


@pytest.fixture(scope="session")
def settings(prepared: PreparedDeployments) -> Iterator[Settings]:
    """Settings of a throw-away deployment, its cluster stopped and removed at the end."""
    with prepared.migrated() as folder:
        yield Settings(var=folder)


@pytest.fixture(scope="session")
def addresses(settings: Settings) -> cluster.DatabaseUrls:
    """The running, migrated throw-away database."""
    urls = cluster.start(settings, throw_away=True)
    create_template(urls)
    return urls


@pytest.fixture(scope="session")
def between(settings: Settings, addresses: cluster.DatabaseUrls) -> Iterator[dict[str, str]]:
    """What the environment says of what lies before the database (see `./wangge test --behind`)."""
    from tests.support.behind import behind

    with behind(settings) as variables:
        yield variables


@pytest.fixture(scope="session")
def database_url(addresses: cluster.DatabaseUrls, between: dict[str, str]) -> str:
    """The address of the application's role."""
    return between.get("DATABASE_URL", addresses.app)


@pytest.fixture(scope="session")
def engine(database_url: str) -> Engine:
    """The engine of the application's role."""
    return gis_db.engine(database_url)


@pytest.fixture(scope="session")
def made_up(addresses: cluster.DatabaseUrls) -> Iterator[Callable[[int], Engine]]:
    """The engine of a database with the made-up town of so many households, made once a process."""
    from gis.demo.generate import generate_town

    with ExitStack() as stack:

        @cache
        def town_of(households: int) -> Engine:
            urls = stack.enter_context(new_database(addresses))
            engine = gis_db.engine(urls.app)
            with Session(engine) as session:
                generate_town(session, households=households)
                session.commit()
            # as autovacuum does within a minute: till then plans are those of empty tables
            with gis_db.engine(urls.owner).begin() as owner:
                owner.execute(text("ANALYZE"))
            return engine

        yield town_of


@pytest.fixture
def session(request: pytest.FixtureRequest, engine: Engine) -> Iterator[Session]:
    """A session whose every commit is undone after the test.

    Nothing is there yet; with the mark `made_up(1500)` the made-up town of so many households.
    """
    mark = request.node.get_closest_marker("made_up")
    if mark:
        engine = request.getfixturevalue("made_up")(*mark.args)
    with engine.connect() as connection:
        outer = connection.begin()
        with Session(connection, join_transaction_mode="create_savepoint") as opened:
            yield opened
        outer.rollback()


@pytest.fixture(scope="session")
def app(settings: Settings, database_url: str, between: dict[str, str]) -> APIFlask:
    """The application on the throw-away database."""
    from web.app import create_app

    listening = between.get("DATABASE_LISTEN_URL")
    return create_app(replace(settings, database_listen_url=listening), database_url)


@pytest.fixture
def client(app: APIFlask, session: Session) -> Iterator[FlaskClient]:
    """A client whose requests work inside the test's transaction: they see its rows, and are undone
    with it.
    """
    private = app.config["SESSION_FACTORY"]
    app.config["SESSION_FACTORY"] = lambda reading: Session(
        session.connection(), join_transaction_mode="create_savepoint"
    )
    yield app.test_client()
    app.config["SESSION_FACTORY"] = private


@pytest.fixture
def rights_cached(world: "World") -> Iterator[None]:
    """Look rights up once in two seconds, as the service does, for walks that change no rights."""
    with world.rights_cached():
        yield


@pytest.fixture
def apart(addresses: cluster.DatabaseUrls) -> Iterator[Callable[[], Session]]:
    """Sessions of a database of its own, where commits stay."""
    with new_database(addresses) as urls:
        yield lambda: Session(gis_db.engine(urls.app))


@pytest.fixture(scope="session")
def served(prepared: PreparedDeployments) -> Iterator["Deployment"]:
    """The made-up pilot of `./wangge demo`, served by processes of its own.

    Tests leave it as it is.
    """
    from tests.support.served import Deployment, serving

    with prepared.demo() as var:
        cluster.start(Settings(var=var), throw_away=True)
        with serving(var) as url:
            yield Deployment(var, url)


@pytest.fixture(scope="session")
def planned(prepared: PreparedDeployments) -> Iterator["Deployment"]:
    """A served made-up pilot of its own, for tests that change it."""
    from tests.support.served import Deployment, serving

    with prepared.demo() as var:
        cluster.start(Settings(var=var), throw_away=True)
        with serving(var) as url:
            yield Deployment(var, url)


@pytest.fixture
def migrated_var(prepared: PreparedDeployments) -> Iterator[Path]:
    """A deployment folder of the test's own, with an empty, migrated database."""
    with prepared.migrated() as folder:
        yield folder


@pytest.fixture
def own_var() -> Iterator[Path]:
    """A deployment folder of the test's own."""
    with deployment_folder() as folder:
        yield folder
