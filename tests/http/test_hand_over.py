"""Posts change hands and people go on leave, and a patch is never without a person."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas.locate_result import LocateResult
from gis.areas.resolver import locate
from gis.errors import Forbidden, InvalidInput, NotFound
from gis.incidents.lifecycle import moves as incidents
from gis.incidents.lifecycle import report
from gis.incidents.lifecycle.effects import MovePayload
from gis.incidents.lifecycle.handover import apply_due_handovers, hand_over, record_leave
from gis.incidents.lifecycle.intake import IncidentReport
from gis.incidents.reading import incidents as reading_incidents
from gis.incidents.reading import timeline
from gis.ops.metadata import Post
from gis.people.posts import posts_of
from gis.rights.principal import ANONYMOUS, Principal, account_principal, system_principal
from tests.support import build, sign_in

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
AT = NOW + timedelta(days=1)
TICK = timedelta(microseconds=1)
POINT = (build.LON + 0.0005, build.LAT + 0.0005, "cgcs2000")


class Place:
    """A grid whose worker 王 hands over to 李, with a deputy 陈; 赵 is at the community's desk."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.town = build.Town(session)
        self.grid = self.town.grid("001")
        self.post = self.town.post("grid_worker", self.grid, "王网格", deputy="陈代理")
        self.town.post("grid_leader", self.grid, "孙网格长")
        self.town.post("community_worker", self.town.community, "赵社工")
        self.town.person("李接任")

    def who(self, name: str) -> Principal:
        """Somebody signed in, with the rights of their posts."""
        return account_principal(self.session, -1, self.town.person(name).id, name, NOW)

    def hand(
        self,
        to: str | None = "李接任",
        at: datetime | None = None,
        incidents: str = "follow",
        **more: object,
    ):
        """Hand the worker's post over, by the community's desk."""
        given = {"post_id": self.post.id, "principal": self.who("赵社工"), "now": NOW} | more
        code = f"p-{to}" if to else None
        return hand_over(self.session, to_person=code, at=at, open_incidents=incidents, **given)  # type: ignore[arg-type]

    def report(self) -> UUID:
        """Rubbish in the grid."""
        lon, lat, crs = POINT
        return report.file_report(
            self.session, ANONYMOUS, IncidentReport("06010", lon=lon, lat=lat, crs=crs), NOW
        ).id

    def seen(self, one: UUID) -> reading_incidents.IncidentView:
        """As we ourselves see it."""
        return reading_incidents.get_incident(self.session, system_principal("test"), one, now=NOW)

    def events(self, one: UUID) -> list[timeline.EventView]:
        """Its events of posts handed over."""
        return [
            event
            for event in timeline.events(self.session, system_principal("test"), one)
            if event.move == "hand_over"
        ]

    def worker(self, at: datetime) -> str | None:
        """Who answers as grid worker."""
        found = locate(self.session, *POINT, at=at).people
        return next(entry.name for entry in found if entry.role == "grid_worker")


@pytest.fixture
def place(session: Session) -> Place:
    """The usual place."""
    return Place(session)


def test_the_successor_answers_from_the_moment_on_and_not_before(place: Place) -> None:
    made = place.hand(at=AT)
    assert [place.worker(at) for at in (NOW, AT - TICK, AT, AT + TICK)] == [
        "王网格",
        "王网格",
        "李接任",
        "李接任",
    ]
    assert place.session.get_one(Post, made.post).deputy_id == place.town.person("陈代理").id


def test_now_the_open_incidents_come_along_with_an_event(place: Place) -> None:
    one, other = place.report(), place.report()
    made = place.hand()
    assert (made.incidents, made.at) == (2, NOW)
    assert [place.seen(number).assigned_to for number in (one, other)] == ["李接任", "李接任"]
    assert place.seen(one).state == "dispatched"
    [event] = place.events(one)
    people = [place.town.person(name).id for name in ("王网格", "李接任")]
    assert [event.detail["from_person"], event.detail["to_person"]] == people
    assert event.words and "王" not in event.words
    told = place.session.scalars(
        text(
            "SELECT p.name FROM notice n JOIN personal.person p ON p.id = n.person_id"
            " WHERE n.topic = 'incident.hand_over'"
        )
    ).all()
    assert set(told) == {"李接任", "王网格"}


def test_or_they_stay(place: Place) -> None:
    one = place.report()
    assert place.hand(incidents="stay").incidents == 0
    assert (place.seen(one).assigned_to, place.events(one)) == ("王网格", [])
    assert apply_due_handovers(place.session, AT) == 0


def test_a_later_moment_takes_effect_by_itself_once(place: Place) -> None:
    one = place.report()
    assert place.hand(at=AT).incidents == 0
    assert apply_due_handovers(place.session, AT - TICK) == 0
    assert place.seen(one).assigned_to == "王网格"
    assert [apply_due_handovers(place.session, AT) for _ in range(2)] == [1, 0]
    assert place.seen(one).assigned_to == "李接任"
    assert len(place.events(one)) == 1


def test_a_missed_run_is_caught_up_in_order(place: Place) -> None:
    """王 → 李 → 周, and the sweep only runs after both."""
    one = place.report()
    first = place.hand(at=AT)
    place.town.person("周三任")
    place.hand("周三任", at=AT + timedelta(days=1), post_id=first.post)
    assert apply_due_handovers(place.session, AT + timedelta(days=2)) == 2
    assert place.seen(one).assigned_to == "周三任"
    assert apply_due_handovers(place.session, AT + timedelta(days=3)) == 0


def test_a_post_handed_over_again_before_the_planned_moment(place: Place) -> None:
    """王 → 李 is planned; 周 takes over from 王 first, and hands on to 李 as planned."""
    one = place.report()
    place.hand(at=AT)
    place.town.person("周三任")
    place.hand("周三任", at=None)
    assert place.seen(one).assigned_to == "周三任"
    assert place.worker(AT - TICK) == "周三任"
    assert apply_due_handovers(place.session, AT) == 1
    assert (place.seen(one).assigned_to, place.worker(AT)) == ("李接任", "李接任")


def test_closed_ones_and_those_of_other_posts_stay(place: Place) -> None:
    closed, leader = place.report(), place.report()
    for name, who in (
        ("take", "王网格"),
        ("handle", "王网格"),
        ("check", "赵社工"),
        ("close", "赵社工"),
    ):
        incidents.apply_move(
            place.session, place.who(who), closed, name, NOW, MovePayload(note="好了")
        )
    incidents.apply_move(
        place.session, place.who("赵社工"), leader, "dispatch", NOW, MovePayload(to="p-孙网格长")
    )
    assert place.hand().incidents == 0
    assert place.seen(closed).assigned_to == "王网格"
    assert place.seen(leader).assigned_to == "孙网格长"


def test_the_deputy_keeps_standing_in_with_what_they_hold(place: Place) -> None:
    place.town.leave("王网格", NOW - timedelta(days=1), NOW + timedelta(days=1))
    one = place.report()
    assert place.seen(one).assigned_to == "陈代理"
    assert place.hand().incidents == 0  # they are the deputy's, who stays the deputy
    assert place.seen(one).assigned_to == "陈代理"
    assert place.worker(NOW) == "李接任"


def test_the_deputy_becomes_the_holder_and_is_their_own_deputy_no_more(place: Place) -> None:
    made = place.session.get_one(Post, place.hand("陈代理").post)
    assert (made.holder_id, made.deputy_id) == (place.town.person("陈代理").id, None)


def test_a_successor_on_leave_is_stood_in_for_by_the_deputy(place: Place) -> None:
    one = place.report()
    place.town.leave("李接任", NOW - timedelta(days=1), NOW + timedelta(days=1))
    place.hand()
    assert place.seen(one).assigned_to == "陈代理"
    assert place.worker(NOW) == "陈代理"


def test_a_successor_and_a_deputy_on_leave_are_one_step_up(place: Place) -> None:
    one = place.report()
    for name in ("李接任", "陈代理"):
        place.town.leave(name, NOW - timedelta(days=1), NOW + timedelta(days=1))
    place.hand()
    assert (place.seen(one).role, place.seen(one).assigned_to) == ("grid_leader", "孙网格长")


def test_a_post_left_vacant_and_filled_again(place: Place) -> None:
    one = place.report()
    vacant = place.hand(None)
    assert place.seen(one).assigned_to == "陈代理"  # who stands in on a vacancy
    [entry] = [
        entry
        for entry in locate(place.session, *POINT, at=NOW).people
        if entry.role == "grid_worker"
    ]
    assert (entry.name, entry.holder, entry.why) == ("陈代理", None, "vacancy")
    later = NOW + timedelta(hours=1)
    assert place.hand("李接任", post_id=vacant.post, now=later).incidents == 0
    assert place.worker(later) == "李接任"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"to": "王网格"}, "to"),
        ({"at": NOW - TICK}, "at"),
        ({"at": build.FROM}, "at"),
        ({"incidents": "burn"}, "incidents"),
    ],
)
def test_what_cannot_be_is_refused_and_says_why(
    place: Place, given: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        place.hand(**given)  # type: ignore[arg-type]
    assert refused.value.errors[0].field == field
    assert place.session.query(Post).count() == 3


def test_nobody_of_that_code(place: Place) -> None:
    with pytest.raises(InvalidInput, match="nobody has the code"):
        hand_over(
            place.session, place.who("赵社工"), place.post.id, "p-nobody", None, "follow", NOW
        )


def test_a_post_that_ends_is_handed_over_before_its_end(place: Place) -> None:
    post = place.town.post("grid_party_leader", place.grid, "王网格", end=AT)
    with pytest.raises(InvalidInput, match="when it ends"):
        place.hand(at=AT, post_id=post.id)
    made = place.session.get_one(Post, place.hand(at=AT - TICK, post_id=post.id).post)
    assert (made.valid_time.lower, made.valid_time.upper) == (AT - TICK, AT)


def test_only_who_may_and_only_in_their_areas(place: Place, session: Session) -> None:
    with pytest.raises(Forbidden):
        place.hand(principal=place.who("王网格"))
    other = place.town.area("community", "520402007013", "东兴社区", place.town.street)
    place.town.post("community_worker", other, "外社工")
    messages = []
    for number in (
        place.post.id,
        999_999_999,
    ):  # another community's post is answered like none at all
        with pytest.raises(NotFound) as refused:
            place.hand(principal=place.who("外社工"), post_id=number)
        messages.append(refused.value.detail)
    assert messages[0] == messages[1]
    with pytest.raises(Forbidden):
        posts_of(session, place.who("外社工"), place.grid.code, NOW)


def test_the_list_of_posts(place: Place) -> None:
    tower = place.town.building("1号楼", 0.0004, 0.0004)
    place.town.post("building_head", tower, "楼长")
    place.hand(at=AT)
    record_leave(place.session, place.who("赵社工"), "p-陈代理", AT, None, NOW)
    found = posts_of(
        place.session, place.who("赵社工"), place.town.community.code, NOW, within=True
    )
    assert [(one.role, one.holder and one.holder["name"], one.follows) for one in found] == [
        ("community_worker", "赵社工", False),
        ("grid_worker", "王网格", False),
        ("grid_leader", "孙网格长", False),
        ("grid_worker", "李接任", True),
        ("building_head", "楼长", False),
    ]
    assert found[1].deputy == {"code": "p-陈代理", "name": "陈代理"}
    assert [one["person"] for one in found[1].leave] == ["p-陈代理"]
    own = posts_of(place.session, place.who("赵社工"), place.grid.code, AT)
    assert [one.holder["name"] for one in own if one.holder] == ["孙网格长", "李接任"]


def test_leave_is_entered_for_the_people_of_ones_areas(place: Place) -> None:
    record_leave(place.session, place.who("赵社工"), "p-王网格", NOW, AT, NOW)
    assert [place.worker(at) for at in (NOW - TICK, NOW, AT - TICK, AT)] == [
        "王网格",
        "陈代理",
        "陈代理",
        "王网格",
    ]
    with pytest.raises(NotFound):
        record_leave(place.session, place.who("赵社工"), "p-李接任", NOW, AT, NOW)
    with pytest.raises(InvalidInput, match="until"):
        record_leave(place.session, place.who("赵社工"), "p-王网格", NOW, NOW, NOW)


def test_over_http(place: Place, client: FlaskClient) -> None:
    desk = sign_in.account(place.session, "desk", person="p-赵社工")
    for number, name in enumerate(("王网格", "李接任")):  # who has no account is stepped over
        sign_in.account(place.session, f"worker{number}", person=f"p-{name}")
    sign_in.signed_in(client, desk)
    header = {"X-CSRFToken": sign_in.token(client), "Idempotency-Key": "hand-over-1"}
    one = place.report()
    path = f"/api/v1/posts/{place.post.id}/hand-over"
    answers = [client.post(path, json={"to": "p-李接任"}, headers=header) for _ in range(2)]
    assert [(came.status_code, came.json["incidents"]) for came in answers if came.json] == [
        (200, 1),
        (200, 1),
    ]
    assert place.seen(one).assigned_to == "李接任"
    listed = client.get(f"/api/v1/posts?area={place.town.community.code}&within=1&limit=2").json
    assert listed is not None and len(listed["items"]) == 2 and listed["next"]
    more = client.get(
        f"/api/v1/posts?area={place.town.community.code}&within=1&cursor={listed['next']}"
    ).json
    assert more is not None
    found = [
        (post["role_zh"], post["holder"]["name"]) for post in [*listed["items"], *more["items"]]
    ]
    assert found == [("社区工作者", "赵社工"), ("网格长", "孙网格长"), ("网格员", "李接任")]
    refused = client.post(
        path, json={"to": "p-nobody"}, headers={"X-CSRFToken": header["X-CSRFToken"]}
    )
    assert refused.status_code == 422 and refused.json is not None


# --- each step up is said -------------------------------------------------------------------------

LADDER = (
    "unit_head",
    "grid_worker",
    "grid_leader",
    "community_worker",
    "community_secretary",
    "street_office",
)


class Ladder:
    """A unit with somebody of each role above it."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.town = build.Town(session)
        self.grid = self.town.grid("001")
        tower = self.town.building("1号楼", 0.0004, 0.0004)
        self.unit = self.town.unit(self.grid, "01", [(tower, None, None, None)])
        self.places = dict(
            zip(
                LADDER,
                [self.unit, *[self.grid] * 2, *[self.town.community] * 2, self.town.street],
                strict=True,
            )
        )

    def answer(self) -> LocateResult:
        """On the building."""
        return locate(self.session, *POINT, at=NOW)


@pytest.fixture
def ladder(session: Session) -> Ladder:
    """A patch with no posts yet."""
    return Ladder(session)


def steps(found: LocateResult) -> list[str]:
    """The rules of the steps to the person."""
    return [one.rule for one in found.how if one.step == "answerable"]


@pytest.mark.parametrize("up", range(len(LADDER)))
def test_every_vacancy_up_to_the_street_is_a_step_in_words(ladder: Ladder, up: int) -> None:
    for number, role in enumerate(LADDER):
        ladder.town.post(role, ladder.places[role], None if number < up else role)
    ladder.town.post("liaison_officer", ladder.town.street, None)
    found = ladder.answer()
    assert found.answerable is not None and found.answerable.role == LADDER[up]
    said = [one for one in found.how if one.rule == "vacant"]
    passed = [*LADDER[:up], *(["liaison_officer"] if up == 5 else [])]
    zh = {entry.role: entry.role_zh for entry in found.people}
    for role in passed:
        [one] = [one for one in said if f"{zh[role]}（" in one.zh]
        assert "上一级" in one.zh and "one step up" in one.en
    assert len(said) == len(passed)
    assert steps(found)[-1] == "first_there"


def test_a_deputy_on_leave_too_is_a_step_up(ladder: Ladder) -> None:
    ladder.town.post("unit_head", ladder.unit, "甲", deputy="乙")
    ladder.town.post("grid_worker", ladder.grid, "丙", deputy="丁")
    for name in ("甲", "乙", "丙"):
        ladder.town.leave(name, NOW - TICK, NOW + TICK)
    found = ladder.answer()
    assert steps(found) == ["away", "stands_in"]
    assert found.answerable is not None and found.answerable.name == "丁"
    assert not any(
        name in one.zh + one.en for one in found.how for name in "甲乙丙丁"
    )  # no names in the reasons


def test_several_workers_are_each_said(ladder: Ladder) -> None:
    ladder.town.post("unit_head", ladder.unit, "甲")
    ladder.town.post("grid_worker", ladder.grid, "丙")
    assert steps(ladder.answer()) == ["first_there"]
    ladder.town.leave("甲")
    ladder.town.leave("丙")
    ladder.town.post("grid_worker", ladder.grid, None)
    ladder.town.post("grid_leader", ladder.grid, "长")
    assert sorted(steps(ladder.answer())) == ["away", "away", "first_there", "vacant"]


def test_a_role_without_any_post_is_a_step_too(ladder: Ladder) -> None:
    ladder.town.post("grid_leader", ladder.grid, "长")
    found = ladder.answer()
    assert steps(found) == ["no_post", "no_post", "first_there"]
    assert [one.zh for one in found.how if one.rule == "no_post"] == [
        "此处未设联户长，上一级",
        "此处未设网格员，上一级",
    ]


def test_nobody_at_all(ladder: Ladder) -> None:
    ladder.town.post("street_office", ladder.town.street, None)
    found = ladder.answer()
    assert found.answerable is None
    assert steps(found)[-1] == "nobody" and steps(found).count("vacant") == 1


def test_while_the_unit_is_unknown_its_head_is_not_said_to_be_missing(ladder: Ladder) -> None:
    ladder.town.post("grid_worker", ladder.grid, "丙")
    found = locate(ladder.session, build.LON + 0.0001, build.LAT + 0.0001, "cgcs2000", at=NOW)
    assert found.unit is None and steps(found) == ["first_there"]
