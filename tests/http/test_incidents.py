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
from pyproj import Geod
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from gis.errors import Conflict, Forbidden, InvalidInput, NotFound
from gis.incidents.lifecycle import moves, supervision, upkeep
from gis.incidents.lifecycle.intake import IncidentReport
from gis.incidents.lifecycle.payload import MovePayload
from gis.incidents.lifecycle.report import file_report
from gis.incidents.reading import counts, duplicates, filters, incidents, orders, timeline
from gis.network.store import WalkEdgeRow, replace_network
from gis.rights.principal import ANONYMOUS, Principal, system_principal
from tests.support import build
from tests.support.incident_town import (
    NOW,
    POINT,
    IncidentTown,
    move_and_see,
    taker,
    to_state,
)


@pytest.fixture
def incident_town(session: Session) -> IncidentTown:
    """The usual place."""
    return IncidentTown(session)


def test_a_report_finds_its_person_in_one_call(incident_town: IncidentTown) -> None:
    filed = incident_town.report()
    assert filed.state == "dispatched"
    assert filed.assigned_to == {"role": "grid_worker", "name": "王网格", "area": "520402007012001"}
    assert filed.rule
    assert filed.due is not None and filed.due > NOW
    assert {item.step for item in filed.how} >= {"grid", "rule", "person"}
    assert all(item.zh and item.en for item in filed.how)
    assert incident_town.moves(filed.id) == ["report", "accept", "dispatch"]


def test_names_of_people_are_not_in_how(incident_town: IncidentTown) -> None:
    filed = incident_town.report()
    assert "王网格" not in str(filed.how)


def test_each_step_up_is_said(incident_town: IncidentTown) -> None:
    incident_town.town.leave("王网格", NOW - timedelta(days=1), NOW + timedelta(days=1))
    filed = incident_town.report()
    assert filed.assigned_to is not None and filed.assigned_to["role"] == "grid_leader"
    rules = [item.rule for item in filed.how if item.step == "person"]
    assert rules == ["away", "found"]


def test_nobody_there_waits_at_the_community_with_a_running_clock(session: Session) -> None:
    town = build.Town(session)
    town.grid("001")
    filed = file_report(session, ANONYMOUS, IncidentReport(category="06010", **POINT), NOW)  # type: ignore[arg-type]
    assert filed.state == "accepted"
    assert filed.assigned_to is None
    assert filed.due is not None
    assert [item.rule for item in filed.how if item.step == "person"][-1] == "nobody"


def test_of_two_workers_the_less_busy_one_gets_it(incident_town: IncidentTown) -> None:
    incident_town.town.post("grid_worker", incident_town.grid, "第二网格员")
    names = [incident_town.report().assigned_to["name"] for _ in range(4)]  # type: ignore[index]
    assert sorted(names) == ["王网格", "王网格", "第二网格员", "第二网格员"]


def test_the_whole_chain(incident_town: IncidentTown) -> None:
    item = incident_town.report().id
    state = to_state(incident_town, item, "take", "handle", "check", "close")
    assert (state.state, state.colour, state.due) == ("closed", None, None)
    assert state.closed_at == NOW
    assert incident_town.moves(item) == [
        "report",
        "accept",
        "dispatch",
        "take",
        "handle",
        "check",
        "close",
    ]


def test_words_alone_are_enough(incident_town: IncidentTown) -> None:
    filed = incident_town.report(category="", description="楼道口堆了一大堆垃圾没人清理，臭得很")
    assert filed.suggestions
    assert filed.category == filed.suggestions[0].code
    assert filed.state == "dispatched"


def test_words_nobody_understands_wait_for_the_community_to_choose(
    incident_town: IncidentTown,
) -> None:
    filed = incident_town.report(category="", description="啊啊啊")
    assert filed.state == "reported"
    assert incident_town.moves(filed.id) == ["report"]
    result = incident_town.do(filed.id, "accept", category="06010")
    assert (result.state, result.category) == ("accepted", "06010")
    assert incident_town.do(filed.id, "dispatch").assigned_to == "王网格"


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"category": "99999"}, "category"),
        ({"category": "", "description": " "}, "category"),
        ({"category": "", "description": "\u200b\u2060\ufeff \u3000"}, "category"),
        ({"severity": "huge"}, "severity"),
        ({"channel": "pigeon"}, "channel"),
        ({"description": "字" * 4001}, "description"),
        ({"lon": None}, "lon"),
        ({"crs": None}, "crs"),
        ({"lon": 26.23, "lat": 105.95}, ""),
    ],
)
def test_a_wrong_report_names_its_field_and_leaves_nothing(
    incident_town: IncidentTown, session: Session, value: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        incident_town.report(**value)  # type: ignore[arg-type]
    assert refused.value.detail
    if field:
        assert field in {error.field for error in refused.value.errors}
    assert session.scalar(text("SELECT count(*) FROM incident")) == 0


def test_by_area_code_and_by_address(incident_town: IncidentTown) -> None:
    house = incident_town.town.building("3号楼", 0.0002, 0.0002, estate="桂花苑")
    incident_town.town.unit(incident_town.grid, "01", [(house, None, None, None)])
    by_code = incident_town.report(lon=None, lat=None, crs=None, area="520402007012002")
    assert by_code.assigned_to is not None and by_code.assigned_to["name"] == "邻网格员"
    by_address = incident_town.report(lon=None, lat=None, crs=None, address="桂花苑3号楼")
    assert (
        by_address.assigned_to is not None and by_address.assigned_to["area"] == "520402007012001"
    )


def test_of_an_area_above_nobody_below_is_asked(incident_town: IncidentTown) -> None:
    incident_town.town.boundary(
        incident_town.town.community, build.square(build.LON, build.LAT, 2 * build.SIDE, build.SIDE)
    )
    filed = incident_town.report(lon=None, lat=None, crs=None, area="520402007012")
    assert filed.assigned_to is not None and filed.assigned_to["role"] == "community_worker"


def test_who_may_not_see_it_is_told_it_is_not_there(incident_town: IncidentTown) -> None:
    item = incident_town.report().id
    with pytest.raises(NotFound) as hidden:
        incident_town.do(item, "take", "邻网格员")
    with pytest.raises(NotFound) as absent:
        incident_town.do(uuid4(), "take", "邻网格员")
    assert hidden.value.detail == absent.value.detail
    assert (
        incidents.list_incidents(
            incident_town.session,
            incident_town.who("邻网格员"),
            filters.IncidentFilters(),
            10,
            None,
            now=NOW,
        )
        == []
    )
    assert (
        counts.count_by_state(
            incident_town.session, incident_town.who("邻网格员"), filters.IncidentFilters(), now=NOW
        )["all"]
        == 0
    )


def test_seeing_is_not_doing(incident_town: IncidentTown) -> None:
    item = incident_town.report().id
    with pytest.raises(Forbidden):
        incident_town.do(item, "check" if False else "supervise", "王网格", note="快")
    with pytest.raises(Conflict) as refused:
        incident_town.do(item, "check", "赵社工")
    assert "take" in refused.value.detail


def test_the_list_of_moves_is_what_can_be_done(incident_town: IncidentTown) -> None:
    item = incident_town.report().id
    for name in ("王网格", "赵社工", "李网格长"):
        by = incident_town.who(name)
        offered = set(incidents.get_incident(incident_town.session, by, item, now=NOW).moves)
        assert "take" in offered
        assert "approve_void" not in offered  # nobody asked for it
        assert "escalate" not in offered


def test_returned_with_a_reason_goes_to_the_community(incident_town: IncidentTown) -> None:
    item = incident_town.report().id
    with pytest.raises(InvalidInput):
        incident_town.do(item, "return", "王网格")
    result = incident_town.do(item, "return", "王网格", note="不是我的网格")
    assert (result.state, result.role) == ("returned", "community_worker")
    assert incident_town.do(item, "dispatch", role="grid_leader").assigned_to == "李网格长"


def test_what_is_asked_for_is_approved_by_somebody_else(incident_town: IncidentTown) -> None:
    item = incident_town.report().id
    incident_town.do(item, "request_void", "赵社工", note="重复")
    with pytest.raises(Forbidden):
        incident_town.do(item, "approve_void", "赵社工")
    result = move_and_see(
        incident_town.session, incident_town.who("街道办"), item, "approve_void", NOW
    )
    assert result.state == "void"


def test_suspension_stops_the_clock_and_resuming_gives_the_rest(
    incident_town: IncidentTown,
) -> None:
    item = incident_town.report().id
    old_seen = incident_town.seen(item)
    assert old_seen.due is not None
    later = NOW + timedelta(minutes=10)
    incident_town.do(item, "request_suspend", "王网格", at=later, note="等零件")
    stopped = incident_town.do(item, "approve_suspend", "赵社工", at=later)
    assert (stopped.state, stopped.due, stopped.colour) == ("suspended", None, None)
    assert stopped.stopped_after_min == 10
    back = incident_town.do(item, "resume", "赵社工", at=later + timedelta(minutes=30))
    assert back.state == "dispatched"
    assert back.due == old_seen.due + timedelta(minutes=30)


def test_more_time_is_an_event_with_both_limits(incident_town: IncidentTown) -> None:
    item = incident_town.report().id
    due = incident_town.seen(item).due
    assert due is not None
    incident_town.do(item, "request_extend", "王网格", minutes=20, note="人手不够")
    result = incident_town.do(item, "approve_extend", "赵社工")
    assert result.due == due + timedelta(minutes=20)
    event = timeline.events(incident_town.session, system_principal("test"), item)[-1]
    old, new = event.detail["minutes"]
    assert new == old + 20


def test_overdue_goes_up_once_a_time_and_a_missed_run_catches_up(
    incident_town: IncidentTown,
) -> None:
    item = incident_town.report().id
    initial = incident_town.seen(item).due
    assert initial is not None
    second = timedelta(seconds=1)
    assert not supervision.escalate_overdue(incident_town.session, item, initial - second)
    assert supervision.escalate_overdue(incident_town.session, item, initial)
    assert not supervision.escalate_overdue(incident_town.session, item, initial)
    assert incident_town.seen(item).supervisor_role == "grid_leader"
    week = NOW + timedelta(days=30)
    steps = 0
    while supervision.escalate_overdue(incident_town.session, item, week):
        steps += 1
    result = incident_town.seen(item, week)
    assert result.supervised and result.colour == "red"
    assert incident_town.moves(item).count("escalate") == 1 + steps
    assert not supervision.escalate_overdue(incident_town.session, item, week)


def test_handled_is_green_amber_red_by_the_clock(incident_town: IncidentTown) -> None:
    item = incident_town.report().id
    result = incident_town.seen(item)
    assert result.amber is not None and result.due is not None
    second = timedelta(seconds=1)
    assert incident_town.seen(item, result.amber - second).colour == "green"
    assert incident_town.seen(item, result.amber).colour == "amber"
    assert incident_town.seen(item, result.due).colour == "amber"
    assert incident_town.seen(item, result.due + second).colour == "red"


def test_unhappy_reopens_to_the_same_chain(incident_town: IncidentTown) -> None:
    filed = incident_town.report()
    to_state(incident_town, filed.id, "take", "handle", "check", "close")
    by = timeline.authenticate_tracking(incident_town.session, filed.id, filed.tracking_secret)
    result = move_and_see(
        incident_town.session,
        by,
        filed.id,
        "rate",
        NOW,
        MovePayload(rating=1, solved=False, note="垃圾还在"),
    )
    assert result.state == "dispatched"
    assert incident_town.moves(filed.id)[-2:] == ["rate", "reopen"]
    assert incident_town.seen(filed.id).assigned_to == "王网格"
    assert incident_town.seen(filed.id).rating == 1


def test_the_tracking_secret_opens_one_incident_only(incident_town: IncidentTown) -> None:
    incident, other = incident_town.report(), incident_town.report()
    answer = timeline.tracked(incident_town.session, incident.id, incident.tracking_secret, now=NOW)
    assert answer.role == "grid_worker" and answer.name is None
    assert "王网格" not in str(answer)
    for secret in (other.tracking_secret, "", "x" * 43):
        with pytest.raises(NotFound):
            timeline.tracked(incident_town.session, incident.id, secret, now=NOW)
    by = timeline.authenticate_tracking(
        incident_town.session, incident.id, incident.tracking_secret
    )
    with pytest.raises(NotFound):
        moves.apply_move(incident_town.session, by, other.id, "rate", NOW, MovePayload(rating=5))
    with pytest.raises(Forbidden):
        moves.apply_move(incident_town.session, by, incident.id, "take", NOW)


def test_near_duplicates_are_offered_and_quarrels_stay_private(incident_town: IncidentTown) -> None:
    initial = incident_town.report()
    again = incident_town.report(lon=build.LON + 0.0006)
    assert [duplicate.id for duplicate in again.duplicates] == [
        None
    ]  # somebody else's: told of, not shown
    seen = duplicates.find_duplicates(
        incident_town.session, incident_town.who("王网格"), "06010", POINT["lon"], POINT["lat"], NOW
    )
    assert {duplicate.id for duplicate in seen} == {initial.id, again.id}
    assert not duplicates.find_duplicates(
        incident_town.session,
        incident_town.who("王网格"),
        "06010",
        POINT["lon"],
        POINT["lat"],
        NOW + timedelta(days=7, seconds=1),
    )
    private = next(
        code for code in session_categories(incident_town.session) if not code[0].isdigit()
    )
    incident_town.report(category=private)
    assert incident_town.report(category=private).duplicates == []


@pytest.mark.parametrize("bearing", [0, 45, 200, 270])
def test_near_is_fifty_metres_by_the_ellipsoid_in_every_direction(
    incident_town: IncidentTown, bearing: int
) -> None:
    geod = Geod(ellps="GRS80")
    filed = {
        metres: incident_town.report(lon=lon, lat=lat).id
        for metres in (12.3, 49.9, 50.1)
        for lon, lat, _ in [geod.fwd(POINT["lon"], POINT["lat"], bearing, metres)]
    }
    seen = duplicates.find_duplicates(
        incident_town.session, incident_town.who("王网格"), "06010", POINT["lon"], POINT["lat"], NOW
    )
    assert [(duplicate.id, duplicate.distance_m) for duplicate in seen] == [
        (filed[12.3], 12.3),
        (filed[49.9], 49.9),
    ]


def session_categories(session: Session) -> list[str]:
    return list(
        session.scalars(
            text("SELECT code FROM incident_category WHERE kind = 'incident' ORDER BY position")
        )
    )


def test_parent_and_children_move_together(incident_town: IncidentTown) -> None:
    parent, child, late = (
        incident_town.report().id,
        incident_town.report().id,
        incident_town.report().id,
    )
    incident_town.do(child, "link", parent=parent)
    assert incident_town.seen(child).due is None  # one clock, not two
    with pytest.raises(Conflict):
        incident_town.do(child, "take", "王网格")
    to_state(incident_town, parent, "take", "handle")
    assert incident_town.seen(child).state == "handled"
    incident_town.do(late, "link", parent=parent)  # catches up
    assert incident_town.seen(late).state == "handled"
    to_state(incident_town, parent, "check", "close")
    assert [incident_town.seen(item).state for item in (parent, child, late)] == ["closed"] * 3
    assert set(incident_town.seen(parent).children) == {child, late}


def test_an_order_is_claimed_by_one_of_those_with_the_skill(
    incident_town: IncidentTown, session: Session
) -> None:
    order = session.execute(
        text("SELECT code, skill FROM incident_category WHERE kind = 'order' ORDER BY position")
    ).first()
    assert order is not None
    for name in ("水工甲", "水工乙", "木工"):
        skills = [order.skill] if name.startswith("水工") else ["nothing of the kind"]
        taker(incident_town, name, skills)
    filed = incident_town.report(category=order.code)
    assert (filed.way, filed.state, filed.assigned_to) == ("order", "dispatched", None)
    with pytest.raises(NotFound):
        incident_town.do(filed.id, "take", "木工")
    assert incident_town.do(filed.id, "take", "水工乙").state == "taken"
    with pytest.raises(Conflict):
        incident_town.do(filed.id, "take", "水工甲")
    assert incident_town.seen(filed.id).assigned_to == "水工乙"


def test_an_order_goes_to_the_nearest_on_foot_not_as_the_crow_flies(
    incident_town: IncidentTown, session: Session
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
        taker(incident_town, name, [order.skill])
        if lon is not None:
            session.execute(
                text(
                    "UPDATE order_taker"
                    " SET geom = ST_SetSRID(ST_MakePoint(:lon, :lat), 4490)"
                    " WHERE person_id = :id"
                ),
                {"lon": lon, "lat": y, "id": incident_town.town.person(name).id},
            )
    filed = incident_town.report(category=order.code)
    query = text(
        "SELECT p.name, o.distance_m FROM order_offer o JOIN personal.person p"
        " ON p.id = o.person_id"
        " WHERE o.incident_id = :id ORDER BY o.distance_m NULLS LAST"
    )
    offered = session.execute(query, {"id": filed.id}).all()
    assert [item.name for item in offered] == ["同街", "对岸", "无住址"]
    assert offered[0].distance_m == pytest.approx(300, abs=3)
    assert offered[1].distance_m > 1000
    assert "offered" in [item.rule for item in filed.how]


def test_an_order_nobody_claims_falls_back_to_the_community(
    incident_town: IncidentTown, session: Session
) -> None:
    order = session.execute(
        text("SELECT code, skill FROM incident_category WHERE kind = 'order' ORDER BY position")
    ).first()
    assert order is not None
    taker(incident_town, "水工甲", [order.skill])
    filed = incident_town.report(category=order.code)
    assert filed.due is not None
    assert not upkeep.expire_order(session, filed.id, filed.due - timedelta(seconds=1))
    assert upkeep.expire_order(session, filed.id, filed.due)
    assert not upkeep.expire_order(session, filed.id, filed.due)
    result = incident_town.seen(filed.id)
    assert (result.state, result.way, result.role, result.assigned_to) == (
        "accepted",
        "assign",
        "community_worker",
        "赵社工",
    )


def test_an_order_without_takers_goes_to_who_answers_for_the_place(
    incident_town: IncidentTown, session: Session
) -> None:
    code = session.scalar(
        text("SELECT code FROM incident_category WHERE kind = 'order' ORDER BY position")
    )
    filed = incident_town.report(category=str(code))
    assert (filed.way, filed.state) == ("assign", "dispatched")
    assert "no_taker" in [item.rule for item in filed.how]


def test_another_version_is_a_conflict(incident_town: IncidentTown) -> None:
    filed = incident_town.report()
    with pytest.raises(Conflict) as refused:
        moves.apply_move(
            incident_town.session,
            incident_town.who("王网格"),
            filed.id,
            "take",
            NOW,
            version=filed.version - 1,
        )
    assert refused.value.extra["version"] == filed.version
    assert (
        move_and_see(
            incident_town.session,
            incident_town.who("王网格"),
            filed.id,
            "take",
            NOW,
            version=filed.version,
        ).state
        == "taken"
    )


def test_contacts_are_for_who_calls_back(incident_town: IncidentTown) -> None:
    item = incident_town.report(name="张三", phone="13800000000").id
    seen = incidents.get_incident(incident_town.session, incident_town.who("赵社工"), item, now=NOW)
    assert incidents.get_reporter_contact(
        incident_town.session, incident_town.who("赵社工"), seen
    ) == {
        "name": "张三",
        "phone": "13800000000",
        "email": "",
    }
    assert "13800000000" not in str(seen)
    watcher = Principal("account", "auditor", {}, account_id=None)
    with pytest.raises(Forbidden):
        incidents.get_reporter_contact(incident_town.session, watcher, seen)
    hidden = incident_town.session.scalar(text("SELECT count(*) FROM personal.reporter"))
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
    incident_town: IncidentTown, session: Session, statement: str
) -> None:
    incident_town.report()
    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(text(statement))


def test_filters_and_pages(incident_town: IncidentTown) -> None:
    created = [incident_town.report(at=NOW + timedelta(minutes=number)).id for number in range(5)]
    incident_town.report(category="06012", lon=build.LON + 0.0015)
    by, now = incident_town.who("赵社工"), NOW + timedelta(hours=1)

    def ids(**incident_filters: object) -> list[UUID]:
        return [
            v.id
            for v in incidents.list_incidents(
                incident_town.session,
                by,
                filters.IncidentFilters(**incident_filters),
                50,
                None,
                now=now,
            )
        ]  # type: ignore[arg-type]

    assert ids(category="06010") == created[::-1]
    assert len(ids(category="06")) == 6
    assert len(ids(area="520402007012002")) == 1
    with pytest.raises(InvalidInput, match="area"):
        ids(area="nowhere")
    assert ids(state=("closed",)) == []
    assert len(ids(state=("open",))) == 6
    assert ids(since=NOW + timedelta(minutes=3), category="06010") == created[:2:-1]
    for sort in orders.ORDERS:
        incident_filters, seen, new_sort_key = (
            filters.IncidentFilters(sort=sort),
            list[UUID](),
            None,
        )
        while part := incidents.list_incidents(
            incident_town.session, by, incident_filters, 2, new_sort_key, now=now
        ):
            seen += [v.id for v in part]
            new_sort_key = incidents.sort_key(part[-1], sort)
        assert len(seen) == len(set(seen)) == 6
    counted = counts.count_by_state(incident_town.session, by, filters.IncidentFilters(), now=now)
    assert (counted["all"], counted["open"], counted["states"]["dispatched"]) == (6, 6, 6)


def test_over_http(incident_town: IncidentTown, client: FlaskClient) -> None:
    body = POINT | {"category": "06010", "description": "楼下有一堆垃圾"}
    key = {"Idempotency-Key": str(uuid4())}
    response = client.post("/api/v1/incidents", json=body, headers=key)
    again = client.post("/api/v1/incidents", json=body, headers=key)
    assert response.status_code == again.status_code == 201
    filed: dict[str, Any] = response.json or {}
    assert filed == again.json
    assert again.headers["Idempotency-Replayed"] == "true"
    assert filed["state"] == "dispatched"
    assert {"id", "tracking_secret", "assigned_to", "due", "rule", "locate"} <= filed.keys()
    other = client.post("/api/v1/incidents", json=body | {"description": "另一件"}, headers=key)
    assert other.status_code == 422
    assert incident_town.session.scalar(text("SELECT count(*) FROM incident")) == 1
    stored = incident_town.session.scalar(text("SELECT answer::text FROM idempotency"))
    assert filed["tracking_secret"] not in str(stored)
    item, secret = filed["id"], {"X-Tracking-Secret": filed["tracking_secret"]}
    track = client.get(f"/api/v1/incidents/{item}/track", headers=secret).json or {}
    assert track["role_zh"] == "网格员"
    assert client.get(f"/api/v1/incidents/{item}/track").status_code == 404
    assert client.get(f"/api/v1/incidents/{item}").status_code == 401
    noted = client.post(
        f"/api/v1/incidents/{item}/moves",
        json={"move": "note", "note": "在三单元门口"},
        headers=secret,
    )
    assert noted.status_code == 200


@pytest.mark.usefixtures("one_minute")
def test_one_address_may_not_file_without_end(
    incident_town: IncidentTown, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
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


def test_what_is_said_while_it_is_suspended_does_not_lock_it(incident_town: IncidentTown) -> None:
    filed = incident_town.report()
    incident_town.do(filed.id, "request_suspend", "王网格", note="等零件")
    incident_town.do(filed.id, "approve_suspend", "赵社工")
    by = timeline.authenticate_tracking(incident_town.session, filed.id, filed.tracking_secret)
    moves.apply_move(
        incident_town.session, by, filed.id, "note", NOW, MovePayload(note="请问何时处理")
    )
    incident_town.do(filed.id, "note", "赵社工", note="已催")
    assert incident_town.do(filed.id, "resume", "赵社工").state == "dispatched"


def test_who_was_offered_an_order_has_no_door_to_it_afterwards(
    incident_town: IncidentTown, session: Session
) -> None:
    order = session.execute(
        text("SELECT code, skill FROM incident_category WHERE kind = 'order' ORDER BY position")
    ).first()
    assert order is not None
    taker(incident_town, "水工甲", [order.skill])
    filed = incident_town.report(category=order.code)
    incident_town.do(filed.id, "take", "水工甲")
    incident_town.do(filed.id, "return", "水工甲", note="来不了")
    for name in ("note", "request_void", "take"):
        with pytest.raises(NotFound):
            incident_town.do(filed.id, name, "水工甲", note="还是我来")
    incident_town.do(filed.id, "dispatch", "赵社工", to="p-赵社工")
    with pytest.raises(NotFound):
        incident_town.do(filed.id, "take", "水工甲")


def test_who_reported_does_not_read_what_staff_say_among_themselves(
    incident_town: IncidentTown,
) -> None:
    resident = replace(
        incident_town.who("居民甲"),
        account_id=None,
        kind="key",
        key_id=None,
        actor="account resident",
    )
    filed = incident_town.report()
    incident_town.do(filed.id, "return", "王网格", note="内部：不归我管")
    incident_town.do(filed.id, "note", "赵社工", note="内部备注")
    by = timeline.authenticate_tracking(incident_town.session, filed.id, filed.tracking_secret)
    answer = str(timeline.events(incident_town.session, by, filed.id))
    assert "内部" not in answer and "退回" in answer
    code = incident_town.town.person("王网格").code
    assert code not in answer and code in str(
        timeline.events(incident_town.session, incident_town.who("赵社工"), filed.id)
    )
    assert "王网格" in [
        event.who
        for event in timeline.events(incident_town.session, incident_town.who("赵社工"), filed.id)
    ]
    assert "内部备注" in str(
        timeline.events(incident_town.session, incident_town.who("赵社工"), filed.id)
    )
    assert timeline.events(incident_town.session, resident, filed.id) == []


def test_accepting_late_begins_the_clock_then(incident_town: IncidentTown) -> None:
    filed = incident_town.report(category="", description="啊啊啊")
    later = NOW + timedelta(days=2)
    result = incident_town.do(filed.id, "accept", at=later, category="06010")
    assert result.stage_began == later and result.colour == "green"


def test_a_weak_word_does_not_decide_alone(incident_town: IncidentTown) -> None:
    filed = incident_town.report(category="", description="那个东西请看一看")
    assert filed.state == "reported"
    # its people are there, and nobody is said to be missing
    assert [step.rule for step in filed.how][-3:] == ["unclear", "rule", "waits"]


def test_nested_json_and_a_form_s_second_body_are_refused(
    incident_town: IncidentTown, client: FlaskClient
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
            data={"json": json.dumps(body | {"description": phrase})},
            headers=key,
            content_type="multipart/form-data",
        ).status_code
        for phrase in ("一", "二")
    ]
    assert codes == [201, 422]


def test_work_goes_on_while_a_request_waits(incident_town: IncidentTown) -> None:
    item = incident_town.report().id
    incident_town.do(item, "request_extend", "王网格", note="配件未到", minutes=60)
    assert incident_town.do(item, "take", "王网格").pending == "extend"
    with pytest.raises(Forbidden):
        incident_town.do(item, "withdraw")  # somebody else's
    assert incident_town.do(item, "withdraw", "王网格").pending == ""
    incident_town.do(item, "request_void", "王网格", note="现场未见")
    done = incident_town.do(item, "handle", "王网格", note="清运了")
    assert (done.state, done.pending) == ("handled", "")  # nobody needs an answer any more
    other = incident_town.report().id
    incident_town.do(other, "request_suspend", "王网格", note="等批复")
    assert (
        incident_town.do(other, "return", "王网格", note="不归我管").pending,
        incident_town.seen(other).state,
    ) == ("", "returned")


def test_who_holds_it_does_not_give_himself_more_time(
    incident_town: IncidentTown, session: Session
) -> None:
    session.execute(text("UPDATE post SET holder_id = NULL WHERE role LIKE 'grid%'"))
    item = incident_town.report("06010").id
    assert incident_town.seen(item).assigned_to == "赵社工"
    old = incident_town.seen(item).due
    assert incident_town.do(item, "request_limit", minutes=9999, note="忙").due == old
    assert (
        "approve_limit"
        not in incidents.get_incident(session, incident_town.who("赵社工"), item, now=NOW).moves
    )
    with pytest.raises(Forbidden):
        incident_town.do(item, "approve_limit", minutes=9999)
    result = incident_town.do(item, "approve_limit", "街道办")
    assert old is not None and result.due is not None and result.due > old
    with pytest.raises(InvalidInput, match="no move"):
        incident_town.do(item, "set_limit", "街道办", minutes=1, note="一个人说了算")


def test_moves_that_would_change_nothing_are_not_offered(incident_town: IncidentTown) -> None:
    def offered(item: UUID) -> set[str]:
        read = incidents.get_incident(
            incident_town.session, incident_town.who("街道办"), item, now=NOW
        )
        return {"supervise", "release", "unlink"} & set(read.moves)

    parent, child = incident_town.report().id, incident_town.report().id
    assert offered(child) == {"supervise"}
    incident_town.do(child, "supervise", "街道办", note="盯紧")
    incident_town.do(child, "link", parent=parent)
    assert offered(child) == {"release", "unlink"}
    incident_town.do(child, "release", "街道办", note="已落实")
    incident_town.do(child, "unlink")
    assert offered(child) == {"supervise"}


def test_what_repeats_another_has_no_clock_and_no_moves_of_its_own(
    incident_town: IncidentTown,
) -> None:
    parent, child = incident_town.report().id, incident_town.report().id
    incident_town.do(child, "link", parent=parent)
    offered = incidents.get_incident(
        incident_town.session, incident_town.who("赵社工"), child, now=NOW
    ).moves
    assert "unlink" in offered and "note" in offered
    for name in offered:
        try:
            with incident_town.session.begin_nested():
                incident_town.do(
                    child, name, note="试", parent=parent, minutes=5, rating=3, category="06010"
                )
        except Conflict as error:
            assert "moves with it" not in str(error), name
        except InvalidInput:
            pass


def test_what_repeated_a_void_report_stands_on_its_own_again(incident_town: IncidentTown) -> None:
    parent, child = incident_town.report().id, incident_town.report().id
    to_state(incident_town, child, "take", "handle")
    incident_town.do(child, "link", parent=parent)
    assert incident_town.seen(child).due is None
    incident_town.do(parent, "request_void", "王网格", note="误报")
    incident_town.do(parent, "approve_void")
    left = incident_town.seen(child)
    assert (left.state, left.parent) == ("handled", None)
    assert left.due is not None and left.due > NOW  # somebody is answerable, and the clock runs
    assert incident_town.moves(child)[-1] == "unlink"


def test_a_returned_repeat_is_closed_with_the_other(incident_town: IncidentTown) -> None:
    parent, child = incident_town.report().id, incident_town.report().id
    incident_town.do(child, "return", "王网格", note="不归我")
    incident_town.do(child, "link", parent=parent)
    to_state(incident_town, parent, "take", "handle", "check", "close")
    assert incident_town.seen(child).state == "closed"


def test_a_suspended_repeat_does_not_stay_behind_without_a_clock(
    incident_town: IncidentTown,
) -> None:
    parent, child = incident_town.report().id, incident_town.report().id
    incident_town.do(child, "request_suspend", "王网格", note="等批复")
    incident_town.do(child, "approve_suspend")
    incident_town.do(child, "link", parent=parent)
    to_state(incident_town, parent, "take", "handle", "check", "close")
    assert (incident_town.seen(child).state, incident_town.seen(child).parent) == (
        "suspended",
        None,
    )
    incident_town.do(child, "resume")
    assert incident_town.seen(child).due is not None


def test_the_row_of_a_report_is_written_once(incident_town: IncidentTown, session: Session) -> None:
    incident = incident_town.report()
    query = "SELECT op FROM history WHERE table_name = 'incident' AND row_key LIKE :key ORDER BY id"
    key = {"key": f"%{incident.id}"}
    assert session.scalars(text(query), key).all() == ["insert"]
    assert incident.version == incident_town.seen(incident.id).version == 4
    tuples = "SELECT pg_stat_get_xact_tuples_updated('incident'::regclass)"
    before = session.scalar(text(tuples))
    incident_town.report()
    assert session.scalar(text(tuples)) == before


# --- what a report crosses ------------------------------------------------------------------------

ON_THE_WAY = {
    "web.api.incidents.views",
    "web.api.incidents.schemas",
    "gis.incidents.lifecycle.intake",
    "gis.incidents.lifecycle.report",
    "gis.incidents.lifecycle.insertion",
    "gis.incidents.lifecycle.events",
    "gis.incidents.routing.location",
    "gis.incidents.routing.router",
}
# asked by those on the way, each for its own subject: the categories, the services that people
# added, the words of danger, the rules, the posts, the calendar, what is like it
ASKED_ON_THE_WAY = {
    "gis.incidents.catalogue.danger",
    "gis.incidents.catalogue.editions",
    "gis.incidents.catalogue.services",
    "gis.incidents.clock",
    "gis.incidents.danger.reader",
    "gis.incidents.danger.similarity",
    "gis.incidents.danger.spans",
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
    incident_town: IncidentTown, client: FlaskClient
) -> None:
    body = POINT | {"category": "06010", "description": "楼下有一堆垃圾"}
    assert client.post("/api/v1/incidents", json=body).status_code == 201  # fills what is read once
    came = chains(lambda: client.post("/api/v1/incidents", json=body))
    modules = {name for chain in came for name in chain}
    crossed = {name for name in modules if name.startswith(("gis.incidents.", "web.api."))}
    assert crossed - ASKED_ON_THE_WAY == ON_THE_WAY
    assert len(ON_THE_WAY) <= 8
    assert max(len(chain) for chain in came) <= 7
    # the imports point down (test_architecture.py); what is handed down does not call back up
    # either
    assert [chain for chain in came if len(set(chain)) < len(chain)] == []
