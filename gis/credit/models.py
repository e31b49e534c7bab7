"""Formulas of points and stars as stored, and the results of years that are closed."""

import uuid
from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Numeric, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from gis.db import Base, key, one_of

FORMULA_KINDS = ("points", "stars")


class FormulaEdition(Base):
    """An edition of a formula, published whole; it never changes but to be closed."""

    __tablename__ = "formula_edition"
    __table_args__ = (
        one_of("kind", FORMULA_KINDS, "kind_known"),
        UniqueConstraint("county", "year", "kind", "version"),
        CheckConstraint("(closed_at IS NULL) = (closed_by = '')", name="closed_by_somebody"),
        {"comment": "Editions of the formulas of points and stars; the newest of a year counts."},
    )

    id: Mapped[int] = key()
    county: Mapped[str] = mapped_column(comment="Code of the county.")
    year: Mapped[int] = mapped_column(comment="Of the events that it counts.")
    kind: Mapped[str] = mapped_column(comment="points or stars.")
    version: Mapped[int] = mapped_column(comment="From 1; the highest counts.")
    published_at: Mapped[datetime] = mapped_column(comment="Since when it counts.")
    published_by: Mapped[str] = mapped_column(comment="Who published it.")
    closed_at: Mapped[datetime | None] = mapped_column(
        comment="When the result was stored as it was handed up; empty: it is computed."
    )
    closed_by: Mapped[str] = mapped_column(server_default="", comment="Who closed the year.")


class FormulaRule(Base):
    """A row of a formula."""

    __tablename__ = "formula_rule"
    __table_args__ = (
        CheckConstraint("value > 0 AND cap > 0", name="positive"),
        {"comment": "Rows of formulas: what a fact is worth; keys of gis/credit/rules.py."},
    )

    edition_id: Mapped[int] = mapped_column(
        ForeignKey("formula_edition.id"), primary_key=True, comment="The edition."
    )
    fact: Mapped[str] = mapped_column(primary_key=True, comment="As taken, in_time or stars_5.")
    condition: Mapped[str] = mapped_column(
        primary_key=True, comment="Which of these events, as urgent; empty: all."
    )
    value: Mapped[Decimal] = mapped_column(
        Numeric(8, 2), comment="Points of each, weight of a share, or a threshold."
    )
    cap: Mapped[Decimal | None] = mapped_column(
        Numeric(8, 2), comment="At most so many points of it in a year; empty: no limit."
    )


class CreditEntry(Base):
    """The points of an event, of a year that is closed."""

    __tablename__ = "credit_entry"
    __table_args__ = ({"comment": "Points event by event, of years that are closed."},)

    edition_id: Mapped[int] = mapped_column(
        ForeignKey("formula_edition.id"), primary_key=True, comment="The formula."
    )
    event_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, comment="The event.")
    fact: Mapped[str] = mapped_column(primary_key=True, comment="Of the rule.")
    condition: Mapped[str] = mapped_column(primary_key=True, comment="Of the rule.")
    incident_id: Mapped[uuid.UUID] = mapped_column(comment="The incident.")
    at: Mapped[datetime] = mapped_column(comment="When it happened.")
    person_id: Mapped[int | None] = mapped_column(
        BigInteger, comment="Whose they are; no foreign key, since results never change."
    )
    organisation_id: Mapped[int | None] = mapped_column(
        BigInteger, comment="The team whose they are, as person_id."
    )
    area_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger()), comment="Of the incident.")
    points: Mapped[Decimal] = mapped_column(Numeric(8, 2), comment="How many.")


class StarShare(Base):
    """A share of a community, of a year that is closed; its stars follow from the formula."""

    __tablename__ = "star_share"
    __table_args__ = ({"comment": "Shares of communities, of years that are closed."},)

    edition_id: Mapped[int] = mapped_column(
        ForeignKey("formula_edition.id"), primary_key=True, comment="The formula."
    )
    area_id: Mapped[int] = mapped_column(
        ForeignKey("area.id"), primary_key=True, comment="The community."
    )
    metric: Mapped[str] = mapped_column(primary_key=True, comment="Which, as in_time.")
    n: Mapped[int] = mapped_column(comment="How many count.")
    of: Mapped[int] = mapped_column(comment="Of how many.")
