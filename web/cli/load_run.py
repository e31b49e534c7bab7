"""Run a load in one transaction, bring in step what follows from it, and report."""

import sys
from collections.abc import Callable

import click
from sqlalchemy.orm import Session

from gis.files.report import LoadReport
from web.cli.common import local_now, session_scope
from web.cli.load_common import refresh_circles
from web.cli.load_text import print_report

KINDS_AFFECTING_CIRCLES = (
    "osm",
    "buildings",
    "households",
    "facilities",
    "entrances",
    "elevation",
    "edits",
)  # loads after which circles may be others


def run_load(
    load: Callable[[Session], LoadReport], reason: str, commit: bool, as_json: bool
) -> None:
    """Load in one transaction, keep it when told and nothing was refused, report.

    Exit 1 when something was.
    """
    with session_scope(reason) as session:
        report = load(session)
        if commit and not report.refused:
            if report.kind.startswith("areas"):
                _incidents(session, report)
            session.commit()
            report.committed = True
            if report.kind in KINDS_AFFECTING_CIRCLES:
                refresh_circles(session, report)
    print_report(report, as_json)
    if report.refused:
        for row in [] if as_json else report.refused:
            click.echo(
                f"  {row.where}{f', {row.field}' if row.field else ''}: {row.reason}", err=True
            )
        click.echo(f"wangge: {len(report.refused)} rows rejected. Nothing was loaded.", err=True)
        sys.exit(1)


def _incidents(session: Session, report: LoadReport) -> None:
    """Let open incidents follow to the patch they lie in now."""
    from gis.incidents.lifecycle.boundary_follow import reassign_after_boundary_change

    moved = reassign_after_boundary_change(session, local_now())
    if moved:
        report.note("load.incidents_followed", count=moved)
