"""The append-only history: what changed in every business table, by whom, when and why.

Statement-level triggers write it, so that changes by SQL (QGIS, COPY) are recorded as well. Of an
update it has the columns that changed, of a delete the whole row. A row that was inserted is copied
but for UNCOPIED_TABLES: there it is the present (or deleted) row with its updates undone.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Index, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from gis.db import Base, key


class HistoryEntry(Base):
    """One row changed in one business table."""

    __tablename__ = "history"
    __table_args__ = (
        Index(None, "row_key", postgresql_using="hash"),  # half of a tree, for keys of 43 letters
        {"comment": "Append-only: what changed, by whom, when, why; old and new."},
    )

    id: Mapped[int] = key()
    at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="When the transaction began."
    )
    who: Mapped[str] = mapped_column(
        comment="Person or program (wangge.who), else the database role."
    )
    why: Mapped[str] = mapped_column(server_default="", comment="The reason given (wangge.why).")
    table_name: Mapped[str] = mapped_column(comment="Which table.")
    row_key: Mapped[str] = mapped_column(comment="Primary key of the row, parts joined by a slash.")
    county: Mapped[str | None] = mapped_column(comment="County of the row, where it has one.")
    op: Mapped[str] = mapped_column(comment="insert, update or delete.")
    old: Mapped[dict[str, object] | None] = mapped_column(
        JSONB, comment="What changed, as it was; of a delete the row."
    )
    new: Mapped[dict[str, object] | None] = mapped_column(
        JSONB, comment="What changed, as it became; of an insert the row, but for large tables."
    )


# The recorded tables with the columns of their keys. Derived tables (network, circles, basemap) are
# not recorded.
RECORDED_TABLES = {
    "area": ("id",),
    "boundary": ("id",),
    "revision": ("id",),
    "operation": ("id",),
    "lineage": ("id",),
    "dated_parent": ("id",),
    "planned_name": ("id",),
    "building": ("id",),
    "stairwell": ("id",),
    "household": ("county", "id"),
    "unit_part": ("id",),
    "personal.person": ("id",),
    "post": ("id",),
    "leave": ("id",),
    "facility": ("id",),
    "entrance": ("id",),
    "walk_edit": ("id",),
    "dataset": ("kind",),
    "incident": ("county", "id"),
    "catalogue_edition": ("id",),
    "incident_category": ("id",),
    "rule_set": ("id",),
    "routing_rule": ("id",),
    "order_taker": ("person_id",),
    "organisation": ("id",),
    "organisation_member": ("id",),
    "device": ("id",),
    "notice_target": ("id",),
    "kind": ("id",),
    "duty_visit": ("id",),
    "post_plan": ("area_id",),
    "spot_check": ("id",),
    "spot_draw": ("id",),
    "discussion": ("id",),
    "personal.account": ("id",),
    "personal.access_grant": ("id",),
    "personal.api_key": ("id",),
}

# Large tables, whose inserted rows are not copied.
UNCOPIED_TABLES = (
    "boundary",
    "stairwell",
    "household",
    "unit_part",
    "personal.person",
    "post",
    "leave",
    "entrance",
    "incident",
)
# Columns of incident that its events tell of: an update of these alone is not recorded.
EVENT_COLUMNS = (
    "state",
    "pending_request",
    "state_before_suspension",
    "version",
    "changed_at",
    "closed_at",
    "taken_at",
    "handled_at",
    "taken_in_time",
    "handled_in_time",
    "returned",
    "reopened",
    "watched",
    "reached",
)


def find_other_author(session: Session, name: str, ignored: Sequence[str]) -> str | None:
    """Return an author of changes who is neither a job, nor ignored, nor named like `name`.

    Parameters
    ----------
    name
        Authors whose name begins so are left out.
    ignored
        Names that are left out.

    Returns
    -------
    str or None
        None if there is no such author.
    """
    author = HistoryEntry.who
    return session.scalar(
        select(func.min(author)).where(
            author.not_like(f"{name}%"), author.not_like("job %"), author.not_in(ignored)
        )
    )


def has_changes(session: Session, ignored: Sequence[str]) -> bool:
    """Return whether an author who is not ignored has changed anything."""
    return (
        session.scalar(select(HistoryEntry.id).where(HistoryEntry.who.not_in(ignored)).limit(1))
        is not None
    )
