"""Two drafts side by side."""

import pytest

from gis.boundaries import draft_comparison, drafts, publish
from gis.errors import Conflict, InvalidInput, NotFound
from gis.rights.actions import Action
from gis.rights.principal import Principal
from tests.support import draft_town
from tests.support.draft_town import LEAD, begin, code, line

town = draft_town.town  # the fixture


def split(session, grid, x):
    number = begin(session)
    column, row = (grid - 1) % 3, (grid - 1) // 3
    cut = line((column + x, row - 0.1), (column + x, row + 1.1))
    drafts.add_operation(session, LEAD, number, {"op": "split", "code": code(grid), "line": cut})
    return number


def test_two_drafts_show_each_grid_as_published_and_in_both(session, town):
    a, b = split(session, 5, 0.2), split(session, 9, 0.4)
    compared = draft_comparison.compare_drafts(session, LEAD, a, b)
    rows = {grid.code: grid.sides for grid in compared.grids}
    assert sorted(rows) == [code(5), code(9), code(10), code(11)] and compared.same_base
    five = rows[code(5)]
    assert five["b"] == five["published"] and five["a"].area_m2 < five["published"].area_m2
    assert rows[code(10)]["b"] is None is rows[code(10)]["published"]
    assert sum(five[side].households for side in ("a",)) + rows[code(10)]["a"].households == (
        five["published"].households
    )
    pieces = {(start, end) for start, end, *_ in compared.pieces}
    assert pieces == {(code(10), code(5)), (code(9), code(11))}


def test_what_is_no_second_draft_is_refused(session, town):
    a, b = split(session, 5, 0.2), split(session, 9, 0.4)
    with pytest.raises(InvalidInput, match="two different drafts"):
        draft_comparison.compare_drafts(session, LEAD, a, a)
    elsewhere = Principal("account", "account far", {Action.DRAFT: frozenset()})
    with pytest.raises(NotFound):
        draft_comparison.compare_drafts(session, elsewhere, a, b)
    publish.publish(session, LEAD, a, "好", None)
    with pytest.raises(Conflict, match="published"):
        draft_comparison.compare_drafts(session, LEAD, a, b)
    later = split(session, 1, 0.5)
    assert not draft_comparison.compare_drafts(session, LEAD, b, later).same_base
