"""`./wangge device`: devices that raise alarms."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from urllib.parse import quote

import click

from gis.crs import SUPPORTED_CRS
from gis.incidents import devices
from web.cli.common import local_text, session_scope

in_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")


def tell_once(code: str, secret: str, as_json: bool) -> None:
    """Show a secret on stdout, and what to know about it on stderr."""
    alarms = f"/api/v1/devices/{quote(code, safe='')}/alarms"
    tell({"code": code, "secret": secret, "alarms": alarms}, secret, as_json)
    click.echo(
        f"wangge: the secret of device {code}; it is shown only now. Alarms go to POST {alarms}",
        err=True,
    )


def tell(value: object, sentence: str, as_json: bool) -> None:
    """Show what came of a command: as one JSON document, or in words."""
    click.echo(json.dumps(value, ensure_ascii=False, default=str) if as_json else sentence)


@click.group()
def command() -> None:
    """Devices that raise alarms: add, list, block, unblock, secret."""


@command.command()
@click.argument("code")
@click.option(
    "--kind",
    required=True,
    help=f"What it is: {', '.join(devices.DEVICE_TYPES)}, or a kind of ./wangge kind list device.",
)
@click.option(
    "--category",
    default="",
    help="Code of the category its alarms are filed under; else as usual for its kind.",
)
@click.option("--lon", type=float, required=True, help="Longitude, degrees.")
@click.option("--lat", type=float, required=True, help="Latitude, degrees.")
@click.option("--crs", type=click.Choice(SUPPORTED_CRS), required=True, help="System of the point.")
@click.option("--name", default="", help="Where it hangs, in words.")
@click.option("--address", default="", help="Building, stairwell, floor, as people write it.")
@in_json
def add(code: str, lon: float, lat: float, as_json: bool, **options: str) -> None:
    """Enter the device CODE (its number at the maker); its secret is printed once."""
    with session_scope("device add") as session:
        device = devices.DeviceInput(code, lon=lon, lat=lat, **options)
        secret_text = devices.add(session, device, datetime.now(UTC))
        session.commit()
    tell_once(code, secret_text, as_json)


@command.command("list")
@in_json
def list_(as_json: bool) -> None:
    """List devices, without their secrets."""
    with session_scope() as session:
        rows = devices.list_devices(session)
    if as_json:
        tell([asdict(row) for row in rows], "", as_json)
        return
    for row in rows:
        last = f", last {local_text(row.last)}" if row.last else ""
        click.echo(
            f"{row.code}  [{'active' if row.active else 'blocked'}]  {row.kind}  {row.category} "
            f" {row.name}"
            f"  {row.lon:.6f},{row.lat:.6f}  {row.alarms} alarms{last}"
        )
    if not rows:
        click.echo("wangge: no device; enter one with ./wangge device add", err=True)


@command.command()
@click.argument("code")
@in_json
def block(code: str, as_json: bool) -> None:
    """Take no more alarms of the device CODE."""
    _switch(code, False, as_json)


@command.command()
@click.argument("code")
@in_json
def unblock(code: str, as_json: bool) -> None:
    """Take alarms of the device CODE again."""
    _switch(code, True, as_json)


@command.command()
@click.argument("code")
@in_json
def secret(code: str, as_json: bool) -> None:
    """Give the device CODE a new secret, printed once; the old one is refused from now on."""
    with session_scope("device secret") as session:
        new_secret = devices.new_secret(session, code)
        session.commit()
    tell_once(code, new_secret, as_json)


def _switch(code: str, active: bool, as_json: bool) -> None:
    with session_scope(f"device {'unblock' if active else 'block'}") as session:
        devices.block(session, code, active)
        session.commit()
    tell({"code": code, "active": active}, f"{code}: {'active' if active else 'blocked'}", as_json)
