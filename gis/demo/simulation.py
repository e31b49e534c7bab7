"""A simulated day of incidents over a town: reports, work in working hours, delays, deadlines.

The same seed gives the same day. It calls the functions that the service uses, with the rights of
the people who would take each step, so that what they may not do fails as it would in the service.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from random import Random
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas.snapshot import read_snapshot
from gis.errors import Conflict, Forbidden, NotFound
from gis.incidents import working_time
from gis.incidents.catalogue import editions
from gis.incidents.lifecycle import deadlines, intake, moves, report
from gis.incidents.lifecycle.intake import CHANNELS_BY_KIND
from gis.incidents.lifecycle.payload import MovePayload
from gis.incidents.reading import locked
from gis.incidents.states import allowed_moves
from gis.rights.principal import (
    ANONYMOUS,
    Principal,
    account_principal,
    reporter_principal,
    system_principal,
)

SWEEP_EVERY = timedelta(minutes=10)
# heap of moment, turn, move and incident
Queue = list[tuple[datetime, int, str, UUID | None]]
COMMIT_EVERY = 50  # moves
SIMULATION_ACTOR = system_principal("the office of a made-up town")
SLOW_WORKER_SHARE = 0.15  # of workers who take six times as long
SIMULATED_CHANNELS = ("mini_program",) * 5 + ("web", "phone", "patrol", "woodpecker")
# The next moves in a state, each with its share; otherwise the incident waits to be escalated.
NEXT = {
    "reported": ((1.0, "accept"),),
    "accepted": ((1.0, "dispatch"),),
    "dispatched": ((0.88, "take"), (0.05, "return")),
    "taken": (
        (0.86, "handle"),
        (0.05, "request_extend"),
        (0.03, "request_suspend"),
        (0.02, "request_void"),
    ),
    "returned": ((1.0, "dispatch"),),
    "handled": ((0.95, "check"), (0.05, "send_back")),
    "checked": ((1.0, "close"),),
    "closed": ((0.6, "rate"),),
    "suspended": ((1.0, "resume"),),
}
# median of the working minutes a move takes, log-normally distributed
MEDIAN_MINUTES = {
    "accept": 10,
    "dispatch": 10,
    "take": 12,
    "return": 25,
    "handle": 150,
    "check": 60,
    "close": 20,
    "rate": 90,
    "resume": 240,
    "send_back": 60,
    "approve": 30,
    "reopen": 30,
}
NOTE_BY_MOVE = {
    "return": "不属于本网格职责",
    "handle": "已到现场处理完毕",
    "send_back": "现场仍有残留，请再处理",
    "request_extend": "人手不足，申请延时",
    "request_suspend": "等待配件，申请挂账",
    "request_void": "重复上报，申请作废",
    "reopen": "问题还在，没有解决",
}
# moves of the community's desk
DISPATCHER_MOVES = ("check", "close", "dispatch", "accept", "send_back")


@dataclass(frozen=True)
class SimulationCounts:
    """The result: incidents reported, moves made by name, moves refused by name."""

    filed: list[UUID]
    moves: Counter[str]
    refused: Counter[str]


class SimulatedTown:
    """The people and places of a simulated day."""

    def __init__(self, session: Session, rng: Random, at: datetime) -> None:
        self.session, self.rng, self.at = session, rng, at
        query = (
            "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_PointOnSurface(geom) AS p FROM building"
            " ORDER BY id) s"
        )
        self.points = [(x, y) for x, y in session.execute(text(query))]
        edition = editions.active_edition(session)
        self.kinds = [category for category in edition.categories.values() if category.public]
        query = (
            "SELECT p.area_id, p.role, coalesce(p.holder_id, p.deputy_id) AS person FROM post p"
            " WHERE p.role IN ('community_worker', 'street_office')"
            " AND p.valid_time @> CAST(:at AS timestamptz)"
            " AND coalesce(p.holder_id, p.deputy_id) IS NOT NULL ORDER BY p.id"
        )
        self.desks = {
            (area, role): person for area, role, person in session.execute(text(query), {"at": at})
        }
        self.principals: dict[int, Principal] = {}
        self.slow: dict[int, float] = {}

    def person(self, person_id: int) -> Principal:
        """Return the principal with the rights of a person's posts."""
        if person_id not in self.principals:
            self.principals[person_id] = account_principal(
                self.session, 0, person_id, f"person {person_id}", self.at
            )
        return self.principals[person_id]

    def desk(self, areas: Iterable[int], role: str) -> Principal:
        """Return the principal at the desk of an incident's community or street.

        A system principal if the post is vacant.
        """
        person = next(
            (self.desks[area, role] for area in areas if (area, role) in self.desks), None
        )
        return self.person(person) if person is not None else system_principal("simulated desk")

    def pace(self, person_id: int | None) -> float:
        """Return how many times longer than usual a person takes."""
        if person_id is None:
            return 1.0
        if person_id not in self.slow:
            self.slow[person_id] = 6.0 if self.rng.random() < SLOW_WORKER_SHARE else 1.0
        return self.slow[person_id]


def simulate(
    session: Session,
    begin: datetime,
    end: datetime,
    reports: int,
    seed: int = 2026,
    last: datetime | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    commit: Callable[[], None] | None = None,
) -> SimulationCounts:
    """Report incidents over a town and work on them.

    Parameters
    ----------
    begin, end
        Period of the reports, evenly at random.
    reports
        Number of reports.
    seed
        Seed of all that is random.
    last
        Moment until which work continues; None means `end`.
    progress
        Called with the reports made and their total.
    commit
        Called at intervals; None means that nothing is committed.

    Notes
    -----
    The town must have grids, buildings and posts.
    """
    rng = Random(seed)
    town = SimulatedTown(session, rng, begin)
    snapshot = read_snapshot(session, begin)
    last = last or end
    turn = count()
    queue: Queue = []
    for _ in range(reports):
        heapq.heappush(queue, (begin + (end - begin) * rng.random(), next(turn), "report", None))
    sweep = begin
    while sweep <= last:
        heapq.heappush(queue, (sweep, next(turn), "sweep", None))
        sweep += SWEEP_EVERY
    counts = SimulationCounts([], Counter(), Counter())
    steps = 0
    while queue and queue[0][0] <= last:
        now, _, name, incident = heapq.heappop(queue)
        if name == "sweep":
            _apply_deadlines(session, now, counts)
        elif incident is None:
            incident_report = _report(town)
            # the office records reports by telephone or in person
            by_resident = incident_report.channel in CHANNELS_BY_KIND["anonymous"]
            reporter = ANONYMOUS if by_resident else SIMULATION_ACTOR
            case = intake.assess(session, reporter, incident_report, now, snapshot=snapshot)
            filed = report.file_report(session, reporter, incident_report, now, assessed=case)
            counts.filed.append(filed.id)
            _plan(town, queue, turn, filed.id, filed.state, now, None)
            progress(len(counts.filed), reports)
        else:
            with session.begin_nested():
                _step(session, town, queue, turn, incident, name, now, counts)
        steps += 1
        if commit is not None and steps % COMMIT_EVERY == 0:
            commit()
    if commit is not None:
        commit()
    return counts


def _apply_deadlines(session: Session, now: datetime, counts: SimulationCounts) -> None:
    """Apply the deadlines that are due, and count the moves they make."""
    for rule in deadlines.list_due(session, now):
        cursor = None
        while True:
            batch = deadlines.run_deadline_batch(session, rule, now, cursor)
            counts.moves[rule] += batch.done
            cursor = batch.last
            if cursor is None:
                break


def _report(town: SimulatedTown) -> intake.IncidentReport:
    rng = town.rng
    kind = rng.choice(town.kinds)
    lon, lat = rng.choice(town.points)
    description = rng.choice(kind.examples) if kind.examples else kind.zh
    return intake.IncidentReport(
        category=kind.code,
        description=description,
        lon=lon,
        lat=lat,
        crs="cgcs2000",
        channel=rng.choice(SIMULATED_CHANNELS),
    )


def _plan(
    town: SimulatedTown,
    queue: Queue,
    turn: "count[int]",
    incident: UUID,
    state: str,
    now: datetime,
    holder: int | None,
) -> None:
    """Schedule the next move of an incident, if there is one, in working time."""
    roll = town.rng.random()
    for share, name in NEXT.get(state, ()):
        roll -= share
        if roll < 0:
            median = MEDIAN_MINUTES.get(name, 60) * town.pace(holder)
            at = working_time.deadline(now, town.rng.lognormvariate(0, 0.6) * median)
            heapq.heappush(queue, (at, next(turn), name, incident))
            return


def _step(
    session: Session,
    town: SimulatedTown,
    queue: Queue,
    turn: "count[int]",
    incident: UUID,
    name: str,
    now: datetime,
    counts: SimulationCounts,
) -> None:
    simulation = system_principal("simulation")
    row = moves.lock_incident(session, simulation, incident)
    if name not in allowed_moves(row.state, row.pending_request):
        return  # another move came first, such as a deadline
    principal = _actor(session, town, row, name, now)
    payload = _payload(town, name, now)
    try:
        moves.apply_move(session, principal, incident, name, now, payload)
    except (Conflict, Forbidden, NotFound):
        counts.refused[name] += 1
        return
    counts.moves[name] += 1
    moved = moves.lock_incident(session, simulation, incident)
    if name == "rate":
        if payload.solved is False:  # an unsolved incident is reopened
            counts.moves["reopen"] += 1
            _plan(town, queue, turn, incident, moved.state, now, row.holder_id)
        return
    if moved.pending_request:  # another account approves it
        at = working_time.deadline(now, MEDIAN_MINUTES["approve"])
        heapq.heappush(queue, (at, next(turn), f"approve_{moved.pending_request}", incident))
        return
    _plan(town, queue, turn, incident, moved.state, now, row.holder_id)


def _actor(
    session: Session, town: SimulatedTown, row: locked.LockedIncident, name: str, now: datetime
) -> Principal:
    """Return the principal who makes a move, under a name that the history marks as demo."""
    by = _responsible(session, town, row, name)
    return replace(by, actor=f"demo {by.actor}")


def _responsible(
    session: Session, town: SimulatedTown, row: locked.LockedIncident, name: str
) -> Principal:
    if name in ("rate", "reopen"):
        return reporter_principal(row.id)
    if name.startswith("approve"):
        return town.desk(row.area_ids, "street_office")
    if name in DISPATCHER_MOVES or name == "resume":
        return town.desk(row.area_ids, "community_worker")
    if row.holder_id is not None:
        return town.person(row.holder_id)
    if row.dispatch_mode == "order":
        query = text(
            "SELECT array_agg(person_id ORDER BY person_id) FROM order_offer"
            " WHERE incident_id = :id"
        )
        people = session.scalar(query, {"id": row.id})
        if people:
            return town.person(town.rng.choice(people))
    return town.desk(row.area_ids, "community_worker")


def _payload(town: SimulatedTown, name: str, now: datetime) -> MovePayload:
    if name == "rate":
        rating = town.rng.choices((5, 4, 3, 2, 1), (50, 28, 12, 6, 4))[0]
        return MovePayload(rating=rating, solved=rating > 2 or town.rng.random() < 0.3)
    return MovePayload(
        note=NOTE_BY_MOVE.get(name, ""),
        minutes=120.0 if name == "request_extend" else None,
        until=now + timedelta(days=7) if name == "request_suspend" else None,
    )
