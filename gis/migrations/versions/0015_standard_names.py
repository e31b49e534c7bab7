"""standard names for columns; every function as its file says."""

from alembic import op

from gis.ops.functions import replace_function

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

GEOMETRY_TABLES = (
    "basemap_feature",
    "boundary",
    "building",
    "device",
    "facility",
    "incident",
    "incident_event",
    "order_taker",
    "service_circle",
    "walk_edge",
    "walk_node",
    "walk_wall",
)
COLUMNS = (
    *((table, "shape", "geom") for table in GEOMETRY_TABLES),
    *((table, "valid", "valid_time") for table in ("boundary", "dated_parent", "leave", "post")),
    ("operation", "touched", "changed_codes"),
    ("operation", "made", "new_grids"),
    ("operation", "shapes", "geometries"),
    ("operation", "drawn_on", "base_boundary_ids"),
    ("post", "takes_from", "incidents_from_post_id"),
    ("personal.account", "stamp", "session_version"),
    ("personal.api_key", "public", "key_id"),
    ("service_circle", "speed", "speed_m_s"),
    ("walk_edge", "length", "length_m"),
    ("incident", "asked", "location_input"),
    ("incident", "areas", "area_ids"),
    ("incident", "how", "explanation"),
    ("incident", "way", "dispatch_mode"),
    ("incident", "limits", "time_limits"),
    ("incident", "pending", "pending_request"),
    ("incident", "before", "state_before_suspension"),
    ("incident", "stage_began", "stage_started_at"),
    ("incident", "amber_at", "warning_at"),
    ("incident", "spent_min", "elapsed_min"),
    ("incident_event", "from_pending", "from_request"),
    ("incident_event", "to_pending", "to_request"),
    ("incident_event", "words", "note"),
    ("incident_move", "from_pending", "from_request"),
    ("incident_move", "to_pending", "to_request"),
    ("routing_rule", "way", "dispatch_mode"),
    ("incident_category", "words", "keywords"),
)
CONSTRAINTS = (
    ("post", "fk_post_takes_from", "fk_post_incidents_from_post_id"),
    ("personal.api_key", "uq_api_key_public", "uq_api_key_key_id"),
)
INDEXES = (
    *((f"idx_{table}_shape", f"idx_{table}_geom") for table in GEOMETRY_TABLES),
    ("ix_incident_areas", "ix_incident_area_ids"),
    ("ix_operation_touched", "ix_operation_changed_codes"),
    ("ix_post_takes_from", "ix_post_incidents_from_post_id"),
)
FUNCTIONS = (
    "on_precision",
    "remember",
    "refuse",
    "announce",
    "refuse_edit",
    "guard_state",
    "apply_events",
    "grid_at",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table, old, new in COLUMNS:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
    for table, old, new in CONSTRAINTS:
        op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {old} TO {new}")
    for old, new in INDEXES:
        op.execute(f"ALTER INDEX {old} RENAME TO {new}")
    for name in FUNCTIONS:
        replace_function(name)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table, old, new in COLUMNS:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {new} TO {old}")
    for table, old, new in CONSTRAINTS:
        op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {new} TO {old}")
    for old, new in INDEXES:
        op.execute(f"ALTER INDEX {new} RENAME TO {old}")
    # the functions whose text names such columns, as they were
    migrations = op.get_context().script
    third = migrations.get_revision("0003").module
    for function in (third.APPLY_EVENTS, third.GUARD_STATE):
        op.execute(function.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    op.execute(migrations.get_revision("0014").module.GRID_AT)
