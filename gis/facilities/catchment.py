"""Demand against capacity: floating catchment areas on walking distances.

Each function shares the capacity (doctors, places, beds) of each facility among those who reach it.
Pure arrays; equal to PySAL `access`, as a test holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Floats = NDArray[np.float64]

# Gaussian weights of the three zones of E2SFCA (Luo & Qi 2009, slow decay): a third, two thirds and
# all of the limit.
ZONES: tuple[tuple[float, float], ...] = ((1 / 3, 1.0), (2 / 3, 0.68), (1.0, 0.22))


@dataclass(frozen=True)
class Catchment:
    """Who shares what.

    Attributes
    ----------
    per_person
        Capacity that each person at a demand point can have, shape (demand,); 0 where no facility
        is in reach.
    claims
        Weighted people who share each facility, shape (facilities,).
    """

    per_person: Floats
    claims: Floats


def two_step(metres: csr_array, demand: Floats, capacity: Floats, limit_m: float) -> Catchment:
    """Compute 2SFCA: all within the limit count alike.

    Parameters
    ----------
    metres
        Walking metres from demand points to facilities, sparse, shape (demand, facilities); what is
        not stored is out of reach. A distance of 0 is stored as a tiny positive number.
    demand
        People, shape (demand,).
    capacity
        Of each facility, shape (facilities,).
    limit_m
        The catchment, metres.

    References
    ----------
    Luo & Wang (2003), "Measures of spatial accessibility to health care in a GIS environment".
    """
    return _shared(_weights(metres, limit_m, ((1.0, 1.0),)), demand, capacity)


def enhanced_two_step(
    metres: csr_array,
    demand: Floats,
    capacity: Floats,
    limit_m: float,
    zones: Sequence[tuple[float, float]] = ZONES,
) -> Catchment:
    """Compute E2SFCA: nearer facilities and nearer people weigh more.

    Parameters
    ----------
    zones
        Share of the limit up to which a zone goes, and its weight; ascending.

    References
    ----------
    Luo & Qi (2009), "An enhanced two-step floating catchment area (E2SFCA) method".
    """
    return _shared(_weights(metres, limit_m, zones), demand, capacity)


def three_step(
    metres: csr_array,
    demand: Floats,
    capacity: Floats,
    limit_m: float,
    zones: Sequence[tuple[float, float]] = ZONES,
) -> Catchment:
    """Compute 3SFCA: people share themselves among facilities by how near those are.

    References
    ----------
    Wan, Zou & Sternberg (2012), "A three-step floating catchment area method for analyzing spatial
    access to health services".
    """
    weights = _weights(metres, limit_m, zones)
    total = np.asarray(weights.sum(axis=1)).ravel()
    share = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    chosen = csr_array(weights.multiply(weights).multiply(share[:, None]))
    return _shared(chosen, demand, capacity)


def _weights(metres: csr_array, limit_m: float, zones: Sequence[tuple[float, float]]) -> csr_array:
    """Return the weight of each pair by its zone; 0 beyond the limit."""
    ends = np.array([share for share, _ in zones]) * limit_m
    values = np.array([*(weight for _, weight in zones), 0.0])
    data = values[np.searchsorted(ends, metres.data, side="left")]
    return csr_array((data, metres.indices, metres.indptr), shape=metres.shape)


def _shared(weights: csr_array, demand: Floats, capacity: Floats) -> Catchment:
    """Share each capacity among the weighted demand, and sum the shares that each can have."""
    claims = np.asarray(weights.T @ demand, float)
    ratio = np.divide(capacity, claims, out=np.zeros(len(capacity)), where=claims > 0)
    return Catchment(np.asarray(weights @ ratio, float), claims)


CATCHMENT_METHODS = {"2sfca": two_step, "e2sfca": enhanced_two_step, "3sfca": three_step}
