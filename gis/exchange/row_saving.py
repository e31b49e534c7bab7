"""Rows of a table saved one by one, as a form saves each, with what became of them counted."""

from collections.abc import Callable, Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Forbidden, InvalidInput, NotFound
from gis.files.report import LoadReport
from gis.files.tables import Row, Table
from gis.messages import Message


def save_rows(
    session: Session,
    table: Table,
    rows: Sequence[Row],
    save: Callable[[int], object],
    states: str,
    report: LoadReport,
) -> None:
    """Save rows in their order; refuse those that cannot be, and count new and changed ones.

    Parameters
    ----------
    save
        Saves the row at a place among `rows`.
    states
        Query of key and state of everything stored, before and after.
    """
    before = _states(session, states)
    for nth, row in enumerate(rows):
        try:
            save(nth)
        except InvalidInput as error:
            report.refused += [
                table.refuse(row.number, fault.field, Message(fault.code, fault.params))
                for fault in error.errors
            ]
        except (Forbidden, NotFound) as error:
            message = Message(error.code, error.params)
            report.refused.append(table.refuse(row.number, "", message))
    after = _states(session, states)
    changed = sum(after[key] != state for key, state in before.items())
    new = len(after) - len(before)
    report.counts |= {"new": new, "changed": changed, "unchanged": len(rows) - new - changed}


def _states(session: Session, query: str) -> dict[object, str]:
    session.flush()
    return {row.key: row.state for row in session.execute(text(query))}
