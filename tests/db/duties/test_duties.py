"""Duties: what counts for a yearly target, the light, and who writes visits down."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import allow_boundary_writes
from gis.duties.actions import VisitInput, link_incident, record_visit, remove_visit
from gis.duties.queries import DutyRow, list_duties, list_visits
from gis.errors import Conflict, Forbidden, InvalidInput, NotFound
from gis.exchange.visits import load_visits, write_visits
from gis.incidents import kind_edits
from gis.rights.actions import Action
from gis.rights.principal import Principal, system_principal
from gis.years import read_year
from tests.support import build
from tests.support.incident_town import NOW, IncidentTown
from tests.support.load_town import SHANGHAI, write_csv

US = system_principal("test")
LEADER = "陈书记"
TODAY = date(2026, 11, 24)


@pytest.fixture
def scene(session: Session) -> IncidentTown:
    """The usual town; a leader contacts the community and its first grid."""
    town = IncidentTown(session)
    for place in (town.town.community, town.grid):
        town.town.post("contact_leader", place, LEADER, start=datetime(2025, 1, 1, tzinfo=UTC))
    return town


def visit(scene: IncidentTown, name: str = LEADER, now: datetime = NOW, **stated: object) -> int:
    """Write a visit down by who made it, of today and to the first grid unless it says."""
    if not stated.keys() & {"building", "lon", "area"}:
        stated["area"] = scene.grid.code
    by = scene.who(name, now)
    return record_visit(scene.session, by, VisitInput(**stated), now, SHANGHAI)  # type: ignore[arg-type]


def duties(
    scene: IncidentTown, year: int = 2026, now: datetime = NOW, by: Principal = US
) -> dict[tuple[str, str | None], DutyRow]:
    """Return the duties of a year by kind and name."""
    rows = list_duties(scene.session, by, read_year(year, now, SHANGHAI), now)
    return {(row.kind, row.name): row for row in rows}


def figures(row: DutyRow) -> tuple[int, int, str]:
    return row.visits.done, row.solved.done, row.light


def closed(scene: IncidentTown, at: datetime = NOW) -> str:
    """Report an incident in the first grid, closed at a moment; return its id."""
    number = scene.report(at=at).id
    for move in ("take", "handle", "check", "close"):
        by = "王网格" if move in ("take", "handle") else "赵社工"
        scene.do(number, move, by, at, note="办好了")
    return str(number)


def test_visits_and_solved_problems_light_the_duty(scene: IncidentTown) -> None:
    contact = ("duty_contact", LEADER)
    row = duties(scene)[contact]
    assert figures(row) == (0, 0, "red")
    assert (row.visits.needed, row.visits.expected, row.solved.needed) == (3, 2, 2)
    assert len(row.places) == 2
    visit(scene, area=scene.town.community.code, day=date(2026, 2, 1))
    second = visit(scene, day=date(2026, 5, 1))
    assert figures(duties(scene, now=datetime(2026, 6, 1, tzinfo=UTC))[contact])[2] == "yellow"
    last, solved = visit(scene, note="=1+1"), closed(scene)
    by = scene.who("赵社工")
    with pytest.raises(InvalidInput):  # an incident that the leader does not see
        link_incident(scene.session, scene.who(LEADER), last, solved, SHANGHAI)
    link_incident(scene.session, by, last, solved, SHANGHAI)
    link_incident(scene.session, by, second, closed(scene), SHANGHAI)
    open_one = str(scene.report().id)
    link_incident(scene.session, by, last, open_one, SHANGHAI)
    assert figures(duties(scene)[contact]) == (3, 2, "green")
    # the same incident again counts once; a visit taken away counts no more
    link_incident(scene.session, by, last, open_one, SHANGHAI)
    assert [
        len(row.incidents) for row in list_visits(scene.session, US, read_year(None, NOW, SHANGHAI))
    ] == [2, 1, 0]
    remove_visit(scene.session, by, second)
    assert figures(duties(scene)[contact]) == (2, 1, "yellow")


def test_a_problem_that_was_reported_twice_is_one(scene: IncidentTown) -> None:
    number = visit(scene)
    first, again = scene.report().id, scene.report().id
    for shown in (str(first)[:8], str(again).replace("-", "").upper()):
        link_incident(scene.session, US, number, shown, SHANGHAI)
    scene.do(again, "link", parent=first)
    for move in ("take", "handle", "check", "close"):
        by = "王网格" if move in ("take", "handle") else "赵社工"
        scene.do(first, move, by, note="办好了")
    row = duties(scene)["duty_contact", LEADER]
    assert row.solved.done == 1
    for wrong in (str(first)[:7], "0" * 8, "修路灯"):
        with pytest.raises(InvalidInput):
            link_incident(scene.session, US, number, wrong, SHANGHAI)


def test_a_year_begins_and_ends_at_midnight_of_the_deployment(scene: IncidentTown) -> None:
    contact = ("duty_contact", LEADER)
    eve = datetime(2026, 12, 31, 15, 59, tzinfo=UTC)  # 23:59 in Shanghai
    new_year = eve + timedelta(minutes=1)
    assert read_year(None, eve, SHANGHAI).number == 2026
    assert read_year(None, new_year, SHANGHAI).number == 2027
    before = visit(scene, now=eve)
    visit(scene, now=new_year)
    link_incident(scene.session, US, before, closed(scene, eve), SHANGHAI)
    link_incident(scene.session, US, before, closed(scene, new_year), SHANGHAI)
    assert figures(duties(scene, 2026, new_year)[contact])[:2] == (1, 1)
    assert figures(duties(scene, 2027, new_year)[contact]) == (1, 1, "yellow")
    assert figures(duties(scene, 2025, new_year)[contact]) == (0, 0, "red")
    for year in (1999, 2101):
        with pytest.raises(InvalidInput):
            read_year(year, NOW, SHANGHAI)


def test_a_duty_of_half_a_year_needs_half_and_counts_only_its_time(scene: IncidentTown) -> None:
    summer = datetime(2026, 6, 30, 16, tzinfo=UTC)  # 1 July in Shanghai
    start = datetime(2025, 12, 31, 16, tzinfo=UTC)
    scene.town.post("contact_leader", scene.beside, "前任", start=start, end=summer)
    scene.town.post("contact_leader", scene.beside, None, start=summer)
    row = duties(scene)["duty_contact", "前任"]
    assert (row.visits.needed, row.solved.needed, row.light) == (2, 1, "red")
    visit(scene, "前任", area=scene.beside.code, day=date(2026, 6, 30))
    with pytest.raises(InvalidInput):
        visit(scene, "前任", area=scene.beside.code, day=date(2026, 7, 1))
    vacant = duties(scene)["duty_contact", None]
    assert (vacant.person, figures(vacant)) == (None, (0, 0, "none"))


def test_one_visit_counts_for_every_duty_of_the_place(scene: IncidentTown) -> None:
    building = scene.town.building("3号楼", 0.0002, 0.0002, estate="桂花苑")
    scene.town.post("building_sponsor", building, LEADER)
    scene.town.post("street_team", scene.town.street, LEADER)
    kind_edits.change_kind(
        scene.session,
        US,
        kind_edits.find_kind_id(scene.session, "duty", "duty_sponsor"),
        targets={"visits_target": 1},
    )
    spot = {"lon": build.LON + 0.0003, "lat": build.LAT + 0.0003}
    visit(scene, **spot)  # a point in the building
    assert {key: figures(row) for key, row in duties(scene).items()} == {
        ("duty_contact", LEADER): (1, 0, "red"),
        ("duty_sponsor", LEADER): (1, 0, "green"),
        ("duty_street_team", LEADER): (1, 0, "none"),
    }
    with pytest.raises(Conflict):  # the same day and place
        visit(scene, building=building.code)
    # a county's own kind takes the place of that of all
    kind_edits.add_kind(
        scene.session,
        US,
        kind_edits.KindInput(
            "duty",
            "contact_leader",
            "区级联系点",
            key="own",
            county=scene.town.county.code,
            targets=kind_edits.Targets(1, 0),
        ),
    )
    assert [key for key in duties(scene) if key[0] in ("own", "duty_contact")] == [("own", LEADER)]


def test_who_writes_visits_down_and_who_sees_them(scene: IncidentTown) -> None:
    code = scene.town.person(LEADER).code
    day = date(2026, 3, 2)
    desk, other = scene.who("赵社工"), scene.who("邻网格员")
    stated = VisitInput(day, code, area=scene.grid.code)
    record_visit(scene.session, desk, stated, NOW, SHANGHAI)
    with pytest.raises(Forbidden):
        record_visit(scene.session, other, stated, NOW, SHANGHAI)
    for wrong in (
        {"area": scene.beside.code} | {"person": scene.town.person("王网格").code},  # no duty
        {"day": date(2026, 11, 25)},
        {"area": ""},
        {"area": "nothing"},
        {"note": "长" * 2001},
        {"incidents": ["12"]},
        {"incidents": [str(scene.report().id)], "day": date(2026, 1, 5)} | {"area": "nothing"},
    ):
        with pytest.raises(InvalidInput):
            by = desk if "person" in wrong else scene.who(LEADER)
            fields = {"day": day, "area": scene.grid.code} | wrong
            record_visit(scene.session, by, VisitInput(**fields), NOW, SHANGHAI)  # type: ignore[arg-type]
    year = read_year(2026, NOW, SHANGHAI)
    abroad = Principal(
        "account", "abroad", {action: frozenset({-1}) for action in Action}, person_id=-1
    )
    for by, seen in ((scene.who(LEADER), 1), (desk, 1), (other, 0), (abroad, 0)):
        assert len(list_visits(scene.session, by, year)) == seen
        assert len(list_duties(scene.session, by, year, NOW)) == seen
    (row,) = list_visits(scene.session, desk, year)
    with pytest.raises(NotFound):
        remove_visit(scene.session, abroad, row.id)


def test_a_retired_area_takes_no_visits_and_keeps_those_it_had(scene: IncidentTown) -> None:
    visit(scene, day=date(2026, 3, 2))
    allow_boundary_writes(scene.session)
    # the first of June goes on for eight hours
    scene.grid.retired_at = datetime(2026, 6, 1, tzinfo=UTC)
    scene.session.flush()
    with pytest.raises(InvalidInput):
        visit(scene, day=date(2026, 6, 2))
    visit(scene, day=date(2026, 6, 1))
    row = duties(scene)["duty_contact", LEADER]
    assert (row.visits.done, {place["retired"] for place in row.places}) == (2, {True, False})
    assert scene.session.scalar(text("SELECT count(*) FROM duty_visit")) == 2


def test_visits_load_dump_and_load_again_unchanged(scene: IncidentTown, tmp_path: Path) -> None:
    building = scene.town.building("3号楼", 0.0002, 0.0002)
    scene.town.post("building_sponsor", building, LEADER)
    incident = str(scene.report().id)
    person = {"工号": scene.town.person(LEADER).code, "姓名": LEADER}
    rows: list[dict[str, object]] = [
        {**person, "日期": "2026-03-02", "区域编码": scene.grid.code, "走访情况": "=1+1"},
        {**person, "日期": "2026-11-24", "楼栋编码": building.code, "事件编号": incident},
    ]

    def load(path: Path) -> tuple[int, int, list[str]]:
        report = load_visits(scene.session, path, now=NOW, timezone=SHANGHAI)
        refused = [row.field for row in report.refused]
        return report.counts.get("new", 0), report.counts.get("changed", 0), refused

    assert load(write_csv(tmp_path / "v.csv", rows)) == (2, 0, [])
    for ending in ("csv", "xlsx"):
        out = tmp_path / f"out.{ending}"
        assert write_visits(scene.session, US, out) == 2
        assert load(out) == (0, 0, [])
    rows[0]["走访情况"] = "好了"
    assert load(write_csv(tmp_path / "w.csv", rows)) == (0, 1, [])
    changes = ({"姓名": "别人"}, {"日期": "2026-12-24"}, {"工号": "x", "姓名": ""})
    wrong = [rows[0] | change for change in changes]
    assert load(write_csv(tmp_path / "x.csv", wrong)) == (0, 0, ["姓名", "日期", "工号"])
    again = [rows[0], rows[0] | {"走访情况": "别的"}]
    assert load(write_csv(tmp_path / "y.csv", again)) == (0, 0, ["日期"])


def test_two_who_write_the_same_visit_down_at_once_write_one(
    apart: Callable[[], Session],
) -> None:
    scene = IncidentTown(apart())
    scene.town.post("contact_leader", scene.grid, LEADER)
    code, area = scene.town.person(LEADER).code, scene.grid.code
    scene.session.commit()

    def write(_: int) -> bool:
        with apart() as session:
            try:
                record_visit(session, US, VisitInput(None, code, area), NOW, SHANGHAI)
                session.commit()
            except Conflict:
                return False
            return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(write, range(4))) == 1
    assert [row.visits.done for row in duties(scene).values()] == [1]
    scene.session.close()
