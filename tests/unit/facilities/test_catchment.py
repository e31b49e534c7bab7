"""Floating catchment areas: equal to PySAL's `access`, and by hand."""

import numpy as np
import pandas as pd
import pytest
from access import fca
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from gis.facilities.catchment import ZONES, enhanced_two_step, three_step, two_step

LIMIT_M = 900.0


def zone_weight(metres: float) -> float:
    return next((weight for share, weight in ZONES if metres <= share * LIMIT_M), 0.0)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[csr_array, np.ndarray, np.ndarray]:
    """Up to 15 demand points and 6 facilities; half of the pairs out of reach."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.integers(1, 15)), draw(st.integers(1, 6))
    metres = rng.uniform(1, 1200, shape)
    rows, columns = np.nonzero(rng.random(shape) < 0.5)
    table = csr_array((metres[rows, columns], (rows, columns)), shape=shape)
    return table, rng.integers(1, 50, shape[0]) * 1.0, rng.integers(0, 20, shape[1]) * 1.0


def by_access(case: tuple[csr_array, np.ndarray, np.ndarray], name: str) -> np.ndarray:
    metres, demand, capacity = case
    table = metres.tocoo()
    within = table.data <= LIMIT_M
    costs = pd.DataFrame(
        {"origin": table.row[within], "dest": table.col[within], "cost": table.data[within]}
    )
    if costs.empty:
        return np.zeros(len(demand))
    demand_frame = pd.DataFrame({"demand": demand, "geoid": np.arange(len(demand))})
    supply_frame = pd.DataFrame({"supply": capacity}, index=np.arange(len(capacity)))
    method, weight = {
        "2SFCA": (fca.two_stage_fca, None),
        "E2SFCA": (fca.two_stage_fca, zone_weight),
        "3SFCA": (fca.three_stage_fca, zone_weight),
    }[name]
    result = method(demand_frame, supply_frame, costs, LIMIT_M, weight_fn=weight)
    return result.reindex(np.arange(len(demand)), fill_value=0.0).to_numpy()


@pytest.mark.parametrize(
    ("name", "ours"),
    [("2SFCA", two_step), ("E2SFCA", enhanced_two_step), ("3SFCA", three_step)],
)
@settings(max_examples=25, derandomize=True)
@given(case=pairs())
def test_equal_to_pysal(name: str, ours, case: tuple[csr_array, np.ndarray, np.ndarray]) -> None:
    np.testing.assert_allclose(ours(*case, LIMIT_M).per_person, by_access(case, name), atol=1e-12)


def test_by_hand() -> None:
    metres = csr_array(np.array([[100.0, 0.0], [500.0, 800.0], [0.0, 950.0]]))
    demand, capacity = np.array([10.0, 30.0, 5.0]), np.array([4.0, 6.0])
    # the first shares 4 among 40, the second 6 among 30; the third is beyond 900 m
    shared = two_step(metres, demand, capacity, LIMIT_M)
    assert shared.per_person.tolist() == [0.1, 0.1 + 0.2, 0.0]
    assert shared.claims.tolist() == [40.0, 30.0]


@settings(max_examples=60, derandomize=True)
@given(pairs())
def test_all_of_a_capacity_that_somebody_reaches_is_shared(
    case: tuple[csr_array, np.ndarray, np.ndarray],
) -> None:
    metres, demand, capacity = case
    reached = np.zeros(len(capacity), bool)
    reached[metres.tocoo().col[metres.tocoo().data <= LIMIT_M]] = True
    for method in (two_step, enhanced_two_step, three_step):
        shared = method(*case, LIMIT_M)
        assert (shared.per_person * demand).sum() == pytest.approx(capacity[reached].sum())
        assert ((shared.claims > 0) == reached).all()
