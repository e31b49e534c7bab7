"""`./wangge rules`: routing rules, tested against the past before they are switched on."""

import os
from datetime import datetime, timedelta
from pathlib import Path

import click
import orjson
from sqlalchemy.orm import Session

from gis.errors import NotFound
from gis.incidents import working_time
from gis.incidents.catalogue import editions
from gis.incidents.routing import rules
from gis.rights.access import system_principal
from gis.rights.roles import ROLE_BY_KEY
from gis.settings import Settings
from web.cli.common import FILE, refused, session_scope


@click.group()
def command() -> None:
    """Routing rules: who goes first for which matter, and how long each stage may take. The first match wins."""


def named(session: Session, name: str) -> rules.RoutingRules:
    """A set by its name or number."""
    for one in rules.list_rule_sets(session):
        if name in (one.name, str(one.id)):
            return rules.find(session, one.id)
    raise NotFound("cli.rule_set_unknown", name=name)


@command.command("show")
@click.argument("name", default="")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def show(name: str, as_json: bool) -> None:
    """The set in force, or the one called NAME, rule by rule; then every set."""
    with session_scope() as session:
        found = named(session, name) if name else rules.active(session)
        words, places = rules.category_names(editions.active_edition(session)), rules.area_names(session, found.rules)
        sets = rules.list_rule_sets(session)
    if as_json:
        rows = [rules.as_cells(rule) for rule in found.rules]
        told = {"id": found.id, "name": found.name, "state": found.state, "rules": rows}
        return click.echo(orjson.dumps(told).decode())
    for number, rule in enumerate(found.rules, 1):
        click.echo(f"{number:3}  {rule.name}: {rules.in_words(rule, words, places)}")
    for one in sets:
        click.echo(f"{'*' if one.state == 'active' else ' '} {one.id} {one.name} ({one.state})", err=True)
    warn_of_years()


def warn_of_years() -> None:
    """Let the clock warn when the holidays of this year or the next one are not known."""
    year = datetime.now(working_time.ZONE).year
    for one in (year, year + 1):
        working_time.has_holiday_calendar(one)


def author() -> str:
    """Who is at the command line."""
    return f"command line: {os.environ.get('SUDO_USER') or os.environ.get('USER') or 'somebody'}"


@command.command("check")
@click.argument("file", type=FILE)
def check(file: Path) -> None:
    """Check a table of rules; every problem by row and column."""
    with session_scope() as session:
        found, report = rules.parse(file, editions.active_edition(session), session)
    refused(report)
    click.echo(f"{file.name}: {len(found)} rules; all right")
    warn_of_years()


@command.command("load")
@click.argument("file", type=FILE)
@click.option("--name", required=True, help="Of the set.")
@click.option("--commit", is_flag=True, help="Do it; without, it is rehearsed.")
def load(file: Path, name: str, commit: bool) -> None:
    """Keep a table of rules as a draft set; nothing is switched on."""
    with session_scope("load rules") as session:
        found, report = rules.parse(file, editions.active_edition(session), session)
        refused(report)
        made = rules.load(session, found, name, author())
        if commit:
            session.commit()
            click.echo(f"set {made} ({name}), {len(found)} rules, a draft; test it: ./wangge rules test {name}")
        else:
            click.echo(f"{len(found)} rules; rehearsed, --commit does it")


@command.command("test")
@click.argument("name")
@click.option("--days", default=90, show_default=True, type=click.IntRange(1, 3660), help="How far back.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def test(name: str, days: int, as_json: bool) -> None:
    """What a set would have done with past incidents: which would go elsewhere, or get other time."""
    now = datetime.now(Settings.from_env().timezone)
    with session_scope() as session:
        found = rules.replay(
            session, named(session, name).rules, now - timedelta(days=days), now, system_principal("command line")
        )
    if as_json:
        click.echo(orjson.dumps(found).decode())
        return
    click.echo(
        f"{found.compared} incidents compared: {found.elsewhere} would go elsewhere, {found.other_limits} get other time"
    )
    for one in found.differences:
        before, after = (
            f"{went.rule} ({ROLE_BY_KEY[went.role].zh if went.role else '-'}, {went.way})"
            for went in (one.before, one.after)
        )
        more = f"{one.slower} with more time, {one.faster} with less"
        click.echo(f"{one.count:6}  {before} -> {after}  {more}")


@command.command("activate")
@click.argument("name")
def activate(name: str) -> None:
    """Switch a set on; incidents filed before keep their rule. A set that was in force may be switched on again."""
    with session_scope("activate rules") as session:
        found = named(session, name)
        rules.activate(session, found.id, datetime.now(Settings.from_env().timezone))
        session.commit()
    click.echo(f"{found.name} is in force")


@command.command("dump")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--name", default="", help="Which set; default: the one in force.")
def dump(file: Path, name: str) -> None:
    """Write a set to FILE (.xlsx or .csv), to be edited and loaded."""
    with session_scope() as session:
        found = named(session, name) if name else rules.active(session)
    rules.dump(found.rules, file)
    click.echo(f"{file}: {len(found.rules)} rules of {found.name}")
