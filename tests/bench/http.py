"""`GET /locate` over HTTP, beside the same application answering a constant."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple
from urllib.request import urlopen

import numpy as np
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import engine
from gis.demo.generate import generate_town
from gis.ops import cluster, migration
from gis.settings import ROOT, Settings
from tests.bench.rows import Figure, Reach, Row, median
from web.cli.serve import free_port
from web.gateway import THREADS

CONNECTIONS, WORKERS = 16, 2
CONSTANT = "/bench-constant"
MAX_TURN_S = 64  # in which a server on a busy machine answers something


class Load(NamedTuple):
    """What a load generator saw: requests a second, milliseconds at 50 and 99 %, and answers that
    were no 200.
    """

    rate: float
    p50: float
    p99: float
    bad: int


def measure(settings: Settings, small: bool) -> Row:
    """Serve a made-up town and ask in turns for the constant and for places, every request another
    place.
    """
    seconds, turns = (1, 1) if small else (8, 3)
    addresses = cluster.start(settings, throw_away=True)
    migration.migrate(addresses)
    with Session(engine(addresses.app)) as session:
        created = generate_town(session, 2026, 300) if small else generate_town(session)
        session.commit()
        grids = shapely.from_wkb([bytes(row[0]) for row in session.execute(text(SHAPES))])
    with engine(addresses.owner).begin() as owner:
        owner.execute(text("ANALYZE"))
    paths = [f"/api/v1/locate?lon={x:.7f}&lat={y:.7f}&crs=wgs84" for x, y in within(grids, 3000)]
    wrk = shutil.which("wrk")
    ask = by_wrk if wrk else by_threads
    with served(settings, addresses.app, 1 if small else WORKERS) as port:
        wait(port, paths[0])
        for some in () if small else (paths, [CONSTANT]):
            ask(port, some, 2)  # warm
        seen = [(ask(port, paths, seconds), ask(port, [CONSTANT], seconds)) for _ in range(turns)]
    ours, constant = (middle([pair[side] for pair in seen]) for side in (0, 1))
    share = ours.rate / constant.rate
    return Row(
        "http",
        "GET /locate over HTTP",
        f"A made-up town ({created.counts.get('building', 0):,} buildings,"
        f" {len(grids)} grids); granian, {WORKERS} workers of {THREADS} threads,"
        f" {CONNECTIONS} connections, {turns} turns of {seconds} s;"
        f" load by {'wrk' if wrk else 'threads in Python'} on the same machine.",
        "requests a second",
        Figure("locate: chain, building, unit, people, reasons", ours.rate, turns, told(ours)),
        [Figure("the same application answering a constant", constant.rate, turns, told(constant))],
        [
            Reach(f"≥ 50 % of the constant: {share:.0%}", share >= 0.5),
            Reach(
                f"p99 ≤ 2 × the constant's: {ours.p99 / constant.p99:.1f} ×",
                ours.p99 <= 2 * constant.p99,
            ),
        ],
        more_is_better=True,
        notes=[
            (
                "Server and load generator share the cores, so absolute rates are low;"
                " both sides pay the same."
            ),
            *(
                []
                if wrk
                else [
                    (
                        "Without wrk the load generator is slower than the server:"
                        " rates are its own limit, the ratio is flattered."
                    )
                ]
            ),
        ],
    )


SHAPES = """
SELECT ST_AsBinary(b.geom) FROM boundary b JOIN area a ON a.id = b.area_id
WHERE a.level = 'grid' AND b.valid_time @> now() ORDER BY a.id"""


def within(shapes: Sequence[shapely.Geometry], count: int) -> list[tuple[float, float]]:
    """Random places inside some shapes."""
    rng = np.random.default_rng(5)
    whole = shapely.union_all(shapes)
    shapely.prepare(whole)
    west, south, east, north = whole.bounds
    points = rng.uniform((west, south), (east, north), (20 * count, 2))
    result: list[tuple[float, float]] = points[shapely.contains_xy(whole, *points.T)][
        :count
    ].tolist()
    return result


@contextmanager
def served(settings: Settings, url: str, workers: int = WORKERS) -> Iterator[int]:
    """Serve as ./wangge serve does, with the constant beside it.

    The log goes to a file under var.
    """
    port = free_port("127.0.0.1", 18_000)
    env = os.environ | {
        "DATABASE_URL": url,
        "WANGGE_VAR": str(settings.var),
        "PYTHONPATH": str(ROOT),
        "WANGGE_REPORTS_PER_MINUTE": "1000000",
        "WANGGE_ANONYMOUS_UNITS_PER_MINUTE": "100000000",
    }
    with (settings.var / "bench-serve.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.serve", str(port), str(workers)],
            cwd=ROOT,
            env=env,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
        try:
            yield port
        finally:
            server.terminate()
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def wait(port: int, path: str) -> None:
    """Until the service answers, and a moment more: each worker reads its register at its first
    question.
    """
    end = time.monotonic() + 60
    while True:
        try:
            with urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                answer.read()
                break
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def by_wrk(port: int, paths: Sequence[str], seconds: int, post: str = "") -> Load:
    """wrk, asking for the paths in a random order.

    With `post`, sending each as a JSON body to that path. Twice as long where nothing was answered
    in the time, which is no rate.
    """
    listed = ",".join(f"[=[{path}]=]" for path in paths)
    ask = (
        f"wrk.format('POST', '{post}', {{['Content-Type'] = 'application/json'}}, path)"
        if post
        else "wrk.format('GET', path)"
    )
    script = (
        f"local paths = {{{listed}}}\nlocal made = {{}}\nlocal seed = 0\n"
        "function setup(thread) seed = seed + 1; thread:set('seed', seed) end\n"
        f"function init() math.randomseed(seed); for i,"
        f" path in ipairs(paths) do made[i] = {ask} end end\n"
        "function request() return made[math.random(#made)] end\n"
    )
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        arguments = [
            "wrk",
            "-t2",
            f"-c{CONNECTIONS}",
            f"-d{seconds}s",
            "--latency",
            "--timeout",
            "30s",  # a slow answer counts in p99, and is not a bad one
            "-s",
            file.name,
        ]
        output = subprocess.run(
            [*arguments, f"http://127.0.0.1:{port}"],
            check=True,
            capture_output=True,
            text=True,
            timeout=seconds + 30,
        ).stdout
    bad = sum(
        int(count)
        for count in re.findall(r"Non-2xx or 3xx responses: (\d+)|timeout (\d+)", output)
        for count in count
        if count
    )
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    assert rate is not None, output
    if float(rate[1]) == 0 and seconds < MAX_TURN_S:
        return by_wrk(port, paths, 2 * seconds, post)
    p50, p99 = (
        float(value) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[unit]
        for value, unit in (
            re.search(rf"{share}%\s+([\d.]+)(us|ms|s)", output).groups() for share in (50, 99)
        )  # type: ignore[union-attr]
    )
    return Load(float(rate[1]), p50, p99, bad)


def by_threads(port: int, paths: Sequence[str], seconds: float, post: str = "") -> Load:
    """One thread a connection in this process: fewer requests a second than wrk could ask, the same
    for both sides.
    """
    created = [
        f"POST {post} HTTP/1.1\r\nHost: bench\r\nContent-Type:"
        f" application/json\r\nContent-Length: {len(path.encode())}"
        f"\r\n\r\n{path}".encode()
        if post
        else f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()
        for path in paths
    ]
    spent: list[float] = []
    bad: list[int] = []
    end = time.monotonic() + seconds

    def work(number: int) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=MAX_TURN_S) as connection:
            turn = number
            while not spent or time.monotonic() < end:  # one answer on a busy machine, too
                turn += 7
                begin = time.perf_counter()
                connection.sendall(created[turn % len(created)])
                data = connection.recv(65536)
                head = data.index(b"\r\n\r\n") + 4
                length = re.search(rb"content-length: (\d+)", data[:head], re.IGNORECASE)
                whole = head + int(length[1]) if length else head
                while len(data) < whole:
                    data += connection.recv(65536)
                spent.append(time.perf_counter() - begin)
                if not data.startswith(b"HTTP/1.1 20"):
                    bad.append(1)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    p50, p99 = (float(value) * 1e3 for value in np.percentile(spent, (50, 99)))
    return Load(len(spent) / seconds, p50, p99, len(bad))


def middle(loads: Sequence[Load]) -> Load:
    """The median of each figure; bad answers are added up."""
    rate, p50, p99 = (median([load[i] for load in loads]) for i in range(3))
    return Load(rate, p50, p99, sum(load.bad for load in loads))


def told(load: Load) -> str:
    """The other figures in words."""
    return f"p50 {load.p50:.1f} ms, p99 {load.p99:.1f} ms" + (
        f", **{load.bad} bad answers**" if load.bad else ""
    )
