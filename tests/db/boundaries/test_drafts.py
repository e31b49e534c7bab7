"""Boundary drafts: drawn, looked at, published, in conflict, rebased, withdrawn and taken back."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from gis.areas import hierarchy
from gis.areas.models import Area, Boundary, Lineage, Revision
from gis.areas.resolver import locate
from gis.boundaries import draft_grids, drafts, editor_view, preview, publish, revision_access
from gis.boundaries.queries import boundaries_at
from gis.boundaries.store import publish_shapes
from gis.errors import Conflict, Forbidden, InvalidInput, NotFound
from gis.people.posts import posts_of
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.shapes import polygon_coverage
from tests.support import build, draft_town
from tests.support.draft_town import BASE, LEAD, S, X, Y, begin, code, land, line, shapes_of

town = draft_town.town  # the fixture


def test_a_moved_border_is_published_with_all_levels_above(session, town):
    number = begin(session)
    operation = drafts.add_operation(
        session,
        LEAD,
        number,
        {
            "op": "move_border",
            "between": [code(4), code(5)],
            "line": line((1, 1), (1.3, 1.5), (1, 2)),
        },
    )
    assert operation.changed_codes == [code(4), code(5)]
    old_shapes = shapes_of(session)
    done = publish.publish(session, LEAD, number, "新建小区", None)
    session.commit()
    new_shapes = shapes_of(session)
    assert done.state == "published" and done.reason == "新建小区"
    assert new_shapes[code(4)].area == pytest.approx(old_shapes[code(4)].area * 1.15, rel=1e-6)
    assert polygon_coverage.is_valid(list(new_shapes.values()))
    assert {
        item for item in new_shapes if not new_shapes[item].equals_exact(old_shapes[item], 0)
    } == {
        code(4),
        code(5),
    }
    whole = polygon_coverage.dissolve(list(new_shapes.values()))
    assert boundaries_at(session, [town.community.id], datetime.now(UTC))[town.community.id].equals(
        whole
    )
    answer = locate(session, X + 1.2 * S, Y + 1.5 * S, "cgcs2000")
    assert answer.areas[-1].code == code(4) and answer.revision == number


def test_a_split_makes_a_new_grid_with_code_name_and_lineage(session, town):
    number = begin(session)
    operation = drafts.add_operation(
        session,
        LEAD,
        number,
        {"op": "split", "code": code(5), "line": line((1.4, 0.9), (1.4, 2.1))},
    )
    assert operation.op["codes"] == [
        code(10),
        code(5),
    ]  # the larger part keeps the code; west to east
    publish.publish(session, LEAD, number, "户数过多", None)
    session.commit()
    new = session.scalars(select(Area).where(Area.code == code(10))).one()
    assert (new.name, new.level, new.parent_id) == ("西兴第10网格", "grid", town.community.id)
    lineage = session.scalars(select(Lineage).where(Lineage.to_id == new.id)).one()
    assert (lineage.kind, session.get(Area, lineage.from_id).code) == ("split", code(5))
    assert locate(session, X + 1.2 * S, Y + 1.5 * S, "cgcs2000").areas[-1].code == code(10)


def test_a_merge_retires_the_other_code_for_good(session, town):
    number = begin(session)
    drafts.add_operation(
        session, LEAD, number, {"op": "merge", "codes": [code(5), code(6)], "into": code(5)}
    )
    publish.publish(session, LEAD, number, "人口外迁", None)
    session.commit()
    assert code(6) not in shapes_of(session)
    assert session.scalar(select(Area.retired_at).where(Area.code == code(6))) is not None
    again = begin(session)
    with pytest.raises(InvalidInput, match="never used again"):
        drafts.add_operation(
            session,
            LEAD,
            again,
            {
                "op": "split",
                "code": code(5),
                "line": line((1.5, 0.9), (1.5, 2.1)),
                "codes": [code(5), code(6)],
            },
        )


def test_undo_takes_back_a_step_and_all_after_it(session, town):
    number = begin(session)
    for i in (5, 9):
        drafts.add_operation(
            session,
            LEAD,
            number,
            {
                "op": "split",
                "code": code(i),
                "line": line(
                    ((i - 1) % 3 - 0.1, (i - 1) // 3 + 0.5), ((i - 1) % 3 + 1.1, (i - 1) // 3 + 0.4)
                ),
            },
        )
    assert [
        undo_operation.step for undo_operation in drafts.undo_operations(session, LEAD, number, 2)
    ] == [2]
    assert set(draft_grids.drawn_shapes(drafts.list_operations(session, number))) >= {
        code(5),
        code(10),
    }
    assert code(11) not in draft_grids.drawn_shapes(drafts.list_operations(session, number))
    with pytest.raises(NotFound, match="no step 2"):
        drafts.undo_operations(session, LEAD, number, 2)


def test_drafts_on_different_grids_both_publish_and_on_the_same_grid_conflict(session, town):
    draft, two, three = begin(session), begin(session), begin(session)
    drafts.add_operation(
        session, LEAD, draft, {"op": "split", "code": code(5), "line": line((0.9, 1.5), (2.1, 1.4))}
    )
    drafts.add_operation(
        session, LEAD, two, {"op": "merge", "codes": [code(1), code(2)], "into": code(1)}
    )
    drafts.add_operation(
        session,
        LEAD,
        three,
        {
            "op": "move_border",
            "between": [code(5), code(8)],
            "line": line((1, 2), (1.5, 1.8), (2, 2)),
        },
    )
    publish.publish(session, LEAD, draft, "一", None)
    publish.publish(session, LEAD, two, "二", None)
    with pytest.raises(Conflict, match=f"{code(5)} \\(test, revision {draft}\\)") as refused:
        publish.publish(session, LEAD, three, "三", None)
    assert [clash["grid"] for clash in refused.value.extra["conflicts"]] == [code(5)]
    assert [clash.grid for clash in drafts.rebase(session, LEAD, three)] == [code(5)]
    publish.publish(session, LEAD, three, "三", None)
    session.commit()
    new_shapes = shapes_of(session)
    assert polygon_coverage.is_valid(list(new_shapes.values()))
    assert sum(shape.area for shape in new_shapes.values()) == pytest.approx(9 * S * S, rel=1e-9)


def test_a_neighbour_that_gained_a_vertex_is_no_conflict(session, town):
    draft, two = begin(session), begin(session)
    drafts.add_operation(
        session, LEAD, draft, {"op": "split", "code": code(5), "line": line((0.9, 1.5), (2.1, 1.4))}
    )
    drafts.add_operation(
        session, LEAD, two, {"op": "split", "code": code(4), "line": line((-0.1, 1.7), (1.1, 1.6))}
    )
    publish.publish(session, LEAD, draft, "一", None)
    publish.publish(session, LEAD, two, "二", None)
    session.commit()
    assert polygon_coverage.is_valid(list(shapes_of(session).values()))


def test_a_future_publication_takes_effect_by_itself(session, town):
    town.unit(
        session.scalars(select(Area).where(Area.code == code(5))).one(),
        "01",
        [(town.houses[1], None, None, None)],
    )
    number, then = begin(session), datetime.now(UTC) + timedelta(days=10)
    drafts.add_operation(
        session, LEAD, number, {"op": "transfer", "region": land(1, 1, 1.7, 2), "to": code(4)}
    )
    publish.publish(session, LEAD, number, "下月起", then)
    session.commit()
    where = (X + 1.5 * S, Y + 1.5 * S, "cgcs2000")
    assert locate(session, *where).areas[-1].code == code(5)
    assert locate(session, *where, at=then - timedelta(seconds=1)).areas[-1].code == code(5)
    later = locate(session, *where, at=then)
    assert later.areas[-1].code == code(4)
    assert later.unit.code == code(5) + "01"
    assert [row.parent for row in hierarchy.areas(session, then, level="unit")] == [code(4)]
    assert [row.parent for row in hierarchy.areas(session, datetime.now(UTC), level="unit")] == [
        code(5)
    ]
    assert publish.apply_scheduled(session, datetime.now(UTC)) == 0
    assert publish.apply_scheduled(session, then) == 1
    with pytest.raises(Conflict, match="holds from"):
        again = begin(session)
        drafts.add_operation(
            session,
            LEAD,
            again,
            {"op": "split", "code": code(4), "line": line((-0.1, 1.5), (2.1, 1.4))},
        )
        publish.publish(session, LEAD, again, "早了", None)


def test_a_revert_brings_the_old_lines_and_the_old_code_back(session, town):
    old_shapes = shapes_of(session)
    number = begin(session)
    drafts.add_operation(
        session, LEAD, number, {"op": "merge", "codes": [code(5), code(6)], "into": code(5)}
    )
    publish.publish(session, LEAD, number, "合并", None)
    back = publish.create_reverting_draft(session, LEAD, number)
    assert back.reverts == number and back.state == "draft"
    publish.publish(session, LEAD, back.id, "撤销合并", None)
    session.commit()
    new_shapes = shapes_of(session)
    assert new_shapes.keys() == old_shapes.keys()
    assert all(new_shapes[item].equals(old_shapes[item]) for item in old_shapes)
    assert session.scalar(select(Area.retired_at).where(Area.code == code(6))) is None


def test_a_grid_that_only_gained_a_vertex_may_have_any_land_when_a_split_is_taken_back(
    session, town
):
    before = shapes_of(session)
    numbers = []
    for op in (
        {
            "op": "move_border",
            "between": [code(4), code(5)],
            "line": line((1, 1), (1.2, 1.5), (1, 2)),
        },
        {"op": "split", "code": code(1), "line": line((0.37, -0.1), (0.37, 1.1))},
    ):
        number = begin(session)
        drafts.add_operation(session, LEAD, number, op)
        numbers.append(publish.publish(session, LEAD, number, "好", None).id)
    for number in numbers:  # the border first, so that the split's neighbour has other land again
        back = publish.create_reverting_draft(session, LEAD, number)
        publish.publish(session, LEAD, back.id, "撤", None)
    after = shapes_of(session)
    assert after.keys() == before.keys()
    assert all(after[item].equals(before[item]) for item in before)
    with pytest.raises(Conflict, match="nothing to take back"):
        publish.create_reverting_draft(session, LEAD, numbers[0])


def test_a_second_pair_of_eyes_and_rights_by_area(session, town):
    planner = Principal(
        "account",
        "account li",
        {
            Action.DRAFT: frozenset({town.community.id}),
            Action.PUBLISH: frozenset({town.community.id}),
        },
    )
    other = Principal(
        "account",
        "account zhou",
        {Action.DRAFT: frozenset({town.county.id}), Action.PUBLISH: frozenset({town.county.id})},
    )
    stranger = Principal(
        "account",
        "account wu",
        {Action.DRAFT: frozenset({10**9}), Action.PUBLISH: frozenset({10**9})},
    )
    number = begin(session, planner)
    drafts.add_operation(
        session, planner, number, {"op": "merge", "codes": [code(5), code(6)], "into": code(5)}
    )
    with pytest.raises(NotFound):
        revision_access.get_revision(session, stranger, number)
    with pytest.raises(Forbidden, match="somebody else"):
        drafts.add_operation(
            session, other, number, {"op": "merge", "codes": [code(1), code(2)], "into": code(1)}
        )
    with pytest.raises(Forbidden, match="You may not"):
        mine = begin(session, stranger)
        drafts.add_operation(
            session, stranger, mine, {"op": "merge", "codes": [code(1), code(2)], "into": code(1)}
        )
    with pytest.raises(Forbidden, match="colleague"):
        publish.publish(session, planner, number, "好", None, two_persons=True)
    done = publish.publish(session, other, number, "好", None, two_persons=True)
    assert (done.author, done.publisher) == ("account li", "account zhou")


def test_what_cannot_be_published_says_why(session, town):
    number = begin(session)
    with pytest.raises(InvalidInput, match="no operations"):
        publish.publish(session, LEAD, number, "好", None)
    drafts.add_operation(
        session, LEAD, number, {"op": "merge", "codes": [code(5), code(6)], "into": code(5)}
    )
    with pytest.raises(InvalidInput, match="reason"):
        publish.publish(session, LEAD, number, "  ", None)
    with pytest.raises(InvalidInput, match="past"):
        publish.publish(session, LEAD, number, "好", datetime.now(UTC) - timedelta(days=1))
    drafts.withdraw(session, LEAD, number)
    with pytest.raises(Conflict, match="withdrawn"):
        publish.publish(session, LEAD, number, "好", None)
    with pytest.raises(Conflict, match="withdrawn"):
        drafts.add_operation(
            session, LEAD, number, {"op": "merge", "codes": [code(1), code(2)], "into": code(1)}
        )


def test_homes_are_never_left_without_a_grid(session, town):
    unit = town.unit(
        session.scalars(select(Area).where(Area.code == code(5))).one(),
        "01",
        [(town.houses[1], None, None, None)],
    )
    town.household(town.houses[1], "501", unit=unit)
    number = begin(session)
    drafts.add_operation(session, LEAD, number, {"op": "retire", "code": code(5)})
    with pytest.raises(InvalidInput, match="1 households would belong to no grid"):
        publish.publish(session, LEAD, number, "好", None)


def test_two_drafts_are_never_given_the_same_new_code(session, town):
    draft, two = begin(session), begin(session)
    cut = {"op": "split", "code": code(5), "line": line((0.9, 1.5), (2.1, 1.4))}
    leading = drafts.add_operation(session, LEAD, draft, cut)
    second = drafts.add_operation(session, LEAD, two, cut)
    assert set(leading.new_grids) == {code(10)} and set(second.new_grids) == {code(11)}


def test_a_base_that_is_behind_is_said(session, town):
    initial = session.scalar(select(Revision.id).where(Revision.title == "base"))
    number = begin(session)
    drafts.add_operation(
        session, LEAD, number, {"op": "merge", "codes": [code(5), code(6)], "into": code(5)}
    )
    publish.publish(session, LEAD, number, "好", None)
    late = drafts.create_draft(session, LEAD, "晚了", initial).id
    with pytest.raises(Conflict, match="rebase"):
        drafts.add_operation(
            session,
            LEAD,
            late,
            {"op": "split", "code": code(5), "line": line((0.9, 1.5), (3.1, 1.4))},
        )
    drafts.rebase(session, LEAD, late)
    drafts.add_operation(
        session, LEAD, late, {"op": "split", "code": code(5), "line": line((0.9, 1.5), (3.1, 1.4))}
    )


def test_a_merge_across_communities_needs_the_parent(session, town):
    other = town.area("community", "520402007013", "东兴社区", town.street)
    grid = town.area("grid", "520402007013001", "东兴第1网格", other)
    publish_shapes(
        session, {grid.code: build.square(X + 3 * S, Y + S)}, title="东兴", author="test"
    )
    number = begin(session)
    both = {"op": "merge", "codes": [code(6), grid.code], "into": code(6)}
    with pytest.raises(InvalidInput, match="which community"):
        drafts.add_operation(session, LEAD, number, both)
    with pytest.raises(InvalidInput, match="not of community"):
        drafts.add_operation(session, LEAD, number, both | {"parent": other.code})
    drafts.add_operation(session, LEAD, number, both | {"parent": BASE})
    publish.publish(session, LEAD, number, "并入西兴", None)
    session.commit()
    assert (
        session.scalars(
            select(Boundary).where(
                Boundary.area_id == other.id, Boundary.in_force(datetime.now(UTC))
            )
        ).all()
        == []
    )


def test_a_preview_counts_whatever_changes_hands(session, town):
    grid = session.scalars(select(Area).where(Area.code == code(5))).one()
    unit = town.unit(grid, "01", [(town.houses[1], None, None, None)])
    for room in ("101", "102", "201"):
        town.household(town.houses[1], room, unit=unit)
    town.post("unit_head", unit, "张三")
    town.post("grid_leader", grid, "李四")
    number = begin(session)
    drafts.add_operation(
        session, LEAD, number, {"op": "transfer", "region": land(1, 1, 1.7, 2), "to": code(4)}
    )
    result = preview.preview(session, LEAD, number)
    assert [
        (problem.code, problem.change, problem.households, problem.units)
        for problem in result.grids
    ] == [
        (code(4), "changed", (0, 3), (0, 1)),
        (code(5), "changed", (3, 0), (1, 0)),
    ]
    (piece,) = result.pieces
    assert (piece.start, piece.end, piece.households, piece.people) == (code(5), code(4), 3, 9)
    assert piece.shape.area == pytest.approx(0.7 * S * S, rel=1e-6)
    assert {
        (problem.kind, problem.code, problem.start, problem.end, problem.holder)
        for problem in result.moved
    } == {
        ("building", "b1", code(5), code(4), None),
        ("unit", unit.code, code(5), code(4), None),
        ("post", unit.code, code(5), code(4), "张三"),
    }
    assert {problem.kind for problem in result.problems} == {"households"}
    assert result.totals["households"] == 3 and result.totals["units"] == 1


def test_a_border_through_a_building_and_a_torn_unit_are_warned_of_and_settled(session, town):
    grid = session.scalars(select(Area).where(Area.code == code(5))).one()
    other = town.building("9号楼", 1.8 * S, 1.1 * S, width=0.0001, code="b9")
    unit = town.unit(grid, "01", [(town.houses[1], None, None, None), (other, None, None, None)])
    for room in ("101", "102", "201"):
        town.household(town.houses[1], room, unit=unit)
    town.household(other, "101", unit=unit)
    number = begin(session)
    drafts.add_operation(
        session, LEAD, number, {"op": "transfer", "region": land(1, 1, 1.55, 2), "to": code(4)}
    )
    problems = {
        problem.kind: problem for problem in preview.preview(session, LEAD, number).problems
    }
    assert "75%" in problems["building_cut"].en and "25%" in problems["building_cut"].en
    assert problems["unit_torn"].codes == (unit.code, code(4), code(5))
    assert "3 in 第004网格" in problems["unit_torn"].en
    drafts.add_operation(
        session, LEAD, number, {"op": "settle", "unit": unit.code, "grid": code(5)}
    )
    settled = preview.preview(session, LEAD, number)
    assert [(item.unit, item.grid, item.in_draft) for item in settled.settled] == [
        (unit.code, code(5), True)
    ]
    assert not any(problem.kind == "unit_torn" for problem in settled.problems)
    assert not any(problem.kind == "unit" for problem in settled.moved)
    publish.publish(session, LEAD, number, "好", None)
    session.commit()
    assert session.get(Area, unit.id).parent_id == grid.id


def test_a_split_warns_that_nobody_answers_yet_and_a_merge_of_posts_left(session, town):
    town.post(
        "grid_leader", session.scalars(select(Area).where(Area.code == code(6))).one(), "王五"
    )
    number = begin(session)
    drafts.add_operation(
        session,
        LEAD,
        number,
        {"op": "split", "code": code(1), "line": line((-0.1, 0.5), (1.1, 0.4))},
    )
    drafts.add_operation(
        session, LEAD, number, {"op": "merge", "codes": [code(5), code(6)], "into": code(5)}
    )
    result = preview.preview(session, LEAD, number)
    assert {(problem.kind, problem.codes) for problem in result.problems} == {
        ("no_post", (code(10),)),
        ("post_left", (code(6),)),
    }
    assert {grid.code: grid.change for grid in result.grids} == {
        code(1): "changed",
        code(10): "new",
        code(5): "changed",
        code(6): "gone",
    }


def test_posts_of_a_grid_that_is_merged_away_stay_on_the_roster(session, town):
    gone = session.scalars(select(Area).where(Area.code == code(6))).one()
    town.post("grid_leader", gone, "王五")
    number = begin(session)
    drafts.add_operation(
        session, LEAD, number, {"op": "merge", "codes": [code(5), code(6)], "into": code(5)}
    )
    publish.publish(session, LEAD, number, "合并", None)
    session.commit()
    roster = posts_of(session, LEAD, code(6)[:12], datetime.now(UTC), within=True)
    assert (code(6), "grid_leader") in {(post.area, post.role) for post in roster}


def test_the_editor_sees_the_draft_with_its_neighbours(session, town):
    number = begin(session)
    drafts.add_operation(
        session,
        LEAD,
        number,
        {"op": "split", "code": code(5), "line": line((0.9, 1.5), (2.1, 1.4))},
    )
    result = editor_view.read_editor_view(session, LEAD, number, code(5))
    assert set(result.grids) == {code(i) for i in (4, 5, 6, 7, 8, 9, 10)}
    shape, old, editable = result.grids[code(5)]
    assert old.area > shape.area and editable
    assert polygon_coverage.is_valid([shape for shape, _, _ in result.grids.values()])


def test_names_and_incidents_of_a_preview_are_for_who_may_have_them_there(session, town):
    unit = town.unit(
        session.scalars(select(Area).where(Area.code == code(5))).one(),
        "01",
        [(town.houses[1], None, None, None)],
    )
    town.post("unit_head", unit, "张三")
    number = begin(session)
    drafts.add_operation(
        session, LEAD, number, {"op": "transfer", "region": land(1, 1, 1.7, 2), "to": code(4)}
    )
    position, elsewhere = frozenset({town.community.id}), frozenset({10**9})
    for places, name, counted in ((position, "张三", True), (elsewhere, None, False)):
        rights = {Action.DRAFT: position, Action.NAMES: places, Action.FIGURES: places}
        result = preview.preview(session, Principal("account", "account li", rights), number)
        assert [item.holder for item in result.moved if item.kind == "post"] == [name]
        assert (result.incidents is not None) == counted
