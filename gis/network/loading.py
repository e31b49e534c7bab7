"""Load the walking network from the database; the newest stay in memory."""

import threading
from collections import OrderedDict
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.network.build import EdgeTable, Network, from_degrees
from gis.network.edge_facts import HeightColumns, TagColumns, facts_of, with_heights
from gis.network.edge_flags import EdgeFlags
from gis.network.edit_draft import EditedNetwork, apply_edits
from gis.network.edits import EditSet, find_edits, read_edits

# Classes of street that are public outside walls; lanes of compounds are
# service or footway.
PUBLIC_STREET_CLASSES = (
    "residential",
    "unclassified",
    "tertiary",
    "secondary",
    "primary",
    "trunk",
    "tertiary_link",
    "secondary_link",
    "primary_link",
    "trunk_link",
)
# kinds of edge that connect nothing: a part of only these is an island
ISLAND_KINDS = ("plaza", "across", "platform", "pier", "link")
MAX_LOADED = 3  # networks of a map in memory: as it is, and with the edits of some moments
# by map, then by edits; a process that serves several counties keeps the map of each
_loaded: OrderedDict[str, OrderedDict[str, EditedNetwork]] = OrderedDict()
_max_maps = 1
_lock = threading.Lock()


def keep_maps(count: int) -> None:
    """Keep the networks of so many maps, where one process serves several databases."""
    global _max_maps
    _max_maps = count


def load_network(session: Session, at: datetime | None = None) -> Network:
    """Return the stored network with the edits in force, cached until another is stored.

    Parameters
    ----------
    at
        The moment whose edits count; None means now.

    Raises
    ------
    Unavailable
        No network is stored, or all of it is closed.
    """
    return load_edited(session, find_edits(session, at)).network


def load_edited(session: Session, edits: EditSet) -> EditedNetwork:
    """Return the stored network with edits, and which of them do not fit.

    Raises
    ------
    Unavailable
        The edits close all of it.
    """
    with _lock:
        if edits.base not in _loaded:
            while len(_loaded) >= _max_maps:
                _loaded.popitem(last=False)
            plain = EditedNetwork(_read(session, edits.base), (), {})
            _loaded[edits.base] = OrderedDict({edits.base: plain})
        _loaded.move_to_end(edits.base)
        of_map = _loaded[edits.base]
        if edits.version not in of_map:
            of_map[edits.version] = apply_edits(
                of_map[edits.base].network, read_edits(session, edits.ids), edits.version
            )
            while len(of_map) > MAX_LOADED:
                del of_map[next(name for name in of_map if name != edits.base)]
        of_map.move_to_end(edits.version)
        return of_map[edits.version]


def _read(session: Session, version: str) -> Network:
    node_ids, x, y, at_edge, height = _columns(
        session,
        "SELECT id, ST_X(geom), ST_Y(geom), at_edge_of_data, height_m FROM walk_node ORDER BY id",
    )
    u, v, length, wkb, kind, structure, ends, steps, rise, fall, steepest, *tags = _columns(
        session,
        "SELECT u, v, length_m, ST_AsBinary(geom), kind, structure, ends, steps,"
        " rise_m, fall_m, steepest_pct,"
        " step_count, incline_pct, width_m, surface, kerb, wheelchair, crossing, hours"
        " FROM walk_edge ORDER BY id",
    )
    (walls,) = _columns(session, "SELECT ST_AsBinary(geom) FROM walk_wall ORDER BY id")
    ids, metres = np.array(node_ids, np.int64), np.array(length, float)
    network = from_degrees(
        version,
        np.column_stack([np.array(x, float), np.array(y, float)]),
        EdgeTable(
            np.searchsorted(ids, np.array(u, np.int64)),
            np.searchsorted(ids, np.array(v, np.int64)),
            metres,
            shapely.from_wkb([bytes(value) for value in wkb]),
        ),
        flags=EdgeFlags(
            ends=np.array(ends, bool),
            street=~np.isin(np.array(kind, np.str_), ISLAND_KINDS),
            ground=np.array(structure, np.str_) == "",
            road=np.isin(np.array(kind, np.str_), PUBLIC_STREET_CLASSES),
        ),
        walls=shapely.from_wkb(np.array([bytes(value) for value in walls], object)),
        facts=with_heights(
            facts_of(kind, steps, TagColumns(*tags)), HeightColumns(rise, fall, steepest), metres
        ),
        at_edge=np.flatnonzero(np.array(at_edge, bool)),
    )
    return replace(network, height=np.array(height, float))


def _columns(session: Session, query: str) -> list[tuple[Any, ...]]:
    rows = session.execute(text(query)).all()
    return (
        list(zip(*rows, strict=True)) if rows else [()] * (query.split(" FROM ")[0].count(", ") + 1)
    )
