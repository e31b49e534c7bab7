"""Functions of the database: one file each in `sql/functions`, brought in by a migration."""

from pathlib import Path

from alembic import op

FUNCTIONS_PATH = Path(__file__).with_name("sql") / "functions"


def replace_function(name: str) -> None:
    """Create a function of the database, or replace it, as its file says; for migrations.

    Parameters
    ----------
    name
        Name of the file in `sql/functions`, without ending.
    """
    op.execute((FUNCTIONS_PATH / f"{name}.sql").read_text(encoding="utf-8"))
