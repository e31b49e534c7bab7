"""Today's incidents on a map: those open now and those reported since midnight, without words.

Who may see an incident (`gis.rights.visibility.visibility_clause`) reads its severity, its clock
and its point. Everybody else reads what `gis.incidents.reading.public` says of those open to all:
category, state, areas, and the point to about ten metres.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import STORAGE_SRID
from gis.incidents import working_time
from gis.incidents.models import SEVERITIES
from gis.incidents.states import ENDED_STATES, STATE_PARAMS, state_labels
from gis.rights.principal import Principal
from gis.rights.visibility import location, open_to_all, visibility_clause

MAX_TODAY = 2_000  # incidents on one map


@dataclass(frozen=True)
class TodayIncident:
    """An incident on the map of today.

    exact: Whether the principal may see it. lon, lat: Degrees, EPSG:4490; rounded unless exact.
    place: Names of its community and grid. severity, colour, due: None unless exact; colour is
    green, amber or red, None where no clock runs.
    """

    id: UUID
    state: str
    state_zh: str
    state_en: str
    closed: bool
    category: str
    category_zh: str
    category_en: str
    place: str
    reported_at: datetime
    exact: bool
    severity: str | None
    colour: str | None
    due: datetime | None
    lon: float
    lat: float


# raw SQL: the conditions of visibility that every reading shares. Hidden severities and deadlines
# do not decide the order either, nor hidden points what lies in the box.
TODAY_SQL = """
SELECT i.id, i.state, i.category, coalesce(i.attributes ->> 'service', c.zh) AS category_zh,
    c.en AS category_en, i.reported_at, i.seen,
  i.severity, i.warning_at, i.due_at, ST_X(i.point) AS lon, ST_Y(i.point) AS lat,
  (SELECT string_agg(a.name, ' ' ORDER BY a.level) FROM area a
   WHERE a.id = ANY(i.area_ids) AND a.level IN ('community', 'grid')) AS place,
  count(*) OVER () AS total
FROM (SELECT i.*, coalesce({visible}, false) AS seen, {location} AS point FROM incident i
  WHERE ({public} OR {visible}) AND (i.state = ANY(:open_states) OR i.reported_at >= :since)) i
  JOIN incident_category c ON (c.edition_id, c.code) = (i.edition_id, i.category)
WHERE {inside}
ORDER BY i.seen DESC, i.state = ANY(:ended_states),
  CASE WHEN i.seen THEN array_position(CAST(:severities AS text[]), i.severity) END DESC,
  CASE WHEN i.seen THEN i.due_at END, i.reported_at DESC, i.id
LIMIT :limit
"""


def list_today(
    session: Session,
    by: Principal,
    now: datetime,
    *,
    since: datetime,
    bbox: tuple[float, float, float, float] | None = None,
    limit: int = MAX_TODAY,
) -> tuple[list[TodayIncident], int]:
    """List open incidents and those reported since a moment, with how many there are.

    Those the principal may see come first, of these the open ones by severity and then deadline;
    the others follow, newest first.

    Parameters
    ----------
    bbox
        (west, south, east, north) in degrees, EPSG:4490; only points in it, as they are shown.
    limit
        At most so many are listed; all are counted.
    """
    visible, params = visibility_clause(by, "i")
    public, public_params = open_to_all("i")
    params |= public_params | STATE_PARAMS
    params |= {"since": since, "severities": list(SEVERITIES), "limit": limit}
    inside = "true"
    if bbox is not None:
        inside = f"i.point && ST_MakeEnvelope(:west, :south, :east, :north, {STORAGE_SRID})"
        params |= dict(zip(("west", "south", "east", "north"), bbox, strict=True))
    query = TODAY_SQL.format(
        visible=visible, public=public, location=location(visible), inside=inside
    )
    rows = session.execute(text(query), params).all()
    return [_today_incident(row, now) for row in rows], rows[0].total if rows else 0


def _today_incident(row: Any, now: datetime) -> TodayIncident:
    zh, en = state_labels(row.state)
    return TodayIncident(
        id=row.id,
        state=row.state,
        state_zh=zh,
        state_en=en,
        closed=row.state in ENDED_STATES,
        category=row.category,
        category_zh=row.category_zh,
        category_en=row.category_en,
        place=row.place or "",
        reported_at=row.reported_at,
        exact=row.seen,
        severity=row.severity if row.seen else None,
        colour=working_time.due_status(now, row.warning_at, row.due_at) if row.seen else None,
        due=row.due_at if row.seen else None,
        lon=round(row.lon, 7),
        lat=round(row.lat, 7),
    )
