"""Parts of a matter that external units and colleagues do."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from gis.incidents.lifecycle import joint
from gis.incidents.reading import incidents, parts
from gis.rights.actions import Action
from gis.rights.principal import Principal
from web.http.db import session
from web.http.idempotency import run_once
from web.http.params import parse_datetime
from web.http.responses import conditional_response
from web.security.guard import require_sign_in

bp = APIBlueprint("parts", __name__, url_prefix="/api/v1", tag="Incidents")


class PartIn(BaseModel):
    """What is asked of whom: a unit, or somebody with a post in the incident's place."""

    model_config = {"extra": "forbid"}

    kind: Literal["external", "assist", "sign"] = Field(
        description="external 外部单位, assist 协办, sign 会签: handled only when all have signed"
    )
    organisation: str = Field("", max_length=60, description="Code of `GET /organisations`")
    person: str = Field("", max_length=60, description="Code of a person")
    note: str = Field("", max_length=4000, description="What is asked for")
    minutes: float | None = Field(
        None, gt=0, description="Working minutes; null: the unit's, else 900"
    )


class PartFinishIn(BaseModel):
    """What was done."""

    model_config = {"extra": "forbid"}

    result: str = Field(max_length=4000, examples=["水管已修复"])


@bp.get("/incidents/<uuid:incident_id>/parts")
@bp.doc(
    summary="Its parts that others do",
    responses={401: "Sign in, or send a key", 404: "None, or hidden"},
)
def list_parts(incident_id: UUID) -> Response:
    """List who else was asked, by when, and what they did."""
    by, now = require_sign_in(), parse_datetime(None)
    incidents.get_incident(session(), by, incident_id, now=now)
    return conditional_response(_parts_to_json(by, incident_id, now))


def _parts_to_json(by: Principal, incident_id: UUID, now: datetime) -> dict[str, object]:
    """Return the parts of an incident, and whether the asker may hand one out now."""
    return {
        "items": parts.list_parts(session(), by, incident_id, now),
        "may_hand_out": joint.may_hand_out(session(), by, incident_id),
    }


@bp.post("/incidents/<uuid:incident_id>/parts")
@bp.input(PartIn)
@bp.doc(
    summary="Hand a part to others",
    responses={
        201: "The parts as they are then",
        401: "Sign in, or send a key",
        403: "Not for you",
        404: "None, or hidden",
        409: "The state does not allow it, or the same is asked of them already",
        422: "Something is missing or wrong",
    },
)
def hand_out(incident_id: UUID, json_data: PartIn) -> Response:
    """Ask others for a part; the incident stays with its holder, the part has its own clock."""
    by, now = require_sign_in(), parse_datetime(None)
    if not by.operates:
        by.require(Action.DISPATCH)

    def write() -> tuple[int, dict[str, object]]:
        stated = joint.PartInput(**json_data.model_dump())
        joint.hand_out(session(), by, incident_id, stated, now)
        return 201, _parts_to_json(by, incident_id, now)

    return run_once(by, write)


@bp.post("/incidents/<uuid:incident_id>/parts/<int:part_id>/finish")
@bp.input(PartFinishIn)
@bp.doc(
    summary="Say that a part is done",
    responses={
        200: "The parts as they are then",
        401: "Sign in, or send a key",
        403: "Not your part",
        404: "None, or hidden",
        409: "It is done already",
        422: "The result is missing",
    },
)
def finish(incident_id: UUID, part_id: int, json_data: PartFinishIn) -> Response:
    """For whose part it is, and for who dispatches; who signs does so in person."""
    by, now = require_sign_in(), parse_datetime(None)

    def write() -> tuple[int, dict[str, object]]:
        joint.finish_part(session(), by, incident_id, part_id, json_data.result, now)
        return 200, _parts_to_json(by, incident_id, now)

    return run_once(by, write)
