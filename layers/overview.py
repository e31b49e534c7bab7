"""What a first look at the deployment shows: how much there is, where, and whom to credit."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Overview:
    """The deployment in a few figures.

    county_names: Joined by 、, empty without counties.
    counts: Rows by level and kind; `people` counts residents.
    bbox: (west, south, east, north) in degrees of the grids, else of the buildings, else of the
        facilities; None when empty.
    attributions: Whom to credit, as each load named it.
    made_up: Whether some of the data is invented.
    version: Changes with every load, revision or circle; part of the address of tiles, so that
        they may be cached.
    """

    county_names: str
    counts: dict[str, int]
    bbox: tuple[float, float, float, float] | None
    attributions: tuple[str, ...]
    made_up: bool
    version: str


FIGURES = text(
    """
SELECT (SELECT jsonb_object_agg(level, n) FROM (SELECT level, count(*) AS n FROM area
          WHERE (retired_at IS NULL OR retired_at > now()) GROUP BY level) a) AS areas,
       (SELECT count(*) FROM building) AS building,
       (SELECT count(*) FROM household) AS household,
       (SELECT coalesce(sum(people), 0) FROM household) AS people,
       (SELECT count(*) FROM facility) AS facility,
       (SELECT string_agg(name, '、' ORDER BY code) FROM area WHERE level = 'county'
           AND (retired_at IS NULL OR retired_at > now())) AS county,
       (SELECT concat(max(published_at), ' ', max(effective) FILTER (WHERE effective <= now()))
           FROM revision) AS revised,
       (SELECT max(computed_at)::text FROM service_circle) AS circled,
       (SELECT coalesce(jsonb_agg(jsonb_build_array(attribution, made_up, digest, loaded_at)
           ORDER BY kind), '[]')
          FROM dataset) AS datasets
"""
)

EXTENT = text(
    """
SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e) FROM (SELECT coalesce(
  (SELECT ST_Extent(b.geom) FROM boundary b JOIN area a ON a.id = b.area_id
     WHERE a.level = 'grid' AND b.valid_time @> CAST(:at AS timestamptz)),
  (SELECT ST_Extent(geom) FROM building), (SELECT ST_Extent(geom) FROM facility)) AS e) s
      WHERE e IS NOT NULL
"""
)


def overview(session: Session, at: datetime) -> Overview:
    """Return the figures of the whole deployment at a moment."""
    row = session.execute(FIGURES).mappings().one()
    box = session.execute(EXTENT, {"at": at}).first()
    figures = ("building", "household", "people", "facility")
    datasets = row["datasets"]
    return Overview(
        county_names=row["county"] or "",
        counts={**(row["areas"] or {}), **{name: int(row[name]) for name in figures}},
        bbox=None if box is None else (box[0], box[1], box[2], box[3]),
        attributions=tuple(dict.fromkeys(credit for credit, *_ in datasets if credit)),
        made_up=any(made_up for _, made_up, *_ in datasets),
        version=sha256(
            repr((row["revised"], row["circled"], datasets, row["facility"])).encode()
        ).hexdigest()[:12],
    )
