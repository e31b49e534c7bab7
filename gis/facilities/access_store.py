"""Stored labels of buildings, brought in step with what has changed since they were computed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import copy_rows
from gis.errors import InvalidInput, Unavailable, invalid_field
from gis.facilities.access_changes import AccessChange, AccessState
from gis.facilities.access_labels import label_buildings
from gis.facilities.access_runs import (
    Inputs,
    Run,
    read_former_facilities,
    read_inputs,
    read_runs,
    store_runs,
)
from gis.facilities.accessibility import (
    place_entrances,
    read_demand_points,
    read_facility_entrances,
)
from gis.facilities.by_county import label_everywhere
from gis.facilities.categories import CATEGORY_BY_KEY
from gis.facilities.category_labels import CategoryLabels, by_category
from gis.facilities.opening import find_open
from gis.facilities.planned import PlannedFacility, planned_entrances
from gis.facilities.walkers import ProfileNetwork, walker_on
from gis.network.edits import find_edits
from gis.network.loading import load_edited
from gis.network.snapping import Floats
from gis.spread import reading

LABELS_SQL = """
SELECT building_id, minutes, facility_id, within_5, within_10, within_15, edge_minutes, off_network
FROM building_access
WHERE profile = :profile AND category = :category
ORDER BY building_id
"""
ACCESS_COLUMNS = (
    "building_id",
    "profile",
    "category",
    "minutes",
    "facility_id",
    "within_5",
    "within_10",
    "within_15",
    "edge_minutes",
    "off_network",
)
MAX_SMALLINT = 32_767  # that a column of counts holds


@dataclass(frozen=True)
class AccessRecompute:
    """The result of a run.

    Attributes
    ----------
    recomputed, unchanged
        Categories whose input had changed, and those left alone.
    buildings
        How many there are.
    labels
        How many labels, each of a building for a category, were computed anew.
    """

    profile: str
    recomputed: tuple[str, ...]
    unchanged: tuple[str, ...]
    buildings: int
    labels: int = 0


@dataclass(frozen=True)
class Refreshed:
    """Labels of categories, and the places of the buildings whose labels were computed anew."""

    labels: dict[str, CategoryLabels]
    which: dict[str, NDArray[np.int64]]


def require_categories(categories: Sequence[str]) -> tuple[str, ...]:
    """Return keys of categories, each once.

    Raises
    ------
    InvalidInput
        One is unknown, or there is none.
    """
    for category in categories or [""]:
        if category not in CATEGORY_BY_KEY:
            raise invalid_field(
                "category", "input.not_among", value=category, allowed=[*CATEGORY_BY_KEY]
            )
    return tuple(dict.fromkeys(categories))


def recompute_access(session: Session, profile: str = "adult") -> AccessRecompute:
    """Bring the stored labels of a profile in step with network, buildings and facilities.

    Raises
    ------
    InvalidInput
        There is no such profile.
    Unavailable
        No walking network is loaded.

    Notes
    -----
    A category is left alone while the network, all doors of buildings and all doors of its
    facilities are as they were. If only edits of paths or facilities have changed, only buildings
    that the change can reach are computed anew (`gis.facilities.access_changes`); else all are.
    """
    # one run at a time
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('building_access'))"))
    state = reading(session)
    edits = find_edits(state)
    walker = walker_on(state, load_edited(state, edits).network, profile)
    for table in ("access_run", "access_facility", "building_access"):
        session.execute(
            text(f"DELETE FROM {table} WHERE profile = :profile AND category <> ALL(:known)"),  # noqa: S608  ours
            {"profile": profile, "known": [*CATEGORY_BY_KEY]},
        )
    inputs = read_inputs(state, walker.version)
    stored = read_runs(session, profile)
    changed = [
        key for key in CATEGORY_BY_KEY if key not in stored or stored[key].inputs != inputs[key]
    ]
    unchanged = tuple(key for key in CATEGORY_BY_KEY if key not in changed)
    if not changed:
        count = state.scalar(text("SELECT count(*) FROM building")) or 0
        return AccessRecompute(profile, (), unchanged, count)
    refreshed = _refresh(state, walker, changed, inputs, stored)
    for key in changed:
        session.execute(
            text(
                "DELETE FROM building_access WHERE profile = :profile AND category = :category"
                " AND (building_id = ANY(:buildings) OR :all)"
            ),
            {
                "profile": profile,
                "category": key,
                "buildings": refreshed.labels[key].building[refreshed.which[key]].tolist(),
                "all": len(refreshed.which[key]) == len(refreshed.labels[key].building),
            },
        )
    copy_rows(session, "building_access", ACCESS_COLUMNS, _rows(refreshed, profile))
    store_runs(session, profile, {key: inputs[key] for key in changed}, edits.ids)
    return AccessRecompute(
        profile,
        tuple(changed),
        unchanged,
        len(refreshed.labels[changed[0]].building),
        sum(map(len, refreshed.which.values())),
    )


def _refresh(
    session: Session,
    walker: ProfileNetwork,
    categories: Sequence[str],
    inputs: dict[str, Inputs],
    stored: dict[str, Run],
) -> Refreshed:
    """Return the labels of categories whose input has changed."""
    demand = read_demand_points(session, walker.network)
    entrances = read_facility_entrances(session, walker.network)
    state = AccessState(walker.network, demand, entrances)
    result = Refreshed({}, {})
    comparable: dict[tuple[str, tuple[int, ...]], list[str]] = {}
    for key in categories:
        run = stored.get(key)
        if run and run.edits is not None and run.inputs[1] == inputs[key][1]:
            comparable.setdefault((run.inputs[0], run.edits), []).append(key)
    for (version, edits), keys in comparable.items():
        former = _former_state(session, walker, state, version, edits, keys)
        if former is None:
            continue
        change = AccessChange(former, state, walker.speed_m_s)
        for key in keys:
            labels = _read_stored(session, walker.name, key, stored[key].computed_at)
            if np.array_equal(labels.building, demand.building):
                result.labels[key], result.which[key] = change.relabel(key, labels)
    others = [key for key in categories if key not in result.labels]
    if others:
        anew = label_everywhere(session, walker, demand, entrances, others)
        result.labels.update(by_category(anew, demand, entrances))
        result.which.update(dict.fromkeys(others, np.arange(len(demand.building))))
    return result


def _former_state(
    session: Session,
    walker: ProfileNetwork,
    state: AccessState,
    version: str,
    edits: Sequence[int],
    categories: Sequence[str],
) -> AccessState | None:
    """Return what the stored labels of categories were computed on; None if that is no more."""
    try:
        network = load_edited(session, find_edits(session, ids=edits)).network
        former = walker_on(session, network, walker.name)
    except Unavailable:  # all of it was closed
        return None
    if former.version != version:
        return None
    rows = read_former_facilities(session, walker.name, categories)
    is_same = former.network is walker.network
    demand = state.demand if is_same else state.demand.on(former.network)
    return AccessState(former.network, demand, place_entrances(former.network, rows))


def recompute_stored(session: Session) -> list[AccessRecompute]:
    """Bring the labels of adults and of all profiles with stored ones in step, as after a load.

    Raises
    ------
    Unavailable
        No walking network is loaded.
    """
    names = session.scalars(text("SELECT DISTINCT profile FROM access_run ORDER BY profile"))
    results = []
    for name in dict.fromkeys(["adult", *names]):
        try:
            results.append(recompute_access(session, name))
        except InvalidInput:  # the profile is no more
            for table in ("access_run", "access_facility", "building_access"):
                session.execute(
                    text(f"DELETE FROM {table} WHERE profile = :profile"),  # noqa: S608  ours
                    {"profile": name},
                )
    return results


def read_labels(
    session: Session,
    walker: ProfileNetwork,
    categories: Sequence[str],
    open_at: datetime | None = None,
    planned: Sequence[PlannedFacility] = (),
) -> dict[str, CategoryLabels]:
    """Return the labels of all buildings by category.

    Parameters
    ----------
    open_at
        Only facilities open at this moment count, in the time zone of the place; None means all.
    planned
        Facilities that count as if they were there.

    Notes
    -----
    Those stored if they are of the present network, buildings and facilities; else, and for a
    moment, new ones, which are not stored. What is planned is joined to them.
    """
    if open_at is None:
        labels = _read_present(session, walker, categories)
    else:
        labels = _label_open(session, walker, categories, open_at)
    if not planned:
        return labels
    demand = read_demand_points(session, walker.network)
    entrances = planned_entrances(planned, walker.network)
    added = label_buildings(walker.network, demand, entrances, categories, walker.speed_m_s)
    return {
        key: labels[key].joined(each) for key, each in by_category(added, demand, entrances).items()
    }


def _read_present(
    session: Session, walker: ProfileNetwork, categories: Sequence[str]
) -> dict[str, CategoryLabels]:
    """Return the labels stored, brought in step where they are outdated."""
    inputs = read_inputs(session, walker.version)
    stored = read_runs(session, walker.name)
    result = {}
    outdated = []
    for key in categories:
        run = stored.get(key)
        if run is None or run.inputs != inputs[key]:
            outdated.append(key)
        else:
            result[key] = _read_stored(session, walker.name, key, run.computed_at)
    if outdated:
        result |= _refresh(session, walker, outdated, inputs, stored).labels
    return {key: result[key] for key in categories}


def _label_open(
    session: Session, walker: ProfileNetwork, categories: Sequence[str], at: datetime
) -> dict[str, CategoryLabels]:
    """Return labels of the facilities open at a moment.

    One whose hours do not tell may serve or not, like what may stand beyond the edge of the data.
    """
    demand = read_demand_points(session, walker.network)
    entrances = read_facility_entrances(session, walker.network)
    facilities = find_open(session, entrances, at)
    certain, possible = (
        label_everywhere(session, walker, demand, entrances.only(which), categories, at)
        for which in (facilities.open, facilities.unknown)
    )
    return {
        key: replace(labels, edge_minutes=np.minimum(labels.edge_minutes, possible.minutes[:, i]))
        for i, (key, labels) in enumerate(by_category(certain, demand, entrances).items())
    }


def _read_stored(
    session: Session, profile: str, category: str, computed_at: datetime
) -> CategoryLabels:
    rows = session.execute(text(LABELS_SQL), {"profile": profile, "category": category}).all()
    columns = [*zip(*rows, strict=True)] if rows else [()] * 8

    def floats(values: Sequence[float | None]) -> Floats:
        return np.array([np.inf if value is None else value for value in values], float)

    return CategoryLabels(
        np.array(columns[0], np.int64),
        floats(columns[1]),
        np.array([-1 if value is None else value for value in columns[2]], np.int64),
        np.array(columns[3:6], np.int64).reshape(3, -1).T,
        floats(columns[6]),
        np.array(columns[7], bool),
        computed_at,
    )


def _rows(refreshed: Refreshed, profile: str) -> Iterator[tuple[object, ...]]:
    """Yield the rows of the labels that were computed anew."""

    def optional(values: Floats) -> list[float | None]:
        return [value if np.isfinite(value) else None for value in values.tolist()]

    for category, labels in refreshed.labels.items():
        which = refreshed.which[category]
        for building, minutes, facility, counts, to_edge, off in zip(
            labels.building[which].tolist(),
            optional(labels.minutes[which]),
            labels.facility[which].tolist(),
            np.minimum(labels.within[which], MAX_SMALLINT).tolist(),
            optional(labels.edge_minutes[which]),
            labels.off_network[which].tolist(),
            strict=True,
        ):
            nearest = None if facility < 0 else facility
            yield building, profile, category, minutes, nearest, *counts, to_edge, off
