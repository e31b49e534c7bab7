"""The loop: a report finds its person, and every move is an event."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import FrameType
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from gis.errors import Conflict, Forbidden, InvalidInput, NotFound
from gis.incidents.lifecycle import moves, upkeep
from gis.incidents.lifecycle.effects import MovePayload
from gis.incidents.lifecycle.intake import IncidentReport
from gis.incidents.lifecycle.report import file_report
from gis.incidents.reading import duplicates, filters, incidents, timeline
from gis.network.store import WalkEdgeRow, replace_network
from gis.rights.principal import ANONYMOUS, Principal, system_principal
from tests.support import build
from tests.support.incident_town import NOW, POINT, Place, taker, to_state


@pytest.fixture
def place(session: Session) -> Place:
    """The usual place."""
    return Place(session)


def test_a_report_finds_its_person_in_one_call(place: Place) -> None:
    filed = place.report()
    assert filed.state == "dispatched"
    assert filed.assigned_to == {"role": "grid_worker", "name": "王网格", "area": "520402007012001"}
    assert filed.rule
    assert filed.due is not None and filed.due > NOW
    assert {one.step for one in filed.how} >= {"grid", "rule", "person"}
    assert all(one.zh and one.en for one in filed.how)
    assert place.moves(filed.id) == ["report", "accept", "dispatch"]


def test_names_of_people_are_not_in_how(place: Place) -> None:
    filed = place.report()
    assert "王网格" not in str(filed.how)


def test_each_step_up_is_said(place: Place) -> None:
    place.town.leave("王网格", NOW - timedelta(days=1), NOW + timedelta(days=1))
    filed = place.report()
    assert filed.assigned_to is not None and filed.assigned_to["role"] == "grid_leader"
    rules = [one.rule for one in filed.how if one.step == "person"]
    assert rules == ["away", "found"]


def test_nobody_there_waits_at_the_community_with_a_running_clock(session: Session) -> None:
    town = build.Town(session)
    town.grid("001")
    filed = file_report(session, ANONYMOUS, IncidentReport(category="06010", **POINT), NOW)  # type: ignore[arg-type]
    assert filed.state == "accepted"
    assert filed.assigned_to is None
    assert filed.due is not None
    assert [one.rule for one in filed.how if one.step == "person"][-1] == "nobody"


def test_of_two_workers_the_less_busy_one_gets_it(place: Place) -> None:
    place.town.post("grid_worker", place.grid, "第二网格员")
    names = [place.report().assigned_to["name"] for _ in range(4)]  # type: ignore[index]
    assert sorted(names) == ["王网格", "王网格", "第二网格员", "第二网格员"]


def test_the_whole_chain(place: Place) -> None:
    one = place.report().id
    found = to_state(place, one, "take", "handle", "check", "close")
    assert (found.state, found.colour, found.due) == ("closed", None, None)
    assert found.closed_at == NOW
    assert place.moves(one) == ["report", "accept", "dispatch", "take", "handle", "check", "close"]


def test_words_alone_are_enough(place: Place) -> None:
    filed = place.report(category="", description="楼道口堆了一大堆垃圾没人清理，臭得很")
    assert filed.suggestions
    assert filed.category == filed.suggestions[0].code
    assert filed.state == "dispatched"


def test_words_nobody_understands_wait_for_the_community_to_choose(place: Place) -> None:
    filed = place.report(category="", description="啊啊啊")
    assert filed.state == "reported"
    assert place.moves(filed.id) == ["report"]
    found = place.do(filed.id, "accept", category="06010")
    assert (found.state, found.category) == ("accepted", "06010")
    assert place.do(filed.id, "dispatch").assigned_to == "王网格"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"category": "99999"}, "category"),
        ({"category": "", "description": " "}, "category"),
        ({"severity": "huge"}, "severity"),
        ({"channel": "pigeon"}, "channel"),
        ({"description": "字" * 4001}, "description"),
        ({"lon": None}, "lon"),
        ({"crs": None}, "crs"),
        ({"lon": 26.23, "lat": 105.95}, ""),
    ],
)
def test_a_wrong_report_names_its_field_and_leaves_nothing(
    place: Place, session: Session, given: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        place.report(**given)  # type: ignore[arg-type]
    assert refused.value.detail
    if field:
        assert field in {error.field for error in refused.value.errors}
    assert session.scalar(text("SELECT count(*) FROM incident")) == 0


def test_by_area_code_and_by_address(place: Place) -> None:
    house = place.town.building("3号楼", 0.0002, 0.0002, estate="桂花苑")
    place.town.unit(place.grid, "01", [(house, None, None, None)])
    by_code = place.report(lon=None, lat=None, crs=None, area="520402007012002")
    assert by_code.assigned_to is not None and by_code.assigned_to["name"] == "邻网格员"
    by_address = place.report(lon=None, lat=None, crs=None, address="桂花苑3号楼")
    assert (
        by_address.assigned_to is not None and by_address.assigned_to["area"] == "520402007012001"
    )


def test_of_an_area_above_nobody_below_is_asked(place: Place) -> None:
    place.town.boundary(
        place.town.community, build.square(build.LON, build.LAT, 2 * build.SIDE, build.SIDE)
    )
    filed = place.report(lon=None, lat=None, crs=None, area="520402007012")
    assert filed.assigned_to is not None and filed.assigned_to["role"] == "community_worker"


def test_who_may_not_see_it_is_told_it_is_not_there(place: Place) -> None:
    one = place.report().id
    with pytest.raises(NotFound) as hidden:
        place.do(one, "take", "邻网格员")
    with pytest.raises(NotFound) as absent:
        place.do(uuid4(), "take", "邻网格员")
    assert hidden.value.detail == absent.value.detail
    assert (
        incidents.list_incidents(
            place.session, place.who("邻网格员"), filters.IncidentFilters(), 10, None, now=NOW
        )
        == []
    )
    assert (
        incidents.count_by_state(
            place.session, place.who("邻网格员"), filters.IncidentFilters(), now=NOW
        )["all"]
        == 0
    )


def test_seeing_is_not_doing(place: Place) -> None:
    one = place.report().id
    with pytest.raises(Forbidden):
        place.do(one, "check" if False else "supervise", "王网格", note="快")
    with pytest.raises(Conflict) as refused:
        place.do(one, "check", "赵社工")
    assert "take" in refused.value.detail


def test_the_list_of_moves_is_what_can_be_done(place: Place) -> None:
    one = place.report().id
    for name in ("王网格", "赵社工", "李网格长"):
        by = place.who(name)
        offered = set(incidents.get_incident(place.session, by, one, now=NOW).moves)
        assert "take" in offered
        assert "approve_void" not in offered  # nobody asked for it
        assert "escalate" not in offered


def test_returned_with_a_reason_goes_to_the_community(place: Place) -> None:
    one = place.report().id
    with pytest.raises(InvalidInput):
        place.do(one, "return", "王网格")
    found = place.do(one, "return", "王网格", note="不是我的网格")
    assert (found.state, found.role) == ("returned", "community_worker")
    assert place.do(one, "dispatch", role="grid_leader").assigned_to == "李网格长"


def test_what_is_asked_for_is_approved_by_somebody_else(place: Place) -> None:
    one = place.report().id
    place.do(one, "request_void", "赵社工", note="重复")
    with pytest.raises(Forbidden):
        place.do(one, "approve_void", "赵社工")
    found = moves.apply_move(place.session, place.who("街道办"), one, "approve_void", NOW)
    assert found.state == "void"


def test_suspension_stops_the_clock_and_resuming_gives_the_rest(place: Place) -> None:
    one = place.report().id
    before = place.seen(one)
    assert before.due is not None
    later = NOW + timedelta(minutes=10)
    place.do(one, "request_suspend", "王网格", at=later, note="等零件")
    stopped = place.do(one, "approve_suspend", "赵社工", at=later)
    assert (stopped.state, stopped.due, stopped.colour) == ("suspended", None, None)
    assert stopped.stopped_after_min == 10
    back = place.do(one, "resume", "赵社工", at=later + timedelta(minutes=30))
    assert back.state == "dispatched"
    assert back.due == before.due + timedelta(minutes=30)


def test_more_time_is_an_event_with_both_limits(place: Place) -> None:
    one = place.report().id
    due = place.seen(one).due
    assert due is not None
    place.do(one, "request_extend", "王网格", minutes=20, note="人手不够")
    found = place.do(one, "approve_extend", "赵社工")
    assert found.due == due + timedelta(minutes=20)
    event = timeline.events(place.session, system_principal("test"), one)[-1]
    before, after = event.detail["minutes"]
    assert after == before + 20


def test_overdue_goes_up_once_a_time_and_a_missed_run_catches_up(place: Place) -> None:
    one = place.report().id
    first = place.seen(one).due
    assert first is not None
    assert not upkeep.escalate_overdue(place.session, one, first - timedelta(seconds=1))
    assert upkeep.escalate_overdue(place.session, one, first)
    assert not upkeep.escalate_overdue(place.session, one, first)
    assert place.seen(one).supervise_level == 1
    week = NOW + timedelta(days=30)
    steps = 0
    while upkeep.escalate_overdue(place.session, one, week):
        steps += 1
    found = place.seen(one, week)
    assert found.supervised and found.colour == "red"
    assert place.moves(one).count("escalate") == 1 + steps
    assert not upkeep.escalate_overdue(place.session, one, week)


def test_handled_is_green_amber_red_by_the_clock(place: Place) -> None:
    one = place.report().id
    found = place.seen(one)
    assert found.amber is not None and found.due is not None
    second = timedelta(seconds=1)
    assert place.seen(one, found.amber - second).colour == "green"
    assert place.seen(one, found.amber).colour == "amber"
    assert place.seen(one, found.due).colour == "amber"
    assert place.seen(one, found.due + second).colour == "red"


def test_unhappy_reopens_to_the_same_chain(place: Place) -> None:
    filed = place.report()
    to_state(place, filed.id, "take", "handle", "check", "close")
    by = timeline.authenticate_tracking(place.session, filed.id, filed.tracking_secret)
    found = moves.apply_move(
        place.session,
        by,
        filed.id,
        "rate",
        NOW,
        MovePayload(rating=1, solved=False, note="垃圾还在"),
    )
    assert found.state == "dispatched"
    assert place.moves(filed.id)[-2:] == ["rate", "reopen"]
    assert place.seen(filed.id).assigned_to == "王网格"
    assert place.seen(filed.id).rating == 1


def test_the_tracking_secret_opens_one_incident_only(place: Place) -> None:
    one, other = place.report(), place.report()
    told = timeline.tracked(place.session, one.id, one.tracking_secret, now=NOW)
    assert told.role == "grid_worker" and told.name is None
    assert "王网格" not in str(told)
    for secret in (other.tracking_secret, "", "x" * 43):
        with pytest.raises(NotFound):
            timeline.tracked(place.session, one.id, secret, now=NOW)
    by = timeline.authenticate_tracking(place.session, one.id, one.tracking_secret)
    with pytest.raises(NotFound):
        moves.apply_move(place.session, by, other.id, "rate", NOW, MovePayload(rating=5))
    with pytest.raises(Forbidden):
        moves.apply_move(place.session, by, one.id, "take", NOW)


def test_near_duplicates_are_offered_and_quarrels_stay_private(place: Place) -> None:
    first = place.report()
    again = place.report(lon=build.LON + 0.0006)
    assert [one.id for one in again.duplicates] == [None]  # somebody else's: told of, not shown
    seen = duplicates.find_duplicates(
        place.session, place.who("王网格"), "06010", POINT["lon"], POINT["lat"], NOW
    )
    assert {one.id for one in seen} == {first.id, again.id}
    assert not duplicates.find_duplicates(
        place.session,
        place.who("王网格"),
        "06010",
        POINT["lon"],
        POINT["lat"],
        NOW + timedelta(days=7, seconds=1),
    )
    private = next(code for code in session_categories(place.session) if not code[0].isdigit())
    place.report(category=private)
    assert place.report(category=private).duplicates == []


def session_categories(session: Session) -> list[str]:
    return list(
        session.scalars(
            text("SELECT code FROM incident_category WHERE kind = 'incident' ORDER BY position")
        )
    )


def test_parent_and_children_move_together(place: Place) -> None:
    parent, child, late = place.report().id, place.report().id, place.report().id
    place.do(child, "link", parent=parent)
    assert place.seen(child).due is None  # one clock, not two
    with pytest.raises(Conflict):
        place.do(child, "take", "王网格")
    to_state(place, parent, "take", "handle")
    assert place.seen(child).state == "handled"
    place.do(late, "link", parent=parent)  # catches up
    assert place.seen(late).state == "handled"
    to_state(place, parent, "check", "close")
    assert [place.seen(one).state for one in (parent, child, late)] == ["closed"] * 3
    assert set(place.seen(parent).children) == {child, late}


def test_an_order_is_claimed_by_one_of_those_with_the_skill(place: Place, session: Session) -> None:
    order = session.execute(
        text("SELECT code, skill FROM incident_category WHERE kind = 'order' ORDER BY position")
    ).first()
    assert order is not None
    for name in ("水工甲", "水工乙", "木工"):
        skills = [order.skill] if name.startswith("水工") else ["nothing of the kind"]
        taker(place, name, skills)
    filed = place.report(category=order.code)
    assert (filed.way, filed.state, filed.assigned_to) == ("order", "dispatched", None)
    with pytest.raises(NotFound):
        place.do(filed.id, "take", "木工")
    assert place.do(filed.id, "take", "水工乙").state == "taken"
    with pytest.raises(Conflict):
        place.do(filed.id, "take", "水工甲")
    assert place.seen(filed.id).assigned_to == "水工乙"


def test_an_order_goes_to_the_nearest_on_foot_not_as_the_crow_flies(
    place: Place, session: Session
) -> None:
    order = session.execute(
        text("SELECT code, skill FROM incident_category WHERE kind = 'order' ORDER BY position")
    ).first()
    assert order is not None
    x, y = POINT["lon"], POINT["lat"]
    # a street that goes west 0.003 degrees (300 m); and one around a river, 40 m across but 1 km on
    # foot
    around = [(x, y), (x, y + 0.005), (x + 0.0004, y + 0.005), (x + 0.0004, y)]
    nodes = [(1, x, y), (2, x - 0.003, y), (3, x + 0.0004, y)]
    edges = [
        WalkEdgeRow(1, 1, 2, [(x, y), (x - 0.003, y)], "residential", "", False, ""),
        WalkEdgeRow(2, 1, 3, around, "residential", "", False, ""),
    ]
    replace_network(session, nodes, edges, "test")
    for name, lon in (("对岸", x + 0.0004), ("同街", x - 0.003), ("无住址", None)):
        taker(place, name, [order.skill])
        if lon is not None:
            session.execute(
                text(
                    "UPDATE order_taker"
                    " SET geom = ST_SetSRID(ST_MakePoint(:lon, :lat), 4490)"
                    " WHERE person_id = :id"
                ),
                {"lon": lon, "lat": y, "id": place.town.person(name).id},
            )
    filed = place.report(category=order.code)
    query = text(
        "SELECT p.name, o.distance_m FROM order_offer o JOIN personal.person p"
        " ON p.id = o.person_id"
        " WHERE o.incident_id = :id ORDER BY o.distance_m NULLS LAST"
    )
    offered = session.execute(query, {"id": filed.id}).all()
    assert [one.name for one in offered] == ["同街", "对岸", "无住址"]
    assert offered[0].distance_m == pytest.approx(300, abs=3)
    assert offered[1].distance_m > 1000
    assert "offered" in [one.rule for one in filed.how]


def test_an_order_nobody_claims_falls_back_to_the_community(place: Place, session: Session) -> None:
    order = session.execute(
        text("SELECT code, skill FROM incident_category WHERE kind = 'order' ORDER BY position")
    ).first()
    assert order is not None
    taker(place, "水工甲", [order.skill])
    filed = place.report(category=order.code)
    assert filed.due is not None
    assert not upkeep.expire_order(session, filed.id, filed.due - timedelta(seconds=1))
    assert upkeep.expire_order(session, filed.id, filed.due)
    assert not upkeep.expire_order(session, filed.id, filed.due)
    found = place.seen(filed.id)
    assert (found.state, found.way, found.role, found.assigned_to) == (
        "accepted",
        "assign",
        "community_worker",
        "赵社工",
    )


def test_an_order_without_takers_goes_to_who_answers_for_the_place(
    place: Place, session: Session
) -> None:
    code = session.scalar(
        text("SELECT code FROM incident_category WHERE kind = 'order' ORDER BY position")
    )
    filed = place.report(category=str(code))
    assert (filed.way, filed.state) == ("assign", "dispatched")
    assert "no_taker" in [one.rule for one in filed.how]


def test_another_version_is_a_conflict(place: Place) -> None:
    filed = place.report()
    with pytest.raises(Conflict) as refused:
        moves.apply_move(
            place.session, place.who("王网格"), filed.id, "take", NOW, version=filed.version - 1
        )
    assert refused.value.extra["version"] == filed.version
    assert (
        moves.apply_move(
            place.session, place.who("王网格"), filed.id, "take", NOW, version=filed.version
        ).state
        == "taken"
    )


def test_contacts_are_for_who_calls_back(place: Place) -> None:
    one = place.report(name="张三", phone="13800000000").id
    seen = incidents.get_incident(place.session, place.who("赵社工"), one, now=NOW)
    assert incidents.get_reporter_contact(place.session, place.who("赵社工"), seen) == {
        "name": "张三",
        "phone": "13800000000",
        "email": "",
    }
    assert "13800000000" not in str(seen)
    watcher = Principal("account", "auditor", {}, account_id=None)
    with pytest.raises(Forbidden):
        incidents.get_reporter_contact(place.session, watcher, seen)
    hidden = place.session.scalar(text("SELECT count(*) FROM personal.reporter"))
    assert hidden == 0  # row security: nobody sees them who did not ask by the proper way


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE incident SET state = 'closed'",
        "DELETE FROM incident",
        "UPDATE incident_event SET note = 'x'",
        "DELETE FROM incident_event",
        "INSERT INTO incident_event (county, incident_id, move, from_state, to_state, who)"
        " SELECT county, id, 'close', state, 'closed', 'me' FROM incident",
    ],
)
def test_the_database_refuses_what_the_table_does_not_allow(
    place: Place, session: Session, statement: str
) -> None:
    place.report()
    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(text(statement))


def test_filters_and_pages(place: Place) -> None:
    made = [place.report(at=NOW + timedelta(minutes=number)).id for number in range(5)]
    place.report(category="06012", lon=build.LON + 0.0015)
    by, now = place.who("赵社工"), NOW + timedelta(hours=1)

    def ids(**wanted: object) -> list[UUID]:
        return [
            v.id
            for v in incidents.list_incidents(
                place.session, by, filters.IncidentFilters(**wanted), 50, None, now=now
            )
        ]  # type: ignore[arg-type]

    assert ids(category="06010") == made[::-1]
    assert len(ids(category="06")) == 6
    assert len(ids(area="520402007012002")) == 1
    with pytest.raises(InvalidInput, match="area"):
        ids(area="nowhere")
    assert ids(state=("closed",)) == []
    assert len(ids(state=("open",))) == 6
    assert ids(since=NOW + timedelta(minutes=3), category="06010") == made[:2:-1]
    for sort in filters.SORTS:
        wanted, seen, after = filters.IncidentFilters(sort=sort), list[UUID](), None
        while part := incidents.list_incidents(place.session, by, wanted, 2, after, now=now):
            seen += [v.id for v in part]
            after = incidents.sort_key(part[-1], sort)
        assert len(seen) == len(set(seen)) == 6
    counted = incidents.count_by_state(place.session, by, filters.IncidentFilters(), now=now)
    assert (counted["all"], counted["open"], counted["states"]["dispatched"]) == (6, 6, 6)


def test_over_http(place: Place, client: FlaskClient) -> None:
    body = POINT | {"category": "06010", "description": "楼下有一堆垃圾"}
    key = {"Idempotency-Key": str(uuid4())}
    first = client.post("/api/v1/incidents", json=body, headers=key)
    again = client.post("/api/v1/incidents", json=body, headers=key)
    assert first.status_code == again.status_code == 201
    filed: dict[str, Any] = first.json or {}
    assert filed == again.json
    assert again.headers["Idempotency-Replayed"] == "true"
    assert filed["state"] == "dispatched"
    assert {"id", "tracking_secret", "assigned_to", "due", "rule", "locate"} <= filed.keys()
    other = client.post("/api/v1/incidents", json=body | {"description": "另一件"}, headers=key)
    assert other.status_code == 422
    assert place.session.scalar(text("SELECT count(*) FROM incident")) == 1
    kept = place.session.scalar(text("SELECT answer::text FROM idempotency"))
    assert filed["tracking_secret"] not in str(kept)
    one, secret = filed["id"], {"X-Tracking-Secret": filed["tracking_secret"]}
    track = client.get(f"/api/v1/incidents/{one}/track", headers=secret).json or {}
    assert track["role_zh"] == "网格员"
    assert client.get(f"/api/v1/incidents/{one}/track").status_code == 404
    assert client.get(f"/api/v1/incidents/{one}").status_code == 401
    noted = client.post(
        f"/api/v1/incidents/{one}/moves",
        json={"move": "note", "note": "在三单元门口"},
        headers=secret,
    )
    assert noted.status_code == 200


def test_one_address_may_not_file_without_end(
    place: Place, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = replace(client.application.config["SETTINGS"], reports_per_minute=3)
    monkeypatch.setitem(client.application.config, "SETTINGS", few)
    body = POINT | {"category": "06010"}
    codes = [
        client.post(
            "/api/v1/incidents", json=body, environ_base={"REMOTE_ADDR": "198.51.100.7"}
        ).status_code
        for _ in range(5)
    ]
    assert codes == [201, 201, 201, 429, 429]
    other = client.post(
        "/api/v1/incidents", json=body, environ_base={"REMOTE_ADDR": "198.51.100.8"}
    )
    assert other.status_code == 201


def test_what_is_said_while_it_is_suspended_does_not_lock_it(place: Place) -> None:
    filed = place.report()
    place.do(filed.id, "request_suspend", "王网格", note="等零件")
    place.do(filed.id, "approve_suspend", "赵社工")
    by = timeline.authenticate_tracking(place.session, filed.id, filed.tracking_secret)
    moves.apply_move(place.session, by, filed.id, "note", NOW, MovePayload(note="请问何时处理"))
    place.do(filed.id, "note", "赵社工", note="已催")
    assert place.do(filed.id, "resume", "赵社工").state == "dispatched"


def test_who_was_offered_an_order_has_no_door_to_it_afterwards(
    place: Place, session: Session
) -> None:
    order = session.execute(
        text("SELECT code, skill FROM incident_category WHERE kind = 'order' ORDER BY position")
    ).first()
    assert order is not None
    taker(place, "水工甲", [order.skill])
    filed = place.report(category=order.code)
    place.do(filed.id, "take", "水工甲")
    place.do(filed.id, "return", "水工甲", note="来不了")
    for name in ("note", "request_void", "take"):
        with pytest.raises(NotFound):
            place.do(filed.id, name, "水工甲", note="还是我来")
    place.do(filed.id, "dispatch", "赵社工", to="p-赵社工")
    with pytest.raises(NotFound):
        place.do(filed.id, "take", "水工甲")


def test_who_reported_does_not_read_what_staff_say_among_themselves(place: Place) -> None:
    resident = replace(
        place.who("居民甲"), account_id=None, kind="key", key_id=None, actor="account resident"
    )
    filed = place.report()
    place.do(filed.id, "return", "王网格", note="内部：不归我管")
    place.do(filed.id, "note", "赵社工", note="内部备注")
    by = timeline.authenticate_tracking(place.session, filed.id, filed.tracking_secret)
    told = str(timeline.events(place.session, by, filed.id))
    assert "内部" not in told and "退回" in told
    code = place.town.person("王网格").code
    assert code not in told and code in str(
        timeline.events(place.session, place.who("赵社工"), filed.id)
    )
    assert "王网格" in [
        one.who for one in timeline.events(place.session, place.who("赵社工"), filed.id)
    ]
    assert "内部备注" in str(timeline.events(place.session, place.who("赵社工"), filed.id))
    assert timeline.events(place.session, resident, filed.id) == []


def test_accepting_late_begins_the_clock_then(place: Place) -> None:
    filed = place.report(category="", description="啊啊啊")
    later = NOW + timedelta(days=2)
    found = place.do(filed.id, "accept", at=later, category="06010")
    assert found.stage_began == later and found.colour == "green"


def test_a_weak_word_does_not_decide_alone(place: Place) -> None:
    assert place.report(category="", description="那个东西请看一看").state == "reported"


def test_nested_json_and_a_form_s_second_body_are_refused(
    place: Place, client: FlaskClient
) -> None:
    deep = client.post("/api/v1/incidents", data="[" * 100_000, content_type="application/json")
    assert deep.status_code in (400, 422)
    body = POINT | {"category": "06010", "attributes": {}}
    nest: dict[str, Any] = {}
    for _ in range(400):
        nest = {"a": nest}
    assert client.post("/api/v1/incidents", json=body | {"attributes": nest}).status_code == 422
    key = {"Idempotency-Key": str(uuid4())}
    codes = [
        client.post(
            "/api/v1/incidents",
            data={"json": json.dumps(body | {"description": words})},
            headers=key,
            content_type="multipart/form-data",
        ).status_code
        for words in ("一", "二")
    ]
    assert codes == [201, 422]


def test_work_goes_on_while_a_request_waits(place: Place) -> None:
    one = place.report().id
    place.do(one, "request_extend", "王网格", note="配件未到", minutes=60)
    assert place.do(one, "take", "王网格").pending == "extend"
    with pytest.raises(Forbidden):
        place.do(one, "withdraw")  # somebody else's
    assert place.do(one, "withdraw", "王网格").pending == ""
    place.do(one, "request_void", "王网格", note="现场未见")
    done = place.do(one, "handle", "王网格", note="清运了")
    assert (done.state, done.pending) == ("handled", "")  # nobody needs an answer any more
    other = place.report().id
    place.do(other, "request_suspend", "王网格", note="等批复")
    assert (
        place.do(other, "return", "王网格", note="不归我管").pending,
        place.seen(other).state,
    ) == ("", "returned")


def test_who_holds_it_does_not_give_himself_more_time(place: Place, session: Session) -> None:
    session.execute(text("UPDATE post SET holder_id = NULL WHERE role LIKE 'grid%'"))
    one = place.report("06010").id
    assert place.seen(one).assigned_to == "赵社工"
    before = place.seen(one).due
    assert place.do(one, "request_limit", minutes=9999, note="忙").due == before
    assert (
        "approve_limit"
        not in incidents.get_incident(session, place.who("赵社工"), one, now=NOW).moves
    )
    with pytest.raises(Forbidden):
        place.do(one, "approve_limit", minutes=9999)
    found = place.do(one, "approve_limit", "街道办")
    assert before is not None and found.due is not None and found.due > before
    with pytest.raises(InvalidInput, match="no move"):
        place.do(one, "set_limit", "街道办", minutes=1, note="一个人说了算")


def test_what_repeats_another_has_no_clock_and_no_moves_of_its_own(place: Place) -> None:
    parent, child = place.report().id, place.report().id
    place.do(child, "link", parent=parent)
    offered = incidents.get_incident(place.session, place.who("赵社工"), child, now=NOW).moves
    assert "unlink" in offered and "note" in offered
    for name in offered:
        try:
            with place.session.begin_nested():
                place.do(
                    child, name, note="试", parent=parent, minutes=5, rating=3, category="06010"
                )
        except Conflict as error:
            assert "moves with it" not in str(error), name
        except InvalidInput:
            pass


def test_what_repeated_a_void_report_stands_on_its_own_again(place: Place) -> None:
    parent, child = place.report().id, place.report().id
    to_state(place, child, "take", "handle")
    place.do(child, "link", parent=parent)
    assert place.seen(child).due is None
    place.do(parent, "request_void", "王网格", note="误报")
    place.do(parent, "approve_void")
    left = place.seen(child)
    assert (left.state, left.parent) == ("handled", None)
    assert left.due is not None and left.due > NOW  # somebody is answerable, and the clock runs
    assert place.moves(child)[-1] == "unlink"


def test_a_returned_repeat_is_closed_with_the_other(place: Place) -> None:
    parent, child = place.report().id, place.report().id
    place.do(child, "return", "王网格", note="不归我")
    place.do(child, "link", parent=parent)
    to_state(place, parent, "take", "handle", "check", "close")
    assert place.seen(child).state == "closed"


def test_a_suspended_repeat_does_not_stay_behind_without_a_clock(place: Place) -> None:
    parent, child = place.report().id, place.report().id
    place.do(child, "request_suspend", "王网格", note="等批复")
    place.do(child, "approve_suspend")
    place.do(child, "link", parent=parent)
    to_state(place, parent, "take", "handle", "check", "close")
    assert (place.seen(child).state, place.seen(child).parent) == ("suspended", None)
    place.do(child, "resume")
    assert place.seen(child).due is not None


def test_three_events_of_a_report_change_its_row_once(place: Place, session: Session) -> None:
    one = place.report()
    query = (
        "SELECT op, new ->> 'state' FROM history WHERE table_name = 'incident'"
        " AND row_key LIKE :key ORDER BY id"
    )
    rows = session.execute(text(query), {"key": f"%{one.id}"}).all()
    assert [tuple(row) for row in rows] == [("insert", "reported"), ("update", "dispatched")]
    assert one.version == place.seen(one.id).version == 4


# --- what a report crosses ------------------------------------------------------------------------

ON_THE_WAY = {
    "web.api.incidents.views",
    "web.api.incidents.schemas",
    "gis.incidents.photos",
    "gis.incidents.lifecycle.intake",
    "gis.incidents.lifecycle.report",
    "gis.incidents.lifecycle.events",
    "gis.incidents.routing.location",
    "gis.incidents.routing.router",
}
# asked by those on the way, each for its own subject: the categories, the words of danger, the
# rules, the posts, the calendar, what is like it
ASKED_ON_THE_WAY = {
    "gis.incidents.catalogue.danger",
    "gis.incidents.catalogue.editions",
    "gis.incidents.danger.reader",
    "gis.incidents.danger.similarity",
    "gis.incidents.reading.duplicates",
    "gis.incidents.routing.post_holders",
    "gis.incidents.routing.rules",
    "gis.incidents.working_time",
}


def subject(frame: FrameType) -> str:
    """Return the module of a frame, if it is one of `gis` or of the views of incidents."""
    name = str(frame.f_globals.get("__name__", ""))
    return name if name.startswith(("gis.", "web.api.")) else ""


def chains(do: Callable[[], object]) -> set[tuple[str, ...]]:
    """Return the chains of our modules, from the view down, by which calls came."""
    came: set[tuple[str, ...]] = set()

    def profile(frame: FrameType, event: str, _: object) -> None:
        if event != "call" or not subject(frame):
            return
        names: list[str] = []
        outer: FrameType | None = frame
        while outer is not None:
            name = subject(outer)
            if name and (not names or names[-1] != name):
                names.append(name)
            outer = outer.f_back
        came.add(tuple(reversed(names)))

    sys.setprofile(profile)
    try:
        do()
    finally:
        sys.setprofile(None)
    return came


def test_a_report_crosses_few_modules_and_never_goes_back_up(
    place: Place, client: FlaskClient
) -> None:
    body = POINT | {"category": "06010", "description": "楼下有一堆垃圾"}
    assert client.post("/api/v1/incidents", json=body).status_code == 201  # fills what is read once
    came = chains(lambda: client.post("/api/v1/incidents", json=body))
    modules = {name for chain in came for name in chain}
    crossed = {name for name in modules if name.startswith(("gis.incidents.", "web.api."))}
    assert crossed - ASKED_ON_THE_WAY == ON_THE_WAY
    assert len(ON_THE_WAY) <= 8
    assert max(len(chain) for chain in came) <= 7
    # the imports point down (test_architecture.py); what is handed down does not call back up either
    assert [chain for chain in came if len(set(chain)) < len(chain)] == []
