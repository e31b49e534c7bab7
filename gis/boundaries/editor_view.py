"""The view of the editor: the grids of an area as in a draft, their households, and guide lines."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import shapely
from sqlalchemy import select
from sqlalchemy.orm import Session

from gis.areas import codes as patterns
from gis.areas.identity import require_area_id
from gis.areas.models import Level, Operation
from gis.boundaries import draft_grids, drafts, operations, revision_access, statistics
from gis.boundaries.household_counts import BuildingHouseholds, read_building_households
from gis.boundaries.preview_grids import as_grids, boxes_around, grid_codes_at, grid_names
from gis.boundaries.queries import grids_near
from gis.boundaries.statistics import Preview
from gis.db import STORAGE_SRID, cached_text, fetch_rows
from gis.errors import NotFound
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.shapes.polygon_coverage import PolygonLike


@dataclass(frozen=True)
class EditorView:
    """The grids of an area as a draft has them, with those around it.

    grids: code -> (shape, before or None when unchanged, whether it may be edited).
    households, people: By code, for all of these grids; of a publication for those that it changed.
    homes: Longitude, latitude, households and people of each building with homes.
    """

    grids: dict[str, tuple[PolygonLike, PolygonLike | None, bool]]
    names: dict[str, str]
    households: Mapping[str, int]
    people: Mapping[str, int]
    homes: list[tuple[float, float, int, int]]


def read_editor_view(
    session: Session, principal: Principal, number: int, within: str
) -> EditorView:
    """Return the grids in an area as in a draft, and their neighbours.

    Parameters
    ----------
    session
        Open session; only read.
    principal
        Viewer of the revision.
    number
        Number of the revision.
    within
        Code of a grid, community, street or county.

    Raises
    ------
    NotFound
        The revision does not exist in the principal's areas, or the area does not exist.
    """
    revision = revision_access.get_revision(session, principal, number)
    done = drafts.list_operations(session, number)
    if (
        stored := statistics.stored(session, number)
    ) is not None and revision.effective is not None:
        return _as_published(session, stored, revision.effective)
    drawn = draft_grids.drawn_shapes(done)
    require_area_id(session, within)
    rows = session.execute(
        cached_text(
            "SELECT a.code FROM area a"
            " JOIN boundary b ON b.area_id = a.id AND upper_inf(b.valid_time)"
            " WHERE a.level = 'grid' AND starts_with(a.code, :within)"
        ),
        {"within": within},
    ).scalars()
    codes = sorted({*rows, *(code for code in drawn if code.startswith(within))})
    return build_editor_view(session, principal, done, codes)


def _as_published(session: Session, stored: Preview, at: datetime) -> EditorView:
    """Return the grids changed by a publication with their stored figures, and neighbours then."""
    grids = {grid.code: grid for grid in stored.grids if grid.after is not None}
    shapes: list[PolygonLike] = [grid.after for grid in grids.values() if grid.after is not None]
    county = (
        patterns.ancestor_code(next(iter(stored.redrawn)), Level.COUNTY) if stored.redrawn else ""
    )
    around = grids_near(session, [county], shapes, at)
    geometries: dict[str, PolygonLike] = {
        code: land for code, land in around.items() if code not in stored.redrawn
    }
    geometries |= {code: shape for code, (_, shape) in stored.redrawn.items() if shape is not None}
    return EditorView(
        {
            code: (land, grids[code].before if code in grids else None, False)
            for code, land in geometries.items()
        },
        grid_names(session, geometries, []) | stored.names,
        {code: grid.households[1] for code, grid in grids.items()},
        {code: grid.people[1] for code, grid in grids.items()},
        [],
    )


def build_editor_view(
    session: Session,
    principal: Principal,
    done: Sequence[Operation],
    codes: Sequence[str],
    *,
    around: bool = True,
) -> EditorView:
    """Return some grids as in a draft, optionally with their neighbours.

    Parameters
    ----------
    session
        Open session; only read.
    principal
        Viewer of the draft.
    done
        The operations of the draft.
    codes
        Codes of the grids.
    around
        Whether to include the neighbours.
    """
    drawn = draft_grids.drawn_shapes(done)
    if not codes:
        return EditorView({}, {}, {}, {}, [])
    county = patterns.ancestor_code(codes[0], Level.COUNTY)
    state = draft_grids.neighbouring_grids(session, county, drawn, codes, [])
    stored = (
        draft_grids.neighbouring_grids(session, county, {}, list(drawn), []).geometries
        if drawn
        else {}
    )
    geometries = (
        state.geometries
        if around
        else {code: land for code, land in state.geometries.items() if code in codes}
    )
    names = grid_names(session, geometries, done)
    # A building outside all grids counts for a near one; the grids around decide which.
    reach = boxes_around(list(geometries.values()))
    homes = read_building_households(session, [county], reach)
    surroundings = draft_grids.neighbouring_grids(session, county, drawn, list(geometries), reach)
    becomes = grid_codes_at(as_grids(surroundings.geometries, names), homes.points)
    households, people = _counts(homes, becomes, geometries)
    allowed = principal.areas_by_action.get(Action.DRAFT, frozenset())
    under = None if allowed is None else tuple(revision_access.area_codes(session, sorted(allowed)))
    shown_codes = set(codes)
    moved = set(
        operations.moves_land(stored, {code: drawn[code] for code in drawn if code in geometries})
    )
    grids = {
        code: (
            land,
            stored.get(code) if code in moved else None,
            under is None or (bool(under) and code.startswith(under)),
        )
        for code, land in geometries.items()
        if around or code in shown_codes
    }
    counted = {code: households[code] for code in grids}, {code: people[code] for code in grids}
    return EditorView(grids, names, *counted, _household_dots(homes, becomes, geometries))


def _counts(
    homes: BuildingHouseholds, codes: Sequence[str | None], geometries: Mapping[str, PolygonLike]
) -> tuple[Counter[str], Counter[str]]:
    """Return the households and the people of some grids by code."""
    households: Counter[str] = Counter()
    people: Counter[str] = Counter()
    for code, count, heads in zip(
        codes, homes.households.tolist(), homes.people.tolist(), strict=True
    ):
        if code is not None and code in geometries:
            households[code] += count
            people[code] += heads
    return households, people


def _household_dots(
    homes: BuildingHouseholds, codes: Sequence[str | None], geometries: Mapping[str, PolygonLike]
) -> list[tuple[float, float, int, int]]:
    """Return the buildings with households in some grids: lon, lat, households, people."""
    return [
        (round(x, 7), round(y, 7), count, heads)
        for (x, y), count, heads, code in zip(
            homes.points.tolist(),
            homes.households.tolist(),
            homes.people.tolist(),
            codes,
            strict=True,
        )
        if count and code in geometries
    ]


def area_box(session: Session, code: str) -> dict[str, float]:
    """Return west, south, east and north of the newest shape of an area, degrees, EPSG:4490.

    Raises
    ------
    NotFound
        It has none.
    """
    box = session.execute(
        cached_text(
            "SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e)"
            " FROM (SELECT ST_Extent(b.geom) AS e FROM boundary b"
            " JOIN area a ON a.id = b.area_id WHERE a.code = :code AND upper_inf(b.valid_time)) x"
        ),
        {"code": code},
    ).one()
    if box[0] is None:
        raise NotFound("area.without_land", code=code)
    return dict(zip(("west", "south", "east", "north"), box, strict=True))


def snapping_guides(
    session: Session, principal: Principal, number: int, within: str
) -> dict[str, list[Any]]:
    """Streets, waters, railways and building outlines of an area: lists of [lon, lat], degrees.

    Raises
    ------
    NotFound
        The draft is hidden, or the area has no shape.
    """
    revision_access.get_revision(session, principal, number)
    params = area_box(session, within)
    box_sql = f"ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, {STORAGE_SRID})"
    streets = fetch_rows(
        session,
        f"SELECT ST_AsBinary(geom) FROM walk_edge WHERE geom && {box_sql}",  # noqa: S608
        params,
    )
    houses = fetch_rows(
        session,
        f"SELECT ST_AsBinary(geom) FROM building WHERE geom && {box_sql}",  # noqa: S608
        params,
    )
    waters = fetch_rows(
        session,
        "SELECT ST_AsBinary(geom) FROM basemap_feature"  # noqa: S608  a number of ours
        f" WHERE kind IN ('water', 'waterway', 'rail') AND geom && {box_sql}",
        params,
    )
    lines = shapely.from_wkb([row[0] for row in streets])
    rings = _lines(shapely.from_wkb([row[0] for row in houses]))
    banks = _lines(shapely.from_wkb([row[0] for row in waters]))
    return {
        name: [np.round(shapely.get_coordinates(shape), 7).tolist() for shape in shapes]
        for name, shapes in (("streets", lines), ("buildings", rings), ("waters", banks))
    }


def _lines(shapes: Any) -> Any:
    """Return the lines of shapes, and the outer rings of their polygons."""
    parts = shapely.get_parts(shapes)
    areas = shapely.get_dimensions(parts) == 2
    return np.concatenate(
        [shapely.get_exterior_ring(parts[areas]), parts[shapely.get_dimensions(parts) == 1]]
    )


def first_changed_grid(session: Session, number: int) -> str | None:
    """Return the code of the first grid that a draft changes; None while it changes none."""
    steps = (
        select(Operation.changed_codes)
        .where(Operation.revision_id == number)
        .order_by(Operation.step)
        .limit(1)
    )
    return next(iter(session.scalar(steps) or ()), None)
