"""The programs of PostgreSQL, run for a private cluster."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from gis import private
from gis.errors import Unavailable
from gis.ops.cluster.location import Cluster


def find_binaries() -> Path:
    """Return the folder of the newest PostgreSQL with initdb and pg_ctl.

    Raises
    ------
    Unavailable
        None is installed.
    """
    configured = os.environ.get("WANGGE_PG_BIN")
    folders = [Path(configured)] if configured else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if initdb := shutil.which("initdb"):
        folders.append(Path(initdb).resolve().parent)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    raise Unavailable("database.not_installed")


@cache
def has_library(binaries: Path, name: str) -> bool:
    """Return whether a PostgreSQL has a library of server code."""
    program = binaries / "pg_config"
    if not program.exists():
        return False
    done = subprocess.run([program, "--pkglibdir"], capture_output=True, text=True)
    return any(Path(done.stdout.strip()).glob(f"{name}.*"))


def run(cluster: Cluster, arguments: Sequence[object]) -> None:
    """Run a PostgreSQL program, as the user `postgres` if we are root.

    Raises
    ------
    Unavailable
        It failed; the message has its last line of output.
    """
    command = [str(word) for word in arguments]
    if cluster.run_as:
        command = ["runuser", "-u", cluster.run_as, "--", *command]
    # output goes to a file, since the server would keep a pipe open
    with private.open_file(cluster.base / "last-command", "w+") as output:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=os.environ | {"LC_ALL": "C.UTF-8"},
            umask=private.UMASK,
        )
        output.seek(0)
        printed = output.read().strip()
    if done.returncode:
        raise Unavailable(
            "database.program_failed",
            program=Path(str(arguments[0])).name,
            reason=printed.splitlines()[-1] if printed else done.returncode,
        )
