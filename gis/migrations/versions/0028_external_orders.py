"""orders of other systems such as 12345, external units, and parts of matters that others do."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "external_system",
        sa.Column("name", sa.Text(), nullable=False, comment="As 12345."),
        sa.Column("cursor", sa.Text(), server_default="", nullable=False, comment="Where the next pull begins, as it said itself."),
        sa.Column("exchanged_at", sa.DateTime(timezone=True), nullable=True, comment="When all was pulled and told last."),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False, comment="Why the last exchange ended early; empty: it did not."),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_external_system")),
        comment="A system that orders are exchanged with, such as 12345.",
    )
    op.create_table(
        "external_order",
        sa.Column("system", sa.Text(), nullable=False, comment="As 12345."),
        sa.Column("number", sa.Text(), nullable=False, comment="Its number there."),
        sa.Column("pulled_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False, comment="When it came."),
        sa.Column("incident_id", sa.Uuid(), nullable=True, comment="The incident it was filed as; empty: it was refused."),
        sa.Column("refusal", sa.Text(), server_default="", nullable=False, comment="Why it could not be filed, as that system is told."),
        sa.Column("told_event_id", sa.BigInteger(), server_default="0", nullable=False, comment="The last event that system was told; 1 when it was told of a refusal."),
        sa.PrimaryKeyConstraint("system", "number", name=op.f("pk_external_order")),
        comment="An order of another system, filed once; its number there is kept.",
    )
    op.create_index(op.f("ix_external_order_incident_id"), "external_order", ["incident_id"])
    op.create_table(
        "organisation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("code", sa.Text(), nullable=False, comment="Short name, as water."),
        sa.Column("name", sa.Text(), nullable=False, comment="As residents know it."),
        sa.Column("kind", sa.Text(), nullable=False, comment="water, power, gas, property or other."),
        sa.Column("phone", sa.Text(), server_default="", nullable=False, comment="Duty telephone."),
        sa.Column("limit_min", sa.Double(), nullable=False, comment="Working minutes it has for a part."),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False, comment="Parts are handed to it."),
        sa.CheckConstraint("kind IN ('water', 'power', 'gas', 'property', 'other')", name=op.f("ck_organisation_kind_known")),
        sa.CheckConstraint("limit_min > 0", name=op.f("ck_organisation_limit_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
        sa.UniqueConstraint("code", name=op.f("uq_organisation_code")),
        comment="An external unit that parts of matters are handed to.",
    )
    op.create_table(
        "joint_part",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("county", sa.Text(), nullable=False, comment="Code of the county."),
        sa.Column("incident_id", sa.Uuid(), nullable=False, comment="The incident."),
        sa.Column("kind", sa.Text(), nullable=False, comment="external (外部单位), assist (协办), or sign (会签): handled only after it."),
        sa.Column("organisation_id", sa.BigInteger(), nullable=True, comment="The unit that does it."),
        sa.Column("person_id", sa.BigInteger(), nullable=True, comment="Or the person."),
        sa.Column("note", sa.Text(), server_default="", nullable=False, comment="What is asked for."),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False, comment="Since when."),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False, comment="Its own time is over."),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True, comment="When it was done."),
        sa.Column("result", sa.Text(), server_default="", nullable=False, comment="What was done."),
        sa.Column("finished_by", sa.Text(), server_default="", nullable=False, comment="Account or program that recorded it."),
        sa.CheckConstraint("kind IN ('external', 'assist', 'sign')", name=op.f("ck_joint_part_kind_known")),
        sa.CheckConstraint("num_nonnulls(organisation_id, person_id) = 1", name=op.f("ck_joint_part_organisation_or_person")),
        sa.ForeignKeyConstraint(["county", "incident_id"], ["incident.county", "incident.id"], name=op.f("fk_joint_part_county_incident_id")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_joint_part_organisation_id")),
        sa.ForeignKeyConstraint(["person_id"], ["personal.person.id"], name=op.f("fk_joint_part_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_joint_part")),
        comment="A part of a matter that somebody else than its holder does.",
    )
    op.create_index(op.f("ix_joint_part_incident_id"), "joint_part", ["incident_id"])


def downgrade() -> None:
    op.drop_table("joint_part")
    op.drop_table("organisation")
    op.drop_table("external_order")
    op.drop_table("external_system")
