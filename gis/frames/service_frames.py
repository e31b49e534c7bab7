"""Frames of facilities, service circles, coverage and the walking network."""

from collections.abc import Sequence
from dataclasses import astuple, fields
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import shapely
from geopandas import GeoDataFrame
from sqlalchemy import ColumnElement, SQLColumnExpression, Text, case, func, select, text
from sqlalchemy.orm import Session

from gis.crs import STORAGE_SRID
from gis.db import PRECISION_DEG
from gis.facilities import coverage_gaps
from gis.facilities.building_coverage import STANDINGS, Standing, read_buildings
from gis.facilities.models import Entrance, Facility, ServiceCircle
from gis.facilities.snapshot_changes import ChangedBuilding
from gis.frames.read import Query, read_frame, wkb
from gis.kinds import Kind
from gis.network.models import WalkEdge, WalkEdit, WalkNode
from gis.places.models import Building

HOUSEHOLD_ACCESS_SQL = """
SELECT h.county, h.household_id AS household, h.category, b.code AS building, u.code AS unit,
  h.people, h.elders, h.minutes, f.code AS facility, h.within_5, h.within_10, h.within_15,
  h.edge_minutes, h.off_network
FROM household_access h
JOIN building b ON b.id = h.building_id
LEFT JOIN area u ON u.id = h.unit_id
LEFT JOIN facility f ON f.id = h.facility_id
WHERE h.profile = :profile AND (CAST(:category AS text) IS NULL OR h.category = :category)
ORDER BY h.county, h.household_id, h.category
"""


BuildingRow = coverage_gaps.Gap | ChangedBuilding
DTYPES: dict[object, str] = {int: "int64", int | None: "Int64", float | None: "float64"}


class WalkNetworkFrames(NamedTuple):
    """The walking network: `nodes` by OSM id, `edges` by u, v and key."""

    nodes: GeoDataFrame
    edges: GeoDataFrame


def facility_query() -> Query:
    """Return the query of `facilities`, ordered by code."""
    return _facility_query(func.ST_PointOnSurface(Facility.geom))  # of a point: itself


def facility_table_query() -> Query:
    """Return the query of `facilities` with their outlines, where these are known."""
    return _facility_query(Facility.geom)


def _facility_query(shape: SQLColumnExpression[Any]) -> Query:
    return (
        select(
            Facility.code,
            Facility.county,
            Facility.category,
            Kind.key.label("kind"),
            Facility.name,
            Facility.address,
            Facility.opening_hours,
            Facility.contact,
            Facility.capacity,
            Facility.source,
            wkb(shape),
        )
        .outerjoin_from(Facility, Kind, Kind.id == Facility.kind_id)
        .order_by(Facility.code)
    )


def entrance_query() -> Query:
    """Return the query of doors and gates: each with the building or facility it belongs to."""
    return (
        select(
            func.coalesce(Entrance.code, func.concat("e", Entrance.id)).label("code"),
            Building.code.label("building"),
            Facility.code.label("facility"),
            Entrance.kind,
            Entrance.hours,
            Entrance.note,
            Entrance.source,
            wkb(Entrance.geom),
        )
        .outerjoin(Building, Building.id == Entrance.building_id)
        .outerjoin(Facility, Facility.id == Entrance.facility_id)
        .where(Entrance.removed_at.is_(None))
        .order_by(Building.code, Facility.code, Entrance.id)
    )


def edit_query() -> Query:
    """Return the query of what is changed of the walking network and not withdrawn."""

    def in_utc(moment: Any) -> ColumnElement[Any]:  # GDAL drops an offset behind it
        pattern = '"UTC "YYYY-MM-DD HH24:MI:SS'
        return func.to_char(func.timezone("UTC", moment), pattern, type_=Text)

    is_line = func.GeometryType(WalkEdit.geom) == "LINESTRING"
    line = case((is_line, func.ST_AsText(WalkEdit.geom, 7, type_=Text)))
    return (
        select(
            func.coalesce(WalkEdit.code, func.concat("e", WalkEdit.id)).label("code"),
            WalkEdit.kind,
            WalkEdit.hours,
            WalkEdit.reason,
            in_utc(WalkEdit.from_at).label("from_at"),
            in_utc(WalkEdit.until_at).label("until_at"),
            WalkEdit.source,
            line.label("line"),
            wkb(WalkEdit.geom),
        )
        .where(WalkEdit.withdrawn_at.is_(None))
        .order_by(WalkEdit.id)
    )


def facilities(session: Session, category: str | None = None) -> GeoDataFrame:
    """Return the facilities as points.

    Parameters
    ----------
    category
        A key of `gis.facilities.categories`; None means every one.

    Returns
    -------
    GeoDataFrame
        Index `code`. Columns `county` (code or None), `category`, `kind` (key of a kind that people
        added, or None), `name`, `address`, `opening_hours` (OSM's syntax), `contact` (public
        telephone), `capacity` (places, beds or doctors by category; missing: not stated), `source`
        (the load), `geometry` (Point; of an outline a point inside).
    """
    query = facility_query()
    return read_frame(
        session, query if category is None else query.where(Facility.category == category), "code"
    ).astype({"capacity": "Int64"})


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
        limit; metres on the level of the profile), `covered` (within it), `off_network` (no street
        near its entrance), `cannot_say` (not covered, but the data end within the limit), `minutes`
        (to the nearest, inf for none within an hour), `edge_minutes` (to where the data end, inf
        for not within an hour), `geometry` (Point: the entrance, else the centroid).

    Raises
    ------
    InvalidInput
        There is no such profile.
    Unavailable
        No walking network is loaded.
    """
    buildings = read_buildings(session, [category], profile)
    standing = buildings.standing(minutes)
    covered = standing == STANDINGS.index(Standing.SERVED)
    metres = buildings.minutes * (60 * buildings.walker.speed_m_s)
    return GeoDataFrame(
        {
            "households": buildings.households,
            "people": buildings.people,
            "distance_m": np.where(covered, metres, np.inf),
            "covered": covered,
            "off_network": buildings.off_network,
            "cannot_say": standing == STANDINGS.index(Standing.CANNOT_SAY),
            "minutes": buildings.minutes,
            "edge_minutes": buildings.edge_minutes,
        },
        index=pd.Index(buildings.code, name="building", dtype=str),
        geometry=shapely.set_precision(shapely.points(buildings.lon, buildings.lat), PRECISION_DEG),
        crs=f"EPSG:{STORAGE_SRID}",
    )


def household_access(
    session: Session, category: str | None = None, profile: str = "adult"
) -> pd.DataFrame:
    """Return every household with its stored walk to the nearest facility of each category.

    Parameters
    ----------
    category
        A key of `gis.facilities.categories`; None means every one.
    profile
        A walking profile.

    Returns
    -------
    DataFrame
        From the view `household_access`, without rooms: index `county`, `household` (number within
        it) and `category`. Columns `building`, `unit` (codes), `people`, `elders` (missing: not
        known), `minutes` (missing: none within an hour, or off the network), `facility` (code of
        the nearest), `within_5`, `within_10`, `within_15` (how many are), `edge_minutes` (to where
        the data end), `off_network`. Empty until walks are stored: `./wangge coverage --recompute`.
    """
    frame = pd.read_sql(
        text(HOUSEHOLD_ACCESS_SQL),
        session.connection(),
        params={"category": category, "profile": profile},
        index_col=["county", "household", "category"],
    )
    counts = dict.fromkeys(("people", "within_5", "within_10", "within_15"), "int64")
    floats = dict.fromkeys(("minutes", "edge_minutes"), "float64")
    return frame.astype(counts | floats | {"elders": "Int64", "off_network": "bool"})


def gaps(
    session: Session,
    category: str,
    minutes: int = 15,
    profile: str = "adult",
    area: str | None = None,
) -> GeoDataFrame:
    """Return the buildings without a facility of a category within a walk, most people first.

    Parameters
    ----------
    category
        A key of `gis.facilities.categories`.
    minutes
        Walking time, 1 to 60.
    profile
        A walking profile.
    area
        Only in the area with this code; None means everywhere.

    Returns
    -------
    GeoDataFrame
        Index `building` (code). Columns `name` (estate and number), `grid`, `community` (codes,
        empty outside every grid), `community_name`, `households`, `people`, `elders` (of the
        people, as far as households say; missing: none says), `minutes` (to the nearest, missing
        for none within an hour), `missing_minutes` (beyond the limit), `facility` (code of the
        nearest), `facility_name`, `standing` (beyond, cannot_say where the data end nearer,
        off_network), `access_class` (of minutes, as on the page of coverage), `geometry` (Point:
        the entrance, else the centroid). Buildings where nobody lives are left out.

    Raises
    ------
    InvalidInput
        There is no such category or profile, or the limit is not possible.
    NotFound
        No area has the code.
    Unavailable
        No walking network is loaded.
    """
    rows = coverage_gaps.gaps(session, [category], minutes, profile, area=area)
    return building_frame(rows, coverage_gaps.Gap)


def building_frame(rows: Sequence[BuildingRow], kind: type[BuildingRow]) -> GeoDataFrame:
    """Return listed buildings as a frame with the index `building` and their points."""
    names = [field.name for field in fields(kind)]
    table = pd.DataFrame([astuple(row) for row in rows], columns=names).rename(
        columns={"code": "building"}
    )
    kinds = {
        field.name: DTYPES[field.type]
        for field in fields(kind)
        if field.type in DTYPES and field.name in table
    }
    points = shapely.points(table.pop("lon").to_numpy(float), table.pop("lat").to_numpy(float))
    return GeoDataFrame(
        table.astype(kinds).set_index("building"), geometry=points, crs=f"EPSG:{STORAGE_SRID}"
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
