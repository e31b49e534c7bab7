"""No sequence of moves reaches a state the table does not allow: not in code, and not by direct
SQL.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from gis.errors import Conflict, WanggeError
from gis.incidents.lifecycle import intake, moves, report
from gis.incidents.lifecycle.payload import MovePayload
from gis.incidents.states import (
    REQUESTS,
    TRANSITION_ROWS,
    TRANSITIONS,
    WORKING_STATES,
    State,
    allowed_moves,
    next_state,
)
from gis.rights.actions import Action
from gis.rights.principal import ANONYMOUS, system_principal
from tests.support import build
from tests.support.incident_town import move_and_see

NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)
STATES = tuple(state.value for state in State)
NAMES = st.sampled_from(sorted(TRANSITIONS))
DONE = sorted(
    name
    for name, move in TRANSITIONS.items()
    if move.by != Action.SYSTEM and name not in ("report", "link")
)
PENDINGS = st.sampled_from(("", *REQUESTS))
FEW = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(st.lists(NAMES, max_size=60))
def test_in_code_only_the_table_s_steps_are_found(names: list[str]) -> None:
    state, pending, old = "reported", "", ""
    for name in names:
        rows = {
            (to, new)
            for move, s, p, to, new in TRANSITION_ROWS
            if (move, s, p) == (name, state, pending)
        }
        if name == "resume":
            rows = {(to, new) for to, new in rows if to == old}
        try:
            result = next_state(name, state, pending, old)
        except Conflict:
            assert rows == set()
            continue
        assert result in rows
        old = state if result[0] == "suspended" else "" if name == "resume" else old
        state, pending = result


def test_every_state_can_be_reached_and_every_open_one_left() -> None:
    reached = {"reported"}
    while extra := {to for _, state, _, to, _ in TRANSITION_ROWS if state in reached} - reached:
        reached |= extra
    assert reached == set(STATES)
    for state in set(STATES) - {"void"}:
        assert {to for _, position, _, to, _ in TRANSITION_ROWS if position == state} - {state}, (
            state
        )
    assert {to for _, state, _, to, _ in TRANSITION_ROWS if state == "void"} == {"void"}
    for (
        request
    ) in REQUESTS:  # what was asked for can be approved and refused wherever it can be asked for
        queries = {state for move, state, *_ in TRANSITION_ROWS if move == f"request_{request}"}
        for answer in ("approve", "refuse"):
            assert {
                state for move, state, *_ in TRANSITION_ROWS if move == f"{answer}_{request}"
            } == queries


@pytest.fixture
def one(session: Session) -> UUID:
    """An incident that was reported and sent to somebody."""
    town = build.Town(session)
    grid = town.grid("001")
    for role, location, name in (
        ("grid_worker", grid, "王"),
        ("community_worker", town.community, "赵"),
    ):
        town.post(role, location, name)
    incident_report = intake.IncidentReport(
        category="06010", lon=build.LON + 0.0005, lat=build.LAT + 0.0005, crs="cgcs2000"
    )
    return report.file_report(session, ANONYMOUS, incident_report, NOW).id


def standing(session: Session, one: UUID) -> tuple[str, str, str, int]:
    """State, request, state before suspension, version."""
    query = (
        "SELECT state, pending_request, state_before_suspension, version"
        " FROM incident WHERE id = :id"
    )
    row = session.execute(text(query), {"id": one}).one()
    return row.state, row.pending_request, row.state_before_suspension, row.version


@FEW
@given(st.lists(st.sampled_from(DONE), max_size=25))
def test_what_is_done_keeps_to_the_table_in_the_database(
    session: Session, one: UUID, names: list[str]
) -> None:
    with session.begin_nested() as undone:
        for number, name in enumerate(names):
            state, pending, old, version = standing(session, one)
            wish = MovePayload(
                note="因为",
                minutes=30.0,
                until=NOW + timedelta(days=30),
                rating=3,
                solved=True,
                severity="high",
                way="assign",
            )
            by = system_principal(f"somebody {number}")
            try:
                with session.begin_nested():
                    moves.apply_move(session, by, one, name, NOW + timedelta(minutes=number), wish)
            except WanggeError:
                assert standing(session, one) == (
                    state,
                    pending,
                    old,
                    version,
                )  # refused, and nothing half done
                continue
            assert name in allowed_moves(state, pending)
            new_standing = standing(session, one)
            assert new_standing[:2] == next_state(name, state, pending, old)
            assert new_standing[3] > version
            assert bool(new_standing[2]) == (new_standing[0] == "suspended")
        undone.rollback()


INSERT = """
INSERT INTO incident_event (county, incident_id, move, from_state, from_request, to_state,
  to_request, who)
SELECT county, id, :move, :from_state, :from_request, :to_state, :to_request, 'me'
FROM incident WHERE id = :id
"""
STEP = st.fixed_dictionaries(
    {
        "move": NAMES,
        "from_state": st.sampled_from(STATES),
        "from_request": PENDINGS,
        "to_state": st.sampled_from(STATES),
        "to_request": PENDINGS,
    }
)
LEGAL = st.sampled_from(sorted(TRANSITION_ROWS)).map(
    lambda row: dict(
        zip(("move", "from_state", "from_request", "to_state", "to_request"), row, strict=True)
    )
)


@FEW
@given(st.lists(STEP | LEGAL | NAMES.map(lambda name: {"move": name}), max_size=30))
def test_by_direct_sql_only_the_table_s_steps_are_taken(
    session: Session, one: UUID, steps: list[dict[str, str]]
) -> None:
    """Anything, rows of the table, and rows of the table that fit the present state."""
    with session.begin_nested() as undone:
        for step in steps:
            state, pending, old, version = standing(session, one)
            if len(step) == 1:  # one that fits, where there is one
                fitting = [
                    row
                    for row in sorted(TRANSITION_ROWS)
                    if row[:3] == (step["move"], state, pending)
                ]
                if not fitting:
                    continue
                step = dict(
                    zip(
                        ("move", "from_state", "from_request", "to_state", "to_request"),
                        fitting[-1],
                        strict=True,
                    )
                )
            row = (
                step["move"],
                step["from_state"],
                step["from_request"],
                step["to_state"],
                step["to_request"],
            )
            legal = (
                row in TRANSITION_ROWS
                and row[1:3] == (state, pending)
                and (row[0] != "resume" or row[3] == old)
            )
            try:
                with session.begin_nested():
                    session.execute(text(INSERT), step | {"id": one})
            except DBAPIError:
                assert not legal, row
                assert standing(session, one) == (state, pending, old, version)
            else:
                assert legal, row
                assert standing(session, one)[:2] == row[3:]
        undone.rollback()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE incident SET state = 'closed'",
        "UPDATE incident SET pending_request = 'void'",
        "UPDATE incident SET state_before_suspension = 'taken'",
        "UPDATE incident SET version = version + 1",
        "UPDATE incident SET closed_at = now()",
        "UPDATE incident i SET state = 'void' FROM area a WHERE a.id = i.grid_id",
        "INSERT INTO incident SELECT (i).* FROM (SELECT i FROM incident i) x",
        "DELETE FROM incident",
        "TRUNCATE incident CASCADE",
        "DELETE FROM incident_event",
        "UPDATE incident_event SET to_state = 'closed'",
        "UPDATE incident_move SET to_state = 'closed'",
        "INSERT INTO incident_move VALUES ('take', 'dispatched', '', 'closed', '')",
        "ALTER TABLE incident DISABLE TRIGGER guard_state",
        "SET session_replication_role = replica",
    ],
)
def test_the_application_cannot_go_round_it(session: Session, one: UUID, statement: str) -> None:
    old_standing = standing(session, one)
    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(text(statement))
    assert standing(session, one) == old_standing


def test_of_several_events_at_once_all_or_none_stay(session: Session, one: UUID) -> None:
    old_standing = standing(session, one)
    rows = "('take', 'dispatched', 'taken'), ('close', 'taken', 'closed')"
    query = (
        "INSERT INTO incident_event (county, incident_id, move, from_state, to_state, who)"
        f" SELECT county, id, m, f, t, 'me' FROM incident, (VALUES {rows}) v(m, f, t)"
        f" WHERE id = :id"
    )
    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(text(query), {"id": one})
    assert standing(session, one) == old_standing
    good = query.replace("('close', 'taken', 'closed')", "('handle', 'taken', 'handled')")
    session.execute(text(good), {"id": one})
    assert standing(session, one)[0] == "handled"


def test_resuming_goes_back_to_where_it_was_and_nowhere_else(session: Session, one: UUID) -> None:
    by, other = system_principal("a"), system_principal("b")
    moves.apply_move(session, by, one, "take", NOW)
    until = NOW + timedelta(days=9)
    moves.apply_move(session, by, one, "request_suspend", NOW, MovePayload(note="等", until=until))
    moves.apply_move(session, other, one, "approve_suspend", NOW)
    for state in WORKING_STATES:
        step = {
            "move": "resume",
            "from_state": "suspended",
            "from_request": "",
            "to_state": state.value,
            "to_request": "",
        }
        if state != State.TAKEN:
            with pytest.raises(DBAPIError), session.begin_nested():
                session.execute(text(INSERT), step | {"id": one})
    assert move_and_see(session, by, one, "resume", NOW).state == "taken"
