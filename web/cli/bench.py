"""`./wangge bench`: the measurements of docs/BENCHMARKS.md, on throw-away clusters."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click

from gis.ops.cluster.programs import find_binaries
from gis.settings import ROOT, Settings

REQUIREMENTS_PATH = ROOT / "tests" / "bench" / "requirements.txt"
VALHALLA_PATH = REQUIREMENTS_PATH.with_name("requirements-valhalla.txt")
VALHALLA_PYTHONS = ("python3.12", "python3.13", "python3.14")
UNCOMPARED = "failover"  # is compared with nobody, and measured only when named
NAMES = (
    *("circle", "coverage", "edges", "recompute", "pin"),
    *("bulk", "http", "report", "growth", "boundaries", "changes", "large"),
    UNCOMPARED,
)


@click.command()
@click.option(
    "--only", type=click.Choice(NAMES), multiple=True, help="One row; may be given again."
)
@click.option("--small", is_flag=True, help="Toy sizes, in seconds: does it run at all?")
def command(only: tuple[str, ...], small: bool) -> None:
    """Measure, beside peers on the same data; a whole run writes docs/BENCHMARKS.md."""
    arguments = [word for name in only for word in ("--only", name)] + ["--small"] * small
    var = Settings.from_env().var
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    if set(only) != {UNCOMPARED}:
        install_pgrouting()
        env |= {
            "PYTHONPATH": f"{ROOT}:{peers(var)}",
            "BENCH_VALHALLA": str(valhalla(var) or ""),
        }
    sys.exit(
        subprocess.run(
            [sys.executable, "-m", "tests.bench", *arguments], cwd=ROOT, env=env
        ).returncode
    )


def peers(var: Path) -> Path:
    """Return the folder with the peers' packages, filled when their list has changed."""
    folder = var / "bench-peers"
    # what they need is installed with the service, and must be the same here and there
    _install(REQUIREMENTS_PATH, folder, sys.executable, "--no-deps", "--target", str(folder))
    return folder


def valhalla(var: Path) -> Path | None:
    """Return the Python of an environment with Valhalla; None where none can be made."""
    folder = var / "bench-valhalla"
    python = folder / "bin" / "python"
    if not python.exists():
        maker = next((name for name in VALHALLA_PYTHONS if _makes_environments(name)), None)
        if maker is None or subprocess.run([maker, "-m", "venv", str(folder)]).returncode:
            return None
    return python if _install(VALHALLA_PATH, folder, str(python)) else None


def install_pgrouting() -> None:
    """Install pgRouting beside the PostgreSQL in use, if that is Debian's and we may."""
    folder = find_binaries()
    version = folder.parent.name
    control = Path("/usr/share/postgresql") / version / "extension" / "pgrouting.control"
    is_debian = folder.parent.parent == Path("/usr/lib/postgresql") and shutil.which("apt-get")
    if control.exists() or not is_debian or os.geteuid() != 0:
        return
    package = f"postgresql-{version}-pgrouting"
    click.echo(f"wangge: installing {package}", err=True)
    options = ["-y", "-q", "--no-install-recommends", "--no-upgrade"]
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "install", *options, package], env=env, stdout=sys.stderr)


def _makes_environments(name: str) -> bool:
    """Return whether a Python of this name is there, runs, and can make environments."""
    if shutil.which(name) is None:
        return False
    command = [name, "-c", "import ensurepip, venv"]
    return subprocess.run(command, capture_output=True).returncode == 0


def _install(requirements: Path, folder: Path, python: str, *options: str) -> bool:
    """Install a list when it has changed since it was, and return whether it is installed."""
    mark = folder / "installed-requirements.txt"
    if mark.exists() and mark.read_bytes() == requirements.read_bytes():
        return True
    click.echo(f"wangge: installing {requirements.relative_to(ROOT)} into {folder}", err=True)
    pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--upgrade"]
    if subprocess.run([*pip, *options, "-r", str(requirements)]).returncode:
        click.echo("wangge: it cannot be installed; the rows say what is not measured", err=True)
        return False
    mark.write_bytes(requirements.read_bytes())
    return True
