"""`./wangge template`: an empty spreadsheet to fill in and load."""

from pathlib import Path

import click

TEMPLATE_KINDS = (
    "buildings",
    "households",
    "people",
    "facilities",
    "entrances",
    "edits",
    "areas",
    "incidents",
    "organisations",
    "members",
    "takers",
    "visits",
)


@click.command()
@click.argument("kind", type=click.Choice(TEMPLATE_KINDS))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def command(kind: str, file: Path) -> None:
    """Write an empty .xlsx table of KIND to FILE, with drop-down lists, an example and notes."""
    from gis.exchange.templates import write_template

    write_template(kind, file)
    click.echo(
        f"{file}: fill in the first sheet, then ./wangge load {kind} {file}"
        if kind != "areas"
        else f"{file}"
    )
