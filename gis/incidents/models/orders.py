"""Orders as stored: who takes them, and to whom one is offered."""

import uuid
from datetime import datetime

from geoalchemy2 import WKBElement
from sqlalchemy import (
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from gis.db import Base, geometry


class OrderOffer(Base):
    """An order shown to somebody who may claim it."""

    __tablename__ = "order_offer"
    __table_args__ = (
        ForeignKeyConstraint(["county", "incident_id"], ["incident.county", "incident.id"]),
        Index(None, "person_id"),
        Index(None, "incident_id"),
        {"comment": "An order shown to somebody who may claim it."},
    )

    county: Mapped[str] = mapped_column(primary_key=True, comment="Code of the county.")
    incident_id: Mapped[uuid.UUID] = mapped_column(primary_key=True, comment="The order.")
    person_id: Mapped[int] = mapped_column(
        ForeignKey("personal.person.id", ondelete="CASCADE"),
        primary_key=True,
        comment="Who may claim it.",
    )
    organisation_id: Mapped[int | None] = mapped_column(
        ForeignKey("organisation.id", ondelete="SET NULL"),
        comment="The organisation it is offered to as a team.",
    )
    distance_m: Mapped[float | None] = mapped_column(comment="Metres to walk; empty: unknown.")
    offered_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="When it was shown."
    )


class OrderTaker(Base):
    """Somebody who takes orders.

    A party member, a volunteer team, a property company or provider.
    """

    __tablename__ = "order_taker"
    __table_args__ = (
        Index("ix_order_taker_skills", "skills", postgresql_using="gin"),
        {"comment": "Who takes orders (接单), with which skills, from where."},
    )

    person_id: Mapped[int] = mapped_column(
        ForeignKey("personal.person.id", ondelete="CASCADE"), primary_key=True, comment="Who."
    )
    role: Mapped[str] = mapped_column(
        ForeignKey("role.key"), comment="party_member, volunteer_team, property_company."
    )
    area_id: Mapped[int] = mapped_column(
        ForeignKey("area.id"), index=True, comment="Community or street served."
    )
    skills: Mapped[list[str]] = mapped_column(
        ARRAY(Text()), server_default="{}", comment="As repairs, water, labour."
    )
    hours: Mapped[str] = mapped_column(
        server_default="", comment="When orders may be offered, as opening hours; empty: always."
    )
    address: Mapped[str] = mapped_column(
        server_default="", comment="Where they start from, in words."
    )
    consent_at: Mapped[datetime | None] = mapped_column(
        comment="When they agreed to be offered orders; empty: they did not."
    )
    consent_by: Mapped[str] = mapped_column(
        server_default="", comment="Who wrote the consent down."
    )
    geom: Mapped[WKBElement | None] = mapped_column(
        geometry("POINT"), comment="Where they start from, EPSG:4490."
    )
    active: Mapped[bool] = mapped_column(server_default="true", comment="Takes orders now.")
