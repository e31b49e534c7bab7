"""provinces and cities above the counties."""

import sqlalchemy as sa
from alembic import op

from gis.ops.functions import replace_function

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

COUNTY_DOWN = "'county', 'street', 'community', 'grid', 'unit'"
LEVELS = f"'province', 'city', {COUNTY_DOWN}"
COMMENTS = {
    "code": (
        "Division code (6, 9 or 12 digits), grid = community + 3 digits; text.",
        "Division code (2 to 12 digits), grid = community + 3 digits; text.",
    ),
    "level": ("county, street, community, grid or unit.", "One of LEVELS, as county or grid."),
    "county": (
        "Code of its county, the key work is spread by.",
        "Code of its county, the key work is spread by; over counties its own.",
    ),
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_constraint("ck_area_level_known", "area")
    op.create_check_constraint(op.f("ck_area_level_known"), "area", f"level IN ({LEVELS})")
    op.drop_constraint("ck_area_only_counties_are_roots", "area")
    op.create_check_constraint(
        op.f("ck_area_below_counties_have_parents"),
        "area",
        "CASE level WHEN 'province' THEN parent_id IS NULL WHEN 'city' THEN true"
        " WHEN 'county' THEN true ELSE parent_id IS NOT NULL END",
    )
    op.create_index(
        "ix_area_over_county", "area", ["id"], postgresql_where=sa.text("level IN ('province', 'city')")
    )
    _comment(1)
    for name in ("in_counties", "land_of"):
        replace_function(name)


def downgrade() -> None:
    op.execute("DROP FUNCTION land_of(bigint[], timestamptz)")
    op.execute("DROP FUNCTION in_counties(bigint[])")
    _comment(0)
    op.drop_index("ix_area_over_county", "area")
    op.drop_constraint("ck_area_below_counties_have_parents", "area")
    op.create_check_constraint(
        op.f("ck_area_only_counties_are_roots"), "area", "(level = 'county') = (parent_id IS NULL)"
    )
    op.drop_constraint("ck_area_level_known", "area")
    op.create_check_constraint(op.f("ck_area_level_known"), "area", f"level IN ({COUNTY_DOWN})")


def _comment(form: int) -> None:
    """Say what the columns hold, as before (0) or since (1)."""
    for column, comments in COMMENTS.items():
        op.alter_column("area", column, comment=comments[form], existing_comment=comments[1 - form])
