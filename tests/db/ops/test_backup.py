"""Backups: private, checked, encrypted.

A restore destroys nothing, whatever goes wrong; every earlier schema; any moment.
"""

import errno
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from alembic.script import ScriptDirectory
from click.testing import CliRunner
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas.resolver import locate
from gis.db import engine
from gis.errors import Conflict, InvalidInput, NotFound, Unavailable
from gis.exchange.dump import dump
from gis.ops import (
    archive,
    backup,
    backup_file,
    cluster,
    databases,
    migration,
    postgresql_conf,
    server_check,
)
from gis.settings import ROOT, Settings
from tests.support import build
from tests.support.deployment import deployment_folder
from tests.support.served import until
from web.cli import cli
from web.cli.common import make_private

VERSIONS = sorted(
    script.revision for script in ScriptDirectory.from_config(migration.config()).walk_revisions()
)


@pytest.fixture(scope="module")
def settings(prepared):
    with prepared.migrated() as folder:
        created = Settings(var=folder)
        addresses = cluster.start(created, throw_away=True)
        with Session(engine(addresses.app)) as session:
            town = build.Town(session)
            town.post("grid_worker", town.grid("001"), "王五")
            session.commit()
        yield created


@pytest.fixture
def addresses(settings):
    return cluster.start(settings)


@pytest.fixture
def saved(addresses, tmp_path):
    """A backup of one town, with a photo; and the folder that the photo is in."""
    photo = tmp_path / "var" / "photos" / "0a" / "0a6f3f2e-7d43-4a53-9d3b-0d8b7c1f2e3d.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(os.urandom(3000))
    backup.backup(addresses, tmp_path / "town.backup", tmp_path / "var")
    return tmp_path / "town.backup"


def names(addresses):
    with databases.maintenance(addresses) as connection:
        return {row[0] for row in connection.execute("SELECT datname FROM pg_database")}


def codes(addresses):
    with psycopg.connect(addresses.app) as connection:
        return {row[0] for row in connection.execute("SELECT code FROM area")}


def holder(addresses):
    with Session(engine(addresses.app)) as session:
        result = locate(session, build.LON + 0.0005, build.LAT + 0.0005, "cgcs2000")
        return result.areas[-1].code, [person.name for person in result.people]


RIGHT = ("520402007012001", ["王五"])


def test_everything_written_is_private_whatever_the_umask(addresses, saved, tmp_path, settings):
    old = os.umask(0)
    try:
        backup.backup(addresses, tmp_path / "b", tmp_path / "var")
        public = backup_file.create_key(tmp_path / "key")
        keys = backup_file.parse_recipients([public])
        backup.backup(addresses, tmp_path / "encrypted", tmp_path / "var", keys)
        with Session(engine(addresses.app)) as session:
            dump(session, "grids", tmp_path / "grids.csv")
            dump(session, "grids", tmp_path / "grids.gpkg")
        new = tmp_path / "restored"
        new.mkdir(mode=0o755)
        backup_file.unpack_photos(saved, backup_file.verify(saved, saved).photos, new)
    finally:
        os.umask(old)
    for path in (
        tmp_path / "b",
        tmp_path / "key",
        tmp_path / "encrypted",
        tmp_path / "grids.csv",
        tmp_path / "grids.gpkg",
    ):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    for path in (new / "photos").rglob("*"):
        assert not path.stat().st_mode & 0o077, path
    location = cluster.cluster_location(settings)
    for path in (
        location.base,
        location.data,
        location.secrets,
        location.base / "port",
        location.base / "log",
    ):
        assert not path.stat().st_mode & 0o077, path


def test_what_lies_open_in_a_deployment_is_closed(tmp_path, monkeypatch, capsys):
    var = tmp_path / "var"
    (var / "photos" / "ab").mkdir(parents=True)
    outside = tmp_path / "outside"
    for file in (
        var / "secrets.json",
        var / "session.key",
        var / "photos" / "ab" / "x.jpg",
        var / "notes",
        outside,
    ):
        file.write_text("x")
        file.chmod(0o664)
    (var / "limits").symlink_to(outside)
    for folder in (var, var / "photos", var / "photos" / "ab"):
        folder.chmod(0o777)
    make_private(Settings(var=var))
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode) for path in (var, outside, *var.rglob("*"))
    }
    assert modes == {
        "var": 0o711,
        "photos": 0o700,
        "ab": 0o700,
        "x.jpg": 0o600,
        "secrets.json": 0o600,
        "session.key": 0o600,
        "notes": 0o664,
        "outside": 0o664,
        "limits": 0o664,
    }
    assert "others could read 6 files or folders" in capsys.readouterr().err
    make_private(Settings(var=var))
    assert capsys.readouterr().err == ""
    (var / "session.key").chmod(0o644)
    monkeypatch.setattr(Path, "chmod", lambda *_: (_ for _ in ()).throw(PermissionError()))
    make_private(Settings(var=var))
    assert "session.key, which belongs to another user: chmod go= it" in capsys.readouterr().err


def test_no_password_is_in_a_process_list(addresses, settings, tmp_path, monkeypatch):
    run, seen = subprocess.run, []
    monkeypatch.setattr(
        subprocess, "run", lambda phrase, **options: seen.append(phrase) or run(phrase, **options)
    )
    backup.backup(addresses, tmp_path / "again", tmp_path)
    backup.restore(addresses, tmp_path / "again", tmp_path)
    programs = {Path(phrase[0]).name for phrase in seen}
    assert {"pg_dump", "pg_restore"} <= programs
    phrase = " ".join(str(word) for line in seen for word in line)
    secrets = json.loads(cluster.cluster_location(settings).secrets.read_text())
    assert "://" not in phrase and not any(secret in phrase for secret in secrets.values())


@pytest.mark.parametrize("position", ["manifest", "dump", "photo", "end", "behind"])
def test_one_changed_byte_is_noticed(saved, addresses, tmp_path, position):
    data = bytearray(saved.read_bytes())
    contents = backup_file.verify(saved, saved)
    end = data.index(contents.sha256.encode())
    at = {
        "manifest": data.index(b'"rows"') + 9,
        "dump": data.index(b"PGDMP") + 5000,
        "photo": end - 1500,
        "end": end + 5,
        "behind": len(data) - 9,
    }[position]
    data[at] ^= 0x11
    bad, old_names = tmp_path / "bad.backup", names(addresses)
    bad.write_bytes(data)
    with pytest.raises(InvalidInput, match=r"bad\.backup is not a backup made by"):
        backup.restore(addresses, bad, tmp_path / "elsewhere")
    assert names(addresses) == old_names and holder(addresses) == RIGHT
    assert not (tmp_path / "elsewhere").exists()


def test_an_encrypted_backup_needs_its_key_and_says_nothing_without(addresses, saved, tmp_path):
    public, other = (backup_file.create_key(tmp_path / name) for name in ("key", "other"))
    file = tmp_path / "encrypted"
    backup.backup(addresses, file, tmp_path / "var", backup_file.parse_recipients([public]))
    data = file.read_bytes()
    assert (
        data.startswith(b"age-encryption.org/v1")
        and b"PGDMP" not in data
        and b"manifest" not in data
    )
    assert [left.name for left in (tmp_path / "var").iterdir()] == ["photos"]
    old_names = names(addresses)
    for identity, phrase in (
        (None, "--identity"),
        (tmp_path / "other", "not encrypted to the key in other"),
    ):
        with pytest.raises(InvalidInput, match=phrase):
            backup.restore(addresses, file, tmp_path / "there", identity=identity)
    cut = tmp_path / "cut"
    cut.write_bytes(data[:-200])
    with pytest.raises(InvalidInput, match="cut is not a backup"):
        backup.restore(addresses, cut, tmp_path / "there", identity=tmp_path / "key")
    assert names(addresses) == old_names
    assert backup.restore(addresses, file, tmp_path / "there", identity=tmp_path / "key") == 1
    assert holder(addresses) == RIGHT and other != public
    databases.drop_old(addresses)


@pytest.mark.parametrize("text", ["age1nonsense", "nothing", "ssh-rsa x", ""])
def test_what_is_no_public_key_is_refused(text):
    with pytest.raises(InvalidInput, match="encrypt-to: "):
        backup_file.parse_recipients([text])


def test_a_secret_key_given_for_a_public_one_is_refused_and_not_repeated(tmp_path):
    backup_file.create_key(tmp_path / "key")
    with pytest.raises(InvalidInput, match="not the secret one"):
        backup_file.parse_recipients([str(tmp_path / "key")])
    with pytest.raises(InvalidInput, match="never overwritten"):
        backup_file.create_key(tmp_path / "key")


def test_whatever_fails_in_a_restore_leaves_the_database_in_use(
    saved, addresses, tmp_path, monkeypatch
):
    old_names = names(addresses)

    def fail(*_args, **_options):
        raise Unavailable("map.empty")  # any error of ours

    for module, name in (
        (migration, "migrate"),
        (backup, "_check_rows"),
        (backup_file, "unpack_photos"),
        (databases, "swap"),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(module, name, fail)
            with pytest.raises(Unavailable, match="nothing is loaded"):
                backup.restore(addresses, saved, tmp_path / "there")
        assert names(addresses) == old_names and holder(addresses) == RIGHT


KILLED = """
import os, signal, sys
from pathlib import Path
from gis.ops import backup, cluster, databases, migration
from gis.settings import Settings

module, name, when, saved, var = sys.argv[1:]
module = {"databases": databases, "migration": migration, "os": os}[module]
original = getattr(module, name)

def fatal(*args, **options):
    if when == "after":
        original(*args, **options)
    os.kill(os.getpid(), signal.SIGKILL)

addresses = cluster.database_urls(Settings.from_env())
setattr(module, name, fatal)
backup.restore(addresses, Path(saved), Path(var))
"""


@pytest.mark.slow
def test_a_restore_that_is_killed_loses_nothing_and_leaves_nothing(
    saved, addresses, settings, tmp_path
):
    databases.drop_old(addresses)
    old_names, destination = names(addresses), tmp_path / "there"
    photo = destination / "photos" / "0a" / "0a6f3f2e-7d43-4a53-9d3b-0d8b7c1f2e3d.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(b"another picture of that name")
    for module, name, when in (
        ("migration", "migrate", "after"),
        ("os", "link", "after"),
        ("databases", "swap", "after"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", KILLED, module, name, when, saved, destination],
            env=os.environ | {"WANGGE_VAR": str(settings.var), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == -signal.SIGKILL, (module, name, done.stderr)
        engine(addresses.app).dispose()
        assert holder(addresses) == RIGHT, (module, name)
        assert photo.exists() and any(
            b"another picture" in path.read_bytes() for path in photo.parent.iterdir()
        )
    assert (
        len(databases.list_old(addresses)) == 1
    )  # of the restore that had swapped when it was killed
    backup.restore(addresses, saved, destination)
    assert holder(addresses) == RIGHT and len(names(addresses) - old_names) == 2
    assert list(destination.glob(".restore-*")) == [] and len(list(photo.parent.iterdir())) == 2
    databases.drop_old(addresses)
    assert names(addresses) == old_names
    with (
        backup._only_restore(addresses, destination),
        pytest.raises(Conflict, match="another restore"),
    ):
        backup.restore(addresses, saved, destination)


def test_a_restore_swaps_under_a_service_in_use_and_keeps_the_old_database(
    saved, addresses, tmp_path
):
    databases.drop_old(addresses)  # what other tests restored
    with psycopg.connect(addresses.app) as connection:
        connection.execute(
            "INSERT INTO area (code, level, name, county)"
            " VALUES ('520403', 'county', '平坝区', '520403')"
        )
    stopping, wrong = threading.Event(), []

    def use() -> None:
        while not stopping.is_set():
            try:
                with psycopg.connect(addresses.app, connect_timeout=60) as connection:
                    if connection.execute("SELECT count(*) FROM area").fetchone()[0] not in (4, 5):
                        wrong.append("half a database")
            except psycopg.OperationalError:
                pass

    users = [threading.Thread(target=use) for _ in range(3)]
    for user in users:
        user.start()
    try:
        backup.restore(addresses, saved, tmp_path / "there")
    finally:
        stopping.set()
        for user in users:
            user.join()
    assert wrong == [] and "520403" not in codes(addresses)
    (old,) = databases.list_old(addresses)
    assert "520403" in codes(databases.with_database(addresses, old.name))
    with pytest.raises(NotFound, match="no database postgres is kept"):
        databases.drop_old(addresses, "postgres")
    assert databases.drop_old(addresses) == [old.name] and databases.list_old(addresses) == []


def test_photos_are_not_tidied_while_an_old_database_may_name_them(addresses, saved, tmp_path):
    from gis.files import photos as photo_store
    from gis.jobs.maintenance import PHOTO_TABLES

    var = tmp_path / "var"
    (photo,) = (var / "photos").glob("??/*")
    os.utime(photo, (0, 0))
    backup.restore(addresses, saved, tmp_path / "there")
    with Session(engine(addresses.app)) as session:
        assert photo_store.delete_orphans(session, var, PHOTO_TABLES) == 0 and photo.exists()
    databases.drop_old(addresses)
    with Session(engine(addresses.app)) as session:
        assert photo_store.delete_orphans(session, var, PHOTO_TABLES) == 1


def test_an_owner_who_may_not_create_databases_is_told_what_to_do(saved, addresses, tmp_path):
    plain = cluster.DatabaseUrls(
        addresses.app, addresses.owner
    )  # as with DATABASE_URL: no other role
    with pytest.raises(
        Unavailable, match=r"may not create a database.*restore with --into wangge_new"
    ):
        backup.restore(plain, saved, tmp_path)
    with databases.maintenance(addresses) as connection:
        connection.execute(f"CREATE DATABASE wangge_new OWNER {cluster.OWNER}")
    databases.create_extensions(addresses, "wangge_new")
    backup.restore(plain, saved, tmp_path, into="wangge_new")
    assert holder(databases.with_database(addresses, "wangge_new")) == RIGHT
    with pytest.raises(Conflict, match="is not empty"):
        backup.restore(plain, saved, tmp_path, into="wangge_new")
    with pytest.raises(Conflict, match="the database in use"):
        backup.restore(plain, saved, tmp_path, into="wangge")
    with pytest.raises(InvalidInput, match="into: the database none cannot be used"):
        backup.restore(plain, saved, tmp_path, into="none")
    databases.drop(addresses, "wangge_new")


def test_who_may_connect_does_not_change_by_a_restore(saved, addresses, tmp_path):
    rights = "SELECT datacl::text FROM pg_database WHERE datname = 'wangge'"
    with databases.maintenance(addresses) as connection:
        connection.execute("REVOKE CONNECT ON DATABASE wangge FROM PUBLIC")
        connection.execute(f"GRANT CONNECT ON DATABASE wangge TO {cluster.APP}")
        old = set(connection.execute(rights).fetchone()[0].strip("{}").split(","))
        backup.restore(addresses, saved, tmp_path)
        assert set(connection.execute(rights).fetchone()[0].strip("{}").split(",")) == old
        connection.execute("GRANT CONNECT ON DATABASE wangge TO PUBLIC")
    databases.drop_old(addresses)


# what the first version could hold; later versions only add to it
FILL = """
SET wangge.publishing = 'on';
INSERT INTO role (key, zh, en, attached_to, rank) VALUES ('grid_worker', '网格员', 'grid worker',
    'grid', 5)
  ON CONFLICT DO NOTHING;
INSERT INTO revision (title, state, author, published_at, effective) VALUES ('first', 'published',
    't', '2020-01-01', '2020-01-01');
INSERT INTO area (code, level, name, county) VALUES ('520402', 'county', '西秀区', '520402');
INSERT INTO area (code, level, name, county, parent_id)
  SELECT '520402007', 'street', '西航街道', '520402', id FROM area WHERE code = '520402';
INSERT INTO area (code, level, name, county, parent_id)
  SELECT '520402007012', 'community', '西兴社区', '520402', id FROM area WHERE code = '520402007';
INSERT INTO area (code, level, name, county, parent_id)
  SELECT '520402007012001', 'grid', '第001网格', '520402', id FROM area WHERE code = '520402007012';
INSERT INTO boundary (area_id, revision_id, shape, valid)
  SELECT a.id, r.id, 'SRID=4490;MULTIPOLYGON(((105.95 26.23, 105.951 26.23, 105.951 26.231, 105.95 26.231, 105.95 26.23)))',
         tstzrange('2020-01-01', NULL) FROM area a, revision r WHERE a.level = 'grid';
INSERT INTO personal.person (code, name) VALUES ('p-1', '王五');
INSERT INTO post (county, role, area_id, holder_id, valid)
  SELECT '520402', 'grid_worker', a.id, p.id, tstzrange('2020-01-01', NULL) FROM area a,
      personal.person p WHERE a.level = 'grid';
"""  # noqa: E501


# the first, the newest, and every fourth between: every step is taken by the database that grows,
# and again from the nearest backup before it
SAMPLED_VERSIONS = sorted({*VERSIONS[::4], VERSIONS[-1]})


@pytest.fixture(scope="module")
def earlier(settings, tmp_path_factory):
    """Backups of earlier schemas, of a database that was filled with the first and migrated step
    by step.
    """
    addresses, folder = cluster.start(settings), tmp_path_factory.mktemp("earlier")
    grown = databases.create_beside(addresses)
    try:
        for version in SAMPLED_VERSIONS:
            migration.migrate(grown, version)
            if version == SAMPLED_VERSIONS[0]:
                with psycopg.connect(grown.owner) as connection:
                    connection.execute(FILL.encode())
            backup.backup(grown, folder / version, folder)
    finally:
        databases.drop(addresses, databases.get_name(grown.owner))
    return folder


@pytest.fixture(scope="module")
def extended(settings):
    """The name of a database with our extensions and nothing else."""
    addresses, name = cluster.start(settings), "extended"
    with databases.maintenance(addresses) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 OWNER {cluster.OWNER}")
    databases.create_extensions(addresses, name)
    yield name
    databases.drop(addresses, name)


@pytest.mark.parametrize("version", SAMPLED_VERSIONS)
def test_a_backup_of_an_earlier_schema_answers_the_same(
    version, addresses, earlier, extended, tmp_path
):
    assert backup_file.verify(earlier / version, earlier / version).manifest["schema"] == version
    restored = databases.with_database(addresses, f"earlier_{version}")
    with databases.maintenance(addresses) as connection:
        connection.execute(
            f"CREATE DATABASE earlier_{version} TEMPLATE {extended} OWNER {cluster.OWNER}"
        )
    backup.restore(addresses, earlier / version, tmp_path, into=f"earlier_{version}")
    assert holder(restored) == RIGHT
    with psycopg.connect(restored.app) as connection:  # the jobs have their tables
        assert connection.execute("SELECT count(*) FROM jobs.procrastinate_jobs").fetchone() == (0,)
    for url in (restored.app, restored.owner):
        engine(url).dispose()
    databases.drop(addresses, f"earlier_{version}")


def test_what_a_restore_replaces_while_it_is_asked_is_not_dropped(addresses, monkeypatch):
    def replace() -> str:
        return databases.swap(
            addresses, databases.get_name(databases.create_beside(addresses).owner)
        )

    databases.swap(addresses, replace())  # ours again, and an empty one is old
    questions = []

    def confirm(question: str, **_: object) -> bool:
        questions.extend([question, replace()])
        return True

    monkeypatch.setattr("click.confirm", confirm)
    for name, url in (
        ("", addresses.app),
        ("OWNER_", addresses.owner),
        ("ADMIN_", addresses.admin),
    ):
        monkeypatch.setenv(f"DATABASE_{name}URL", url or "")
    (old,) = databases.list_old(addresses)
    done = CliRunner().invoke(cli, ["db", "drop-old"])
    assert done.exit_code == 0, done.output
    question, later = questions
    assert old.name in question and done.output == f"dropped {old.name}\n"
    assert [database.name for database in databases.list_old(addresses)] == [later]
    databases.swap(addresses, later)
    databases.drop_old(addresses)
    assert holder(addresses) == RIGHT


def test_a_device_is_not_replaced_by_a_file(addresses, tmp_path):
    pipe = tmp_path / "tape"
    os.mkfifo(pipe)
    with pytest.raises(InvalidInput, match="something else than a file"):
        backup.backup(addresses, pipe, tmp_path)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_who_comes_back_at_once_does_not_hold_up_a_swap(addresses, monkeypatch):
    rename, back = databases._rename, []

    def rename_after_a_return(connection, names) -> None:
        back.append(psycopg.connect(addresses.app))  # as a subscription does, once it is ended
        rename(connection, names)

    monkeypatch.setattr(databases, "_rename", rename_after_a_return)
    new = databases.get_name(databases.create_beside(addresses).owner)
    old = databases.swap(addresses, new)
    for connection in back:
        connection.close()
    monkeypatch.undo()
    databases.swap(addresses, old)
    databases.drop_old(addresses)
    assert len(back) == 1  # PostgreSQL by itself would have given up after five seconds


def test_databases_replaced_within_a_second_have_names_of_their_own(addresses):
    for _ in range(3):
        databases.swap(addresses, databases.get_name(databases.create_beside(addresses).owner))
    old = databases.list_old(addresses)
    assert len({database.name for database in old}) == len(old) >= 3
    assert old == sorted(old, key=lambda database: database.name, reverse=True)
    databases.swap(addresses, old[2].name)  # the first of them was ours
    databases.drop_old(addresses)
    assert holder(addresses) == RIGHT


def test_a_backup_of_a_later_schema_is_refused_in_words(addresses, tmp_path):
    later = databases.create_beside(addresses)
    try:
        migration.migrate(later)
        with psycopg.connect(later.owner) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
        backup.backup(later, tmp_path / "later", tmp_path)
    finally:
        databases.drop(addresses, databases.get_name(later.owner))
    old_names = names(addresses)
    with pytest.raises(
        Unavailable, match="schema 9999, which this code does not know; update the code"
    ):
        backup.restore(addresses, tmp_path / "later", tmp_path)
    assert names(addresses) == old_names


def connect_superuser(settings, name="postgres"):
    where = cluster.cluster_location(settings)
    url = where.url(cluster.SUPERUSER, cluster.running_port(where), name)
    return psycopg.connect(url, autocommit=True)


def as_owner(addresses):
    """Return the URLs of a deployment on somebody's server: without the superuser's."""
    return replace(addresses, admin=None)


def switch_log(settings):
    """Have the log file in use archived."""
    with connect_superuser(settings) as connection:
        connection.execute("SELECT pg_switch_wal()")


def test_a_database_that_is_being_vacuumed_is_dropped(settings, addresses):
    swept = databases.create_beside(addresses)
    name = databases.get_name(swept.owner)
    with psycopg.connect(swept.owner, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE swept WITH (autovacuum_vacuum_cost_delay = 100,"
            " autovacuum_vacuum_cost_limit = 1, autovacuum_vacuum_threshold = 1)"
            " AS SELECT i, repeat('x', 500) FROM generate_series(1, 20000) i"
        )
        connection.execute("DELETE FROM swept WHERE i % 2 = 0")
    with connect_superuser(settings) as server:
        server.execute("ALTER SYSTEM SET autovacuum_naptime = 1")
        server.execute("SELECT pg_reload_conf()")
        try:
            worker = (
                "SELECT 1 FROM pg_stat_activity"
                " WHERE datname = %s AND backend_type = 'autovacuum worker'"
            )
            until(lambda: server.execute(worker, [name]).fetchone())
            with psycopg.connect(swept.owner):  # ends with the database
                databases.drop(as_owner(addresses), name)
        finally:
            server.execute("ALTER SYSTEM RESET autovacuum_naptime")
            server.execute("SELECT pg_reload_conf()")
    assert name not in names(addresses)


def test_a_replaced_database_that_somebody_else_uses_is_not_dropped(settings, addresses):
    old = databases.swap(addresses, databases.get_name(databases.create_beside(addresses).owner))
    with connect_superuser(settings, old), pytest.raises(Conflict) as refusal:
        databases.drop_old(as_owner(addresses), old)
    assert refusal.value.code == "database.drop_forbidden"
    assert refusal.value.params["name"] == old
    databases.swap(addresses, old)
    databases.drop_old(addresses)
    assert holder(addresses) == RIGHT


def disk_is_full():
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.slow
def test_rows_destroyed_come_back_from_the_archive(monkeypatch):
    monkeypatch.setattr(
        "gis.ops.postgresql_conf.SERVER_CONF",
        postgresql_conf.SERVER_CONF + postgresql_conf.EPHEMERAL_CONF,
    )
    with deployment_folder() as var, deployment_folder() as disk:
        settings, folder = Settings(var=var), disk / "it's 5% of $HOME"
        addresses = cluster.start(settings)
        migration.migrate(addresses)
        with pytest.raises(Conflict, match="no log is archived"):
            archive.restore_at(settings, datetime.now(UTC))
        with monkeypatch.context() as failing:
            failing.setattr(archive, "_copy", lambda *_: disk_is_full())
            with pytest.raises(OSError, match="No space"):
                archive.switch_on(settings, folder)
        assert archive.get_folder(settings) is None  # or the log would fill the disk of the server
        with psycopg.connect(addresses.app) as connection:
            assert connection.execute("SHOW archive_mode").fetchone() == ("off",)
        base = archive.switch_on(settings, folder)
        with Session(engine(addresses.app)) as session:
            town = build.Town(session)
            town.post("grid_worker", town.grid("001"), "王五")
            session.commit()
        with engine(addresses.app).connect() as looking:
            assert server_check.unarchived_note(looking) is None
            (folder / "wal").rename(folder / "gone")
            looking.execute(text("SELECT pg_current_xact_id()"))
            looking.commit()
            switch_log(settings)

            def note() -> str:
                looking.rollback()  # figures of the server stand still in a transaction
                return str(server_check.unarchived_note(looking))

            until(lambda: "is not archived since 20" in note(), 20)
        (folder / "gone").rename(folder / "wal")
        moment = datetime.now(UTC)
        with psycopg.connect(addresses.app) as connection:
            connection.execute("DELETE FROM post")
            connection.execute(
                "INSERT INTO area (code, level, name, county)"
                " VALUES ('520403', 'county', 'x', '520403')"
            )
        for wrong, phrase in (
            (base.finished - timedelta(days=1), "does not reach back"),
            (moment + timedelta(days=1), "not come"),
        ):
            with pytest.raises(InvalidInput, match=phrase):
                archive.restore_at(settings, wrong)
        assert (
            archive.switch_on(settings, folder).finished > base.finished
        )  # again: another copy, which is too late
        left = settings.var / "postgres" / "recovered-of-one-that-was-killed"
        (left / "data").mkdir(parents=True)
        (left / "data" / "postmaster.pid").write_text("4194305\n")
        (left / ".lock").touch()
        archive.restore_at(settings, moment)
        assert not left.exists()
        assert holder(addresses) == RIGHT and "520403" not in codes(addresses)
        assert len(databases.list_old(addresses)) == 1
        for path in (folder, *folder.rglob("*")):
            assert not path.stat().st_mode & 0o077, path
        engine(addresses.app).dispose()
