"""Siting models against every choice there is, and what is said of their bounds."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from gis.errors import InvalidInput
from gis.facilities.siting import closure_losses, served_curve, solve
from gis.facilities.siting_greedy import greedy_sites
from gis.facilities.siting_problem import GREEDY_SHARE, MAX_SITES, Model, SitingProblem, Status

LIMIT_M = 40.0


def sparse(metres: np.ndarray) -> csr_array:
    rows, columns = np.nonzero(np.isfinite(metres))
    return csr_array((metres[rows, columns], (rows, columns)), shape=metres.shape)


@st.composite
def problems(draw: st.DrawFn) -> tuple[SitingProblem, np.ndarray, int]:
    """Up to 12 demand points and 7 candidates; a third of the pairs out of reach."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    demand, candidates = draw(st.integers(1, 12)), draw(st.integers(1, 7))
    metres = rng.uniform(1, 100, (demand, candidates))
    metres[rng.random(metres.shape) < 0.35] = np.inf
    existing_m = rng.uniform(1, 150, demand)
    existing_m[rng.random(demand) < 0.5] = np.inf
    weights = rng.integers(0, 6, demand).astype(float)
    problem = SitingProblem(sparse(metres), weights, existing_m, LIMIT_M)
    return problem, metres, draw(st.integers(1, 4))


def choices(candidates: int, count: int) -> list[list[int]]:
    return [
        list(choice) for choice in itertools.combinations(range(candidates), min(count, candidates))
    ]


@settings(max_examples=120, derandomize=True)
@given(problems())
def test_most_served_equals_the_best_of_all_choices(
    case: tuple[SitingProblem, np.ndarray, int],
) -> None:
    problem, metres, count = case
    best = max(
        problem.weights[problem.unserved & (metres[:, choice].min(axis=1) <= LIMIT_M)].sum()
        for choice in choices(metres.shape[1], count)
    )
    result = solve(problem, Model.MCLP, count)
    assert result.objective == pytest.approx(best)
    assert sum(result.served) == pytest.approx(best)
    assert (result.status, result.gap) == (Status.OPTIMAL, 0)
    greedy = solve(problem, Model.MCLP, count, max_exact_arcs=-1)
    assert GREEDY_SHARE * best - 1e-9 <= greedy.objective <= best + 1e-9 <= greedy.bound + 2e-9


@settings(max_examples=120, derandomize=True)
@given(problems())
def test_fewest_sites_equals_the_smallest_choice_that_serves_all(
    case: tuple[SitingProblem, np.ndarray, int],
) -> None:
    problem, metres, _ = case
    wanting = problem.unserved & (problem.weights > 0)
    rows = wanting & (metres.min(axis=1) <= LIMIT_M)
    fewest = next(
        count
        for count in range(metres.shape[1] + 1)
        if any(
            (metres[rows][:, choice].min(axis=1, initial=np.inf) <= LIMIT_M).all()
            for choice in choices(metres.shape[1], count)
        )
    )
    result = solve(problem, Model.LSCP, 1)
    assert (result.objective, len(result.sites)) == (fewest, fewest)
    assert (metres[rows][:, result.sites].min(axis=1, initial=np.inf) <= LIMIT_M).all()
    assert result.out_of_reach.tolist() == np.flatnonzero(wanting & ~rows).tolist()
    greedy = solve(problem, Model.LSCP, 1, max_exact_arcs=-1)
    assert greedy.bound <= fewest <= greedy.objective


@settings(max_examples=120, derandomize=True)
@given(problems())
def test_least_walking_equals_the_best_of_all_choices(
    case: tuple[SitingProblem, np.ndarray, int],
) -> None:
    problem, metres, count = case
    cap = max(metres[np.isfinite(metres)].max(initial=0), 2 * LIMIT_M)
    today = np.minimum(problem.existing_m, cap)
    best = min(
        (problem.weights * np.minimum(today, metres[:, choice].min(axis=1))).sum()
        for choice in choices(metres.shape[1], count)
    )
    assert solve(problem, Model.P_MEDIAN, count).objective == pytest.approx(best)
    greedy = solve(problem, Model.P_MEDIAN, count, max_exact_arcs=-1)
    assert greedy.bound - 1e-9 <= best <= greedy.objective + 1e-9


@settings(max_examples=120, derandomize=True)
@given(problems())
def test_least_worst_equals_the_best_of_all_choices(
    case: tuple[SitingProblem, np.ndarray, int],
) -> None:
    problem, metres, count = case
    reachable = np.isfinite(np.minimum(problem.existing_m, metres.min(axis=1)))
    rows = reachable & (problem.weights > 0)
    best = min(
        np.minimum(problem.existing_m, metres[:, choice].min(axis=1))[rows].max(initial=0)
        for choice in choices(metres.shape[1], count)
    )
    assert solve(problem, Model.P_CENTRE, count).objective == pytest.approx(best)


@settings(max_examples=60, derandomize=True)
@given(problems())
def test_the_curve_never_falls_and_ends_with_the_best(
    case: tuple[SitingProblem, np.ndarray, int],
) -> None:
    problem, _, count = case
    curve = served_curve(problem, count)
    served = [value for _, value, _ in curve]
    assert served == sorted(served)
    assert served[-1] == pytest.approx(solve(problem, Model.MCLP, count).objective)


@settings(max_examples=60, derandomize=True)
@given(problems())
def test_a_closure_loses_those_who_have_no_other(
    case: tuple[SitingProblem, np.ndarray, int],
) -> None:
    problem, metres, _ = case
    served = (metres <= LIMIT_M).any(axis=1)
    for facility, loss in enumerate(
        closure_losses(sparse(metres), problem.weights, LIMIT_M).tolist()
    ):
        others = np.delete(metres, facility, axis=1)
        still = (others <= LIMIT_M).any(axis=1)
        assert loss == pytest.approx(problem.weights[served & ~still].sum())


def test_equal_candidates_are_taken_by_number() -> None:
    problem = SitingProblem(sparse(np.full((3, 4), 10.0)), np.ones(3), np.full(3, np.inf), LIMIT_M)
    assert greedy_sites(problem, 2) == ([0], [3.0])


def test_nobody_is_left_out() -> None:
    problem = SitingProblem(sparse(np.full((3, 4), 10.0)), np.ones(3), np.zeros(3), LIMIT_M)
    for model in Model:
        result = solve(problem, model, 2)
        assert (result.sites, result.objective, result.gap) == ([], 0.0, 0.0)


@pytest.mark.parametrize("count", [0, -1, MAX_SITES + 1])
def test_an_impossible_number_of_sites_is_refused(count: int) -> None:
    problem = SitingProblem(sparse(np.full((3, 4), 10.0)), np.ones(3), np.zeros(3), LIMIT_M)
    with pytest.raises(InvalidInput) as refusal:
        solve(problem, Model.MCLP, count)
    assert refusal.value.errors[0].field == "sites"
