"""Readers of foreign files: whatever the child does, the caller gets values, an error of ours, or a
sentence.
"""

import os
import random
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from datetime import date
from io import BytesIO
from pathlib import Path

import geopandas
import openpyxl
import pytest
import shapely
from PIL import Image

from gis.errors import Conflict, InvalidInput, Unavailable, WanggeError
from gis.exchange.columns import FACILITY_COLUMNS
from gis.exchange.osm.objects import objects
from gis.files import photos, sandbox, sandbox_server, tables, vector
from gis.files.report import LoadReport
from gis.files.sandbox import Limits
from gis.settings import ROOT
from tests.support import hostile_readers as readers
from tests.support.machine import slowdown
from tests.support.served import Deployment, Reply, until

TIGHT = Limits(
    cpu_s=1, wall_s=2, memory_bytes=400_000_000, written_bytes=5_000_000, returned_bytes=20_000_000
)


@pytest.mark.parametrize(
    ("function", "args", "message"),
    [
        (readers.spin, (), "takes too long to read"),
        (readers.sleep, (), "takes too long to read"),
        (readers.hoard, (), "needs too much memory"),
        (readers.fill_disk, (), "needs too much memory"),
        (readers.flood, (), "needs too much memory"),
        (readers.lie_about_length, (), "needs too much memory"),
        (readers.die, (signal.SIGKILL,), "needs too much memory"),
        (readers.die, (signal.SIGABRT,), "needs too much memory"),
        (readers.die, (signal.SIGSEGV,), "its reader crashed"),
        (readers.die, (signal.SIGBUS,), "its reader crashed"),
        (readers.leave, (), "its reader crashed"),
        (readers.plant, (), "its reader crashed"),
        (readers.fail, (), "is damaged or not what its name says"),
    ],
)
def test_whatever_a_reader_does_becomes_a_sentence(
    function: Callable[..., object],
    args: tuple[object, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.getloadavg", lambda: (0.0, 0.0, 0.0))
    # on a busy machine what takes memory takes time, too
    limits = TIGHT if function is readers.sleep else replace(TIGHT, wall_s=60)
    begin = time.monotonic()
    with pytest.raises(InvalidInput, match=rf"^a\.gpkg .*{message}") as refused:
        list(sandbox.iterate(function, *args, limits=limits, name="a.gpkg"))
    assert time.monotonic() - begin < 10 * slowdown()
    assert not list(tmp_path.iterdir())  # what was planted did not run
    assert refused.value.detail_in("zh").startswith(("文件 a.gpkg ", "读取文件 a.gpkg "))


def test_on_a_busy_machine_a_slow_file_may_be_a_good_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getloadavg", lambda: (1000.0, 0.0, 0.0))
    with pytest.raises(Unavailable, match="send this one again in a minute"):
        list(sandbox.iterate(readers.sleep, limits=TIGHT, name="a.gpkg"))


def test_plain_values_and_plain_classes_arrive_as_they_were() -> None:
    arrived = list(sandbox.iterate(readers.values, limits=Limits(), types=[readers.Pair]))
    assert arrived == [
        1,
        "字",
        b"\0",
        None,
        1.5,
        date(2026, 3, 1),
        [(1, "a")],
        {"a": {1}},
        readers.Pair(1, 2),
    ]
    with pytest.raises(InvalidInput):
        list(sandbox.iterate(readers.values, limits=Limits()))


def test_many_items_arrive_in_their_order() -> None:
    assert list(sandbox.iterate(readers.count, 100_000, limits=Limits())) == list(range(100_000))
    assert list(sandbox.iterate(readers.count, 0, limits=Limits())) == []


def test_an_error_of_ours_arrives_after_the_items_before_it() -> None:
    items = sandbox.iterate(readers.refuse, limits=Limits())
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(Conflict, match=r"the shapes of layer .nowhere. have no code") as refused:
        next(items)
    assert [(row.field, row.message) for row in refused.value.errors] == [
        ("lon", "must be one of a, b")
    ]
    assert refused.value.extra == {"nearest": {"code": "5204"}}


def test_a_child_knows_no_secrets_and_has_a_folder_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://app:secret-word@db/wangge")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = {"TEST_PORT": str(server.getsockname()[1])}
        (seen,) = sandbox.iterate(readers.surroundings, limits=Limits(), environment=port)
    assert "secret-word" not in seen["memory"] and "DATABASE_URL" not in seen["environment"]
    assert not Path(seen["folder"]).exists() and seen["folder"] != str(Path.cwd())
    assert seen["stdin"] == b"" and seen["core"] == (0, 0) and not seen["ignored"]
    assert seen["files"] <= 8


def _server_of(process: int) -> int:
    """Return the process that forks the readers of another."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            number, parent = (
                int(status.parent.name),
                status.read_text().rsplit(")", 1)[1].split()[1],
            )
            words = (status.parent / "cmdline").read_bytes()
            if int(parent) == process and b"sandbox_server" in words:
                return number
    raise LookupError(process)


def test_the_server_of_readers_has_one_thread_and_is_started_again() -> None:
    assert sandbox.run(readers.add, 1, 2, limits=Limits()) == 3
    first = _server_of(os.getpid())
    # with more threads, what one of them holds would be held for ever in the reader
    assert len(list(Path(f"/proc/{first}/task").iterdir())) == 1
    items = sandbox.iterate(readers.spin, limits=Limits())
    assert next(items) == 1
    os.kill(first, signal.SIGKILL)
    with pytest.raises(InvalidInput):
        list(items)  # its readers end with it
    assert sandbox.run(readers.add, 2, 3, limits=Limits()) == 5
    assert _server_of(os.getpid()) != first


def test_a_fork_has_a_server_of_its_own_which_ends_with_it() -> None:
    code = """
import os, sys
from gis.files import sandbox
from gis.files.sandbox import Limits
from tests.support import hostile_readers as readers
assert sandbox.run(readers.add, 1, 2, limits=Limits()) == 3
child = os.fork()
if child == 0:
    os._exit(sandbox.run(readers.add, 3, 4, limits=Limits()))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
next(sandbox.iterate(readers.spin, limits=Limits()))
print(sandbox.run(readers.server, limits=Limits()), flush=True)
"""
    env = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60
    )
    total, server = done.stdout.split()
    assert total == "7", done.stderr
    until(lambda: not Path(f"/proc/{server}").exists())


def test_readers_import_only_what_they_need() -> None:
    modules = ", ".join(
        f"gis.{name}"
        for name in ("files.vector_reader", "exchange.osm.objects", "files.photo_files")
    )
    code = (
        "import sys, gis.files.tables; print({'numpy', 'openpyxl', 'sqlalchemy'} & {*sys.modules});"
        f"import {modules}; print('sqlalchemy' in sys.modules)"
    )
    env = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\nFalse\n"


def test_leaving_early_ends_the_child() -> None:
    items = sandbox.iterate(readers.spin, limits=Limits())
    assert next(items) == 1
    begin = time.monotonic()
    items.close()  # type: ignore[attr-defined]
    assert time.monotonic() - begin < 2 * slowdown()


def test_the_time_in_which_we_are_busy_ourselves_is_not_the_childs() -> None:
    items = sandbox.iterate(readers.count, 100_000, limits=Limits(wall_s=5.0))
    next(items)
    clock = time.monotonic() + 0.3
    while time.monotonic() < clock:
        pass
    assert len(list(items)) == 99_999


def test_in_a_request_few_read_at_once_and_no_longer_than_15_seconds() -> None:
    wide = Limits().scaled(1_000_000_000, seconds_per_mb=1, growth=1)
    assert wide.wall_s > 1000 > sandbox.REQUEST_WALL_S
    with sandbox.within_request():
        assert sandbox.effective(wide).wall_s == sandbox.REQUEST_WALL_S
        assert sandbox.effective(wide).cpu_s == sandbox.REQUEST_WALL_S
    assert sandbox.effective(wide) == wide
    entered, leave = threading.Barrier(sandbox.REQUEST_READERS + 1), threading.Event()

    def hold() -> None:
        with sandbox.within_request():
            entered.wait(10)
            leave.wait(10)

    with ThreadPoolExecutor(sandbox.REQUEST_READERS) as pool:
        for _ in range(sandbox.REQUEST_READERS):
            pool.submit(hold)
        entered.wait(10)
        with (
            pytest.raises(Unavailable, match="other files are being read"),
            sandbox.within_request(),
        ):
            pass
        leave.set()
    with sandbox.within_request():
        pass


# --- GeoPackages ----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def grids() -> geopandas.GeoDataFrame:
    cells = [shapely.box(105 + i / 100, 26, 105.01 + i / 100, 26.01) for i in range(20)]
    return geopandas.GeoDataFrame(
        {"code": [f"52040200700{i:04}" for i in range(20)]}, geometry=cells, crs=4490
    )


@pytest.fixture
def package(grids: geopandas.GeoDataFrame, tmp_path: Path) -> Path:
    """A GeoPackage as GDAL writes it, with its spatial index and triggers."""
    grids.to_file(tmp_path / "grids.gpkg", layer="grids")
    return tmp_path / "grids.gpkg"


def alter(package: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(package)) as database:
        for name, args in (
            ("ST_IsEmpty", 1),
            ("ST_MinX", 1),
            ("ST_MaxX", 1),
            ("ST_MinY", 1),
            ("ST_MaxY", 1),
        ):
            database.create_function(name, args, lambda *_: 0.0)
        for statement in statements:
            database.execute(statement)
        database.commit()
    return package


ENDLESS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
    " SELECT i AS fid, 'x' AS code FROM n"
)


@pytest.mark.parametrize(
    ("statements", "kind"),
    [
        ([f"CREATE VIEW endless AS {ENDLESS}"], "view"),
        (["CREATE VIEW st_geometry_columns AS SELECT 1 AS a"], "view"),
        (["CREATE TRIGGER t AFTER INSERT ON grids BEGIN DELETE FROM grids; END"], "trigger"),
        (
            [
                (
                    "CREATE TRIGGER rtree_grids_geom_insert2 AFTER INSERT ON grids BEGIN DELETE"
                    " FROM grids; END"
                )
            ],
            "trigger",
        ),
        (
            [
                (
                    "CREATE TRIGGER gpkg_x AFTER INSERT ON grids BEGIN"
                    " SELECT RAISE(IGNORE); DELETE FROM grids; END"
                )
            ],
            "trigger",
        ),
        (["CREATE VIRTUAL TABLE words USING fts4(text)"], "virtual table"),
        (["CREATE VIRTUAL TABLE rtree_words USING fts4(text)"], "virtual table"),
        (  # a view that calls itself a table in the catalogue
            [
                "CREATE VIEW shy AS SELECT 1 AS a",
                "PRAGMA writable_schema = ON",
                "UPDATE sqlite_master SET type = 'table' WHERE name = 'shy'",
            ],
            "view",
        ),
    ],
)
def test_views_triggers_and_virtual_tables_are_refused(
    package: Path, statements: list[str], kind: str
) -> None:
    with pytest.raises(
        InvalidInput, match=rf"^grids\.gpkg (holds the {kind} '|cannot be read)"
    ) as refused:
        vector.read_vector(alter(package, *statements))
    if "cannot be read" not in refused.value.detail:
        assert refused.value.detail_in("zh").startswith("grids.gpkg 里有视图")


def test_a_geopackage_as_gdal_and_the_standard_write_it_is_read(package: Path) -> None:
    alter(
        package,
        "CREATE TRIGGER gpkg_metadata_md_scope_insert BEFORE INSERT ON gpkg_contents FOR EACH ROW"
        " BEGIN "
        "SELECT RAISE(ABORT, 'it''s wrong; BEGIN again')"
        " WHERE NOT (NEW.identifier IN ('a;b', 'c')); END",
    )
    assert len(vector.read_vector(package).shapes) == 20


@pytest.mark.parametrize("ending", [".gpkg", ".geojson", ".fgb", ".shp", ".json"])
def test_another_format_behind_an_ending_starts_no_other_reader(
    tmp_path: Path, ending: str
) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("code,WKT\n5204,POINT (105 26)\n")
    file = tmp_path / f"disguised{ending}"
    vrt = f"<OGRVRTDataSource><OGRVRTLayer name='secret'><SrcDataSource>{secret}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"  # noqa: E501
    for text in (
        vrt,
        f'{{"type": "gdal_streamed_alg", "command_line": "gdal vector pipeline read {secret}"}}',
        (
            '{"type": "Topology", "objects": {"a": {"type": "Point", "coordinates": [1, 1]}},'
            ' "arcs": []}'
        ),
        (
            '{"features": [{"geometry": {"x": 1, "y": 1}}], "geometryType":'
            ' "esriGeometryPoint", "fields": []}'
        ),
    ):
        file.write_text(text)
        with pytest.raises(InvalidInput):
            vector.read_vector(file, crs="wgs84")


def test_no_address_in_a_file_is_fetched(tmp_path: Path) -> None:
    """Neither by the child, nor where the system does not let it shut its network off."""
    file = tmp_path / "a.geojson"
    feature = (
        '{"type": "Feature", "properties": {"code": "1"}, "geometry": {"type": "Point",'
        ' "coordinates": [105, 26]}}'
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
        link = f'{{"type": "link", "properties": {{"href": "{address}", "type": "ogcwkt"}}}}'
        file.write_text(f'{{"type": "FeatureCollection", "crs": {link}, "features": [{feature}]}}')
        assert len(vector.read_vector(file).shapes) == 1
        code = (
            "import sys; from gis.files.vector_reader import *;"
            " print(pyogrio.read_info(sys.argv[1])['features'])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, file],
            env=sandbox_server.ENVIRONMENT,
            capture_output=True,
            text=True,
        )
        assert done.stdout == "1\n", done.stderr
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


# --- damaged files --------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def whole(
    grids: geopandas.GeoDataFrame, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    """A small good file of every kind, by ending."""
    folder = tmp_path_factory.mktemp("whole")
    for ending in ("gpkg", "fgb", "geojson", "shp"):
        grids.to_file(folder / f"a.{ending}")
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        for part in folder.glob("a.[sdpc][hbrp][pxfjg]"):
            archive.write(part, part.name)
    book = openpyxl.Workbook()
    rows = [
        ["code", "name", "category", "lon", "lat", "crs"],
        *[[f"F{i}", "店", "便利店", 105.9, 26.2, "wgs84"] for i in range(30)],
    ]
    for row in rows:
        book.active.append(row)
    book.save(folder / "packed.xlsx")
    with (
        zipfile.ZipFile(folder / "packed.xlsx") as packed,
        zipfile.ZipFile(folder / "a.xlsx", "w") as plain,
    ):
        for name in packed.namelist():  # not compressed, so that a changed byte changes the XML
            plain.writestr(name, packed.read(name))
    (folder / "a.csv").write_text(
        "\n".join(",".join(map(str, row)) for row in rows), encoding="utf-8"
    )
    nodes = "".join(f'<node id="{i}" version="1" lat="26.{i}" lon="105.{i}"/>' for i in range(1, 9))
    ways = '<way id="1" version="1"><nd ref="1"/><nd ref="2"/><tag k="highway" v="footway"/></way>'
    (folder / "a.osm").write_text(f'<?xml version="1.0"?><osm version="0.6">{nodes}{ways}</osm>')
    data = {
        ending: (folder / f"a{ending}").read_bytes()
        for ending in (".gpkg", ".fgb", ".geojson", ".zip", ".xlsx", ".csv", ".osm")
    }
    for kind in ("JPEG", "PNG", "WEBP"):
        photo = BytesIO()
        Image.linear_gradient("L").convert("RGB").save(photo, kind)
        data[f".{kind.lower()}"] = photo.getvalue()
    return data


def read_any(path: Path) -> int:
    if path.suffix in vector.VECTOR_FORMATS:
        return len(vector.read_vector(path).shapes)
    if path.suffix in tables.TEXTS + tables.WORKBOOKS:
        return sum(
            1
            for _ in tables.read_table(
                path, FACILITY_COLUMNS, LoadReport("facilities", path.name)
            ).rows
        )
    if path.suffix == ".osm":
        return sum(1 for _ in objects(path, ("building",), lambda left_out: None))
    return photos.sanitise_photo(path.read_bytes()).width


def damaged(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.choice((1, 3, 10, 60))):
        changed[dice.randrange(dice.choice((len(data), min(len(data), 500))))] = dice.choice(
            (0, 255, dice.randrange(256))
        )
    return bytes(changed[: dice.choice((len(data), len(data), dice.randrange(len(data))))])


@pytest.mark.parametrize(
    "ending",
    [".gpkg", ".fgb", ".geojson", ".zip", ".xlsx", ".csv", ".osm", ".jpeg", ".png", ".webp"],
)
def test_a_damaged_file_is_read_or_refused(
    whole: dict[str, bytes], tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"a{ending}"
    path.write_bytes(whole[ending])
    assert read_any(path) > 0
    for seed in range(2):
        path.write_bytes(damaged(whole[ending], random.Random(f"{ending}{seed}")))
        try:
            read_any(path)
        except WanggeError as error:
            assert len(error.detail) > 10


def wide_sheet(path: Path, cells: int, row: str = "<row>{}</row>") -> Path:
    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels"'
        ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>',  # noqa: E501
        "_rels/.rels": "<Relationships"
        ' xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship'
        ' Id="r1" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>',  # noqa: E501
        "xl/workbook.xml": '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r='  # noqa: E501
        '"http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet'
        ' name="a" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": "<Relationships"
        ' xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship'
        ' Id="r1" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"'
        ' Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        + row.format("<c><v>7</v></c>" * cells)
        + "</sheetData></worksheet>",
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return path


def test_a_row_of_cells_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"has a row of more than 16,384 cells"):
        read_any(wide_sheet(tmp_path / "wide.xlsx", 1_000_000))
    (tmp_path / "wide.csv").write_text("," * 100_000)
    with pytest.raises(InvalidInput, match=r"has a row of 100,001 cells"):
        read_any(tmp_path / "wide.csv")
    rows = (
        "<row>{}</row>" + "<row><c><v>1</v></c></row>" * 100_000
    )  # as a full table more memory than there is
    with pytest.raises(InvalidInput, match=r"wide\.xlsx .*(too much memory|has a row of)"):
        read_any(wide_sheet(tmp_path / "wide.xlsx", 300_000, rows))


# --- served ---------------------------------------------------------------------------------------


def test_the_service_answers_while_it_refuses_hostile_files(
    served: Deployment, package: Path, tmp_path: Path
) -> None:
    answer = served.run_inside(
        "key", "add", "sandbox", "--action", "boundary.draft", "--area", "520402"
    )
    assert answer.returncode == 0, answer.stderr
    planner = replace(served, key=re.search(r"wg_\S+", answer.stdout)[0])  # type: ignore[index]
    slow = tmp_path / "slow.geojson"  # honest in form, and more than a reader may hold in memory
    slow.write_text('{"type": "FeatureCollection", "features": [' + "[" * 5_000_000)
    files = [alter(package, f"CREATE VIEW endless AS {ENDLESS}"), slow]
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(_send, planner, file) for file in files * 2]
        waits = []
        while not all(answer.done() for answer in answers):
            begin = time.monotonic()
            assert served.ask("/healthz").status == 200
            waits.append(time.monotonic() - begin)
    replies = [
        answer.result() for answer in answers
    ]  # 503: the readers were busy for too long, send it again
    assert {reply.status for reply in replies} <= {422, 503} and replies[0].status == 422, replies
    assert "only tables are read" in answers[0].result().json()["detail"]
    assert max(waits) < 5 * slowdown()
    begin = time.monotonic()
    refused = served.run("load", "areas", files[0], "--level", "grid")
    assert time.monotonic() - begin < 20 * slowdown()
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "holds the view 'endless'" in refused.stderr and "Traceback" not in refused.stderr


def _send(deployment: Deployment, file: Path) -> Reply:
    head = f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{file.name}"\r\n\r\n'
    body = head.encode() + file.read_bytes() + b"\r\n--edge--\r\n"
    kind = {"Content_Type": "multipart/form-data; boundary=edge"}
    return deployment.ask("/api/v1/revisions/from-file?title=x", body, **kind)


@pytest.mark.shared
def test_the_shared_cases_are_answered_in_seconds(shared: Path) -> None:
    """Of `cases/security`: every file is read, or refused in words."""
    cases = shared.parent / "cases" / "security"
    for path in sorted(cases.iterdir()):
        begin = time.monotonic()
        try:
            read_any(path)
        except WanggeError as error:
            assert path.name in error.detail
        else:
            assert path.suffix in (".fgb", ".csv"), path
        assert time.monotonic() - begin < 20 * slowdown(), path
