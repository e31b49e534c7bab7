"""names of areas at a moment."""

import sqlalchemy as sa
from alembic import op

from gis.ops.functions import replace_function

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

# what the history knows already
FORMER_SQL = """
INSERT INTO former_name (area_id, name, until)
SELECT h.row_key::bigint, h.old ->> 'name', h.at FROM history h JOIN area a ON a.id = h.row_key::bigint
WHERE h.table_name = 'area' AND h.op = 'update' AND h.old ->> 'name' <> h.new ->> 'name'
ORDER BY h.id
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "former_name",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("area_id", sa.BigInteger(), nullable=False, comment="Whose name it was."),
        sa.Column("name", sa.Text(), nullable=False, comment="The former name."),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False, comment="Until when (exclusive)."),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_former_name_area_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_former_name")),
        comment="Names that areas had; derived from changes of area by a trigger.",
    )
    op.create_index(op.f("ix_former_name_area_id_until"), "former_name", ["area_id", "until"])
    op.execute(FORMER_SQL)
    replace_function("name_at")
    replace_function("keep_former_name")
    op.execute(
        "CREATE TRIGGER keep_former_name AFTER UPDATE ON area"
        " REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows"
        " FOR EACH STATEMENT EXECUTE FUNCTION keep_former_name()"
    )
    op.execute(
        "CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON planned_name"
        " FOR EACH STATEMENT EXECUTE FUNCTION announce()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER announce ON planned_name")
    op.execute("DROP TRIGGER keep_former_name ON area")
    op.execute("DROP FUNCTION keep_former_name()")
    op.execute("DROP FUNCTION name_at(bigint, text, timestamptz)")
    op.drop_table("former_name")
