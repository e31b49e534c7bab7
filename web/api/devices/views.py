"""Alarms of devices: a signed webhook."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from apiflask import APIBlueprint
from flask import Response, current_app, request
from pydantic import BaseModel, Field

from gis.accounts import rate_limit
from gis.incidents import devices
from gis.incidents.devices import Alarm
from gis.messages import Message
from web.http import params
from web.http.body_limit import body_limit
from web.http.db import session
from web.http.openapi import documents_body
from web.http.snapshot import current_snapshot
from web.http.validation import validate_model
from web.security import sanitising

bp = APIBlueprint("devices", __name__, url_prefix="/api/v1", tag="Devices")

MAX_ALARM_BYTES = 16 * 1024  # bytes of an alarm
MAX_ALARMS_PER_MINUTE = 120  # alarms of one device


class AlarmIn(BaseModel):
    """An alarm."""

    alarm: str = Field(
        description="Its own number, at most 100 characters; the same again is not filed twice",
        examples=["A-20261123-0007"],
    )
    kind: str = Field(
        "", max_length=60, description="What sort, in the device's words", examples=["smoke"]
    )
    at: str | None = Field(
        None, max_length=40, description="When, ISO 8601; without an offset local time"
    )
    value: Any = Field(None, description="What was measured")


class TakenOut(BaseModel):
    """What came of it."""

    incident: UUID
    state: str
    filed: bool = Field(description="A new incident was filed; else it joined one that is open")
    again: bool = Field(description="This very alarm had come before")


@bp.post("/devices/<code>/alarms")
@documents_body(AlarmIn)
@body_limit(MAX_ALARM_BYTES)
@bp.output(TakenOut)
@bp.doc(
    summary="Take an alarm",
    responses={
        201: "Filed as a new incident",
        200: "Had come before, or joined the open incident of this device",
        401: "The device is not known, the signature is not its own, or the clock is wrong",
        413: "Larger than 16 kB",
    },
)
def alarm(code: str) -> Response:
    """Take an alarm that the device has signed.

    `X-Wangge-Timestamp` is seconds since 1970. `X-Wangge-Signature` is `v1=` and, in hex, the
    HMAC-SHA256 with the device's secret of the timestamp, a full stop and the body.
    """
    body = request.get_data()
    headers = request.headers
    now = datetime.now(UTC)
    device = devices.authenticate_message(
        session(),
        code,
        headers.get("X-Wangge-Timestamp", ""),
        headers.get("X-Wangge-Signature", ""),
        body,
        now,
    )
    var = current_app.config["SETTINGS"].var
    rate_limit.check_rate_limit(
        var, f"device {device}", MAX_ALARMS_PER_MINUTE, now.timestamp(), Message("counted.alarms")
    )
    report = parse_alarm(body)
    taken = devices.receive_alarm(session(), device, report, now, snapshot=current_snapshot(now))
    session().commit()
    response = Response(
        orjson.dumps(taken), 201 if taken.filed else 200, mimetype="application/json"
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def parse_alarm(body: bytes) -> Alarm:
    """Return the alarm in a body.

    Raises
    ------
    InvalidInput
        It is not JSON, or a field is missing or wrong.
    """
    alarm = validate_model(AlarmIn, sanitising.parse_json(body))
    at = params.parse_datetime(alarm.at, "at") if alarm.at else None
    return Alarm(alarm.alarm, alarm.kind.strip(), at, alarm.value)
