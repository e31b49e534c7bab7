"""`./wangge hotline`: exchange orders with a hotline now, and list them."""

from dataclasses import asdict
from datetime import datetime

import click
import orjson

from gis.db import engine
from gis.exchange.hotline import exchange, list_orders, retry_steps
from gis.settings import Settings
from web.cli.common import AS_JSON, local_text, open_database, session_scope


@click.group()
def command() -> None:
    """Exchange with a hotline such as 12345."""


@command.command("exchange")
@AS_JSON
def exchange_now(as_json: bool) -> None:
    """Pull new orders and tell what became of the others, as the worker does each minute.

    Raises
    ------
    UsageError
        There is no hotline.
    ClickException
        The exchange ended with an error.
    """
    settings = Settings.from_env()
    if settings.hotline is None:
        raise click.UsageError("WANGGE_HOTLINE_URL is not set")
    done = exchange(engine(open_database().app), settings.hotline, datetime.now(settings.timezone))
    if as_json:
        click.echo(orjson.dumps(asdict(done)).decode())
    else:
        click.echo(f"{done.filed} filed, {done.refused} refused, {done.told} steps told")
    if done.error:
        raise click.ClickException(f"{settings.hotline.name} {done.error}")


@command.command("orders")
@click.option(
    "--refused", is_flag=True, help="Only those that could not be filed, or whose step was refused."
)
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@AS_JSON
def orders(refused: bool, limit: int, as_json: bool) -> None:
    """List the newest orders with their incidents, or why they were refused."""
    with session_scope() as session:
        rows = list_orders(session, refused=refused, limit=limit)
    if as_json:
        click.echo(orjson.dumps([asdict(row) for row in rows]).decode())
        return
    for row in rows:
        result = row.refusal or f"{row.incident_id}  {row.state}"
        if row.step_refusal:
            result += f"  not taken there: {row.step_refusal}"
        click.echo(f"{row.system} {row.number}  {local_text(row.pulled_at)}  {result}")
    click.echo(f"{len(rows)} orders", err=True)


@command.command("retry")
@click.argument("number", default="")
def retry(number: str) -> None:
    """Tell the steps that the hotline refused again, of the order NUMBER or of all."""
    with session_scope("hotline retry") as session:
        count = retry_steps(session, number)
        session.commit()
    click.echo(f"{count} orders")
