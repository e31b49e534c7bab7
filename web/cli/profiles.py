"""`./wangge profiles`: the table of walking profiles."""

from pathlib import Path

import click
import orjson

from gis.messages import has_label, label
from gis.network import profile_table as table
from web.cli.common import AS_JSON, EXISTING_FILE, refused, session_scope
from web.cli.editions import add_load_and_dump


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
@click.argument("file", type=EXISTING_FILE)
def check(file: Path) -> None:
    """Check a table of profiles; every problem by row and column."""
    rows, report = table.parse(file)
    refused(report)
    names = dict.fromkeys(row.profile for row in rows)
    click.echo(f"{file.name}: {len(rows)} rows of {', '.join(names)}; all right")


add_load_and_dump(
    command,
    table.EDITIONS,
    "Make a table the one in force; compute the circles of changed profiles again after it.",
    load=table.load,
)
