"""What a formula would do that is not published yet, beside the one that counts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from gis.credit.formulas import Formula
from gis.credit.points import list_points
from gis.credit.rules import Rule, validate_rules
from gis.credit.stars import list_stars
from gis.rights.principal import Principal
from gis.years import Year


@dataclass(frozen=True)
class PreviewRow:
    """A person, team or community: points or score, and stars, by the old and the new formula."""

    code: str | None
    name: str | None
    old: float | None
    new: float | None
    old_stars: int | None = None
    new_stars: int | None = None


def preview(
    session: Session,
    by: Principal,
    year: Year,
    current: Formula | None,
    proposed: Formula,
    *,
    now: datetime,
) -> list[PreviewRow]:
    """List what would be other by a proposed formula, the largest difference first.

    Parameters
    ----------
    by
        As far as it may read figures.
    current
        The formula that counts; None: none is published.
    proposed
        Of the same county and kind.

    Raises
    ------
    InvalidInput
        A rule of the proposed formula is wrong.
    Forbidden
        The principal may not read figures.
    """
    read = _points if proposed.kind == "points" else _stars
    old = {} if current is None else read(session, by, year, current, now)
    new = read(session, by, year, proposed, now)
    rows = []
    for owner in {**old, **new}:
        before, after = (rows_by.get(owner, (None, None, None)) for rows_by in (old, new))
        name = after[0] or before[0]
        if before[1:] != after[1:]:
            rows.append(PreviewRow(owner[1], name, before[1], after[1], before[2], after[2]))
    return sorted(rows, key=lambda row: -abs((row.new or 0) - (row.old or 0)))


# by kind (team or not) and code: name, points or score, stars
Results = dict[tuple[bool, str | None], tuple[str | None, float | None, int | None]]


def _points(
    session: Session, by: Principal, year: Year, formula: Formula, now: datetime
) -> Results:
    return {
        (row.is_team, row.code): (row.name, row.points, None)
        for row in list_points(session, by, year, [formula])
    }


def _stars(session: Session, by: Principal, year: Year, formula: Formula, now: datetime) -> Results:
    return {
        (False, row.code): (row.name, row.rating.score, row.rating.stars)
        for row in list_stars(session, by, year, {formula.county: formula}, now=now)
    }


def propose(
    kind: str, county: str, year: Year, rules: Sequence[Rule], current: Formula | None
) -> Formula:
    """Return a formula of rules that is not published.

    Raises
    ------
    InvalidInput
        A rule is wrong.
    """
    checked = validate_rules(kind, rules)
    if current is not None:
        return replace(current, rules=checked, closed_at=None, closed_by="")
    return Formula(0, county, year.number, kind, 0, year.since, "", None, "", checked)
