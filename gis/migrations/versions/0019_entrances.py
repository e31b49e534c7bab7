"""all doors of buildings and facilities in one table; the main one of each follows from it."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry

from gis.ops.functions import replace_function

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

TRIGGERS = {"insert": "NEW", "update": "NEW", "delete": "OLD"}

EVENTS = {
    "insert": "NEW TABLE AS new_rows",
    "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "OLD TABLE AS old_rows",
}

FILL = """
INSERT INTO entrance (building_id, kind, geom, source)
SELECT id, 'main', entrance, CASE WHEN source IN ('osm', 'town') THEN source ELSE 'file' END
FROM building WHERE entrance IS NOT NULL
ORDER BY id
"""
FILL_FACILITIES = """
INSERT INTO entrance (facility_id, kind, geom, source)
SELECT f.id, CASE WHEN ST_Equals(d.geom, f.entrance) THEN 'main' ELSE 'side' END, d.geom,
  CASE WHEN f.source IN ('osm', 'town') THEN f.source ELSE 'file' END
FROM facility f
CROSS JOIN LATERAL ST_Dump(coalesce(f.entrances, f.entrance)) d
ORDER BY f.id, d.path
"""
UNFILL = """
UPDATE facility f SET entrances = (
  SELECT ST_Multi(ST_Collect(e.geom ORDER BY e.id)) FROM entrance e
  WHERE e.facility_id = f.id AND e.removed_at IS NULL AND e.kind <> 'service')
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "entrance",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("building_id", sa.BigInteger(), nullable=True, comment="Whose door it is."),
        sa.Column("facility_id", sa.BigInteger(), nullable=True, comment="Whose door it is."),
        sa.Column("code", sa.Text(), nullable=True, comment="Its code; for OSM n123; empty: none."),
        sa.Column("kind", sa.Text(), nullable=False, comment="main, side, gate or service (goods and cars)."),
        sa.Column("hours", sa.Text(), server_default="", nullable=False, comment="When it is open, OSM opening_hours syntax."),
        sa.Column("note", sa.Text(), server_default="", nullable=False, comment="What else is to be said of it."),
        sa.Column("geom", Geometry("POINT", 4490, spatial_index=False), nullable=False, comment="Where, EPSG:4490."),
        sa.Column("source", sa.Text(), nullable=False, comment="osm, town or file: as loaded; page: as a person put it, which map loads leave alone."),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False, comment="One more with every change; for If-Match."),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True, comment="When a person took it away; loads do not bring it back."),
        sa.CheckConstraint("(building_id IS NULL) <> (facility_id IS NULL)", name=op.f("ck_entrance_of_one")),
        sa.CheckConstraint("kind IN ('main', 'side', 'gate', 'service')", name=op.f("ck_entrance_kind_known")),
        sa.CheckConstraint("source IN ('osm', 'town', 'file', 'page')", name=op.f("ck_entrance_source_known")),
        sa.ForeignKeyConstraint(["building_id"], ["building.id"], name=op.f("fk_entrance_building_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name=op.f("fk_entrance_facility_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entrance")),
        sa.UniqueConstraint("building_id", "code", name=op.f("uq_entrance_building_id_code")),
        sa.UniqueConstraint("facility_id", "code", name=op.f("uq_entrance_facility_id_code")),
        comment="A door or gate of a building or of the grounds of a facility.",
    )
    op.create_index("idx_entrance_geom", "entrance", ["geom"], postgresql_using="gist")
    op.create_index(op.f("ix_entrance_building_id"), "entrance", ["building_id"])
    op.create_index(op.f("ix_entrance_facility_id"), "entrance", ["facility_id"])
    op.execute(FILL)
    op.execute(FILL_FACILITIES)
    op.drop_column("facility", "entrances")
    op.execute("COMMENT ON COLUMN building.entrance IS 'The main one of its doors in the table entrance, when known.'")
    op.execute("COMMENT ON COLUMN facility.entrance IS 'The main one of its doors in the table entrance, when known.'")
    replace_function("set_main_door")
    for change, rows in TRIGGERS.items():
        op.execute(
            f"CREATE TRIGGER main_door_{change} AFTER {change} ON entrance"
            f" REFERENCING {rows} TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION set_main_door()"
        )
    for event, transition in EVENTS.items():
        op.execute(
            f"CREATE TRIGGER remember_{event} AFTER {event.upper()} ON entrance REFERENCING {transition}"
            " FOR EACH STATEMENT EXECUTE FUNCTION remember('entrance', 'id')"
        )
    op.execute(
        "CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON entrance"
        " FOR EACH STATEMENT EXECUTE FUNCTION announce()"
    )


def downgrade() -> None:
    op.add_column(
        "facility",
        sa.Column("entrances", Geometry("MULTIPOINT", 4490, spatial_index=False), nullable=True,
                  comment="All doors and gates in its outline, when more than the main one is known."),
    )
    op.create_index("idx_facility_entrances", "facility", ["entrances"], postgresql_using="gist")
    op.execute(UNFILL)
    op.drop_table("entrance")
    op.execute("DROP FUNCTION set_main_door()")
    op.execute("COMMENT ON COLUMN building.entrance IS 'Where people walk in, when known.'")
    op.execute("COMMENT ON COLUMN facility.entrance IS 'Where people walk in, when known.'")
