"""Three database machines on one: etcd, Patroni, PostgreSQL, pgBackRest and haproxy, started with
the files of docs/high-availability as an administrator would install them.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import orjson

from gis.errors import Unavailable
from gis.ops.cluster import find_binaries
from tests.bench.ha_files import (
    NODE_FILES,
    SERVICE_FILES,
    node_values,
    read_env,
    shared_values,
    user,
    write_files,
)

# program -> Debian's package
PROGRAMS = {
    "patroni": "patroni",
    "etcd": "etcd-server",
    "haproxy": "haproxy",
    "pgbackrest": "pgbackrest",
    "openssl": "openssl",
}
START_S = 180.0  # for what takes seconds on an idle machine


class CannotRun(Exception):
    """What the trial needs is not installed; the message says how to install it."""


def require_programs() -> None:
    """Raise CannotRun unless all programs and PostGIS are installed."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    missing = [name for program, name in PROGRAMS.items() if not shutil.which(program, path=path)]
    missing += [] if Path("/usr/lib/python3/dist-packages/etcd").exists() else ["python3-etcd"]
    try:
        version = find_binaries().parent.name
    except Unavailable:
        missing.append("postgresql-15-postgis-3")
    else:
        control = Path(f"/usr/share/postgresql/{version}/extension/postgis.control")
        missing += [] if control.exists() else [f"postgresql-{version}-postgis-3"]
    if missing:
        raise CannotRun(
            f"could not run: missing {', '.join(missing)};"
            f" apt-get install --no-install-recommends {' '.join(missing)}"
        )


def wait_for(condition: Callable[[], object], words: str, seconds: float = START_S) -> float:
    """Wait until a condition holds and return the seconds it took."""
    begin = time.monotonic()
    while not condition():
        if time.monotonic() - begin > seconds:
            raise TimeoutError(f"not in {seconds:.0f} s: {words}")
        time.sleep(0.1)
    return time.monotonic() - begin


def run(arguments: Sequence[object], **options: object) -> str:
    """Run a program as the servers' user and return what it printed."""
    done = subprocess.run(
        [*map(str, arguments)],
        user=user(),
        group=user(),
        extra_groups=[] if user() else None,
        cwd="/",
        capture_output=True,
        text=True,
        **options,  # type: ignore[call-overload]
    )
    if done.returncode:
        raise RuntimeError(f"{arguments[0]}: {done.stdout}{done.stderr}")
    return str(done.stdout)


def children(pid: int) -> list[int]:
    """A process and all below it."""
    below: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            below += [int(word) for word in path.read_text().split()]
        except OSError:
            continue
    return [pid, *(each for child in below for each in children(child))]


@dataclass
class Program:
    """A program that runs until it is stopped, with its log in a file.

    as_servers: As the user of the servers, else as the present one.
    """

    arguments: list[str]
    log: Path
    env: dict[str, str] = field(default_factory=dict)
    as_servers: bool = True
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        name = user() if self.as_servers else None
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.arguments,
                user=name,
                group=name,
                extra_groups=[] if name else None,
                cwd="/",
                env={"PATH": f"{os.environ['PATH']}:/usr/sbin", "LC_ALL": "C.UTF-8"} | self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it and wait for that; after a minute by force."""
        if self.process is None:
            return
        self.send(number)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass
class Node:
    """One database machine: its name, folder, values of its files, and programs."""

    name: str
    folder: Path
    values: dict[str, str]
    etcd: Program
    patroni: Program

    @property
    def data(self) -> Path:
        """The data folder of its PostgreSQL."""
        return self.folder / "data"

    @property
    def postgres(self) -> list[int]:
        """The processes of its PostgreSQL; none when it does not run."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split()[0])
            command_line = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, IndexError, ValueError):
            return []
        return children(pid) if str(self.data).encode() in command_line else []

    def signal(self, number: signal.Signals, *, patroni: bool = True) -> None:
        """Send a signal to all of its PostgreSQL at once, and to its Patroni first."""
        if patroni:
            self.patroni.send(number)
        for pid in self.postgres:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        if patroni and number == signal.SIGKILL and self.patroni.process is not None:
            self.patroni.process.wait()

    def stop(self) -> None:
        """End all of it at once, so that nothing is left in shared memory."""
        self.signal(signal.SIGCONT)
        self.patroni.end(signal.SIGKILL)
        for pid in self.postgres[:1]:
            os.kill(pid, signal.SIGQUIT)
        try:
            wait_for(lambda: not self.postgres, "the end of PostgreSQL", 20)
        except TimeoutError:
            self.signal(signal.SIGKILL)
        self.etcd.end(signal.SIGKILL)

    def is_ok(self, path: str) -> bool:
        """Whether its Patroni answers a check of health with 200."""
        try:
            with urlopen(f"http://{self.values['REST']}{path}", timeout=3):
                return True
        except (HTTPError, OSError):
            return False

    def leads_etcd(self) -> bool:
        """Whether its etcd leads the others."""
        request = Request(f"http://{self.values['ETCD']}/v3/maintenance/status", b"{}")
        with urlopen(request, timeout=5) as answer:
            status = orjson.loads(answer.read())
        return bool(status["leader"] == status["header"]["member_id"])

    def patronictl(self, *words: str) -> str:
        """Run patronictl there."""
        return run(["patronictl", "-c", self.folder / "patroni.yml", *words])

    def is_from_repository(self) -> bool:
        """Whether its data were last copied from the repository, by pgBackRest."""
        return "replica has been created using pgbackrest" in self.patroni.log.read_text()

    def query(self, query: str, *, port: str = "", seconds: float = 60) -> str:
        """Ask its PostgreSQL, or the one at another port, as the superuser, over the socket.

        Raises
        ------
        subprocess.TimeoutExpired
            It has not answered in so many seconds.
        """
        words = ("-XAt", "-h", self.folder, "-p", port or self.values["PG_PORT"], "-d", "wangge")
        program = find_binaries() / "psql"
        command = [program, *words, "-U", self.values["SUPERUSER"], "-c", query]
        return run(command, timeout=seconds).strip()

    def pgbackrest(self, *words: str) -> str:
        """Run pgBackRest there."""
        config = f"--config={self.folder / 'pgbackrest.conf'}"
        options = (config, "--stanza=wangge", "--log-level-console=warn")
        return run(["pgbackrest", *options, *words])


@dataclass
class ThreeNodes:
    """The three machines, haproxy, and the addresses of the service."""

    folder: Path
    nodes: list[Node]
    haproxy: Program
    settings: dict[str, str]

    def primary(self) -> Node:
        """The machine whose Patroni says that it is the primary."""
        wait_for(lambda: any(node.is_ok("/primary") for node in self.nodes), "a primary")
        return next(node for node in self.nodes if node.is_ok("/primary"))

    def synchronous(self) -> Node:
        """The standby that acknowledges."""
        wait_for(lambda: any(node.is_ok("/sync") for node in self.nodes), "a synchronous standby")
        return next(node for node in self.nodes if node.is_ok("/sync"))

    def wait_until_whole(self) -> float:
        """Wait until there are a primary, two replicas and a synchronous one; the seconds."""
        return wait_for(
            lambda: (
                sum(node.is_ok("/replica?lag=1MB") for node in self.nodes) == 2
                and any(node.is_ok("/sync") for node in self.nodes)
                and any(node.is_ok("/primary") for node in self.nodes)
            ),
            "a primary and two replicas",
        )


def make_node(shared: Mapping[str, str], number: int, parent: Path) -> Node:
    """Prepare one machine: its folder, files and certificate."""
    folder = parent / f"db{number}"
    folder.mkdir(0o700)
    if user():
        shutil.chown(folder, user(), user())
    values = node_values(shared, number, folder)
    write_files(values, folder, NODE_FILES)
    key = ("-newkey", "rsa:2048", "-nodes", "-keyout", folder / "server.key")
    subject = ("-subj", f"/CN=db{number}", "-days", "30", "-out", folder / "server.crt")
    run(["openssl", "req", "-x509", *key, *subject])
    etcd = Program(["etcd"], folder / "etcd.log", read_env(folder / "etcd.env"))
    patroni = Program(["patroni", str(folder / "patroni.yml")], folder / "patroni.log")
    return Node(f"db{number}", folder, values, etcd, patroni)


@contextmanager
def three_nodes() -> Iterator[ThreeNodes]:
    """Three machines on this one, with the database and a first backup; all ends with the block.

    Raises
    ------
    CannotRun
        A program is missing.
    """
    require_programs()
    folder = Path(tempfile.mkdtemp(prefix="wangge-ha-"))
    folder.chmod(0o755)
    with ExitStack() as stack:
        (folder / "repository").mkdir(0o700)
        if user():
            shutil.chown(folder / "repository", user(), user())
        shared = shared_values(folder)
        nodes = [make_node(shared, number, folder) for number in (1, 2, 3)]
        write_files(shared, folder, SERVICE_FILES)
        haproxy = Program(
            ["haproxy", "-db", "-f", str(folder / "haproxy.cfg")], folder / "haproxy.log"
        )
        for node in nodes:
            stack.callback(node.stop)
        stack.callback(haproxy.end, signal.SIGKILL)
        for program in (*(node.etcd for node in nodes), *(node.patroni for node in nodes), haproxy):
            program.start()
        trio = ThreeNodes(folder, nodes, haproxy, read_env(folder / "wangge.env"))
        try:
            wait_for(lambda: any(node.is_ok("/primary") for node in nodes), "the first primary")
            prepare_database(trio.primary())
            trio.wait_until_whole()
            yield trio
        except BaseException:
            print(f"bench: the logs are kept in {folder}", file=sys.stderr)
            raise
    shutil.rmtree(folder)


def prepare_database(primary: Node) -> None:
    """Create roles, database and extensions, and the repository with a first backup."""
    words = ("-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", primary.folder, "-d", "postgres")
    port = ("-p", primary.values["PG_PORT"], "-U", primary.values["SUPERUSER"])
    run([find_binaries() / "psql", *words, *port, "-f", primary.folder / "database.sql"])
    primary.pgbackrest("stanza-create")
    primary.pgbackrest("--type=full", "backup")
