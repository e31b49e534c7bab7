"""Tables of accounts: grants, sign-ins, sessions, API keys, disclosures, idempotency records."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from gis.db import Base, key


class Account(Base):
    """A login. Its rights come from the posts of its person, and from grants."""

    __tablename__ = "account"
    __table_args__ = (
        CheckConstraint(
            "username = lower(btrim(username)) AND username <> ''", name="username_clean"
        ),
        {"schema": "personal", "comment": "Who signs in; rights come from posts and grants."},
    )

    id: Mapped[int] = key()
    username: Mapped[str] = mapped_column(unique=True, comment="Lower case.")
    password_hash: Mapped[str | None] = mapped_column(
        comment="argon2id; empty: signs in elsewhere (OIDC) only."
    )
    must_change: Mapped[bool] = mapped_column(
        server_default="false", comment="The password is a first one."
    )
    subject: Mapped[str | None] = mapped_column(
        unique=True, comment="issuer|sub of the OIDC provider."
    )
    person_id: Mapped[int | None] = mapped_column(
        ForeignKey("personal.person.id", ondelete="SET NULL"),
        index=True,
        comment="The person whose posts count.",
    )
    active: Mapped[bool] = mapped_column(server_default="true", comment="May sign in.")
    session_version: Mapped[int] = mapped_column(
        server_default="1", comment="Raised to end every session of the account."
    )
    created_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="When it was made."
    )


class AccessGrant(Base):
    """An access role given to an account for an area, apart from its posts."""

    __tablename__ = "access_grant"
    __table_args__ = (
        Index(None, "account_id", "role", "area_id", unique=True),
        Index(None, "area_id"),
        {"schema": "personal", "comment": "An access role of an account for an area."},
    )

    id: Mapped[int] = key()
    account_id: Mapped[int] = mapped_column(
        ForeignKey("personal.account.id", ondelete="CASCADE"), comment="Whose it is."
    )
    role: Mapped[str] = mapped_column(comment="Key of gis/rights/access.py: ROLES.")
    area_id: Mapped[int | None] = mapped_column(
        ForeignKey("area.id"),
        comment="Where; empty: everywhere (administrator) or only what is their own (resident).",
    )


class SignIn(Base):
    """An attempt to sign in; five failures in a row from one network pause the name for it."""

    __tablename__ = "sign_in"
    __table_args__ = (
        Index(None, "username", "at"),
        {
            "schema": "personal",
            "comment": "Tries to sign in; counted for the lockout, kept for 90 days.",
        },
    )

    id: Mapped[int] = key()
    username: Mapped[str] = mapped_column(comment="As given, lower case.")
    at: Mapped[datetime] = mapped_column(server_default=func.now(), comment="When.")
    succeeded: Mapped[bool] = mapped_column(comment="Whether it did.")
    network: Mapped[str] = mapped_column(
        server_default="", comment="Address it came from; of IPv6 the /64."
    )


class EndedSession(Base):
    """A session that was signed out; its cookie would otherwise be valid until it expires."""

    __tablename__ = "ended_session"
    __table_args__ = (
        {
            "schema": "personal",
            "comment": "Sessions signed out before their time: their cookies are good no more.",
        },
    )

    id: Mapped[str] = mapped_column(
        primary_key=True, comment="Random name of the session, as its cookie has it."
    )
    until: Mapped[datetime] = mapped_column(
        comment="When it would have ended anyway; then the row goes."
    )


class SavedFilter(Base):
    """Filters of the desk that an account saved under a name."""

    __tablename__ = "saved_filter"
    __table_args__ = (
        Index(None, "account_id", "name", unique=True),
        CheckConstraint("btrim(name) <> ''", name="has_name"),
        {"schema": "personal", "comment": "Filters of incidents that an account saved; its own."},
    )

    id: Mapped[int] = key()
    account_id: Mapped[int] = mapped_column(
        ForeignKey("personal.account.id", ondelete="CASCADE"), comment="Whose it is."
    )
    name: Mapped[str] = mapped_column(comment="As the account calls it.")
    filters: Mapped[dict[str, str]] = mapped_column(
        JSONB, comment="Parameters of GET /api/v1/incidents, by name."
    )


class ApiKey(Base):
    """An API key of a program; only the hash of the secret is stored."""

    __tablename__ = "api_key"
    __table_args__ = (
        CheckConstraint("per_minute > 0", name="rate_positive"),
        {"schema": "personal", "comment": "Keys of programs; only hashes are kept."},
    )

    id: Mapped[int] = key()
    name: Mapped[str] = mapped_column(comment="The program.")
    key_id: Mapped[str] = mapped_column(
        unique=True, comment="The key's open part, by which it is found."
    )
    secret_hash: Mapped[bytes] = mapped_column(
        LargeBinary, comment="SHA-256 of the secret part (256 random bits)."
    )
    actions: Mapped[list[str]] = mapped_column(
        ARRAY(Text()), comment="Actions of gis/rights/access.py it may do."
    )
    area_ids: Mapped[list[int]] = mapped_column(
        ARRAY(BigInteger()), comment="Areas it may do them in."
    )
    per_minute: Mapped[int] = mapped_column(server_default="600", comment="Requests a minute.")
    created_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="When it was made."
    )
    expires_at: Mapped[datetime | None] = mapped_column(
        comment="No longer valid from then on; rotation sets it."
    )
    revoked_at: Mapped[datetime | None] = mapped_column(comment="Since when it is refused.")


class Disclosure(Base):
    """Personal data shown to a reader; see gis/accounts/disclosures.py."""

    __tablename__ = "disclosure"
    __table_args__ = (
        CheckConstraint("kind IN ('contact', 'photo', 'export')", name="kind_known"),
        CheckConstraint("kind <> 'contact' OR btrim(reason) <> ''", name="contact_has_reason"),
        {
            "schema": "personal",
            "comment": "Append-only: who was shown personal data, when, from where and why.",
        },
    )

    id: Mapped[int] = key()
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), comment="When.")
    who: Mapped[str] = mapped_column(
        comment="Account, program or user of the command line, as the history names them."
    )
    kind: Mapped[str] = mapped_column(comment="contact, photo or export.")
    subject: Mapped[str] = mapped_column(comment="The photo, or the layer or table and what of it.")
    incident_id: Mapped[uuid.UUID | None] = mapped_column(
        index=True, comment="The incident; empty for exports."
    )
    areas: Mapped[list[int]] = mapped_column(
        ARRAY(BigInteger()),
        comment="Ids of the areas it lies in, by which auditors see it; empty: everywhere.",
    )
    source: Mapped[str] = mapped_column(
        comment="Network address, or the machine of the command line."
    )
    reason: Mapped[str] = mapped_column(
        server_default="", comment="Why, as stated; contacts need one."
    )


class Idempotency(Base):
    """The answer to a write; a request with the same key gets the same answer."""

    __tablename__ = "idempotency"
    __table_args__ = ({"comment": "Writes answered once; the same key gets the same answer."},)

    owner: Mapped[str] = mapped_column(
        primary_key=True, comment="Who sent it, and to which address."
    )
    key: Mapped[str] = mapped_column(primary_key=True, comment="Idempotency-Key.")
    request_hash: Mapped[bytes] = mapped_column(LargeBinary, comment="SHA-256 of the body.")
    status: Mapped[int | None] = mapped_column(comment="HTTP status answered.")
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSONB, comment="The body answered.")
    at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="When; kept for a week."
    )
