"""`./wangge circles`: bring the service circles up to date."""

import json
from dataclasses import asdict

import click

from web.cli.common import DASK, dask_scope, progress_bar, session_scope


@click.command()
@click.option(
    "--minutes", default="5,10,15", show_default=True, help="Walking times, comma between."
)
@click.option("--profile", default="adult", show_default=True, help="Who walks.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@DASK
def command(minutes: str, profile: str, as_json: bool, dask: str | None) -> None:
    """Recompute the service circles where something changed.

    Raises
    ------
    BadParameter
        The minutes are not whole numbers with commas between.
    """
    from gis.facilities.service_circles import recompute

    try:
        limits = [int(text) for text in minutes.split(",")]
    except ValueError:
        raise click.BadParameter(
            "whole numbers with commas between, as 5,10,15", param_hint="--minutes"
        ) from None
    with session_scope("service circles") as session, dask_scope(session, dask):
        done = recompute(session, limits, profile, progress_bar("circles"))
        session.commit()
    if as_json:
        click.echo(json.dumps(asdict(done), ensure_ascii=False))
        return
    click.echo(
        f"{done.facilities} facilities: {done.recomputed} recomputed,"
        f" {done.unchanged} unchanged, {done.removed} outdated circles removed"
    )
    if done.off_network:
        click.echo(
            f"{len(done.off_network)} are more than 100 m from any street:"
            f" {', '.join(done.off_network[:20])}"
        )
    if done.islands:
        click.echo(
            f"{len(done.islands)} stand on ways that lead nowhere (island):"
            f" {', '.join(done.islands[:20])}"
        )
