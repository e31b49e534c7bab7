"""Discussions and their ballots."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from gis.db import Base, key, one_of

CHOICES = ("yes", "no", "abstain")


class Discussion(Base):
    """A proposal put to the homes of an area; its words never change."""

    __tablename__ = "discussion"
    __table_args__ = (
        CheckConstraint("closes_at > opens_at", name="closes_after_opening"),
        CheckConstraint("quorum BETWEEN 0 AND 100", name="quorum_in_percent"),
        CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_reason = '')", name="withdrawn_with_reason"
        ),
        Index(None, "area_id"),
        {"comment": "A proposal put to the homes of an area."},
    )

    id: Mapped[int] = key()
    county: Mapped[str] = mapped_column(comment="Code of the county.")
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"), comment="Whose homes vote.")
    title: Mapped[str] = mapped_column(comment="What it is about.")
    proposal: Mapped[str] = mapped_column(comment="What is proposed.")
    quorum: Mapped[int] = mapped_column(
        comment="Percent of the homes that must vote for a result; at least three votes."
    )
    opens_at: Mapped[datetime] = mapped_column(comment="From when votes count.")
    closes_at: Mapped[datetime] = mapped_column(comment="Until when, the moment itself out.")
    draws: Mapped[int] = mapped_column(
        server_default="0", comment="How often its slips were drawn; those of the last time count."
    )
    created_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="When it was written down."
    )
    created_by: Mapped[str] = mapped_column(comment="Who wrote it down.")
    withdrawn_at: Mapped[datetime | None] = mapped_column(comment="When it was withdrawn.")
    withdrawn_reason: Mapped[str] = mapped_column(
        server_default="", comment="Why; empty: it was not."
    )
    conclusion: Mapped[str] = mapped_column(
        server_default="", comment="What became of the result, as residents read it."
    )


class Ballot(Base):
    """The one vote of one slip; nothing says whose slip it is, or when it voted."""

    __tablename__ = "discussion_ballot"
    __table_args__ = (
        one_of("choice", CHOICES, "choice_known"),
        {"comment": "Slips of discussions, one for each home; they are secret: no home, no time."},
    )

    discussion_id: Mapped[int] = mapped_column(
        ForeignKey("discussion.id"), primary_key=True, comment="The discussion."
    )
    digest: Mapped[str] = mapped_column(
        primary_key=True, comment="SHA-256 of the code on the slip, which is stored nowhere."
    )
    choice: Mapped[str | None] = mapped_column(
        comment="yes, no or abstain; empty: it has not voted."
    )
