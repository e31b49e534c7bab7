"""The desk: its order and filters, what it keeps, whom it suggests, and what leaves it."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.incidents.desk import list_table
from gis.incidents.reading import candidates, filters, holders, incidents
from tests.support.incident_town import NOW, IncidentTown, to_state
from tests.support.sign_in import account, sign_in, signed_in, token, with_password

COMMUNITY = "520402007012"
TEMPLATE = {"area": COMMUNITY, "category": "0601", "title": "已清运", "text": "今天清完。"}


@pytest.fixture
def incident_town(session: Session) -> IncidentTown:
    """The usual place."""
    return IncidentTown(session)


@pytest.fixture
def desk(incident_town: IncidentTown, client: FlaskClient) -> FlaskClient:
    """The browser of a dispatcher of the community, which sends its token with every write."""
    worker = incident_town.town.person("王网格").code
    account(incident_town.session, "wang", person=worker)  # who has none is stepped over
    signed_in(client, account(incident_town.session, "zhao", "dispatcher", COMMUNITY))
    client.environ_base["HTTP_X_CSRFTOKEN"] = token(client)
    return client


def ids(town: IncidentTown, at: datetime = NOW, **wish: Any) -> list[Any]:
    chosen = filters.IncidentFilters(**wish)
    rows = incidents.list_incidents(town.session, town.who("赵社工"), chosen, 50, None, now=at)
    return [row.id for row in rows]


def test_danger_goes_first_then_severity_then_what_is_due(incident_town: IncidentTown) -> None:
    order = [("low", 0), ("normal", 1), ("normal", 0), ("high", 5), ("urgent", 9)]
    filed = {
        (severity, minute): incident_town.report(
            severity=severity, at=NOW + timedelta(minutes=minute)
        ).id
        for severity, minute in order
    }
    later = NOW + timedelta(days=1)
    listed = ids(incident_town, later, sort="urgent")
    keys = [("urgent", 9), ("high", 5), ("normal", 0), ("normal", 1), ("low", 0)]
    assert listed == [filed[key] for key in keys]


def test_filters_of_holder_and_reopening(incident_town: IncidentTown) -> None:
    town, session = incident_town.town, incident_town.session
    one, other = incident_town.report().id, incident_town.report().id
    worker = town.person("王网格").code
    to_state(incident_town, one, "take", "handle")
    incident_town.do(one, "reopen", note="没清完")
    assert set(ids(incident_town, assignee=worker)) == {one, other}
    assert ids(incident_town, assignee="nobody") == []
    assert ids(incident_town, reopened=True) == [one]
    assert ids(incident_town, reopened=False) == [other]
    counted = holders.list_holders(session, incident_town.who("赵社工"), now=NOW)
    assert [(row.code, row.open, row.overdue) for row in counted] == [(worker, 2, 0)]


def test_the_suggested_person_is_never_who_is_late(incident_town: IncidentTown) -> None:
    one, later = incident_town.report().id, NOW + timedelta(days=9)
    desk = incident_town.who("赵社工")
    seen = incidents.get_incident(incident_town.session, desk, one, now=later)
    assert (seen.assigned_to, seen.colour) == ("王网格", "red")
    people = candidates.list_assignees(incident_town.session, desk, seen, later)
    assert [person.name for person in people if person.late] == ["王网格"]
    assert [person.name for person in people if person.suggested] == ["李网格长"]


def test_saved_filters_are_ones_own_and_counted(
    incident_town: IncidentTown, desk: FlaskClient
) -> None:
    incident_town.report(severity="high")
    incident_town.report()
    body = {"name": " 较重 ", "filters": {"severity": "high", "state": "open"}}
    saved = desk.post("/api/v1/me/filters", json=body)
    assert saved.status_code == 201, saved.json
    expected = {"name": "较重", "filters": {"severity": "high", "state": "open"}, "count": 1}
    assert expected.items() <= saved.json.items()
    again = desk.post("/api/v1/me/filters", json=body | {"filters": {}})
    assert (again.json["id"], again.json["count"]) == (saved.json["id"], 2)
    wrong = desk.post("/api/v1/me/filters", json=body | {"filters": {"severity": "grave"}})
    assert wrong.status_code == 422
    unknown = desk.post("/api/v1/me/filters", json=body | {"filters": {"severty": "high"}})
    assert (unknown.status_code, unknown.json["errors"][0]["field"]) == (422, "filters.severty")
    assert desk.post("/api/v1/me/filters", json=body | {"name": " "}).status_code == 422
    address = f"/api/v1/me/filters/{saved.json['id']}"
    other = account(incident_town.session, "qian", "dispatcher", COMMUNITY)
    mine = desk.get("/api/v1/me/filters").json["items"]
    signed_in(desk, other)
    assert desk.get("/api/v1/me/filters").json["items"] == []
    assert len(mine) == 1
    assert desk.delete(address, headers={"X-CSRFToken": token(desk)}).status_code == 404


def test_templates_fit_the_category_and_the_place(
    incident_town: IncidentTown, desk: FlaskClient
) -> None:
    rubbish = incident_town.report().id
    created = desk.post("/api/v1/answer-templates", json=TEMPLATE)
    assert created.status_code == 201, created.json
    noise = TEMPLATE | {"category": "06028", "title": "已劝导"}
    assert desk.post("/api/v1/answer-templates", json=noise).status_code == 201
    fitting = desk.get(f"/api/v1/answer-templates?incident={rubbish}").json["items"]
    assert [item["title"] for item in fitting] == ["已清运"]
    assert len(desk.get("/api/v1/answer-templates").json["items"]) == 2
    distant = desk.post("/api/v1/answer-templates", json=TEMPLATE | {"area": "520402"})
    assert distant.status_code == 403
    address = f"/api/v1/answer-templates/{created.json['id']}"
    changed = desk.put(address, json=TEMPLATE | {"text": "明天清完。"})
    assert changed.json["text"] == "明天清完。"
    assert desk.delete(address).status_code == 204
    assert desk.put(address, json=TEMPLATE).status_code == 404


def test_a_move_of_many_says_to_whom_before_it_acts(
    incident_town: IncidentTown, desk: FlaskClient
) -> None:
    one, closed = incident_town.report(at=datetime.now(UTC)), incident_town.report()
    to_state(incident_town, closed.id, "take", "handle", "check", "close")
    moves = [{"id": str(item), "move": "dispatch"} for item in (one.id, closed.id)]
    old = incident_town.seen(one.id).version
    answer = desk.post("/api/v1/incidents/moves/bulk?dry_run=true", json={"moves": moves})
    initial, second = answer.json["results"]
    assert (initial["ok"], initial["assigned_to"], initial["role_zh"]) == (True, "王网格", "网格员")
    assert not second["ok"] and second["problem"]["detail"]
    assert incident_town.seen(one.id).version == old
    late = incident_town.report()
    leader = incident_town.town.person("李网格长").code
    account(incident_town.session, "li", person=leader)
    moves = [{"id": str(late.id), "move": "dispatch"}]
    answer = desk.post("/api/v1/incidents/moves/bulk?dry_run=true", json={"moves": moves})
    assert answer.json["results"][0]["assigned_to"] == "李网格长"


def test_a_malformed_move_of_many_spoils_no_other(
    incident_town: IncidentTown, desk: FlaskClient
) -> None:
    one = incident_town.report(at=datetime.now(UTC))
    good = {"id": str(one.id), "move": "note", "note": "看过"}
    moves = [good | {"id": "bad"}, good | {"minutes": True}, good | {"x": 1}, {}, good]
    results = desk.post("/api/v1/incidents/moves/bulk", json={"moves": moves}).json["results"]
    assert [result["ok"] for result in results] == [False] * 4 + [True]
    assert [result["id"] for result in results[:4]] == ["bad", str(one.id), str(one.id), ""]
    fields = [result["problem"]["errors"][0]["field"] for result in results[:3]]
    assert fields == ["id", "minutes", "x"]


def test_the_list_leaves_as_a_table_in_its_order_and_is_recorded(
    incident_town: IncidentTown, desk: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident_town.report(description="一般的事")
    incident_town.report(severity="urgent", description="急的事")
    answer = desk.get("/desk/list.xlsx?state=open&sort=urgent&lang=zh")
    rows = list(load_workbook(io.BytesIO(answer.data)).active.values)
    assert rows[0][:5] == ("编号", "程度", "时限", "剩余分钟（工作时间）", "剩余分钟（昼夜计时）")
    assert [row[6] for row in rows[1:]] == ["急的事", "一般的事"]
    subject = "SELECT subject FROM personal.disclosure WHERE kind = 'export'"
    recorded = incident_town.session.scalar(text(subject))
    assert recorded == "list of 2 incidents (.xlsx) state=open sort=urgent"
    assert desk.get("/desk/list.xlsx?severty=high").status_code == 422
    monkeypatch.setattr(list_table, "MAX_ROWS", 2)
    assert desk.get("/desk/list.xlsx?state=open").status_code == 200
    monkeypatch.setattr(list_table, "MAX_ROWS", 1)
    monkeypatch.delattr(list_table, "list_incidents")  # no row is read before it is refused
    assert desk.get("/desk/list.xlsx?state=open").status_code == 413


def test_a_work_order_says_who_holds_it_but_not_who_reported(
    incident_town: IncidentTown, desk: FlaskClient
) -> None:
    number = incident_town.report(name="李居民", phone="13700001234").id
    sheet = desk.get(f"/desk/{number}/order?lang=zh").text
    assert str(number) in sheet
    assert "王网格" in sheet
    assert "楼下有一堆垃圾" in sheet
    assert "13700001234" not in sheet
    assert "李居民" not in sheet


@pytest.mark.parametrize(
    ("role", "lands"),
    [
        ("grid_worker", "/work"),
        ("dispatcher", "/desk"),
        ("command_centre", "/desk"),
        ("planner", "/editor"),
        ("auditor", "/"),
    ],
)
def test_each_role_lands_on_its_own_page(
    incident_town: IncidentTown, client: FlaskClient, role: str, lands: str
) -> None:
    session = incident_town.session
    actor = with_password(session, "somebody")
    area = incident_town.town.community.id
    grant = (
        "INSERT INTO personal.access_grant (account_id, role, area_id) VALUES (:who, :role, :area)"
    )
    session.execute(text(grant), {"who": actor.id, "role": role, "area": area})
    session.commit()
    assert sign_in(client, "somebody").location == lands
    query = client.get("/sign-in", query_string={"next": "/notices"})
    assert query.location == "/notices"
    back = client.get("/sign-in", headers={"Referer": "http://localhost/?lon=105.9"})
    assert back.location == ("/?lon=105.9" if lands == "/" else lands)
