"""Ten-household units over HTTP: rights, versions, sentences, and `locate` after a move."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.support import build
from tests.support.sign_in import account, ask, signed_in

API = "/api/v1/units"
COMMUNITY = "520402007012"
GRID = f"{COMMUNITY}001"
TOWER = {"lon": build.LON + 0.0003, "lat": build.LAT + 0.0003, "crs": "cgcs2000"}


@pytest.fixture
def town(session: Session) -> build.Town:
    """A tower of two units by floors, and the unit of a grid of another community."""
    town = build.Town(session)
    grid = town.grid("001")
    tower = town.building("1号楼", 0.0002, 0.0002, code="tower")
    town.low, town.high = (
        town.unit(grid, "001", [(tower, "1", 1, 2)]),
        town.unit(grid, "002", [(tower, "1", 3, 6)]),
    )
    for floor in range(1, 7):
        town.household(tower, f"{floor}01", "1", town.low if floor < 3 else town.high)
    town.post("unit_head", town.low, "张三")
    other = town.area("community", "520402007013", "东兴社区", town.street)
    town.boundary(
        town.area("grid", "520402007013001", "第1网格", other),
        build.square(build.LON + build.SIDE, build.LAT),
    )
    session.commit()
    return town


@pytest.fixture
def planner(session: Session, town: build.Town, client: FlaskClient) -> FlaskClient:
    """Who plans in the community."""
    return signed_in(client, account(session, "lin", "planner", COMMUNITY))


def unit_at(client: FlaskClient, address: str) -> str:
    """The unit that `locate` answers with for an address in the tower."""
    answer = client.get("/api/v1/locate", query_string=TOWER | {"address": address}).get_json()
    return answer["unit"]["code"]


def test_floors_move_and_locate_answers_with_the_new_unit(
    town: build.Town, planner: FlaskClient
) -> None:
    listed = planner.get(f"{API}?grid={GRID}")
    units = listed.get_json()["units"]
    assert [(u["households"], u["head"]) for u in units] == [(2, "张三"), (4, None)]
    where = f"{API}/homes?building=tower"
    assert planner.get(where).get_json()["items"][0]["room"] == "601"
    body = {
        "to": town.low.code,
        "homes": [{"building": "tower", "stairwell": "1", "floors": [3, 4]}],
        "reason": "两户相邻",
    }
    version = listed.headers["ETag"]
    assert unit_at(planner, "1单元401") == town.high.code
    moved = ask(planner, "POST", f"{API}/moves", body, **{"If-Match": version})
    assert moved.status_code == 200, moved.get_json()
    assert moved.get_json() | {"version": 0} == {
        "unit": town.low.code, "moved": 2, "already": 0, "sources": {town.high.code: 2},
        "emptied": [], "version": 0,
    }  # fmt: skip
    assert unit_at(planner, "1单元401") == town.low.code
    assert unit_at(planner, "1单元501") == town.high.code
    late = ask(planner, "POST", f"{API}/moves", body, **{"If-Match": version})
    assert late.status_code == 409
    assert late.get_json()["code"] == "unit.stale_version"
    assert "刚刚被他人改动" in late.get_json()["zh"]
    after = planner.get(f"{API}?grid={GRID}").get_json()["units"]
    assert [(part["floor_from"], part["floor_to"]) for unit in after for part in unit["parts"]] == [
        (1, 4),
        (5, 6),
    ]
    [feature] = planner.get(f"{API}/buildings?grid={GRID}").get_json()["features"]
    assert feature["properties"]["homes"] == {town.low.code: 4, town.high.code: 2}
    row = planner.get(f"{API}/changes?grid={GRID}").get_json()["items"][0]
    assert (row["author"], row["reason"], row["homes"]) == ("account lin", "两户相邻", 2)


def test_a_unit_is_created_renamed_and_retired(planner: FlaskClient) -> None:
    created = ask(planner, "POST", API, {"grid": GRID, "reason": "新楼"})
    assert created.status_code == 201, created.get_json()
    unit = created.get_json()
    assert (unit["code"], unit["name"]) == (f"{GRID}003", "第3十联户")
    path = f"{API}/{unit['code']}"
    named = ask(planner, "PATCH", path, {"name": "东楼", "reason": "商定"})
    assert named.get_json()["version"] > unit["version"]
    assert ask(planner, "POST", f"{path}/retire", {"reason": "并入"}).status_code == 200
    assert ask(planner, "POST", f"{path}/retire", {"reason": "并入"}).status_code == 404


def test_another_community_is_not_touched(
    session: Session, town: build.Town, client: FlaskClient
) -> None:
    other = signed_in(client, account(session, "ma", "planner", "520402007013"))
    assert other.get(f"{API}?grid={GRID}").status_code == 403
    assert other.get(f"{API}/homes?building=tower").status_code == 404
    body = {"to": town.low.code, "homes": [{"building": "tower"}], "reason": "试"}
    assert ask(other, "POST", f"{API}/moves", body).status_code == 403
    # a unit of their own gets no homes of a building that stands elsewhere
    own = ask(other, "POST", API, {"grid": "520402007013001", "reason": "试"}).get_json()
    refused = ask(other, "POST", f"{API}/moves", body | {"to": own["code"]})
    assert (refused.status_code, refused.get_json()["errors"][0]["field"]) == (422, "homes")
    wrong = ask(
        other, "POST", f"{API}/moves", body | {"homes": [{"building": "x", "floors": [6, 3]}]}
    )
    assert wrong.status_code == 422
