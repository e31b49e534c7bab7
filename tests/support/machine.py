"""How busy the machine is, so that limits of time hold beside other work too."""

import os


def slowdown() -> float:
    """Return how many times longer than alone a process may take now: the waiting processes for
    each core, at least 1.
    """
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
