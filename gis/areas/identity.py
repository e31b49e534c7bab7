"""An area by its code, which outlives every redrawing."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session, aliased

from gis.areas.codes import level_of
from gis.areas.models import LEVELS_OVER_COUNTY, Area, Level
from gis.errors import NotFound


def find_area_id(session: Session, code: str) -> int | None:
    """Return the id of the area with a code, retired or not; None when there is none."""
    return session.scalar(select(Area.id).where(Area.code == code))


def require_area_id(session: Session, code: str) -> int:
    """Return the id of the area with a code, retired or not.

    Raises
    ------
    NotFound
        There never was one.
    """
    area_id = find_area_id(session, code)
    if area_id is None:
        raise NotFound("area.unknown_code", code=code)
    return area_id


def find_present_area_id(session: Session, code: str) -> int | None:
    """Return the id of the area with a code that is not retired; None when there is none."""
    return session.scalar(select(Area.id).where(Area.code == code, Area.retired_at.is_(None)))


def under_code(code: str) -> ColumnElement[bool]:
    """Return the condition that an area is the one with a code, or stands under it.

    Parameters
    ----------
    code
        Or the beginning of codes below a county; empty: every area.
    """
    begins = func.starts_with(Area.code, code)
    if level_of(code) not in LEVELS_OVER_COUNTY:
        return begins
    top, county = aliased(Area), aliased(Area)
    ids = select(func.unnest(func.in_counties(func.array_agg(top.id)))).where(top.code == code)
    counties = select(county.code).where(county.id.in_(ids))
    return or_(
        Area.level.in_(LEVELS_OVER_COUNTY) & begins,
        Area.county.in_(counties),
    )


def code_beginnings(session: Session, code: str) -> list[str]:
    """Return what the codes of the areas under one begin with: of a city those of its counties."""
    if level_of(code) not in LEVELS_OVER_COUNTY:
        return [code]
    return list(
        session.scalars(select(Area.code).where(Area.level == Level.COUNTY, under_code(code)))
    )


def lock_counties(session: Session, codes: Iterable[str]) -> None:
    """Lock counties until the end of the transaction: one change of grids or units at a time."""
    session.execute(
        select(Area.id).where(Area.code.in_(sorted(codes))).order_by(Area.code).with_for_update()
    )
