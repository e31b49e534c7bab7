"""What is known of every edge that matters to somebody: classes of OSM values, as numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Codes = NDArray[np.int8]
Singles = NDArray[np.float32]
Floats = NDArray[np.float64]
Ints = NDArray[np.signedinteger[Any]]

# Roads that cost time to cross, the worst first.
MAIN_ROADS = ("trunk", "primary", "secondary", "tertiary")
# crossing=*, as stored; the number is the place.
CROSSINGS = ("", "yes", "unmarked", "marked", "signals")
SIGNALS = CROSSINGS.index("signals")
SOFT, UNPAVED, ROUGH = 1, 2, 3
STEEP_BASE_M = 10.0  # a slope is not measured over fewer metres: rasters are not that fine
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


class EdgeTags(NamedTuple):
    """What the map says of an edge that matters to somebody; the columns of `walk_edge`."""

    step_count: int | None = None
    incline_pct: float | None = None
    width_m: float | None = None
    surface: str = ""
    kerb: str = ""
    wheelchair: str = ""
    crossing: str = ""
    hours: str = ""

    def part(self, begin: float, end: float) -> "EdgeTags":
        """Return the tags of a part of the edge, from one share of its length to another."""
        if not self.step_count:
            return self
        steps = round(end * self.step_count) - round(begin * self.step_count)
        return self._replace(step_count=max(steps, 1))


NO_TAGS = EdgeTags()


class HeightColumns(NamedTuple):
    """What heights say of many edges: metres, percent; None where they are not known."""

    rise_m: Sequence[float | None]
    fall_m: Sequence[float | None]
    steepest_pct: Sequence[float | None]


class TagColumns(NamedTuple):
    """The tags of many edges, a sequence for each field of `EdgeTags`."""

    step_count: Sequence[int | None]
    incline_pct: Sequence[float | None]
    width_m: Sequence[float | None]
    surface: Sequence[str]
    kerb: Sequence[str]
    wheelchair: Sequence[str]
    crossing: Sequence[str]
    hours: Sequence[str]


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
        The slope, upward or downward, as tagged, else that of the steepest stretch; the highest
        kerb and the width; NaN is unknown.
    wheelchair
        -1 closed to wheels, 1 open to them, 0 unknown.
    crossing
        The place in CROSSINGS.
    gradient
        Rise and fall together, over the length; NaN is unknown.
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
    gradient: Floats
    hours: dict[int, str] = field(default_factory=dict)

    def grown(self, count: int) -> "EdgeFacts":
        """Return the facts with those of more edges, of which nothing is known, at the end."""
        added = plain_facts(count)
        columns = {
            name: np.concatenate([column, getattr(added, name)])
            for name, column in vars(self).items()
            if name != "hours"
        }
        return EdgeFacts(**columns, hours=self.hours)

    def pieces(self, edge: Ints, begin: Floats, end: Floats) -> "EdgeFacts":
        """Return the facts of pieces of the edges.

        Parameters
        ----------
        edge
            The edge that each is a piece of, by number.
        begin, end
            From which share of its length to which.
        """
        columns = {name: column[edge] for name, column in vars(self).items() if name != "hours"}
        count = columns["step_count"]
        steps = np.maximum(np.round(end * count) - np.round(begin * count), 1)
        columns["step_count"] = np.where(count > 0, steps, 0).astype(np.int32)
        with_hours = np.flatnonzero(np.isin(edge, list(self.hours))).tolist()
        return EdgeFacts(**columns, hours={n: self.hours[int(edge[n])] for n in with_hours})


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
        np.full(count, np.nan),
    )


def facts_of(kind: Sequence[str], steps: Sequence[bool], columns: TagColumns) -> EdgeFacts:
    """Return what is known of edges by their kinds and tags.

    Parameters
    ----------
    columns
        The columns of `EdgeTags` of all edges.
    """
    return EdgeFacts(
        main_roads(kind),
        np.array(steps, bool),
        np.array([count or 0 for count in columns.step_count], np.int32),
        codes(columns.surface, SURFACES),
        np.abs(np.array(columns.incline_pct, np.float32)),
        np.array([KERBS_CM.get(value, np.nan) for value in columns.kerb], np.float32),
        np.array(columns.width_m, np.float32),
        codes(columns.wheelchair, WHEELCHAIR),
        codes(columns.crossing, {value: n for n, value in enumerate(CROSSINGS)}),
        np.full(len(kind), np.nan),
        {n: value for n, value in enumerate(columns.hours) if value},
    )


def with_heights(facts: EdgeFacts, heights: HeightColumns, length: Floats) -> EdgeFacts:
    """Return the facts with slopes by heights; a tagged slope stays.

    Parameters
    ----------
    length
        Metres of every edge.
    """
    rise, fall, steepest = (np.array(column, float) for column in heights)
    slope = np.where(np.isnan(facts.slope_pct), steepest, facts.slope_pct)
    return replace(facts, slope_pct=slope.astype(np.float32), gradient=(rise + fall) / length)


def climbing(facts: EdgeFacts, edges: Ints, climb_m: Floats, length: Floats) -> EdgeFacts:
    """Return the facts of a network of which some edges climb evenly.

    Parameters
    ----------
    edges
        Numbers of these edges.
    climb_m, length
        Of each: metres from end to end upward, NaN is unknown, and along.
    """
    slope, gradient = facts.slope_pct.copy(), facts.gradient.copy()
    gradient[edges] = np.abs(climb_m) / length
    slope[edges] = np.abs(climb_m) / np.maximum(length, STEEP_BASE_M) * 100
    return replace(facts, slope_pct=slope, gradient=gradient)


def main_roads(kind: Sequence[str]) -> Codes:
    """Return the class of main road of each kind of edge; a slip road counts as its road."""
    code = {name: n for n, name in enumerate(MAIN_ROADS, 1)}
    code |= {f"{name}_link": n for name, n in code.items()}
    return codes(kind, code)


def codes(values: Sequence[Any], table: dict[str, int]) -> Codes:
    """Return the number of each value by a table; 0 for those in no row."""
    return np.fromiter((table.get(value, 0) for value in values), np.int8, len(values))
