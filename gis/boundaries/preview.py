"""Preview of a boundary draft: what it would move, and what is unusual about it.

Everything counts as in `locate`: a building lies in the grid that covers its label point, on a
border in the grid with the lower code, outside all grids in the nearest within 50 m. Households
belong to the grid of their building.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas import codes as patterns
from gis.areas.models import Level, Operation, Revision, RevisionState
from gis.areas.snapshot import GridIndex
from gis.boundaries import difference, draft_grids, drafts, operations, revision_access, statistics
from gis.boundaries.household_counts import (
    BuildingHouseholds,
    bbox_params,
    read_building_households,
    read_unit_households,
)
from gis.boundaries.preview_issues import (
    find_conflicts,
    find_cut_buildings,
    find_free_land,
    find_odd_grids,
    new_issue,
)
from gis.boundaries.statistics import (
    GridChange,
    MovedFeature,
    Preview,
    PreviewIssue,
    TransferredPiece,
)
from gis.boundaries.store import effective_time
from gis.crs import get_transformer, metric_epsg
from gis.db import STORAGE_SRID, cached_text, fetch_rows
from gis.errors import Forbidden
from gis.incidents.states import ENDED_STATES
from gis.messages import Message
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.rights.roles import ROLE_BY_KEY
from gis.rights.visibility import visibility_clause
from gis.shapes import measure
from gis.shapes.measure import geodesic_area_m2, shape_array
from gis.shapes.polygon_coverage import PolygonLike

UNIT_HOUSEHOLDS = (10, 20)
NEIGHBOUR_MARGIN_DEG = (
    0.001  # degrees, about 100 m: grids within it may be responsible for a building outside
)

FACILITIES = f"""
SELECT f.code, f.category, f.name, ST_AsBinary(ST_PointOnSurface(f.geom))
FROM facility f
WHERE f.geom && ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, {STORAGE_SRID})
ORDER BY f.code"""  # noqa: S608  a number of ours
POSTS = """
SELECT p.id, p.role, coalesce(a.code, b.code), coalesce(a.name, b.name),
       p.area_id, p.building_id, p.holder_id
FROM post p
  LEFT JOIN area a ON a.id = p.area_id
  LEFT JOIN building b ON b.id = p.building_id
WHERE (p.area_id = ANY(:areas) OR p.building_id = ANY(:buildings))
  AND (upper_inf(p.valid_time) OR upper(p.valid_time) > CAST(:at AS timestamptz))
ORDER BY p.id"""


def preview(session: Session, principal: Principal, number: int) -> Preview:
    """Return the changes of a draft, or of a published revision.

    Raises
    ------
    NotFound
        The revision does not exist in the principal's areas.
    """
    revision = revision_access.get_revision(session, principal, number)
    return seen_by(
        session, principal, statistics.stored(session, number) or compute(session, revision)
    )


def compute(session: Session, revision: Revision) -> Preview:
    """Compute the changes of a revision at present.

    Names of people, and incidents as a principal may see them, are left out: see `seen_by`.
    """
    done = drafts.list_operations(session, revision.id)
    old_shapes, new_shapes, neighbours = _states(session, revision, done)
    moved_land = operations.moves_land(old_shapes, _changed(old_shapes, new_shapes))
    before_all, after_all = {**neighbours, **old_shapes}, {**neighbours, **new_shapes}
    names = grid_names(session, {*before_all, *after_all}, done)
    at = effective_time(session, None)
    core = [
        shape
        for code in moved_land
        for shape in (old_shapes.get(code), new_shapes.get(code))
        if shape is not None
    ]
    homes = read_building_households(session, core)
    old, new = as_grids(before_all, names), as_grids(after_all, names)
    was, becomes = grid_codes_at(old, homes.points), grid_codes_at(new, homes.points)
    problems = find_conflicts(session, revision)
    pieces = _pieces(old_shapes, new_shapes, moved_land, homes, was, becomes)
    settled = {
        str(operation.op["unit"]): str(operation.op["grid"])
        for operation in done
        if operation.op["op"] == "settle"
    }
    units, torn = _units(session, old, new, core, at, settled)
    grids = [
        _grid(code, names, old_shapes.get(code), new_shapes.get(code), homes, was, becomes, units)
        for code in moved_land
    ]
    moved = _buildings(homes, was, becomes)
    moved += [
        MovedFeature("unit", code, name, start, end, sum(counts.values()))
        for code, name, start, end, counts in units
        if start != end and end is not None
    ]
    ids = dict(zip(homes.codes, homes.ids.tolist(), strict=True))
    gone = [grid.code for grid in grids if grid.change == "gone"]
    moved += _posts(session, moved, ids, gone, at)
    moved += _facilities(session, core, old, new)
    problems += find_odd_grids(session, grids, at)
    problems += find_cut_buildings(homes, old, new, names)
    problems += torn
    problems += find_free_land(session, old_shapes, new_shapes, done)
    return Preview(
        revision.id,
        revision.title,
        revision.state,
        grids,
        pieces,
        moved,
        None,
        [],
        problems,
        names,
        _incidents(session, core, old, new),
        {
            code: (old_shapes.get(code), new_shapes.get(code))
            for code in {**old_shapes, **new_shapes}
        },
    )


def seen_by(session: Session, principal: Principal, complete: Preview) -> Preview:
    """Return a preview with the holders and incidents that the principal may see."""
    units = {
        code
        for item in complete.moved
        if item.kind != "facility"
        for code in (item.start, item.end)
        if code
    }
    holders = [item.holder_id for item in complete.moved if item.holder_id is not None]
    people: dict[int, str] = {}
    if holders and _may(session, principal, Action.NAMES, units):
        query = cached_text("SELECT id, name FROM personal.person WHERE id = ANY(:ids)")
        people = {row.id: row.name for row in session.execute(query, {"ids": holders})}
    moved = [
        item if item.holder_id is None else item._replace(holder=people.get(item.holder_id))
        for item in complete.moved
    ]
    condition, params = visibility_clause(principal)
    query = text(
        f"SELECT i.id::text FROM incident i WHERE i.id = ANY(CAST(:ids AS uuid[])) AND {condition}"  # noqa: S608
    )
    ids = [item for item, _, _ in complete.open_incidents]
    seen = sorted(session.scalars(query, params | {"ids": ids})) if ids else []
    counts = Counter((start, end) for _, start, end in complete.open_incidents)
    figures_too = _may(session, principal, Action.FIGURES, [grid.code for grid in complete.grids])
    return replace(
        complete, moved=moved, incidents=dict(counts) if figures_too else None, incident_ids=seen
    )


def _states(
    session: Session, revision: Revision, done: Sequence[Operation]
) -> tuple[dict[str, PolygonLike], dict[str, PolygonLike], dict[str, PolygonLike]]:
    """Return the old and new shapes of a revision's grids, and the unchanged grids around."""
    drawn = drafts.drawn_shapes(done)
    if revision.state == RevisionState.PUBLISHED:
        return _published(session, revision)
    if not drawn:
        return {}, {}, {}
    county = patterns.ancestor_code(next(iter(drawn)), Level.COUNTY)
    reach = boxes_around([shape for shape in drawn.values() if shape is not None])
    stored = draft_grids.neighbouring_grids(session, county, {}, list(drawn), reach).geometries
    old_shapes = {code: stored[code] for code in drawn if code in stored}
    new_shapes = {code: shape for code, shape in drawn.items() if shape is not None}
    return (
        old_shapes,
        new_shapes,
        {code: shape for code, shape in stored.items() if code not in drawn},
    )


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


def _changed(
    old_shapes: Mapping[str, PolygonLike], new_shapes: Mapping[str, PolygonLike]
) -> dict[str, PolygonLike | None]:
    return {code: new_shapes.get(code) for code in {**old_shapes, **new_shapes}}


def grid_names(session: Session, codes: Iterable[str], done: Sequence[Operation]) -> dict[str, str]:
    """Return the names of grids by code, including those a draft creates."""
    rows = session.execute(
        cached_text("SELECT code, name FROM area WHERE code = ANY(:codes)"),
        {"codes": sorted(codes)},
    )
    new_grids: dict[str, Any] = {
        code: item.new_grids[code] for item in done for code in item.new_grids
    }
    return {code: item["name"] for code, item in new_grids.items()} | {
        row.code: row.name for row in rows
    }


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


def _grid(
    code: str,
    names: Mapping[str, str],
    old_shape: PolygonLike | None,
    new_shape: PolygonLike | None,
    homes: BuildingHouseholds,
    was: Sequence[str | None],
    becomes: Sequence[str | None],
    units: Sequence[tuple[str, str, str, str, Any]],
) -> GridChange:
    inside = [np.array([item == code for item in side], dtype=bool) for side in (was, becomes)]

    def pair(values: Any) -> Any:
        return tuple(int(values[side].sum()) if len(side) else 0 for side in inside)

    return GridChange(
        code,
        names.get(code, code),
        patterns.ancestor_code(code, Level.COMMUNITY),
        difference.change_type(old_shape, new_shape),
        tuple(
            0.0 if item is None else round(geodesic_area_m2(item), 1)
            for item in (old_shape, new_shape)
        ),  # type: ignore[arg-type]
        pair(homes.households),
        pair(homes.people),
        pair(np.ones(len(homes.ids), dtype=np.int64)),
        (sum(unit[2] == code for unit in units), sum(unit[3] == code for unit in units)),
        tuple(None if item is None else compactness(item) for item in (old_shape, new_shape)),  # type: ignore[arg-type]
        old_shape,
        new_shape,
    )


def compactness(land: PolygonLike) -> float:
    """Return the Polsby-Popper compactness of a grid, measured in metres: 1 for a circle."""
    west, south, east, north = land.bounds
    to_metres = get_transformer(STORAGE_SRID, metric_epsg((west + east) / 2, (south + north) / 2))
    flat = shapely.transform(
        land, lambda xy: np.column_stack(to_metres.transform(xy[:, 0], xy[:, 1]))
    )
    return round(measure.compactness(flat), 3)


def _pieces(
    old_shapes: Mapping[str, PolygonLike],
    new_shapes: Mapping[str, PolygonLike],
    codes: Sequence[str],
    homes: BuildingHouseholds,
    was: Sequence[str | None],
    becomes: Sequence[str | None],
) -> list[TransferredPiece]:
    """Return the transferred pieces of area, with their households and people."""
    both = list(zip(was, becomes, strict=True))
    pieces = []
    for start, end, land in difference.transferred_pieces(old_shapes, new_shapes, codes):
        inside = np.array([pair == (start, end) for pair in both], dtype=bool)
        homes_in, people_in = int(homes.households[inside].sum()), int(homes.people[inside].sum())
        pieces.append(
            TransferredPiece(
                start, end, round(geodesic_area_m2(land), 1), homes_in, people_in, land
            )
        )
    return pieces


def _buildings(
    homes: BuildingHouseholds, was: Sequence[str | None], becomes: Sequence[str | None]
) -> list[MovedFeature]:
    return [
        MovedFeature("building", code, name, start, end, int(count))
        for code, name, start, end, count in zip(
            homes.codes, homes.names, was, becomes, homes.households.tolist(), strict=True
        )
        if start != end
    ]


def _units(
    session: Session,
    old: GridIndex,
    new: GridIndex,
    core: Sequence[PolygonLike],
    at: datetime,
    settled_grids: Mapping[str, str],
) -> tuple[list[tuple[str, str, str, str, dict[str, int]]], list[PreviewIssue]]:
    """Return the units near the changed area, and warnings on those newly divided.

    Parameters
    ----------
    session
        Open session; only read.
    old, new
        The grids before and after.
    core
        The changed shapes.
    at
        Moment whose parents apply.
    settled_grids
        Grid of each unit that the draft settles, by code.

    Returns
    -------
    Code, name, grid before, grid after and households by grid after, and the warnings.
    """
    units, torn = [], []
    was = {unit.code: len(unit.households) for unit in read_unit_households(session, old, core, at)}
    for unit in read_unit_households(session, new, core, at):
        best = settled_grids.get(unit.code) or (
            unit.parent if unit.best is None else new.codes[unit.best]
        )
        counts = {new.codes[row]: count for row, count in unit.households.items()}
        units.append((unit.code, unit.name, unit.parent, best, counts))
        if len(counts) > 1 and was.get(unit.code, 0) < len(counts):
            shares = [
                Message("preview.households_in_grid", {"grid": code, "count": str(count)})
                for code, count in counts.items()
            ]
            settled = (
                "preview.unit_torn_settled" if unit.code in settled_grids else "preview.unit_torn"
            )
            params = {"name": unit.name, "code": unit.code, "shares": shares, "grid": best}
            message = Message(settled, params)
            torn.append(
                new_issue("unit_torn", "warning", (unit.code, *counts), message, unit.point)
            )
    return units, torn


def _posts(
    session: Session,
    moved: Sequence[MovedFeature],
    buildings: Mapping[str, int],
    gone: Sequence[str],
    at: datetime,
) -> list[MovedFeature]:
    """Return the posts of buildings and units that change grid, and of grids that end."""
    units = {feature.code: feature for feature in moved if feature.kind == "unit"}
    houses = {buildings[feature.code]: feature for feature in moved if feature.kind == "building"}
    query = cached_text("SELECT id, code FROM area WHERE code = ANY(:codes)")
    ids = {row.id: row.code for row in session.execute(query, {"codes": [*units, *gone]})}
    rows = session.execute(
        text(POSTS), {"areas": list(ids), "buildings": list(houses), "at": at}
    ).all()
    posts = []
    for _, role, code, name, area_id, building_id, holder in rows:
        move = houses[building_id] if area_id is None else units.get(ids[area_id])
        start, end = (move.start, move.end) if move else (code, None)
        posts.append(
            MovedFeature(
                "post", code, f"{ROLE_BY_KEY[role].zh}（{name}）", start, end, 0, None, holder
            )
        )
    return posts


def _facilities(
    session: Session, core: Sequence[PolygonLike], old: GridIndex, new: GridIndex
) -> list[MovedFeature]:
    rows = fetch_rows(session, FACILITIES, bbox_params(core)) if core else []
    points = (
        shapely.get_coordinates(shapely.from_wkb([row[3] for row in rows]))
        if rows
        else np.empty((0, 2))
    )
    return [
        MovedFeature("facility", row[0], row[2] or row[1], start, end)
        for row, start, end in zip(
            rows, grid_codes_at(old, points), grid_codes_at(new, points), strict=True
        )
        if start != end
    ]


def _incidents(
    session: Session, core: Sequence[PolygonLike], old: GridIndex, new: GridIndex
) -> list[tuple[str, str | None, str | None]]:
    """Return the open incidents that change grid as (id, from, to)."""
    if not core:
        return []
    query = f"""
    SELECT i.id, ST_X(i.shape), ST_Y(i.shape) FROM incident i
    WHERE i.state <> ALL(:ended)
      AND i.shape && ST_MakeEnvelope(:west, :south, :east, :north, {STORAGE_SRID})
    ORDER BY i.id"""  # noqa: S608
    rows = session.execute(
        text(query), bbox_params(core) | {"ended": [state.value for state in ENDED_STATES]}
    ).all()
    points = np.array([[row[1], row[2]] for row in rows]) if rows else np.empty((0, 2))
    pairs = zip(rows, grid_codes_at(old, points), grid_codes_at(new, points), strict=True)
    return [(str(row[0]), start, end) for row, start, end in pairs if start != end]


def _may(session: Session, principal: Principal, action: Action, codes: Iterable[str]) -> bool:
    """Return whether the principal may perform an action in all of some grids."""
    try:
        revision_access.require_on_grids(session, principal, action, codes)
    except Forbidden:
        return False
    return True


# --- issues ---------------------------------------------------------------------------------------


def operation_issues(
    session: Session, principal: Principal, operation: Operation
) -> list[PreviewIssue]:
    """Return the issues at the grids that an operation changed.

    Issues that block publication are included wherever they lie.
    """
    draft_preview = preview(session, principal, operation.revision_id)
    touched = set(operation.changed_codes)
    return [
        issue
        for issue in draft_preview.problems
        if touched & set(issue.codes) or issue.severity == "refused"
    ]
