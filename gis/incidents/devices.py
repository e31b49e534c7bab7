"""Devices that raise alarms: smoke, door, camera, wristband, thrown object, parking.

An alarm is a report.

A message is signed with the device's own secret and says when it was sent. The same alarm is filed
once; one that follows soon is a note to the incident that is open already.
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, exists, insert, select, text, update
from sqlalchemy.orm import Session

from gis.areas.snapshot import RegistrySnapshot
from gis.db import point_ewkt
from gis.errors import AuthenticationRequired, Conflict, FieldError, NotFound, invalid_fields
from gis.incidents.catalogue import editions
from gis.incidents.lifecycle import intake, moves, report
from gis.incidents.lifecycle.payload import MovePayload
from gis.incidents.models import Device, DeviceAlarm
from gis.incidents.routing.location import resolve_location
from gis.incidents.states import State
from gis.kinds import read_kinds
from gis.messages import label
from gis.rights.principal import Principal, system_principal

# kind, called `device_kind.<kind>` -> the category its alarms are filed under where none is named
DEVICE_TYPES = {
    "smoke": "D0101",
    "door": "D0102",
    "camera": "D0103",
    "wristband": "D0104",
    "thrown_object": "D0105",
    "parking": "D0106",
}
MAX_CLOCK_SKEW = timedelta(minutes=5)  # a device's clock may be wrong by
ALARM_JOIN_WINDOW = timedelta(
    minutes=10
)  # an alarm so soon after the last belongs to the same incident
# while somebody is still to deal with that: after 已处理, 挂账 or the end an alarm is news, and
# filed anew
RUNNING = (State.REPORTED, State.ACCEPTED, State.DISPATCHED, State.TAKEN, State.RETURNED)
MAX_ALARM_AGE = timedelta(days=7)  # of a moment a device tells: gateways keep what they cannot send
MAX_ALARM_NUMBER_CHARS = 100  # characters of an alarm's number
SIGNATURE_PREFIX = "v1="


@dataclass(frozen=True)
class Alarm:
    """What a device tells.

    number: Its own, for each alarm another. kind: What sort, in its words. at: When, as it says.
    """

    number: str
    kind: str = ""
    at: datetime | None = None
    value: Any = None


@dataclass(frozen=True)
class AlarmReceipt:
    """What came of an alarm. filed: A new incident. again: The very alarm had come before."""

    incident: UUID
    state: str
    filed: bool
    again: bool


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the signature of a message.

    v1= and HMAC-SHA256, in hex, of the timestamp, a full stop and the body.
    """
    return (
        SIGNATURE_PREFIX
        + hmac.new(secret.encode(), timestamp.encode() + b"." + body, "sha256").hexdigest()
    )


def authenticate_message(
    session: Session, code: str, timestamp: str, signed: str, body: bytes, now: datetime
) -> int:
    """Return the id of the device that signed a message; raise unless it is genuine and fresh.

    Parameters
    ----------
    timestamp
        Seconds since 1970, as sent. given: The signature, as sent.

    Raises
    ------
    AuthenticationRequired
        It is not. Whether there is such a device is not told, nor by how long it takes.
    """
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        raise AuthenticationRequired("device.timestamp_wrong")
    if abs(now.timestamp() - int(timestamp)) > MAX_CLOCK_SKEW.total_seconds():
        raise AuthenticationRequired("device.timestamp_stale")
    query = select(Device.id, Device.secret, Device.active).where(Device.code == code)
    row = session.execute(query).one_or_none()
    expected = signature(row.secret if row else "nobody's", timestamp, body)
    if not hmac.compare_digest(expected.encode(), signed.encode()) or row is None or not row.active:
        raise AuthenticationRequired("device.not_authenticated")
    return int(row.id)


LAST = """
SELECT a.incident_id, i.state FROM device_alarm a JOIN incident i ON i.id = a.incident_id
WHERE a.device_id = :device AND {which} ORDER BY a.at DESC LIMIT 1
"""


def receive_alarm(
    session: Session,
    device: int,
    alarm: Alarm,
    now: datetime,
    *,
    snapshot: RegistrySnapshot | None = None,
) -> AlarmReceipt:
    """Take an alarm of a device whose message was verified.

    The same alarm again gives the same incident. Another within 10 minutes of the last, while that
    one's incident is still to be dealt with, is a note to it; else it is filed anew. Alarms of one
    device wait for each other.

    Raises
    ------
    InvalidInput
        A field is wrong.
    OutsideGrids
        No grid answers for where the device is.
    """
    _check(alarm, now)
    lock = (
        "SELECT d.id, d.code, d.kind, k.zh AS kind_zh, d.name, address, category,"
        " ST_X(geom) AS lon, ST_Y(geom) AS lat"
        " FROM device d LEFT JOIN kind k ON k.id = d.kind_id WHERE d.id = :id FOR UPDATE OF d"
    )
    row = session.execute(text(lock), {"id": device}).one()
    params = {
        "device": device,
        "alarm": alarm.number,
        "since": now - ALARM_JOIN_WINDOW,
        "running": [state.value for state in RUNNING],
    }
    repeated = session.execute(text(LAST.format(which="a.alarm = :alarm")), params).one_or_none()
    if repeated is not None:
        return AlarmReceipt(repeated.incident_id, repeated.state, False, True)
    by = system_principal(f"device {row.code}")
    which = "a.at > :since AND i.state = ANY(:running)"
    joined = session.execute(text(LAST.format(which=which)), params).one_or_none()
    note = _alarm_note(row, alarm, now)
    if joined is not None:
        incident, state = joined.incident_id, joined.state
        repetition = MovePayload(note=f"再次告警：{note}"[: intake.MAX_DESCRIPTION_CHARS])
        moves.apply_move(session, by, incident, "note", now, repetition)
    else:
        filed = _file_alarm(session, by, row, alarm, note, now, snapshot=snapshot)
        incident, state = filed.id, filed.state
    session.execute(
        insert(DeviceAlarm).values(
            device_id=device, alarm=alarm.number, at=now, incident_id=incident
        )
    )
    return AlarmReceipt(incident, state, joined is None, False)


def _alarm_note(device: Row[Any], alarm: Alarm, now: datetime) -> str:
    """Return an alarm in words, with its own time where it came late."""
    is_late = alarm.at is not None and now - alarm.at > ALARM_JOIN_WINDOW
    at = alarm.at.astimezone(now.tzinfo) if alarm.at is not None and is_late else None
    parts = (
        f"{device.kind_zh or label(f'device_kind.{device.kind}', 'zh')}告警",
        device.name,
        alarm.kind,
        _value(alarm.value),
        f"（报警时间 {at:%Y-%m-%d %H:%M}）" if at else "",
    )
    return " ".join(part for part in parts if part)


def _file_alarm(
    session: Session,
    principal: Principal,
    device: Row[Any],
    alarm: Alarm,
    note: str,
    now: datetime,
    *,
    snapshot: RegistrySnapshot | None,
) -> report.FiledIncident:
    edition = editions.active_edition(
        session
    )  # a category of an earlier edition must not lose an alarm
    attributes = {
        "device": device.code,
        "alarm": alarm.number,
        "kind": alarm.kind,
        "at": alarm.at,
        "value": alarm.value,
    }
    incident_report = intake.IncidentReport(
        category=device.category
        if device.category in edition.categories
        else edition.fallback.code,
        description=note[: intake.MAX_DESCRIPTION_CHARS],
        lon=device.lon,
        lat=device.lat,
        crs="cgcs2000",
        address=device.address,
        channel="device",
        attributes={key: value for key, value in attributes.items() if value not in (None, "")},
    )
    case = intake.assess(session, principal, incident_report, now, snapshot=snapshot)
    return report.file_report(session, principal, incident_report, now, assessed=case)


def _check(alarm: Alarm, now: datetime) -> None:
    wrong = []
    if (
        not alarm.number.strip()
        or len(alarm.number) > MAX_ALARM_NUMBER_CHARS
        or not alarm.number.isprintable()
    ):
        wrong.append(
            FieldError("alarm", "device.alarm_number_wrong", {"limit": MAX_ALARM_NUMBER_CHARS})
        )
    if alarm.at is not None and not now - MAX_ALARM_AGE < alarm.at < now + MAX_CLOCK_SKEW:
        wrong.append(FieldError("at", "device.alarm_moment_wrong"))
    if wrong:
        raise invalid_fields(wrong)


def _value(value: Any) -> str:
    return (
        "" if value is None else value if isinstance(value, str) else orjson.dumps(value).decode()
    )


# --- the register of devices ----------------------------------------------------------------------


@dataclass(frozen=True)
class DeviceView:
    """A device as it may be shown: everything but its secret.

    alarms, last: How many came, and when the last one did.
    """

    code: str
    kind: str
    name: str
    county: str | None
    lon: float
    lat: float
    address: str
    category: str
    active: bool
    alarms: int
    last: datetime | None


@dataclass(frozen=True)
class DeviceInput:
    """What somebody enters of a device.

    code: Its number at the maker. kind: One of `DEVICE_TYPES`, or the key or name of a kind that
    people added. category: Of the active edition; its alarms are filed under it. Empty: as usual
    for its kind. lon, lat: Degrees in `crs`, one of `gis.crs.SUPPORTED_CRS`.
    """

    code: str
    kind: str
    category: str
    lon: float
    lat: float
    crs: str
    name: str = ""
    address: str = ""


LISTED = """
SELECT d.code, coalesce(k.key, d.kind) AS kind, d.name, d.county, ST_X(d.geom) AS lon,
    ST_Y(d.geom) AS lat, d.address,
    d.category, d.active,
  count(a.alarm) AS alarms, max(a.at) AS last
FROM device d LEFT JOIN kind k ON k.id = d.kind_id
  LEFT JOIN device_alarm a ON a.device_id = d.id GROUP BY d.id, k.key ORDER BY d.code
"""


def list_devices(session: Session) -> list[DeviceView]:
    """List every device by its number."""
    return [DeviceView(**row) for row in session.execute(text(LISTED)).mappings()]


def add(session: Session, device: DeviceInput, now: datetime) -> str:
    """Enter a device; its secret, to be shown this once.

    Raises
    ------
    InvalidInput
        A field is wrong.
    OutsideGrids
        No grid answers for the place.
    Conflict
        It is there already.
    """
    code, wrong = device.code, []
    if not 1 <= len(code) <= 60 or not code.isprintable() or "/" in code or code != code.strip():
        wrong.append(FieldError("code", "device.code_wrong"))
    location, *_ = resolve_location(session, now, lon=device.lon, lat=device.lat, crs=device.crs)
    kinds = read_kinds(session, "device")
    own_kind = None if device.kind in DEVICE_TYPES else kinds.find(device.kind, location.county)
    kind = own_kind.parent if own_kind else device.kind
    if kind not in DEVICE_TYPES:
        allowed = [*DEVICE_TYPES, *(row.key for row in kinds.rows)]
        wrong.append(FieldError("kind", "field.none_of", {"value": kind[:40], "allowed": allowed}))
    wrong += [
        FieldError(field, "field.longer_than", {"limit": 200})
        for field, value in (("name", device.name), ("address", device.address))
        if len(value) > 200
    ]
    if wrong:
        raise invalid_fields(wrong)
    category = editions.active_edition(session).category(device.category or DEVICE_TYPES[kind]).code
    if session.scalar(select(exists().where(Device.code == code))):
        raise Conflict("device.exists", code=code)
    secret = secrets.token_urlsafe(32)
    session.execute(
        insert(Device).values(
            code=code,
            kind=kind,
            kind_id=own_kind.id if own_kind else None,
            name=device.name,
            county=location.county,
            geom=point_ewkt(location.lon, location.lat),
            address=device.address,
            category=category,
            secret=secret,
        )
    )
    return secret


def new_secret(session: Session, code: str) -> str:
    """Return a new secret of a device, to be shown once; the old one is refused from now on.

    Raises
    ------
    NotFound
        There is no such device.
    """
    secret = secrets.token_urlsafe(32)
    _set(session, code, "secret", secret)
    return secret


def block(session: Session, code: str, active: bool = False) -> None:
    """Take no more alarms of a device; or take them again.

    Raises
    ------
    NotFound
        There is no such device.
    """
    _set(session, code, "active", active)


def _set(session: Session, code: str, column: str, value: object) -> None:
    changed = update(Device).where(Device.code == code).values({column: value})
    options = {"synchronize_session": False}
    if session.scalar(changed.returning(Device.id), execution_options=options) is None:
        raise NotFound("device.unknown", code=code[:60])
