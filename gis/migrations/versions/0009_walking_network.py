"""Ways open at their ends only, walls, all entrances of a facility, islands and buildings in service circles."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry

revision = "0009"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "walk_edge",
        sa.Column(
            "ends", sa.Boolean(), server_default="false", nullable=False,
            comment="Open only to those who live or have their door on it or behind it.",
        ),
    )  # fmt: skip
    op.execute(
        "COMMENT ON COLUMN walk_edge.kind IS "
        "'OSM highway value; plaza: outline of an area; across: straight over it; link: a step to the next way.'"
    )
    op.execute(
        "COMMENT ON COLUMN walk_edge.structure IS "
        "'bridge, tunnel, storey (indoors, or of a layer or level other than 0); empty on the ground.'"
    )
    op.create_table(
        "walk_wall",
        sa.Column(
            "id", sa.BigInteger(), autoincrement=False, nullable=False, comment="Running number in the load."
        ),
        sa.Column("kind", sa.Text(), nullable=False, comment="OSM barrier value."),
        sa.Column(
            "shape", Geometry("LINESTRING", 4490, spatial_index=False), nullable=False,
            comment="The line, EPSG:4490.",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_walk_wall")),
        comment="A wall or fence that no straight leg from a door to a street crosses.",
    )  # fmt: skip
    op.create_index("idx_walk_wall_shape", "walk_wall", ["shape"], postgresql_using="gist")
    op.add_column(
        "facility",
        sa.Column(
            "entrances", Geometry("MULTIPOINT", 4490, spatial_index=False),
            comment="All doors and gates in its outline, when more than the main one is known.",
        ),
    )  # fmt: skip
    op.create_index("idx_facility_entrances", "facility", ["entrances"], postgresql_using="gist")
    op.add_column(
        "service_circle",
        sa.Column(
            "island", sa.Boolean(), server_default="false", nullable=False,
            comment="The only ways within 100 m of the facility lead nowhere.",
        ),
    )  # fmt: skip
    op.add_column(
        "service_circle",
        sa.Column("buildings", sa.Integer(), comment="Buildings within the limit, by exact distance."),
    )
    op.execute("UPDATE dataset SET digest = '' WHERE kind = 'osm'")  # the same file, loaded again, is read again


def downgrade() -> None:
    op.drop_column("service_circle", "buildings")
    op.drop_column("service_circle", "island")
    op.drop_column("facility", "entrances")
    op.drop_table("walk_wall")
    op.drop_column("walk_edge", "ends")
