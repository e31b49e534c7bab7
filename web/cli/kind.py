"""`./wangge kind`: kinds of roles, facilities, devices, services, skills, organisations, duties."""

from dataclasses import asdict
from typing import Any

import click
import orjson

from gis.incidents import kind_edits
from gis.kinds import KIND_SUBJECTS, list_kinds
from gis.rights.principal import system_principal
from web.cli.common import session_scope, user

SUBJECT = click.argument("subject", type=click.Choice(KIND_SUBJECTS))
KIND_KEY = click.argument("key")
TARGET = click.IntRange(0, kind_edits.MAX_TARGET)
VISITS_ASKED = click.option("--visits", type=TARGET, help="Of a duty: visits asked a year.")
SOLVED_ASKED = click.option(
    "--solved", type=TARGET, help="Of a duty: problems solved, asked a year."
)


@click.group()
def command() -> None:
    """Kinds that people add below those of the code: add, list, rename, retire, restore."""


@command.command()
@SUBJECT
@click.argument("name")
@click.option("--parent", required=True, help="Key or name of what it refines.")
@click.option("--en", default="", help="Its name in English.")
@click.option("--key", default="", help="Its key in files; numbered when not given.")
@click.option("--county", help="Code of the county that has it; else all have.")
@click.option("--shared", is_flag=True, help="Of a role: several hold it for one place at a time.")
@VISITS_ASKED
@SOLVED_ASKED
def add(
    subject: str,
    name: str,
    parent: str,
    en: str,
    key: str,
    county: str | None,
    shared: bool,
    visits: int | None,
    solved: int | None,
) -> None:
    """Add the kind NAME of SUBJECT."""
    with session_scope("kind add") as session:
        row = kind_edits.add_kind(
            session,
            system_principal(user()),
            kind_edits.KindInput(
                subject,
                parent,
                name,
                en,
                key=key,
                shared=shared or None,
                county=county,
                targets=kind_edits.Targets(visits, solved),
            ),
        )
        session.commit()
    click.echo(f"{row.key}: {row.zh}")


@command.command("list")
@click.argument("subject", required=False, default="", type=click.Choice(("", *KIND_SUBJECTS)))
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def list_(subject: str, as_json: bool) -> None:
    """List the kinds of SUBJECT, or all."""
    with session_scope() as session:
        rows = list_kinds(session, subject)
    if as_json:
        click.echo(orjson.dumps([asdict(row) for row in rows]).decode())
        return
    for row in rows:
        click.echo(
            f"{row.subject}  {row.key}  {row.zh}  {row.parent}  {row.county or '-'}"
            f"{'' if row.active else '  retired'}"
        )


@command.command()
@SUBJECT
@KIND_KEY
@click.argument("name")
@click.option("--en", help="Its name in English.")
def rename(subject: str, key: str, name: str, en: str | None) -> None:
    """Call the kind KEY of SUBJECT NAME."""
    _change(subject, key, zh=name, en=en)


@command.command()
@KIND_KEY
@VISITS_ASKED
@SOLVED_ASKED
def target(key: str, visits: int | None, solved: int | None) -> None:
    """Ask so much a year of the duty KEY; of what is left out, nothing."""
    _change("duty", key, targets={"visits_target": visits, "solved_target": solved})


@command.command()
@SUBJECT
@KIND_KEY
def retire(subject: str, key: str) -> None:
    """Offer the kind KEY of SUBJECT no more; what has it keeps it."""
    _change(subject, key, active=False)


@command.command()
@SUBJECT
@KIND_KEY
def restore(subject: str, key: str) -> None:
    """Offer the kind KEY of SUBJECT again."""
    _change(subject, key, active=True)


def _change(subject: str, key: str, **changes: Any) -> None:
    with session_scope("kind change") as session:
        number = kind_edits.find_kind_id(session, subject, key)
        by = system_principal(user())
        row = kind_edits.change_kind(session, by, number, **changes)
        session.commit()
    click.echo(f"{row.key}: {row.zh}{'' if row.active else ' (retired)'}")
