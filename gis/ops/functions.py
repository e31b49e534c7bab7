"""Functions of the database: one file each in `sql/functions`, installed by migrations.

The file is the newest form of a function. A migration that changes one edits its file and calls
`replace_function`. Earlier migrations that would fail with the new file, since it names columns
they do not have yet, then get the text of their time as a constant.
"""

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
    op.execute(function_sql(name))


def function_sql(name: str) -> str:
    """Return the statement that creates a function or replaces it.

    Parameters
    ----------
    name
        Name of the file in `sql/functions`, without ending.
    """
    return (FUNCTIONS_PATH / f"{name}.sql").read_text(encoding="utf-8")


def function_names() -> list[str]:
    """Return the names of the functions that have a file, in alphabetical order."""
    return sorted(path.stem for path in FUNCTIONS_PATH.glob("*.sql"))
