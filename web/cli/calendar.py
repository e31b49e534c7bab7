"""`./wangge calendar`: holidays, the weekends worked for them, and the hours of work."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import click
from sqlalchemy.orm import Session

from gis import office_calendar
from gis.incidents import calendar_file
from gis.office_calendar import HOURS, CalendarRow, OfficeCalendar
from web.cli.common import AS_JSON, EXISTING_FILE, local_now, refused, session_scope
from web.cli.editions import add_load_and_dump


@click.group()
def command() -> None:
    """Show, check and load the working calendar, edited as a spreadsheet."""


@command.command("show")
@click.argument("year", type=click.IntRange(2000, 2099), required=False)
@AS_JSON
def show(year: int | None, as_json: bool) -> None:
    """Print the days off and the weekends worked of YEAR, and the hours of work."""
    year = year or local_now().year
    with session_scope() as session:
        rows = calendar_file.EDITIONS.active_rows(session)
    calendar = OfficeCalendar(rows)
    answer: dict[str, Any] = {
        "year": year,
        "known": calendar.knows(year),
        **_days(calendar, year),
        "hours": [
            {"from": str(row.first), "to": row.last and str(row.last),
             "hours": calendar_file.spans_text(row.spans, dash="-")}
            for row in calendar_file.days_of(rows, year) if row.use == HOURS
        ],
    }  # fmt: skip
    if as_json:
        import orjson

        return click.echo(orjson.dumps(answer).decode())
    for key in ("weekdays_off", "weekends_worked"):
        click.echo(f"{key.replace('_', ' ')}: {', '.join(answer[key])}")
    for row in answer["hours"]:
        click.echo(
            f"hours from {row['from']}{' to ' * bool(row['to'])}{row['to'] or ''}: {row['hours']}"
        )
    if not answer["known"]:
        click.echo(
            f"the holidays of {year} are not known: weekends and fixed dates count; write them with"
            " ./wangge calendar dump FILE, add rows, ./wangge calendar load FILE --commit",
            err=True,
        )


def _days(calendar: OfficeCalendar, year: int) -> dict[str, list[str]]:
    """List the weekdays off and the weekends worked of a year."""
    first = date(year, 1, 1)
    days = [first + timedelta(days=number) for number in range(366)]
    odd = [day for day in days if day.year == year and calendar.works(day) == (day.weekday() > 4)]
    return {
        "weekdays_off": [f"{day:%m-%d}" for day in odd if day.weekday() < 5],
        "weekends_worked": [f"{day:%m-%d}" for day in odd if day.weekday() > 4],
    }


@command.command("check")
@click.argument("file", type=EXISTING_FILE)
def check(file: Any) -> None:
    """Check a calendar; every problem by row and column."""
    rows, report = calendar_file.parse(file)
    refused(report)
    _say_years(rows)
    click.echo(f"{file.name}: {len(rows)} rows; all right")


def _say_years(rows: Sequence[CalendarRow]) -> None:
    calendar = OfficeCalendar(rows)
    years = sorted({row.first.year for row in rows if row.use != HOURS})
    for year in years:
        days = _days(calendar, year)
        counts = ", ".join(f"{len(listed)} {key.replace('_', ' ')}" for key, listed in days.items())
        click.echo(f"{year}: {counts}")
        if not calendar.knows(year):
            click.echo(
                f"{year}: not known yet: fewer than {office_calendar.MIN_HOLIDAYS_OF_YEAR} days off"
                " are entered; those of a holiday that fall on a weekend count, too",
                err=True,
            )


def _load(
    session: Session, rows: Sequence[CalendarRow], source: str, author: str = ""
) -> int | None:
    number = calendar_file.EDITIONS.load(session, rows, source, author)
    if number is not None:
        _say_years(rows)
        click.echo(f"open matters whose limit moves: {calendar_file.put_in_use(session, rows)}")
    return number


add_load_and_dump(
    command,
    calendar_file.EDITIONS,
    "Make a calendar the one in force; the limits of open matters that are not over move with it.",
    _load,
)
