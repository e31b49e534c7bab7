"""The papers: their figures against a count in Python, who may have them, and that files open."""

from collections import Counter
from datetime import timedelta
from io import BytesIO
from typing import Any

import docx
import pytest
from openpyxl import load_workbook
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from gis.duties.actions import VisitInput, record_visit
from gis.errors import Forbidden, InvalidInput, NotFound
from gis.incidents.lifecycle import supervision
from gis.incidents.reading.statistics import RateCount
from gis.incidents.working_time import ZONE
from gis.papers.data import PaperData, PaperRequest, value_text
from gis.papers.document import paper_document
from gis.papers.fill import PAPER_TABLE, fill
from gis.papers.workbook import paper_workbook
from gis.people.models import Leave
from gis.rights.actions import Action
from gis.rights.principal import ANONYMOUS, Principal, system_principal
from tests.support.figures_by_hand import count_by_hand
from tests.support.paper_town import HOSTILE, PaperTown, at

# without a formula: stars have tests/db/credit
READY = [paper.key for paper in PAPER_TABLE if paper.key != "stars"]


@pytest.fixture
def town(session: Session) -> PaperTown:
    return PaperTown(session)


def figures(data: PaperData) -> dict[str, Any]:
    return {figure.key: figure.value for figure in data.figures}


def test_the_reports_are_those_counted_by_hand(town: PaperTown) -> None:
    data = town.fill("weekly")
    period = data.question.period
    counted = count_by_hand(town.session, period.since, period.until, at("15:00"))
    values = figures(data)
    for name in ("reported", "open", "closed", "overdue", "supervised"):
        if name in counted.count:
            assert values[name] == len(counted.count[name]), name
    for name, value in values.items():
        if isinstance(value, RateCount):
            assert (value.n, value.of) == counted.rate(name, town.ids), name
    assert (values["reported"], values["closed"], values["open"]) == (3, 1, 2)
    assert values["reported_before"] == 0
    rows = {row.values["code"]: row.values["reported"] for row in data.rows}
    assert rows == {town.grids[0].code: 2, town.grids[1].code: 1}
    assert town.fill("daily", period="2026-11-25").rows == []


def test_each_row_of_the_ledger_is_an_incident_and_each_count_its_marks(town: PaperTown) -> None:
    data = town.fill("ledger")
    states = Counter(
        town.session.scalars(text("SELECT state FROM incident WHERE parent_id IS NULL"))
    )
    values = figures(data)
    assert values["rows"] == len(data.rows) == sum(states.values()) == 3
    assert values["closed"] == states["closed"] == 1
    assert {row.incident for row in data.marked("closed")} == {town.ids[0]}
    for figure in data.figures:
        assert len(data.marked(figure.key)) == figure.value
        assert data.figure_path(figure).startswith("/papers/rows?paper=ledger")
    assert town.fill("ledger", area=town.grids[1].code).rows[0].incident == town.ids[2]


def test_visits_roster_members_and_buildings(town: PaperTown) -> None:
    visits = figures(town.fill("follow_ups"))
    assert (visits["rows"], visits["reached"], visits["satisfied"]) == (1, 1, 1)
    roster = town.fill("roster")
    assert figures(roster)["grid_worker"] == 2
    assert figures(roster)["vacant"] == 0
    assert {"网格员1", "网格员2", "网格长"} <= {row.values["holder"] for row in roster.rows}
    assert [row.values["reported"] for row in town.fill("members").rows] == [0]
    buildings = town.fill("buildings")
    assert figures(buildings) == {
        "rows": 2,
        "headed": 1,
        "without_head": 1,
        "households": 2,
        "people": 6,
    }
    assert buildings.rows[0].values["building_head"] == "楼长"
    assert town.fill("buildings", area=town.grids[1].code).rows == []


def test_a_roster_is_of_the_last_moment_of_its_period_and_counts_people(town: PaperTown) -> None:
    """At the first moment of the next one the post changes hands, and somebody goes on leave."""
    begins = at("00:00") + timedelta(days=1)
    town.session.execute(
        text(
            "UPDATE post SET valid_time = tstzrange(lower(valid_time), :begins)"
            " WHERE role = 'grid_worker' AND area_id = :grid"
        ),
        {"begins": begins, "grid": town.grids[0].id},
    )
    successor = town.town.post("grid_worker", town.grids[0], "接任")
    successor.valid_time = Range(begins, None, bounds="[)")
    town.session.add(
        Leave(person_id=town.town.person("网格长").id, valid_time=Range(begins, None, bounds="[)"))
    )
    town.session.flush()
    later = begins + timedelta(days=9)

    def roster(day: str) -> PaperData:
        asked = PaperRequest("roster", town.grids[0].code, day)
        return fill(town.session, system_principal("test"), asked, later, ZONE)

    before, after = roster("2026-11-24"), roster("2026-11-25")
    assert {row.values["holder"] for row in before.rows} == {"网格员1", "网格长"}
    assert {row.values["holder"] for row in after.rows} == {"接任", "网格长"}
    assert (figures(before)["on_leave"], figures(after)["on_leave"]) == (0, 1)
    successor.holder_id = None
    town.session.flush()
    vacant = figures(roster("2026-11-25"))
    assert (vacant["grid_worker"], vacant["vacant"], vacant["held"]) == (0, 1, 1)


def test_a_diary_is_its_workers_and_their_leaders(town: PaperTown) -> None:
    own = town.fill("diary", town.who("网格员1"))
    assert [row.marks for row in own.rows] == [{"move_take"}, {"move_handle"}]
    assert own.subject == "网格员1"
    person = town.town.person("网格员1").code
    for leader in ("网格长", "赵社工", "街道"):
        assert len(town.fill("diary", town.who(leader), person=person).rows) == 2
    for other in ("网格员2", "党员"):
        with pytest.raises(NotFound):
            town.fill("diary", town.who(other), person=person)
    with pytest.raises(NotFound):
        town.fill("diary", town.who("网格长"), person=town.town.person("网格员2").code)
    assert town.fill("diary", town.who("网格员1"), period="2026-11-23").rows == []


def test_a_diary_has_visits_and_not_what_became_of_a_matter_by_itself(town: PaperTown) -> None:
    town.town.post("contact_leader", town.town.community, "陈书记")
    chen, grid = town.who("陈书记"), town.grids[1]
    visit = VisitInput(at("10:00").date(), area=grid.code, note=HOSTILE)
    record_visit(town.session, chen, visit, at("15:00"), ZONE)
    assert supervision.escalate_overdue(town.session, town.ids[2], at("15:00") + timedelta(days=9))
    code = town.town.person("陈书记").code
    for asker in (chen, town.who("街道")):
        data = town.fill("diary", asker, person=code)
        assert [dict(row.values) for row in data.rows] == [
            {"at": "2026-11-24", "move": "走访", "number": "", "category": "",
             "area_name": grid.name, "address": "", "note": HOSTILE}
        ]  # fmt: skip
        assert figures(data)["move_visit"] == 1
    above = "SELECT p.name FROM incident_event e JOIN personal.person p ON p.id = e.person_id"
    name = town.session.scalar(text(f"{above} WHERE e.move = 'escalate'"))
    assert town.fill("diary", town.who(name), period="2026-12").rows == []


def test_papers_are_of_what_one_may_see(town: PaperTown) -> None:
    street, leader = town.who("街道"), town.who("网格长")
    for key in READY:
        if key != "diary":
            assert town.fill(key, street).key == key
            for asker in (leader, town.who("网格员1"), ANONYMOUS):
                with pytest.raises(Forbidden):
                    town.fill(key, asker)
    own = town.fill("weekly", leader, area=town.grids[0].code)
    assert figures(own)["reported"] == 2
    counts = Principal("account", "x", {Action.FIGURES: None})
    assert figures(town.fill("weekly", counts))["reported"] == 3
    for key in ("ledger", "follow_ups", "roster", "members", "buildings"):
        with pytest.raises(Forbidden):
            town.fill(key, counts)


def test_what_is_not_known_is_refused(town: PaperTown) -> None:
    for wrong in (
        {"period": "2026-W54"},
        {"period": "2026-02-30"},
        {"period": "٢٠٢٦"},
        {"period": "0000"},
        {"period": "9999-12"},
        {"period": "9999-12-31"},
        {"period": "0001-01-01"},
        {"period": "0001-W01"},
        {"area": "nowhere"},
    ):
        with pytest.raises(InvalidInput):
            town.fill("weekly", None, **wrong)
    with pytest.raises(InvalidInput):
        town.fill("moon")
    with pytest.raises(NotFound):
        town.fill("stars", period="2026")


def test_every_paper_opens_in_every_format(town: PaperTown) -> None:
    for key, asked in town.each_paper():
        data = town.fill(key, language="en" if key == "ledger" else "zh", **asked)
        sheet = load_workbook(BytesIO(paper_workbook(data, "https://w.example"))).active
        assert sheet is not None
        assert sheet.max_row >= len(data.rows) + len(data.figures) + 5
        links = [cell for row in sheet.iter_rows() for cell in row if cell.hyperlink]
        assert len(links) >= len(data.figures)
        assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
        document = docx.Document(BytesIO(paper_document(data, "https://w.example")))
        first, second = document.tables
        assert [row.cells[1].text for row in first.rows] == [
            value_text(figure.value) for figure in data.figures
        ]
        assert len(second.rows) == len(data.rows) + 1
    ledger = docx.Document(BytesIO(paper_document(town.fill("ledger"), "")))
    assert HOSTILE in [cell.text for cell in ledger.tables[1].rows[-1].cells]
