"""Tables of facilities, service circles, standards of facilities, and visits of a check-up."""

from datetime import datetime
from uuid import UUID

from geoalchemy2 import WKBElement
from sqlalchemy import (
    ARRAY,
    REAL,
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from gis.bigrams import lookup_indexes
from gis.db import Base, geometry, key, one_of
from gis.files.editions import EditionColumns
from gis.files.photos import PhotoColumns
from gis.places.doors import ENTRANCE_KINDS

ENTRANCE_SOURCES = ("osm", "town", "file", "page")
VISIT_RESULTS = ("have", "have_not", "partly")


class Facility(Base):
    """A place people walk to for a service."""

    __tablename__ = "facility"
    __table_args__ = (
        CheckConstraint(
            "GeometryType(geom) IN ('POINT', 'POLYGON', 'MULTIPOLYGON')", name="point_or_polygon"
        ),
        CheckConstraint("capacity >= 0", name="capacity_not_negative"),
        *(Index(None, *names) for names in (("county", "category"), ("version", "id"))),
        *lookup_indexes("facility", ("code", "name"), ("name", "address")),
        {"comment": "A place people walk to for a service."},
    )

    id: Mapped[int] = key()
    code: Mapped[str] = mapped_column(
        unique=True, comment="Code of the facility; for OSM n123, w123 or r123."
    )
    county: Mapped[str | None] = mapped_column(comment="Code of the county it stands in.")
    category: Mapped[str] = mapped_column(comment="Key of gis/facilities/categories.py.")
    kind_id: Mapped[int | None] = mapped_column(ForeignKey("kind.id"), comment="Kind of people.")
    name: Mapped[str] = mapped_column(server_default="", comment="Name as signed.")
    address: Mapped[str] = mapped_column(server_default="", comment="Street and house number.")
    opening_hours: Mapped[str] = mapped_column(
        server_default="", comment="OSM opening_hours syntax."
    )
    contact: Mapped[str] = mapped_column(server_default="", comment="Public telephone.")
    capacity: Mapped[int | None] = mapped_column(
        comment="Places, beds or doctors, by its category; empty: nobody stated it."
    )
    geom: Mapped[WKBElement] = mapped_column(
        geometry("GEOMETRY"), comment="Point or polygon, EPSG:4490."
    )
    entrance: Mapped[WKBElement | None] = mapped_column(
        geometry("POINT"), comment="The main one of its doors in the table entrance, when known."
    )
    source: Mapped[str] = mapped_column(
        server_default="",
        comment="The load it came from; page: as a person stated it, which map loads leave alone.",
    )
    version: Mapped[int] = mapped_column(
        server_default="1", comment="One more with every change on a page; for If-Match."
    )


class ClosedFacility(Base):
    """A facility that closed for good: loads of maps do not bring it back."""

    __tablename__ = "closed_facility"
    __table_args__ = (
        {"comment": "A facility that closed for good: loads of maps do not bring it back."},
    )

    code: Mapped[str] = mapped_column(primary_key=True, comment="Code it had.")
    category: Mapped[str] = mapped_column(comment="Key of gis/facilities/categories.py.")
    name: Mapped[str] = mapped_column(comment="Name as signed.")
    closed_at: Mapped[datetime] = mapped_column(comment="When a person took it away.")
    author: Mapped[str] = mapped_column(comment="Who, as the history names them.")


class Entrance(Base):
    """A door or gate of a building or of the grounds of a facility."""

    __tablename__ = "entrance"
    __table_args__ = (
        CheckConstraint("(building_id IS NULL) <> (facility_id IS NULL)", name="of_one"),
        one_of("kind", ENTRANCE_KINDS, "kind_known"),
        one_of("source", ENTRANCE_SOURCES, "source_known"),
        UniqueConstraint("building_id", "code"),
        UniqueConstraint("facility_id", "code"),
        {"comment": "A door or gate of a building or of the grounds of a facility."},
    )

    id: Mapped[int] = key()
    building_id: Mapped[int | None] = mapped_column(
        ForeignKey("building.id", ondelete="CASCADE"), index=True, comment="Whose door it is."
    )
    facility_id: Mapped[int | None] = mapped_column(
        ForeignKey("facility.id", ondelete="CASCADE"), index=True, comment="Whose door it is."
    )
    code: Mapped[str | None] = mapped_column(comment="Its code; for OSM n123; empty: none.")
    kind: Mapped[str] = mapped_column(comment="main, side, gate or service (goods and cars).")
    hours: Mapped[str] = mapped_column(
        server_default="", comment="When it is open, OSM opening_hours syntax."
    )
    note: Mapped[str] = mapped_column(server_default="", comment="What else is to be said of it.")
    geom: Mapped[WKBElement] = mapped_column(geometry("POINT"), comment="Where, EPSG:4490.")
    source: Mapped[str] = mapped_column(
        comment=(
            "osm, town or file: as loaded; page: as a person put it, which map loads leave alone."
        )
    )
    version: Mapped[int] = mapped_column(
        server_default="1", comment="One more with every change; for If-Match."
    )
    removed_at: Mapped[datetime | None] = mapped_column(
        comment="When a person took it away; loads do not bring it back."
    )


class BuildingAccess(Base):
    """How far a building is from the facilities of a category, for a walking profile."""

    __tablename__ = "building_access"
    __table_args__ = (
        PrimaryKeyConstraint("building_id", "profile", "category"),
        CheckConstraint(
            "0 <= within_5 AND within_5 <= within_10 AND within_10 <= within_15",
            name="counts_in_order",
        ),
        Index(None, "profile", "category"),
        {"comment": "Walking minutes from each building to the nearest facility of a category."},
    )

    building_id: Mapped[int] = mapped_column(
        ForeignKey("building.id", ondelete="CASCADE"), comment="From where."
    )
    profile: Mapped[str] = mapped_column(comment="Walking profile, as adult.")
    category: Mapped[str] = mapped_column(comment="Key of gis/facilities/categories.py.")
    minutes: Mapped[float | None] = mapped_column(
        comment="Walk to the nearest; empty: none within an hour, or off the network."
    )
    facility_id: Mapped[int | None] = mapped_column(
        ForeignKey("facility.id", ondelete="SET NULL"), index=True, comment="The nearest facility."
    )
    within_5: Mapped[int] = mapped_column(SmallInteger, comment="How many within 5 minutes.")
    within_10: Mapped[int] = mapped_column(SmallInteger, comment="How many within 10 minutes.")
    within_15: Mapped[int] = mapped_column(SmallInteger, comment="How many within 15 minutes.")
    edge_minutes: Mapped[float | None] = mapped_column(
        comment="Walk to where the data end; empty: not within an hour."
    )
    off_network: Mapped[bool] = mapped_column(
        comment="More than 100 m from any street, or only on an island."
    )


class AccessRun(Base):
    """What the labels of a profile and category were computed from."""

    __tablename__ = "access_run"
    __table_args__ = (
        PrimaryKeyConstraint("profile", "category"),
        {"comment": "What the labels of a profile and category were computed from."},
    )

    profile: Mapped[str] = mapped_column(comment="Walking profile, as adult.")
    category: Mapped[str] = mapped_column(comment="Key of gis/facilities/categories.py.")
    network_version: Mapped[str] = mapped_column(
        comment="The walking network, the profile included."
    )
    edits: Mapped[list[int] | None] = mapped_column(
        ARRAY(BigInteger), comment="Ids of the edits of the network then; empty: not known."
    )
    buildings_digest: Mapped[str] = mapped_column(comment="Digest of buildings and their doors.")
    facilities_digest: Mapped[str] = mapped_column(
        comment="Digest of the facilities of the category and their doors."
    )
    computed_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="When it was computed."
    )


class CoverageSnapshot(Base):
    """Coverage as it was when somebody saved it: the question, the state, and the buildings."""

    __tablename__ = "coverage_snapshot"
    __table_args__ = (
        CheckConstraint(
            "cardinality(buildings) = ALL (ARRAY[cardinality(lon), cardinality(lat),"
            " cardinality(households), cardinality(people), cardinality(elders)])",
            name="arrays_alike",
        ),
        {"comment": "Coverage as it was when somebody saved it, to be compared with another."},
    )

    id: Mapped[int] = key()
    name: Mapped[str] = mapped_column(unique=True, comment="By which it is called.")
    tier: Mapped[str | None] = mapped_column(
        comment="Tier of the standards whose items it holds; empty: one question only."
    )
    profile: Mapped[str] = mapped_column(comment="Walking profile, as adult.")
    open_at: Mapped[datetime | None] = mapped_column(
        comment="Moment at which facilities had to be open; empty: they did not."
    )
    planned: Mapped[list[dict[str, object]]] = mapped_column(
        JSONB, comment="Facilities that stand only in a plan: category, name, lon, lat."
    )
    network_version: Mapped[str] = mapped_column(
        comment="The walking network, the profile included."
    )
    facilities_digest: Mapped[str] = mapped_column(
        comment="Digest of the facilities of its categories and their doors."
    )
    author: Mapped[str] = mapped_column(comment="Who saved it, as the history names them.")
    account_id: Mapped[int | None] = mapped_column(
        ForeignKey("personal.account.id", ondelete="SET NULL"),
        comment="The account that saved it; empty: a program or the command line.",
    )
    saved_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="When it was saved."
    )
    buildings: Mapped[list[str]] = mapped_column(
        ARRAY(Text), comment="Codes of all buildings, ascending; other arrays have their order."
    )
    lon: Mapped[list[float]] = mapped_column(ARRAY(Double), comment="Doors, degrees, EPSG:4490.")
    lat: Mapped[list[float]] = mapped_column(ARRAY(Double), comment="Doors, degrees, EPSG:4490.")
    households: Mapped[list[int]] = mapped_column(
        ARRAY(Integer), comment="Households of each building."
    )
    people: Mapped[list[int]] = mapped_column(ARRAY(Integer), comment="People of each building.")
    elders: Mapped[list[int | None]] = mapped_column(
        ARRAY(Integer), comment="People of sixty or more of each building; null: not known."
    )


class CoverageSnapshotItem(Base):
    """The walks of one question of a snapshot."""

    __tablename__ = "coverage_snapshot_item"
    __table_args__ = (
        PrimaryKeyConstraint("snapshot_id", "item"),
        {"comment": "The walks of all buildings of a snapshot for one question."},
    )

    snapshot_id: Mapped[int] = mapped_column(
        ForeignKey("coverage_snapshot.id", ondelete="CASCADE"), comment="Of which snapshot."
    )
    item: Mapped[str] = mapped_column(
        comment="Item of the tier; without a tier the categories, with commas."
    )
    categories: Mapped[list[str]] = mapped_column(
        ARRAY(Text), comment="Keys of gis/facilities/categories.py; the nearest of any counts."
    )
    minutes: Mapped[float] = mapped_column(comment="Walk that counts as served.")
    walk: Mapped[list[float | None]] = mapped_column(
        ARRAY(REAL), comment="Minutes to the nearest; null: none within an hour."
    )
    standing: Mapped[list[int]] = mapped_column(
        ARRAY(SmallInteger), comment="0 served, 1 beyond, 2 cannot be said, 3 off the network."
    )


class AccessFacility(Base):
    """A facility that the labels of a profile counted, as it was then."""

    __tablename__ = "access_facility"
    __table_args__ = (
        PrimaryKeyConstraint("profile", "category", "facility_id"),
        {"comment": "A facility that the labels of a profile counted, as it was then."},
    )

    profile: Mapped[str] = mapped_column(comment="Walking profile, as adult.")
    category: Mapped[str] = mapped_column(comment="Its category then.")
    facility_id: Mapped[int] = mapped_column(
        BigInteger, autoincrement=False, comment="Its id; it may be no more."
    )
    doors: Mapped[bytes | None] = mapped_column(
        comment="Its doors then, WKB, EPSG:4490; empty: none were known."
    )
    shape: Mapped[bytes] = mapped_column(comment="Its point or polygon then, WKB, EPSG:4490.")


class ServiceCircle(Base):
    """The area from which a facility is within some minutes' walk."""

    __tablename__ = "service_circle"
    __table_args__ = (
        PrimaryKeyConstraint("facility_id", "profile", "minutes"),
        Index(None, "computed_at"),
        CheckConstraint("ST_IsValid(geom)", name="shape_is_valid"),
        CheckConstraint("minutes > 0 AND speed_m_s > 0", name="limits_positive"),
        {
            "comment": (
                "The ground within some minutes' walk of a facility, on one version of the network."
            )
        },
    )

    facility_id: Mapped[int] = mapped_column(
        ForeignKey("facility.id", ondelete="CASCADE"), comment="Whose circle."
    )
    profile: Mapped[str] = mapped_column(comment="Who walks: adult, elder, wheelchair.")
    minutes: Mapped[int] = mapped_column(comment="The limit, minutes.")
    speed_m_s: Mapped[float] = mapped_column(comment="Walking speed, metres a second.")
    network_version: Mapped[str] = mapped_column(
        comment="Digest of the walking network it was computed on."
    )
    origin_digest: Mapped[str] = mapped_column(
        comment="Digest of the facility's place; another one means recompute."
    )
    off_network: Mapped[bool] = mapped_column(
        comment="The facility is more than 100 m from any street."
    )
    island: Mapped[bool] = mapped_column(
        server_default="false", comment="The only ways within 100 m of the facility lead nowhere."
    )
    buildings: Mapped[int | None] = mapped_column(
        comment="Buildings within the limit, by exact distance."
    )
    households: Mapped[int] = mapped_column(
        comment="Households within the limit, by exact distance."
    )
    people: Mapped[int] = mapped_column(comment="People within the limit, by exact distance.")
    geom: Mapped[WKBElement] = mapped_column(
        geometry("MULTIPOLYGON"), comment="The circle, EPSG:4490; empty when off the network."
    )
    computed_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="When it was computed."
    )

    facility: Mapped[Facility] = relationship()


class ServiceStandard(EditionColumns, Base):
    """One edition of the table of standards of facilities; the newest is in force."""

    __tablename__ = "service_standard"
    __table_args__ = (
        {
            "comment": (
                "One edition of the table of standards of facilities;"
                " the newest is in force, none is changed."
            )
        },
    )


class CheckupVisit(Base):
    """What somebody saw of an item of the check-up sheet of a community; never changed."""

    __tablename__ = "checkup_visit"
    __table_args__ = (
        one_of("result", VISIT_RESULTS, "result_known"),
        Index(None, "area_id", "tier", "item"),
        {"comment": "What a visit saw of an item of a community's check-up; rows are added only."},
    )

    id: Mapped[int] = key()
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"), comment="The community.")
    tier: Mapped[str] = mapped_column(comment="Tier of the table of standards.")
    item: Mapped[str] = mapped_column(comment="Item of that tier.")
    result: Mapped[str] = mapped_column(comment="have, have_not or partly.")
    location: Mapped[str] = mapped_column(server_default="", comment="Where it was seen.")
    note: Mapped[str] = mapped_column(server_default="", comment="What else was seen.")
    visited_at: Mapped[datetime] = mapped_column(comment="When it was seen.")
    account_id: Mapped[int | None] = mapped_column(
        ForeignKey("personal.account.id", ondelete="SET NULL"),
        comment="The account that wrote it down; empty: a program or the command line.",
    )
    author: Mapped[str] = mapped_column(comment="Who wrote it down, as the history names them.")
    recorded_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="When it was written down."
    )


class CheckupPhoto(PhotoColumns, Base):
    """A photo of what a visit saw; the file lies under var/photos, without EXIF."""

    __tablename__ = "checkup_photo"
    __table_args__ = ({"comment": "A photo of a visit; its file lies under var/photos."},)

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="Random; also the name of the file.")
    visit_id: Mapped[int] = mapped_column(
        ForeignKey("checkup_visit.id"), index=True, comment="The visit."
    )
    position: Mapped[int] = mapped_column(SmallInteger, comment="Its place among them, from 0.")
