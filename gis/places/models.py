"""Tables of buildings, stairwells and households, the parts of units, and what changed of homes."""

from datetime import datetime
from uuid import UUID

from geoalchemy2 import WKBElement
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    PrimaryKeyConstraint,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from gis.bigrams import lookup_indexes
from gis.db import Base, geometry, key, one_of

BUILDING_OUTLINES = ("drawn", "assumed")
"""How a footprint is known: drawn, or a square around the point where the building stands."""


class Building(Base):
    """A building by its footprint; a tower of several units is one row."""

    __tablename__ = "building"
    __table_args__ = (
        CheckConstraint("ST_IsValid(geom) AND NOT ST_IsEmpty(geom)", name="shape_is_valid"),
        CheckConstraint("floors > 0", name="has_floors"),
        CheckConstraint("homes >= 0", name="homes_plausible"),
        one_of("outline", BUILDING_OUTLINES, "outline_known"),
        Index(None, "county"),
        Index(None, "version", "id"),
        *lookup_indexes("building", ("code", "estate"), ("estate || name", "address")),
        Index("ix_building_sort_key", text("building_sort_key(estate, name, code)")),
        Index(
            "ix_building_words",
            text("building_words(estate, name, address)"),
            postgresql_using="gin",
        ),
        {"comment": "A building by its footprint; several units may stand on one."},
    )

    id: Mapped[int] = key()
    code: Mapped[str] = mapped_column(
        unique=True, comment="Code of the building; for OSM w123 or r123."
    )
    county: Mapped[str | None] = mapped_column(comment="Code of the county it stands in.")
    name: Mapped[str] = mapped_column(
        server_default="", comment="Name or number as written at the door, as 3号楼."
    )
    estate: Mapped[str] = mapped_column(
        server_default="", comment="Name of the compound (小区) it belongs to."
    )
    address: Mapped[str] = mapped_column(server_default="", comment="Street and house number.")
    kind: Mapped[str] = mapped_column(
        server_default="", comment="Use: residential, school, shop… (OSM's building value)."
    )
    floors: Mapped[int | None] = mapped_column(comment="Storeys above ground.")
    geom: Mapped[WKBElement] = mapped_column(
        geometry("MULTIPOLYGON"), comment="Footprint with its holes, EPSG:4490."
    )
    entrance: Mapped[WKBElement | None] = mapped_column(
        geometry("POINT"), comment="The main one of its doors in the table entrance, when known."
    )
    source: Mapped[str] = mapped_column(
        server_default="",
        comment=(
            "The load it came from; page: as a person stated it."
            " Map loads leave what a register or a person stated."
        ),
    )
    outline: Mapped[str] = mapped_column(
        server_default="drawn", comment="drawn, or assumed: a square around a point."
    )
    homes: Mapped[int | None] = mapped_column(comment="Homes as a register states them.")
    version: Mapped[int] = mapped_column(
        server_default="1", comment="One more with every change but by map loads; for If-Match."
    )


class UnplacedBuilding(Base):
    """A building of a register that waits for its place on the map."""

    __tablename__ = "unplaced_building"
    __table_args__ = (
        UniqueConstraint("area_id", "code", "estate", "name", postgresql_nulls_not_distinct=True),
        {"comment": "A building of a register that waits for its place on the map."},
    )

    id: Mapped[int] = key()
    code: Mapped[str | None] = mapped_column(
        comment="Code of the building, if the register has one."
    )
    estate: Mapped[str] = mapped_column(server_default="", comment="Name of the compound.")
    name: Mapped[str] = mapped_column(
        server_default="", comment="Name or number as written at the door."
    )
    address: Mapped[str] = mapped_column(server_default="", comment="Street and house number.")
    kind: Mapped[str] = mapped_column(server_default="", comment="Use.")
    floors: Mapped[int | None] = mapped_column(comment="Storeys above ground.")
    stairwells: Mapped[int | None] = mapped_column(comment="How many it has.")
    homes: Mapped[int | None] = mapped_column(comment="Homes as the register states them.")
    head_id: Mapped[int | None] = mapped_column(
        ForeignKey("personal.person.id"), comment="Its head, whose post begins when it is placed."
    )
    sponsor_id: Mapped[int | None] = mapped_column(
        ForeignKey("personal.person.id"), comment="Who vouches for it, likewise."
    )
    source: Mapped[str] = mapped_column(server_default="", comment="The load it came from.")
    area_id: Mapped[int | None] = mapped_column(
        ForeignKey("area.id"), comment="Whose register it is of; empty: not of one area."
    )


class ClosedBuilding(Base):
    """A building that is gone: loads of maps do not bring it back."""

    __tablename__ = "closed_building"
    __table_args__ = ({"comment": "A building that is gone: loads of maps do not bring it back."},)

    code: Mapped[str] = mapped_column(primary_key=True, comment="Code it had.")
    name: Mapped[str] = mapped_column(comment="Estate and name.")
    closed_at: Mapped[datetime] = mapped_column(comment="When a person took it away.")
    author: Mapped[str] = mapped_column(comment="Who, as the history names them.")


class Stairwell(Base):
    """A stairwell (单元) of a building."""

    __tablename__ = "stairwell"
    __table_args__ = (
        UniqueConstraint("building_id", "name"),
        {"comment": "A stairwell (单元) of a building."},
    )

    id: Mapped[int] = key()
    building_id: Mapped[int] = mapped_column(
        ForeignKey("building.id", ondelete="CASCADE"), comment="Its building."
    )
    name: Mapped[str] = mapped_column(comment="Number as written, as 2.")

    building: Mapped[Building] = relationship()


class UnitPart(Base):
    """A part of a building that belongs to a ten-household unit; empty columns mean all of it."""

    __tablename__ = "unit_part"
    __table_args__ = (
        UniqueConstraint(
            "unit_id",
            "building_id",
            "stairwell_id",
            "floor_from",
            "floor_to",
            postgresql_nulls_not_distinct=True,
            name="uq_unit_part_whole",
        ),
        CheckConstraint(
            "(floor_from IS NULL) = (floor_to IS NULL) AND floor_from <= floor_to",
            name="floors_in_order",
        ),
        {"comment": "Which building, stairwell or floors a ten-household unit stands on."},
    )

    id: Mapped[int] = key()
    unit_id: Mapped[int] = mapped_column(
        ForeignKey("area.id", ondelete="CASCADE"), index=True, comment="The unit (an area)."
    )
    building_id: Mapped[int] = mapped_column(
        ForeignKey("building.id", ondelete="CASCADE"), index=True, comment="Its building."
    )
    stairwell_id: Mapped[int | None] = mapped_column(
        ForeignKey("stairwell.id", ondelete="CASCADE"), comment="The stairwell; empty: every one."
    )
    floor_from: Mapped[int | None] = mapped_column(
        comment="Lowest floor, inclusive; empty: every one."
    )
    floor_to: Mapped[int | None] = mapped_column(comment="Highest floor, inclusive.")


class Household(Base):
    """A home: its location and the number of people; no names."""

    __tablename__ = "household"
    __table_args__ = (
        PrimaryKeyConstraint("county", "id"),
        UniqueConstraint(
            "county", "building_id", "stairwell_id", "room", postgresql_nulls_not_distinct=True
        ),
        CheckConstraint("people >= 0 AND people < 100", name="people_plausible"),
        CheckConstraint("elders >= 0 AND elders <= people", name="elders_among_people"),
        CheckConstraint("children >= 0 AND children <= people", name="children_among_people"),
        Index(None, "building_id"),
        Index(None, "unit_id"),
        {"comment": "A home: where it is and how many people live there; no names."},
    )

    county: Mapped[str] = mapped_column(comment="Code of its county, part of the key.")
    id: Mapped[int] = mapped_column(
        BigInteger, Identity(always=False), comment="Surrogate key within the county."
    )
    building_id: Mapped[int] = mapped_column(ForeignKey("building.id"), comment="Its building.")
    stairwell_id: Mapped[int | None] = mapped_column(
        ForeignKey("stairwell.id"), comment="Its stairwell, when the building has any."
    )
    floor: Mapped[int | None] = mapped_column(comment="Storey, from 1.")
    room: Mapped[str] = mapped_column(comment="Room as written at the door, as 501.")
    people: Mapped[int] = mapped_column(comment="How many live there.")
    elders: Mapped[int | None] = mapped_column(
        comment="How many of them are sixty or older; empty: not known."
    )
    children: Mapped[int | None] = mapped_column(
        comment="How many of them are six or younger; empty: not known."
    )
    unit_id: Mapped[int | None] = mapped_column(
        ForeignKey("area.id"), comment="Its ten-household unit."
    )


class DemandChange(Base):
    """A change of homes, doors or footprints, for `gis.facilities.demand_memory`."""

    __tablename__ = "demand_change"
    __table_args__ = (
        {
            "comment": (
                "What changed of homes, doors, footprints and facilities; written by triggers."
            )
        },
    )

    id: Mapped[int] = key()
    stamp: Mapped[UUID] = mapped_column(
        server_default=text("gen_random_uuid()"),
        comment="Random: another row of this id, in a database put back, has another.",
    )
    transaction_id: Mapped[int] = mapped_column(
        BigInteger,
        server_default=text("pg_current_xact_id()::text::bigint"),
        index=True,
        comment="The transaction of the change.",
    )
    running: Mapped[int] = mapped_column(
        BigInteger,
        server_default=text("pg_snapshot_xmin(pg_current_snapshot())::text::bigint"),
        comment="The oldest transaction that ran when this was written.",
    )
    at: Mapped[datetime] = mapped_column(
        server_default=func.clock_timestamp(),
        comment="When this was written; kept for a day from the end of the transaction.",
    )
    building_ids: Mapped[list[int] | None] = mapped_column(
        ARRAY(BigInteger()),
        comment="Ids of the buildings; null: it may be any; none: a facility or its door.",
    )


class CircleRun(Base):
    """Up to which changes of the log the stored circles of a profile are known to be right."""

    __tablename__ = "circle_run"
    __table_args__ = (
        {"comment": "Up to which changes the stored circles of a profile are right."},
    )

    profile: Mapped[str] = mapped_column(primary_key=True, comment="Walking profile, as adult.")
    network_version: Mapped[str] = mapped_column(comment="The network, with the edits in force.")
    snapshot: Mapped[str] = mapped_column(
        comment="pg_snapshot: which transactions of demand_change are counted in."
    )
    checked_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="When that was known."
    )
