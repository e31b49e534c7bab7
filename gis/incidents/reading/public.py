"""Incidents as anybody may read them: where matters of public space stand, and nobody's words.

Of what is open to all (`gis.rights.visibility.open_to_all`) everybody reads its category, its
state, who is to answer by role, and its place to about ten metres (`location`). Descriptions,
addresses as given and media are only for those who may see the incident
(`gis.rights.visibility.visibility_clause`). Whoever has the random number of a report filed through
Open311 may ask how it stands, of whatever category; but not where it is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import STORAGE_SRID
from gis.incidents import working_time
from gis.incidents.reading.event_access import progress, readable_events
from gis.incidents.states import (
    ENDED_STATES,
    MOVES_SHOWN_TO_REPORTER,
    NOTES_SHOWN_TO_REPORTER,
    STATE_PARAMS,
    state_labels,
)
from gis.rights.principal import Principal
from gis.rights.roles import ROLE_BY_KEY
from gis.rights.visibility import location, open_to_all, visibility_clause

AHEAD = ("accepted", "dispatched", "taken")  # stages until a matter is handled, in their order


@dataclass(frozen=True)
class PublicView:
    """An incident for everybody.

    lon, lat: Degrees, EPSG:4490; None where the place is not to be known. address: Names of its
    areas, the nearest first; as given for who may see the incident. expected: When its stages' time
    is over, if all goes on in time. description, media_url, building: None for who may not see the
    incident.
    """

    id: UUID
    state: str
    state_zh: str
    state_en: str
    category: str
    category_zh: str
    category_en: str
    role_zh: str | None
    community: str
    address: str | None
    lon: float | None
    lat: float | None
    reported_at: datetime
    changed_at: datetime
    expected: datetime | None
    description: str | None
    media_url: str | None
    building: str | None

    @property
    def closed(self) -> bool:
        """Whether it is over: closed or void."""
        return self.state in ENDED_STATES


@dataclass(frozen=True)
class PublicFilters:
    """Which incidents. ids: Those, whatever else is said. county: Code. closed: None is both.

    since, until: When reported, both inclusive. changed_after: As its reader knows of it. near:
    Longitude and latitude, EPSG:4490, and a radius in metres.
    """

    ids: Sequence[UUID] | None = None
    categories: Sequence[str] = ()
    county: str | None = None
    closed: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    changed_after: datetime | None = None
    near: tuple[float, float, float] | None = None


# An event `e` that everybody reads; of these, an incident was last changed by the latest. Who sees
# the incident knows of what moved no state, too.
STEP_SQL = "e.from_state <> e.to_state AND e.move = ANY(:shown_moves)"
STEP_PARAMS = {"shown_moves": [*MOVES_SHOWN_TO_REPORTER]}
LAST_STEP_SQL = """
coalesce(i.closed_at, CASE WHEN {visible} THEN {seen} ELSE (
  SELECT max(e.at) FROM incident_event e
  WHERE (e.county, e.incident_id) = (i.county, i.id) AND {step}) END)
"""
PUBLIC_SELECT_SQL = """
SELECT i.id, i.state, i.category, coalesce(i.attributes ->> 'service', c.zh) AS category_zh,
    c.en AS category_en, i.role, i.due_at,
    i.time_limits,
  i.reported_at, {changed_at} AS changed_at,
  ST_X({location}) AS lon, ST_Y({location}) AS lat,
  {visible} AS seen, {open} AS open_to_all, i.description, i.address,
      i.attributes ->> 'media_url' AS media_url,
  (SELECT b.code FROM building b WHERE b.id = i.building_id) AS building,
  (SELECT a.name FROM area a WHERE a.id = ANY(i.area_ids) AND a.level = 'community') AS community,
  (SELECT string_agg(a.name, ', ' ORDER BY array_position(ARRAY['grid', 'community', 'street',
      'county'], a.level))
   FROM area a WHERE a.id = ANY(i.area_ids) AND a.level <> 'unit') AS area_names
FROM incident i JOIN incident_category c ON (c.edition_id, c.code) = (i.edition_id, i.category)
WHERE {where}
ORDER BY i.reported_at DESC, i.id LIMIT :limit OFFSET :offset
"""


def list_public_incidents(
    session: Session, by: Principal, filters: PublicFilters, limit: int, offset: int = 0
) -> list[PublicView]:
    """List incidents open to everybody and those the principal sees, newest first."""
    condition, params = visibility_clause(by, "i")
    public, public_params = open_to_all("i")
    seen, progress_params = progress(by)
    params |= public_params | progress_params | STEP_PARAMS | {"limit": limit, "offset": offset}
    changed_at = LAST_STEP_SQL.format(visible=condition, seen=seen["changed_at"], step=STEP_SQL)
    point = location(condition)
    # the random number is known to whoever filed it
    by_number = " OR i.channel = 'open311'" if filters.ids is not None else ""
    parts = [f"({public} OR {condition}{by_number})"]
    for part, values in _conditions(filters, point, changed_at):
        parts.append(part)
        params |= values
    query = PUBLIC_SELECT_SQL.format(
        visible=condition,
        open=public,
        location=point,
        where=" AND ".join(parts),
        changed_at=changed_at,
    )
    return [_public_view(row) for row in session.execute(text(query), params)]


def _conditions(
    filters: PublicFilters, point: str, changed_at: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the conditions of filters with their parameters.

    Parameters
    ----------
    point, changed_at
        SQL of the incident's point and of its last change, as the reader may know them.
    """
    if filters.county is not None:
        yield "i.county = :county", {"county": filters.county}
    if filters.ids is not None:
        yield "i.id = ANY(:ids)", {"ids": list(filters.ids)}
        return
    if filters.categories:
        yield "i.category = ANY(:categories)", {"categories": list(filters.categories)}
    if filters.closed is not None:
        yield f"{'' if filters.closed else 'NOT '}i.state = ANY(:ended_states)", dict(STATE_PARAMS)
    if filters.since is not None:
        yield "i.reported_at >= :since", {"since": filters.since}
    if filters.until is not None:
        yield "i.reported_at <= :until", {"until": filters.until}
    if filters.changed_after is not None:
        # what its reader knows of never came later than the last change, which is a column
        changed_after = {"changed_after": filters.changed_after}
        yield f"i.changed_at > :changed_after AND {changed_at} > :changed_after", changed_after
    if filters.near is not None:
        lon, lat, radius_m = filters.near
        yield (
            f"ST_DWithin(CAST({point} AS geography), CAST(ST_SetSRID("
            f"ST_MakePoint(:near_lon, :near_lat), {STORAGE_SRID}) AS geography), :near_m)",
            {"near_lon": lon, "near_lat": lat, "near_m": radius_m},
        )


def _public_view(row: Any) -> PublicView:
    zh, en = state_labels(row.state)
    role = ROLE_BY_KEY.get(row.role or "")
    placed = row.seen or row.open_to_all
    return PublicView(
        id=row.id,
        state=row.state,
        state_zh=zh,
        state_en=en,
        category=row.category,
        category_zh=row.category_zh,
        category_en=row.category_en,
        role_zh=role.zh if role else None,
        community=row.community or "",
        address=(row.seen and row.address) or (row.area_names if placed else row.community),
        lon=round(row.lon, 7) if placed else None,
        lat=round(row.lat, 7) if placed else None,
        reported_at=row.reported_at,
        changed_at=row.changed_at,
        expected=_expected(row.state, row.due_at, row.time_limits),
        description=row.description if row.seen else None,
        media_url=row.media_url if row.seen else None,
        building=row.building if row.seen else None,
    )


def _expected(state: str, due: datetime | None, limits: dict[str, object]) -> datetime | None:
    """Return when an incident is handled if every stage takes all its time."""
    if due is None or state not in AHEAD:
        return due
    remaining_minutes = sum(
        float(str(limits.get(stage) or 0)) for stage in AHEAD[AHEAD.index(state) + 1 :]
    )
    return working_time.deadline(
        due, remaining_minutes, around_the_clock=bool(limits.get("around_the_clock"))
    )


@dataclass(frozen=True)
class PublicUpdate:
    """A step of an incident for everybody. words: For who may see the incident; else empty."""

    id: int
    incident_id: UUID
    at: datetime
    state: str
    state_zh: str
    state_en: str
    words: str


UPDATES_SQL = """
SELECT e.id, e.incident_id, e.at, e.to_state, e.note,
  {visible} AND e.move = ANY(:worded_moves) AS worded
FROM incident_event e JOIN incident i ON (i.county, i.id) = (e.county, e.incident_id)
WHERE ({public} OR {visible}) AND {readable} AND e.at BETWEEN :since AND :until
  AND ({step}
    OR {visible} AND e.move = ANY(:worded_moves) AND e.note <> '' AND e.move <> 'report')
  AND (CAST(:county AS text) IS NULL OR i.county = :county)
ORDER BY e.at, e.id LIMIT :limit OFFSET :offset
"""


def list_public_updates(
    session: Session,
    by: Principal,
    since: datetime,
    until: datetime,
    limit: int,
    offset: int = 0,
    *,
    county: str | None = None,
) -> list[PublicUpdate]:
    """List the steps of incidents that are open to everybody or seen by the principal.

    The oldest first, from `since` until `until`, both inclusive.
    """
    visible, params = visibility_clause(by, "i")
    public, public_params = open_to_all("i")
    readable, readable_params = readable_events(by)
    query = UPDATES_SQL.format(visible=visible, public=public, readable=readable, step=STEP_SQL)
    params |= public_params | readable_params
    params |= {"since": since, "until": until, "limit": limit, "offset": offset, "county": county}
    params |= STEP_PARAMS | {"worded_moves": [*NOTES_SHOWN_TO_REPORTER]}
    return [
        PublicUpdate(
            row.id,
            row.incident_id,
            row.at,
            row.to_state,
            *state_labels(row.to_state),
            row.note if row.worded else "",
        )
        for row in session.execute(text(query), params)
    ]
