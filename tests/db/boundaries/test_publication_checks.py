"""What was decided while drawing is checked again when published.

Figures stay; plans and reverts work in any order.
"""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from gis.areas.models import Area
from gis.boundaries import draft_grids, drafts, editor_view, preview, publish
from gis.errors import Conflict, InvalidInput
from tests.support import draft_town
from tests.support.draft_town import LEAD, begin, code, line, shapes_of

town = draft_town.town  # the fixture

THEN = datetime.now(UTC) + timedelta(days=40)
BEYOND = THEN + timedelta(days=1)


def published(session, op, effective=None) -> int:
    number = begin(session)
    drafts.add_operation(session, LEAD, number, op)
    publish.publish(session, LEAD, number, "试", effective)
    session.flush()
    return number


def reverted(session, number, effective=None) -> int:
    back = publish.create_reverting_draft(session, LEAD, number).id
    publish.publish(session, LEAD, back, "撤销", effective)
    session.flush()
    return back


def same(polygon, other) -> bool:
    return polygon.keys() == other.keys() and all(
        polygon[code].equals_exact(other[code], 0) for code in polygon
    )


def split(number, *codes):
    op = {"op": "split", "code": code(number), "line": line(*_across(number))}
    return op | ({"codes": [code(item) for item in codes]} if codes else {})


def _across(number):
    x, y = (number - 1) % 3, (number - 1) // 3
    return (x - 0.1, y + 0.7), (x + 1.1, y + 0.7)


def test_a_code_asked_for_by_two_drafts_is_given_once(session, town):
    draft, two = begin(session), begin(session)
    drafts.add_operation(session, LEAD, draft, split(1, 1, 50))
    with pytest.raises(InvalidInput, match=rf"{code(50)}: reserved by draft {draft}"):
        drafts.add_operation(session, LEAD, two, split(9, 9, 50))
    drafts.withdraw(session, LEAD, draft)
    drafts.add_operation(session, LEAD, two, split(9, 9, 50))
    town.area("grid", code(50), "别处", town.community)  # loaded meanwhile
    with pytest.raises(Conflict, match="used by another publication since"):
        publish.publish(session, LEAD, two, "试", None)


def test_merges_planned_for_one_moment_follow_each_other(session, town):
    grid = session.scalars(select(Area).where(Area.code == code(4))).one()
    unit = town.unit(grid, "01", [(town.houses[0], None, None, None)])
    town.household(town.houses[0], "101", unit=unit)
    old_shapes = shapes_of(session)
    item = published(session, {"op": "merge", "codes": [code(4), code(5)], "into": code(5)}, THEN)
    two = published(session, {"op": "merge", "codes": [code(5), code(6)], "into": code(6)}, THEN)
    assert same(shapes_of(session), old_shapes)
    assert shapes_of(session, BEYOND).keys() == old_shapes.keys() - {code(4), code(5)}
    reverted(session, two)
    assert shapes_of(session, BEYOND).keys() == old_shapes.keys() - {code(4)}
    reverted(session, item)
    assert same(shapes_of(session, BEYOND), old_shapes)
    parents = (
        session.execute(
            text(
                "SELECT parent_id FROM dated_parent WHERE area_id = :id AND upper_inf(valid_time)"
            ),
            {"id": unit.id},
        )
        .scalars()
        .all()
    )
    assert parents == [grid.id]
    published(
        session, {"op": "merge", "codes": [code(4), code(5)], "into": code(5)}
    )  # now: no plan stands in the way


def test_publications_are_taken_back_in_turn(session, town):
    old_shapes = shapes_of(session)
    item = published(session, split(5))
    between = shapes_of(session)
    two = published(session, {"op": "merge", "codes": [code(5), code(2)], "into": code(2)})
    with pytest.raises(Conflict, match="redrawn since"):
        publish.create_reverting_draft(session, LEAD, item)
    reverted(session, two)
    assert same(shapes_of(session), between)
    reverted(session, item)
    assert same(shapes_of(session), old_shapes)


def test_a_split_leaves_the_code_where_most_households_live(session, town):
    number = begin(session)
    house = town.building("小楼", 1.2 * 0.001, 1.1 * 0.001, width=0.0001, code="small")
    small = {"op": "split", "code": code(5), "line": line((0.9, 1.35), (2.1, 1.35))}
    operation = drafts.add_operation(session, LEAD, number, small)
    assert operation.op["codes"] == [code(10), code(5)] or operation.op["codes"] == [
        code(5),
        code(10),
    ]
    largest = max(operation.geometries, key=lambda item: len(operation.geometries[item] or ""))
    drafts.undo_operations(session, LEAD, number, 1)
    for room in ("101", "102", "103"):
        town.household(house, room)
    again = drafts.add_operation(session, LEAD, number, small)
    shapes = draft_grids.drawn_shapes([again])
    assert shapes[code(5)].area < shapes[code(10)].area and largest


def test_figures_of_a_publication_stay_and_neighbours_are_counted(session, town):
    for house in town.houses:
        town.household(house, "101")
    number = begin(session)
    drafts.add_operation(
        session,
        LEAD,
        number,
        {
            "op": "move_border",
            "between": [code(4), code(5)],
            "line": line((1, 1), (1.6, 1.5), (1, 2)),
        },
    )
    visible = editor_view.read_editor_view(session, LEAD, number, code(5))
    assert visible.households[code(6)] == 1 and visible.households[code(2)] == 0
    looked_at = preview.preview(session, LEAD, number)
    publish.publish(session, LEAD, number, "试", None)
    for house in town.houses:
        town.household(house, "102")
    published(session, {"op": "merge", "codes": [code(4), code(7)], "into": code(4)})
    stored = preview.preview(session, LEAD, number)
    assert stored.totals == looked_at.totals and stored.state == "published"
    assert [(grid.code, grid.households, grid.area_m2) for grid in stored.grids] == [
        (grid.code, grid.households, grid.area_m2) for grid in looked_at.grids
    ]
    visible = editor_view.read_editor_view(session, LEAD, number, code(5)[:6])
    assert {grid.code: grid.households[1] for grid in stored.grids} == visible.households
