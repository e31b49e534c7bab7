"""Matters of another system, such as the hotline 12345, and how far the exchange with it is."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, func
from sqlalchemy.orm import Mapped, mapped_column

from gis.db import Base


class ExternalSystem(Base):
    """Another system that orders are exchanged with."""

    __tablename__ = "external_system"
    __table_args__ = ({"comment": "A system that orders are exchanged with, such as 12345."},)

    name: Mapped[str] = mapped_column(primary_key=True, comment="As 12345.")
    cursor: Mapped[str] = mapped_column(
        server_default="", comment="Where the next pull begins, as it said itself."
    )
    exchanged_at: Mapped[datetime | None] = mapped_column(
        comment="When all was pulled and told last."
    )
    last_error: Mapped[str] = mapped_column(
        server_default="", comment="Why the last exchange ended early; empty: it did not."
    )


class ExternalOrder(Base):
    """An order of another system; the same one again is not filed twice."""

    __tablename__ = "external_order"
    __table_args__ = (
        {"comment": "An order of another system, filed once; its number there is kept."},
    )

    system: Mapped[str] = mapped_column(primary_key=True, comment="As 12345.")
    number: Mapped[str] = mapped_column(primary_key=True, comment="Its number there.")
    pulled_at: Mapped[datetime] = mapped_column(server_default=func.now(), comment="When it came.")
    incident_id: Mapped[uuid.UUID | None] = mapped_column(
        index=True, comment="The incident it was filed as; empty: it was refused."
    )
    refusal: Mapped[str] = mapped_column(
        server_default="", comment="Why it could not be filed, as that system is told."
    )
    held_up_event_id: Mapped[int] = mapped_column(
        BigInteger,
        server_default="0",
        comment="The last event there was when that system took no step; told again after a later"
        " one.",
    )
    step_refusal: Mapped[str] = mapped_column(
        server_default="",
        comment="Why it took no step, as its answer said; empty: it took the last one.",
    )
    told_event_id: Mapped[int] = mapped_column(
        BigInteger,
        server_default="0",
        comment="The last event that system was told; 1 when it was told of a refusal.",
    )
