"""The register of buildings over HTTP: who may read and change what, and what a change refuses."""

from io import BytesIO
from typing import Any

import openpyxl
import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.support import load_town
from tests.support.load_town import COMMUNITY, EAST, WEST
from tests.support.sign_in import account, ask, signed_in

town = load_town.town  # the fixture
API = "/api/v1/buildings"
FREE = {"lon": 105.9504, "lat": 26.2307, "crs": "cgcs2000"}  # in WEST, on no building
NEW = {"estate": "虹山花园", "name": "1号楼", "floors": 7, "stairwells": 2, "homes": 28, **FREE}


@pytest.fixture
def street(town: Session, client: FlaskClient) -> FlaskClient:
    """A street office: it keeps the register, and hands over posts."""
    return signed_in(client, account(town, "hu", "street", "520402007"))


def error(answer: Any) -> str:
    problem = answer.get_json()
    return str((problem.get("errors") or [problem])[0].get("code", problem["code"]))


def test_one_is_added_changed_and_closed(town: Session, street: FlaskClient) -> None:
    added = ask(street, "POST", API, NEW | {"head": "示例甲", "head_phone": "13900001001"})
    assert added.status_code == 201, added.get_json()
    one = added.get_json()
    assert (one["code"], one["outline"], one["stairwells"]) == ("b1", "assumed", 2)
    assert (one["head"], one["grid"]) == ("示例甲", WEST)
    again = ask(street, "POST", API, NEW)
    assert (again.status_code, error(again)) == (409, "building.exists")
    ring = [[105.9503, 26.2306], [105.9505, 26.2306], [105.9505, 26.2308], [105.9503, 26.2306]]
    drawn = {"geometry": {"type": "Polygon", "coordinates": [ring]}, "homes": None, "head": "空缺"}
    town.execute(text("UPDATE post SET valid_time = tstzrange(now() - interval '1 day', NULL)"))
    answer = ask(street, "PATCH", f"{API}/b1", drawn, **{"If-Match": '"1"'})
    assert answer.status_code == 200, answer.get_json()
    detail = answer.get_json()
    assert (detail["outline"], detail["homes"], detail["head"]) == ("drawn", None, None)
    assert (answer.headers["ETag"], detail["floors"]) == ('"2"', 7)
    fields = [each["field"] for each in detail["changes"][0]["fields"]]
    assert fields == ["homes", "outline", "geom"]
    late = ask(street, "PATCH", f"{API}/b1", {"floors": 8}, **{"If-Match": '"1"'})
    assert (late.status_code, error(late)) == (409, "building.version_changed")
    assert ask(street, "DELETE", f"{API}/b1").status_code == 204
    assert town.scalar(text("SELECT name FROM closed_building")) == "虹山花园1号楼"
    assert ask(street, "GET", f"{API}/b1").status_code == 404


def test_one_that_waits_is_placed(town: Session, street: FlaskClient) -> None:
    waits = text(
        "INSERT INTO unplaced_building (estate, name, floors, area_id)"
        " SELECT '虹山花园', '2号楼', :floors, id FROM area WHERE code = :area"
    )
    town.execute(waits, {"floors": 6, "area": COMMUNITY})
    town.execute(waits, {"floors": 9, "area": EAST})  # of the name, elsewhere
    keeper = signed_in(street.application.test_client(), account(town, "li", "planner", EAST))
    [other] = keeper.get(f"{API}/unplaced").get_json()["items"]
    assert other["floors"] == 9
    waiting, _ = street.get(f"{API}/unplaced").get_json()["items"]
    names = {name: waiting[name] for name in ("estate", "name")}
    placed = ask(street, "POST", API, names | FREE)
    assert (placed.status_code, placed.get_json()["floors"]) == (201, 6)
    assert street.get(f"{API}/unplaced").get_json()["items"] == [other]
    at = street.get(f"{API}/at", query_string=FREE).get_json()
    assert at["code"] == placed.get_json()["code"]


def test_what_holds_homes_stays(town: Session, street: FlaskClient) -> None:
    home = "INSERT INTO household (county, building_id, room, people) SELECT '520402', id, '1', 2"
    town.execute(text(f"{home} FROM building WHERE code = 'w1'"))
    answer = ask(street, "DELETE", f"{API}/w1")
    assert (answer.status_code, error(answer)) == (409, "building.has_homes")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (NEW | {"lat": None}, "cell.half_point"),
        ({"estate": "虹山花园", "name": "1号楼"}, "building.needs_place"),
        (NEW | {"name": "1-3号楼"}, "cell.several_buildings"),
        (NEW | {"estate": ""}, "building_row.nameless"),
        (NEW | {"floors": 999}, "building_row.out_of_range"),
        (NEW | {"lon": 105.9503, "lat": 26.2303}, "building_row.stands_on_other"),
        (NEW | {"geometry": {"type": "Point", "coordinates": [1, 2]}}, "building_row.no_polygon"),
        (
            NEW | {"geometry": {"type": "Polygon", "coordinates": [[[1]]]}},
            "building_row.no_polygon",
        ),
        (
            NEW | {"geometry": {"type": "Polygon", "coordinates": [[[1, 2], [3, 4], [5, 4]]]}},
            "geometry.ring_not_closed",
        ),
        (NEW | {"source": "osm"}, None),
    ],
)
def test_what_is_wrong_is_refused(
    town: Session, street: FlaskClient, body: dict[str, Any], code: str | None
) -> None:
    answer = ask(street, "POST", API, body)
    assert answer.status_code in (400, 422), answer.get_json()
    assert code is None or error(answer) == code, answer.get_json()
    assert town.scalar(text("SELECT count(*) FROM building")) == 3


def test_only_where_one_keeps_the_register(town: Session, client: FlaskClient) -> None:
    other = (
        "INSERT INTO area (code, level, name, county) VALUES ('520403', 'county', '乙区', '520403')"
    )
    town.execute(text(other))
    elsewhere = signed_in(client, account(town, "qi", "planner", "520403"))
    assert elsewhere.get(API).get_json()["items"] == []
    assert elsewhere.get(f"{API}/w1").status_code == 403
    for method, path, body in (
        ("PATCH", f"{API}/w1", {"floors": 3}),
        ("DELETE", f"{API}/w1", None),
        ("POST", API, NEW),
    ):
        assert ask(elsewhere, method, path, body).status_code == 403
    grid = signed_in(client, account(town, "lin", "planner", WEST))
    assert [one["code"] for one in grid.get(API).get_json()["items"]] == ["w1", "w2"]
    # a planner of the one grid moves nothing into the other, and names nobody head
    east = {"lon": 105.9515, "lat": 26.2307, "crs": "cgcs2000"}
    assert ask(grid, "PATCH", f"{API}/w1", east).status_code == 403
    assert ask(grid, "PATCH", f"{API}/w1", {"head": "示例甲"}).status_code == 403
    worker = signed_in(client, account(town, "wu", "grid_worker", WEST))
    assert worker.get("/buildings").status_code == worker.get(API).status_code == 403


def test_the_list_is_searched_paged_and_taken_along(town: Session, street: FlaskClient) -> None:
    for number in (10, 2):
        ask(street, "POST", API, NEW | {"name": f"{number}号楼", "lat": 26.2305 + number * 4e-5})
    first = street.get(f"{API}?q=虹山&limit=1").get_json()
    assert [one["name"] for one in first["items"]] == ["2号楼"]
    second = street.get(f"{API}?q=虹山&limit=1&cursor={first['next']}").get_json()
    assert ([one["name"] for one in second["items"]], second["next"]) == (["10号楼"], None)
    page = street.get(f"/buildings?area={COMMUNITY}&lacks=outline").get_data(as_text=True)
    assert "虹山花园2号楼" in page and "桂花苑" not in page.split("bld-rows")[1]
    town.execute(text("UPDATE building SET name = '=1+1号楼' WHERE code = 'w1'"))
    sheet = openpyxl.load_workbook(BytesIO(street.get("/buildings.xlsx?q=桂花苑").data)).active
    assert sheet is not None
    names = [row[2] for row in sheet.iter_rows(min_row=2, values_only=True)]
    assert sorted(map(str, names)) == ["'=1+1号楼", "4号楼"]
