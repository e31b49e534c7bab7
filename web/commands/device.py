"""`./wangge device`: devices that raise alarms."""

import json
from dataclasses import asdict
from datetime import UTC, datetime

import click

from gis.crs import KNOWN
from gis.incidents import devices
from web.commands import session_scope


def tell_once(code: str, secret: str) -> None:
    """Show a secret on stdout, and what to know about it on stderr."""
    click.echo(secret)
    click.echo(
        f"wangge: the secret of device {code}; it is shown only now. Alarms go to POST /api/v1/devices/{code}/alarms",
        err=True,
    )


@click.group()
def command() -> None:
    """Devices that raise alarms: add, list, block, unblock, secret."""


@command.command()
@click.argument("code")
@click.option("--kind", type=click.Choice(tuple(devices.KINDS)), required=True, help="What it is.")
@click.option(
    "--category", default="", help="Code of the category its alarms are filed under; else as usual for its kind."
)
@click.option("--lon", type=float, required=True, help="Longitude, degrees.")
@click.option("--lat", type=float, required=True, help="Latitude, degrees.")
@click.option("--crs", type=click.Choice(KNOWN), required=True, help="System of the point.")
@click.option("--name", default="", help="Where it hangs, in words.")
@click.option("--address", default="", help="Building, stairwell, floor, as people write it.")
def add(code: str, kind: str, category: str, lon: float, lat: float, crs: str, name: str, address: str) -> None:
    """Enter the device CODE (its number at the maker); its secret is printed once."""
    with session_scope("device add") as session:
        made = devices.add(session, code, kind, category, lon, lat, crs, datetime.now(UTC), name=name, address=address)
        session.commit()
    tell_once(code, made)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def list_(as_json: bool) -> None:
    """List devices, without their secrets."""
    with session_scope() as session:
        found = devices.listing(session)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False, default=str))
        return
    for one in found:
        last = f", last {one.last:%Y-%m-%d %H:%M}" if one.last else ""
        click.echo(
            f"{one.code}  [{'active' if one.active else 'blocked'}]  {one.kind}  {one.category}  {one.name}"
            f"  {one.lon:.6f},{one.lat:.6f}  {one.alarms} alarms{last}"
        )
    if not found:
        click.echo("wangge: no device; enter one with ./wangge device add", err=True)


@command.command()
@click.argument("code")
def block(code: str) -> None:
    """Take no more alarms of the device CODE."""
    _switch(code, False)


@command.command()
@click.argument("code")
def unblock(code: str) -> None:
    """Take alarms of the device CODE again."""
    _switch(code, True)


@command.command()
@click.argument("code")
def secret(code: str) -> None:
    """Give the device CODE a new secret, printed once; the old one is refused from now on."""
    with session_scope("device secret") as session:
        made = devices.new_secret(session, code)
        session.commit()
    tell_once(code, made)


def _switch(code: str, active: bool) -> None:
    with session_scope(f"device {'unblock' if active else 'block'}") as session:
        devices.block(session, code, active)
        session.commit()
    click.echo(f"{code}: {'active' if active else 'blocked'}")
