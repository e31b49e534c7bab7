"""Routing rules as stored: sets of an ordered table."""

from datetime import datetime, time

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from gis.db import Base, key, one_of
from gis.incidents.models.values import DISPATCH_MODES


class RuleSet(Base):
    """An ordered set of routing rules; one is active."""

    __tablename__ = "rule_set"
    __table_args__ = (
        one_of("state", ("draft", "active", "retired"), "state_known"),
        Index(
            "one_active_rule_set", "state", unique=True, postgresql_where=text("state = 'active'")
        ),
        {"comment": "An ordered set of routing rules; one is active."},
    )

    id: Mapped[int] = key()
    name: Mapped[str] = mapped_column(unique=True, comment="What it is called.")
    state: Mapped[str] = mapped_column(comment="draft, active or retired.")
    author: Mapped[str] = mapped_column(server_default="", comment="Who made it.")
    loaded_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="When it was loaded."
    )
    activated_at: Mapped[datetime | None] = mapped_column(comment="When it was switched on.")


class RoutingRule(Base):
    """Who goes first for which matter, and how long each stage may take.

    The first rule that matches wins.
    """

    __tablename__ = "routing_rule"
    __table_args__ = (
        UniqueConstraint("rule_set_id", "position"),
        one_of("dispatch_mode", DISPATCH_MODES, "way_known"),
        one_of("days", ("any", "working", "rest"), "days_known"),
        CheckConstraint("(time_from IS NULL) = (time_to IS NULL)", name="times_together"),
        CheckConstraint(
            "least(accept_min, dispatch_min, take_min, handle_min, check_min) > 0",
            name="limits_positive",
        ),
        {
            "comment": (
                "Who goes first for which matter, and how long each stage may take;"
                " the first match wins."
            )
        },
    )

    id: Mapped[int] = key()
    rule_set_id: Mapped[int] = mapped_column(
        ForeignKey("rule_set.id", ondelete="CASCADE"), comment="Its set."
    )
    position: Mapped[int] = mapped_column(comment="Order; lower is tried first.")
    name: Mapped[str] = mapped_column(comment="What the answer calls it, as 噪声扰民·夜间.")
    category: Mapped[str] = mapped_column(
        server_default="", comment="Code or its beginning (06); empty: any."
    )
    severity: Mapped[str] = mapped_column(
        server_default="", comment="low, normal, high or urgent; empty: any."
    )
    area_id: Mapped[int | None] = mapped_column(
        ForeignKey("area.id"), comment="The area it holds in; empty: any."
    )
    time_from: Mapped[time | None] = mapped_column(comment="From this time of day; empty: any.")
    time_to: Mapped[time | None] = mapped_column(
        comment="Until before this time; less than time_from: past midnight."
    )
    days: Mapped[str] = mapped_column(
        server_default="any", comment="any, working or rest (weekends and holidays)."
    )
    channel: Mapped[str] = mapped_column(
        server_default="", comment="Channel of the report; empty: any."
    )
    dispatch_mode: Mapped[str] = mapped_column(
        server_default="assign", comment="assign to a person, or order to be claimed."
    )
    first_role: Mapped[str] = mapped_column(
        ForeignKey("role.key"), comment="The role that goes first."
    )
    escalation: Mapped[list[str]] = mapped_column(
        ARRAY(Text()),
        comment="Roles one step up each, for vacancies and for supervision when overdue.",
    )
    accept_min: Mapped[int] = mapped_column(comment="Minutes from report to acceptance.")
    dispatch_min: Mapped[int] = mapped_column(comment="Minutes from acceptance to dispatch.")
    take_min: Mapped[int] = mapped_column(comment="Minutes from dispatch to being taken.")
    handle_min: Mapped[int] = mapped_column(comment="Minutes from being taken to handled.")
    check_min: Mapped[int] = mapped_column(
        comment="Minutes from handled to checked, and from checked to closed."
    )
    around_the_clock: Mapped[bool] = mapped_column(
        server_default="false", comment="Minutes of the clock on the wall, not of working time."
    )
