"""The resources of Open311 GeoReport v2 as plain values, the same for JSON and XML."""

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from gis import crs
from gis.incidents.catalogue.editions import CategoryRow
from gis.incidents.lifecycle.report import FiledIncident
from gis.incidents.reading.public import PublicUpdate, PublicView
from gis.incidents.states import State
from gis.rights.roles import ROLE_BY_KEY

# state -> status of an update, in the words that FixMyStreet reads; all others are open
UPDATE_STATUS = {
    State.ACCEPTED: "investigating",
    State.DISPATCHED: "action_scheduled",
    State.TAKEN: "in_progress",
    State.HANDLED: "fixed",
    State.CHECKED: "fixed",
    State.CLOSED: "closed",
    State.VOID: "no_further_action",
}
SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"


def discovery_to_dict(
    base_url: str, prefix: str, changed_at: datetime | None, *, made_up: bool
) -> dict[str, Any]:
    """Return where the endpoint is, in which formats, and how to get a key.

    Parameters
    ----------
    base_url
        Address of the deployment, without a slash at its end.
    prefix
        Path of the endpoint.
    changed_at
        When the catalogue was loaded.
    made_up
        The deployment holds invented data.
    """
    changeset = (
        changed_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M") if changed_at else "1970-01-01 00:00"
    )
    endpoint = {
        "specification": SPECIFICATION,
        "url": f"{base_url}{prefix}",
        "changeset": changeset,
        "type": "test" if made_up else "production",
        "formats": ["text/xml", "application/json"],
    }
    return {
        "changeset": changeset,
        "contact": f"The command centre (指挥中心) that runs {base_url}/",
        "key_service": (
            "Keys are made by the administrator:"
            " ./wangge key add NAME --action incident.report --area CODE"
        ),
        "endpoints": [endpoint],
    }


def service_to_dict(category: CategoryRow) -> dict[str, Any]:
    """Return a category as a service."""
    return {
        "service_code": category.code,
        "service_name": category.zh,
        "description": "; ".join([category.en, *category.examples[:1]]),
        "metadata": bool(category.attributes),
        "type": "realtime",
        "keywords": ",".join(category.words),
        "group": category.major_zh,
    }


def question_to_dict(question: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Return a question of a category as an attribute of its service definition."""
    attribute = {
        "variable": question.get("variable", True),
        "code": str(question["code"]),
        "datatype": question.get("datatype", "string"),
        "required": question.get("required", False),
        "datatype_description": question.get("datatype_description"),
        "order": question.get("order", number),
        "description": question.get("description"),
    }
    if choices := question.get("values"):
        attribute["values"] = [
            {"key": str(choice["key"]), "name": choice["name"]} for choice in choices
        ]
    return attribute


def filed_to_dict(filed: FiledIncident) -> dict[str, Any]:
    """Return the answer to a report: its number, and in both languages where it went."""
    role = ROLE_BY_KEY[filed.assigned_to["role"]] if filed.assigned_to else None
    waits = filed.queue or {"zh": "待派单", "en": "to be dispatched"}
    notice = (
        f"已派给{role.zh}。Sent to the {role.en}."
        if role
        else f"已收到，{waits['zh']}。Received; {waits['en']}."
    )
    if filed.danger:
        notice = f"{filed.danger['advice_zh']} {filed.danger['advice_en']} {notice}"
    return {"service_request_id": str(filed.id), "service_notice": notice, "account_id": None}


def request_to_dict(incident: PublicView, timezone: tzinfo) -> dict[str, Any]:
    """Return an incident as a service request: longitude and latitude WGS 84, times local."""
    lon, lat = incident.lon, incident.lat
    if lon is not None and lat is not None:
        lon, lat = crs.from_storage(lon, lat, "wgs84")
    responsible = " ".join(part for part in (incident.community, incident.role_zh) if part)
    expected = None if incident.closed else incident.expected
    reported, changed, due = (
        at and at.astimezone(timezone).isoformat(timespec="seconds")
        for at in (incident.reported_at, incident.changed_at, expected)
    )
    return {
        "service_request_id": str(incident.id),
        "status": "closed" if incident.closed else "open",
        "status_notes": f"{incident.state_zh} ({incident.state_en})",
        "service_name": incident.category_zh,
        "service_code": incident.category,
        "description": incident.description,
        "agency_responsible": responsible or None,
        "service_notice": None,
        "requested_datetime": reported,
        "updated_datetime": changed,
        "expected_datetime": due,
        "address": incident.address,
        "address_id": incident.building,
        "zipcode": None,
        "lat": lat,
        "long": lon,
        "media_url": incident.media_url,
    }


def update_to_dict(update: PublicUpdate, timezone: tzinfo) -> dict[str, Any]:
    """Return a step of an incident as a service request update; its time is local."""
    return {
        "update_id": str(update.id),
        "service_request_id": str(update.incident_id),
        "status": UPDATE_STATUS.get(State(update.state), "open"),
        "updated_datetime": update.at.astimezone(timezone).isoformat(timespec="seconds"),
        "description": update.words or f"{update.state_zh} ({update.state_en})",
        "external_status_code": update.state,
        "media_url": None,
    }
