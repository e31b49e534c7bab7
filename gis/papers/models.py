"""Forms of the street as stored."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, func
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from gis.db import Base, key, one_of


class PaperTemplate(Base):
    """A form of an office that a paper is filled into; used in its area and everything below."""

    __tablename__ = "paper_template"
    __table_args__ = (
        Index(None, "area_id"),
        CheckConstraint("btrim(name) <> ''", name="has_name"),
        one_of("ending", (".docx", ".xlsx"), "ending_known"),
        {"comment": "A form of an office, .docx or .xlsx, that a paper is filled into."},
    )

    id: Mapped[int] = key()
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"), comment="Whose form it is.")
    paper: Mapped[str] = mapped_column(comment="Key of the paper, as weekly.")
    name: Mapped[str] = mapped_column(comment="What it is called.")
    ending: Mapped[str] = mapped_column(comment=".docx or .xlsx.")
    content: Mapped[bytes] = mapped_column(
        LargeBinary, deferred=True, comment="The file as it was sent."
    )  # megabytes, which no list needs
    fields: Mapped[list[str]] = mapped_column(
        ARRAY(TEXT), comment="Its fields in their order; row.… of the row that repeats."
    )
    mapping: Mapped[dict[str, str]] = mapped_column(
        JSONB, comment="Field -> key of a figure or column; a hyphen: it stays empty."
    )
    author: Mapped[str] = mapped_column(comment="Who sent it.")
    changed_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="When it was sent or mapped last."
    )
