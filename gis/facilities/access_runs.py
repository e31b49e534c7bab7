"""What stored labels of buildings were computed from: network, buildings and facilities."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.facilities.categories import CATEGORY_BY_KEY
from gis.places.doors import doors_sql

BUILDINGS_DIGEST_SQL = f"""
SELECT md5(coalesce(string_agg(
  b.id || ' ' || encode(ST_AsBinary(
    coalesce({doors_sql("building", "b")}, ST_Centroid(b.geom))), 'hex'),
  ',' ORDER BY b.id), ''))
FROM building b
"""  # noqa: S608  ours
FACILITIES_DIGEST_SQL = f"""
SELECT category, md5(string_agg(
  f.id || ' ' || encode(ST_AsBinary(f.geom), 'hex')
    || ' ' || coalesce(encode(ST_AsBinary({doors_sql("facility", "f")}), 'hex'), ''),
  ',' ORDER BY f.id))
FROM facility f
GROUP BY category
"""  # noqa: S608  ours
STORE_RUN_SQL = """
INSERT INTO access_run
  (profile, category, network_version, edits, buildings_digest, facilities_digest, computed_at)
VALUES (:profile, :category, :network, :edits, :buildings, :facilities, now())
ON CONFLICT (profile, category) DO UPDATE SET
  network_version = excluded.network_version, edits = excluded.edits,
  buildings_digest = excluded.buildings_digest, facilities_digest = excluded.facilities_digest,
  computed_at = excluded.computed_at
"""
STORE_FACILITIES_SQL = f"""
INSERT INTO access_facility (profile, category, facility_id, doors, shape)
SELECT :profile, f.category, f.id, ST_AsBinary({doors_sql("facility", "f")}), ST_AsBinary(f.geom)
FROM facility f
WHERE f.category = ANY(:categories)
"""  # noqa: S608  ours
ACCESS_FACILITIES_SQL = """
SELECT facility_id, '' AS code, category, doors, shape
FROM access_facility
WHERE profile = :profile AND category = ANY(:categories)
ORDER BY facility_id
"""

Inputs = tuple[str, str, str]  # network, buildings, facilities of the category


@dataclass(frozen=True)
class Run:
    """What the labels of a category were computed from, and when.

    edits: Of the network then; None: not known.
    """

    inputs: Inputs
    edits: tuple[int, ...] | None
    computed_at: datetime


def read_inputs(session: Session, network: str) -> dict[str, Inputs]:
    """Return what the labels of each category depend on at present.

    Parameters
    ----------
    network
        Version of the network of the profile.
    """
    buildings = session.scalar(text(BUILDINGS_DIGEST_SQL)) or ""
    facilities = {row[0]: row[1] for row in session.execute(text(FACILITIES_DIGEST_SQL))}
    return {key: (network, buildings, facilities.get(key, "")) for key in CATEGORY_BY_KEY}


def read_runs(session: Session, profile: str) -> dict[str, Run]:
    """Return what the stored labels of each category were computed from."""
    rows = session.execute(
        text("""
            SELECT category, network_version, buildings_digest, facilities_digest, edits,
              computed_at
            FROM access_run
            WHERE profile = :profile
        """),
        {"profile": profile},
    )
    return {
        row[0]: Run((row[1], row[2], row[3]), None if row[4] is None else tuple(row[4]), row[5])
        for row in rows
    }


def store_runs(
    session: Session, profile: str, inputs: Mapping[str, Inputs], edits: Sequence[int]
) -> None:
    """Write down what the labels of categories depend on, so that a change of it is seen.

    Parameters
    ----------
    edits
        Ids of the edits of the network.
    """
    params = {"profile": profile, "categories": list(inputs)}
    session.execute(
        text(
            "DELETE FROM access_facility WHERE profile = :profile AND category = ANY(:categories)"
        ),
        params,
    )
    session.execute(text(STORE_FACILITIES_SQL), params)
    session.execute(
        text(STORE_RUN_SQL),
        [
            {
                "profile": profile,
                "category": key,
                "network": inputs[key][0],
                "edits": list(edits),
                "buildings": inputs[key][1],
                "facilities": inputs[key][2],
            }
            for key in inputs
        ],
    )


def read_former_facilities(
    session: Session, profile: str, categories: Sequence[str]
) -> Sequence[Sequence[Any]]:
    """Return the facilities that labels counted, for `accessibility.place_entrances`."""
    return session.execute(
        text(ACCESS_FACILITIES_SQL), {"profile": profile, "categories": list(categories)}
    ).all()
