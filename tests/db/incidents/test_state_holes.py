"""No way round the table of moves: not by a number that is taken, a temporary table, a trigger of
one's own, or COPY.
"""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from gis.errors import Conflict, Forbidden, InvalidInput
from gis.incidents.lifecycle import intake, moves, report
from gis.incidents.lifecycle.payload import MovePayload
from gis.incidents.states import (
    REQUESTS,
    STATES,
    TRANSITION_ROWS,
    TRANSITIONS,
    State,
    allowed_moves,
    next_state,
)
from gis.ops.history import EVENT_COLUMNS
from gis.rights.actions import Action
from gis.rights.principal import Principal, account_principal, system_principal
from tests.support import build

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
SYSTEM = system_principal("test")
EXAMPLES, STEPS = 20, 30  # of each machine
FEW = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)

COLUMNS = "county, incident_id, at, move, from_state, from_request, to_state, to_request, who"
VALUES = ":county, :id, :at, :move, :from_state, :from_request, :to_state, :to_request, 'test'"
INSERT = f"INSERT INTO incident_event ({COLUMNS}) VALUES ({VALUES})"
STANDS = (
    "SELECT state, pending_request, state_before_suspension, version, closed_at"
    " FROM incident WHERE id = :id"
)
# What figures count of the events, from the row and, the long way, from the events.
COUNTED = ("taken_at", "taken_in_time", "handled_at", "handled_in_time", "returned", "reopened")
COUNTED += ("watched", "reached")
EVENTS = (
    "SELECT move, at, coalesce((detail ->> 'in_time')::boolean, true) AS in_time,"
    " detail ->> 'outcome' AS outcome FROM incident_event WHERE incident_id = :id ORDER BY id"
)
# as (move, from state, from request, to state, to request)
Step = tuple[str, str, str, str, str]
state_names, requests = (
    st.sampled_from([one.value for one in State]),
    st.sampled_from(["", *REQUESTS]),
)
table_steps = st.sampled_from(sorted(TRANSITION_ROWS))
any_steps = st.tuples(
    st.sampled_from([*TRANSITIONS, "", "Take"]), state_names, requests, state_names, requests
)


def assert_counted(session: Session, number: UUID) -> None:
    """The row holds what the events of an incident say."""
    row = session.execute(
        text(f"SELECT {', '.join(COUNTED)} FROM incident WHERE id = :id"), {"id": number}
    ).one()
    events = session.execute(text(EVENTS), {"id": number}).all()
    taken = [event for event in events if event.move == "take"]
    handled = [event for event in events if event.move == "handle"]
    seen = {event.move for event in events}
    assert row._asdict() == {
        "taken_at": min((event.at for event in taken), default=None),
        "taken_in_time": taken[0].in_time if taken else None,
        "handled_at": max((event.at for event in handled), default=None),
        "handled_in_time": handled[-1].in_time if handled else None,
        "returned": "return" in seen,
        "reopened": "reopen" in seen,
        "watched": bool({"escalate", "supervise"} & seen),
        "reached": any(e.move == "follow_up" and e.outcome == "reached" for e in events),
    }


@pytest.fixture
def world(session: Session) -> Session:
    """A grid with who works there, who dispatches and who approves."""
    peopled(session)
    return session


def peopled(session: Session) -> build.Town:
    town = build.Town(session)
    for role, location, name in (
        ("grid_worker", town.grid("001"), "王网格"),
        ("community_worker", town.community, "赵社工"),
        ("street_office", town.street, "街道"),
    ):
        town.post(role, location, name)
    return town


def filed(session: Session) -> UUID:
    """A report of litter, dispatched to the grid worker."""
    incident_report = intake.IncidentReport(
        category="06010", lon=build.LON + 0.0005, lat=build.LAT + 0.0005, crs="cgcs2000"
    )
    return report.file_report(session, SYSTEM, incident_report, NOW).id


def params(number: UUID, step: Step) -> dict[str, Any]:
    """A step as the parameters of INSERT."""
    names = ("move", "from_state", "from_request", "to_state", "to_request")
    return {"county": "520402", "id": number, "at": NOW, **dict(zip(names, step, strict=True))}


def stands(session: Session, number: UUID) -> Any:
    """State, request, state before, version and end as stored."""
    return session.execute(text(STANDS), {"id": number}).one()


def refused(session: Session, query: str, submitted: dict[str, Any]) -> bool:
    """Whether the database refuses a statement; what it did is kept when it does not."""
    try:
        with session.begin_nested():
            session.execute(text(query), submitted)
            session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))  # what is checked at commit
            session.execute(text("SET CONSTRAINTS ALL DEFERRED"))
    except DBAPIError:
        return True
    return False


def copied(session: Session, rows: list[dict[str, Any]]) -> None:
    """COPY rows into the table of events."""
    driver: Any = session.connection().connection.dbapi_connection
    with (
        driver.cursor() as cursor,
        cursor.copy(f"COPY incident_event ({COLUMNS}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row([*row.values(), "test"])


class Model:
    """What an incident should be, by the table alone."""

    def __init__(self, now: Any) -> None:
        self.state, self.pending, self.before = (
            now.state,
            now.pending_request,
            now.state_before_suspension,
        )
        self.version, self.ended = now.version, now.closed_at is not None

    def takes(self, step: Step) -> bool:
        """Whether the table allows a step now."""
        move, from_state, from_request, to_state, _ = step
        return (
            step in TRANSITION_ROWS
            and (from_state, from_request) == (self.state, self.pending)
            and (move != "resume" or to_state == self.before)
        )

    def took(self, step: Step) -> None:
        """After a step."""
        move, from_state, _, self.state, self.pending = step
        self.before = (
            from_state if self.state == "suspended" and from_state != "suspended" else self.before
        )
        self.before = "" if move == "resume" else self.before
        self.version += 1
        self.ended = self.state in ("closed", "void")

    @property
    def values(self) -> tuple[str, str, str, int, bool]:
        return self.state, self.pending, self.before, self.version, self.ended


class BySql(RuleBasedStateMachine):
    """Somebody with the application's rights writes what they like."""

    session: Session

    @initialize()
    def one(self) -> None:
        self.point = self.session.begin_nested()
        self.number = filed(self.session)
        self.model = Model(stands(self.session, self.number))

    @rule(step=any_steps)
    def an_event_of_any_kind(self, step: Step) -> None:
        self.inserted(step)

    @rule(step=table_steps)
    def an_event_of_the_table(self, step: Step) -> None:
        self.inserted(step)

    @rule(data=st.data())
    def an_event_that_fits_where_it_stands(self, data: st.DataObject) -> None:
        fits = [
            transition_row
            for transition_row in sorted(TRANSITION_ROWS)
            if transition_row[1:3] == (self.model.state, self.model.pending)
        ]
        self.inserted(data.draw(st.sampled_from(fits)))

    @rule(to=state_names, left=requests)
    def an_allowed_move_to_somewhere_else(self, to: str, left: str) -> None:
        move = sorted(allowed_moves(self.model.state, self.model.pending))[0]
        self.inserted((move, self.model.state, self.model.pending, to, left))

    @precondition(lambda self: self.model.state != "suspended")
    @rule()
    def it_is_suspended(self) -> None:
        for move in ("request_suspend", "approve_suspend"):
            with suppress(Conflict):
                to = next_state(move, self.model.state, self.model.pending)
                self.inserted((move, self.model.state, self.model.pending, *to))

    def inserted(self, step: Step) -> None:
        right = self.model.takes(step)
        assert refused(self.session, INSERT, params(self.number, step)) != right, (
            step,
            self.model.values,
        )
        if right:
            self.model.took(step)

    @rule(initial=any_steps, data=st.data())
    def several_at_once_and_the_last_is_wrong(self, initial: Step, data: st.DataObject) -> None:
        right = [
            transition_row
            for transition_row in sorted(TRANSITION_ROWS)
            if self.model.takes(transition_row)
        ]
        if not right:
            return
        good = data.draw(st.sampled_from(right))
        branch = Model(stands(self.session, self.number))
        branch.took(good)
        if branch.takes(initial):
            return
        rows = [params(self.number, good), params(self.number, initial)]
        both = INSERT + ", (:county, :id, :at, :m, :fs, :fp, :ts, :tp, 'test')"
        assert refused(
            self.session,
            both,
            rows[0] | dict(zip(("m", "fs", "fp", "ts", "tp"), initial, strict=True)),
        )
        with pytest.raises(Exception, match="is not changed by"), self.session.begin_nested():
            copied(self.session, rows)

    @rule(data=st.data())
    def an_event_under_a_number_that_is_taken(self, data: st.DataObject) -> None:
        fits = [
            transition_row
            for transition_row in sorted(TRANSITION_ROWS)
            if self.model.takes(transition_row)
        ]
        if fits:
            taken = (
                f"INSERT INTO incident_event (id, {COLUMNS}) SELECT max(id), {VALUES}"
                f" FROM incident_event"
                " WHERE incident_id = :id ON CONFLICT DO NOTHING"
            )
            refused(
                self.session, taken, params(self.number, data.draw(st.sampled_from(fits)))
            )  # and nothing changes

    @rule(
        column=st.sampled_from(
            ["state", "pending_request", "state_before_suspension", "version", "closed_at"]
        ),
        to=state_names,
        questions=requests,
    )
    def the_incident_itself_is_written_to(self, column: str, to: str, questions: str) -> None:
        value = {
            "version": "version + 1",
            "closed_at": "coalesce(closed_at, now()) + interval '1 s'",
        }.get(column, ":to")
        fields = {"id": self.number, "to": questions if column == "pending_request" else to}
        now = {
            "state": self.model.state,
            "pending_request": self.model.pending,
            "state_before_suspension": self.model.before,
        }
        same = fields["to"] == now.get(column)
        for query in (
            f"UPDATE incident SET {column} = {value} WHERE id = :id",
            (
                f"UPDATE incident i SET {column} = {value} FROM area a WHERE i.id = :id"
                f" AND a.id = i.grid_id"
            ).replace("= version", "= i.version"),
        ):
            assert refused(self.session, query, fields) != same

    @rule(
        query=st.sampled_from(
            [
                "DELETE FROM incident_event WHERE incident_id = :id",
                "DELETE FROM incident WHERE id = :id",
                "UPDATE incident_event SET to_state = 'closed' WHERE incident_id = :id",
                "UPDATE incident_event SET at = at WHERE incident_id = :id",
                "UPDATE incident_move SET to_state = 'closed'",
                "INSERT INTO incident_move VALUES ('take', 'reported', '', 'closed', '')",
                "DELETE FROM incident_move",
                "TRUNCATE incident_event",
                "TRUNCATE incident CASCADE",
                "ALTER TABLE incident_event DISABLE TRIGGER apply_events",
                "ALTER TABLE incident DISABLE TRIGGER ALL",
                "SET LOCAL session_replication_role = replica",
            ]
        )
    )
    def the_past_or_the_table_is_written_to(self, query: str) -> None:
        assert refused(self.session, query, {"id": self.number})

    @invariant()
    def it_stands_where_the_table_says(self) -> None:
        if hasattr(self, "model"):
            now = stands(self.session, self.number)
            assert (
                now.state,
                now.pending_request,
                now.state_before_suspension,
                now.version,
                now.closed_at is not None,
            ) == self.model.values
            answer = (
                "SELECT count(*), max(to_state) FILTER (WHERE id = (SELECT max(id)"
                " FROM incident_event WHERE incident_id = :id)) FROM incident_event"
                " WHERE incident_id = :id"
            )
            events, last = self.session.execute(text(answer), {"id": self.number}).one()
            assert (events, last) == (now.version - 1, now.state)  # each step has its event
            assert_counted(self.session, self.number)

    def teardown(self) -> None:
        if hasattr(self, "point"):
            self.point.rollback()


class ByMoves(RuleBasedStateMachine):
    """Somebody does one move after another, whichever comes to mind."""

    session: Session
    who: dict[str, Principal]

    @initialize()
    def one(self) -> None:
        self.point = self.session.begin_nested()
        self.number, self.other = filed(self.session), filed(self.session)
        self.model = Model(stands(self.session, self.number))

    @rule(
        name=st.sampled_from(sorted(TRANSITIONS)),
        by=st.sampled_from(["王网格", "赵社工", "街道", ""]),
    )
    def any_move(self, name: str, by: str) -> None:
        self.moved(name, by)

    @rule(data=st.data())
    def a_move_that_is_offered(self, data: st.DataObject) -> None:
        self.moved(
            data.draw(st.sampled_from(sorted(allowed_moves(self.model.state, self.model.pending)))),
            "",
        )

    def moved(self, name: str, by: str) -> None:
        was = (self.model.state, self.model.pending, self.model.before)
        wish = MovePayload(
            note="有话",
            minutes=60,
            until=NOW + timedelta(days=30),
            parent=self.other,
            rating=4,
            solved=True,
            outcome="reached",
            severity="high",
        )
        try:
            with self.session.begin_nested():
                moves.apply_move(
                    self.session, self.who.get(by, SYSTEM), self.number, name, NOW, wish
                )
        except (Conflict, Forbidden, InvalidInput):
            return
        assert TRANSITIONS[name].by != Action.SYSTEM and name != "report"
        to, left = next_state(name, *was)  # the code and the database agree
        rows = self.session.execute(
            text(
                "SELECT move, from_state, from_request, to_state, to_request FROM incident_event"
                " WHERE incident_id = :id ORDER BY id OFFSET :old"
            ),
            {"id": self.number, "old": self.model.version - 1},
        ).all()
        assert tuple(rows[0]) == (name, was[0], was[1], to, left)
        for row in rows:  # linking follows the other one
            step = row[0], row[1], row[2], row[3], row[4]
            assert self.model.takes(step)
            self.model.took(step)

    @invariant()
    def it_stands_where_the_table_says(self) -> None:
        if hasattr(self, "model"):
            now = stands(self.session, self.number)
            assert (
                now.state,
                now.pending_request,
                now.state_before_suspension,
                now.version,
                now.closed_at is not None,
            ) == self.model.values
            assert_counted(self.session, self.number)

    def teardown(self) -> None:
        if hasattr(self, "point"):
            self.point.rollback()


def test_no_sql_reaches_what_the_table_does_not_allow(world: Session) -> None:
    """20 sequences of 30 statements."""
    machine = type("Machine", (BySql,), {"session": world})
    run_state_machine_as_test(machine, settings=FEW)


def test_no_sequence_of_moves_reaches_what_the_table_does_not_allow(world: Session) -> None:
    """20 sequences of 30 moves."""
    ids = dict(map(tuple, world.execute(text("SELECT name, id FROM personal.person"))))
    actor = {name: account_principal(world, -1, number, name, NOW) for name, number in ids.items()}
    machine = type("Machine", (ByMoves,), {"session": world, "who": actor})
    run_state_machine_as_test(machine, settings=FEW)


def test_the_code_knows_the_same_table() -> None:
    """Every state, request, state before and move: 10 × 4 × 5 × 33."""
    for name in TRANSITIONS.keys() - {"load"}:  # which goes to any state
        for state in State:
            for pending in ("", *REQUESTS):
                for old in ("", "accepted", "dispatched", "taken", "returned"):
                    fits = {
                        row[3:]
                        for row in TRANSITION_ROWS
                        if row[:3] == (name, state, pending) and (name != "resume" or row[3] == old)
                    }
                    if fits:
                        assert fits == {next_state(name, state, pending, old)}
                        assert (
                            TRANSITIONS[name].by == Action.SYSTEM
                            or name == "report"
                            or name in allowed_moves(state, pending)
                        )
                    else:
                        with pytest.raises(Conflict):
                            next_state(name, state, pending, old)
    assert set(STATES) == set(State)


def other_columns(session: Session, but: tuple[str, ...] = ()) -> list[str]:
    """Return the columns of incident that are neither its id nor set by its events."""
    left_out = {"id", *EVENT_COLUMNS} - set(but)
    query = (
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'incident'"
        " AND table_schema = 'public'"
    )
    return [name for name in session.scalars(text(query)) if name not in left_out]


def test_an_incident_begins_as_reported(world: Session) -> None:
    number = filed(world)
    columns = ", ".join(other_columns(world, but=("changed_at",)))
    copy = (
        "INSERT INTO incident ({0}, id, {2}) SELECT {0}, gen_random_uuid(), {1} FROM incident"
        " WHERE id = :id"
    )
    for names, values in (
        ("state", "'closed'"),
        ("state", "state"),
        ("pending_request", "'void'"),
        ("state_before_suspension", "'taken'"),
        ("closed_at", "now()"),
        ("version", "7"),
        ("taken_at", "now()"),
        ("handled_in_time", "false"),
        ("reached", "true"),
    ):
        assert refused(world, copy.format(columns, values, names), {"id": number}), names
    assert not refused(world, copy.format(columns, "'reported'", "state"), {"id": number})


def test_what_figures_count_changes_by_events_only(world: Session) -> None:
    number = filed(world)
    for name, value in (
        ("taken_at", "now()"),
        ("taken_in_time", "true"),
        ("handled_at", "now()"),
        ("handled_in_time", "false"),
        *((name, f"NOT {name}") for name in ("returned", "reopened", "watched", "reached")),
    ):
        update = f"UPDATE incident SET {name} = {value} WHERE id = :id"
        assert refused(world, update, {"id": number}), name


WRITTEN = """
WITH row AS (
  INSERT INTO incident ({columns}, id, state, version, closed_at, changed_at)
  SELECT {columns}, gen_random_uuid(), :state, :version, {closed}, {changed}
  FROM incident WHERE id = :id RETURNING county, id)
SELECT county, id FROM row
"""
FIRST_EVENTS = """
INSERT INTO incident_event (county, incident_id, at, move, from_state, to_state, who)
SELECT :county, :new, '2026-11-01', move, from_state, to_state, 'test'
FROM unnest(CAST(:moves AS text[]), CAST(:froms AS text[]), CAST(:tos AS text[]))
  e (move, from_state, to_state)
"""


@pytest.mark.parametrize(
    ("state", "version", "closed", "changed", "moves", "is_right"),
    [
        ("accepted", 3, "NULL", "'2026-11-01'", 2, True),
        ("reported", 2, "NULL", "'2026-11-01'", 1, True),
        ("accepted", 4, "NULL", "'2026-11-01'", 2, False),  # an event more than there are
        ("accepted", 2, "NULL", "'2026-11-01'", 2, False),  # an event fewer
        ("dispatched", 3, "NULL", "'2026-11-01'", 2, False),  # they lead elsewhere
        ("accepted", 3, "now()", "'2026-11-01'", 2, False),  # nothing closed it
        ("accepted", 3, "NULL", "'2026-11-02'", 2, False),  # the last was at another time
        ("accepted", 3, "NULL", "'2026-11-01'", 0, False),  # none
    ],
)
def test_an_incident_written_as_its_events_leave_it_has_these_events(
    world: Session,
    state: str,
    version: int,
    closed: str,
    changed: str,
    moves: int,
    is_right: bool,
) -> None:
    number = filed(world)
    columns = ", ".join(other_columns(world))
    query = WRITTEN.format(
        columns=columns, closed=closed, changed=f"CAST({changed} AS timestamptz)"
    )
    row = world.execute(text(query), {"id": number, "state": state, "version": version}).one()
    names = {"moves": ["report", "accept"][:moves], "froms": ["reported"] * moves}
    params = {"county": row.county, "new": row.id, "tos": ["reported", "accepted"][:moves]}
    assert refused(world, FIRST_EVENTS, names | params) is not is_right


def test_first_events_may_be_among_those_that_figures_count(world: Session) -> None:
    number = filed(world)
    columns = ", ".join(other_columns(world))
    query = WRITTEN.format(columns=columns, closed="NULL", changed="timestamptz '2026-11-01'")
    states = ["reported", "reported", "accepted", "dispatched", "taken", "handled"]
    row = world.execute(text(query), {"id": number, "state": states[-1], "version": 6}).one()
    params = {
        "county": row.county,
        "new": row.id,
        "moves": ["report", "accept", "dispatch", "take", "handle"],
        "froms": states[:-1],
        "tos": states[1:],
    }
    assert not refused(world, FIRST_EVENTS, params)
    assert stands(world, row.id)[:4] == ("handled", "", "", 6)
    assert_counted(world, row.id)


def test_what_an_event_says_that_no_figure_counts_is_free(world: Session) -> None:
    number = filed(world)
    said = INSERT.replace("who)", "who, detail)").replace("'test')", "'test', :said)")
    event = params(number, ("note", "dispatched", "", "dispatched", ""))
    assert not refused(world, said, event | {"said": '{"in_time": "soon"}'})


def test_events_of_several_incidents_in_one_statement_are_counted_each(world: Session) -> None:
    dice = random.Random("together")
    for _ in range(4):
        stand = {filed(world): ("dispatched", "") for _ in range(3)}
        rows = []
        for _ in range(60):
            number = dice.choice([*stand])
            fits = [
                step
                for step in sorted(TRANSITION_ROWS)
                if step[1:3] == stand[number] and step[0] != "load" and step[3] != "suspended"
            ]
            if fits:
                step = dice.choice(fits)
                stand[number] = step[3:]
                at = NOW + timedelta(minutes=dice.randrange(-500, 500))
                rows.append(params(number, step) | {"at": at})
        copied(world, rows)
        for number in stand:
            assert_counted(world, number)


def test_events_that_skip_the_report_do_not_explain_a_row(world: Session) -> None:
    number = filed(world)
    columns = ", ".join(other_columns(world))
    query = WRITTEN.format(columns=columns, closed="NULL", changed="now()")
    row = world.execute(text(query), {"id": number, "state": "dispatched", "version": 2}).one()
    params = {"county": row.county, "new": row.id, "moves": ["take"]}
    assert refused(world, FIRST_EVENTS, params | {"froms": ["dispatched"], "tos": ["taken"]})


BEHIND = {
    # a table of one's own before the real one
    "shadow": """
        CREATE TEMP TABLE incident_move ON COMMIT DROP AS SELECT * FROM public.incident_move;
        INSERT INTO incident_move VALUES ('take', 'dispatched', '', 'closed', '');
        INSERT INTO incident_event (county, incident_id, at, move, from_state, to_state, who)
        VALUES ('520402', '{0}', now(), 'take', 'dispatched', 'closed', 'test')""",
    # writing from within a trigger of one's own
    "trigger": """
        CREATE TEMP TABLE lever (x int) ON COMMIT DROP;
        CREATE FUNCTION pg_temp.lever() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN UPDATE public.incident SET state = 'closed'
              WHERE id = '{0}'; RETURN NULL; END $$;
        CREATE TRIGGER lever AFTER INSERT ON lever FOR EACH ROW EXECUTE FUNCTION pg_temp.lever();
        INSERT INTO lever VALUES (1)""",
}


@pytest.mark.parametrize("way", BEHIND)
def test_temporary_tables_and_triggers_are_no_way_round(world: Session, way: str) -> None:
    number = filed(world)
    assert stands(world, number).state == "dispatched"
    assert refused(world, BEHIND[way].format(number).replace(":", r"\:"), {})
    assert stands(world, number).state == "dispatched"


def test_of_two_at_once_one_is_refused(apart: Callable[[], Session]) -> None:
    """Eight sessions write the same step ten times over, without locking first as our code does."""
    with apart() as session:
        peopled(session)
        numbers = [filed(session) for _ in range(10)]
        session.commit()

    def take(number: UUID) -> bool:
        with apart() as session:
            try:
                session.execute(
                    text(INSERT), params(number, ("take", "dispatched", "", "taken", ""))
                )
                session.commit()
            except DBAPIError as error:
                assert (
                    getattr(error.orig, "sqlstate", "") == "23514"
                )  # the table of moves; never a deadlock
                return False
            return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(take, [number for number in numbers for _ in range(8)]))
    assert [sum(won[i : i + 8]) for i in range(0, 80, 8)] == [1] * 10
    with apart() as session:
        assert {stands(session, number).version for number in numbers} == {5}
