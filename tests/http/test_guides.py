"""The guides, followed word for word: each `sh` block in order, in a folder of its own."""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from PIL import Image
from rasterio.transform import from_origin
from sqlalchemy import text
from werkzeug.serving import make_server

from gis.ops import cluster
from gis.papers.templates import add_template
from gis.rights.principal import system_principal
from gis.settings import Settings
from tests.support.deployment import PreparedDeployments
from tests.support.forms import word_form
from tests.support.guide_shell import GuideShell, blocks_of
from tests.support.rasters import write_raster
from tests.support.reading import reading_inside  # noqa: F401
from tests.support.registers import write
from tests.support.served import Deployment, forget_editions
from tests.support.town_files import run, session_of, write_streets
from web.app import create_app

pytestmark = [pytest.mark.slow, pytest.mark.served, pytest.mark.usefixtures("reading_inside")]

COMMUNITY, STREET = "520402007012", "520402007"
IN_DAYS = {days: f"{datetime.now(UTC).date() + timedelta(days=days)}" for days in (2, 9)}
SOON = {  # days to come of the guides
    "2026-12-01T08:00": f"{IN_DAYS[2]}T08:00",
    "2026-12-01": IN_DAYS[2],
    "2026-12-08": IN_DAYS[9],
}
HOMES_SQL = """
SELECT b.estate, b.name, s.name, h.room, h.people
FROM household h JOIN building b ON b.id = h.building_id JOIN stairwell s ON s.id = h.stairwell_id
WHERE b.estate <> '' ORDER BY b.code, s.name, h.floor, h.room LIMIT 20
"""


@pytest.fixture
def empty(prepared: PreparedDeployments) -> Iterator[Deployment]:
    with prepared.migrated() as var:
        cluster.start(Settings(var=var), throw_away=True)
        yield Deployment(var)


@pytest.fixture(scope="module")
def town(prepared: PreparedDeployments) -> Iterator[Deployment]:
    """The made-up town, which has the codes of the guides."""
    with prepared.demo() as var:
        cluster.start(Settings(var=var), throw_away=True)
        yield Deployment(var)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "town"
    path.mkdir()
    return path


def test_administrators_come_from_nothing_to_a_community_that_works(
    empty: Deployment, folder: Path
) -> None:
    shell = GuideShell(empty, folder)
    for block in blocks_of("administrators"):
        shell.run(block)
    steps = [  # what is known of the next year depends on the day
        step for step in json.loads(run(empty, "setup", "--json")) if step["step"] != "calendar"
    ]
    assert {step["step"]: step["names"] for step in steps if step["state"] != "done"} == {
        "buildings": ["虹山花园3号楼"],  # waits for a click on the map
        "network": [],
        "backups": [],  # of the archive: files of backups may be anywhere
    }
    assert [step["step"] for step in steps if step["state"] == "empty"] == ["network", "backups"]


@pytest.mark.parametrize("guide", ["planners", "dispatchers"])
def test_who_works_with_a_town_follows_the_guide(
    town: Deployment, folder: Path, guide: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # laying out pages takes seconds; tests of sheets and papers do it
    monkeypatch.setattr("gis.files.pdf.html_to_pdf", lambda html: b"%PDF-1.7" + html[:0].encode())
    files = OwnFiles(town, folder)
    files.bring()
    shell = GuideShell(town, folder, {"18": draft(town), **SOON}, files.fill_in)
    for block in blocks_of(guide):
        shell.run(block)


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not on this machine")
def test_programs_ask_as_the_guide_says(
    town: Deployment, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_editions(monkeypatch)  # the server asks another database than other tests
    actions = [f"--action={action}" for action in ("boundary.draft", "boundary.publish")]
    key = run(town, "key", "add", "guide", *actions, "--area", "520402").split()[0]
    coming = int(draft(town)) + 1
    settings = Settings(var=town.var)
    server = make_server("127.0.0.1", 0, create_app(settings, cluster.database_urls(settings).app))
    thread = Thread(target=server.serve_forever)
    thread.start()
    (folder / ".curlrc").write_text(
        f"fail-with-body\nconnect-to = 127.0.0.1:8000:127.0.0.1:{server.port}\n"
    )
    shell = GuideShell(town, folder, variables={"KEY": key, "CURL_HOME": str(folder)})
    try:
        for block in blocks_of("programs"):
            shell.run(
                block.replace("/18/", f"/{coming}/").replace("$(uuidgen)", "guide-programs-1")
            )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    for answer in ('"unit"', '"state":"draft"', '"tracking_secret"', '"published"'):
        assert answer in shell.printed.replace('": ', '":'), answer


def draft(town: Deployment) -> str:
    """A draft of the community whose sheets are printed; its number."""
    number = run(town, "revision", "begin", "草案").strip()
    operation = town.var / "rename.json"
    operation.write_text(json.dumps({"op": "rename", "code": f"{COMMUNITY}001", "name": "一网格"}))
    run(town, "revision", "do", number, operation)
    return number


@dataclass(frozen=True)
class OwnFiles:
    """The files that people bring, and what they fill into those that a command has written."""

    town: Deployment
    folder: Path

    def bring(self) -> None:
        """Write what the guides speak of as there."""
        with session_of(self.town) as session:
            write_streets(session, self.folder / "city.osm.pbf")
            homes: list[Any] = [tuple(row) for row in session.execute(text(HOMES_SQL))]
            form = ("表.docx", word_form(["{{标题}}"], ["编号"], ["{{ row.编号 }}"]))
            by = system_principal("test")
            if not session.scalar(text("SELECT count(*) FROM paper_template")):
                add_template(session, by, STREET, "ledger", "事件台账", form)
            session.commit()
        run(self.town, "dump", "grids", self.folder / "grids.gpkg")
        for name in ("户籍台账.xlsx", "户籍台账12月.xlsx"):
            write(self.folder / name, [("小区", "楼栋", "单元", "房号", "人数"), *homes])
        corner = from_origin(105.93, 26.245, 0.001, 0.001)
        plain = self.folder / "dtm.tif"
        write_raster(plain, lambda x, y: x * 0 + 1300, corner, (40, 40), epsg=4490)
        Image.new("RGB", (64, 48), "gray").save(self.folder / "南门.jpg")
        place = ("经度", "纬度", "坐标系")
        rooms = [("编码", "名称", *place), ("R1", "空房", 105.95, 26.23, "cgcs2000")]
        write(self.folder / "rooms.xlsx", rooms)
        for name, day in (("hotline.csv", "2026-11-20"), ("2025.xlsx", "2025-11-20")):
            header = ("编号", "上报时间", "类别", "描述", *place[:2])
            matter = (day, f"{day} 08:00", "06010", "垃圾没人清理", 105.9535, 26.2267)
            write(self.folder / name, [header, matter])

    def fill_in(self, words: Sequence[str]) -> None:
        """Fill in the template that a command wrote."""
        if words[0] != "template":
            return
        if words[1] in ("people", "takers"):
            run(self.town, "dump", words[1], self.folder / words[2])
        elif words[1] == "edits":
            with session_of(self.town) as session:
                spot = "SELECT ST_X(geom), ST_Y(geom) FROM walk_node ORDER BY id LIMIT 1"
                point = tuple(session.execute(text(spot)).one())
            header = ("编码", "类型", "经度", "纬度", "坐标系", "原因")
            write(self.folder / words[2], [header, ("E1", "封闭", *point, "cgcs2000", "施工")])
