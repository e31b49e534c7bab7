"""Stored labels of buildings: recomputed only for the categories whose input has changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import copy_rows
from gis.errors import InvalidInput, invalid_field
from gis.facilities.access_labels import AccessLabels, label_buildings
from gis.facilities.accessibility import (
    DemandPoints,
    FacilityEntrances,
    read_demand_points,
    read_facility_entrances,
)
from gis.facilities.categories import CATEGORY_BY_KEY
from gis.facilities.opening import find_open
from gis.facilities.planned import PlannedFacility, with_planned
from gis.network.build import Network, load_network
from gis.network.profile_table import find_profile
from gis.network.profiled import for_profile
from gis.network.snapping import Bools, Floats
from gis.places.doors import doors_sql

BUILDINGS_DIGEST_SQL = f"""
SELECT md5(coalesce(string_agg(
  b.id || ' ' || encode(ST_AsBinary(
    coalesce({doors_sql("building", "b")}, ST_Centroid(b.geom))), 'hex'),
  ',' ORDER BY b.id), ''))
FROM building b
"""  # noqa: S608  ours
FACILITIES_DIGEST_SQL = f"""
SELECT category, md5(string_agg(
  f.id || ' ' || encode(ST_AsBinary(f.geom), 'hex')
    || ' ' || coalesce(encode(ST_AsBinary({doors_sql("facility", "f")}), 'hex'), ''),
  ',' ORDER BY f.id))
FROM facility f
GROUP BY category
"""  # noqa: S608  ours
STORE_RUN_SQL = """
INSERT INTO access_run
  (profile, category, network_version, buildings_digest, facilities_digest, computed_at)
VALUES (:profile, :category, :network, :buildings, :facilities, now())
ON CONFLICT (profile, category) DO UPDATE SET
  network_version = excluded.network_version, buildings_digest = excluded.buildings_digest,
  facilities_digest = excluded.facilities_digest, computed_at = excluded.computed_at
"""
LABELS_SQL = """
SELECT building_id, minutes, facility_id, within_5, within_10, within_15, edge_minutes, off_network
FROM building_access
WHERE profile = :profile AND category = :category
ORDER BY building_id
"""
COLUMNS = (
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
MAX_COUNT = 32_767  # that a column of counts holds


@dataclass(frozen=True)
class AccessRecompute:
    """The result of a run: categories computed anew and left alone, and how many buildings."""

    profile: str
    recomputed: tuple[str, ...]
    unchanged: tuple[str, ...]
    buildings: int


@dataclass(frozen=True)
class CategoryLabels:
    """Labels of all buildings for one category.

    Attributes
    ----------
    building
        Ids, ascending; all other arrays have their order.
    minutes
        To the nearest facility; infinite: none within an hour, or off the network.
    facility
        Its id, -1 for none.
    within
        How many facilities are within 5, 10 and 15 minutes, shape (buildings, 3).
    edge_minutes
        To where the data end, or at a stated moment to a nearer facility whose hours do not tell;
        infinite: not within an hour.
    off_network
        No street is near, or only those of an island.
    computed_at
        When.
    """

    building: NDArray[np.int64]
    minutes: Floats
    facility: NDArray[np.int64]
    within: NDArray[np.int64]
    edge_minutes: Floats
    off_network: Bools
    computed_at: datetime


@dataclass(frozen=True)
class ProfileNetwork:
    """What a profile walks on.

    Attributes
    ----------
    name
        Of the profile.
    network
        As it walks it: lengths in equivalent metres, without what is closed to it.
    speed_m_s
        Equivalent metres a second.
    version
        What labels depend on, buildings and facilities apart.
    """

    name: str
    network: Network
    speed_m_s: float
    version: str


def profile_network(session: Session, profile: str) -> ProfileNetwork:
    """Return the network of a walking profile.

    Raises
    ------
    InvalidInput
        There is no such profile.
    Unavailable
        No walking network is loaded.
    """
    walks_as = find_profile(session, profile)
    network = for_profile(load_network(session), walks_as)
    return ProfileNetwork(profile, network, walks_as.speed_m_s, f"{network.version} {walks_as.key}")


def require_categories(categories: Sequence[str]) -> tuple[str, ...]:
    """Return keys of categories, each once; raise InvalidInput where one is unknown or none is."""
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
    facilities are as they were; else it is computed from the beginning, which for a town takes
    milliseconds and can never differ from a full run.
    """
    walker = profile_network(session, profile)
    # one run at a time
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('building_access'))"))
    session.execute(
        text("DELETE FROM access_run WHERE profile = :profile AND category <> ALL(:known)"),
        {"profile": profile, "known": [*CATEGORY_BY_KEY]},
    )
    session.execute(
        text("DELETE FROM building_access WHERE profile = :profile AND category <> ALL(:known)"),
        {"profile": profile, "known": [*CATEGORY_BY_KEY]},
    )
    inputs = _read_inputs(session, walker)
    stored = _read_runs(session, profile)
    changed = [key for key in CATEGORY_BY_KEY if stored.get(key, (None,))[0] != inputs[key]]
    unchanged = tuple(key for key in CATEGORY_BY_KEY if key not in changed)
    if not changed:
        count = session.scalar(text("SELECT count(*) FROM building")) or 0
        return AccessRecompute(profile, (), unchanged, count)
    demand = read_demand_points(session, walker.network)
    entrances = read_facility_entrances(session, walker.network)
    labels = label_buildings(walker.network, demand, entrances, changed, walker.speed_m_s)
    session.execute(
        text("DELETE FROM building_access WHERE profile = :profile AND category = ANY(:changed)"),
        {"profile": profile, "changed": changed},
    )
    copy_rows(session, "building_access", COLUMNS, _rows(labels, demand, entrances, profile))
    session.execute(
        text(STORE_RUN_SQL),
        [
            {
                "profile": profile,
                "category": key,
                "network": inputs[key][0],
                "buildings": inputs[key][1],
                "facilities": inputs[key][2],
            }
            for key in changed
        ],
    )
    return AccessRecompute(profile, tuple(changed), unchanged, len(demand.building))


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
            for table in ("access_run", "building_access"):
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
    moment or a plan, new ones, which are not stored.
    """
    if open_at is not None:
        return _label_open(session, walker, categories, open_at, planned)
    if planned:
        demand = read_demand_points(session, walker.network)
        entrances = with_planned(
            read_facility_entrances(session, walker.network), planned, walker.network
        )
        labels = label_buildings(walker.network, demand, entrances, categories, walker.speed_m_s)
        return _by_category(labels, demand, entrances)
    inputs = _read_inputs(session, walker)
    stored = _read_runs(session, walker.name)
    result = {}
    outdated = []
    for key in categories:
        run = stored.get(key)
        if run is None or run[0] != inputs[key]:
            outdated.append(key)
        else:
            result[key] = _read_stored(session, walker.name, key, run[1])
    if outdated:
        demand = read_demand_points(session, walker.network)
        entrances = read_facility_entrances(session, walker.network)
        labels = label_buildings(walker.network, demand, entrances, outdated, walker.speed_m_s)
        result |= _by_category(labels, demand, entrances)
    return {key: result[key] for key in categories}


def _label_open(
    session: Session,
    walker: ProfileNetwork,
    categories: Sequence[str],
    at: datetime,
    planned: Sequence[PlannedFacility],
) -> dict[str, CategoryLabels]:
    """Return labels of the facilities open at a moment.

    One whose hours do not tell may serve or not, like what may stand beyond the edge of the data.
    """
    demand = read_demand_points(session, walker.network)
    entrances = read_facility_entrances(session, walker.network)
    facilities = find_open(session, entrances, at)
    entrances = with_planned(entrances, planned, walker.network)
    certain, possible = (
        label_buildings(walker.network, demand, entrances.only(which), categories, walker.speed_m_s)
        for which in (
            np.append(facilities.open, np.ones(len(planned), bool)),
            np.append(facilities.unknown, np.zeros(len(planned), bool)),
        )
    )
    return {
        key: replace(labels, edge_minutes=np.minimum(labels.edge_minutes, possible.minutes[:, i]))
        for i, (key, labels) in enumerate(_by_category(certain, demand, entrances).items())
    }


def _by_category(
    labels: AccessLabels, demand: DemandPoints, entrances: FacilityEntrances
) -> dict[str, CategoryLabels]:
    ids = np.append(entrances.id, -1)  # -1 is the last
    now = datetime.now(UTC)
    return {
        key: CategoryLabels(
            demand.building,
            labels.minutes[:, column],
            ids[labels.facility[:, column]],
            labels.within[:, column],
            labels.edge_minutes,
            labels.off_network,
            now,
        )
        for column, key in enumerate(labels.categories)
    }


Inputs = tuple[str, str, str]  # network, buildings, facilities of the category


def _read_inputs(session: Session, walker: ProfileNetwork) -> dict[str, Inputs]:
    """Return what the labels of each category depend on at present."""
    buildings = session.scalar(text(BUILDINGS_DIGEST_SQL)) or ""
    facilities = {row[0]: row[1] for row in session.execute(text(FACILITIES_DIGEST_SQL))}
    return {key: (walker.version, buildings, facilities.get(key, "")) for key in CATEGORY_BY_KEY}


def _read_runs(session: Session, profile: str) -> dict[str, tuple[Inputs, datetime]]:
    """Return what the stored labels of each category were computed from, and when."""
    rows = session.execute(
        text("""
            SELECT category, network_version, buildings_digest, facilities_digest, computed_at
            FROM access_run
            WHERE profile = :profile
        """),
        {"profile": profile},
    )
    return {row[0]: ((row[1], row[2], row[3]), row[4]) for row in rows}


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


def _rows(
    labels: AccessLabels, demand: DemandPoints, entrances: FacilityEntrances, profile: str
) -> Iterator[tuple[object, ...]]:
    def optional(values: Floats) -> list[float | None]:
        return [value if np.isfinite(value) else None for value in values.tolist()]

    facilities = entrances.id.tolist()
    edge = optional(labels.edge_minutes)
    for column, category in enumerate(labels.categories):
        for building, minutes, facility, counts, to_edge, off in zip(
            demand.building.tolist(),
            optional(labels.minutes[:, column]),
            labels.facility[:, column].tolist(),
            np.minimum(labels.within[:, column], MAX_COUNT).tolist(),
            edge,
            labels.off_network.tolist(),
            strict=True,
        ):
            nearest = None if facility < 0 else facilities[facility]
            yield building, profile, category, minutes, nearest, *counts, to_edge, off
