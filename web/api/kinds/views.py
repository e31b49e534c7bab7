"""Kinds of roles, facilities, devices, services, skills, organisations, duties of people."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from gis.db import audit_context
from gis.incidents import kind_edits
from gis.kinds import list_kinds
from gis.rights.actions import Action
from web.http.db import session
from web.http.idempotency import run_once
from web.http.responses import conditional_response
from web.security.guard import require
from web.security.readers import storable_id

bp = APIBlueprint("kinds", __name__, url_prefix="/api/v1", tag="Organisations")

Subject = Literal["role", "facility", "device", "service", "skill", "organisation", "duty"]
KindName = Annotated[str, Field(max_length=kind_edits.MAX_KIND_NAME_CHARS)]
Target = Annotated[
    int | None,
    Field(ge=0, le=kind_edits.MAX_TARGET, description="Of a duty: asked a year; null: nothing"),
]
REFUSALS: dict[int | str, Any] = {
    401: "Sign in, or send a key",
    403: "For administrators of the county; of all counties, where none is named",
    409: "There is one of that name or key",
}


class KindsIn(BaseModel):
    """Which kinds."""

    subject: Annotated[Subject | None, Field(description="Only these")] = None


class KindOut(BaseModel):
    """A kind that people added, below one that the code knows."""

    id: int
    subject: str
    key: str = Field(description="In files and addresses; it never changes")
    parent: str = Field(description="Key of the kind that it refines, and whose rights it has")
    zh: str
    en: str
    active: bool = Field(description="false: retired; only what has it shows it")
    shared: bool | None = Field(description="Of a role: several hold it at a time; null: as parent")
    county: str | None = Field(description="Code of the county that has it; null: all")
    visits_target: int | None = Field(description="Of a duty: visits asked a year")
    solved_target: int | None = Field(description="Of a duty: problems solved, asked a year")


class RootKindOut(BaseModel):
    """A kind that the code or the catalogue knows."""

    key: str
    zh: str
    en: str


class KindsOut(BaseModel):
    """The kinds of people, and by subject what they can refine."""

    items: list[KindOut]
    roots: dict[str, list[RootKindOut]]


class NewKindIn(BaseModel):
    """A new kind."""

    model_config = {"extra": "forbid"}

    subject: Subject
    parent: Annotated[str, Field(max_length=40, description="Key or name of what it refines")]
    zh: KindName
    en: KindName = ""
    key: Annotated[str, Field(max_length=40, description="Empty: one is numbered")] = ""
    shared: bool | None = None
    county: Annotated[str | None, Field(max_length=40, description="Code; null: all")] = None
    visits_target: Target = None
    solved_target: Target = None


class KindChangeIn(BaseModel):
    """What changes of a kind; what is left out stays."""

    model_config = {"extra": "forbid"}

    zh: KindName | None = None
    en: KindName | None = None
    active: bool | None = None
    visits_target: Target = None
    solved_target: Target = None


@bp.get("/kinds")
@bp.input(KindsIn, location="query")
@bp.output(KindsOut)
@bp.doc(summary="Kinds that people added")
def kinds(query_data: KindsIn) -> Response:
    """List those in use and the retired ones, and what can be refined."""
    roots = {
        subject: rows
        for subject, rows in kind_edits.list_roots(session()).items()
        if query_data.subject in (None, subject)
    }
    items = list_kinds(session(), query_data.subject or "")
    return conditional_response({"items": items, "roots": roots})


@bp.post("/kinds")
@bp.input(NewKindIn)
@bp.output(KindOut, status_code=201)
@bp.doc(summary="Add a kind", responses=REFUSALS)
def add_kind(json_data: NewKindIn) -> Response:
    """Give it the rights, the order of asking, the icon and the colour of its parent."""
    by = require(Action.ACCOUNTS)

    def write() -> tuple[int, dict[str, Any]]:
        with audit_context(session(), by.actor, "add kind"):
            fields = json_data.model_dump(exclude=set(kind_edits.Targets._fields))
            targets = kind_edits.Targets(json_data.visits_target, json_data.solved_target)
            stated = kind_edits.KindInput(**fields, targets=targets)
            return 201, asdict(kind_edits.add_kind(session(), by, stated))

    return run_once(by, write)


@bp.patch("/kinds/<int:kind_id>")
@bp.input(KindChangeIn)
@bp.output(KindOut)
@bp.doc(summary="Rename or retire a kind", responses=REFUSALS | {404: "No such kind"})
def change_kind(kind_id: int, json_data: KindChangeIn) -> Response:
    """Change its names or retire it; what has the kind keeps it."""
    by, number = require(Action.ACCOUNTS), storable_id(kind_id)
    stated = json_data.model_fields_set
    with audit_context(session(), by.actor, "change kind"):
        fields = json_data.model_dump(exclude=set(kind_edits.Targets._fields))
        targets = {
            name: getattr(json_data, name)
            for name in stated.intersection(kind_edits.Targets._fields)
        }
        row = kind_edits.change_kind(session(), by, number, **fields, targets=targets)
        session().commit()
    return conditional_response(asdict(row))
