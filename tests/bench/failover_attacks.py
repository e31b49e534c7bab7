"""What is done to three database machines while people report, and what those notice of it."""

import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import urlopen

import orjson

from tests.bench.failover_load import Residents
from tests.bench.ha_cluster import Node, ThreeNodes, wait_for

MEANWHILE = ("/healthz", "/readyz")  # asked while there is no primary
BACK_S = 90.0  # after which something is wrong


@dataclass
class Finding:
    """What one disturbance did to those who report.

    outage_s: From it to the end of the longest time in which nothing was acknowledged. gap_s: That
    time. slowest_s: The longest wait for an answer. kinds: Answers that acknowledged nothing.
    readings: How many were refused, of how many.
    """

    name: str
    outage_s: float
    gap_s: float
    slowest_s: float
    kinds: Counter[str]
    readings: str
    words: str = ""

    def told(self) -> str:
        """A line of the result."""
        kinds = ", ".join(f"{count} × {kind}" for kind, count in self.kinds.items()) or "nothing"
        return (
            f"{self.name}: acknowledged again after {self.outage_s:.1f} s (nothing for"
            f" {self.gap_s:.1f} s); slowest answer {self.slowest_s:.1f} s; refused: {kinds};"
            f" refused readings {self.readings}{'; ' * bool(self.words)}{self.words}"
        )


@dataclass
class Trial:
    """The three machines, the service before them, and who reports."""

    trio: ThreeNodes
    residents: Residents
    port: int

    def disturb(
        self,
        name: str,
        act: Callable[[], object],
        *,
        until: Callable[[], object] | None = None,
        after: Callable[[], str] | None = None,
    ) -> Finding:
        """Do something to the whole cluster; return when reports are acknowledged again.

        until: A condition that the disturbance has done what it does. after: What mends it; its
        words are told.
        """
        self.trio.wait_until_whole()
        self.expect_reports()
        since = time.monotonic()
        act()
        if until:
            wait_for(until, name, BACK_S)
        self.expect_reports()
        finding = self.finding(name, since)
        finding.words = after() if after else ""
        print(f"bench: failover: {finding.told()}", file=sys.stderr, flush=True)
        return finding

    def finding(self, name: str, since: float) -> Finding:
        """What happened since a moment."""
        gap, end = self.residents.longest_gap(since)
        slowest, kinds = self.residents.slowest_s(since), self.residents.kinds(since)
        readings = self.residents.refused_readings(since)
        return Finding(name, end - since, gap, slowest, kinds, readings)

    def expect_reports(self, count: int = 40) -> None:
        """Wait until so many reports that are sent from now on have been acknowledged."""
        since = time.monotonic()
        wait_for(
            lambda: self.residents.acknowledge_since(since, count), "acknowledged reports", BACK_S
        )

    def successor(self, old: Node) -> Callable[[], bool]:
        """The condition that another than a machine is the primary."""
        others = [node for node in self.trio.nodes if node is not old]
        return lambda: any(node.is_ok("/primary") for node in others)

    def wait_as_replica(self, node: Node) -> str:
        """Wait until a machine follows the primary; how long that took."""
        took = wait_for(lambda: node.is_ok("/replica?lag=1MB"), f"{node.name} as a replica")
        return f"{node.name} was a replica again {took:.0f} s later"

    def restart(self, node: Node) -> str:
        """Start the Patroni of a machine that died, and wait until it follows."""
        node.patroni.start()
        return self.wait_as_replica(node)

    def resume(self, node: Node, *, postgres: bool = True) -> str:
        """Let a machine go on that was stopped, and wait until it follows."""
        if postgres:
            node.signal(signal.SIGCONT)
        node.patroni.send(signal.SIGCONT)
        return self.wait_as_replica(node)


def ask(port: int, path: str) -> tuple[int, str]:
    """The status of an answer, and its member `code` or `status`; 0 when there is none."""
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
            return answer.status, str(orjson.loads(answer.read()).get("status"))
    except HTTPError as error:
        with error:
            return error.code, str(orjson.loads(error.read()).get("code"))
    except (OSError, HTTPException) as error:
        return 0, type(error).__name__


def kill_primary(trial: Trial) -> Finding:
    """SIGKILL to PostgreSQL and Patroni of the primary at once, as when its machine dies."""
    old = trial.trio.primary()
    seen: list[str] = []

    def act() -> None:
        old.signal(signal.SIGKILL)
        seen.extend(f"{path} {ask(trial.port, path)}" for path in MEANWHILE)

    def after() -> str:
        return f"meanwhile {', '.join(seen)}; {trial.restart(old)}"

    return trial.disturb("the primary killed", act, after=after)


def kill_postgres_only(trial: Trial) -> Finding:
    """SIGKILL to PostgreSQL of the primary, whose Patroni lives and gives the lead away."""
    old = trial.trio.primary()
    return trial.disturb(
        "only PostgreSQL of the primary killed",
        lambda: old.signal(signal.SIGKILL, patroni=False),
        after=lambda: trial.wait_as_replica(old) if trial.successor(old)() else "it stayed",
    )


def kill_twice(trial: Trial) -> Finding:
    """Kill the primary, and its successor as soon as that acknowledges; the first comes back."""
    first = trial.trio.primary()
    trial.disturb("the primary killed, first of two", lambda: first.signal(signal.SIGKILL))
    second, since = trial.trio.primary(), time.monotonic()
    second.signal(signal.SIGKILL)
    time.sleep(5)
    first.patroni.start()
    begin = time.monotonic()
    while not trial.residents.acknowledge_since(begin, 20) and time.monotonic() - begin < 60:
        time.sleep(0.1)
    is_back = trial.residents.acknowledge_since(begin, 20)
    second.patroni.start()
    trial.expect_reports()
    finding = trial.finding("the second primary killed at once, the first back 5 s later", since)
    finding.words = (
        f"primaries {first.name}, {second.name}, {trial.trio.primary().name};"
        f" {'without' if is_back else 'not without'} the second"
    )
    print(f"bench: failover: {finding.told()}", file=sys.stderr, flush=True)
    return finding


def kill_standby(trial: Trial) -> Finding:
    """SIGKILL to the standby that acknowledges; another takes its place."""
    standby = trial.trio.synchronous()
    return trial.disturb(
        "the synchronous standby killed",
        lambda: standby.signal(signal.SIGKILL),
        after=lambda: trial.restart(standby),
    )


def replace_disk(trial: Trial) -> Finding:
    """Take a standby's data away: Patroni copies it anew from the repository of pgBackRest."""
    standby = trial.trio.synchronous()

    def act() -> None:
        standby.signal(signal.SIGKILL)
        shutil.rmtree(standby.data)

    def after() -> str:
        return f"{trial.restart(standby)}, from the repository: {standby.is_from_repository()}"

    return trial.disturb("the synchronous standby killed, its data lost", act, after=after)


def silence_standby(trial: Trial) -> Finding:
    """SIGSTOP to the standby that acknowledges: its connection stays, it answers nothing."""
    standby = trial.trio.synchronous()
    return trial.disturb(
        "the synchronous standby hangs (SIGSTOP)",
        lambda: standby.signal(signal.SIGSTOP),
        after=lambda: trial.resume(standby),
    )


def silence_primary(trial: Trial) -> Finding:
    """SIGSTOP to PostgreSQL and Patroni of the primary, which goes on when another has taken over.

    What it would acknowledge then is missing in the end.
    """
    old = trial.trio.primary()
    return trial.disturb(
        "the primary hangs (SIGSTOP)",
        lambda: old.signal(signal.SIGSTOP),
        until=trial.successor(old),
        after=lambda: trial.resume(old),
    )


def orphan_primary(trial: Trial) -> Finding:
    """SIGSTOP to the Patroni of the primary only: PostgreSQL stays a primary that nobody rules.

    A row written there, past haproxy, while another is the primary must not be acknowledged.
    """
    old = trial.trio.primary()
    old.query("CREATE TABLE IF NOT EXISTS trial (words text)")

    def after() -> str:
        is_primary = old.query("SELECT NOT pg_is_in_recovery()") == "t"
        try:
            old.query("INSERT INTO trial VALUES ('orphan')", seconds=10)
            words = "IT ACKNOWLEDGED A ROW"
        except subprocess.TimeoutExpired:
            words = "a row written there was not acknowledged in 10 s"
        words = f"PostgreSQL still a primary: {is_primary}; {words}"
        words += f"; {trial.resume(old, postgres=False)}"
        return f"{words}; rows kept: {trial.trio.primary().query('SELECT count(*) FROM trial')}"

    return trial.disturb(
        "Patroni of the primary hangs, its PostgreSQL lives (split brain)",
        lambda: old.patroni.send(signal.SIGSTOP),
        until=trial.successor(old),
        after=after,
    )


def stop_etcd_leader(trial: Trial) -> Finding:
    """SIGKILL to the etcd that leads for longer than the lease of the primary lasts."""
    leader = next(node for node in trial.trio.nodes if node.leads_etcd())

    def act() -> None:
        leader.etcd.end(signal.SIGKILL)
        time.sleep(25)
        leader.etcd.start()

    return trial.disturb("etcd's leader away for 25 s", act)


def stop_etcd(trial: Trial) -> Finding:
    """All of etcd away for longer than the lease of the primary lasts; see failsafe_mode."""

    def act() -> None:
        for node in trial.trio.nodes:
            node.etcd.end(signal.SIGKILL)
        time.sleep(25)
        for node in trial.trio.nodes:
            node.etcd.start()

    return trial.disturb("all of etcd away for 25 s", act)


def restart_haproxy(trial: Trial) -> Finding:
    """Stop haproxy, and start it again at once."""

    def act() -> None:
        trial.trio.haproxy.end()
        trial.trio.haproxy.start()

    return trial.disturb("haproxy restarted", act)


def switch_over(trial: Trial) -> Finding:
    """What an administrator does before maintenance of the primary's machine."""
    old = trial.trio.primary()
    return trial.disturb(
        "patronictl switchover",
        lambda: old.patronictl("switchover", "--master", old.name, "--force"),
        until=trial.successor(old),
        after=lambda: trial.wait_as_replica(old),
    )


ATTACKS: tuple[Callable[[Trial], Finding], ...] = (
    switch_over,
    restart_haproxy,
    kill_standby,
    replace_disk,
    silence_standby,
    kill_postgres_only,
    silence_primary,
    orphan_primary,
    stop_etcd_leader,
    stop_etcd,
    kill_twice,
)
