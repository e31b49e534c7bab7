"""`./wangge load divisions`: official lists of division codes."""

from pathlib import Path

import click

from web.cli.load_common import COMMIT, FILE_ARGUMENT, REPORT_AS_JSON, parse_pair
from web.cli.load_run import run_load


@click.command()
@FILE_ARGUMENT
@click.option("--list", "name", default="", help="What the list is called, as nbs2023.")
@click.option(
    "--map", "pairs", multiple=True, metavar="KEY=NAME", help="Header of the file for code or name."
)
@COMMIT
@REPORT_AS_JSON
def divisions(file: Path, name: str, pairs: tuple[str, ...], commit: bool, as_json: bool) -> None:
    """Load a list of official division codes (统计用区划代码) from CSV or Excel, by its name.

    A list takes the place of the one loaded under the same name; others stay beside it.
    """
    from gis.exchange.division_codes import load_division_codes

    mapping = dict(parse_pair(pair) for pair in pairs)
    run_load(
        lambda session: load_division_codes(session, file, name, mapping),
        f"load divisions {file.name}",
        commit,
        as_json,
    )
