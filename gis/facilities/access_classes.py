"""Buildings by class of minutes to the nearest facility: what the map of coverage paints.

Six classes have an order: up to a third, two thirds and all of the limit, then up to 4/3 and twice
of it, and farther. Three stand apart. Every building is in exactly one, so that their counts add up
to all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.facilities.building_coverage import (
    STANDINGS,
    BuildingCoverage,
    Standing,
    read_buildings,
)
from gis.facilities.circles import require_limit
from gis.facilities.coverage_summary import Tally, tally

UNREACHABLE = "unreachable"  # not within an hour
MAX_BUILDINGS = 4_000  # outlines in one answer
DECIMALS = 6  # of their coordinates: 0.1 m

OUTLINES_SQL = """
SELECT id, ST_AsGeoJSON(ST_ForcePolygonCCW(geom), :decimals, 0)
FROM building
WHERE id = ANY(:ids)
"""


@dataclass(frozen=True)
class AccessClasses:
    """How many buildings, households and people are in each class.

    Attributes
    ----------
    limits
        Minutes between the six ordered classes; the third is the limit itself.
    counts
        By class: "0" to "5" in order, unreachable, cannot_say, off_network.
    """

    limits: tuple[int, ...]
    counts: dict[str, Tally]


def class_limits(minutes: int) -> tuple[int, ...]:
    """Return the five limits between the six classes in whole minutes; the third is the limit.

    Notes
    -----
    Of a limit of one minute some classes are empty.
    """
    return tuple(round(minutes * share) for share in (1 / 3, 2 / 3, 1, 4 / 3, 2))


def class_of(buildings: BuildingCoverage, minutes: int) -> NDArray[np.str_]:
    """Return the class of each building for a limit of minutes."""
    ordered = np.searchsorted(class_limits(minutes), buildings.minutes).astype(str)
    standing = buildings.standing(minutes)
    return np.select(
        [
            standing == STANDINGS.index(Standing.OFF_NETWORK),
            standing == STANDINGS.index(Standing.CANNOT_SAY),
            ~np.isfinite(buildings.minutes),
        ],
        [Standing.OFF_NETWORK.value, Standing.CANNOT_SAY.value, UNREACHABLE],
        ordered,
    )


def access_classes(
    session: Session,
    categories: Sequence[str],
    minutes: int = 15,
    profile: str = "adult",
    *,
    area: str | None = None,
    open_at: datetime | None = None,
) -> AccessClasses:
    """Count buildings, households and people by class.

    Parameters
    ----------
    categories, minutes, profile, area, open_at
        As in `gis.facilities.coverage_summary.coverage`, which also says what is raised.
    """
    require_limit(minutes)
    return count_classes(
        read_buildings(session, categories, profile, area, open_at=open_at), minutes
    )


def count_classes(buildings: BuildingCoverage, minutes: int) -> AccessClasses:
    """Count some buildings, their households and people by class."""
    classes = class_of(buildings, minutes)
    keys = ("0", "1", "2", "3", "4", "5", UNREACHABLE, Standing.CANNOT_SAY, Standing.OFF_NETWORK)
    return AccessClasses(
        class_limits(minutes),
        {str(key): tally(buildings, classes == key) for key in keys},
    )


def building_features(
    session: Session,
    categories: Sequence[str],
    minutes: int,
    profile: str,
    bbox: tuple[float, float, float, float],
    *,
    area: str | None = None,
    open_at: datetime | None = None,
) -> dict[str, Any]:
    """Return the outlines of the buildings in a box with their class, as a FeatureCollection.

    Parameters
    ----------
    bbox
        (west, south, east, north) in degrees; buildings whose door lies in it.

    Returns
    -------
    dict
        GeoJSON without numbers of households; its member `truncated` tells whether there are more
        than MAX_BUILDINGS, of which those first by code are given.
    """
    require_limit(minutes)
    buildings = read_buildings(session, categories, profile, area, open_at=open_at)
    return features_within(session, buildings, minutes, bbox)


def features_within(
    session: Session,
    buildings: BuildingCoverage,
    minutes: int,
    bbox: tuple[float, float, float, float],
) -> dict[str, Any]:
    """Return those of some buildings that lie in a box; see `building_features`."""
    west, south, east, north = bbox
    inside = np.flatnonzero(
        (buildings.lon >= west)
        & (buildings.lon <= east)
        & (buildings.lat >= south)
        & (buildings.lat <= north)
    )
    inside = inside[np.argsort(buildings.code[inside], kind="stable")]
    truncated, inside = inside.size > MAX_BUILDINGS, inside[:MAX_BUILDINGS]
    outlines = {
        row[0]: row[1]
        for row in session.execute(
            text(OUTLINES_SQL), {"ids": buildings.id[inside].tolist(), "decimals": DECIMALS}
        )
    }
    classes = class_of(buildings, minutes)
    return {
        "type": "FeatureCollection",
        "truncated": bool(truncated),
        "features": [
            {
                "type": "Feature",
                "geometry": orjson.loads(outlines[int(buildings.id[i])]),
                "properties": {
                    "code": str(buildings.code[i]),
                    "name": str(buildings.name[i]),
                    "class": str(classes[i]),
                    "minutes": round(float(buildings.minutes[i]), 1)
                    if np.isfinite(buildings.minutes[i])
                    else None,
                },
            }
            for i in inside.tolist()
        ],
    }
