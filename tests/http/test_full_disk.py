"""A disk that is full: every route answers, in words where it cannot do its work, and nothing
stored is lost.
"""

import builtins
import errno
import io
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psycopg
import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import text
from sqlalchemy.event import listen
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from gis import private
from gis.db import engine
from gis.errors import Unavailable
from gis.files import photos as photo_store
from gis.incidents import photos
from gis.ops import backup, backup_file, cluster, databases, migration
from gis.settings import Settings
from tests.support import access_table, build
from tests.support.deployment import deployment_folder, kill_cluster
from tests.support.served import serving, until
from tests.support.sharded import not_in_shards
from web.http import worker_metrics
from web.http.observability import Surviving

POINT = {"lon": build.LON + 0.0005, "lat": build.LAT + 0.0005, "crs": "cgcs2000"}
MEGABYTES = 230
WORDS = "The disk of the service is full"
READ_ONLY_WORDS = "The service takes no changes at the moment"
CHINESE = {WORDS: "服务器磁盘已满", READ_ONLY_WORDS: "服务暂时不能保存任何内容"}
world = access_table.world


@pytest.fixture
def small_disk():
    """A folder on a small disk of its own, in memory."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder = Path(mkdtemp(prefix="wangge-disk-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m,mode=755", "tmpfs", folder],
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        folder.rmdir()
        pytest.skip(f"no small disk can be mounted: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        kill_cluster(Settings(var=folder))
        subprocess.run(["umount", "--lazy", folder], check=True)
        folder.rmdir()


def ask(url: str, body: object = None, kind: str = "application/json") -> tuple[int, bytes]:
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    headers = {"Content-Type": kind, "Idempotency-Key": str(uuid.uuid4())} if data else {}
    request = urllib.request.Request(url, data, headers)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def fill(folder: Path) -> Path:
    """Take all that is left of a disk."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(b"\1" * size)
            except OSError as error:
                assert error.errno == errno.ENOSPC
    return filler


def report_with_photo() -> tuple[bytes, str]:
    picture = io.BytesIO()
    Image.effect_noise((900, 700), 90).save(picture, "PNG")
    report = json.dumps(POINT | {"category": "06010", "description": "水管漏水"})
    lines = f'--x\r\nContent-Disposition: form-data; name="json"\r\n\r\n{report}\r\n'.encode()
    head = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'  # noqa: E501
    return lines + head + picture.getvalue() + b"\r\n--x--\r\n", "multipart/form-data; boundary=x"


@pytest.mark.slow
@not_in_shards  # the small disk has no room for a second cluster
def test_a_full_disk_is_said_and_survived(small_disk: Path) -> None:
    settings = Settings(var=small_disk)
    addresses = cluster.start(settings)
    migration.migrate(addresses)
    with Session(engine(addresses.app)) as session:
        town = build.Town(session)
        town.post("grid_worker", town.grid("001"), "王五")
        session.commit()
    engine(addresses.app).dispose()
    engine(addresses.owner).dispose()
    with deployment_folder() as elsewhere:
        backup.backup(addresses, elsewhere / "whole", elsewhere)
        old_fill = fill(small_disk)
        public = backup_file.parse_recipients([backup_file.create_key(elsewhere / "key")])
        for keys in ((), public):
            with pytest.raises(Unavailable, match="the disk is full; nothing was replaced"):
                backup.backup(addresses, small_disk / "b", elsewhere, keys)
        assert not (small_disk / "b").exists() and len(list(small_disk.glob(".b*"))) == 0
        with pytest.raises(Unavailable):
            backup.restore(addresses, elsewhere / "whole", elsewhere)
        old_fill.unlink()
        assert databases.list_old(addresses) == []
    with serving(small_disk, TMPDIR=str(small_disk), WANGGE_MIN_FREE_MB="1") as url:
        report = POINT | {"category": "06010", "description": "水管漏水"}
        status, body = ask(f"{url}/api/v1/incidents", report)
        assert status == 201, body
        filler = fill(small_disk)
        status, body = ask(f"{url}/api/v1/incidents", *report_with_photo())
        assert status == 503 and json.loads(body)["detail"].startswith(WORDS), body
        assert "磁盘已满" in json.loads(body)["zh"]
        assert not [file for file in (small_disk / "photos").rglob("*") if file.is_file()]
        refused = 0
        for _ in range(300):  # until the tables have to grow, or the log
            status, body = ask(
                f"{url}/api/v1/incidents", report | {"description": "水管漏水" * 200}
            )
            if status == 503:
                assert json.loads(body)["detail"].startswith(WORDS), body
                refused += 1
                if refused > 3:
                    break
            else:
                assert status == 201, body
        assert refused > 3
        for path in (
            "/",
            "/metrics",
            "/healthz",
            "/api/v1/areas",
            "/report",
            "/sign-in",
            "/openapi.json",
        ):
            status, body = ask(url + path)
            assert status in (200, 503), (path, status, body[:300])
        status, body = ask(f"{url}/readyz")
        assert status == 503 and json.loads(body)["free_bytes"] < 1_000_000
        filler.unlink()
        until(lambda: ask(f"{url}/readyz")[0] == 200)  # without help
        until(lambda: ask(f"{url}/api/v1/incidents", report)[0] == 201)
    with Session(engine(addresses.app)) as session:
        assert session.scalar(text("SELECT count(*) FROM incident")) >= 2
    engine(addresses.app).dispose()


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OperationalError("INSERT", {}, type("DiskFull", (Exception,), {"sqlstate": "53100"})()),
    ],
)
@pytest.mark.parametrize(
    "path",
    ["/api/v1/locate?lon=105.95&lat=26.23&crs=wgs84", "/open311/v2/services.json", "/map.html"],
)
def test_a_full_disk_is_a_503_wherever_it_is_met(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, error: Exception, path: str
) -> None:
    def fail(*_args: object) -> None:
        raise error

    monkeypatch.setitem(client.application.config, "SESSION_FACTORY", fail)
    answer = client.get(path)
    assert answer.status_code == 503 and WORDS in answer.get_data(as_text=True)


class Full:
    """A disk that refuses the n-th write to the database; or to a file, and all after it.

    What opens a file may try twice, as tempfile does.
    """

    def __init__(
        self, error: Callable[[], Exception], counts: Callable[[str], bool], *, stays: bool
    ) -> None:
        self.error, self.counts, self.stays = error, counts, stays
        self.at: int | None = None
        self.seen, self.active = 0, False

    def meet(self, action: str) -> None:
        """One statement, or one file."""
        if self.active and self.counts(action):
            self.seen += 1
            if self.at and (self.seen == self.at or (self.stays and self.seen > self.at)):
                raise self.error()


CONTROL = ("SAVEPOINT", "RELEASE", "ROLLBACK")
CHANGES = re.compile(r"\b(INSERT INTO|UPDATE|DELETE FROM)\b")


def refusal(kind: type[psycopg.Error], message: str) -> Exception:
    """What SQLAlchemy makes of an error of psycopg."""
    return DBAPIError.instance("statement", {}, kind(message), psycopg.Error)  # type: ignore[return-value]


def any_statement(action: str) -> bool:
    return not action.startswith((*CONTROL, "file "))


def any_change(action: str) -> bool:
    return any_statement(action) and CHANGES.search(action) is not None


DISKS: dict[str, tuple[Callable[[], Exception], Callable[[str], bool], str]] = {
    "reads": (
        lambda: refusal(psycopg.errors.DiskFull, "could not write to temporary file"),
        any_statement,
        WORDS,
    ),
    "writes": (
        lambda: refusal(psycopg.errors.DiskFull, "could not extend file"),
        any_change,
        WORDS,
    ),
    "read-only": (
        lambda: refusal(psycopg.errors.ReadOnlySqlTransaction, "read-only transaction"),
        any_change,
        READ_ONLY_WORDS,
    ),
    "files": (
        lambda: OSError(errno.ENOSPC, "No space left on device"),
        lambda action: action.startswith("file "),
        WORDS,
    ),
}


@pytest.mark.usefixtures("rights_cached")
@pytest.mark.slow
def test_a_full_disk_is_said_on_every_route(
    app: APIFlask, world: access_table.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    disks = {
        disk: Full(error, counts, stays=disk == "files")
        for disk, (error, counts, _) in DISKS.items()
    }

    def meet(action: str) -> None:
        for full in disks.values():
            full.meet(action)

    connection = world.session.connection()
    listen(connection, "before_cursor_execute", lambda *fields: meet(fields[2].lstrip()))
    originals = {os: os.open, io: io.open, builtins: builtins.open}

    def opener(module: Any) -> Any:
        def opened(path: Any, mode: Any = "r", *extra: Any, **named: Any) -> Any:
            if (
                (mode & (os.O_WRONLY | os.O_RDWR))
                if isinstance(mode, int)
                else set(mode) & set("wax+")
            ):
                meet(f"file {path}")
            return originals[module](path, mode, *extra, **named)

        return opened

    for module in originals:
        monkeypatch.setattr(module, "open", opener(module))

    def ask(
        asker: access_table.Asker, name: str, row: access_table.Row, *meeting: Full
    ) -> TestResponse:
        method, rule = name.split(" ", 1)
        path = world.path(rule, row)
        app.extensions["wangge_rights"].entries.clear()
        sent: dict[str, Any] = {"json": row.json} if row.json is not None else {}
        if row.form is not None:
            sent["data"] = {
                k: (io.BytesIO(v[0]), v[1]) if isinstance(v, tuple) else v
                for k, v in row.form.items()
            }
        undo = world.session.begin_nested()
        for full in meeting:
            full.seen, full.active = 0, True
        try:
            return asker.client.open(path, method=method, headers=asker.headers, **sent)
        finally:
            for full in meeting:
                full.active = False
            undo.rollback()
            world.session.expire_all()

    wrong, met = [], Counter[str]()
    for name, row in access_table.TABLE.items():
        if name == "GET /metrics":  # leaves out what it cannot count
            continue
        asker = next(
            (item for item in world.askers[::-1] if row.who(item) == "yes"), world.askers[0]
        )
        for full in disks.values():
            full.at = None
        ask(asker, name, row, *disks.values()).get_data()  # how much of each it needs
        for disk, full in disks.items():
            phrase = DISKS[disk][2]
            for at in sorted({1, full.seen}) if full.seen else ():
                full.at = at
                answer = ask(asker, name, row, full)
                data = answer.get_data(as_text=True)
                if full.seen < at:
                    continue  # it had been looked up by then
                met[disk] += 1
                if answer.status_code != 503 or not (phrase in data or CHINESE[phrase] in data):
                    wrong.append(f"{disk}: {name}, {at}: {answer.status_code} {data[:200]}")
    assert wrong == []
    assert all(met[disk] >= (5 if disk == "files" else 15) for disk in disks), met


def test_half_a_photo_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, session: Session
) -> None:
    def fail(_file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    buffer = io.BytesIO()
    Image.new("RGB", (9, 9)).save(buffer, "JPEG")
    monkeypatch.setattr(photo_store.os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        photos.store(
            session,
            "520402",
            uuid.uuid4(),
            1,
            photo_store.AttachedPhotos(tmp_path, photo_store.sanitise_photos([buffer.getvalue()])),
        )
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_log_that_cannot_be_written_is_lost_and_nothing_else() -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(OSError, match="No space"):
        os.write(descriptor, b"x")
    log = Surviving(open(descriptor, "w", closefd=False))  # noqa: SIM115  closing it would write again
    assert log.write("x" * 100_000) == 100_000
    log.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def test_an_error_is_one_of_a_full_disk_through_its_causes() -> None:
    try:
        try:
            raise OSError(errno.ENOSPC, "x")
        except OSError as cause:
            raise RuntimeError("a library's own") from cause
    except RuntimeError as error:
        assert private.is_disk_full(error)
    for cause in (
        OSError(errno.EROFS, "Read-only file system"),
        refusal(psycopg.errors.ReadOnlySqlTransaction, "x"),
    ):
        assert private.is_read_only(cause) and not private.is_disk_full(cause)
    assert private.is_disk_full(
        refusal(psycopg.errors.IoError, "could not write: No space left on device")
    )
    assert not private.is_disk_full(RuntimeError("x")) and not private.is_disk_full(
        OSError(errno.ENOENT, "x")
    )


def test_figures_of_several_workers_are_added_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = (
        "import os, sys, time\nfrom web.http import observability as observe,"
        " worker_metrics as figures\n"
        "observe.REQUEST_COUNT.labels('other', 'GET', 200).inc(int(sys.argv[1]))\nfigures.share()\n"
        "print('ready', flush=True)\nsys.stdin.read()"
    )
    env = os.environ | {
        worker_metrics.FOLDER_VARIABLE: str(tmp_path),
        "PYTHONPATH": str(Path(worker_metrics.__file__).parents[2]),
    }
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(count)],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for count in (3, 4)
    ]
    try:
        for worker in workers:
            assert worker.stdout and worker.stdout.readline() == "ready\n"
        (tmp_path / "gone").write_text("")  # of a worker that was killed
        monkeypatch.setenv(worker_metrics.FOLDER_VARIABLE, str(tmp_path))
        assert (
            'wangge_requests_total{endpoint="other",method="GET",status="200"} 7.0'
            in worker_metrics.render().decode()
        )
    finally:
        for worker in workers:
            worker.communicate()
