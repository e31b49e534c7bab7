"""The grids before and after a revision, as indexes for locating."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas import codes as patterns
from gis.areas.grids import GridIndex
from gis.areas.models import Level, Operation, Revision, RevisionState
from gis.boundaries import draft_grids, draft_identity
from gis.boundaries.queries import NEIGHBOUR_MARGIN_DEG
from gis.db import cached_text
from gis.shapes.measure import shape_array
from gis.shapes.polygon_coverage import PolygonLike


def grid_states(
    session: Session, revision: Revision, done: Sequence[Operation]
) -> tuple[dict[str, PolygonLike], dict[str, PolygonLike], dict[str, PolygonLike]]:
    """Return the old and new shapes of a revision's grids, and the unchanged grids around."""
    drawn = draft_grids.drawn_shapes(done)
    if revision.state == RevisionState.PUBLISHED:
        return _published(session, revision)
    if not drawn:
        return {}, {}, {}
    (county,) = counties_of(drawn)
    reach = boxes_around([shape for shape in drawn.values() if shape is not None])
    stored = draft_grids.neighbouring_grids(session, county, {}, list(drawn), reach).geometries
    old_shapes = {code: stored[code] for code in drawn if code in stored}
    new_shapes = {code: shape for code, shape in drawn.items() if shape is not None}
    return (
        old_shapes,
        new_shapes,
        {code: shape for code, shape in stored.items() if code not in drawn},
    )


def counties_of(codes: Iterable[str]) -> list[str]:
    """Return the counties of some grids; those of a draft are all of one."""
    return sorted({patterns.ancestor_code(code, Level.COUNTY) for code in codes})


def _published(
    session: Session, revision: Revision
) -> tuple[dict[str, PolygonLike], dict[str, PolygonLike], dict[str, PolygonLike]]:
    rows = session.execute(
        text("""
        SELECT a.code, b.revision_id = :id AS drew, ST_AsBinary(b.geom)
        FROM boundary b JOIN area a ON a.id = b.area_id
        WHERE a.level = 'grid' AND (b.revision_id = :id OR upper(b.valid_time) = :at)
        ORDER BY a.code"""),
        {"id": revision.id, "at": revision.effective},
    ).all()
    new_shapes = {row[0]: shapely.from_wkb(row[2]) for row in rows if row[1]}
    old_shapes = {row[0]: shapely.from_wkb(row[2]) for row in rows if not row[1]}
    return old_shapes, new_shapes, {}


def boxes_around(geometries: Sequence[PolygonLike]) -> list[PolygonLike]:
    """Return boxes that hold everything within `NEIGHBOUR_MARGIN_DEG` of some shapes.

    A buffer of a ragged shape would take seconds.
    """
    west, south, east, north = shapely.bounds(shape_array(geometries)).T
    return list(
        shapely.box(
            west - NEIGHBOUR_MARGIN_DEG,
            south - NEIGHBOUR_MARGIN_DEG,
            east + NEIGHBOUR_MARGIN_DEG,
            north + NEIGHBOUR_MARGIN_DEG,
        )
    )


def changed_shapes(
    old_shapes: Mapping[str, PolygonLike], new_shapes: Mapping[str, PolygonLike]
) -> dict[str, PolygonLike | None]:
    """Return the new shapes of all grids of both states by code; None for ended ones."""
    return {code: new_shapes.get(code) for code in {**old_shapes, **new_shapes}}


def grid_names(
    session: Session,
    codes: Iterable[str],
    done: Sequence[Operation],
    at: datetime | None = None,
) -> dict[str, str]:
    """Return the names of areas by code as a draft has them, or had at a moment; None: now."""
    rows = session.execute(
        cached_text(
            "SELECT code, name_at(id, name, coalesce(CAST(:at AS timestamptz), now())) AS name"
            " FROM area WHERE code = ANY(:codes)"
        ),
        {"codes": sorted(codes), "at": at},
    )
    return {row.code: row.name for row in rows} | draft_identity.draft_names(done)


def as_grids(geometries: Mapping[str, PolygonLike], names: Mapping[str, str]) -> GridIndex:
    """Return grids by code as an index for locating; their ids are row numbers."""
    codes = sorted(geometries)
    shapes = np.empty(len(codes), dtype=object)
    shapes[:] = [geometries[code] for code in codes]
    rows = np.arange(len(codes), dtype=np.int64)
    return GridIndex(
        rows,
        codes,
        [names.get(code, code) for code in codes],
        [0] * len(codes),
        [0] * len(codes),
        shapes,
    )


def grid_codes_at(grids: GridIndex, points: NDArray[np.float64]) -> list[str | None]:
    """Return the code of the grid of each point (lon, lat in degrees)."""
    if not len(points) or not len(grids.codes):
        return [None] * len(points)
    rows, _, _ = grids.grids_at(points[:, 0], points[:, 1])
    return [grids.codes[row] if row >= 0 else None for row in rows.tolist()]
