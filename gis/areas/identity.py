"""An area by its code, which outlives every redrawing."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from gis.areas.models import Area
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


def lock_counties(session: Session, codes: Iterable[str]) -> None:
    """Lock counties until the end of the transaction: one change of grids or units at a time."""
    session.execute(
        select(Area.id).where(Area.code.in_(sorted(codes))).order_by(Area.code).with_for_update()
    )
