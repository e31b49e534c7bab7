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
from gis.incidents.lifecycle import intake, report
from gis.incidents.lifecycle import moves as incidents
from gis.incidents.lifecycle.handover import apply_due_handovers, hand_over, record_leave
from gis.incidents.lifecycle.intake import IncidentReport
from gis.incidents.lifecycle.payload import MovePayload
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


class IncidentTown:
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
        **extra: object,
    ):
        """Hand the worker's post over, by the community's desk."""
        fields = {"post_id": self.post.id, "principal": self.who("赵社工"), "now": NOW} | extra
        code = f"p-{to}" if to else None
        return hand_over(self.session, to_person=code, at=at, open_incidents=incidents, **fields)  # type: ignore[arg-type]

    def report(self) -> UUID:
        """Rubbish in the grid."""
        lon, lat, crs = POINT
        return report.file_report(
            self.session, ANONYMOUS, IncidentReport("06010", lon=lon, lat=lat, crs=crs), NOW
        ).id

    def seen(self, incident_id: UUID) -> reading_incidents.IncidentView:
        """As we ourselves see it."""
        return reading_incidents.get_incident(
            self.session, system_principal("test"), incident_id, now=NOW
        )

    def events(self, incident_id: UUID) -> list[timeline.EventView]:
        """Its events of posts handed over."""
        return [
            event
            for event in timeline.events(self.session, system_principal("test"), incident_id)
            if event.move == "hand_over"
        ]

    def worker(self, at: datetime) -> str | None:
        """Who answers as grid worker."""
        result = locate(self.session, *POINT, at=at).people
        return next(entry.name for entry in result if entry.role == "grid_worker")


@pytest.fixture
def incident_town(session: Session) -> IncidentTown:
    """The usual place."""
    return IncidentTown(session)


def test_the_successor_answers_from_the_moment_on_and_not_before(
    incident_town: IncidentTown,
) -> None:
    created = incident_town.hand(at=AT)
    assert [incident_town.worker(at) for at in (NOW, AT - TICK, AT, AT + TICK)] == [
        "王网格",
        "王网格",
        "李接任",
        "李接任",
    ]
    assert (
        incident_town.session.get_one(Post, created.post).deputy_id
        == incident_town.town.person("陈代理").id
    )


def test_what_is_reported_while_a_post_changes_hands_comes_along_too(
    incident_town: IncidentTown,
) -> None:
    session, (lon, lat, crs) = incident_town.session, POINT
    late = IncidentReport("06010", lon=lon, lat=lat, crs=crs)
    # who is responsible was read before the hand-over, and the report is filed after it
    assessed = intake.assess(session, ANONYMOUS, late, NOW)
    incident_town.hand()
    filed = report.file_report(session, ANONYMOUS, late, NOW, assessed=assessed).id
    assert incident_town.seen(filed).assigned_to == "王网格"
    assert apply_due_handovers(session, NOW + TICK) == 1
    assert incident_town.seen(filed).assigned_to == "李接任"
    assert apply_due_handovers(session, NOW + TICK) == 0


def test_now_the_open_incidents_come_along_with_an_event(incident_town: IncidentTown) -> None:
    incident, other = incident_town.report(), incident_town.report()
    created = incident_town.hand()
    assert (created.incidents, created.at) == (2, NOW)
    assert [incident_town.seen(number).assigned_to for number in (incident, other)] == [
        "李接任",
        "李接任",
    ]
    assert incident_town.seen(incident).state == "dispatched"
    [event] = incident_town.events(incident)
    people = [incident_town.town.person(name).id for name in ("王网格", "李接任")]
    assert [event.detail["from_person"], event.detail["to_person"]] == people
    assert event.words and "王" not in event.words
    answer = incident_town.session.scalars(
        text(
            "SELECT p.name FROM notice n JOIN personal.person p ON p.id = n.person_id"
            " WHERE n.topic = 'incident.hand_over'"
        )
    ).all()
    assert set(answer) == {"李接任", "王网格"}


def test_or_they_stay(incident_town: IncidentTown) -> None:
    incident = incident_town.report()
    assert incident_town.hand(incidents="stay").incidents == 0
    assert (incident_town.seen(incident).assigned_to, incident_town.events(incident)) == (
        "王网格",
        [],
    )
    assert apply_due_handovers(incident_town.session, AT) == 0


def test_a_later_moment_takes_effect_by_itself_once(incident_town: IncidentTown) -> None:
    incident = incident_town.report()
    assert incident_town.hand(at=AT).incidents == 0
    assert apply_due_handovers(incident_town.session, AT - TICK) == 0
    assert incident_town.seen(incident).assigned_to == "王网格"
    assert [apply_due_handovers(incident_town.session, AT) for _ in range(2)] == [1, 0]
    assert incident_town.seen(incident).assigned_to == "李接任"
    assert len(incident_town.events(incident)) == 1


def test_a_missed_run_is_caught_up_in_order(incident_town: IncidentTown) -> None:
    """王 → 李 → 周, and the sweep only runs after both."""
    incident = incident_town.report()
    initial = incident_town.hand(at=AT)
    incident_town.town.person("周三任")
    incident_town.hand("周三任", at=AT + timedelta(days=1), post_id=initial.post)
    assert apply_due_handovers(incident_town.session, AT + timedelta(days=2)) == 2
    assert incident_town.seen(incident).assigned_to == "周三任"
    assert apply_due_handovers(incident_town.session, AT + timedelta(days=3)) == 0


def test_a_post_handed_over_again_before_the_planned_moment(incident_town: IncidentTown) -> None:
    """王 → 李 is planned; 周 takes over from 王 first, and hands on to 李 as planned."""
    incident = incident_town.report()
    incident_town.hand(at=AT)
    incident_town.town.person("周三任")
    incident_town.hand("周三任", at=None)
    assert incident_town.seen(incident).assigned_to == "周三任"
    assert incident_town.worker(AT - TICK) == "周三任"
    assert apply_due_handovers(incident_town.session, AT) == 1
    assert (incident_town.seen(incident).assigned_to, incident_town.worker(AT)) == (
        "李接任",
        "李接任",
    )


def test_closed_ones_and_those_of_other_posts_stay(incident_town: IncidentTown) -> None:
    closed, leader = incident_town.report(), incident_town.report()
    for name, actor in (
        ("take", "王网格"),
        ("handle", "王网格"),
        ("check", "赵社工"),
        ("close", "赵社工"),
    ):
        incidents.apply_move(
            incident_town.session,
            incident_town.who(actor),
            closed,
            name,
            NOW,
            MovePayload(note="好了"),
        )
    incidents.apply_move(
        incident_town.session,
        incident_town.who("赵社工"),
        leader,
        "dispatch",
        NOW,
        MovePayload(to="p-孙网格长"),
    )
    assert incident_town.hand().incidents == 0
    assert incident_town.seen(closed).assigned_to == "王网格"
    assert incident_town.seen(leader).assigned_to == "孙网格长"


def test_the_deputy_keeps_standing_in_with_what_they_hold(incident_town: IncidentTown) -> None:
    incident_town.town.leave("王网格", NOW - timedelta(days=1), NOW + timedelta(days=1))
    incident = incident_town.report()
    assert incident_town.seen(incident).assigned_to == "陈代理"
    assert incident_town.hand().incidents == 0  # they are the deputy's, who stays the deputy
    assert incident_town.seen(incident).assigned_to == "陈代理"
    assert incident_town.worker(NOW) == "李接任"


def test_the_deputy_becomes_the_holder_and_is_their_own_deputy_no_more(
    incident_town: IncidentTown,
) -> None:
    created = incident_town.session.get_one(Post, incident_town.hand("陈代理").post)
    assert (created.holder_id, created.deputy_id) == (incident_town.town.person("陈代理").id, None)


def test_a_successor_on_leave_is_stood_in_for_by_the_deputy(incident_town: IncidentTown) -> None:
    incident = incident_town.report()
    incident_town.town.leave("李接任", NOW - timedelta(days=1), NOW + timedelta(days=1))
    incident_town.hand()
    assert incident_town.seen(incident).assigned_to == "陈代理"
    assert incident_town.worker(NOW) == "陈代理"


def test_a_successor_and_a_deputy_on_leave_are_one_step_up(incident_town: IncidentTown) -> None:
    incident = incident_town.report()
    for name in ("李接任", "陈代理"):
        incident_town.town.leave(name, NOW - timedelta(days=1), NOW + timedelta(days=1))
    incident_town.hand()
    assert (incident_town.seen(incident).role, incident_town.seen(incident).assigned_to) == (
        "grid_leader",
        "孙网格长",
    )


def test_a_post_left_vacant_and_filled_again(incident_town: IncidentTown) -> None:
    incident = incident_town.report()
    vacant = incident_town.hand(None)
    assert incident_town.seen(incident).assigned_to == "陈代理"  # who stands in on a vacancy
    [entry] = [
        entry
        for entry in locate(incident_town.session, *POINT, at=NOW).people
        if entry.role == "grid_worker"
    ]
    assert (entry.name, entry.holder, entry.why) == ("陈代理", None, "vacancy")
    later = NOW + timedelta(hours=1)
    assert incident_town.hand("李接任", post_id=vacant.post, now=later).incidents == 0
    assert incident_town.worker(later) == "李接任"


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"to": "王网格"}, "to"),
        ({"at": NOW - TICK}, "at"),
        ({"at": build.FROM}, "at"),
        ({"incidents": "burn"}, "incidents"),
    ],
)
def test_what_cannot_be_is_refused_and_says_why(
    incident_town: IncidentTown, value: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        incident_town.hand(**value)  # type: ignore[arg-type]
    assert refused.value.errors[0].field == field
    assert incident_town.session.query(Post).count() == 3


def test_nobody_of_that_code(incident_town: IncidentTown) -> None:
    with pytest.raises(InvalidInput, match="nobody has the code"):
        hand_over(
            incident_town.session,
            incident_town.who("赵社工"),
            incident_town.post.id,
            "p-nobody",
            None,
            "follow",
            NOW,
        )


def test_a_post_that_ends_is_handed_over_before_its_end(incident_town: IncidentTown) -> None:
    post = incident_town.town.post("grid_party_leader", incident_town.grid, "王网格", end=AT)
    with pytest.raises(InvalidInput, match="when it ends"):
        incident_town.hand(at=AT, post_id=post.id)
    created = incident_town.session.get_one(
        Post, incident_town.hand(at=AT - TICK, post_id=post.id).post
    )
    assert (created.valid_time.lower, created.valid_time.upper) == (AT - TICK, AT)


def test_only_who_may_and_only_in_their_areas(
    incident_town: IncidentTown, session: Session
) -> None:
    with pytest.raises(Forbidden):
        incident_town.hand(principal=incident_town.who("王网格"))
    other = incident_town.town.area(
        "community", "520402007013", "东兴社区", incident_town.town.street
    )
    incident_town.town.post("community_worker", other, "外社工")
    messages = []
    for number in (
        incident_town.post.id,
        999_999_999,
    ):  # another community's post is answered like none at all
        with pytest.raises(NotFound) as refused:
            incident_town.hand(principal=incident_town.who("外社工"), post_id=number)
        messages.append(refused.value.detail)
    assert messages[0] == messages[1]
    with pytest.raises(Forbidden):
        posts_of(session, incident_town.who("外社工"), incident_town.grid.code, NOW)


def test_the_list_of_posts(incident_town: IncidentTown) -> None:
    tower = incident_town.town.building("1号楼", 0.0004, 0.0004)
    incident_town.town.post("building_head", tower, "楼长")
    incident_town.hand(at=AT)
    record_leave(incident_town.session, incident_town.who("赵社工"), "p-陈代理", AT, None, NOW)
    posts = posts_of(
        incident_town.session,
        incident_town.who("赵社工"),
        incident_town.town.community.code,
        NOW,
        within=True,
    )
    assert [(item.role, item.holder and item.holder["name"], item.follows) for item in posts] == [
        ("community_worker", "赵社工", False),
        ("grid_worker", "王网格", False),
        ("grid_leader", "孙网格长", False),
        ("grid_worker", "李接任", True),
        ("building_head", "楼长", False),
    ]
    assert posts[1].deputy == {"code": "p-陈代理", "name": "陈代理"}
    assert [item["person"] for item in posts[1].leave] == ["p-陈代理"]
    private = posts_of(
        incident_town.session, incident_town.who("赵社工"), incident_town.grid.code, AT
    )
    assert [item.holder["name"] for item in private if item.holder] == ["孙网格长", "李接任"]


def test_leave_is_entered_for_the_people_of_ones_areas(incident_town: IncidentTown) -> None:
    record_leave(incident_town.session, incident_town.who("赵社工"), "p-王网格", NOW, AT, NOW)
    assert [incident_town.worker(at) for at in (NOW - TICK, NOW, AT - TICK, AT)] == [
        "王网格",
        "陈代理",
        "陈代理",
        "王网格",
    ]
    with pytest.raises(NotFound):
        record_leave(incident_town.session, incident_town.who("赵社工"), "p-李接任", NOW, AT, NOW)
    with pytest.raises(InvalidInput, match="until"):
        record_leave(incident_town.session, incident_town.who("赵社工"), "p-王网格", NOW, NOW, NOW)


def test_times_away_that_overlap_are_one(incident_town: IncidentTown) -> None:
    def enter(begins: int, ends: int | None) -> int:
        days = (NOW + timedelta(days=day) if day is not None else None for day in (begins, ends))
        return record_leave(
            incident_town.session, incident_town.who("赵社工"), "p-王网格", *days, NOW
        )  # type: ignore[arg-type]

    first = enter(1, 8)
    assert enter(1, 8) == first
    assert enter(5, 10) == first
    second = enter(20, 25)
    assert second != first
    assert enter(9, 22) == first  # what lay between joins them
    assert leaves(incident_town) == [(1, 25)]
    enter(24, None)
    assert leaves(incident_town) == [(1, None)]


def leaves(incident_town: IncidentTown) -> list[tuple[int, int | None]]:
    """The days after NOW of all times away."""
    rows = incident_town.session.execute(
        text("SELECT lower(valid_time), upper(valid_time) FROM leave ORDER BY 1")
    )
    return [((begin - NOW).days, end and (end - NOW).days) for begin, end in rows]


def test_nobody_gets_a_post_twice_at_one_place(incident_town: IncidentTown) -> None:
    incident_town.town.post("grid_worker", incident_town.grid, "李接任")
    with pytest.raises(InvalidInput, match="already"):
        incident_town.hand()
    other = incident_town.town.post("grid_worker", incident_town.town.grid("002", 2), "王网格")
    incident_town.hand(post_id=other.id)  # of another grid is another post


def test_over_http(incident_town: IncidentTown, client: FlaskClient) -> None:
    desk = sign_in.account(incident_town.session, "desk", person="p-赵社工")
    for number, name in enumerate(("王网格", "李接任")):  # who has no account is stepped over
        sign_in.account(incident_town.session, f"worker{number}", person=f"p-{name}")
    sign_in.signed_in(client, desk)
    header = {"X-CSRFToken": sign_in.token(client), "Idempotency-Key": "hand-over-1"}
    incident = incident_town.report()
    path = f"/api/v1/posts/{incident_town.post.id}/hand-over"
    answers = [client.post(path, json={"to": "p-李接任"}, headers=header) for _ in range(2)]
    assert [(came.status_code, came.json["incidents"]) for came in answers if came.json] == [
        (200, 1),
        (200, 1),
    ]
    assert incident_town.seen(incident).assigned_to == "李接任"
    listed = client.get(
        f"/api/v1/posts?area={incident_town.town.community.code}&within=1&limit=2"
    ).json
    assert listed is not None and len(listed["items"]) == 2 and listed["next"]
    extra = client.get(
        f"/api/v1/posts?area={incident_town.town.community.code}&within=1&cursor={listed['next']}"
    ).json
    assert extra is not None
    result = [
        (post["role_zh"], post["holder"]["name"]) for post in [*listed["items"], *extra["items"]]
    ]
    assert result == [("社区工作者", "赵社工"), ("网格长", "孙网格长"), ("网格员", "李接任")]
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


def steps(matches: LocateResult) -> list[str]:
    """The rules of the steps to the person."""
    return [item.rule for item in matches.how if item.step == "answerable"]


@pytest.mark.parametrize("up", range(len(LADDER)))
def test_every_vacancy_up_to_the_street_is_a_step_in_words(ladder: Ladder, up: int) -> None:
    for number, role in enumerate(LADDER):
        ladder.town.post(role, ladder.places[role], None if number < up else role)
    ladder.town.post("liaison_officer", ladder.town.street, None)
    result = ladder.answer()
    assert result.answerable is not None and result.answerable.role == LADDER[up]
    output = [item for item in result.how if item.rule == "vacant"]
    passed = [*LADDER[:up], *(["liaison_officer"] if up == 5 else [])]
    zh = {entry.role: entry.role_zh for entry in result.people}
    for role in passed:
        [item] = [item for item in output if f"{zh[role]}（" in item.zh]
        assert "上一级" in item.zh and "one step up" in item.en
    assert len(output) == len(passed)
    assert steps(result)[-1] == "first_there"


def test_a_deputy_on_leave_too_is_a_step_up(ladder: Ladder) -> None:
    ladder.town.post("unit_head", ladder.unit, "甲", deputy="乙")
    ladder.town.post("grid_worker", ladder.grid, "丙", deputy="丁")
    for name in ("甲", "乙", "丙"):
        ladder.town.leave(name, NOW - TICK, NOW + TICK)
    result = ladder.answer()
    assert steps(result) == ["away", "stands_in"]
    assert result.answerable is not None and result.answerable.name == "丁"
    assert not any(
        name in item.zh + item.en for item in result.how for name in "甲乙丙丁"
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
    result = ladder.answer()
    assert steps(result) == ["no_post", "no_post", "first_there"]
    assert [item.zh for item in result.how if item.rule == "no_post"] == [
        "此处未设联户长，上一级",
        "此处未设网格员，上一级",
    ]


def test_nobody_at_all(ladder: Ladder) -> None:
    ladder.town.post("street_office", ladder.town.street, None)
    result = ladder.answer()
    assert result.answerable is None
    assert steps(result)[-1] == "nobody" and steps(result).count("vacant") == 1


def test_while_the_unit_is_unknown_its_head_is_not_said_to_be_missing(ladder: Ladder) -> None:
    ladder.town.post("grid_worker", ladder.grid, "丙")
    result = locate(ladder.session, build.LON + 0.0001, build.LAT + 0.0001, "cgcs2000", at=NOW)
    assert result.unit is None and steps(result) == ["first_there"]
