"""Heights along the walking network: rise, fall and the steepest stretch of every edge."""

import hashlib
from dataclasses import dataclass

import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from gis.db import copy_rows
from gis.errors import Unavailable
from gis.network.edge_facts import STEEP_BASE_M
from gis.network.models import WalkEdge, WalkNetwork, WalkNode
from gis.network.snapping import Bools, Floats, Ints, Shapes

STRETCH_M = 30.0  # an edge is looked at in equal stretches of at most so many metres
CLIMBING = ("steps", "elevator")  # kinds of edge that lead from the ground to a bridge


@dataclass(frozen=True)
class EdgeLines:
    """The stored edges, in the order of their ids.

    Attributes
    ----------
    id
        As stored.
    u, v
        End nodes, by place in `nodes`.
    length
        Metres.
    ground
        Whether it lies on the ground rather than on a bridge, in a tunnel or on another storey.
    climbing
        Whether it is a stair or lift.
    lines
        From u to v, degrees, EPSG:4490.
    nodes
        Longitude and latitude, EPSG:4490, shape (n, 2).
    """

    id: Ints
    u: Ints
    v: Ints
    length: Floats
    ground: Bools
    climbing: Bools
    lines: Shapes
    nodes: Floats

    @property
    def lifted(self) -> Bools:
        """Per node, whether it belongs to a bridge, tunnel or storey and not to the ground.

        Notes
        -----
        The top of a stair to a bridge belongs to the bridge, whatever lies below.
        """
        on_structure, on_ground = np.zeros((2, len(self.nodes)), bool)
        for node in (self.u, self.v):
            on_structure[node[~self.ground]] = True
            on_ground[node[self.ground & ~self.climbing]] = True
        return on_structure & ~on_ground


@dataclass(frozen=True)
class EdgeSamples:
    """Where heights are needed.

    Attributes
    ----------
    points
        The nodes, then the points within edges in the order of the edges; EPSG:4490, shape (n, 2).
    stretches
        Per edge, in how many equal stretches it is looked at. One for those that do not follow the
        ground: their ends alone count.
    """

    points: Floats
    stretches: Ints


@dataclass(frozen=True)
class EdgeSlopes:
    """Rise and fall of every edge from u to v, metres; NaN where a height is not known.

    Attributes
    ----------
    steepest_pct
        Slope of its steepest stretch, upward or downward, percent.
    node_m
        Height of every node, those of bridges and tunnels by where these meet the ground.
    """

    rise: Floats
    fall: Floats
    steepest_pct: Floats
    node_m: Floats

    @property
    def are_known(self) -> Bools:
        """Whether all heights of an edge are known."""
        return np.isfinite(self.rise)


def read_edge_lines(session: Session) -> EdgeLines:
    """Return the edges of the stored network.

    Raises
    ------
    Unavailable
        It has none.
    """
    nodes = session.execute(text("SELECT id, ST_X(geom), ST_Y(geom) FROM walk_node ORDER BY id"))
    edges = session.execute(
        text("""
            SELECT id, u, v, length_m, structure = '', kind = ANY(:climbing), ST_AsBinary(geom)
            FROM walk_edge
            ORDER BY id
        """),
        {"climbing": [*CLIMBING]},
    )
    rows = edges.all()
    if not rows:
        raise Unavailable("network.empty")
    number, u, v, length, ground, climbing, wkb = zip(*rows, strict=True)
    ids, x, y = zip(*nodes.all(), strict=True)
    node_ids = np.array(ids, np.int64)
    return EdgeLines(
        np.array(number, np.int64),
        np.searchsorted(node_ids, np.array(u, np.int64)),
        np.searchsorted(node_ids, np.array(v, np.int64)),
        np.array(length, float),
        np.array(ground, bool),
        np.array(climbing, bool),
        shapely.from_wkb([bytes(value) for value in wkb]),
        np.column_stack([np.array(x, float), np.array(y, float)]),
    )


def sample_edges(edges: EdgeLines) -> EdgeSamples:
    """Return the points of all nodes, and those every 30 m along the edges on the ground."""
    lifted = edges.lifted
    follows = edges.ground & ~lifted[edges.u] & ~lifted[edges.v]
    stretches = np.where(follows, np.ceil(edges.length / STRETCH_M), 1).astype(np.int64)
    stretches = np.maximum(stretches, 1)
    owner = np.repeat(np.arange(len(stretches)), stretches - 1)
    begin = np.cumsum(stretches - 1) - (stretches - 1)
    share = (np.arange(len(owner)) - begin[owner] + 1) / stretches[owner]
    squeeze = np.array([np.cos(np.radians(edges.nodes[:, 1].mean())), 1.0])  # degrees of one length
    lines = shapely.transform(edges.lines[stretches > 1], lambda xy: xy * squeeze)
    position = np.cumsum(stretches > 1) - 1
    within = shapely.line_interpolate_point(lines[position[owner]], share, normalized=True)
    return EdgeSamples(
        np.concatenate([edges.nodes, shapely.get_coordinates(within) / squeeze]), stretches
    )


def edge_slopes(edges: EdgeLines, samples: EdgeSamples, heights: Floats) -> EdgeSlopes:
    """Return rise and fall of the edges by the heights of their samples, metres.

    Notes
    -----
    Nodes of bridges, tunnels and storeys take their heights from where those meet the ground.
    """
    count = len(edges.nodes)
    at_node, stretches = _lifted_heights(edges, heights[:count]), samples.stretches
    begin = np.cumsum(stretches + 1) - (stretches + 1)
    along = np.empty(int((stretches + 1).sum()))
    within = np.ones(len(along), bool)
    within[begin] = within[begin + stretches] = False
    along[begin], along[begin + stretches] = at_node[edges.u], at_node[edges.v]
    along[within] = heights[count:]
    is_stretch = np.ones(len(along), bool)
    is_stretch[begin + stretches] = False
    climb = np.diff(along, append=0.0)[is_stretch]
    begin = np.cumsum(stretches) - stretches
    base = np.maximum(edges.length / stretches, STEEP_BASE_M)
    return EdgeSlopes(
        np.add.reduceat(np.maximum(climb, 0), begin),
        np.add.reduceat(np.maximum(-climb, 0), begin),
        np.maximum.reduceat(np.abs(climb), begin) / base * 100,
        at_node,
    )


def _lifted_heights(edges: EdgeLines, heights: Floats) -> Floats:
    """Return heights of nodes, those of lifted ones evenly between where they meet the ground.

    Notes
    -----
    Each lifted node gets the mean of its neighbours, the nearer weighing more: on a bridge without
    branches that is the straight line between its ends. NaN where none of them is known.
    """
    lifted = edges.lifted
    heights = np.where(lifted, np.nan, heights)
    u, v, weight = (
        np.concatenate(pair)
        for pair in ((edges.u, edges.v), (edges.v, edges.u), (1 / edges.length,) * 2)
    )
    is_finite = np.isfinite(heights)
    used = lifted[u] & (u != v) & (lifted[v] | is_finite[v])
    u, v, weight = u[used], v[used], weight[used]
    size, within = len(heights), lifted[v]
    among = coo_array((weight[within], (u[within], v[within])), shape=(size, size)).tocsr()
    _, part = connected_components(among, directed=False)
    has_end = np.zeros(size, bool)
    has_end[part[u[~within]]] = True
    solved = np.flatnonzero(lifted & has_end[part])
    if solved.size:
        total = np.bincount(u, weight, size)
        ends = np.bincount(u[~within], weight[~within] * heights[v[~within]], size)
        diagonal = coo_array((total[solved], (np.arange(solved.size),) * 2)).tocsr()
        heights[solved] = spsolve((diagonal - among[solved][:, solved]).tocsc(), ends[solved])
    return heights


def store_slopes(session: Session, edges: EdgeLines, slopes: EdgeSlopes) -> bool:
    """Write heights of nodes and slopes of all edges; return whether any slope is another."""
    _store_heights(session, slopes.node_m)
    columns = np.column_stack([slopes.rise, slopes.fall, slopes.steepest_pct]).astype(np.float32)
    stored = session.scalar(select(WalkNetwork.version)) or ""
    version = f"{stored.split('-')[0]}-{hashlib.sha256(columns.tobytes()).hexdigest()[:8]}"
    if version == stored:
        return False
    session.execute(
        text("""
            CREATE TEMPORARY TABLE incoming_slope
              (id bigint PRIMARY KEY, rise real, fall real, steepest real) ON COMMIT DROP
        """)
    )
    rows = (
        (number, *(values if is_finite else (None, None, None)))
        for number, values, is_finite in zip(
            edges.id.tolist(), columns.tolist(), slopes.are_known.tolist(), strict=True
        )
    )
    copy_rows(session, "incoming_slope", ("id", "rise", "fall", "steepest"), rows)
    session.execute(
        text("""
            UPDATE walk_edge e
            SET rise_m = i.rise, fall_m = i.fall, steepest_pct = i.steepest
            FROM incoming_slope i
            WHERE i.id = e.id
        """)
    )
    session.execute(text("DROP TABLE incoming_slope"))
    session.execute(update(WalkNetwork).values(version=version))
    return True


def _store_heights(session: Session, metres: Floats) -> None:
    """Write the heights of all nodes, in the order of their ids."""
    session.execute(
        text("""
            UPDATE walk_node n SET height_m = h.metres
            FROM (SELECT id, row_number() OVER (ORDER BY id) AS nth FROM walk_node) o
            JOIN unnest(CAST(:metres AS real[])) WITH ORDINALITY AS h(metres, nth) USING (nth)
            WHERE n.id = o.id
        """),
        {"metres": [height if np.isfinite(height) else None for height in metres.tolist()]},
    )


def clear_slopes(session: Session) -> int:
    """Take the heights off all edges; return how many had any."""
    session.execute(
        update(WalkNetwork).values(version=func.split_part(WalkNetwork.version, "-", 1))
    )
    session.execute(update(WalkNode).values(height_m=None))
    statement = update(WalkEdge).where(WalkEdge.rise_m.is_not(None))
    nothing = {"rise_m": None, "fall_m": None, "steepest_pct": None}
    return session.connection().execute(statement.values(nothing)).rowcount
