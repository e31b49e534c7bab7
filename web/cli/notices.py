"""`./wangge notices`: receivers of notices, and what did not reach them."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import click

from gis.notices import actions, queries
from gis.settings import Settings
from web.cli.common import AS_JSON, local_day, local_text, session_scope
from web.http.params import read_digits

TOPICS_OPTION = click.option(
    "--topic",
    "topics",
    multiple=True,
    help="As incident.dispatch; may be given again. Without: all.",
)
INCIDENT_AREA_OPTION = click.option("--area", default="", help="Code; only of incidents in it.")


CLOCK = "%Y-%m-%d %H:%M:%S"


@click.group()
def command() -> None:
    """Notices: receivers, what waits, what is dead, send again."""


@command.command("list")
@click.option(
    "--state", default="", type=click.Choice(["", "waiting", "sent", "dead"]), help="Only these."
)
@click.option("--most", default=50, show_default=True, type=click.IntRange(1, 10_000))
@AS_JSON
def list_(state: str, most: int, as_json: bool) -> None:
    """List the newest notices to receivers, with their state of delivery."""
    with session_scope() as session:
        show(queries.outgoing(session, state, most), as_json, "no notice to a receiver")


@command.command()
@click.option("--most", default=50, show_default=True, type=click.IntRange(1, 10_000))
@AS_JSON
def dead(most: int, as_json: bool) -> None:
    """Notices that were given up; `retry` sends them again."""
    with session_scope() as session:
        show(queries.outgoing(session, "dead", most), as_json, "no notice is dead")


@command.command()
@click.argument("which", metavar="ID|all")
def retry(which: str) -> None:
    """Send notice ID again at once, or all dead ones.

    Raises
    ------
    BadParameter
        It is neither a number nor all.
    """
    number = read_digits(which)
    if which != "all" and number is None:
        raise click.BadParameter("must be the number of a notice, or all", param_hint="ID")
    with session_scope("notices retry") as session:
        count = actions.retry_notices(session, number, datetime.now(UTC))
        session.commit()
    click.echo(f"{count} to be sent again")


@command.command()
@AS_JSON
def targets(as_json: bool) -> None:
    """List the receivers, without their secrets."""
    with session_scope() as session:
        rows = queries.targets(session)
    if as_json:
        return show(rows, True, "")
    for row in rows:
        click.echo(target_line(row))
    if not rows:
        click.echo("wangge: no receiver; add one with ./wangge notices add-webhook URL", err=True)


def target_line(row: queries.NoticeTargetView) -> str:
    """Return a receiver as a line, with what keeps notices from it."""
    topics = ", ".join(row.topics) or "all topics"
    where = f"in {row.area}" if row.area else "everywhere"
    if row.area_retired_at:
        where += f" (no more since {local_day(row.area_retired_at)}: nothing reaches it)"
    failure = f"  last failure: {row.last_error}" if row.last_error else ""
    waits = f"waiting {row.waiting}, dead {row.dead}{failure}"
    return f"{row.id}  {row.kind}  {row.address}  {topics}  {where}  {waits}"


@command.command("add-webhook")
@click.argument("url")
@TOPICS_OPTION
@INCIDENT_AREA_OPTION
@click.option(
    "--secret",
    default="",
    help="Key its messages are signed with; without: one is made and printed once.",
)
def add_webhook(url: str, topics: tuple[str, ...], area: str, secret: str) -> None:
    """Send notices to URL, signed; prints the key they are signed with."""
    with session_scope("notices add-webhook") as session:
        new_id = actions.add_target(session, "webhook", url, topics, area, secret)
        number, key = new_id.id, new_id.secret
        session.commit()
    click.echo(key)
    click.echo(
        f"wangge: receiver {number}; its key is shown only now."
        f" Try it with ./wangge notices test {number}",
        err=True,
    )


@command.command("add-email")
@click.argument("address")
@TOPICS_OPTION
@INCIDENT_AREA_OPTION
def add_email(address: str, topics: tuple[str, ...], area: str) -> None:
    """Send notices to a mail ADDRESS."""
    with session_scope("notices add-email") as session:
        number = actions.add_target(session, "email", address, topics, area).id
        session.commit()
    click.echo(f"receiver {number}")
    if Settings.from_env().smtp is None:
        click.echo(
            "wangge: no mail server is set yet; set WANGGE_SMTP_HOST and WANGGE_SMTP_FROM", err=True
        )


@command.command()
@click.argument("target", metavar="ID", type=int)
def remove(target: int) -> None:
    """Send nothing more to receiver ID."""
    with session_scope("notices remove") as session:
        count = actions.remove_target(session, target)
        session.commit()
    click.echo(f"receiver {target} removed; {count} notices that waited for it are dead")


@command.command()
@click.argument("target", metavar="ID", type=int)
def test(target: int) -> None:
    """Send receiver ID a notice of the topic test now, and say what came back.

    Raises
    ------
    ClickException
        It did not arrive.
    """
    from gis.notices import delivery
    from gis.notices.notice_text import TEST

    with session_scope() as session:
        to = actions.find_target(session, target)
        trial = SimpleNamespace(
            id=0,
            topic=TEST,
            at=datetime.now(UTC),
            county=None,
            body={},
            area_name="",
            category_en="",
            kind=to.kind,
            address=to.address,
            secret=to.secret,
        )
    error = delivery.send_notice(Settings.from_env(), trial)
    if error:
        raise click.ClickException(f"{trial.address}: {error}")
    click.echo(f"{trial.address}: arrived")


def show(rows: Sequence[Any], as_json: bool, nothing: str) -> None:
    """Print rows as lines, or as one JSON document."""
    if as_json:
        return click.echo(
            json.dumps([asdict(row) for row in rows], ensure_ascii=False, default=str)
        )
    for row in rows:
        next_try = f"  next {local_text(row.next_try_at, CLOCK)}" if row.state == "waiting" else ""
        click.echo(
            f"{row.id}  {local_text(row.at, CLOCK)}  {row.topic}"
            f"  to {row.target} {row.address}  [{row.state}]"
            f"  tried {row.attempts}{next_try}{f'  {row.last_error}' if row.last_error else ''}"
        )
    if not rows:
        click.echo(f"wangge: {nothing}", err=True)
