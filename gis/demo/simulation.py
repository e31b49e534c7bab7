"""A made-up day of incidents over a town: people report, workers work their hours, some are slow,
the clock runs.

The same seed gives the same day. It goes through the very functions that the service uses, as the
people who would do each step, so that what they may not do fails here as it would there.
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
from gis.incidents.lifecycle.effects import MovePayload
from gis.incidents.lifecycle.intake import CHANNELS_BY_KIND
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
COMMIT_EVERY = 50  # steps
OFFICE = system_principal("the office of a made-up town")
SLOW_WORKER_SHARE = 0.15  # share of workers who take six times as long
CHANNELS = ("mini_program",) * 5 + ("web", "phone", "patrol", "woodpecker")
# what may happen next in a state: (share, move); the rest leaves it lying, and the clock sends it
# up
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
# working minutes a step takes, at the median of a log-normal distribution
MINUTES = {
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
WORDS = {
    "return": "不属于本网格职责",
    "handle": "已到现场处理完毕",
    "send_back": "现场仍有残留，请再处理",
    "request_extend": "人手不足，申请延时",
    "request_suspend": "等待配件，申请挂账",
    "request_void": "重复上报，申请作废",
    "reopen": "问题还在，没有解决",
}
DISPATCHER_MOVES = (
    "check",
    "close",
    "dispatch",
    "accept",
    "send_back",
)  # done by the community's desk


@dataclass(frozen=True)
class SimulationCounts:
    """What came of it: reports filed, moves done by name, moves refused."""

    filed: list[UUID]
    moves: Counter[str]
    refused: Counter[str]


class SimulatedTown:
    """The people and places a day draws on."""

    def __init__(self, session: Session, dice: Random, at: datetime) -> None:
        self.session, self.dice, self.at = session, dice, at
        query = (
            "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_PointOnSurface(geom) AS p FROM building"
            " ORDER BY id) s"
        )
        self.spots = [(x, y) for x, y in session.execute(text(query))]
        edition = editions.active_edition(session)
        self.kinds = [one for one in edition.categories.values() if one.public]
        query = (
            "SELECT p.area_id, p.role, coalesce(p.holder_id, p.deputy_id) AS person FROM post p"
            " WHERE p.role IN ('community_worker', 'street_office')"
            " AND p.valid_time @> CAST(:at AS timestamptz)"
            " AND coalesce(p.holder_id, p.deputy_id) IS NOT NULL ORDER BY p.id"
        )
        self.desks = {
            (area, role): person for area, role, person in session.execute(text(query), {"at": at})
        }
        self.known: dict[int, Principal] = {}
        self.slow: dict[int, float] = {}

    def person(self, person_id: int) -> Principal:
        """Somebody with the rights of their posts."""
        if person_id not in self.known:
            self.known[person_id] = account_principal(
                self.session, 0, person_id, f"person {person_id}", self.at
            )
        return self.known[person_id]

    def desk(self, areas: Iterable[int], role: str) -> Principal:
        """Who sits at the desk of an incident's community or street.

        Ourselves where nobody does.
        """
        person = next(
            (self.desks[area, role] for area in areas if (area, role) in self.desks), None
        )
        return self.person(person) if person is not None else system_principal("simulated desk")

    def pace(self, person_id: int | None) -> float:
        """How many times longer than usual somebody takes."""
        if person_id is None:
            return 1.0
        if person_id not in self.slow:
            self.slow[person_id] = 6.0 if self.dice.random() < SLOW_WORKER_SHARE else 1.0
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
    """File reports over a town and work on them.

    Parameters
    ----------
    begin, end
        Between which the reports come, evenly at random. last: Until when work goes on; None:
        `end`.
    reports
        How many. seed: Of everything that is left to chance.
    progress
        Called with reports filed and wanted. commit: Called every so often; None flushes only.

    The town must have grids, buildings and posts.
    """
    dice = Random(seed)
    town = SimulatedTown(session, dice, begin)
    register = read_snapshot(session, begin)
    last = last or end
    turn = count()
    queue: list[tuple[datetime, int, str, UUID | None]] = []
    for _ in range(reports):
        heapq.heappush(queue, (begin + (end - begin) * dice.random(), next(turn), "report", None))
    sweep = begin
    while sweep <= last:
        heapq.heappush(queue, (sweep, next(turn), "sweep", None))
        sweep += SWEEP_EVERY
    day = SimulationCounts([], Counter(), Counter())
    steps = 0
    while queue and queue[0][0] <= last:
        now, _, name, incident = heapq.heappop(queue)
        if name == "sweep":
            for one in deadlines.DEADLINE_RULES:
                after = None
                while True:
                    done = deadlines.run_deadline_batch(session, one, now, after)
                    day.moves[one] += done.done
                    after = done.last
                    if after is None:
                        break
        elif incident is None:
            given = _report(town)
            # who calls, or comes in person, is written down by the office
            by_resident = given.channel in CHANNELS_BY_KIND["anonymous"]
            filed = report.file_report(
                session, ANONYMOUS if by_resident else OFFICE, given, now, snapshot=register
            )
            day.filed.append(filed.id)
            _plan(town, queue, turn, filed.id, filed.state, now, None)
            progress(len(day.filed), reports)
        else:
            with session.begin_nested():
                _step(session, town, queue, turn, incident, name, now, day)
        steps += 1
        if commit is not None and steps % COMMIT_EVERY == 0:
            commit()
    if commit is not None:
        commit()
    return day


def _report(town: SimulatedTown) -> intake.IncidentReport:
    dice = town.dice
    kind = dice.choice(town.kinds)
    lon, lat = dice.choice(town.spots)
    words = dice.choice(kind.examples) if kind.examples else kind.zh
    return intake.IncidentReport(
        category=kind.code,
        description=words,
        lon=lon,
        lat=lat,
        crs="cgcs2000",
        channel=dice.choice(CHANNELS),
    )


def _plan(
    town: SimulatedTown,
    queue: list[tuple[datetime, int, str, UUID | None]],
    turn: "count[int]",
    incident: UUID,
    state: str,
    now: datetime,
    holder: int | None,
) -> None:
    """What happens next to an incident, if anything, and when: in working time."""
    roll = town.dice.random()
    for share, name in NEXT.get(state, ()):
        roll -= share
        if roll < 0:
            median = MINUTES.get(name, 60) * town.pace(holder)
            at = working_time.deadline(now, town.dice.lognormvariate(0, 0.6) * median)
            heapq.heappush(queue, (at, next(turn), name, incident))
            return


def _step(
    session: Session,
    town: SimulatedTown,
    queue: list[tuple[datetime, int, str, UUID | None]],
    turn: "count[int]",
    incident: UUID,
    name: str,
    now: datetime,
    day: SimulationCounts,
) -> None:
    row = moves.lock_incident(session, system_principal("simulation"), incident)
    if name not in allowed_moves(row.state, row.pending_request):
        return  # something else came first, as the clock
    by = _who(session, town, row, name, now)
    wish = _wish(town, name)
    try:
        found = moves.apply_move(session, by, incident, name, now, wish)
    except (Conflict, Forbidden, NotFound):
        day.refused[name] += 1
        return
    day.moves[name] += 1
    if name == "rate":
        if wish.solved is False:  # it is taken up again by itself
            day.moves["reopen"] += 1
            _plan(town, queue, turn, incident, found.state, now, row.holder_id)
        return
    if found.pending:  # somebody else approves it
        at = working_time.deadline(now, MINUTES["approve"])
        heapq.heappush(queue, (at, next(turn), f"approve_{found.pending}", incident))
        return
    _plan(town, queue, turn, incident, found.state, now, row.holder_id)


def _who(
    session: Session, town: SimulatedTown, row: locked.LockedIncident, name: str, now: datetime
) -> Principal:
    """Who does a step; the history tells them from real people."""
    by = _really(session, town, row, name)
    return replace(by, actor=f"demo {by.actor}")


def _really(
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
            return town.person(town.dice.choice(people))
    return town.desk(row.area_ids, "community_worker")


def _wish(town: SimulatedTown, name: str) -> MovePayload:
    if name == "rate":
        rating = town.dice.choices((5, 4, 3, 2, 1), (50, 28, 12, 6, 4))[0]
        return MovePayload(rating=rating, solved=rating > 2 or town.dice.random() < 0.3)
    return MovePayload(
        note=WORDS.get(name, ""), minutes=120.0 if name == "request_extend" else None
    )
