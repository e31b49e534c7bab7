"""The facts of a printed map sheet of a grid, as the boundaries stand or as a draft has them."""

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
from gis.areas.hierarchy import area as read_area
from gis.areas.hierarchy import areas
from gis.areas.identity import find_area_id
from gis.areas.models import Area, Level, Operation, Revision
from gis.boundaries import draft_grids, drafts, revision_access
from gis.boundaries.draft_grids import neighbouring_grids
from gis.boundaries.draft_locks import require_draft
from gis.boundaries.household_counts import (
    BuildingHouseholds,
    bbox_params,
    read_building_households,
    read_unit_households,
)
from gis.boundaries.preview_grids import as_grids, boxes_around, grid_codes_at, grid_names
from gis.boundaries.queries import boundaries_at, grids_near
from gis.db import STORAGE_SRID, fetch_rows
from gis.errors import NotFound
from gis.people.area_chains import area_chain
from gis.people.posts import PostRow, posts_of
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.shapes.bounding_lines import Limit, NamedLine, bounding_limits
from gis.shapes.measure import geodesic_area_m2
from gis.shapes.polygon_coverage import PolygonLike

MAX_GRIDS = 500  # sheets of one community

NAMED_LINES_SQL = f"""
SELECT name, ST_AsBinary(geom) FROM basemap_feature
WHERE kind IN ('street', 'rail', 'waterway', 'water') AND name <> ''
  AND ST_Dimension(geom) > 0
  AND geom && ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, {STORAGE_SRID})
ORDER BY id"""  # noqa: S608  a number of ours


@dataclass(frozen=True)
class GridSheet:
    """What stands on the sheet of one grid.

    land: Its shape, degrees, EPSG:4490. limits: What bounds it, by side.
    posts: Those of the grid; empty for a grid that is not in force yet.
    units: Ten-household units most of whose households live in it.
    """

    code: str
    name: str
    land: PolygonLike
    area_m2: float
    households: int
    people: int
    buildings: int
    units: int
    limits: Mapping[str, Sequence[Limit]]
    posts: Sequence[PostRow]


@dataclass(frozen=True)
class SheetSet:
    """The sheets of a grid, or of all grids of a community.

    community: Its code. area_ids: Ids of it and of the areas above.
    above: Names of the areas above, county first, down to the community.
    grids: The shapes of all grids around by code. names: Their names, by code.
    lines: Named streets, railways and waters around. homes: Buildings around.
    revision: The draft that is shown; None for the boundaries in force.
    """

    code: str
    community: str
    area_ids: Sequence[int]
    above: Sequence[str]
    sheets: Sequence[GridSheet]
    grids: Mapping[str, PolygonLike]
    names: Mapping[str, str]
    lines: Sequence[NamedLine]
    homes: BuildingHouseholds
    revision: Revision | None


def read_sheets(
    session: Session, principal: Principal, code: str, at: datetime, draft: int | None = None
) -> SheetSet:
    """Return the sheets of a grid, or of every grid of a community.

    Parameters
    ----------
    session
        Open session; only read.
    principal
        Needs Action.FIGURES and Action.NAMES there, and may see the draft.
    code
        Code of a grid or a community; a draft may have created the grid.
    at
        Moment of the boundaries and of the posts.
    draft
        Number of a draft whose boundaries are shown; None for those in force.

    Raises
    ------
    NotFound
        No grid or community has the code then, or the draft is unknown to the principal.
    Forbidden
        Figures or names there are not for the principal.
    Conflict
        The revision is no longer a draft.
    """
    revision, done = _draft(session, principal, draft)
    community, codes = _grid_codes(session, code, at, done)
    grids = _grids(session, codes, at, done) if codes else {}
    codes = [each for each in codes if each in grids]
    if not codes:
        raise NotFound("sheet.no_grid", code=code[:40])
    chain = area_chain(session, find_area_id(session, community), None, at)
    principal.require(Action.FIGURES, chain)
    names = grid_names(session, grids, done, at)
    reach = boxes_around([grids[each] for each in codes])
    counties = [patterns.ancestor_code(codes[0], Level.COUNTY)]
    lines = _named_lines(session, reach)
    homes = read_building_households(session, counties, reach)
    sheets = _Facts(session, counties, grids, names, lines, homes, reach, at)
    posts = posts_of(session, principal, community, at, within=True)
    detail = read_area(session, community, at)
    return SheetSet(
        code,
        community,
        chain,
        [*(item.name for item in detail.above), detail.row.name],
        [sheets.of(each, [post for post in posts if post.area == each]) for each in codes],
        grids,
        names,
        lines,
        homes,
        revision,
    )


class _Facts:
    """What the sheets of a set have in common, read once."""

    def __init__(
        self,
        session: Session,
        counties: Sequence[str],
        grids: Mapping[str, PolygonLike],
        names: Mapping[str, str],
        lines: Sequence[NamedLine],
        homes: BuildingHouseholds,
        reach: Sequence[PolygonLike],
        at: datetime,
    ) -> None:
        index = as_grids(grids, names)
        self.grids, self.names, self.lines, self.homes, self.at = grids, names, lines, homes, at
        self.within = np.array(grid_codes_at(index, homes.points), dtype=object)
        self.units = Counter(
            index.codes[unit.best]
            for unit in read_unit_households(session, counties, index, reach, at)
            if unit.best is not None and unit.households[unit.best]
        )

    def of(self, code: str, posts: Sequence[PostRow]) -> GridSheet:
        """Return the sheet of a grid."""
        land, inside = self.grids[code], self.within == code
        return GridSheet(
            code,
            self.names[code],
            land,
            geodesic_area_m2(land),
            int(self.homes.households[inside].sum()),
            int(self.homes.people[inside].sum()),
            int(inside.sum()),
            self.units[code],
            bounding_limits(
                land, self.lines, {key: other for key, other in self.grids.items() if key != code}
            ),
            [post for post in posts if post.valid_from <= self.at],
        )


def _draft(
    session: Session, principal: Principal, number: int | None
) -> tuple[Revision | None, list[Operation]]:
    """Return a draft and its operations; None and none for the boundaries in force."""
    if number is None:
        return None, []
    revision = revision_access.get_revision(session, principal, number)
    require_draft(revision, to_read=True)
    return revision, drafts.list_operations(session, number)


def _grid_codes(
    session: Session, code: str, at: datetime, done: Sequence[Operation]
) -> tuple[str, list[str]]:
    """Return the community of a grid, or itself, and the codes of the grids that are shown.

    Raises
    ------
    NotFound
        The code is neither a grid's nor a community's.
    """
    new: dict[str, str] = {}
    for item in done:
        grids: Mapping[str, Any] = item.new_grids
        new |= {key: grid["parent"] for key, grid in grids.items()}
    if code in new:
        return new[code], [code]
    try:
        detail = read_area(session, code, at)
    except NotFound as error:
        raise NotFound("sheet.no_grid", code=code[:40]) from error
    if detail.row.level == Level.GRID:
        return detail.above[-1].code, [code]
    if detail.row.level != Level.COMMUNITY:
        raise NotFound("sheet.no_grid", code=code[:40])
    standing = areas(session, at, level=Level.GRID, parent=code, limit=MAX_GRIDS)
    return code, sorted(
        {row.code for row in standing} | {key for key, parent in new.items() if parent == code}
    )


def _grids(
    session: Session, codes: Sequence[str], at: datetime, done: Sequence[Operation]
) -> dict[str, PolygonLike]:
    """Return the shapes of some grids and of those around, as a draft has them or in force."""
    county = patterns.ancestor_code(codes[0], Level.COUNTY)
    if done:
        drawn = draft_grids.drawn_shapes(done)
        return neighbouring_grids(session, county, drawn, codes, []).geometries
    ids = session.scalars(select(Area.id).where(Area.code.in_(codes)))
    named = list(boundaries_at(session, ids, at).values())
    return dict(grids_near(session, [county], named, at))


def _named_lines(session: Session, reach: Sequence[PolygonLike]) -> list[NamedLine]:
    rows = fetch_rows(session, NAMED_LINES_SQL, bbox_params(reach))
    shapes = shapely.from_wkb([row[1] for row in rows])
    return [NamedLine(row[0], shape) for row, shape in zip(rows, shapes, strict=True)]
