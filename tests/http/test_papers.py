"""The pages and files of papers."""

import io
import re
import shutil
import subprocess
from collections.abc import Callable
from html import unescape
from pathlib import Path

import docx
import pytest
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.papers.files import PAPER_WRITERS
from gis.papers.page import paper_html
from tests.support.forms import word_form
from tests.support.paper_town import HOSTILE, WEEK, PaperTown
from tests.support.sign_in import send, signed_in_holder

Ask = Callable[[str], FlaskClient]
FIGURE = re.compile(r'<dd><a href="([^"]+)">(\d+)</a>')
ROWS = re.compile(r"<tr><t[dh]")


@pytest.fixture
def town(session: Session) -> PaperTown:
    town = PaperTown(session)
    session.commit()
    return town


@pytest.fixture
def ask(client: FlaskClient, session: Session, town: PaperTown) -> Ask:
    """Sign in as who holds a post."""

    return lambda name: signed_in_holder(client, session, town.town.person(name).code)


def test_each_figure_leads_to_as_many_rows(ask: Ask, town: PaperTown) -> None:
    street, code = ask("街道"), town.town.community.code
    assert "请选择材料" in street.get("/papers").text
    for key in ("ledger", "weekly", "follow_ups", "buildings", "roster"):
        page = street.get(f"/papers?paper={key}&area={code}&period={WEEK}")
        assert page.status_code == 200, key
        links = [(unescape(url), int(count)) for url, count in FIGURE.findall(page.text)]
        assert links, key
        for url, count in links:
            listed = street.get(url)
            assert listed.status_code == 200, url
            rows = len(ROWS.findall(listed.text)) - 1  # without the header
            if key != "buildings" or "figure=people" not in url:  # a sum over its rows
                assert rows == count, url
        figures = street.get(f"/api/v1/papers/{key}?area={code}&period={WEEK}").get_json()
        values = {figure["value"] for figure in figures["figures"]}
        assert {count for _, count in links} <= values
    ledger = street.get(f"/papers?paper=ledger&area={code}&period={WEEK}&lang=en").text
    assert HOSTILE in unescape(ledger) and "<b>&amp;" not in ledger


def test_what_is_wrong_is_said_on_the_page(ask: Ask, town: PaperTown) -> None:
    code = town.town.community.code
    street = ask("街道")
    assert street.get(f"/papers?paper=weekly&area={code}&period=2026-W99").status_code == 422
    assert "还没有发布公式" in street.get(f"/papers?paper=stars&area={code}").text
    assert street.get("/papers?paper=moon").status_code == 422
    assert street.get(f"/papers?paper=daily&area={code}&period=2020-01-01").status_code == 200
    leader = ask("网格长")
    assert leader.get(f"/papers?paper=weekly&area={code}&period={WEEK}").status_code == 403
    own = f"area={town.grids[0].code}&period={WEEK}"
    assert leader.get(f"/papers/file.xlsx?paper=weekly&{own}").status_code == 200
    page = leader.get(f"/papers?paper=ledger&{own}").text
    assert "路面有坑" in page and "/papers/file.xlsx" not in page  # may read, not take away
    assert leader.get(f"/papers/file.xlsx?paper=ledger&{own}").status_code == 403


def test_a_worker_has_the_own_diary(ask: Ask, town: PaperTown) -> None:
    worker = ask("网格员1")
    assert worker.get("/diary").headers["Location"] == "/papers?paper=diary"
    page = worker.get(f"/papers?paper=weekly&period={WEEK}")
    assert "网格员1民情日记" in page.text and "=清走了" in page.text
    sheet = load_workbook(
        io.BytesIO(worker.get(f"/papers/file.xlsx?paper=diary&period={WEEK}").data)
    )
    assert [row[6].value for row in sheet.worksheets[0].iter_rows()][-1] == "'=清走了"
    other = town.town.person("网格员2").code
    assert worker.get(f"/papers?paper=diary&period={WEEK}&person={other}").status_code == 404


def test_files_are_handed_out_and_written_down(ask: Ask, town: PaperTown) -> None:
    street, code = ask("街道"), town.town.community.code
    for kind in ("xlsx", "docx", "pdf"):
        answer = street.get(f"/papers/file.{kind}?paper=weekly&area={code}&period={WEEK}")
        if kind == "pdf" and answer.status_code == 503:
            continue  # this machine cannot lay out pages
        assert answer.status_code == 200
        assert answer.data.startswith(b"%PDF-" if kind == "pdf" else b"PK")
    shown = town.session.scalars(text("SELECT subject FROM personal.disclosure")).all()
    assert f"paper weekly-{code}-{WEEK}.docx" in shown
    html = paper_html(town.fill("ledger"), "https://w.example")
    assert HOSTILE in unescape(html) and "<b>" not in html
    assert 'href="https://w.example/papers/rows?paper=ledger' in html


def test_a_form_is_sent_mapped_filled_and_deleted(ask: Ask, town: PaperTown) -> None:
    street, code = ask("街道"), town.town.community.code
    form = word_form(["{{ 新增 }} {{ 审签 }}"], ["网格"], ["{{ row.网格 }}"])

    def sent(content: bytes, name: str) -> object:
        values = {"paper": "weekly", "area": code, "name": "西兴周报"}
        return send(street, "/papers/forms", **values, file=(io.BytesIO(content), name))  # type: ignore[arg-type]

    refused = sent(form, "a.docm")
    assert refused.status_code == 422 and "带宏" in refused.text  # type: ignore[attr-defined]
    address = sent(form, "周报.docx").headers["Location"]  # type: ignore[attr-defined]
    assert "审签" in street.get(address).text
    asked = f"paper=weekly&area={code}&period={WEEK}"
    assert street.get(f"{address}/file?{asked}").status_code == 409
    kept = {"field.新增": "reported", "field.审签": "-", "field.row.网格": "name"}
    assert send(street, address, do="map", **kept).status_code == 303
    for url in (
        f"{address}/file?{asked}",
        f"/api/v1/papers/weekly/file?area={code}&period={WEEK}&template=西兴周报",
    ):
        document = docx.Document(io.BytesIO(street.get(url).data))
        assert document.paragraphs[0].text == "3 "
        assert [row.cells[0].text for row in document.tables[0].rows] == [
            "网格",
            "第001网格",
            "第002网格",
        ]
    assert send(street, address, do="map", **{"field.新增": "nothing"}).status_code == 422
    assert send(ask("网格长"), address, do="delete").status_code == 422
    community = ask("赵社工")
    assert send(community, address, do="delete").status_code == 303
    assert community.get(address).status_code == 404


def test_office_programs_open_every_file(town: PaperTown, tmp_path: Path) -> None:
    office = shutil.which("soffice") or shutil.which("libreoffice")
    if office is None:
        pytest.skip("LibreOffice is not on this machine")
    for key, asked in town.each_paper():
        data = town.fill(key, **asked)
        for ending in (".xlsx", ".docx"):
            file = tmp_path / f"{key}-{ending[1:]}{ending}"
            file.write_bytes(PAPER_WRITERS[ending](data, "https://w.example"))
    files = sorted(tmp_path.glob("*.*x"))
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    subprocess.run(
        [office, profile, "--headless", "--convert-to", "pdf", "--outdir", tmp_path, *files],
        check=True,
        timeout=120,
    )
    assert {file.stem for file in tmp_path.glob("*.pdf")} == {file.stem for file in files}
