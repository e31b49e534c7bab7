"""Recording what a request is about to show, committed on its own before the answer leaves."""

from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from uuid import UUID

from flask import current_app, request

from gis.accounts import disclosures
from gis.areas.identity import find_area_id
from gis.incidents.reading import incidents
from gis.incidents.reading.incidents import IncidentView
from gis.messages import Message
from gis.people.area_chains import area_chain
from gis.rights.principal import Principal
from web.http.db import Factory, session


def record_export(principal: Principal, subject: Message, area: str = "") -> None:
    """Write down that a file is about to be handed out.

    Parameters
    ----------
    subject
        What it holds. area: Code of the area it is cut to; empty: wherever the asker may.
    """
    ids: list[int] = []
    if area:
        area_id = find_area_id(session(), area)
        ids = area_chain(session(), area_id, None, datetime.now(UTC)) if area_id else []
    record(principal, "export", subject, areas=ids, reason=request.args.get("reason", ""))


def record(
    principal: Principal,
    kind: str,
    subject: Message,
    *,
    areas: Iterable[int] = (),
    incident_id: UUID | None = None,
    reason: str = "",
) -> None:
    """Write a disclosure down, as `gis.accounts.disclosures.record`, from this request's address.

    The request's own transaction ends: a GET could not write with it, and may be on a replica.
    """
    session().rollback()
    make: Factory = current_app.config["SESSION_FACTORY"]
    with closing(make(False)) as writing:
        disclosures.record(
            writing,
            principal,
            kind,
            subject,
            areas=areas,
            incident_id=incident_id,
            reason=reason,
            source=request.remote_addr or "",
        )
        writing.commit()


def disclose_contact(by: Principal, incident: IncidentView, reason: str) -> dict[str, str] | None:
    """Return how to reach who reported, None if unknown; it is written down first.

    Raises
    ------
    Forbidden
        Not allowed there.
    InvalidInput
        The reason is missing.
    """
    areas = incidents.areas_of(session(), incident.id)
    reached = incidents.get_reporter_contact(session(), by, incident)
    stated = disclosures.require_reason(reason)
    record(
        by,
        "contact",
        Message("shown.contact"),
        areas=areas,
        incident_id=incident.id,
        reason=stated,
    )
    return None if reached is None else dict(reached)
