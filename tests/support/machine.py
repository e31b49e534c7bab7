"""How busy the machine is, so that limits of time hold beside other work too."""

import os
import time

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
