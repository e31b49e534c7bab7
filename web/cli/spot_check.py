"""`./wangge spot-check`: draw samples of what was closed in a week, and list them."""

from dataclasses import asdict
from datetime import datetime

import click
import orjson

from gis.incidents.lifecycle import spot_checks
from gis.incidents.reading.spot_checks import SpotSample, list_samples, week_period
from gis.rights.principal import system_principal
from gis.settings import Settings
from web.cli.common import AS_JSON, session_scope, user

WEEK = click.option("--week", required=True, help="ISO week, as 2026-W48.")
COMMUNITY_AREA_OPTION = click.option("--area", default="", help="Code; only communities in it.")


@click.group()
def command() -> None:
    """Draw samples of what was closed in a week, one a community, and list them."""


@command.command("draw")
@WEEK
@COMMUNITY_AREA_OPTION
@click.option("--seed", default="", help="Of the lot; a random one without. It is stored.")
@click.option(
    "--share",
    type=float,
    default=spot_checks.DEFAULT_SHARE,
    show_default=True,
    help="Share of what was closed in a community.",
)
@click.option(
    "--minimum",
    type=int,
    default=spot_checks.DEFAULT_MINIMUM,
    show_default=True,
    help="At least so many of a community.",
)
@AS_JSON
def draw(week: str, area: str, seed: str, share: float, minimum: int, as_json: bool) -> None:
    """Draw the sample of each community that has none of the week yet."""
    zone = Settings.from_env().timezone
    with session_scope(f"spot check {week}") as session:
        principal = system_principal(user())
        drawn = spot_checks.draw(
            session,
            principal,
            week,
            datetime.now(zone),
            zone,
            area=area,
            sampling=spot_checks.Sampling(share, minimum, seed),
        )
        session.commit()
    _print(drawn, as_json)
    click.echo(f"{len(drawn)} communities drawn", err=True)


@command.command("list")
@WEEK
@COMMUNITY_AREA_OPTION
@AS_JSON
def listed(week: str, area: str, as_json: bool) -> None:
    """List the samples of a week with the verdicts."""
    zone = Settings.from_env().timezone
    week_period(week, zone)
    with session_scope() as session:
        samples = list_samples(session, system_principal(user()), week, datetime.now(zone), area)
    _print(samples, as_json)


def _print(samples: list[SpotSample], as_json: bool) -> None:
    if as_json:
        click.echo(orjson.dumps([asdict(sample) for sample in samples]).decode())
        return
    for sample in samples:
        rate = sample.confirmed
        click.echo(
            f"{sample.area} {sample.name}  {len(sample.incidents)} of {sample.population} closed "
            f" seed {sample.seed}  real: {rate.n} of {rate.of} looked at"
        )
        for row in sample.incidents:
            click.echo(f"  {row.incident_id}  {row.category_zh}  {row.verdict or '-'}  {row.note}")
