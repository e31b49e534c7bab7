"""Tables of persons, posts and leave."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Mapped, mapped_column, relationship

from gis.bigrams import lookup_indexes
from gis.db import Base, key


class Role(Base):
    """A role of the domain; filled from `gis.rights.roles` at every migration."""

    __tablename__ = "role"
    __table_args__ = (
        {"comment": "The roles of grid management, kept in step with gis/rights/roles.py."},
    )

    key: Mapped[str] = mapped_column(primary_key=True, comment="English key, as grid_leader.")
    zh: Mapped[str] = mapped_column(comment="The word on screen, as 网格长.")
    en: Mapped[str] = mapped_column(comment="The English word.")
    attached_to: Mapped[str] = mapped_column(
        comment="Level of area, or building, that such a post is attached to."
    )
    rank: Mapped[int] = mapped_column(comment="Order in an answer, nearest to the household first.")


class Person(Base):
    """A person who holds posts. Residents are not stored."""

    __tablename__ = "person"
    __table_args__ = (
        CheckConstraint("btrim(name) <> ''", name="has_name"),
        *lookup_indexes("person", parts=("name",)),
        {"schema": "personal", "comment": "People who hold posts; residents are not in here."},
    )

    id: Mapped[int] = key()
    code: Mapped[str] = mapped_column(
        unique=True, comment="Staff number or other stable key of the load."
    )
    name: Mapped[str] = mapped_column(comment="Full name.")
    phone: Mapped[str] = mapped_column(
        server_default="", comment="Duty telephone; masked unless the asker may see it."
    )


class Post(Base):
    """A role for one area or building over a period."""

    __tablename__ = "post"
    __table_args__ = (
        CheckConstraint("num_nonnulls(area_id, building_id) = 1", name="one_place"),
        CheckConstraint(
            "NOT isempty(valid_time) AND NOT lower_inf(valid_time)", name="dates_in_order"
        ),
        CheckConstraint("lower_inc(valid_time) AND NOT upper_inc(valid_time)", name="half_open"),
        CheckConstraint("holder_id <> deputy_id", name="deputy_is_another"),
        Index(None, "county"),
        Index(
            "ix_post_incidents_from_post_id",
            "incidents_from_post_id",
            postgresql_where=text("incidents_from_post_id IS NOT NULL"),
        ),
        {"comment": "A role for one area or building, its holder and deputy, from when to when."},
    )

    id: Mapped[int] = key()
    county: Mapped[str] = mapped_column(comment="Code of the county.")
    role: Mapped[str] = mapped_column(ForeignKey("role.key"), comment="Key of the role.")
    kind_id: Mapped[int | None] = mapped_column(
        ForeignKey("kind.id"), comment="The kind of its role, where people added one."
    )
    area_id: Mapped[int | None] = mapped_column(
        ForeignKey("area.id"), index=True, comment="The area answered for."
    )
    building_id: Mapped[int | None] = mapped_column(
        ForeignKey("building.id"), index=True, comment="Or the building."
    )
    holder_id: Mapped[int | None] = mapped_column(
        ForeignKey("personal.person.id"), index=True, comment="Who holds it; empty: vacant."
    )
    deputy_id: Mapped[int | None] = mapped_column(
        ForeignKey("personal.person.id"), index=True, comment="Who stands in on leave or vacancy."
    )
    valid_time: Mapped[Range[datetime]] = mapped_column(
        comment="Held from (inclusive) to (exclusive; empty: still)."
    )
    grade: Mapped[str] = mapped_column(
        server_default="",
        comment="Grade of who holds it, as they write it; empty: none is stated.",
    )
    incidents_from_post_id: Mapped[int | None] = mapped_column(
        ForeignKey("post.id", ondelete="SET NULL"),
        comment=(
            "The post whose open incidents come along when this one begins; empty: they have,"
            " or they stay."
        ),
    )

    holder: Mapped[Person | None] = relationship(foreign_keys=[holder_id])
    deputy: Mapped[Person | None] = relationship(foreign_keys=[deputy_id])


class PostPlan(Base):
    """How many community workers a community is to have."""

    __tablename__ = "post_plan"
    __table_args__ = (
        CheckConstraint("planned BETWEEN 0 AND 1000", name="planned_in_range"),
        {"comment": "How many community workers a community is to have."},
    )

    area_id: Mapped[int] = mapped_column(
        ForeignKey("area.id", ondelete="CASCADE"), primary_key=True, comment="The community."
    )
    planned: Mapped[int] = mapped_column(comment="Posts of community workers that it is to have.")


class Leave(Base):
    """A period in which a person is away and the deputy stands in."""

    __tablename__ = "leave"
    __table_args__ = (
        CheckConstraint(
            "NOT isempty(valid_time) AND NOT lower_inf(valid_time)", name="dates_in_order"
        ),
        CheckConstraint("lower_inc(valid_time) AND NOT upper_inc(valid_time)", name="half_open"),
        {"comment": "When a person is away; the deputy stands in."},
    )

    id: Mapped[int] = key()
    person_id: Mapped[int] = mapped_column(
        ForeignKey("personal.person.id", ondelete="CASCADE"), index=True, comment="Who is away."
    )
    valid_time: Mapped[Range[datetime]] = mapped_column(
        comment="Away from (inclusive) to (exclusive)."
    )
