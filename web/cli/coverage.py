"""`./wangge coverage`: who has a facility within some minutes' walk, and who has not."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from sqlalchemy.orm import Session

from gis.facilities.building_coverage import BuildingCoverage, read_buildings, require_level
from gis.facilities.capacity import DEMANDS, USUAL
from gis.facilities.catchment import CATCHMENT_METHODS
from gis.facilities.circles import require_limit
from gis.facilities.coverage_gaps import Gap, list_gaps
from gis.facilities.coverage_summary import CoverageSummary, summarise
from gis.facilities.planned import PlannedFacility, planned_entrances
from gis.facilities.snapshot_difference import CoverageDifference, difference, read_state
from gis.facilities.snapshots import NOW, Question, delete_snapshot, list_snapshots, save, take
from gis.facilities.walkers import profile_network
from gis.messages import Message
from gis.rights.principal import system_principal
from web.cli.common import (
    AS_JSON,
    DASK,
    MOMENT,
    dask_scope,
    record_disclosure,
    session_scope,
    user,
)
from web.cli.coverage_text import (
    print_capacity,
    print_difference,
    print_saved,
    print_scores,
    print_summary,
    print_tier,
)


@dataclass(frozen=True)
class Options:
    """The options of the command, by the names that click gives them."""

    category: str | None
    tier: str | None
    minutes: int
    profile: str
    area: str | None
    by: str
    at: datetime | None
    file: Path | None
    reason: str
    shares: bool
    method: str
    demand: str
    plan: Path | None
    crs: str | None
    saved_as: str | None
    against: str | None
    later: str
    changes: Path | None
    item: str | None
    saved: bool
    forget: str | None
    marks: bool
    recompute: bool
    dask: str | None
    as_json: bool
    given: frozenset[str]

    @property
    def categories(self) -> tuple[str, ...]:
        """Return the keys of the categories."""
        return tuple(key.strip() for key in (self.category or "").split(",") if key.strip())

    def question(self, planned: tuple[PlannedFacility, ...]) -> Question:
        """Return what is asked of the present state, with planned facilities."""
        categories = () if self.tier else self.categories
        return Question(categories, self.tier, self.minutes, self.profile, self.at, planned)


@click.command()
@click.option("--category", help="Key of a category; of several with commas the nearest counts.")
@click.option("--tier", help="All items of a tier of the standards, as 15 or complete.")
@click.option("--minutes", default=15, show_default=True, help="Walking time, 1 to 60.")
@click.option("--profile", default="adult", show_default=True, help="Who walks.")
@click.option("--area", help="Only in the area with this code.")
@click.option(
    "--by", default="community", show_default=True, help="county, street, community or grid."
)
@click.option("--at", type=MOMENT, help="Only facilities open then: now, or as 2026-11-28T20:00.")
@click.option(
    "--gaps",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the buildings that lack one: .xlsx .csv .gpkg .geojson.",
)
@click.option("--reason", default="", help="With --gaps and --changes: why, for auditors.")
@click.option(
    "--capacity", "shares", is_flag=True, help="Places, beds or doctors that people can share."
)
@click.option(
    "--method",
    type=click.Choice([*CATCHMENT_METHODS]),
    default="2sfca",
    show_default=True,
    help="With --capacity: how; the enhanced ones count the nearer more.",
)
@click.option(
    "--demand",
    type=click.Choice(DEMANDS),
    default=USUAL,
    show_default=True,
    help="With --capacity: who shares; usual: elders of their care, children of kindergartens.",
)
@click.option(
    "--with",
    "plan",
    type=click.Path(dir_okay=False, path_type=Path),
    help="As if the facilities of a plan stood: .json of siting, a table or a map file.",
)
@click.option("--crs", help="With --with: system of the coordinates, where the file names none.")
@click.option("--save", "saved_as", metavar="NAME", help="Save this state of coverage.")
@click.option("--against", metavar="NAME", help="What has changed since a saved state.")
@click.option("--to", "later", default=NOW, show_default=True, help="With --against: until when.")
@click.option(
    "--changes",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --against: write the buildings that changed: .xlsx .csv .gpkg .geojson.",
)
@click.option("--item", help="With --changes: which item, of a tier.")
@click.option("--saved", is_flag=True, help="List the saved states.")
@click.option("--forget", metavar="NAME", help="Delete a saved state.")
@click.option("--score", "marks", is_flag=True, help="One mark for each area, of all categories.")
@click.option("--recompute", is_flag=True, help="Bring the stored walks in step first.")
@DASK
@AS_JSON
def command(**values: Any) -> None:
    """Say who reaches a facility on foot in time, who does not, and of whom it cannot be said.

    Two dates, networks or plans are compared by saving one state (--save) and asking what the
    other changes (--against).
    """
    source = click.get_current_context().get_parameter_source
    given = frozenset(name for name in values if source(name) != ParameterSource.DEFAULT)
    _require_usage(given)
    options = Options(**values, given=given)
    with session_scope("coverage") as session, dask_scope(session, options.dask) as state:
        if options.recompute:
            _recompute(session, options.profile)
            state.rollback()  # it reads the new walks from now on
        if options.saved or options.forget is not None:
            return _saved(session, options.forget, options.as_json)
        if options.against is not None:
            return _against(state, session, options)
        planned = _read_plan(state, options, options.categories, options.profile)
        if options.saved_as is not None:
            _save(session, options.saved_as, options.question(planned), options.as_json)
        elif options.category or options.tier or options.marks:
            _print_present(state, session, options, planned)


def _print_present(
    state: Session, session: Session, options: Options, planned: tuple[PlannedFacility, ...]
) -> None:
    """Print one of the answers on the present state: marks, capacity, a tier or categories.

    The session writes what auditors read.
    """
    from gis.facilities.access_score import score
    from gis.facilities.capacity import CapacityRequest, capacity_coverage
    from gis.facilities.coverage_tiers import tier_coverage

    area, by, profile, as_json = options.area, options.by, options.profile, options.as_json
    if options.marks:
        categories = options.categories or None
        marks = score(state, area, profile, by=by, categories=categories, open_at=options.at)
        print_scores(marks, as_json)
    elif options.shares:
        request = CapacityRequest(
            options.category or "", options.minutes, profile, options.method, options.demand
        )
        print_capacity(capacity_coverage(state, request, area=area, by=by), as_json)
    elif options.tier is not None:
        items = tier_coverage(
            state, options.tier, profile, area=area, by=by, open_at=options.at, planned=planned
        )
        print_tier(items, as_json)
    else:
        buildings, summary = _coverage(state, options.question(planned), area, by)
        if options.file is not None:
            _write_gaps(session, list_gaps(state, buildings, options.minutes), options)
        print_summary(summary, as_json)


def _require_usage(used: frozenset[str]) -> None:
    """Raise UsageError where options are missing or do not go together.

    Raises
    ------
    UsageError
        They are missing, or do not.
    """
    questions = {"category", "tier", "marks", "recompute", "saved", "against", "forget"}
    if not used & questions:
        raise click.UsageError("say which with --category, or use --tier, --score or --recompute")
    for option, name in (("--capacity", "shares"), ("--gaps", "file")):
        if name in used and "category" not in used:
            raise click.UsageError(f"{option} needs --category")
    if "changes" in used and "against" not in used:
        raise click.UsageError("--changes needs --against")
    if "against" in used and used & {"category", "tier", "minutes"}:
        raise click.UsageError("--against asks again what the saved state asked")
    if "later" in used and "against" not in used:
        raise click.UsageError("--to needs --against")
    if "dask" in used and used & {"saved", "forget"}:
        raise click.UsageError("--dask goes with what is computed, not with --saved and --forget")
    if "plan" in used and used & {"marks", "shares"}:
        raise click.UsageError("--with goes with --category, --tier, --save and --against")


def _read_plan(
    session: Session, options: Options, categories: tuple[str, ...], profile: str
) -> tuple[PlannedFacility, ...]:
    """Return the facilities of the plan, and say which of them can serve nobody.

    Parameters
    ----------
    categories
        Keys of those that are asked about; of a single one the plan need not say it.
    """
    from gis.exchange.planned import read_planned

    if options.plan is None:
        return ()
    only = categories[0] if len(categories) == 1 else None
    planned = read_planned(session, options.plan, only, options.crs)
    _note_useless(session, planned, categories, profile)
    return planned


def _note_useless(
    session: Session,
    planned: tuple[PlannedFacility, ...],
    categories: tuple[str, ...],
    profile: str,
) -> None:
    """Say which planned facilities can serve nobody."""
    network = profile_network(session, profile).network
    far_count = int((planned_entrances(planned, network).snaps.edge < 0).sum())
    other = sum(bool(categories) and each.category not in categories for each in planned)
    for count, cause in (
        (far_count, "far from any street"),
        (other, "of a category not asked about"),
    ):
        if count:
            click.echo(f"{count} of {len(planned)} planned facilities are {cause}", err=True)


def _coverage(
    session: Session, question: Question, area: str | None, by: str
) -> tuple[BuildingCoverage, CoverageSummary]:
    """Return the buildings with their walks, and who is served by area."""
    require_limit(question.minutes)
    level = require_level(by)
    buildings = read_buildings(
        session,
        question.categories,
        question.profile,
        area,
        open_at=question.open_at,
        planned=question.planned,
    )
    return buildings, summarise(session, buildings, question.categories, question.minutes, level)


def _save(session: Session, name: str, question: Question, as_json: bool) -> None:
    head = save(session, system_principal(user()), name, question)
    session.commit()
    print_saved([head], as_json)


def _saved(session: Session, forget: str | None, as_json: bool) -> None:
    """Delete a saved state, if one is named, and list the others."""
    if forget is not None:
        delete_snapshot(session, system_principal(user()), forget)
        session.commit()
    print_saved(list_snapshots(session), as_json)


def _against(state: Session, session: Session, options: Options) -> None:
    """Print what has changed since a saved state; write the buildings that changed if wanted."""
    answer = _compare(state, options)
    if options.changes is not None:
        _write_changes(state, session, answer, options.changes, options)
    print_difference(answer, options.as_json)


def _compare(session: Session, options: Options) -> CoverageDifference:
    """Return what has changed from a saved state to another, or to now.

    Now others may walk, at other hours, and a plan may stand.

    Raises
    ------
    UsageError
        One of these is named beside a later state.
    """
    old = read_state(session, options.against or "")
    asked = old.head.question
    changed: dict[str, Any] = {}
    if "profile" in options.given:
        changed["profile"] = options.profile
    if "at" in options.given:
        changed["open_at"] = options.at
    if "plan" in options.given:
        profile = changed.get("profile", asked.profile)
        changed["planned"] = _read_plan(session, options, asked.categories, profile)
    if changed and options.later != NOW:
        raise click.UsageError(
            "--profile, --at and --with change the present state only: leave out --to"
        )
    new = (
        take(session, replace(asked, **changed))
        if changed
        else read_state(session, options.later, old)
    )
    return difference(session, old, new, area=options.area, by=options.by)


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


def _write_gaps(session: Session, rows: list[Gap], options: Options) -> None:
    """Write gaps to a file, and note it for auditors."""
    from gis.exchange.gaps_file import write_gaps

    assert options.file is not None
    count = write_gaps(rows, options.file)
    subject = Message(
        "shown.gaps_within",
        {
            "category": options.category,
            "ending": options.file.suffix[1:],
            "area": options.area or "everywhere",
        },
    )
    _note_export(session, options.file, count, subject, options.reason)


def _write_changes(
    state: Session, session: Session, answer: CoverageDifference, file: Path, options: Options
) -> None:
    """Write the buildings that changed to a file, and note it for auditors."""
    from gis.exchange.gaps_file import write_changes
    from gis.facilities.snapshot_changes import list_changes

    count = write_changes(list_changes(state, answer, options.item), file)
    subject = Message("shown.changes", {"state": options.against, "ending": file.suffix[1:]})
    _note_export(session, file, count, subject, options.reason)


def _note_export(session: Session, file: Path, count: int, subject: Message, reason: str) -> None:
    record_disclosure(session, "export", subject, reason=reason)
    click.echo(f"{file}: {count} buildings", err=True)
