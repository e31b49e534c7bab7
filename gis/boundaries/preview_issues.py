"""What is odd about a boundary draft."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import shapely
from shapely import STRtree
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas.grids import GridIndex
from gis.areas.models import Operation, Revision, RevisionState
from gis.boundaries import conservation, draft_conflicts
from gis.boundaries.household_counts import (
    BuildingHouseholds,
    homeless,
)
from gis.boundaries.statistics import GridChange, PreviewIssue
from gis.messages import Message, render
from gis.shapes import polygon_coverage
from gis.shapes.measure import geodesic_area_m2, label_point, shape_array, wider
from gis.shapes.polygon_coverage import PolygonLike

GRID_HOUSEHOLDS = (300, 500)  # outside this range a warning, not an error


MIN_CUT_SHARE = (
    0.02  # share of a building's footprint; a smaller part across a border is drawing noise
)


MAX_LISTED_ISSUES = 200  # issues of one kind that are listed; the others are counted


def new_issue(
    kind: str,
    severity: str,
    codes: tuple[str, ...],
    message: Message,
    point: tuple[float, float] | None = None,
) -> PreviewIssue:
    """Return an issue with its message in Chinese and English."""
    return PreviewIssue(kind, severity, codes, render(message, "zh"), render(message, "en"), point)


def find_conflicts(session: Session, revision: Revision) -> list[PreviewIssue]:
    """Return an issue for each conflict of a draft; none for other revisions."""
    if revision.state != RevisionState.DRAFT:
        return []
    return [
        new_issue(
            "conflict",
            "refused",
            (conflict.grid,),
            Message(
                "preview.conflict",
                {
                    "name": conflict.name,
                    "grid": conflict.grid,
                    "author": actor_display_name(conflict.author),
                    "revision": str(conflict.revision),
                },
            ),
        )
        for conflict in draft_conflicts.conflicts(session, revision.id)
    ]


def actor_display_name(actor: str | None) -> str:
    """Return the display name of an actor: "account wang" of the history is wang."""
    return (actor or "").removeprefix("account ")


def find_odd_grids(
    session: Session, grids: Sequence[GridChange], recoded: Mapping[str, str], at: datetime
) -> list[PreviewIssue]:
    """Return issues on household bands, separate parts, and grids without responsible people.

    The posts of a recoded grid (new code by old one) go along with it.
    """
    low, high = GRID_HOUSEHOLDS
    issues = []
    for grid in grids:
        if grid.after is None:
            continue
        count = grid.households[1]
        point = label_point(grid.after)
        if not low <= count <= high and count != grid.households[0]:
            params = {"name": grid.name, "count": str(count), "low": low, "high": high}
            message = Message("preview.household_count", params)
            issues.append(new_issue("households", "warning", (grid.code,), message, point))
        parts = shapely.get_parts(grid.after)
        if len(parts) > 1 and (
            grid.before is None or len(shapely.get_parts(grid.before)) < len(parts)
        ):
            least = min(parts, key=lambda part: part.area)
            message = Message("preview.islands", {"name": grid.name, "count": str(len(parts))})
            issues.append(
                new_issue("islands", "warning", (grid.code,), message, label_point(least))
            )
        if grid.change == "new" and grid.code not in recoded.values():
            message = Message("preview.no_post", {"name": grid.name})
            issues.append(new_issue("no_post", "warning", (grid.code,), message, point))
    gone = [grid for grid in grids if grid.change == "gone" and grid.code not in recoded]
    rows = session.execute(
        text(
            "SELECT a.code, count(*) FROM post p JOIN area a ON a.id = p.area_id"
            " WHERE a.code = ANY(:codes)"
            " AND p.valid_time @> CAST(:at AS timestamptz) GROUP BY a.code ORDER BY a.code"
        ),
        {"codes": [grid.code for grid in gone], "at": at},
    ).all()
    names = {grid.code: grid.name for grid in gone}
    issues += [
        new_issue(
            "post_left",
            "warning",
            (code,),
            Message("preview.posts_left", {"name": names[code], "count": str(count)}),
        )
        for code, count in rows
    ]
    return issues


def find_cut_buildings(
    homes: BuildingHouseholds, old: GridIndex, new: GridIndex, names: Mapping[str, str]
) -> list[PreviewIssue]:
    """Return issues on buildings that a new border crosses, with the share of each side."""
    if not len(homes.ids):
        return []
    old_shares, new_shares = _shares(homes.shapes, old), _shares(homes.shapes, new)
    issues = []
    for i, shares in new_shares.items():
        if len(shares) < 2 or shares == old_shares.get(i):
            continue
        shares_text = [
            f"{names.get(code, code)} {share}%"
            for code, share in sorted(shares.items(), key=lambda s: -s[1])
        ]
        message = Message("preview.building_cut", {"name": homes.names[i], "shares": shares_text})
        codes = (homes.codes[i], *sorted(shares))
        issues.append(
            new_issue("building_cut", "warning", codes, message, label_point(homes.shapes[i]))
        )
    return issues[:MAX_LISTED_ISSUES]


def _shares(buildings: Any, grids: GridIndex) -> dict[int, dict[str, int]]:
    """Return the percentage of the footprint in each grid, for buildings in several grids."""
    building, grid = STRtree(grids.shapes).query(buildings, predicate="intersects")
    several = np.isin(building, np.flatnonzero(np.bincount(building, minlength=len(buildings)) > 1))
    building, grid = building[several], grid[several]
    share = shapely.area(
        shapely.intersection(buildings[building], grids.shapes[grid])
    ) / shapely.area(buildings[building])
    shares: dict[int, dict[str, int]] = {}
    for i, j, part in zip(building.tolist(), grid.tolist(), share.tolist(), strict=True):
        if part > MIN_CUT_SHARE:
            shares.setdefault(i, {})[grids.codes[j]] = round(part * 100)
    return shares


def find_free_land(
    session: Session,
    old_shapes: Mapping[str, PolygonLike],
    new_shapes: Mapping[str, PolygonLike],
    done: Sequence[Operation],
) -> list[PreviewIssue]:
    """Return issues on area that loses its grid; an error where households live on it."""
    if not any(operation.op["op"] in conservation.LAND_LOSING_OPERATIONS for operation in done):
        return []
    issues = []
    lost = conservation.released_area(list(old_shapes.values()), list(new_shapes.values()))
    for part in shapely.get_parts(lost):
        if not wider(shape_array([part]), polygon_coverage.NOISE_WIDTH_M)[0]:
            continue
        homes = homeless(session, part)
        code = "preview.free_land_with_households" if homes else "preview.free_land"
        message = Message(code, {"area_m2": round(geodesic_area_m2(part)), "count": str(homes)})
        issues.append(
            new_issue(
                "free_land", "refused" if homes else "warning", (), message, label_point(part)
            )
        )
    return issues
