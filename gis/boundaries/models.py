"""Tables of the work on a draft: who may edit it, its review, and the comments on it."""

from datetime import datetime

from geoalchemy2 import WKBElement
from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from gis.db import Base, geometry, key, one_of


class DraftEditor(Base):
    """An account that its author lets edit a draft."""

    __tablename__ = "draft_editor"
    __table_args__ = (
        UniqueConstraint("revision_id", "editor"),
        Index(None, "editor"),
        {"comment": "Who may edit a boundary draft besides its author."},
    )

    id: Mapped[int] = key()
    revision_id: Mapped[int] = mapped_column(ForeignKey("revision.id"), comment="The draft.")
    editor: Mapped[str] = mapped_column(comment="Who, as the history names them: account wang.")
    invited_at: Mapped[datetime] = mapped_column(server_default=func.now(), comment="Since when.")


class DraftReview(Base):
    """A step of the review of a draft; the newest says where the review stands."""

    __tablename__ = "draft_review"
    __table_args__ = (
        one_of("state", ("requested", "changes_requested", "approved"), "state_known"),
        Index(None, "revision_id"),
        Index(None, "reviewer"),
        {"comment": "Reviews of boundary drafts, step by step; never changed."},
    )

    id: Mapped[int] = key()
    revision_id: Mapped[int] = mapped_column(ForeignKey("revision.id"), comment="The draft.")
    state: Mapped[str] = mapped_column(comment="requested, changes_requested or approved.")
    reviewer: Mapped[str] = mapped_column(comment="Who reviews, as the history names them.")
    reason: Mapped[str] = mapped_column(server_default="", comment="What the reviewer says.")
    version: Mapped[int] = mapped_column(
        comment="Version of the draft; an approval of an earlier one has lapsed."
    )
    at: Mapped[datetime] = mapped_column(server_default=func.now(), comment="When.")


class DraftComment(Base):
    """A comment pinned to a place of a draft, or a reply to one."""

    __tablename__ = "draft_comment"
    __table_args__ = (
        CheckConstraint("(reply_to IS NULL) = (geom IS NOT NULL)", name="pinned_or_reply"),
        CheckConstraint("reply_to IS NULL OR resolved_at IS NULL", name="threads_resolve"),
        CheckConstraint(
            "(resolved_by IS NULL) = (resolved_at IS NULL)", name="resolved_by_somebody"
        ),
        Index(None, "revision_id"),
        {"comment": "Comments on boundary drafts, pinned to places."},
    )

    id: Mapped[int] = key()
    revision_id: Mapped[int] = mapped_column(ForeignKey("revision.id"), comment="The draft.")
    reply_to: Mapped[int | None] = mapped_column(
        ForeignKey("draft_comment.id"), comment="The comment that it answers."
    )
    geom: Mapped[WKBElement | None] = mapped_column(
        geometry("POINT"), comment="The place, EPSG:4490; a reply has none."
    )
    grid: Mapped[str | None] = mapped_column(comment="Code of the grid, where it is about one.")
    text: Mapped[str] = mapped_column(comment="The words.")
    author: Mapped[str] = mapped_column(comment="Who, as the history names them.")
    at: Mapped[datetime] = mapped_column(server_default=func.now(), comment="When.")
    resolved_by: Mapped[str | None] = mapped_column(comment="Who settled the matter.")
    resolved_at: Mapped[datetime | None] = mapped_column(comment="When it was settled.")
