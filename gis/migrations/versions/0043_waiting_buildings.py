"""the area of a building that waits for its place."""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

FORMER = "uq_unplaced_building_code_estate_name"
KEY = "uq_unplaced_building_area_id_code_estate_name"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column(
        "unplaced_building",
        sa.Column(
            "area_id",
            sa.BigInteger(),
            sa.ForeignKey("area.id", name=op.f("fk_unplaced_building_area_id")),
            nullable=True,
            comment="Whose register it is of; empty: not of one area.",
        ),
    )
    _key(FORMER, KEY, ["area_id", "code", "estate", "name"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        "DELETE FROM unplaced_building u USING unplaced_building o WHERE u.id < o.id"
        " AND (u.code, u.estate, u.name) IS NOT DISTINCT FROM (o.code, o.estate, o.name)"
    )
    _key(KEY, FORMER, ["code", "estate", "name"])
    op.drop_column("unplaced_building", "area_id")


def _key(former: str, new: str, columns: list[str]) -> None:
    op.drop_constraint(op.f(former), "unplaced_building", type_="unique")
    op.create_unique_constraint(op.f(new), "unplaced_building", columns, postgresql_nulls_not_distinct=True)
