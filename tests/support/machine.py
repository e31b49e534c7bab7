"""How busy the machine is, so that limits of time hold beside other work too."""

import os
import time
from collections.abc import Callable

SAMPLE_S = 0.02  # seconds of work


def slowdown() -> float:
    """Return how many times longer than alone a process may take now, at least 1.

    The waiting processes for each core; or how long a sample of work takes, where a container gives
    us less than its cores.
    """
    start, end = time.monotonic(), time.process_time() + SAMPLE_S
    while time.process_time() < end:
        pass
    sample = (time.monotonic() - start) / SAMPLE_S
    return max(1.0, sample, os.getloadavg()[0] / (os.cpu_count() or 1))


def unhurried_s(action: Callable[[], object], tries: int = 2) -> float:
    """Return the seconds that an action takes alone: the least of some tries.

    Each is divided by how busy the machine was while it ran, which one measure at its end may miss.
    """
    seconds = []
    for _ in range(tries):
        busy, start = slowdown(), time.perf_counter()
        action()
        seconds.append((time.perf_counter() - start) / max(busy, slowdown()))
    return min(seconds)
