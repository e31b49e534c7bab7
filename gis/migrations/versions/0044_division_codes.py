"""official lists of division codes, and which list the code of an area is from."""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column(
        "area",
        sa.Column(
            "code_list",
            sa.Text(),
            nullable=True,
            comment="The official list that its code is from, as nbs2023; empty: not stated.",
        ),
    )
    op.create_table(
        "division_code",
        sa.Column("list", sa.Text(), nullable=False, comment="Name of the list, as nbs2023."),
        sa.Column("code", sa.Text(), nullable=False, comment="2, 4, 6, 9 or 12 digits."),
        sa.Column("name", sa.Text(), nullable=False, comment="Name in the list."),
        sa.Column("plain_name", sa.Text(), nullable=False, comment="What names of lists are compared by."),
        sa.PrimaryKeyConstraint("list", "code", name=op.f("pk_division_code")),
        comment="Codes of official lists with their names; never one list by another's code.",
    )
    op.create_index(op.f("ix_division_code_plain_name_list"), "division_code", ["plain_name", "list"])


def downgrade() -> None:
    op.drop_table("division_code")
    op.drop_column("area", "code_list")
