"""Parts of a matter that others do: external units, co-handlers and those who sign."""

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from gis.db import Base, key, one_of
from gis.incidents.models.values import PART_KINDS


class JointPart(Base):
    """A part of a matter that somebody else than its holder does, with a clock of its own."""

    __tablename__ = "joint_part"
    __table_args__ = (
        ForeignKeyConstraint(["county", "incident_id"], ["incident.county", "incident.id"]),
        one_of("kind", PART_KINDS, "kind_known"),
        CheckConstraint(
            "num_nonnulls(organisation_id, person_id) = 1", name="organisation_or_person"
        ),
        Index(None, "incident_id"),
        {"comment": "A part of a matter that somebody else than its holder does."},
    )

    id: Mapped[int] = key()
    county: Mapped[str] = mapped_column(comment="Code of the county.")
    incident_id: Mapped[uuid.UUID] = mapped_column(comment="The incident.")
    kind: Mapped[str] = mapped_column(
        comment="external (外部单位), assist (协办), or sign (会签): handled only after it."
    )
    organisation_id: Mapped[int | None] = mapped_column(
        ForeignKey("organisation.id"), comment="The unit that does it."
    )
    person_id: Mapped[int | None] = mapped_column(
        ForeignKey("personal.person.id"), comment="Or the person."
    )
    note: Mapped[str] = mapped_column(server_default="", comment="What is asked for.")
    asked_at: Mapped[datetime] = mapped_column(server_default=func.now(), comment="Since when.")
    due_at: Mapped[datetime] = mapped_column(comment="Its own time is over.")
    finished_at: Mapped[datetime | None] = mapped_column(comment="When it was done.")
    result: Mapped[str] = mapped_column(server_default="", comment="What was done.")
    finished_by: Mapped[str] = mapped_column(
        server_default="", comment="Account or program that recorded it."
    )
