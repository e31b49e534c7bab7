"""The record of changes of ten-household units, and the version of the units of a grid."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from gis.areas.models import Area, UnitChange
from gis.errors import Conflict

# the grids of units as they stand now, with their counties
GRIDS_OF_UNITS_SQL = """
SELECT DISTINCT coalesce(d.parent_id, u.parent_id) FROM area u
LEFT JOIN dated_parent d ON d.area_id = u.id AND d.valid_time @> now()
WHERE u.id = ANY(:units)
"""


@dataclass(frozen=True)
class UnitChangeRow:
    """A change of units, as the history lists it; `unit` is None where several units change."""

    id: int
    kind: str
    unit: str | None
    name: str | None
    homes: int
    detail: Mapping[str, Any]
    author: str
    reason: str
    at: datetime


def record_change(
    session: Session,
    kind: str,
    unit_id: int | None,
    grid_ids: Iterable[int],
    *,
    author: str,
    reason: str,
    homes: int = 0,
    detail: Mapping[str, object] | None = None,
) -> int:
    """Record a change of units; the version of the grids becomes its number, which is returned."""
    change = UnitChange(
        kind=kind,
        unit_id=unit_id,
        grid_ids=sorted(set(grid_ids)),
        homes=homes,
        detail=dict(detail or {}),
        author=author,
        reason=reason,
    )
    session.add(change)
    session.flush()
    return change.id


def record_load(session: Session, unit_ids: Sequence[int], homes: int) -> None:
    """Record that a load has changed what some units stand on."""
    grids = session.scalars(text(GRIDS_OF_UNITS_SQL), {"units": list(unit_ids)}).all()
    author = session.scalar(
        select(func.coalesce(func.nullif(func.current_setting("wangge.who", True), ""), "load"))
    )
    record_change(session, "load", None, grids, author=str(author), reason="", homes=homes)


def units_version(session: Session, grid_id: int) -> int:
    """Return the version of the units of a grid; 0 while nothing has changed."""
    query = select(func.max(UnitChange.id)).where(UnitChange.grid_ids.contains([grid_id]))
    return session.scalar(query) or 0


def require_version(session: Session, grid: Area, versions: Sequence[int]) -> None:
    """Raise Conflict unless the units of a grid have one of some versions; none means any.

    Raises
    ------
    Conflict
        `unit.stale_version`: the units have changed since.
    """
    current = units_version(session, grid.id)
    if versions and current not in versions:
        raise Conflict(
            "unit.stale_version",
            extra={"version": current},
            grid=grid.name,
            current=current,
            version=versions[0],
        )


def list_changes(
    session: Session, grid_id: int, limit: int, before: int | None = None
) -> list[UnitChangeRow]:
    """List the changes of the units of a grid, newest first.

    Parameters
    ----------
    before
        Only changes with a lower number.
    """
    query = (
        select(
            UnitChange.id,
            UnitChange.kind,
            Area.code,
            Area.name,
            UnitChange.homes,
            UnitChange.detail,
            UnitChange.author,
            UnitChange.reason,
            UnitChange.at,
        )
        .outerjoin(Area, Area.id == UnitChange.unit_id)
        .where(UnitChange.grid_ids.contains([grid_id]))
        .order_by(UnitChange.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(UnitChange.id < before)
    return [UnitChangeRow(*row) for row in session.execute(query)]
