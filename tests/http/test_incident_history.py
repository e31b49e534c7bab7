"""Matters that another system has begun or finished: filed as they stood, and written back."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.exchange.incident_file import incident_rows, write_incidents
from gis.exchange.incidents import load_incidents
from gis.incidents.reading import timeline
from gis.rights.actions import Action
from gis.rights.principal import Principal, system_principal
from gis.settings import SHANGHAI
from gis.storable import is_blank
from tests.support.incident_tables import GOOD, refused, table
from tests.support.incident_town import NOW, IncidentTown
from tests.support.reading import reading_inside  # noqa: F401

pytestmark = pytest.mark.usefixtures("reading_inside")

ME = system_principal("test")
ELSEWHERE = {
    "工单编号": "T3",
    "受理时间": "2026-11-20 08:30",
    "问题类型": "暴露垃圾",
    "诉求内容": "楼道垃圾没人收",
    "经度": GOOD["经度"],
    "纬度": GOOD["纬度"],
    "坐标系": "cgcs2000",
    "承办单位": "西兴社区",
    "办结时间": "2026-11-21 10:00",
    "满意度": "不满意",
    "工单状态": "已办结",
}
OPEN = ELSEWHERE | {"工单编号": "T4", "办结时间": "", "满意度": "", "工单状态": "办理中"}
OLD = ELSEWHERE | {
    "工单编号": "T1",
    "受理时间": "1999-06-01 08:30",
    "办结时间": "1999-06-02 10:00",
}


@pytest.fixture
def scene(session: Session) -> IncidentTown:
    """Return the usual place."""
    return IncidentTown(session)


def load(town: IncidentTown, file: Path, **options: Any) -> Any:
    """Load a file at the usual moment, with nothing refused."""
    report = load_incidents(town.session, file, now=NOW, **options)
    assert refused(report) == [], [row.reason for row in report.refused]
    return report


def by_number(town: IncidentTown) -> dict[str, Any]:
    """Return the stored incidents by their numbers elsewhere."""
    query = text("SELECT i.*, i.attributes ->> 'external_id' AS number FROM incident i")
    return {row.number: row for row in town.session.execute(query)}


def test_a_finished_matter_is_finished_and_an_open_one_goes_to_who_is_there(
    scene: IncidentTown, tmp_path: Path
) -> None:
    load(scene, table(tmp_path, [ELSEWHERE, OPEN]))
    closed, running = (by_number(scene)[number] for number in ("T3", "T4"))
    assert (closed.state, closed.office_rating, closed.rating) == ("closed", 2, None)
    assert closed.closed_at == datetime(2026, 11, 21, 10, tzinfo=SHANGHAI)
    assert (closed.holder_id, closed.due_at, closed.supervise_at) == (None, None, None)
    assert (running.state, running.role) == ("dispatched", "grid_worker")
    assert running.due_at > NOW and running.closed_at is None
    messages = scene.session.scalars(text("SELECT DISTINCT incident_id FROM notice")).all()
    assert closed.id not in messages  # nobody is told of what is over
    assert scene.moves(closed.id) == ["report", "load"]
    (_, loaded) = timeline.events(scene.session, ME, closed.id)
    assert loaded.detail["handler"] == "西兴社区" and loaded.move_zh == "外部导入"


def test_a_finished_matter_can_be_reopened(scene: IncidentTown, tmp_path: Path) -> None:
    load(scene, table(tmp_path, [ELSEWHERE]))
    view = scene.do(by_number(scene)["T3"].id, "reopen", note="还是没收")
    assert view.state == "dispatched" and view.queue is not None


def test_what_is_older_than_the_boundaries_is_offered_todays(
    scene: IncidentTown, tmp_path: Path
) -> None:
    file = table(tmp_path, [OLD])
    report = load_incidents(scene.session, file, now=NOW)
    assert refused(report) == [("row 2", "受理时间")]
    assert "--old-by-today" in report.refused[0].reason
    report = load(scene, file, old_by_today=True)
    assert "row 2" in " ".join(report.notes)
    view = scene.seen(by_number(scene)["T1"].id)
    assert view.areas[-1]["code"] == scene.grid.code
    assert view.how[0]["rule"] == "placed_by_later"


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("工单状态", {"工单状态": "已办结", "办结时间": ""}),
        ("办结时间", {"工单状态": "办理中"}),
        ("办结时间", {"办结时间": "2026-11-19 10:00"}),
        ("办结时间", {"办结时间": "2027-11-19 10:00"}),
        ("工单状态", {"工单状态": "结了吧"}),
        ("满意度", {"满意度": "凑合"}),
        ("重复于", {"重复于": "T99"}),
        ("suspended_until", {"工单状态": "suspended", "办结时间": ""}),
        ("岗位区域", {"岗位区域": "nowhere", "承办岗位": "网格员"}),
        ("截止时间", {"工单状态": "办理中", "办结时间": "", "截止时间": "0001-01-01"}),
        ("受理时间", {"受理时间": "0001-01-01"}),
    ],
)
def test_what_contradicts_itself_is_refused(
    scene: IncidentTown, tmp_path: Path, column: str, cells: dict[str, str]
) -> None:
    file = table(tmp_path, [ELSEWHERE | cells])
    report = load_incidents(scene.session, file, now=NOW, old_by_today=True)
    assert refused(report) == [("row 2", column)]


def test_a_handler_of_ours_has_it(scene: IncidentTown, tmp_path: Path) -> None:
    rows = [
        OPEN | {"承办单位": "李网格长", "截止时间": "2026-11-30 18:00"},
        ELSEWHERE | {"承办单位": scene.town.person("王网格").code},
        ELSEWHERE | {"工单编号": "T5", "承办单位": "邻网格员", "工单状态": "taken", "办结时间": ""},
    ]
    load(scene, table(tmp_path, rows))
    stored = by_number(scene)
    assert stored["T4"].holder_id == scene.town.person("李网格长").id
    assert stored["T4"].due_at == datetime(2026, 11, 30, 18, tzinfo=SHANGHAI)
    assert stored["T3"].holder_id == scene.town.person("王网格").id
    assert stored["T5"].holder_id != scene.town.person("邻网格员").id  # no post there


def test_who_only_reports_may_not_file_what_is_over(scene: IncidentTown, tmp_path: Path) -> None:
    resident = Principal("account", "account li", {Action.REPORT: frozenset({scene.grid.id})})
    file = table(tmp_path, [ELSEWHERE])
    report = load_incidents(scene.session, file, now=NOW, principal=resident)
    assert [row.where for row in report.refused] == ["row 2"]


def a_life(town: IncidentTown) -> None:
    """Incidents in every state, one that repeats another, and one from another system."""
    start = NOW - timedelta(days=3)
    report = lambda n, **extra: town.report(at=start + timedelta(hours=n), **extra)  # noqa: E731
    report(0, category="", description="qwertz")
    taken, handled, closed, void, away, returned = (report(n) for n in range(1, 7))
    chain = [("take", "王网格"), ("handle", "王网格"), ("check", "赵社工"), ("close", "赵社工")]
    for incident_id, steps in ((taken, 1), (handled, 2), (closed, 4), (returned, 1)):
        for name, by in chain[:steps]:
            town.do(incident_id.id, name, by, note="清走了，=1+1")
    town.do(closed.id, "rate", rating=2, solved=True)
    town.do(returned.id, "return", "王网格", note="不归我管")
    for incident_id, request in ((void, "void"), (away, "suspend")):
        until = NOW + timedelta(days=9) if request == "suspend" else None
        town.do(incident_id.id, f"request_{request}", "王网格", note="原因", until=until)
        town.do(incident_id.id, f"approve_{request}")
    town.do(report(8).id, "link", parent=taken.id)
    report(9, area=town.grid.code, lon=None, lat=None, crs=None, channel="phone")


def written(town: IncidentTown, file: Path) -> list[dict[str, Any]]:
    """Write all incidents to a file; return its rows."""
    write_incidents(town.session, ME, file)
    return list(incident_rows(town.session, ME))


def reloaded(town: IncidentTown, make: Any, file: Path) -> tuple[list[Any], list[Any]]:
    """Return the rows of what is made, and those of a town that loads its file."""
    with town.session.begin_nested() as initial:
        make()
        old = written(town, file)
        initial.rollback()
    with town.session.begin_nested() as second:
        load(town, file)
        new = list(incident_rows(town.session, ME))
        again = load(town, file)
        assert again.counts["new"] == 0
        second.rollback()
    return old, new


@pytest.mark.parametrize("ending", ["csv", "xlsx", "ndjson"])
def test_a_file_of_ours_loads_back_the_same(
    scene: IncidentTown, tmp_path: Path, ending: str
) -> None:
    old, new = reloaded(scene, lambda: a_life(scene), tmp_path / f"incidents.{ending}")
    assert len(old) == 9 and {row["state"] for row in old} >= {
        "reported", "taken", "handled", "closed", "void", "suspended", "returned", "dispatched"
    }  # fmt: skip
    assert new == old


def test_our_own_file_in_our_own_town_changes_nothing(scene: IncidentTown, tmp_path: Path) -> None:
    a_life(scene)
    written(scene, tmp_path / "a.csv")
    assert load(scene, tmp_path / "a.csv").counts["new"] == 0


WORDS = st.text(
    st.one_of(
        st.sampled_from("=+-@'\"，,;\t\n|{}#垃圾合计共3人😀\u200d\u3000"),
        st.characters(
            codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"
        ),
    ),
    min_size=1,
    max_size=40,
).map(str.strip).filter(lambda text: not is_blank(text) and not text.startswith("#"))  # fmt: skip


@settings(
    max_examples=4,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    message=st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=4),
    ending=st.sampled_from(["csv", "xlsx", "ndjson"]),
)
def test_any_words_load_back_the_same(
    scene: IncidentTown, tmp_path: Path, message: list[tuple[str, str]], ending: str
) -> None:
    def make() -> None:
        for number, (description, result) in enumerate(message):
            incident = scene.report(
                at=NOW - timedelta(hours=number + 1), description=description, address=result
            )
            scene.do(incident.id, "take", "王网格")
            scene.do(incident.id, "handle", "王网格", note=result)

    old, new = reloaded(scene, make, tmp_path / f"words.{ending}")
    assert new == old


def test_people_are_named_only_to_who_may_have_names(scene: IncidentTown) -> None:
    a_life(scene)
    code = scene.town.person("王网格").code
    see = {Action.READ: frozenset({scene.grid.id})}
    reader = Principal("account", "account li", see)
    namer = Principal("account", "account wu", see | {Action.NAMES: frozenset({scene.grid.id})})
    assert code not in str(list(incident_rows(scene.session, reader)))
    assert code in str(list(incident_rows(scene.session, namer)))
    beside = Principal("account", "a", {Action.READ: frozenset({scene.beside.id})})
    assert not [row for row in incident_rows(scene.session, beside) if row["area"] == ""]
