"""The network as somebody walks it: what is closed to them left out, the rest in their own time.

The unit of time is the equivalent metre (docs/decisions/0025): a metre on the level at the
profile's speed. So seconds times speed are equivalent metres, and whatever finds distances on a
`Network` finds times on the network of a profile.
"""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import numpy as np
from sqlalchemy.orm import Session

from gis.errors import Unavailable
from gis.network import parts
from gis.network.build import Network
from gis.network.edge_facts import MAIN_ROADS, ROUGH, SIGNALS, SOFT, UNPAVED, EdgeFacts
from gis.network.loading import load_network
from gis.network.profile_table import find_profile
from gis.network.profiles import WalkingProfile
from gis.network.snapping import Bools, Floats

# Horizontal metres of one step, where a stair does not say how many it has.
TREAD_M = 0.3
STEEPEST = 1.0  # rise over run beyond which Tobler's function is not followed
MAX_VIEWS = 3  # networks of profiles that are kept beside their network
IsOpen = Callable[[str, datetime], bool | None]

_lock = threading.Lock()


def network_for(
    session: Session,
    profile_name: str,
    at: datetime | None = None,
    is_open: IsOpen | None = None,
) -> Network:
    """Return the stored network as a profile walks it.

    Parameters
    ----------
    at, is_open
        As `for_profile`; the edits of planners count that are in force at the moment.

    Raises
    ------
    InvalidInput
        No profile has the name.
    Unavailable
        No network is stored, or all of it is closed to the profile.
    """
    return for_profile(load_network(session, at), find_profile(session, profile_name), at, is_open)


def for_profile(
    network: Network,
    profile: WalkingProfile,
    at: datetime | None = None,
    is_open: IsOpen | None = None,
) -> Network:
    """Return a network as a profile walks it.

    Parameters
    ----------
    network
        With its plain lengths.
    at, is_open
        The moment, and what tells whether opening hours are open then (None: not known, which
        counts as open). Without either, every gate stands open.

    Returns
    -------
    Network
        Without the closed edges, `length` in equivalent metres and `metres` as before; nodes,
        version and public access are those of `network`. `network` itself where nothing differs.

    Raises
    ------
    Unavailable
        All edges are closed.

    Notes ----- The cost of an edge is spread evenly over it. It is never less than its metres, so a
    circle never reaches farther than its limit in metres.
    """
    shut = closed_edges(network.facts, profile)
    if at is not None and is_open is not None and profile.hours:
        state = {hours: is_open(hours, at) for hours in set(network.facts.hours.values())}
        shut[[n for n, hours in network.facts.hours.items() if state[hours] is False]] = True
    key = (profile.key, np.packbits(shut).tobytes())
    with _lock:
        if key not in network.views:
            network.views[key] = _view(network, profile, ~shut)
            while len(network.views) > MAX_VIEWS:
                network.views.popitem(last=False)
        network.views.move_to_end(key)
        return network.views[key]


def _view(network: Network, profile: WalkingProfile, is_open: Bools) -> Network:
    cost = edge_costs(network, profile)
    if is_open.all() and (cost == network.length).all():
        return network
    if not is_open.any():
        raise Unavailable("network.closed_to_profile", profile=profile.name)
    facts = replace(
        network.facts,
        **{
            name: column[is_open] for name, column in vars(network.facts).items() if name != "hours"
        },
        hours={},
    )
    view = replace(
        network,
        u=network.u[is_open],
        v=network.v[is_open],
        metres=network.metres[is_open],
        length=cost[is_open],
        lines=network.lines[is_open],
        flags=network.flags.select(is_open),
        facts=facts,
    )
    # who may walk where does not depend on who can
    view.__dict__["access"] = parts.Access(network.access.edge[is_open], network.access.node)
    return view


def closed_edges(facts: EdgeFacts, profile: WalkingProfile) -> Bools:
    """Return which edges a profile cannot walk at any time; what is not known closes nothing."""
    with np.errstate(invalid="ignore"):
        shut = (
            (facts.kerb_cm > profile.kerb_cm)
            | (facts.width_m < profile.width_m)
            | (facts.slope_pct > profile.slope_pct)
        )
    for surface, factor in _surface_factors(profile).items():
        if factor == 0:
            shut |= facts.surface == surface
    if not profile.steps:
        shut |= facts.steps
    if profile.wheels:  # a mapper who was there overrides what the other tags suggest
        shut = (shut | (facts.wheelchair < 0)) & (facts.wheelchair <= 0)
    return shut


def edge_costs(network: Network, profile: WalkingProfile) -> Floats:
    """Return what every edge costs a profile, in equivalent metres.

    Notes
    -----
    Metres times the factors of surface and slope; a stair at least its steps; and half of the cost
    of crossing a main road at each end where an edge that is none meets a node that main roads pass
    through.
    """
    facts, metres = network.facts, network.metres
    factor = np.ones(len(metres))
    for surface, times in _surface_factors(profile).items():
        factor[facts.surface == surface] = max(times, 1.0)
    cost = metres * factor * slope_factors(facts.gradient)
    if profile.step_s:
        stairs = np.flatnonzero(facts.steps)
        count = facts.step_count[stairs]
        count = np.where(count > 0, count, np.ceil(metres[stairs] / TREAD_M))
        cost[stairs] = np.maximum(cost[stairs], count * profile.step_s * profile.speed_m_s)
    return cost + crossing_seconds(network, profile) * profile.speed_m_s


def slope_factors(gradient: Floats) -> Floats:
    """Return how many times longer a metre takes than on the level, up and down in the mean.

    Parameters
    ----------
    gradient
        Rise and fall together, over the length; at least 0. NaN, not known, counts as level.

    Notes
    -----
    Tobler 1993: 6 exp(-3.5 |s + 0.05|) km/h on the slope s. Who walks up walks down again, so both
    directions cost the same; the mean is never less than 1, which the level has exactly.
    """
    slope = np.minimum(np.nan_to_num(gradient, nan=0.0), STEEPEST)
    uphill = np.exp(3.5 * (np.abs(slope + 0.05) - 0.05))
    back = np.exp(3.5 * (np.abs(-slope + 0.05) - 0.05))
    return np.maximum((uphill + back) / 2, 1.0)


def crossing_seconds(network: Network, profile: WalkingProfile) -> Floats:
    """Return the seconds that crossing main roads adds to each edge.

    Notes
    -----
    A main road passes through a node where two of its edges meet or more. Of several roads the one
    that costs most counts. Who turns into the road and out again on the other side has crossed it:
    a half each; who walks along it pays nothing.
    """
    main = network.facts.main
    of_class = np.array([0.0, *(getattr(profile, f"crossing_{name}_s") for name in MAIN_ROADS)])
    seconds = np.zeros(len(main))
    roads = np.flatnonzero(main)
    if not roads.size or not (of_class.any() or profile.signal_s):
        return seconds
    ends = np.concatenate([network.u[roads], network.v[roads]])
    passes = np.bincount(ends, minlength=len(network.nodes)) >= 2
    at_node = np.zeros(len(network.nodes))
    np.maximum.at(at_node, ends, np.tile(of_class[main[roads]], 2))
    light = network.facts.crossing == SIGNALS
    for node in (network.u, network.v):
        cost = np.where(light, profile.signal_s, at_node[node])
        seconds += np.where(passes[node] & (main == 0), cost / 2, 0.0)
    return seconds


def _surface_factors(profile: WalkingProfile) -> dict[int, float]:
    return {
        SOFT: profile.soft_factor,
        UNPAVED: profile.unpaved_factor,
        ROUGH: profile.rough_factor,
    }
