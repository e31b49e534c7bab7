"""`./wangge organisation`: organisations that do parts of matters or take orders."""

from dataclasses import asdict
from typing import Any

import click
import orjson

from gis.incidents.organisations import (
    MembershipInput,
    OrganisationInput,
    save_member,
    save_organisation,
)
from gis.incidents.reading.organisations import list_members, list_organisations
from gis.rights.principal import system_principal
from web.cli.common import local_now, session_scope, user


@click.group()
def command() -> None:
    """Organisations and their members: set, list, join, leave, members.

    Many at once: ./wangge load organisations FILE, ./wangge load members FILE.
    """


@command.command("set")
@click.argument("code")
@click.argument("name")
@click.option("--kind", required=True, help="Key or name of a kind: water, party_branch …")
@click.option("--number", default="", help="Its number among those of its kind.")
@click.option("--parent", default="", help="Code of the organisation that it belongs to.")
@click.option("--area", default="", help="Code of the area it serves; else everywhere.")
@click.option("--estate", default="", help="The estate it serves.")
@click.option("--facility", default="", help="Code of the facility it works from.")
@click.option("--head", default="", help="Staff number of who leads it.")
@click.option("--phone", default="", help="Duty telephone.")
@click.option("--skill", "skills", multiple=True, help="Orders that it takes as a team.")
@click.option(
    "--open", "open_hours", default="", help="When orders may be offered: Mo-Fr 08:00-18:00."
)
@click.option(
    "--hours", type=float, default=15.0, show_default=True, help="Working hours it has for a part."
)
@click.option("--inactive", is_flag=True, help="Nothing is handed to it any more.")
def set_(code: str, hours: float, inactive: bool, open_hours: str, **stated: Any) -> None:
    """Add the organisation CODE, or change it."""
    with session_scope("organisation set") as session:
        organisation = OrganisationInput(
            code, **stated, hours=open_hours, limit_min=hours * 60, active=not inactive
        )
        save_organisation(session, system_principal(user()), organisation, local_now())
        session.commit()
    click.echo(f"{code}: {stated['name']}")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def list_(as_json: bool) -> None:
    """List the organisations that things are handed to."""
    with session_scope() as session:
        rows = list_organisations(session, system_principal(user()), local_now())
    if as_json:
        click.echo(orjson.dumps([asdict(row) for row in rows]).decode())
        return
    for row in rows:
        click.echo(
            f"{row.code}  {row.name}  {row.kind_zh or row.kind}  {row.area or '-'} "
            f" {row.phone or '-'}  {row.limit_min / 60:g} h  {row.members}"
        )


@command.command()
@click.argument("organisation")
@click.argument("person")
@click.option("--role", help="As what, in words.")
@click.option("--no-orders", is_flag=True, help="Does not take orders of it.")
def join(organisation: str, person: str, role: str | None, no_orders: bool) -> None:
    """Let PERSON (staff number) belong to ORGANISATION."""
    _join(organisation, person, role=role, takes_orders=not no_orders)


@command.command()
@click.argument("organisation")
@click.argument("person")
def leave(organisation: str, person: str) -> None:
    """End the membership of PERSON in ORGANISATION now."""
    _join(organisation, person, ends=local_now())


def _join(organisation: str, person: str, **changes: Any) -> None:
    with session_scope("organisation member") as session:
        by = system_principal(user())
        save_member(session, by, MembershipInput(organisation, person, **changes), local_now())
        session.commit()
    click.echo(f"{organisation}: {person}")


@command.command()
@click.argument("organisation", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def members(organisation: str | None, as_json: bool) -> None:
    """List who belongs to ORGANISATION, or to any."""
    with session_scope() as session:
        rows = list_members(session, system_principal(user()), local_now(), organisation)
    if as_json:
        click.echo(orjson.dumps([asdict(row) for row in rows]).decode())
        return
    for row in rows:
        orders = "" if row.takes_orders else "  no orders"
        click.echo(f"{row.organisation}  {row.person}  {row.name}  {row.role or '-'}{orders}")
