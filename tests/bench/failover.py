"""Three database machines lose one after another while people report: what is lost, and for how
long nobody can report. docs/high-availability.md says what was measured.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import engine
from gis.demo.generate import generate_town
from gis.ops import migration
from gis.ops.cluster import DatabaseUrls
from gis.ops.cluster.setup import unused_port
from gis.settings import ROOT, Settings
from tests.bench.failover_attacks import ATTACKS, Finding, Trial, ask, kill_primary
from tests.bench.failover_load import CONNECTIONS, Residents, reporting
from tests.bench.ha_cluster import Node, Program, ThreeNodes, run, three_nodes, wait_for
from tests.bench.http import SHAPES, WORKERS, wait, within
from tests.bench.rows import Figure, Reach, Row

MAX_OUTAGE_S, MAX_ANSWER_S = 30.0, 10.0
KILLS = 3  # of the primary, each on another machine than the one before
FRESH_S = 10.0
SWEEP_S = 90.0  # in which the jobs look for what is due
HOUSEHOLDS = 300
ALLOWED = "503 application/problem+json service."  # begins each answer that may refuse a report


def measure(settings: Settings, small: bool) -> Row:
    """Report to a made-up town while its primary is killed, then everything else is tried."""
    with three_nodes() as trio:
        places = fill_town(trio)
        with served(trio, settings.var) as port, reporting(port, places) as residents:
            trial = Trial(trio, residents, port)
            trial.expect_reports()
            findings = [kill_primary(trial) for _ in range(1 if small else KILLS)]
            kills = len(findings)
            findings += [] if small else [attack(trial) for attack in ATTACKS]
            is_restored = restore_to_a_moment(trial)
            after = look_after(trial)
            residents.stop()
            lost, twice = check(trio.primary(), residents)
    return row(findings[:kills], findings[kills:], residents, lost, twice, [is_restored, *after])


def fill_town(trio: ThreeNodes) -> list[tuple[float, float]]:
    """Migrate and fill a small made-up town through haproxy; return places in it."""
    addresses = DatabaseUrls(trio.settings["DATABASE_URL"], trio.settings["DATABASE_OWNER_URL"])
    migration.migrate(addresses)
    with Session(engine(addresses.app)) as session:
        generate_town(session, 2026, HOUSEHOLDS)
        session.commit()
        grids = shapely.from_wkb([bytes(row[0]) for row in session.execute(text(SHAPES))])
    for url in (addresses.app, addresses.owner):
        engine(url).dispose()
    trio.primary().pgbackrest("--type=diff", "backup")
    return within(grids, 2000)


@contextmanager
def served(trio: ThreeNodes, var: Path) -> Iterator[int]:
    """Serve through haproxy as ./wangge serve does, with the jobs; the port."""
    port = unused_port()
    own = ("WANGGE_", "DATABASE_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    env |= trio.settings | {
        "WANGGE_VAR": str(var),
        "PYTHONPATH": str(ROOT),
        "WANGGE_REPORTS_PER_MINUTE": "1000000",
        "WANGGE_ANONYMOUS_UNITS_PER_MINUTE": "100000000",
        "WANGGE_MIN_FREE_MB": "0",
    }
    words = ("-m", "web", "serve", "--port", str(port), "--workers", str(WORKERS))
    server = Program([sys.executable, *words], trio.folder / "serve.log", env, as_servers=False)
    server.start()
    try:
        wait(port, "/readyz")
        yield port
    finally:
        server.end()


def look_after(trial: Trial) -> list[Reach]:
    """What the service must be when all is over: ready, its register fresh, its jobs alive."""
    trial.trio.wait_until_whole()
    primary = trial.trio.primary()
    ready = wait_for(lambda: ask(trial.port, "/readyz") == (200, "ready"), "/readyz")
    primary.query("UPDATE area SET name = 'renamed afterwards' WHERE level = 'county'")
    lon, lat = trial.residents.places[0]
    path = f"/api/v1/locate?lon={lon}&lat={lat}&crs=wgs84"
    fresh = wait_for(lambda: all(names_county(trial.port, path) for _ in range(10)), "the register")
    begin = int(primary.query("SELECT coalesce(max(id), 0) FROM jobs.procrastinate_jobs"))
    query = (
        "SELECT count(*) FROM jobs.procrastinate_jobs"
        f" WHERE task_name = 'sweep' AND status = 'succeeded' AND id > {begin}"
    )
    sweep = wait_for(lambda: primary.query(query) != "0", "the jobs", 2 * SWEEP_S)
    return [
        Reach(f"/readyz says ready: after {ready:.0f} s", True),
        Reach(f"both workers know of a change: after {fresh:.0f} s", fresh <= FRESH_S),
        Reach(f"the jobs look for what is due: after {sweep:.0f} s", sweep <= SWEEP_S),
    ]


def names_county(port: int, path: str) -> bool:
    """Whether a place is located in the county by its new name, by whichever worker answers."""
    with urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
        return b"renamed afterwards" in answer.read()


def restore_to_a_moment(trial: Trial) -> Reach:
    """Recover the cluster in a server aside as it was at a moment while people reported."""
    trial.trio.wait_until_whole()
    primary = trial.trio.primary()
    trial.residents.pause()
    count, moment = primary.query("SELECT count(*), clock_timestamp() FROM incident").split("|")
    trial.residents.running.set()
    trial.expect_reports()
    primary.query("SELECT pg_switch_wal()")
    archived = "SELECT last_archived_time > '%s'::timestamptz + '1 s' FROM pg_stat_archiver"
    wait_for(lambda: primary.query(archived % moment) == "t", "the archive of the log")
    begin = time.monotonic()
    folder, port = primary.folder / "aside", unused_port()
    run(["mkdir", "-m", "700", folder])
    run(["sh", primary.folder / "restore-aside", moment, folder, port])
    try:
        restored = primary.query("SELECT count(*) FROM incident", port=str(port))
    finally:
        run([Path(primary.values["PG_BIN"]) / "pg_ctl", "-D", folder, "-m", "immediate", "stop"])
    words = f"restored to a moment: {restored} of {count} reports, in"
    return Reach(f"{words} {time.monotonic() - begin:.0f} s", restored == count)


def check(primary: Node, residents: Residents) -> tuple[int, int]:
    """How many acknowledged reports are missing, and how many were filed twice."""
    acknowledged = residents.acknowledged()
    ids = {number for numbers in acknowledged.values() for number in numbers}
    stored = set(primary.query("SELECT id FROM incident", seconds=300).split())
    repeated = primary.query(
        "SELECT count(*) FROM (SELECT FROM incident GROUP BY description HAVING count(*) > 1) q"
    )
    return len(ids - stored), int(repeated) + len(ids) - len(acknowledged)


def row(
    kills: list[Finding],
    attacks: list[Finding],
    residents: Residents,
    lost: int,
    twice: int,
    others: list[Reach],
) -> Row:
    """The result."""
    findings = [*kills, *attacks]
    worst = max(finding.outage_s for finding in kills)
    slowest = max(finding.slowest_s for finding in findings)
    refusals = sorted({kind for finding in findings for kind in finding.kinds})
    return Row(
        "failover",
        "The primary of three database machines killed while people report",
        f"A made-up town of {HOUSEHOLDS} households; {len(residents.replies):,} reports sent over"
        f" {CONNECTIONS} connections to {WORKERS} workers; three times etcd, Patroni and"
        " PostgreSQL, pgBackRest and haproxy on this machine, from docs/high-availability.",
        "seconds until reports are acknowledged again",
        Figure("from SIGKILL to the first report acknowledged after it", worst, len(kills)),
        [],
        [
            Reach(f"≤ {MAX_OUTAGE_S:.0f} s: {worst:.1f} s", worst <= MAX_OUTAGE_S),
            Reach(
                f"{lost} of {len(residents.acknowledged()):,} acknowledged reports lost", lost == 0
            ),
            Reach(f"{twice} filed twice", twice == 0),
            Reach(
                f"refused only by 503 with a code: {', '.join(refusals)}",
                all(kind.startswith(ALLOWED) for kind in refusals),
            ),
            Reach(f"slowest answer {slowest:.1f} s", slowest <= MAX_ANSWER_S),
            *others,
        ],
        notes=[finding.told() for finding in findings],
        statistic="worst",
    )
