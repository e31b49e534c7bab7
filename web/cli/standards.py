"""`./wangge standards`: the table of what standards ask of facilities."""

from dataclasses import asdict
from pathlib import Path

import click
import orjson

from gis.facilities import standard_editions, standards
from web.cli.common import AS_JSON, FILE, refused, session_scope
from web.cli.rules import author


@click.group()
def command() -> None:
    """Show, dump and load what standards ask of living circles, edited as a spreadsheet."""


@command.command("show")
@click.option("--tier", type=click.Choice([*standards.TIERS]), help="Only this tier.")
@AS_JSON
def show(tier: str | None, as_json: bool) -> None:
    """Print the table in force; * marks rows not compared with the text of the standard."""
    with session_scope() as session:
        edition_id = standard_editions.active_edition_id(session)
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


@command.command("dump")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def dump(file: Path) -> None:
    """Write the table in force to FILE (.xlsx or .csv), to be edited and loaded."""
    with session_scope() as session:
        rows = standard_editions.active_rows(session)
    standards.dump(rows, file)
    click.echo(f"{file}: {len(rows)} rows")


@command.command("load")
@click.argument("file", type=FILE)
@click.option("--commit", is_flag=True, help="Apply; without it, only try.")
def load(file: Path, commit: bool) -> None:
    """Make a table the one in force; refuses by row and column."""
    rows, report = standards.parse(file)
    refused(report)
    with session_scope("load standards") as session:
        new_id = standard_editions.load(session, rows, file.name, author())
        if new_id is None:
            return click.echo("the same as the table in force; nothing to do")
        if commit:
            session.commit()
        click.echo(
            f"{len(rows)} rows: "
            + (
                f"edition {new_id} is in force"
                if commit
                else "Dry run: nothing was changed. Add --commit to apply."
            )
        )
