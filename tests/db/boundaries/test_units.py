"""Ten-household units: homes moved by building, stairwell, floor and door; each in one unit."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from gis.areas.models import UnitChange
from gis.boundaries import units
from gis.boundaries.home_selection import HomeSelection
from gis.boundaries.unit_changes import list_changes, units_version
from gis.boundaries.unit_edits import (
    create_unit,
    move_homes,
    rename_unit,
    retire_unit,
)
from gis.errors import Conflict, InvalidInput, NotFound
from gis.rights.principal import system_principal
from tests.support import build

LEAD = system_principal("test")
WHY = "人口变化"

# homes whose unit stands on no part that holds them, and parts without a home of their unit
DISAGREEMENTS = text("""
WITH fits AS (
  SELECT h.id AS home, p.id AS part FROM household h JOIN unit_part p
    ON p.unit_id = h.unit_id AND p.building_id = h.building_id
    AND (p.stairwell_id IS NULL OR p.stairwell_id = h.stairwell_id)
    AND (p.floor_from IS NULL OR h.floor BETWEEN p.floor_from AND p.floor_to))
SELECT 'home', h.room FROM household h
WHERE h.unit_id IS NOT NULL AND h.id NOT IN (SELECT home FROM fits)
UNION ALL SELECT 'part', p.id::text FROM unit_part p WHERE p.id NOT IN (SELECT part FROM fits)
""")


class Tower:
    """A tower of eight units on one footprint: two stairwells of eight floors, two floors each,
    with a basement home and one whose floor is not known, both in the first unit.
    """

    def __init__(self, session) -> None:
        self.town = town = build.Town(session)
        self.grid, self.other = town.grid("001"), town.grid("002", 1)
        self.building = town.building("1号楼", 0.0002, 0.0002, code="tower")
        self.house = town.building("2号楼", 0.0006, 0.0006, code="house")
        self.far = town.building("9号楼", 0.0013, 0.0002, code="far")
        self.units = [town.unit(self.grid, f"{n:03d}", []) for n in range(1, 9)]
        for stairwell in ("1", "2"):
            for floor in range(1, 9):
                unit = self.units[(int(stairwell) - 1) * 4 + (floor - 1) // 2]
                town.household(self.building, f"{floor}01", stairwell, unit)
        town.household(self.building, "01", "1", self.units[0])  # its floor is not known
        below = town.household(self.building, "B1", "1", self.units[0])
        below.floor = -1
        town.household(self.house, "101", None, self.units[7])
        self.away = town.unit(self.other, "001", [])
        town.household(self.far, "101", None, self.away)
        session.flush()

    def code(self, number: int) -> str:
        return self.units[number - 1].code


@pytest.fixture
def tower(session):
    created = Tower(session)
    move(session, created, 1, HomeSelection("tower", "2", (1, 1)))  # derives all parts
    return created


def move(session, tower, number, *selections, **options):
    return move_homes(session, LEAD, tower.code(number), selections, WHY, **options)


def parts(session, tower) -> dict[str, set]:
    listed = units.list_units(session, LEAD, tower.grid).units
    return {
        unit.code[-3:]: {
            (part.building, part.stairwell, part.floor_from, part.floor_to) for part in unit.parts
        }
        for unit in listed
    }


def test_a_tower_is_split_by_stairwell_floors_and_doors(session, tower):
    assert session.execute(DISAGREEMENTS).all() == [("home", "101")] * 2  # other buildings: later
    moved = move(session, tower, 3, HomeSelection("tower", "1", (3, 6)))
    assert (moved.moved, moved.already, moved.sources) == (2, 2, {tower.code(2): 2})
    assert moved.emptied == [tower.code(2)]
    stood = parts(session, tower)
    assert stood["003"] == {("tower", "1", 3, 6)}
    assert stood["002"] == set()
    assert ("tower", "1", -1, 2) in stood["001"]
    # a home whose floor is not known makes its unit a candidate for the whole stairwell
    assert ("tower", "1", None, None) in stood["001"]
    move(session, tower, 2, HomeSelection("tower", "1", rooms=("01",)))
    assert stood["001"] - parts(session, tower)["001"] == {("tower", "1", None, None)}
    move(session, tower, 5, HomeSelection("tower"))
    move(session, tower, 8, HomeSelection("tower", "1", (1, 1)))
    stood = parts(session, tower)
    assert stood["008"] == {("tower", "1", 1, 1)}
    assert {("tower", "2", None, None), ("tower", "1", 2, 8)} <= stood["005"]
    assert {row.unit for row in units.list_homes(session, LEAD, "tower")} == {
        tower.code(5),
        tower.code(8),
    }


def test_the_shape_follows_the_homes_and_an_empty_unit_has_none(session, tower):
    drawn = text("SELECT count(*) FROM boundary WHERE area_id = :id AND upper_inf(valid_time)")
    assert session.scalar(drawn, {"id": tower.units[0].id}) == 1
    move(session, tower, 2, HomeSelection("tower", "1"), HomeSelection("tower", "2", (1, 1)))
    assert session.scalar(drawn, {"id": tower.units[0].id}) == 0
    retire_unit(session, LEAD, tower.code(1), WHY)
    assert tower.code(1) not in {u.code for u in units.list_units(session, LEAD, tower.grid).units}
    with pytest.raises(NotFound, match="no ten-household unit"):
        move(session, tower, 1, HomeSelection("tower"))
    # its code is not used again
    assert create_unit(session, LEAD, tower.grid.code, None, WHY).code == tower.grid.code + "009"


@pytest.mark.parametrize(
    ("selection", "code"),
    [
        (HomeSelection("nowhere"), "unit.no_home_there"),
        (HomeSelection("tower", "3"), "unit.no_home_there"),
        (HomeSelection("tower", "1", (40, 50)), "unit.no_home_there"),
        (HomeSelection("tower", rooms=("301",)), "unit.ambiguous_rooms"),
        (HomeSelection("tower", "1", rooms=("301", "999")), "unit.unknown_rooms"),
        (HomeSelection("far"), "unit.building_elsewhere"),
    ],
)
def test_what_cannot_be_moved_is_refused_and_nothing_moves(session, tower, selection, code):
    before = units.list_homes(session, LEAD, "tower")
    with pytest.raises(InvalidInput) as refused:
        move(session, tower, 4, HomeSelection("tower", "2"), selection)
    assert refused.value.code == code
    assert units.list_homes(session, LEAD, "tower") == before


def test_a_unit_over_two_grids_can_be_sorted_out(session, tower):
    session.execute(
        text("UPDATE household SET unit_id = :to WHERE building_id = :far"),
        {"to": tower.units[3].id, "far": tower.far.id},
    )
    listed = {u.code: u for u in units.list_units(session, LEAD, tower.grid).units}
    assert listed[tower.code(4)].elsewhere == 1
    moved = move_homes(session, LEAD, tower.away.code, [HomeSelection("far")], WHY)
    assert moved.sources == {tower.code(4): 1}
    # both grids have a new version
    assert units_version(session, tower.grid.id) == units_version(session, tower.other.id)
    assert units.list_units(session, LEAD, tower.grid).units[3].elsewhere == 0


def test_of_two_planners_the_second_reads_again(session, tower):
    seen = units.list_units(session, LEAD, tower.grid).version
    move(session, tower, 2, HomeSelection("tower", "1", (8, 8)), versions=[seen])
    with pytest.raises(Conflict) as refused:
        move(session, tower, 3, HomeSelection("tower", "1", (8, 8)), versions=[seen])
    assert refused.value.code == "unit.stale_version"
    assert "第001网格" in refused.value.detail_in("zh")


def test_names_are_unique_and_homes_or_names_unchanged_are_no_change(session, tower):
    with pytest.raises(Conflict, match="choose another"):
        create_unit(session, LEAD, tower.grid.code, tower.units[2].name, WHY)
    with pytest.raises(InvalidInput):
        create_unit(session, LEAD, tower.grid.code, "  ", WHY)
    with pytest.raises(InvalidInput):
        create_unit(session, LEAD, tower.grid.code, "新", " ")
    created = create_unit(session, LEAD, tower.grid.code, None, WHY)
    assert (created.name, created.code[-3:]) == ("第9十联户", "009")
    rename_unit(session, LEAD, created.code, "东楼联户", "居民商定")
    with pytest.raises(Conflict, match="already"):
        move(session, tower, 8, HomeSelection("tower", "2", (8, 8)))
    with pytest.raises(Conflict, match="still has"):
        retire_unit(session, LEAD, tower.code(8), WHY)
    retire_unit(session, LEAD, created.code, WHY)
    rows = list_changes(session, tower.grid.id, 3)
    assert [(row.kind, row.name, row.reason) for row in rows] == [
        ("retire", "东楼联户", WHY),
        ("rename", "东楼联户", "居民商定"),
        ("create", "东楼联户", WHY),
    ]
    assert rows[1].detail == {"from": "第9十联户", "name": "东楼联户"}
    assert session.query(UnitChange).count() == 4


def test_a_grid_that_will_end_has_its_units_until_then(session, tower):
    tower.grid.retired_at = datetime.now(UTC) + timedelta(days=30)
    session.flush()
    assert units.planned_grid(session, LEAD, tower.grid.code) is tower.grid
    assert create_unit(session, LEAD, tower.grid.code, "东楼联户", WHY).name == "东楼联户"
    assert move(session, tower, 3, HomeSelection("tower", "1", (8, 8))).moved == 1
    tower.grid.retired_at = datetime.now(UTC) - timedelta(hours=1)
    session.flush()
    with pytest.raises(NotFound):
        units.planned_grid(session, LEAD, tower.grid.code)


def test_a_head_ends_with_the_unit(session, tower):
    created = create_unit(session, LEAD, tower.grid.code, None, WHY)
    tower.town.post("unit_head", created, "张三")
    assert units.list_units(session, LEAD, tower.grid).units[-1].head == "张三"
    retire_unit(session, LEAD, created.code, WHY)
    held = text("SELECT count(*) FROM post WHERE area_id = :id AND valid_time @> now()")
    assert session.scalar(held, {"id": created.id}) == 0


SELECTIONS = st.builds(
    HomeSelection,
    st.just("tower"),
    st.sampled_from([None, "", "1", "2", "3"]),
    st.none() | st.tuples(st.integers(-2, 9), st.integers(-2, 9)),
    st.none() | st.lists(st.sampled_from(["01", "B1", "301", "801"]), min_size=1).map(tuple),
)
MOVES = st.lists(
    st.tuples(st.integers(1, 8), st.lists(SELECTIONS, min_size=1, max_size=2)), max_size=6
)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MOVES)
def test_any_moves_leave_every_home_in_one_unit_that_stands_on_it(session, tower, moves):
    with session.begin_nested() as savepoint:
        move(session, tower, 7, HomeSelection("house"))
        tower_homes = len(units.list_homes(session, LEAD, "tower"))
        for number, selections in moves:
            with suppress(InvalidInput, Conflict):
                move(session, tower, number, *selections)
        listed = units.list_units(session, LEAD, tower.grid)
        assert listed.without_unit == 0
        assert sum(unit.households for unit in listed.units) == tower_homes + 1
        assert session.execute(DISAGREEMENTS).all() == [("home", "101")]  # far, never derived
        savepoint.rollback()
