"""`./wangge discussion`: proposals put to residents, slips, votes and results."""

from dataclasses import asdict
from datetime import datetime

import click
import orjson

from gis.discussions import actions, queries
from gis.discussions.models import CHOICES
from gis.rights.principal import system_principal
from web.cli.common import AS_JSON, MOMENT, local_now, session_scope, user

NUMBER = click.argument("number", type=click.IntRange(1, 2**63 - 1))


@click.group()
def command() -> None:
    """Proposals put to the homes of an area: propose, slips, vote, list, withdraw, conclude."""


@command.command("list")
@click.option("--area", default="", help="Code; only those of areas in it.")
@AS_JSON
def list_(area: str, as_json: bool) -> None:
    """List discussions with their votes, what ends last first."""
    with session_scope() as session:
        rows = queries.list_discussions(session, system_principal(user()), local_now(), area)
    if as_json:
        click.echo(orjson.dumps([asdict(row) for row in rows]).decode())
        return
    for row in rows:
        counts = " ".join(f"{choice} {n}" for choice, n in (row.counts or {}).items())
        click.echo(
            f"{row.id}  {row.area_name}  {row.title}  {row.state}  {row.votes} of {row.slips} homes"
            f"  {row.outcome or ''}  {counts}"
        )


@command.command()
@click.argument("area")
@click.argument("title")
@click.argument("proposal")
@click.option("--until", "closes_at", type=MOMENT, required=True, help="Itself out.")
@click.option("--from", "opens_at", type=MOMENT, help="When it begins; at once when not given.")
@click.option("--quorum", type=int, default=50, show_default=True, help="Percent of the homes.")
def propose(
    area: str,
    title: str,
    proposal: str,
    closes_at: datetime,
    opens_at: datetime | None,
    quorum: int,
) -> None:
    """Put PROPOSAL to the homes of AREA (code of a community, grid or unit)."""
    stated = actions.Proposal(area, title, proposal, closes_at, opens_at, quorum)
    with session_scope("proposal") as session:
        number = actions.propose(session, system_principal(user()), stated, local_now())
        session.commit()
    click.echo(f"{number}")


@command.command()
@NUMBER
@click.option("--draws", default=0, help="How often they were drawn, to draw them anew.")
def slips(number: int, draws: int) -> None:
    """Draw a slip for each home of discussion NUMBER; the codes are shown only now."""
    with session_scope("slips") as session:
        codes = actions.draw_slips(
            session, system_principal(user()), number, local_now(), base=draws
        )
        session.commit()
    click.echo("\n".join(codes))


@command.command()
@NUMBER
@click.argument("code")
@click.argument("choice", type=click.Choice(CHOICES))
def vote(number: int, code: str, choice: str) -> None:
    """Cast the vote of a slip of discussion NUMBER, as one that was handed in on paper."""
    with session_scope() as session:
        actions.cast(session, number, code, choice, local_now())
        session.commit()


@command.command()
@NUMBER
@click.argument("reason")
def withdraw(number: int, reason: str) -> None:
    """Withdraw discussion NUMBER before it ends."""
    with session_scope("proposal") as session:
        actions.withdraw(session, system_principal(user()), number, reason, local_now())
        session.commit()


@command.command()
@NUMBER
@click.argument("words")
def conclude(number: int, words: str) -> None:
    """Say what becomes of the result of discussion NUMBER."""
    with session_scope("proposal") as session:
        actions.conclude(session, system_principal(user()), number, words, local_now())
        session.commit()
