"""The catalogue of categories and the table of danger, edition by edition, as stored."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ForeignKey,
    Index,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from gis.db import Base, key, one_of
from gis.files.editions import EditionColumns
from gis.incidents.models.values import SEVERITIES


class CatalogueEdition(Base):
    """One edition of the catalogue; incidents keep the one they were filed under."""

    __tablename__ = "catalogue_edition"
    __table_args__ = (
        one_of("state", ("draft", "active", "retired"), "state_known"),
        Index(
            "one_active_edition", "state", unique=True, postgresql_where=text("state = 'active'")
        ),
        {"comment": "One edition of the catalogue of categories; one is active."},
    )

    id: Mapped[int] = key()
    name: Mapped[str] = mapped_column(
        unique=True, comment="As GB/T 47678.5-2026, or 2027-03 of the city."
    )
    state: Mapped[str] = mapped_column(comment="draft, active or retired.")
    source: Mapped[str] = mapped_column(server_default="", comment="The file it came from.")
    loaded_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="When it was loaded."
    )


class Category(Base):
    """A kind of matter, as 06010 暴露垃圾."""

    __tablename__ = "incident_category"
    __table_args__ = (
        UniqueConstraint("edition_id", "code"),
        one_of("kind", ("incident", "order"), "kind_known"),
        one_of("severity", SEVERITIES, "severity_known"),
        {"comment": "A kind of matter in an edition of the catalogue."},
    )

    id: Mapped[int] = key()
    edition_id: Mapped[int] = mapped_column(
        ForeignKey("catalogue_edition.id"), comment="The edition it is in."
    )
    code: Mapped[str] = mapped_column(
        comment="Five digits for GB/T 47678.5, a letter and digits for community kinds."
    )
    old_code: Mapped[str] = mapped_column(
        server_default="", comment="Its code in the older edition, where it had one."
    )
    major: Mapped[str] = mapped_column(comment="Code of its major group, as 06.")
    major_zh: Mapped[str] = mapped_column(comment="Name of the group, as 市容环境.")
    major_en: Mapped[str] = mapped_column(comment="Name of the group in English.")
    zh: Mapped[str] = mapped_column(comment="Name on screen, as 暴露垃圾.")
    en: Mapped[str] = mapped_column(comment="Name in English.")
    kind: Mapped[str] = mapped_column(comment="incident, or order (点单) that somebody claims.")
    severity: Mapped[str] = mapped_column(
        server_default="normal", comment="Severity where the report names none."
    )
    skill: Mapped[str] = mapped_column(
        server_default="", comment="For orders: the skill asked for, as repairs."
    )
    keywords: Mapped[list[str]] = mapped_column(
        ARRAY(Text()), server_default="{}", comment="Words that point to it."
    )
    examples: Mapped[list[str]] = mapped_column(
        ARRAY(Text()), server_default="{}", comment="Reports of its kind."
    )
    attributes: Mapped[list[dict[str, Any]]] = mapped_column(
        JSONB, server_default="[]", comment="Questions of its own, as Open311 describes attributes."
    )
    public: Mapped[bool] = mapped_column(server_default="true", comment="Residents may choose it.")
    position: Mapped[int] = mapped_column(server_default="0", comment="Order in lists.")


class DangerTable(EditionColumns, Base):
    """One edition of the table of danger; the newest is in force."""

    __tablename__ = "danger_table"
    __table_args__ = (
        {"comment": "One edition of the table of danger; the newest is in force, none is changed."},
    )
