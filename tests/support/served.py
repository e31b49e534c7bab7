"""A made-up pilot, set up and served as a user would: by the command line, in a deployment folder
of its own.
"""

import io
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gis.incidents.catalogue import classifier, editions
from gis.incidents.routing import rules
from gis.ops.cluster.setup import unused_port
from gis.settings import ROOT, Settings
from tests.support import forked
from tests.support.forked import Forked
from tests.support.sharded import (
    SHARED_COMMANDS,
    command_environment,
    let_counties_hear,
    shard_of,
)
from web.cli import main
from web.shards.questions import COUNTY_COOKIE

WAIT_S = 120.0  # for what takes a second or two: the machine may be busy with eight times as much


def forget_editions(patch: pytest.MonkeyPatch) -> None:
    """Let this process know the rules and catalogues of no database: they are known by number."""
    for module in (classifier, editions, rules):
        patch.setattr(module, "_cache", {})


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
    """A deployment folder (`WANGGE_VAR`) and, while it is served, its address.

    `key`, when one is to be sent. `folder`: where commands run inside; the deployment's without.
    """

    var: Path
    url: str = ""
    key: str = ""
    folder: Path | None = None

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run a command as `./wangge WORDS`, from a folder that is not the checkout."""
        return forked.run(arguments, cwd=self.var, env=self._environment(arguments))

    def run_inside(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run a command as `run` does, but in this process, which need not import it again."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["wangge", *map(str, arguments)])
            patch.setattr(sys, "stdin", io.StringIO())
            patch.chdir(self.folder or self.var)
            forget_editions(patch)
            for name in os.environ.keys() - environment(self.var).keys():
                patch.delenv(name)
            for name, value in self._environment(arguments).items():
                patch.setenv(name, value)
            mask = os.umask(0)
            code: object = 0
            try:
                with redirect_stdout(out), redirect_stderr(err):
                    main()
            except SystemExit as stopped:
                code = stopped.code
            finally:
                os.umask(mask)
        if arguments[0] in SHARED_COMMANDS:
            let_counties_hear(self.var)
        return subprocess.CompletedProcess(
            arguments, int(code or 0), out.getvalue(), err.getvalue()
        )

    def _environment(self, arguments: tuple[object, ...]) -> dict[str, str]:
        return environment(self.var) | command_environment(self.var, arguments)

    def load_extract(self, files: Path) -> subprocess.CompletedProcess[str]:
        """Make the demo of a real extract: the folder's source.osm.pbf and grids.geojson."""
        osm, areas = files / "source.osm.pbf", files / "grids.geojson"
        return self.run_inside("demo", "--no-serve", "--osm", osm, "--areas", areas)

    def ask(
        self, path: str, body: object = None, *, method: str | None = None, **headers: str
    ) -> Reply:
        """GET a path, or POST a body (bytes as they are, else as JSON)."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        sent = {"Accept": "*/*"} | ({} if data is None else {"Content-Type": "application/json"})
        sent |= {"Authorization": f"Bearer {self.key}"} if self.key else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        if (shard := shard_of(self.var)) is not None:  # that of the county that one chose
            choice = f"{COUNTY_COOKIE}={shard.county}"
            sent["Cookie"] = "; ".join(filter(None, (sent.get("Cookie"), choice)))
        request = urllib.request.Request(
            self.url + urllib.parse.quote(path, safe="/?&=,%+:"), data, sent, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
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
    settings = ("DATABASE_", "WANGGE_")  # of whoever runs the tests
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(settings)}
    binaries = {name: os.environ[name] for name in ("WANGGE_PG_BIN",) if name in os.environ}
    return (
        inherited
        | binaries
        | {
            "WANGGE_VAR": str(var),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "WANGGE_REPORTS_PER_MINUTE": "100000",
            "WANGGE_ANONYMOUS_UNITS_PER_MINUTE": "10000000",
            "WANGGE_MIN_FREE_MB": "0",
        }
    )


@contextmanager
def serving(var: Path, *options: str, **settings: str) -> Iterator[str]:
    """Serve a deployment in a process of its own; the address, once it answers.

    `options`: more words of the command; `--no-jobs` where no job is waited for, since they import
    everything once more. `settings`: more environment.
    """
    from tests.support.behind import behind

    port = unused_port()
    between = nullcontext({}) if any(map(is_database, settings)) else behind(Settings(var=var))
    with (
        between as more,
        started(port, environment(var) | more | settings, var / "serve.log", *options),
    ):
        yield f"http://127.0.0.1:{port}"


def is_database(name: str) -> bool:
    """Whether a setting says which database is served."""
    return name.startswith("DATABASE_")


@contextmanager
def started(
    port: int, env: Mapping[str, str], log: Path, *options: str, path: str = "/readyz"
) -> Iterator[Forked]:
    """Run `./wangge serve` until the end of the block.

    It answers before the block begins, or the test fails with its log.

    Parameters
    ----------
    path
        Where it must answer, with any status but 5xx.
    """
    log.write_text("")
    words = ("serve", "--port", port, *options)
    server = Forked(words, cwd=log.parent, env=env, output=log)
    try:
        until(
            lambda: _answers(f"http://127.0.0.1:{port}{path}", server, log),
            WAIT_S,
            lambda: log.read_text(),
        )
        yield server
    finally:
        if server.poll() is None:
            server.terminate()
        try:
            server.wait(60)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
            raise AssertionError(f"the server did not stop:\n{log.read_text()}") from None


def _answers(address: str, server: Forked, log: Path) -> bool:
    assert server.poll() is None, log.read_text()
    try:
        urllib.request.urlopen(address, timeout=WAIT_S).close()
    except urllib.error.HTTPError as error:
        with error:
            return error.code < 500
    except OSError:
        return False
    return True


def until(
    condition: Callable[[], object], seconds: float = WAIT_S, words: Callable[[], str] = str
) -> None:
    """Wait until a condition holds; fail with words when it does not for so long."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, words() or "it does not come true"
        time.sleep(0.02)
