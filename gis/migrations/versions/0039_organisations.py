"""organisations with members, that take orders as teams; hours and consent of those who take orders."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql as pg

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

KINDS = "'water', 'power', 'gas', 'property', 'other'"
MORE_KINDS = f"{KINDS}, 'party_branch', 'volunteer_team', 'enforcement_squad', 'resident_unit'"
EVENTS = {
    "insert": "NEW TABLE AS new_rows",
    "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "OLD TABLE AS old_rows",
}
COMMENTS = {
    False: (
        "An external unit that parts of matters are handed to.",
        "water, power, gas, property or other.",
    ),
    True: (
        "A branch, team, company, squad or unit: parts are handed to it, and it takes orders.",
        "Key of ORGANISATION_KINDS.",
    ),
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _comment(True)
    op.drop_constraint("ck_organisation_kind_known", "organisation")
    op.create_check_constraint(op.f("ck_organisation_kind_known"), "organisation", f"kind IN ({MORE_KINDS})")
    for column in _columns():
        op.add_column("organisation", column)
    op.create_index("idx_organisation_geom", "organisation", ["geom"], postgresql_using="gist")
    op.create_index("ix_organisation_area_id", "organisation", ["area_id"])
    op.create_index("ix_organisation_parent_id", "organisation", ["parent_id"])
    op.create_table(
        "organisation_member",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False, comment="Where."),
        sa.Column("person_id", sa.BigInteger(), nullable=False, comment="Who."),
        sa.Column("role", sa.Text(), server_default="", nullable=False, comment="As what, in words; empty: a member."),
        sa.Column("takes_orders", sa.Boolean(), server_default="true", nullable=False, comment="May take orders of the organisation."),
        sa.Column("valid_time", pg.TSTZRANGE(), nullable=False, comment="From (inclusive) to (exclusive; empty: still)."),
        sa.CheckConstraint("NOT isempty(valid_time) AND NOT lower_inf(valid_time)", name=op.f("ck_organisation_member_dates_in_order")),
        pg.ExcludeConstraint(("organisation_id", "="), ("person_id", "="), ("valid_time", "&&"), using="gist", name="one_membership_at_a_time"),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_organisation_member_organisation_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["person_id"], ["personal.person.id"], name=op.f("fk_organisation_member_person_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation_member")),
        comment="Who belongs to an organisation, as what, from when to when.",
    )
    op.create_index(op.f("ix_organisation_member_person_id"), "organisation_member", ["person_id"])
    for table, comment in (("incident", "The organisation that holds it as a team."), ("order_offer", "The organisation it is offered to as a team.")):
        op.add_column(table, sa.Column("organisation_id", sa.BigInteger(), nullable=True, comment=comment))
        op.create_foreign_key(op.f(f"fk_{table}_organisation_id"), table, "organisation", ["organisation_id"], ["id"], ondelete="SET NULL")
    op.create_index("ix_incident_organisation_id", "incident", ["organisation_id"], postgresql_where=sa.text("organisation_id IS NOT NULL"))
    op.add_column("order_taker", sa.Column("hours", sa.Text(), server_default="", nullable=False, comment="When orders may be offered, as opening hours; empty: always."))
    op.add_column("order_taker", sa.Column("address", sa.Text(), server_default="", nullable=False, comment="Where they start from, in words."))
    op.add_column("order_taker", sa.Column("consent_at", sa.DateTime(timezone=True), nullable=True, comment="When they agreed to be offered orders; empty: they did not."))
    op.add_column("order_taker", sa.Column("consent_by", sa.Text(), server_default="", nullable=False, comment="Who wrote the consent down."))
    # who took orders before consent was written down goes on
    op.execute("UPDATE order_taker SET consent_at = now(), consent_by = 'before it was written down'")
    for table in ("organisation", "organisation_member"):
        for event, transition in EVENTS.items():
            op.execute(
                f"CREATE TRIGGER remember_{event} AFTER {event.upper()} ON {table} REFERENCING {transition}"
                f" FOR EACH STATEMENT EXECUTE FUNCTION remember('{table}', 'id')"
            )


def _columns() -> list[sa.Column]:
    def foreign(target: str, **options: str) -> sa.ForeignKey:
        table = target.rpartition(".")[0]
        name = {"area": "area_id", "organisation": "parent_id", "facility": "facility_id", "personal.person": "head_id", "kind": "kind_id"}[table]
        return sa.ForeignKey(target, name=op.f(f"fk_organisation_{name}"), **options)

    return [
        sa.Column("kind_id", sa.BigInteger(), foreign("kind.id"), nullable=True, comment="The kind of its kind, where people added one."),
        sa.Column("number", sa.Text(), server_default="", nullable=False, comment="Its number among those of its kind, as 2."),
        sa.Column("parent_id", sa.BigInteger(), foreign("organisation.id"), nullable=True, comment="The organisation it belongs to."),
        sa.Column("area_id", sa.BigInteger(), foreign("area.id"), nullable=True, comment="Where it serves; empty: everywhere."),
        sa.Column("estate", sa.Text(), server_default="", nullable=False, comment="The estate it serves."),
        sa.Column("facility_id", sa.BigInteger(), foreign("facility.id", ondelete="SET NULL"), nullable=True, comment="The facility it works from."),
        sa.Column("head_id", sa.BigInteger(), foreign("personal.person.id"), nullable=True, comment="Who leads it."),
        sa.Column("address", sa.Text(), server_default="", nullable=False, comment="Where it is, in words."),
        sa.Column("skills", pg.ARRAY(sa.Text()), server_default="{}", nullable=False, comment="Orders of these it takes as a team."),
        sa.Column("hours", sa.Text(), server_default="", nullable=False, comment="When orders may be offered, as opening hours; empty: always."),
        sa.Column("geom", Geometry("POINT", srid=4490, spatial_index=False), nullable=True, comment="Where its people start from, EPSG:4490."),
    ]


def _comment(new: bool) -> None:
    op.execute(f"COMMENT ON TABLE organisation IS '{COMMENTS[new][0]}'")
    op.execute(f"COMMENT ON COLUMN organisation.kind IS '{COMMENTS[new][1]}'")


def downgrade() -> None:
    op.drop_table("organisation_member")
    for event in EVENTS:
        op.execute(f"DROP TRIGGER remember_{event} ON organisation")
    for table in ("incident", "order_offer"):
        op.drop_column(table, "organisation_id")
    for column in ("hours", "address", "consent_at", "consent_by"):
        op.drop_column("order_taker", column)
    for column in _columns():
        op.drop_column("organisation", column.name)
    _comment(False)
    op.execute("UPDATE organisation SET kind = 'other' WHERE kind NOT IN ('water', 'power', 'gas', 'property')")
    op.drop_constraint("ck_organisation_kind_known", "organisation")
    op.create_check_constraint(op.f("ck_organisation_kind_known"), "organisation", f"kind IN ({KINDS})")
