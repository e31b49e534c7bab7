"""`./wangge coverage`: who has a facility within some minutes' walk, and who has not."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from sqlalchemy.orm import Session

from gis.facilities.access_score import AreaScore
from gis.facilities.coverage_gaps import Gap
from gis.facilities.coverage_summary import AreaCoverage, CoverageSummary
from gis.facilities.coverage_tiers import ItemCoverage
from web.cli.common import AS_JSON, parse_moment, record_disclosure, session_scope


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
    marks: bool,
    recompute: bool,
    as_json: bool,
) -> None:
    """Say who reaches a facility on foot in time, who does not, and of whom it cannot be said."""
    from gis.facilities.access_score import score
    from gis.facilities.coverage_gaps import gaps
    from gis.facilities.coverage_summary import coverage
    from gis.facilities.coverage_tiers import tier_coverage

    if category is None and tier is None and not (marks or recompute):
        raise click.UsageError("say which with --category, or use --tier, --score or --recompute")
    if file is not None and category is None:
        raise click.UsageError("--gaps needs --category")
    open_at = parse_moment(at) if at else None
    categories = [key.strip() for key in (category or "").split(",") if key.strip()]
    with session_scope("coverage") as session:
        if recompute:
            _recompute(session, profile)
        if marks:
            _print_scores(
                score(session, area, profile, by=by, categories=categories or None), as_json
            )
        elif tier is not None:
            items = tier_coverage(session, tier, profile, area=area, by=by, open_at=open_at)
            _print_tier(items, as_json)
        elif category is not None:
            summary = coverage(
                session, categories, minutes, profile, area=area, by=by, open_at=open_at
            )
            if file is not None:
                rows = gaps(session, categories, minutes, profile, area=area, open_at=open_at)
                _write_gaps(session, rows, file, f"{category} {file.suffix}", area, reason)
            _print_summary(summary, as_json)


def _recompute(session: Session, profile: str) -> None:
    """Bring the stored walks of a profile in step, and say what was done."""
    from gis.facilities.access_store import recompute_access

    done = recompute_access(session, profile)
    session.commit()
    click.echo(
        f"{done.buildings} buildings, {profile}: {len(done.recomputed)} categories"
        f" recomputed, {len(done.unchanged)} unchanged; {done.labels} labels of"
        f" {done.buildings * (len(done.recomputed) + len(done.unchanged))} computed anew",
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


def _print_summary(summary: CoverageSummary, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(summary.as_json(), ensure_ascii=False))
        return
    click.echo(
        "households: within reach, beyond, cannot say (the data end nearer, or opening hours do"
        " not tell), off the network;"
        " share of those that can be said; a plain circle would count"
    )
    for row in (*summary.areas, summary.totals):
        label = "all" if row is summary.totals else f"{row.code or '-'} {row.name}".rstrip()
        click.echo(f"{label}: {_line(row)}")


def _print_tier(items: list[ItemCoverage], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([item.as_json() for item in items], ensure_ascii=False))
        return
    click.echo("share of households within reach, of those that can be said; minutes; facilities")
    for item in items:
        name = f"{item.standard.item} {item.standard.zh}"
        if item.summary is None:
            click.echo(f"{name}: by visit only")
            continue
        click.echo(
            f"{name}: {_percent(item.summary.totals.share)}; {item.minutes:.1f} min;"
            f" {item.facilities:,}"
        )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _line(row: AreaCoverage) -> str:
    return (
        f"{row.total.households:,}: {row.served.households:,}, {row.beyond.households:,},"
        f" {row.cannot_say.households:,}, {row.off_network.households:,}; {_percent(row.share)};"
        f" {row.plain_circle.households:,}"
    )


def _print_scores(scores: list[AreaScore], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([asdict(row) for row in scores], ensure_ascii=False))
        return
    for row in scores:
        mark = "-" if row.score is None else f"{row.score:.1f}"
        click.echo(f"{row.code} {row.name}: {mark} of 100 ({row.people:,} people)")
