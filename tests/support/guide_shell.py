"""The blocks of a guide, run word for word by a shell in a folder of its own; `./wangge` there runs
in the process of the test, which need not import everything anew for each command.
"""

import os
import re
import subprocess
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from gis.settings import ROOT
from tests.support.served import Deployment, environment

BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# asks through pipes: the words, then the status; what is printed comes in files
LAUNCHER = """#!/bin/sh
printf '%s\\0' "$@" > "$PWD_OF_GUIDE/ask"
status=$(cat "$PWD_OF_GUIDE/answer")
cat "$PWD_OF_GUIDE/out"
cat "$PWD_OF_GUIDE/err" >&2
exit "$status"
"""


def blocks_of(guide: str) -> list[str]:
    """Return the `sh` blocks of a guide, in order."""
    return BLOCK.findall((ROOT / "docs" / f"guide-{guide}.md").read_text(encoding="utf-8"))


@dataclass
class GuideShell:
    """A folder in which blocks of guides are run on a deployment.

    deployment: What `./wangge` works on. folder: Where; its `wangge` is made here. stands_for: What
    a word of the guides, as a number that only a real deployment knows, is here. after: Called with
    the words of each command when it is done, for what people do then, as filling in a form.
    variables: Of the shell. printed: All that was printed.
    """

    deployment: Deployment
    folder: Path
    stands_for: Mapping[str, str] = field(default_factory=dict)
    after: Callable[[Sequence[str]], None] = lambda words: None
    variables: Mapping[str, str] = field(default_factory=dict)
    printed: str = ""

    def __post_init__(self) -> None:
        self.pipes = self.folder.parent / f"{self.folder.name}-pipes"
        self.pipes.mkdir()
        for name in ("ask", "answer"):
            os.mkfifo(self.pipes / name)
        launcher = self.folder / "wangge"
        launcher.write_text(LAUNCHER)
        launcher.chmod(0o755)

    def run(self, block: str) -> None:
        """Run a block; each of its commands must end well."""
        with ThreadPoolExecutor(1) as pool:
            shell = pool.submit(self._shell, block)
            while words := (self.pipes / "ask").read_bytes():
                self._answer([word.decode() for word in words.split(b"\0")[:-1]])
        done = shell.result()
        self.printed += done.stdout
        assert done.returncode == 0, (block, done.stdout[-1000:], done.stderr[-2000:])

    def _shell(self, block: str) -> subprocess.CompletedProcess[str]:
        variables = {
            **environment(self.deployment.var),
            **self.variables,
            "PWD_OF_GUIDE": str(self.pipes),
        }
        try:
            return subprocess.run(
                ["sh", "-eux"],
                input=block,
                cwd=self.folder,
                env=variables,
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            (self.pipes / "ask").write_bytes(b"")  # no more commands

    def _answer(self, words: list[str]) -> None:
        here = replace(self.deployment, folder=self.folder)
        try:
            done = here.run_inside(*(self.stands_for.get(word, word) for word in words))
        except Exception:  # the shell waits for an answer, as it would get one from a process
            done = subprocess.CompletedProcess(words, 1, "", traceback.format_exc())
        (self.pipes / "out").write_text(done.stdout, encoding="utf-8")
        (self.pipes / "err").write_text(done.stderr, encoding="utf-8")
        if done.returncode == 0:
            self.after(words)
        (self.pipes / "answer").write_text(str(done.returncode))
