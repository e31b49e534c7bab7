"""`./wangge duty`: duties with yearly targets, and the visits that count for them."""

from dataclasses import asdict
from datetime import datetime

import click
import orjson

from gis.duties import actions, queries
from gis.rights.principal import system_principal
from gis.settings import Settings
from web.cli.common import AS_JSON, MOMENT, local_now, local_year, session_scope, user

DUTY_YEAR = click.option("--year", type=int, help="Of the local calendar; this one when not given.")


@click.group()
def command() -> None:
    """Duties with yearly targets: list, visits, visit.

    What is asked: ./wangge kind list duty, ./wangge kind target. Who has a duty: the holders of the
    posts it refines. Many visits at once: ./wangge load visits FILE.
    """


@command.command("list")
@DUTY_YEAR
@AS_JSON
def list_(year: int | None, as_json: bool) -> None:
    """List duties with what was done of what is needed, and the light."""
    with session_scope() as session:
        rows = queries.list_duties(session, system_principal(user()), local_year(year), local_now())
    if as_json:
        click.echo(orjson.dumps([asdict(row) for row in rows]).decode())
        return
    for row in rows:
        places = "、".join(place["name"] for place in row.places)
        click.echo(
            f"{row.light:6}  {row.zh}  {row.name or '——'} {row.person or ''}  {places} "
            f" {row.visits.done}/{row.visits.needed} visits"
            f"  {row.solved.done}/{row.solved.needed} solved"
        )


@command.command()
@DUTY_YEAR
@AS_JSON
def visits(year: int | None, as_json: bool) -> None:
    """List the visits of a year, the newest first."""
    with session_scope() as session:
        rows = queries.list_visits(session, system_principal(user()), local_year(year))
    if as_json:
        click.echo(orjson.dumps([asdict(row) for row in rows]).decode())
        return
    for row in rows:
        linked = " ".join(f"{each['id']} {each['state']}" for each in row.incidents)
        click.echo(f"{row.id}  {row.day}  {row.name}  {row.place_name}  {row.note}  {linked}")


@command.command()
@click.argument("person")
@click.option("--area", default="", help="Code of the area visited.")
@click.option("--building", default="", help="Or of the building.")
@click.option("--day", type=MOMENT, help="Today when not given.")
@click.option("--note", default="", help="What was seen and said.")
@click.option("--incident", "incidents", multiple=True, help="Id of an incident that it led to.")
def visit(
    person: str, area: str, building: str, day: datetime | None, note: str, incidents: tuple[str]
) -> None:
    """Write down that PERSON (staff number) visited a place."""
    zone = Settings.from_env().timezone
    with session_scope("duty visit") as session:
        stated = actions.VisitInput(
            day.astimezone(zone).date() if day else None,
            person,
            area=area,
            building=building,
            note=note,
            incidents=incidents,
        )
        by = system_principal(user())
        number = actions.record_visit(session, by, stated, local_now(), zone)
        session.commit()
    click.echo(f"visit {number}")
