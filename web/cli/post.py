"""`./wangge post`: who holds which post, planned posts, handing over, leave."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Literal

import click

from gis.incidents.lifecycle import handover
from gis.incidents.reading.unanswered import unanswered
from gis.people import plans
from gis.people.posts import posts_of
from gis.rights.principal import system_principal
from web.cli.common import AS_JSON, MOMENT, local_now, local_text, session_scope

BY = system_principal("command line")


@click.group()
def command() -> None:
    """Manage posts: list, plan, hand over, leave, and the places nobody answers for."""


@command.command("list")
@click.argument("area")
@click.option("--within", is_flag=True, help="Also those of every area and building in it.")
@click.option("--at", type=MOMENT, help="The moment, ISO 8601; now when not given.")
@AS_JSON
def list_(area: str, within: bool, at: datetime | None, as_json: bool) -> None:
    """List the posts of AREA (its code) with holder, deputy and leave."""
    with session_scope() as session:
        rows = posts_of(session, BY, area, at or local_now(), within=within)
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], ensure_ascii=False, default=str))
        return
    for row in rows:
        holder = f"{row.holder['name']} ({row.holder['code']})" if row.holder else "——"
        grade = f"  {row.grade}" if row.grade else ""
        deputy = f"  代理 {row.deputy['name']} ({row.deputy['code']})" if row.deputy else ""
        until = f" – {local_text(row.valid_to)}" if row.valid_to else ""
        away = "".join(
            f"  请假 {gone['person']} {local_text(gone['from'])} – {local_text(gone['until'])}"
            for gone in row.leave
        )
        click.echo(
            f"{row.id:>8}  {row.role_zh}  {row.area_name} ({row.area}) "
            f" {holder}{grade}{deputy}"
            f"  {local_text(row.valid_from)}{until}{away}"
        )
    if not rows:
        click.echo(
            f"wangge: {area} has no posts; load some with ./wangge load people FILE", err=True
        )


@command.command("plan")
@click.argument("area")
@click.argument("planned", required=False, type=click.IntRange(0, plans.MAX_PLANNED_POSTS))
@click.option("--none", is_flag=True, help="Set no number any more.")
def plan(area: str, planned: int | None, none: bool) -> None:
    """List the communities in AREA with planned, filled and vacant posts of community workers.

    With PLANNED, set first how many the community AREA is to have.
    """
    with session_scope("planned posts") as session:
        if none or planned is not None:
            plans.set_plan(session, BY, area, None if none else planned, local_now())
            session.commit()
        for row in plans.list_plans(session, BY, local_now(), area=area):
            wanted = "-" if row.planned is None else f"{row.planned}"
            vacant = "-" if row.vacant is None else f"{row.vacant}"
            click.echo(
                f"{row.area}  {row.area_name}  {wanted} planned  {row.filled} filled"
                f"  {vacant} vacant"
            )


@command.command("hand-over")
@click.argument("post", type=int)
@click.option("--to", help="Code of the successor.")
@click.option("--vacant", is_flag=True, help="Leave it vacant instead.")
@click.option("--at", type=MOMENT, help="From when, ISO 8601; now when not given.")
@click.option(
    "--incidents",
    type=click.Choice(["follow", "stay"]),
    required=True,
    help="What the old holder has open in this post goes to the successor, or stays.",
)
@AS_JSON
def hand_over(
    post: int,
    to: str | None,
    vacant: bool,
    at: datetime | None,
    incidents: Literal["follow", "stay"],
    as_json: bool,
) -> None:
    """Hand over POST (its number in the list).

    Raises
    ------
    UsageError
        Not exactly one of --to and --vacant is set.
    """
    if (to is None) != vacant:
        raise click.UsageError("say either --to CODE or --vacant")
    with session_scope("hand over") as session:
        result = handover.hand_over(session, BY, post, to, at, incidents, local_now())
        session.commit()
    if as_json:
        click.echo(json.dumps(asdict(result), default=str))
    else:
        click.echo(
            f"post {post} → {result.post} from {local_text(result.at)};"
            f" {result.incidents} incidents came along"
        )


@command.command()
@click.argument("person")
@click.option("--from", "begins", type=MOMENT, help="ISO 8601; now when not given.")
@click.option("--until", type=MOMENT, help="ISO 8601, itself out; without: until further notice.")
@AS_JSON
def leave(person: str, begins: datetime | None, until: datetime | None, as_json: bool) -> None:
    """Enter leave of PERSON (their code): the deputies of their posts stand in."""
    start = begins or local_now()
    with session_scope("leave") as session:
        result = handover.record_leave(session, BY, person, start, until, local_now())
        session.commit()
    click.echo(
        json.dumps({"leave": result}) if as_json else f"{person}: away from {local_text(start)}"
    )


@command.command("unanswered")
@AS_JSON
def unanswered_(as_json: bool) -> None:
    """List the grids nobody answers for, up to the county, and what waits at the operator."""
    with session_scope() as session:
        queue = unanswered(session, local_now())
    if as_json:
        click.echo(json.dumps(asdict(queue), ensure_ascii=False))
        return
    for grid in queue.places:
        click.echo(f"{grid.code}  {grid.name}  {grid.community_name} ({grid.community})")
    click.echo(
        f"wangge: {len(queue.places)} grids;"
        f" {queue.waiting} incidents wait at the operator (./wangge incidents list"
        f" --queue operator); {queue.operators} operators",
        err=True,
    )
    if not queue.operators:
        click.echo(
            "wangge: no administrator can sign in:"
            " make one with ./wangge account add NAME --role administrator",
            err=True,
        )
