"""Land that crosses the border of a community, and both communities before and after."""

from collections.abc import Mapping, Sequence

import numpy as np
from sqlalchemy.orm import Session

from gis.areas import codes as patterns
from gis.areas.models import Level
from gis.boundaries import draft_grids
from gis.boundaries.household_counts import read_building_households
from gis.boundaries.preview_grids import as_grids, grid_codes_at
from gis.boundaries.preview_issues import new_issue
from gis.boundaries.statistics import (
    BorderCrossing,
    CommunityChange,
    PreviewIssue,
    TransferredPiece,
)
from gis.db import cached_text
from gis.messages import Message
from gis.shapes.measure import geodesic_area_m2, label_point
from gis.shapes.polygon_coverage import PolygonLike

SQUARE_METRES_PER_HECTARE = 10_000
# The grids of some communities with land, including planned land.
GRIDS_OF_COMMUNITIES_SQL = """
SELECT a.code FROM area a JOIN boundary b ON b.area_id = a.id AND upper_inf(b.valid_time)
WHERE a.level = 'grid' AND left(a.code, :digits) = ANY(:communities) ORDER BY a.code
"""


def border_crossings(pieces: Sequence[TransferredPiece]) -> list[BorderCrossing]:
    """Return what goes from which community to which, by the pieces that change grid."""
    crossings: dict[tuple[str, str], list[TransferredPiece]] = {}
    for piece in pieces:
        if piece.start is not None and piece.end is not None:
            start, end = (
                patterns.ancestor_code(code, Level.COMMUNITY) for code in (piece.start, piece.end)
            )
            if start != end:
                crossings.setdefault((start, end), []).append(piece)
    return [
        BorderCrossing(
            start,
            end,
            round(sum(piece.area_m2 for piece in crossing), 1),
            sum(piece.households for piece in crossing),
            sum(piece.people for piece in crossing),
        )
        for (start, end), crossing in sorted(crossings.items())
    ]


def community_changes(
    session: Session,
    crossings: Sequence[BorderCrossing],
    drawn: Mapping[str, PolygonLike | None],
    names: Mapping[str, str],
) -> list[CommunityChange]:
    """Return the communities of some crossings before and after a draft.

    Parameters
    ----------
    session
        Open session; only read.
    crossings
        What goes from which community to which.
    drawn
        The shapes of the draft by code; None: the grid has no area any longer.
    names
        The names of the communities by code.
    """
    communities = sorted({code for item in crossings for code in (item.start, item.end)})
    if not communities:
        return []
    digits = len(communities[0])
    params = {"digits": digits, "communities": communities}
    codes = [*session.scalars(cached_text(GRIDS_OF_COMMUNITIES_SQL), params), *drawn]
    county = patterns.ancestor_code(communities[0], Level.COUNTY)
    old = draft_grids.neighbouring_grids(session, county, {}, codes, []).geometries
    new = {code: land for code, land in (dict(old) | dict(drawn)).items() if land is not None}
    homes = read_building_households(session, [county], [*old.values(), *new.values()])
    households, people = homes.households, homes.people
    sides = []
    for grids in (old, new):
        codes_at = grid_codes_at(as_grids(grids, {}), homes.points)
        of_homes = np.array([(code or "")[:digits] for code in codes_at], dtype=object)
        sides.append(
            {
                community: (
                    sum(code.startswith(community) for code in grids),
                    int(households[of_homes == community].sum()) if len(of_homes) else 0,
                    int(people[of_homes == community].sum()) if len(of_homes) else 0,
                    round(
                        sum(
                            geodesic_area_m2(land)
                            for code, land in grids.items()
                            if code.startswith(community)
                        ),
                        1,
                    ),
                )
                for community in communities
            }
        )
    old_side, new_side = sides
    return [
        CommunityChange(
            code, names.get(code, code), *zip(old_side[code], new_side[code], strict=True)
        )
        for code in communities
    ]


def crossing_issues(
    crossings: Sequence[BorderCrossing],
    pieces: Sequence[TransferredPiece],
    names: Mapping[str, str],
) -> list[PreviewIssue]:
    """Return a warning for each crossing, beside the largest piece of it."""
    issues = []
    for item in crossings:
        crossing = [
            piece
            for piece in pieces
            if (piece.start or "").startswith(item.start) and (piece.end or "").startswith(item.end)
        ]
        largest = max(crossing, key=lambda piece: piece.area_m2)
        params = {
            "start": names.get(item.start, item.start),
            "end": names.get(item.end, item.end),
            "hectares": f"{item.area_m2 / SQUARE_METRES_PER_HECTARE:.2f}",
            "households": item.households,
            "people": item.people,
        }
        grids = sorted({code for piece in crossing for code in (piece.start, piece.end) if code})
        message = Message("preview.community_border", params)
        point = label_point(largest.shape)
        codes = (item.start, item.end, *grids)
        issues.append(new_issue("community_border", "warning", codes, message, point))
    return issues
