"""What `./wangge coverage` prints: JSON, or lines for people."""

import json
from collections.abc import Sequence
from dataclasses import asdict

import click

from gis.facilities.access_score import AreaScore
from gis.facilities.capacity import AreaCapacity, CapacityCoverage
from gis.facilities.coverage_summary import AreaCoverage, CoverageSummary
from gis.facilities.coverage_tiers import ItemCoverage
from gis.facilities.snapshot_difference import AreaDifference, CoverageDifference
from gis.facilities.snapshots import SnapshotHead
from gis.settings import Settings

LISTED_FACILITIES = 20


def print_summary(summary: CoverageSummary, as_json: bool) -> None:
    """Print who is served, by area."""
    if as_json:
        click.echo(json.dumps(summary.as_json(), ensure_ascii=False))
        return
    click.echo(
        "households: within reach, beyond, cannot say (the data end nearer, or opening hours do"
        " not tell), off the network;"
        " share of those that can be said; a plain circle would count"
        " (in it but beyond the walk, served but outside it)"
    )
    for row in (*summary.areas, summary.totals):
        label = "all" if row is summary.totals else f"{row.code or '-'} {row.name}".rstrip()
        click.echo(f"{label}: {_line(row)}")
    if summary.flat:
        click.echo("slopes are not counted: no elevations are loaded (./wangge load elevation)")


def print_tier(items: list[ItemCoverage], as_json: bool) -> None:
    """Print the shares of the items of a tier."""
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
        f" ({row.circle_only.households:,}, {row.walk_only.households:,})"
        + (
            ""
            if row.total.elders is None
            else f"; {row.beyond.elders or 0:,} of {row.total.elders:,} elders beyond"
            f" ({row.elders_unknown:,} households do not say)"
        )
    )


def print_scores(scores: list[AreaScore], as_json: bool) -> None:
    """Print the marks of areas."""
    if as_json:
        click.echo(json.dumps([asdict(row) for row in scores], ensure_ascii=False))
        return
    for row in scores:
        mark = "-" if row.score is None else f"{row.score:.1f}"
        click.echo(f"{row.code} {row.name}: {mark} of 100 ({row.people:,} people)")


def print_capacity(answer: CapacityCoverage, as_json: bool) -> None:
    """Print what people can share, by area, and the most crowded facilities."""
    if as_json:
        click.echo(json.dumps(answer.as_json(), ensure_ascii=False))
        return
    unit, demand = answer.unit, answer.request.demand
    click.echo(
        f"{unit} for 1,000 {demand}; people: reached, only facilities whose {unit} nobody stated,"
        " beyond, cannot say, off the network; of those reached, with more than is counted"
    )
    for row in (*answer.areas, answer.totals):
        label = "all" if row is answer.totals else f"{row.code or '-'} {row.name}".rstrip()
        click.echo(f"{label}: {_shares(row)}")
    click.echo(f"{demand} that share each facility; {unit}; {demand} for one")
    for load in answer.facilities[:LISTED_FACILITIES]:
        stated = "nobody stated" if load.capacity is None else f"{load.capacity:,}"
        each = "-" if load.per_place is None else f"{load.per_place:,.1f}"
        click.echo(f"  {load.code} {load.name}: {load.claims:,.0f}; {stated}; {each}")
    if len(answer.facilities) > LISTED_FACILITIES:
        click.echo(f"  and {len(answer.facilities) - LISTED_FACILITIES} more; --json lists all")
    unstated = [load.name or load.code for load in answer.facilities if load.capacity is None]
    if unstated:
        unlisted = len(unstated) - LISTED_FACILITIES
        click.echo(
            f"{len(unstated):,} facilities whose {unit} nobody stated: "
            + ", ".join(unstated[:LISTED_FACILITIES])
            + (f" and {unlisted:,} more" if unlisted > 0 else "")
        )


def _shares(row: AreaCapacity) -> str:
    share = "-" if row.per_1000 is None else f"{row.per_1000:,.2f}"
    return (
        f"{share}; {row.total.people:,}: {row.reached.people:,}, {row.unstated.people:,},"
        f" {row.beyond.people:,}, {row.cannot_say.people:,}, {row.off_network.people:,};"
        f" {row.at_least.people:,}"
    )


def print_saved(heads: Sequence[SnapshotHead], as_json: bool) -> None:
    """Print the saved states of coverage, with who saved them."""
    if as_json:
        rows = [head.as_json() | {"author": head.author} for head in heads]
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    if not heads:
        click.echo("no state of coverage is saved; --save NAME saves one")
    zone = Settings.from_env().timezone
    for head in heads:
        question = head.question
        what = (
            f"tier {question.tier}"
            if question.tier
            else f"{','.join(question.categories)} within {question.minutes:g} minutes"
        )
        open_at = (
            ""
            if question.open_at is None
            else f", open {question.open_at.astimezone(zone):%Y-%m-%d %H:%M}"
        )
        plan = f", {len(question.planned)} planned" if question.planned else ""
        click.echo(
            f"{head.name}: {what} ({question.profile}{open_at}{plan});"
            f" {head.saved_at.astimezone(zone):%Y-%m-%d %H:%M}, {head.author}"
        )


def print_difference(answer: CoverageDifference, as_json: bool) -> None:
    """Print who gained and lost, by area."""
    if as_json:
        click.echo(json.dumps(answer.as_json(), ensure_ascii=False))
        return
    click.echo(
        f"from {answer.before.name} to {answer.after.name}; households (people): served before,"
        " served after; gained, lost, faster, slower by half a minute or more; new buildings, gone,"
        " cannot say"
    )
    for item in answer.items:
        if len(answer.items) > 1:
            click.echo(f"{item.item} ({','.join(item.categories)}, {item.minutes:.1f} min)")
        # of a tier only the totals; --json has all
        for row in (*(item.areas if len(answer.items) == 1 else ()), item.totals):
            label = "all" if row is item.totals else f"{row.code or '-'} {row.name}".rstrip()
            click.echo(f"{label}: {_changes(row)}")


def _changes(row: AreaDifference) -> str:
    old, new = row.served_before, row.served_after
    change = {key: f"{count.households:,} ({count.people:,})" for key, count in row.changes.items()}
    return (
        f"{old.households:,} ({old.people:,}), {new.households:,} ({new.people:,});"
        f" {change['gained']}, {change['lost']}, {change['faster']}, {change['slower']};"
        f" {change['new']}, {change['gone']}, {change['unclear']}"
    )
