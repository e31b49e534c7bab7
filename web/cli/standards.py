"""`./wangge standards`: the table of what standards ask of facilities."""

from dataclasses import asdict

import click
import orjson

from gis.facilities import standard_editions, standards
from web.cli.common import AS_JSON, session_scope
from web.cli.editions import add_load_and_dump


@click.group()
def command() -> None:
    """Show, dump and load what standards ask of living circles, edited as a spreadsheet."""


@command.command("show")
@click.option("--tier", type=click.Choice([*standards.TIERS]), help="Only this tier.")
@AS_JSON
def show(tier: str | None, as_json: bool) -> None:
    """Print the table in force; * marks rows not compared with the text of the standard."""
    with session_scope() as session:
        edition_id = standard_editions.EDITIONS.active_id(session)
        rows = standard_editions.active_rows(session, tier)
    if as_json:
        return click.echo(
            orjson.dumps({"id": edition_id, "rows": [asdict(row) for row in rows]}).decode()
        )
    for row in rows:
        limits = [f"{row.metres} m" if row.metres else "", f"{row.minutes} min" * bool(row.minutes)]
        click.echo(
            f"{row.tier} {row.item} {row.zh} ({row.required})"
            f" {', '.join(filter(None, limits))} {'|'.join(row.categories)}"
            f"{' *' if row.secondary else ''}"
        )


add_load_and_dump(
    command, standard_editions.EDITIONS, "Make a table the one in force; refuses by row and column."
)
