"""Who holds the open incidents one may see."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import plan_for_values
from gis.incidents.states import STATE_PARAMS
from gis.rights.principal import Principal
from gis.rights.visibility import names_clause, visibility_clause

# raw SQL: the conditions of visibility that every reading shares
HOLDERS_SQL = """
SELECT p.code, p.name, count(*) AS open, count(*) FILTER (WHERE i.due_at < :now) AS overdue
FROM incident i JOIN personal.person p ON p.id = i.holder_id
WHERE i.state = ANY(:open_states) AND {visible} AND {named}
GROUP BY p.code, p.name ORDER BY p.name, p.code
"""


@dataclass(frozen=True)
class HolderCount:
    """Somebody who holds incidents. open, overdue: How many of those the asker sees."""

    code: str
    name: str
    open: int
    overdue: int


def list_holders(session: Session, by: Principal, *, now: datetime) -> list[HolderCount]:
    """List who holds visible open incidents, by name, where the asker may have names."""
    visible, params = visibility_clause(by, "i")
    named, named_params = names_clause(by, "i")
    plan_for_values(session)
    query = text(HOLDERS_SQL.format(visible=visible, named=named))
    rows = session.execute(query, params | named_params | STATE_PARAMS | {"now": now})
    return [HolderCount(**row) for row in rows.mappings()]
