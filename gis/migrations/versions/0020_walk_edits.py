"""what planners change of the walking network, and what stored labels were computed from."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

EVENTS = {
    "insert": "NEW TABLE AS new_rows",
    "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "OLD TABLE AS old_rows",
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "walk_edit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("code", sa.Text(), nullable=True, comment="Its code in a file; empty: none."),
        sa.Column("kind", sa.Text(), nullable=False, comment="close: the path at a point or along a line; add: a path along a line; gate: at a point on a path."),
        sa.Column("geom", Geometry("GEOMETRY", 4490, spatial_index=False), nullable=False, comment="Point or line as drawn, EPSG:4490."),
        sa.Column("hours", sa.Text(), server_default="", nullable=False, comment="Of a gate: when it is open, OSM opening_hours syntax; closed: never."),
        sa.Column("reason", sa.Text(), server_default="", nullable=False, comment="Why, in the planner's words."),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=True, comment="From when it holds; empty: from when it was stated."),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=True, comment="Until when it holds; empty: without end."),
        sa.Column("source", sa.Text(), nullable=False, comment="page or file: how it came."),
        sa.Column("author", sa.Text(), nullable=False, comment="Who stated it, as the history names them."),
        sa.Column("stated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False, comment="When it was stated."),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True, comment="When somebody withdrew it; empty: it stands."),
        sa.CheckConstraint("kind IN ('close', 'add', 'gate')", name=op.f("ck_walk_edit_kind_known")),
        sa.CheckConstraint("source IN ('page', 'file')", name=op.f("ck_walk_edit_source_known")),
        sa.CheckConstraint("GeometryType(geom) = 'LINESTRING' AND kind <> 'gate' OR GeometryType(geom) = 'POINT' AND kind <> 'add'", name=op.f("ck_walk_edit_shape_of_kind")),
        sa.CheckConstraint("(hours <> '') = (kind = 'gate')", name=op.f("ck_walk_edit_hours_of_gate")),
        sa.CheckConstraint("from_at < until_at", name=op.f("ck_walk_edit_times_in_order")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_walk_edit")),
        comment="What a planner changed of the walking network; rows are added and withdrawn.",
    )
    op.create_index("idx_walk_edit_geom", "walk_edit", ["geom"], postgresql_using="gist")
    op.create_index(op.f("ix_walk_edit_code"), "walk_edit", ["code"], unique=True, postgresql_where=sa.text("withdrawn_at IS NULL"))
    for event, transition in EVENTS.items():
        op.execute(
            f"CREATE TRIGGER remember_{event} AFTER {event.upper()} ON walk_edit REFERENCING {transition}"
            " FOR EACH STATEMENT EXECUTE FUNCTION remember('walk_edit', 'id')"
        )
    op.execute(
        "CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON walk_edit"
        " FOR EACH STATEMENT EXECUTE FUNCTION announce()"
    )
    op.add_column("access_run", sa.Column("edits", sa.ARRAY(sa.BigInteger()), nullable=True, comment="Ids of the edits of the network then; empty: not known."))
    op.create_table(
        "access_facility",
        sa.Column("profile", sa.Text(), nullable=False, comment="Walking profile, as adult."),
        sa.Column("category", sa.Text(), nullable=False, comment="Its category then."),
        sa.Column("facility_id", sa.BigInteger(), autoincrement=False, nullable=False, comment="Its id; it may be no more."),
        sa.Column("doors", sa.LargeBinary(), nullable=True, comment="Its doors then, WKB, EPSG:4490; empty: none were known."),
        sa.Column("shape", sa.LargeBinary(), nullable=False, comment="Its point or polygon then, WKB, EPSG:4490."),
        sa.PrimaryKeyConstraint("profile", "category", "facility_id", name=op.f("pk_access_facility")),
        comment="A facility that the labels of a profile counted, as it was then.",
    )


def downgrade() -> None:
    op.drop_table("access_facility")
    op.drop_column("access_run", "edits")
    op.drop_table("walk_edit")
