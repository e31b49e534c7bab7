"""Resolve a point to its grid, building, unit and responsible people.

Every step names the rule that decided it, in Chinese and English. See docs/decisions/0004.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import shapely
from sqlalchemy.orm import Session

from gis import crs as systems
from gis.areas.accuracy import accuracy_steps, other_grids, reach_m
from gis.areas.building_resolver import BuildingResolver
from gis.areas.explanation import DecisionStep, decision_step
from gis.areas.locate_input import parse_point
from gis.areas.locate_result import (
    AreaRef,
    BuildingMatch,
    LocateRequest,
    LocateResult,
    UnitCandidate,
    without_names,
)
from gis.areas.models import Level
from gis.areas.outside_grids import outside_grids_error
from gis.areas.snapshot import Area, RegistrySnapshot, micros, read_snapshot_around
from gis.areas.units_by_address import choose_unit
from gis.errors import WanggeError
from gis.messages import Message
from gis.people.escalation import escalation_steps, first_contact
from gis.people.queries import ResponsiblePerson
from gis.places.address import Address, parse_address
from gis.places.naming import other_community, readings
from gis.places.queries import MAX_BUILDING_DISTANCE_M, Part, list_units_of_room
from gis.shapes import local_distance

MAX_CACHED_RESULTS = 50_000  # results a process caches as JSON, about 2 kB each


def locate(
    session: Session,
    lon: float,
    lat: float,
    crs: str,
    *,
    address: str | None = None,
    at: datetime | None = None,
    snapshot: RegistrySnapshot | None = None,
) -> LocateResult:
    """Return the grid, building, unit and people responsible for a point.

    Parameters
    ----------
    session
        Open session; only read.
    lon, lat
        Degrees in `crs`, one of `gis.crs.SUPPORTED_CRS`.
    crs
        Coordinate system of the point.
    address
        Address as written; decides the building and the unit where the point cannot.
    at
        Moment, with time zone. None means now.
    snapshot
        Used instead of the database where it holds the moment; it must cover the point.

    Raises
    ------
    InvalidInput
        The point or its system is invalid.
    OutsideGrids
        No grid covers the point or lies within 50 m; `extra` has the nearest grid and its distance.
    """
    return resolve_request(lambda: session, LocateRequest(lon, lat, crs, address, at), snapshot)


def resolve_request(
    session: Callable[[], Session], request: LocateRequest, snapshot: RegistrySnapshot | None = None
) -> LocateResult:
    """Locate one request as `locate` does.

    The session is opened only if the database must be queried.
    """
    resolver, x, y, at = _begin(session, request, snapshot)
    return resolver.resolve(request, x, y, at)


def resolve_request_json(
    session: Callable[[], Session],
    request: LocateRequest,
    snapshot: RegistrySnapshot | None = None,
    names: frozenset[int] | None = None,
) -> bytes:
    """Locate one request and return the result as JSON.

    Parameters
    ----------
    names
        Ids of the areas in which people are named; None means everywhere.
    """
    resolver, x, y, at = _begin(session, request, snapshot, names)
    return resolver.resolve_json(request, x, y, at)


def _begin(
    session: Callable[[], Session],
    request: LocateRequest,
    snapshot: RegistrySnapshot | None,
    names: frozenset[int] | None = None,
) -> tuple["LocateResolver", float, float, datetime]:
    x, y = parse_point(request)
    at = request.at or datetime.now(UTC).astimezone()
    if snapshot is None or not snapshot.is_valid_at(at):
        snapshot = read_snapshot_around(
            session(),
            at,
            x,
            y,
            addresses=bool(request.address),
            reach_m=reach_m(request.accuracy_m),
        )
    return LocateResolver(session, snapshot, names), x, y, at


def resolve_many(
    session: Callable[[], Session],
    questions: Sequence[LocateRequest],
    now: datetime,
    snapshot: RegistrySnapshot | None = None,
    names: frozenset[int] | None = None,
) -> Iterator[LocateResult | WanggeError]:
    """Yield the results of many requests in their order; errors take the place of results.

    Parameters
    ----------
    session
        Opens a session.
    questions
        The requests.
    now
        Moment of the requests that name none.
    snapshot
        A complete snapshot, used where it holds the moment. Other moments are read once for each
        interval between two changes.
    names
        As for `resolve_request_json`.
    """
    answers: list[LocateResult | WanggeError | None] = [None] * len(questions)
    points: dict[int, tuple[float, float]] = {}
    for i, request in enumerate(questions):
        try:
            points[i] = parse_point(request)
        except WanggeError as error:
            answers[i] = error
    order = sorted(points, key=lambda i: questions[i].at or now)
    lon, lat = [points[i][0] for i in order], [points[i][1] for i in order]
    addresses = any(request.address for request in questions)
    reach = max((reach_m(request.accuracy_m) for request in questions), default=0.0)
    around: RegistrySnapshot | None = None
    for i in order:
        at = questions[i].at or now
        used = snapshot
        if used is None or not used.is_valid_at(at):
            if around is None or not around.is_valid_at(at):
                around = read_snapshot_around(
                    session(), at, lon, lat, addresses=addresses, reach_m=reach
                )
            used = around
        try:
            answers[i] = LocateResolver(session, used, names).resolve(questions[i], *points[i], at)
        except WanggeError as error:
            answers[i] = error
    yield from (result for result in answers if result is not None)


class LocateResolver:
    """Resolver of points on one snapshot of the registry."""

    def __init__(
        self,
        session: Callable[[], Session],
        snapshot: RegistrySnapshot,
        names: frozenset[int] | None = None,
    ) -> None:
        """Create a resolver on a snapshot.

        Parameters
        ----------
        session
            Opens a session. Called only for rooms that no stairwell or floor decides, and for the
            nearest grid of an error.
        snapshot
            The registry at the moment of the requests.
        names
            Ids of the areas in which people are named; None means everywhere.
        """
        self.session, self.snapshot, self.names = session, snapshot, names
        self.buildings = BuildingResolver(snapshot)

    def resolve(self, request: LocateRequest, x: float, y: float, at: datetime) -> LocateResult:
        """Answer a question whose point is (x, y), degrees, EPSG:4490.

        Raises
        ------
        OutsideGrids
            No grid covers the point, nor is one near enough.
        """
        snapshot = self.snapshot
        grid = snapshot.grids.grid_at(x, y)
        if grid is None:
            raise outside_grids_error(self.session(), at, x, y)
        chain = snapshot.chain(grid.row)
        how = _point_steps(request, x, y)
        how.append(
            decision_step(
                "grid",
                grid.rule,
                name=chain[-1].name,
                code=chain[-1].code,
                metres=f"{grid.distance_m:.1f}",
            )
        )
        grid_candidates = other_grids(snapshot.grids, request.accuracy_m, grid.row, x, y)
        how += accuracy_steps(request.accuracy_m, grid_candidates)

        address = parse_address(request.address) if request.address else None
        community = next((area.name for area in chain if area.level == Level.COMMUNITY), None)
        if address and community and other_community(address, community):
            how.append(decision_step("address", "other_community", name=community))
            address = None
        row, metres, steps = self.buildings.find(grid.row, x, y, address)
        part, candidates, unit_step = self.unit(row, int(snapshot.grids.ids[grid.row]), address)
        how += [*steps, unit_step]

        places = snapshot.places
        people = self.people(chain, row, part, at)
        contact = first_contact(people)
        how += _contact_steps(people, contact, unit=part is not None)
        result = LocateResult(
            **_head(request, x, y, at),
            revision=snapshot.grids.revisions[grid.row],
            areas=[AreaRef(area.level, area.code, area.name) for area in chain],
            grid_candidates=grid_candidates,
            building=None
            if row is None
            else BuildingMatch(
                places.codes[row], places.names[row], places.estates[row], round(metres, 1)
            ),
            unit=AreaRef(Level.UNIT.value, part.code, part.name) if part else None,
            unit_candidates=candidates,
            people=people,
            answerable=contact,
            how=how,
            named=True,
        )
        return result if self.may_show_names(chain, part) else without_names(result)

    def may_show_names(self, chain: tuple[Area, ...], part: Part | None) -> bool:
        """Return whether people are named in an answer: one of its areas or its unit allows it."""
        if not self.names:
            return self.names is None
        ids = [area.id for area in chain] + ([part.unit_id] if part else [])
        return not self.names.isdisjoint(ids)

    def resolve_json(self, request: LocateRequest, x: float, y: float, at: datetime) -> bytes:
        """Return the result of `resolve` as JSON.

        The part that points of one grid and building share is serialised once and cached.
        """
        head = orjson.dumps(_head(request, x, y, at))
        key = self.cache_key(request, x, y)
        # a principal with names in some areas gets an individual result
        if key is None or self.names:
            return orjson.dumps(self.resolve(request, x, y, at))
        cached = self.snapshot.people.cached_at(micros(at)).results
        cache_key = (*key, self.names is None)
        cached_json = cached.get(cache_key)
        if cached_json is None:
            # a result begins with the head
            cached_json = orjson.dumps(self.resolve(request, x, y, at))[len(head) - 1 :]
            if len(cached) < MAX_CACHED_RESULTS:
                cached[cache_key] = cached_json
        return head[:-1] + cached_json

    def cache_key(self, request: LocateRequest, x: float, y: float) -> tuple[int, str, int] | None:
        """Return the grid, rule and building that determine the whole answer, None if they do not.

        The building is -1 if there is none. An address or a distance in the answer makes it depend
        on more.
        """
        if request.address or request.crs in systems.OBFUSCATED_CRS:
            return None
        if request.accuracy_m is not None:
            return None
        grid = self.snapshot.grids.grid_at(x, y)
        if grid is None or grid.distance_m:
            return None
        row = self.snapshot.places.covering(x, y)
        if row is None and self.snapshot.places.within(x, y, MAX_BUILDING_DISTANCE_M):
            return None
        return grid.row, grid.rule, -1 if row is None else row

    def unit(
        self, row: int | None, grid_id: int, address: Address | None
    ) -> tuple[Part | None, list[UnitCandidate], DecisionStep]:
        """Return the unit, or else the candidates, and the step of the decision.

        The building decides, or the stairwell, floor or room of the address.
        """
        if row is None:
            return None, [], decision_step("unit", "no_building")
        parts = [part for part in self.snapshot.places.parts_of(row) if part.grid_id == grid_id]
        units = {part.unit_id for part in parts}
        if not parts:
            return None, [], decision_step("unit", "none")
        if len(units) == 1:
            return parts[0], [], decision_step("unit", "only_unit")
        says = (
            readings(address, self.snapshot.places.label_of(row), self.buildings.area_names_of(row))
            if address
            else []
        )
        if address and self.buildings.is_other_estate(row, address):
            says = []
        building = int(self.snapshot.places.ids[row])
        return choose_unit(
            parts,
            says,
            lambda stairwell, room: list_units_of_room(self.session(), building, stairwell, room),
        )

    def people(
        self, chain: tuple[Area, ...], row: int | None, part: Part | None, at: datetime
    ) -> list[ResponsiblePerson]:
        """List the answerable people of the unit, the building and the areas.

        The smallest area comes first; people of one area are ordered by rank.
        """
        people, count = self.snapshot.people, micros(at)
        entries = (
            [*people.of_area(part.unit_id, count, part.code, Level.UNIT.value)] if part else []
        )
        if row is not None:
            entries += people.of_building(
                int(self.snapshot.places.ids[row]), count, self.snapshot.places.codes[row]
            )
        for area in reversed(chain):
            entries += people.of_area(area.id, count, area.code, area.level)
        return entries


def _point_steps(request: LocateRequest, x: float, y: float) -> list[DecisionStep]:
    """Return the step of converting an obfuscated point, if the request has one."""
    if request.crs not in systems.OBFUSCATED_CRS:
        return []
    moved = local_distance.point_distances_m(shapely.points([x], [y]), request.lon, request.lat)[0]
    return [decision_step("point", "converted", crs=request.crs, metres=f"{moved:.0f}")]


def _contact_steps(
    people: list[ResponsiblePerson], contact: ResponsiblePerson | None, *, unit: bool
) -> list[DecisionStep]:
    """Return the steps from vacant posts up to the first contact."""
    steps = [
        decision_step("answerable", rule, role=Message(f"role.{role.key}"), area=area)
        for rule, role, area in escalation_steps(people, contact, unit=unit)
    ]
    if contact is None:
        return [*steps, decision_step("answerable", "nobody")]
    rule = "stands_in" if contact.why else "first_there"
    role = Message(f"role.{contact.role}")
    return [*steps, decision_step("answerable", rule, role=role, area=contact.area)]


def _head(request: LocateRequest, x: float, y: float, at: datetime) -> dict[str, Any]:
    """Return the first fields of a result, which differ from point to point, in their order."""
    request_json: dict[str, object] = {"lon": request.lon, "lat": request.lat, "crs": request.crs}
    if request.address:
        request_json["address"] = request.address
    if request.accuracy_m is not None:
        request_json["accuracy_m"] = request.accuracy_m
    return {
        "point": {"lon": round(x, 7), "lat": round(y, 7), "crs": "cgcs2000"},
        "asked": request_json,
        "at": at.isoformat(),
    }
