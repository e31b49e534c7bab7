"""What a load says on the command line."""

import json

import click

from gis.errors import InvalidInput
from gis.files.report import LoadReport
from web.cli.common import DRY_RUN


def raise_if_rejected(report: LoadReport) -> None:
    """Raise when a load refused anything: for commands in which that load is a step.

    Raises
    ------
    InvalidInput
        Each refused row in `errors`.
    """
    if report.refused:
        raise InvalidInput(
            "cli.load_refused",
            [row.to_field_error() for row in report.refused],
            file=str(report.source),
            count=len(report.refused),
        )


def print_report(report: LoadReport, as_json: bool) -> None:
    """Print a report on stdout."""
    click.echo(
        json.dumps(report.to_dict(), ensure_ascii=False) if as_json else format_report(report)
    )


def format_report(report: LoadReport) -> str:
    """Return the report for people, without the refused rows."""
    lines = [f"{report.source}: {report.kind}"]
    if report.crs:
        lines.append(f"  coordinate system  {report.crs}")
    if report.bbox:
        west, south, east, north = report.bbox
        lines.append(
            f"  bounding box       {west:.6f}, {south:.6f} to {east:.6f}, {north:.6f} (EPSG:4490)"
        )
    lines += [f"  {name.replace('_', ' '):18} {count:,}" for name, count in report.counts.items()]
    lines += [f"  note: {note}" for note in report.notes]
    if report.committed:
        lines.append("committed")
    elif not report.refused:
        lines.append(DRY_RUN)
    return "\n".join(lines)
