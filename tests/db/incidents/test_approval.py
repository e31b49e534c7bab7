"""A request takes two persons; where there is no second one, who asks is told so."""

import pytest
from sqlalchemy.orm import Session

from gis.errors import Forbidden
from gis.incidents.lifecycle import moves
from gis.incidents.lifecycle.payload import MovePayload
from gis.incidents.reading import incidents
from tests.support import sign_in
from tests.support.incident_town import move_and_see
from tests.support.owners_town import NOW, World
from web.http.errors import in_chinese


@pytest.fixture
def world(session: Session) -> World:
    """A town without posts, and an operator."""
    return World(session)


def test_a_lone_desk_is_told_that_nobody_can_approve(world: World) -> None:
    desk = sign_in.account(world.session, "desk", "dispatcher", world.town.community.code)
    filed = world.report()
    by = world.who(desk)
    assert incidents.get_incident(world.session, by, filed.id, now=NOW).approvable is False
    moves.apply_move(world.session, by, filed.id, "dispatch", NOW)
    waiting = move_and_see(
        world.session, by, filed.id, "request_limit", NOW, MovePayload(note="缺配件", minutes=600)
    )
    assert (waiting.pending, waiting.approvable) == ("limit", False)
    with pytest.raises(Forbidden, match="another account") as refused:
        moves.apply_move(world.session, by, filed.id, "approve_limit", NOW)
    assert "另一位" in in_chinese(refused.value)


@pytest.mark.parametrize("how", ["grant", "post", "leave", "blocked"])
def test_a_second_living_desk_can_approve(world: World, how: str) -> None:
    desk = sign_in.account(world.session, "desk", "dispatcher", world.town.community.code)
    filed = world.report()
    if how == "grant":
        other = sign_in.account(world.session, "street", "street", world.town.street.code)
    else:
        world.post("community_secretary", world.town.community, "冯书记")
        other = world.login("冯书记")
    if how == "leave":
        world.town.leave("冯书记", NOW, NOW.replace(hour=9))
    if how == "blocked":
        other.active = False
        world.session.flush()
    moves.apply_move(world.session, world.who(desk), filed.id, "dispatch", NOW)
    queries = move_and_see(
        world.session,
        world.who(desk),
        filed.id,
        "request_limit",
        NOW,
        MovePayload(note="x", minutes=600),
    )
    assert queries.approvable is (how in ("grant", "post"))
    if queries.approvable:
        done = move_and_see(world.session, world.who(other), filed.id, "approve_limit", NOW)
        assert done.pending == ""


def test_operators_approve_among_themselves_what_waits_at_them(world: World) -> None:
    filed = world.report()
    assert (
        incidents.get_incident(world.session, world.who(world.admin), filed.id, now=NOW).approvable
        is False
    )
    second = sign_in.account(world.session, "admin2", "administrator")
    moves.apply_move(
        world.session,
        world.who(world.admin),
        filed.id,
        "request_limit",
        NOW,
        MovePayload(note="x", minutes=600),
    )
    seen = incidents.get_incident(world.session, world.who(second), filed.id, now=NOW)
    assert seen.approvable and "approve_limit" in seen.moves
