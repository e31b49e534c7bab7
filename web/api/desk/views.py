"""What a dispatcher keeps at the desk: saved filters, templates of answers."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from gis.db import audit_context
from gis.errors import InvalidInput
from gis.incidents.desk import answer_templates, saved_filters
from gis.incidents.desk.answer_templates import TemplateContent
from gis.incidents.desk.saved_filters import SavedFilterView
from gis.incidents.reading import counts, incidents
from gis.incidents.states import OPEN_STATES
from gis.rights.actions import Action
from gis.rights.principal import Principal
from web.api.desk.schemas import (
    SavedFilterIn,
    SavedFilterOut,
    SavedFiltersOut,
    TemplateIn,
    TemplateOut,
    TemplatesOut,
)
from web.api.incidents.schemas import ListIn, filters
from web.http.db import session
from web.http.params import parse_datetime
from web.http.responses import conditional_response
from web.security.guard import require, require_sign_in
from web.security.readers import storable_id

bp = APIBlueprint("desk_api", __name__, url_prefix="/api/v1", tag="Incidents")

UNSAVED = {"limit", "cursor"}  # of the parameters of the list: where a reader stands in it


@bp.get("/me/filters")
@bp.output(SavedFiltersOut)
@bp.doc(summary="One's own saved filters", responses={401: "Sign in", 403: "For accounts"})
def list_filters() -> Response:
    """List the filters of incidents that one saved, with how many fit each now."""
    by, now = require_sign_in(), parse_datetime(None)
    saved = saved_filters.list_saved_filters(session(), by)
    return conditional_response({"items": [_filter_to_json(by, item, now) for item in saved]})


@bp.post("/me/filters")
@bp.input(SavedFilterIn)
@bp.output(SavedFilterOut, status_code=201)
@bp.doc(
    summary="Save filters",
    responses={401: "Sign in", 403: "For accounts", 409: "Too many are saved"},
)
def save(json_data: SavedFilterIn) -> tuple[dict[str, Any], int]:
    """Save filters under a name, in place of those that had it."""
    by, now = require_sign_in(), parse_datetime(None)
    saved_filters.require_account(by)
    counts.count_by_state(session(), by, filters(json_data.filters), now=now)  # valid, or raises
    values = json_data.filters.model_dump(
        mode="json", exclude=UNSAVED, exclude_defaults=True, exclude_none=True
    )
    with audit_context(session(), by.actor, "save a filter"):
        saved = saved_filters.save_filter(session(), by, json_data.name, values)
        session().commit()
    return _filter_to_json(by, saved, now), 201


@bp.delete("/me/filters/<int:filter_id>")
@bp.output({}, status_code=204)
@bp.doc(summary="Delete a saved filter", responses={401: "Sign in", 404: "None of one's own"})
def delete(filter_id: int) -> Response:
    """Delete one of one's own saved filters."""
    by = require_sign_in()
    with audit_context(session(), by.actor, "delete a saved filter"):
        saved_filters.delete_filter(session(), by, storable_id(filter_id))
        session().commit()
    return Response(status=204)


def _filter_to_json(by: Principal, saved: SavedFilterView, now: datetime) -> dict[str, Any]:
    """Return a saved filter with how many incidents fit it."""
    body: dict[str, Any] = {"id": saved.id, "name": saved.name, "filters": saved.filters}
    try:
        return body | {"count": _count(by, saved.filters, now)}
    except InvalidInput:  # an area or a category that is no longer
        return body | {"count": None}


def _count(by: Principal, values: Mapping[str, Any], now: datetime) -> int:
    chosen = filters(ListIn.model_validate(values))
    by_state = counts.count_by_state(session(), by, chosen, now=now)["states"]
    states = {
        state for name in chosen.state for state in (OPEN_STATES if name == "open" else [name])
    }
    return sum(count for state, count in by_state.items() if not states or state in states)


class TemplatesIn(BaseModel):
    """Which templates."""

    incident: UUID | None = Field(None, description="Those that fit this incident")


@bp.get("/answer-templates")
@bp.input(TemplatesIn, location="query")
@bp.output(TemplatesOut)
@bp.doc(
    summary="Templates of answers", responses={401: "Sign in, or send a key", 403: "Not allowed"}
)
def list_templates(query_data: TemplatesIn) -> Response:
    """List those of the desks one works at, or those that fit an incident."""
    by = require(Action.DISPATCH)
    if query_data.incident is None:
        return conditional_response({"items": answer_templates.list_templates(session(), by)})
    incident = incidents.get_incident(session(), by, query_data.incident, now=parse_datetime(None))
    return conditional_response(
        {"items": answer_templates.list_fitting_templates(session(), incident.id)}
    )


@bp.post("/answer-templates")
@bp.input(TemplateIn)
@bp.output(TemplateOut, status_code=201)
@bp.doc(
    summary="Write a template of an answer",
    responses={401: "Sign in, or send a key", 403: "Not allowed there"},
)
def create_template(json_data: TemplateIn) -> tuple[Any, int]:
    """Write a template for the desk of an area; it fits matters there and in everything below."""
    by = require(Action.DISPATCH)
    with audit_context(session(), by.actor, "write an answer template"):
        template = answer_templates.create_template(
            session(), by, TemplateContent(**json_data.model_dump())
        )
        session().commit()
    return asdict(template), 201


@bp.put("/answer-templates/<int:template_id>")
@bp.input(TemplateIn)
@bp.output(TemplateOut)
@bp.doc(
    summary="Write a template anew",
    responses={401: "Sign in, or send a key", 403: "Not allowed there", 404: "None"},
)
def replace_template(template_id: int, json_data: TemplateIn) -> Any:
    """Replace what a template says, and where it is used."""
    by = require(Action.DISPATCH)
    with audit_context(session(), by.actor, "write an answer template"):
        template = answer_templates.replace_template(
            session(), by, storable_id(template_id), TemplateContent(**json_data.model_dump())
        )
        session().commit()
    return asdict(template)


@bp.delete("/answer-templates/<int:template_id>")
@bp.output({}, status_code=204)
@bp.doc(
    summary="Delete a template",
    responses={401: "Sign in, or send a key", 403: "Not allowed there", 404: "None"},
)
def delete_template(template_id: int) -> Response:
    """Delete a template of an answer."""
    by = require(Action.DISPATCH)
    with audit_context(session(), by.actor, "delete an answer template"):
        answer_templates.delete_template(session(), by, storable_id(template_id))
        session().commit()
    return Response(status=204)
