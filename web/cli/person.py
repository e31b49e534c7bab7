"""`./wangge person`: a person's requests about their own data: a copy, a correction, erasure."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click
import orjson
from sqlalchemy.orm import Session

from gis import private
from gis.accounts import disclosures
from gis.db import audit_context, engine
from gis.files.table_writer import require_folder
from gis.messages import Message
from gis.ops import data_subject, subject_copy
from web.cli.common import (
    AS_JSON,
    YES_OPTION,
    local_now,
    open_database,
    record_disclosure,
    session_scope,
    user,
)

REASON_OPTION = click.option("--reason", required=True, help="The request, for the history.")


def of_subject(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say whose data it is."""
    for option in (
        click.option("--account", "username", default="", help="User name of an account."),
        click.option("--email", default="", help="Mail address left with reports."),
        click.option("--phone", default="", help="Telephone left with reports, or of a person."),
        click.option("--code", default="", help="Code of a person of the register."),
    ):
        command = option(command)
    return command


@contextmanager
def owner_scope(reason: str) -> Iterator[Session]:
    """Yield a session of the owner of the tables, signed in the history; commit at the end."""
    reason = disclosures.require_reason(reason)
    with Session(engine(open_database().owner)) as session:
        with audit_context(session, user(), reason):
            yield session
        session.commit()


@click.group()
def command() -> None:
    """Answer somebody's request about their own data; make sure first who asks."""


@command.command("export")
@of_subject
@click.option(
    "--reason", default="", help="The request, for auditors; the copy is written down in any case."
)
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
def export(file: Path | None, reason: str, **known_by: str) -> None:
    """Write all that is held of somebody as JSON to FILE, or to stdout.

    Rows of them in each table, what they reported with its photos' numbers, who looked at their
    contact, sign-ins, and what the history has of them; of an official what they did.
    """
    if file is not None:
        require_folder(file)
    with session_scope("copy for the person") as session:
        subject = data_subject.find_subject(session, **known_by)
        document = subject_copy.export_subject(session, subject, local_now())
        numbers = {"person": ", ".join(map(str, subject.people)) or "-"}
        shown = Message("shown.person_copy", {**numbers, "count": len(subject.reports)})
        record_disclosure(session, "export", shown, reason=reason)
    words = orjson.dumps(document, default=str, option=orjson.OPT_INDENT_2).decode()
    if file is None:
        click.echo(words)
        return
    private.write_file(file, words + "\n")
    click.echo(f"{file}: {len(document['reports'])} reports", err=True)


@command.command("correct")
@of_subject
@click.option("--name", help="The right name.")
@click.option("--new-phone", help="The right telephone number; '' for none.")
@click.option("--new-email", help="The right mail address of the reports; '' for none.")
@REASON_OPTION
@AS_JSON
def correct(
    name: str | None,
    new_phone: str | None,
    new_email: str | None,
    reason: str,
    as_json: bool,
    **known_by: str,
) -> None:
    """Correct a name, a telephone number or a mail address, in the register and in reports."""
    given = {"name": name, "phone": new_phone, "email": new_email}
    changes = {key: value for key, value in given.items() if value is not None}
    with owner_scope(reason) as session:
        subject = data_subject.find_subject(session, **known_by)
        counts = data_subject.correct_subject(session, subject, changes)
    click.echo(json.dumps(counts) if as_json else f"corrected: {_counts(counts)}")


@command.command("erase")
@of_subject
@REASON_OPTION
@YES_OPTION
@AS_JSON
def erase(reason: str, yes: bool, as_json: bool, **known_by: str) -> None:
    """Erase somebody who answers for nothing any more, or the contacts that they left with reports.

    It cannot be taken back. What an office has to keep stays: the matters, and what was done and
    signed. Backups of before have it until they are deleted.
    """
    with owner_scope(reason) as session:
        subject = data_subject.find_subject(session, **known_by)
        if not yes:
            who = ", ".join([*subject.codes, *subject.usernames]) or "nobody of the register"
            click.confirm(
                f"This erases {who} and the contacts of {len(subject.reports)} reports. Go on?",
                abort=True,
                err=True,
            )
        result = data_subject.erase_subject(session, subject, local_now())
    if as_json:
        click.echo(json.dumps(asdict(result)))
        return
    click.echo(f"erased: {_counts(result.erased)}")
    click.echo(f"kept as records of the office: {_counts(result.kept)}")
    click.echo("wangge: backups of before still have it; delete them in time", err=True)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in counts.items())
