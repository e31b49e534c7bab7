"""What hinders some walkers, per edge; the table of walking profiles, edition by edition."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

NUMBERS = (
    ("step_count", sa.Integer(), "Steps of a stair; null: not known."),
    ("incline_pct", sa.REAL(), "Slope from u to v in percent, as tagged; null: not known."),
    ("width_m", sa.REAL(), "Width in metres; null: not known."),
)
TEXTS = (
    ("surface", "OSM surface value; empty: not known."),
    ("kerb", "OSM kerb value of a kerb that is crossed; empty: not known, or none."),
    ("wheelchair", "OSM wheelchair value; no also at a stile or turnstile; empty: not known."),
    ("crossing", "signals, marked, unmarked or yes where the edge crosses a road; empty: not known."),
    ("hours", "OSM opening_hours of the way or its gate; empty: always open, or not known."),
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    for name, kind, comment in NUMBERS:
        op.add_column("walk_edge", sa.Column(name, kind, nullable=True, comment=comment))
    for name, comment in TEXTS:
        op.add_column(
            "walk_edge",
            sa.Column(name, sa.Text(), server_default="", nullable=False, comment=comment),
        )
    # the same file again fills the new columns
    op.execute("UPDATE dataset SET digest = '' WHERE kind = 'osm'")
    op.create_table(
        "walking_profile",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Surrogate key."),
        sa.Column("rows", pg.JSONB(), nullable=False, comment="Its rows in their order."),
        sa.Column("source", sa.Text(), server_default="", nullable=False, comment="The file it came from."),
        sa.Column("author", sa.Text(), server_default="", nullable=False, comment="Who loaded it."),
        sa.Column("loaded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False, comment="When it was loaded."),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_walking_profile")),
        comment="One edition of the table of walking profiles; the newest is in force, none is changed.",
    )


def downgrade() -> None:
    op.drop_table("walking_profile")
    for name, *_ in (*NUMBERS, *TEXTS):
        op.drop_column("walk_edge", name)
