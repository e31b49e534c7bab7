"""Templates of answers as stored."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from gis.db import Base, key


class AnswerTemplate(Base):
    """Words that a desk often writes in a note; used in its area and everything below."""

    __tablename__ = "answer_template"
    __table_args__ = (
        Index(None, "area_id"),
        CheckConstraint("btrim(title) <> '' AND btrim(text) <> ''", name="says_something"),
        {"comment": "Words that the desk of an area often writes in a note."},
    )

    id: Mapped[int] = key()
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"), comment="Whose desk wrote it.")
    category: Mapped[str] = mapped_column(
        server_default="", comment="Code of the category it is for, or its beginning; empty: any."
    )
    title: Mapped[str] = mapped_column(comment="What it is called.")
    text: Mapped[str] = mapped_column(comment="What it says.")
    author: Mapped[str] = mapped_column(comment="Who wrote it last.")
    changed_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="When it was written last."
    )
