"""`./wangge catalogue`: the categories, edition by edition."""

from pathlib import Path

import click
import orjson

from gis.incidents.catalogue import edition_file, editions
from gis.incidents.catalogue.classifier import leave_one_out, suggest
from web.cli.common import AS_JSON, DRY_RUN, EXISTING_FILE, refused, session_scope


@click.group()
def command() -> None:
    """Show, check and load the catalogue of categories, which is edited as a spreadsheet."""


@command.command("show")
@AS_JSON
def show(as_json: bool) -> None:
    """Print the edition in force."""
    with session_scope() as session:
        edition = editions.active_edition(session)
    if as_json:
        rows = [category.__dict__ for category in edition.categories.values()]
        click.echo(
            orjson.dumps({"id": edition.id, "name": edition.name, "categories": rows}).decode()
        )
        return
    click.echo(edition.name)
    for category in edition.categories.values():
        old = f" (旧 {category.old_code})" if category.old_code else ""
        click.echo(
            f"{category.code}  {category.major_zh} / {category.zh}  {category.kind} "
            f" {category.severity}{old}"
        )


@command.command("check")
@click.argument("file", type=EXISTING_FILE)
def check(file: Path) -> None:
    """Check a table of categories; every problem by row and column."""
    rows, report = edition_file.parse(file)
    refused(report)
    click.echo(
        f"{file.name}: {len(rows)} categories, {report.counts['orders']} of them orders; all right"
    )


@command.command("load")
@click.argument("file", type=EXISTING_FILE)
@click.option("--name", required=True, help="Of the edition, as 2027-03.")
@click.option("--commit", is_flag=True, help="Apply; without it, only try.")
def load(file: Path, name: str, commit: bool) -> None:
    """Make a table the edition in force; old incidents keep the edition they were filed under."""
    rows, report = edition_file.parse(file)
    refused(report)
    with session_scope("load catalogue") as session:
        old_rows = {row.code: row for row in editions.active_edition(session).categories.values()}
        new_id = editions.load(session, rows, name, file.name)
        if new_id is None:
            click.echo("the same as the edition in force; nothing to do")
            return
        new_rows = {row.code: row for row in rows}
        changed = sum(old_rows[code] != row for code, row in new_rows.items() if code in old_rows)
        gone = sorted(old_rows.keys() - new_rows.keys())
        click.echo(
            f"{len(rows)} categories: {len(new_rows.keys() - old_rows.keys())} new,"
            f" {changed} changed, {len(gone)} gone"
        )
        if gone:
            click.echo(f"gone: {', '.join(gone)}")
        if commit:
            session.commit()
            click.echo(f"edition {new_id} ({name}) is in force")
        else:
            click.echo(DRY_RUN)


@command.command("dump")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def dump(file: Path) -> None:
    """Write the edition in force to FILE (.xlsx or .csv), to be edited and loaded."""
    with session_scope() as session:
        edition = editions.active_edition(session)
    edition_file.dump(edition, file)
    click.echo(f"{file}: {len(edition.categories)} categories of {edition.name}")


@command.command("suggest")
@click.argument("words")
@AS_JSON
def suggestions(words: str, as_json: bool) -> None:
    """List the likeliest categories of a report in words, with reasons."""
    with session_scope() as session:
        categories = suggest(editions.active_edition(session), words)
    if as_json:
        click.echo(orjson.dumps(categories).decode())
        return
    for category in categories:
        click.echo(
            f"{category.code}  {category.zh}  {category.share:.0%}  {'、'.join(category.because)}"
        )
    if not categories:
        click.echo("no category fits; the community would choose")


@command.command("accuracy")
def accuracy() -> None:
    """How well words find their category: each example of the catalogue, itself left out."""
    with session_scope() as session:
        result = leave_one_out(editions.active_edition(session))
    click.echo(
        f"{result.tried} examples: right first {result.top1:.0%},"
        f" among the first three {result.top3:.0%}"
    )
    for code, text, instead in result.missed:
        click.echo(f"  {code}  {text}  -> {', '.join(instead) or '-'}")
