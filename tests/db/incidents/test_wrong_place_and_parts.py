"""What was reported wrongly: at the wrong place, or several complaints in one report."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Conflict, Forbidden, InvalidInput, NotFound, OutsideGrids
from gis.incidents.lifecycle import moves
from gis.incidents.lifecycle.payload import MovePayload, Part
from gis.incidents.reading import incidents, timeline
from gis.rights.principal import system_principal
from tests.support import build
from tests.support.incident_town import NOW, IncidentTown, to_state

BESIDE = {"lon": build.LON + 0.0015, "lat": build.LAT + 0.0005, "crs": "cgcs2000"}


@pytest.fixture
def incident_town(session: Session) -> IncidentTown:
    """The usual place."""
    return IncidentTown(session)


def last_detail(town: IncidentTown, item: UUID, move: str) -> dict[str, Any]:
    """The detail of the last event of a kind."""
    events = timeline.events(town.session, system_principal("test"), item)
    return next(event.detail for event in reversed(events) if event.move == move)


@pytest.mark.parametrize("under_way", [(), ("take",)])
def test_a_matter_at_the_wrong_place_goes_to_whoever_is_there(
    incident_town: IncidentTown, under_way: tuple[str, ...]
) -> None:
    item = incident_town.report().id
    for name in under_way:
        incident_town.do(item, name, "王网格")
    moved = incident_town.do(item, "relocate", note="在隔壁", **BESIDE)
    assert (moved.state, moved.assigned_to, moved.area) == (
        "dispatched",
        "邻网格员",
        incident_town.beside.code,
    )
    detail = last_detail(incident_town, item, "relocate")
    assert (detail["from"]["area"], detail["to"]["area"]) == (
        incident_town.grid.code,
        incident_town.beside.code,
    )
    assert incident_town.moves(item)[-2:] == ["relocate", "dispatch"]
    with pytest.raises(NotFound):  # no more of the first grid
        incidents.get_incident(incident_town.session, incident_town.who("王网格"), item, now=NOW)
    messages = "SELECT p.name FROM notice n JOIN personal.person p ON p.id = n.person_id"
    assert "邻网格员" in incident_town.session.scalars(text(messages)).all()


def test_a_danger_is_told_to_those_above_at_the_right_place(incident_town: IncidentTown) -> None:
    incident_town.town.post("grid_leader", incident_town.beside, "邻网格长")
    item = incident_town.report(description="楼道里着火了").id
    incident_town.do(item, "relocate", **BESIDE)
    messages = """
        SELECT p.name FROM notice n JOIN personal.person p ON p.id = n.person_id
        WHERE n.topic = 'incident.danger'"""
    assert "邻网格长" in incident_town.session.scalars(text(messages)).all()


def test_by_code_of_an_area_of_a_building_and_by_address(incident_town: IncidentTown) -> None:
    building = incident_town.town.building("3号楼", 0.0012, 0.0002)
    ways = ({"area": incident_town.beside.code}, {"building": building.code})
    for way in ways:
        item = incident_town.report().id
        moved = incident_town.do(item, "relocate", **way)
        assert moved.area == incident_town.beside.code, way


def test_a_corrected_point_in_the_same_grid_leaves_it_where_it_lies(
    incident_town: IncidentTown,
) -> None:
    item = incident_town.report().id
    incident_town.do(item, "take", "王网格")
    nearby = BESIDE | {"lon": build.LON + 0.0007}
    moved = incident_town.do(item, "relocate", **nearby)
    assert (moved.state, moved.assigned_to) == ("taken", "王网格")
    assert moved.point["lon"] == pytest.approx(nearby["lon"])
    assert incident_town.moves(item)[-1] == "relocate"


def test_what_is_handled_stays_with_who_handled_it_and_time_goes_on(
    incident_town: IncidentTown,
) -> None:
    item, done = incident_town.report().id, incident_town.report().id
    to_state(incident_town, done, "take", "handle")
    assert incident_town.do(done, "relocate", **BESIDE).assigned_to == "王网格"
    due = incident_town.seen(item).due
    assert incident_town.do(item, "relocate", **BESIDE).due == due


def test_a_request_falls_away_and_a_returned_matter_is_dispatched_from_there(
    incident_town: IncidentTown,
) -> None:
    item, back = incident_town.report().id, incident_town.report().id
    incident_town.do(item, "request_void", "王网格", note="不在这里")
    assert incident_town.do(item, "relocate", **BESIDE).pending == ""
    incident_town.do(back, "return", "王网格", note="不是我的网格")
    assert incident_town.do(back, "relocate", **BESIDE).assigned_to == "邻网格员"


def test_there_must_be_such_a_place_and_the_right(incident_town: IncidentTown) -> None:
    item = incident_town.report().id
    session = incident_town.session

    def refused(error: type[Exception], by: str = "赵社工", **location: Any) -> None:
        with pytest.raises(error), session.begin_nested():
            incident_town.do(item, "relocate", by, **location)

    refused(OutsideGrids, lon=build.LON + 0.5, lat=build.LAT, crs="cgcs2000")
    refused(InvalidInput)  # no place
    refused(InvalidInput, building="nothing")
    refused(NotFound, area="nothing")
    refused(Conflict, lon=build.LON + 0.0005, lat=build.LAT + 0.0005, crs="cgcs2000")
    refused(Forbidden, by="王网格", **BESIDE)
    assert incident_town.seen(item).assigned_to == "王网格"


PARTS = (Part("06010", "楼下有一堆垃圾"), Part("06010", "路灯不亮"), Part("06010", "井盖松动"))


def test_each_complaint_of_a_report_becomes_a_matter_of_its_own(
    incident_town: IncidentTown,
) -> None:
    filed = incident_town.report(description="垃圾、路灯、井盖", phone="13800000000", name="周")
    stored = incident_town.do(filed.id, "split", parts=PARTS)
    assert (stored.description, stored.state, stored.assigned_to) == (
        "楼下有一堆垃圾",
        "dispatched",
        "王网格",
    )
    ids = [UUID(number) for number in last_detail(incident_town, filed.id, "split")["parts"]]
    assert [incident_town.seen(one).description for one in ids] == ["路灯不亮", "井盖松动"]
    desk = incident_town.who("赵社工")
    for one in ids:
        part = incidents.get_incident(incident_town.session, desk, one, now=NOW)
        assert (part.split_from, part.state, part.due) == (filed.id, "dispatched", stored.due)
        contact = incidents.get_reporter_contact(incident_town.session, desk, part)
        assert contact is not None and contact["phone"] == "13800000000"
        tracked = timeline.tracked(
            incident_town.session, one, filed.tracking_secret, now=NOW
        )  # the same secret
        assert {row["id"] for row in tracked.parts} == {filed.id, *ids} - {one}
    displayed = timeline.tracked(incident_town.session, filed.id, filed.tracking_secret, now=NOW)
    assert [row["id"] for row in displayed.parts] == sorted(ids)
    assert (
        incident_town.session.scalar(text("SELECT current_setting('wangge.contacts', true)")) == ""
    )


def test_a_part_can_be_split_again_and_its_reporter_sees_all(incident_town: IncidentTown) -> None:
    filed = incident_town.report()
    last = filed.id
    for _ in range(2):
        incident_town.do(last, "split", parts=PARTS[:2])
        last = UUID(last_detail(incident_town, last, "split")["parts"][0])
    for number in (filed.id, last):
        tracked = timeline.tracked(incident_town.session, number, filed.tracking_secret, now=NOW)
        assert len(tracked.parts) == 2


def test_splitting_an_old_report_buys_no_time(incident_town: IncidentTown) -> None:
    """A part goes on with what was spent, its whole time since the first report."""
    item = incident_town.report(attributes={"external_number": "GD-7"}).id
    limit = incident_town.seen(item).left_min or 0.0
    later = NOW + timedelta(minutes=20)
    kept = incident_town.do(item, "split", at=later, parts=PARTS[:2])
    part = incident_town.seen(kept.split_into[0], later)
    assert part.left_min == incident_town.seen(item, later).left_min == limit - 20
    assert part.total_due == kept.total_due and part.reported_at == kept.reported_at
    assert part.attributes == {"external_number": "GD-7"}
    late = NOW + timedelta(days=9)
    kept = incident_town.do(item, "split", at=late, parts=PARTS[:2])
    soon = late + timedelta(minutes=1)  # a limit that is over ends when the part is filed
    seen = [incident_town.seen(number, soon) for number in (item, kept.split_into[1])]
    assert [row.colour for row in seen] == ["red", "red"]
    assert seen[1].late_by == seen[0].late_by and seen[1].late_since == seen[0].late_since


def test_what_was_suspended_at_the_wrong_place_goes_on_with_whoever_is_there(
    incident_town: IncidentTown,
) -> None:
    item = incident_town.report().id
    incident_town.do(item, "take", "王网格")
    incident_town.do(item, "request_suspend", "王网格", note="等零件")
    incident_town.do(item, "approve_suspend")
    waits = incident_town.do(item, "relocate", **BESIDE)
    assert (waits.state, waits.role) == ("suspended", "community_worker")
    back = incident_town.do(item, "resume")
    assert (back.state, back.assigned_to) == ("taken", "邻网格员")


def test_danger_in_one_part_makes_that_part_urgent(incident_town: IncidentTown) -> None:
    item = incident_town.report().id
    parts = (PARTS[0], Part("06010", "楼道里着火了"))
    incident_town.do(item, "split", parts=parts)
    (part,) = last_detail(incident_town, item, "split")["parts"]
    assert incident_town.seen(UUID(part)).severity == "urgent"
    assert incident_town.seen(item).severity == "normal"
    stored = incident_town.do(incident_town.report().id, "split", parts=parts[::-1])
    assert (stored.severity, stored.clock) == ("urgent", "wall")


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        (PARTS[:1], "parts"),
        (PARTS * 3, "parts"),
        ((PARTS[0], Part("06010", " ")), "parts.1.description"),
        ((PARTS[0], Part("", "路灯")), "parts.1.category"),
        ((PARTS[0], Part("nothing", "路灯")), "category"),
    ],
)
def test_a_split_that_is_none_changes_nothing(
    incident_town: IncidentTown, parts: tuple[Part, ...], field: str
) -> None:
    item = incident_town.report().id
    with pytest.raises(InvalidInput) as refused, incident_town.session.begin_nested():
        by = incident_town.who("赵社工")
        payload = MovePayload(parts=parts)
        moves.apply_move(incident_town.session, by, item, "split", NOW, payload)
    assert refused.value.errors[0].field == field
    count = incident_town.session.scalar(text("SELECT count(*) FROM incident"))
    assert count == 1
