"""What a notice says of an incident after a move, where it goes, and who is told at an office."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.incidents.lifecycle import deadlines
from gis.notices import actions
from tests.support.incident_town import NOW, IncidentTown, to_state
from tests.support.sign_in import account

TO_TARGET = """
SELECT body FROM notice WHERE incident_id = :id AND topic = :topic AND target_id = :target
ORDER BY id DESC LIMIT 1
"""


@pytest.fixture
def incident_town(session: Session) -> IncidentTown:
    """The usual place."""
    return IncidentTown(session)


def webhook(town: IncidentTown, path: str, area: str = "") -> int:
    """A receiver of all topics."""
    url = f"https://gateway.example.cn/{path}"
    return actions.add_target(town.session, "webhook", url, area=area).id


def body(town: IncidentTown, item: UUID, topic: str, target: int) -> dict[str, Any] | None:
    """What a receiver was told last on a topic."""
    params = {"id": item, "topic": topic, "target": target}
    return town.session.scalar(text(TO_TARGET), params)


@pytest.mark.parametrize("move", ["accept", "reclassify"])
def test_a_notice_has_the_category_and_urgency_that_the_move_gave(
    incident_town: IncidentTown, move: str
) -> None:
    target = webhook(incident_town, "all")
    item = incident_town.report().id
    incident_town.do(item, "return", "王网格", note="不是我的")
    if move == "reclassify":
        incident_town.do(item, "accept")
    incident_town.do(item, move, category="P0101", severity="urgent", note="治安")
    said = body(incident_town, item, f"incident.{move}", target)
    assert said is not None
    assert (said["category"], said["category_zh"], said["severity"]) == (
        "P0101",
        "治安隐患",
        "urgent",
    )


def test_both_places_hear_that_a_matter_moved_and_where_it_is_now(
    incident_town: IncidentTown,
) -> None:
    left, entered = (
        webhook(incident_town, name, area.code)
        for name, area in (("left", incident_town.grid), ("entered", incident_town.beside))
    )
    item = incident_town.report().id
    incident_town.do(item, "relocate", note="在隔壁", area=incident_town.beside.code)
    for target in (left, entered):
        said = body(incident_town, item, "incident.relocate", target)
        assert said is not None and said["area"] == incident_town.beside.code
    assert body(incident_town, item, "incident.dispatch", entered) is not None


def test_an_office_without_a_person_hears_what_it_supervises(incident_town: IncidentTown) -> None:
    session, item = incident_town.session, incident_town.report().id
    dispatcher = account(session, "diaodu", "dispatcher", incident_town.town.community.code)
    query = "UPDATE post SET holder_id = NULL, deputy_id = NULL WHERE role <> 'grid_worker'"
    session.execute(text(query))
    to_state(incident_town, item, "take")
    due = incident_town.seen(item).due
    assert due is not None
    assert deadlines.run_deadline_batch(session, "overdue", due).done == 1
    supervisor = incident_town.seen(item, due).supervisor_role
    told = "SELECT count(*) FROM notice WHERE topic = 'incident.escalate' AND account_id = :id"
    count = session.scalar(text(told), {"id": dispatcher.id})
    assert (supervisor, count) == ("dispatcher", 1)


def test_the_desk_of_what_nobody_holds_hears_that_it_is_late(incident_town: IncidentTown) -> None:
    session = incident_town.session
    dispatcher = account(session, "diaodu", "dispatcher", incident_town.town.community.code)
    session.execute(text("UPDATE post SET holder_id = NULL, deputy_id = NULL"))
    item = incident_town.report(severity="urgent").id
    late = NOW + timedelta(days=3)
    while deadlines.run_deadline_batch(session, "overdue", late).done:
        pass
    told = (
        "SELECT count(*) FROM notice"
        " WHERE topic = 'incident.escalate' AND account_id = :id AND incident_id = :item"
    )
    assert session.scalar(text(told), {"id": dispatcher.id, "item": item}) == 1
