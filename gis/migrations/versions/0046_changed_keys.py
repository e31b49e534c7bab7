"""A change of the register announces which rows changed, so that memory is patched by their keys."""

from alembic import op

from gis.ops.functions import replace_function

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

# table: the column whose values its changes announce
KEYS = {
    "area": "id",
    "boundary": "area_id",
    "dated_parent": "area_id",
    "planned_name": "area_id",
    "building": "id",
    "stairwell": "building_id",
    "unit_part": "building_id",
    "personal.person": "id",
    "post": "id",
    "leave": "person_id",
}
EVENTS = {
    "insert": "NEW TABLE AS new_rows",
    "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "OLD TABLE AS old_rows",
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    replace_function("announce")
    for table, column in KEYS.items():
        op.execute(f"DROP TRIGGER announce ON {table}")
        for event, transition in EVENTS.items():
            op.execute(
                f"CREATE TRIGGER announce_{event} AFTER {event.upper()} ON {table} REFERENCING {transition}"
                f" FOR EACH STATEMENT EXECUTE FUNCTION announce('{column}')"
            )
        op.execute(
            f"CREATE TRIGGER announce_truncate AFTER TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION announce()"
        )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in KEYS:
        for event in (*EVENTS, "truncate"):
            op.execute(f"DROP TRIGGER announce_{event} ON {table}")
        op.execute(
            f"CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION announce()"
        )
    op.execute(ANNOUNCE)


# as it was before
ANNOUNCE = """
CREATE OR REPLACE FUNCTION announce() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('wangge_changed', TG_TABLE_NAME);
  RETURN NULL;
END $$
"""
