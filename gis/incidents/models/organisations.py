"""Organisations as stored, with their members."""

from datetime import datetime

from geoalchemy2 import WKBElement
from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.dialects.postgresql import ARRAY, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from gis.db import Base, geometry, key, one_of
from gis.incidents.models.values import ORGANISATION_KINDS


class Organisation(Base):
    """A party branch, team, company, squad or unit: it does parts of matters, or takes orders."""

    __tablename__ = "organisation"
    __table_args__ = (
        one_of("kind", ORGANISATION_KINDS, "kind_known"),
        CheckConstraint("limit_min > 0", name="limit_positive"),
        {
            "comment": (
                "A branch, team, company, squad or unit: parts are handed to it, and it takes"
                " orders."
            )
        },
    )

    id: Mapped[int] = key()
    code: Mapped[str] = mapped_column(unique=True, comment="Short name, as water.")
    name: Mapped[str] = mapped_column(comment="As residents know it.")
    kind: Mapped[str] = mapped_column(comment="Key of ORGANISATION_KINDS.")
    kind_id: Mapped[int | None] = mapped_column(
        ForeignKey("kind.id"), comment="The kind of its kind, where people added one."
    )
    number: Mapped[str] = mapped_column(
        server_default="", comment="Its number among those of its kind, as 2."
    )
    parent_id: Mapped[int | None] = mapped_column(
        ForeignKey("organisation.id"), index=True, comment="The organisation it belongs to."
    )
    area_id: Mapped[int | None] = mapped_column(
        ForeignKey("area.id"), index=True, comment="Where it serves; empty: everywhere."
    )
    estate: Mapped[str] = mapped_column(server_default="", comment="The estate it serves.")
    facility_id: Mapped[int | None] = mapped_column(
        ForeignKey("facility.id", ondelete="SET NULL"), comment="The facility it works from."
    )
    head_id: Mapped[int | None] = mapped_column(
        ForeignKey("personal.person.id"), comment="Who leads it."
    )
    phone: Mapped[str] = mapped_column(server_default="", comment="Duty telephone.")
    address: Mapped[str] = mapped_column(server_default="", comment="Where it is, in words.")
    limit_min: Mapped[float] = mapped_column(comment="Working minutes it has for a part.")
    skills: Mapped[list[str]] = mapped_column(
        ARRAY(Text()), server_default="{}", comment="Orders of these it takes as a team."
    )
    hours: Mapped[str] = mapped_column(
        server_default="", comment="When orders may be offered, as opening hours; empty: always."
    )
    geom: Mapped[WKBElement | None] = mapped_column(
        geometry("POINT"), comment="Where its people start from, EPSG:4490."
    )
    active: Mapped[bool] = mapped_column(server_default="true", comment="Parts are handed to it.")


class OrganisationMember(Base):
    """Somebody who belongs to an organisation."""

    __tablename__ = "organisation_member"
    __table_args__ = (
        CheckConstraint(
            "NOT isempty(valid_time) AND NOT lower_inf(valid_time)", name="dates_in_order"
        ),
        ExcludeConstraint(
            ("organisation_id", "="),
            ("person_id", "="),
            ("valid_time", "&&"),
            using="gist",
            name="one_membership_at_a_time",
        ),
        {"comment": "Who belongs to an organisation, as what, from when to when."},
    )

    id: Mapped[int] = key()
    organisation_id: Mapped[int] = mapped_column(
        ForeignKey("organisation.id", ondelete="CASCADE"), comment="Where."
    )
    person_id: Mapped[int] = mapped_column(
        ForeignKey("personal.person.id", ondelete="CASCADE"), index=True, comment="Who."
    )
    role: Mapped[str] = mapped_column(
        server_default="", comment="As what, in words; empty: a member."
    )
    takes_orders: Mapped[bool] = mapped_column(
        server_default="true", comment="May take orders of the organisation."
    )
    valid_time: Mapped[Range[datetime]] = mapped_column(
        comment="From (inclusive) to (exclusive; empty: still)."
    )
