"""Spot checks (抽查): samples drawn of what was closed, and what a second look says of each."""

import uuid
from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from gis.db import Base, key, one_of

VERDICTS = ("real", "partly", "not_real")


class SpotDraw(Base):
    """The draw of one community and week; it is never drawn anew."""

    __tablename__ = "spot_draw"
    __table_args__ = (
        UniqueConstraint("week", "area_id"),
        CheckConstraint("share > 0 AND share <= 1", name="share_in_range"),
        CheckConstraint("size <= population", name="size_of_population"),
        {"comment": "A draw of a spot check: one community and week, drawn once."},
    )

    id: Mapped[int] = key()
    week: Mapped[str] = mapped_column(comment="ISO week in which the incidents were closed.")
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"), comment="The community.")
    seed: Mapped[str] = mapped_column(
        comment="The sample is those with the lowest SHA-256 of seed:id."
    )
    share: Mapped[float] = mapped_column(comment="Share that was to be drawn, above 0 to 1.")
    minimum: Mapped[int] = mapped_column(comment="At least so many, if there are.")
    population: Mapped[int] = mapped_column(comment="How many were closed there in that week.")
    size: Mapped[int] = mapped_column(comment="How many of them were drawn.")
    drawn_at: Mapped[datetime] = mapped_column(server_default=func.now(), comment="When.")
    drawn_by: Mapped[str] = mapped_column(comment="Account or program that drew.")


class SpotCheck(Base):
    """An incident that was drawn, and the verdict on it once somebody looked."""

    __tablename__ = "spot_check"
    __table_args__ = (
        ForeignKeyConstraint(["county", "incident_id"], ["incident.county", "incident.id"]),
        UniqueConstraint("draw_id", "incident_id"),
        one_of("verdict", VERDICTS, "verdict_known"),
        CheckConstraint("(verdict IS NULL) = (checked_at IS NULL)", name="checked_with_verdict"),
        Index(None, "incident_id"),
        {"comment": "An incident drawn for a spot check, with the verdict on it."},
    )

    id: Mapped[int] = key()
    draw_id: Mapped[int] = mapped_column(ForeignKey("spot_draw.id"), comment="The draw.")
    county: Mapped[str] = mapped_column(comment="Code of the county.")
    incident_id: Mapped[uuid.UUID] = mapped_column(comment="The incident.")
    verdict: Mapped[str | None] = mapped_column(
        comment="real: done as recorded; partly; not_real; empty: not looked at yet."
    )
    note: Mapped[str] = mapped_column(server_default="", comment="What was seen.")
    checked_by: Mapped[str | None] = mapped_column(comment="Account that gave the verdict.")
    checked_at: Mapped[datetime | None] = mapped_column(comment="When the verdict was given.")
