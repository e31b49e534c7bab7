"""What commands of a table kept in editions share: to load another one, and to write it out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from gis.files.editions import Editions
from web.cli.common import DRY_RUN, EXISTING_FILE, refused, session_scope, user

Load = Callable[..., int | None]


def add_load_and_dump(
    group: click.Group, editions: Editions[Any], load_help: str, load: Load | None = None
) -> None:
    """Add `load FILE [--commit]` and `dump FILE` to a group of commands.

    Parameters
    ----------
    load
        As `Editions.load`, where more happens with it; None means that one.
    """

    @group.command("load", help=load_help)
    @click.argument("file", type=EXISTING_FILE)
    @click.option("--commit", is_flag=True, help="Apply; without it, only try.")
    def load_edition(file: Path, commit: bool) -> None:
        rows, report = editions.parse(file)
        refused(report)
        with session_scope(f"load {editions.subject}") as session:
            new_id = (load or editions.load)(session, rows, file.name, user())
            if new_id is None:
                return click.echo("the same as the table in force; nothing to do")
            if commit:
                session.commit()
            outcome = f"edition {new_id} is in force" if commit else DRY_RUN
            click.echo(f"{len(rows)} rows: {outcome}")

    @group.command("dump")
    @click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
    def dump_edition(file: Path) -> None:
        """Write the table in force to FILE (.xlsx or .csv), to be edited and loaded."""
        with session_scope() as session:
            rows = editions.active_rows(session)
        editions.dump(rows, file)
        click.echo(f"{file}: {len(rows)} rows")
