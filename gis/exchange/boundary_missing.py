"""Grids that a file of boundaries omits: which they are, and which of them end."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from gis.areas.models import Area, Boundary
from gis.boundaries import draft_identity
from gis.errors import invalid_field
from gis.exchange.area_file import AreaRecord
from gis.files.report import LoadReport, RejectedRow
from gis.messages import Message


def missing_grids(
    session: Session, entries: Sequence[AreaRecord], gone: Sequence[str], at: datetime
) -> dict[str, str]:
    """Return the name of each grid of the file's communities that it omits, by code.

    Parameters
    ----------
    session
        Open session; only read.
    entries
        With a code each.
    gone
        Codes of stored grids whose land the file has given to others.
    at
        Moment whose boundaries count.
    """
    file_codes = {entry.code for entry in entries}
    names = draft_identity.sibling_names(session, [], dict.fromkeys(gone), sorted(file_codes))
    query = (
        select(Area.code)
        .join(Boundary, Boundary.area_id == Area.id)
        .where(Area.code.in_(list(names)), Boundary.in_force(at))
    )
    with_land = set(session.scalars(query))
    return {
        code: name
        for code, name in sorted(names.items())
        if code not in file_codes and code in with_land
    }


def chosen_to_end(missing: Mapping[str, str], choice: str | None, report: LoadReport) -> list[str]:
    """Return the missing grids that end; where nobody has chosen, refuse each in the report.

    Parameters
    ----------
    missing
        Names by code.
    choice
        keep, retire, or the codes of those that end, with commas; None: nobody has chosen.
    report
        Where refusals go.

    Raises
    ------
    InvalidInput
        A code is none of the missing grids.
    """
    if choice is None:
        report.refused += [
            RejectedRow(
                Message("area_shape.stored_grid", {"code": code}),
                "",
                Message("boundary_file.grid_missing", {"name": name}),
            )
            for code, name in missing.items()
        ]
        return []
    if choice in ("keep", "retire"):
        return list(missing) if choice == "retire" else []
    chosen = [code.strip() for code in choice.split(",") if code.strip()]
    if unknown := [code for code in chosen if code not in missing]:
        raise invalid_field("missing", "boundary_file.not_missing", codes=unknown[:5])
    return chosen
