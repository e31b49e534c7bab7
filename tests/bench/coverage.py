"""Exact coverage: every building's label for every category, beside a bare Dijkstra."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from gis.network import walk
from gis.network.build import Floats, Network, SnappedPoints
from gis.settings import Settings
from tests.bench import city, peers
from tests.bench.circle import LIMIT
from tests.bench.rows import Figure, Reach, Row, cpu_seconds

BARE = "bare scipy Dijkstra, from nodes, to nodes"
C = "a Dijkstra in C, compiled by the bench, with buildings, legs and labels"
PANDANA = "pandana, from nodes, to nodes"
MAX_OF_C = 1.3
HAIR = 1e-6  # metres: nearer to the limit than this, rounding decides


def measure(settings: Settings, small: bool) -> Row:
    """Label all buildings for ten categories.

    The bare Dijkstra runs from the nodes nearest to the same facilities.
    """
    town = city.make(20 if small else 177)
    network = town.network
    rng = np.random.default_rng(3)
    each, buildings, runs = (3, 200, 3) if small else (160, 30_000, 9)
    homes = network.snap_degrees(*town.places(rng, buildings).T)
    facilities = [network.snap_degrees(*town.places(rng, each).T) for _ in range(10)]
    nodes = [
        np.unique(
            np.where(
                node.offset < network.length[node.edge] / 2,
                network.u[node.edge],
                network.v[node.edge],
            )
        )
        for node in facilities
    ]

    def ours() -> list[Floats]:
        return [walk.nearest_source_distances(network, node, homes, LIMIT) for node in facilities]

    def bare() -> None:
        for node in nodes:
            dijkstra(network.graph, indices=node, limit=LIMIT, min_only=True)

    def count_wrong(labels: list[Floats]) -> str:
        wrong = sum(
            mislabelled(network, node, homes, metres)
            for node, metres in zip(facilities, labels, strict=True)
        )
        return f"{wrong} of {10 * buildings:,} labels wrong"

    ways: dict[str, Callable[[], Any]] = {"ours": ours, BARE: bare}
    extra = {BARE: "no buildings, no legs, no labels"}
    absent = ["pgRouting for coverage. DESIGN's trial had 916 ms, 49 labels off."]
    with tempfile.TemporaryDirectory(prefix="wangge-bench-") as folder:
        try:
            peer = peers.c_dijkstra(Path(folder), network)
            doors, targets = [peer.places(node) for node in facilities], peer.places(homes)
            ways[C] = lambda: [peer.label(door, targets, LIMIT) for door in doors]
            extra[C] = count_wrong(ways[C]())
        except peers.PeerMissing as error:
            absent.append(f"a Dijkstra in C: {error}.")
        try:
            ways[PANDANA] = pandana_way(network, nodes)
            extra[PANDANA] = "no buildings, no legs; at most one facility a node"
        except ImportError as error:
            absent.append(f"pandana: {error}. DESIGN's trial had 431 ms.")
        extra["ours"] = count_wrong(ours())
        spent = race(ways, runs)
    initial, *others = (Figure(actor, value, runs, extra[actor]) for actor, value in spent.items())
    return Row(
        "coverage",
        "Exact coverage, 10 categories",
        f"{10 * each:,} facilities in 10 categories, {buildings:,} buildings,"
        f" the city of {len(town.nodes):,} crossings; 1,125 m,"
        f" legs and partial edges included; the network in memory, places snapped.",
        "ms",
        initial,
        others,
        [
            Reach(
                f"≤ {MAX_OF_C} × a Dijkstra in C that labels the same buildings"
                + (f": {initial.value / spent[C]:.2f} ×" if C in spent else ""),
                initial.value <= MAX_OF_C * spent[C] if C in spent else None,
            ),
            Reach("every label right", initial.more.startswith("0 ")),
        ],
        notes=[
            (
                "Labels are checked against another graph,"
                " in which every building and facility is a node of its own that splits its"
                " street."
            ),
            (
                "CPU time, the ways in another order in every turn; the least of all turns,"
                " as other work on the machine only adds to it."
            ),
            *(
                [
                    f"scipy's Dijkstra on the whole network takes {spent[BARE] / spent[C]:.2f} ×"
                    " the C; ours runs it on the contracted network, made when it is loaded:"
                    f" of {len(network.nodes):,} crossings"
                    f" {network.contracted.core.shape[0]:,} are left."
                ]
                if C in spent
                else []
            ),
        ],
        absent=absent,
        statistic="least",
    )


def race(ways: dict[str, Callable[[], Any]], turns: int) -> dict[str, float]:
    """Return the least milliseconds of CPU of each way, asked in turns in a random order."""
    rng = np.random.default_rng(5)
    spent: dict[str, list[float]] = {actor: [] for actor in ways}
    for work in ways.values():
        work()
    for _ in range(turns):
        for actor in rng.permutation(list(ways)).tolist():
            spent[actor].append(cpu_seconds(ways[actor])[0] * 1e3)
    return {actor: min(values) for actor, values in spent.items()}


def pandana_way(network: Network, nodes: list[NDArray[Any]]) -> Callable[[], Any]:
    """Distances at nodes from the nearest facility; its contraction is made beforehand."""
    import pandana  # type: ignore[import-not-found]  # a peer, in a folder of its own
    import pandas

    graph = pandana.Network(
        pandas.Series(network.nodes[:, 0]),
        pandas.Series(network.nodes[:, 1]),
        pandas.Series(network.u.astype(np.int64)),
        pandas.Series(network.v.astype(np.int64)),
        pandas.DataFrame({"metres": network.length}),
        twoway=True,
    )
    graph.precompute(LIMIT)

    def way() -> None:
        for number, at in enumerate(nodes):
            x, y = (pandas.Series(column) for column in network.nodes[at].T)
            graph.set_pois(str(number), LIMIT, 1, x, y)
            graph.nearest_pois(LIMIT, str(number), num_pois=1)

    return way


def mislabelled(
    network: Network, sources: SnappedPoints, places: SnappedPoints, metres: Floats
) -> int:
    """How many labels (or distances) differ from those of a graph that has every place as
    a node.
    """
    truth = split_distances(network, sources, places)
    clear = np.abs(truth - LIMIT) > HAIR
    within = truth <= LIMIT
    wrong = (np.isfinite(metres) != within) & clear
    both = within & np.isfinite(metres)
    return int(wrong.sum() + (np.abs(metres[both] - truth[both]) > 1e-3).sum())


def split_distances(network: Network, sources: SnappedPoints, places: SnappedPoints) -> Floats:
    """Metres from each place to its nearest source: streets are cut where somebody stands, doors
    hang on by their legs.
    """
    count, many = len(network.nodes), len(sources) + len(places)
    edge = np.concatenate([sources.edge, places.edge])
    offset, leg = (
        np.concatenate([sources.offset, places.offset]),
        np.concatenate([sources.leg, places.leg]),
    )
    on = np.flatnonzero(edge >= 0)
    order = on[np.lexsort((offset[on], edge[on]))]
    street, stop, cut = (
        edge[order],
        offset[order],
        count + order,
    )  # cut: the node on the street; count + many + i: the door
    initial = np.r_[True, street[1:] != street[:-1]]
    last = np.r_[street[1:] != street[:-1], True]
    whole = np.setdiff1d(np.arange(len(network.lines)), street)
    old_where, length = np.where(initial, 0, np.r_[0, stop[:-1]]), network.length
    pairs = [
        (network.u[whole], network.v[whole], length[whole]),
        (np.where(initial, network.u[street], np.r_[0, cut[:-1]]), cut, stop - old_where),
        (cut[last], network.v[street[last]], length[street[last]] - stop[last]),
        (cut, cut + many, leg[order]),
    ]
    item, other, cost = (np.concatenate(column) for column in zip(*pairs, strict=True))
    size = count + 2 * many
    graph = coo_array((np.maximum(cost, 1e-9), (item, other)), shape=(size, size)).tocsr()
    doors = count + many + np.flatnonzero(sources.edge >= 0)
    distant: Floats = dijkstra(graph, directed=False, indices=doors, limit=LIMIT + 1, min_only=True)
    return distant[count + many + len(sources) :]
