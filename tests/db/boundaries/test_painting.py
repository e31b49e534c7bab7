"""Buildings given to another grid: the border runs between them, the coverage stays whole."""

import pytest
import shapely
from sqlalchemy import text

from gis.boundaries import draft_grids, drafts
from gis.errors import InvalidInput
from gis.shapes.polygon_coverage import is_valid
from tests.support.draft_town import LEAD, S, begin, code, shapes_of, town

__all__ = ["town"]  # a fixture


@pytest.fixture
def street(session, town):
    """Grid 005 with a row of four buildings; the first stands close to the border of 004."""
    for nth in range(4):
        town.household(
            town.building(f"{nth}栋", (1.05 + nth * 0.22) * S, 1.1 * S, 0.00012, code=f"row{nth}"),
            "101",
        )
    town.building("东楼", 0.2 * S, 1.75 * S, code="side")
    session.flush()
    return town


def paint(session, number, to, *buildings):
    spec = {"op": "transfer_buildings", "buildings": list(buildings), "to": code(to)}
    return drafts.add_operation(session, LEAD, number, spec)


def after(session, number):
    drawn = draft_grids.drawn_shapes(drafts.list_operations(session, number))
    return shapes_of(session) | {key: shape for key, shape in drawn.items() if shape is not None}


def footprints(session):
    rows = session.execute(text("SELECT code, ST_AsBinary(geom) FROM building"))
    return {key: shapely.from_wkb(shape) for key, shape in rows}


def test_the_border_runs_between_buildings_and_nothing_is_lost(session, street):
    number = begin(session)
    operation = paint(session, number, 4, "row0", "row1")
    shapes, houses = after(session, number), footprints(session)
    for building, grid in (("row0", 4), ("row1", 4), ("row2", 5), ("row3", 5), ("b1", 5)):
        assert shapely.covers(shapes[code(grid)], houses[building]), building
    assert is_valid(list(shapes.values()))
    assert sum(shape.area for shape in shapes.values()) == pytest.approx(9 * S * S)
    assert list(operation.op["regions"]) == [code(5)]
    # the rest of the row goes back and forth, on what the step before left
    paint(session, number, 4, "row2")
    paint(session, number, 5, "row1", "row2", "row0")
    shapes = after(session, number)
    assert all(shapely.covers(shapes[code(5)], houses[f"row{nth}"]) for nth in range(4))


def test_buildings_of_two_grids_go_to_a_third_in_one_step(session, street):
    number = begin(session)
    operation = paint(session, number, 2, "row0", "b0")
    assert sorted(operation.op["regions"]) == [code(4), code(5)]
    shapes, houses = after(session, number), footprints(session)
    assert shapely.covers(shapes[code(2)], shapely.union(houses["row0"], houses["b0"]))


@pytest.mark.parametrize(
    ("to", "buildings", "refused"),
    [
        (4, ["row3"], "grid.falls_apart"),
        (5, ["row0"], "painting.nothing_to_move"),
        (5, ["nowhere"], "painting.unknown_buildings"),
        (4, ["row0", "row1", "row2", "row3", "b1"], "grid.no_land_left"),
    ],
)
def test_what_cannot_be_painted_is_refused_in_words(session, street, to, buildings, refused):
    with pytest.raises(InvalidInput) as error:
        paint(session, begin(session), to, *buildings)
    assert error.value.code == refused
