"""Map sheets: the facts of grids in force and of drafts, on paper."""

from contextlib import nullcontext
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from sqlalchemy import select, text

from gis.areas.models import Area
from gis.boundaries import drafts, publish
from gis.boundaries.sheets import read_sheets
from gis.errors import Conflict, Forbidden, NotFound
from gis.rights.actions import Action
from gis.rights.principal import Principal
from layers.sheet_map import sheet_map
from tests.support import draft_town
from tests.support.draft_town import BASE, LEAD, begin, code, line

town = draft_town.town  # the fixture


def now() -> datetime:
    return datetime.now(UTC)


def test_a_grid_and_a_community_as_they_stand(session, town):
    grid = session.scalars(select(Area).where(Area.code == code(5))).one()
    town.unit(grid, "001", [(town.houses[1], None, None, None)])
    town.household(town.houses[1], "101", people=3)
    town.household(town.houses[1], "102", people=2)
    session.commit()
    (sheet,) = read_sheets(session, LEAD, code(5), now()).sheets
    assert (sheet.households, sheet.people, sheet.buildings) == (2, 5, 1)
    assert {side: [limit.name for limit in limits] for side, limits in sheet.limits.items()} == {
        "east": [code(6)],
        "south": [code(2)],
        "west": [code(4)],
        "north": [code(8)],
    }
    whole = read_sheets(session, LEAD, BASE, now())
    assert [each.code for each in whole.sheets] == [code(n) for n in range(1, 10)]
    assert sum(each.households for each in whole.sheets) == 2
    assert whole.above[-1] == town.community.name
    assert [limit.kind for limit in whole.sheets[0].limits["south"]] == ["outside"]
    for wrong in ("520402", code(77), "nowhere"):
        with pytest.raises(NotFound):
            read_sheets(session, LEAD, wrong, now())


def test_a_draft_is_shown_before_it_is_in_force(session, town):
    number = begin(session)
    drafts.add_operation(
        session,
        LEAD,
        number,
        {"op": "split", "code": code(5), "line": line((1.4, 0.9), (1.4, 2.1))},
    )
    sheets = read_sheets(session, LEAD, code(10), now(), number)
    (sheet,) = sheets.sheets
    assert sheets.revision.id == number and sheet.name == "西兴第10网格" and not sheet.posts
    assert [limit.name for limit in sheet.limits["east"]] == [code(5)]
    assert len(read_sheets(session, LEAD, BASE, now(), number).sheets) == 10
    with pytest.raises(NotFound):
        read_sheets(session, LEAD, code(10), now())  # not yet
    publish.publish(session, LEAD, number, "户数过多", None)
    with pytest.raises(Conflict):
        read_sheets(session, LEAD, code(10), now(), number)
    assert read_sheets(session, LEAD, code(10), now()).revision is None


def test_the_command_writes_html_and_pdf(session, town, tmp_path, monkeypatch):
    from web.cli import sheet as module

    monkeypatch.setattr(module, "session_scope", lambda reason: nullcontext(session))
    run = lambda *words: CliRunner().invoke(module.command, [*words])  # noqa: E731
    assert run(code(5), str(tmp_path / "sheet.docx")).exit_code == 2
    done = run(BASE, str(tmp_path / "all.html"), "--lang", "en", "--paper", "A3")
    assert done.exit_code == 0, done.output
    html = (tmp_path / "all.html").read_text(encoding="utf-8")
    assert html.count('<article class="sheet">') == 10  # nine, and the overview
    assert "A3 landscape" in html and "grid leader" in html.lower() and "vacant" in html
    done = run(code(5), str(tmp_path / "one.pdf"))
    assert done.exit_code == 0, done.output
    assert (tmp_path / "one.pdf").read_bytes().startswith(b"%PDF")


def test_only_who_may_see_figures_and_names(session, town):
    nobody = Principal("account", "p", areas_by_action={Action.NAMES: frozenset()})
    with pytest.raises(Forbidden):
        read_sheets(session, nobody, code(5), now())


def test_the_map_is_at_a_round_scale_and_holds_text_as_text(session, town):
    session.execute(
        text("UPDATE area SET name = '<b>{{7*7}}</b>' WHERE code = :code"), {"code": code(6)}
    )
    session.commit()
    sheets = read_sheets(session, LEAD, code(5), now())
    drawn = sheet_map(session, sheets, sheets.sheets[0], (196, 157), now(), "map")
    assert drawn.scale in (500, 750, 1000, 2000, 2500, 5000)
    assert "&lt;b&gt;{{7*7}}" in drawn.svg and "<b>" not in drawn.svg
