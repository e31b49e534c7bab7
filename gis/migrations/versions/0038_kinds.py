"""kinds that people add, below the roles, facilities, devices, services, skills and units of the code."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

SUBJECTS = "'role', 'facility', 'device', 'service', 'skill', 'organisation'"
EVENTS = {
    "insert": "NEW TABLE AS new_rows",
    "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "OLD TABLE AS old_rows",
}
COLUMNS = {
    "post": "The kind of its role, where people added one.",
    "facility": "Kind of people.",
    "device": "The kind of device, where people added one.",
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "kind",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("subject", sa.Text(), nullable=False, comment="role, facility, device, service, skill or organisation."),
        sa.Column("key", sa.Text(), nullable=False, comment="Its key in files and addresses; it never changes."),
        sa.Column("parent", sa.Text(), nullable=False, comment="Key of the kind of the code that it refines."),
        sa.Column("zh", sa.Text(), nullable=False, comment="Its name, as 楼层小组长."),
        sa.Column("en", sa.Text(), server_default="", nullable=False, comment="Its name in English; empty: the same."),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False, comment="Loads and forms offer it; false: only what has it shows it."),
        sa.Column("shared", sa.Boolean(), nullable=True, comment="Of a role: several hold it for one place at a time; empty: as its parent."),
        sa.Column("county", sa.Text(), nullable=True, comment="Code of the county that has it; empty: all."),
        sa.CheckConstraint(f"subject IN ({SUBJECTS})", name=op.f("ck_kind_subject_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kind")),
        sa.UniqueConstraint("subject", "key", name=op.f("uq_kind_subject_key")),
        comment="Kinds that people added, each below one that the code knows.",
    )
    op.create_index(
        "one_active_kind_of_a_name",
        "kind",
        ["subject", "zh", "county"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("active"),
    )
    for table, comment in COLUMNS.items():
        op.add_column(table, sa.Column("kind_id", sa.BigInteger(), nullable=True, comment=comment))
        op.create_foreign_key(op.f(f"fk_{table}_kind_id"), table, "kind", ["kind_id"], ["id"])
    for event, transition in EVENTS.items():
        op.execute(
            f"CREATE TRIGGER remember_{event} AFTER {event.upper()} ON kind REFERENCING {transition}"
            " FOR EACH STATEMENT EXECUTE FUNCTION remember('kind', 'id')"
        )
    op.execute(
        "CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON kind"
        " FOR EACH STATEMENT EXECUTE FUNCTION announce()"
    )


def downgrade() -> None:
    for table in COLUMNS:
        op.drop_column(table, "kind_id")
    op.drop_table("kind")
