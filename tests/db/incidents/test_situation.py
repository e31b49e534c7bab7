"""The seven numbers of a command centre, each of the incidents that one may see."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from gis.incidents.reading.situation import Situation, read_situation
from tests.support.incident_town import NOW, IncidentTown, to_state

MIDNIGHT = NOW.replace(hour=16) - timedelta(days=1)  # in the community's zone
YESTERDAY = NOW - timedelta(days=1)


@pytest.fixture
def city(session: Session) -> IncidentTown:
    return IncidentTown(session)


def test_each_number_counts_what_it_says(city: IncidentTown) -> None:
    def numbers(at=NOW) -> Situation:
        by = city.who("街道办")
        return read_situation(city.session, by, at, since=MIDNIGHT)

    assert numbers() == Situation(0, 0, 0, 0, 0, 0, 0)
    city.report(at=YESTERDAY)
    assert numbers() == Situation(
        reported=0, closed=0, open=1, urgent=0, overdue=1, supervised=0, waiting=0
    )
    later = city.report(severity="urgent")
    assert numbers() == Situation(
        reported=1, closed=0, open=2, urgent=1, overdue=1, supervised=0, waiting=0
    )
    assert numbers(NOW + timedelta(days=30)).overdue == 2
    city.do(later.id, "supervise", "街道办", note="请尽快")
    assert numbers().supervised == 1
    city.do(later.id, "return", "王网格", note="不是我的")
    assert numbers().waiting == 1
    ended = city.report()
    to_state(city, ended.id, "take", "handle", "check", "close")
    assert numbers() == Situation(
        reported=2, closed=1, open=2, urgent=1, overdue=1, supervised=1, waiting=1
    )
    void = city.report(at=YESTERDAY)
    city.do(void.id, "request_void", "王网格", note="重复了")
    city.do(void.id, "approve_void")
    assert numbers().closed == 1  # what is void was not dealt with
    tomorrow = NOW + timedelta(days=1)
    after = read_situation(
        city.session, city.who("街道办"), tomorrow, since=MIDNIGHT + timedelta(days=1)
    )
    assert (after.reported, after.closed, after.open) == (0, 0, 2)


def test_nobody_counts_what_they_may_not_see(city: IncidentTown) -> None:
    city.report()
    beside = city.who("邻网格员")
    assert read_situation(city.session, beside, NOW, since=MIDNIGHT) == Situation(
        0, 0, 0, 0, 0, 0, 0
    )
