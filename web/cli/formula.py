"""`./wangge formula`: the formulas of points and stars, published by year."""

from collections.abc import Callable
from pathlib import Path

import click
import orjson
from sqlalchemy.orm import Session

from gis.credit import formula_file
from gis.credit.closing import close_year
from gis.credit.formulas import Formula, formulas_of, publish
from gis.credit.models import FORMULA_KINDS
from gis.credit.rules import DEFAULT_RULES, rule_text
from gis.errors import NotFound
from gis.rights.principal import system_principal
from web.cli.common import (
    AS_JSON,
    DRY_RUN,
    EXISTING_FILE,
    local_day,
    local_now,
    local_year,
    refused,
    session_scope,
    user,
)

FORMULA_KIND = click.argument("kind", type=click.Choice([*FORMULA_KINDS]))


def _of_year(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the arguments that name a formula: KIND COUNTY YEAR."""
    with_year = click.argument("county")(click.argument("year", type=int)(command))
    return FORMULA_KIND(with_year)


@click.group()
def command() -> None:
    """Formulas of points and stars, by county and year: show, dump, publish, close."""


def _formula(session: Session, kind: str, county: str, year: int) -> Formula:
    formula = formulas_of(session, kind, year, [county]).get(county)
    if formula is None:
        raise NotFound("formula.none", year=str(year))
    return formula


@command.command("show")
@_of_year
@AS_JSON
def show(kind: str, county: str, year: int, as_json: bool) -> None:
    """Print the formula of a county and year."""
    with session_scope() as session:
        formula = _formula(session, kind, county, year)
    if as_json:
        return click.echo(orjson.dumps(formula).decode())
    for rule in formula.rules:
        click.echo(rule_text(rule, "en"))
    closed = f", closed {local_day(formula.closed_at)}" if formula.closed_at else ""
    click.echo(
        f"version {formula.version}, published {local_day(formula.published_at)}"
        f" by {formula.published_by}{closed}",
        err=True,
    )


@command.command("dump")
@FORMULA_KIND
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--county", default="", help="Code; without it, the usual formula.")
@click.option("--year", type=int, default=0, help="Of the formula of a county.")
def dump(kind: str, file: Path, county: str, year: int) -> None:
    """Write a formula to FILE (.xlsx or .csv), to be edited and published."""
    rules = DEFAULT_RULES[kind]
    if county:
        with session_scope() as session:
            rules = _formula(session, kind, county, year or local_now().year).rules
    formula_file.dump(rules, file)
    click.echo(f"{file}: {len(rules)} rows")


@command.command("publish")
@_of_year
@click.argument("file", type=EXISTING_FILE)
@click.option("--commit", is_flag=True, help="Apply; without it, only try.")
def publish_(kind: str, county: str, year: int, file: Path, commit: bool) -> None:
    """Make the table in FILE the formula of a county and year, from its first day on."""
    rules, report = formula_file.parse(kind, file)
    refused(report)
    with session_scope("publish formula") as session:
        current = formulas_of(session, kind, year, [county]).get(county)
        by, base = system_principal(user()), current.version if current else 0
        formula = publish(
            session, by, kind, county, local_year(year), rules, base=base, now=local_now()
        )
        if commit:
            session.commit()
    click.echo(f"version {formula.version}: " + ("published" if commit else DRY_RUN))


@command.command("close")
@_of_year
def close(kind: str, county: str, year: int) -> None:
    """Store the result of a year that is over, as it is handed up."""
    with session_scope("close year") as session:
        close_year(session, system_principal(user()), kind, county, local_year(year), local_now())
        session.commit()
    click.echo(f"{kind} of {county} {year}: closed")
