"""Write docs/reference.md: every command, route and metric with its own description."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
from flask import Flask

from gis.settings import ROOT, Settings

DOCUMENT = ROOT / "docs" / "reference.md"
HEADER = """# Reference

Written by `./wangge dev reference` from the code; a test fails when it is out of date. What each
is for stands in the guides, the settings in [operations.md](operations.md#settings), the API's
parameters and answers at `/docs`.
"""
# the figures of web/service/health.py are computed when asked for, so no registry knows them
COMPUTED_METRICS = {
    "wangge_last_sweep_timestamp_seconds": "When overdue matters were last looked for.",
    "wangge_unanswered_grids": "Grids nobody answers for, up to the county.",
    "wangge_operator_queue": "Open incidents that wait at the operator.",
    "wangge_operators": "Accounts that see the operator's queue.",
    "wangge_late_notices": "Notices to webhooks and mail that wait for over an hour.",
}


def commands() -> dict[str, str]:
    """Return what each command of `./wangge` does, subcommands as "db migrate"."""
    from web.cli import cli

    return dict(_leaves(cli, ""))


def _leaves(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
    if not isinstance(command, click.Group):
        yield name, command.get_short_help_str(160)
        return
    context = click.Context(command)
    for word in command.list_commands(context):
        subcommand = command.get_command(context, word)
        if subcommand is not None:
            yield from _leaves(subcommand, f"{name} {word}".strip())


def routes() -> dict[str, str]:
    """Return what each route does, as "GET /api/v1/locate"; no database is asked."""
    from web.app import create_app

    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Settings(var=Path(folder)), "postgresql://nobody@127.0.0.1:1/none")
    operations = {}
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            operations[f"{method} {rule.rule}"] = _summary(app, rule.endpoint)
    return dict(sorted(operations.items(), key=lambda item: (item[0].split(" ")[1], item[0])))


def _summary(app: Flask, endpoint: str) -> str:
    view = app.view_functions[endpoint]
    spec = getattr(view, "_spec", {})
    lines = (view.__doc__ or "").strip().split("\n\n")[0]
    return spec.get("summary") or " ".join(lines.split())


def metrics() -> dict[str, str]:
    """Return what each metric of `/metrics` counts; counters end in _total there."""
    from web.http import observability

    counted = [
        family
        for metric in (observability.REQUEST_COUNT, observability.REQUEST_SECONDS)
        for family in metric.describe()
    ]
    return {family.name: family.documentation for family in counted} | COMPUTED_METRICS


def document() -> str:
    """Return the text of docs/reference.md."""
    parts = [HEADER]
    for title, rows in (("Commands", commands()), ("Routes", routes()), ("Metrics", metrics())):
        prefix = "./wangge " if title == "Commands" else ""
        lines = (f"| `{prefix}{name}` | {text.replace('|', '/')} |" for name, text in rows.items())
        parts.append(
            "\n".join([f"## {title}\n", f"| {title.lower()[:-1]} | |", "| --- | --- |", *lines])
            + "\n"
        )
    return "\n".join(parts)
