"""`./wangge test`: the whole suite on all cores, or a quick part, on throw-away clusters."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from gis.settings import ROOT

# side by side by file: fixtures of a file are made once; files that share one are of a group
# (tests/conftest.py)
# one process more than cores: a fifth of the time a test waits for a server or a browser
PROCESSES = (os.cpu_count() or 1) + 1
PARALLEL = (f"--numprocesses={PROCESSES}", "--dist=loadgroup", "--no-loadscope-reorder")
FAST = (*PARALLEL, "-m", "not (slow or served or browser)")

BEHIND = "WANGGE_TEST_BEHIND"  # tells the tests what `--behind` names

MEMORY = Path("/dev/shm")  # where Linux has a file system in memory
MEMORY_BYTES = 6_000_000_000  # a run takes a third of it; containers may have 64 MB there


@contextmanager
def scratch() -> Iterator[dict[str, str]]:
    """Yield the environment that puts what tests throw away into memory, where there is room.

    Clusters are made, copied and removed by the dozen: on a disk that takes half as long again.
    """
    if "TMPDIR" in os.environ or not _has_room(MEMORY):
        yield {}
        return
    with tempfile.TemporaryDirectory(
        prefix="wangge-test-", dir=MEMORY, ignore_cleanup_errors=True
    ) as folder:
        Path(folder).chmod(0o755)  # the user postgres must be able to enter
        yield {"TMPDIR": folder}


def _has_room(folder: Path) -> bool:
    return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= MEMORY_BYTES


@click.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": ["-h", "--help"]}
)
@click.option(
    "--behind",
    type=click.Choice(["pgbouncer", "replica", "shards"]),
    help="Put it between the service and the database: a pooler in transaction mode, or a replica"
    " that answers what anybody may read; or move the county of a served deployment to a shard.",
)
@click.argument("arguments", metavar="[WORDS]...", nargs=-1, type=click.UNPROCESSED)
def command(behind: str | None, arguments: tuple[str, ...]) -> None:
    """Run the tests; WORDS go to pytest.

    `fast` as the first word takes a minute: it leaves out what drives a browser, what starts a
    server, a database or the command line of its own, and files that take more than three seconds
    by themselves (`SLOW` in tests/conftest.py).
    """
    chosen: tuple[str, ...] = ()
    if arguments[:1] == ("fast",):
        chosen, arguments = FAST, arguments[1:]
    elif not arguments:
        chosen = PARALLEL
    # a deployment's own settings must not reach the tests; their assertions are compiled once
    unwanted = ("WANGGE_VAR", "DATABASE_", "PYTHONDONTWRITEBYTECODE")
    env = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    env.setdefault(
        "PYTHONHASHSEED", "0"
    )  # processes that run tests side by side must find them in one order
    if behind:
        env[BEHIND] = behind
    with scratch() as folder:
        completed = subprocess.run(
            [sys.executable, "-m", "pytest", *chosen, *arguments], cwd=ROOT, env=env | folder
        )
    sys.exit(completed.returncode)
