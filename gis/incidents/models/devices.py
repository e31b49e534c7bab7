"""Devices as stored, with the alarms they raised."""

import uuid
from datetime import datetime

from geoalchemy2 import WKBElement
from sqlalchemy import (
    ForeignKey,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from gis.db import Base, geometry, key


class Device(Base):
    """A device that raises alarms: smoke, door, camera, wristband, thrown object, parking."""

    __tablename__ = "device"
    __table_args__ = (
        {
            "comment": (
                "A device that raises alarms, with its place and the category they are filed under."
            )
        },
    )

    id: Mapped[int] = key()
    code: Mapped[str] = mapped_column(unique=True, comment="Its number at the maker.")
    kind: Mapped[str] = mapped_column(
        comment="smoke, door, camera, wristband, thrown_object or parking."
    )
    kind_id: Mapped[int | None] = mapped_column(
        ForeignKey("kind.id"), comment="The kind of device, where people added one."
    )
    name: Mapped[str] = mapped_column(server_default="", comment="Where it hangs, in words.")
    county: Mapped[str | None] = mapped_column(comment="Code of the county.")
    geom: Mapped[WKBElement] = mapped_column(geometry("POINT"), comment="Where it is, EPSG:4490.")
    address: Mapped[str] = mapped_column(server_default="", comment="Building, stairwell, floor.")
    category: Mapped[str] = mapped_column(
        comment="Code of the category its alarms are filed under."
    )
    secret: Mapped[str] = mapped_column(comment="Key its messages are signed with (HMAC-SHA256).")
    active: Mapped[bool] = mapped_column(server_default="true", comment="Alarms are taken.")


class DeviceAlarm(Base):
    """An alarm that was taken; the same one again is not filed twice."""

    __tablename__ = "device_alarm"
    __table_args__ = (
        {"comment": "Alarms that were taken; the same one again is not filed twice."},
    )

    device_id: Mapped[int] = mapped_column(
        ForeignKey("device.id", ondelete="CASCADE"), primary_key=True, comment="The device."
    )
    alarm: Mapped[str] = mapped_column(primary_key=True, comment="Its number of the alarm.")
    at: Mapped[datetime] = mapped_column(server_default=func.now(), comment="When it was taken.")
    incident_id: Mapped[uuid.UUID] = mapped_column(comment="The incident it is in.")
