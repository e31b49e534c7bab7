"""Editions of formulas: read, published, and closed when their year is over."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from gis.areas.identity import find_area_id, lock_counties
from gis.areas.models import Area
from gis.credit.models import FORMULA_KINDS, FormulaEdition, FormulaRule
from gis.credit.rules import DEFAULT_RULES, Rule, validate_rules
from gis.errors import Conflict, invalid_field
from gis.incidents.policy import require_county
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.years import Year


@dataclass(frozen=True)
class Formula:
    """An edition of a formula with its rules; see `FormulaEdition`."""

    id: int
    county: str
    year: int
    kind: str
    version: int
    published_at: datetime
    published_by: str
    closed_at: datetime | None
    closed_by: str
    rules: tuple[Rule, ...]


def list_editions(
    session: Session, kind: str, year: int, counties: Collection[str]
) -> list[Formula]:
    """List the editions of the formulas of some counties in a year, by county, newest first.

    Raises
    ------
    InvalidInput
        There is no such kind.
    """
    if kind not in FORMULA_KINDS:
        raise invalid_field("kind", "field.none_of", value=kind[:40], allowed=FORMULA_KINDS)
    editions = session.scalars(
        select(FormulaEdition)
        .where(FormulaEdition.kind == kind, FormulaEdition.year == year)
        .where(FormulaEdition.county.in_(counties))
        .order_by(FormulaEdition.county, FormulaEdition.version.desc())
    ).all()
    rules: dict[int, list[Rule]] = {edition.id: [] for edition in editions}
    for row in session.scalars(select(FormulaRule).where(FormulaRule.edition_id.in_(rules))):
        cap = None if row.cap is None else float(row.cap)
        rules[row.edition_id].append(Rule(row.fact, row.condition, float(row.value), cap))
    names = [name for name in Formula.__dataclass_fields__ if name != "rules"]
    return [
        Formula(
            **{name: getattr(edition, name) for name in names},
            rules=validate_rules(kind, rules[edition.id]),
        )
        for edition in editions
    ]


def formulas_of(
    session: Session, kind: str, year: int, counties: Collection[str]
) -> dict[str, Formula]:
    """Return the formula that counts in each of some counties; counties without one are left out.

    Raises
    ------
    InvalidInput
        There is no such kind.
    """
    return {row.county: row for row in reversed(list_editions(session, kind, year, counties))}


def proposed_rules(session: Session, kind: str, county: str, year: int) -> tuple[Rule, ...]:
    """Return what a form begins with: the rules of the year, of the year before, or the usual."""
    for number in (year, year - 1):
        formula = formulas_of(session, kind, number, [county]).get(county)
        if formula is not None:
            return formula.rules
    return DEFAULT_RULES[kind]


def list_counties(session: Session, by: Principal, actions: Sequence[Action]) -> dict[str, str]:
    """Return code and name of the counties where one of some actions is allowed somewhere."""
    areas = None if by.kind == "system" else by.areas_of(actions)
    query = select(Area.code, Area.name).where(Area.level == "county", Area.in_use())
    if areas is not None:
        query = query.where(Area.code.in_(select(Area.county).where(Area.id.in_(areas))))
    return dict(session.execute(query.order_by(Area.code)).all())


def require_editor(session: Session, by: Principal, county: str) -> None:
    """Raise unless a principal may change the formulas of a county: who changes rules there may.

    Raises
    ------
    InvalidInput
        There is no such county.
    Forbidden
        It is not theirs.
    """
    require_county(session, county)
    by.require(Action.RULES, [find_area_id(session, county) or 0])


def publish(
    session: Session,
    by: Principal,
    kind: str,
    county: str,
    year: Year,
    rules: Sequence[Rule],
    *,
    base: int,
    now: datetime,
) -> Formula:
    """Make rules the formula of a county and year.

    Parameters
    ----------
    base
        The version that the editor saw; 0: none. Of two who publish at once one is refused.

    Raises
    ------
    InvalidInput
        A rule is wrong, or there is no such county.
    Forbidden
        It is not the principal's to change.
    Conflict
        Another version was published meanwhile, or the year is closed.
    """
    require_editor(session, by, county)
    checked = validate_rules(kind, rules)
    current = lock_formula(session, kind, county, year.number)
    if current is not None and current.closed_at is not None:
        raise Conflict("formula.closed", year=str(year.number))
    version = 0 if current is None else current.version
    if version != base:
        raise Conflict("formula.published_meanwhile", version=str(version))
    values = {"county": county, "year": year.number, "kind": kind, "version": version + 1}
    values |= {"published_at": now, "published_by": by.actor}
    edition = session.scalar(insert(FormulaEdition).values(**values).returning(FormulaEdition.id))
    rows = [{"edition_id": edition, **vars(rule)} for rule in checked]
    session.execute(insert(FormulaRule), rows)
    return formulas_of(session, kind, year.number, [county])[county]


def lock_formula(session: Session, kind: str, county: str, year: int) -> Formula | None:
    """Return the formula of a county and year, that nobody else changes in this transaction."""
    lock_counties(session, [county])
    return formulas_of(session, kind, year, [county]).get(county)
