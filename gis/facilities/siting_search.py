"""Where new facilities of a category serve most, and who loses if one closes, in named places."""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import InvalidInput
from gis.facilities.access_labels import metres_to_edge
from gis.facilities.accessibility import (
    DemandPoints,
    FacilityEntrances,
)
from gis.facilities.circles import walk_bbox
from gis.facilities.opening import network_at
from gis.facilities.siting import served_curve, solve
from gis.facilities.siting_demand import (
    count_of,
    demand_of,
    existing_facilities,
    inhabited,
    to_degrees,
    to_metric,
    weights_of,
)
from gis.facilities.siting_inputs import (
    MAX_FAR_CANDIDATES,
    MAX_SITING_CANDIDATES,
    CandidatePlace,
    Candidates,
    building_candidates,
    file_candidates,
    home_table,
    nearest_of,
    street_candidates,
)
from gis.facilities.siting_names import SITING_FACILITIES_SQL, building_names, named_sites
from gis.facilities.siting_problem import (
    Ints,
    Model,
    SitingProblem,
    SitingResult,
)
from gis.facilities.siting_request import (
    FAR_MODELS,
    Closure,
    CurvePoint,
    Pin,
    PinBuilding,
    SitingAnswer,
    SitingRequest,
    check,
)
from gis.network.build import Network
from gis.network.profile_table import find_profile, read_profiles
from gis.network.walk import nearest_source_distances


def site(
    session: Session,
    request: SitingRequest,
    *,
    land: shapely.Geometry | None = None,
    places: Sequence[CandidatePlace] | None = None,
) -> SitingAnswer:
    """Choose places for new facilities of a category, the existing ones fixed.

    Parameters
    ----------
    land
        Whose inhabitants count and where the sites may lie; degrees, EPSG:4490. None means
        everywhere. Existing facilities outside serve too.
    places
        Candidates of a file, in place of `request.candidates`.

    Raises
    ------
    InvalidInput
        The category, profile, model, weights, candidates, minutes or number of sites is none; or
        nobody lives in the land, or no candidate lies there.
    Unavailable
        No walking network is loaded.
    TooLarge
        The file names too many places.
    """
    model, limit_m, horizon_m = check(request, read_profiles(session))
    started = time.monotonic()
    network = network_at(session, request.profile, request.open_at)
    everyone = demand_of(session, network, land)
    homes = _require_homes(everyone)
    candidates = _require_candidates(network, request, everyone, land, places)
    existing = existing_facilities(
        session, network, request.category, land, horizon_m, request.open_at
    )
    existing_table, table = (
        home_table(network, sources.snaps, sources.owner, len(sources), homes, horizon_m)
        for sources in (existing, candidates)
    )
    weights = weights_of(homes, request.weights)
    problem = SitingProblem(table, weights, nearest_of(existing_table), limit_m)
    limit_s = request.time_limit_s
    deadline = time.monotonic() + limit_s
    result = solve(problem, model, request.sites, time_limit_s=limit_s)
    served = ~problem.unserved
    newly = _newly_served(problem, result.sites)
    newly_served = [count_of(homes, mask) for mask in newly]
    covered = served | np.logical_or.reduce(newly, axis=0) if newly else served
    return SitingAnswer(
        request,
        network.version,
        len(candidates),
        candidates.spacing_m,
        count_of(homes, np.ones(served.size, bool)),
        count_of(homes, served),
        count_of(homes, homes.off_network),
        count_of(homes, ~served & _near_edge(network, homes, limit_m)),
        named_sites(session, network, candidates, result.sites, newly_served),
        _curve(problem, result, deadline),
        _closures(session, existing, _sole_users(existing_table, limit_m), homes),
        result.status,
        result.objective,
        result.bound,
        result.gap,
        time.monotonic() - started,
        count_of(homes, np.isin(np.arange(served.size), result.out_of_reach)),
        int(homes.households[np.isnan(homes.elders)].sum()),
        _home_states(network, homes, served, covered),
    )


def _require_homes(everyone: DemandPoints) -> DemandPoints:
    """Return the buildings where people live.

    Raises
    ------
    InvalidInput
        There is none.
    """
    homes = inhabited(everyone)
    if not homes.building.size:
        raise InvalidInput("siting.no_households")
    return homes


def _walk(
    session: Session, category: str, minutes: int, profile: str, open_at: datetime | None
) -> tuple[Network, float]:
    """Return the network of a profile, and the limit of a checked request in its metres."""
    request = SitingRequest(category, minutes=minutes, profile=profile)
    _, limit_m, _ = check(request, read_profiles(session))
    return network_at(session, profile, open_at), limit_m


def closures(
    session: Session,
    category: str,
    minutes: int = 15,
    profile: str = "adult",
    *,
    land: shapely.Geometry | None = None,
    open_at: datetime | None = None,
) -> list[Closure]:
    """List the existing facilities of a category with who would lose it, most people first.

    Parameters
    ----------
    land
        Whose inhabitants count; degrees, EPSG:4490. None means everywhere.
    open_at
        As of SitingRequest.

    Raises
    ------
    InvalidInput
        The category, profile or limit is not possible.
    Unavailable
        No walking network is loaded.
    """
    network, limit_m = _walk(session, category, minutes, profile, open_at)
    homes = inhabited(demand_of(session, network, land))
    existing = existing_facilities(session, network, category, land, limit_m, open_at)
    table = home_table(network, existing.snaps, existing.owner, len(existing), homes, limit_m)
    return _closures(session, existing, _sole_users(table, limit_m), homes)


def pin(
    session: Session,
    category: str,
    lon: float,
    lat: float,
    *,
    minutes: int = 15,
    profile: str = "adult",
    land: shapely.Geometry | None = None,
    open_at: datetime | None = None,
) -> Pin:
    """Return who a facility of a category at a point would newly serve.

    Parameters
    ----------
    lon, lat
        Degrees, EPSG:4490.
    land
        Whose inhabitants count; degrees, EPSG:4490. None means everywhere.
    open_at
        As of SitingRequest.

    Raises
    ------
    InvalidInput
        The category, profile or limit is not possible.
    Unavailable
        No walking network is loaded.
    """
    network, limit_m = _walk(session, category, minutes, profile, open_at)
    door = network.snap_degrees(lon, lat)
    around = shapely.box(*walk_bbox((lon, lat, lon, lat), limit_m))
    if land is not None:
        shapely.prepare(land)
        if not shapely.contains_properly(land, around):
            around = shapely.intersection(land, around)
    homes = inhabited(demand_of(session, network, around))
    metres = nearest_of(home_table(network, door, np.zeros(1, np.int64), 1, homes, limit_m))
    within = metres <= limit_m
    reach = shapely.box(*walk_bbox((lon, lat, lon, lat), 2 * limit_m))
    existing = existing_facilities(session, network, category, reach, 0.0, open_at)
    by_door = nearest_source_distances(network, existing.snaps, homes.snaps, limit_m)
    served = np.isfinite(homes.best(by_door))
    newly = within & ~served
    chosen = np.flatnonzero(newly)
    chosen = chosen[np.argsort(metres[chosen], kind="stable")]
    named = building_names(session, homes.building[chosen])
    pace = find_profile(session, profile).speed_m_s * 60
    return Pin(
        count_of(homes, newly),
        count_of(homes, within),
        count_of(homes, newly & _near_edge(network, homes, limit_m)),
        [
            PinBuilding(
                *named[int(homes.building[i])],
                int(homes.households[i]),
                int(homes.people[i]),
                round(float(metres[i]) / pace, 1),
            )
            for i in chosen.tolist()
        ],
        bool(door.edge[0] < 0),
    )


def _require_candidates(
    network: Network,
    request: SitingRequest,
    demand: DemandPoints,
    land: shapely.Geometry | None,
    places: Sequence[CandidatePlace] | None,
) -> Candidates:
    """Return where a site may stand.

    Raises
    ------
    InvalidInput
        That is nowhere in the land.
    """
    metric = None if land is None else to_metric(network, land)
    most = MAX_FAR_CANDIDATES if request.model in FAR_MODELS else MAX_SITING_CANDIDATES
    if places is not None:
        candidates = file_candidates(network, places, metric, most)
    elif request.candidates == "buildings":
        candidates = building_candidates(demand, metric, most=most)
    else:
        candidates = street_candidates(network, metric, most=most)
    if not len(candidates):
        raise InvalidInput("siting.no_candidates")
    return candidates


def _newly_served(problem: SitingProblem, sites: Sequence[int]) -> list[NDArray[np.bool_]]:
    """Return who each site serves beside the existing facilities and the sites before it."""
    waiting = problem.unserved
    by_site = problem.metres.tocsc()
    newly = []
    for number in sites:
        part = slice(by_site.indptr[number], by_site.indptr[number + 1])
        mask = np.zeros(waiting.size, bool)
        mask[by_site.indices[part][by_site.data[part] <= problem.limit_m]] = True
        newly.append(mask & waiting)
        waiting = waiting & ~mask
    return newly


def _near_edge(network: Network, homes: DemandPoints, limit_m: float) -> NDArray[np.bool_]:
    """Return from which buildings the data end within the limit."""
    is_near: NDArray[np.bool_] = np.isfinite(metres_to_edge(network, homes, limit_m))
    return is_near


def _curve(problem: SitingProblem, result: SitingResult, deadline: float) -> list[CurvePoint]:
    if result.model is not Model.MCLP:
        return [
            CurvePoint(number, float(total), result.status)
            for number, total in enumerate(np.cumsum(result.served), 1)
        ]
    count = len(result.sites)
    points = served_curve(problem, count - 1, time_limit_s=deadline - time.monotonic())
    last = [(count, result.objective, result.status)] if count else []
    best = np.maximum.accumulate([0.0, *(weight for _, weight, _ in [*points, *last])])[1:]
    return [
        CurvePoint(number, float(weight), status)
        for (number, _, status), weight in zip([*points, *last], best, strict=True)
    ]


def _sole_users(table: Any, limit_m: float) -> list[Ints]:
    """Return, for each facility, the places that have it alone within the limit."""
    pairs = table.tocoo()
    within = pairs.data <= limit_m
    rows, columns = pairs.row[within], pairs.col[within]
    only = np.bincount(rows, minlength=table.shape[0])[rows] == 1
    rows, columns = rows[only], columns[only]
    return [rows[columns == number] for number in range(table.shape[1])]


def _closures(
    session: Session, existing: FacilityEntrances, users: list[Ints], homes: DemandPoints
) -> list[Closure]:
    rows = session.execute(text(SITING_FACILITIES_SQL), {"ids": existing.id.tolist()})
    named = {number: (name, lon, lat) for number, name, lon, lat in rows}
    every = [
        Closure(code, *named[number], count_of(homes, mask))
        for code, number, mask in zip(existing.code, existing.id.tolist(), users, strict=True)
    ]
    return sorted(every, key=lambda closure: (-closure.lose.people, closure.code))


def _home_states(
    network: Network, homes: DemandPoints, served: NDArray[np.bool_], covered: NDArray[np.bool_]
) -> list[tuple[float, float, str]]:
    lon, lat = to_degrees(network, homes.points)
    state = np.where(served, "served", np.where(covered, "newly", "beyond"))
    return list(zip(lon.round(7).tolist(), lat.round(7).tolist(), state.tolist(), strict=True))
