"""Checks of an operation against stored areas before it is added to a draft."""

from collections.abc import Sequence

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy.orm import Session

from gis.areas import codes as patterns
from gis.areas.models import Level, Operation, Revision
from gis.boundaries import operations
from gis.boundaries.operation_fields import OperationSpec
from gis.boundaries.revision_access import (
    require_on_grids,
)
from gis.db import STORAGE_SRID, cached_text
from gis.errors import Conflict, InvalidInput, NotFound, invalid_field
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.shapes.measure import position_text

MAX_DISTANCE_DEG = 0.5  # of a drawn shape from the grids of its county; about 50 km


def county_of_operation(session: Session, op: OperationSpec) -> str:
    """Return the county of an operation; it must lie in one.

    Raises
    ------
    InvalidInput
        It touches several counties.
    NotFound
        There is no grid where it draws.
    """
    codes = [
        *operations.grids_named(op),
        *(op[key] for key in ("parent", "unit") if key in op),
        *(grid["code"] for grid in op.get("grids", ())),
    ]
    if codes:
        counties = {patterns.ancestor_code(code, Level.COUNTY) for code in codes}
    else:
        west, south, east, north = shapely.total_bounds(
            operations.operation_geometries(op)
        ).tolist()
        query = f"""
        SELECT DISTINCT a.county FROM boundary b JOIN area a ON a.id = b.area_id
        WHERE a.level = 'grid' AND upper_inf(b.valid_time)
          AND b.geom && ST_MakeEnvelope(:west, :south, :east, :north, {STORAGE_SRID})"""  # noqa: S608
        box = {"west": west, "south": south, "east": east, "north": north}
        counties = set(session.scalars(cached_text(query), box))
    if len(counties) > 1:
        _require_known(session, codes)
        raise invalid_field(
            "op", "draft.several_counties", count=len(counties), counties=sorted(counties)
        )
    if not counties:
        raise NotFound("draft.no_grid_there")
    return counties.pop()


def _require_known(session: Session, codes: Sequence[str]) -> None:
    """Raise NotFound for codes in no county of ours: a slip of the hand is no second county.

    Raises
    ------
    NotFound
        Names them.
    """
    query = cached_text("SELECT code FROM area WHERE level = 'county'")
    ours = tuple(session.scalars(query))
    if unknown := [code for code in codes if not code.startswith(ours)]:
        raise NotFound("draft.unknown_codes", codes=unknown[:5])


def require_near_grids(
    session: Session, places: Sequence[BaseGeometry], county: str | None = None
) -> None:
    """Raise InvalidInput for shapes far from all grids, or from those of a county.

    They lie nowhere, or in another coordinate system.

    Raises
    ------
    InvalidInput
        Names the corner that is farthest out.
    """
    if not places:
        return
    query = """
    SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e) FROM (
      SELECT ST_Extent(b.geom) e FROM boundary b JOIN area a ON a.id = b.area_id
      WHERE a.level = 'grid' AND upper_inf(b.valid_time)
        AND (a.county = :county OR CAST(:county AS text) IS NULL)) extent"""
    grids = session.execute(cached_text(query), {"county": county}).one()
    bounds = shapely.total_bounds(list(places))
    if grids[0] is None or np.isnan(bounds).any():
        return
    beyond = np.array(grids[:2]) - bounds[:2], bounds[2:] - np.array(grids[2:])
    if max(map(np.max, beyond)) > MAX_DISTANCE_DEG:
        west_south = np.max(beyond[0]) > MAX_DISTANCE_DEG
        lon, lat = (bounds[:2] if west_south else bounds[2:]).tolist()
        raise InvalidInput("draft.far_from_grids", at=position_text(lon, lat))


def require_unit(session: Session, principal: Principal, code: str) -> None:
    """Require that a unit exists, in an area where the principal may draft.

    Raises
    ------
    InvalidInput
        There is no such unit in use.
    Forbidden
        It lies in another's area.
    """
    query = (
        "SELECT g.code FROM area u JOIN area g ON g.id = u.parent_id WHERE u.code = :code"
        " AND u.level = 'unit' AND (u.retired_at IS NULL OR u.retired_at > now())"
    )
    grid = session.scalar(cached_text(query), {"code": code})
    if grid is None:
        raise invalid_field("unit", "draft.unknown_unit", code=code)
    require_on_grids(session, principal, Action.DRAFT, [grid])


def require_newer_base(session: Session, draft: Revision, operation: Operation) -> None:
    """Raise Conflict if a grid was published after the base that the author knows.

    Raises
    ------
    Conflict
        `draft.grid_redrawn`: which grid, by which revision.
    """
    query = """
    SELECT a.code, r.id, r.author
    FROM boundary b
      JOIN area a ON a.id = b.area_id
      JOIN revision r ON r.id = b.revision_id
      JOIN revision base ON base.id = :base
    WHERE b.id = ANY(:ids) AND a.code = ANY(:codes) AND r.published_at > base.published_at
    ORDER BY a.code LIMIT 1"""
    params = {
        "base": draft.base,
        "ids": list(operation.base_boundary_ids.values()),
        "codes": operation.changed_codes,
    }
    if row := session.execute(cached_text(query), params).first():
        raise Conflict(
            "draft.grid_redrawn",
            extra={"grid": row[0], "revision": row[1]},
            grid=row[0],
            revision=str(row[1]),
            author=row[2],
        )
