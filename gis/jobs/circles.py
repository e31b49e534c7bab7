"""Service circles follow what planners change, by a job rather than a command.

They are computed in a process of its own: it holds the walking network, which the worker need not
hold between runs, and can be ended while it computes.
"""

import logging
import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from gis.db import engine as engine_of
from gis.facilities.circle_runs import find_outdated, renew_runs
from gis.facilities.service_circles import recompute

log = logging.getLogger(__name__)

ABORT_CHECK_S = 1.0  # between two checks whether the job is to end


def follow(engine: Engine, should_abort: Callable[[], bool] = lambda: False) -> bool:
    """Recompute what may not be of now, and return whether there was any.

    Parameters
    ----------
    should_abort
        Whether the worker is being stopped; nothing of the profile at hand is then stored.

    Raises
    ------
    RuntimeError
        The process that computes failed; its log says why.
    """
    with Session(engine) as session, session.begin():
        renew_runs(session)
        outdated = find_outdated(session)
    if not outdated:
        return False
    url = engine.url.render_as_string(hide_password=False)
    process = multiprocessing.get_context("spawn").Process(
        target=recompute_outdated, args=[url, outdated], daemon=True
    )
    process.start()
    while process.is_alive():
        if should_abort():
            process.terminate()
            process.join()
            return False
        process.join(ABORT_CHECK_S)
    if process.exitcode:
        raise RuntimeError(f"computing service circles ended with {process.exitcode}")
    log.info("service circles recomputed for %s", ", ".join(outdated))
    return True


def recompute_outdated(url: str, outdated: Mapping[str, Sequence[int]]) -> None:
    """Recompute the circles of profiles, with their limits, one after another.

    Whoever asks something meanwhile comes first.
    """
    os.nice(10)
    with Session(engine_of(url)) as session:
        for profile, minutes in outdated.items():
            recompute(session, minutes, profile)
            session.commit()
