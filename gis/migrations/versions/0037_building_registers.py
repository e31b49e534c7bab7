"""buildings stated by registers and on a page: assumed outlines, homes, those not placed yet."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

SOURCE = "'The load it came from; page: as a person stated it. Map loads leave what a register or a person stated.'"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column(
        "building",
        sa.Column("outline", sa.Text(), server_default="drawn", nullable=False, comment="drawn, or assumed: a square around a point."),
    )
    op.create_check_constraint(op.f("ck_building_outline_known"), "building", "outline IN ('drawn', 'assumed')")
    op.add_column("building", sa.Column("homes", sa.Integer(), nullable=True, comment="Homes as a register states them."))
    op.create_check_constraint(op.f("ck_building_homes_plausible"), "building", "homes >= 0")
    op.add_column(
        "building",
        sa.Column("version", sa.Integer(), server_default="1", nullable=False, comment="One more with every change but by map loads; for If-Match."),
    )
    op.execute(f"COMMENT ON COLUMN building.source IS {SOURCE}")
    op.create_table(
        "unplaced_building",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("code", sa.Text(), nullable=True, comment="Code of the building, if the register has one."),
        sa.Column("estate", sa.Text(), server_default="", nullable=False, comment="Name of the compound."),
        sa.Column("name", sa.Text(), server_default="", nullable=False, comment="Name or number as written at the door."),
        sa.Column("address", sa.Text(), server_default="", nullable=False, comment="Street and house number."),
        sa.Column("kind", sa.Text(), server_default="", nullable=False, comment="Use."),
        sa.Column("floors", sa.Integer(), nullable=True, comment="Storeys above ground."),
        sa.Column("stairwells", sa.Integer(), nullable=True, comment="How many it has."),
        sa.Column("homes", sa.Integer(), nullable=True, comment="Homes as the register states them."),
        sa.Column("head_id", sa.BigInteger(), nullable=True, comment="Its head, whose post begins when it is placed."),
        sa.Column("sponsor_id", sa.BigInteger(), nullable=True, comment="Who vouches for it, likewise."),
        sa.Column("source", sa.Text(), server_default="", nullable=False, comment="The load it came from."),
        sa.ForeignKeyConstraint(["head_id"], ["personal.person.id"], name=op.f("fk_unplaced_building_head_id")),
        sa.ForeignKeyConstraint(["sponsor_id"], ["personal.person.id"], name=op.f("fk_unplaced_building_sponsor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unplaced_building")),
        sa.UniqueConstraint("code", "estate", "name", name=op.f("uq_unplaced_building_code_estate_name"), postgresql_nulls_not_distinct=True),
        comment="A building of a register that waits for its place on the map.",
    )
    op.create_table(
        "closed_building",
        sa.Column("code", sa.Text(), nullable=False, comment="Code it had."),
        sa.Column("name", sa.Text(), nullable=False, comment="Estate and name."),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False, comment="When a person took it away."),
        sa.Column("author", sa.Text(), nullable=False, comment="Who, as the history names them."),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_closed_building")),
        comment="A building that is gone: loads of maps do not bring it back.",
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("closed_building")
    op.drop_table("unplaced_building")
    op.execute("COMMENT ON COLUMN building.source IS 'The load it came from.'")
    op.drop_column("building", "version")
    op.drop_constraint(op.f("ck_building_homes_plausible"), "building", type_="check")
    op.drop_column("building", "homes")
    op.drop_constraint(op.f("ck_building_outline_known"), "building", type_="check")
    op.drop_column("building", "outline")
