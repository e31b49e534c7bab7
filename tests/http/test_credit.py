"""The pages and the API of points, stars and their formulas."""

import io
import re
from collections.abc import Callable
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy.orm import Session

from gis.credit.rules import COUNTABLE, field_name
from gis.db import audit_context
from tests.support.incident_town import NOW, IncidentTown, taker
from tests.support.sign_in import send, signed_in_holder

Ask = Callable[[str], FlaskClient]
NAME = "=孙师傅"  # a formula in a spreadsheet, were it not text
FORM = {"kind": "points", "county": "520402", "year": "2026", "base": "0"}
FORM |= {"taken": "２", "closed": "3"}


@pytest.fixture
def scene(session: Session) -> IncidentTown:
    """A volunteer with an order that is closed, and somebody in the command centre."""
    scene = IncidentTown(session)
    scene.town.post("command_centre", scene.town.county, "指挥员")
    taker(scene, NAME, ["repairs"])
    with audit_context(session, "test"):
        incident_id = scene.report(category="S0105").id
        for name in ("take", "handle", "check", "close"):
            actor = NAME if name in ("take", "handle") else "赵社工"
            scene.do(incident_id, name, actor, NOW, note="修好了")
    session.commit()
    return scene


@pytest.fixture
def ask(client: FlaskClient, session: Session, scene: IncidentTown) -> Ask:
    """Sign in as somebody of the town."""

    return lambda name: signed_in_holder(client, session, scene.town.person(name).code)


def test_a_formula_is_tried_out_published_and_every_point_leads_to_its_event(
    ask: Ask, scene: IncidentTown
) -> None:
    centre = ask("指挥员")
    assert "还没有发布公式" in centre.get("/credit?year=2026").text
    form = centre.get("/formula?kind=points&year=2026").text
    assert all(f'name="{field_name(*each)}"' in form for each in COUNTABLE["points"])
    tried = send(centre, "/formula", **(FORM | {"do": "preview"}))
    assert tried.status_code == 200 and NAME in tried.text
    assert "还没有发布公式" in centre.get("/credit?year=2026").text  # nothing was kept
    amounts = ("abc", "1e9", "0.014", "nan", "1_0")
    for wrong in (
        *({"taken": amount} for amount in amounts),
        {"taken": "", "closed": ""},
        {"base": "7"},
        {"base": "nan"},
    ):
        refused = send(centre, "/formula", **(FORM | {"do": "publish"} | wrong))
        assert refused.status_code == 422, wrong
    assert send(centre, "/formula", **(FORM | {"do": "publish"})).status_code == 303
    assert "其间已有人发布" in send(centre, "/formula", **(FORM | {"do": "publish"})).text
    assert "还没有结束" in send(centre, "/formula", **(FORM | {"do": "close"})).text
    other = send(centre, "/formula", **(FORM | {"county": "520499", "do": "publish"}))
    assert other.status_code == 422
    page = centre.get("/credit?year=2026").text
    code = scene.town.person(NAME).code
    assert f"person={quote(code)}" in page and "<td>5" in page
    listed = centre.get(f"/credit?year=2026&person={quote(code)}").text
    assert len(re.findall(r"/desk\?incident=[0-9a-f-]{36}", listed)) == 2
    for year in ("1", "20x6", "9999"):
        assert centre.get(f"/credit?year={year}").status_code == 422
    assert centre.get("/credit?area=nowhere&year=2026").status_code == 422
    sheet = load_workbook(io.BytesIO(centre.get("/credit?year=2026&format=xlsx").data)).active
    assert sheet is not None
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)]
    assert [row[3:5] for row in rows] == [[1, 5]] and rows[0][0] != NAME
    body = centre.get("/api/v1/credit?year=2026").get_json()
    assert [(item["name"], item["points"]) for item in body["items"]] == [(NAME, 5)]
    assert [rule["en"] for rule in body["formulas"][0]["rules"]] == ["order taken: 2", "closed: 3"]
    events = centre.get(f"/api/v1/credit/events?year=2026&person={quote(code)}").get_json()["items"]
    assert [(item["fact"], item["points"]) for item in events] == [("taken", 2), ("closed", 3)]
    assert centre.get("/api/v1/credit/events?year=2026").status_code == 422
    volunteer = ask(NAME)
    own = volunteer.get(f"/credit?year=2026&person={quote(code)}").text
    assert "<td>5" in own and len(re.findall(r"/work\?incident=", own)) == 2
    assert volunteer.get("/stars").status_code == 403
    assert volunteer.get("/credit?year=2026&format=xlsx").status_code == 403
    worker = ask("邻网格员")  # of another grid: sees no points of this one
    assert NAME not in worker.get("/credit?year=2026").text


def test_stars_of_communities_on_the_page_and_by_api(ask: Ask, scene: IncidentTown) -> None:
    centre = ask("指挥员")
    assert "还没有发布星级公式" in centre.get("/stars?year=2026").text
    form = {"kind": "stars", "county": "520402", "year": "2026", "base": "0", "in_time": "100"}
    form |= {"stars_2": "60", "stars_3": "70", "stars_4": "80", "stars_5": "90", "minimum": "1"}
    published = send(centre, "/formula", **(form | {"do": "publish"}))
    assert published.status_code == 303
    page = centre.get("/stars?year=2026").text
    assert "★★★★★" in page and "/figures/rows?" in page
    less = send(centre, "/formula", **(form | {"do": "preview", "minimum": "5", "base": "1"})).text
    assert "西兴社区" in less
    (item,) = centre.get("/api/v1/stars?year=2026").get_json()["items"]
    assert (item["rating"]["stars"], item["shares"]["in_time"]) == (
        5,
        {"n": 1, "of": 1, "value": 1.0},
    )
    table = load_workbook(io.BytesIO(centre.get("/stars?year=2026&format=xlsx").data)).active
    assert table is not None and table.max_row == 2
    assert send(centre, "/formula", **(form | {"kind": "moon"})).status_code == 422
