"""Discussions: who puts proposals, one vote for a home, secrecy until the end, the result."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import allow_boundary_writes
from gis.discussions.actions import Proposal, cast, conclude, draw_slips, propose, withdraw
from gis.discussions.queries import DiscussionView, get_discussion, list_discussions, outcome_of
from gis.errors import Conflict, Forbidden, InvalidInput, NotFound
from gis.rights.principal import ANONYMOUS, system_principal
from tests.support.incident_town import NOW, IncidentTown

US = system_principal("test")
END = NOW + timedelta(days=7)
LAST = END - timedelta(microseconds=1)


@pytest.fixture
def scene(session: Session) -> IncidentTown:
    """The usual town with five homes in its first grid, four of them with people."""
    return with_homes(IncidentTown(session))


def with_homes(town: IncidentTown) -> IncidentTown:
    building = town.town.building("3号楼", 0.0002, 0.0002)
    for number, people in enumerate((2, 1, 3, 4, 0), 1):
        town.town.household(building, f"{number}01", people=people)
    return town


def put(scene: IncidentTown, **stated: object) -> int:
    wanted = {"area": scene.grid.code, "title": "装电梯", "proposal": "在3号楼装一部电梯。"}
    return propose(scene.session, US, Proposal(**wanted | {"closes_at": END} | stated), NOW)  # type: ignore[arg-type]


def seen(scene: IncidentTown, number: int, now: object = END) -> DiscussionView:
    return get_discussion(scene.session, ANONYMOUS, number, now)  # type: ignore[arg-type]


def test_each_home_has_one_vote_and_the_count_is_secret_until_the_end(scene: IncidentTown) -> None:
    session, number = scene.session, put(scene)
    with pytest.raises(InvalidInput):  # no slip is drawn
        cast(session, number, "abcd-efgh-jkmn", "yes", NOW)
    void = draw_slips(session, US, number, NOW)
    with pytest.raises(Conflict):  # the page sent again, or a colleague at once
        draw_slips(session, US, number, NOW)
    codes = draw_slips(session, US, number, NOW, base=1)
    assert len(set(codes)) == 4 and not set(codes) & set(void)
    cast(session, number, f" {codes[0].upper().replace('-', '')} ", "yes", NOW)
    for code, choice, error in (
        (codes[0], "no", Conflict),
        (void[0], "no", InvalidInput),
        (codes[1], "maybe", InvalidInput),
    ):
        with pytest.raises(error):
            cast(session, number, code, choice, NOW)
    cast(session, number, codes[1], "no", LAST)
    cast(session, number, codes[2], "yes", LAST)
    with pytest.raises(Conflict):  # the end itself is out
        cast(session, number, codes[3], "no", END)
    with pytest.raises(Conflict):
        draw_slips(session, US, number, LAST, base=2)
    during, after = seen(scene, number, LAST), seen(scene, number)
    assert (during.state, during.votes, during.counts, during.outcome) == ("open", 3, None, None)
    assert (after.slips, after.counts) == (4, {"yes": 2, "no": 1, "abstain": 0})
    assert after.outcome == "passed" and not after.may_change
    stored = session.execute(text("SELECT * FROM discussion_ballot")).mappings().all()
    assert set(stored[0]) == {"discussion_id", "digest", "choice"}
    assert not {code.replace("-", "") for code in codes} & {row["digest"] for row in stored}


def test_a_border_that_moves_and_homes_that_come_change_no_vote(scene: IncidentTown) -> None:
    number = put(scene)
    codes = draw_slips(scene.session, US, number, NOW)
    scene.session.execute(text("UPDATE household SET people = 0"))
    scene.session.execute(
        text("UPDATE area SET retired_at = :now WHERE id = :id"), {"now": NOW, "id": scene.grid.id}
    )
    cast(scene.session, number, codes[0], "abstain", LAST)
    row = seen(scene, number)
    assert (row.slips, row.votes, row.outcome) == (4, 1, "no_quorum")
    with pytest.raises(InvalidInput):
        put(scene)


def test_homes_of_a_grid_that_is_to_end_vote_until_then(scene: IncidentTown) -> None:
    session = scene.session
    allow_boundary_writes(session)
    planned = "UPDATE area SET retired_at = :at WHERE code = :code"
    session.execute(text(planned), {"at": END, "code": scene.grid.code})
    number = put(scene, area=scene.town.community.code)
    assert len(draw_slips(session, US, number, NOW)) == 4
    with pytest.raises(InvalidInput):  # it is no more then
        propose(session, US, Proposal(scene.grid.code, "甲", "乙", END + timedelta(days=1)), END)


def test_two_homes_keep_no_secret(scene: IncidentTown) -> None:
    scene.session.execute(text("UPDATE household SET people = 0 WHERE people > 2"))
    with pytest.raises(InvalidInput) as refused:
        draw_slips(scene.session, US, put(scene), NOW)
    assert refused.value.params["least"] == 3


@pytest.mark.parametrize(
    ("slips", "quorum", "yes", "no", "abstain", "outcome"),
    [
        (6, 50, 3, 0, 0, "passed"),
        (8, 50, 3, 0, 0, "no_quorum"),
        (4, 76, 3, 0, 0, "no_quorum"),
        (4, 75, 3, 0, 0, "passed"),
        (6, 50, 0, 1, 2, "rejected"),
        (4, 0, 2, 0, 0, "no_quorum"),  # of two, each would know how the other voted
        (4, 50, 1, 1, 2, "tie"),
        (4, 50, 0, 0, 4, "tie"),
        (4, 0, 0, 0, 0, "no_votes"),
        (0, 0, 0, 0, 0, "no_votes"),
    ],
)
def test_the_result(slips: int, quorum: int, yes: int, no: int, abstain: int, outcome: str) -> None:
    assert outcome_of(slips, quorum, {"yes": yes, "no": no, "abstain": abstain}) == outcome


def test_what_cannot_be_put(scene: IncidentTown) -> None:
    for stated in (
        {"title": " \u200b"},
        {"title": "x" * 101},
        {"proposal": ""},
        {"proposal": "x" * 5001},
        {"quorum": 101},
        {"closes_at": NOW},
        {"opens_at": END, "closes_at": END},
        {"closes_at": NOW + timedelta(days=367)},
        {"area": "520402999"},
        {"area": scene.town.county.code},
    ):
        with pytest.raises(InvalidInput):
            put(scene, **stated)
    empty = put(scene, area=scene.town.grid("009", 3, 0).code)
    with pytest.raises(InvalidInput):
        draw_slips(scene.session, US, empty, NOW)
    with pytest.raises(NotFound):
        seen(scene, 10**6)


def test_the_desk_of_the_area_and_nobody_else_changes_it(scene: IncidentTown) -> None:
    session, number, desk = scene.session, put(scene), scene.who("赵社工")
    for who in (scene.who("王网格"), ANONYMOUS):
        with pytest.raises(Forbidden):
            propose(session, who, Proposal(scene.grid.code, "甲", "乙", END), NOW)
        with pytest.raises(Forbidden):
            draw_slips(session, who, number, NOW)
    codes = draw_slips(session, desk, number, NOW)
    cast(session, number, codes[0], "yes", NOW)
    with pytest.raises(Conflict):
        conclude(session, desk, number, "照办", LAST)
    conclude(session, desk, number, "照办", END)
    with pytest.raises(Conflict):
        withdraw(session, desk, number, "写错了", END)
    other = put(scene, opens_at=END, closes_at=END + timedelta(days=1))
    assert seen(scene, other, NOW).state == "planned"
    with pytest.raises(Conflict):
        cast(session, other, codes[0], "yes", NOW)
    withdraw(session, desk, other, "写错了", NOW)
    row = seen(scene, other, END + timedelta(days=2))
    assert (row.state, row.counts, row.withdrawn_reason) == ("withdrawn", None, "写错了")
    assert get_discussion(session, desk, number, END).may_change
    listed = list_discussions(session, ANONYMOUS, END, scene.town.community.code)
    assert [each.id for each in listed] == [other, number]
    assert not list_discussions(session, ANONYMOUS, END, scene.town.grid("009", 3, 0).code)
    with pytest.raises(InvalidInput):
        list_discussions(session, ANONYMOUS, END, "520")


def test_two_devices_at_once_cast_one_vote(apart: Callable[[], Session]) -> None:
    scene = with_homes(IncidentTown(apart()))
    number = put(scene)
    codes = draw_slips(scene.session, US, number, NOW)
    scene.session.commit()

    def vote(choice: str) -> bool:
        with apart() as session:
            try:
                cast(session, number, codes[0], choice, NOW)
            except Conflict:
                return False
            session.commit()
            return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(vote, ("yes", "no", "yes", "no"))) == 1
    assert seen(scene, number).votes == 1
    scene.session.close()
