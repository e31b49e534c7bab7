"""`./wangge danger`: the table of danger and of emergency numbers."""

from dataclasses import asdict
from pathlib import Path

import click
import orjson

from gis.incidents.catalogue import danger
from gis.incidents.danger import table
from web.cli.common import AS_JSON, EXISTING_FILE, refused, session_scope
from web.cli.editions import add_load_and_dump


@click.group()
def command() -> None:
    """Show, check and load the words of danger and whom to call, edited as a spreadsheet."""


@command.command("show")
@AS_JSON
def show(as_json: bool) -> None:
    """Print the table in force."""
    with session_scope() as session:
        number = danger.EDITIONS.active_id(session)
        rows = danger.EDITIONS.rows(session, number)
    if as_json:
        return click.echo(
            orjson.dumps({"id": number, "rows": [asdict(row) for row in rows]}).decode()
        )
    for row in rows:
        name = (
            f"{row.kind} {row.zh} {'|'.join(row.call)}"
            if row.use == "danger"
            else table.USES[row.use][0]
        )
        terms = (
            "|".join(row.words[:6])
            + (" … " if row.words and row.acts else "")
            + "|".join(row.acts[:8])
        )
        click.echo(f"{name}: {terms}")


@command.command("check")
@click.argument("file", type=EXISTING_FILE)
def check(file: Path) -> None:
    """Check a table of danger; every problem by row and column."""
    rows, report = table.parse(file)
    refused(report)
    click.echo(
        f"{file.name}: {len(rows)} rows,"
        f" {sum(row.use == 'danger' for row in rows)} of danger; all right"
    )


add_load_and_dump(
    command,
    danger.EDITIONS,
    "Make a table the one in force; it holds for what is reported from then on.",
)


@command.command("try")
@click.argument("words")
@AS_JSON
def try_words(words: str, as_json: bool) -> None:
    """Whether WORDS tell of danger, and why."""
    with session_scope() as session:
        result = danger.in_words(danger.heard(session, words))
    if as_json:
        return click.echo(orjson.dumps(result).decode())
    click.echo(
        "no danger"
        if result is None
        else f"{result['zh']} ({', '.join(result['because'])}): {result['advice_zh']}"
    )
