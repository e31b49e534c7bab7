"""`./wangge policy`: the numbers of the loop that a county sets."""

from dataclasses import asdict

import click

from gis.incidents.policy import Policy, policy_of, require_county, set_policy
from web.cli.common import session_scope


@click.group()
def command() -> None:
    """Numbers of the loop that a county sets: show, set."""


@command.command("show")
@click.argument("county")
def show(county: str) -> None:
    """Show the numbers of the county with the code COUNTY."""
    with session_scope() as session:
        require_county(session, county)
        _print(policy_of(session, county))


@command.command("set")
@click.argument("county")
@click.option(
    "--reopening", type=int, help="The reopening from which on a matter is supervised at once."
)
@click.option("--calls", type=int, help="Follow-up calls after which nobody is called any more.")
@click.option("--notice-days", type=int, help="Days before a suspension ends; 0: no reminder.")
def set_(county: str, reopening: int | None, calls: int | None, notice_days: int | None) -> None:
    """Set numbers of the county with the code COUNTY; what is not named stays."""
    with session_scope("policy set") as session:
        policy = set_policy(
            session,
            county,
            supervised_reopening=reopening,
            max_calls=calls,
            suspension_notice_days=notice_days,
        )
        session.commit()
    _print(policy)


def _print(policy: Policy) -> None:
    for name, value in asdict(policy).items():
        click.echo(f"{name}: {value}")
