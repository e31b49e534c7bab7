"""Buildings by class of minutes to the nearest facility: what the map of coverage paints.

Six classes have an order: up to a third, two thirds and all of the limit, then up to 4/3 and twice
of it, and farther. Three stand apart. Every building is in exactly one, so that their counts add up
to all.
"""

from collections.abc import Collection, Sequence
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
    require_level,
    straight_minutes,
)
from gis.facilities.circles import require_limit
from gis.facilities.coverage_summary import Tally, tally
from gis.facilities.planned import PlannedFacility
from gis.network.snapping import Bools
from gis.shapes.local_distance import within_bbox

UNREACHABLE = "unreachable"  # not within an hour
MAX_BUILDINGS = 4_000  # outlines in one answer
CLASS_DECIMALS = 6  # of their coordinates: 0.1 m
CLASSES = ("0", "1", "2", "3", "4", "5", UNREACHABLE, "cannot_say", "off_network")

Bbox = tuple[float, float, float, float]  # (west, south, east, north) in degrees

OUTLINES_SQL = """
SELECT id, ST_AsGeoJSON(ST_ForcePolygonCCW(geom), :decimals, 0)
FROM building
WHERE id = ANY(:ids)
"""


@dataclass(frozen=True)
class AreaClasses:
    """How many of an area are in each class; `code` is None outside every grid."""

    code: str | None
    name: str
    counts: dict[str, Tally]


@dataclass(frozen=True)
class AccessClasses:
    """How many buildings, households and people are in each class.

    Attributes
    ----------
    limits
        Minutes between the six ordered classes; the third is the limit itself.
    counts
        By class, in the order of `CLASSES`.
    areas
        The same by area, in the order of codes; they add up to `counts`.
    """

    limits: tuple[int, ...]
    counts: dict[str, Tally]
    areas: tuple[AreaClasses, ...] = ()


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


@dataclass(frozen=True)
class MinutesQuery:
    """Whose minutes to what are painted.

    Attributes
    ----------
    categories, minutes, profile, area, open_at
        As in `gis.facilities.coverage_summary.coverage`, which also says what is raised.
    straight
        Minutes are those of a straight line, as a plain circle has them.
    sites
        Places (lon, lat) in degrees, EPSG:4490, counted as if a facility stood there.
    """

    categories: Sequence[str]
    minutes: int = 15
    profile: str = "adult"
    area: str | None = None
    open_at: datetime | None = None
    straight: bool = False
    sites: Sequence[tuple[float, float]] = ()

    def read(self, session: Session) -> BuildingCoverage:
        """Read the buildings with these minutes."""
        require_limit(self.minutes)
        planned = [PlannedFacility(self.categories[0], "", "", *site) for site in self.sites]
        buildings = read_buildings(
            session,
            self.categories,
            self.profile,
            self.area,
            open_at=self.open_at,
            planned=planned,
        )
        if self.straight:
            return straight_minutes(session, buildings, self.categories)
        return buildings


def access_classes(
    session: Session,
    query: MinutesQuery,
    *,
    by: str = "community",
    bbox: Bbox | None = None,
    within: Collection[int] | None = None,
) -> AccessClasses:
    """Count buildings, households and people by class, and by class and area.

    Parameters
    ----------
    by
        county, street, community or grid.
    bbox
        Only buildings whose door lies in the box; None means all.
    within
        Ids of the areas whose buildings may be counted; None means all.
    """
    level = require_level(by)
    buildings, minutes = query.read(session), query.minutes
    which = np.ones(len(buildings.id), bool) if bbox is None else in_box(buildings, bbox)
    if within is not None:
        which &= buildings.areas.in_any(frozenset(within))
    buildings = buildings.select(which)
    number, areas = buildings.areas.at_level(level)
    rows = [
        AreaClasses(where.code, where.name, _count(buildings.select(number == i), minutes))
        for i, where in enumerate(areas)
        if (number == i).any()
    ]
    if (number < 0).any():
        rows.append(AreaClasses(None, "", _count(buildings.select(number < 0), minutes)))
    return AccessClasses(class_limits(minutes), _count(buildings, minutes), tuple(rows))


def count_classes(buildings: BuildingCoverage, minutes: int) -> AccessClasses:
    """Count some buildings, their households and people by class."""
    return AccessClasses(class_limits(minutes), _count(buildings, minutes))


def _count(buildings: BuildingCoverage, minutes: int) -> dict[str, Tally]:
    classes = class_of(buildings, minutes)
    return {key: tally(buildings, classes == key) for key in CLASSES}


def in_box(buildings: BuildingCoverage, bbox: Bbox) -> Bools:
    """Return which buildings have their door in a box."""
    return within_bbox(buildings.lon, buildings.lat, bbox)


def building_features(session: Session, query: MinutesQuery, bbox: Bbox) -> dict[str, Any]:
    """Return the outlines of the buildings in a box with their class, as a FeatureCollection.

    Parameters
    ----------
    bbox
        Buildings whose door lies in it.

    Returns
    -------
    dict
        GeoJSON without numbers of households; its member `truncated` tells whether there are more
        than MAX_BUILDINGS, of which those first by code are given.
    """
    return features_within(session, query.read(session), query.minutes, bbox)


def features_within(
    session: Session,
    buildings: BuildingCoverage,
    minutes: int,
    bbox: Bbox,
) -> dict[str, Any]:
    """Return those of some buildings that lie in a box; see `building_features`."""
    inside = np.flatnonzero(in_box(buildings, bbox))
    inside = inside[np.argsort(buildings.code[inside], kind="stable")]
    truncated, inside = inside.size > MAX_BUILDINGS, inside[:MAX_BUILDINGS]
    outlines = {
        row[0]: row[1]
        for row in session.execute(
            text(OUTLINES_SQL), {"ids": buildings.id[inside].tolist(), "decimals": CLASS_DECIMALS}
        )
    }
    classes = class_of(buildings, minutes)
    community, communities = buildings.areas.at_level("community")
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
                    "community": communities[community[i]].code if community[i] >= 0 else "",
                    "class": str(classes[i]),
                    "minutes": round(float(buildings.minutes[i]), 1)
                    if np.isfinite(buildings.minutes[i])
                    else None,
                },
            }
            for i in inside.tolist()
        ],
    }
