"""What is asked of siting, checked, and what is answered."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from gis.errors import invalid_field
from gis.facilities.categories import CATEGORY_BY_KEY
from gis.facilities.circles import MAX_MINUTES, require_limit
from gis.facilities.coverage_summary import Tally
from gis.facilities.siting_problem import (
    DEFAULT_TIME_LIMIT_S,
    MAX_SITES,
    Model,
    Status,
)
from gis.network.profiles import WalkingProfile, get_profile

CANDIDATE_KINDS = ("network", "buildings")
DEMAND_WEIGHTS = ("people", "households", "elders", "children")
FAR_MODELS = (Model.P_MEDIAN, Model.P_CENTRE)  # for which walks beyond the limit count too


@dataclass(frozen=True)
class SitingRequest:
    """What is asked.

    Attributes
    ----------
    category
        Key of `gis.facilities.categories`.
    sites
        How many new facilities; LSCP takes as few as it needs.
    minutes
        Walk that counts as served.
    model
        A value of `gis.facilities.siting_problem.Model`.
    weights
        Whom the choice counts: one of DEMAND_WEIGHTS.
    candidates
        One of CANDIDATE_KINDS; ignored where places of a file are given.
    time_limit_s
        For the search and its curve together.
    open_at
        The moment of the walks, in the time zone of the place: facilities and paths closed then do
        not count, those whose hours do not tell do; None: any.
    """

    category: str
    sites: int = 5
    minutes: int = 15
    profile: str = "adult"
    model: str = Model.MCLP
    weights: str = "people"
    candidates: str = "network"
    time_limit_s: float = DEFAULT_TIME_LIMIT_S
    open_at: datetime | None = None


@dataclass(frozen=True)
class Site:
    """A place chosen for a new facility.

    Attributes
    ----------
    lon, lat
        Degrees, EPSG:4490.
    code
        Of the building or of the row of the file; empty for a point of a street.
    name
        Of the building or row, else of the street.
    near
        Nearest named building within 100 m; empty if there is none.
    grid, community
        Code of the grid it lies in, and name of its community; empty outside.
    newly_served
        Who is within the limit of it and of no facility or site before it.
    """

    lon: float
    lat: float
    code: str
    name: str
    near: str
    grid: str
    community: str
    newly_served: Tally


@dataclass(frozen=True)
class CurvePoint:
    """What the best so many sites newly serve: weight, and how sure that is."""

    sites: int
    newly_served: float
    status: Status


@dataclass(frozen=True)
class Closure:
    """An existing facility, and who has no other within the limit: they lose if it closes."""

    code: str
    name: str
    lon: float
    lat: float
    lose: Tally

    def to_dict(self) -> dict[str, Any]:
        """Return the closure as JSON values, its losses beside its name."""
        closure = asdict(self)
        return closure.pop("lose") | closure


@dataclass(frozen=True)
class SitingAnswer:
    """The chosen sites, what they change, and how sure the choice is.

    Attributes
    ----------
    candidate_count
        How many places were compared.
    spacing_m
        Distance between candidates; None where each building or row was one.
    total, served, off_network
        Who lives in the land, who has an existing facility within the limit, and who lives more
        than 100 m from any street.
    cannot_say
        Who counts as not served, but lives so near to the edge of the data that a facility beyond
        it may serve them.
    curve
        MCLP: the best 1, 2, … sites, each solved for itself; other models: what the chosen sites
        serve one after the other.
    objective, bound, gap
        As in `gis.facilities.siting_problem.SitingResult`.
    out_of_reach
        Who no candidate can serve (LSCP and p-centre).
    elders_unknown
        Households of buildings where none says how many are sixty or older; where elders are the
        weights, these buildings count for nothing.
    homes
        Inhabited buildings with lon, lat and state (served, newly, beyond); for maps.
    """

    request: SitingRequest
    network_version: str
    candidate_count: int
    spacing_m: float | None
    total: Tally
    served: Tally
    off_network: Tally
    cannot_say: Tally
    sites: list[Site]
    curve: list[CurvePoint]
    closures: list[Closure]
    status: Status
    objective: float
    bound: float
    gap: float
    seconds: float
    out_of_reach: Tally
    elders_unknown: int
    homes: list[tuple[float, float, str]] = field(default_factory=list, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as JSON values, without `homes`."""
        answer = asdict(self)
        del answer["homes"]
        return (
            answer.pop("request")
            | answer
            | {"sites": [site.pop("newly_served") | site for site in answer["sites"]]}
            | {"site_limit": self.request.sites}
            | {"open_at": self.request.open_at and self.request.open_at.isoformat()}
            | {"closures": [closure.to_dict() for closure in self.closures]}
        )


@dataclass(frozen=True)
class PinBuilding:
    """A building that a pin newly serves, with the walk from its door."""

    code: str
    name: str
    households: int
    people: int
    minutes: float


@dataclass(frozen=True)
class Pin:
    """Who a facility at a point would newly serve.

    Attributes
    ----------
    within
        Everybody within the limit, served today or not.
    cannot_say
        Of those newly served, who may have a facility beyond the edge of the data today.
    off_network
        There is no street within 100 m: nobody is served.
    """

    newly_served: Tally
    within: Tally
    cannot_say: Tally
    buildings: list[PinBuilding]
    off_network: bool


def check(
    request: SitingRequest, profiles: Mapping[str, WalkingProfile]
) -> tuple[Model, float, float]:
    """Return the model, the limit and the farthest walk that counts, both in metres.

    Raises
    ------
    InvalidInput
        A choice or the profile is unknown, or the minutes or the number of sites are out of range.
    """
    choices: list[tuple[str, str, Sequence[str]]] = [
        ("category", request.category, [*CATEGORY_BY_KEY]),
        ("model", request.model, [model.value for model in Model]),
        ("weights", request.weights, DEMAND_WEIGHTS),
        ("candidates", request.candidates, CANDIDATE_KINDS),
    ]
    for name, value, allowed in choices:
        if value not in allowed:
            raise invalid_field(name, "input.not_among", value=value, allowed=list(allowed))
    speed = get_profile(request.profile, profiles).speed_m_s
    require_limit(request.minutes)
    if not 1 <= request.sites <= MAX_SITES:
        raise invalid_field("sites", "siting.sites_out_of_range", low=1, high=MAX_SITES)
    model, limit_m = Model(request.model), request.minutes * 60 * speed
    return model, limit_m, MAX_MINUTES * 60 * speed if model in FAR_MODELS else limit_m
