"""Registers by HTTP: who may load which where, and what another planner sees of it."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.accounts import api_keys
from gis.settings import SHANGHAI
from tests.support import registers
from tests.support.load_town import EAST, WEST
from tests.support.reading import reading_inside  # noqa: F401
from tests.support.sign_in import account, send, signed_in

pytestmark = pytest.mark.usefixtures("reading_inside")

town = registers.town
estate = registers.estate

HOMES = "小区,楼栋,房号,人口数,户主姓名\n虹山花园,1号楼,301,3,示例甲\n"
PEOPLE = "网格,姓名,职务,电话\n学苑第6网格,示例乙,网格员,13900001051\n"
Planner = Callable[[str], dict[str, str]]


@pytest.fixture
def planner(estate: Session) -> Planner:
    """Headers of a planner of a grid, by its code."""

    def add(grid: str) -> dict[str, str]:
        now = datetime.now(SHANGHAI)
        key = api_keys.add(estate, f"planner {grid}", ["boundary.draft"], [grid], now)
        return {"Authorization": f"Bearer {key}"}

    return add


def upload(client: FlaskClient, rows: str, headers: Any, query: str = "", **form: str) -> Any:
    data = {"file": (BytesIO(rows.encode()), "台账.csv"), **form}
    return client.post(f"/api/v1/registers?{query}", data=data, headers=headers)


def test_a_planner_previews_and_loads_homes_of_own_areas_only(
    client: FlaskClient, estate: Session, planner: Planner
) -> None:
    own, other = planner(WEST), planner(EAST)
    assert upload(client, HOMES, {}).status_code == 401
    preview = upload(client, HOMES, own, "lang=en").get_json()
    assert preview["kind"] == "residents" and preview["ready"] and not preview["committed"]
    assert preview["rows"] == {"sure": 1, "guess": 0, "refused": 0, "passed_over": 0}
    assert preview["not_kept"] == ["户主姓名"]
    assert "示例甲" not in json.dumps(preview, ensure_ascii=False)
    count = text("SELECT count(*) FROM household")
    assert estate.scalar(count) == 0
    columns = json.dumps([column for column in preview["columns"] if column["field"]])
    query = "kind=residents&commit=true&save_recipe=本月"
    committed = upload(client, HOMES, own, query, columns=columns).get_json()
    assert committed["committed"] and estate.scalar(count) == 1
    assert upload(client, HOMES, own, "recipe=本月&commit=true").get_json()["changes"] == {
        what: {"count": 0, "items": []} for what in ("came", "changed", "went")
    }

    refused = upload(client, HOMES, other, "lang=en").get_json()
    assert [row["text"] for row in refused["refused"]] == [
        "row 2 楼栋: this place is not in your areas"
    ]
    assert refused["changes"]["went"]["count"] == 0
    assert upload(client, HOMES, other, "commit=true").status_code == 422
    [recipe] = client.get("/api/v1/registers/recipes", headers=own).get_json()["items"]
    assert (recipe["name"], recipe["author"]) == ("本月", f"program planner {WEST}")
    assert client.get("/api/v1/registers/recipes", headers=other).get_json()["items"] == []
    assert upload(client, HOMES, other, "recipe=本月").status_code == 404
    path = f"/api/v1/registers/recipes/{recipe['id']}"
    assert client.delete(path, headers=other).status_code == 404
    assert client.delete(path, headers=own).status_code == 204


def test_lists_of_people_are_for_administrators_of_the_area(
    client: FlaskClient, estate: Session, planner: Planner
) -> None:
    assert upload(client, PEOPLE, planner(WEST)).status_code == 403
    admin = signed_in(client, account(estate, "admin", "administrator", WEST))
    sent = send(
        admin,
        "/api/v1/registers?commit=true",
        file=(BytesIO(PEOPLE.encode()), "花名册.csv"),
    )
    assert sent.status_code == 200 and sent.get_json()["committed"], sent.text
    holder = text("SELECT p.name FROM post o JOIN personal.person p ON p.id = o.holder_id")
    assert estate.scalars(holder).all() == ["示例乙"]
    elsewhere = signed_in(client, account(estate, "east", "administrator", EAST))
    answer = send(
        elsewhere,
        "/api/v1/registers",
        file=(BytesIO(PEOPLE.encode()), "花名册.csv"),
    ).get_json()
    assert answer["rows"]["refused"] == 1 and "示例乙" not in json.dumps(answer)


def test_what_is_no_mapping_or_register_is_refused(client: FlaskClient, planner: Planner) -> None:
    own = planner(WEST)
    for columns in ("{", "3", '[{"header": "a", "field": "x"}]', "[1]", "[]"):
        sent = upload(client, HOMES, own, "kind=residents", columns=columns)
        assert sent.status_code == 422, columns
    assert upload(client, HOMES, own, columns="[]").status_code == 422
    assert upload(client, "a,b\n1,2\n", own).status_code == 422
    assert upload(client, HOMES, own, "recipe=nothing").status_code == 404
    assert (
        client.delete("/api/v1/registers/recipes/99999999999999999999", headers=own).status_code
        == 404
    )


def test_the_page_is_for_planners_and_administrators(client: FlaskClient, estate: Session) -> None:
    for role, status, kinds in (
        ("planner", 200, 3),
        ("administrator", 200, 6),
        ("auditor", 403, 0),
    ):
        shown = signed_in(client, account(estate, role, role, WEST)).get("/registers")
        assert shown.status_code == status
        options = re.findall(
            r'<option value="(\w+)">(?:[^<]*台账|花名册|[^<]*清单|[^<]*名单)<', shown.text
        )
        assert len(options) == kinds


def test_heads_of_buildings_are_for_who_gives_posts(
    client: FlaskClient, estate: Session, planner: Planner
) -> None:
    rows = "小区,楼栋,层数,楼栋长\n虹山花园,1号楼,7,示例甲\n虹山花园,9号楼,6,\n"
    own = planner(WEST)
    refused = upload(client, rows, own, "lang=en&kind=buildings&place=later").get_json()
    assert [row["text"].split(",")[0] for row in refused["refused"]] == [
        "row 2 楼栋长: a head or sponsor gets a post"
    ]
    query = "kind=buildings&place=later&commit=true"
    unread = json.dumps([column for column in refused["columns"] if column["field"] != "head"])
    loaded = upload(client, rows, own, query, columns=unread).get_json()
    assert loaded["committed"] and loaded["changes"]["came"]["items"][0]["name"] == "虹山花园9号楼"
    assert not estate.scalar(text("SELECT count(*) FROM post"))
    admin = signed_in(client, account(estate, "admin", "administrator", WEST))
    file = (BytesIO(rows.encode()), "楼栋台账.csv")
    assert send(admin, f"/api/v1/registers?{query}", file=file).get_json()["committed"]
    assert estate.scalar(text("SELECT count(*) FROM post")) == 1
