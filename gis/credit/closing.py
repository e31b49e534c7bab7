"""Closing a year: the result is stored as it is handed up; what changes later is a difference."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from gis.credit.formulas import lock_formula, require_editor
from gis.credit.models import FormulaEdition
from gis.credit.points import store_points
from gis.credit.stars import store_stars
from gis.errors import Conflict, NotFound
from gis.rights.principal import Principal, system_principal
from gis.years import Year


def close_year(
    session: Session, by: Principal, kind: str, county: str, year: Year, now: datetime
) -> None:
    """Store the points or stars of a county and year; its formula cannot change any more.

    Parameters
    ----------
    kind
        points or stars.

    Raises
    ------
    InvalidInput
        There is no such kind or county.
    Forbidden
        It is not the principal's to close.
    NotFound
        No formula was published for the year.
    Conflict
        The year is not over, or is closed.
    """
    require_editor(session, by, county)
    formula = lock_formula(session, kind, county, year.number)
    if formula is None:
        raise NotFound("formula.none", year=str(year.number))
    if formula.closed_at is not None:
        raise Conflict("formula.closed", year=str(year.number))
    if now < year.until:
        raise Conflict("formula.year_not_over", year=str(year.number))
    # of the whole county, whatever who closes it may read
    if kind == "points":
        store_points(session, year, formula)
    else:
        store_stars(session, system_principal(by.actor), year, formula, now)
    session.execute(
        update(FormulaEdition)
        .where(FormulaEdition.id == formula.id)
        .values(closed_at=now, closed_by=by.actor)
    )
