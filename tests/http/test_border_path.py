"""How many modules lie between the view that moves a border and the database."""

import sys
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from tests.support import sign_in
from tests.support.build import Town
from tests.support.draft_town import code, line, town

__all__ = ["town"]
VIEW = "web.api.revisions.views"
MAX_MODULES = 5


def modules_below_view() -> tuple[str, ...]:
    """Return the modules of ours on the stack, from the view on, each once."""
    names = []
    frame = sys._getframe()
    while frame.f_back:
        frame = frame.f_back
        names.append(str(frame.f_globals.get("__name__", "")))
    ours = [name for name in reversed(names) if name.startswith(("gis.", "web."))]
    return tuple(dict.fromkeys(ours[ours.index(VIEW) :])) if VIEW in ours else ()


@pytest.fixture
def paths(engine: Engine) -> Iterator[set[tuple[str, ...]]]:
    """The modules on the way to each statement, collected while the test runs."""
    collected: set[tuple[str, ...]] = set()

    def collect(*_: object) -> None:
        collected.add(modules_below_view())

    event.listen(engine, "before_cursor_execute", collect)
    yield collected
    event.remove(engine, "before_cursor_execute", collect)


def test_a_border_moves_through_five_modules_at_most(
    client: FlaskClient, session: Session, town: Town, paths: set[tuple[str, ...]]
) -> None:
    planner = sign_in.account(session, "planner", "planner", "520402")
    sign_in.signed_in(client, planner)
    headers = {"X-CSRFToken": sign_in.token(client)}
    draft = client.post("/api/v1/revisions", json={"title": "x"}, headers=headers)
    operation = {
        "op": "move_border",
        "between": [code(1), code(2)],
        "line": line((1.2, 0), (1.2, 1)),
    }
    paths.clear()
    reply = client.post(
        f"/api/v1/revisions/{draft.json['id']}/operations", json=operation, headers=headers
    )
    assert reply.status_code == 201, reply.json
    draws = (VIEW, "web.http.idempotency", "gis.boundaries.drafts", "gis.boundaries.draft_grids")
    assert draws in paths
    assert max(map(len, paths)) <= MAX_MODULES, max(paths, key=len)
