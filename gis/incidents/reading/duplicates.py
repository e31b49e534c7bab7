"""Incidents of the same category, near and lately."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from gis.db import execute_raw
from gis.incidents.states import state_labels
from gis.rights.principal import Principal
from gis.rights.visibility import location, open_to_all, visibility_clause

NEAR_M, NEAR_DAYS = 50.0, 7  # near-duplicates: the same category within so many metres and days


@dataclass(frozen=True)
class Duplicate:
    """Something like it, near and lately. id: None where the asker may not see it.

    Distance_m is then of its public place.
    """

    id: UUID | None
    state: str
    state_zh: str
    state_en: str
    distance_m: float
    reported_at: datetime


# Of a place with very many incidents so many are looked at, and of the nearest of these it is asked
# who sees them and how far they are, so that it takes no longer.
MAX_LOOKED_AT, MAX_MEASURED = 100, 40
DUPLICATES_SQL = f"""
SELECT * FROM (
  SELECT i.id, i.state, i.reported_at, {{condition}} AS seen,
    ST_Distance(({{location}})::geography, i.spot::geography) AS metres
  FROM (
    SELECT near.* FROM (
      SELECT incident.*, p.spot
      FROM incident, (SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4490) AS spot) p
      WHERE category = :category AND reported_at > :since AND reported_at <= :now
        AND state <> 'void' AND parent_id IS NULL
        AND geom && ST_Expand(p.spot, :east, :north)
        AND id IS DISTINCT FROM CAST(:but AS uuid)
      LIMIT {MAX_LOOKED_AT}
    ) near ORDER BY near.geom <-> near.spot LIMIT {MAX_MEASURED}
  ) i
  WHERE {{condition}} OR {{public}}
) seen WHERE metres <= :metres ORDER BY metres, reported_at LIMIT 20
"""  # noqa: S608  our own numbers


def find_duplicates(
    session: Session,
    by: Principal,
    category: str,
    lon: float,
    lat: float,
    at: datetime,
    except_id: UUID | None = None,
) -> list[Duplicate]:
    """List incidents of the same category within 50 m and 7 days, nearest first.

    Void ones and repeats are left out.

    Parameters
    ----------
    lon, lat
        Degrees, EPSG:4490. except_id: Not this one.

    Who may not see one is told of it, without its id and by its public place, where it is open to
    all; else nothing.
    """
    query, params = duplicates_query(by, category, lon, lat, at, except_id)
    return [duplicate_of(*row) for row in execute_raw(session, query, params)]


def duplicates_query(
    by: Principal,
    category: str,
    lon: float,
    lat: float,
    at: datetime,
    except_id: UUID | None = None,
) -> tuple[str, dict[str, Any]]:
    """Return the query of `find_duplicates`, of rows for `duplicate_of`, and its parameters."""
    condition, params = visibility_clause(by, "i")
    public, public_params = open_to_all("i")
    query = DUPLICATES_SQL.format(condition=condition, public=public, location=location(condition))
    params |= public_params | {
        "category": category,
        "lon": lon,
        "lat": lat,
        "since": at - timedelta(days=NEAR_DAYS),
        "now": at,
        "metres": NEAR_M,
        "east": 0.0013,
        "north": 0.0007,
        "but": except_id,
    }
    return query, params


def duplicate_of(
    incident_id: UUID, state: str, reported_at: datetime, seen: bool, metres: float
) -> Duplicate:
    """Return a row of `duplicates_query` as its reader may know it."""
    return Duplicate(
        incident_id if seen else None, state, *state_labels(state), round(metres, 1), reported_at
    )
