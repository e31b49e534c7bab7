"""`./wangge organisation`: the external units that parts of matters are handed to."""

from dataclasses import asdict

import click
import orjson

from gis.incidents.lifecycle.joint import save_organisation
from gis.incidents.models.values import ORGANISATION_KINDS
from gis.incidents.reading.parts import list_organisations
from web.cli.common import session_scope


@click.group()
def command() -> None:
    """External units (water, power, property): set, list."""


@command.command("set")
@click.argument("code")
@click.argument("name")
@click.option("--kind", type=click.Choice(ORGANISATION_KINDS), required=True, help="What it is.")
@click.option("--phone", default="", help="Duty telephone.")
@click.option(
    "--hours", type=float, default=15.0, show_default=True, help="Working hours it has for a part."
)
@click.option("--inactive", is_flag=True, help="Nothing is handed to it any more.")
def set_(code: str, name: str, kind: str, phone: str, hours: float, inactive: bool) -> None:
    """Add the unit CODE, or change it."""
    with session_scope("organisation set") as session:
        save_organisation(session, code, name, kind, phone, hours * 60, active=not inactive)
        session.commit()
    click.echo(f"{code}: {name}")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def list_(as_json: bool) -> None:
    """List the units that parts are handed to."""
    with session_scope() as session:
        rows = list_organisations(session)
    if as_json:
        click.echo(orjson.dumps([asdict(row) for row in rows]).decode())
        return
    for row in rows:
        click.echo(
            f"{row.code}  {row.name}  {row.kind}  {row.phone or '-'}  {row.limit_min / 60:g} h"
        )
