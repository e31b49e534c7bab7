"""`./wangge dev`: commands for contributors: lint, types, checks of CI, new files, documents."""

import re
import subprocess
import sys
from pathlib import Path

import click

from gis.settings import ROOT

PROGRAMS = Path(sys.executable).parent
LINT = (("ruff", "check", "."), ("ruff", "format", "--check", "."))
MEND = (("ruff", "check", "--fix", "."), ("ruff", "format", "."))
TYPE_CHECKS = (("mypy",),)
MIGRATION = '''"""{text}."""

from alembic import op

revision = "{number}"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")


def downgrade() -> None:
    pass
'''


def run_all(*commands: tuple[str, ...]) -> int:
    """Run programs of the Python environment one after the other; return the highest exit code."""
    return max(
        subprocess.run([PROGRAMS / name, *arguments], cwd=ROOT, check=False).returncode
        for name, *arguments in commands
    )


@click.group()
def command() -> None:
    """Run what contributors need; see CONTRIBUTING.md."""


@command.command()
@click.option("--fix", is_flag=True, help="Mend and format instead of only checking.")
def lint(fix: bool) -> None:
    """Check style and format with ruff."""
    sys.exit(run_all(*(MEND if fix else LINT)))


@command.command()
def types() -> None:
    """Check types with mypy; one to three minutes."""
    sys.exit(run_all(*TYPE_CHECKS))


@command.command()
def check() -> None:
    """Run every check of CI but the tests: style, format, types."""
    sys.exit(run_all(*LINT, *TYPE_CHECKS))


@command.command()
@click.argument("text")
def migration(text: str) -> None:
    """Write an empty migration that says TEXT, after the newest one."""
    from gis.ops import schema

    head = schema.head()
    number = f"{int(head) + 1:04d}"
    slug = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    path = schema.MIGRATIONS / "versions" / f"{number}_{slug}.py"
    path.write_text(MIGRATION.format(text=text, number=number, head=head), encoding="utf-8")
    click.echo(path.relative_to(ROOT))


@command.command()
def translate() -> None:
    """Add new messages to every language, name those without a text, and compile."""
    from dev import catalogue

    sys.exit(catalogue.main())


@command.command()
def reference() -> None:
    """Write docs/reference.md: commands, routes and metrics."""
    from dev.reference import DOCUMENT, document

    DOCUMENT.write_text(document(), encoding="utf-8")


@command.command()
def licences() -> None:
    """Write docs/licences.md from what is installed."""
    from dev.licences import DOCUMENT, document

    DOCUMENT.write_text(document(), encoding="utf-8")


@command.command("pre-commit")
def pre_commit() -> None:
    """Let git check style and format before each commit, without pre-commit itself."""
    hook = ROOT / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\nexec ./wangge dev lint\n", encoding="utf-8")
    hook.chmod(0o755)
    click.echo(hook)
