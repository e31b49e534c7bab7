"""`./wangge coverage`: who has a facility within some minutes' walk, and who has not."""

from pathlib import Path

import click
from sqlalchemy.orm import Session

from gis.facilities.catchment import METHODS
from gis.facilities.coverage_gaps import Gap
from gis.facilities.siting_request import WEIGHTS
from web.cli.common import AS_JSON, parse_moment, record_disclosure, session_scope
from web.cli.coverage_text import print_capacity, print_scores, print_summary, print_tier


@click.command()
@click.option("--category", help="Key of a category; of several with commas the nearest counts.")
@click.option("--tier", help="All items of a tier of the standards, as 15 or complete.")
@click.option("--minutes", default=15, show_default=True, help="Walking time, 1 to 60.")
@click.option("--profile", default="adult", show_default=True, help="Who walks.")
@click.option("--area", help="Only in the area with this code.")
@click.option(
    "--by", default="community", show_default=True, help="county, street, community or grid."
)
@click.option("--at", help="Only facilities open then: now, or as 2026-11-28T20:00.")
@click.option(
    "--gaps",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the buildings that lack one: .xlsx .csv .gpkg .geojson.",
)
@click.option("--reason", default="", help="With --gaps: why, for auditors.")
@click.option(
    "--capacity", "shares", is_flag=True, help="Places, beds or doctors that people can share."
)
@click.option(
    "--method",
    type=click.Choice([*METHODS]),
    default="2sfca",
    show_default=True,
    help="With --capacity: how; the enhanced ones count the nearer more.",
)
@click.option(
    "--demand",
    type=click.Choice(WEIGHTS),
    default="people",
    show_default=True,
    help="With --capacity: who shares.",
)
@click.option("--score", "marks", is_flag=True, help="One mark for each area, of all categories.")
@click.option("--recompute", is_flag=True, help="Bring the stored walks in step first.")
@AS_JSON
def command(
    category: str | None,
    tier: str | None,
    minutes: int,
    profile: str,
    area: str | None,
    by: str,
    at: str | None,
    file: Path | None,
    reason: str,
    shares: bool,
    method: str,
    demand: str,
    marks: bool,
    recompute: bool,
    as_json: bool,
) -> None:
    """Say who reaches a facility on foot in time, who does not, and of whom it cannot be said."""
    from gis.facilities.access_score import score
    from gis.facilities.capacity import CapacityRequest, capacity_coverage
    from gis.facilities.coverage_gaps import gaps
    from gis.facilities.coverage_summary import coverage
    from gis.facilities.coverage_tiers import tier_coverage

    if category is None and tier is None and not (marks or recompute):
        raise click.UsageError("say which with --category, or use --tier, --score or --recompute")
    if shares and category is None:
        raise click.UsageError("--capacity needs --category")
    if file is not None and category is None:
        raise click.UsageError("--gaps needs --category")
    open_at = parse_moment(at) if at else None
    categories = [key.strip() for key in (category or "").split(",") if key.strip()]
    with session_scope("coverage") as session:
        if recompute:
            _recompute(session, profile)
        if marks:
            print_scores(
                score(session, area, profile, by=by, categories=categories or None), as_json
            )
        elif shares:
            request = CapacityRequest(category or "", minutes, profile, method, demand)
            print_capacity(capacity_coverage(session, request, area=area, by=by), as_json)
        elif tier is not None:
            items = tier_coverage(session, tier, profile, area=area, by=by, open_at=open_at)
            print_tier(items, as_json)
        elif category is not None:
            summary = coverage(
                session, categories, minutes, profile, area=area, by=by, open_at=open_at
            )
            if file is not None:
                rows = gaps(session, categories, minutes, profile, area=area, open_at=open_at)
                _write_gaps(session, rows, file, f"{category} {file.suffix}", area, reason)
            print_summary(summary, as_json)


def _recompute(session: Session, profile: str) -> None:
    """Bring the stored walks of a profile in step, and say what was done."""
    from gis.facilities.access_store import recompute_access

    done = recompute_access(session, profile)
    session.commit()
    click.echo(
        f"{done.buildings} buildings, {profile}: {len(done.recomputed)} categories"
        f" recomputed, {len(done.unchanged)} unchanged",
        err=True,
    )


def _write_gaps(
    session: Session, rows: list[Gap], file: Path, what: str, area: str | None, reason: str
) -> None:
    """Write gaps to a file, and note it for auditors."""
    from gis.exchange.gaps_file import write_gaps

    count = write_gaps(rows, file)
    subject = f"gaps of {what} within {area or 'everywhere'}"
    record_disclosure(session, "export", subject, reason=reason)
    click.echo(f"{file}: {count} buildings", err=True)
