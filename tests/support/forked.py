"""Commands and servers in processes of their own that need not import the application anew.

A process that has imported everything forks them: of the hundred that a run starts, each would
otherwise spend a second on it. What a fresh Python does is in tests/unit/house/test_launcher.py.
"""

import atexit
import contextlib
import io
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver
from pathlib import Path

from gis.settings import ROOT

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.support.imported"])


class Forked:
    """A command as `python -m web WORDS`; to be used as `subprocess.Popen`.

    Parameters
    ----------
    words
        What follows `./wangge`.
    output, errors
        Files that its stdout and stderr are appended to.
    own_group
        Lead a session, and so a process group, of its own.
    """

    def __init__(
        self,
        words: Sequence[object],
        *,
        cwd: Path,
        env: Mapping[str, str],
        output: Path,
        errors: Path | None = None,
        own_group: bool = False,
    ) -> None:
        with contextlib.chdir(ROOT):  # where the forking process imports from
            forkserver.ensure_running()
        self.args = [*map(str, words)]
        self._process = _CONTEXT.Process(
            target=_run, args=(self.args, cwd, dict(env), output, errors or output, own_group)
        )
        self._process.start()
        self.pid: int = self._process.pid or 0

    @property
    def returncode(self) -> int | None:
        """The exit code, or minus the signal that ended it; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit code.

        Raises
        ------
        subprocess.TimeoutExpired
            It has not ended.
        """
        self._process.join(timeout)
        code = self.returncode
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, if it runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


def run(
    words: Sequence[object], *, cwd: Path, env: Mapping[str, str], timeout: float = 600
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and return what it wrote, as `subprocess.run` does."""
    with tempfile.TemporaryDirectory() as folder:
        output, errors = Path(folder) / "output", Path(folder) / "errors"
        process = Forked(words, cwd=cwd, env=env, output=output, errors=errors)
        try:
            code = process.wait(timeout)
        finally:
            process.kill()
        return subprocess.CompletedProcess(
            process.args, code, *(file.read_text(encoding="utf-8") for file in (output, errors))
        )


def _run(
    words: list[str], cwd: Path, env: dict[str, str], output: Path, errors: Path, own_group: bool
) -> None:
    """Become, in the forked process, what `python -m web WORDS` is."""
    from web.cli import main

    if own_group:
        os.setsid()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    tempfile.tempdir = None  # read from the environment again
    for name, descriptor, file in (("stdout", 1, output), ("stderr", 2, errors)):
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.dup2(opened, descriptor)
        os.close(opened)
        # as with PYTHONUNBUFFERED: what a full disk did not take is not tried again
        raw = io.FileIO(descriptor, "w", closefd=False)
        setattr(sys, name, io.TextIOWrapper(raw, encoding="utf-8", write_through=True))
    sys.argv = [str(ROOT / "web" / "__main__.py"), *words]
    try:
        main()
    finally:
        atexit._run_exitfuncs()
