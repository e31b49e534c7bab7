"""Homes and existing facilities in and around the land of a siting question."""

from datetime import datetime
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from gis import crs
from gis.db import STORAGE_SRID
from gis.errors import invalid_field
from gis.facilities.accessibility import (
    DemandPoints,
    FacilityEntrances,
    read_demand_points,
    read_facility_entrances,
    sum_elders,
)
from gis.facilities.circles import box_ewkt, walk_bbox
from gis.facilities.coverage_summary import Tally
from gis.facilities.opening import find_open
from gis.facilities.siting_problem import (
    Floats,
)
from gis.network.build import Network

# what is said where no household states its number
UNKNOWN_WEIGHTS = {"elders": "coverage.elders_unknown", "children": "coverage.children_unknown"}


def demand_of(session: Session, network: Network, land: shapely.Geometry | None) -> DemandPoints:
    """Read the buildings whose door lies in the land."""
    if land is None:
        return read_demand_points(session, network)
    if land.is_empty:
        return read_demand_points(session, network, box_ewkt(0, 0, 0, 0)).select(np.zeros(0, int))
    demand = read_demand_points(session, network, box_ewkt(*land.bounds))
    metric = to_metric(network, land)
    shapely.prepare(metric)
    inside = shapely.intersects_xy(metric, demand.points[:, 0], demand.points[:, 1])
    return demand.select(np.flatnonzero(inside))


def inhabited(demand: DemandPoints) -> DemandPoints:
    """Return the buildings with homes."""
    return demand.select(np.flatnonzero(demand.households > 0))


def existing_facilities(
    session: Session,
    network: Network,
    category: str,
    land: shapely.Geometry | None,
    reach_m: float,
    open_at: datetime | None = None,
) -> FacilityEntrances:
    """Read the facilities of a category in the land and so many metres around it.

    Parameters
    ----------
    open_at
        Without those closed at this moment, in the time zone of the place; of whose hours do not
        tell it is not certain that one more helps, so they stay.
    """
    bbox = None
    if land is not None and not land.is_empty:
        bbox = box_ewkt(*walk_bbox(land.bounds, reach_m))
    entrances = read_facility_entrances(session, network, category, bbox)
    if open_at is None:
        return entrances
    states = find_open(session, entrances, open_at)
    return entrances.select(states.open | states.unknown)


def count_of(homes: DemandPoints, mask: NDArray[Any]) -> Tally:
    """Return how many live in some of the buildings; `who` is a mask or numbers."""
    return Tally(
        int(homes.building[mask].size),
        int(homes.households[mask].sum()),
        int(homes.people[mask].sum()),
        sum_elders(homes.elders[mask], homes.people[mask]),
    )


def weights_of(homes: DemandPoints, weights: str) -> Floats:
    """Return how much each building counts: its people, households, known elders or children.

    Raises
    ------
    InvalidInput
        Elders or children shall count, and no household says how many there are.
    """
    counts = np.asarray(getattr(homes, weights), float)
    if np.isnan(counts).all() and counts.size:
        raise invalid_field("weights", UNKNOWN_WEIGHTS[weights])
    finite: Floats = np.nan_to_num(counts)
    return finite


def to_metric(network: Network, land: shapely.Geometry) -> shapely.Geometry:
    """Return a shape in degrees (EPSG:4490) in metres of the network."""
    return shapely.transform(land, lambda xy: network.to_metric(xy[:, 0], xy[:, 1]))


def to_degrees(network: Network, points: Floats) -> tuple[Floats, Floats]:
    """Return longitudes and latitudes (EPSG:4490) of points in metres of the network."""
    lon, lat = crs.get_transformer(network.epsg, STORAGE_SRID).transform(points[:, 0], points[:, 1])
    return np.asarray(lon), np.asarray(lat)
