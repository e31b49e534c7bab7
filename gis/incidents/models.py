"""Incidents as they are stored: the catalogue and rules they are filed under, the matter, its
events, what hangs on it.
"""

import uuid
from datetime import datetime, time
from typing import Any

from geoalchemy2 import WKBElement
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from gis.db import Base, geometry, key, one_of
from gis.incidents.states import REQUESTS, State

SEVERITIES = ("low", "normal", "high", "urgent")
DISPATCH_MODES = ("assign", "order")
CHANNELS = (
    "mini_program",
    "web",
    "phone",
    "in_person",
    "patrol",
    "woodpecker",
    "open311",
    "device",
    "import",
    "api",
)


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


class DangerTable(Base):
    """One edition of the table of danger; the newest is in force."""

    __tablename__ = "danger_table"
    __table_args__ = (
        {"comment": "One edition of the table of danger; the newest is in force, none is changed."},
    )

    id: Mapped[int] = key()
    rows: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, comment="Its rows in their order.")
    source: Mapped[str] = mapped_column(server_default="", comment="The file it came from.")
    author: Mapped[str] = mapped_column(server_default="", comment="Who loaded it.")
    loaded_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="When it was loaded."
    )


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


class IncidentMove(Base):
    """A move the loop allows; filled from gis/incidents/states.py at every migration."""

    __tablename__ = "incident_move"
    __table_args__ = (
        {"comment": "The moves of the loop, kept in step with gis/incidents/states.py."},
    )

    move: Mapped[str] = mapped_column(primary_key=True, comment="As take.")
    from_state: Mapped[str] = mapped_column(primary_key=True, comment="State before.")
    from_request: Mapped[str] = mapped_column(
        primary_key=True, comment="Request waiting before; empty: none."
    )
    to_state: Mapped[str] = mapped_column(primary_key=True, comment="State after.")
    to_request: Mapped[str] = mapped_column(
        primary_key=True, comment="Request waiting after; empty: none."
    )


class Incident(Base):
    """A matter somebody reported.

    Its state changes by events only: a trigger applies and checks each.
    """

    __tablename__ = "incident"
    __table_args__ = (
        ForeignKeyConstraint(
            ["edition_id", "category"], ["incident_category.edition_id", "incident_category.code"]
        ),
        one_of("state", tuple(state.value for state in State), "state_known"),
        one_of("pending_request", ("", *REQUESTS), "pending_known"),
        one_of("severity", SEVERITIES, "severity_known"),
        one_of("dispatch_mode", DISPATCH_MODES, "way_known"),
        CheckConstraint("rating BETWEEN 1 AND 5", name="rating_in_range"),
        CheckConstraint("office_rating BETWEEN 1 AND 5", name="office_rating_in_range"),
        CheckConstraint("parent_id <> id", name="not_its_own_parent"),
        Index(None, "id", unique=True),
        Index("ix_incident_area_ids", "area_ids", postgresql_using="gin"),
        Index(None, "reported_at", "id"),
        Index(None, "holder_id", "state"),
        Index(None, "parent_id"),
        Index(
            "ix_incident_running", "supervise_at", postgresql_where=text("supervise_at IS NOT NULL")
        ),
        Index(
            "ix_incident_unclaimed",
            "due_at",
            postgresql_where=text("dispatch_mode = 'order' AND state = 'dispatched'"),
        ),
        {"comment": "A matter somebody reported; its state changes by events only."},
    )

    county: Mapped[str] = mapped_column(
        primary_key=True, comment="Code of the county, the key work is spread by."
    )
    id: Mapped[uuid.UUID] = mapped_column(
        primary_key=True, comment="Random: it tells nothing of how many there are."
    )
    reported_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="When it was filed."
    )
    changed_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="When the last event came."
    )
    version: Mapped[int] = mapped_column(
        server_default="1", comment="One more with every event; for If-Match."
    )
    edition_id: Mapped[int] = mapped_column(comment="Edition of the catalogue it was filed under.")
    category: Mapped[str] = mapped_column(comment="Code of its category in that edition.")
    severity: Mapped[str] = mapped_column(
        server_default="normal", comment="low, normal, high or urgent."
    )
    description: Mapped[str] = mapped_column(server_default="", comment="In the reporter's words.")
    address: Mapped[str] = mapped_column(server_default="", comment="As given.")
    channel: Mapped[str] = mapped_column(server_default="api", comment="The way it came in.")
    attributes: Mapped[dict[str, Any]] = mapped_column(
        JSONB, server_default="{}", comment="Answers to the category's own questions."
    )
    geom: Mapped[WKBElement] = mapped_column(geometry("POINT"), comment="Where, EPSG:4490.")
    location_input: Mapped[dict[str, Any]] = mapped_column(
        JSONB, comment="The place as it was given: lon, lat, crs, or code."
    )
    area_ids: Mapped[list[int]] = mapped_column(
        ARRAY(BigInteger()),
        comment="Ids of its areas: county, street, community, grid and, when known, unit.",
    )
    grid_id: Mapped[int] = mapped_column(
        ForeignKey("area.id"), index=True, comment="The grid it lies in."
    )
    unit_id: Mapped[int | None] = mapped_column(
        ForeignKey("area.id"), comment="The ten-household unit, when known."
    )
    building_id: Mapped[int | None] = mapped_column(
        ForeignKey("building.id"), comment="The building, when on one."
    )
    revision_id: Mapped[int] = mapped_column(comment="Boundary revision that drew the grid.")
    explanation: Mapped[list[dict[str, Any]]] = mapped_column(
        JSONB, comment="How place, rule and person were decided."
    )
    rule_id: Mapped[int | None] = mapped_column(
        ForeignKey("routing_rule.id", ondelete="SET NULL"), comment="The routing rule that sent it."
    )
    rule_name: Mapped[str] = mapped_column(
        server_default="", comment="What that rule was called then."
    )
    dispatch_mode: Mapped[str] = mapped_column(server_default="assign", comment="assign or order.")
    skill: Mapped[str] = mapped_column(
        server_default="", comment="For orders: the skill asked for."
    )
    time_limits: Mapped[dict[str, Any]] = mapped_column(
        JSONB,
        comment=(
            "Minutes per state, around_the_clock and escalation,"
            " as the rule said when it was filed."
        ),
    )
    state: Mapped[str] = mapped_column(
        server_default="reported", comment="Where it stands; set by events only."
    )
    pending_request: Mapped[str] = mapped_column(
        server_default="", comment="A request that waits: suspend, extend, void or limit."
    )
    state_before_suspension: Mapped[str] = mapped_column(
        server_default="", comment="The state before it was suspended."
    )
    role: Mapped[str | None] = mapped_column(comment="Role of who holds it.")
    area_id: Mapped[int | None] = mapped_column(
        ForeignKey("area.id"), comment="The area that role is for."
    )
    holder_id: Mapped[int | None] = mapped_column(
        ForeignKey("personal.person.id", ondelete="SET NULL"),
        comment="Who holds it; empty: nobody yet.",
    )
    stage_started_at: Mapped[datetime | None] = mapped_column(
        comment="When the clock of this stage began."
    )
    warning_at: Mapped[datetime | None] = mapped_column(comment="80 % of the stage's time is over.")
    due_at: Mapped[datetime | None] = mapped_column(
        comment="The stage's time is over; empty: no clock runs."
    )
    elapsed_min: Mapped[float | None] = mapped_column(
        comment="Minutes spent of the stage when the clock was stopped."
    )
    supervise_at: Mapped[datetime | None] = mapped_column(comment="When it goes one level up next.")
    supervised: Mapped[bool] = mapped_column(
        server_default="false", comment="督办: somebody above watches it."
    )
    supervise_level: Mapped[int] = mapped_column(
        server_default="0", comment="How many levels up it has gone."
    )
    supervisor_role: Mapped[str | None] = mapped_column(comment="The role that watches it now.")
    parent_id: Mapped[uuid.UUID | None] = mapped_column(
        comment="The incident it repeats; moves with it."
    )
    account_id: Mapped[int | None] = mapped_column(
        ForeignKey("personal.account.id", ondelete="SET NULL"),
        index=True,
        comment="Who reported, when signed in.",
    )
    key_id: Mapped[int | None] = mapped_column(
        ForeignKey("personal.api_key.id", ondelete="SET NULL"), comment="The program that filed it."
    )
    tracking_hash: Mapped[bytes] = mapped_column(
        LargeBinary, comment="SHA-256 of the tracking secret."
    )
    closed_at: Mapped[datetime | None] = mapped_column(comment="When it was closed or made void.")
    rating: Mapped[int | None] = mapped_column(
        comment="Satisfaction in the reporter's own word, 1 to 5."
    )
    solved: Mapped[bool | None] = mapped_column(comment="Whether the reporter says it is solved.")
    office_rating: Mapped[int | None] = mapped_column(
        comment="Satisfaction as recorded at the follow-up visit, 1 to 5."
    )
    office_solved: Mapped[bool | None] = mapped_column(
        comment="Whether it is solved, as recorded at the follow-up visit."
    )


class IncidentEvent(Base):
    """Something that happened to an incident; append-only."""

    __tablename__ = "incident_event"
    __table_args__ = (
        ForeignKeyConstraint(["county", "incident_id"], ["incident.county", "incident.id"]),
        Index(None, "incident_id", "id"),
        Index(None, "at"),
        {"comment": "What happened to an incident, one row each; append-only."},
    )

    county: Mapped[str] = mapped_column(primary_key=True, comment="Code of the county.")
    id: Mapped[int] = mapped_column(
        BigInteger, Identity(always=False), primary_key=True, comment="In their order."
    )
    incident_id: Mapped[uuid.UUID] = mapped_column(comment="The incident.")
    at: Mapped[datetime] = mapped_column(server_default=func.now(), comment="When it happened.")
    move: Mapped[str] = mapped_column(comment="What was done, as take.")
    from_state: Mapped[str] = mapped_column(comment="State before.")
    to_state: Mapped[str] = mapped_column(comment="State after.")
    from_request: Mapped[str] = mapped_column(server_default="", comment="Request waiting before.")
    to_request: Mapped[str] = mapped_column(server_default="", comment="Request waiting after.")
    who: Mapped[str] = mapped_column(comment="Account, program or system that did it.")
    role: Mapped[str] = mapped_column(server_default="", comment="In which role.")
    person_id: Mapped[int | None] = mapped_column(
        BigInteger, comment="Which person, when one; no foreign key, since events never change."
    )
    note: Mapped[str] = mapped_column(server_default="", comment="What was said.")
    geom: Mapped[WKBElement | None] = mapped_column(
        geometry("POINT"), comment="Where it was done, when told."
    )
    detail: Mapped[dict[str, Any]] = mapped_column(
        JSONB, server_default="{}", comment="What else belongs to it."
    )


class OrderOffer(Base):
    """An order shown to somebody who may claim it."""

    __tablename__ = "order_offer"
    __table_args__ = (
        ForeignKeyConstraint(["county", "incident_id"], ["incident.county", "incident.id"]),
        Index(None, "person_id"),
        Index(None, "incident_id"),
        {"comment": "An order shown to somebody who may claim it."},
    )

    county: Mapped[str] = mapped_column(primary_key=True, comment="Code of the county.")
    incident_id: Mapped[uuid.UUID] = mapped_column(primary_key=True, comment="The order.")
    person_id: Mapped[int] = mapped_column(
        ForeignKey("personal.person.id", ondelete="CASCADE"),
        primary_key=True,
        comment="Who may claim it.",
    )
    distance_m: Mapped[float | None] = mapped_column(comment="Metres to walk; empty: unknown.")
    offered_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="When it was shown."
    )


class OrderTaker(Base):
    """Somebody who takes orders: a party member, a volunteer team, a property company
    or provider.
    """

    __tablename__ = "order_taker"
    __table_args__ = (
        Index("ix_order_taker_skills", "skills", postgresql_using="gin"),
        {"comment": "Who takes orders (接单), with which skills, from where."},
    )

    person_id: Mapped[int] = mapped_column(
        ForeignKey("personal.person.id", ondelete="CASCADE"), primary_key=True, comment="Who."
    )
    role: Mapped[str] = mapped_column(
        ForeignKey("role.key"), comment="party_member, volunteer_team, property_company."
    )
    area_id: Mapped[int] = mapped_column(
        ForeignKey("area.id"), index=True, comment="Community or street served."
    )
    skills: Mapped[list[str]] = mapped_column(
        ARRAY(Text()), server_default="{}", comment="As repairs, water, labour."
    )
    geom: Mapped[WKBElement | None] = mapped_column(
        geometry("POINT"), comment="Where they start from, EPSG:4490."
    )
    active: Mapped[bool] = mapped_column(server_default="true", comment="Takes orders now.")


class Photo(Base):
    """A photo of an incident; the file lies under var/photos, without EXIF."""

    __tablename__ = "photo"
    __table_args__ = (
        ForeignKeyConstraint(["county", "incident_id"], ["incident.county", "incident.id"]),
        Index(None, "id", unique=True),
        Index(None, "incident_id"),
        {"comment": "A photo of an incident; its file lies under var/photos."},
    )

    county: Mapped[str] = mapped_column(primary_key=True, comment="Code of the county.")
    id: Mapped[uuid.UUID] = mapped_column(
        primary_key=True, comment="Random; also the name of the file."
    )
    incident_id: Mapped[uuid.UUID] = mapped_column(comment="The incident.")
    event_id: Mapped[int] = mapped_column(BigInteger, comment="The event it came with.")
    media_type: Mapped[str] = mapped_column(
        comment="image/jpeg, image/png or image/webp, found by content."
    )
    width: Mapped[int] = mapped_column(comment="Pixels.")
    height: Mapped[int] = mapped_column(comment="Pixels.")
    size: Mapped[int] = mapped_column(comment="Bytes of the file as kept.")
    sha256: Mapped[bytes] = mapped_column(LargeBinary, comment="Of the file as kept.")
    at: Mapped[datetime] = mapped_column(server_default=func.now(), comment="When it was stored.")


class Reporter(Base):
    """How to reach who reported.

    In the personal schema, rows hidden unless the transaction says it may see them.
    """

    __tablename__ = "reporter"
    __table_args__ = (
        ForeignKeyConstraint(["county", "incident_id"], ["incident.county", "incident.id"]),
        {
            "schema": "personal",
            "comment": "How to reach who reported; row security hides it by default.",
        },
    )

    county: Mapped[str] = mapped_column(primary_key=True, comment="Code of the county.")
    incident_id: Mapped[uuid.UUID] = mapped_column(primary_key=True, comment="The incident.")
    name: Mapped[str] = mapped_column(server_default="", comment="As given.")
    phone: Mapped[str] = mapped_column(server_default="", comment="As given.")
    email: Mapped[str] = mapped_column(server_default="", comment="As given.")


class Device(Base):
    """A device that raises alarms: smoke, door, camera, wristband, thrown object, parking."""

    __tablename__ = "device"
    __table_args__ = (
        {
            "comment": (
                "A device that raises alarms, with its place and the category they are filed under."
            )
        },
    )

    id: Mapped[int] = key()
    code: Mapped[str] = mapped_column(unique=True, comment="Its number at the maker.")
    kind: Mapped[str] = mapped_column(
        comment="smoke, door, camera, wristband, thrown_object or parking."
    )
    name: Mapped[str] = mapped_column(server_default="", comment="Where it hangs, in words.")
    county: Mapped[str | None] = mapped_column(comment="Code of the county.")
    geom: Mapped[WKBElement] = mapped_column(geometry("POINT"), comment="Where it is, EPSG:4490.")
    address: Mapped[str] = mapped_column(server_default="", comment="Building, stairwell, floor.")
    category: Mapped[str] = mapped_column(
        comment="Code of the category its alarms are filed under."
    )
    secret: Mapped[str] = mapped_column(comment="Key its messages are signed with (HMAC-SHA256).")
    active: Mapped[bool] = mapped_column(server_default="true", comment="Alarms are taken.")


class DeviceAlarm(Base):
    """An alarm that was taken; the same one again is not filed twice."""

    __tablename__ = "device_alarm"
    __table_args__ = (
        {"comment": "Alarms that were taken; the same one again is not filed twice."},
    )

    device_id: Mapped[int] = mapped_column(
        ForeignKey("device.id", ondelete="CASCADE"), primary_key=True, comment="The device."
    )
    alarm: Mapped[str] = mapped_column(primary_key=True, comment="Its number of the alarm.")
    at: Mapped[datetime] = mapped_column(server_default=func.now(), comment="When it was taken.")
    incident_id: Mapped[uuid.UUID] = mapped_column(comment="The incident it is in.")
