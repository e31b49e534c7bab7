"""An incident as stored: its row, the moves it allows, its events, photos and reporter."""

import uuid
from datetime import datetime
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
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gis.db import Base, geometry, one_of
from gis.files.photos import PhotoColumns
from gis.incidents.models.values import DISPATCH_MODES, SEVERITIES
from gis.incidents.states import OPEN_SQL, REQUESTS, State


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
        Index(
            "ix_incident_alike",
            "category",
            "geom",
            "reported_at",
            postgresql_using="gist",
            postgresql_where=text("parent_id IS NULL AND state <> 'void'"),
        ),
        Index(None, "reported_at", "id"),
        Index(None, "holder_id", "state"),
        Index(  # what a publication compares, without the matters that ended
            "ix_incident_open_grid_id",
            "grid_id",
            postgresql_include=["revision_id", "area_ids", "unit_id"],
            postgresql_where=text(OPEN_SQL),
        ),
        Index(
            "ix_incident_running", "supervise_at", postgresql_where=text("supervise_at IS NOT NULL")
        ),
        Index(
            "ix_incident_unclaimed",
            "due_at",
            postgresql_where=text("dispatch_mode = 'order' AND state = 'dispatched'"),
        ),
        Index(
            "ix_incident_organisation_id",
            "organisation_id",
            postgresql_where=text("organisation_id IS NOT NULL"),
        ),
        *(
            Index(None, name, postgresql_where=text(f"{name} IS NOT NULL"))
            for name in ("parent_id", "split_from", "account_id")
        ),
        Index("ix_incident_supervised", "reported_at", postgresql_where=text("supervised")),
        *(
            Index(f"ix_incident_{name}", name, postgresql_where=text(f"{name} IS NOT NULL"))
            for name in (
                "suspended_until",
                "suspension_reminder_at",
                "follow_up_due_at",
                "questionnaire_at",
            )
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
    grid_id: Mapped[int] = mapped_column(ForeignKey("area.id"), comment="The grid it lies in.")
    unit_id: Mapped[int | None] = mapped_column(
        ForeignKey("area.id"), comment="The ten-household unit, when known."
    )
    building_id: Mapped[int | None] = mapped_column(
        ForeignKey("building.id"), comment="The building, when on one."
    )
    revision_id: Mapped[int] = mapped_column(
        BigInteger, comment="Boundary revision that drew the grid."
    )
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
    organisation_id: Mapped[int | None] = mapped_column(
        ForeignKey("organisation.id", ondelete="SET NULL"),
        comment="The organisation that holds it as a team.",
    )
    stage_started_at: Mapped[datetime | None] = mapped_column(
        comment="When the clock of this stage began."
    )
    warning_at: Mapped[datetime | None] = mapped_column(comment="80 % of the stage's time is over.")
    due_at: Mapped[datetime | None] = mapped_column(
        comment="The stage's time is over; empty: no clock runs."
    )
    spent_min: Mapped[dict[str, dict[str, float]]] = mapped_column(
        JSONB,
        server_default="{}",
        comment="State -> clock (working, wall) -> minutes spent there before this stretch.",
    )
    late_by: Mapped[dict[str, dict[str, Any]]] = mapped_column(
        JSONB,
        server_default="{}",
        comment="State -> since, role, area_id, holder_id: who held it when its limit passed.",
    )
    suspended_until: Mapped[datetime | None] = mapped_column(
        comment="When a suspension ends by itself."
    )
    suspension_reminder_at: Mapped[datetime | None] = mapped_column(
        comment=("When holder and desk are reminded of that end; empty: they were, or need not be.")
    )
    follow_up_due_at: Mapped[datetime | None] = mapped_column(
        comment="By when the reporter is to be called (回访); empty: nobody has to."
    )
    questionnaire_at: Mapped[datetime | None] = mapped_column(
        comment="When the questionnaire is sent next; empty: never (again)."
    )
    supervise_at: Mapped[datetime | None] = mapped_column(comment="When it goes one level up next.")
    supervised: Mapped[bool] = mapped_column(
        server_default="false", comment="督办: somebody above watches it."
    )
    supervisor_role: Mapped[str | None] = mapped_column(comment="The role that watches it now.")
    parent_id: Mapped[uuid.UUID | None] = mapped_column(
        comment="The incident it repeats; moves with it."
    )
    split_from: Mapped[uuid.UUID | None] = mapped_column(
        comment="The incident whose report told of this one too."
    )
    account_id: Mapped[int | None] = mapped_column(
        ForeignKey("personal.account.id", ondelete="SET NULL"),
        comment="Who reported, when signed in.",
    )
    key_id: Mapped[int | None] = mapped_column(
        ForeignKey("personal.api_key.id", ondelete="SET NULL"), comment="The program that filed it."
    )
    tracking_hash: Mapped[bytes] = mapped_column(
        LargeBinary, comment="SHA-256 of the tracking secret."
    )
    closed_at: Mapped[datetime | None] = mapped_column(comment="When it was closed or made void.")
    taken_at: Mapped[datetime | None] = mapped_column(comment="When it was first taken on.")
    taken_in_time: Mapped[bool | None] = mapped_column(
        comment="Whether its first taking was in time."
    )
    handled_at: Mapped[datetime | None] = mapped_column(
        comment="When it was last reported handled."
    )
    handled_in_time: Mapped[bool | None] = mapped_column(
        comment="Whether its last handling was in time."
    )
    returned: Mapped[bool] = mapped_column(
        server_default="false", comment="Whether it ever was returned."
    )
    reopened: Mapped[bool] = mapped_column(
        server_default="false", comment="Whether it ever was taken up again."
    )
    watched: Mapped[bool] = mapped_column(
        server_default="false",
        comment="Whether it ever went one level up, or was taken under supervision.",
    )
    reached: Mapped[bool] = mapped_column(
        server_default="false", comment="Whether a follow-up visit reached the reporter."
    )
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
        Index(
            "idx_incident_event_geom",
            "geom",
            postgresql_using="gist",
            postgresql_where=text("geom IS NOT NULL"),
        ),
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
        geometry("POINT", index=False), comment="Where it was done, when told."
    )
    detail: Mapped[dict[str, Any]] = mapped_column(
        JSONB, server_default="{}", comment="What else belongs to it."
    )


class Photo(PhotoColumns, Base):
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
