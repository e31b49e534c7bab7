"""formulas of points and stars, and the results of years that are closed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "formula_edition",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("county", sa.Text(), nullable=False, comment="Code of the county."),
        sa.Column("year", sa.Integer(), nullable=False, comment="Of the events that it counts."),
        sa.Column("kind", sa.Text(), nullable=False, comment="points or stars."),
        sa.Column("version", sa.Integer(), nullable=False, comment="From 1; the highest counts."),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False, comment="Since when it counts."),
        sa.Column("published_by", sa.Text(), nullable=False, comment="Who published it."),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True, comment="When the result was stored as it was handed up; empty: it is computed."),
        sa.Column("closed_by", sa.Text(), server_default="", nullable=False, comment="Who closed the year."),
        sa.CheckConstraint("kind IN ('points', 'stars')", name=op.f("ck_formula_edition_kind_known")),
        sa.CheckConstraint("(closed_at IS NULL) = (closed_by = '')", name=op.f("ck_formula_edition_closed_by_somebody")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_formula_edition")),
        sa.UniqueConstraint("county", "year", "kind", "version", name=op.f("uq_formula_edition_county_year_kind_version")),
        comment="Editions of the formulas of points and stars; the newest of a year counts.",
    )
    op.create_table(
        "formula_rule",
        _edition("The edition."),
        sa.Column("fact", sa.Text(), nullable=False, comment="As taken, in_time or stars_5."),
        sa.Column("condition", sa.Text(), nullable=False, comment="Which of these events, as urgent; empty: all."),
        sa.Column("value", sa.Numeric(8, 2), nullable=False, comment="Points of each, weight of a share, or a threshold."),
        sa.Column("cap", sa.Numeric(8, 2), nullable=True, comment="At most so many points of it in a year; empty: no limit."),
        sa.CheckConstraint("value > 0 AND cap > 0", name=op.f("ck_formula_rule_positive")),
        _to_edition("formula_rule"),
        sa.PrimaryKeyConstraint("edition_id", "fact", "condition", name=op.f("pk_formula_rule")),
        comment="Rows of formulas: what a fact is worth; keys of gis/credit/rules.py.",
    )
    op.create_table(
        "credit_entry",
        _edition("The formula."),
        sa.Column("event_id", sa.BigInteger(), nullable=False, comment="The event."),
        sa.Column("fact", sa.Text(), nullable=False, comment="Of the rule."),
        sa.Column("condition", sa.Text(), nullable=False, comment="Of the rule."),
        sa.Column("incident_id", sa.Uuid(), nullable=False, comment="The incident."),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="When it happened."),
        sa.Column("person_id", sa.BigInteger(), nullable=True, comment="Whose they are; no foreign key, since results never change."),
        sa.Column("organisation_id", sa.BigInteger(), nullable=True, comment="The team whose they are, as person_id."),
        sa.Column("area_ids", pg.ARRAY(sa.BigInteger()), nullable=False, comment="Of the incident."),
        sa.Column("points", sa.Numeric(8, 2), nullable=False, comment="How many."),
        _to_edition("credit_entry"),
        sa.PrimaryKeyConstraint("edition_id", "event_id", "fact", "condition", name=op.f("pk_credit_entry")),
        comment="Points event by event, of years that are closed.",
    )
    op.create_table(
        "star_share",
        _edition("The formula."),
        sa.Column("area_id", sa.BigInteger(), nullable=False, comment="The community."),
        sa.Column("metric", sa.Text(), nullable=False, comment="Which, as in_time."),
        sa.Column("n", sa.Integer(), nullable=False, comment="How many count."),
        sa.Column("of", sa.Integer(), nullable=False, comment="Of how many."),
        _to_edition("star_share"),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_star_share_area_id")),
        sa.PrimaryKeyConstraint("edition_id", "area_id", "metric", name=op.f("pk_star_share")),
        comment="Shares of communities, of years that are closed.",
    )


def _edition(comment: str) -> sa.Column:
    return sa.Column("edition_id", sa.BigInteger(), nullable=False, comment=comment)


def _to_edition(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["edition_id"], ["formula_edition.id"], name=op.f(f"fk_{table}_edition_id"))


def downgrade() -> None:
    for table in ("star_share", "credit_entry", "formula_rule", "formula_edition"):
        op.drop_table(table)
