"""Two planners at once, whatever they do after one another: no land is lost, no household, no code
is given twice.
"""

from datetime import timedelta
from typing import Any

import shapely
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from shapely.geometry import mapping
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from gis.areas.models import Area
from gis.boundaries import draft_grids, drafts, editor_view, preview, publish, statistics
from gis.boundaries.draft_conflicts import conflicts, is_outdated
from gis.boundaries.draft_identity import NEWEST_NAME_SQL, draft_names, settled_grids
from gis.errors import WanggeError
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.shapes import polygon_coverage
from tests.support import draft_town
from tests.support.draft_town import S, X, Y, code

town = draft_town.town  # the fixture

PLANNERS = [
    Principal("account", f"account {name}", dict.fromkeys(Action)) for name in ("钱一", "孙二")
]
who = st.sampled_from([0, 1])
grid = st.integers(0, 8)
unit = st.floats(0.1, 0.9)
days = st.sampled_from([None, None, 10, 10, 20])
# Units under a grid without land at a moment.
LOST_UNITS_SQL = """
SELECT count(*) FROM area u
  LEFT JOIN dated_parent d ON d.area_id = u.id AND d.valid_time @> CAST(:at AS timestamptz)
WHERE u.level = 'unit' AND NOT EXISTS (
  SELECT FROM boundary b WHERE b.area_id = coalesce(d.parent_id, u.parent_id)
    AND b.valid_time @> CAST(:at AS timestamptz))
"""


class TwoPlanners(RuleBasedStateMachine):
    """What two planners may do, one after the other; what is refused in words changes nothing."""

    session: Session  # set by the test

    def __init__(self) -> None:
        super().__init__()
        self.example = self.session.begin_nested()
        self.drafts: list[list[int]] = [[], []]
        self.published: list[int] = []
        self.figures: dict[int, Any] = {}
        self.land = shapely.box(X, Y, X + 3 * S, Y + 3 * S)
        self.start = self.session.scalar(text("SELECT clock_timestamp()"))

    def teardown(self) -> None:
        self.example.rollback()

    def attempt(self, work: Any) -> Any:
        """Do something whole, or not at all when it is refused."""
        inner = self.session.begin_nested()
        try:
            result = work()
            inner.commit()
            return result
        except WanggeError:
            inner.rollback()
            self.session.expire_all()
            return None

    def draft(self, planner: int) -> int:
        if not self.drafts[planner]:
            self.drafts[planner].append(
                drafts.create_draft(self.session, PLANNERS[planner], "试").id
            )
        return self.drafts[planner][-1]

    def operate(self, planner: int, op: dict[str, Any]) -> None:
        number = self.draft(planner)
        self.attempt(lambda: drafts.add_operation(self.session, PLANNERS[planner], number, op))

    @rule(planner=who, at=grid, across=unit, upright=st.booleans(), explicit=st.booleans())
    def split(self, planner, at, across, upright, explicit):
        x, y = at % 3, at // 3
        ends = (
            [(x + across, y - 0.1), (x + across, y + 1.1)]
            if upright
            else [(x - 0.1, y + across), (x + 1.1, y + across)]
        )
        op = {"op": "split", "code": code(at + 1), "line": _line(*ends)}
        self.operate(planner, op | ({"codes": [code(at + 1), code(20)]} if explicit else {}))

    @rule(
        planner=who,
        at=st.integers(1, 20),
        side=st.sampled_from([1, 3, 9, 10, 11]),
        new=st.booleans(),
    )
    def merge(self, planner, at, side, new):
        pair = [code(at), code(at + side)]
        self.operate(planner, {"op": "merge", "codes": pair, "into": code(20) if new else pair[0]})

    @rule(
        planner=who,
        to=st.integers(1, 12),
        x=st.floats(0, 2.5),
        y=st.floats(0, 2.5),
        size=st.floats(0.2, 1.2),
    )
    def transfer(self, planner, to, x, y, size):
        region = mapping(shapely.box(X + x * S, Y + y * S, X + (x + size) * S, Y + (y + size) * S))
        self.operate(planner, {"op": "transfer", "region": region, "to": code(to), "islands": True})

    @rule(planner=who, at=st.integers(0, 1), row=st.integers(0, 2), bend=st.floats(-0.4, 0.4))
    def move_border(self, planner, at, row, bend):
        between = [code(row * 3 + at + 1), code(row * 3 + at + 2)]
        line = _line((at + 1, row), (at + 1 + bend, row + 0.5), (at + 1, row + 1))
        self.operate(planner, {"op": "move_border", "between": between, "line": line})

    @rule(planner=who, at=st.integers(1, 12))
    def retire(self, planner, at):
        self.operate(planner, {"op": "retire", "code": code(at), "give_to": code(at + 1)})

    @rule(planner=who, at=st.integers(1, 12), name=st.sampled_from(["甲", "乙", "丙"]))
    def rename(self, planner, at, name):
        self.operate(planner, {"op": "rename", "code": code(at), "name": name})

    @rule(planner=who, at=st.integers(1, 22), new=st.integers(1, 24))
    def recode(self, planner, at, new):
        self.operate(planner, {"op": "recode", "code": code(at), "new_code": code(new)})

    @rule(planner=who, house=st.integers(4, 6), at=st.integers(1, 12), back=st.booleans())
    def settle(self, planner, house, at, back):
        grid = {} if back else {"grid": code(at)}
        self.operate(planner, {"op": "settle", "unit": code(house) + "01"} | grid)

    @rule(planner=who)
    def do_again(self, planner):
        """Without a publication between, the same comes of the same operations."""
        number = self.draft(planner)
        if conflicts(self.session, number) or is_outdated(self.session, number):
            return
        before = self.result_of(number)
        if self.attempt(lambda: drafts.rebase(self.session, PLANNERS[planner], number)) is not None:
            assert self.result_of(number) == before

    def result_of(self, number: int) -> Any:
        done = drafts.list_operations(self.session, number)
        shapes = {
            code: shape and shape.wkb for code, shape in draft_grids.drawn_shapes(done).items()
        }
        return shapes, draft_names(done), settled_grids(done), [item.op for item in done]

    @rule(planner=who, step=st.integers(1, 3))
    def undo(self, planner, step):
        number = self.draft(planner)
        self.attempt(lambda: drafts.undo_operations(self.session, PLANNERS[planner], number, step))

    @rule(planner=who)
    def rebase(self, planner):
        number = self.draft(planner)
        self.attempt(lambda: drafts.rebase(self.session, PLANNERS[planner], number))

    @rule(planner=who)
    def withdraw(self, planner):
        number = self.draft(planner)
        if self.attempt(lambda: drafts.withdraw(self.session, PLANNERS[planner], number)):
            self.drafts[planner].remove(number)

    @rule(planner=who, later=days)
    def publish(self, planner, later):
        number, by = self.draft(planner), PLANNERS[planner]
        moment = None if later is None else self.start + timedelta(days=later)
        looked_at = preview.preview(self.session, by, number)
        visible = editor_view.read_editor_view(self.session, by, number, code(1)[:6])
        if self.attempt(lambda: publish.publish(self.session, by, number, "试", moment)):
            self.drafts[planner].remove(number)
            self.published.append(number)
            stored = preview.preview(self.session, by, number)
            assert (stored.totals, len(stored.pieces)) == (looked_at.totals, len(looked_at.pieces))
            for item in stored.grids:
                assert item.after is None or visible.households[item.code] == item.households[1]

    @precondition(lambda self: self.published)
    @rule(planner=who, which=st.integers(0, 5), at_once=st.booleans())
    def revert(self, planner, which, at_once):
        number, by = self.published[-1 - which % len(self.published)], PLANNERS[planner]
        back = self.attempt(lambda: publish.create_reverting_draft(self.session, by, number))
        if back is not None:
            self.drafts[planner].append(back.id)
            if at_once:
                self.publish(planner, None)

    @invariant()
    def nothing_is_lost(self):
        moments = list(
            self.session.scalars(
                text(
                    "SELECT DISTINCT lower(b.valid_time) FROM boundary b"
                    " WHERE lower(b.valid_time) >= :start"
                ),
                {"start": self.start},
            )
        )
        for moment in (self.start, *moments):
            rows = self.session.execute(
                text(
                    "SELECT a.code, a.level, ST_AsBinary(b.geom) FROM boundary b JOIN area a"
                    " ON a.id = b.area_id"
                    " WHERE b.valid_time @> CAST(:at AS timestamptz)"
                ),
                {"at": moment},
            ).all()
            grids = [shapely.from_wkb(row[2]) for row in rows if row[1] == "grid"]
            assert polygon_coverage.is_valid(grids)
            assert not self.session.scalar(text(LOST_UNITS_SQL), {"at": moment})
            assert shapely.union_all(grids).symmetric_difference(self.land).area < 1e-12
            assert (
                abs(sum(item.area for item in grids) - self.land.area) < 1e-12
            )  # nothing is anybody's twice
            (community,) = [shapely.from_wkb(row[2]) for row in rows if row[1] == "community"]
            assert community.symmetric_difference(self.land).area < 1e-12
            for i in range(3):
                assert any(
                    item.covers(shapely.Point(X + (i + 0.4) * S, Y + 1.4 * S)) for item in grids
                )

    @invariant()
    def no_code_is_given_twice(self):
        rows = self.session.execute(
            text(
                "SELECT k, r.id FROM operation o JOIN revision r"
                " ON r.id = o.revision_id, jsonb_object_keys(o.new_grids) k"
                " WHERE r.state = 'draft' AND r.reverts IS NULL"
            )
        ).all()
        assert len({row[0] for row in rows}) == len(set(rows))
        taken = set(self.session.scalars(text("SELECT code FROM area WHERE level = 'grid'")))
        assert not taken & {row[0] for row in rows}

    @invariant()
    def no_name_is_given_twice(self):
        names = self.session.scalars(
            text(
                f"SELECT {NEWEST_NAME_SQL} FROM area a WHERE a.level = 'grid' AND EXISTS ("
                " SELECT FROM boundary b WHERE b.area_id = a.id AND upper_inf(b.valid_time))"
            )
        ).all()
        assert len(names) == len(set(names))

    @invariant()
    def figures_stay(self):
        for number in self.published:
            figures = statistics.to_json(statistics.stored(self.session, number))
            assert self.figures.setdefault(number, figures) == figures


def _line(*points: tuple[float, float]) -> dict[str, Any]:
    return mapping(shapely.LineString([(X + x * S, Y + y * S) for x, y in points]))


def test_two_planners_lose_nothing(session, town):
    machine = type("Machine", (TwoPlanners,), {"session": session})
    grids = {area.code: area for area in session.scalars(select(Area).where(Area.level == "grid"))}
    for i, house in enumerate(town.houses):
        unit = town.unit(grids[code(4 + i)], "01", [(house, None, None, None)])
        for room in ("101", "102"):
            town.household(house, room, unit=unit)
    session.commit()
    test = machine.TestCase
    test.settings = settings(
        max_examples=8,
        stateful_step_count=12,
        phases=(Phase.generate,),
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    test("runTest").runTest()
