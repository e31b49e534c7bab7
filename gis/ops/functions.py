"""Functions of the database: one file each in `sql/functions`, installed by migrations."""

from pathlib import Path

from alembic import op

FUNCTIONS_PATH = Path(__file__).with_name("sql") / "functions"


def replace_function(name: str) -> None:
    """Create or replace a function of the database from its file; for migrations.

    Parameters
    ----------
    name
        Name of the file in `sql/functions`, without its ending.
    """
    op.execute((FUNCTIONS_PATH / f"{name}.sql").read_text(encoding="utf-8"))
