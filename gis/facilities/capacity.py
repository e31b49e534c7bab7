"""Demand against capacity: how many places, beds or doctors people of an area can share on foot."""

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import compress

import numpy as np
from scipy.sparse import csr_array, hstack
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import TooLarge, invalid_field
from gis.facilities.accessibility import (
    DemandPoints,
    FacilityEntrances,
    read_demand_points,
    read_facility_entrances,
)
from gis.facilities.building_coverage import (
    STANDINGS,
    BuildingCoverage,
    Standing,
    read_buildings,
    require_level,
)
from gis.facilities.catchment import CATCHMENT_METHODS
from gis.facilities.categories import CATEGORY_BY_KEY
from gis.facilities.circles import require_limit
from gis.facilities.coverage_summary import Tally, flat_counts, tally
from gis.facilities.siting_demand import weights_of
from gis.facilities.siting_inputs import home_table
from gis.facilities.siting_request import DEMAND_WEIGHTS
from gis.network.build import Network
from gis.network.snapping import Bools, Floats, Ints

USUAL = "usual"  # as the category says, where households say it; else people
DEMANDS = (USUAL, *DEMAND_WEIGHTS)
UNSTATED = "unstated"  # only facilities are in reach whose capacity nobody stated
REACHES = ("reached", UNSTATED, "beyond", "cannot_say", "off_network")
FACILITIES_AT_A_TIME = 100
MAX_PAIRS = 5_000_000  # of a building and a facility in its reach: 500 MB while they are read
CAPACITIES_SQL = "SELECT id, name, capacity FROM facility WHERE id = ANY(:ids)"


@dataclass(frozen=True)
class CapacityRequest:
    """What is asked.

    Attributes
    ----------
    category
        Key of `gis.facilities.categories`; capacities of two categories cannot be added.
    minutes
        Walk within which people share a facility, 1 to 60.
    profile
        Who walks.
    method
        A key of `gis.facilities.catchment.METHODS`.
    demand
        Who shares: one of DEMANDS.
    """

    category: str
    minutes: int = 15
    profile: str = "adult"
    method: str = "2sfca"
    demand: str = USUAL


@dataclass(frozen=True)
class AreaCapacity:
    """What the people of one area can share.

    Attributes
    ----------
    code, name
        The area; None and empty for buildings outside every grid, and for the total.
    per_1000
        Places for every 1,000 of the demand, over those who are reached or beyond; None: nobody.
        Facilities whose capacity nobody stated add nothing to it.
    reached, unstated, beyond, cannot_say, off_network
        They make up the total. Reached: a facility of stated capacity is in reach; unstated: only
        others are; cannot say: none is, but the data end within the limit.
    at_least
        Those among the reached with another facility in reach whose capacity nobody stated: they
        have more than is counted.
    """

    code: str | None
    name: str
    per_1000: float | None
    total: Tally
    reached: Tally
    unstated: Tally
    beyond: Tally
    cannot_say: Tally
    off_network: Tally
    at_least: Tally

    def figures(self) -> dict[str, object]:
        """Return the figures under flat names, as `people` and `reached_people`."""
        parts = {"": self.total}
        parts |= {f"{name}_": getattr(self, name) for name in (*REACHES, "at_least")}
        return {"per_1000": self.per_1000} | flat_counts(parts)


@dataclass(frozen=True)
class FacilityLoad:
    """Who shares one facility.

    Attributes
    ----------
    capacity
        None: nobody stated it.
    claims
        The demand that shares it, as the method weighs it.
    per_place
        Claims for each place; None where there is no place, or nobody stated how many.
    """

    code: str
    name: str
    capacity: int | None
    claims: float
    per_place: float | None


@dataclass(frozen=True)
class CapacityCoverage:
    """What people can share, by area, and who shares each facility.

    Attributes
    ----------
    unit
        What the capacity counts: places, beds or doctors.
    facilities
        Those that somebody of the area reaches, all where no area was asked about: most people for
        a place first, those of unstated capacity last.
    buildings, per_person, reach, at_least
        Of each building: who lives there, its share, its place in REACHES, and whether it has more.
    """

    request: CapacityRequest
    unit: str
    by: str
    totals: AreaCapacity
    areas: tuple[AreaCapacity, ...]
    facilities: tuple[FacilityLoad, ...]
    buildings: BuildingCoverage
    per_person: Floats
    reach: Ints
    at_least: Bools

    def as_json(self) -> dict[str, object]:
        """Return the answer as the API and the command show it, without the buildings."""
        unstated = sum(facility.capacity is None for facility in self.facilities)
        return asdict(self.request) | {
            "unit": self.unit,
            "by": self.by,
            "network_version": self.buildings.walker.network.version,
            "unstated_facilities": unstated,
            "totals": self.totals.figures(),
            "areas": [{"code": row.code, "name": row.name} | row.figures() for row in self.areas],
            "facilities": [asdict(facility) for facility in self.facilities],
        }


def capacity_coverage(
    session: Session,
    request: CapacityRequest,
    *,
    area: str | None = None,
    by: str = "community",
    moment: datetime | None = None,
) -> CapacityCoverage:
    """Share the capacity of facilities among those who can walk to them, and sum up by area.

    Parameters
    ----------
    area
        Rows only of the area with this code; people elsewhere take their share all the same.
    by
        county, street, community or grid.
    moment
        Whose boundaries count; None means now.

    Raises
    ------
    InvalidInput
        Something asked is not possible, or elders or children shall share and no household says how
        many.
    NotFound
        No area has the code.
    Unavailable
        No walking network is loaded.
    TooLarge
        More than MAX_PAIRS buildings and facilities reach each other.
    """
    _require_request(request)
    level = require_level(by)
    buildings = read_buildings(session, [request.category], request.profile, area, moment)
    network = buildings.walker.network
    homes = read_demand_points(session, network)
    facilities = read_facility_entrances(session, network, request.category)
    limit_m = request.minutes * 60 * buildings.walker.speed_m_s
    metres = _walks(network, facilities, homes, limit_m)
    names, stated, capacity = _capacities(session, facilities)
    if request.demand == USUAL:
        request = replace(request, demand=_usual_demand(homes, request.category))
    demand = weights_of(homes, request.demand)
    # an unstated capacity shares nothing out, but draws people all the same
    shared = CATCHMENT_METHODS[request.method](
        metres, demand, np.where(stated, capacity, 0.0), limit_m
    )
    rows = np.searchsorted(homes.building, buildings.id)
    metres, demand, per_person = metres[rows], demand[rows], shared.per_person[rows]
    reach, at_least = _reach(buildings, metres, stated, request.minutes)
    number, areas = buildings.areas.at_level(level)

    def row(which: Bools, code: str | None = None, name: str = "") -> AreaCapacity:
        return _row(buildings, which, (demand, per_person, reach, at_least), code, name)

    by_area = [row(number == i, where.code, where.name) for i, where in enumerate(areas)]
    if (number < 0).any():
        by_area.append(row(number < 0))
    in_reach = np.ones(len(stated), bool) if area is None else _columns(metres)
    capacities = [int(number) if number >= 0 else None for number in capacity]  # NaN: unstated
    loads = map(_load, facilities.code, names, capacities, shared.claims.tolist())
    return CapacityCoverage(
        request,
        CATEGORY_BY_KEY[request.category].capacity_unit,
        level.value,
        row(np.ones(len(rows), bool)),
        tuple(each for each in by_area if each.total.buildings),
        tuple(sorted(compress(loads, in_reach), key=_most_crowded)),
        buildings,
        per_person,
        reach,
        at_least,
    )


def _require_request(request: CapacityRequest) -> None:
    """Raise InvalidInput unless the method, the demand and the walk are possible.

    Raises
    ------
    InvalidInput
        One of them is not.
    """
    for name, value, allowed in (
        ("method", request.method, CATCHMENT_METHODS),
        ("demand", request.demand, DEMANDS),
    ):
        if value not in allowed:
            raise invalid_field(name, "input.not_among", value=value, allowed=[*allowed])
    require_limit(request.minutes)


def _usual_demand(homes: DemandPoints, category: str) -> str:
    """Return who shares a category, people where no household says how many others there are."""
    sharers = CATEGORY_BY_KEY[category].sharers
    return "people" if np.isnan(np.asarray(getattr(homes, sharers), float)).all() else sharers


def _walks(
    network: Network, facilities: FacilityEntrances, homes: DemandPoints, limit_m: float
) -> csr_array:
    """Return the metres from buildings to the facilities in reach.

    Raises
    ------
    TooLarge
        More than MAX_PAIRS pairs are in reach.
    """
    parts, pairs = [csr_array((len(homes.building), 0))], 0
    for start in range(0, len(facilities.code), FACILITIES_AT_A_TIME):
        stop = min(start + FACILITIES_AT_A_TIME, len(facilities.code))
        low, high = np.searchsorted(facilities.owner, [start, stop])
        doors = slice(int(low), int(high))
        parts.append(
            home_table(
                network,
                facilities.snaps[doors],
                facilities.owner[doors] - start,
                stop - start,
                homes,
                limit_m,
            )
        )
        pairs += parts[-1].nnz
        if pairs > MAX_PAIRS:
            raise TooLarge("capacity.too_many_pairs", limit=MAX_PAIRS)
    return hstack(parts, format="csr")


def _capacities(session: Session, facilities: FacilityEntrances) -> tuple[list[str], Bools, Floats]:
    """Return the names of facilities, whether their capacity is stated, and it."""
    stored = {
        row.id: (row.name, row.capacity)
        for row in session.execute(text(CAPACITIES_SQL), {"ids": facilities.id.tolist()})
    }
    values = [stored[number] for number in facilities.id.tolist()]
    capacity = np.array([value for _, value in values], float)
    return [name for name, _ in values], ~np.isnan(capacity), capacity


def _reach(
    buildings: BuildingCoverage, metres: csr_array, stated: Bools, minutes: float
) -> tuple[Ints, Bools]:
    """Return the place in REACHES of each building, and whether it has more than is counted."""
    pairs = metres.tocoo()
    counts = [
        np.bincount(pairs.row[which], minlength=metres.shape[0]) > 0
        for which in (stated[pairs.col], ~stated[pairs.col])
    ]
    reached, unstated = counts
    standing = replace(buildings, minutes=np.where(reached | unstated, 0.0, np.inf)).standing(
        minutes
    )
    reach = np.array([REACHES.index(_REACH_OF[each]) for each in STANDINGS])[standing]
    reach[unstated & ~reached] = REACHES.index(UNSTATED)
    return reach, reached & unstated


_REACH_OF = {each: each.value for each in STANDINGS} | {Standing.SERVED: "reached"}


def _columns(metres: csr_array) -> Bools:
    reached = np.zeros(metres.shape[1], bool)
    reached[metres.indices] = True
    return reached


def _row(
    buildings: BuildingCoverage,
    which: Bools,
    arrays: tuple[Floats, Floats, Ints, Bools],
    code: str | None,
    name: str,
) -> AreaCapacity:
    demand, per_person, reach, at_least = arrays
    by_reach = {key: which & (reach == i) for i, key in enumerate(REACHES)}
    is_certain = by_reach["reached"] | by_reach["beyond"]
    whole = demand[is_certain].sum()
    return AreaCapacity(
        code,
        name,
        round(1000 * float((demand * per_person)[is_certain].sum() / whole), 3) if whole else None,
        tally(buildings, which),
        at_least=tally(buildings, which & at_least),
        **{key: tally(buildings, those) for key, those in by_reach.items()},
    )


def _load(code: str, name: str, capacity: int | None, claims: float) -> FacilityLoad:
    return FacilityLoad(
        code, name, capacity, round(claims, 1), round(claims / capacity, 1) if capacity else None
    )


def _most_crowded(load: FacilityLoad) -> tuple[bool, float, str]:
    return load.capacity is None, -(load.per_place or 0.0), load.code
