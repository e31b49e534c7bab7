"""Workers of Dask distributed: started here for one command, or those of a running scheduler.

What travels is the name of a function of ours, ids and parameters, and results. No address of a
database does: every worker has its own (`gis.ops.spread_work`). Workers write nothing, so a task
that is done twice, since a worker died, leaves no trace.
"""

import logging
import os
import re
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from gis.db import reading_engine
from gis.errors import InvalidInput, Unavailable
from gis.ops.spread_work import Origin, program_versions, run
from gis.spread import Result, Task

LOCAL_PATTERN = re.compile(r"local(?::([1-9]\d{0,2}))?")
REMOTE_PATTERN = re.compile(r"(tcp|tls)://[^\s/@]+:\d{1,5}")  # no user and password: Dask has none
CONNECT_S = 10.0
WORKERS_S = 60.0  # that a command waits for the first worker, and for one after the last has gone
POLL_S = 1.0
FETCH_S = 60.0  # for a result to come over the network; a worker that dies has done it in vain
TASKS_PER_THREAD = 2  # on their way or done and not fetched, so that no worker waits
EXPORT_SNAPSHOT_SQL = "SELECT pg_export_snapshot(), pg_advisory_xact_lock(:lock)"


@contextmanager
def dask_spread(
    address: str, of: Engine, wait: Callable[[], None], workers_s: float = WORKERS_S
) -> Iterator["DaskSpread"]:
    """Yield the workers of an address.

    Parameters
    ----------
    address
        `local` or `local:N` starts N processes on this machine, as many as it has cores by
        default; `tcp://host:port` or `tls://host:port` is a running scheduler.
    of
        The engine of the database.
    wait
        Called when there is no worker and one is waited for.
    workers_s
        Seconds to wait for a worker.

    Raises
    ------
    InvalidInput
        It is no such address.
    Unavailable
        Dask is not installed, nothing answers at the address, or no worker comes.
    """
    local = LOCAL_PATTERN.fullmatch(address)
    if not local and not REMOTE_PATTERN.fullmatch(address):
        raise InvalidInput("spread.address_invalid", address=address)
    try:
        import distributed
    except ModuleNotFoundError:
        raise Unavailable("spread.dask_missing") from None
    for name in ("distributed", "distributed.client"):  # what goes wrong is said by codes
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with ExitStack() as stack:
        if local:
            target: Any = stack.enter_context(_local_cluster(int(local[1] or os.cpu_count() or 1)))
        else:
            target = address
        try:
            client = distributed.Client(target, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:  # also no certificates for tls
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise Unavailable("spread.unreachable", address=address, reason=reason) from None
        stack.callback(client.close)
        session = stack.enter_context(Session(reading_engine(of)))
        spread = DaskSpread(address, client, session, wait, workers_s)
        spread.await_worker()
        yield spread


def _local_cluster(count: int) -> Any:
    """Return processes of this machine that only this process can speak to, by TLS.

    Whoever can speak to a scheduler has it run what they like; every user of the machine reaches
    127.0.0.1.
    """
    import distributed
    from dask import config

    # Dask's own also has memory given back at every turn, which costs a quarter of the time here
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), 1)
    config.set({"distributed.nanny.pre-spawn-environ": one_thread})
    return distributed.LocalCluster(
        n_workers=count,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        protocol="tls://",
        security=distributed.Security.temporary(),
        dashboard_address="127.0.0.1:0",
        worker_dashboard_address="127.0.0.1:0",
        silence_logs=logging.CRITICAL,
        memory_limit=0,  # as on one machine, where none is set
    )


class DaskSpread:
    """The workers of a scheduler, for one command; see `gis.spread.Spread`."""

    def __init__(
        self,
        address: str,
        client: Any,
        session: Session,
        wait: Callable[[], None],
        workers_s: float,
    ) -> None:
        self.address, self.session = address, session
        self._client, self._wait, self._workers_s = client, wait, workers_s

    def await_worker(self) -> None:
        """Return once there is a worker.

        Raises
        ------
        Unavailable
            There is none for some time, or the scheduler has gone.
        """
        end = None
        while not self._threads():
            if end is None:
                end = time.monotonic() + self._workers_s
                self._wait()
            if time.monotonic() > end:
                raise Unavailable(
                    "spread.no_workers", address=self.address, seconds=round(self._workers_s)
                )
            time.sleep(min(POLL_S, self._workers_s))

    def each(
        self, function: Callable[[Session, Task], Result], tasks: Iterable[Task]
    ) -> Iterator[Result]:
        """Return the results of a function for each task, as `gis.spread.Spread` says.

        Work begins at once. Raise what refused a task, and Unavailable where workers or scheduler
        have gone, as the results are taken.
        """
        lock = secrets.randbits(62)
        snapshot = self.session.execute(text(EXPORT_SNAPSHOT_SQL), {"lock": lock}).scalar_one()
        origin = Origin(program_versions(), lock, snapshot)

        def submit(task: Task) -> Any:
            return self._client.submit(run, origin, function, task, pure=False)

        remaining = iter(tasks)
        window = TASKS_PER_THREAD * max(self._threads(), 1)
        ahead = deque(submit(task) for task in islice(remaining, window))

        def results() -> Iterator[Result]:
            while ahead:
                result = self._result(ahead[0])
                ahead.popleft()  # its memory on the worker is given back
                ahead.extend(submit(task) for task in islice(remaining, 1))
                yield result

        return results()

    def _result(self, future: Any) -> Any:
        """Return the value of a task.

        Raises
        ------
        Unavailable
            Workers died of it, there is no worker any more, none knows this program, or the
            scheduler has gone.
        WanggeError
            It was refused.
        RuntimeError
            The task failed so.
        """
        import distributed

        try:
            outcome = self._outcome(future)
        except distributed.KilledWorker as error:
            raise Unavailable(
                "spread.workers_died", address=self.address, worker=str(error.last_worker.address)
            ) from None
        except ModuleNotFoundError:
            raise Unavailable("spread.program_missing", address=self.address) from None
        except RuntimeError as error:
            if "deserialization" not in str(error):
                raise
            raise Unavailable("spread.program_missing", address=self.address) from None
        except distributed.client.FutureCancelledError:
            raise self._lost() from None
        if outcome.refusal is not None:
            raise outcome.refusal
        return outcome.value

    def _outcome(self, future: Any) -> Any:
        """Return what a task returns, or raise what it raises; see that there are workers."""
        while True:
            try:
                if (error := future.exception(timeout=POLL_S)) is None:
                    return future.result(timeout=FETCH_S)
            except TimeoutError:
                self.await_worker()
            else:
                raise error

    def _threads(self) -> int:
        """Return how many threads the workers have.

        Raises
        ------
        Unavailable
            The scheduler does not answer.
        """
        try:
            return sum(self._client.nthreads().values())
        except (OSError, ValueError, RuntimeError):
            raise self._lost() from None

    def _lost(self) -> Unavailable:
        return Unavailable("spread.scheduler_lost", address=self.address)
