"""The complete snapshot with the rows that changed read again by their keys.

A change costs what changed: one post of a million is a few queries by key, and arrays copied
without it. What is worked out from shapes is kept where none differs: cells of the whole county,
the grid of a building near its place.
"""

from collections.abc import Collection, Mapping
from copy import copy
from dataclasses import replace
from datetime import datetime

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from gis.areas.grids import GRIDS_AT_SQL, MAX_GRID_DISTANCE_M, GridIndex, index_grids
from gis.areas.snapshot import (
    Area,
    Ints,
    RegistrySnapshot,
    micros,
    moment,
    read_period,
    read_upper_areas,
    with_order,
)
from gis.db import fetch_rows
from gis.people.queries import AnswerKey, CachedPeople
from gis.people.reading import patch_people
from gis.places.patch import (
    buildings_of_units,
    keep_worked_out,
    merge_lists,
    merge_order,
    patch_places,
)
from gis.places.queries import BuildingIndex
from gis.shapes.local_distance import Floats, metres_per_degree

# The tables of the snapshot, by what the keys are that their changes announce (migration 0046).
AREA_TABLES = ("area", "boundary", "dated_parent", "planned_name")
BUILDING_TABLES = ("building", "stairwell", "unit_part")
POST_TABLES = ("post",)
PERSON_TABLES = ("person", "leave")
UNKEYED_TABLES = ("kind",)
SNAPSHOT_TABLES = frozenset(
    AREA_TABLES + BUILDING_TABLES + POST_TABLES + PERSON_TABLES + UNKEYED_TABLES
)
Changes = Mapping[str, Collection[int]]  # keys by table
MAX_REDRAWN = 64  # of grids drawn anew, beyond which every building is looked up


def patch_snapshot(
    session: Session, old: RegistrySnapshot, changes: Changes, at: datetime
) -> RegistrySnapshot:
    """Return a snapshot of the present register, with what changed read again.

    Parameters
    ----------
    session
        All its queries read one state, not older than the changes.
    old
        Complete, and valid at the moment.
    changes
        The keys of all rows that changed since it was read.
    at
        The present, with its time zone.
    """
    areas, buildings, posts, persons = (
        frozenset(key for table in tables for key in changes.get(table, ()))
        for tables in (AREA_TABLES, BUILDING_TABLES, POST_TABLES, PERSON_TABLES)
    )
    grids, upper, period = old.grids, old.upper_areas, (old.since, old.until)
    if areas:
        grids = _patch_grids(session, old.grids, areas, at)
        # shorter than it may be, where a change that was planned is not any more
        since, until = read_period(session, at, areas=areas)
        period = max(old.since, since), min(old.until, until)
        if not areas.isdisjoint(upper) or not upper.keys() >= {*grids.parents}:
            upper = read_upper_areas(session, grids.parents, at)
        upper = _with_grids(upper, grids.parents)
        buildings |= buildings_of_units(session, old.places, areas)
    places = old.places
    if buildings:
        places = patch_places(session, old.places, buildings, at.isoformat())
    people, of_areas, of_buildings = old.people, frozenset[int](), frozenset[int]()
    if posts or persons:
        people, of_areas, of_buildings = patch_people(
            session, old.people, posts, persons, moment(period[0])
        )
    elif not (areas or buildings):
        return old
    else:
        # who still reads the old snapshot must not cache an answer of it in the new one
        people = copy(old.people)
    building_grid = _building_grid(old, grids, places, areas)
    if building_grid is old.building_grid:
        result = replace(
            old,
            since=period[0],
            until=period[1],
            grids=grids,
            upper_areas=upper,
            places=places,
            people=people,
        )
    else:
        result = with_order(*period, grids, upper, places, building_grid, people)
    _keep_cached(old, result, areas | of_areas, buildings | of_buildings, at)
    return result


def _patch_grids(
    session: Session, old: GridIndex, areas: Collection[int], at: datetime
) -> GridIndex:
    """Return the index with the grids of some ids read again.

    Its array of shapes is the old one where rows and shapes are the same.
    """
    query = GRIDS_AT_SQL.format(more="AND a.id = ANY(%(ids)s)")
    few = index_grids([fetch_rows(session, query, {"at": at, "ids": [*areas]})])
    keep = ~np.isin(old.ids, [*areas])
    order = merge_order(old.codes, keep, few.codes)
    result = GridIndex(
        np.concatenate([old.ids[keep], few.ids])[order],
        merge_lists(old.codes, keep, few.codes, order),
        merge_lists(old.names, keep, few.names, order),
        merge_lists(old.parents, keep, few.parents, order),
        merge_lists(old.revisions, keep, few.revisions, order),
        np.concatenate([old.shapes[keep], few.shapes])[order],
    )
    same_rows = np.array_equal(old.ids, result.ids)
    if same_rows and shapely.equals_identical(old.shapes, result.shapes).all():
        result = replace(result, shapes=old.shapes)
        keep_worked_out(old, result, "tree", "cell_index")
    return result


def _with_grids(upper: Mapping[int, Area], parents: Collection[int]) -> dict[int, Area]:
    """Return the areas that have grids, without those that have lost all of them."""
    result: dict[int, Area] = {}
    for parent in {*parents}:
        at: int | None = parent
        while at is not None and at not in result and at in upper:
            result[at] = upper[at]
            at = upper[at].parent_id
    return result


def _building_grid(
    old: RegistrySnapshot, grids: GridIndex, places: BuildingIndex, areas: Collection[int]
) -> Ints:
    """Return the row of the grid of each building; worked out where it may differ from before."""
    before, same_land = old.places, grids.shapes is old.grids.shapes
    if same_land and places.ids is before.ids and places.label_points is before.label_points:
        return old.building_grid
    lon, lat = places.label_points.T
    if not (before.ids.size and old.grids.ids.size and grids.ids.size):
        return grids.grids_at(lon, lat)[0]
    if places is before:
        result, same = old.building_grid, np.ones(len(lon), bool)
    else:
        rows = _rows_of(places.ids, before.ids)
        same_place = (before.label_points[rows] == places.label_points).all(axis=1)
        result, same = old.building_grid[rows], (before.ids[rows] == places.ids) & same_place
    if not same_land:
        result = np.append(_rows_of(old.grids.ids, grids.ids), -1)[result]  # -1: in no grid
        same &= ~_is_near_land(old.grids, grids, areas, lon, lat)
    other = np.flatnonzero(~same)
    result[other] = grids.grids_at(lon[other], lat[other])[0]
    return result


def _rows_of(ids: Ints, among: Ints) -> Ints:
    """Return the row of each id among others; any row for one that is not there."""
    order = np.argsort(among)
    return order.take(among.searchsorted(ids, sorter=order), mode="clip")


def _is_near_land(
    old: GridIndex, new: GridIndex, areas: Collection[int], lon: Floats, lat: Floats
) -> NDArray[np.bool_]:
    """Return whether each point may be answered by a grid that some areas are or were."""
    boxes = shapely.bounds(
        np.concatenate([index.shapes[np.isin(index.ids, [*areas])] for index in (old, new)])
    )
    if len(boxes) > MAX_REDRAWN:
        return np.ones(len(lon), bool)
    near = np.zeros(len(lon), bool)
    for west, south, east, north in boxes:
        per_lon, per_lat = metres_per_degree(max(abs(south), abs(north)))
        x, y = MAX_GRID_DISTANCE_M / per_lon, MAX_GRID_DISTANCE_M / per_lat
        near |= (lon > west - x) & (lon < east + x) & (lat > south - y) & (lat < north + y)
    return near


def _keep_cached(
    old: RegistrySnapshot,
    new: RegistrySnapshot,
    areas: Collection[int],
    buildings: Collection[int],
    at: datetime,
) -> None:
    """Keep the cached entries of areas, and answers, that no change touches."""
    cached = old.people.cached
    start, end = new.people.unchanged_around(micros(at))
    # where the two periods do not meet the end comes before the start, and no moment is in it
    start, end = max(start, cached.start), min(end, cached.end)
    of_area = {area: people for area, people in [*cached.of_area.items()] if area not in areas}
    new.people.keep_cached(
        CachedPeople(start, end, of_area, _kept_results(old, new, areas, buildings))
    )


def _kept_results(
    old: RegistrySnapshot,
    new: RegistrySnapshot,
    areas: Collection[int],
    buildings: Collection[int],
) -> dict[AnswerKey, bytes]:
    """Return the cached answers of grids and buildings that no change touches.

    None where rows were renumbered, or where an area above grids changed, which answers of many
    grids name.
    """
    same_grids = np.array_equal(old.grids.ids, new.grids.ids)
    same_rows = same_grids and np.array_equal(old.places.ids, new.places.ids)
    if not same_rows or not old.upper_areas.keys().isdisjoint(areas):
        return {}
    units = np.isin(new.places.part_units, [*areas])
    touched = np.isin(new.places.ids, [*buildings, *new.places.part_of[units].tolist()])
    touched |= old.building_grid != new.building_grid
    rows, grids = (
        frozenset(np.flatnonzero(touched).tolist()),
        frozenset(np.flatnonzero(np.isin(new.grids.ids, [*areas])).tolist()),
    )
    return {
        key: value
        for key, value in [*old.people.cached.results.items()]
        if key[0] not in grids and key[2] not in rows
    }
