"""The worker: it does what is due when it starts, what it missed too, and stands up again.

Real processes.
"""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.jobs.queries import last_run
from gis.jobs.worker import JOB_QUEUES
from gis.notices.models import NoticeTarget
from gis.ops.cluster.setup import unused_port
from tests.support import notice_office
from tests.support.forked import Forked
from tests.support.incident_town import IncidentTown
from tests.support.machine import slowdown
from tests.support.notice_office import SECRET, Office, gateway, until
from tests.support.served import environment, started

office = notice_office.office  # the fixture

__all__ = ["office"]


@contextmanager
def worker(location: Office) -> Iterator[Forked]:
    """`./wangge worker` on a database."""
    env = environment(location.settings.var) | {
        "DATABASE_URL": location.database,
        "WANGGE_PRIVATE_WEBHOOKS": "yes",
    }
    var = location.settings.var
    process = Forked(["worker"], cwd=var, env=env, output=var / "worker.log")
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def value(location: Office, query: str) -> object:
    """A value of the database."""
    with Session(location.engine) as session:
        return session.scalar(text(query))


def test_a_worker_does_what_is_due_and_what_hangs_does_not_hold_up_the_rest(office: Office) -> None:
    began = datetime.now(UTC) - timedelta(days=40)
    with gateway() as good, gateway(always=9.0) as wedged:
        with Session(office.engine) as session, session.begin():
            incident = IncidentTown(session).report(at=began)
            session.execute(text("UPDATE notice_target SET active = false"))
            for destination in [wedged] * 3 + [good]:
                session.add(NoticeTarget(kind="webhook", address=destination.url, secret=SECRET))
        with worker(office) as process:
            until(
                lambda: value(
                    office, "SELECT count(*) FROM incident_event WHERE move = 'escalate'"
                ),
                30,
            )
            until(lambda: "incident.escalate" in good.topics(), 20)
            until(lambda: wedged.got, 20)  # it is tried, and hangs
            until(
                lambda: value(
                    office,
                    "SELECT count(*) FROM jobs.procrastinate_jobs WHERE task_name = 'clean'"
                    " AND status = 'succeeded'",
                ),
                10,
            )
            with Session(office.engine) as session:
                swept = last_run(session)
            assert swept is not None and datetime.now(UTC) - swept < timedelta(minutes=1)
            steps = value(office, "SELECT max((detail ->> 'passed')::int) FROM incident_event")
            assert isinstance(steps, int) and steps >= 3, "a month missed is caught up in steps"
            ended = time.monotonic()
            process.terminate()
            assert process.wait(120) == 0
            assert time.monotonic() - ended < 9 * slowdown(), (
                "a receiver that hangs is not waited for"
            )
        assert (office.settings.var / "worker.log").read_text().count("Traceback") == 0
        assert str(incident.id) not in (office.settings.var / "worker.log").read_text()


def test_a_worker_killed_in_the_middle_leaves_nothing_stuck(office: Office) -> None:
    with gateway(answers=[9.0]) as receiver:
        target = office.add(receiver.url)
        with worker(office) as process:
            office.tell("incident.report")
            until(lambda: receiver.got, 30)
            process.send_signal(signal.SIGKILL)
        with worker(office):
            until(lambda: office.states(target) == ["sent"], 30)
    assert len(receiver.got) == 2


def test_a_worker_that_loses_one_connection_goes_on_with_all_its_work(office: Office) -> None:
    listening = (
        "FROM pg_stat_activity WHERE application_name = 'wangge jobs' AND query LIKE 'LISTEN%'"
    )
    with gateway() as receiver, worker(office):
        target = office.add(receiver.url)
        until(lambda: value(office, f"SELECT count(*) = {len(JOB_QUEUES)} {listening}"), 30)
        pid = value(office, f"SELECT max(pid) {listening}")
        office.change(f"SELECT pg_terminate_backend({pid})")
        # another may be there in its place before one looks
        until(lambda: value(office, f"SELECT count(*) = 0 {listening} AND pid = {pid}"), 10)
        until(lambda: value(office, f"SELECT count(*) = {len(JOB_QUEUES)} {listening}"), 30)
        office.tell("incident.report")
        until(lambda: office.states(target) == ["sent"], 20)


def jobs_of(server: int) -> list[int]:
    """Process numbers of the workers that a server runs."""
    result = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            phrase = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"--beside" in phrase and phrase[phrase.index(b"--beside") + 1] == str(server).encode():
            result.append(int(folder.name))
    return result


def test_the_server_runs_one_beside_it_and_takes_it_along(migrated_var: Path) -> None:
    from gis.db import engine
    from gis.ops import cluster
    from gis.settings import Settings
    from tests.support import build

    addresses = cluster.start(Settings(var=migrated_var), throw_away=True)
    with Session(engine(addresses.app)) as session, session.begin():
        build.Town(session).grid("001")
    engine(addresses.app).dispose()
    port = unused_port()
    url = f"http://127.0.0.1:{port}"
    with started(port, environment(migrated_var), migrated_var / "serve.log") as process:
        server = process.pid
        (initial,) = jobs_of(server)
        os.kill(initial, signal.SIGKILL)
        until(lambda: [item for item in jobs_of(server) if item != initial], 15)
        until(lambda: swept(url) > time.time() - 120, 30)
        (second,) = jobs_of(server)
    until(lambda: not alive(second), 15)


def test_the_workers_do_not_outlive_a_server_that_is_killed(migrated_var: Path) -> None:
    env, log = environment(migrated_var), migrated_var / "serve.log"
    with started(unused_port(), env, log, path="/healthz") as process:
        children = children_of(process.pid)
        assert len(children) >= 2
        os.kill(process.pid, signal.SIGKILL)
        until(lambda: not any(map(alive, children)), 15)


def children_of(parent: int) -> list[int]:
    """Process numbers of those that a process has started."""
    stats = [path.read_text().rpartition(")") for path in Path("/proc").glob("[0-9]*/stat")]
    return [int(head.split()[0]) for head, _, rest in stats if int(rest.split()[1]) == parent]


def test_the_worker_does_not_outlive_a_server_that_is_killed(office: Office) -> None:
    script = (
        "import subprocess, sys, os, time;"
        "p = subprocess.Popen([sys.executable, '-m', 'web', 'worker', '--beside',"
        " str(os.getpid())]);"
        "print(p.pid, flush=True); time.sleep(60)"
    )
    env = environment(office.settings.var) | {"DATABASE_URL": office.database}
    parent = subprocess.Popen(
        [sys.executable, "-c", script], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    until(
        lambda: value(
            office,
            "SELECT count(*) FROM jobs.procrastinate_workers"
            " WHERE last_heartbeat > now() - interval '5 s'",
        ),
        20,
    )
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until(lambda: not alive(child), 60)


def alive(process: int) -> bool:
    """Whether a process still runs."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def swept(url: str) -> float:
    """When jobs last swept, as /metrics says it."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    return next(
        float(line.split()[1])
        for line in lines
        if line.startswith("wangge_last_sweep_timestamp_seconds ")
    )


def test_the_figures_say_never_before_the_first_sweep(
    client: FlaskClient, session: Session
) -> None:
    session.execute(
        text("SET LOCAL search_path = jobs, public")
    )  # the triggers of procrastinate look there
    for table in ("events", "periodic_defers", "jobs"):
        session.execute(text(f"DELETE FROM procrastinate_{table}"))
    assert last_run(session) is None
    # the service reads what is committed, and other tests may have swept there
    assert re.search(
        r"^wangge_last_sweep_timestamp_seconds \d+\.\d{3}$",
        client.get("/metrics").text,
        re.MULTILINE,
    )
