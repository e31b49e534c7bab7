"""The private cluster: starts, survives, stays out of the way.

Clear words when a server does not fit.
"""

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from gis.db import engine
from gis.errors import InvalidInput, Unavailable
from gis.ops import cluster, databases, migration, server_check
from gis.settings import ROOT, Settings
from tests.support.deployment import create_template, deployment_folder, new_database
from tests.support.machine import slowdown


@pytest.fixture(scope="module")
def settings():
    """One cluster for the tests of this file; each leaves it whole, whatever it did to it."""
    with deployment_folder() as folder:
        yield Settings(var=folder)


def postmaster(settings):
    return int((cluster.cluster_location(settings).data / "postmaster.pid").read_text().split()[0])


def answers(addresses):
    with psycopg.connect(addresses.app) as connection:
        return connection.execute("SELECT postgis_lib_version() >= '3.3'").fetchone()[0]


def test_start_is_idempotent_and_listens_on_loopback_only(settings):
    initial = cluster.start(settings)
    assert cluster.start(settings) == initial
    with psycopg.connect(initial.app) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone()[0] == "127.0.0.1"


def test_two_starts_at_once_do_no_harm(settings):
    script = (
        "import sys; from pathlib import Path; from gis.ops import cluster;"
        " from gis.settings import Settings; "
        "print(cluster.start(Settings(var=Path(sys.argv[1]))).app)"
    )
    with ThreadPoolExecutor() as pool:
        output = list(
            pool.map(
                lambda _: subprocess.check_output(
                    [sys.executable, "-c", script, str(settings.var)], cwd=ROOT, text=True
                ),
                range(3),
            )
        )
    assert len(set(output)) == 1


def test_a_server_that_is_slow_to_answer_is_not_started_again(settings):
    addresses = cluster.start(settings)
    slow = postmaster(settings)
    os.kill(slow, signal.SIGSTOP)
    try:
        with ThreadPoolExecutor() as pool:
            again = pool.submit(cluster.start, settings)
            with pytest.raises(TimeoutError):
                again.result(timeout=1)
            os.kill(slow, signal.SIGCONT)
            assert again.result() == addresses
    finally:
        os.kill(slow, signal.SIGCONT)
    assert postmaster(settings) == slow


def test_committed_rows_survive_kill_9(settings):
    addresses = cluster.start(settings)
    with psycopg.connect(addresses.owner) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    os.kill(postmaster(settings), signal.SIGKILL)
    with psycopg.connect(cluster.start(settings).owner) as connection:
        assert connection.execute("SELECT one FROM kept").fetchone()[0] == 1


@pytest.mark.parametrize("library", ["postgis-3", "no-such-library"])
def test_postgis_is_loaded_with_the_server_where_it_is_there(settings, monkeypatch, library):
    cluster.stop(settings)
    monkeypatch.setattr("gis.ops.cluster.setup.POSTGIS_LIBRARY", library)
    with psycopg.connect(str(cluster.start(settings).admin)) as connection:
        loaded = connection.execute("SHOW shared_preload_libraries").fetchone()[0]
    assert loaded == ("postgis-3" if library == "postgis-3" else "")
    cluster.stop(settings)


def test_a_stale_pid_file_that_names_a_living_stranger_is_no_obstacle(settings):
    cluster.start(settings)
    pid_file = cluster.cluster_location(settings).data / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    assert cluster.stop(settings)
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    assert answers(cluster.start(settings))


@pytest.mark.parametrize(
    ("free", "words"), [(1, "is full. Free some space"), (10**9, "its log is")]
)
def test_a_server_that_does_not_start_says_why(settings, monkeypatch, free, words):
    cluster.stop(settings)
    monkeypatch.setattr("gis.private.get_free_bytes", lambda *_: free)
    monkeypatch.setattr("gis.ops.cluster.setup.server_conf", lambda *_: "no_such_setting = 1\n")
    monkeypatch.setattr("gis.ops.cluster.setup.time.sleep", lambda _: None)
    with pytest.raises(Unavailable, match=words):
        cluster.start(settings)


def test_a_half_made_data_folder_is_made_again(own_var):
    settings = Settings(var=own_var)
    location = cluster.cluster_location(settings)
    (location.data / "base").mkdir(parents=True)
    assert answers(cluster.start(settings))


def test_the_port_moves_when_somebody_took_it(settings):
    import socket

    cluster.start(settings)
    cluster.stop(settings)
    port = int((cluster.cluster_location(settings).base / "port").read_text())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert answers(cluster.start(settings))
        assert cluster.running_port(cluster.cluster_location(settings)) != port


def test_a_path_too_long_for_a_socket_is_worked_round(own_var):
    deep = own_var / ("a" * 60) / ("b" * 60)
    deep.mkdir(parents=True)
    settings = Settings(var=deep)
    try:
        assert answers(cluster.start(settings))
    finally:
        cluster.stop(settings)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the cluster as another user")
def test_a_folder_postgres_cannot_enter_is_worked_round_and_said(own_var, capsys):
    closed = own_var / "closed"
    closed.mkdir(mode=0o700)
    settings = Settings(var=closed / "var")
    base = cluster.cluster_location(settings).base
    try:
        assert answers(cluster.start(settings))
        assert base.parent == Path("/var/lib/wangge")
        assert f"the database is kept in {base}" in capsys.readouterr().err
    finally:
        cluster.stop(settings)
        subprocess.run(["rm", "-rf", str(base)], check=True)


def test_passwords_are_private_and_asked_for(settings):
    addresses = cluster.start(settings)
    assert settings.var.joinpath("secrets.json").stat().st_mode & 0o077 == 0
    payload = json.loads(settings.var.joinpath("secrets.json").read_text())
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(addresses.app.replace(payload[cluster.APP], "wrong"))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://nobody@127.0.0.1:1/none", "cannot be reached"),
        ("mysql://x", "is not an address of PostgreSQL"),
    ],
)
def test_a_server_that_does_not_answer_gets_one_clear_sentence(url, message):
    with pytest.raises(Unavailable, match=message) as caught:
        server_check.check_server(url)
    assert "\n" not in caught.value.detail


def test_a_server_too_old_or_without_postgis_gets_one_clear_sentence(settings, monkeypatch):
    url = cluster.start(settings).app
    monkeypatch.setattr(server_check, "MIN_SERVER_VERSION", 990000)
    with pytest.raises(Unavailable, match=r"is PostgreSQL \d+; 15 or later is needed"):
        server_check.check_server(url)
    monkeypatch.undo()
    monkeypatch.setattr(server_check, "MIN_POSTGIS_VERSION", (99, 0))
    with pytest.raises(Unavailable, match=r"has PostGIS 3\.\d+.*3\.3 or later is needed"):
        server_check.check_server(url)


def test_a_server_that_is_gone_when_it_is_asked_gets_one_clear_sentence(settings, monkeypatch):
    """As behind a pooler, which takes connections for it."""
    address = cluster.start(settings).app

    def gone(*_):
        raise psycopg.OperationalError("server closed the connection")

    monkeypatch.setattr(psycopg.Connection, "execute", gone)
    with pytest.raises(Unavailable, match="of DATABASE_URL cannot be reached: server closed"):
        server_check.check_server(address)


@pytest.fixture(scope="module")
def template(settings):
    """An empty, migrated database to copy."""
    addresses = cluster.start(settings)
    migration.migrate(addresses)
    engine(addresses.owner).dispose()  # nobody may be in a database that is copied
    create_template(addresses)


@pytest.fixture
def empty(settings, template):
    """A migrated, empty database, which a restore may replace."""
    with new_database(cluster.start(settings)) as addresses:
        yield addresses
        databases.drop_old(addresses)


def test_backup_and_restore_bring_the_same_rows_back(empty, tmp_path):
    from gis.ops.backup import backup, restore

    with psycopg.connect(empty.app) as connection:
        connection.execute(
            "INSERT INTO area (code, level, name, county)"
            " VALUES ('520402', 'county', '西秀区', '520402')"
        )
    backup(empty, tmp_path / "all.backup", tmp_path)
    with psycopg.connect(empty.app) as connection:
        connection.execute(
            "INSERT INTO area (code, level, name, county)"
            " VALUES ('520403', 'county', '平坝区', '520403')"
        )
    restore(empty, tmp_path / "all.backup", tmp_path)
    with psycopg.connect(empty.app) as connection:
        assert connection.execute("SELECT code FROM area").fetchall() == [("520402",)]
        assert connection.execute(
            "SELECT table_name, op FROM history WHERE table_name = 'area'"
        ).fetchall() == [("area", "insert")]
        # and the application may go on working, with its grants, triggers and sequences
        connection.execute(
            "INSERT INTO area (code, level, name, county)"
            " VALUES ('520404', 'county', '新', '520404')"
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM area")


def photo_in(var, name="0a/0a6f3f2e-7d43-4a53-9d3b-0d8b7c1f2e3d.jpg", data=b"a photo"):
    file = var / "photos" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return file


def test_a_backup_holds_the_photos_and_brings_them_back(empty, tmp_path):
    from gis.ops.backup import backup, restore

    position, destination = tmp_path / "here", tmp_path / "there"
    large = photo_in(position, data=bytes(range(256)) * 5000)
    small = photo_in(position, "0a/0a6f3f2e-7d43-4a53-9d3b-0d8b7c1f2e3d-small.jpg")
    photo_in(position, "0a/.tmp8x2.part")  # being written: no photo yet
    assert backup(empty, tmp_path / "all.backup", position) == 2
    mine = photo_in(destination, "ff/ff6f3f2e-7d43-4a53-9d3b-0d8b7c1f2e3d.jpg")
    assert restore(empty, tmp_path / "all.backup", destination) == 2
    result = {
        file.relative_to(destination): file.read_bytes()
        for file in destination.rglob("*")
        if file.is_file() and file.name != ".restore.lock"
    }
    assert result.pop(mine.relative_to(destination)) == b"a photo"
    assert result == {file.relative_to(position): file.read_bytes() for file in (large, small)}
    large.unlink()
    restore(empty, tmp_path / "all.backup", position)  # and where they were lost
    assert large.stat().st_size == 1_280_000


def test_half_a_backup_brings_no_photo(empty, tmp_path):
    from gis.ops.backup import backup, restore

    photo_in(tmp_path / "here")
    whole = tmp_path / "all.backup"
    backup(empty, whole, tmp_path / "here")
    data, bad = whole.read_bytes(), tmp_path / "bad.backup"
    for length in (20_000, len(data) // 1024 * 512, data.rindex(b"end\0") // 512 * 512):
        bad.write_bytes(data[:length])
        with pytest.raises(InvalidInput, match=r"bad\.backup is not a backup"):
            restore(empty, bad, tmp_path / "there")
        assert not (tmp_path / "there").exists()


def test_a_backup_never_writes_outside_the_photos(empty, tmp_path):
    from gis.ops.backup import backup, restore

    whole, evil = tmp_path / "all.backup", tmp_path / "evil.backup"
    backup(empty, whole, tmp_path / "here")
    with tarfile.open(whole) as source, tarfile.open(evil, "w") as target:
        target.addfile(source.getmember("database.dump"), source.extractfile("database.dump"))
        for name in ("../up.jpg", "photos/../../up.jpg", "secrets.json", "/up.jpg", "end"):
            target.addfile(tarfile.TarInfo(name))
    assert restore(empty, evil, tmp_path / "there") == 0
    assert not (tmp_path / "there").exists() and not (tmp_path / "up.jpg").exists()


def test_a_bare_dump_of_before_the_photos_is_restored_too(empty, tmp_path):
    from gis.ops.backup import backup, restore

    backup(empty, tmp_path / "all.backup", tmp_path)
    with tarfile.open(tmp_path / "all.backup") as whole:
        (tmp_path / "old.dump").write_bytes(whole.extractfile("database.dump").read())
    with psycopg.connect(empty.app) as connection:
        connection.execute(
            "INSERT INTO area (code, level, name, county)"
            " VALUES ('520403', 'county', '平坝', '520403')"
        )
    restore(empty, tmp_path / "old.dump", tmp_path)
    with psycopg.connect(empty.app) as connection:
        assert connection.execute("SELECT count(*) FROM area").fetchone()[0] == 0


@pytest.mark.parametrize("content", [b"", b"not a dump at all", b"PGDMP\x01\x0e\x00broken"])
def test_a_broken_backup_changes_nothing(empty, tmp_path, content):
    from gis.ops.backup import restore

    bad = tmp_path / "bad.dump"
    bad.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"bad\.dump is not a backup"):
        restore(empty, bad, tmp_path)
    with psycopg.connect(empty.app) as connection:
        assert connection.execute("SELECT count(*) FROM area").fetchone()[0] == 0


def test_stop_says_whether_it_was_running(settings):
    cluster.start(settings)
    started = time.monotonic()
    assert cluster.stop(settings) is True
    assert cluster.stop(settings) is False
    assert time.monotonic() - started < 10 * slowdown()
