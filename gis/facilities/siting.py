"""Where new facilities serve most: four location models with the existing facilities fixed.

Pure arrays in, chosen candidates out; nothing here reads the database. The integer programmes are
solved by HiGHS through `scipy.optimize.milp`; docs/decisions/0026 says why not by a modelling
library.
"""

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csc_array, csr_array

from gis.errors import invalid_field
from gis.facilities.siting_greedy import greedy_cover, greedy_saving, greedy_sites, order_by_gain
from gis.facilities.siting_problem import (
    DEFAULT_TIME_LIMIT_S,
    GREEDY_SHARE,
    MAX_EXACT_ARCS,
    MAX_SITES,
    Floats,
    Ints,
    Model,
    SitingProblem,
    SitingResult,
    Status,
)


def solve(
    problem: SitingProblem,
    model: Model,
    count: int,
    *,
    time_limit_s: float = DEFAULT_TIME_LIMIT_S,
    max_exact_arcs: int = MAX_EXACT_ARCS,
) -> SitingResult:
    """Choose candidates by a model.

    Parameters
    ----------
    count
        Number of sites, 1 to MAX_SITES; LSCP takes as few as it needs and ignores it.

    Raises
    ------
    InvalidInput
        The number of sites is out of range.
    """
    if model is not Model.LSCP and not 1 <= count <= MAX_SITES:
        raise invalid_field("sites", "siting.sites_out_of_range", low=1, high=MAX_SITES)
    started = time.monotonic()
    exact = problem.metres.nnz <= max_exact_arcs
    search = _Search(problem, min(count, problem.metres.shape[1]), exact, started + time_limit_s)
    outcome = {
        Model.MCLP: search.most_served,
        Model.LSCP: search.fewest_sites,
        Model.P_MEDIAN: search.least_walking,
        Model.P_CENTRE: search.least_worst,
    }[model]()
    sites, served = order_by_gain(problem, outcome.sites)
    spread = abs(outcome.objective - outcome.bound)
    gap = spread / abs(outcome.objective) if outcome.objective else spread
    return SitingResult(
        model,
        outcome.status,
        sites,
        served,
        outcome.objective,
        outcome.bound,
        0.0 if outcome.status is Status.OPTIMAL else float(gap),
        time.monotonic() - started,
        outcome.out_of_reach,
    )


def served_curve(
    problem: SitingProblem, count: int, *, time_limit_s: float = DEFAULT_TIME_LIMIT_S
) -> list[tuple[int, float, Status]]:
    """Return the weight newly served by the best 1, 2, … count sites, each solved for itself.

    Notes
    -----
    The time limit is for all of them; what is left unsolved is the greedy value, marked so.
    """
    deadline = time.monotonic() + time_limit_s
    _, gains = greedy_sites(problem, count)
    curve = []
    for number in range(1, count + 1):
        remaining_s = deadline - time.monotonic()
        if remaining_s <= 0:
            curve.append((number, float(sum(gains[:number])), Status.GREEDY))
            continue
        result = solve(problem, Model.MCLP, number, time_limit_s=remaining_s)
        curve.append((number, result.objective, result.status))
    return curve


def closure_losses(metres: csr_array, weights: Floats, limit_m: float) -> Floats:
    """Return the weight that is served by each existing facility alone, and lost if it closes.

    Parameters
    ----------
    metres
        Walking metres from demand points to existing facilities, as in SitingProblem.
    """
    pairs = metres.tocoo()
    within = pairs.data <= limit_m
    rows, columns = pairs.row[within], pairs.col[within]
    only = np.bincount(rows, minlength=metres.shape[0])[rows] == 1
    return np.bincount(
        columns[only], weights=weights[rows[only]], minlength=metres.shape[1]
    ).astype(float)


@dataclass(frozen=True)
class _Outcome:
    status: Status
    sites: list[int]
    objective: float
    bound: float
    out_of_reach: Ints = field(default_factory=lambda: np.empty(0, np.int64))


class _Search:
    """One search of a model: exact by HiGHS, else greedy."""

    def __init__(self, problem: SitingProblem, count: int, exact: bool, deadline: float) -> None:
        self.problem, self.count, self.exact, self.deadline = problem, count, exact, deadline

    def most_served(self) -> _Outcome:
        """MCLP: y of a demand point is 1 only if a chosen candidate is within the limit."""
        problem, rows = self.problem, self.problem.unserved
        greedy, gains = greedy_sites(problem, self.count)
        incidence, weights = _merge_equal_rows(
            problem.within(problem.limit_m, rows), problem.weights[rows]
        )
        if not self.exact or not greedy:
            share = GREEDY_SHARE if greedy else 1.0
            status = Status.OPTIMAL if not greedy else Status.GREEDY
            bound = min(sum(gains) / share, float(weights.sum()))
            return _Outcome(status, greedy, float(sum(gains)), bound)
        sites, points = incidence.shape[1], incidence.shape[0]
        cover = _less_own_variable(incidence)
        solution = self._solve(
            np.r_[np.zeros(sites), -weights],
            [LinearConstraint(cover, lb=0), self._at_most(sites, points)],
            np.r_[np.ones(sites), np.zeros(points)],
        )
        return self._choose(solution, sites, greedy, -float(sum(gains)), sign=-1)

    def fewest_sites(self) -> _Outcome:
        """LSCP: each demand point that can be served has a chosen candidate within the limit."""
        problem = self.problem
        rows = problem.unserved & (problem.weights > 0)
        incidence = problem.within(problem.limit_m, rows)
        reachable = np.diff(incidence.indptr) > 0
        lost = np.flatnonzero(rows)[~reachable]
        incidence, _ = _merge_equal_rows(incidence[np.flatnonzero(reachable)])
        sites = incidence.shape[1]
        if not incidence.shape[0]:
            return _Outcome(Status.OPTIMAL, [], 0.0, 0.0, lost)
        greedy = greedy_cover(incidence)
        if not self.exact:
            # H(d): greedy takes at most so many times the fewest (Chvátal 1979)
            most = int(incidence.sum(axis=0).max())
            harmonic = float(np.sum(1 / np.arange(1, most + 1)))
            bound = float(np.ceil(len(greedy) / harmonic))
            return _Outcome(Status.GREEDY, greedy, float(len(greedy)), bound, lost)
        solution = self._solve(np.ones(sites), [LinearConstraint(incidence, lb=1)], np.ones(sites))
        return self._choose(solution, sites, greedy, float(len(greedy)), out_of_reach=lost)

    def least_walking(self) -> _Outcome:
        """p-median: what a demand point saves over its nearest existing facility is most.

        A demand point that reaches neither counts the longest stored distance, or twice the limit
        where that is longer.
        """
        problem = self.problem
        pairs = problem.metres.tocoo()
        cap = max(float(pairs.data.max(initial=0.0)), 2 * problem.limit_m)
        today = np.minimum(problem.existing_m, cap)
        saving = problem.weights[pairs.row] * (today[pairs.row] - pairs.data)
        gains = saving > 0
        rows, columns, saving = pairs.row[gains], pairs.col[gains], saving[gains]
        base = float((problem.weights * today).sum())
        table = csr_array((saving, (rows, columns)), shape=pairs.shape)
        greedy, saved = greedy_saving(csc_array(table), self.count)
        if not self.exact or not greedy:
            bound = base - min(saved / GREEDY_SHARE, base)
            status = Status.OPTIMAL if not greedy else Status.GREEDY
            return _Outcome(status, greedy, base - saved, base - saved if not greedy else bound)
        sites, arcs = pairs.shape[1], saving.size
        number = np.arange(arcs)
        once = coo_array(
            (np.ones(arcs), (rows, sites + number)), shape=(pairs.shape[0], sites + arcs)
        )
        opened = coo_array(
            (
                np.r_[np.ones(arcs), -np.ones(arcs)],
                (np.r_[number, number], np.r_[columns, sites + number]),
            ),
            shape=(arcs, sites + arcs),
        )
        solution = self._solve(
            np.r_[np.zeros(sites), -saving],
            [
                LinearConstraint(once.tocsr(), ub=1),
                LinearConstraint(opened.tocsr(), lb=0),
                self._at_most(sites, arcs),
            ],
            np.r_[np.ones(sites), np.zeros(arcs)],
        )
        outcome = self._choose(solution, sites, greedy, -saved, sign=-1)
        return _Outcome(
            outcome.status, outcome.sites, base - outcome.objective, base - outcome.bound
        )

    def least_worst(self) -> _Outcome:
        """p-centre: the least limit at which so many sites serve all, by halving the distances."""
        problem = self.problem
        rows = problem.weights > 0
        nearest = np.full(problem.weights.size, np.inf)
        pairs = problem.metres.tocoo()
        np.minimum.at(nearest, pairs.row, pairs.data)
        best_m = np.minimum(nearest, problem.existing_m)
        lost = np.flatnonzero(rows & ~np.isfinite(best_m))
        rows &= np.isfinite(best_m)
        if not rows.any():
            return _Outcome(Status.OPTIMAL, [], 0.0, 0.0, lost)
        floor_m = float(best_m[rows].max())
        limits = np.unique(np.r_[pairs.data, problem.existing_m[np.isfinite(problem.existing_m)]])
        limits = limits[limits >= floor_m]
        low, high, sites, proven = 0, limits.size - 1, None, True
        while low <= high:
            middle = (low + high) // 2
            chosen, certain = self._cover_within(float(limits[middle]), rows)
            if chosen is not None:
                sites, high = chosen, middle - 1
            else:
                low, proven = middle + 1, proven and certain
        if sites is None:
            return _Outcome(Status.FEASIBLE, [], float("inf"), floor_m, lost)
        worst = float(limits[high + 1])
        status = Status.OPTIMAL if proven else Status.FEASIBLE
        return _Outcome(status, sites, worst, worst if proven else floor_m, lost)

    def _cover_within(
        self, limit_m: float, rows: NDArray[np.bool_]
    ) -> tuple[list[int] | None, bool]:
        """Find sites, at most the number wanted, that leave nobody beyond a limit."""
        open_rows = rows & (self.problem.existing_m > limit_m)
        incidence, _ = _merge_equal_rows(self.problem.within(limit_m, open_rows))
        if not incidence.shape[0]:
            return [], True
        if (np.diff(incidence.indptr) == 0).any():
            return None, True
        greedy = greedy_cover(incidence)
        if len(greedy) <= self.count:
            return greedy, True
        if not self.exact:
            return None, False
        sites = incidence.shape[1]
        solution = self._solve(np.ones(sites), [LinearConstraint(incidence, lb=1)], np.ones(sites))
        if solution.x is None:
            return None, False
        chosen = np.flatnonzero(solution.x > 0.5).tolist()
        if len(chosen) <= self.count:
            return chosen, True
        return None, solution.status == 0 or solution.mip_dual_bound > self.count + 1e-6

    def _at_most(self, sites: int, others: int) -> LinearConstraint:
        return LinearConstraint(
            csr_array(np.r_[np.ones(sites), np.zeros(others)][None]), ub=self.count
        )

    def _solve(self, cost: Floats, constraints: list[LinearConstraint], integral: Floats) -> Any:
        seconds = max(self.deadline - time.monotonic(), 0.1)
        return milp(
            cost,
            constraints=constraints,
            integrality=integral,
            bounds=Bounds(0, 1),
            options={"time_limit": seconds, "mip_rel_gap": 0.0},
        )

    def _choose(
        self,
        solution: Any,
        sites: int,
        greedy: list[int],
        greedy_value: float,
        *,
        sign: int = 1,
        out_of_reach: Ints | None = None,
    ) -> _Outcome:
        """Take the solver's choice, or the greedy one where that is better or the only one."""
        lost = np.empty(0, np.int64) if out_of_reach is None else out_of_reach
        if solution.x is None:
            bound = solution.mip_dual_bound if solution.mip_dual_bound is not None else -np.inf
            return _Outcome(Status.FEASIBLE, greedy, sign * greedy_value, sign * bound, lost)
        chosen, value = np.flatnonzero(solution.x[:sites] > 0.5).tolist(), float(solution.fun)
        if greedy_value < value - 1e-9:
            chosen, value = greedy, greedy_value
        bound = value if solution.status == 0 else float(solution.mip_dual_bound)
        status = Status.OPTIMAL if solution.status == 0 else Status.FEASIBLE
        return _Outcome(status, chosen, sign * value, sign * bound, lost)


def _less_own_variable(incidence: csr_array) -> csr_array:
    """Append one variable a row, and subtract it from the sum of the row's candidates."""
    part, points = incidence.tocoo(), incidence.shape[0]
    number = np.arange(points)
    return coo_array(
        (
            np.r_[part.data, -np.ones(points)],
            (np.r_[part.row, number], np.r_[part.col, incidence.shape[1] + number]),
        ),
        shape=(points, incidence.shape[1] + points),
    ).tocsr()


def _merge_equal_rows(
    incidence: csr_array, weights: Floats | None = None
) -> tuple[csr_array, Floats]:
    """Make demand points with the same candidates one, with the sum of their weights.

    Rows without a candidate go when weights are given: nothing serves them.
    """
    incidence = csr_array(incidence)
    incidence.sort_indices()
    sums: dict[bytes, float] = {}
    row_by_key: dict[bytes, int] = {}
    values = np.ones(incidence.shape[0]) if weights is None else weights
    for row, (start, end) in enumerate(zip(incidence.indptr, incidence.indptr[1:], strict=False)):
        if start == end and weights is not None:
            continue
        key = incidence.indices[start:end].tobytes()
        row_by_key.setdefault(key, row)
        sums[key] = sums.get(key, 0.0) + float(values[row])
    rows = np.fromiter(row_by_key.values(), np.int64, len(row_by_key))
    return csr_array(incidence[rows]), np.fromiter(
        (sums[key] for key in row_by_key), float, len(row_by_key)
    )
