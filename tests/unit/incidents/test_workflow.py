"""Scripts show states and offer moves as the table of states has them."""

import re
from dataclasses import replace

import pytest

from gis.incidents import workflow
from gis.incidents.states import (
    REQUESTS,
    STATES,
    TRANSITIONS,
    State,
    allowed_moves,
    is_done_by_people,
)
from gis.rights.actions import ACCESS_ROLES, Action
from web.pages.report.views import STATE_NOTES, STEP_LABELS
from web.pages.shell.assets import list_assets

NAMES = "|".join(re.escape(name) for name in (*STATES, *TRANSITIONS))
LIST_PATTERN = re.compile(rf"""(?:['"](?:{NAMES})['"],?\s*){{3,}}""")


def states() -> dict[str, dict[str, object]]:
    """Return the states that scripts get, by key."""
    return {state["key"]: state for state in workflow.workflow()["states"]}


def test_no_script_holds_a_list_of_states_or_moves():
    lists = {
        path.name: LIST_PATTERN.findall(path.read_text(encoding="utf-8"))
        for path in list_assets()
        if path.suffix == ".js"
    }
    assert len(lists) > 15
    assert {name: matches for name, matches in lists.items() if matches} == {}


def test_states_come_in_the_order_of_their_steps():
    assert list(states()) == [
        "reported",
        "accepted",
        "returned",
        "dispatched",
        "taken",
        "suspended",
        "handled",
        "checked",
        "closed",
        "void",
    ]


def test_a_state_changed_in_the_table_is_changed_for_scripts(monkeypatch: pytest.MonkeyPatch):
    row = replace(STATES[State.RETURNED], step=4, tone="solved", ended=True)
    monkeypatch.setitem(STATES, State.RETURNED, row)
    changed = states()["returned"]
    assert (changed["step"], changed["tone"], changed["ended"]) == (4, "solved", True)
    assert list(states()).index("returned") > list(states()).index("taken")


def test_every_state_is_on_one_tab_of_the_worker():
    tabs = {key: state["tab"] for key, state in states().items()}
    assert {key for key, tab in tabs.items() if tab == "new"} == {"dispatched"}
    assert {key for key, tab in tabs.items() if tab == "done"} == {
        "handled",
        "checked",
        "closed",
        "void",
    }


def test_every_move_of_people_has_its_place_among_those_offered():
    assert set(workflow.OFFERS) == {name for name in TRANSITIONS if is_done_by_people(name)}


PLACES = {"map", "parts", "kin", "rating", "follow_up"}


@pytest.mark.parametrize("role", [*ACCESS_ROLES, "reporter"])
@pytest.mark.parametrize("state", State)
def test_every_move_that_the_table_allows_a_role_has_a_control(state: State, role: str) -> None:
    """A button among the moves of an incident, or a place elsewhere on the page; never both."""
    actions = ACCESS_ROLES.get(role, {Action.RATE, Action.NOTE})
    allowed = {
        name
        for request in ("", *REQUESTS)
        for name in allowed_moves(state, request)
        if TRANSITIONS[name].by in actions
    }
    without = {name for name in allowed if name not in workflow.OFFERS}
    assert not without
    for name in allowed:
        offer = workflow.OFFERS[name]
        assert offer.button != bool(offer.place), name
        assert not offer.place or offer.place in PLACES


def test_every_step_has_a_label():
    steps = {row.step for row in STATES.values()} - {None}
    assert steps == set(range(len(STEP_LABELS)))
    assert set(STATE_NOTES) <= set(STATES)
