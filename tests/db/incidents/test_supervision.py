"""Time and supervision: returns buy no time, the right person supervises, no empty chair."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import InvalidInput, WanggeError
from gis.incidents.clock import CLOCKS
from gis.incidents.lifecycle import deadlines, moves, supervision, upkeep
from gis.incidents.lifecycle.payload import MovePayload
from gis.incidents.reading import incidents, timeline
from gis.incidents.reading.filters import IncidentFilters
from gis.incidents.routing.post_holders import HEIGHT
from gis.rights.principal import system_principal
from tests.support.incident_town import NOW, IncidentTown, to_state

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def incident_town(session: Session) -> IncidentTown:
    """The usual place."""
    return IncidentTown(session)


def column(town: IncidentTown, number: UUID, name: str) -> Any:
    """A column of an incident."""
    query = f"SELECT {name} FROM incident WHERE id = :id"
    return town.session.scalar(text(query), {"id": number})


def sweep(town: IncidentTown, name: str, now: datetime) -> int:
    """One run of a sweep."""
    return deadlines.run_deadline_batch(town.session, name, now).done


def vacate(town: IncidentTown, role: str, at: datetime) -> None:
    """Nobody is in the posts of a role from a moment on."""
    query = "UPDATE post SET holder_id = NULL, deputy_id = NULL WHERE role = :role"
    town.session.execute(text(query), {"role": role})


def test_returning_a_matter_buys_no_time(incident_town: IncidentTown) -> None:
    item = incident_town.report().id
    limit = column(incident_town, item, "time_limits")["dispatched"]
    later = NOW + 10 * MINUTE
    incident_town.do(item, "return", "王网格", at=later, note="不是我的")
    assert column(incident_town, item, "spent_min")["dispatched"] == {"working": 10, "wall": 10}
    again = incident_town.do(item, "dispatch", at=later + 5 * MINUTE)
    assert again.due == later + (5 + limit - 10) * MINUTE
    assert again.left_min == limit - 10


def test_time_is_spent_on_the_way_back_from_handled_too(incident_town: IncidentTown) -> None:
    item = incident_town.report().id
    incident_town.do(item, "take", "王网格", at=NOW)
    incident_town.do(item, "handle", "王网格", at=NOW + 20 * MINUTE, note="好了")
    back = incident_town.do(item, "send_back", at=NOW + 30 * MINUTE, note="没好")
    assert back.clock == "working"
    assert back.left_min == column(incident_town, item, "time_limits")["taken"] - 20


def test_a_matter_in_progress_can_be_given_to_somebody_else(incident_town: IncidentTown) -> None:
    item = incident_town.report().id
    incident_town.do(item, "take", "王网格")
    code = incident_town.town.person("李网格长").code
    moved = incident_town.do(item, "dispatch", at=NOW + MINUTE, to=code)
    assert (moved.state, moved.assigned_to) == ("dispatched", "李网格长")


def test_reopening_begins_anew(incident_town: IncidentTown) -> None:
    item = incident_town.report().id
    late = incident_town.seen(item).due + DAY  # type: ignore[operator]
    assert sweep(incident_town, "overdue", late) == 1
    for name in ("take", "handle"):
        incident_town.do(item, name, "王网格", at=late, note="好")
    assert incident_town.seen(item, late).supervised
    back = incident_town.do(item, "reopen", at=late + MINUTE, note="没好")
    assert (back.supervised, back.supervisor_role, back.late_by) == (False, None, None)
    assert column(incident_town, item, "spent_min") == {}
    assert back.left_min == column(incident_town, item, "time_limits")["dispatched"]


def test_the_new_holder_of_a_late_matter_reads_whose_lateness_it_is(
    incident_town: IncidentTown,
) -> None:
    item = incident_town.report().id
    due = incident_town.seen(item).due
    assert due is not None
    assert incident_town.seen(item, due).late_by is None  # the last moment is in time
    old = incident_town.seen(item, due + MINUTE)
    code = incident_town.town.person("李网格长").code
    new = incident_town.do(item, "dispatch", at=due + 2 * MINUTE, to=code)
    for seen in (old, new):
        assert seen.late_since == due
        assert seen.late_by == {
            "role_zh": "网格员",
            "role_en": "grid worker",
            "area": incident_town.grid.code,
            "name": "王网格",
        }
    # nor does it come back to them clean: the time was spent by the first
    incident_town.do(item, "return", "李网格长", at=due + 3 * MINUTE, note="不归我")
    again = incident_town.do(item, "dispatch", at=due + 4 * MINUTE, to=code)
    later = incident_town.seen(item, due + 5 * MINUTE)
    assert again.due == due + 4 * MINUTE and later.late_since == due
    assert later.late_by is not None and later.late_by["name"] == "王网格"


def test_total_time_is_said_in_both_clocks_and_suspension_is_left_out(
    incident_town: IncidentTown,
) -> None:
    item = incident_town.report().id
    limits = column(incident_town, item, "time_limits")
    incident_town.do(item, "request_suspend", "王网格", note="等", until=NOW + 2 * DAY)
    incident_town.do(item, "approve_suspend", at=NOW)
    incident_town.do(item, "resume", at=NOW + 60 * MINUTE)
    seen = incident_town.seen(item, NOW + DAY)
    assert (seen.open_wall_min, seen.suspended_min) == (24 * 60, 60)
    assert seen.open_working_min == 450 - 60  # a working day has 7.5 hours
    stages = ("reported", "accepted", "dispatched", "taken", "handled", "checked")
    whole = supervision.moment_after("working", NOW, sum(limits[s] for s in stages) + 60)
    assert seen.total_due == whole


def test_danger_runs_by_the_wall_and_working_minutes_are_never_added_to_it(
    incident_town: IncidentTown,
) -> None:
    item = incident_town.report().id
    friday = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)  # half past five
    incident_town.do(item, "take", "王网格")
    incident_town.do(item, "return", "王网格", at=friday, note="不是我的")
    spent = column(incident_town, item, "spent_min")["taken"]
    assert spent["wall"] == 3 * 24 * 60 + 450 and spent["working"] == 3 * 450 + 360
    incident_town.do(item, "note", at=friday, note="现在着火了")
    seen = incident_town.seen(item, friday + 3 * 60 * MINUTE)
    assert (seen.severity, seen.clock) == ("urgent", "wall")
    limit = column(incident_town, item, "time_limits")["returned"]
    assert seen.left_min == limit - 180


def test_the_one_above_whoever_is_late_now_supervises(incident_town: IncidentTown) -> None:
    item = incident_town.report().id
    distant = NOW + 30 * DAY
    while sweep(incident_town, "overdue", distant):
        pass
    assert incident_town.seen(item, distant).supervisor_role == "street_office"
    # taken: another stage, late by the worker: their leader comes first
    incident_town.do(item, "take", "王网格", at=distant)
    due = incident_town.seen(item, distant).due
    assert due is not None
    assert sweep(incident_town, "overdue", due) == 1
    assert incident_town.seen(item, due).supervisor_role == "grid_leader"


def test_what_the_street_took_under_supervision_stays_there(incident_town: IncidentTown) -> None:
    item = incident_town.report().id
    incident_town.do(item, "supervise", "街道办", note="盯紧")
    seen = incident_town.seen(item)
    assert seen.due is not None and seen.supervisor_zh
    assert sweep(incident_town, "overdue", seen.due) == 1
    later = incident_town.seen(item, seen.due).supervisor_role
    assert HEIGHT[later or ""] == HEIGHT[seen.supervisor_role or ""] == HEIGHT["street_office"]


def test_an_empty_chair_is_left_at_the_next_sweep(incident_town: IncidentTown) -> None:
    item = incident_town.report().id
    due = incident_town.seen(item).due
    assert due is not None
    sweep(incident_town, "overdue", due)
    assert sweep(incident_town, "vacant", due) == 0
    vacate(incident_town, "grid_leader", due)
    assert [sweep(incident_town, "vacant", due) for _ in range(2)] == [1, 0]
    assert incident_town.seen(item, due).supervisor_role == "community_worker"
    event = timeline.events(incident_town.session, system_principal("test"), item)[-1]
    assert event.move == "escalate" and event.detail["vacant"] == "grid_leader"
    for role in ("community_worker", "street_office"):
        vacate(incident_town, role, due)
    assert sweep(incident_town, "vacant", due) == 0  # nobody is there: nothing to say each minute


def test_the_third_reopening_is_supervised_at_once(incident_town: IncidentTown) -> None:
    item = incident_town.report().id
    for number in range(1, 4):
        to_state(incident_town, item, "take", "handle")
        seen = incident_town.do(item, "reopen", note="没好")
        assert seen.supervised == (number == 3), number
    assert seen.supervisor_role == "grid_leader"
    last = timeline.events(incident_town.session, system_principal("test"), item)[-1]
    assert last.move == "escalate" and last.detail["reopened"] == 3 and "第3次" in last.words


PEOPLES = ("take", "return", "dispatch", "accept", "handle", "send_back", "check", "reopen")
OTHERS = ("supervise", "release", "sweep", "sweep", "vacate", "return_post")
STEPS = st.lists(
    st.tuples(
        st.sampled_from((*PEOPLES, *OTHERS)),
        st.integers(0, 900),
    ),
    max_size=12,
)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_time_never_goes_back_and_supervision_never_down_or_to_an_empty_chair(
    incident_town: IncidentTown, steps: list[tuple[str, int]]
) -> None:
    session = incident_town.session
    with session.begin_nested() as undone:
        item = incident_town.report().id
        now, spent, height, lateness = NOW, {}, 0, None
        for number, (name, minutes) in enumerate(steps):
            now += minutes * MINUTE
            if name == "vacate":
                vacate(incident_town, ("grid_leader", "community_worker")[number % 2], now)
            elif name == "return_post":
                build_holder(incident_town, ("grid_leader", "community_worker")[number % 2])
            elif name != "sweep":
                payload = MovePayload(note="因为")
                try:
                    with session.begin_nested():
                        by = (
                            incident_town.who("街道办") if name in OTHERS else system_principal("a")
                        )
                        moves.apply_move(session, by, item, name, now, payload)
                except WanggeError:
                    continue
            while sweep(incident_town, "overdue", now) or sweep(incident_town, "vacant", now):
                pass
            row = session.execute(text("SELECT * FROM incident WHERE id = :id"), {"id": item}).one()
            current = {
                (state, clock): minutes_there[clock]
                for state, minutes_there in row.spent_min.items()
                for clock in CLOCKS
            }
            if name != "reopen":
                assert all(current.get(key, 0) >= value for key, value in spent.items())
            spent = current
            new_height = HEIGHT.get(row.supervisor_role or "", 0)
            since = row.late_by.get(row.state, {}).get("since") if row.due_at else None
            if since is not None and since == lateness and name != "release":
                assert new_height >= height or name in ("reopen",)
            height, lateness = new_height, since
            vacant = session.scalar(text(supervision.IS_VACANT), {"id": item, "now": now})
            assert not vacant  # the street's is never left
        undone.rollback()


def build_holder(town: IncidentTown, role: str) -> None:
    """Somebody is in the posts of a role again."""
    person = town.town.person("李网格长" if role == "grid_leader" else "赵社工").id
    query = "UPDATE post SET holder_id = :person WHERE role = :role"
    town.session.execute(text(query), {"role": role, "person": person})


def test_a_suspension_needs_an_end_and_ends_by_itself_at_the_last_moment(
    incident_town: IncidentTown,
) -> None:
    item = incident_town.report().id
    by, desk = incident_town.who("王网格"), incident_town.who("赵社工")

    def refused(actor: Any, move: str, until: datetime | None) -> str:
        with pytest.raises(InvalidInput) as error, incident_town.session.begin_nested():
            payload = MovePayload(note="等零件", until=until)
            moves.apply_move(incident_town.session, actor, item, move, NOW, payload)
        (field,) = error.value.errors
        assert field.field == "until"
        return field.code

    assert refused(by, "request_suspend", None) == "suspend.until_missing"
    assert refused(by, "request_suspend", NOW) == "suspend.until_past"
    assert refused(by, "request_suspend", NOW + 367 * DAY) == "suspend.until_too_far"
    incident_town.do(item, "request_suspend", "王网格", note="等零件", until=NOW + 10 * DAY)
    later = NOW + 11 * DAY
    assert refused(desk, "approve_suspend", later) == "suspend.until_later_than_requested"
    stopped = incident_town.do(item, "approve_suspend", until=NOW + 5 * DAY)
    assert (stopped.state, stopped.suspended_until) == ("suspended", NOW + 5 * DAY)
    listed = incidents.list_incidents(
        incident_town.session, desk, IncidentFilters(("suspended",)), 9, None, now=NOW
    )
    assert [row.id for row in listed] == [item]
    second = timedelta(seconds=1)
    reminds = (NOW + 2 * DAY - second, NOW + 2 * DAY, NOW + 3 * DAY)
    assert [sweep(incident_town, "suspension_ends", at) for at in reminds] == [0, 1, 0]
    messages = "SELECT count(*) FROM notice WHERE topic = 'incident.suspension_ends'"
    assert incident_town.session.scalar(text(messages)) == 2  # who holds it, and the desk
    ends = (NOW + 5 * DAY - second, NOW + 5 * DAY, NOW + 5 * DAY)
    assert [sweep(incident_town, "suspended", at) for at in ends] == [0, 1, 0]
    back = incident_town.seen(item, NOW + 5 * DAY)
    assert (back.state, back.suspended_until) == ("dispatched", None)
    assert back.left_min == column(incident_town, item, "time_limits")["dispatched"]


def test_resumed_by_hand_in_the_last_second_it_is_not_resumed_twice(
    incident_town: IncidentTown,
) -> None:
    item = incident_town.report().id
    incident_town.do(item, "request_suspend", "王网格", note="等", until=NOW + DAY)
    incident_town.do(item, "approve_suspend")
    incident_town.do(item, "resume", at=NOW + DAY)
    assert not upkeep.resume_suspended(incident_town.session, item, NOW + DAY)
    assert incident_town.moves(item).count("resume") == 1


def test_what_repeats_a_suspended_matter_is_resumed_with_it(incident_town: IncidentTown) -> None:
    item, child = incident_town.report().id, incident_town.report().id
    incident_town.do(child, "link", parent=item)
    incident_town.do(item, "request_suspend", "王网格", note="等", until=NOW + DAY)
    incident_town.do(item, "approve_suspend")
    assert incident_town.seen(child).state == "suspended"
    assert sweep(incident_town, "suspended", NOW + DAY) == 1
    assert incident_town.seen(child).state == incident_town.seen(item).state == "dispatched"
