"""Every incident is at every moment in a queue that a living account sees and can act on."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.accounts import accounts
from gis.accounts.models import Account
from gis.db import allow_boundary_writes
from gis.errors import Conflict, Forbidden, InvalidInput, NotFound
from gis.incidents.lifecycle import handover as posts
from gis.incidents.lifecycle import moves, report
from gis.incidents.lifecycle.intake import IncidentReport
from gis.incidents.lifecycle.payload import MovePayload
from gis.incidents.lifecycle.report import FiledIncident
from gis.incidents.models import OrderTaker
from gis.incidents.reading import counts, filters, incidents, timeline
from gis.incidents.reading.unanswered import unanswered
from gis.incidents.routing.post_holders import HEIGHT
from gis.ops.metadata import Leave, Post, Revision
from gis.rights.living import LIVING
from gis.rights.principal import ANONYMOUS
from tests.support import build, sign_in
from tests.support.incident_town import move_and_see
from tests.support.owners_town import NOW, World

LATER = NOW + timedelta(hours=1)
DAY = timedelta(days=1)
# the one question: who has the open incidents; nobody is a minute without an owner
OWNERS = (
    f"SELECT DISTINCT {LIVING.owner('i', ':now')} FROM incident i"
    f" WHERE i.state NOT IN ('closed', 'void')"
)


@pytest.fixture
def world(session: Session) -> World:
    """A town without posts, and an operator."""
    return World(session)


def rules(filed: FiledIncident) -> list[str]:
    """The steps by which a person was looked for."""
    return [item.rule for item in filed.how if item.step == "person"]


def test_a_county_without_posts_waits_at_the_operator_who_can_do_everything(world: World) -> None:
    filed = world.report()
    assert filed.assigned_to is None and filed.queue is not None and filed.queue["at"] == "operator"
    assert rules(filed)[-1] == "operator" and set(rules(filed)[:-1]) == {"no_post"}
    assert all(item.zh and item.en for item in filed.how)
    seen = timeline.tracked(world.session, filed.id, filed.tracking_secret, now=NOW)
    assert seen.role is None and seen.queue is not None and "社区" not in seen.queue["zh"]
    by = world.who(world.admin)
    listed = incidents.list_incidents(
        world.session, by, filters.IncidentFilters(queue="operator"), 10, None, now=NOW
    )
    assert [item.id for item in listed] == [filed.id]
    assert counts.count_by_state(world.session, by, filters.IncidentFilters(), now=NOW)["open"] == 1
    for name in ("dispatch", "take", "handle", "check", "close"):
        result = move_and_see(world.session, by, filed.id, name, NOW, MovePayload(note="已处理"))
    assert result.state == "closed"
    assert world.sees(world.admin, filed.id) == []  # over: not the operator's to read any more


def test_the_operator_sees_nothing_that_somebody_else_has(world: World) -> None:
    world.post("community_worker", world.town.community, "赵社工")
    item = world.report().id
    assert world.sees(world.admin, item) == []
    with pytest.raises(NotFound):
        moves.apply_move(world.session, world.who(world.admin), item, "take", NOW)


def test_people_without_an_account_are_stepped_over_and_it_is_said(world: World) -> None:
    world.post("grid_worker", world.grids[0], "王网格", login=False)
    world.post("grid_leader", world.grids[0], "李网格长", deputy="孙代理")
    filed = world.report()
    assert rules(filed) == ["no_account", "found"]
    assert filed.assigned_to is not None and filed.assigned_to["name"] == "李网格长"
    accounts.block(world.session, sign_in.ADMIN, world.login("李网格长"))
    assert rules(world.report()) == ["no_account", "deputy"]
    by_hand = world.report().id
    desk = sign_in.account(world.session, "desk", "dispatcher", world.town.community.code)
    with pytest.raises(InvalidInput, match="to"):
        moves.apply_move(
            world.session,
            world.who(desk),
            by_hand,
            "dispatch",
            NOW,
            MovePayload(to=world.town.person("王网格").code),
        )


def test_rights_by_grant_alone_make_an_office(world: World) -> None:
    desk = sign_in.account(world.session, "desk", "street", world.town.street.code)
    filed = world.report()
    assert (
        filed.queue is not None
        and filed.queue["at"] == "street"
        and world.town.street.name in filed.queue["zh"]
    )
    assert rules(filed)[-1] == "office"
    assert (
        move_and_see(world.session, world.who(desk), filed.id, "dispatch", NOW).state
        == "dispatched"
    )
    assert {"take", "return"} <= set(world.sees(desk, filed.id))


@pytest.mark.parametrize("lapse", ["leave", "block", "unlink", "vacate", "no_way_in"])
def test_a_lapse_mid_way_is_covered_in_the_same_moment_and_passed_on_by_the_sweep(
    world: World, lapse: str
) -> None:
    post = world.post("grid_worker", world.grids[0], "王网格")
    item = world.report().id
    worker = world.login("王网格")
    moves.apply_move(world.session, world.who(worker), item, "take", NOW)
    assert (world.at(item), world.sees(world.admin, item)) == ("holder", [])
    if lapse == "leave":
        world.town.leave("王网格", NOW, NOW + DAY)
    elif lapse == "block":
        accounts.block(world.session, sign_in.ADMIN, worker)
    elif lapse == "unlink":
        accounts.link(world.session, sign_in.ADMIN, worker, person="")
    elif lapse == "no_way_in":
        worker.password_hash = None
        world.session.flush()
    else:
        posts.hand_over(
            world.session, moves.system_principal("t"), post.id, None, None, "stay", NOW
        )
    assert world.at(item, LATER) == "operator"
    assert "handle" in world.sees(world.admin, item, LATER)
    seen = incidents.get_incident(world.session, moves.system_principal("test"), item, now=LATER)
    assert (seen.role, seen.assigned_to) == (None, None)  # who cannot act is not said to have it
    world.post("grid_leader", world.grids[0], "李网格长")
    world.sweep(LATER)
    assert (
        incidents.get_incident(
            world.session, moves.system_principal("test"), item, now=LATER
        ).assigned_to
        == "李网格长"
    )
    assert [
        event.move for event in timeline.events(world.session, moves.system_principal("test"), item)
    ].count("pass_on") == 1
    world.sweep(LATER)
    assert [
        event.move for event in timeline.events(world.session, moves.system_principal("test"), item)
    ].count("pass_on") == 1


def test_the_deputy_has_it_the_moment_leave_begins(world: World) -> None:
    world.post("grid_worker", world.grids[0], "王网格", deputy="孙代理")
    item = world.report().id
    world.town.leave("王网格", LATER, LATER + DAY)
    assert world.at(item, LATER) == "post" and "take" in world.sees(
        world.login("孙代理"), item, LATER
    )
    world.sweep(LATER)
    assert (
        incidents.get_incident(
            world.session, moves.system_principal("test"), item, now=LATER
        ).assigned_to
        == "孙代理"
    )


def test_reopened_it_does_not_go_back_to_who_has_left(world: World) -> None:
    world.post("grid_worker", world.grids[0], "王网格")
    desk = sign_in.account(world.session, "desk", "dispatcher", world.town.community.code)
    filed = world.report()
    for name, actor in (("take", "王网格"), ("handle", "王网格")):
        moves.apply_move(
            world.session,
            world.who(world.login(actor)),
            filed.id,
            name,
            NOW,
            MovePayload(note="好了"),
        )
    for name in ("check", "close"):
        moves.apply_move(world.session, world.who(desk), filed.id, name, NOW)
    accounts.block(world.session, sign_in.ADMIN, world.login("王网格"))
    by = timeline.authenticate_tracking(world.session, filed.id, filed.tracking_secret)
    result = move_and_see(
        world.session, by, filed.id, "rate", NOW, MovePayload(rating=2, solved=False)
    )
    assert (
        result.state == "dispatched"
        and result.queue is not None
        and result.queue["at"] == "community"
    )


def test_supervision_steps_over_empty_posts_and_never_goes_down(world: World) -> None:
    world.post("community_worker", world.town.community, "赵社工", login=False)
    world.post("street_office", world.town.street, "街道办")
    world.post("command_centre", world.town.county, "县指挥")
    filed = world.report()
    assert filed.assigned_to is not None and filed.assigned_to["role"] == "street_office"
    heights = []
    for days in range(1, 40):
        world.sweep(NOW + days * DAY)
        row = world.session.execute(
            text("SELECT supervisor_role FROM incident WHERE id = :id"), {"id": filed.id}
        ).scalar()
        heights.append(HEIGHT.get(row or "", 0))
    assert heights == sorted(heights) and heights[-1] == HEIGHT["command_centre"]


def test_an_order_whose_takers_are_gone_goes_back_before_its_time(world: World) -> None:
    taker = world.town.person("党员甲")
    world.login("党员甲")
    world.session.add(
        OrderTaker(
            consent_at=NOW,
            person_id=taker.id,
            role="party_member",
            area_id=world.town.community.id,
            skills=["repairs"],
        )
    )
    desk = sign_in.account(world.session, "desk", "dispatcher", world.town.community.code)
    world.session.flush()
    item = world.report(category=repair(world.session)).id
    assert world.at(item) == "offered"
    accounts.block(world.session, sign_in.ADMIN, world.login("党员甲"))
    assert world.at(item) == "community" and world.sees(desk, item)
    world.sweep(LATER)
    assert (
        incidents.get_incident(world.session, moves.system_principal("test"), item, now=LATER).state
        == "accepted"
    )


def repair(session: Session) -> str:
    """A category whose orders ask for repairs."""
    query = (
        "SELECT c.code FROM incident_category c JOIN catalogue_edition e ON e.id = c.edition_id"
        " AND e.state = 'active'"
        " WHERE c.skill = 'repairs' AND c.kind = 'order' ORDER BY c.code LIMIT 1"
    )
    return str(session.scalar(text(query)))


def test_the_last_operator_stays(world: World) -> None:
    sign_in.account(world.session, "desk", "dispatcher", world.town.community.code)
    with pytest.raises(Conflict):
        accounts.block(world.session, sign_in.ADMIN, world.admin)
    world.session.refresh(world.admin)


def test_what_nobody_answers_for_is_listed(world: World, client: FlaskClient) -> None:
    assert [location.code for location in unanswered(world.session, NOW).places] == [
        grid.code for grid in world.grids
    ]
    world.report()
    desk = sign_in.account(world.session, "desk", "dispatcher", world.town.community.code)
    sign_in.signed_in(client, world.admin)
    assert unanswered(world.session, NOW).places == []
    accounts.block(world.session, sign_in.ADMIN, desk)
    world.session.commit()
    metrics = client.get("/metrics").text
    assert "wangge_unanswered_grids 3.0" in metrics and "wangge_operator_queue 1.0" in metrics
    assert "wangge_operators 1.0" in metrics
    page = client.get("/unanswered")
    assert page.status_code == 200 and all(grid.code in page.text for grid in world.grids)
    payload = client.get("/api/v1/unanswered").json
    assert payload is not None and payload["waiting"] == 1 and len(payload["items"]) == 3
    assert client.get("/desk").status_code == 200
    listed = client.get("/api/v1/incidents?queue=operator").json
    assert listed is not None and len(listed["items"]) == 1
    assert client.get(f"/api/v1/incidents/{listed['items'][0]['id']}/candidates").status_code == 200


# --- a simulated year -----------------------------------------------------------------------------


class Year:
    """Random things that happen in a year; the same seed, the same year."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.dice, self.session = world, Random(seed), world.session
        self.made = [
            world.post(role, area, name, deputy, login)
            for role, area, name, deputy, login in (
                ("grid_worker", world.grids[0], "王一", "王二", True),
                ("grid_leader", world.grids[0], "李一", None, True),
                ("grid_worker", world.grids[1], "王三", None, False),
                ("grid_leader", world.grids[2], "李三", "李四", True),
                ("community_worker", world.town.community, "赵一", "赵二", True),
                ("street_office", world.town.street, "街一", None, True),
                ("command_centre", world.town.county, "县一", None, True),
            )
        ]
        self.second = sign_in.account(self.session, "admin2", "administrator")
        self.people = [
            "王一",
            "王二",
            "李一",
            "王三",
            "李三",
            "李四",
            "赵一",
            "赵二",
            "街一",
            "县一",
        ]
        taker = world.town.person("党员甲")
        world.login("党员甲")
        self.session.add(
            OrderTaker(
                consent_at=NOW,
                person_id=taker.id,
                role="party_member",
                area_id=world.town.community.id,
                skills=["repairs"],
            )
        )
        self.session.flush()
        self.open: list[UUID] = []
        self.wide = 0.0

    def happen(self, now: datetime) -> None:
        """One thing, whatever comes."""
        name = self.dice.choices(
            ("reports", "moves", "leave", "hand_over", "account", "redraw", "sweep", "operator"),
            (28, 32, 10, 6, 12, 2, 20, 2),
        )[0]
        try:
            with self.session.begin_nested():
                getattr(self, name)(now)
        except (Conflict, Forbidden, InvalidInput, NotFound):
            pass  # refused, as it would be there

    def reports(self, now: datetime) -> None:
        category = self.dice.choice(("06010", repair(self.session), ""))
        created = self.world.report(
            now, self.dice.uniform(1.05, 3.95), category=category, description="看看这里怎么了"
        )
        self.open.append(created.id)

    def moves(self, now: datetime) -> None:
        """Somebody who sees one of them does what they may."""
        item = self.dice.choice(self.open)
        accounts_in_use = self.session.query(Account).filter_by(active=True)
        every = accounts_in_use.order_by(Account.id).all()
        by = self.world.who(self.dice.choice(every), now)
        seen = incidents.get_incident(self.session, by, item, now=now)
        name = self.dice.choice([move for move in seen.moves if move not in ("link", "unlink")])
        solved = self.dice.random() < 0.5
        moves.apply_move(
            self.session,
            by,
            item,
            name,
            now,
            MovePayload(note="按要求", minutes=60, rating=3, solved=solved, severity="high"),
        )

    def leave(self, now: datetime) -> None:
        person = self.world.town.person(self.dice.choice(self.people))
        begins = now + timedelta(hours=self.dice.randrange(-2, 48))
        self.session.add(
            Leave(
                person_id=person.id,
                valid_time=build.span(
                    begins, begins + timedelta(hours=self.dice.randrange(1, 400))
                ),
            )
        )
        self.session.flush()

    def hand_over(self, now: datetime) -> None:
        current = (
            self.session.query(Post).filter(Post.valid_time.contains(now)).order_by(Post.id).all()
        )
        post = self.dice.choice(current)
        to = self.dice.choice([None, *(self.world.town.person(name).code for name in self.people)])
        at = self.dice.choice([None, now + timedelta(hours=30)])
        posts.hand_over(
            self.session,
            moves.system_principal("t"),
            post.id,
            to,
            at,
            self.dice.choice(["follow", "stay"]),
            now,
        )  # type: ignore[arg-type]

    def account(self, now: datetime) -> None:
        login = self.world.login(self.dice.choice(self.people))
        self.session.refresh(login)
        (accounts.block if self.dice.random() < 0.7 else accounts.unblock)(
            self.session, sign_in.ADMIN, login
        )

    def operator(self, now: datetime) -> None:
        item = self.dice.choice([self.world.admin, self.second])
        (accounts.block if self.dice.random() < 0.6 else accounts.unblock)(
            self.session, sign_in.ADMIN, item
        )

    def redraw(self, now: datetime) -> None:
        """Merge the second grid into the first, or split it off again, by a revision."""
        world, old = self.world, self.world.grids
        allow_boundary_writes(self.session)
        world.town.revision = Revision(
            title="r", state="published", author="t", published_at=now, effective=now
        )
        self.session.add(world.town.revision)
        self.session.flush()
        self.session.execute(
            text(
                "UPDATE boundary SET valid_time = tstzrange(lower(valid_time), :now, '[)')"
                " WHERE upper_inf(valid_time) AND area_id = ANY(:ids)"
                " AND lower(valid_time) < :now"
            ),
            {"now": now, "ids": [old[0].id, old[1].id]},
        )
        merged = self.wide == 2
        self.wide = 1 if merged else 2
        self.session.execute(
            text("UPDATE area SET retired_at = :at WHERE id = :id"),
            {"at": None if merged else now, "id": old[1].id},
        )
        world.town.boundary(
            old[0],
            build.square(build.LON + build.SIDE, build.LAT, self.wide * build.SIDE, build.SIDE),
            now,
        )
        if merged:
            world.town.boundary(old[1], build.square(build.LON + 2 * build.SIDE, build.LAT), now)

    def sweep(self, now: datetime) -> None:
        self.world.sweep(now)


def moments(dice: Random, count: int) -> Iterator[datetime]:
    """Moments of a year, in their order."""
    yield from sorted(NOW + timedelta(minutes=dice.randrange(525_600)) for _ in range(count))


def test_a_simulated_year_has_no_minute_without_an_owner(world: World) -> None:
    year = Year(world, 9)
    year.reports(NOW)
    checked, owners = 0, set[str]()
    for number, now in enumerate(moments(Random(9), 240)):
        # between two events people go on leave and come back: looked at before the event, and after
        # it
        owners |= set(world.session.scalars(text(OWNERS), {"now": now}))
        year.happen(now)
        owners |= set(world.session.scalars(text(OWNERS), {"now": now}))
        assert not owners & {"nobody", "posts"}, (number, now)
        if number % 12 == 0:
            checked += somebody_acts(world, year, now)
    assert checked > 10
    assert {"holder", "operator"} <= owners and len(owners) >= 5, (
        owners
    )  # the year went up and down the chain


def somebody_acts(world: World, year: Year, now: datetime) -> int:
    """Ask the rights themselves: an account that may sign in sees it and may carry it on.

    The owner is who says so.
    """
    item = year.dice.choice(year.open)
    seen = incidents.get_incident(world.session, moves.system_principal("test"), item, now=now)
    if seen.queue is None:
        return 0
    carry = {
        "accept",
        "dispatch",
        "take",
        "handle",
        "return",
        "check",
        "close",
        "send_back",
        "resume",
    }
    carry |= {"withdraw", "approve_limit", "approve_void", "approve_extend", "approve_suspend"}
    every = world.session.query(Account).filter_by(active=True).all()
    assert any(carry & set(world.sees(account, item, now)) for account in every), (
        now,
        seen.state,
        seen.queue,
    )
    return 1


def test_without_accounts_the_posts_have_it_only_where_there_are_posts(session: Session) -> None:
    town = build.Town(session)
    for number in range(1, 4):
        town.grid(f"00{number}", column=number)
    fields = {
        "lon": build.LON + 1.5 * build.SIDE,
        "lat": build.LAT + build.SIDE / 2,
        "crs": "cgcs2000",
    }
    fields |= {"category": "06010", "description": "楼下有一堆垃圾", "channel": "web"}
    filed = report.file_report(session, ANONYMOUS, IncidentReport(**fields), NOW, look_alike=False)  # type: ignore[arg-type]

    def told() -> str:
        queue = incidents.get_incident(
            session, moves.system_principal("test"), filed.id, now=NOW
        ).queue
        assert queue is not None
        return queue["at"]

    assert told() == "nobody"
    town.post("community_worker", town.community, "李社工")
    session.flush()
    assert told() == "posts"
    session.add(
        Leave(person_id=town.person("李社工").id, valid_time=build.span(NOW - DAY, NOW + DAY))
    )
    session.flush()
    assert told() == "nobody"
