"""Incidents of the same category, near and lately."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from gis.crs import STORAGE_SRID
from gis.db import execute_raw
from gis.incidents.states import state_labels
from gis.rights.principal import Principal
from gis.rights.visibility import location, open_to_all, visibility_clause
from gis.shapes.local_distance import metres_per_degree

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


# Of a place with very many incidents so many are looked at, so that it takes no longer.
MAX_LOOKED_AT = 100
ROUNDED_M = 10.0  # how far the public place of an incident may be from its own
DUPLICATES_SQL = f"""
SELECT id, state, reported_at, seen, metres FROM (
  SELECT i.*, |/ (((ST_X(place) - :lon) * :per_lon)^2 + ((ST_Y(place) - :lat) * :per_lat)^2)
    AS metres
  FROM (
    SELECT i.*, {{location}} AS place FROM (
      SELECT i.*, {{condition}} AS seen FROM incident i
      WHERE category = :category AND reported_at > :since AND reported_at <= :now
        AND state <> 'void' AND parent_id IS NULL
        AND geom && ST_MakeEnvelope(
          :lon - :east, :lat - :north, :lon + :east, :lat + :north, {STORAGE_SRID})
        AND id IS DISTINCT FROM CAST(:but AS uuid)
      LIMIT {MAX_LOOKED_AT}
    ) i WHERE seen OR {{public}}
  ) i
) i WHERE metres <= :metres ORDER BY metres, reported_at LIMIT 20
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
    query = DUPLICATES_SQL.format(condition=condition, public=public, location=location("seen"))
    per_lon, per_lat = map(float, metres_per_degree(lat))
    params |= public_params | {
        "category": category,
        "lon": lon,
        "lat": lat,
        "since": at - timedelta(days=NEAR_DAYS),
        "now": at,
        "metres": NEAR_M,
        "per_lon": per_lon,
        "per_lat": per_lat,
        "east": (NEAR_M + ROUNDED_M) / per_lon,
        "north": (NEAR_M + ROUNDED_M) / per_lat,
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
