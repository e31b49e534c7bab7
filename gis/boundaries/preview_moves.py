"""Buildings, units, posts, facilities and incidents that change grid."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas.grids import GridIndex
from gis.areas.models import Operation
from gis.boundaries.household_counts import (
    BuildingHouseholds,
    UnitHouseholds,
    bbox_params,
    read_unit_households,
)
from gis.boundaries.identity_operations import holds_part
from gis.boundaries.preview_grids import (
    grid_codes_at,
)
from gis.boundaries.preview_issues import (
    new_issue,
)
from gis.boundaries.settlements import decisions
from gis.boundaries.statistics import (
    MovedFeature,
    PreviewIssue,
    SettledUnit,
)
from gis.db import STORAGE_SRID, cached_text, fetch_rows
from gis.incidents.states import ENDED_STATES
from gis.messages import Message
from gis.shapes.polygon_coverage import PolygonLike

# A unit: its code, name, grid before, grid after, and households by grid after.
MovedUnit = tuple[str, str, str, str, dict[str, int]]

UNIT_MESSAGES = {"unit_torn": "preview.unit_torn", "settle_void": "preview.settle_void"}

FACILITIES_IN_BBOX_SQL = f"""
SELECT f.code, f.category, f.name, ST_AsBinary(ST_PointOnSurface(f.geom))
FROM facility f
WHERE (f.county = ANY(%(counties)s) OR f.county IS NULL)
  AND f.geom && ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, {STORAGE_SRID})
ORDER BY f.code"""  # noqa: S608  a number of ours


AFFECTED_POSTS_SQL = """
SELECT p.id, coalesce(k.zh, r.zh), coalesce(a.code, b.code), coalesce(a.name, b.name),
       p.area_id, p.building_id, p.holder_id
FROM post p
  JOIN role r ON r.key = p.role
  LEFT JOIN kind k ON k.id = p.kind_id
  LEFT JOIN area a ON a.id = p.area_id
  LEFT JOIN building b ON b.id = p.building_id
WHERE (p.area_id = ANY(:areas) OR p.building_id = ANY(:buildings))
  AND (upper_inf(p.valid_time) OR upper(p.valid_time) > CAST(:at AS timestamptz))
ORDER BY p.id"""


def moved_buildings(
    homes: BuildingHouseholds, was: Sequence[str | None], becomes: Sequence[str | None]
) -> list[MovedFeature]:
    """Return the buildings that change grid, with their households."""
    return [
        MovedFeature("building", code, name, start, end, int(count))
        for code, name, start, end, count in zip(
            homes.codes, homes.names, was, becomes, homes.households.tolist(), strict=True
        )
        if start != end
    ]


def moved_units(
    session: Session,
    counties: Sequence[str],
    old: GridIndex,
    new: GridIndex,
    core: Sequence[PolygonLike],
    at: datetime,
    done: Sequence[Operation],
) -> tuple[list[MovedUnit], list[PreviewIssue], list[SettledUnit]]:
    """Return the units near the changed area, issues on them, and those settled by hand.

    Parameters
    ----------
    session
        Open session; only read.
    counties
        Codes of the counties whose grids they are.
    old, new
        The grids before and after.
    core
        The changed shapes, and the buildings of the units that the draft decides on.
    at
        Moment whose parents apply.
    done
        The operations of the draft.

    Returns
    -------
    Code, name, grid before, grid after and households by grid after; warnings on units that are
    newly divided and not settled, and errors on those whose decision no longer fits.
    """
    units, issues, settled = [], [], []
    names = {
        code: name
        for grids in (old, new)
        for code, name in zip(grids.codes, grids.names, strict=True)
    }
    was = {
        unit.code: len(unit.households)
        for unit in read_unit_households(session, counties, old, core, at)
    }
    after = read_unit_households(session, counties, new, core, at)
    decided = decisions(session, done, [unit.code for unit in after], at)
    for unit in after:
        counts = {new.codes[row]: count for row, count in unit.households.items()}
        majority = unit.parent if unit.best is None else new.codes[unit.best]
        grid = decided.grid_of(unit.code, counts)
        units.append((unit.code, unit.name, unit.parent, grid or majority, counts))
        is_torn = len(counts) > 1 and was.get(unit.code, 0) < len(counts)
        if grid is not None:
            in_draft = unit.code in decided.settled
            settled.append(SettledUnit(unit.code, unit.name, grid, counts, in_draft))
            if not holds_part(grid, counts):
                issues.append(_unit_issue(unit, counts, "settle_void", "refused", grid, names))
        elif is_torn:
            issues.append(_unit_issue(unit, counts, "unit_torn", "warning", majority, names))
    return units, issues, settled


def _unit_issue(
    unit: UnitHouseholds,
    counts: Mapping[str, int],
    kind: str,
    severity: str,
    grid: str,
    names: Mapping[str, str],
) -> PreviewIssue:
    shares = [
        Message("preview.households_in_grid", {"grid": names.get(code, code), "count": str(count)})
        for code, count in counts.items()
    ]
    params = {"name": unit.name, "code": unit.code, "shares": shares, "grid": names.get(grid, grid)}
    message = Message(UNIT_MESSAGES[kind], params)
    return new_issue(kind, severity, (unit.code, *counts), message, unit.point)


def unit_features(
    units: Sequence[MovedUnit],
) -> list[MovedFeature]:
    """Return the units that change grid, of the result of `moved_units`."""
    return [
        MovedFeature("unit", code, name, start, end, sum(counts.values()))
        for code, name, start, end, counts in units
        if start != end and end is not None
    ]


def moved_posts(
    session: Session,
    moved: Sequence[MovedFeature],
    buildings: Mapping[str, int],
    gone: Sequence[str],
    recoded: Mapping[str, str],
    at: datetime,
) -> list[MovedFeature]:
    """Return the posts of buildings and units that change grid, and of grids that end.

    Those of a grid that goes on under another code go along.
    """
    units = {feature.code: feature for feature in moved if feature.kind == "unit"}
    houses = {buildings[feature.code]: feature for feature in moved if feature.kind == "building"}
    query = cached_text("SELECT id, code FROM area WHERE code = ANY(:codes)")
    ids = {row.id: row.code for row in session.execute(query, {"codes": [*units, *gone]})}
    rows = session.execute(
        text(AFFECTED_POSTS_SQL), {"areas": list(ids), "buildings": list(houses), "at": at}
    ).all()
    posts = []
    for _, title, code, name, area_id, building_id, holder in rows:
        move = houses[building_id] if area_id is None else units.get(ids[area_id])
        start, end = (move.start, move.end) if move else (code, recoded.get(code))
        posts.append(MovedFeature("post", code, f"{title}（{name}）", start, end, 0, None, holder))
    return posts


def moved_facilities(
    session: Session,
    counties: Sequence[str],
    core: Sequence[PolygonLike],
    old: GridIndex,
    new: GridIndex,
) -> list[MovedFeature]:
    """Return the facilities that change grid."""
    params = bbox_params(core) | {"counties": counties} if core else {}
    rows = fetch_rows(session, FACILITIES_IN_BBOX_SQL, params) if core else []
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


def moved_incidents(
    session: Session,
    counties: Sequence[str],
    core: Sequence[PolygonLike],
    old: GridIndex,
    new: GridIndex,
) -> list[tuple[str, str | None, str | None]]:
    """Return the open incidents that change grid as (id, from, to)."""
    if not core:
        return []
    query = f"""
    SELECT i.id, ST_X(i.geom), ST_Y(i.geom) FROM incident i
    WHERE i.state <> ALL(:ended) AND i.county = ANY(:counties)
      AND i.geom && ST_MakeEnvelope(:west, :south, :east, :north, {STORAGE_SRID})
    ORDER BY i.id"""  # noqa: S608
    rows = session.execute(
        text(query),
        bbox_params(core)
        | {"counties": counties, "ended": [state.value for state in ENDED_STATES]},
    ).all()
    points = np.array([[row[1], row[2]] for row in rows]) if rows else np.empty((0, 2))
    pairs = zip(rows, grid_codes_at(old, points), grid_codes_at(new, points), strict=True)
    return [(str(row[0]), start, end) for row, start, end in pairs if start != end]
