"""Tables of notices: the outbox, and the webhooks and mail addresses that they are sent to."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from gis.db import Base, key, one_of


class NoticeTarget(Base):
    """A receiver of notices: a webhook (such as a WeChat or SMS gateway), or an e-mail address."""

    __tablename__ = "notice_target"
    __table_args__ = (
        one_of("kind", ("webhook", "email"), "kind_known"),
        {"comment": "Where notices go besides the in-app list."},
    )

    id: Mapped[int] = key()
    kind: Mapped[str] = mapped_column(comment="webhook or email.")
    address: Mapped[str] = mapped_column(comment="URL or e-mail address.")
    secret: Mapped[str] = mapped_column(
        server_default="", comment="Key webhooks are signed with (HMAC-SHA256)."
    )
    topics: Mapped[list[str]] = mapped_column(
        ARRAY(Text()), server_default="{}", comment="Topics; empty: all."
    )
    area_id: Mapped[int | None] = mapped_column(
        ForeignKey("area.id"), comment="Only incidents of this area."
    )
    active: Mapped[bool] = mapped_column(server_default="true", comment="Notices are sent.")


class Notice(Base):
    """A notice of the outbox, written in the transaction that it is about."""

    __tablename__ = "notice"
    __table_args__ = (
        one_of("state", ("waiting", "sent", "dead", "seen"), "state_known"),
        CheckConstraint("num_nonnulls(target_id, person_id, account_id) = 1", name="one_receiver"),
        Index(
            "ix_notice_waiting",
            "target_id",
            "id",
            postgresql_where=text("state = 'waiting' AND target_id IS NOT NULL"),
        ),
        Index(None, "person_id", "state"),
        Index(None, "account_id", "state"),
        {"comment": "The outbox: what is to be told to whom, and how far that is."},
    )

    id: Mapped[int] = key()
    at: Mapped[datetime] = mapped_column(server_default=func.now(), comment="When it was written.")
    topic: Mapped[str] = mapped_column(comment="As incident.dispatched.")
    county: Mapped[str | None] = mapped_column(comment="Code of the county.")
    incident_id: Mapped[uuid.UUID | None] = mapped_column(comment="The incident it is about.")
    target_id: Mapped[int | None] = mapped_column(
        ForeignKey("notice_target.id", ondelete="CASCADE"), comment="Webhook or e-mail it goes to."
    )
    person_id: Mapped[int | None] = mapped_column(
        ForeignKey("personal.person.id", ondelete="CASCADE"),
        comment="Or the person who finds it in the app.",
    )
    account_id: Mapped[int | None] = mapped_column(
        ForeignKey("personal.account.id", ondelete="CASCADE"),
        comment="Or the account (a resident's).",
    )
    body: Mapped[dict[str, Any]] = mapped_column(
        JSONB, comment="What is told; no names of residents."
    )
    state: Mapped[str] = mapped_column(
        server_default="waiting", comment="waiting, sent, dead, or seen in the app."
    )
    attempts: Mapped[int] = mapped_column(server_default="0", comment="Times tried.")
    next_try_at: Mapped[datetime] = mapped_column(server_default=func.now(), comment="Not before.")
    last_error: Mapped[str] = mapped_column(server_default="", comment="What the last try met.")
