"""The walking network as stored."""

from datetime import datetime

from geoalchemy2 import WKBElement
from sqlalchemy import REAL, BigInteger, CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from gis.db import Base, geometry, key, one_of
from gis.files.editions import EditionColumns

EDIT_KINDS = ("close", "add", "gate")
EDIT_SOURCES = ("page", "file")


class WalkNetwork(Base):
    """The version of the network that is loaded; one row, replaced by every load."""

    __tablename__ = "walk_network"
    __table_args__ = (
        CheckConstraint("singleton", name="one_row"),
        {"comment": "The version of the walking network that is loaded; one row."},
    )

    singleton: Mapped[bool] = mapped_column(
        primary_key=True, server_default="true", comment="Always true."
    )
    version: Mapped[str] = mapped_column(
        comment="Digest of nodes and edges; after a hyphen that of their heights, where known."
    )
    nodes: Mapped[int] = mapped_column(comment="Number of nodes.")
    edges: Mapped[int] = mapped_column(comment="Number of edges.")
    source: Mapped[str] = mapped_column(comment="The load it came from.")
    loaded_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="When it was loaded."
    )


class WalkNode(Base):
    """A junction or end of walkable ways."""

    __tablename__ = "walk_node"
    __table_args__ = ({"comment": "A junction or end of walkable ways."},)

    id: Mapped[int] = mapped_column(
        BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="OSM node id, or a running number.",
    )
    geom: Mapped[WKBElement] = mapped_column(geometry("POINT"), comment="Where, EPSG:4490.")
    component: Mapped[int] = mapped_column(
        comment="Connected part it belongs to; 0 is the largest, others are islands."
    )
    at_edge_of_data: Mapped[bool] = mapped_column(
        server_default="false",
        comment="The data end here: a way goes on that is not in the file, or leaves its box.",
    )
    height_m: Mapped[float | None] = mapped_column(
        REAL, comment="Height, by the elevation loaded; null: not known."
    )


class WalkEdge(Base):
    """A walkable piece of way between two nodes, usable both ways."""

    __tablename__ = "walk_edge"
    __table_args__ = (
        CheckConstraint("length_m > 0", name="length_positive"),
        {"comment": "A walkable piece of way between two nodes, usable both ways."},
    )

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, comment="Running number in the load."
    )
    way_id: Mapped[int | None] = mapped_column(BigInteger, comment="OSM way it is a piece of.")
    u: Mapped[int] = mapped_column(
        ForeignKey("walk_node.id"), index=True, comment="Node at the start of the line."
    )
    v: Mapped[int] = mapped_column(
        ForeignKey("walk_node.id"), index=True, comment="Node at the end of the line."
    )
    length_m: Mapped[float] = mapped_column(comment="Geodesic length, metres.")
    kind: Mapped[str] = mapped_column(
        comment=(
            "OSM highway value; plaza: outline of an area; across: straight over it; link:"
            " a step to the next way."
        )
    )
    name: Mapped[str] = mapped_column(server_default="", comment="Street name, Chinese preferred.")
    steps: Mapped[bool] = mapped_column(server_default="false", comment="Steps: not for wheels.")
    structure: Mapped[str] = mapped_column(
        server_default="",
        comment=(
            "bridge, tunnel, storey (indoors, or of a layer or level other than 0);"
            " empty on the ground."
        ),
    )
    ends: Mapped[bool] = mapped_column(
        server_default="false",
        comment="Open only to those who live or have their door on it or behind it.",
    )
    geom: Mapped[WKBElement] = mapped_column(
        geometry("LINESTRING"), comment="The line from u to v, EPSG:4490."
    )
    step_count: Mapped[int | None] = mapped_column(comment="Steps of a stair; null: not known.")
    incline_pct: Mapped[float | None] = mapped_column(
        REAL, comment="Slope from u to v in percent, as tagged; null: not known."
    )
    width_m: Mapped[float | None] = mapped_column(REAL, comment="Width in metres; null: not known.")
    rise_m: Mapped[float | None] = mapped_column(
        REAL, comment="Metres climbed from u to v, by the elevation loaded; null: not known."
    )
    fall_m: Mapped[float | None] = mapped_column(
        REAL, comment="Metres descended from u to v; null: not known."
    )
    steepest_pct: Mapped[float | None] = mapped_column(
        REAL,
        comment="Slope of its steepest 30 m, upward or downward, percent; null: not known.",
    )
    surface: Mapped[str] = mapped_column(
        server_default="", comment="OSM surface value; empty: not known."
    )
    kerb: Mapped[str] = mapped_column(
        server_default="",
        comment="OSM kerb value of a kerb that is crossed; empty: not known, or none.",
    )
    wheelchair: Mapped[str] = mapped_column(
        server_default="",
        comment="OSM wheelchair value; no also at a stile or turnstile; empty: not known.",
    )
    crossing: Mapped[str] = mapped_column(
        server_default="",
        comment="signals, marked, unmarked or yes where the edge crosses a road; empty: not known.",
    )
    hours: Mapped[str] = mapped_column(
        server_default="",
        comment="OSM opening_hours of the way or its gate; empty: always open, or not known.",
    )


class WalkEdit(Base):
    """What a planner changed of the network of the map: never altered, only withdrawn."""

    __tablename__ = "walk_edit"
    __table_args__ = (
        one_of("kind", EDIT_KINDS, "kind_known"),
        one_of("source", EDIT_SOURCES, "source_known"),
        CheckConstraint(
            "GeometryType(geom) = 'LINESTRING' AND kind <> 'gate'"
            " OR GeometryType(geom) = 'POINT' AND kind <> 'add'",
            name="shape_of_kind",
        ),
        CheckConstraint("(hours <> '') = (kind = 'gate')", name="hours_of_gate"),
        CheckConstraint("from_at < until_at", name="times_in_order"),
        Index(None, "code", unique=True, postgresql_where=text("withdrawn_at IS NULL")),
        {"comment": "What a planner changed of the walking network; rows are added and withdrawn."},
    )

    id: Mapped[int] = key()
    code: Mapped[str | None] = mapped_column(comment="Its code in a file; empty: none.")
    kind: Mapped[str] = mapped_column(
        comment=(
            "close: the path at a point or along a line; add: a path along a line;"
            " gate: at a point on a path."
        )
    )
    geom: Mapped[WKBElement] = mapped_column(
        geometry("GEOMETRY"), comment="Point or line as drawn, EPSG:4490."
    )
    hours: Mapped[str] = mapped_column(
        server_default="",
        comment="Of a gate: when it is open, OSM opening_hours syntax; closed: never.",
    )
    reason: Mapped[str] = mapped_column(server_default="", comment="Why, in the planner's words.")
    from_at: Mapped[datetime | None] = mapped_column(
        comment="From when it holds; empty: from when it was stated."
    )
    until_at: Mapped[datetime | None] = mapped_column(
        comment="Until when it holds; empty: without end."
    )
    source: Mapped[str] = mapped_column(comment="page or file: how it came.")
    author: Mapped[str] = mapped_column(comment="Who stated it, as the history names them.")
    stated_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="When it was stated."
    )
    withdrawn_at: Mapped[datetime | None] = mapped_column(
        comment="When somebody withdrew it; empty: it stands."
    )


class WalkingProfileTable(EditionColumns, Base):
    """One edition of the table of walking profiles; the newest is in force."""

    __tablename__ = "walking_profile"
    __table_args__ = (
        {
            "comment": (
                "One edition of the table of walking profiles; the newest is in force,"
                " none is changed."
            )
        },
    )


class WalkWall(Base):
    """A wall or fence that no straight leg from a door to a street crosses."""

    __tablename__ = "walk_wall"
    __table_args__ = (
        {"comment": "A wall or fence that no straight leg from a door to a street crosses."},
    )

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, comment="Running number in the load."
    )
    kind: Mapped[str] = mapped_column(comment="OSM barrier value.")
    geom: Mapped[WKBElement] = mapped_column(geometry("LINESTRING"), comment="The line, EPSG:4490.")
