"""What a command centre reads at a glance: seven numbers of the incidents that one may see."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from gis.db import cached_text
from gis.incidents.reading.filters import COLOURS
from gis.incidents.states import STATE_PARAMS, State
from gis.rights.principal import Principal
from gis.rights.visibility import visibility_clause


@dataclass(frozen=True)
class Situation:
    """Numbers of incidents.

    reported, closed: Since a moment. open: Now; of these urgent ones, those whose running stage is
    over its time, those under supervision, and those that are dispatched to nobody yet.
    """

    reported: int
    closed: int
    open: int
    urgent: int
    overdue: int
    supervised: int
    waiting: int


UNDISPATCHED_STATES = (State.REPORTED, State.ACCEPTED, State.RETURNED)

# raw SQL: the condition of visibility that every reading shares
SITUATION_SQL = f"""
SELECT count(*) FILTER (WHERE i.reported_at >= :since),
  count(*) FILTER (WHERE i.state = '{State.CLOSED}' AND i.closed_at >= :since),
  count(*) FILTER (WHERE i.is_open),
  count(*) FILTER (WHERE i.is_open AND i.severity = 'urgent'),
  count(*) FILTER (WHERE i.is_open AND {COLOURS["red"]}),
  count(*) FILTER (WHERE i.is_open AND i.supervised),
  count(*) FILTER (WHERE i.state = ANY(:undispatched_states))
FROM (SELECT i.*, i.state = ANY(:open_states) AS is_open FROM incident i WHERE {{visible}}) i
WHERE i.is_open OR i.reported_at >= :since OR i.closed_at >= :since
"""  # noqa: S608  our own text


def read_situation(session: Session, by: Principal, now: datetime, *, since: datetime) -> Situation:
    """Return the numbers of the incidents that the principal may see."""
    visible, params = visibility_clause(by, "i")
    params |= STATE_PARAMS | {
        "undispatched_states": list(UNDISPATCHED_STATES),
        "since": since,
        "now": now,
    }
    return Situation(
        *session.execute(cached_text(SITUATION_SQL.format(visible=visible)), params).one()
    )
