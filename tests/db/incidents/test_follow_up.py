"""Follow-up calls: who is to be called, how it went, and when nobody is called any more."""

from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner
from sqlalchemy.orm import Session

from gis.errors import Conflict, Forbidden, InvalidInput
from gis.incidents.lifecycle import moves
from gis.incidents.lifecycle.payload import MovePayload
from gis.incidents.policy import Policy, set_policy
from gis.incidents.reading import timeline
from gis.incidents.reading.follow_ups import (
    ORDER,
    FollowUp,
    count_follow_ups,
    list_follow_ups,
)
from gis.rights.principal import system_principal
from tests.support.incident_town import NOW, IncidentTown, to_state
from web.cli import policy as policy_command

DAY = timedelta(days=1)


@pytest.fixture
def incident_town(session: Session) -> IncidentTown:
    """The usual place."""
    return IncidentTown(session)


def done(town: IncidentTown, **extra: Any) -> UUID:
    """A matter that was handled, of a reporter with a telephone unless it says."""
    item = town.report(**({"phone": "13800000000"} | extra)).id
    to_state(town, item, "take", "handle")
    return item


def queue(town: IncidentTown, now: datetime = NOW, **options: Any) -> list[FollowUp]:
    """Whom the community is to call."""
    return list_follow_ups(town.session, town.who("赵社工"), now, **options)


def test_whoever_left_a_contact_is_called_within_a_working_day(incident_town: IncidentTown) -> None:
    item = done(incident_town)
    done(incident_town, phone="", name="周")  # cannot be reached
    (row,) = queue(incident_town)
    assert (row.id, row.attempts, row.due, row.overdue) == (item, 0, NOW + DAY, False)
    assert queue(incident_town, NOW + 2 * DAY)[0].overdue
    counts = count_follow_ups(incident_town.session, incident_town.who("赵社工"), NOW + 2 * DAY)
    assert (counts.waiting, counts.overdue, counts.first) == (1, 1, 0)
    assert queue(incident_town, area=incident_town.beside.code) == []
    with pytest.raises(Forbidden):
        list_follow_ups(incident_town.session, incident_town.who("王网格"), NOW)


def test_who_is_content_is_not_called_again_and_nothing_moves(incident_town: IncidentTown) -> None:
    item = done(incident_town)
    fields = {"outcome": "reached", "solved": True, "rating": 4, "reasons": ("slow",)}
    seen = incident_town.do(item, "follow_up", note="满意", **fields)
    assert (seen.state, seen.office_rating, seen.office_solved) == ("handled", 4, True)
    assert (seen.rating, seen.solved) == (None, None)  # the reporter's own word is another thing
    assert queue(incident_town) == []
    event = timeline.events(incident_town.session, system_principal("test"), item)[-1]
    assert event.detail["reasons"] == ["slow"] and event.detail["attempt"] == 1


@pytest.mark.parametrize("on", [(), ("check",), ("check", "close")])
def test_who_says_it_is_not_solved_reopens_it(
    incident_town: IncidentTown, on: tuple[str, ...]
) -> None:
    item = done(incident_town)
    for name in on:
        incident_town.do(item, name)
    seen = incident_town.do(item, "follow_up", outcome="reached", solved=False, rating=1)
    assert (seen.state, seen.assigned_to) == ("dispatched", "王网格")
    assert seen.office_solved is False  # and counted so, until a call says otherwise
    assert incident_town.moves(item)[-2:] == ["follow_up", "reopen"]
    message = timeline.events(incident_town.session, system_principal("test"), item)[-1].words
    assert "回访" in message
    assert queue(incident_town) == []
    to_state(incident_town, item, "take", "handle")  # called again, and first
    (row,) = queue(incident_town)
    assert (row.reopened, row.attempts) == (1, 0)


def test_three_calls_nobody_answers_end_it(incident_town: IncidentTown) -> None:
    item, now = done(incident_town), NOW
    for number in range(1, 4):
        assert [row.attempts for row in queue(incident_town, now)] == [number - 1]
        incident_town.do(item, "follow_up", at=now, outcome="no_answer")
        now += DAY
    assert queue(incident_town, now) == []


def test_a_county_sets_after_how_many_calls_nobody_is_called(incident_town: IncidentTown) -> None:
    session = incident_town.session
    county = incident_town.town.county.code
    assert set_policy(session, county, max_calls=1) == Policy(max_calls=1)
    item = done(incident_town)
    incident_town.do(item, "follow_up", outcome="no_answer")
    assert queue(incident_town) == []
    for wrong in ((county, 0), ("520402007", 2)):
        with pytest.raises(InvalidInput):
            set_policy(session, wrong[0], max_calls=wrong[1])


def test_the_policy_of_no_county_is_refused_and_not_the_default(
    incident_town: IncidentTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = incident_town.session
    monkeypatch.setattr(policy_command, "session_scope", lambda reason="": nullcontext(session))
    run = lambda code: CliRunner().invoke(policy_command.command, ["show", code])  # noqa: E731
    assert "max_calls: 3" in run(incident_town.town.county.code).output
    refused = run("520402007").exception
    assert isinstance(refused, InvalidInput)
    assert [error.field for error in refused.errors] == ["county"]


@pytest.mark.parametrize("outcome", ["refused", "wrong_number"])
def test_who_does_not_want_to_is_not_called_again(
    incident_town: IncidentTown, outcome: str
) -> None:
    item = done(incident_town)
    incident_town.do(item, "follow_up", outcome=outcome)
    assert queue(incident_town) == []


def test_who_asks_to_be_called_later_is_called_then(incident_town: IncidentTown) -> None:
    item, later = done(incident_town), NOW + 3 * DAY
    incident_town.do(item, "follow_up", outcome="call_later", again_at=later)
    (row,) = queue(incident_town)
    assert (row.due, row.again_at, row.last_outcome) == (later, later, "call_later")


def test_urgent_and_reopened_ones_come_first_page_by_page(incident_town: IncidentTown) -> None:
    usual = [done(incident_town) for _ in range(2)]
    urgent = done(incident_town, description="着火了")
    back = done(incident_town)
    incident_town.do(back, "reopen", note="没好")
    to_state(incident_town, back, "take", "handle")
    rows = queue(incident_town)
    assert {row.id for row in rows[:2]} == {urgent, back}
    assert {row.id for row in rows[2:]} == set(usual)
    pages, cursor = [], None
    while page := queue(incident_town, cursor=cursor, limit=1):
        pages += page
        cursor = ORDER.key(page[-1])
    assert [row.id for row in pages] == [row.id for row in rows]
    for wrong in ("x", "True|x|y", f"True|{NOW.isoformat()}|1"):
        with pytest.raises(InvalidInput):
            queue(incident_town, cursor=wrong)


def test_whoever_rates_needs_no_call(incident_town: IncidentTown) -> None:
    filed = incident_town.report(phone="13800000000", email="zhou@example.cn")
    to_state(incident_town, filed.id, "take", "handle", "check", "close")
    assert len(queue(incident_town)) == 1
    by = timeline.authenticate_tracking(incident_town.session, filed.id, filed.tracking_secret)
    payload = MovePayload(rating=5, solved=True)
    moves.apply_move(incident_town.session, by, filed.id, "rate", NOW, payload)
    assert queue(incident_town) == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "outcome"),
        ({"outcome": "maybe"}, "outcome"),
        ({"outcome": "reached"}, "solved"),
        ({"outcome": "reached", "solved": True, "rating": 6}, "rating"),
        ({"outcome": "reached", "solved": True, "reasons": ("weather",)}, "reasons"),
        ({"outcome": "no_answer", "solved": False}, "solved"),
        ({"outcome": "no_answer", "rating": 1}, "rating"),
        ({"outcome": "call_later"}, "again_at"),
        ({"outcome": "no_answer", "again_at": NOW + DAY}, "again_at"),
        ({"outcome": "call_later", "again_at": NOW}, "again_at"),
        ({"outcome": "call_later", "again_at": NOW + 31 * DAY}, "again_at"),
    ],
)
def test_a_call_says_what_belongs_together(
    incident_town: IncidentTown, fields: dict[str, Any], field: str
) -> None:
    item = done(incident_town)
    with pytest.raises(InvalidInput) as refused, incident_town.session.begin_nested():
        incident_town.do(item, "follow_up", **fields)
    assert refused.value.errors[0].field == field
    assert len(queue(incident_town)) == 1


def test_two_who_call_at_once_do_not_both_count(incident_town: IncidentTown) -> None:
    item = done(incident_town)
    by, version = incident_town.who("赵社工"), incident_town.seen(item).version
    payload = MovePayload(outcome="no_answer")
    moves.apply_move(incident_town.session, by, item, "follow_up", NOW, payload, version=version)
    with pytest.raises(Conflict):
        moves.apply_move(
            incident_town.session, by, item, "follow_up", NOW, payload, version=version
        )
    assert [row.attempts for row in queue(incident_town)] == [1]
