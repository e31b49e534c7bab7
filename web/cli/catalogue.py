"""`./wangge catalogue`: the categories, edition by edition."""

from pathlib import Path

import click
import orjson

from gis.incidents.catalogue import editions
from gis.incidents.catalogue.classifier import leave_one_out, suggest
from web.cli.common import AS_JSON, FILE, refused, session_scope


@click.group()
def command() -> None:
    """The catalogue of categories: edit it in a spreadsheet, check it, load it as a new edition."""


@command.command("show")
@AS_JSON
def show(as_json: bool) -> None:
    """The edition in force."""
    with session_scope() as session:
        found = editions.active_edition(session)
    if as_json:
        rows = [one.__dict__ for one in found.categories.values()]
        click.echo(orjson.dumps({"id": found.id, "name": found.name, "categories": rows}).decode())
        return
    click.echo(found.name)
    for one in found.categories.values():
        old = f" (旧 {one.old_code})" if one.old_code else ""
        click.echo(f"{one.code}  {one.major_zh} / {one.zh}  {one.kind}  {one.severity}{old}")


@command.command("check")
@click.argument("file", type=FILE)
def check(file: Path) -> None:
    """Check a table of categories; every problem by row and column."""
    rows, report = editions.parse(file)
    refused(report)
    click.echo(f"{file.name}: {len(rows)} categories, {report.counts['orders']} of them orders; all right")


@command.command("load")
@click.argument("file", type=FILE)
@click.option("--name", required=True, help="Of the edition, as 2027-03.")
@click.option("--commit", is_flag=True, help="Do it; without, it is rehearsed.")
def load(file: Path, name: str, commit: bool) -> None:
    """Make a table the edition in force; old incidents keep the edition they were filed under."""
    rows, report = editions.parse(file)
    refused(report)
    with session_scope("load catalogue") as session:
        before = {one.code: one for one in editions.active_edition(session).categories.values()}
        made = editions.load(session, rows, name, file.name)
        if made is None:
            click.echo("the same as the edition in force; nothing to do")
            return
        after = {one.code: one for one in rows}
        changed = sum(before[code] != one for code, one in after.items() if code in before)
        gone = sorted(before.keys() - after.keys())
        click.echo(
            f"{len(rows)} categories: {len(after.keys() - before.keys())} new, {changed} changed, {len(gone)} gone"
        )
        if gone:
            click.echo(f"gone: {', '.join(gone)}")
        if commit:
            session.commit()
            click.echo(f"edition {made} ({name}) is in force")
        else:
            click.echo("rehearsed; --commit does it")


@command.command("dump")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def dump(file: Path) -> None:
    """Write the edition in force to FILE (.xlsx or .csv), to be edited and loaded."""
    with session_scope() as session:
        found = editions.active_edition(session)
    editions.dump(found, file)
    click.echo(f"{file}: {len(found.categories)} categories of {found.name}")


@command.command("suggest")
@click.argument("words")
@AS_JSON
def suggestions(words: str, as_json: bool) -> None:
    """The likeliest categories of a report in words, and why."""
    with session_scope() as session:
        found = suggest(editions.active_edition(session), words)
    if as_json:
        click.echo(orjson.dumps(found).decode())
        return
    for one in found:
        click.echo(f"{one.code}  {one.zh}  {one.share:.0%}  {'、'.join(one.because)}")
    if not found:
        click.echo("no category fits; the community would choose")


@command.command("accuracy")
def accuracy() -> None:
    """How well words find their category: each example of the catalogue, itself left out."""
    with session_scope() as session:
        found = leave_one_out(editions.active_edition(session))
    click.echo(f"{found.tried} examples: right first {found.top1:.0%}, among the first three {found.top3:.0%}")
    for code, words, instead in found.missed:
        click.echo(f"  {code}  {words}  -> {', '.join(instead) or '-'}")
