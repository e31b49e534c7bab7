"""`./wangge coverage-report AREA FILE`: the report of an area, to print and take along."""

from pathlib import Path

import click

from gis.facilities.area_report import MAX_REPORTED_SITES, ReportQuery
from gis.messages import LOCALES, Message
from web.cli.common import local_now, record_disclosure, session_scope


@click.command()
@click.argument("area")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--category", default="clinic", show_default=True, help="Of the map and the gaps.")
@click.option("--minutes", default=15, show_default=True, help="Walking time, 1 to 60.")
@click.option("--profile", default="elder", show_default=True, help="Who walks.")
@click.option(
    "--sites", default=0, show_default=True, help=f"New places, up to {MAX_REPORTED_SITES}."
)
@click.option("--lang", type=click.Choice([*LOCALES]), default="zh", show_default=True)
@click.option("--reason", default="", help="Why, for auditors.")
def command(
    area: str,
    file: Path,
    category: str,
    minutes: int,
    profile: str,
    sites: int,
    lang: str,
    reason: str,
) -> None:
    """Write the report of AREA (its code) to FILE, .html or .pdf.

    Raises
    ------
    UsageError
        The file is neither .html nor .pdf.
    """
    from gis.facilities.area_report import area_report
    from gis.files.pdf import html_to_pdf
    from web.cli.documents import document_context
    from web.pages.coverage.report_html import report_document

    if file.suffix not in (".html", ".pdf"):
        raise click.UsageError(f"{file.name}: the report is .html or .pdf")
    now = local_now()
    query = ReportQuery(area, category, minutes, profile, sites)
    with session_scope("coverage report") as session:
        report = area_report(session, query, now)
        with document_context(session, lang):
            html = report_document(report, lang, now)
        file.write_bytes(html_to_pdf(html) if file.suffix == ".pdf" else html.encode())
        record_disclosure(
            session,
            "export",
            Message("shown.coverage_report", {"area": area, "ending": file.suffix}),
            reason=reason,
        )
    click.echo(f"{file}")
