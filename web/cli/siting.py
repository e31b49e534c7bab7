"""`./wangge siting`: where new facilities serve most people, and who loses if one closes."""

import json
from datetime import datetime
from pathlib import Path

import click

from gis import private
from gis.crs import SUPPORTED_CRS
from gis.facilities.siting_request import (
    CANDIDATE_KINDS,
    DEMAND_WEIGHTS,
    SitingAnswer,
    SitingRequest,
)
from web.cli.common import AS_JSON, MOMENT, local_now, session_scope

MODELS = ("mclp", "lscp", "p-median", "p-centre")
LISTED_CLOSURES = 10


@click.command()
@click.option("--category", required=True, help="Key of a facility category, as clinic.")
@click.option("--sites", default=5, show_default=True, help="How many new facilities.")
@click.option("--minutes", default=15, show_default=True, help="Walk that counts as served.")
@click.option("--profile", default="adult", show_default=True, help="Who walks.")
@click.option(
    "--model",
    type=click.Choice(MODELS),
    default="mclp",
    show_default=True,
    help="mclp: most served; lscp: all served; p-median: least walking; p-centre: least worst.",
)
@click.option(
    "--candidates",
    default="network",
    show_default=True,
    help="network, buildings, or a map file or table of parcels or vacant rooms.",
)
@click.option("--crs", help="System of the file's coordinates, where it names none.")
@click.option(
    "--at", type=MOMENT, help="Without facilities closed then: now, or as 2026-11-28T20:00."
)
@click.option("--weights", type=click.Choice(DEMAND_WEIGHTS), default="people", show_default=True)
@click.option("--area", help="Code: only its inhabitants count, and the sites lie in it.")
@click.option(
    "--time-limit", default=60.0, show_default=True, help="Seconds for the search and its curve."
)
@click.option(
    "--map",
    "map_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the sites on a map, one HTML file.",
)
@click.option(
    "--language", type=click.Choice(("zh", "en")), default="zh", show_default=True, help="Of it."
)
@AS_JSON
def command(
    category: str,
    sites: int,
    minutes: int,
    profile: str,
    model: str,
    candidates: str,
    crs: str | None,
    at: datetime | None,
    weights: str,
    area: str | None,
    time_limit: float,
    map_file: Path | None,
    language: str,
    as_json: bool,
) -> None:
    """Choose places for new facilities, the existing ones fixed.

    Says who each site newly serves, what fewer sites would, and who loses if a facility closes.

    Raises
    ------
    BadParameter
        The system is unknown.
    """
    from gis.exchange.candidates import read_candidates
    from gis.facilities.planning_land import land_of_area
    from gis.facilities.siting_search import site
    from layers.siting_map import siting_map

    if crs is not None and crs not in SUPPORTED_CRS and not crs.upper().startswith("EPSG:"):
        raise click.BadParameter(f"one of {', '.join(SUPPORTED_CRS)}, or EPSG:number")
    from_file = candidates not in CANDIDATE_KINDS
    now = local_now()
    request = SitingRequest(
        category,
        sites,
        minutes,
        profile,
        model,
        weights,
        CANDIDATE_KINDS[0] if from_file else candidates,
        time_limit,
        at,
    )
    with session_scope() as session:
        answer = site(
            session,
            request,
            land=None if area is None else land_of_area(session, area, now),
            places=read_candidates(session, Path(candidates), crs) if from_file else None,
        )
        if map_file is not None:
            with private.open_file(map_file, encoding="utf-8") as page:
                page.write(siting_map(session, answer, now, language))
    click.echo(json.dumps(answer.to_dict(), ensure_ascii=False) if as_json else in_words(answer))


def in_words(answer: SitingAnswer) -> str:
    """Return the answer for a person to read."""
    request, total = answer.request, answer.total
    now_share = answer.served.people / total.people if total.people else 0.0
    lines = [
        f"{total.people:,} people in {total.households:,} households;"
        f" {answer.served.people:,} ({now_share:.0%}) have a {request.category} within"
        f" {request.minutes} minutes ({request.profile})",
        f"{answer.candidate_count:,} candidates"
        + ("" if answer.spacing_m is None else f", about {answer.spacing_m:.0f} m apart")
        + f"; {request.model}: {answer.status}, gap {answer.gap:.2%}, {answer.seconds:.1f} s",
    ]
    if request.weights == "elders":
        lines.append(
            f"{total.elders or 0:,} elders are known;"
            f" in buildings with {answer.elders_unknown:,} households nobody says"
        )
    if answer.out_of_reach.people:
        lines.append(f"{answer.out_of_reach.people:,} people no candidate can serve")
    if answer.off_network.people:
        lines.append(f"{answer.off_network.people:,} people live more than 100 m from any street")
    if answer.cannot_say.people:
        lines.append(
            f"{answer.cannot_say.people:,} people count as not served, though a facility beyond the"
            " edge of the data may serve them"
        )
    lines += _sites(answer)
    lines.append(
        f"curve ({request.weights}): "
        + ", ".join(
            f"{point.sites}: {point.newly_served:,.0f}"
            + ("" if point.status == "optimal" else f" ({point.status})")
            for point in answer.curve
        )
    )
    return "\n".join(lines + _closures(answer))


def _sites(answer: SitingAnswer) -> list[str]:
    lines = ["site  newly served  total by then  place"]
    by_then = 0
    for nth, chosen in enumerate(answer.sites, 1):
        by_then += chosen.newly_served.people
        nearby = f" (near {chosen.near})" if chosen.near and chosen.near != chosen.name else ""
        named = " ".join(part for part in (chosen.community, chosen.code, chosen.name) if part)
        lines.append(
            f"{nth:>4}  {chosen.newly_served.people:>12,}  {by_then:>13,}  {named}{nearby}"
            f"  {chosen.lon:.6f},{chosen.lat:.6f}"
        )
    return lines


def _closures(answer: SitingAnswer) -> list[str]:
    losing = [closure for closure in answer.closures if closure.lose.people]
    minutes = answer.request.minutes
    lines = [f"if one closes, people without another within {minutes} minutes:"]
    lines += [
        f"  {closure.lose.people:>7,}  {closure.name or closure.code} ({closure.code})"
        for closure in losing[:LISTED_CLOSURES]
    ]
    if len(losing) > LISTED_CLOSURES:
        lines.append(f"  and {len(losing) - LISTED_CLOSURES} more; --json lists all")
    return lines
