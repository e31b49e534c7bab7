"""Alarms of devices: signed, never filed twice, joined when they follow each other."""

import hmac
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import AuthenticationRequired, Conflict, InvalidInput, NotFound, OutsideGrids
from gis.incidents import devices
from gis.incidents.devices import Alarm
from gis.incidents.reading import incidents, timeline
from gis.rights.principal import ANONYMOUS, system_principal
from tests.support import build
from tests.support.incident_town import NOW, IncidentTown
from tests.support.served import Deployment

LON, LAT = build.LON + 0.0005, build.LAT + 0.0005
CODE = "SM-0001"
CATEGORY = "09012"  # 占用消防通道; not the usual one of its kind


@pytest.fixture
def incident_town(session: Session) -> IncidentTown:
    """The usual place."""
    return IncidentTown(session)


@pytest.fixture
def secret(incident_town: IncidentTown) -> str:
    """The secret of a smoke detector in the first grid."""
    return devices.add(
        incident_town.session,
        devices.DeviceInput(
            CODE,
            "smoke",
            CATEGORY,
            LON,
            LAT,
            "cgcs2000",
            name="3号楼2单元5层",
            address="3号楼2单元501室",
        ),
        NOW,
    )


def device_id(session: Session, code: str = CODE) -> int:
    result = session.scalar(text("SELECT id FROM device WHERE code = :code"), {"code": code})
    assert result is not None
    return int(result)


def signed(secret: str, body: bytes, at: float) -> dict[str, str]:
    """Headers as a device's own program would make them, without any of our code."""
    stamp = str(int(at))
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, sha256).hexdigest()
    return {
        "X-Wangge-Timestamp": stamp,
        "X-Wangge-Signature": f"v1={digest}",
        "Content-Type": "application/json",
    }


Send = Callable[..., tuple[int, dict[str, object]]]


@pytest.fixture
def send(client: FlaskClient, secret: str) -> Send:
    """Send an alarm as the device does; what is answered."""

    def post(
        alarm: str = "a-1",
        code: str = CODE,
        key: str | None = None,
        off: float = 0.0,
        **extra: object,
    ) -> tuple[int, dict[str, object]]:
        body = json.dumps({"alarm": alarm, "kind": "smoke", **extra}).encode()
        headers = signed(key or secret, body, datetime.now(UTC).timestamp() + off)
        reply = client.post(f"/api/v1/devices/{code}/alarms", data=body, headers=headers)
        return reply.status_code, reply.get_json()

    return post


# --- filing ---------------------------------------------------------------------------------------


def test_an_alarm_is_filed_where_the_device_is(incident_town: IncidentTown, send: Send) -> None:
    status, answer = send(value={"ppm": 412}, at=datetime.now(UTC).isoformat())
    assert (status, answer["filed"], answer["again"]) == (201, True, False)
    result = incident_town.seen(UUID(str(answer["incident"])))
    assert (result.channel, result.category, result.state) == ("device", CATEGORY, answer["state"])
    assert result.address == "3号楼2单元501室"
    assert [area["code"] for area in result.areas][-1] == incident_town.grid.code
    assert result.attributes["device"] == CODE and result.attributes["value"] == {"ppm": 412}
    assert result.description == '烟感告警 3号楼2单元5层 smoke {"ppm":412}'
    assert (result.point["lon"], result.point["lat"]) == pytest.approx((LON, LAT), abs=1e-7)


def test_the_same_alarm_again_gives_the_same_incident(
    incident_town: IncidentTown, send: Send
) -> None:
    _, initial = send()
    status, again = send()
    assert (status, again["incident"], again["filed"], again["again"]) == (
        200,
        initial["incident"],
        False,
        True,
    )
    assert incident_town.moves(UUID(str(initial["incident"]))).count("note") == 0


def test_an_alarm_soon_after_is_a_note_to_the_open_incident(
    incident_town: IncidentTown, send: Send
) -> None:
    _, leading = send("a-1")
    status, second = send("a-2", value="still smoking")
    assert (status, second["incident"], second["filed"], second["again"]) == (
        200,
        leading["incident"],
        False,
        False,
    )
    notes = [
        event.words
        for event in timeline.events(
            incident_town.session, system_principal("test"), UUID(str(leading["incident"]))
        )
        if event.move == "note"
    ]
    assert notes == ["再次告警：烟感告警 3号楼2单元5层 smoke still smoking"]
    assert send("a-2")[1]["again"] is True


@pytest.mark.parametrize(("minutes", "joins"), [(9.9, True), (10.1, False)])
def test_ten_minutes_after_the_last_alarm_a_new_one_is_filed(
    incident_town: IncidentTown, secret: str, minutes: float, joins: bool
) -> None:
    session, device = incident_town.session, device_id(incident_town.session)
    initial = devices.receive_alarm(session, device, Alarm("a-1"), NOW)
    later = devices.receive_alarm(session, device, Alarm("a-2"), NOW + timedelta(minutes=minutes))
    assert (later.incident == initial.incident) is joins
    assert later.filed is not joins


def test_each_alarm_that_joins_begins_the_ten_minutes_anew(
    incident_town: IncidentTown, secret: str
) -> None:
    session, device = incident_town.session, device_id(incident_town.session)
    result = {
        devices.receive_alarm(
            session, device, Alarm(f"a-{n}"), NOW + timedelta(minutes=8 * n)
        ).incident
        for n in range(4)
    }
    assert len(result) == 1


def test_what_is_closed_is_not_joined(incident_town: IncidentTown, secret: str) -> None:
    session, device = incident_town.session, device_id(incident_town.session)
    leading = devices.receive_alarm(session, device, Alarm("a-1"), NOW)
    for move in ("take", "handle", "check", "close"):
        incident_town.do(
            leading.incident,
            move,
            "王网格" if move in ("take", "handle") else "赵社工",
            note="误报",
        )
    second = devices.receive_alarm(session, device, Alarm("a-2"), NOW + timedelta(minutes=1))
    assert second.filed and second.incident != leading.incident
    assert (
        devices.receive_alarm(session, device, Alarm("a-1"), NOW + timedelta(minutes=2)).incident
        == leading.incident
    )


def test_two_devices_do_not_join_each_other(incident_town: IncidentTown, secret: str) -> None:
    session = incident_town.session
    devices.add(
        session, devices.DeviceInput("SM-0002", "smoke", CATEGORY, LON, LAT, "cgcs2000"), NOW
    )
    leading = devices.receive_alarm(session, device_id(session), Alarm("a-1"), NOW)
    second = devices.receive_alarm(session, device_id(session, "SM-0002"), Alarm("a-1"), NOW)
    assert second.filed and second.incident != leading.incident


def test_an_alarm_is_not_lost_when_its_category_left_the_catalogue(
    incident_town: IncidentTown, secret: str
) -> None:
    incident_town.session.execute(text("UPDATE device SET category = 'ZZ999'"))
    taken = devices.receive_alarm(
        incident_town.session, device_id(incident_town.session), Alarm("a-1"), NOW
    )
    assert taken.filed and incident_town.seen(taken.incident).category != "ZZ999"


# --- who it is ------------------------------------------------------------------------------------


def test_unknown_device_wrong_secret_and_blocked_device_answer_alike(
    incident_town: IncidentTown, secret: str, send: Send
) -> None:
    answers = [send(code="SM-9999"), send(key="guess")]
    devices.block(incident_town.session, CODE)
    answers.append(send())
    assert [status for status, _ in answers] == [401] * 3
    assert len({json.dumps(answer, sort_keys=True) for _, answer in answers}) == 1
    devices.block(incident_town.session, CODE, active=True)
    assert send()[0] == 201


@pytest.mark.parametrize("off", [-301, 301])
def test_a_message_five_minutes_off_is_refused(send: Send, off: float) -> None:
    status, answer = send(off=off)
    assert status == 401 and "5 minutes" in str(answer["detail"])


@pytest.mark.parametrize("off", [-295, 295])
def test_a_clock_a_little_off_is_let_pass(send: Send, off: float) -> None:
    assert send(off=off)[0] == 201


def test_the_signature_covers_time_and_body(client: FlaskClient, secret: str) -> None:
    body = b'{"alarm": "a-1"}'
    now = datetime.now(UTC).timestamp()
    good = signed(secret, body, now)
    path = f"/api/v1/devices/{CODE}/alarms"
    assert client.post(path, data=b'{"alarm": "a-2"}', headers=good).status_code == 401
    later = good | {"X-Wangge-Timestamp": str(int(now) + 1)}
    assert client.post(path, data=body, headers=later).status_code == 401
    bare = good | {"X-Wangge-Signature": good["X-Wangge-Signature"][3:]}
    assert client.post(path, data=body, headers=bare).status_code == 401
    for missing in ("X-Wangge-Timestamp", "X-Wangge-Signature"):
        headers = {name: value for name, value in good.items() if name != missing}
        assert client.post(path, data=body, headers=headers).status_code == 401
    odd = good | {"X-Wangge-Signature": "v1=ü"}
    assert client.post(path, data=body, headers=odd).status_code == 401
    assert client.post(path, data=body, headers=good).status_code == 201


def test_a_new_secret_ends_the_old_one(
    incident_town: IncidentTown, secret: str, send: Send
) -> None:
    new = devices.new_secret(incident_town.session, CODE)
    assert send(key=secret)[0] == 401
    assert send(key=new)[0] == 201


def test_verify_says_the_same_of_a_device_that_is_not(session: Session, secret: str) -> None:
    stamp = str(int(NOW.timestamp()))
    for code in (CODE, "nobody", ""):
        with pytest.raises(AuthenticationRequired) as raised:
            devices.authenticate_message(session, code, stamp, "v1=00", b"{}", NOW)
        assert raised.value.code == "device.not_authenticated"


# --- what it says ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("extra", "field"),
    [
        ({"alarm": ""}, "alarm"),
        ({"alarm": "x" * 101}, "alarm"),
        ({"alarm": "a\u0000b"}, "alarm"),
        ({"alarm": 7}, "alarm"),
        ({"alarm": "a", "at": "yesterday"}, "at"),
        ({"alarm": "a", "at": "2020-01-01"}, "at"),
        ({"alarm": "a", "at": "2990-01-01"}, "at"),
        ({"alarm": "a", "kind": "x" * 61}, "kind"),
    ],
)
def test_a_wrong_field_is_named(send: Send, extra: dict[str, object], field: str) -> None:
    status, answer = send(**extra)  # type: ignore[arg-type]
    assert status == 422
    assert [error["field"] for error in answer["errors"]] == [field]  # type: ignore[union-attr, index, call-overload]


def test_what_is_no_alarm_is_refused(client: FlaskClient, secret: str) -> None:
    path = f"/api/v1/devices/{CODE}/alarms"
    for body, status in (
        (b"{", 422),
        (b"[]", 422),
        (b"{}", 422),
        (b"\xff", 422),
        (b'"' + b"x" * 17_000 + b'"', 413),
    ):
        headers = signed(secret, body, datetime.now(UTC).timestamp())
        assert client.post(path, data=body, headers=headers).status_code == status, body[:20]


# --- the register ---------------------------------------------------------------------------------


def test_a_device_is_entered_with_its_place_and_category(
    incident_town: IncidentTown, secret: str
) -> None:
    result = devices.list_devices(incident_town.session)
    assert [(item.code, item.kind, item.county, item.active, item.alarms) for item in result] == [
        (CODE, "smoke", "520402", True, 0)
    ]
    assert "secret" not in repr(result)
    devices.receive_alarm(
        incident_town.session, device_id(incident_town.session), Alarm("a-1"), NOW
    )
    assert devices.list_devices(incident_town.session)[0].alarms == 1


@pytest.mark.parametrize("kind", devices.DEVICE_TYPES)
def test_each_kind_has_a_category_of_the_catalogue(incident_town: IncidentTown, kind: str) -> None:
    devices.add(incident_town.session, devices.DeviceInput(kind, kind, "", LON, LAT, "wgs84"), NOW)
    result = devices.list_devices(incident_town.session)[0]
    taken = devices.receive_alarm(
        incident_town.session, device_id(incident_town.session, kind), Alarm("1"), NOW
    )
    assert incident_town.seen(taken.incident).category == result.category


def test_what_cannot_be_a_device_is_refused(incident_town: IncidentTown, secret: str) -> None:
    session = incident_town.session
    with pytest.raises(Conflict):
        devices.add(
            session, devices.DeviceInput(CODE, "smoke", CATEGORY, LON, LAT, "cgcs2000"), NOW
        )
    with pytest.raises(InvalidInput, match="kind"):
        devices.add(
            session, devices.DeviceInput("B", "toaster", CATEGORY, LON, LAT, "cgcs2000"), NOW
        )
    with pytest.raises(InvalidInput, match="category"):
        devices.add(session, devices.DeviceInput("B", "smoke", "99999", LON, LAT, "cgcs2000"), NOW)
    with pytest.raises(InvalidInput, match="code"):
        devices.add(
            session, devices.DeviceInput("a/b", "smoke", CATEGORY, LON, LAT, "cgcs2000"), NOW
        )
    with pytest.raises(OutsideGrids):
        devices.add(
            session, devices.DeviceInput("B", "smoke", CATEGORY, 105.0, 26.0, "cgcs2000"), NOW
        )
    for act in (devices.new_secret, devices.block):
        with pytest.raises(NotFound):
            act(session, "nobody")


def test_an_alarm_of_a_home_is_not_open_to_everybody(
    incident_town: IncidentTown, secret: str
) -> None:
    taken = devices.receive_alarm(
        incident_town.session, device_id(incident_town.session), Alarm("a-1"), NOW
    )
    with pytest.raises(NotFound):
        incidents.get_incident(incident_town.session, ANONYMOUS, taken.incident, now=NOW)


# --- as it runs -----------------------------------------------------------------------------------


def test_twenty_times_the_same_alarm_at_once_is_one_incident(served: Deployment) -> None:
    payload = served.get("/api/v1/search?q=3号楼")["items"][0]
    completed = served.run_inside(
        "device",
        "add",
        "RACE-1",
        "--kind",
        "smoke",
        "--lon",
        payload["lon"],
        "--lat",
        payload["lat"],
        "--crs",
        "cgcs2000",
    )
    assert completed.returncode == 0, completed.stderr
    secret = completed.stdout.strip()
    body = b'{"alarm": "race", "kind": "smoke"}'
    headers = {
        name.replace("-", "_"): value
        for name, value in signed(secret, body, datetime.now(UTC).timestamp()).items()
    }

    def post(_: int) -> tuple[int, str]:
        reply = served.ask("/api/v1/devices/RACE-1/alarms", body, **headers)
        return reply.status, reply.json()["incident"]

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(post, range(20)))
    assert sorted(status for status, _ in answers) == [200] * 19 + [201]
    assert len({incident for _, incident in answers}) == 1
    listed = served.run_inside("device", "list", "--json")
    assert [load["alarms"] for load in json.loads(listed.stdout) if load["code"] == "RACE-1"] == [1]
    assert secret not in listed.stdout
    assert served.run_inside("device", "block", "RACE-1").returncode == 0
    assert served.ask("/api/v1/devices/RACE-1/alarms", body, **headers).status == 401
