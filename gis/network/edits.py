"""What planners changed of the walking network, as stored: which edits are in force when.

`gis.network.edit_draft` applies them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Unavailable

CLOSED = "closed"  # hours of a gate that never opens

SET_SQL = text("""
SELECT n.version, coalesce(e.ids, '{}') AS ids, e.digest
FROM walk_network n
CROSS JOIN (
  SELECT array_agg(id ORDER BY id) AS ids,
    md5(string_agg(concat_ws(' ', id, kind, hours, encode(ST_AsBinary(geom), 'hex')), ','
      ORDER BY id)) AS digest
  FROM walk_edit
  WHERE CASE WHEN CAST(:ids AS bigint[]) IS NOT NULL THEN id = ANY(:ids)
    ELSE withdrawn_at IS NULL
      AND coalesce(from_at <= coalesce(CAST(:at AS timestamptz), now()), true)
      AND coalesce(until_at > coalesce(CAST(:at AS timestamptz), now()), true) END
) e
""")
EDITS_BY_ID_SQL = text("""
SELECT id, kind, ST_AsBinary(geom) AS geom, hours FROM walk_edit WHERE id = ANY(:ids) ORDER BY id
""")


@dataclass(frozen=True)
class Edit:
    """What somebody changed: a path closed, one added, or a gate on one.

    Attributes
    ----------
    kind
        One of `gis.network.models.EDIT_KINDS`.
    geom
        Degrees, EPSG:4490. Of close a point on a path or a line along it, of add the line of the
        path, of gate a point on a path.
    hours
        Of a gate: opening hours in OSM syntax, or CLOSED.
    """

    id: int
    kind: str
    geom: BaseGeometry
    hours: str = ""


class EditSet(NamedTuple):
    """The version of the network of the map, the ids of edits, and a digest of what they say."""

    base: str
    ids: tuple[int, ...]
    digest: str | None

    @property
    def version(self) -> str:
        """The version of the network with the edits; without any that of the map."""
        return f"{self.base}-{self.digest[:16]}" if self.digest else self.base


def find_edits(
    session: Session, at: datetime | None = None, ids: Sequence[int] | None = None
) -> EditSet:
    """Return which edits are in force.

    Parameters
    ----------
    at
        The moment; None means now.
    ids
        These instead, whether in force or not.

    Raises
    ------
    Unavailable
        No network is stored.
    """
    row = session.execute(
        SET_SQL, {"at": at, "ids": None if ids is None else list(ids)}
    ).one_or_none()
    if row is None:
        raise Unavailable("network.not_loaded")
    return EditSet(row.version, tuple(row.ids), row.digest)


def read_edits(session: Session, ids: Sequence[int]) -> list[Edit]:
    """Return edits by their ids."""
    rows = session.execute(EDITS_BY_ID_SQL, {"ids": list(ids)})
    return [Edit(row.id, row.kind, shapely.from_wkb(bytes(row.geom)), row.hours) for row in rows]
