"""Frames of facilities, service circles, coverage and the walking network."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely
from geopandas import GeoDataFrame
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gis.crs import STORAGE_SRID, get_transformer
from gis.db import PRECISION_DEG
from gis.facilities import accessibility
from gis.facilities.models import Facility, ServiceCircle
from gis.frames.read import Query, read_frame, wkb
from gis.network.models import WalkEdge, WalkNode
from gis.network.profile_table import find_profile
from gis.network.profiled import network_for
from gis.places.models import Building


class WalkNetworkFrames(NamedTuple):
    """The walking network: `nodes` by OSM id, `edges` by u, v and key."""

    nodes: GeoDataFrame
    edges: GeoDataFrame


def facility_query() -> Query:
    """Return the query of `facilities`, ordered by code."""
    return select(
        Facility.code,
        Facility.county,
        Facility.category,
        Facility.name,
        Facility.address,
        Facility.opening_hours,
        Facility.contact,
        Facility.source,
        wkb(func.ST_PointOnSurface(Facility.geom)),  # of a point: itself
    ).order_by(Facility.code)


def facilities(session: Session, category: str | None = None) -> GeoDataFrame:
    """Return the facilities as points.

    Parameters
    ----------
    category
        A key of `gis.facilities.categories`; None means every one.

    Returns
    -------
    GeoDataFrame
        Index `code`. Columns `county` (code or None), `category`, `name`, `address`,
        `opening_hours` (OSM's syntax), `contact` (public telephone), `source` (the load),
        `geometry` (Point; of an outline a point inside).
    """
    query = facility_query()
    return read_frame(
        session, query if category is None else query.where(Facility.category == category), "code"
    )


def circle_query() -> Query:
    """Return the query of `service_circles`, ordered by facility, profile and limit."""
    return (
        select(
            Facility.code.label("facility"),
            Facility.name,
            Facility.category,
            ServiceCircle.profile,
            ServiceCircle.minutes,
            ServiceCircle.speed_m_s,
            ServiceCircle.off_network,
            ServiceCircle.island,
            ServiceCircle.households,
            ServiceCircle.people,
            ServiceCircle.buildings,
            ServiceCircle.network_version.label("network"),
            wkb(ServiceCircle.geom),
        )
        .join_from(ServiceCircle, Facility)
        .order_by(Facility.code, ServiceCircle.profile, ServiceCircle.minutes)
    )


def service_circles(
    session: Session, minutes: int | None = None, profile: str | None = None
) -> GeoDataFrame:
    """Return the stored service circles.

    Parameters
    ----------
    minutes
        Walking time in minutes; None means every stored one.
    profile
        A walking profile; None means every stored one.

    Returns
    -------
    GeoDataFrame
        Index `facility` (code), `profile`, `minutes`. Columns `name` and `category` of the
        facility, `speed_m_s`, `off_network` (no street within 100 m; the circle is empty), `island`
        (only ways that lead nowhere), `households`, `people`, `buildings` (within the limit by
        exact distance), `network` (version), `geometry` (MultiPolygon).
    """
    query = circle_query()
    if minutes is not None:
        query = query.where(ServiceCircle.minutes == minutes)
    if profile is not None:
        query = query.where(ServiceCircle.profile == profile)
    frame = read_frame(session, query, ["facility", "profile", "minutes"])
    return frame.astype({"buildings": "Int64"})


def coverage(
    session: Session, category: str, minutes: float = 15, profile: str = "adult"
) -> GeoDataFrame:
    """Return every building with its walking distance to the nearest facility of a category.

    Parameters
    ----------
    category
        A key of `gis.facilities.categories`.
    minutes
        Walking time at the profile's speed.
    profile
        A walking profile.

    Returns
    -------
    GeoDataFrame
        Index `building` (code). Columns `households`, `people`, `distance_m` (inf beyond the
        limit), `covered` (within it), `off_network` (no street near its entrance), `geometry`
        (Point: the entrance, else the centroid).

    Raises
    ------
    InvalidInput
        There is no such profile.
    Unavailable
        No walking network is loaded.
    """
    network = network_for(session, profile)
    demand = accessibility.read_demand_points(session, network)
    entrances = accessibility.read_facility_entrances(session, network, category)
    result = accessibility.compute_coverage(
        network, demand, entrances.snaps, minutes, find_profile(session, profile)
    )
    code_by_id = {row.id: row.code for row in session.execute(select(Building.id, Building.code))}
    lon, lat = get_transformer(network.epsg, STORAGE_SRID).transform(
        demand.points[:, 0], demand.points[:, 1]
    )
    return GeoDataFrame(
        {
            "households": demand.households,
            "people": demand.people,
            "distance_m": result.metres,
            "covered": np.isfinite(result.metres),
            "off_network": demand.snaps.edge < 0,
        },
        index=pd.Index(
            [code_by_id[number] for number in demand.building.tolist()], name="building", dtype=str
        ),
        geometry=shapely.set_precision(shapely.points(lon, lat), PRECISION_DEG),
        crs=f"EPSG:{STORAGE_SRID}",
    )


def walk_network(session: Session) -> WalkNetworkFrames:
    """Return the walking network as OSMnx expects it.

    Returns
    -------
    WalkNetworkFrames
        `nodes`: index `osmid`; columns `x`, `y` (degrees), `component` (0 is the largest connected
        part), `geometry` (Point). `edges`: index `u`, `v`, `key`; columns `osmid` (of the way,
        missing where it has none), `length` (metres along the ellipsoid), `highway` (as OSM's, or
        plaza, across, link), `name`, `steps`, `structure` (bridge, tunnel, storey, or empty),
        `ends` (open only to those whose entrance is on it), `geometry` (LineString).

    Notes
    -----
    Every edge is listed once and can be walked both ways: make the graph with
    `osmnx.graph_from_gdfs(nodes, edges).to_undirected()`.
    """
    nodes = select(
        WalkNode.id.label("osmid"),
        func.ST_X(WalkNode.geom).label("x"),
        func.ST_Y(WalkNode.geom).label("y"),
        WalkNode.component,
        wkb(WalkNode.geom),
    ).order_by(WalkNode.id)
    ends = (func.least(WalkEdge.u, WalkEdge.v), func.greatest(WalkEdge.u, WalkEdge.v))
    edges = select(
        WalkEdge.u,
        WalkEdge.v,
        (func.row_number().over(partition_by=ends, order_by=WalkEdge.id) - 1).label("key"),
        WalkEdge.way_id.label("osmid"),
        WalkEdge.length_m.label("length"),
        WalkEdge.kind.label("highway"),
        WalkEdge.name,
        WalkEdge.steps,
        WalkEdge.structure,
        WalkEdge.ends,
        wkb(WalkEdge.geom),
    ).order_by(WalkEdge.id)
    return WalkNetworkFrames(
        read_frame(session, nodes, "osmid"),
        read_frame(session, edges, ["u", "v", "key"]).astype({"osmid": "Int64"}),
    )
