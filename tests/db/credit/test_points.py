"""Points event by event: what counts, what goes again, whose it is, who may read it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from gis.accounts.models import Account
from gis.credit.closing import close_year
from gis.credit.formulas import Formula, formulas_of, list_counties, publish
from gis.credit.points import list_events, list_points
from gis.credit.rules import Rule
from gis.errors import Conflict, Forbidden, InvalidInput, NotFound
from gis.incidents.lifecycle import moves
from gis.incidents.lifecycle.payload import MovePayload
from gis.incidents.models import Incident
from gis.incidents.organisations import (
    MembershipInput,
    OrganisationInput,
    save_member,
    save_organisation,
)
from gis.rights.actions import Action
from gis.rights.principal import Principal, reporter_principal, system_principal
from gis.years import Year
from tests.support.incident_town import NOW, IncidentTown, taker

US = system_principal("test")
ZONE = ZoneInfo("Asia/Shanghai")
YEAR = Year(2026, ZONE)
ORDER = "S0105"  # repairs
RULES = (
    Rule("taken", "", 1, cap=2),
    Rule("handled_in_time", "", 2),
    Rule("closed", "", 4),
    Rule("rated", "rating_4", 8),
    Rule("visited", "", 16),
)


@pytest.fixture
def scene(session: Session) -> IncidentTown:
    """The usual town with a volunteer and a published formula."""
    scene = IncidentTown(session)
    taker(scene, "孙师傅", ["repairs"])
    offer(scene, *RULES)
    return scene


def offer(scene: IncidentTown, *rules: Rule, base: int = 0, kind: str = "points") -> Formula:
    """Publish a formula for the county."""
    county = scene.town.county.code
    return publish(scene.session, US, kind, county, YEAR, rules, base=base, now=NOW)


def points(scene: IncidentTown, by: Principal = US, year: Year = YEAR) -> dict[str, float]:
    """Points by name."""
    formulas = formulas_of(scene.session, "points", year.number, [scene.town.county.code])
    rows = list_points(scene.session, by, year, formulas.values())
    return {row.name or "": row.points for row in rows}


def facts(scene: IncidentTown, name: str = "孙师傅", by: Principal = US) -> dict[str, float]:
    """Points of a person by fact, from the list of events."""
    formulas = formulas_of(scene.session, "points", 2026, [scene.town.county.code])
    code = scene.town.person(name).code
    rows = list_events(scene.session, by, YEAR, formulas.values(), code)
    return {row.fact: row.points for row in rows}


def worked(scene: IncidentTown, by: str = "孙师傅", at: datetime = NOW, *names: str) -> UUID:
    """An order that somebody took and handled, and that was closed; or brought less far."""
    incident_id = scene.report(category=ORDER, at=at).id
    for name in names or ("take", "handle", "check", "close"):
        actor = by if name in ("take", "handle") else "赵社工"
        scene.do(incident_id, name, actor, at, note="修好了")
    return incident_id


def rate(scene: IncidentTown, incident_id: UUID, rating: int, at: datetime = NOW) -> None:
    """The reporter's own word."""
    by, payload = reporter_principal(incident_id), MovePayload(rating=rating, solved=True)
    moves.apply_move(scene.session, by, incident_id, "rate", at, payload)


def test_every_point_is_of_an_event_and_goes_when_the_event_is_undone(scene: IncidentTown) -> None:
    incident_id = worked(scene)
    rate(scene, incident_id, 2)
    assert facts(scene) == {"taken": 1, "handled_in_time": 2, "closed": 4}
    rate(scene, incident_id, 5)
    rate(scene, incident_id, 4)  # twice: the last one counts, once
    scene.do(incident_id, "follow_up", outcome="reached", solved=True, rating=1)
    assert (
        sum(facts(scene).values()) == 31 == points(scene)["孙师傅"]
    )  # the office's 1 is not asked
    again = scene.who("赵社工")
    moves.apply_move(scene.session, again, incident_id, "reopen", NOW, MovePayload(note="又漏了"))
    assert facts(scene) == {} and points(scene) == {}
    scene.do(incident_id, "take", "孙师傅")
    assert facts(scene) == {"taken": 1}
    scene.do(incident_id, "handle", "孙师傅", note="换了管子")
    assert facts(scene) == {"taken": 1, "handled_in_time": 2}  # it was rated before that
    scene.do(incident_id, "send_back", note="还有水")
    scene.do(incident_id, "return", "孙师傅", note="没有工具")
    assert facts(scene) == {}


def test_what_repeats_another_or_is_void_counts_once_or_not(scene: IncidentTown) -> None:
    parent = worked(scene, "孙师傅", NOW, "take")
    child = scene.report(category=ORDER).id
    scene.do(child, "link", parent=parent)
    for name, by in (("handle", "孙师傅"), ("check", "赵社工"), ("close", "赵社工")):
        scene.do(parent, name, by, note="修好了")
    assert points(scene) == {"孙师傅": 7}
    scene.session.execute(update(Incident).where(Incident.id == parent).values(parent_id=child))
    assert points(scene) == {}


def test_who_reports_a_matter_has_no_points_for_it(scene: IncidentTown) -> None:
    session, incident_id = scene.session, worked(scene)
    person = scene.town.person("孙师傅").id
    own = Account(username="sun", password_hash="x", person_id=person)
    session.add(own)
    session.flush()
    session.execute(update(Incident).where(Incident.id == incident_id).values(account_id=own.id))
    assert points(scene) == {}


def test_a_rule_has_a_cap_and_beyond_it_an_event_is_listed_with_nothing(
    scene: IncidentTown,
) -> None:
    for hours in range(3):
        worked(scene, "孙师傅", NOW + timedelta(hours=hours), "take")
    formulas = formulas_of(scene.session, "points", 2026, [scene.town.county.code])
    code = scene.town.person("孙师傅").code
    rows = list_events(scene.session, US, YEAR, formulas.values(), code)
    assert [row.points for row in rows] == [1, 1, 0]
    assert points(scene) == {"孙师傅": 2}


def test_an_order_of_a_team_counts_for_the_team(scene: IncidentTown) -> None:
    session, area = scene.session, scene.town.community.code
    stated = OrganisationInput("v2", "二队", "志愿服务队", area=area, skills=["维修"])
    save_organisation(session, US, stated, NOW)
    scene.town.person("队员"), scene.town.person("队友")
    for name in ("队员", "队友"):
        save_member(session, US, MembershipInput("v2", scene.town.person(name).code), NOW)
    worked(scene, "队员")
    worked(scene, "孙师傅")
    assert points(scene) == {"二队": 7, "孙师傅": 7}
    assert points(scene, scene.who("队友")) == {"二队": 7}  # of their team, and nobody else's
    assert points(scene, scene.who("孙师傅")) == {"孙师傅": 7}
    formulas = formulas_of(session, "points", 2026, [scene.town.county.code])
    listed = list_events(session, scene.who("队友"), YEAR, formulas.values(), "v2", is_team=True)
    assert [row.fact for row in listed] == ["taken", "handled_in_time", "closed"]
    assert all(row.incident for row in listed)


def test_who_is_paid_for_it_has_no_points_and_who_left_keeps_theirs(scene: IncidentTown) -> None:
    incident_id = scene.report().id  # for the grid worker
    scene.do(incident_id, "take", "王网格")
    worked(scene)
    session = scene.session
    session.execute(text("UPDATE order_taker SET active = false, consent_at = NULL"))
    assert points(scene) == {"孙师傅": 7}


def test_a_year_is_of_the_zone_and_of_the_event(scene: IncidentTown) -> None:
    before = datetime(2026, 12, 31, 15, 50, tzinfo=UTC)  # ten minutes before the year is over
    incident_id = worked(scene, "孙师傅", before, "take")
    scene.do(incident_id, "handle", "孙师傅", before + timedelta(minutes=20), note="修好了")
    assert facts(scene) == {"taken": 1}
    next_year, session = Year(2027, ZONE), scene.session
    assert points(scene, year=next_year) == {}  # no formula yet
    county = scene.town.county.code
    publish(session, US, "points", county, next_year, RULES, base=0, now=NOW)
    assert points(scene, year=next_year) == {"孙师傅": 2}


def test_only_points_of_ones_areas_are_read(scene: IncidentTown) -> None:
    worked(scene)
    rights = (Action.FIGURES, Action.NAMES, Action.READ)
    for area, expected in (
        (scene.town.community.id, {"孙师傅": 7}),
        (scene.grid.id, {"孙师傅": 7}),
        (scene.beside.id, {}),
        (-1, {}),
    ):
        by = Principal("account", "a", dict.fromkeys(rights, frozenset({area})))
        assert points(scene, by) == expected
    blind = Principal("account", "a", {Action.FIGURES: None, Action.NAMES: None})
    formulas = formulas_of(scene.session, "points", 2026, [scene.town.county.code])
    code = scene.town.person("孙师傅").code
    rows = list_events(scene.session, blind, YEAR, formulas.values(), code)
    assert len(rows) == 3 and not any(row.incident for row in rows)
    elsewhere = Principal("account", "a", dict.fromkeys(rights, frozenset({-1})))
    assert list_counties(scene.session, elsewhere, rights) == {}


def test_a_closed_year_stays_and_what_changes_later_is_a_difference(scene: IncidentTown) -> None:
    session, county = scene.session, scene.town.county.code
    incident_id = worked(scene)
    after = datetime(2027, 1, 5, tzinfo=UTC)
    with pytest.raises(Conflict, match="not over"):
        close_year(session, US, "points", county, YEAR, NOW)
    with pytest.raises(NotFound):
        close_year(session, US, "stars", county, YEAR, after)
    close_year(session, US, "points", county, YEAR, after)
    for again in (
        lambda: close_year(session, US, "points", county, YEAR, after),
        lambda: offer(scene, *RULES, base=1),
    ):
        with pytest.raises(Conflict, match="closed"):
            again()
    scene.do(incident_id, "reopen", "赵社工", after, note="又漏了")
    late = worked(scene, "孙师傅", NOW + timedelta(hours=1), "take")
    assert late and points(scene) == {"孙师傅": 7}
    formulas = formulas_of(session, "points", 2026, [county])
    (row,) = list_points(session, US, YEAR, formulas.values())
    assert (row.matters, row.points, row.change) == (1, 7, -6)
    code = scene.town.person("孙师傅").code
    listed = list_events(session, US, YEAR, formulas.values(), code)
    changes = [(each.points, each.change) for each in listed]
    assert changes == [(1, -1), (2, -2), (4, -4), (0, 1)]


def test_of_two_who_publish_one_is_refused(
    scene: IncidentTown,
) -> None:
    with pytest.raises(Conflict, match="version 1"):  # somebody else was faster
        offer(scene, *RULES, base=0)
    assert offer(scene, Rule("closed", "", 1), base=1).version == 2
    worked(scene)
    assert points(scene) == {"孙师傅": 1}
    other = Principal("account", "b", {Action.RULES: frozenset({-1})})
    with pytest.raises(Forbidden):
        publish(
            scene.session, other, "points", scene.town.county.code, YEAR, RULES, base=2, now=NOW
        )
    with pytest.raises(InvalidInput):
        publish(scene.session, US, "points", "520499", YEAR, RULES, base=0, now=NOW)
