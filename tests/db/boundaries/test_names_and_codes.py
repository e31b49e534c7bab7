"""Names, codes and communities of grids in drafts: what is refused, what follows, what comes back.

In the town of nine grids, of 西兴社区, with 东关社区 and its one grid to the east of it.
"""

import re
from datetime import UTC, datetime, timedelta

import pytest
import shapely
from sqlalchemy import select, text

from gis.areas import hierarchy
from gis.areas.models import Area
from gis.boundaries import drafts, preview, publish
from gis.boundaries.draft_conflicts import conflicts
from gis.boundaries.store import publish_shapes
from gis.errors import Conflict, Forbidden, InvalidInput, NotFound
from gis.incidents.lifecycle.intake import IncidentReport
from gis.incidents.lifecycle.report import file_report
from gis.incidents.models import OrderTaker, Organisation
from gis.ops.metadata import AccessGrant, Account, Post
from gis.rights.actions import Action
from gis.rights.principal import ANONYMOUS, Principal
from tests.support import draft_town
from tests.support.draft_town import BASE, LEAD, S, X, Y, begin, code, land, line, shapes_of

town = draft_town.town  # the fixture

EAST = "520402007013"
EAST_GRID = EAST + "001"
CORNERS = [(3, 0), (3, 1), (3, 2), (3, 3), (4, 3), (4, 0)]


@pytest.fixture
def two(session, town):
    """The town with a second community to its east."""
    street = session.scalars(select(Area).where(Area.code == EAST[:9])).one()
    east = town.area("community", EAST, "东关社区", street)
    town.area("grid", EAST_GRID, "第001网格", east)
    publish_shapes(
        session,
        {EAST_GRID: shapely.Polygon([(X + x * S, Y + y * S) for x, y in CORNERS])},
        title="east",
        author="test",
        effective=datetime.now(UTC) - timedelta(days=20),
    )
    return town


def area(session, number: str) -> Area:
    session.expire_all()
    return session.scalars(select(Area).where(Area.code == number)).one()


def do(session, number: int, *ops: dict, by: Principal = LEAD) -> int:
    for op in ops:
        drafts.add_operation(session, by, number, op)
    return number


def in_force(session, *ops: dict, effective: datetime | None = None) -> int:
    """A draft of some operations, published; returns its number."""
    number = do(session, begin(session), *ops)
    publish.publish(session, LEAD, number, "好", effective)
    return number


def rename(number: int | str, name: str) -> dict:
    grid = code(number) if isinstance(number, int) else number
    return {"op": "rename", "code": grid, "name": name}


def recode(old: int, new: int) -> dict:
    return {"op": "recode", "code": code(old), "new_code": code(new)}


# --- names


def test_a_new_name_is_shown_in_the_draft_and_in_force_when_published(session, town):
    number = do(session, begin(session), rename(5, "  花园  网格 "))
    assert area(session, code(5)).name == "第005网格"
    (change,) = preview.preview(session, LEAD, number).renamed
    assert change == (code(5), "grid", "第005网格", "花园 网格")
    publish.publish(session, LEAD, number, "居民都这么叫", None)
    assert area(session, code(5)).name == "花园 网格"
    assert preview.preview(session, LEAD, number).renamed == [change]
    back = publish.create_reverting_draft(session, LEAD, number)
    publish.publish(session, LEAD, back.id, "撤", None)
    assert area(session, code(5)).name == "第005网格"


def test_a_name_of_another_grid_of_the_community_is_refused_but_swapped_at_once(session, town):
    number = begin(session)
    with pytest.raises(InvalidInput, match=f"is the name of {code(6)}"):
        do(session, number, rename(5, "第006网格"))
    with pytest.raises(InvalidInput, match="is the name already"):
        do(session, number, rename(5, "第005网格"))
    with pytest.raises(NotFound, match="no grid or area"):
        do(session, number, rename(77, "新"))
    swap = {"op": "rename", "names": {code(5): "第006网格", code(6): "第005网格"}}
    publish.publish(session, LEAD, do(session, number, swap), "对调", None)
    assert (area(session, code(5)).name, area(session, code(6)).name) == ("第006网格", "第005网格")


@pytest.mark.parametrize(
    "op",
    [
        {"op": "add", "geometry": land(9, 0, 10, 1), "parent": BASE, "name": "第 ００２网格"},
        {"op": "redraw", "grids": [
            {"code": code(88), "geometry": land(9, 0, 10, 1), "parent": BASE, "name": "第002网格"}
        ]},
        {"op": "split", "code": code(5), "line": line((1.4, 0.9), (1.4, 2.1)),
         "codes": [code(5), code(88)], "names": {code(88): "第002网格"}},
        {"op": "merge", "codes": [code(5), code(6)], "into": code(88), "name": "第002网格"},
    ],
    ids=lambda op: op["op"],
)  # fmt: skip
def test_no_step_gives_a_new_grid_the_name_of_another(session, town, op):
    number = begin(session)
    with pytest.raises(InvalidInput, match=f"is the name of {code(2)}; choose another"):
        do(session, number, op)


def test_a_step_names_new_grids_only_and_a_name_of_its_own_dodges_others(session, town):
    number = do(session, begin(session), rename(5, "西兴第10网格"))
    for op in (
        {"op": "merge", "codes": [code(5), code(6)], "into": code(5), "name": "大网格"},
        {"op": "rename"},
        {"op": "rename", "code": code(5)},
    ):
        with pytest.raises(InvalidInput, match=r"name it with rename|give a code and its name"):
            do(session, number, op)
    do(session, number, {"op": "split", "code": code(2), "line": line((1.4, -0.1), (1.4, 1.1))})
    assert drafts.list_operations(session, number)[-1].new_grids == {
        code(10): {"name": f"西兴{code(10)}网格", "parent": BASE}
    }


FAR = {"type": "Polygon", "coordinates": [[[0, 0], [0.001, 0], [0.001, 0.001], [0, 0]]]}

OPEN = land(0, 0, 1, 1)["coordinates"][0][:-1]


@pytest.mark.parametrize(
    "op",
    [
        {"op": "reshape", "code": code(1), "geometry": {"type": "Polygon", "coordinates": [OPEN]}},
        {"op": "transfer", "to": code(2), "region": {"type": "Polygon", "coordinates": [OPEN]}},
        {
            "op": "transfer",
            "to": code(2),
            "region": {"type": "MultiPolygon", "coordinates": [[[*OPEN, OPEN[0]]], [OPEN]]},
        },
    ],
)
def test_a_ring_that_is_not_closed_is_refused_by_the_place_where_it_begins(session, town, op):
    lon, lat = OPEN[0]
    with pytest.raises(
        InvalidInput, match=f"does not end where it begins, at {lon:.6f}, {lat:.6f}"
    ):
        do(session, begin(session), op)


@pytest.mark.parametrize(
    ("op", "reason"),
    [
        ({"op": "settle", "unit": "nope", "grid": code(1)}, "no area nope; look the code up"),
        ({"op": "move_to", "code": code(1), "parent": "999999999999"}, "no area 999999999999"),
        ({"op": "retire", "code": code(1), "give_to": "x"}, "no area x"),
        ({"op": "recode", "code": code(1), "new_code": code(1)}, "is its code already"),
        ({"op": "simplify", "between": [code(1), code(1)]}, "is named twice"),
        ({"op": "simplify", "between": [code(1), code(9)]}, "share no border"),
        ({"op": "split", "code": code(1), "count": 9}, "choose fewer parts, or draw the lines"),
        ({"op": "add", "geometry": FAR, "parent": BASE}, "0.000000, 0.000000 is far from all"),
        ({"op": "add", "geometry": land(9, 0, 9.002, 1), "parent": BASE}, "narrow"),
        ({"op": "rename", "code": code(1), "name": "a\nb"}, "printable characters on one line"),
    ],
)
def test_a_refusal_names_the_reason_that_is_true(session, town, op, reason):
    with pytest.raises((InvalidInput, NotFound), match=re.escape(reason)):
        do(session, begin(session), op)


def test_a_name_taken_by_another_draft_is_refused_at_publication(session, town):
    mine, other = (do(session, begin(session), rename(grid, "幸福网格")) for grid in (5, 6))
    publish.publish(session, LEAD, other, "好", None)
    with pytest.raises(Conflict, match=f"has become the name of {code(6)}"):
        publish.publish(session, LEAD, mine, "好", None)


def test_two_drafts_that_rename_one_grid_conflict_until_one_is_rebased(session, town):
    mine, same, other = (
        do(session, begin(session), rename(5, name)) for name in ("甲网格", "乙网格", "乙网格")
    )
    do(session, mine, {"op": "transfer", "region": land(0.8, 1, 1, 2), "to": code(5)})
    publish.publish(session, LEAD, other, "好", None)
    assert conflicts(session, same) == []  # it is what the draft wants
    (clash,) = conflicts(session, mine)
    assert (clash.grid, clash.name, clash.revision, clash.change) == (
        code(5),
        "乙网格",
        other,
        "name",
    )
    with pytest.raises(Conflict, match="redrawn since"):
        publish.publish(session, LEAD, mine, "好", None)
    drafts.rebase(session, LEAD, mine)
    publish.publish(session, LEAD, mine, "好", None)
    assert area(session, code(5)).name == "甲网格"


def test_a_border_moved_by_somebody_else_is_no_conflict_of_a_name(session, town):
    mine = do(session, begin(session), rename(5, "甲网格"))
    in_force(session, {"op": "transfer", "region": land(0.8, 1, 1, 2), "to": code(5)})
    assert conflicts(session, mine) == []
    publish.publish(session, LEAD, mine, "好", None)


def test_a_grid_split_and_renamed_in_one_draft_and_the_new_one_too(session, town):
    cut = {"op": "split", "code": code(5), "line": line((0.9, 1.5), (2.1, 1.4))}
    number = do(session, begin(session), rename(5, "南园"), cut, rename(10, "北园"))
    names = preview.preview(session, LEAD, number).names
    assert (names[code(5)], names[code(10)]) == ("南园", "北园")
    drafts.rebase(session, LEAD, number)
    publish.publish(session, LEAD, number, "好", None)
    assert (area(session, code(5)).name, area(session, code(10)).name) == ("南园", "北园")


def test_a_community_is_renamed_by_who_may_draft_there_and_a_street_not(session, town):
    community = area(session, BASE)
    by = Principal("account", "account 钱一", {Action.DRAFT: frozenset({community.id})})
    number = drafts.create_draft(session, by, "社区更名").id
    do(session, number, rename(BASE, "新兴社区"), by=by)
    with pytest.raises(Forbidden):
        do(session, number, rename(BASE[:9], "新街道"), by=by)
    publish.publish(session, LEAD, number, "好", None)
    assert area(session, BASE).name == "新兴社区"


def test_a_planned_name_comes_with_its_moment_and_is_taken_back_before(session, town):
    later = datetime.now(UTC) + timedelta(days=10)
    planned = in_force(session, rename(5, "明年网格"), effective=later)
    assert area(session, code(5)).name == "第005网格"
    with pytest.raises(Conflict, match="gets another name on"):
        in_force(session, rename(5, "今年网格"))
    cancelled = publish.create_reverting_draft(session, LEAD, planned)
    publish.publish(session, LEAD, cancelled.id, "不改了", None)
    assert publish.apply_scheduled(session, later) == 0
    in_force(session, rename(5, "明年网格"), effective=later)
    before = later - timedelta(microseconds=1)
    assert [name_at(session, at) for at in (before, later)] == ["第005网格", "明年网格"]
    assert publish.apply_scheduled(session, later) == 1
    assert area(session, code(5)).name == "明年网格"
    assert [name_at(session, at) for at in (before, later)] == ["第005网格", "明年网格"]


def name_at(session, at):
    """The name of a grid at a moment."""
    query = text("SELECT name_at(id, name, :at) FROM area WHERE code = :code")
    return session.scalar(query, {"at": at, "code": code(5)})


# --- codes


def test_a_code_that_was_ever_used_is_no_new_code(session, town):
    in_force(session, {"op": "merge", "codes": [code(8), code(9)], "into": code(8)})
    number = begin(session)
    for new in (9, 6):
        with pytest.raises(InvalidInput):
            do(session, number, recode(5, new))
    with pytest.raises(InvalidInput, match="520402007013001"):
        do(session, number, {"op": "recode", "code": code(5), "new_code": EAST_GRID})
    with pytest.raises(NotFound):
        do(session, number, recode(9, 20))
    do(session, number, recode(5, 20))
    other = begin(session)
    with pytest.raises(InvalidInput, match="draft"):
        do(session, other, recode(6, 20))  # reserved by the first draft


def test_a_grid_may_have_its_own_code_again_and_then_nothing_has_changed(session, town):
    number = do(session, begin(session), recode(5, 20), recode(20, 5))
    assert preview.preview(session, LEAD, number).recoded == []
    with pytest.raises(InvalidInput, match="changes nothing"):
        publish.publish(session, LEAD, number, "好", None)
    do(session, number, recode(5, 20), recode(20, 21))
    assert [item[:2] for item in preview.preview(session, LEAD, number).recoded] == [
        (code(5), code(21))
    ]
    publish.publish(session, LEAD, number, "好", None)
    assert {code(5), code(20)}.isdisjoint(shapes_of(session)) and code(21) in shapes_of(session)
    assert session.scalar(text("SELECT count(*) FROM area WHERE code = :c"), {"c": code(20)}) == 0


def test_everything_follows_a_grid_to_its_new_code_and_back(session, town):
    grid = area(session, code(5))
    post = town.post("grid_leader", grid, "王五", deputy="赵六")
    unit = town.unit(grid, "01", [(town.houses[1], None, None, None)])
    bare = town.unit(grid, "02", [])
    town.household(town.houses[1], "101", unit=unit)
    account = Account(username="w5", password_hash="x")
    session.add(account)
    session.flush()
    session.add(AccessGrant(account_id=account.id, role="viewer", area_id=grid.id))
    session.flush()
    volunteers = "volunteer_team"
    session.add(
        Organisation(
            code="v", name="队", kind=volunteers, area_id=grid.id, limit_min=1, active=True
        )
    )
    taker = town.person("孙师傅").id
    session.add(OrderTaker(person_id=taker, area_id=grid.id, role=volunteers, skills=["care"]))
    session.flush()
    before, land_before = datetime.now(UTC), shapes_of(session)[code(5)]
    number = in_force(session, recode(5, 20))
    new = area(session, code(20))
    assert (new.name, new.parent_id, shapes_of(session)[code(20)]) == (
        "第005网格",
        grid.parent_id,
        land_before,
    )
    assert code(5) in shapes_of(session, before) and code(20) not in shapes_of(session, before)
    assert {area(session, item.code).parent_id for item in (unit, bare)} == {new.id}
    held = session.execute(
        select(Post.area_id, Post.holder_id, Post.deputy_id).where(
            Post.valid_time.op("@>")(text("clock_timestamp()"))
        )
    ).all()
    assert held == [(new.id, post.holder_id, post.deputy_id)]
    for row in (AccessGrant, Organisation, OrderTaker):
        assert session.scalars(select(row.area_id)).all() == [new.id]
    lineage = hierarchy.history(session, code(20))[2]
    assert [(row.relation, row.code) for row in lineage] == [("recoded_from", code(5))]
    problems = preview.preview(session, LEAD, number).problems
    assert {item.kind for item in problems} <= {"households"}
    back = publish.create_reverting_draft(session, LEAD, number)
    assert [item.op["op"] for item in drafts.list_operations(session, back.id)] == ["recode"]
    publish.publish(session, LEAD, back.id, "撤", None)
    assert area(session, unit.code).parent_id == area(session, bare.code).parent_id == grid.id
    assert shapes_of(session)[code(5)] == land_before
    assert session.scalars(select(AccessGrant.area_id)).all() == [grid.id]


def test_a_planned_code_that_is_cancelled_leaves_the_posts_as_they_were(session, town):
    town.post("grid_leader", area(session, code(5)), "王五")
    was = session.execute(text("SELECT id, area_id, valid_time::text FROM post")).all()
    later = datetime.now(UTC) + timedelta(days=10)
    planned = in_force(session, recode(5, 20), effective=later)
    assert len(session.execute(text("SELECT id FROM post")).all()) == 2
    back = publish.create_reverting_draft(session, LEAD, planned)
    publish.publish(session, LEAD, back.id, "不换了", None)
    assert session.execute(text("SELECT id, area_id, valid_time::text FROM post")).all() == was
    assert {code(5), code(20)} & set(shapes_of(session, later)) == {code(5)}


# --- communities


def test_a_grid_goes_to_another_community_with_posts_units_and_open_incidents(session, two):
    grid = area(session, code(6))
    two.post("grid_leader", grid, "王五")
    unit = two.unit(grid, "01", [(two.houses[2], None, None, None)])
    two.household(two.houses[2], "101", unit=unit, people=4)
    filed = file_report(
        session,
        ANONYMOUS,
        IncidentReport(
            lon=X + 2.5 * S,
            lat=Y + 1.2 * S,
            crs="cgcs2000",
            category="06010",
            description="楼下有一堆垃圾",
            channel="web",
        ),
        datetime.now(UTC),
    )
    number = do(session, begin(session), {"op": "move_to", "code": code(6), "parent": EAST})
    new_code = EAST + "002"
    seen = preview.preview(session, LEAD, number)
    (crossing,) = seen.crossings
    assert (crossing.start, crossing.end, crossing.households, crossing.people) == (
        BASE,
        EAST,
        1,
        4,
    )
    assert [(item.code, item.grids, item.households, item.people) for item in seen.communities] == [
        (BASE, (9, 8), (1, 0), (4, 0)),
        (EAST, (1, 2), (0, 1), (0, 4)),
    ]
    first, second = (item.area_m2 for item in seen.communities)
    assert first[0] - first[1] == pytest.approx(second[1] - second[0], abs=1)
    (warning,) = (item for item in seen.problems if item.kind == "community_border")
    assert "1 households (4 people) go from 西兴社区 to 东关社区" in warning.en
    publish.publish(session, LEAD, number, "划归", None)
    assert preview.preview(session, LEAD, number).communities == seen.communities
    new = area(session, new_code)
    assert (new.name, new.parent_id) == ("第006网格", area(session, EAST).id)
    assert area(session, unit.code).parent_id == new.id
    post = session.scalars(select(Post).where(Post.area_id == new.id)).one()
    assert post.role == "grid_leader"
    query = text("SELECT grid_id, area_id, holder_id, role FROM incident WHERE id = :id")
    assert session.execute(query, {"id": filed.id}).one() == (
        new.id,
        new.id,
        post.holder_id,
        "grid_leader",
    )
    back = publish.create_reverting_draft(session, LEAD, number)
    publish.publish(session, LEAD, back.id, "撤", None)
    assert code(6) in shapes_of(session) and new_code not in shapes_of(session)


def test_a_grid_that_moves_and_is_then_merged_goes_on_nowhere(session, two):
    grid = area(session, code(6))
    two.post("grid_leader", grid, "王五")
    account = Account(username="w5", password_hash="x")
    session.add(account)
    session.flush()
    session.add(AccessGrant(account_id=account.id, role="grid_worker", area_id=grid.id))
    session.flush()
    number = do(
        session,
        begin(session),
        {"op": "move_to", "code": code(6), "parent": EAST},
        {"op": "merge", "codes": [EAST_GRID, EAST + "002"], "into": EAST_GRID},
    )
    assert "post_left" in {item.kind for item in preview.preview(session, LEAD, number).problems}
    publish.publish(session, LEAD, number, "并", None)
    assert session.scalars(select(AccessGrant.area_id)).all() == [grid.id]
    lineage = hierarchy.history(session, EAST_GRID)[2]
    assert [(row.relation, row.code) for row in lineage] == [("merged_from", code(6))]


def test_a_part_split_off_and_moved_away_comes_back(session, two):
    before = shapes_of(session)
    number = in_force(
        session,
        {"op": "split", "code": code(6), "line": line((2.8, 0.9), (2.8, 2.1))},
        {"op": "move_to", "code": code(10), "parent": EAST},
    )
    assert "no_post" in {item.kind for item in preview.preview(session, LEAD, number).problems}
    back = publish.create_reverting_draft(session, LEAD, number)
    publish.publish(session, LEAD, back.id, "撤", None)
    after = shapes_of(session)
    assert after.keys() == before.keys()
    assert after[code(6)].equals(before[code(6)])


def test_what_is_planned_for_a_grid_is_said_when_a_change_is_to_hold_before(session, two):
    later = datetime.now(UTC) + timedelta(days=10)
    in_force(session, {"op": "move_to", "code": code(6), "parent": EAST}, effective=later)
    in_force(
        session,
        {"op": "transfer", "region": land(0.7, 0, 1, 1), "to": code(2)},
        effective=later,
    )
    for op in (
        {"op": "transfer", "region": land(2, 1, 2.3, 2), "to": code(5)},
        {"op": "move_to", "code": code(2), "parent": EAST},
    ):
        number = do(session, begin(session), op)
        with pytest.raises(Conflict, match="has a boundary that holds from") as refused:
            publish.publish(session, LEAD, number, "好", None)
        assert refused.value.code == "store.planned_later"
    publish.publish(session, LEAD, number, "好", later + timedelta(days=1))


def test_a_grid_goes_only_where_both_communities_allow_it_and_not_abroad(session, two):
    own = Principal("account", "account 钱一", {Action.DRAFT: frozenset({area(session, BASE).id})})
    number = drafts.create_draft(session, own, "划归").id
    with pytest.raises(Forbidden):
        do(session, number, {"op": "move_to", "code": code(6), "parent": EAST}, by=own)
    mine = begin(session)
    session.add(Area(code="520403", level="county", name="平坝区", county="520403"))
    for parent, fault in (
        (BASE, "belongs to"),
        ("520403001001", "counties"),
        ("520402007099", "no community|not a community"),
    ):
        with pytest.raises(InvalidInput, match=fault):
            do(session, mine, {"op": "move_to", "code": code(6), "parent": parent})
    area(session, EAST_GRID).name = "第006网格"
    session.flush()
    with pytest.raises(InvalidInput, match=f"is the name of {EAST_GRID}"):
        do(session, mine, {"op": "move_to", "code": code(6), "parent": EAST})
    op = {"op": "move_to", "code": code(6), "parent": EAST, "name": "河西网格"}
    publish.publish(session, LEAD, do(session, mine, op), "好", None)
    assert area(session, EAST + "002").name == "河西网格"


def test_land_that_crosses_a_community_border_is_said_with_both_communities(session, two):
    two.household(two.houses[2], "101")
    number = do(
        session,
        begin(session),
        {"op": "transfer", "region": land(2.3, 1, 3, 2), "to": EAST_GRID},
    )
    seen = preview.preview(session, LEAD, number)
    assert [(item.code, item.grids, item.households) for item in seen.communities] == [
        (BASE, (9, 9), (1, 0)),
        (EAST, (1, 1), (0, 1)),
    ]
    assert any(item.kind == "community_border" for item in seen.problems)


# --- units settled by hand


def torn(session, town):
    """A unit of grid 005 with three homes west and one east of a cut; its code."""
    grid = area(session, code(5))
    other = town.building("9号楼", 1.8 * S, 1.1 * S, width=0.0001, code="b9")
    unit = town.unit(grid, "01", [(town.houses[1], None, None, None), (other, None, None, None)])
    for room in ("101", "102", "201"):
        town.household(town.houses[1], room, unit=unit)
    town.household(other, "101", unit=unit)
    return unit.code


CUT = {"op": "transfer", "region": land(1, 1, 1.7, 2), "to": code(4)}


def test_a_unit_is_settled_only_where_it_has_homes_and_not_asked_about_again(session, town):
    unit = torn(session, town)
    number = do(session, begin(session), CUT)
    with pytest.raises(InvalidInput, match=f"{code(9)} holds no home"):
        do(session, number, {"op": "settle", "unit": unit, "grid": code(9)})
    do(session, number, {"op": "settle", "unit": unit, "grid": code(5)}, rename(4, "西园"))
    drafts.rebase(session, LEAD, number)
    seen = preview.preview(session, LEAD, number)
    assert not any(item.kind == "unit_torn" for item in seen.problems)
    assert [(item.unit, item.grid) for item in seen.settled] == [(unit, code(5))]
    publish.publish(session, LEAD, number, "好", None)
    # the next planner moves land beside it: the decision stands, and is shown
    later = do(
        session, begin(session), {"op": "transfer", "region": land(1.7, 1.9, 2, 2), "to": code(8)}
    )
    (shown,) = preview.preview(session, LEAD, later).settled
    assert (shown.unit, shown.grid, shown.in_draft) == (unit, code(5), False)
    publish.publish(session, LEAD, later, "好", None)
    assert area(session, unit).parent_id == area(session, code(5)).id
    in_force(session, {"op": "settle", "unit": unit})  # taken back: the majority decides
    assert area(session, unit).parent_id == area(session, code(4)).id


def test_a_settled_grid_that_loses_the_units_homes_is_refused_in_words(session, town):
    unit = torn(session, town)
    number = do(session, begin(session), CUT, {"op": "settle", "unit": unit, "grid": code(5)})
    do(session, number, {"op": "transfer", "region": land(1.7, 1, 2, 1.8), "to": code(6)})
    (issue,) = (
        item
        for item in preview.preview(session, LEAD, number).problems
        if item.kind == "settle_void"
    )
    assert issue.severity == "refused"
    with pytest.raises(Conflict, match="settled on"):
        publish.publish(session, LEAD, number, "好", None)
    do(session, number, {"op": "settle", "unit": unit})
    publish.publish(session, LEAD, number, "好", None)


def test_a_decision_on_a_unit_follows_the_code_of_its_grid(session, town):
    unit = torn(session, town)
    settle = {"op": "settle", "unit": unit, "grid": code(5)}
    number = do(session, begin(session), CUT, settle, recode(5, 20))
    assert preview.preview(session, LEAD, number).settled[0].grid == code(20)
    publish.publish(session, LEAD, number, "好", None)
    assert area(session, unit).parent_id == area(session, code(20)).id
    in_force(session, recode(20, 21))
    assert area(session, unit).parent_id == area(session, code(21)).id


# --- taking back by land


def test_a_publication_is_taken_back_by_land_not_by_who_drew_last(session, town):
    west = in_force(session, {"op": "transfer", "region": land(1, 1, 1.5, 2), "to": code(4)})
    restored = publish.create_reverting_draft(session, LEAD, west)
    publish.publish(session, LEAD, restored.id, "撤", None)
    with pytest.raises(Conflict, match="as it was before"):
        publish.create_reverting_draft(session, LEAD, west)
    in_force(session, {"op": "transfer", "region": land(1, 1, 1.5, 2), "to": code(4)})
    back = publish.create_reverting_draft(session, LEAD, west)  # the land is as it published it
    publish.publish(session, LEAD, back.id, "撤", None)
    in_force(session, {"op": "transfer", "region": land(1, 1, 1.2, 2), "to": code(4)})
    with pytest.raises(Conflict, match=r"redrawn since: .*\(revision \d+\) at 105\.95") as refusal:
        publish.create_reverting_draft(session, LEAD, west)
    assert code(4) in str(refusal.value)
