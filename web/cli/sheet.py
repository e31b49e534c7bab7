"""`./wangge sheet AREA FILE.pdf`: the map sheet of a grid, or of all grids of a community."""

from pathlib import Path

import click

from gis.messages import LOCALES, Message
from gis.rights.principal import system_principal
from web.cli.common import local_now, record_disclosure, session_scope, user


@click.command()
@click.argument("area")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--paper", type=click.Choice(["A4", "A3"]), default="A4", show_default=True)
@click.option("--draft", type=int, help="Number of a draft whose boundaries are shown.")
@click.option("--lang", type=click.Choice([*LOCALES]), default="zh", show_default=True)
@click.option("--reason", default="", help="Why, for auditors.")
def command(area: str, file: Path, paper: str, draft: int | None, lang: str, reason: str) -> None:
    """Write the map sheet of AREA (code of a grid or a community) to FILE, .pdf or .html.

    Raises
    ------
    UsageError
        The file is neither .pdf nor .html.
    """
    from gis.boundaries.sheets import read_sheets
    from gis.files.pdf import html_to_pdf
    from web.cli.documents import document_context
    from web.pages.sheet.sheet_html import sheets_document

    if file.suffix not in (".html", ".pdf"):
        raise click.UsageError(f"{file.name}: the sheet is .pdf or .html")
    now = local_now()
    with session_scope("map sheet") as session:
        sheets = read_sheets(session, system_principal(user()), area, now, draft)
        with document_context(session, lang):
            html = sheets_document(sheets, paper, lang, now)
        file.write_bytes(html_to_pdf(html) if file.suffix == ".pdf" else html.encode())
        record_disclosure(
            session, "export", Message("shown.map_sheet", {"area": area}), reason=reason
        )
    click.echo(f"{file}")
