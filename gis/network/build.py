"""The walking network in memory: graphs, edges to snap to, and a lattice snapped once.

Everything is metric here, in the deployment's own zone (`gis.crs.metric_epsg`); longitude and
latitude stay outside.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from shapely import STRtree

from gis import crs
from gis.errors import Unavailable
from gis.network import parts
from gis.network.contraction import ContractedGraph, contract
from gis.network.edge_facts import (
    EdgeFacts,
    plain_facts,
)
from gis.network.edge_flags import EdgeFlags
from gis.network.lattice import Lattice
from gis.network.snapping import (
    Bools,
    Floats,
    Ints,
    Shapes,
    SnappedPoints,
    Snapper,
    doubled,
    places_of,
)

AT_NODE_M = 1e-6
WALL_GAP_M = 10.0  # metres of a gap, such as a gate, between walls of one compound


@dataclass(frozen=True)
class Network:
    """The walking network.

    version: As stored; the same version is the same network.
    epsg: The metric system of all coordinates.
    nodes: Node coordinates, metres, shape (n, 2).
    u, v: Per edge, its end nodes, by number, not id.
    metres: Per edge, its geodesic length.
    length: Per edge, what walking it costs: metres, or equivalent metres of a profile
        (`gis.network.profiled`). Every distance along the network is in this unit.
    lines: Per edge, its shapely LineString in metres, from u to v.
    flags: What each edge is.
    walls: Lines in metres that no straight leg crosses.
    facts: What else is known of the edges, for those whom it hinders.
    at_edge: Numbers of the nodes where the data end, ascending: streets go on that are not in it.
    height: Per node, metres; NaN is unknown. Empty: nothing is known.
    """

    version: str
    epsg: int
    nodes: Floats
    u: Ints
    v: Ints
    metres: Floats
    length: Floats
    lines: Shapes
    flags: EdgeFlags
    walls: Shapes
    facts: EdgeFacts
    at_edge: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    height: Floats = field(default_factory=lambda: np.empty(0))

    @property
    def flat(self) -> bool:
        """Whether all walks are as on the level, since no heights are known."""
        return bool(np.isnan(self.facts.gradient).all())

    @cached_property
    def views(self) -> "OrderedDict[tuple[str, bytes], Network]":
        """Networks of profiles made from this one, the last used last; see `for_profile`."""
        return OrderedDict()

    @cached_property
    def beside(self) -> dict[str, Any]:
        """What is kept in memory beside this network and goes with it, by who keeps it."""
        return {}

    @cached_property
    def access(self) -> parts.Access:
        """What is public, and what is only the beginning or the end of a walk."""
        ends, road = self.flags.ends, self.flags.road
        if ends.any() and road.any():
            road = road & ~self._walled
        return parts.public_access(len(self.nodes), self.u, self.v, self.metres, ends, road)

    @cached_property
    def _walled(self) -> Bools:
        """Per edge, whether it lies within walls, gaps for gates included."""
        if not len(self.walls):
            return np.zeros(len(self.lines), bool)
        joined = shapely.union_all(shapely.buffer(self.walls, WALL_GAP_M))
        compounds = shapely.convex_hull(shapely.get_parts(joined))
        inside = self.line_tree.query(compounds, predicate="contains")[1]
        return np.isin(np.arange(len(self.lines)), inside)

    @cached_property
    def layers(self) -> parts.Graph:
        """The graph that shortest paths are found in; see `gis.network.parts.graph`."""
        return parts.graph(len(self.nodes), self.u, self.v, self.length, self.access)

    @property
    def graph(self) -> csr_array:
        """The matrix of `layers`: the nodes first, then the copies of private ones."""
        return self.layers.matrix

    @cached_property
    def graph_nodes(self) -> Floats:
        """Where the nodes of `graph` are, metres: east and north of each, shape (2, n)."""
        nodes = np.concatenate([self.nodes, self.nodes[self.layers.copies]])
        return np.ascontiguousarray(nodes.T)

    @cached_property
    def contracted(self) -> ContractedGraph:
        """The same graph contracted: distances to all nodes are found in it."""
        return contract(self.layers.matrix)

    @cached_property
    def edge_rows(self) -> NDArray[np.void]:
        """u, v and length of every edge side by side: whoever needs all reads memory once."""
        rows = np.empty(len(self.u), [("u", np.int32), ("v", np.int32), ("length", np.float64)])
        rows["u"], rows["v"], rows["length"] = self.u, self.v, self.length
        return rows

    @cached_property
    def rank(self) -> Ints:
        """Per edge, the order in which it is snapped to within the cap.

        See `gis.network.parts.ranks`; to doubled edges nothing is snapped.
        """
        rank = parts.ranks(
            len(self.nodes),
            self.u,
            self.v,
            np.where(self.flags.street, self.metres, 0.0),
            self.flags.ground,
        )
        position = places_of(self.nodes)
        ends = position[self.u], position[self.v]
        rank[doubled(ends, self.lines, rank, self.length, self.access.edge)] = parts.DOUBLED
        return rank

    @cached_property
    def snapper(self) -> Snapper:
        """Finds the nearest edge for places."""
        return Snapper(self.lines, self.rank, self.walls)

    @cached_property
    def line_tree(self) -> STRtree:
        """Index of the lines of all edges."""
        return STRtree(self.lines)

    @cached_property
    def tree(self) -> STRtree:
        """Index of the lines of the edges on the ground, in the order of `on_ground`."""
        return STRtree(self.lines[self.on_ground])

    @cached_property
    def on_ground(self) -> Ints:
        """Numbers of the edges on the ground."""
        return np.flatnonzero(self.flags.ground).astype(np.int32)

    @cached_property
    def stretch(self) -> Floats:
        """Length per projected metre of every edge.

        1 ± 1e-4 in a 3-degree zone where it is metres.
        """
        return self.length / np.maximum(shapely.length(self.lines), 1e-9)

    @cached_property
    def lattice(self) -> Lattice:
        """The lattice over the whole network, snapped where it is first asked for."""
        return Lattice(self)

    def to_metric(self, lon: ArrayLike, lat: ArrayLike) -> Floats:
        """Degrees (EPSG:4490) to metres of this network, shape (n, 2)."""
        x, y = crs.get_transformer(4490, self.epsg).transform(
            np.atleast_1d(lon), np.atleast_1d(lat)
        )
        return np.column_stack([x, y])

    def snap(self, shapes: Shapes) -> SnappedPoints:
        """Put points, or rings of polygons, on the network.

        Parameters
        ----------
        shapes
            shapely Points or LinearRings in metres; of a ring its point nearest to a street counts.

        Returns
        -------
        Snaps The nearest street that is worth walking on and that no wall cuts off, within 100 m by
            a straight leg.
        """
        edge, leg, at, island = self.snapper.nearest(shapes)
        offset, on = np.zeros(len(shapes)), np.flatnonzero(edge >= 0)
        metres = shapely.line_locate_point(self.lines[edge[on]], at[on]) * self.stretch[edge[on]]
        edge[on], offset[on] = self.on_public(edge[on], np.minimum(metres, self.length[edge[on]]))
        return SnappedPoints(edge, offset, leg, island)

    def on_public(self, edge: Ints, offset: Floats) -> tuple[Ints, Floats]:
        """Move points from the public end of a private edge to a public edge of that node."""
        if self.access.edge.all():
            return edge, offset
        at_u = ~self.access.edge[edge] & (offset <= AT_NODE_M)
        at_v = ~self.access.edge[edge] & (offset >= self.length[edge] - AT_NODE_M)
        edge, offset = edge.copy(), offset.copy()
        for at, nodes in ((at_u, self.u[edge]), (at_v, self.v[edge])):
            move = np.flatnonzero(at & (self._public_edge_of[nodes] >= 0))
            node, other = nodes[move], self._public_edge_of[nodes[move]]
            edge[move], offset[move] = (
                other,
                np.where(self.u[other] == node, 0.0, self.length[other]),
            )
        return edge, offset

    @cached_property
    def _public_edge_of(self) -> Ints:
        """A public edge of every node that has one; else -1."""
        edges = np.flatnonzero(self.access.edge).astype(np.int32)
        edge_of_node = np.full(len(self.nodes), -1, np.int32)
        edge_of_node[self.u[edges]] = edges
        edge_of_node[self.v[edges]] = edges
        return edge_of_node

    def snap_degrees(self, lon: ArrayLike, lat: ArrayLike) -> SnappedPoints:
        """Put points given in degrees (EPSG:4490) on the network."""
        return self.snap(shapely.points(self.to_metric(lon, lat)))


class EdgeTable(NamedTuple):
    """The edges of a network: end nodes by number, metres on the ellipsoid, lines in degrees."""

    u: NDArray[Any]
    v: NDArray[Any]
    length: Floats
    lines: Shapes


def from_degrees(
    version: str,
    nodes: Floats,
    edges: EdgeTable,
    *,
    flags: EdgeFlags | None = None,
    walls: Shapes | None = None,
    facts: EdgeFacts | None = None,
    at_edge: Ints | None = None,
) -> Network:
    """Create a network from lines in degrees.

    Parameters
    ----------
    version
        Version of the network.
    nodes
        Longitude and latitude, EPSG:4490, shape (n, 2).
    edges
        The edges; their order is that of all arrays by edge.
    flags
        None means that all are public paths on the ground.
    walls
        Lines in degrees; None means none.
    facts
        None means that nothing is known.
    at_edge
        Numbers of the nodes where the data end; None means none.

    Raises
    ------
    Unavailable
        There are no edges.
    """
    u, v, length, lines = edges
    if not len(lines):
        raise Unavailable("network.empty")
    middle = nodes.mean(axis=0)
    epsg = crs.metric_epsg(float(middle[0]), float(middle[1]))
    change = crs.get_transformer(4490, epsg).transform
    to_metric = lambda xy: np.column_stack(change(xy[:, 0], xy[:, 1]))  # noqa: E731
    return Network(
        version,
        epsg,
        to_metric(nodes),
        u.astype(np.int32),
        v.astype(np.int32),
        length,
        length,
        shapely.transform(lines, to_metric),
        EdgeFlags.plain(len(lines)) if flags is None else flags,
        np.empty(0, object)
        if walls is None or not len(walls)
        else shapely.transform(walls, to_metric),
        plain_facts(len(lines)) if facts is None else facts,
        np.empty(0, np.int64) if at_edge is None else at_edge,
    )
