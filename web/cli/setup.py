"""`./wangge setup`: the steps from an empty deployment to one that works, and first accounts."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from gis.messages import LOCALES
from web.cli.common import AS_JSON, local_now, session_scope

SIGNS = {"done": "✓", "missing": "…", "empty": "✗"}


@click.command()
@click.option(
    "--accounts",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help=(
        "Make an account for everybody who holds a post and has none, and write their first"
        " passwords to this .html, to print and destroy."
    ),
)
@click.option(
    "--address", default="", help="Where they sign in, as https://wangge.example; stands on each."
)
@click.option("--lang", type=click.Choice([*LOCALES]), default="zh", show_default=True)
@AS_JSON
def command(file: Path | None, address: str, lang: str, as_json: bool) -> None:
    """Say what is there, what is missing and what to do next; the page is /setup.

    Raises
    ------
    UsageError
        The file of first passwords is not .html, or exists.
    """
    if file is not None:
        _accounts(file, address, lang)
        return
    from gis.messages import LIST_SEPARATORS, label
    from gis.ops.setup import next_step, read_steps

    with session_scope() as session:
        states = read_steps(session, local_now(), lang)
    if as_json:
        rows = [
            {"step": each.step.key, "state": each.state, "command": each.step.command}
            | {name: value for name, value in asdict(each).items() if name != "step"}
            for each in states
        ]
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for number, each in enumerate(states, 1):
        key = f"setup.{each.step.key}"
        line = f"{SIGNS[each.state]} {number:>2}. {label(key, lang)}: {each.present:,}"
        if each.missing:
            names = LIST_SEPARATORS[lang].join(each.names)
            line += f"; {each.missing:,} {label(f'{key}.missing', lang)}: {names}"
        click.echo(line)
        if each.state != "done":
            page = f"  or the page /{each.step.page}" if each.step.page else ""
            click.echo(f"       {each.step.command}{page}")
    upcoming = next_step(states)
    if upcoming:
        click.echo(f"next: {upcoming.step.command}")


def _accounts(file: Path, address: str, lang: str) -> None:
    """Make the accounts, and keep them only when the sheet is written.

    Raises
    ------
    UsageError
        The file is not .html, or exists.
    """
    from flask import render_template

    from gis import private
    from gis.ops.first_accounts import create_first_accounts
    from gis.rights.principal import system_principal
    from gis.settings import ROOT
    from web.cli.documents import document_context
    from web.pages.setup.cards import cards

    if file.suffix != ".html":
        raise click.UsageError(f"{file.name}: the sheet of first passwords is .html")
    if file.exists():
        raise click.UsageError(f"{file}: exists; the sheet may hold passwords not handed out yet")
    with session_scope("setup accounts") as session:
        created = create_first_accounts(session, system_principal("command line"), local_now())
        if not created:
            click.echo("everybody who holds a post has an account")
            return
        style = (ROOT / "web" / "pages" / "setup" / "static" / "setup.css").read_text("utf-8")
        with document_context(session, lang):
            html = render_template(
                "setup/password_file.html",
                cards=cards(created, lang),
                address=address,
                style=style,
                language=lang,
            )
        with private.open_file(file, encoding="utf-8") as sheet:
            sheet.write(html)
        session.commit()
    click.echo(f"{file}: {len(created)} accounts; print it, hand it out, then destroy the file")
