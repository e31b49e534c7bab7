"""The figures: right against a small case counted by hand, and against a whole made-up day counted
the long way.
"""

import csv
import functools
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis import db
from gis.demo.claimants import create_claimants
from gis.demo.generate import generate_town
from gis.demo.simulation import simulate
from gis.errors import Conflict, Forbidden, InvalidInput, NotFound
from gis.incidents.lifecycle import intake, moves, spot_checks
from gis.incidents.lifecycle.payload import MovePayload
from gis.incidents.lifecycle.report import file_report
from gis.incidents.reading import counts, filters, statistics
from gis.incidents.reading.spot_checks import list_samples
from gis.incidents.reading.statistics_rows import RATE_PARTS, counted_incidents
from gis.incidents.reading.statistics_sql import Scope, counted_sql
from gis.incidents.states import TRANSITION_ROWS
from gis.incidents.working_time import ZONE
from gis.ops.cluster import DatabaseUrls
from gis.rights.actions import Action
from gis.rights.principal import (
    ANONYMOUS,
    Principal,
    account_principal,
    reporter_principal,
    system_principal,
)
from tests.support import build
from tests.support.deployment import new_database
from tests.support.figures_by_hand import Counted, count_by_hand
from tests.support.incident_town import move_and_see
from tests.support.sign_in import account, signed_in

DAY = datetime(2026, 11, 24, tzinfo=ZONE)  # a Tuesday
WEEK = timedelta(days=7)
CELL = re.compile(r"<td[^>]*>(.*?)</td>", re.DOTALL)
REPORTS = 240  # of the simulated day: enough for every move of the table to happen


def at(clock: str) -> datetime:
    """A time of that day."""
    return datetime.fromisoformat(f"2026-11-24 {clock}").replace(tzinfo=ZONE)


@pytest.fixture
def by_hand(session: Session) -> Session:
    """Six matters of the ordinary rule: 60 working minutes to take, 900 to handle.

    |   | reported | taken           | handled         | then                       |
    | A | 09:00    | 09:30 in time   | 11:00 in time   | closed, rated 5, solved, by who reported |
    | B | 09:00    | 11:00 too late  | 12:00 in time   | closed, recorded 2, unsolved, by the office |
    | C | 09:30    | never           |                 | open and overdue at 15:00  |
    | D | 14:40    | not yet         |                 | open, in time at 15:00     |
    | E | 09:00    | 09:20 in time   | not yet         | returned once before       |
    | F | 09:10    | repeats A; does not count                                      |
    | G | 09:10    | void; does not count                                           |
    """  # noqa: E501
    town = build.Town(session)
    grid = town.grid("001")
    for role, location, name in (
        ("grid_worker", grid, "王网格"),
        ("community_worker", town.community, "赵社工"),
        ("street_office", town.street, "街道"),
    ):
        town.post(role, location, name)

    def who(name: str) -> Principal:
        return account_principal(session, -1, town.person(name).id, name, DAY)

    def report(when: str) -> Any:
        incident_report = intake.IncidentReport(
            category="06010", lon=build.LON + 0.0005, lat=build.LAT + 0.0005, crs="cgcs2000"
        )
        return file_report(session, ANONYMOUS, incident_report, at(when)).id

    def do(incident: Any, name: str, when: str, by: str = "王网格", **wish: Any) -> None:
        moves.apply_move(session, who(by), incident, name, at(when), MovePayload(**wish))

    a, b, c, d, e, f, g = (
        report(when) for when in ("09:00", "09:00", "09:30", "14:40", "09:00", "09:10", "09:10")
    )
    assert c and d
    do(f, "link", "09:15", "赵社工", parent=a)
    do(a, "take", "09:30")
    do(a, "handle", "11:00", note="清走了")
    do(b, "take", "11:00")
    do(b, "handle", "12:00", note="清走了")
    for one, rating in ((a, 5), (b, 2)):
        do(one, "check", "14:00", "赵社工")
        do(one, "close", "14:10", "赵社工")
        by = reporter_principal(one) if one == a else who("赵社工")
        moves.apply_move(
            session, by, one, "rate", at("14:20"), MovePayload(rating=rating, solved=rating > 2)
        )
    do(e, "return", "09:05", note="不是我的")
    do(e, "dispatch", "09:10", "赵社工")
    do(e, "take", "09:20")
    do(g, "request_void", "09:20", "赵社工", note="测试")
    do(g, "approve_void", "09:25", "街道")
    return session


def test_the_figures_counted_by_hand(by_hand: Session) -> None:
    now = at("15:00")
    (incident_statistic,) = statistics.incident_statistics(
        by_hand, system_principal("test"), DAY, DAY + WEEK, now=now
    )
    assert (
        incident_statistic.reported,
        incident_statistic.open,
        incident_statistic.closed,
        incident_statistic.overdue,
    ) == (5, 3, 2, 1)
    assert incident_statistic.response == 0.5  # A and E of A, B, C, E; D has time left
    assert incident_statistic.completion == 0.4  # A, B of five
    assert (
        incident_statistic.in_time == 0.666667
    )  # A and B were handled in time, C is late and nobody handled it
    assert (incident_statistic.resolution, incident_statistic.satisfaction) == (
        1.0,
        1.0,
    )  # A, in the reporter's own word
    assert (incident_statistic.office_resolution, incident_statistic.office_satisfaction) == (
        0.0,
        0.0,
    )  # B, as the office recorded it
    assert (incident_statistic.rated, incident_statistic.mean_rating) == (1, 5.0)
    assert incident_statistic.returned == 0.2
    assert incident_statistic.hours_to_take == 0.5  # of 0.33, 0.5 and 2 hours the middle
    assert incident_statistic.hours_to_handle == 2.5  # between 2 and 3 hours


def test_a_reopened_matter_withdraws_its_solved(by_hand: Session) -> None:
    query = "SELECT id FROM incident WHERE state = 'closed' AND rating = 5"
    row_id = by_hand.scalar(text(query))
    moves.apply_move(
        by_hand,
        reporter_principal(row_id),
        row_id,
        "reopen",
        at("14:30"),
        MovePayload(note="又来了"),
    )
    (incident_statistic,) = statistics.incident_statistics(
        by_hand, system_principal("test"), DAY, DAY + WEEK, now=at("15:00")
    )
    assert (incident_statistic.resolution, incident_statistic.completion) == (0.0, 0.2)
    assert (
        incident_statistic.in_time == 0.5
    )  # B; C is late; A is not handled any more, and not late yet
    assert incident_statistic.hours_to_handle == 3.0  # B alone


def test_not_solved_in_the_reporters_word_reopens_and_in_the_offices_does_not(
    by_hand: Session,
) -> None:
    rows = {
        row.office_rating: row
        for row in by_hand.execute(text("SELECT * FROM incident WHERE state = 'closed'"))
    }
    assert (rows[2].state, rows[2].rating, rows[2].office_solved) == ("closed", None, False)
    item = rows[None].id
    result = move_and_see(
        by_hand,
        reporter_principal(item),
        item,
        "rate",
        at("14:40"),
        MovePayload(rating=1, solved=False),
    )
    assert (result.state, result.rating, result.solved) == ("dispatched", 1, False)


@pytest.mark.parametrize(
    ("per", "keys"),
    [
        ("community", ["520402007012"]),
        ("grid", ["520402007012001"]),
        ("category", ["06010"]),
        ("major", ["06"]),
        ("day", ["2026-11-24"]),
        ("week", ["2026-W48"]),
        ("month", ["2026-11"]),
        ("role", ["grid_worker"]),
        ("person", ["p-王网格"]),
        ("channel", ["api"]),
    ],
)
def test_every_grouping_adds_up_to_the_whole(by_hand: Session, per: str, keys: list[str]) -> None:
    result = statistics.incident_statistics(
        by_hand, system_principal("test"), DAY, DAY + WEEK, per, now=at("15:00")
    )
    assert [item.key for item in result] == keys
    assert sum(item.reported for item in result) == 5


def test_figures_are_planned_for_their_own_period(
    by_hand: Session, between: dict[str, str]
) -> None:
    """Planned for any period they took 2.6 s for 0.08 in a county, after ten in a transaction."""
    if "DATABASE_URL" in between:
        pytest.skip("behind a pooler nothing is prepared")
    for minute in range(14):
        until = DAY + WEEK + timedelta(minutes=minute)
        statistics.incident_statistics(
            by_hand, system_principal("test"), DAY, until, "community", now=at("15:00")
        )
    query = """
    SELECT sum(generic_plans), sum(custom_plans) FROM pg_prepared_statements
    WHERE statement ~ 'WITH picked'
    """
    generic, custom = by_hand.execute(text(query)).one()
    assert generic == 0 and custom >= 8


def test_areas_stand_in_the_order_of_their_levels(session: Session) -> None:
    """The figures of a level read its place in `area_ids`; what is of no grid has fewer."""
    town, by = build.Town(session), system_principal("test")
    grid, shape = town.grid("001"), build.square(build.LON, build.LAT)
    for area in (town.county, town.street, town.community, grid):
        if area is not grid:
            town.boundary(area, shape)
        report = intake.IncidentReport(category="06010", area=area.code)
        file_report(session, by, report, at("09:00"))
    query = """
    SELECT DISTINCT (SELECT array_agg(a.level ORDER BY u.place)
      FROM unnest(i.area_ids) WITH ORDINALITY u (id, place) JOIN area a ON a.id = u.id)
    FROM incident i
    """
    levels = ["county", "street", "community", "grid"]
    assert sorted(session.scalars(text(query))) == [levels[:n] for n in range(1, 5)]
    for number, level in enumerate(levels[:3]):
        rows = statistics.incident_statistics(session, by, DAY, DAY + WEEK, level, now=at("15:00"))
        without = [row.reported for row in rows if row.key is None]
        assert without == ([number] if number else [])  # the matters of what is above


def test_figures_are_of_what_one_may_see(by_hand: Session) -> None:
    elsewhere = Principal("account", "x", {Action.FIGURES: frozenset({-1})})
    assert (
        statistics.incident_statistics(by_hand, elsewhere, DAY, DAY + WEEK, now=at("15:00")) == []
    )
    with pytest.raises(Forbidden):
        statistics.incident_statistics(
            by_hand, elsewhere, DAY, DAY + WEEK, "person", now=at("15:00")
        )
    with pytest.raises(Forbidden):
        statistics.incident_statistics(by_hand, ANONYMOUS, DAY, DAY + WEEK, now=at("15:00"))
    for wrong in ({"per": "moon"}, {"area": "nowhere"}, {"until": DAY}):
        with pytest.raises(InvalidInput):
            statistics.incident_statistics(
                by_hand, system_principal("test"), DAY, **{"until": DAY + WEEK, "now": DAY} | wrong
            )  # type: ignore[arg-type]


def test_small_numbers_are_counts_and_lead_to_their_rows(
    by_hand: Session, client: FlaskClient
) -> None:
    street = signed_in(client, account(by_hand, "someone", "street", "520402007"))
    query = "since=2026-11-24&until=2026-11-24&per=community"
    page = street.get(f"/figures?{query}").get_data(as_text=True)
    cells = [" ".join(re.sub("<[^>]+>", " ", cell).split()) for cell in CELL.findall(page)]
    # of the community: reported, open, overdue, supervised, then the rates, none a percentage
    assert (cells[0], cells[5], cells[7]) == ("5", "2 / 5", "1 / 1")
    assert cells[3] and not any("%" in cell for cell in cells)
    csv_row = next(csv.DictReader(StringIO(street.get(f"/figures.csv?{query}").text[1:])))
    assert (csv_row["办结率"], csv_row["办结率（分子）"], csv_row["办结率（分母）"]) == (
        "",
        "2",
        "5",
    )
    address = f"/figures/rows?{query}&key=520402007012&metric=completion"
    for part, count in (("of", 5), ("n", 2), ("rest", 3)):
        rows = street.get(f"{address}&part={part}").get_data(as_text=True)
        assert rows.count("/desk?incident=") == count
    assert street.get("/figures/rows?metric=moon").status_code == 422
    assert street.get("/figures/rows?metric=reported&after=eHg").status_code == 422
    answer = street.get("/api/v1/figures?since=2026-11-01&until=2026-12-01&compare=true").get_json()
    assert answer["items"][0]["rates"]["completion"] == {"n": 2, "of": 5, "value": 0.4}
    assert answer["before"] == {
        "since": "2026-10-01T00:00:00+08:00",
        "until": "2026-11-01T00:00:00+08:00",
        "items": [],
    }


def test_over_http_one_must_be_somebody(client: FlaskClient) -> None:
    assert client.get("/api/v1/figures?since=2026-11-01").status_code == 401


@pytest.fixture(scope="module")
def town(addresses: DatabaseUrls) -> Iterator[Session]:
    """The pilot with people who take orders, and a day of reports, committed to a database of its
    own.
    """
    with new_database(addresses) as urls, Session(db.engine(urls.app)) as session:
        generate_town(session)
        create_claimants(session)
        # a tenth of the workers is away that day: deputies stand in, or the next role up
        # answers
        away = (
            "INSERT INTO leave (person_id, valid_time)"
            " SELECT DISTINCT holder_id, tstzrange(CAST(:day AS timestamptz),"
            " CAST(:day AS timestamptz) + interval '1 day')"
            " FROM post WHERE role = 'grid_worker' AND holder_id % 10 = 0"
        )
        session.execute(text(away), {"day": DAY})
        session.commit()
        simulate(
            session,
            at("07:00"),
            at("22:00"),
            REPORTS,
            last=DAY + timedelta(days=2),
            commit=session.commit,
        )
        yield session


def test_a_day_in_the_pilot(town: Session) -> None:
    """All reports are there, each held by somebody or open at the community, and nothing
    against the table.
    """
    query = "SELECT state, count(*) AS n FROM incident GROUP BY state"
    states = Counter({row.state: row.n for row in town.execute(text(query))})
    assert states.total() == REPORTS
    assert states["closed"] > REPORTS / 2
    assert (
        town.scalar(
            text(
                "SELECT count(*) FROM incident"
                " WHERE state = 'dispatched' AND dispatch_mode = 'assign'"
                " AND holder_id IS NULL"
            )
        )
        == 0
    )
    events = town.execute(
        text(
            "SELECT incident_id, move, from_state, from_request, to_state, to_request"
            " FROM incident_event"
            " ORDER BY id"
        )
    ).all()
    last: dict[Any, tuple[str, str]] = {}
    for event in events:
        assert (
            event.move,
            event.from_state,
            event.from_request,
            event.to_state,
            event.to_request,
        ) in TRANSITION_ROWS
        old = last.get(event.incident_id, ("reported", ""))
        assert (
            event.from_state,
            event.from_request,
        ) == old  # no gap between one event and the next
        last[event.incident_id] = (event.to_state, event.to_request)
    now = {
        row.id: (row.state, row.pending_request)
        for row in town.execute(text("SELECT id, state, pending_request FROM incident"))
    }
    assert now == last
    assert {"take", "return", "handle", "escalate", "rate", "reopen", "expire"} <= {
        event.move for event in events
    }


GROUPED = "SELECT i.id, (SELECT code FROM area WHERE id = i.grid_id) AS key FROM incident i"


def test_every_figure_and_its_rows_counted_the_long_way(town: Session) -> None:
    """Every count, numerator, denominator and median, of all and by grid, and the lists behind."""
    by, end = system_principal("test"), DAY + timedelta(days=2)
    drawn = spot_checks.draw(
        town, by, "2026-W48", DAY + WEEK, ZONE, sampling=spot_checks.Sampling(0.2, seed="w48")
    )
    verdicts = ["real", "real", "partly", "not_real"]
    for number, row in enumerate(row for part in drawn for row in part.incidents):
        if number % 5:
            spot_checks.judge(town, by, row.id, verdicts[number % 4], "看过了", DAY + WEEK)
    counted = count_by_hand(town, DAY, end, end)
    scope = Scope(DAY, end, end, "grid")
    whole, rows = statistics.grouped_statistics(town, by, scope)
    assert whole and [whole] == statistics.incident_statistics(town, by, DAY, end, now=end)
    ids = counted.of["completion"]
    assert 0 < len(ids) < REPORTS  # repeats and void ones are left out
    grid_of = {row.id: row.key for row in town.execute(text(GROUPED))}
    assert statistics.closed_by_key(town, by, scope) == {
        row.key: (row.reported, row.closed) for row in rows
    }
    assert [row.key for row in rows] == sorted({grid_of[incident_id] for incident_id in ids})
    for row in (whole, *rows):
        members = {incident_id for incident_id in ids if row.key in ("", grid_of[incident_id])}
        for name, part in counted.count.items():
            assert getattr(row, name) == len(part & members), (row.key, name)
        for name in statistics.RATES:
            n, of = counted.rate(name, members)
            assert (row.rates[name].n, row.rates[name].of) == (n, of), (row.key, name)
            value = round(n / of, 6) if of else None
            assert getattr(row, name) == row.rates[name].value == value
        for name in statistics.HOUR_FIGURES:
            assert getattr(row, name) == pytest.approx(counted.median(name, members), abs=1e-4), (
                row.key,
                name,
            )
    assert {name for name in statistics.RATES if whole.rates[name].of} == {*statistics.RATES} - {
        "followed_up",
        "office_resolution",
        "office_satisfaction",
    }
    _check_rows(town, by, counted, end, rows[0].key, {i for i in ids if grid_of[i] == rows[0].key})
    town.rollback()


def _check_rows(
    town: Session, by: Principal, counted: Counted, end: datetime, key: str | None, members: Any
) -> None:
    scope = Scope(DAY, end, end, "grid")

    def listed(metric: str, part: str = "of", key: str | None = None) -> list[Any]:
        return counted_incidents(town, by, scope, metric, key, part, limit=1000)

    for name in statistics.RATES:
        parts = {part: {row.id for row in listed(name, part)} for part in RATE_PARTS}
        assert parts == {
            "of": counted.of[name],
            "n": counted.n[name],
            "rest": counted.of[name] - counted.n[name],
        }
        assert {row.id for row in listed(name) if row.counts} == counted.n[name]
        assert {row.id for row in listed(name, key=key)} == counted.of[name] & members
    for name in counted.count:
        assert {row.id for row in listed(name)} == counted.count[name]
    for name, hours in counted.hours.items():
        values = {row.id: row.value for row in listed(name)}
        assert values == pytest.approx(hours, abs=1e-4)
    whole = listed("reported")
    pages, new = [], None
    while page := counted_incidents(town, by, scope, "reported", limit=50, after=new):
        pages += page
        new = page[-1].reported_at, page[-1].id
    assert pages == whole


def test_a_spot_check_is_drawn_once_by_its_seed(by_hand: Session) -> None:
    by, next_week = system_principal("test"), DAY + WEEK
    ids = [UUID(int=number) for number in range(203)]
    order = sorted(
        ids, key=lambda incident_id: hashlib.sha256(f"a:{incident_id}".encode()).hexdigest()
    )
    sampling = spot_checks.Sampling(0.05, 5, "a")
    assert sampling.draw(ids) == order[:11]  # a twentieth, rounded up
    assert (
        sampling.draw(ids[:60])
        == [incident_id for incident_id in order if incident_id in ids[:60]][:5]
    )
    assert len(sampling.draw(ids[:3])) == 3
    weeks = (
        "2026-W54",
        "last",
        "9999-W52",
        "2026-W48".translate({50: "２"}),
    )
    for week, now in (("2026-W48", DAY), *((week, next_week) for week in weeks)):
        with pytest.raises(InvalidInput):
            spot_checks.draw(by_hand, by, week, now, ZONE)
    first, second = spot_checks.Sampling(seed="a"), spot_checks.Sampling(seed="b")
    (drawn,) = spot_checks.draw(by_hand, by, "2026-W48", next_week, ZONE, sampling=first)
    query = "SELECT id FROM incident WHERE state = 'closed' AND parent_id IS NULL"
    closed = set(by_hand.scalars(text(query)))
    assert {row.incident_id for row in drawn.incidents} == closed
    assert (drawn.population, drawn.seed, drawn.area) == (2, "a", "520402007012")
    assert spot_checks.draw(by_hand, by, "2026-W48", next_week, ZONE, sampling=second) == []
    assert list_samples(by_hand, by, "2026-W48", next_week)[0].seed == "a"


def test_verdicts_are_of_who_supervises_and_did_not_do_it(by_hand: Session) -> None:
    now = DAY + WEEK
    (drawn,) = spot_checks.draw(by_hand, system_principal("test"), "2026-W48", now, ZONE)
    number = text("SELECT id FROM personal.person WHERE name = :name")
    people = {
        name: account_principal(by_hand, -1, by_hand.scalar(number, {"name": name}), name, DAY)
        for name in ("王网格", "街道")
    }
    initial, second = drawn.incidents
    judge = functools.partial(spot_checks.judge, by_hand, now=now)
    with pytest.raises(Forbidden):
        judge(people["王网格"], initial.id, "real", "")
    handler = replace(system_principal("worker"), person_id=people["王网格"].person_id)
    with pytest.raises(Forbidden, match="yourself"):
        judge(handler, initial.id, "real", "")
    for verdict, note in (("maybe", "x"), ("not_real", " "), ("real", "x" * 2001)):
        with pytest.raises(InvalidInput):
            judge(people["街道"], initial.id, verdict, note)
    with pytest.raises(NotFound):
        judge(people["街道"], initial.id + 99, "real", "")
    judge(people["街道"], initial.id, "not_real", "还在原地")
    judge(people["街道"], second.id, "real", "")
    judge(people["街道"], initial.id, "partly", "清了一半")
    with pytest.raises(Conflict, match="partly"):
        judge(people["街道"], initial.id, "real", "", replaces="")  # as a form of before has it
    (seen,) = (
        row.checked_at.isoformat()
        for row in list_samples(by_hand, people["街道"], "2026-W48", now)[0].incidents
        if row.id == initial.id and row.checked_at
    )
    judge(people["街道"], initial.id, "partly", "清了一半", replaces=seen)
    (row,) = statistics.incident_statistics(
        by_hand, system_principal("test"), DAY, DAY + WEEK, now=now
    )
    assert row.rates["confirmed"] == statistics.RateCount(1, 2)
    assert row.rates["confirmed"].value == 0.5
    assert (
        by_hand.scalar(
            text("SELECT count(*) FROM history WHERE table_name = 'spot_check' AND op = 'update'")
        )
        == 3
    )  # the first verdict stays on record


def test_a_period_is_compared_with_the_one_before_it() -> None:
    def before(since: str, until: str) -> list[str]:
        moments = (datetime.fromisoformat(day).replace(tzinfo=ZONE) for day in (since, until))
        return [f"{day:%F}" for day in statistics.previous_period(*moments, ZONE)]

    assert before("2026-11-24", "2026-12-01") == ["2026-11-17", "2026-11-24"]
    assert before("2026-03-01", "2026-04-01") == ["2026-02-01", "2026-03-01"]
    assert before("2026-01-01", "2026-04-01") == ["2025-10-01", "2026-01-01"]
    assert before("2026-01-01", "2027-01-01") == ["2025-01-01", "2026-01-01"]


def test_a_period_of_centuries_costs_what_its_incidents_do(by_hand: Session) -> None:
    since = datetime(1900, 1, 1, tzinfo=ZONE)
    scope = Scope(since, datetime(2999, 12, 31, tzinfo=ZONE), DAY + WEEK)
    _, params = counted_sql(by_hand, system_principal("test"), scope)
    assert len(params["works"]) < 20


def test_a_day_is_the_same_again(session: Session) -> None:
    generate_town(session, households=600)
    create_claimants(session)
    days = []
    for _ in range(2):
        with session.begin_nested() as undone:
            day = simulate(session, at("08:00"), at("12:00"), 20, seed=7, last=at("18:00"))
            by_state = counts.count_by_state(
                session, system_principal("test"), filters.IncidentFilters(), now=at("18:00")
            )
            days.append((day.moves - Counter({"unclaimed": 0}), by_state["states"]))
            undone.rollback()
    assert days[0] == days[1]
