"""Work that other processes or machines do, on the very state of the database that is read here.

What computes asks `spread_of` whether its session has such help; `gis.ops.dask_spread` is the help.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from sqlalchemy.orm import Session

SPREAD = "spread"  # its place in `Session.info`
Task = TypeVar("Task")
Result = TypeVar("Result")


class Spread(Protocol):
    """Workers that compute and write nothing."""

    @property
    def session(self) -> Session:
        """A session that reads one state, which the workers read too; only read through it."""

    def each(
        self, function: Callable[[Session, Task], Result], tasks: Iterable[Task]
    ) -> Iterator[Result]:
        """Return the results of a function for each task, in the order of the tasks.

        Parameters
        ----------
        function
            Of a module of ours, by its name. It may be called twice for a task, where a worker
            dies.
        tasks
            Small values of ours, without secrets.
        """


def spread_of(session: Session) -> Spread | None:
    """Return the workers that a session has the help of, if any."""
    spread: Spread | None = session.info.get(SPREAD)
    return spread


def reading(session: Session) -> Session:
    """Return the session that reads what the workers read; the session itself without workers."""
    spread = spread_of(session)
    return session if spread is None else spread.session
