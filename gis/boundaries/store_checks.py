"""Checks of new shapes before they are stored."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import numpy as np
import shapely
from shapely import MultiPolygon
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas.models import Area, Level
from gis.boundaries.queries import grids_near
from gis.errors import Conflict, FieldError, InvalidInput, NotFound
from gis.messages import Message
from gis.shapes.measure import position_text
from gis.shapes.repair import is_on_lattice

MAX_CODES_PER_ERROR = 20  # codes named in one error


def require_open_areas(shapes: Mapping[str, Any], grids: Mapping[str, Area]) -> None:
    """Require that all areas exist, are grids and are not retired.

    Raises
    ------
    NotFound
        An area does not exist.
    InvalidInput
        An area is not a grid.
    Conflict
        A grid is retired.
    """
    if unknown := sorted(set(shapes) - set(grids)):
        raise NotFound("store.unknown_codes", codes=unknown[:MAX_CODES_PER_ERROR])
    if other := sorted(code for code, area in grids.items() if area.level != Level.GRID):
        raise InvalidInput("store.not_grids", codes=other[:MAX_CODES_PER_ERROR])
    if retired := sorted(code for code, area in grids.items() if area.retired_at is not None):
        raise Conflict("store.retired", codes=retired[:MAX_CODES_PER_ERROR])


def validate_shapes(drawn: Mapping[str, MultiPolygon]) -> None:
    """Raise InvalidInput for shapes that cannot be stored.

    Raises
    ------
    InvalidInput
        A shape is not valid, empty or off the lattice; the first ones are named.
    """
    shapes = np.array(list(drawn.values()), dtype=object)
    if not len(shapes):
        return
    wrong = {
        code: str(reason)
        for code, reason in zip(drawn, shapely.is_valid_reason(shapes), strict=True)
    }
    right = shapely.is_valid(shapes) & ~shapely.is_empty(shapes)
    errors = [
        FieldError(code, "geometry.other_fault", {"reason": wrong[code]})
        for code, good in zip(drawn, right, strict=True)
        if not good
    ]
    errors += [
        FieldError(code, "geometry.off_lattice")
        for code, good in zip(drawn, is_on_lattice(shapes), strict=True)
        if not good
    ]
    if errors:
        fault = Message(errors[0].code, errors[0].params)
        raise InvalidInput(
            "store.grid_not_storable",
            errors[:MAX_CODES_PER_ERROR],
            grid=errors[0].field,
            fault=fault,
        )


def validate_coverage(
    session: Session,
    counties: list[str],
    drawn: Mapping[str, MultiPolygon],
    codes: set[str],
    at: datetime,
) -> None:
    """Raise InvalidInput unless the shapes form a coverage with each other and their neighbours.

    Raises
    ------
    InvalidInput
        `store.no_coverage`: which grids overlap what, and where.
    """
    around = grids_near(session, counties, list(drawn.values()), at)
    together = {**drawn, **{code: shape for code, shape in around.items() if code not in codes}}
    edges = shapely.coverage_invalid_edges(np.array(list(together.values()), dtype=object))
    at_fault = {
        code: edge for code, edge in zip(together, edges, strict=True) if not shapely.is_empty(edge)
    }
    errors = []
    for code in [code for code in at_fault if code in drawn][:MAX_CODES_PER_ERROR]:
        others = [
            other
            for other in at_fault
            if other != code and at_fault[other].intersects(together[code])
        ]
        point = shapely.get_point(shapely.get_parts(at_fault[code])[0], 0)
        position = position_text(point.x, point.y)
        if others:
            errors.append(
                FieldError(code, "coverage.overlaps_others", {"grids": others[:3], "at": position})
            )
        else:
            errors.append(FieldError(code, "coverage.overlaps_itself", {"at": position}))
    if errors:
        fault = Message(errors[0].code, errors[0].params)
        raise InvalidInput("store.no_coverage", errors, grid=errors[0].field, fault=fault)


def require_none_later(session: Session, area_ids: Iterable[int], effective: datetime) -> None:
    """Raise Conflict if an area has a shape that begins later.

    Raises
    ------
    Conflict
        `store.planned_later`: which area, from when.
    """
    row = session.execute(
        text("""
        SELECT a.code, min(lower(b.valid_time)) FROM boundary b JOIN area a ON a.id = b.area_id
        WHERE b.area_id = ANY(:ids) AND lower(b.valid_time) > :at
        GROUP BY a.code ORDER BY a.code LIMIT 1
        """),
        {"ids": list(area_ids), "at": effective},
    ).first()
    if row:
        raise Conflict(
            "store.planned_later",
            grid=row[0],
            since=row[1].isoformat(),
            effective=effective.isoformat(),
        )
