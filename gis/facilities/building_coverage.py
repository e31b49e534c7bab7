"""Buildings with who lives there, their areas, and their walk to the nearest of some categories."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import STRtree
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas.building_areas import PointAreas, areas_of_points
from gis.areas.identity import find_area_id
from gis.areas.models import LEVELS, Level
from gis.errors import NotFound, invalid_field
from gis.facilities.access_store import read_labels, require_categories
from gis.facilities.accessibility import read_facility_entrances
from gis.facilities.category_labels import CategoryLabels
from gis.facilities.circles import MAX_MINUTES
from gis.facilities.opening import find_open
from gis.facilities.planned import PlannedFacility
from gis.facilities.walkers import ProfileNetwork, profile_network
from gis.network.snapping import Bools, Floats, Ints

PUBLIC_LEVELS = tuple(level for level in LEVELS if level != Level.UNIT)  # whose shares are public

BUILDING_RESIDENTS_SQL = """
SELECT b.id, b.code, concat(b.estate, b.name), coalesce(h.households, 0), coalesce(h.people, 0),
  h.elders, coalesce(h.elders_unknown, 0),
  ST_X(d.door), ST_Y(d.door), ST_X(d.label), ST_Y(d.label)
FROM building b
LEFT JOIN (
  SELECT building_id, count(*) AS households, sum(people) AS people, sum(elders) AS elders,
    count(*) FILTER (WHERE elders IS NULL) AS elders_unknown
  FROM household
  GROUP BY building_id
) h ON h.building_id = b.id
CROSS JOIN LATERAL (
  SELECT coalesce(b.entrance, ST_Centroid(b.geom)) AS door, ST_PointOnSurface(b.geom) AS label
) d
ORDER BY b.id
"""


class Standing(StrEnum):
    """What can be said of a building for a limit of minutes."""

    SERVED = "served"
    BEYOND = "beyond"
    CANNOT_SAY = "cannot_say"  # the data end nearer than any facility, or hours do not tell
    OFF_NETWORK = "off_network"


STANDINGS = tuple(Standing)


@dataclass(frozen=True)
class BuildingCoverage:
    """All buildings, or those of an area, in parallel arrays.

    Attributes
    ----------
    id, code, name
        Ids, codes, and estate with number.
    households, people
        Who lives there.
    elders
        How many of the people are sixty or older, as far as households say; NaN: none says.
    elders_unknown
        How many of the households do not say.
    lon, lat
        The door, else the middle of the footprint, degrees, EPSG:4490.
    areas
        The areas of the buildings.
    minutes
        Walk to the nearest facility of any of the categories; infinite: none within an hour.
    facility
        Its id, -1 for none; of a planned one its `planned_id`.
    edge_minutes
        Walk to where the data end, or to a facility whose hours do not tell.
    off_network
        No street is near.
    walker
        The network that was walked.
    open_at
        The moment at which facilities had to be open; None: they did not.
    computed_at
        When the oldest of the labels was computed.
    planned
        Facilities that count though they stand only in a plan.
    """

    id: NDArray[np.int64]
    code: NDArray[np.str_]
    name: NDArray[np.str_]
    households: NDArray[np.int64]
    people: NDArray[np.int64]
    elders: Floats
    elders_unknown: NDArray[np.int64]
    lon: Floats
    lat: Floats
    areas: PointAreas
    minutes: Floats
    facility: NDArray[np.int64]
    edge_minutes: Floats
    off_network: Bools
    walker: ProfileNetwork
    open_at: datetime | None
    computed_at: datetime
    planned: tuple[PlannedFacility, ...] = ()

    def standing(self, minutes: float) -> Ints:
        """Return for each building its place in `STANDINGS`, for a limit.

        Served is certain even at the edge of the data. Else nothing is said where the data end
        within the limit: a facility may stand beyond, and it is counted neither way. So it is
        where one within the limit may be open or closed.
        """
        return np.select(
            [self.off_network, self.minutes <= minutes, self.edge_minutes <= minutes],
            [
                STANDINGS.index(Standing.OFF_NETWORK),
                STANDINGS.index(Standing.SERVED),
                STANDINGS.index(Standing.CANNOT_SAY),
            ],
            STANDINGS.index(Standing.BEYOND),
        )

    def with_labels(self, labels: CategoryLabels) -> "BuildingCoverage":
        """Return the same buildings with the walks of another category."""
        rows = np.searchsorted(labels.building, self.id)
        return replace(
            self,
            minutes=labels.minutes[rows],
            facility=labels.facility[rows],
            edge_minutes=labels.edge_minutes[rows],
            off_network=labels.off_network[rows],
            computed_at=labels.computed_at,
        )

    def select(self, which: Bools) -> "BuildingCoverage":
        """Return some of the buildings."""
        return BuildingCoverage(
            self.id[which],
            self.code[which],
            self.name[which],
            self.households[which],
            self.people[which],
            self.elders[which],
            self.elders_unknown[which],
            self.lon[which],
            self.lat[which],
            PointAreas(self.areas.grid[which], self.areas.chains),
            self.minutes[which],
            self.facility[which],
            self.edge_minutes[which],
            self.off_network[which],
            self.walker,
            self.open_at,
            self.computed_at,
            self.planned,
        )


def read_buildings(
    session: Session,
    categories: Sequence[str],
    profile: str = "adult",
    area: str | None = None,
    moment: datetime | None = None,
    open_at: datetime | None = None,
    planned: Sequence[PlannedFacility] = (),
) -> BuildingCoverage:
    """Read the buildings with their walk to the nearest facility of any of some categories.

    Parameters and what is raised are those of `read_by_category`.
    """
    parts = read_by_category(session, categories, profile, area, moment, open_at, planned)
    return nearest_of([*parts.values()])


def read_by_category(
    session: Session,
    categories: Sequence[str],
    profile: str = "adult",
    area: str | None = None,
    moment: datetime | None = None,
    open_at: datetime | None = None,
    planned: Sequence[PlannedFacility] = (),
) -> dict[str, BuildingCoverage]:
    """Read the buildings once, with their walk to the nearest facility of each of some categories.

    Parameters
    ----------
    categories
        Keys of `gis.facilities.categories`.
    profile
        Who walks.
    area
        Only buildings in the area with this code; None means all.
    moment
        Whose boundaries count; None means now.
    open_at
        Only facilities open at this moment count, in the time zone of the place, and paths that
        are open then; None means all.
    planned
        Facilities that count as if they were there.

    Raises
    ------
    InvalidInput
        There is no such category or profile, or the area is a ten-household unit.
    NotFound
        No area has the code.
    Unavailable
        No walking network is loaded.
    """
    keys = require_categories(categories)
    walker = profile_network(session, profile, open_at)
    area_id = None if area is None else require_area(session, area)
    rows = session.execute(text(BUILDING_RESIDENTS_SQL)).all()
    columns = [*zip(*rows, strict=True)] if rows else [()] * 11
    lon, lat, label_lon, label_lat = (np.array(column, float) for column in columns[7:])
    labels = read_labels(session, walker, keys, open_at, planned)
    first_labels = labels[keys[0]]
    buildings = BuildingCoverage(
        np.array(columns[0], np.int64),
        np.array(columns[1], np.str_),
        np.array(columns[2], np.str_),
        np.array(columns[3], np.int64),
        np.array(columns[4], np.int64),
        np.array(columns[5], float),
        np.array(columns[6], np.int64),
        lon,
        lat,
        areas_of_points(session, moment or datetime.now(UTC), label_lon, label_lat),
        first_labels.minutes,
        first_labels.facility,
        first_labels.edge_minutes,
        first_labels.off_network,
        walker,
        open_at,
        first_labels.computed_at,
        tuple(planned),
    )
    if area_id is not None:
        buildings = buildings.select(buildings.areas.within(area_id))
    return {key: buildings.with_labels(each) for key, each in labels.items()}


def nearest_of(parts: Sequence[BuildingCoverage]) -> BuildingCoverage:
    """Return the same buildings with the nearest of the facilities that several categories have."""
    minutes = np.column_stack([each.minutes for each in parts])
    facility = np.column_stack([each.facility for each in parts])
    best = minutes.argmin(axis=1)
    line = np.arange(len(best))
    return replace(
        parts[0],
        minutes=minutes[line, best],
        facility=facility[line, best],
        edge_minutes=np.min([each.edge_minutes for each in parts], axis=0),
        computed_at=min(each.computed_at for each in parts),
    )


def within_straight_line(
    session: Session, buildings: BuildingCoverage, categories: Sequence[str], minutes: float
) -> Bools:
    """Return which buildings a plain circle would count: as the crow flies, at the same speed.

    The distance is from the door of the building to the nearest door of a facility, or its outline
    where no door is known.
    """
    metres = _straight_metres(session, buildings, categories)
    inside: Bools = metres <= minutes * 60 * buildings.walker.speed_m_s
    return inside


def straight_minutes(
    session: Session, buildings: BuildingCoverage, categories: Sequence[str]
) -> BuildingCoverage:
    """Return the same buildings with the minutes of straight lines, as a plain circle has them.

    Of each building it can be said, and none is off the network; `facility` stays that of the walk.
    """
    minutes = _straight_metres(session, buildings, categories) / (60 * buildings.walker.speed_m_s)
    return replace(
        buildings,
        minutes=np.where(minutes <= MAX_MINUTES, minutes, np.inf),
        edge_minutes=np.full(len(minutes), np.inf),
        off_network=np.zeros(len(minutes), bool),
    )


def _straight_metres(
    session: Session, buildings: BuildingCoverage, categories: Sequence[str]
) -> Floats:
    walker = buildings.walker
    metres = np.full(len(buildings.id), np.inf)
    if not metres.size:
        return metres
    points = shapely.points(walker.network.to_metric(buildings.lon, buildings.lat))
    for category in categories:
        entrances = read_facility_entrances(session, walker.network, category)
        shapes = entrances.shape
        if buildings.open_at is not None:
            shapes = shapes[find_open(session, entrances, buildings.open_at).open]
        planned = [each for each in buildings.planned if each.category == category]
        if planned:
            lon, lat = ([getattr(each, name) for each in planned] for name in ("lon", "lat"))
            shapes = np.append(shapes, shapely.points(walker.network.to_metric(lon, lat)))
        if len(shapes):
            hits, straight = STRtree(shapes).query_nearest(
                points, return_distance=True, all_matches=False
            )
            metres[hits[0]] = np.minimum(metres[hits[0]], straight)
    return metres


def require_level(level: str) -> Level:
    """Return a level by which coverage is summed up.

    Raises
    ------
    InvalidInput
        It is no such level.
    """
    if level not in PUBLIC_LEVELS:
        raise invalid_field("by", "input.not_among", value=level, allowed=[*PUBLIC_LEVELS])
    return Level(level)


def require_area(session: Session, code: str) -> int:
    """Return the id of an area by which coverage is told.

    Raises
    ------
    NotFound
        No area has the code.
    InvalidInput
        The area is of a level by which coverage is not summed up.
    """
    area_id = find_area_id(session, code)
    if area_id is None:
        raise NotFound("facility.area_unknown", code=code)
    level = session.scalar(text("SELECT level FROM area WHERE id = :id"), {"id": area_id})
    if level not in PUBLIC_LEVELS:
        raise invalid_field("area", "coverage.not_of_units", code=code)
    return area_id
