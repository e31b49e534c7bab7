"""`./wangge rules`: routing rules, tested against the past before they are switched on."""

from datetime import datetime, timedelta
from pathlib import Path

import click
import orjson
from sqlalchemy.orm import Session

from gis import office_calendar
from gis.errors import NotFound
from gis.incidents import working_time
from gis.incidents.catalogue import editions
from gis.incidents.routing import rules, rules_file, rules_replay, rules_store, rules_text
from gis.rights.principal import system_principal
from gis.rights.roles import ROLE_BY_KEY
from web.cli.common import DRY_RUN, EXISTING_FILE, local_now, refused, session_scope, user


@click.group()
def command() -> None:
    """Routing rules: who goes first for which matter, and how long each stage may take.

    The first match wins.
    """


def get_rule_set(session: Session, name: str) -> rules.RoutingRules:
    """Return a set by its name or number.

    Raises
    ------
    NotFound
        There is none.
    """
    for rule_set in rules.list_rule_sets(session):
        if name in (rule_set.name, str(rule_set.id)):
            return rules.read_rule_set(session, rule_set.id)
    raise NotFound("cli.rule_set_unknown", name=name)


@command.command("show")
@click.argument("name", default="")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def show(name: str, as_json: bool) -> None:
    """Print the set in force, or the one called NAME, rule by rule; then list every set."""
    with session_scope() as session:
        rule_set = get_rule_set(session, name) if name else rules.active_rules(session)
        labels, places = (
            rules_text.category_names(editions.active_edition(session)),
            rules_text.area_names(session, rule_set.rules),
        )
        sets = rules.list_rule_sets(session)
    if as_json:
        rows = [rules_file.as_cells(rule) for rule in rule_set.rules]
        body = {"id": rule_set.id, "name": rule_set.name, "state": rule_set.state, "rules": rows}
        return click.echo(orjson.dumps(body).decode())
    for number, rule in enumerate(rule_set.rules, 1):
        click.echo(f"{number:3}  {rule.name}: {rules_text.in_words(rule, labels, places)}")
    for item in sets:
        click.echo(
            f"{'*' if item.state == 'active' else ' '} {item.id} {item.name} ({item.state})",
            err=True,
        )
    warn_of_years()


def warn_of_years() -> None:
    """Say of this year and the next one whose holidays are not known."""
    year = datetime.now(working_time.ZONE).year
    for candidate in (year, year + 1):
        if not office_calendar.current().knows(candidate):
            click.echo(
                f"the holidays of {candidate} are not known: weekends and fixed dates count;"
                " enter them: ./wangge calendar dump FILE, add them, ./wangge calendar load FILE",
                err=True,
            )


@command.command("check")
@click.argument("file", type=EXISTING_FILE)
def check(file: Path) -> None:
    """Check a table of rules; every problem by row and column."""
    with session_scope() as session:
        parsed, report = rules_file.parse(file, editions.active_edition(session), session)
    refused(report)
    click.echo(f"{file.name}: {len(parsed)} rules; all right")
    warn_of_years()


@command.command("load")
@click.argument("file", type=EXISTING_FILE)
@click.option("--name", required=True, help="Of the set.")
@click.option("--commit", is_flag=True, help="Apply; without it, only try.")
def load(file: Path, name: str, commit: bool) -> None:
    """Keep a table of rules as a draft set; nothing is switched on."""
    with session_scope("load rules") as session:
        parsed, report = rules_file.parse(file, editions.active_edition(session), session)
        refused(report)
        new_id = rules_store.load(session, parsed, name, user())
        if commit:
            session.commit()
            click.echo(
                f"set {new_id} ({name}), {len(parsed)} rules, a draft; test it:"
                f" ./wangge rules test {name}"
            )
        else:
            click.echo(f"{len(parsed)} rules. {DRY_RUN}")


@command.command("test")
@click.argument("name")
@click.option(
    "--days", default=90, show_default=True, type=click.IntRange(1, 3660), help="How far back."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def test(name: str, days: int, as_json: bool) -> None:
    """Test a set on past incidents: which would go elsewhere, or get other time limits."""
    now = local_now()
    with session_scope() as session:
        replayed = rules_replay.replay(
            session,
            get_rule_set(session, name).rules,
            now - timedelta(days=days),
            now,
            system_principal("command line"),
        )
    if as_json:
        click.echo(orjson.dumps(replayed).decode())
        return
    click.echo(
        f"{replayed.compared} incidents compared: {replayed.elsewhere} would go elsewhere,"
        f" {replayed.other_limits} get other time"
    )
    for difference in replayed.differences:
        old_route, new_route = (
            f"{went.rule} ({ROLE_BY_KEY[went.role].zh if went.role else '-'}, {went.way})"
            for went in (difference.before, difference.after)
        )
        timing = f"{difference.slower} with more time, {difference.faster} with less"
        click.echo(f"{difference.count:6}  {old_route} -> {new_route}  {timing}")


@command.command("activate")
@click.argument("name")
def activate(name: str) -> None:
    """Switch a set on; incidents filed before keep their rule.

    A set that was in force may be switched on again.
    """
    with session_scope("activate rules") as session:
        rule_set = get_rule_set(session, name)
        rules_store.activate(session, rule_set.id, local_now())
        session.commit()
    click.echo(f"{rule_set.name} is in force")


@command.command("dump")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--name", default="", help="Which set; default: the one in force.")
def dump(file: Path, name: str) -> None:
    """Write a set to FILE (.xlsx or .csv), to be edited and loaded."""
    with session_scope() as session:
        rule_set = get_rule_set(session, name) if name else rules.active_rules(session)
    rules_file.dump(rule_set.rules, file)
    click.echo(f"{file}: {len(rule_set.rules)} rules of {rule_set.name}")
