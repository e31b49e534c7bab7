"""Two drafts side by side: the grids that either changes, as published and in each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy.orm import Session

from gis.areas.models import Operation, Revision
from gis.boundaries import difference, draft_grids, draft_locks, drafts, operations
from gis.boundaries.household_counts import BuildingHouseholds, read_building_households
from gis.boundaries.preview import compactness
from gis.boundaries.preview_grids import (
    as_grids,
    changed_shapes,
    counties_of,
    grid_codes_at,
    grid_names,
    grid_states,
)
from gis.boundaries.revision_access import get_revision
from gis.errors import invalid_field
from gis.rights.principal import Principal
from gis.shapes.measure import geodesic_area_m2
from gis.shapes.polygon_coverage import PolygonLike

COMPARED_VERSIONS = ("published", "a", "b")


@dataclass(frozen=True)
class GridFigures:
    """A grid on one side: its households, people, square metres, compactness, and its shape."""

    households: int
    people: int
    area_m2: float
    compactness: float
    shape: PolygonLike


@dataclass(frozen=True)
class ComparedGrid:
    """A grid that one of two drafts changes; by side its figures, None where it has no land."""

    code: str
    name: str
    sides: dict[str, GridFigures | None]


@dataclass(frozen=True)
class DraftComparison:
    """Two drafts side by side.

    pieces: The land that lies in another grid in draft b than in a: (grid in a, grid in b, square
    metres, shape).
    """

    a: Revision
    b: Revision
    grids: list[ComparedGrid] = field(default_factory=list)
    pieces: list[tuple[str | None, str | None, float, PolygonLike]] = field(default_factory=list)

    @property
    def same_base(self) -> bool:
        """Whether both were begun, or drawn again, on the same publication."""
        return self.a.base == self.b.base


def compare_drafts(session: Session, principal: Principal, a: int, b: int) -> DraftComparison:
    """Return two drafts side by side, on the newest published boundaries, planned ones included.

    Raises
    ------
    NotFound
        One of them does not exist or is hidden from the principal.
    Conflict
        One of them is no draft any more.
    InvalidInput
        Both are the same.
    """
    if a == b:
        raise invalid_field("b", "comparison.same", number=str(a))
    revisions = [get_revision(session, principal, number) for number in (a, b)]
    for revision in revisions:
        draft_locks.require_draft(revision, to_read=True)
    done = [drafts.list_operations(session, revision.id) for revision in revisions]
    states = _states(session, revisions, done)
    published = states["published"]
    codes = sorted(
        {
            code
            for side in ("a", "b")
            for code in operations.moves_land(published, changed_shapes(published, states[side]))
        }
    )
    names = grid_names(session, codes, [*done[0], *done[1]])
    homes = read_building_households(
        session,
        counties_of(codes),
        [state[code] for state in states.values() for code in codes if code in state],
    )
    figures = {side: _figures(state, codes, homes) for side, state in states.items()}
    grids = [
        ComparedGrid(
            code,
            names.get(code, code),
            {side: figures[side].get(code) for side in COMPARED_VERSIONS},
        )
        for code in codes
    ]
    pieces = [
        (start, end, round(geodesic_area_m2(land), 1), land)
        for start, end, land in difference.transferred_pieces(states["a"], states["b"], codes)
    ]
    return DraftComparison(revisions[0], revisions[1], grids, pieces)


def _states(
    session: Session, revisions: Sequence[Revision], done: Sequence[Sequence[Operation]]
) -> dict[str, dict[str, PolygonLike]]:
    """Return the shapes of the grids around both drafts by side and code."""
    old_shapes: dict[str, PolygonLike] = {}
    for revision, steps in zip(revisions, done, strict=True):
        old, _, neighbours = grid_states(session, revision, steps)
        old_shapes |= neighbours | old
    states = {"published": old_shapes}
    for side, steps in zip(("a", "b"), done, strict=True):
        shapes = old_shapes | draft_grids.drawn_shapes(steps)
        states[side] = {code: land for code, land in shapes.items() if land is not None}
    return states


def _figures(
    state: Mapping[str, PolygonLike], codes: Sequence[str], homes: BuildingHouseholds
) -> dict[str, GridFigures]:
    at = np.array(grid_codes_at(as_grids(state, {}), homes.points), dtype=object)
    return {
        code: GridFigures(
            int(homes.households[at == code].sum()) if len(at) else 0,
            int(homes.people[at == code].sum()) if len(at) else 0,
            round(geodesic_area_m2(state[code]), 1),
            compactness(state[code]),
            state[code],
        )
        for code in codes
        if code in state
    }
