"""`./wangge key`: keys of programs."""

import json
from dataclasses import asdict
from datetime import UTC, datetime

import click

from gis.accounts import api_keys
from gis.rights.actions import KEY_ACTIONS
from web.cli.common import local_text, session_scope


def print_secret_once(name: str, key: str) -> None:
    """Show a key on stdout, and what to know about it on stderr."""
    click.echo(key)
    click.echo(
        f"wangge: the key of {name}; it is shown only now. Send it as Authorization: Bearer KEY",
        err=True,
    )


@click.group()
def command() -> None:
    """Keys of programs: add, list, rotate, revoke."""


@command.command()
@click.argument("name")
@click.option(
    "--action",
    "actions",
    multiple=True,
    required=True,
    help=f"What it may do; may be given again: {', '.join(sorted(KEY_ACTIONS))}.",
)
@click.option(
    "--area",
    "areas",
    multiple=True,
    required=True,
    help="Code of an area it may do it in; may be given again.",
)
@click.option("--per-minute", default=600, show_default=True, help="Requests a minute.")
@click.option("--days", type=int, help="Until it expires; without: it does not.")
def add(
    name: str, actions: tuple[str, ...], areas: tuple[str, ...], per_minute: int, days: int | None
) -> None:
    """Make a key for the program NAME; it is printed once."""
    with session_scope("key add") as session:
        secret = api_keys.add(
            session, name, actions, areas, datetime.now(UTC), per_minute=per_minute, days=days
        )
        session.commit()
    print_secret_once(name, secret)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def list_(as_json: bool) -> None:
    """List keys, without their secrets."""
    with session_scope() as session:
        rows = api_keys.list_keys(session, datetime.now(UTC))
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], ensure_ascii=False, default=str))
        return
    for row in rows:
        until = row.revoked_at or row.expires_at
        click.echo(
            f"{row.name}  [{row.state}]  wg_{row.public}_…  {', '.join(row.actions)}  in"
            f" {', '.join(row.areas)}"
            f"  {row.per_minute}/min{f'  until {local_text(until)}' if until else ''}"
        )
    if not rows:
        click.echo(
            "wangge: no key; make one with ./wangge key add NAME --action ACTION --area CODE",
            err=True,
        )


@command.command()
@click.argument("name")
@click.option(
    "--keep-hours", default=24.0, show_default=True, help="Hours the old secret stays valid."
)
def rotate(name: str, keep_hours: float) -> None:
    """Give the program NAME a new secret, printed once."""
    with session_scope("key rotate") as session:
        secret = api_keys.rotate(session, name, datetime.now(UTC), keep_hours)
        session.commit()
    print_secret_once(name, secret)


@command.command()
@click.argument("name")
def revoke(name: str) -> None:
    """Refuse every secret of the program NAME from now on."""
    with session_scope("key revoke") as session:
        count = api_keys.revoke(session, name, datetime.now(UTC))
        session.commit()
    click.echo(f"{name}: {count} revoked")
