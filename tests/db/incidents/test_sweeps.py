"""What time brings about: overdue matters go up step by step, unclaimed orders fall back.

Never twice, however it is run.
"""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from gis import db as gis_db
from gis.errors import Conflict, WanggeError
from gis.incidents import working_time
from gis.incidents.lifecycle import deadlines, moves
from gis.incidents.lifecycle.payload import EMPTY_PAYLOAD, MovePayload, Part
from gis.incidents.models import OrderTaker
from gis.incidents.reading import incidents
from gis.jobs import maintenance
from gis.ops.cluster import DatabaseUrls
from gis.rights.principal import account_principal
from tests.support import build
from tests.support.deployment import new_database
from tests.support.incident_town import NOW, IncidentTown

FAR = NOW + timedelta(days=60)


@pytest.fixture
def incident_town(session: Session) -> IncidentTown:
    """The usual place."""
    return IncidentTown(session)


@pytest.fixture(scope="module")
def apart(addresses: DatabaseUrls) -> Iterator[Engine]:
    """A database of this file's own, where things are committed."""
    with new_database(addresses) as urls:
        engine = gis_db.engine(urls.app)
        with Session(engine) as session, session.begin():
            IncidentTown(session)
        yield engine


class Again(IncidentTown):
    """The usual place, that stands already."""

    def __init__(self, session: Session) -> None:
        self.session = session


def all_of(session: Session, name: str, now: datetime) -> int:
    """Every batch of a sweep."""
    done, new = 0, None
    while True:
        batch = deadlines.run_deadline_batch(session, name, now, new)
        done, new = done + batch.done, batch.last
        if new is None:
            return done


def steps(session: Session, number: UUID) -> list[tuple[str, int]]:
    """Each time it went up: the role and the level."""
    query = text(
        "SELECT detail ->> 'role', (detail ->> 'passed')::int FROM incident_event"
        " WHERE incident_id = :id AND move = 'escalate' ORDER BY id"
    )
    return [(row[0], row[1]) for row in session.execute(query, {"id": number})]


def column(session: Session, number: UUID, name: str) -> object:
    """A column of an incident."""
    return session.scalar(text(f"SELECT {name} FROM incident WHERE id = :id"), {"id": number})


def test_nothing_is_due_before_its_time(incident_town: IncidentTown) -> None:
    incident = incident_town.report()
    assert incident.due is not None
    assert all_of(incident_town.session, "overdue", incident.due - timedelta(seconds=1)) == 0
    assert all_of(incident_town.session, "overdue", incident.due) == 1


def test_overdue_goes_one_level_up_and_a_second_run_changes_nothing(
    incident_town: IncidentTown,
) -> None:
    incident = incident_town.report()
    now = incident.due + timedelta(minutes=1)  # type: ignore[operator]
    assert all_of(incident_town.session, "overdue", now) == 1
    assert all_of(incident_town.session, "overdue", now) == 0
    assert steps(incident_town.session, incident.id) == [("grid_leader", 1)]
    seen = incident_town.seen(incident.id, now)
    assert (seen.supervised, seen.supervisor_role, seen.colour) == (True, "grid_leader", "red")


def test_a_run_missed_for_a_day_catches_up_as_the_clock_says(incident_town: IncidentTown) -> None:
    incident = incident_town.report()
    limits = column(incident_town.session, incident.id, "time_limits")
    minutes, wall = limits["dispatched"], limits["around_the_clock"]  # type: ignore[index]
    moments = [incident.due]
    for _ in range(2):
        moments.append(working_time.deadline(moments[-1], minutes, around_the_clock=wall))  # type: ignore[arg-type]
    late = moments[2] + timedelta(seconds=1)  # type: ignore[operator]  the third step is due, the fourth is not
    assert all_of(incident_town.session, "overdue", late) == 3
    caught_up = steps(incident_town.session, incident.id)
    assert [level for _, level in caught_up] == [1, 2, 3]
    assert len({role for role, _ in caught_up}) == 3
    assert all_of(incident_town.session, "overdue", late) == 0


def test_it_stops_at_the_top(incident_town: IncidentTown) -> None:
    incident = incident_town.report()
    assert all_of(incident_town.session, "overdue", FAR) >= 1
    assert column(incident_town.session, incident.id, "supervise_at") is None
    old = len(steps(incident_town.session, incident.id))
    assert all_of(incident_town.session, "overdue", FAR + timedelta(days=60)) == 0
    assert len(steps(incident_town.session, incident.id)) == old


def test_what_was_taken_in_time_is_not_supervised(incident_town: IncidentTown) -> None:
    incident = incident_town.report()
    incident_town.do(incident.id, "take", "王网格")
    assert all_of(incident_town.session, "overdue", incident.due) == 0  # type: ignore[arg-type]


def test_closed_and_suspended_ones_are_left_alone(incident_town: IncidentTown) -> None:
    closed, suspended = incident_town.report(), incident_town.report()
    for name, by in (
        ("take", "王网格"),
        ("handle", "王网格"),
        ("check", "赵社工"),
        ("close", "赵社工"),
    ):
        incident_town.do(closed.id, name, by, note="好")
    incident_town.do(suspended.id, "request_suspend", "王网格", note="等材料")
    incident_town.do(suspended.id, "approve_suspend", "赵社工", note="同意")
    assert all_of(incident_town.session, "overdue", FAR) == 0


def test_those_above_and_the_holder_are_told(incident_town: IncidentTown) -> None:
    incident = incident_town.report()
    all_of(incident_town.session, "overdue", incident.due)  # type: ignore[arg-type]
    query = (
        "SELECT p.name FROM notice n JOIN personal.person p ON p.id = n.person_id"
        " WHERE n.topic = 'incident.escalate'"
    )
    assert set(incident_town.session.scalars(text(query))) == {"王网格", "李网格长"}


def test_one_that_fails_does_not_hold_up_the_others(
    incident_town: IncidentTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = incident_town.report(), incident_town.report()
    real = deadlines.DEADLINE_RULES["overdue"]

    def stumble(session: Session, number: UUID, now: datetime) -> bool:
        if number == bad.id:
            session.execute(text("SELECT 1 / 0"))
        return real.do(session, number, now)

    monkeypatch.setitem(deadlines.DEADLINE_RULES, "overdue", real._replace(do=stumble))
    assert all_of(incident_town.session, "overdue", good.due) == 1  # type: ignore[arg-type]
    assert (steps(incident_town.session, bad.id), len(steps(incident_town.session, good.id))) == (
        [],
        1,
    )


def order(incident_town: IncidentTown) -> UUID:
    """An order offered to a party member."""
    code, skill = incident_town.session.execute(text(ORDER)).one()
    person = incident_town.town.person("接单人")
    taker = OrderTaker(
        consent_at=NOW,
        person_id=person.id,
        role="party_member",
        area_id=incident_town.town.community.id,
        skills=[skill],
    )
    incident_town.session.add(taker)
    incident_town.session.flush()
    return incident_town.report(code).id


ORDER = """
SELECT c.code, c.skill FROM incident_category c JOIN catalogue_edition e ON e.id = c.edition_id
WHERE e.state = 'active' AND c.kind = 'order' AND c.skill <> '' ORDER BY c.position LIMIT 1
"""


def test_an_order_nobody_claims_falls_back_to_the_community_once(
    incident_town: IncidentTown,
) -> None:
    item = order(incident_town)
    due = column(incident_town.session, item, "due_at")
    assert isinstance(due, datetime)
    assert (
        column(incident_town.session, item, "dispatch_mode"),
        column(incident_town.session, item, "state"),
    ) == (
        "order",
        "dispatched",
    )
    assert all_of(incident_town.session, "unclaimed", due - timedelta(seconds=1)) == 0
    assert [all_of(incident_town.session, "unclaimed", due) for _ in range(2)] == [1, 0]
    seen = incident_town.seen(item, due)
    assert (seen.state, seen.way, seen.role) == ("accepted", "assign", "community_worker")
    assert incident_town.moves(item)[-1] == "expire"


def test_an_order_claimed_in_time_stays_with_who_claimed_it(incident_town: IncidentTown) -> None:
    item = order(incident_town)
    incident_town.do(item, "take", "接单人")
    assert all_of(incident_town.session, "unclaimed", FAR) == 0


def at_once(number: int, do: Callable[[], object]) -> list[object]:
    """Do it in so many threads that begin together."""
    ready, results = threading.Barrier(number), []

    def run() -> None:
        ready.wait()
        results.append(do())

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


def test_workers_that_sweep_at_once_never_double(apart: Engine) -> None:
    began = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
    with Session(apart) as session, session.begin():
        again = Again(session)
        reports = [again.report(at=began) for _ in range(80)]  # more than a batch
    initial = min(report.due for report in reports)  # type: ignore[type-var]
    results = at_once(3, lambda: maintenance.run_due(apart, initial)["overdue"])  # type: ignore[arg-type]
    assert sum(results) == 80  # type: ignore[arg-type]
    with Session(apart) as session:
        per_incident = (
            "SELECT DISTINCT count(*) FROM incident_event WHERE move = 'escalate'"
            " GROUP BY incident_id"
        )
        assert session.scalars(text(per_incident)).all() == [1]
        doubled = (
            "SELECT count(*) FROM (SELECT FROM notice WHERE topic = 'incident.escalate'"
            " GROUP BY incident_id, person_id HAVING count(*) > 1) n"
        )
        assert session.scalar(text(doubled)) == 0
    # and all of the steps of a month at once, by several
    results = at_once(3, lambda: maintenance.run_due(apart, FAR)["overdue"])  # type: ignore[arg-type]
    with Session(apart) as session:
        query = (
            "SELECT incident_id, array_agg((detail ->> 'passed')::int ORDER BY id)"
            " FROM incident_event WHERE move = 'escalate' AND NOT detail ? 'top' GROUP BY 1"
        )
        levels = [tuple(row[1]) for row in session.execute(text(query))]
    assert len(levels) == 80
    assert {report == tuple(range(1, len(report) + 1)) for report in levels} == {True}
    assert maintenance.run_due(apart, FAR)["overdue"] == 0


def test_taken_and_relocated_at_once_it_has_one_owner_who_is_there(apart: Engine) -> None:
    with Session(apart) as session, session.begin():
        again = Again(session)
        item = again.report().id
        ids = dict(map(tuple, session.execute(text("SELECT name, id FROM personal.person"))))
        by = {name: account_principal(session, -1, ids[name], name, NOW) for name in ids}
    beside = MovePayload(lon=build.LON + 0.0015, lat=build.LAT + 0.0005, crs="cgcs2000")
    turns = iter((("王网格", "take", EMPTY_PAYLOAD), ("赵社工", "relocate", beside)))
    lock = threading.Lock()

    def move() -> str:
        with lock:
            name, what, payload = next(turns)
        try:
            with Session(apart) as session, session.begin():
                moves.apply_move(session, by[name], item, what, NOW, payload)
        except WanggeError:
            return "refused"
        return what

    assert "relocate" in at_once(2, move)
    with Session(apart) as session:
        query = (
            "SELECT i.state, p.name FROM incident i JOIN personal.person p ON p.id = i.holder_id"
            " WHERE i.id = :id"
        )
        assert tuple(session.execute(text(query), {"id": item}).one()) == ("dispatched", "邻网格员")


PARTS = (Part("06010", "垃圾"), Part("06010", "路灯"))
# what two dispatchers do to one matter in the same moment, each as they see it
AT_ONCE: list[tuple[tuple[str, ...], tuple[tuple[str, MovePayload], ...]]] = [
    ((), (("dispatch", MovePayload(role="grid_leader")), ("dispatch", EMPTY_PAYLOAD))),
    ((), (("return", MovePayload(note="不归我管")), ("dispatch", EMPTY_PAYLOAD))),
    (
        ("take", "handle", "check"),
        (("close", EMPTY_PAYLOAD), ("send_back", MovePayload(note="没做完"))),
    ),
    ((), (("split", MovePayload(parts=PARTS)), ("split", MovePayload(parts=PARTS)))),
]


@pytest.mark.parametrize(("before", "rivals"), AT_ONCE)
def test_of_two_dispatchers_at_once_one_wins_and_the_other_reads_why(
    apart: Engine,
    before: tuple[str, ...],
    rivals: tuple[tuple[str, MovePayload], ...],
) -> None:
    with Session(apart) as session, session.begin():
        item = Again(session).report().id
        ids = dict(map(tuple, session.execute(text("SELECT name, id FROM personal.person"))))
        by = {name: account_principal(session, -1, ids[name], name, NOW) for name in ids}
        for name in before:
            actor = by["赵社工" if name == "check" else "王网格"]
            moves.apply_move(session, actor, item, name, NOW, MovePayload(note="清走了"))
        seen = incidents.get_incident(session, by["赵社工"], item, now=NOW)
    turns = [(by["王网格" if name == "return" else "赵社工"], name, how) for name, how in rivals]

    def move() -> str:
        actor, name, payload = turns.pop()
        try:
            with Session(apart) as session, session.begin():
                moves.apply_move(session, actor, item, name, NOW, payload, version=seen.version)
        except Conflict as error:
            return error.detail_in("zh")
        return name

    names = {name for name, _ in rivals}
    results = sorted(at_once(2, move), key=lambda result: result in names)
    assert str(results[0]).startswith("该事件刚有新的变化") and results[1] in names
    with Session(apart) as session:
        now = incidents.get_incident(session, by["赵社工"], item, now=NOW)
        events = "SELECT count(*) FROM incident_event WHERE incident_id = :id"
        assert session.scalar(text(events), {"id": item}) == now.version - 1 == seen.version
        assert len(now.split_into) == (1 if results[1] == "split" else 0)


def test_old_rows_are_deleted_and_young_ones_stay(apart: Engine, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    with Session(apart) as session, session.begin():
        for days in (6, 8):
            session.execute(
                text(
                    "INSERT INTO idempotency (owner, key, request_hash, at)"
                    " VALUES ('x', :key, '', :at)"
                ),
                {"key": f"{days} days", "at": now - timedelta(days=days)},
            )
        for days in (89, 91):
            session.execute(
                text(
                    "INSERT INTO personal.sign_in (username, at, succeeded)"
                    " VALUES (:name, :at, false)"
                ),
                {"name": f"{days} days", "at": now - timedelta(days=days)},
            )
        person = session.scalar(text("SELECT min(id) FROM personal.person"))
        for state, days in (("seen", 89), ("seen", 91), ("waiting", 91)):
            session.execute(
                text(
                    "INSERT INTO notice (topic, person_id, body, state, at)"
                    " VALUES ('old', :p, '{}', :state, :at)"
                ),
                {"p": person, "state": state, "at": now - timedelta(days=days)},
            )
    done = maintenance.purge_expired(apart, now, tmp_path)
    assert (done["idempotency"], done["personal.sign_in"], done["notice"]) == (1, 1, 1)
    with Session(apart) as session:
        assert session.scalars(text("SELECT key FROM idempotency")).all() == ["6 days"]
        assert session.scalars(text("SELECT username FROM personal.sign_in")).all() == ["89 days"]
        left = (
            session.execute(text("SELECT state FROM notice WHERE topic = 'old' ORDER BY id"))
            .scalars()
            .all()
        )
        assert left == ["seen", "waiting"]
    assert set(maintenance.purge_expired(apart, now, tmp_path).values()) == {0}
