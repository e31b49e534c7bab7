"""A made-up pilot, set up and served as a user would: by the command line, in a deployment folder of its own."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gis.settings import ROOT
from web.commands.serve import free_port


@dataclass(frozen=True)
class Reply:
    """What a server answered; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def kind(self) -> str:
        """The media type, without its parameters."""
        return self.headers.get("content-type", "").split(";")[0]

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Deployment:
    """A deployment folder (`WANGGE_VAR`) and, while it is served, its address; `key`, when one is to be sent."""

    var: Path
    url: str = ""
    key: str = ""

    def run(self, *words: object) -> subprocess.CompletedProcess[str]:
        """Run a command as `./wangge WORDS`, from a folder that is not the checkout."""
        return subprocess.run(
            [sys.executable, "-m", "web", *map(str, words)],
            cwd=self.var,
            env=environment(self.var),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def ask(self, path: str, body: object = None, *, method: str | None = None, **headers: str) -> Reply:
        """GET a path, or POST a body (bytes as they are, else as JSON)."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        sent = {"Accept": "*/*"} | ({} if data is None else {"Content-Type": "application/json"})
        sent |= {"Authorization": f"Bearer {self.key}"} if self.key else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(
            self.url + urllib.parse.quote(path, safe="/?&=,%+:"), data, sent, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return Reply(answer.status, lower(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, lower(error.headers), error.read())

    def get(self, path: str) -> Any:
        """The JSON at a path that must answer 200."""
        reply = self.ask(path)
        assert reply.status == 200, reply.body[:500]
        return reply.json()


def lower(headers: Any) -> dict[str, str]:
    """Headers by lower-case name."""
    return {name.lower(): value for name, value in headers.items()}


def environment(var: Path) -> dict[str, str]:
    """The environment of a command on a deployment."""
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "DATABASE_READ_URL")}
    return kept | {"WANGGE_VAR": str(var), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1",
                   "WANGGE_REPORTS_PER_MINUTE": "100000", "WANGGE_ANONYMOUS_UNITS_PER_MINUTE": "10000000"}  # fmt: skip


@contextmanager
def serving(var: Path, first_port: int = 8200) -> Iterator[str]:
    """Serve a deployment in a process of its own; the address, once it answers."""
    log = var / "serve.log"
    with log.open("w") as said:
        server = subprocess.Popen(
            [sys.executable, "-m", "web", "serve", "--port", str(free_port("127.0.0.1", first_port))],
            cwd=var,
            env=environment(var),
            stdout=said,
            stderr=said,
        )
    try:
        yield _wait_for(server, log)
    finally:
        server.terminate()
        server.wait(20)


def _wait_for(server: subprocess.Popen[bytes], log: Path) -> str:
    for _ in range(600):
        found = re.search(r"http://[\d.]+:\d+", log.read_text())
        if found:
            try:
                urllib.request.urlopen(f"{found[0]}/readyz", timeout=2).close()
                return found[0]
            except OSError:
                pass
        assert server.poll() is None, log.read_text()
        time.sleep(0.2)
    raise AssertionError(log.read_text())
