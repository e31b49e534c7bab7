"""`./wangge load register`: a register as an office has it; its columns are proposed."""

import sys
from pathlib import Path
from typing import Any

import click

from web.cli.common import DRY_RUN
from web.cli.load_common import (
    COMMIT,
    FILE_ARGUMENT,
    PLACE,
    POINTS,
    REPORT_AS_JSON,
    refresh_circles,
)

KIND_CHOICES = ("residents", "buildings", "roster", "facilities", "members", "volunteers")
MAX_LISTED = 20  # changes that are listed; the others are counted


@click.command()
@FILE_ARGUMENT
@click.option(
    "--kind", type=click.Choice(KIND_CHOICES), help="What it lists; proposed when not given."
)
@click.option("--recipe", metavar="NAME", help="Read the columns as a saved recipe says.")
@click.option("--save-recipe", metavar="NAME", help="Remember what the columns are.")
@click.option(
    "--end-gone", is_flag=True, help="Take away what the file no longer has, within its areas."
)
@click.option("--skip-refused", is_flag=True, help="Load the other rows where some are refused.")
@PLACE
@POINTS
@COMMIT
@REPORT_AS_JSON
def register(
    file: Path,
    kind: str | None,
    recipe: str | None,
    save_recipe: str | None,
    end_gone: bool,
    skip_refused: bool,
    place: str,
    crs: str | None,
    commit: bool,
    as_json: bool,
) -> None:
    """Load a register of residents, buildings, staff or facilities as the office has it.

    Says what each column is read as, which rows are sure, a guess or refused, and what comes,
    changes and goes.
    """
    import orjson

    from gis.exchange.registers import recipes
    from gis.exchange.registers.load import Options, load_register
    from gis.exchange.registers.result import to_dict
    from gis.settings import Settings
    from web.cli.common import local_now, session_scope

    with session_scope(f"load register {file.name}") as session:
        mapping = recipes.recipe_mapping(session, recipe, None) if recipe else None
        options = Options(
            local_now(),
            Settings.from_env().timezone,
            kind=kind,
            mapping=mapping,
            crs=crs,
            end_gone=end_gone,
            skip_refused=skip_refused,
            place="later" if place == "later" else "refuse",
            keep=commit,
        )
        loaded = load_register(session, file, file.name, options)
        if commit and (loaded.ready or save_recipe):
            if not loaded.ready:
                session.rollback()
            if save_recipe:
                recipes.save_recipe(session, save_recipe, loaded.mapping, None, "load register")
            session.commit()
            loaded.report.committed = loaded.ready
            if loaded.ready and loaded.mapping.kind in ("residents", "buildings", "facilities"):
                refresh_circles(session, loaded.report)
    result = to_dict(loaded, "en")
    if as_json:
        click.echo(orjson.dumps(result, option=orjson.OPT_INDENT_2))
    else:
        _print(result)
    if not loaded.ready:
        sys.exit(1)


def _print(result: dict[str, Any]) -> None:
    """Print a result as text."""
    others = f" (it may also be: {', '.join(result['others'])})" if result["others"] else ""
    click.echo(f"{result['kind_label']}{others}")
    for column in result["columns"]:
        target = column["label"] or "-"
        click.echo(f"  {column['header']}: {target} ({column['certainty']}: {column['reason']})")
    if result["not_kept"]:
        click.echo(f"not kept: {', '.join(result['not_kept'])}")
    click.echo(", ".join(f"{name.replace('_', ' ')} {n}" for name, n in result["rows"].items()))
    for note in result["notes"]:
        click.echo(f"  {note}")
    for refused in result["refused"]:
        click.echo(f"  refused: {refused['text']}", err=True)
    for what, changes in result["changes"].items():
        click.echo(f"{what}: {changes['count']}")
        for change in changes["items"][:MAX_LISTED]:
            arrow = f": {change['old'] or '-'} -> {change['new'] or '-'}"
            click.echo(f"  {change['name']}{arrow}")
    if not result["committed"]:
        click.echo(DRY_RUN if result["ready"] else "Nothing was loaded.")
