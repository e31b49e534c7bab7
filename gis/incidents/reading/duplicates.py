"""Incidents of the same category, near and lately."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from gis.db import cached_text
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


# The index by category, place and time gives the nearest first (in degrees), so that a place with
# very many incidents takes no longer.
DUPLICATES_SQL = """
SELECT * FROM (
  SELECT i.id, i.state, i.reported_at, {condition} AS seen,
    ST_Distance(({location})::geography, p.spot::geography) AS metres
  FROM incident i, (SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4490) AS spot) p
  WHERE i.category = :category AND i.reported_at > :since AND i.reported_at <= :now
      AND i.state <> 'void'
    AND i.parent_id IS NULL AND i.geom && ST_Expand(p.spot, :east, :north) AND ({condition}
        OR {public})
    AND i.id IS DISTINCT FROM CAST(:but AS uuid)
  ORDER BY i.geom <-> p.spot LIMIT 20
) nearest WHERE metres <= :metres ORDER BY metres, reported_at
"""


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
        Degrees, EPSG:4490. but: Not this one.

    Who may not see one is told of it, without its id and by its public place, where it is open to
    all; else nothing.
    """
    condition, params = visibility_clause(by, "i")
    public, public_params = open_to_all("i")
    query = cached_text(
        DUPLICATES_SQL.format(condition=condition, public=public, location=location(condition))
    )
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
    return [
        Duplicate(
            row.id if row.seen else None,
            row.state,
            *state_labels(row.state),
            round(row.metres, 1),
            row.reported_at,
        )
        for row in session.execute(query, params)
    ]
