"""Who was shown personal data, for auditors."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from gis.accounts.disclosures import DISCLOSURE_KINDS, Filters, list_disclosures
from gis.rights.actions import Action
from web.http import params
from web.http.db import session
from web.http.responses import conditional_response, paginate
from web.security.guard import require

bp = APIBlueprint("disclosures", __name__, url_prefix="/api/v1", tag="Audit")


class DisclosuresIn(params.Page):
    """Which."""

    kind: Annotated[
        str, Field(max_length=20, description=f"One of {', '.join(DISCLOSURE_KINDS)}")
    ] = ""
    who: Annotated[
        str, Field(max_length=100, description="Part of the account's or program's name")
    ] = ""
    incident: UUID | None = Field(None, description="What was shown of one incident")
    since: Annotated[str, Field(max_length=40, description="From this moment on")] = ""
    until: Annotated[str, Field(max_length=40, description="Before this moment")] = ""


class DisclosureOut(BaseModel):
    """Something that was shown."""

    id: int
    at: datetime
    who: str
    kind: str
    subject: str
    incident: UUID | None
    source: str = Field(description="Network address, or the machine of the command line")
    reason: str = Field(description="As stated; only contacts need one")


class DisclosuresOut(BaseModel):
    """A page of disclosures, the newest first."""

    items: list[DisclosureOut]
    next: str | None = Field(description="`cursor` of the next page; null on the last")


@bp.get("/disclosures")
@bp.input(DisclosuresIn, location="query")
@bp.output(DisclosuresOut)
@bp.doc(
    summary="Who was shown contacts, photos and exports",
    responses={401: "Sign in", 403: "For auditors"},
)
def disclosures(query_data: DisclosuresIn) -> Response:
    """Who, what, when, from where and why; of the areas one audits.

    Nothing in it is ever changed or deleted.
    """
    by = require(Action.HISTORY)
    rows = list_disclosures(
        session(),
        by,
        filters(query_data.model_dump()),
        query_data.limit + 1,
        cursor=params.number_cursor(params.decode_cursor(query_data.cursor)),
    )
    return conditional_response(paginate(rows, query_data.limit, lambda row: str(row.id)))


def filters(query: dict[str, Any]) -> Filters:
    """Return the filters of a query, its moments read."""
    since, until = (
        params.parse_datetime(query[name], name) if query[name] else None
        for name in ("since", "until")
    )
    return Filters(query["kind"], query["who"], query["incident"], since, until)
