"""Names and codes are looked up by indexes, as are versions and the events that figures count."""

import sqlalchemy as sa
from alembic import op

from gis.ops.functions import replace_function

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

COUNTED_MOVES = ("take", "handle", "return", "reopen", "escalate", "supervise", "follow_up")
# index: table, schema, expression, method
INDEXES = {
    "ix_area_code_prefix": ("area", None, "code text_pattern_ops", "btree"),
    "ix_area_name_bigrams": ("area", None, "bigrams(name)", "gin"),
    "ix_area_name_lower": ("area", None, "lower(name)", "btree"),
    "ix_building_estate_lower": ("building", None, "lower(estate)", "btree"),
    "ix_building_code_lower": ("building", None, "lower(code)", "btree"),
    "ix_building_name_bigrams": ("building", None, "bigrams(estate || name)", "gin"),
    "ix_building_address_bigrams": ("building", None, "bigrams(address)", "gin"),
    "ix_building_sort_key": (
        "building", None, "building_sort_key(estate, name, code)", "btree",
    ),
    "ix_building_version_id": ("building", None, "version, id", "btree"),
    "ix_facility_version_id": ("facility", None, "version, id", "btree"),
    "ix_building_words": ("building", None, "building_words(estate, name, address)", "gin"),
    "ix_facility_name_lower": ("facility", None, "lower(name)", "btree"),
    "ix_facility_code_lower": ("facility", None, "lower(code)", "btree"),
    "ix_facility_name_bigrams": ("facility", None, "bigrams(name)", "gin"),
    "ix_facility_address_bigrams": ("facility", None, "bigrams(address)", "gin"),
    "ix_service_circle_computed_at": ("service_circle", None, "computed_at", "btree"),
    "ix_person_name_bigrams": ("person", "personal", "bigrams(name)", "gin"),
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for function in ("bigrams", "building_words", "building_sort_key", "grid_at"):
        replace_function(function)
    for name, (table, schema, expression, method) in INDEXES.items():
        columns = [sa.text(expression)]
        op.create_index(name, table, columns, schema=schema, postgresql_using=method)
    op.create_index(
        "ix_incident_event_counted",
        "incident_event",
        ["incident_id", "id"],
        postgresql_where=sa.text(f"move IN {COUNTED_MOVES}"),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index("ix_incident_event_counted", "incident_event")
    for name, (table, schema, _, _) in INDEXES.items():
        op.drop_index(name, table, schema=schema)
    op.execute("DROP FUNCTION building_sort_key(text, text, text)")
    op.execute("DROP FUNCTION building_words(text, text, text)")
    op.execute("DROP FUNCTION bigrams(text)")
