"""`./wangge bench`: the measurements of docs/BENCHMARKS.md, on throw-away clusters."""

import os
import subprocess
import sys
from pathlib import Path

import click

from gis.settings import ROOT, Settings

REQUIREMENTS_PATH = ROOT / "tests" / "bench" / "requirements.txt"
NAMES = ("circle", "coverage", "bulk", "http", "report", "growth", "boundaries")


@click.command()
@click.option(
    "--only", type=click.Choice(NAMES), multiple=True, help="One row; may be given again."
)
@click.option("--small", is_flag=True, help="Toy sizes, in seconds: does it run at all?")
def command(only: tuple[str, ...], small: bool) -> None:
    """Measure, beside peers on the same data; a whole run writes docs/BENCHMARKS.md."""
    arguments = [word for name in only for word in ("--only", name)] + ["--small"] * small
    env = os.environ | {"PYTHONPATH": f"{ROOT}:{peers(Settings.from_env().var)}"}
    sys.exit(
        subprocess.run(
            [sys.executable, "-m", "tests.bench", *arguments], cwd=ROOT, env=env
        ).returncode
    )


def peers(var: Path) -> Path:
    """Return the folder with the peers' packages, filled when their list has changed."""
    folder = var / "bench-peers"
    mark = folder / "installed-requirements.txt"
    if not (mark.exists() and mark.read_bytes() == REQUIREMENTS_PATH.read_bytes()):
        click.echo(
            f"wangge: installing the peers of {REQUIREMENTS_PATH.relative_to(ROOT)} into {folder}",
            err=True,
        )
        pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        # what they need is installed with the service, and must be the same here and there
        done = subprocess.run(
            [*pip, "--no-deps", "--upgrade", "--target", str(folder), "-r", str(REQUIREMENTS_PATH)]
        )
        if done.returncode:
            click.echo(
                "wangge: they cannot be installed; the rows say what is not measured", err=True
            )
        else:
            mark.write_bytes(REQUIREMENTS_PATH.read_bytes())
    return folder
