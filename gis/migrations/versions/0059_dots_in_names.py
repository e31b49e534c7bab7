"""the dot of a name such as 古丽巴哈尔·艾力 is one sign, as loads read it."""

from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None

DOTS = "([\u3400-\u9fff])\\s*[\u0387\u2022\u2027\u2219\u22c5\u25cf\u30fb\uff65.\uff0e\u3002]\\s*(?=[\u3400-\u9fff])"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        f"UPDATE personal.person SET name = regexp_replace(name, '{DOTS}', '\\1·', 'g')"
        f" WHERE name ~ '{DOTS}'"
    )


def downgrade() -> None:
    pass  # what was typed is not known any more
