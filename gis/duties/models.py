"""Visits that people with duties make."""

import uuid
from datetime import date, datetime

from geoalchemy2 import WKBElement
from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Uuid

from gis.db import Base, geometry, key


class DutyVisit(Base):
    """A visit of somebody with a duty to a place."""

    __tablename__ = "duty_visit"
    __table_args__ = (
        UniqueConstraint("person_id", "day", "place"),
        Index("ix_duty_visit_area_ids", "area_ids", postgresql_using="gin"),
        {"comment": "A visit of a duty to a place, and the incidents that it led to."},
    )

    id: Mapped[int] = key()
    county: Mapped[str] = mapped_column(comment="Code of the county.")
    person_id: Mapped[int] = mapped_column(ForeignKey("personal.person.id"), comment="Who visited.")
    day: Mapped[date] = mapped_column(
        index=True, comment="When, a day of the deployment's time zone."
    )
    place: Mapped[str] = mapped_column(comment="Code of the area or building that was visited.")
    area_id: Mapped[int] = mapped_column(
        ForeignKey("area.id"), comment="The area visited; of a building or point its grid."
    )
    area_ids: Mapped[list[int]] = mapped_column(
        ARRAY(BigInteger()), comment="Ids of that area and of all above it, on that day."
    )
    building_id: Mapped[int | None] = mapped_column(
        ForeignKey("building.id", ondelete="SET NULL"),
        index=True,
        comment="The building, when it was one.",
    )
    geom: Mapped[WKBElement | None] = mapped_column(
        geometry("POINT"),
        comment="Where, EPSG:4490; empty: not stated.",
    )
    note: Mapped[str] = mapped_column(server_default="", comment="What was seen and said.")
    incident_ids: Mapped[list[uuid.UUID]] = mapped_column(
        ARRAY(Uuid()), server_default="{}", comment="The incidents that it led to."
    )
    recorded_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="When it was written down."
    )
    recorded_by: Mapped[str] = mapped_column(comment="Who wrote it down.")
