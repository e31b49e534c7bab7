"""`./wangge revision`: boundary drafts from the command line."""

import os
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click
import orjson

from gis import private
from gis.errors import InvalidInput
from gis.rights.principal import Principal, system_principal
from gis.settings import Settings
from web.cli.common import AS_JSON, MOMENT, local_text, session_scope

if TYPE_CHECKING:
    from gis.boundaries.statistics import Preview
    from gis.exchange.boundary_file import BoundaryFileDraft

NUMBER_ARGUMENT = click.argument("number", type=int)
MAX_LISTED_LINES = 20  # lines of one kind


@click.group()
def command() -> None:
    """Boundary revisions: draft, look, publish, withdraw, take back.

    And grids edited in QGIS as a draft.
    """


def cli_principal() -> Principal:
    """Return who is at the command line; everything is allowed there."""
    return system_principal(
        f"command line: {os.environ.get('SUDO_USER') or os.environ.get('USER') or 'somebody'}"
    )


@command.command("list")
@click.option("--state", type=click.Choice(["draft", "published", "withdrawn"]))
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@AS_JSON
def list_(state: str | None, limit: int, as_json: bool) -> None:
    """Revisions, the newest first."""
    from gis.boundaries import drafts

    with session_scope() as session:
        rows = drafts.list_revisions(session, cli_principal(), state=state, limit=limit)
        entries = [
            {
                key: getattr(row, key)
                for key in ("id", "title", "state", "author", "reason", "effective", "grids")
            }
            for row in rows
        ]
    if as_json:
        return click.echo(orjson.dumps(entries).decode())
    for row in entries:
        when = f", from {local_text(row['effective'])}" if row["effective"] else ""
        click.echo(
            f"{row['id']:5}  {row['state']:9}  {row['title']} ({row['author']}{when});"
            f" {len(row['grids'])} grids"
        )
    return None


@command.command()
@click.argument("title")
@click.option(
    "--base", type=int, help="The published revision it starts from; without: the newest."
)
@AS_JSON
def begin(title: str, base: int | None, as_json: bool) -> None:
    """Begin a draft called TITLE; prints its number."""
    from gis.boundaries import drafts

    with session_scope() as session:
        draft = drafts.create_draft(session, cli_principal(), title, base)
        session.commit()
        summary = {"id": draft.id, "state": draft.state, "base": draft.base}
    click.echo(orjson.dumps(summary).decode() if as_json else str(summary["id"]))


@command.command("do")
@NUMBER_ARGUMENT
@click.argument("operation", type=click.File("rb"))
@AS_JSON
def add_operation(number: int, operation: IO[bytes], as_json: bool) -> None:
    """Add an OPERATION (a file with a JSON object, - is stdin) to draft NUMBER.

    As {"op": "merge", "codes": ["520402007004001", "520402007004002"], "into": "520402007004001"};
    the guide for programs lists them all.

    Raises
    ------
    InvalidInput
        The file is not JSON.
    """
    from gis.boundaries import drafts

    try:
        spec = orjson.loads(operation.read())
    except orjson.JSONDecodeError as error:
        raise InvalidInput("cli.operation_not_json", reason=str(error)) from error
    with session_scope() as session:
        result = drafts.add_operation(session, cli_principal(), number, spec)
        session.commit()
        touched, fresh = result.changed_codes, list(result.new_grids)
        summary = {"step": result.step, "touched": touched, "made": result.new_grids}
    if as_json:
        return click.echo(orjson.dumps(summary).decode())
    new = f"; new: {', '.join(fresh)}" if fresh else ""
    click.echo(f"step {summary['step']}: {', '.join(touched)}{new}")
    return None


@command.command()
@NUMBER_ARGUMENT
@click.argument("step", type=int)
def undo(number: int, step: int) -> None:
    """Take STEP of draft NUMBER back, with all after it."""
    from gis.boundaries import drafts

    with session_scope() as session:
        gone = drafts.undo_operations(session, cli_principal(), number, step)
        session.commit()
    click.echo(f"{len(gone)} operations taken back")


@command.command()
@NUMBER_ARGUMENT
@click.option(
    "--xlsx",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a workbook to hand round.",
)
@AS_JSON
def preview(number: int, xlsx: Path | None, as_json: bool) -> None:
    """Show what revision NUMBER changes: grids before and after, what moves, what is odd."""
    from gis.boundaries import preview as look
    from gis.exchange import preview_workbook
    from web.api.revisions.schemas import preview_to_json

    with session_scope() as session:
        changes = look.preview(session, cli_principal(), number)
    if xlsx is not None:
        with private.open_file(xlsx, "wb") as out:
            preview_workbook.write(changes, out)
    if as_json:
        return click.echo(orjson.dumps(preview_to_json(changes)).decode())
    for grid in changes.grids:
        click.echo(
            f"{grid.code} {grid.name} ({grid.change}):"
            f" {grid.households[0]} → {grid.households[1]} households,"
            f" {grid.area_m2[0]:,.0f} → {grid.area_m2[1]:,.0f} m²"
        )
    _print_identity(changes)
    click.echo(", ".join(f"{count} {kind}" for kind, count in changes.totals.items()) + " change")
    for problem in changes.problems[:MAX_LISTED_LINES]:
        click.echo(f"  {problem.severity}: {problem.en}")
    if len(changes.problems) > MAX_LISTED_LINES:
        click.echo(f"  and {len(changes.problems) - MAX_LISTED_LINES} more (--json has all)")
    return None


def _print_identity(changes: "Preview") -> None:
    """Print other names and codes, communities whose land changes, and settled units."""
    for name in changes.renamed:
        click.echo(f"{name.code} {name.old} → {name.new}")
    for code in changes.recoded:
        click.echo(f"{code.old} → {code.new} {code.name}")
    for community in changes.communities:
        click.echo(
            f"{community.code} {community.name}: {community.grids[0]} → {community.grids[1]} grids,"
            f" {community.households[0]} → {community.households[1]} households,"
            f" {community.people[0]} → {community.people[1]} people,"
            f" {community.area_m2[0]:,.0f} → {community.area_m2[1]:,.0f} m²"
        )
    for unit in changes.settled:
        click.echo(f"{unit.unit} {unit.name} is settled on {unit.grid}")


@command.command()
@NUMBER_ARGUMENT
@click.option("--reason", required=True, help="For everybody who looks at the history.")
@click.option(
    "--effective",
    type=MOMENT,
    metavar="TIME",
    help="From when it holds (ISO 8601), not past; now when not given.",
)
@AS_JSON
def publish(number: int, reason: str, effective: datetime | None, as_json: bool) -> None:
    """Publish draft NUMBER with upper levels, units and open incidents in one transaction."""
    from gis.boundaries import publish as publishing

    settings = Settings.from_env()
    with session_scope() as session:
        done = publishing.publish(
            session,
            cli_principal(),
            number,
            reason,
            effective,
            two_persons=settings.two_persons,
            needs_approval=settings.publication_approval,
        )
        session.commit()
        effective = done.effective
        summary = {"id": done.id, "state": done.state, "effective": effective}
    if as_json:
        return click.echo(orjson.dumps(summary).decode())
    click.echo(f"revision {number} holds from {local_text(effective, '%Y-%m-%d %H:%M:%S %z')}")
    return None


@command.command()
@NUMBER_ARGUMENT
def withdraw(number: int) -> None:
    """Withdraw draft NUMBER; its record is kept."""
    from gis.boundaries import drafts

    with session_scope() as session:
        drafts.withdraw(session, cli_principal(), number)
        session.commit()
    click.echo(f"draft {number} is withdrawn")


@command.command()
@NUMBER_ARGUMENT
def rebase(number: int) -> None:
    """Do the operations of draft NUMBER again on what is published now."""
    from gis.boundaries import drafts

    with session_scope() as session:
        changed = drafts.rebase(session, cli_principal(), number)
        session.commit()
    for clash in changed:
        click.echo(
            f"{clash.grid} {clash.name} was redrawn by {clash.author} (revision"
            f" {clash.revision}: {clash.title})"
        )
    click.echo(f"draft {number} is drawn on the newest boundaries")


@command.command()
@NUMBER_ARGUMENT
def revert(number: int) -> None:
    """Begin a draft that takes published revision NUMBER back; prints its number."""
    from gis.boundaries import publish as publishing

    with session_scope() as session:
        draft = publishing.create_reverting_draft(session, cli_principal(), number)
        session.commit()
        click.echo(str(draft.id))


@command.command("from-file")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--title", help="Of the draft; without: the name of the file.")
@click.option(
    "--clean", type=float, metavar="METRES", help="Mend overlaps and gaps up to this width."
)
@click.option(
    "--crs", help="wgs84, cgcs2000, gcj02, bd09 or EPSG:number, where the file names none."
)
@click.option("--layer", help="Which layer, where the file has several.")
@click.option(
    "--missing",
    metavar="CHOICE",
    help="Grids that FILE omits: keep, retire, or the codes of those that end, with commas.",
)
@click.option(
    "--torn",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write overlaps and gaps as GeoJSON.",
)
@AS_JSON
def from_file(
    file: Path,
    title: str | None,
    clean: float | None,
    crs: str | None,
    layer: str | None,
    missing: str | None,
    torn: Path | None,
    as_json: bool,
) -> None:
    """Make a draft of the grids in FILE, edited in QGIS for example, that differ from the newest.

    Get the file by ./wangge dump grids FILE.gpkg. Grids are matched by code, and other names rename
    them; a refused file changes nothing. KML, KMZ and DXF are read too (of DXF, --crs says the
    system), and tables (.csv, .xlsx) of codes and names rename, those with a column new_code give
    other codes.

    Raises
    ------
    InvalidInput
        The file is refused.
    """
    from gis.exchange.area_file import ReadOptions
    from gis.exchange.boundary_file import draft_from_file
    from web.api.revisions.schemas import coverage_errors_to_geojson

    with session_scope() as session:
        file_draft = draft_from_file(
            session,
            cli_principal(),
            file,
            title or file.stem,
            ReadOptions(crs=crs, layer=layer),
            clean=clean,
            missing=missing,
        )
        if not file_draft.report.refused:
            session.commit()
        number = file_draft.draft.id if file_draft.draft else None
    if torn is not None:
        private.create_file(torn).write_bytes(orjson.dumps(coverage_errors_to_geojson(file_draft)))
    _print_file_draft(file_draft, number, as_json)
    if file_draft.report.refused:
        raise InvalidInput(
            "cli.draft_refused", file=file.name, count=len(file_draft.report.refused)
        )


def _print_file_draft(file_draft: "BoundaryFileDraft", number: int | None, as_json: bool) -> None:
    """Print what a file changes: one JSON document, or a line, with notes on stderr."""
    if as_json:
        summary = {
            "draft": number,
            "report": file_draft.report.to_dict(),
            "new": file_draft.new,
            "gone": file_draft.gone,
            "changed": file_draft.changed,
            "renamed": file_draft.renamed,
            "recoded": file_draft.recoded,
            "missing": file_draft.missing,
        }
        click.echo(orjson.dumps(summary).decode())
        return
    for note in file_draft.report.notes:
        click.echo(f"  {note}", err=True)
    for row in file_draft.report.refused[:MAX_LISTED_LINES]:
        click.echo(f"  {row.where}: {row.field} {row.reason}", err=True)
    if file_draft.report.refused:
        return
    counts = (
        f"{len(file_draft.new)} new, {len(file_draft.changed)} changed,"
        f" {len(file_draft.gone)} gone, {len(file_draft.renamed)} renamed,"
        f" {len(file_draft.recoded)} with another code"
    )
    click.echo(
        f"draft {number}: {counts}" if number else "every grid is as published; no draft was made"
    )
