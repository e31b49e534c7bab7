"""Greedy choices of sites, with the bounds that are proven for them."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csc_array, csr_array

from gis.facilities.siting_problem import (
    SitingProblem,
)


def greedy_sites(problem: SitingProblem, count: int) -> tuple[list[int], list[float]]:
    """Choose one candidate after the other, each the one that newly serves most weight.

    Notes
    -----
    The weight served is at least (1 - 1/e) of what the best choice of as many serves (Nemhauser,
    Wolsey & Fisher 1978). Ties go to the candidate with the lower number. Stops when no candidate
    adds anything.
    """
    open_rows = problem.unserved
    incidence = csc_array(problem.within(problem.limit_m, open_rows))
    remaining = problem.weights[open_rows].astype(float)
    sites: list[int] = []
    gains: list[float] = []
    for _ in range(count):
        gain = incidence.T @ remaining
        best = int(np.argmax(gain)) if gain.size else 0
        if not gain.size or gain[best] <= 0:
            break
        sites.append(best)
        gains.append(float(gain[best]))
        remaining[incidence.indices[incidence.indptr[best] : incidence.indptr[best + 1]]] = 0
    return sites, gains


def order_by_gain(problem: SitingProblem, sites: Sequence[int]) -> tuple[list[int], list[float]]:
    """Order chosen sites by what each newly serves beside those before it."""
    chosen = np.asarray(sites, np.int64)
    if not chosen.size:
        return [], []
    part = SitingProblem(
        csr_array(problem.metres[:, chosen]), problem.weights, problem.existing_m, problem.limit_m
    )
    order, gains = greedy_sites(part, len(chosen))
    idle = [number for number in range(len(chosen)) if number not in order]
    return [int(chosen[number]) for number in (*order, *idle)], [*gains, *[0.0] * len(idle)]


def greedy_cover(incidence: csr_array) -> list[int]:
    """Take candidates until every row has one, each time the one with most rows left."""
    columns, remaining = csc_array(incidence), np.ones(incidence.shape[0])
    sites: list[int] = []
    while remaining.any():
        best = int(np.argmax(columns.T @ remaining))
        sites.append(best)
        remaining[columns.indices[columns.indptr[best] : columns.indptr[best + 1]]] = 0
    return sites


def greedy_saving(saving: csc_array, count: int) -> tuple[list[int], float]:
    """Take one candidate after the other, each the one that saves most beside those before."""
    saved = np.zeros(saving.shape[0])
    sites: list[int] = []
    owner = np.repeat(np.arange(saving.shape[1]), np.diff(saving.indptr))
    for _ in range(count):
        gain = np.bincount(
            owner,
            weights=np.maximum(saving.data - saved[saving.indices], 0),
            minlength=saving.shape[1],
        )
        best = int(np.argmax(gain)) if gain.size else 0
        if not gain.size or gain[best] <= 0:
            break
        sites.append(best)
        part = slice(saving.indptr[best], saving.indptr[best + 1])
        rows = saving.indices[part]
        saved[rows] = np.maximum(saved[rows], saving.data[part])
    return sites, float(saved.sum())
