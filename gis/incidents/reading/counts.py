"""Count the incidents that one may see."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.incidents.reading.event_access import progress
from gis.incidents.reading.filters import (
    COLOURS,
    IncidentFilters,
    filter_conditions,
    validate_filters,
)
from gis.incidents.states import OPEN_STATES, State
from gis.rights.principal import Principal

INCIDENT_COUNTS_SQL = f"""
SELECT i.state, count(*) AS n, count(*) FILTER (WHERE {COLOURS["red"]}) AS red,
  count(*) FILTER (WHERE {COLOURS["amber"]}) AS amber,
      count(*) FILTER (WHERE i.supervised) AS supervised,
  count(*) FILTER (WHERE {{pending}} <> '') AS pending
FROM incident i WHERE {{where}} GROUP BY i.state"""  # noqa: S608  our own text


def exceeds(
    session: Session, by: Principal, filters: IncidentFilters, limit: int, *, now: datetime
) -> bool:
    """Return whether the visible incidents that filters select are more than a limit."""
    validate_filters(session, filters)
    where, params = filter_conditions(session, by, filters, now)
    beyond = text(f"SELECT FROM incident i WHERE {where} OFFSET :limit LIMIT 1")
    return session.execute(beyond, params | {"limit": limit}).first() is not None


def count_by_state(
    session: Session, by: Principal, filters: IncidentFilters, *, now: datetime
) -> dict[str, Any]:
    """Count visible incidents by state.

    And those overdue, nearly due, supervised or awaiting approval.
    """
    validate_filters(session, filters)
    where, params = filter_conditions(session, by, replace(filters, state=()), now)
    rows = session.execute(
        text(INCIDENT_COUNTS_SQL.format(where=where, pending=progress(by)[0]["pending_request"])),
        params,
    ).all()
    states = dict.fromkeys((state.value for state in State), 0) | {row.state: row.n for row in rows}
    total = {
        name: sum(getattr(row, name) for row in rows)
        for name in ("red", "amber", "supervised", "pending")
    }
    return {
        "states": states,
        "open": sum(states[state] for state in OPEN_STATES),
        "all": sum(states.values()),
        **total,
    }
