"""where the data end, and the walk of every building to the nearest of each category."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column(
        "walk_node",
        sa.Column(
            "at_edge_of_data",
            sa.Boolean,
            nullable=False,
            server_default="false",
            comment="The data end here: a way goes on that is not in the file, or leaves its box.",
        ),
    )
    op.create_table(
        "building_access",
        sa.Column(
            "building_id",
            sa.BigInteger,
            sa.ForeignKey(
                "building.id", ondelete="CASCADE", name="fk_building_access_building_id"
            ),
            nullable=False,
            comment="From where.",
        ),
        sa.Column("profile", sa.Text, nullable=False, comment="Walking profile, as adult."),
        sa.Column(
            "category", sa.Text, nullable=False, comment="Key of gis/facilities/categories.py."
        ),
        sa.Column(
            "minutes",
            sa.Double,
            comment="Walk to the nearest; empty: none within an hour, or off the network.",
        ),
        sa.Column(
            "facility_id",
            sa.BigInteger,
            sa.ForeignKey(
                "facility.id", ondelete="SET NULL", name="fk_building_access_facility_id"
            ),
            comment="The nearest facility.",
        ),
        *(
            sa.Column(
                f"within_{minutes}",
                sa.SmallInteger,
                nullable=False,
                comment=f"How many within {minutes} minutes.",
            )
            for minutes in (5, 10, 15)
        ),
        sa.Column(
            "edge_minutes",
            sa.Double,
            comment="Walk to where the data end; empty: not within an hour.",
        ),
        sa.Column(
            "off_network",
            sa.Boolean,
            nullable=False,
            comment="More than 100 m from any street, or only on an island.",
        ),
        sa.PrimaryKeyConstraint("building_id", "profile", "category", name="pk_building_access"),
        sa.CheckConstraint(
            "0 <= within_5 AND within_5 <= within_10 AND within_10 <= within_15",
            name="ck_building_access_counts_in_order",
        ),
        comment="Walking minutes from each building to the nearest facility of a category.",
    )
    op.create_index(
        "ix_building_access_profile_category", "building_access", ["profile", "category"]
    )
    op.create_index("ix_building_access_facility_id", "building_access", ["facility_id"])
    op.create_table(
        "access_run",
        sa.Column("profile", sa.Text, nullable=False, comment="Walking profile, as adult."),
        sa.Column(
            "category", sa.Text, nullable=False, comment="Key of gis/facilities/categories.py."
        ),
        sa.Column(
            "network_version",
            sa.Text,
            nullable=False,
            comment="The walking network, the profile included.",
        ),
        sa.Column(
            "buildings_digest",
            sa.Text,
            nullable=False,
            comment="Digest of buildings and their doors.",
        ),
        sa.Column(
            "facilities_digest",
            sa.Text,
            nullable=False,
            comment="Digest of the facilities of the category and their doors.",
        ),
        sa.Column(
            "computed_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.func.now(),
            comment="When it was computed.",
        ),
        sa.PrimaryKeyConstraint("profile", "category", name="pk_access_run"),
        comment="What the labels of a profile and category were computed from.",
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("access_run")
    op.drop_table("building_access")
    op.drop_column("walk_node", "at_edge_of_data")
