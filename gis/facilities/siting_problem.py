"""Siting problems and their results: demand points, candidates, models, how sure a choice is."""

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_EXACT_ARCS = 1_500_000  # pairs of demand point and candidate from which only greedy is tried
MAX_SITES = 50
DEFAULT_TIME_LIMIT_S = 60.0
GREEDY_SHARE = 1 - 1 / np.e  # Nemhauser, Wolsey & Fisher (1978): of the optimum, at least


class Model(StrEnum):
    """What the sites are chosen for."""

    MCLP = "mclp"  # most people within the limit (Church & ReVelle 1974)
    LSCP = "lscp"  # everybody within the limit with fewest sites (Toregas et al. 1971)
    P_MEDIAN = "p-median"  # least walking in all (Hakimi 1964)
    P_CENTRE = "p-centre"  # least walking of whoever has it worst (Hakimi 1964)


class Status(StrEnum):
    """How sure a result is."""

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"  # the time limit ended the search; `gap` says how far off it may be
    GREEDY = "greedy"  # too large for an exact search


@dataclass(frozen=True)
class SitingProblem:
    """Demand points, candidates, and what stands already.

    Attributes
    ----------
    metres
        Walking metres from each demand point to each candidate, sparse, shape (demand, candidates);
        what is not stored is out of reach. A distance of 0 is stored as a tiny positive number.
    weights
        People, households or elders at each demand point, shape (demand,).
    existing_m
        Metres from each demand point to its nearest existing facility; infinite if there is none.
    limit_m
        Metres that count as served.
    """

    metres: csr_array
    weights: Floats
    existing_m: Floats
    limit_m: float

    @property
    def unserved(self) -> NDArray[np.bool_]:
        """Which demand points no existing facility serves."""
        return self.existing_m > self.limit_m

    def within(self, limit_m: float, rows: NDArray[np.bool_]) -> csr_array:
        """Return the incidence of candidates within a limit, of some demand points (0 and 1)."""
        part = self.metres[np.flatnonzero(rows)].tocoo()
        is_within = part.data <= limit_m
        return csr_array(
            (np.ones(int(is_within.sum())), (part.row[is_within], part.col[is_within])),
            shape=part.shape,
        )


@dataclass(frozen=True)
class SitingResult:
    """The chosen candidates and how sure they are.

    Attributes
    ----------
    sites
        Numbers of candidates in the order in which each adds most.
    served
        Weight that each of them adds to those before it, within the limit.
    objective
        MCLP: weight newly served; LSCP: number of sites; p-median: metres times weight; p-centre:
        metres of the demand point that has it worst.
    bound
        What no choice can be better than.
    gap
        Relative distance of objective and bound; 0 when optimal.
    seconds
        Wall time of the search.
    out_of_reach
        Demand points that no candidate can serve (LSCP and p-centre).
    """

    model: Model
    status: Status
    sites: list[int]
    served: list[float]
    objective: float
    bound: float
    gap: float
    seconds: float
    out_of_reach: Ints = field(default_factory=lambda: np.empty(0, np.int64))
