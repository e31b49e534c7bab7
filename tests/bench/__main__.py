"""`python -m tests.bench`: measure, print, and after a whole run write docs/BENCHMARKS.md."""

import argparse
import gc
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from gis.ops import cluster
from gis.settings import ROOT, Settings
from tests.bench import (
    access,
    boundaries,
    bulk,
    changes,
    circle,
    coverage,
    failover,
    growth,
    http,
    large,
    report,
)
from tests.bench.ha_cluster import CannotRun
from tests.bench.rows import Reach, Row, machine, markdown
from web.cli import GC_THRESHOLDS

ROWS: dict[str, Callable[[Settings, bool], Row]] = {
    "circle": circle.measure,
    "coverage": coverage.measure,
    "edges": access.measure_edges,
    "recompute": access.measure_recompute,
    "pin": access.measure_pin,
    "bulk": bulk.measure,
    "http": http.measure,
    "report": report.measure,
    "growth": growth.measure,
    "boundaries": boundaries.measure,
    "changes": changes.measure,
    "large": large.measure,
}
# run only when named: it needs packages of its own, and is compared with nothing
APART: dict[str, Callable[[Settings, bool], Row]] = {"failover": failover.measure}
PAGE = ROOT / "docs" / "BENCHMARKS.md"


@contextmanager
def deployment() -> Iterator[Settings]:
    """A throw-away deployment.

    The cluster a row started in it is stopped and removed at the end.
    """
    folder = Path(tempfile.mkdtemp(prefix="wangge-bench-"))
    folder.chmod(0o755)  # the user postgres must be able to enter
    settings = Settings(var=folder)
    try:
        yield settings
    finally:
        base = cluster.cluster_location(settings).base
        if base.exists():
            cluster.stop(settings)
            shutil.rmtree(base, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def run(names: list[str], small: bool) -> list[Row]:
    """Measure some rows, each on a database of its own."""
    done = []
    for name in names:
        begin = time.monotonic()
        print(f"bench: {name} …", file=sys.stderr, flush=True)
        with deployment() as settings:
            old = os.getloadavg()[0]
            row = (ROWS | APART)[name](settings, small)
            row.notes.append(
                f"Load of the machine (1 minute) before and after: {old:.1f},"
                f" {os.getloadavg()[0]:.1f}."
            )
        if small:  # toy sizes say nothing about what is reached
            row = replace(row, reaches=[Reach(reach.words, None) for reach in row.reaches])
        done.append(row)
        print(f"bench: {name} took {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
    return done


def main() -> None:
    """Read the words, measure, tell."""
    parser = argparse.ArgumentParser(prog="./wangge bench")
    parser.add_argument("--only", choices=[*ROWS, *APART], action="append")
    parser.add_argument("--small", action="store_true")
    phrase = parser.parse_args()
    for name in [name for name in os.environ if name.startswith(("WANGGE_VAR", "DATABASE_"))]:
        del os.environ[name]  # a deployment's own settings must not reach a measurement
    gc.freeze()  # as `serve` does: a collection of all that is imported takes 0.15 s
    gc.set_threshold(*GC_THRESHOLDS)  # as every command does
    begin, where = time.monotonic(), machine()
    try:
        rows = run(phrase.only or list(ROWS), phrase.small)
    except CannotRun as error:
        sys.exit(f"bench: {error}")
    page = markdown(rows, where, (time.monotonic() - begin) / 60)
    if phrase.only or phrase.small:  # a part, or toy sizes: no record
        page += "\nA part or toy sizes only: docs/BENCHMARKS.md was not written.\n"
    else:
        PAGE.write_text(page, encoding="utf-8")
        print(f"bench: wrote {PAGE.relative_to(ROOT)}", file=sys.stderr)
    print(page)


if __name__ == "__main__":
    main()
