"""The calendar that an office loads: deadlines, opening hours and figures go by it."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from gis import office_calendar
from gis.facilities.hours import is_open
from gis.incidents import calendar_file
from gis.incidents.reading import statistics_sql
from gis.incidents.working_time import ZONE, deadline, elapsed_minutes
from gis.office_calendar import CalendarFollower, OfficeCalendar
from gis.ops import setup
from tests.support.incident_town import NOW, IncidentTown

HEADER = "用途,自,至（含当天）,上下班时间,名称\n"
# as the State Council might give 2027, and the hours of an office in Ürümqi
TABLE = (
    HEADER
    + "作息,2000-01-01,,9:00-12:00、13:30-18:00,\n"
    + "作息,2026-10-15,,10:00-14:00、15:30-19:30,冬季\n"
    + "作息,2027-05-01,2027-09-30,10:00-14:00 16:00-20:00,夏季\n"
    + "放假,2027-02-05,2027-02-12,,春节\n"
    + "放假,2027.10.1,2027年10月7日,,国庆节\n"
    + "上班,2027-02-20,,,调休\n"
)


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    office_calendar.use(())


def rows_of(folder: Path, table: str) -> list[office_calendar.CalendarRow]:
    """What a table says, with nothing refused."""
    path = folder / "calendar.csv"
    path.write_text(table, encoding="utf-8")
    rows, report = calendar_file.parse(path)
    assert not report.refused, report.refused
    return rows


def at(moment: str) -> datetime:
    """A moment by the office's clock."""
    return datetime.fromisoformat(moment).replace(tzinfo=ZONE)


def test_days_and_hours_are_those_of_the_table(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, TABLE)
    office_calendar.use(rows)
    calendar = office_calendar.current()
    assert calendar.knows(2027) and not OfficeCalendar().knows(2027)
    assert deadline(at("2026-11-23T09:00"), 60) == at("2026-11-23T11:00")
    assert deadline(at("2027-02-04T19:00"), 60) == at("2027-02-13T10:30") + timedelta(days=2)
    assert deadline(at("2027-02-19T19:00"), 60) == at("2027-02-20T10:30")  # a Saturday worked
    assert elapsed_minutes(at("2027-07-01T00:00"), at("2027-07-02T00:00")) == 480
    assert deadline(at("2027-07-01T13:00"), 120) == at("2027-07-01T17:00")
    assert deadline(at("2026-03-02T11:30"), 60) == at("2026-03-02T14:00")  # the former hours
    # what the package publishes stands under it
    assert not calendar.works(date(2026, 2, 17)) and calendar.works(date(2026, 2, 14))


def test_a_table_comes_back_as_it_was(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, TABLE)
    calendar_file.dump(rows, tmp_path / "again.xlsx")
    again, report = calendar_file.parse(tmp_path / "again.xlsx")
    assert again == rows and not report.refused
    stored = [office_calendar.row_from_json(office_calendar.row_to_json(row)) for row in rows]
    assert stored == rows


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("放假,2027-02-12,2027-02-05,,", "calendar.ends_before"),
        ("放假,2027-02-05,2028-02-12,,", "calendar.too_many_days"),
        ("放假,2月5日,,,", "cell.not_date"),
        ("休假,2027-02-05,,,", "cell.none_of"),
        ("放假,2027-02-05,,09:00-12:00,", "calendar.hours_of_day"),
        ("作息,2027-02-05,,,", "calendar.hours_wrong"),
        ("作息,2027-02-05,,9-12,", "calendar.hours_wrong"),
        ("作息,2027-02-05,,13:30-18:00、09:00-12:00,", "calendar.hours_wrong"),
        ("作息,2027-02-05,,08:00-09:00、10:00-11:00、12:00-13:00,", "calendar.hours_wrong"),
        ("作息,2027-02-05,,20:00-24:30,", "calendar.hours_wrong"),
        ("上班,2026-10-01,,,\n放假,2026-10-01,,,", "calendar.day_twice"),
    ],
)
def test_a_row_that_is_wrong_is_refused(tmp_path: Path, row: str, code: str) -> None:
    path = tmp_path / "calendar.csv"
    path.write_text(HEADER + row + "\n", encoding="utf-8")
    _, report = calendar_file.parse(path)
    assert [refused.message.code for refused in report.refused] == [code]


def test_few_days_do_not_make_a_year_known(tmp_path: Path) -> None:
    """A region's own holidays stand beside those of the country."""
    rows = rows_of(tmp_path, HEADER + "放假,2027-03-10,2027-03-12,,肉孜节\n")
    calendar = OfficeCalendar(rows)
    assert not calendar.knows(2027) and not calendar.works(date(2027, 3, 10))


def test_opening_hours_know_what_the_office_entered(tmp_path: Path) -> None:
    spring = at("2027-02-08T10:00")
    assert is_open("Mo-Fr 09:00-17:00; PH off", spring, ZONE) is None
    office_calendar.use(rows_of(tmp_path, TABLE))
    assert is_open("Mo-Fr 09:00-17:00; PH off", spring, ZONE) is False
    assert is_open("Mo-Fr 09:00-17:00; PH off", at("2027-02-15T10:00"), ZONE) is True


def test_limits_that_run_move_with_the_calendar(session: Session, tmp_path: Path) -> None:
    town = IncidentTown(session)
    incident = town.report(at=NOW).id
    session.execute(
        text("UPDATE incident SET due_at = due_at + interval '60 years' WHERE id <> :id"),
        {"id": incident},
    )
    before = session.execute(
        text("SELECT due_at, stage_started_at, time_limits FROM incident WHERE id = :id"),
        {"id": incident},
    ).one()
    rows = rows_of(tmp_path, HEADER + f"放假,{NOW.date()},{NOW.date() + timedelta(days=9)},,大雪\n")
    assert calendar_file.EDITIONS.load(session, rows, "ours.csv", "somebody")
    office_calendar.use(rows)
    moved = calendar_file.move_clocks(session, now=NOW)
    after = session.execute(
        text("SELECT due_at, warning_at, supervise_at FROM incident WHERE id = :id"),
        {"id": incident},
    ).one()
    assert moved >= 1
    assert after.due_at > before.due_at + timedelta(days=5)
    assert after.supervise_at == after.due_at > after.warning_at > before.due_at
    assert calendar_file.move_clocks(session, now=NOW) == 0
    office_calendar.use([])  # back again, but its limit of then is over by now
    assert calendar_file.move_clocks(session, now=after.due_at - timedelta(minutes=1)) == 0


def test_a_connection_brings_the_calendar_of_its_database(engine: Engine) -> None:
    follower = CalendarFollower()
    with engine.connect() as connection:
        follower.follow(connection.connection)
        assert office_calendar.current().spans_in_minutes(date(2026, 3, 2)) == [
            (540, 720),
            (810, 1080),
        ]


def test_setup_names_the_years_that_are_not_known(session: Session) -> None:
    def state(now: str) -> setup.StepState:
        steps = setup.read_steps(session, at(now), "zh")
        return next(each for each in steps if each.step.key == "calendar")

    assert state("2026-10-31T09:00").state == "done"
    assert (state("2026-11-01T09:00").missing, state("2026-11-01T09:00").names) == (1, ["2027"])


def test_figures_count_by_the_hours_of_each_day(session: Session, tmp_path: Path) -> None:
    office_calendar.use(rows_of(tmp_path, TABLE))
    moments = [at("2026-10-14T17:00"), at("2026-10-15T15:00"), at("2026-10-16T19:00")]
    scope = type("Scope", (), {"since": moments[0], "now": moments[-1]})()
    first = type("Session", (), {"scalar": lambda *_: moments[0]})()
    params = statistics_sql._calendar(first, scope)
    work = f"SELECT {statistics_sql._working_seconds('s')} FROM (SELECT CAST(:s AS float8) AS s) x"
    counted = [
        session.scalar(text(work), params | {"s": moment.timestamp() + 8 * 3600})
        for moment in moments
    ]
    assert counted[1] - counted[0] == elapsed_minutes(moments[0], moments[1]) * 60
    assert counted[2] - counted[1] == elapsed_minutes(moments[1], moments[2]) * 60
