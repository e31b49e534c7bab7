"""`./wangge paper KEY`: a paper that is handed up, or a form of an office filled in with it."""

from pathlib import Path

import click

from gis.messages import LOCALES, Message
from gis.rights.principal import system_principal
from web.cli.common import local_now, record_disclosure, session_scope, user

PAPER_KEYS = "ledger daily weekly monthly members follow_ups stars buildings roster diary"
FORMAT_CHOICES = "xlsx docx pdf"


@click.command()
@click.argument("key", type=click.Choice(PAPER_KEYS.split()), metavar="KEY")
@click.option("--area", default="", help="Code of the area.")
@click.option("--period", required=True, help="As 2026-11-27, 2026-W47, 2026-11 or 2026.")
@click.option("--person", default="", help="Staff number, for a diary.")
@click.option("--format", "format_", type=click.Choice(FORMAT_CHOICES.split()), default="xlsx")
@click.option("--template", default="", help="Name of a form; its format is its own.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write.")
@click.option("--lang", type=click.Choice([*LOCALES]), default="zh", show_default=True)
@click.option("--reason", default="", help="Why, for auditors.")
def command(
    key: str,
    area: str,
    period: str,
    person: str,
    format_: str,
    template: str,
    out: Path | None,
    lang: str,
    reason: str,
) -> None:
    """Write the paper KEY to a file; without --out in the present folder.

    KEY: ledger, daily, weekly, monthly, members, follow_ups, stars, buildings, roster or diary.
    """
    from gis.papers.data import PaperRequest
    from gis.papers.files import PAPER_WRITERS, file_name
    from gis.papers.fill import fill
    from gis.papers.templates import fill_template, find_template
    from gis.settings import Settings

    settings, me = Settings.from_env(), system_principal(user())
    with session_scope("paper") as session:
        request = PaperRequest(key, area, period, person)
        data = fill(session, me, request, local_now(), settings.timezone, lang)
        if template:
            form = find_template(session, me, key, template, area)
            ending, content = fill_template(session, me, form, data)
        else:
            ending = f".{format_}"
            content = PAPER_WRITERS[ending](data, settings.address or "")
        file = out or Path(file_name(data, ending))
        file.write_bytes(content)
        record_disclosure(
            session,
            "export",
            Message("shown.paper", {"file": file_name(data, ending)}),
            reason=reason,
        )
    click.echo(f"{file}: {len(data.rows)} rows")
