"""capacity of facilities, elders of households, saved coverage, and the walks of households."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

VIEW = """
CREATE VIEW household_access WITH (security_invoker = true) AS
SELECT h.county, h.id AS household_id, h.building_id, h.unit_id, h.people, h.elders,
  a.profile, a.category, a.minutes, a.facility_id, a.within_5, a.within_10, a.within_15,
  a.edge_minutes, a.off_network
FROM household h
JOIN building_access a ON a.building_id = h.building_id
"""
VIEW_COMMENTS = {
    "county": "Code of the county, part of the key of the household.",
    "household_id": "Number of the household within its county.",
    "building_id": "Its building.",
    "unit_id": "Its ten-household unit.",
    "people": "How many live there.",
    "elders": "How many of them are sixty or older; empty: not known.",
    "profile": "Walking profile, as adult.",
    "category": "Key of gis/facilities/categories.py.",
    "minutes": "Walk to the nearest; empty: none within an hour, or off the network.",
    "facility_id": "The nearest facility.",
    "within_5": "How many within 5 minutes.",
    "within_10": "How many within 10 minutes.",
    "within_15": "How many within 15 minutes.",
    "edge_minutes": "Walk to where the data end; empty: not within an hour.",
    "off_network": "More than 100 m from any street, or only on an island.",
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column(
        "facility",
        sa.Column("capacity", sa.Integer(), nullable=True, comment="Places, beds or doctors, by its category; empty: nobody stated it."),
    )
    op.create_check_constraint(op.f("ck_facility_capacity_not_negative"), "facility", "capacity >= 0")
    op.add_column(
        "household",
        sa.Column("elders", sa.Integer(), nullable=True, comment="How many of them are sixty or older; empty: not known."),
    )
    op.create_check_constraint(
        op.f("ck_household_elders_among_people"), "household", "elders >= 0 AND elders <= people"
    )
    op.create_table(
        "coverage_snapshot",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("name", sa.Text(), nullable=False, comment="By which it is called."),
        sa.Column("tier", sa.Text(), nullable=True, comment="Tier of the standards whose items it holds; empty: one question only."),
        sa.Column("profile", sa.Text(), nullable=False, comment="Walking profile, as adult."),
        sa.Column("open_at", sa.DateTime(timezone=True), nullable=True, comment="Moment at which facilities had to be open; empty: they did not."),
        sa.Column("planned", pg.JSONB(), nullable=False, comment="Facilities that stand only in a plan: category, name, lon, lat."),
        sa.Column("network_version", sa.Text(), nullable=False, comment="The walking network, the profile included."),
        sa.Column("facilities_digest", sa.Text(), nullable=False, comment="Digest of the facilities of its categories and their doors."),
        sa.Column("author", sa.Text(), nullable=False, comment="Who saved it, as the history names them."),
        sa.Column("account_id", sa.BigInteger(), nullable=True, comment="The account that saved it; empty: a program or the command line."),
        sa.Column("saved_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False, comment="When it was saved."),
        sa.Column("buildings", pg.ARRAY(sa.Text()), nullable=False, comment="Codes of all buildings, ascending; other arrays have their order."),
        sa.Column("lon", pg.ARRAY(sa.Double()), nullable=False, comment="Doors, degrees, EPSG:4490."),
        sa.Column("lat", pg.ARRAY(sa.Double()), nullable=False, comment="Doors, degrees, EPSG:4490."),
        sa.Column("households", pg.ARRAY(sa.Integer()), nullable=False, comment="Households of each building."),
        sa.Column("people", pg.ARRAY(sa.Integer()), nullable=False, comment="People of each building."),
        sa.Column("elders", pg.ARRAY(sa.Integer()), nullable=False, comment="People of sixty or more of each building; null: not known."),
        sa.CheckConstraint(
            "cardinality(buildings) = ALL (ARRAY[cardinality(lon), cardinality(lat),"
            " cardinality(households), cardinality(people), cardinality(elders)])",
            name=op.f("ck_coverage_snapshot_arrays_alike"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["personal.account.id"], name=op.f("fk_coverage_snapshot_account_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coverage_snapshot")),
        sa.UniqueConstraint("name", name=op.f("uq_coverage_snapshot_name")),
        comment="Coverage as it was when somebody saved it, to be compared with another.",
    )
    op.create_table(
        "coverage_snapshot_item",
        sa.Column("snapshot_id", sa.BigInteger(), nullable=False, comment="Of which snapshot."),
        sa.Column("item", sa.Text(), nullable=False, comment="Item of the tier; without a tier the categories, with commas."),
        sa.Column("categories", pg.ARRAY(sa.Text()), nullable=False, comment="Keys of gis/facilities/categories.py; the nearest of any counts."),
        sa.Column("minutes", sa.Double(), nullable=False, comment="Walk that counts as served."),
        sa.Column("walk", pg.ARRAY(sa.REAL()), nullable=False, comment="Minutes to the nearest; null: none within an hour."),
        sa.Column("standing", pg.ARRAY(sa.SmallInteger()), nullable=False, comment="0 served, 1 beyond, 2 cannot be said, 3 off the network."),
        sa.ForeignKeyConstraint(["snapshot_id"], ["coverage_snapshot.id"], name=op.f("fk_coverage_snapshot_item_snapshot_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("snapshot_id", "item", name=op.f("pk_coverage_snapshot_item")),
        comment="The walks of all buildings of a snapshot for one question.",
    )
    op.execute(VIEW)
    op.execute("COMMENT ON VIEW household_access IS 'Walking minutes from each household to the nearest facility of a category.'")
    for column, comment in VIEW_COMMENTS.items():
        op.execute(f"COMMENT ON COLUMN household_access.{column} IS '{comment}'")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP VIEW household_access")
    op.drop_table("coverage_snapshot_item")
    op.drop_table("coverage_snapshot")
    op.drop_column("household", "elders")
    op.drop_column("facility", "capacity")
