"""What locating is asked and what it answers, as values."""

from dataclasses import dataclass, replace
from datetime import datetime

from gis.areas.explanation import DecisionStep
from gis.people.queries import ResponsiblePerson


@dataclass(frozen=True)
class AreaRef:
    """An area in an answer."""

    level: str
    code: str
    name: str


@dataclass(frozen=True)
class BuildingMatch:
    """The building, and how far the point is from it in metres (0 on it)."""

    code: str
    name: str
    estate: str
    distance_m: float


@dataclass(frozen=True)
class UnitCandidate:
    """A unit that may be meant: the stairwells and floors (lowest, highest) it has.

    Empty means all.
    """

    code: str
    name: str
    stairwells: list[str]
    floors: list[tuple[int, int]]


@dataclass(frozen=True)
class GridCandidate:
    """Another grid in which a point may lie, and its distance from the point in metres."""

    code: str
    name: str
    distance_m: float


@dataclass(frozen=True)
class LocateResult:
    """The grid, building, unit and people responsible for a point.

    point: The point in storage, {"lon", "lat", "crs": "cgcs2000"}; `asked` is the request.
    at: The moment, ISO 8601.
    revision: The boundary revision that drew the grid.
    areas: From the county down to the grid.
    grid_candidates: The other grids within the accuracy of the point, if it was stated; the
        nearest first.
    answerable: The first contact; None if there is no person.
    named: Whether people are named; otherwise every name is None, also of filled posts.
    """

    point: dict[str, object]
    asked: dict[str, object]
    at: str
    revision: int
    areas: list[AreaRef]
    grid_candidates: list[GridCandidate]
    building: BuildingMatch | None
    unit: AreaRef | None
    unit_candidates: list[UnitCandidate]
    people: list[ResponsiblePerson]
    answerable: ResponsiblePerson | None
    how: list[DecisionStep]
    named: bool


@dataclass(frozen=True)
class LocateRequest:
    """A point to locate in degrees of `crs`, with an optional address and moment (None: now).

    accuracy_m: Metres within which the place is known; None: as given.
    """

    lon: float
    lat: float
    crs: str
    address: str | None = None
    at: datetime | None = None
    accuracy_m: float | None = None


def without_names(result: LocateResult) -> LocateResult:
    """Return a copy of the result with roles but without the names of people."""

    def nameless(entry: ResponsiblePerson) -> ResponsiblePerson:
        return replace(
            entry,
            name=None,
            holder=None,
            deputy=None,
            stands_in_for=None,
            why=None,
            why_zh=None,
            why_en=None,
        )

    contact = result.answerable
    people = [nameless(entry) for entry in result.people]
    return replace(result, people=people, answerable=contact and nameless(contact), named=False)
