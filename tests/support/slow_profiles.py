"""What every edge costs a walking profile, and which are closed, one by one in pure Python."""

import math
from dataclasses import replace

import numpy as np

from gis.network.build import Network
from gis.network.edge_facts import CROSSINGS, MAIN_ROADS, EdgeFacts
from gis.network.profiles import WalkingProfile
from tests.support import brute_force

FACTORS = {0: None, 1: "soft_factor", 2: "unpaved_factor", 3: "rough_factor"}


def tobler_both_ways(slope: float) -> float:
    """How many times longer a slope takes than the level, there and back; not known: as level."""
    if math.isnan(slope):
        return 1.0
    kmh = lambda s: 6 * math.exp(-3.5 * abs(s + 0.05))  # noqa: E731  Tobler 1993
    slope = min(slope, 1.0)
    return (kmh(0) / kmh(slope) + kmh(0) / kmh(-slope)) / 2


def edges_the_slow_way(net: Network, profile: WalkingProfile) -> list[brute_force.Edge]:
    """The edges with their costs, and the closed ones marked, one by one in pure Python."""
    facts: EdgeFacts = net.facts
    crossed: dict[int, list[float]] = {}
    for n, class_ in enumerate(facts.main.tolist()):
        if class_:
            for node in (int(net.u[n]), int(net.v[n])):
                seconds = getattr(profile, f"crossing_{MAIN_ROADS[class_ - 1]}_s")
                crossed.setdefault(node, []).append(seconds)
    edges = []
    for n, edge in enumerate(brute_force.edges_of(net)):
        factor = getattr(profile, FACTORS[int(facts.surface[n])] or "", 1.0)
        closed = (
            factor == 0
            or facts.kerb_cm[n] > profile.kerb_cm
            or facts.width_m[n] < np.float32(profile.width_m)
            or facts.slope_pct[n] > profile.slope_pct
            or (facts.steps[n] and not profile.steps)
        )
        if profile.wheels and facts.wheelchair[n]:
            closed = facts.wheelchair[n] < 0
        cost = edge.length * max(factor, 1) * tobler_both_ways(float(facts.gradient[n]))
        if facts.steps[n] and profile.step_s:
            count = facts.step_count[n] or math.ceil(edge.length / 0.3)
            cost = max(cost, count * profile.step_s * profile.speed_m_s)
        for node in (edge.u, edge.v):
            if len(crossed.get(node, [])) >= 2 and not facts.main[n]:
                light = CROSSINGS[int(facts.crossing[n])] == "signals"
                cost += (profile.signal_s if light else max(crossed[node])) * profile.speed_m_s / 2
        edges.append(replace(edge, cost=cost, closed=bool(closed)))
    return edges
