"""What is refused says what is wrong with which field: values no table can hold, filters that name
nothing, versions.
"""

import json
import re
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from apiflask import APIFlask
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from gis import errors
from gis.errors import WanggeError
from gis.incidents.lifecycle import moves
from gis.incidents.lifecycle.payload import MovePayload
from gis.incidents.models import CHANNELS, SEVERITIES
from gis.incidents.reading import timeline
from gis.incidents.reading.incidents import get_incident
from gis.ops import cluster
from gis.ops.cluster.setup import unused_port
from gis.rights.principal import Principal
from gis.settings import Settings
from tests.support.access_table import TABLE, Asker, World
from tests.support.incident_town import NOW, POINT, IncidentTown, taker
from tests.support.served import Deployment, environment, started
from web.api.events import views
from web.http.errors import in_chinese

NUL = "a\0b"
HUGE = (2**31, 2**63, 1e20, 1e308, 10**30)


def fields(answer: Any) -> set[str]:
    """The fields an answer names as wrong."""
    return {item["field"] for item in answer.get_json().get("errors", [])}


@pytest.fixture
def incident_town(session: Session) -> IncidentTown:
    """The usual place."""
    return IncidentTown(session)


@pytest.fixture
def world(app: APIFlask, session: Session, client: FlaskClient) -> Iterator[World]:
    """Somebody of every role; streams of events end with what is known."""
    stored = views.feed(app).streams
    taken = stored.acquire(blocking=False)
    yield World(app, session, client)
    if taken:
        stored.release()


# --- values no table can hold ---------------------------------------------------------------------


def as_allowed(world: World, name: str) -> Asker:
    """Somebody who may ask a route of the table.

    Where nobody may, who could with something of their own.
    """
    last = "planner" if "/revisions/" in name else "administrator"
    return next(
        (asker for asker in world.askers if TABLE[name].who(asker) == "yes"), world.who(last)
    )


def schema_of(spec: dict[str, Any], submitted: dict[str, Any]) -> dict[str, Any]:
    """A schema, what it refers to looked up."""
    if "$ref" in submitted:
        result: dict[str, Any] = spec["components"]["schemas"][submitted["$ref"].rpartition("/")[2]]
        return result
    return submitted


def body_of(spec: dict[str, Any], name: str) -> dict[str, Any]:
    """Field -> schema of the JSON body of a route of the table."""
    method, rule = name.split(" ", 1)
    path = re.sub(r"<(?:[^<>]*:)?(\w+)>", r"{\1}", rule)
    content = (
        spec["paths"]
        .get(path, {})
        .get(method.lower(), {})
        .get("requestBody", {})
        .get("content", {})
    )
    supplied = content.get("application/json", {}).get("schema", {})
    properties: dict[str, Any] = schema_of(spec, supplied).get("properties", {})
    return properties


def query_of(spec: dict[str, Any], name: str) -> set[str]:
    """The query's fields of a route of the table."""
    method, rule = name.split(" ", 1)
    path = re.sub(r"<(?:[^<>]*:)?(\w+)>", r"{\1}", rule)
    recorded = spec["paths"].get(path, {}).get(method.lower(), {}).get("parameters", [])
    return {item["name"] for item in recorded if item["in"] == "query"} | set(
        re.findall(r"(\w+)=", TABLE[name].query)
    )


@pytest.fixture
def spec(client: FlaskClient) -> dict[str, Any]:
    """The description of the API."""
    payload: dict[str, Any] = client.get("/openapi.json").get_json()
    return payload


def test_nul_in_any_field_of_a_query_is_refused_by_its_name(
    world: World, spec: dict[str, Any]
) -> None:
    wrong = []
    for name, row in TABLE.items():
        method, rule = name.split(" ", 1)
        path = world.path(rule, row).partition("?")[0]
        for field in query_of(spec, name) | {"unknown"}:
            with capture_logs() as logs:
                answer = world.ask(as_allowed(world, name), method, f"{path}?{field}=a%00b", row)
            named = field in answer.get_data(as_text=True)
            if (
                answer.status_code not in (400, 422)
                or not named
                or any(log["event"] == "unfit" for log in logs)
            ):
                wrong.append(f"{name} {field}: {answer.status_code} {answer.get_data()[:120]!r}")
    assert wrong == []


def test_nul_and_numbers_that_are_too_large_in_a_path_lead_nowhere(world: World) -> None:
    wrong = []
    for name, row in TABLE.items():
        method, rule = name.split(" ", 1)
        places = re.findall(r"<(?:(\w+)[^<>:]*:)?(\w+)>", rule)
        for kind, place_name in places:
            if kind in ("uuid", "any"):
                continue
            for value in HUGE if kind == "int" else ("a%00b",):
                path = world.path(rule, row._replace(path={**row.path, place_name: value}))
                with capture_logs() as logs:
                    asker = as_allowed(world, name)
                    answer = world.ask(asker, method, path, row)
                refused = (400, 404, 422) if row.who(asker) == "yes" else (400, 403, 404, 422)
                if answer.status_code not in refused or any(
                    log["event"] == "unfit" for log in logs
                ):
                    wrong.append(
                        f"{method} {path}: {answer.status_code} {answer.get_data()[:120]!r}"
                    )
    assert wrong == []


def of_types(schema: dict[str, Any]) -> set[str]:
    """The types a schema takes."""
    return {item.get("type") for item in (schema, *schema.get("anyOf", ()))}


def test_nul_in_any_field_of_a_body_is_refused_by_its_name(
    world: World, spec: dict[str, Any]
) -> None:
    wrong, tried = [], 0
    for name, row in TABLE.items():
        method, rule = name.split(" ", 1)
        if row.json is not None:
            bodies = [
                ({**row.json, field: NUL}, field)
                for field in body_of(spec, name)
                if field != "points"
            ]
            if "attributes" in body_of(spec, name):
                bodies.append(({**row.json, "attributes": {"deep": [1, NUL]}}, "attributes.deep.1"))
        else:
            bodies = [
                ({**(row.form or {}), field: NUL}, field) for field in (*(row.form or {}), "other")
            ]
            bodies = bodies if method == "POST" and row.form is not None else []
        for supplied, field in bodies:
            sent = (
                row._replace(json=supplied) if row.json is not None else row._replace(form=supplied)
            )
            with capture_logs() as logs:
                answer = world.ask(as_allowed(world, name), method, world.path(rule, row), sent)
            data = answer.get_data(as_text=True)
            tried += 1
            if name.startswith("POST /api/v1/devices"):  # nothing is read before the signature fits
                assert answer.status_code == 401
            elif (
                answer.status_code not in (400, 422)
                or field not in data
                or any(log["event"] == "unfit" for log in logs)
            ):
                wrong.append(f"{name} {field}: {answer.status_code} {data[:160]!r}")
    assert wrong == []
    assert tried > 60


def test_numbers_that_are_too_large_in_a_body_are_refused_by_name(
    world: World, spec: dict[str, Any]
) -> None:
    wrong, tried = [], 0
    for name, row in TABLE.items():
        method, rule = name.split(" ", 1)
        numbers = {
            field
            for field, schema in body_of(spec, name).items()
            if of_types(schema) & {"integer", "number"}
        }
        for field in sorted(numbers) if row.json is not None else ():
            for value in HUGE:
                tried += 1
                sent = row._replace(json={**row.json, field: value})
                with capture_logs() as logs:
                    answer = world.ask(as_allowed(world, name), method, world.path(rule, row), sent)
                if answer.status_code >= 500 or any(
                    log["event"] in ("unfit", "unexpected") for log in logs
                ):
                    wrong.append(
                        f"{name} {field} {value}: {answer.status_code} {answer.get_data()[:120]!r}"
                    )
                if value == HUGE[-1] and (answer.status_code != 422 or field not in fields(answer)):
                    wrong.append(
                        f"{name} {field}: {answer.status_code} {answer.get_data()[:120]!r}"
                    )
    assert wrong == []
    assert tried > 10


@pytest.mark.parametrize("number", [1e19, 1e20, -1e20, 1e308, [1e308], {"deep": [-1e40]}])
def test_a_number_that_reads_back_as_a_larger_integer_is_refused_where_attributes_come_in(
    incident_town: IncidentTown, client: FlaskClient, number: object
) -> None:
    """jsonb says 1e20 as 100000000000000000000, which no JSON of ours could say again."""
    body = POINT | {"category": "06010", "attributes": {"n": number}}
    refused = client.post("/api/v1/incidents", json=body)
    assert refused.status_code == 422
    assert [field.split(".")[:2] for field in fields(refused)] == [["attributes", "n"]]
    with pytest.raises(errors.InvalidInput, match=r"\^63"):  # a device, a file
        incident_town.report(attributes={"n": number})


def test_such_a_number_of_before_can_be_read_and_the_matter_moved(
    incident_town: IncidentTown, client: FlaskClient
) -> None:
    filed = incident_town.report()
    incident_town.session.execute(
        text("UPDATE incident SET attributes = :it WHERE id = :id"),
        {"it": '{"n": 1e20, "m": [-1e308]}', "id": filed.id},
    )
    worker = incident_town.who("王网格")
    moves.apply_move(incident_town.session, worker, filed.id, "take", NOW)
    incident = get_incident(incident_town.session, worker, filed.id, now=NOW)
    assert incident.state == "taken"
    assert orjson.loads(orjson.dumps(incident.attributes)) == {"n": 1e20, "m": [-1e308]}


def test_points_to_locate_are_refused_one_by_one(world: World) -> None:
    points = [
        POINT,
        {**POINT, "address": NUL},
        {**POINT, "id": 10**30},
        {**POINT, "lon": 10**400},
        {**POINT, "id": "last"},
    ]
    answer = world.ask(world.who("anonymous"), "POST", "/api/v1/locate", json={"points": points})
    assert answer.status_code == 200
    results = answer.get_json()["results"]
    assert [result["id"] for result in results] == [0, 1, 2, 3, "last"]
    assert [
        [two["field"] for two in result.get("error", {}).get("errors", [])] for result in results
    ] == [
        [],
        ["address"],
        ["id"],
        ["lon"],
        [],
    ]


# --- filters that name nothing --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "existing"),
    [
        ("state", "open"),
        ("severity", SEVERITIES[-1]),
        ("channel", CHANNELS[0]),
        ("way", "order"),
        ("colour", "amber"),
        ("area", ""),
        ("category", ""),
        ("sort", "urgent"),
    ],
)
def test_a_filter_that_names_nothing_is_refused_with_what_there_is(
    world: World, field: str, existing: str
) -> None:
    asker = world.who("command centre")
    for path in ("incidents", "incidents/counts"):
        answer = world.ask(asker, "GET", f"/api/v1/{path}?{field}=nope")
        assert answer.status_code == 422
        assert fields(answer) == {field}
        assert (
            answer.get_json()["detail"].startswith(f"{field}: ")
            and existing in answer.get_json()["detail"]
        )
        if existing:
            assert world.ask(asker, "GET", f"/api/v1/{path}?{field}={existing}").status_code == 200


def test_codes_of_areas_and_categories_that_exist_are_no_mistake(world: World) -> None:
    asker = world.who(
        "grid worker"
    )  # a far area is as well known as an own one, and shows nothing of what lies in it
    for query in (
        f"area={world.grid.code}",
        "area=520499001001",
        "category=06",
        "category=06010",
        "state=open,closed",
    ):
        answer = world.ask(asker, "GET", f"/api/v1/incidents?{query}")
        assert answer.status_code == 200, query
        assert str(world.hidden) not in answer.get_data(as_text=True)
    detail = world.ask(asker, "GET", "/api/v1/incidents?category=06011x").get_json()["detail"]
    assert "did you mean" in detail


@pytest.mark.parametrize(
    "cursor", ["a|b", "newest", "2026-01-01|nope", "True|infinity|x", "||", "9999999999-01-01|x"]
)
def test_a_cursor_of_nothing_is_refused(world: World, cursor: str) -> None:
    from web.http.params import encode_cursor

    for sort in ("newest", "urgent", "suspended"):
        query = f"/api/v1/incidents?sort={sort}&cursor={encode_cursor(cursor)}"
        answer = world.ask(world.who("command centre"), "GET", query)
        assert (answer.status_code, fields(answer)) == (422, {"cursor"})


def test_figures_and_streams_name_their_fields(world: World) -> None:
    asker = world.who("command centre")
    for field, query in (
        ("since", "since=nope"),
        ("until", "since=2026-01-01&until=nope"),
        ("area", "since=2026-01-01&area=x"),
        ("per", "since=2026-01-01&per=x"),
    ):
        answer = world.ask(asker, "GET", f"/api/v1/figures?{query}")
        assert (answer.status_code, fields(answer)) == (422, {field})
    answer = world.ask(asker, "GET", "/api/v1/events?hold=0&last=x")
    assert (answer.status_code, fields(answer)) == (422, {"last"})


@pytest.mark.parametrize(
    "query", ["status=lost", "service_code=nope", "service_code=06010,nope", "page_size=0"]
)
def test_open311_refuses_filters_that_name_nothing(
    client: FlaskClient, incident_town: IncidentTown, query: str
) -> None:
    answer = client.get(f"/open311/v2/requests.json?{query}")
    assert answer.status_code == 400  # as the specification has it
    assert answer.get_json()[0]["description"].startswith(query.partition("=")[0] + ": ")
    assert client.get("/open311/v2/requests.json?status=open&service_code=06010").status_code == 200


# --- every refusal lists its fields ---------------------------------------------------------------


def test_a_file_in_an_unknown_part_of_a_form_is_refused_by_its_name(client: FlaskClient) -> None:
    form = {"json": json.dumps(POINT | {"category": "06010"}), "foto": (BytesIO(b"x"), "a.jpg")}
    refused = client.post("/api/v1/incidents", data=form, content_type="multipart/form-data")
    assert (refused.status_code, fields(refused)) == (422, {"foto"})


def test_what_only_open311_may_add_is_refused_elsewhere(
    incident_town: IncidentTown, client: FlaskClient
) -> None:
    for name in ("unasked", "media_url"):
        body = POINT | {"category": "06010", "attributes": {name: {"any": "thing"}}}
        refused = client.post("/api/v1/incidents", json=body)
        assert (refused.status_code, fields(refused)) == (422, {f"attributes.{name}"})


def test_a_form_whose_json_is_none_is_refused_by_the_name_of_its_part(
    client: FlaskClient, incident_town: IncidentTown
) -> None:
    for data in ("{", "NaN", '{"a": 1e}'):
        answer = client.post(
            "/api/v1/incidents", data={"json": data}, content_type="multipart/form-data"
        )
        assert (answer.status_code, fields(answer)) == (422, {"json"})
    answer = client.post(
        "/api/v1/incidents",
        data={"json": '{"note": "a\\u0000"}'},
        content_type="multipart/form-data",
    )
    assert (answer.status_code, fields(answer)) == (422, {"note"})


def test_an_alarm_that_is_no_json_is_refused_by_field() -> None:
    from web.api.devices.views import parse_alarm

    for body, field in ((b"{", "body"), (b'{"alarm": "a\\u0000b"}', "alarm"), (b"{}", "alarm")):
        with pytest.raises(errors.InvalidInput) as refused:
            parse_alarm(body)
        assert [error.field for error in refused.value.errors] == [field]


def test_a_file_that_is_no_table_is_refused_by_the_name_of_its_part(world: World) -> None:
    row = TABLE["POST /api/v1/incidents/import"]
    for file in ((b"PK\x03\x04", "x.xlsx"), (b"", "x.csv"), (b"a", "x.pdf")):
        answer = world.ask(
            world.who("command centre"),
            "POST",
            "/api/v1/incidents/import",
            row._replace(form={"file": file}),
        )
        assert (answer.status_code, fields(answer)) == (422, {"file"})
        assert "upload" not in answer.get_json()["detail"]


# --- If-Match -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("submitted", "status"),
    [
        ('"{v}"', 200),
        ("{v}", 200),
        ('W/"{v}"', 200),
        ("*", 200),
        ('"1","{v}"', 200),
        ('"{v}", "98", "99"', 200),
        ('"other", "{v}"', 200),
        ('"98"', 409),
        ('"98", "99"', 409),
        ("nope", 422),
        ('""', 422),
        ("", 422),
        (", ,", 422),
    ],
)
def test_if_match_takes_a_list_of_versions(world: World, submitted: str, status: int) -> None:
    asker = world.who("community dispatcher")
    path = f"/api/v1/incidents/{world.incident}"
    version = world.ask(asker, "GET", path).get_json()["version"]
    asker.headers["If-Match"] = submitted.replace("{v}", str(version))
    answer = world.ask(asker, "POST", f"{path}/moves", json={"move": "note", "note": "看过了"})
    assert answer.status_code == status, answer.get_data()
    if status == 422:
        assert fields(answer) == {"If-Match"}


# --- who it went to, and in which words -----------------------------------------------------------


def test_staff_read_who_a_matter_went_to_and_the_reporter_does_not(
    incident_town: IncidentTown,
) -> None:
    filed = incident_town.report()
    now = datetime.now(UTC)

    def dispatched(by: Principal) -> dict[str, Any]:
        (result,) = [
            event.detail
            for event in timeline.events(incident_town.session, by, filed.id)
            if event.move == "dispatch"
        ]
        return result

    code = incident_town.town.person("王网格").code
    assert dispatched(incident_town.who("赵社工"))["person"] == code
    incident_town.do(filed.id, "return", "王网格", note="不在我片区")
    incident_town.do(filed.id, "dispatch", to=incident_town.town.person("李网格长").code)
    again = [
        event.detail
        for event in timeline.events(incident_town.session, incident_town.who("赵社工"), filed.id)
        if event.move == "dispatch"
    ]
    assert again[-1]["person"] == incident_town.town.person("李网格长").code
    tracked = timeline.tracked(incident_town.session, filed.id, filed.tracking_secret, now=now)
    assert code not in str(tracked) and "person" not in str(tracked.timeline)
    assert [event["to_zh"] for event in tracked.timeline if event["move"] == "dispatch"] == [
        "网格员",
        "网格长",
    ]


def test_skills_are_said_in_chinese_in_chinese_sentences(incident_town: IncidentTown) -> None:
    filed = incident_town.report(category="S0105")  # 维修, an order; nobody takes them here
    (reason,) = [item for item in filed.how if item.rule == "no_taker"]
    assert "“维修”" in reason.zh and "repairs" not in reason.zh
    assert "repairs" in reason.en
    taker(incident_town, "党员", ["repairs"])
    (reason,) = [
        item
        for item in incident_town.report(category="S0105").how
        if item.rule.startswith("offered")
    ]
    assert "“维修”" in reason.zh and "repairs" not in reason.zh


# --- in the reader's language ---------------------------------------------------------------------

LATIN = re.compile("[A-Za-z]{3,}")


def test_every_refusal_of_the_loop_has_a_chinese_sentence_of_its_own(
    incident_town: IncidentTown,
) -> None:
    filed, distant = incident_town.report(), incident_town.report()
    zhao, wang = incident_town.who("赵社工"), incident_town.who("王网格")
    result: dict[str, str] = {}

    def refused(
        cause: str,
        by: Principal,
        name: str,
        incident_id: UUID = filed.id,
        version: int | None = None,
        **wish: Any,
    ) -> None:
        with pytest.raises(WanggeError) as caught:
            moves.apply_move(
                incident_town.session,
                by,
                incident_id,
                name,
                datetime.now(UTC),
                MovePayload(**wish),
                version=version,
            )
        result[cause] = in_chinese(caught.value)

    refused("state", zhao, "close")
    refused("version", wang, "take", version=1)
    refused("rights", wang, "supervise", note="x")
    refused("words", wang, "return")
    refused("minutes", wang, "request_extend", note="x", minutes=-1)
    refused("who", zhao, "dispatch", to="nobody")
    refused("role", zhao, "dispatch", role="king")
    refused("way", zhao, "dispatch", way="sideways")
    refused("hidden", incident_town.who("邻网格员"), "take")
    refused("itself", zhao, "link", parent=filed.id)
    refused("no link", zhao, "unlink")
    incident_town.do(distant.id, "link", parent=filed.id)
    refused("repeat", wang, "take", incident_id=distant.id)
    incident_town.do(filed.id, "request_suspend", "王网格", note="等材料")
    refused("request", wang, "request_extend", note="x", minutes=5)
    assert result == {
        "state": "现在不能结案：该事件已派单。",
        "version": "该事件刚有新的变化（现为第 4 版，您看到的是第 1 版），请看过后再试。",
        "rights": "您（网格员）在这里无权督办。",
        "words": "请写明原因。",
        "minutes": "工作分钟数须大于 0，且不超过 527,040。",
        "who": "编号“nobody”的人不在该处任职，也不接这里的点单。",
        "role": "没有“king”这个角色，请重新选择。",
        "way": "派单方式“sideways”不对；请派给责任人，或作为点单推送。",
        "hidden": "没有这个事件，或您看不到它。",
        "itself": "不能并入自己。",
        "no link": "该事件没有并入其他事件。",
        "repeat": f"不能接单：该事件已并入另一事件（{filed.id}），随其办理；请办理那一件，或先拆案。",  # noqa: E501
        "request": "现在不能申请延时：该事件已派单，且有挂账申请待审批。",
    }


@pytest.mark.parametrize(
    ("body", "zh"),
    [
        ({}, "类别没有填写。"),
        ({"category": "06010"}, "请在地图上选点，或填写地址。"),
        ({"lon": 1, "category": "06010"}, "纬度没有填写。"),
        ({**POINT, "category": "nope"}, "没有类别“nope”，请重新选择。"),
        ({**POINT}, "类别没有填写。"),
        (
            {**POINT, "category": "06010", "severity": "x"},
            "紧急程度“x”不对，请重新选择：low、normal、high、urgent。",
        ),
        ({**POINT, "category": "06010", "description": "x" * 9999}, "描述太长了，最多 4,000 字。"),
        ({**POINT, "category": "06010", "phone": "1" * 99}, "电话太长了，最多 40 字。"),
        ({**POINT, "category": "06010", "description": NUL}, "描述中有无法保存的字符，请删去。"),
        (
            {"address": "无名路9999号", "category": "06010"},
            "按地址“无名路9999号”找不到楼栋，请在地图上选点。",
        ),
        ({"area": "nope", "category": "06010"}, "没有代码为“nope”的区域。"),
        (
            {**POINT, "lon": 0, "category": "06010"},
            "这个位置不在任何网格内；最近的是第001网格（520402007012001），相距 10,189,125 米。",
        ),
    ],
)
def test_a_report_is_refused_in_chinese_as_well(
    client: FlaskClient, incident_town: IncidentTown, body: dict[str, Any], zh: str
) -> None:
    payload = client.post("/api/v1/incidents", json=body).get_json()
    assert payload["zh"] == zh
    assert LATIN.search(payload["detail"])


def test_error_pages_speak_the_readers_language(
    client: FlaskClient, incident_town: IncidentTown
) -> None:
    browser = {"Accept": "text/html"}
    for path in (
        "/rules?days=x",
        "/rules?set=x",
        "/nothing",
        "/report?p=a,b",
        "/notices?before=x",
        "/work?x=%00",
    ):
        page = client.get(path, headers=browser)
        if page.status_code == 303:  # to the form first
            continue
        main = page.text[page.text.index("<main") : page.text.index("</main>")]
        text = re.sub("<[^>]+>|Wangge", " ", main)
        assert page.status_code in (404, 422), path
        assert not LATIN.search(text), (path, text)
        english = client.get(f"{path}{'&' if '?' in path else '?'}lang=en", headers=browser)
        assert LATIN.search(english.text[english.text.index("<main") :])
        client.delete_cookie("wangge_lang")


# --- the command line -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wangge(settings: Settings, database_url: str) -> Callable[..., Result]:
    """Run `./wangge WORDS` on the throw-away database."""
    from web.cli import cli

    env = {"WANGGE_VAR": str(settings.var), "DATABASE_URL": database_url}
    return lambda *phrase: CliRunner(env=env).invoke(cli, phrase)


def test_words_in_another_encoding_are_refused_by_name(wangge: Callable[..., Result]) -> None:
    words = "垃圾".encode("gbk").decode("utf-8", "surrogateescape")
    for phrase, field in (
        (("incidents", "report", "--area", "520402007004001", words), "DESCRIPTION"),
        (("incidents", "report", "--address", words, "x"), "address"),
        (("incidents", "list", "--area", words), "area"),
        (("danger", "try", words), "WORDS"),
        (("catalogue", "suggest", words), "WORDS"),
    ):
        done = wangge(*phrase)
        assert isinstance(done.exception, errors.InvalidInput), (phrase, done.output)
        assert [error.field for error in done.exception.errors] == [field]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ("list --state nope", "state"),
        ("list --severity nope", "severity"),
        ("list --channel nope", "channel"),
        ("list --way nope", "way"),
        ("list --area nope", "area"),
        ("list --category nope", "category"),
        ("show nope", "incident"),
    ],
)
def test_commands_name_what_is_wrong(
    wangge: Callable[..., Result], arguments: str, field: str
) -> None:
    done = wangge("incidents", *arguments.split())
    assert isinstance(done.exception, errors.InvalidInput)
    assert [error.field for error in done.exception.errors] == [field]
    assert done.exception.detail.startswith(f"{field}: ")


@pytest.mark.parametrize("arguments", ["--since nope", "--since 2026-01-01 --until nope"])
def test_commands_say_which_time_is_none(wangge: Callable[..., Result], arguments: str) -> None:
    done = wangge("incidents", "figures", *arguments.split())
    assert done.exit_code == 2
    assert arguments.split()[-2] in done.output and "nope" in done.output


def test_commands_of_devices_and_incidents_speak_json(served: Deployment) -> None:
    grid = served.get("/api/v1/areas?level=grid&limit=1")["items"][0]["code"]
    lon, lat = served.get(f"/api/v1/areas/{grid}")["point"]
    position = ("--lon", lon, "--lat", lat, "--crs", "cgcs2000")
    completed = served.run_inside("device", "add", "json-1", "--kind", "smoke", *position, "--json")
    assert completed.returncode == 0, completed.stderr
    payload = json.loads(completed.stdout)
    assert (payload["code"], payload["alarms"]) == (
        "json-1",
        "/api/v1/devices/json-1/alarms",
    ) and len(payload["secret"]) > 30
    renewed = json.loads(served.run_inside("device", "secret", "json-1", "--json").stdout)
    assert renewed["secret"] != payload["secret"]
    assert json.loads(served.run_inside("device", "block", "json-1", "--json").stdout) == {
        "code": "json-1",
        "active": False,
    }
    assert json.loads(served.run_inside("device", "unblock", "json-1", "--json").stdout) == {
        "code": "json-1",
        "active": True,
    }
    assert "json-1" in [
        load["code"] for load in json.loads(served.run_inside("device", "list", "--json").stdout)
    ]
    assert isinstance(
        json.loads(served.run_inside("incidents", "list", "--severity", "high", "--json").stdout),
        list,
    )


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_the_server_says_that_it_stops(
    addresses: cluster.DatabaseUrls, tmp_path: Path, sign: signal.Signals
) -> None:
    port = unused_port()
    env = environment(tmp_path) | {"DATABASE_URL": addresses.app}
    log = tmp_path / "log"
    options = ("--workers", "1", "--no-jobs")
    with started(port, env, log, *options, path="/healthz") as process:
        process.send_signal(sign)
        assert process.wait(120) == 0
    lines = [line for line in log.read_text().splitlines() if line.startswith("wangge: ")]
    assert lines[0].startswith("wangge: serving ") and lines[1:] == [
        f"wangge: stopped; http://127.0.0.1:{port}/ is served no more"
    ]
