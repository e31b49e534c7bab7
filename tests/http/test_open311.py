"""Open311 GeoReport v2: as the specification says, for ready-made clients, and without telling what
is private.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4
from xml.etree import ElementTree

import civicbot
import pytest
import xmltodict
from flask.testing import FlaskClient
from georeport import GeoReport
from PIL import Image
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.accounts import api_keys
from gis.db import as_json
from gis.incidents.lifecycle import moves
from gis.incidents.lifecycle.payload import MovePayload
from gis.rights.principal import system_principal
from gis.rights.visibility import reveal_contacts
from tests.support import build
from tests.support.fixmystreet import FixMyStreet
from tests.support.incident_town import IncidentTown
from tests.support.served import Deployment
from web.open311.serialise import as_xml

ROOT = "/open311/v2"
LAT, LON = build.LAT + 0.0005, build.LON + 0.0005
SPOT = {"lat": str(LAT), "long": str(LON)}
QUARREL = "邻里纠纷"
PUBLIC = "06010"  # 暴露垃圾
QUESTIONS = [
    {
        "variable": True,
        "code": "SIZE",
        "datatype": "singlevaluelist",
        "required": True,
        "order": 1,
        "description": "多大一堆？",
        "values": [{"key": "s", "name": "一袋"}, {"key": "l", "name": "一车"}],
    },
    {
        "variable": True,
        "code": "KINDS",
        "datatype": "multivaluelist",
        "required": False,
        "order": 2,
        "description": "有什么？",
        "values": [{"key": "a", "name": "装修"}, {"key": "b", "name": "厨余"}],
    },
    {
        "variable": True,
        "code": "SINCE",
        "datatype": "datetime",
        "required": False,
        "order": 3,
        "description": "何时起？",
    },
    {
        "variable": True,
        "code": "BAGS",
        "datatype": "number",
        "required": False,
        "order": 4,
        "description": "几袋？",
    },
    {
        "variable": False,
        "code": "INFO",
        "datatype": "text",
        "required": False,
        "order": 5,
        "description": "谢谢！",
    },
]


@pytest.fixture
def incident_town(session: Session) -> IncidentTown:
    """The usual place."""
    return IncidentTown(session)


@pytest.fixture
def key(incident_town: IncidentTown) -> str:
    """The key of a program that may report in the whole county."""
    return api_keys.add(
        incident_town.session,
        "city app",
        ["incident.report"],
        [incident_town.town.county.code],
        datetime.now(UTC),
    )


@pytest.fixture
def quarrel(incident_town: IncidentTown) -> str:
    """Code of a category that residents may choose and that is nobody else's business."""
    return str(
        incident_town.session.scalar(
            text("SELECT code FROM incident_category WHERE zh = :zh"), {"zh": QUARREL}
        )
    )


Post = Callable[..., Any]


@pytest.fixture
def post(client: FlaskClient, key: str) -> Post:
    """POST a report with the key; the response."""

    def send(ending: str = ".json", **fields: object) -> Any:
        form = {
            "api_key": key,
            "service_code": PUBLIC,
            "description": "楼下有一堆垃圾",
            **SPOT,
        } | fields
        return client.post(
            f"{ROOT}/requests{ending}", data={k: v for k, v in form.items() if v is not None}
        )

    return send


def get(client: FlaskClient, path: str, **query: object) -> Any:
    """The JSON at an address that must be there."""
    reply = client.get(f"{ROOT}/{path}", query_string=query)
    assert reply.status_code == 200, reply.data
    return reply.get_json()


def number(reply: Any) -> str:
    """The number of what was filed."""
    assert reply.status_code == 201, reply.data
    return str(reply.get_json()[0]["service_request_id"])


# --- discovery and services -----------------------------------------------------------------------


def test_discovery_names_the_endpoint_and_its_formats(client: FlaskClient) -> None:
    body = get(client, "discovery.json")
    assert set(body) == {"changeset", "contact", "key_service", "endpoints"}
    assert body["endpoints"] == [
        {
            "specification": "http://wiki.open311.org/GeoReport_v2",
            "url": "http://localhost/open311/v2",
            "changeset": body["changeset"],
            "type": "production",
            "formats": ["text/xml", "application/json"],
        }
    ]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", body["changeset"])
    tree = xmltodict.parse(client.get(f"{ROOT}/discovery.xml").data)["discovery"]
    assert tree["endpoints"]["endpoint"]["formats"]["format"] == ["text/xml", "application/json"]


def test_services_are_the_same_in_json_and_xml(
    client: FlaskClient, incident_town: IncidentTown
) -> None:
    read = get(client, "services.json")
    rubbish = next(item for item in read if item["service_code"] == PUBLIC)
    assert (rubbish["service_name"], rubbish["type"], rubbish["metadata"]) == (
        "暴露垃圾",
        "realtime",
        False,
    )
    assert list(rubbish) == [
        "service_code",
        "service_name",
        "description",
        "metadata",
        "type",
        "keywords",
        "group",
    ]
    reply = client.get(f"{ROOT}/services.xml")
    assert reply.data.startswith(
        b'<?xml version="1.0" encoding="utf-8"?>\n<services><service><service_code>'
    )
    listed = xmltodict.parse(reply.data)["services"]["service"]
    assert [item["service_code"] for item in listed] == [item["service_code"] for item in read]
    assert {item["metadata"] for item in listed} <= {"true", "false"}


def test_what_residents_may_not_choose_is_no_service(
    client: FlaskClient, incident_town: IncidentTown
) -> None:
    incident_town.session.execute(
        text("UPDATE incident_category SET public = false WHERE code = :code"), {"code": PUBLIC}
    )
    # an edition in force never changes, so what is kept of it is looked past
    incident_town.session.execute(text("UPDATE catalogue_edition SET state = 'retired'"))
    copied = incident_town.session.scalar(
        text(
            "INSERT INTO catalogue_edition (name, state) VALUES ('another', 'active') RETURNING id"
        )
    )
    _copy(incident_town.session, copied)
    assert PUBLIC not in {item["service_code"] for item in get(client, "services.json")}
    assert client.get(f"{ROOT}/services/{PUBLIC}.json").status_code == 404


def _copy(session: Session, edition: int | None, **changes: str) -> None:
    columns = [
        "code",
        "old_code",
        "major",
        "major_zh",
        "major_en",
        "zh",
        "en",
        "kind",
        "severity",
        "skill",
        "keywords",
        "examples",
        "attributes",
        "public",
        "position",
    ]
    taken = ", ".join(changes.get(column, column) for column in columns)
    session.execute(
        text(
            f"INSERT INTO incident_category (edition_id, {', '.join(columns)})"
            f" SELECT :edition, {taken}"
            " FROM incident_category WHERE edition_id = (SELECT max(edition_id)"
            " FROM incident_category)"
        ),
        {"edition": edition},
    )


@pytest.fixture
def asking(incident_town: IncidentTown) -> IncidentTown:
    """The usual place, with a category that asks questions."""
    session = incident_town.session
    session.execute(text("UPDATE catalogue_edition SET state = 'retired'"))
    edition = session.scalar(
        text("INSERT INTO catalogue_edition (name, state) VALUES ('asking', 'active') RETURNING id")
    )
    _copy(session, edition)
    session.execute(
        text(
            "UPDATE incident_category SET attributes = CAST(:questions AS jsonb)"
            " WHERE code = :code AND edition_id = :id"
        ),
        {"questions": as_json(QUESTIONS), "code": PUBLIC, "id": edition},
    )
    return incident_town


def test_a_service_definition_has_the_questions(client: FlaskClient, asking: IncidentTown) -> None:
    services = {item["service_code"]: item["metadata"] for item in get(client, "services.json")}
    assert services[PUBLIC] is True
    body = get(client, f"services/{PUBLIC}.json")
    assert body["service_code"] == PUBLIC
    first_question = body["attributes"][0]
    assert list(first_question) == [
        "variable",
        "code",
        "datatype",
        "required",
        "datatype_description",
        "order",
        "description",
        "values",
    ]
    assert first_question["values"] == [{"key": "s", "name": "一袋"}, {"key": "l", "name": "一车"}]
    tree = xmltodict.parse(client.get(f"{ROOT}/services/{PUBLIC}.xml").data)["service_definition"]
    assert [item["code"] for item in tree["attributes"]["attribute"]] == [
        "SIZE",
        "KINDS",
        "SINCE",
        "BAGS",
        "INFO",
    ]
    assert tree["attributes"]["attribute"][0]["values"]["value"][1] == {"key": "l", "name": "一车"}


def test_a_service_without_questions_has_an_empty_definition(
    client: FlaskClient, incident_town: IncidentTown
) -> None:
    body = get(client, "services/06012.json")
    assert body == {"service_code": "06012", "attributes": []}


# --- reporting ------------------------------------------------------------------------------------


def test_a_report_finds_its_person(
    client: FlaskClient, incident_town: IncidentTown, post: Post
) -> None:
    reply = post(
        first_name="三", last_name="张", phone="13800000001", email="z@example.cn", device_id="imei"
    )
    assert reply.content_type == "application/json; charset=utf-8"
    created = reply.get_json()[0]
    assert list(created) == ["service_request_id", "service_notice", "account_id"]
    read = incident_town.seen(UUID(created["service_request_id"]))
    assert (read.channel, read.category, read.state, read.role) == (
        "open311",
        PUBLIC,
        "dispatched",
        "grid_worker",
    )
    assert read.description == "楼下有一堆垃圾"
    assert "网格员" in created["service_notice"] and "王网格" not in reply.text
    reveal_contacts(incident_town.session)
    contact = incident_town.session.execute(
        text("SELECT name, phone, email FROM personal.reporter")
    ).all()
    assert [tuple(row) for row in contact] == [("张三", "13800000001", "z@example.cn")]
    assert "imei" not in str(read)


def test_a_report_in_xml_is_answered_in_xml(client: FlaskClient, post: Post) -> None:
    reply = post(".xml")
    assert (reply.status_code, reply.content_type) == (201, "text/xml; charset=utf-8")
    created = xmltodict.parse(reply.data)["service_requests"]["request"]
    assert UUID(created["service_request_id"])
    assert created["account_id"] is None


def test_the_accept_header_decides_where_the_address_does_not(
    client: FlaskClient, incident_town: IncidentTown
) -> None:
    for accept, kind in (
        ("text/xml", "text/xml"),
        ("application/xml", "text/xml"),
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        ("text/html", "application/json"),
    ):
        assert client.get(f"{ROOT}/services", headers={"Accept": accept}).mimetype == kind
    assert (
        client.get(f"{ROOT}/services.xml", headers={"Accept": "application/json"}).mimetype
        == "text/xml"
    )


def test_an_address_or_a_building_is_a_place_as_well(
    incident_town: IncidentTown, post: Post
) -> None:
    building = incident_town.town.building("3号楼", 0.0002, 0.0002, estate="桂花苑")
    bare = {"lat": None, "long": None}
    by_code = incident_town.seen(UUID(number(post(address_id=building.code, **bare))))
    assert by_code.areas[-1]["code"] == incident_town.grid.code
    by_words = incident_town.seen(UUID(number(post(address_string="桂花苑3号楼", **bare))))
    assert by_words.areas[-1]["code"] == incident_town.grid.code
    both = incident_town.seen(UUID(number(post(address_string="桂花苑3号楼2单元501室"))))
    assert both.address == "桂花苑3号楼2单元501室"


def test_answers_to_questions_are_kept_and_checked(asking: IncidentTown, post: Post) -> None:
    good = {
        "attribute[SIZE]": "l",
        "attribute[KINDS][]": ["a", "b"],
        "attribute[BAGS]": "3",
        "attribute[SINCE]": "2026-11-20T08:00:00+08:00",
    }
    read = asking.seen(UUID(number(post(**good))))
    assert read.attributes == {
        "SIZE": "l",
        "KINDS": ["a", "b"],
        "BAGS": 3.0,
        "SINCE": "2026-11-20T08:00:00+08:00",
    }
    unasked = {"attribute[OTHER]": "x", "attribute[URLS][]": ["a", "b"]}
    read = asking.seen(UUID(number(post(**good, **unasked))))
    assert read.attributes["unasked"] == {"OTHER": "x", "URLS": ["a", "b"]}
    assert read.attributes["SIZE"] == "l"
    for fields, expected in (
        ({"attribute[SIZE]": None}, "多大一堆"),
        ({"attribute[SIZE]": "xl"}, "none of s, l"),
        ({"attribute[KINDS][]": ["a", "z"]}, "none of a, b"),
        ({"attribute[BAGS]": "many"}, "not a number"),
        ({"attribute[SINCE]": "lately"}, "not a time"),
    ):
        reply = post(**(good | fields))
        assert (reply.status_code, reply.get_json()[0]["code"]) == (400, 400)
        assert expected in reply.get_json()[0]["description"]


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({"api_key": None}, 403, "api_key"),
        ({"api_key": ""}, 403, "api_key"),
        ({"api_key": "wg_abcdefgh_0123456789012345678901234567"}, 403, "api_key"),
        ({"service_code": None}, 400, "service_code"),
        ({"service_code": "99999"}, 404, "service_code"),
        ({"jurisdiction_id": "999999"}, 404, "jurisdiction_id"),
        ({"lat": None}, 400, "lat"),
        ({"long": ""}, 400, "long"),
        ({"lat": "north"}, 400, "lat"),
        ({"lat": None, "long": None}, 400, "address_string"),
        ({"lat": "40", "long": "116"}, 400, "grid"),
        ({"lat": None, "long": None, "address_id": "nowhere"}, 400, "address_id"),
        ({"media_url": "javascript:alert(1)"}, 400, "media_url"),
        ({"description": "x" * 4001}, 400, "description"),
        ({"email": "x" * 201}, 400, "email"),
    ],
)
def test_errors_are_as_the_specification_says(
    post: Post, fields: dict[str, Any], status: int, message: str
) -> None:
    reply = post(**fields)
    assert reply.status_code == status
    assert [list(item) for item in reply.get_json()] == [["code", "description"]]
    assert reply.get_json()[0]["code"] == status and message in reply.get_json()[0]["description"]
    tree = ElementTree.fromstring(post(".xml", **fields).data)
    assert (tree.tag, tree[0].tag, tree[0][0].text) == ("errors", "error", str(status))
    assert tree[0][1].text == reply.get_json()[0]["description"]


def test_a_key_reports_only_where_and_what_it_may(
    client: FlaskClient, incident_town: IncidentTown, post: Post
) -> None:
    now = datetime.now(UTC)
    elsewhere = api_keys.add(
        incident_town.session, "beside", ["incident.report"], [incident_town.beside.code], now
    )
    reading = api_keys.add(
        incident_town.session, "reading", ["incident.read"], [incident_town.town.county.code], now
    )
    for wrong in (elsewhere, reading):
        assert post(api_key=wrong).status_code == 403
    assert post(api_key=elsewhere, long=str(LON + build.SIDE)).status_code == 201


def test_the_key_may_come_as_a_header_or_in_the_address(
    client: FlaskClient, key: str, post: Post
) -> None:
    form = {"service_code": PUBLIC, **SPOT}
    bearer = {"Authorization": f"Bearer {key}"}
    assert client.post(f"{ROOT}/requests.json", data=form, headers=bearer).status_code == 201
    assert client.post(f"{ROOT}/requests.json?api_key={key}", data=form).status_code == 201
    assert (
        client.get(f"{ROOT}/requests.json", headers={"Authorization": "Bearer wg_no"}).status_code
        == 403
    )


@pytest.mark.usefixtures("one_minute")
def test_a_key_that_asks_too_often_waits(incident_town: IncidentTown, post: Post) -> None:
    slow = api_keys.add(
        incident_town.session,
        "slow",
        ["incident.report"],
        [incident_town.town.county.code],
        datetime.now(UTC),
        per_minute=1,
    )
    statuses = [post(api_key=slow) for _ in range(3)]
    assert [item.status_code for item in statuses] == [201, 429, 429]
    last = statuses[-1]
    assert last.headers["Retry-After"] and last.get_json()[0]["code"] == 429


def test_a_jurisdiction_is_a_county_or_our_own_name(
    client: FlaskClient, incident_town: IncidentTown, post: Post
) -> None:
    for values in ("520402", "localhost", ""):
        assert post(jurisdiction_id=values).status_code == 201
        assert len(get(client, "requests.json", jurisdiction_id=values)) >= 1
    for path in (
        "services.json",
        "requests.json",
        f"requests/{uuid4()}.json",
        f"services/{PUBLIC}.json",
    ):
        assert client.get(f"{ROOT}/{path}?jurisdiction_id=sfgov.org").status_code == 404


NOBODY = "5b1e0c1c-6a52-4d5c-8f0e-1b7a4b7f2a10"  # an id that nothing has


@pytest.mark.parametrize(
    "path",
    [
        "nothing.json",
        "services/99999.json",
        "requests/7.json",
        f"requests/{NOBODY}.json",
        f"tokens/{NOBODY}.json",
        "requests/a/b.json",
    ],
)
def test_what_is_not_there_is_said_in_both_formats(
    client: FlaskClient, incident_town: IncidentTown, path: str
) -> None:
    reply = client.get(f"{ROOT}/{path}")
    assert (reply.status_code, reply.get_json()[0]["code"]) == (404, 404)
    xml = client.get(f"{ROOT}/{path.replace('.json', '.xml')}")
    assert xmltodict.parse(xml.data)["errors"]["error"]["code"] == "404"


# --- reading --------------------------------------------------------------------------------------


def test_a_request_is_told_as_the_specification_has_it(
    client: FlaskClient, incident_town: IncidentTown, post: Post
) -> None:
    created = number(post())
    (item,) = get(client, f"requests/{created}.json")
    assert list(item) == [
        "service_request_id",
        "status",
        "status_notes",
        "service_name",
        "service_code",
        "description",
        "agency_responsible",
        "service_notice",
        "requested_datetime",
        "updated_datetime",
        "expected_datetime",
        "address",
        "address_id",
        "zipcode",
        "lat",
        "long",
        "media_url",
    ]
    assert (item["status"], item["service_code"], item["service_name"]) == (
        "open",
        PUBLIC,
        "暴露垃圾",
    )
    assert item["agency_responsible"] == "西兴社区 网格员"
    assert item["address"] == "第001网格, 西兴社区, 西航街道, 西秀区"
    for name in ("requested_datetime", "updated_datetime", "expected_datetime"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00", item[name]), name
    assert item["expected_datetime"] > item["requested_datetime"]
    tree = xmltodict.parse(client.get(f"{ROOT}/requests/{created}.xml").data)["service_requests"][
        "request"
    ]
    assert {name: tree[name] for name in ("status", "lat", "long", "requested_datetime")} == {
        name: str(item[name]) for name in ("status", "lat", "long", "requested_datetime")
    }
    assert get(client, f"tokens/{created}.json") == [
        {"service_request_id": created, "token": created}
    ]


def test_a_request_is_closed_when_its_incident_is(
    client: FlaskClient, incident_town: IncidentTown, post: Post
) -> None:
    created = number(post())
    now = datetime.now(UTC)
    for step in ("take", "handle", "check", "close"):
        principal = system_principal("test")
        moves.apply_move(
            incident_town.session, principal, UUID(created), step, now, MovePayload(note="清运完毕")
        )
        (item,) = get(client, f"requests/{created}.json")
        assert item["status"] == ("closed" if step == "close" else "open")
    assert (item["status_notes"], item["expected_datetime"]) == ("已结案 (closed)", None)
    assert [
        read["service_request_id"] for read in get(client, "requests.json", status="closed")
    ] == [created]
    assert get(client, "requests.json", status="open") == []
    assert len(get(client, "requests.json", status="open,closed")) == 1


def test_filters(client: FlaskClient, incident_town: IncidentTown, post: Post) -> None:
    now = datetime.now(UTC)
    old = incident_town.report(at=now - timedelta(days=100))
    lately = incident_town.report(at=now - timedelta(days=5), category="06028")
    created = number(post())
    ids = lambda **query: [  # noqa: E731
        item["service_request_id"] for item in get(client, "requests.json", **query)
    ]
    assert ids() == [created, str(lately.id)]
    assert ids(service_code="06028") == [str(lately.id)]
    assert set(ids(service_code=f"06028,{PUBLIC}")) == {created, str(lately.id)}
    assert ids(service_request_id=f"{old.id},{created}") == [created, str(old.id)]
    assert ids(service_request_id=str(old.id), status="closed", service_code="06028") == [
        str(old.id)
    ]
    stamp = lambda days: (now - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: E731
    assert ids(start_date=stamp(120), end_date=stamp(90)) == [str(old.id)]
    assert ids(start_date=stamp(120)) == [str(old.id)]
    assert ids(start_date=stamp(10)) == [created, str(lately.id)]
    assert ids(end_date=stamp(1)) == [str(lately.id)]
    assert ids(page_size=1) == [created] and ids(page_size=1, page=2) == [str(lately.id)]
    assert ids(service_code="", start_date="", status="") == ids()
    for wrong in (
        {"start_date": stamp(120), "end_date": stamp(20)},
        {"start_date": stamp(1), "end_date": stamp(5)},
        {"status": "pending"},
        {"start_date": "last week"},
        {"page_size": 1001},
        {"page": 0},
    ):
        reply = client.get(f"{ROOT}/requests.json", query_string=wrong)
        assert (reply.status_code, reply.get_json()[0]["code"]) == (400, 400), wrong


def test_requests_are_listed_by_their_last_change_and_by_their_place(
    client: FlaskClient, incident_town: IncidentTown, post: Post
) -> None:
    now = datetime.now(UTC)
    old = incident_town.report(at=now - timedelta(days=100))
    lately = incident_town.report(at=now - timedelta(days=5), lon=LON + build.SIDE)
    created = number(post())
    ids = lambda **query: [  # noqa: E731
        item["service_request_id"] for item in get(client, "requests.json", **query)
    ]
    stamp = lambda **ago: (now - timedelta(**ago)).strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: E731
    assert ids(updated_after=stamp(days=1)) == [created]
    assert ids(updated_after=stamp(days=80)) == [created, str(lately.id)]
    steps = (("note", False), ("supervise", False), ("take", True))
    for step, is_told in steps:  # said inside, or to who reported, is no change outside
        payload = MovePayload(note="内部")
        principal = system_principal("test")
        moves.apply_move(incident_town.session, principal, old.id, step, now, payload)
        assert (str(old.id) in ids(updated_after=stamp(minutes=1))) is is_told
    assert ids(updated_after=stamp(days=1), end_date=stamp(days=3)) == []
    assert ids(**SPOT, radius=20) == [created]
    assert set(ids(**SPOT)) == {created, str(lately.id)}
    assert ids(lat="26.9", long="105.1", radius=100) == []
    for wrong in (
        {"lat": "26"},
        {"radius": "10"},
        {"lat": "91", "long": "1"},
        {**SPOT, "radius": "60000"},
        {"updated_after": "lately"},
        {"updated_after": stamp(days=91)},
    ):
        reply = client.get(f"{ROOT}/requests.json", query_string=wrong)
        assert (reply.status_code, reply.get_json()[0]["code"]) == (400, 400), wrong


def picture() -> bytes:
    """A small photo."""
    file = BytesIO()
    Image.new("RGB", (40, 30), "green").save(file, "JPEG")
    return file.getvalue()


# --- updates, with a client that does as FixMyStreet ----------------------------------------------


@pytest.fixture
def site(client: FlaskClient, incident_town: IncidentTown) -> FixMyStreet:
    """A site whose key may report and comment in the whole county."""
    actions = ["incident.report", "incident.note"]
    county = incident_town.town.county.code
    secret = api_keys.add(incident_town.session, "site", actions, [county], datetime.now(UTC))
    return FixMyStreet(client, ROOT, secret, county)


def test_fixmystreet_hands_over_photos_and_attributes(
    incident_town: IncidentTown, site: FixMyStreet
) -> None:
    created = UUID(site.send_report(7, PUBLIC, LAT, LON, picture(), picture()))
    view = incident_town.seen(created)
    assert len(view.photos) == 2
    assert view.attributes["unasked"]["fixmystreet_id"] == "7"


def test_fixmystreet_reads_what_becomes_of_a_report(
    incident_town: IncidentTown, site: FixMyStreet, client: FlaskClient
) -> None:
    created = site.send_report(7, PUBLIC, LAT, LON)
    now = datetime.now(UTC)
    for step, message in (
        ("take", ""),
        ("request_extend", "内部：难缠"),
        ("handle", "清运完毕"),
        ("check", ""),
        ("close", ""),
    ):
        payload = MovePayload(note=message, minutes=60)
        principal = system_principal("test")
        moves.apply_move(incident_town.session, principal, UUID(created), step, now, payload)
    read = site.read_updates()
    assert [item["status"] for item in read] == [
        "investigating",
        "action_scheduled",
        "in_progress",
        "fixed",
        "fixed",
        "closed",
    ]
    assert {item["service_request_id"] for item in read} == {created}
    assert "清运完毕" in {item["description"] for item in read}
    assert len({item["update_id"] for item in read}) == len(read)
    anonymous = client.get(f"{ROOT}/servicerequestupdates.json").get_json()
    assert {item["service_request_id"] for item in anonymous} == {created}
    assert "清运完毕" not in str(anonymous) and "难缠" not in str(anonymous)


def test_a_comment_arrives_once_and_changes_no_state(
    incident_town: IncidentTown, site: FixMyStreet
) -> None:
    created = site.send_report(7, PUBLIC, LAT, LON)
    initial = site.send_update(created, 31, "还在那里", "OPEN", picture())
    assert site.send_update(created, 31, "还在那里", "OPEN") == initial
    assert site.send_update(created, 32, "没了", "FIXED - USER") != initial
    view = incident_town.seen(UUID(created))
    assert (view.state, len(view.photos)) == ("dispatched", 1)
    assert incident_town.moves(UUID(created)).count("note") == 2
    assert initial in {item["update_id"] for item in site.read_updates()}


def test_who_may_not_comment_is_refused(
    client: FlaskClient, incident_town: IncidentTown, site: FixMyStreet, key: str
) -> None:
    created = site.send_report(7, PUBLIC, LAT, LON)

    def send(**form: str) -> int:
        fields = {"service_request_id": created, "description": "x"} | form
        return client.post(f"{ROOT}/servicerequestupdates.json", data=fields).status_code

    assert send() == 403  # no key
    assert send(api_key=key) == 403  # it may only report
    others = incident_town.report()
    mine = site.common["api_key"]
    assert send(api_key=mine, service_request_id=str(others.id)) == 404
    assert send(api_key=mine, service_request_id="7") == 404
    assert send(api_key=mine, description="") == 400
    assert send(api_key=mine, update_id="x" * 101) == 400
    assert send(api_key=mine, updated_datetime="lately") == 400


# --- what is private ------------------------------------------------------------------------------


def test_nobodys_words_are_open_to_everybody(
    client: FlaskClient, incident_town: IncidentTown, post: Post
) -> None:
    building = incident_town.town.building("9号楼", 0.0004, 0.0004)
    created = number(
        post(
            description="张三家门口",
            address_string="9号楼2单元501室",
            media_url="https://example.cn/1.jpg",
            first_name="三",
            last_name="张",
            phone="13800000001",
        )
    )
    raw = (
        client.get(f"{ROOT}/requests.json").text + client.get(f"{ROOT}/requests/{created}.xml").text
    )
    for hidden in ("张三", "501", "example.cn", "1380000", "王网格", building.code):
        assert hidden not in raw
    (item,) = get(client, f"requests/{created}.json")
    assert (item["description"], item["media_url"], item["address_id"]) == (None, None, None)
    assert (item["lat"], item["long"]) == (round(LAT, 4), round(LON, 4))


def test_a_program_that_may_read_there_reads_the_words(
    client: FlaskClient, incident_town: IncidentTown, post: Post
) -> None:
    created = number(
        post(
            description="张三家门口",
            address_string="9号楼2单元501室",
            media_url="https://example.cn/1.jpg",
        )
    )
    now = datetime.now(UTC)
    local_key = api_keys.add(
        incident_town.session, "here", ["incident.read"], [incident_town.grid.code], now
    )
    beside = api_keys.add(
        incident_town.session, "beside", ["incident.read"], [incident_town.beside.code], now
    )
    (item,) = get(client, f"requests/{created}.json", api_key=local_key)
    assert (item["description"], item["address"]) == ("张三家门口", "9号楼2单元501室")
    assert item["media_url"] == "https://example.cn/1.jpg"
    (item,) = get(client, f"requests/{created}.json", api_key=beside)
    assert item["description"] is None


def test_quarrels_and_what_staff_or_devices_find_are_not_listed(
    client: FlaskClient, incident_town: IncidentTown, quarrel: str
) -> None:
    now = datetime.now(UTC)
    hidden = [
        incident_town.report(category=quarrel, at=now),
        incident_town.report(channel="patrol", at=now),
        incident_town.report(channel="device", at=now),
        incident_town.report(channel="import", at=now),
    ]
    visible = incident_town.report(channel="mini_program", at=now)
    assert [item["service_request_id"] for item in get(client, "requests.json")] == [
        str(visible.id)
    ]
    for item in hidden:
        assert client.get(f"{ROOT}/requests/{item.id}.json").status_code == 404
        assert get(client, "requests.json", service_request_id=str(item.id)) == []


def test_who_reported_a_quarrel_hears_how_it_stands_but_nobody_where_it_is(
    client: FlaskClient, incident_town: IncidentTown, quarrel: str, post: Post
) -> None:
    created = number(
        post(service_code=quarrel, description="楼上漏水吵架", address_string="3号楼2单元501室")
    )
    (item,) = get(client, f"requests/{created}.json")
    assert (item["status"], item["address"]) == ("open", "西兴社区")
    assert (item["lat"], item["long"], item["description"]) == (None, None, None)
    assert get(client, "requests.json") == []


# --- the shape ------------------------------------------------------------------------------------


def test_xml_holds_what_xml_can_hold() -> None:
    data = as_xml("errors", [{"code": 1, "description": "a\x00\x0b<&>\ud800垃圾😀\n"}])
    assert ElementTree.fromstring(data)[0][1].text == "a<&>垃圾😀\n"


def test_reading_may_be_done_from_other_sites_and_is_kept_a_little(
    client: FlaskClient, incident_town: IncidentTown
) -> None:
    reply = client.get(f"{ROOT}/requests.json")
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert reply.headers["Cache-Control"] == "public, max-age=30"


# --- ready-made clients, as they are --------------------------------------------------------------


@pytest.fixture(scope="module")
def app_key(served: Deployment) -> str:
    """A key for the made-up pilot."""
    county = served.get("/api/v1/areas?level=county")["items"][0]["code"]
    created = served.run_inside(
        "key", "add", "open311 app", "--action", "incident.report", "--area", county
    )
    assert created.returncode == 0, created.stderr
    return created.stdout.strip()


@pytest.fixture(scope="module")
def spot(served: Deployment) -> dict[str, float]:
    """A place in the pilot, WGS 84."""
    read = served.get("/api/v1/search?q=3号楼")["items"][0]
    return {"lat": read["lat"], "lng": read["lon"]}


def test_the_client_civicbot_reports_and_reads(
    served: Deployment, app_key: str, spot: dict[str, float]
) -> None:
    endpoint = civicbot.Endpoint("wangge", "Wangge", f"{served.url}{ROOT}", write=True)
    quick = civicbot.HttpTransport(rate_limiter=civicbot.http.RateLimiter(0))
    client = civicbot.Open311Client(endpoint, quick)
    assert PUBLIC in {item["service_code"] for item in client.list_services()}
    sent = client.create_request(
        PUBLIC,
        dry_run=False,
        confirm="SEND",
        api_key=app_key,
        validate_remote=True,
        description="楼道口有垃圾",
        first_name="San",
        last_name="Zhang",
        phone="13800000001",
        media_url="https://example.cn/1.jpg",
        **spot,
    )
    created = sent.response[0]["service_request_id"]
    read = client.get_request(created)
    assert read is not None and (read["status"], read["service_code"]) == ("open", PUBLIC)
    assert client.get_token(created) == [{"service_request_id": created, "token": created}]
    now = datetime.now(UTC)
    listed = client.list_requests(
        service_code=PUBLIC,
        status="open",
        start_date=(now - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        page_size=50,
    )
    assert created in {item["service_request_id"] for item in listed}
    assert [
        item["service_request_id"] for item in client.list_requests(service_request_ids=[created])
    ] == [created]
    with pytest.raises(civicbot.HttpError) as refused:
        client.create_request(PUBLIC, dry_run=False, confirm="SEND", api_key="wrong", **spot)
    assert refused.value.status == 403 and '"code":403' in refused.value.body


@pytest.mark.parametrize("kind", ["json", "xml"])
def test_the_client_georeport_reads_both_formats(
    served: Deployment, app_key: str, spot: dict[str, float], kind: str
) -> None:
    form = {
        "api_key": app_key,
        "service_code": "06012",
        "lat": str(spot["lat"]),
        "long": str(spot["lng"]),
    }
    body = "&".join(f"{name}={value}" for name, value in form.items()).encode()
    for _ in range(2):
        reply = served.ask(
            f"{ROOT}/requests.json", body, Content_Type="application/x-www-form-urlencoded"
        )
        assert reply.status == 201, reply.body
    created = reply.json()[0]["service_request_id"]
    client = GeoReport(f"{served.url}{ROOT}", output_format=kind)
    services = client.get_service_list()
    assert {"06010", "06012"} <= {item["service_code"] for item in services}
    assert client.get_service_definition("06012")["service_code"] == "06012"
    item: Any = client.get_service_request(created)
    assert (item["service_request_id"], item["status"], item["service_code"]) == (
        created,
        "open",
        "06012",
    )
    read = client.get_service_requests(service_code="06012", status="open")
    assert created in {request["service_request_id"] for request in read}


def test_anybody_may_not_report_without_a_key(served: Deployment, spot: dict[str, float]) -> None:
    body = f"service_code={PUBLIC}&lat={spot['lat']}&long={spot['lng']}".encode()
    reply = served.ask(
        f"{ROOT}/requests.xml", body, Content_Type="application/x-www-form-urlencoded"
    )
    assert (reply.status, reply.kind) == (403, "text/xml")
