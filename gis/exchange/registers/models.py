"""The table of recipes: what the columns of a register are, remembered for next month."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gis.db import Base, key


class RegisterRecipe(Base):
    """A mapping that somebody confirmed, under a name."""

    __tablename__ = "register_recipe"
    __table_args__ = (
        CheckConstraint("btrim(name) <> ''", name="has_name"),
        UniqueConstraint("area_id", "name", postgresql_nulls_not_distinct=True),
        {"comment": "What the columns of a register are, remembered for next month."},
    )

    id: Mapped[int] = key()
    name: Mapped[str] = mapped_column(comment="As its author calls it.")
    kind: Mapped[str] = mapped_column(
        comment="residents, buildings, roster, facilities, members or volunteers."
    )
    area_id: Mapped[int | None] = mapped_column(
        ForeignKey("area.id"), comment="For whose registers; empty: everybody's."
    )
    mapping: Mapped[list[dict[str, Any]]] = mapped_column(
        JSONB, comment="Field of each header; no cells."
    )
    author: Mapped[str] = mapped_column(comment="Who saved it, as the history names them.")
    saved_at: Mapped[datetime] = mapped_column(server_default=func.now(), comment="When.")
