"""What is known of every edge that matters to somebody: classes of OSM values, as numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Codes = NDArray[np.int8]
Singles = NDArray[np.float32]

# Roads that cost time to cross, the worst first.
MAIN_ROADS = ("trunk", "primary", "secondary", "tertiary")
# crossing=*, as stored; the number is the place.
CROSSINGS = ("", "unmarked", "marked", "signals")
SIGNALS = CROSSINGS.index("signals")
SOFT, UNPAVED, ROUGH = 1, 2, 3
# surface=* that is slower than paving; all others, and none, are paved.
SURFACES = {
    **dict.fromkeys(("sand", "mud", "snow", "ice"), SOFT),
    **dict.fromkeys(
        (
            "unpaved",
            "gravel",
            "fine_gravel",
            "pebblestone",
            "dirt",
            "earth",
            "ground",
            "soil",
            "grass",
            "rock",
            "rocks",
            "woodchips",
        ),
        UNPAVED,
    ),
    **dict.fromkeys(
        ("sett", "cobblestone", "unhewn_cobblestone", "grass_paver", "stepping_stones"), ROUGH
    ),
}
# kerb=* -> the height in cm that it stands for.
KERBS_CM = {"raised": 10.0, "rolled": 5.0, "yes": 10.0, "regular": 10.0, "lowered": 3.0}
KERBS_CM |= {"flush": 0.0, "no": 0.0}
WHEELCHAIR = {"no": -1, "yes": 1, "designated": 1, "limited": 1}


@dataclass(frozen=True)
class EdgeFacts:
    """What is known of every edge; arrays of the length of the edges.

    Attributes
    ----------
    main
        Class of main road: 1 + the place in MAIN_ROADS; 0 is none.
    steps, step_count
        Whether the edge is a stair, and its steps; 0 is unknown.
    surface
        SOFT, UNPAVED, ROUGH; 0 is paved or unknown.
    slope_pct, kerb_cm, width_m
        The tagged slope, upward or downward, the highest kerb and the width; NaN is unknown.
    wheelchair
        -1 closed to wheels, 1 open to them, 0 unknown.
    crossing
        The place in CROSSINGS.
    hours
        Opening hours of the edges that have any, by number.
    """

    main: Codes
    steps: Bools
    step_count: NDArray[np.int32]
    surface: Codes
    slope_pct: Singles
    kerb_cm: Singles
    width_m: Singles
    wheelchair: Codes
    crossing: Codes
    hours: dict[int, str] = field(default_factory=dict)


def plain_facts(count: int) -> EdgeFacts:
    """Return the facts of edges of which nothing is known."""
    nothing, unknown = np.zeros(count, np.int8), np.full(count, np.nan, np.float32)
    return EdgeFacts(
        nothing,
        np.zeros(count, bool),
        np.zeros(count, np.int32),
        nothing,
        unknown,
        unknown,
        unknown,
        nothing,
        nothing,
    )


def main_roads(kind: Sequence[str]) -> Codes:
    """Return the class of main road of each kind of edge; a slip road counts as its road."""
    code = {name: n for n, name in enumerate(MAIN_ROADS, 1)}
    code |= {f"{name}_link": n for name, n in code.items()}
    return codes(kind, code)


def codes(values: Sequence[Any], table: dict[str, int]) -> Codes:
    """Return the number of each value by a table; 0 for those in no row."""
    return np.fromiter((table.get(value, 0) for value in values), np.int8, len(values))
