"""`./wangge taker`: who takes orders, and how evenly orders are spread."""

from dataclasses import asdict
from datetime import timedelta

import click
import orjson

from gis.incidents.reading.organisations import fairness, list_takers
from gis.rights.principal import system_principal
from web.cli.common import local_day, local_now, session_scope, user


@click.group()
def command() -> None:
    """Who takes orders: list; enter them by ./wangge load takers FILE."""


@command.command("list")
@click.option(
    "--days",
    type=click.IntRange(1, 3660),
    default=365,
    show_default=True,
    help="Orders of so many days.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def list_(days: int, as_json: bool) -> None:
    """List who takes orders, with what they have and took, and the Gini coefficient of it."""
    now = local_now()
    with session_scope() as session:
        rows = list_takers(session, system_principal(user()), now, now - timedelta(days=days))
    spread = fairness([row.orders for row in rows if row.active])
    if as_json:
        items = [asdict(row) for row in rows]
        click.echo(orjson.dumps({"items": items, "fairness": asdict(spread)}).decode())
        return
    for row in rows:
        consent = local_day(row.consent_at) if row.consent_at else "no consent"
        click.echo(
            f"{row.person}  {row.name}  {row.area}  {','.join(row.skills)}  {consent} "
            f" {row.load} open  {row.orders} taken{'' if row.active else '  inactive'}"
        )
    gini = "-" if spread.gini is None else f"{spread.gini:.2f}"
    click.echo(f"{spread.takers} takers, {spread.orders} orders, Gini {gini}")
