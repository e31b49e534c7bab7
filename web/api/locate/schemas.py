"""Who answers for a place, as the API takes and shows it."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from gis.areas.locate_result import LocateRequest
from gis.errors import FieldError, WanggeError, invalid_fields
from gis.storable import find_unstorable
from web.http.params import parse_datetime

MAX_BATCH_POINTS = 10_000  # points in one request


class LocateIn(BaseModel):
    """A place and a moment."""

    lon: float = Field(description="Longitude, degrees in `crs`", examples=[105.9501])
    lat: float = Field(description="Latitude, degrees in `crs`", examples=[26.2302])
    crs: str = Field(
        description="wgs84, cgcs2000, gcj02 or bd09; there is no default", examples=["wgs84"]
    )
    address: str | None = Field(
        None, max_length=200, description="As people write it", examples=["西兴社区3号楼2单元501室"]
    )
    at: str | None = Field(
        None, max_length=40, description="ISO 8601; without an offset local time; default: now"
    )
    accuracy_m: float | None = Field(
        None,
        description="Metres within which the place is known, as a phone says it, 0 to 100,000; "
        "the other grids within them are `grid_candidates`",
        examples=[30],
    )


class LocateManyIn(BaseModel):
    """Many places.

    Each with the fields of the single question, and an `id` of the asker's that comes back.
    """

    points: Annotated[
        list[dict[str, Any]],
        Field(
            description=f"At most {MAX_BATCH_POINTS:,}",
            examples=[[{"id": "a", "lon": 105.9501, "lat": 26.2302, "crs": "wgs84"}]],
        ),
    ]


class PointOut(BaseModel):
    """A point in its coordinate system."""

    lon: float
    lat: float
    crs: str


class AskedOut(PointOut):
    """What was given."""

    address: str | None = None
    accuracy_m: float | None = None


class AreaNameOut(BaseModel):
    """An area."""

    level: str
    code: str
    name: str


class GridCandidateOut(BaseModel):
    """Another grid in which the place may lie."""

    code: str
    name: str
    distance_m: float = Field(description="Metres from the point")


class BuildingOut(BaseModel):
    """The building."""

    code: str
    name: str
    estate: str
    distance_m: float = Field(description="Metres from the point; 0 on it")


class CandidateOut(BaseModel):
    """A unit that may be meant; empty lists mean every stairwell, every floor."""

    code: str
    name: str
    stairwells: list[str]
    floors: list[tuple[int, int]] = Field(description="Lowest and highest, inclusive")


class EntryOut(BaseModel):
    """One answerable role."""

    role: str
    role_zh: str
    role_en: str
    name: str | None = Field(
        description="Who answers now: the holder, or the deputy standing in; null when nobody is "
        "there, and wherever `named` is false, as `holder`, `deputy`, `stands_in_for` and `why` "
        "are then"
    )
    area: str = Field(description="Code of the area or building answered for")
    level: str
    holder: str | None
    deputy: str | None
    stands_in_for: str | None = Field(description="The holder in whose place the deputy answers")
    why: Literal["leave", "vacancy"] | None
    why_zh: str | None
    why_en: str | None


class StepOut(BaseModel):
    """How one step was decided."""

    step: str
    rule: str
    zh: str
    en: str


class AnswerOut(BaseModel):
    """Who answers for a place, and why."""

    point: PointOut = Field(description="Where it is, CGCS2000")
    asked: AskedOut
    at: datetime
    revision: int = Field(description="The boundary revision that drew the grid")
    areas: list[AreaNameOut] = Field(description="From the county down to the grid")
    grid_candidates: list[GridCandidateOut] = Field(
        description="The other grids within `accuracy_m` of the point, at most 1,000 m away, the "
        "nearest 20; none where no accuracy is given"
    )
    building: BuildingOut | None
    unit: AreaNameOut | None
    unit_candidates: list[CandidateOut]
    people: list[EntryOut] = Field(description="Every answerable role, nearest first")
    answerable: EntryOut | None = Field(description="The one to go to first")
    how: list[StepOut] = Field(
        description="Each step of the way, each step up to the next role among them; no names"
    )
    named: bool = Field(
        description="Whether people are named:"
        " to who may have names in one of these areas or this unit (`names.read`); "
        "to everybody while there are no accounts"
    )


class ResultOut(BaseModel):
    """One point's answer, or its error."""

    id: Any = Field(description="As given; else the place in the list, from 0")
    answer: AnswerOut | None = None
    error: dict[str, Any] | None = Field(
        None, description="title, detail and, as far as known, errors and the nearest grid"
    )


class LocateManyOut(BaseModel):
    """The results in the order of the points."""

    results: list[ResultOut]


def unstorable_error(point: dict[str, Any]) -> WanggeError | None:
    """Return what no table can hold of one point of a body as its error.

    Such an `id` is not given back.
    """
    errors = list(find_unstorable(point, ""))
    if any(error.field.startswith("id") for error in errors):
        del point["id"]
    return invalid_fields(errors) if errors else None


def parse_request(point: dict[str, Any], now: datetime) -> LocateRequest | WanggeError:
    """Return one point of a body as a request, or what is wrong with it."""
    wrong = []
    for field in ("lon", "lat", "crs"):
        value = point.get(field)
        if value is None:
            wrong.append(FieldError(field, "input.missing"))
        elif field == "crs" and not isinstance(value, str):
            wrong.append(FieldError(field, "locate.crs_malformed"))
        elif field != "crs" and (isinstance(value, bool) or not isinstance(value, int | float)):
            wrong.append(FieldError(field, "locate.not_degrees", {"value": str(value)[:40]}))
    accuracy = point.get("accuracy_m")
    if isinstance(accuracy, bool) or not isinstance(accuracy, int | float | None):
        wrong.append(FieldError("accuracy_m", "input.number_expected"))
    texts = (
        field for field in ("address", "at") if not isinstance(point.get(field, ""), str | None)
    )
    wrong += [FieldError(field, "input.text_expected") for field in texts]
    if wrong:
        return invalid_fields(wrong)
    try:
        at = parse_datetime(point["at"]) if point.get("at") else now
    except WanggeError as error:
        return error
    return LocateRequest(
        float(point["lon"]),
        float(point["lat"]),
        point["crs"],
        point.get("address") or None,
        at,
        None if accuracy is None else float(accuracy),
    )
