"""One line across several grids, equal parts, and smoother borders, as steps of a draft."""

import pytest
import shapely
from sqlalchemy import select

from gis.areas.models import Area, Lineage
from gis.boundaries import draft_grids, drafts, publish
from gis.errors import InvalidInput
from gis.shapes import polygon_coverage
from tests.support import draft_town
from tests.support.draft_town import LEAD, S, begin, code, line, shapes_of

town = draft_town.town  # the fixture


def add(session, number, **op):
    return drafts.add_operation(session, LEAD, number, op)


def test_one_line_cuts_the_grids_that_it_crosses_and_no_other(session, town):
    number = begin(session)
    step = add(session, number, op="cut", line=line((-0.2, 1.5), (2.5, 1.5)))  # ends in the third
    assert sorted(step.op["pieces"]) == [code(4), code(5)]
    assert set(step.new_grids) == {code(10), code(11)}
    old = shapes_of(session)
    publish.publish(session, LEAD, number, "沿新路", None)
    session.commit()
    new = shapes_of(session)
    assert len(new) == len(old) + 2 and polygon_coverage.is_valid(list(new.values()))
    assert new[code(6)].equals(old[code(6)])
    for grid in (4, 5):
        assert new[code(grid)].area == pytest.approx(old[code(grid)].area / 2, rel=1e-6)
    kinds = session.scalars(select(Lineage.kind)).all()
    assert kinds == ["split", "split"]
    assert session.scalar(select(Area.name).where(Area.code == code(11))) == "西兴第11网格"


def test_a_cut_is_done_again_with_the_same_codes(session, town):
    number = begin(session)
    first = add(session, number, op="cut", line=line((0.5, 0.8), (0.5, 2.2)))
    pieces = first.op["pieces"]
    assert list(pieces) == [code(4)]
    drafts.undo_operations(session, LEAD, number, 1)
    again = drafts.add_operation(session, LEAD, number, first.op)
    assert again.op["pieces"] == pieces and again.geometries == first.geometries
    drafts.rebase(session, LEAD, number)
    assert drafts.list_operations(session, number)[0].op["pieces"] == pieces


def test_a_cut_is_all_or_nothing(session, town):
    number = begin(session)
    with pytest.raises(InvalidInput, match="crosses no grid"):
        add(session, number, op="cut", line=line((0.2, 1.5), (0.8, 1.5)))
    with pytest.raises(InvalidInput):  # a sliver along a border
        add(session, number, op="cut", line=line((-0.1, 1.0005), (3.1, 1.0005)))
    assert drafts.list_operations(session, number) == []
    with pytest.raises(InvalidInput, match="taken already"):
        add(
            session,
            number,
            op="cut",
            line=line((0.5, 0.8), (0.5, 2.2)),
            pieces={code(4): [code(4), code(5)]},
        )


def test_a_grid_is_divided_by_households(session, town):
    grid = 5
    for nth, x in enumerate((1.1, 1.3, 1.7, 1.9)):
        house = town.building(f"{nth}栋", x * S, 1.2 * S, width=0.0001, code=f"n{nth}")
        for room in range(10):
            town.household(house, f"{room + 1}01")
    session.commit()
    number = begin(session)
    step = add(session, number, op="split", code=code(grid), count=2)
    assert "count" not in step.op and len(step.op["parts"]) == 2
    (new,) = step.new_grids
    shapes = {key: shapely.from_wkb(wkb) for key, wkb in step.geometries.items()}
    from gis.boundaries.household_counts import count_households

    counties = [code(grid)[:6]]
    assert count_households(session, counties, [shapes[code(grid)], shapes[new]]) == [20, 20]
    assert drafts.undo_operations(session, LEAD, number, 1)
    assert drafts.add_operation(session, LEAD, number, step.op).geometries == step.geometries
    with pytest.raises(InvalidInput, match="fewer buildings"):
        add(session, number, op="split", code=code(1), count=2)
    with pytest.raises(InvalidInput, match="one of line"):
        add(session, number, op="split", code=code(1), count=2, line=line((0.5, -1), (0.5, 2)))
    with pytest.raises(InvalidInput, match="number of parts"):
        add(session, number, op="split", code=code(1), count=1)


def test_a_border_is_made_simpler_or_straight(session, town):
    number = begin(session)
    add(
        session,
        number,
        op="move_border",
        between=[code(4), code(5)],
        line=line((1, 1), (1.02, 1.3), (0.97, 1.5), (1.03, 1.7), (1, 2)),
    )
    bent = draft_grids.drawn_shapes(drafts.list_operations(session, number))[code(4)]
    step = add(session, number, op="simplify", between=[code(4), code(5)])
    straight = shapely.from_wkb(step.geometries[code(4)])
    assert shapely.get_num_coordinates(straight) < shapely.get_num_coordinates(bent)
    assert straight.area == pytest.approx(shapes_of(session)[code(4)].area, rel=1e-6)
    with pytest.raises(InvalidInput, match="no vertex to leave out"):
        add(session, number, op="simplify", between=[code(4), code(5)], tolerance_m=2)
    with pytest.raises(InvalidInput, match="metres above 0"):
        add(session, number, op="simplify", between=[code(4), code(5)], tolerance_m=0)
    with pytest.raises(InvalidInput):
        add(session, number, op="simplify", between=[code(1), code(9)])
