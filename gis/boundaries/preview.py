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
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas import codes as patterns
from gis.areas.models import Level, Operation, Revision, RevisionState
from gis.boundaries import (
    difference,
    draft_identity,
    drafts,
    operations,
    revision_access,
    settlements,
    statistics,
)
from gis.boundaries.household_counts import (
    BuildingHouseholds,
    read_building_households,
)
from gis.boundaries.preview_communities import (
    border_crossings,
    community_changes,
    crossing_issues,
)
from gis.boundaries.preview_grids import (
    as_grids,
    changed_shapes,
    counties_of,
    grid_codes_at,
    grid_names,
    grid_states,
)
from gis.boundaries.preview_issues import (
    find_conflicts,
    find_cut_buildings,
    find_free_land,
    find_odd_grids,
)
from gis.boundaries.preview_moves import (
    MovedUnit,
    moved_buildings,
    moved_facilities,
    moved_incidents,
    moved_posts,
    moved_units,
    unit_features,
)
from gis.boundaries.statistics import (
    BorderCrossing,
    CodeChange,
    CommunityChange,
    GridChange,
    MovedFeature,
    NameChange,
    Preview,
    PreviewIssue,
    TransferredPiece,
)
from gis.boundaries.store import effective_time
from gis.crs import get_transformer, metric_epsg
from gis.db import STORAGE_SRID, cached_text
from gis.errors import Forbidden
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.rights.visibility import visibility_clause
from gis.shapes import measure
from gis.shapes.measure import geodesic_area_m2
from gis.shapes.polygon_coverage import PolygonLike

UNIT_HOUSEHOLDS = (10, 20)


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
    old_shapes, new_shapes, neighbours = grid_states(session, revision, done)
    drawn = {**old_shapes, **new_shapes}
    footprints = _settled_land(session, done, drawn, neighbours)
    redrawn = changed_shapes(old_shapes, new_shapes)
    moved_land = operations.moves_land(old_shapes, redrawn)
    before_all, after_all = {**neighbours, **old_shapes}, {**neighbours, **new_shapes}
    names = grid_names(session, _named_areas({**before_all, **after_all}, done), done)
    at = effective_time(session, None)
    core = [side[code] for code in moved_land for side in (old_shapes, new_shapes) if code in side]
    counties = counties_of([*before_all, *after_all])
    homes = read_building_households(session, counties, core)
    old, new = as_grids(before_all, names), as_grids(after_all, names)
    was, becomes = grid_codes_at(old, homes.points), grid_codes_at(new, homes.points)
    pieces = _pieces(old_shapes, new_shapes, moved_land, homes, was, becomes)
    units, torn, settled = moved_units(session, counties, old, new, [*core, *footprints], at, done)
    sides = {code: (old_shapes.get(code), new_shapes.get(code)) for code in drawn}
    grids = [_grid(code, names, *sides[code], homes, was, becomes, units) for code in moved_land]
    recoded = draft_identity.recoded(done)
    moved = _moved(session, homes, was, becomes, units, grids, recoded, at)
    moved += moved_facilities(session, counties, core, old, new)
    crossings = border_crossings(pieces)
    problems = [
        *find_conflicts(session, revision),
        *find_odd_grids(session, grids, recoded, at),
        *crossing_issues(crossings, pieces, names),
        *find_cut_buildings(homes, old, new, names),
        *torn,
        *find_free_land(session, old_shapes, new_shapes, done),
    ]
    return Preview(
        revision.id,
        revision.title,
        revision.state,
        grids,
        pieces,
        moved,
        incidents=None,
        incident_ids=[],
        problems=problems,
        names=names,
        open_incidents=moved_incidents(session, counties, core, old, new),
        redrawn=sides,
        communities=_communities(session, revision, crossings, redrawn, names),
        crossings=crossings,
        renamed=_name_changes(done, names),
        recoded=[CodeChange(code, new_code, names[new_code]) for code, new_code in recoded.items()],
        settled=settled,
    )


def _communities(
    session: Session,
    revision: Revision,
    crossings: Sequence[BorderCrossing],
    redrawn: Mapping[str, PolygonLike | None],
    names: Mapping[str, str],
) -> list[CommunityChange]:
    """Return the communities whose border a draft moves; of a publication they are stored."""
    if revision.state != RevisionState.DRAFT:
        return []
    return community_changes(session, crossings, redrawn, names)


def _settled_land(
    session: Session,
    done: Sequence[Operation],
    drawn: Mapping[str, PolygonLike],
    neighbours: dict[str, PolygonLike],
) -> list[PolygonLike]:
    """Return the buildings of units settled by hand; add the grids around to `neighbours`."""
    footprints = settlements.decided_footprints(session, done)
    around = settlements.grids_around(session, done, footprints) if footprints else {}
    neighbours |= {code: land for code, land in around.items() if code not in drawn}
    return footprints


def _moved(
    session: Session,
    homes: BuildingHouseholds,
    was: Sequence[str | None],
    becomes: Sequence[str | None],
    units: Sequence[MovedUnit],
    grids: Sequence[GridChange],
    recoded: Mapping[str, str],
    at: datetime,
) -> list[MovedFeature]:
    """Return the buildings, units and posts that change grid."""
    moved = [*moved_buildings(homes, was, becomes), *unit_features(units)]
    ids = dict(zip(homes.codes, homes.ids.tolist(), strict=True))
    gone = [grid.code for grid in grids if grid.change == "gone"]
    return moved + moved_posts(session, moved, ids, gone, recoded, at)


def _named_areas(codes: Iterable[str], done: Sequence[Operation]) -> set[str]:
    """Return the codes whose names a preview shows: grids, their communities, renamed areas."""
    grids = set(codes)
    renamed = {str(code) for item in done for code in item.op.get("was", ())}  # type: ignore[attr-defined]
    return grids | renamed | {patterns.ancestor_code(code, Level.COMMUNITY) for code in grids}


def _name_changes(done: Sequence[Operation], names: Mapping[str, str]) -> list[NameChange]:
    """Return the areas with another name than before, by code."""
    old_names: dict[str, str] = {}
    for item in done:
        if item.op["op"] == "rename":
            old_names = dict(item.op["was"]) | old_names  # type: ignore[call-overload]
    return [
        NameChange(code, str(patterns.level_of(code)), old, names[code])
        for code, old in sorted(old_names.items())
        if names.get(code, old) != old
    ]


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
