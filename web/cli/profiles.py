"""`./wangge profiles`: the table of walking profiles."""

from pathlib import Path

import click
import orjson

from gis.messages import has_label, label
from gis.network import profile_table as table
from web.cli.common import AS_JSON, FILE, refused, session_scope
from web.cli.rules import author


@click.group()
def command() -> None:
    """Show, check and load who walks how fast, and what hinders them, edited as a spreadsheet."""


@command.command("show")
@AS_JSON
def show(as_json: bool) -> None:
    """Print the table in force."""
    with session_scope() as session:
        number = table.active_edition_id(session)
        rows = table.edition_rows(session, number)
    if as_json:
        document = {"id": number, "rows": [row._asdict() for row in rows]}
        return click.echo(orjson.dumps(document).decode())
    last = ""
    for row in rows:
        if row.profile != last:
            code = last = row.profile
            named = f"profile.{code}"
            click.echo(f"{code} {label(named, 'zh')}" if has_label(named, "zh") else code)
        click.echo(f"  {row.quantity} {row.value:g} {row.unit} ({row.source})")


@command.command("check")
@click.argument("file", type=FILE)
def check(file: Path) -> None:
    """Check a table of profiles; every problem by row and column."""
    rows, report = table.parse(file)
    refused(report)
    names = dict.fromkeys(row.profile for row in rows)
    click.echo(f"{file.name}: {len(rows)} rows of {', '.join(names)}; all right")


@command.command("load")
@click.argument("file", type=FILE)
@click.option("--commit", is_flag=True, help="Apply; without it, only try.")
def load(file: Path, commit: bool) -> None:
    """Make a table the one in force; compute the circles of changed profiles again after it."""
    rows, report = table.parse(file)
    refused(report)
    with session_scope("load profiles") as session:
        new_id = table.load(session, rows, file.name, author())
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


@command.command("dump")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def dump(file: Path) -> None:
    """Write the table in force to FILE (.xlsx or .csv), to be edited and loaded."""
    with session_scope() as session:
        rows = table.edition_rows(session, table.active_edition_id(session))
    table.dump(rows, file)
    click.echo(f"{file}: {len(rows)} rows")
