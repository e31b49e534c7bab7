"""Orders of a hotline: filed once, told in order, and nothing lost while the other side is down."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from gis.exchange import hotline
from gis.exchange.hotline import Exchanged
from gis.incidents.clock import clock_changes
from gis.rights.visibility import reveal_contacts
from gis.settings import Hotline, Settings
from tests.support.hotline import KEY, FakeHotline, serving
from tests.support.incident_town import NOW, POINT, IncidentTown

# as a gateway sent it, the second page with what can go wrong
ORDER: dict[str, Any] = {
    "number": "GD-2026/1",
    "content": "楼下垃圾没人收",
    "accepted_at": "2026-11-23T08:30:00+08:00",
    "category": "暴露垃圾",
    **POINT,
    "due_at": "2026-12-01T18:00:00+08:00",
    "name": "张三",
    "phone": "13800000001",
}
OUTSIDE = ORDER | {"number": "GD-2", "lon": 100.0}
MALFORMED = {"number": "GD-3", "content": "没有时间"}
NAMELESS = {"content": "没有编号"}
PAGES = {
    "": {"orders": [ORDER], "next": "1", "more": True},
    "1": {"orders": [ORDER, OUTSIDE, MALFORMED, NAMELESS], "next": "2", "more": False},
}


@pytest.fixture
def scene(session: Session) -> IncidentTown:
    """Return the usual place."""
    return IncidentTown(session)


@pytest.fixture
def gateway() -> Iterator[FakeHotline]:
    """A hotline with two pages of orders."""
    with serving(FakeHotline(dict(PAGES))) as fake:
        yield fake


def run(scene: IncidentTown, gateway: FakeHotline, key: str = KEY) -> Exchanged:
    """Exchange within the transaction of the test."""
    scene.session.flush()
    engine = cast(Engine, scene.session.connection())
    done = hotline.exchange(engine, Hotline("12345", gateway.url, key), NOW)
    scene.session.expire_all()
    return done


def incident(scene: IncidentTown) -> Any:
    """Return the incident of the order."""
    query = "SELECT * FROM incident WHERE attributes ->> 'external_number' = 'GD-2026/1'"
    return scene.session.execute(text(query)).one()


def work(scene: IncidentTown, *names: str) -> None:
    """Bring the incident of the order along."""
    incident_id = incident(scene).id
    for name in names:
        by = "王网格" if name in ("take", "handle") else "赵社工"
        scene.do(incident_id, name, by, note="清走了" if name == "handle" else "")


def test_orders_are_filed_once_and_what_cannot_be_is_sent_back(
    scene: IncidentTown, gateway: FakeHotline
) -> None:
    assert run(scene, gateway) == Exchanged(filed=1, refused=2, told=4)
    row = incident(scene)
    assert (row.state, row.category, row.channel) == ("dispatched", "06010", "phone")
    assert row.due_at.isoformat().startswith("2026-12-01T10:00")
    reveal_contacts(scene.session)
    assert scene.session.scalar(text("SELECT phone FROM personal.reporter")) == "13800000001"
    assert gateway.states("GD-2026/1") == ["accepted", "dispatched"]
    messages = {number: body for number, _, body in gateway.told}
    assert messages["GD-2"]["state"] == messages["GD-3"]["state"] == "refused"
    assert "accepted_at" in messages["GD-3"]["note"] and "网格" in messages["GD-2"]["note"]
    assert run(scene, gateway) == Exchanged()
    gateway.pages["2"] = gateway.pages["1"]  # the same again
    assert run(scene, gateway) == Exchanged()
    assert scene.session.scalar(text("SELECT count(*) FROM incident")) == 1
    assert [row.number for row in hotline.list_orders(scene.session, refused=True, limit=9)] == [
        "GD-2",
        "GD-3",
    ]


def test_what_was_promised_bounds_every_stage(scene: IncidentTown, gateway: FakeHotline) -> None:
    soon = NOW + timedelta(minutes=7)
    order = ORDER | {"due_at": soon.isoformat()}
    gateway.pages[""] = {"orders": [order], "next": "1", "more": False}
    run(scene, gateway)
    assert incident(scene).due_at == soon
    for move in ("take", "handle"):  # by itself each stage has hours
        work(scene, move)
        assert incident(scene).due_at == soon, move
    assert incident(scene).time_limits["promised"] == soon.isoformat()


def test_a_promise_stays_with_new_limits(scene: IncidentTown, gateway: FakeHotline) -> None:
    run(scene, gateway)
    row = incident(scene)
    own = {key: value for key, value in row.time_limits.items() if key != "promised"}
    # the limits of the same kind, as a rule has them
    assert (
        clock_changes(row, row.state, {"time_limits": own}, NOW)["time_limits"] == row.time_limits
    )


def test_every_step_is_told_in_its_order(scene: IncidentTown, gateway: FakeHotline) -> None:
    run(scene, gateway)
    work(scene, "take", "handle")
    assert run(scene, gateway).told == 2
    work(scene, "check", "close")
    assert run(scene, gateway).told == 2
    assert gateway.states("GD-2026/1") == [
        "accepted",
        "dispatched",
        "taken",
        "handled",
        "checked",
        "closed",
    ]
    assert gateway.told[-3][2]["note"] == "清走了" and gateway.told[-3][2]["state_zh"] == "已处理"
    assert "王网格" not in str(gateway.told)


@pytest.mark.parametrize("status", [503, 401, 429])
def test_nothing_is_lost_while_the_hotline_is_down(
    scene: IncidentTown, gateway: FakeHotline, status: int
) -> None:
    run(scene, gateway)
    gateway.status = status
    gateway.pages["2"] = {"orders": [ORDER | {"number": "GD-4"}], "next": "3"}
    work(scene, "take", "handle")
    done = run(scene, gateway)
    assert (done.filed, done.told) == (0, 0) and str(status) in done.error
    query = text("SELECT last_error, exchanged_at, cursor FROM external_system")
    assert scene.session.execute(query).one() == (done.error, NOW, "2")
    gateway.status = 0
    assert run(scene, gateway) == Exchanged(filed=1, told=4)
    assert gateway.states("GD-2026/1")[-2:] == ["taken", "handled"]
    assert scene.session.scalar(text("SELECT last_error FROM external_system")) == ""


def test_a_step_whose_answer_was_lost_comes_again_under_the_same_key(
    scene: IncidentTown, gateway: FakeHotline
) -> None:
    gateway.loses = 1
    assert "cannot be reached" in run(scene, gateway).error
    assert run(scene, gateway).told == 4
    keys = [key for _, key, _ in gateway.told]
    assert len(keys) == 5 and len(set(keys)) == 4


def test_a_step_that_is_refused_holds_up_its_own_order_alone(
    scene: IncidentTown, gateway: FakeHotline
) -> None:
    gateway.refuses = {"GD-2026/1"}
    assert run(scene, gateway).told == 2
    listed = hotline.list_orders(scene.session, refused=True, limit=9)
    assert {row.number: row.step_refusal for row in listed}["GD-2026/1"].endswith("answered 404")
    gateway.refuses = set()
    assert run(scene, gateway).told == 0  # nothing has changed
    work(scene, "take")
    assert run(scene, gateway).told == 3
    assert gateway.states("GD-2026/1") == ["accepted", "dispatched", "taken"]
    gateway.refuses = {"GD-2026/1"}
    work(scene, "handle")
    assert run(scene, gateway).told == 0
    gateway.refuses = set()
    assert hotline.retry_steps(scene.session, "GD-2026/1") == 1
    assert run(scene, gateway).told == 1


def test_a_remark_on_a_known_order_is_taken_once(
    scene: IncidentTown, gateway: FakeHotline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hotline, "ORDERS_AT_ONCE", 1)
    run(scene, gateway)
    remarks = [{"number": "R1", "content": "又催了一次"}, {"content": "没有编号"}, "x"]
    gateway.pages["2"] = {"orders": [ORDER | {"remarks": remarks}] * 2, "next": "3"}
    assert run(scene, gateway).error == ""
    assert scene.moves(incident(scene).id).count("note") == 1


def test_a_wrong_key_or_nonsense_is_said(scene: IncidentTown, gateway: FakeHotline) -> None:
    assert "401" in run(scene, gateway, key="other").error
    gateway.pages[""] = {"rows": []}
    assert "cannot be read" in run(scene, gateway).error
    with serving(FakeHotline({})) as gone:
        pass
    assert "cannot be reached" in run(scene, gone).error


def test_the_settings_need_an_address_and_a_key() -> None:
    env = {"WANGGE_HOTLINE_URL": "https://h.example/gw/", "WANGGE_HOTLINE_KEY": "k"}
    assert Settings.from_env(env).hotline == Hotline("12345", "https://h.example/gw", "k")
    assert Settings.from_env({}).hotline is None
    assert "'k'" not in repr(Settings.from_env(env))
    for wrong in ({"WANGGE_HOTLINE_KEY": ""}, {"WANGGE_HOTLINE_URL": "ftp://h"}):
        with pytest.raises(Exception, match="WANGGE_HOTLINE"):
            Settings.from_env(env | wrong)


# what a gateway may send beside what was agreed: field, value, whether it is filed
ODD = [
    ("content", "a\0b", False),
    ("content", "\ud800", False),
    ("phone", "\0", False),
    ("category", "\0", False),
    ("number", "N\0", False),
    ("number", "\ud800", False),
    ("number", "贵安〔2026〕1号", True),
    ("number", "N\n1", True),
    ("accepted_at", "2026-11-23 08:30:00", True),
    ("due_at", "2026-12-01 18:00:00", True),
]


def test_an_odd_order_holds_up_no_other(scene: IncidentTown) -> None:
    orders = [ORDER | {"number": f"odd-{number}"} for number in range(len(ODD))]
    orders = [order | {field: value} for order, (field, value, _) in zip(orders, ODD, strict=True)]
    page = {"orders": [*orders, ORDER], "next": "1"}
    with serving(FakeHotline({"": page, "1": {"orders": [], "next": "\0"}})) as fake:
        done = run(scene, fake)
        assert done.error == "" and incident(scene)
        filed = [number for number, (_, _, is_filed) in enumerate(ODD) if is_filed]
        assert done.filed == len(filed) + 1
        assert fake.states("贵安〔2026〕1号") == ["accepted", "dispatched"]
        due = "SELECT due_at FROM incident WHERE attributes ->> 'external_number' = 'odd-9'"
        assert scene.session.scalar(text(due)).isoformat().startswith("2026-12-01T10:00")
        assert "cannot be read" in run(scene, fake).error  # a cursor that cannot be kept
