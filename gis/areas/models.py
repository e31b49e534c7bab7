"""Areas and their dated shapes. Identity apart from shape: a code outlives every redrawing."""

from datetime import datetime
from enum import StrEnum

from geoalchemy2 import WKBElement
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    Text,
    UniqueConstraint,
    bindparam,
    case,
    cast,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.sql.elements import ColumnElement

from gis.bigrams import lookup_indexes
from gis.db import Base, geometry, key, one_of


class Level(StrEnum):
    """The levels of areas, from the top; grids own the land, units stand on grids.

    Those over the county have no land of their own: theirs is that of the counties under them.
    """

    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    STREET = "street"
    COMMUNITY = "community"
    GRID = "grid"
    UNIT = "unit"

    @property
    def zh(self) -> str:
        """The word on screen."""
        return {
            "province": "省",
            "city": "市",
            "county": "区县",
            "street": "街道",
            "community": "社区",
            "grid": "网格",
            "unit": "十联户",
        }[self.value]


LEVELS = tuple(Level)  # top first
LEVELS_OVER_COUNTY = (Level.PROVINCE, Level.CITY)


class RevisionState(StrEnum):
    """Where a boundary revision stands."""

    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class Revision(Base):
    """A set of boundary changes published together."""

    __tablename__ = "revision"
    __table_args__ = (
        CheckConstraint("state IN ('draft', 'published', 'withdrawn')", name="state_known"),
        CheckConstraint(
            "(state = 'published') = (published_at IS NOT NULL)", name="published_has_time"
        ),
        {"comment": "A set of boundary changes published together."},
    )

    id: Mapped[int] = key()
    title: Mapped[str] = mapped_column(comment="What the change is, in a few words.")
    state: Mapped[str] = mapped_column(comment="draft, published or withdrawn.")
    author: Mapped[str] = mapped_column(comment="Who drew it: account, program or load.")
    reason: Mapped[str | None] = mapped_column(comment="Why it was published.")
    base: Mapped[int | None] = mapped_column(
        ForeignKey("revision.id"), comment="The published revision it starts from."
    )
    effective: Mapped[datetime | None] = mapped_column(comment="From when its boundaries hold.")
    created_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="When the draft began."
    )
    published_at: Mapped[datetime | None] = mapped_column(comment="When it was published.")
    publisher: Mapped[str | None] = mapped_column(
        comment="Who published it, when that was not the author's own doing."
    )
    version: Mapped[int] = mapped_column(
        server_default="1", comment="Goes up with every change of a draft."
    )
    reverts: Mapped[int | None] = mapped_column(
        ForeignKey("revision.id"), comment="The published revision whose changes it takes back."
    )


class Operation(Base):
    """One edit of a draft, with what came of it.

    Publishing does them again on the boundaries of that moment.
    """

    __tablename__ = "operation"
    __table_args__ = (
        UniqueConstraint("revision_id", "step"),
        CheckConstraint("step > 0", name="steps_from_one"),
        Index(None, "changed_codes", postgresql_using="gin"),
        Index(
            "ix_operation_settled_unit",
            text("(op ->> 'unit')"),
            postgresql_where=text("op ->> 'op' = 'settle'"),
        ),
        {"comment": "One edit of a boundary draft, in order."},
    )

    id: Mapped[int] = key()
    revision_id: Mapped[int] = mapped_column(ForeignKey("revision.id"), comment="The draft.")
    step: Mapped[int] = mapped_column(comment="Its place in the draft, from 1.")
    op: Mapped[dict[str, object]] = mapped_column(
        JSONB, comment="What is done, as it was asked for; new codes filled in."
    )
    changed_codes: Mapped[list[str]] = mapped_column(
        ARRAY(Text), comment="Codes of the grids that gain, lose or end."
    )
    new_grids: Mapped[dict[str, object]] = mapped_column(
        JSONB, comment="New grids: code to name and parent."
    )
    lineage: Mapped[list[list[str]]] = mapped_column(
        JSONB,
        comment="Where grids came from: [split, merged or recoded, code before, code after].",
    )
    geometries: Mapped[dict[str, str | None]] = mapped_column(
        JSONB, comment="The shapes that change by code, WKB in hex; null: no land any more."
    )
    base_boundary_ids: Mapped[dict[str, int]] = mapped_column(
        JSONB, comment="The stored boundaries it was drawn on: id by code of the grid."
    )
    author: Mapped[str] = mapped_column(comment="Who did it: the author, or whom they let edit.")
    created_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="When it was done."
    )


class Publication(Base):
    """What a publication changed, as its preview counted it then: the same figures for ever."""

    __tablename__ = "publication"
    __table_args__ = ({"comment": "What a boundary publication changed; written once."},)

    revision_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("revision.id"),
        primary_key=True,
        autoincrement=False,
        comment="The published revision.",
    )
    figures: Mapped[dict[str, object]] = mapped_column(
        JSONB,
        comment="Its preview at the moment of publishing; holders and incidents by id,"
        " shapes as WKB in hex."
        " Publications from before this table, and loads, have none.",
    )


class UnitChange(Base):
    """One change of ten-household units: what, by whom, when and why.

    The greatest id among those of a grid is the version of its units.
    """

    __tablename__ = "unit_change"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('create', 'move', 'rename', 'retire', 'load')", name="kind_known"
        ),
        Index(None, "grid_ids", postgresql_using="gin"),
        {"comment": "A change of the ten-household units of grids; written once."},
    )

    id: Mapped[int] = key()
    kind: Mapped[str] = mapped_column(comment="create, move, rename, retire or load.")
    unit_id: Mapped[int | None] = mapped_column(
        ForeignKey("area.id"), comment="The unit: the one that homes come to; empty: several."
    )
    grid_ids: Mapped[list[int]] = mapped_column(
        ARRAY(BigInteger), comment="The grids whose units change."
    )
    homes: Mapped[int] = mapped_column(server_default="0", comment="How many homes move.")
    detail: Mapped[dict[str, object]] = mapped_column(
        JSONB,
        server_default="{}",
        comment="Names before and after; homes by the unit they leave; what was selected.",
    )
    author: Mapped[str] = mapped_column(comment="Account or program that did it.")
    reason: Mapped[str] = mapped_column(server_default="", comment="Why.")
    at: Mapped[datetime] = mapped_column(server_default=func.now(), comment="When.")


class Lineage(Base):
    """Which grid another came from."""

    __tablename__ = "lineage"
    __table_args__ = (
        UniqueConstraint("revision_id", "from_id", "to_id"),
        CheckConstraint("kind IN ('split', 'merged', 'recoded')", name="kind_known"),
        CheckConstraint("from_id <> to_id", name="not_from_itself"),
        {"comment": "Which area another was split from, or merged into."},
    )

    id: Mapped[int] = key()
    revision_id: Mapped[int] = mapped_column(
        ForeignKey("revision.id"), comment="The revision that did it."
    )
    kind: Mapped[str] = mapped_column(
        comment=(
            "split (a part of it became a new area), merged (its land went on) or recoded (it goes"
            " on under another code)."
        )
    )
    from_id: Mapped[int] = mapped_column(
        ForeignKey("area.id"), index=True, comment="The area before."
    )
    to_id: Mapped[int] = mapped_column(ForeignKey("area.id"), index=True, comment="The area after.")


class Area(Base):
    """An area as people know it, of one of LEVELS."""

    __tablename__ = "area"
    __table_args__ = (
        one_of("level", tuple(level.value for level in LEVELS), "level_known"),
        CheckConstraint(
            "CASE level WHEN 'province' THEN parent_id IS NULL WHEN 'city' THEN true"
            " WHEN 'county' THEN true ELSE parent_id IS NOT NULL END",
            name="below_counties_have_parents",
        ),
        CheckConstraint("code <> '' AND code = btrim(code)", name="code_is_clean"),
        Index(None, "county", "level"),
        Index("ix_area_code_prefix", "code", postgresql_ops={"code": "text_pattern_ops"}),
        *lookup_indexes("area", ("name",), ("name",)),
        Index(
            "ix_area_over_county",
            "id",
            postgresql_where=text("level IN ('province', 'city')"),
        ),
        {"comment": "An area as people know it; its code is never used again for another."},
    )

    id: Mapped[int] = key()
    code: Mapped[str] = mapped_column(
        unique=True, comment="Division code (2 to 12 digits), grid = community + 3 digits; text."
    )
    level: Mapped[str] = mapped_column(comment="One of LEVELS, as county or grid.")
    name: Mapped[str] = mapped_column(comment="The name people use.")
    county: Mapped[str] = mapped_column(
        comment="Code of its county, the key work is spread by; over counties its own."
    )
    parent_id: Mapped[int | None] = mapped_column(
        ForeignKey("area.id"), index=True, comment="The area one level up."
    )
    retired_at: Mapped[datetime | None] = mapped_column(
        comment="Since when it is no longer used; rows are never deleted."
    )
    code_list: Mapped[str | None] = mapped_column(
        comment="The official list that its code is from, as nbs2023; empty: not stated."
    )

    parent: Mapped["Area | None"] = relationship(remote_side=[id])

    @classmethod
    def in_use(cls, at: datetime | None = None) -> ColumnElement[bool]:
        """Return whether an area is in use at a moment (None: now); one that will end still is."""
        return or_(cls.retired_at.is_(None), cls.retired_at > (func.now() if at is None else at))

    @classmethod
    def name_at(cls, at: datetime) -> ColumnElement[str]:
        """Return the name that an area had, or will have, at a moment."""
        name = func.name_at(cls.id, cls.name, cast(at, DateTime(timezone=True)), type_=Text)
        # few were ever renamed, and only for these is the function called (see `NAMES_AT_SQL`)
        renamed = select(FormerName.area_id).union_all(select(PlannedName.area_id))
        return case((cls.id.in_(renamed), name), else_=cls.name).label("name")


class Boundary(Base):
    """One shape of an area, in force while its range holds the moment asked about."""

    __tablename__ = "boundary"
    __table_args__ = (
        CheckConstraint("ST_IsValid(geom) AND NOT ST_IsEmpty(geom)", name="shape_is_valid"),
        CheckConstraint("on_precision(geom)", name="shape_on_precision"),
        CheckConstraint(
            "NOT isempty(valid_time) AND NOT lower_inf(valid_time)", name="dates_in_order"
        ),
        CheckConstraint("lower_inc(valid_time) AND NOT upper_inc(valid_time)", name="half_open"),
        ExcludeConstraint(
            ("area_id", "="), ("valid_time", "&&"), using="gist", name="one_shape_at_a_time"
        ),
        {"comment": "One shape of an area over a half-open range of time."},
    )

    id: Mapped[int] = key()
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"), index=True, comment="Whose it is.")
    revision_id: Mapped[int] = mapped_column(
        ForeignKey("revision.id"), index=True, comment="The revision that drew it."
    )
    geom: Mapped[WKBElement] = mapped_column(
        geometry("MULTIPOLYGON"), comment="The land, EPSG:4490, on the 1e-7 degree lattice."
    )
    valid_time: Mapped[Range[datetime]] = mapped_column(
        comment="In force from (inclusive) to (exclusive; empty: still)."
    )

    area: Mapped[Area] = relationship()

    @classmethod
    def in_force(cls, at: datetime) -> ColumnElement[bool]:
        """Match the shapes that hold at a moment (half-open: the end itself is out)."""
        # in the statement itself: a plan for any moment takes it for rare that a shape holds then
        moment = bindparam("in_force_at", at, DateTime(timezone=True), literal_execute=True)
        return cls.valid_time.op("@>")(cast(moment, DateTime(timezone=True)))


class DatedParent(Base):
    """Under which area another stood over a range of time, for those that ever changed it."""

    __tablename__ = "dated_parent"
    __table_args__ = (
        CheckConstraint("NOT isempty(valid_time)", name="dates_in_order"),
        ExcludeConstraint(
            ("area_id", "="), ("valid_time", "&&"), using="gist", name="one_parent_at_a_time"
        ),
        {
            "comment": (
                "The area one level up over a range of time;"
                " areas without a row always had their parent_id."
            )
        },
    )

    id: Mapped[int] = key()
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"), comment="Whose parent it is.")
    parent_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("area.id"), index=True, comment="The area one level up."
    )
    revision_id: Mapped[int] = mapped_column(
        ForeignKey("revision.id"), index=True, comment="The revision that moved it."
    )
    valid_time: Mapped[Range[datetime]] = mapped_column(
        comment="From (empty: ever) to (exclusive; empty: still)."
    )

    @classmethod
    def in_force(cls, at: datetime) -> ColumnElement[bool]:
        """Match the parents that hold at a moment (half-open: the end itself is out)."""
        return cls.valid_time.op("@>")(cast(at, DateTime(timezone=True)))


class FormerName(Base):
    """A name that an area had; a trigger writes it when the name changes."""

    __tablename__ = "former_name"
    __table_args__ = (
        Index(None, "area_id", "until"),
        {"comment": "Names that areas had; derived from changes of area by a trigger."},
    )

    id: Mapped[int] = key()
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"), comment="Whose name it was.")
    name: Mapped[str] = mapped_column(comment="The former name.")
    until: Mapped[datetime] = mapped_column(comment="Until when (exclusive).")


class PlannedName(Base):
    """A name that an area gets at a later moment; the row goes when it has it."""

    __tablename__ = "planned_name"
    __table_args__ = (
        UniqueConstraint("area_id", "revision_id"),
        {"comment": "Names of areas that are published and hold from a later moment."},
    )

    id: Mapped[int] = key()
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"), comment="Whose name it will be.")
    revision_id: Mapped[int] = mapped_column(
        ForeignKey("revision.id"), comment="The publication that gives it."
    )
    name: Mapped[str] = mapped_column(comment="The new name.")
    effective: Mapped[datetime] = mapped_column(
        comment="From when; the row goes when the area has the name."
    )
