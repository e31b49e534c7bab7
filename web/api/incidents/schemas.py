"""Incidents as the API takes and shows them."""

from dataclasses import asdict, fields, replace
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    BaseModel,
    Field,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from gis.areas.locate_result import without_names
from gis.errors import InvalidInput, invalid_field
from gis.incidents.lifecycle import follow_up, intake, report
from gis.incidents.lifecycle.payload import MovePayload, Part
from gis.incidents.reading.incidents import IncidentFilters, IncidentView
from gis.incidents.routing import router
from gis.rights.principal import Principal
from gis.rights.visibility import Fact, can_see
from web.http import params
from web.http.params import parse_datetime, parse_end
from web.http.validation import validate_model

MAX_MOVES = 200  # in one request


class ReportIn(BaseModel):
    """A report: a point, or an address, or the code of an area; a category, or words."""

    model_config = {"extra": "forbid"}

    lon: float | None = Field(None, description="Longitude, degrees in `crs`", examples=[105.9535])
    lat: float | None = Field(None, description="Latitude, degrees in `crs`", examples=[26.2267])
    crs: str | None = Field(
        None, description="wgs84, cgcs2000, gcj02 or bd09; there is no default", examples=["gcj02"]
    )
    address: str = Field(
        "", max_length=200, description="As people write it", examples=["西兴社区3号楼2单元501室"]
    )
    area: str = Field(
        "", max_length=40, description="Code of a grid, unit or area above, where there is no point"
    )
    category: str = Field(
        "",
        max_length=20,
        description="Code of the catalogue; else told from the words",
        examples=["06010"],
    )
    description: str = Field(
        "", max_length=intake.MAX_DESCRIPTION_CHARS, description="In the reporter's words"
    )
    severity: str = Field(
        "", max_length=20, description="low, normal, high or urgent; else as the category says"
    )
    channel: str = Field(
        "api",
        max_length=20,
        description="mini_program, web, phone, in_person, patrol, woodpecker, …",
    )
    attributes: dict[str, Any] = Field(
        default_factory=dict, description="Answers to the category's own questions"
    )
    name: str = Field(
        "", max_length=80, description="Of who reports; kept apart, seen only by who may call back"
    )
    phone: str = Field("", max_length=40, description="As `name`")
    email: str = Field("", max_length=200, description="As `name`")


class PartIn(BaseModel):
    """One of several complaints of a report."""

    model_config = {"extra": "forbid"}

    category: str = Field("", max_length=20, description="Code of the catalogue")
    description: str = Field("", max_length=intake.MAX_DESCRIPTION_CHARS)


class MoveIn(BaseModel):
    """A move; `If-Match` has the version it was seen at."""

    model_config = {"extra": "forbid"}

    move: str = Field(max_length=40, description="One of the incident's `moves`", examples=["take"])
    note: str = Field(
        "",
        max_length=intake.MAX_DESCRIPTION_CHARS,
        description="What is said; returns and refusals need it",
    )
    to: str = Field("", max_length=60, description="dispatch: code of a person (see candidates)")
    role: str = Field("", max_length=40, description="dispatch: to a role of the place")
    way: str = Field(
        "", max_length=10, description="dispatch: assign, or order to push it to whoever claims it"
    )
    category: str = Field("", max_length=20, description="accept, reclassify")
    severity: str = Field("", max_length=20, description="accept, reclassify")
    minutes: float | None = Field(
        None,
        description="request_extend: more time; request_limit: the new limit; of the running clock",
    )
    until: str = Field(
        "",
        max_length=40,
        description="request_suspend: through which day, or until when; approve_suspend: earlier",
        examples=["2026-12-31"],
    )
    parent: UUID | None = Field(None, description="link: the incident this one repeats")
    rating: int | None = Field(None, description="rate, follow_up: 1 (bad) to 5 (good)")
    solved: bool | None = Field(None, description="rate, follow_up: whether it is solved")
    outcome: str = Field(
        "", max_length=20, description=f"follow_up: {', '.join(follow_up.OUTCOMES)}"
    )
    again_at: str = Field(
        "", max_length=40, description="follow_up: when to call again, with call_later"
    )
    reasons: list[str] = Field(
        default_factory=list,
        max_length=10,
        description=f"follow_up: why not content: {', '.join(follow_up.DISSATISFACTION)}",
    )
    area: str = Field("", max_length=40, description="relocate: code of the area it lies in")
    building: str = Field("", max_length=60, description="relocate: code of the building")
    address: str = Field("", max_length=200, description="relocate: as people write it")
    parts: list[PartIn] = Field(
        default_factory=list,
        max_length=20,
        description="split: 2 to 6, what this incident keeps first",
    )
    lon: float | None = Field(None, description="Where it was done; relocate: where it is")
    lat: float | None = None
    crs: str | None = None

    def to_payload(self) -> MovePayload:
        """Return what goes with the move, its moments read in the deployment's zone.

        Raises
        ------
        InvalidInput
            A moment is wrong, or a point does not say its system.
        """
        read_apart = {"move", "id", "version", "until", "again_at", "reasons", "parts"}
        payload = MovePayload(
            **self.model_dump(exclude=read_apart),
            until=parse_end(self.until, "until"),
            again_at=parse_datetime(self.again_at, "again_at") if self.again_at else None,
            reasons=tuple(self.reasons),
            parts=tuple(Part(**part.model_dump()) for part in self.parts),
        )
        if payload.point is not None and not self.crs:
            raise invalid_field("crs", "input.crs_missing")
        return payload


class BulkMoveIn(MoveIn):
    """A move of one of many."""

    id: UUID
    version: int | None = Field(None, description="The version it was seen at")


def _or_as_sent(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """Return a move, or what was sent where it is none, to be refused by itself.

    What is no object is refused with all.
    """
    if not isinstance(value, dict):
        return read(value)
    try:
        return validate_model(BulkMoveIn, value)
    except InvalidInput:
        return value


class BulkIn(BaseModel):
    """Many moves; each stands for itself."""

    moves: Annotated[
        list[Annotated[BulkMoveIn, WrapValidator(_or_as_sent)]],
        Field(max_length=MAX_MOVES, description=f"At most {MAX_MOVES}"),
    ]


class BulkQueryIn(BaseModel):
    """Whether to do it."""

    dry_run: bool = Field(
        False, description="Do nothing; say what each would come to, and who would have it"
    )


class ListIn(params.Page):
    """Which incidents."""

    state: str = Field(
        "",
        max_length=200,
        description="One or more, by commas; open: all that are not closed or void",
    )
    area: str = Field("", max_length=40, description="Code; everything in it")
    category: str = Field("", max_length=20, description="Code, or its beginning")
    overdue: bool | None = Field(None, description="The running stage's time is over")
    colour: str = Field(
        "", max_length=10, description="green (under 80 % of the time), amber, red (over 100 %)"
    )
    way: str = Field("", max_length=10, description="assign or order")
    severity: str = Field("", max_length=10)
    channel: str = Field("", max_length=20)
    supervised: bool | None = Field(None, description="督办")
    pending: bool | None = Field(None, description="A request waits for approval")
    mine: bool = Field(False, description="Held by me, or offered to me")
    assignee: str = Field(
        "", max_length=60, description="Code of the person who holds it, for who may have names"
    )
    reopened: bool | None = Field(None, description="Reopened at least once")
    queue: str = Field(
        "",
        max_length=12,
        description=f"Who has it to act on now: {', '.join(router.INCIDENT_QUEUES)}",
    )
    words: str = Field(
        "",
        max_length=100,
        description="Part of the description or address, the beginning of the id, or the number"
        " at a hotline",
    )
    since: str = Field("", max_length=40, description="Reported from this moment on")
    until: str = Field("", max_length=40, description="Reported before this moment")
    parent: UUID | None = Field(None, description="Those that repeat this incident")
    sort: str = Field(
        "newest",
        max_length=10,
        description=(
            "newest; urgent: by severity, danger (urgent) first, then by what is due;"
            " suspended: by when it goes on"
        ),
    )


class FollowUpsIn(params.Page):
    """Whom to call."""

    area: str = Field("", max_length=40, description="Code; everything in it")


class NearIn(BaseModel):
    """Where, and of which category."""

    lon: float
    lat: float
    crs: str = Field(description="wgs84, cgcs2000, gcj02 or bd09")
    category: str = Field(max_length=20)


class OneIn(BaseModel):
    """How much of an incident."""

    contact: bool = Field(
        False, description="Also how to reach who reported; for those who may call back"
    )
    reason: str = Field(
        "", max_length=2000, description="Why the contact is needed; must come with it, and is kept"
    )


class ContactIn(BaseModel):
    """Why it is needed."""

    model_config = {"extra": "forbid"}

    reason: str = Field(
        "",
        max_length=2000,
        description="Kept with who asked, when and from where",
        examples=["回访"],
    )


FILED_FIELDS = [field.name for field in fields(report.FiledIncident) if field.name != "areas"]


def filed_to_json(by: Principal, filed: report.FiledIncident) -> dict[str, Any]:
    """Return what came of a report as JSON; names only for those who may have them."""
    visible = (
        filed
        if can_see(by, Fact.NAMES, filed.areas)
        else replace(filed, locate=without_names(filed.locate))
    )
    visible = replace(visible, assigned_to=report.assigned_to(by, filed))
    return {name: getattr(visible, name) for name in FILED_FIELDS}


def incident_to_json(incident: IncidentView) -> dict[str, Any]:
    """Return an incident as lists, its own address, moves and the command line show it."""
    return asdict(incident)


def moved_to_json(by: Principal, incident: IncidentView) -> dict[str, Any]:
    """Return a moved incident as its mover may see it.

    Notes
    -----
    A tracking secret shows no more after a move than before it.
    """
    if by.kind != "reporter":
        return incident_to_json(incident)
    reporter_fields = (
        "id",
        "state",
        "state_zh",
        "state_en",
        "version",
        "rating",
        "solved",
        "queue",
        "moves",
    )
    return {
        key: value for key, value in incident_to_json(incident).items() if key in reporter_fields
    }


def outcome_to_json(incident: IncidentView) -> dict[str, Any]:
    """Return what a move of many came to for one: its state, and who has it then."""
    fields = ("state", "version", "assigned_to", "role_zh", "role_en", "queue", "offered")
    return {"id": str(incident.id), "ok": True} | {name: getattr(incident, name) for name in fields}


def filters(query: ListIn) -> IncidentFilters:
    """Return the filters of a query, its moments read."""
    values = query.model_dump(exclude={"limit", "cursor", "state", "since", "until"})
    since, until = (
        parse_datetime(text, name) if text else None
        for name, text in (("since", query.since), ("until", query.until))
    )
    return IncidentFilters(
        state=tuple(filter(None, query.state.split(","))), since=since, until=until, **values
    )
