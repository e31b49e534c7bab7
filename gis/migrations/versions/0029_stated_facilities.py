"""facilities that planners state and close, small children of households, heights of crossings."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column(
        "facility",
        sa.Column("version", sa.Integer(), server_default="1", nullable=False, comment="One more with every change on a page; for If-Match."),
    )
    op.execute(
        "COMMENT ON COLUMN facility.source IS"
        " 'The load it came from; page: as a person stated it, which map loads leave alone.'"
    )
    op.create_table(
        "closed_facility",
        sa.Column("code", sa.Text(), nullable=False, comment="Code it had."),
        sa.Column("category", sa.Text(), nullable=False, comment="Key of gis/facilities/categories.py."),
        sa.Column("name", sa.Text(), nullable=False, comment="Name as signed."),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False, comment="When a person took it away."),
        sa.Column("author", sa.Text(), nullable=False, comment="Who, as the history names them."),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_closed_facility")),
        comment="A facility that closed for good: loads of maps do not bring it back.",
    )
    op.add_column(
        "household",
        sa.Column("children", sa.Integer(), nullable=True, comment="How many of them are six or younger; empty: not known."),
    )
    op.add_column(
        "walk_node",
        sa.Column("height_m", sa.REAL(), nullable=True, comment="Height, by the elevation loaded; null: not known."),
    )
    op.create_check_constraint(
        op.f("ck_household_children_among_people"), "household", "children >= 0 AND children <= people"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_column("walk_node", "height_m")
    op.drop_column("household", "children")
    op.drop_table("closed_facility")
    op.execute("COMMENT ON COLUMN facility.source IS 'The load it came from.'")
    op.drop_column("facility", "version")
