"""Peers in processes and languages of their own: Valhalla, and a Dijkstra in C."""

import ctypes
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import osmium
import shapely

from gis.network.build import Floats, Network, SnappedPoints
from tests.bench.city import City

HERE = Path(__file__).parent


class PeerMissing(Exception):
    """A peer cannot be measured in this run; the message says why."""


class Valhalla:
    """Valhalla in an environment of its own, with tiles of a city."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def circle(self, lon: float, lat: float, minutes: float, speed_m_s: float) -> tuple[float, Any]:
        """Return the seconds of CPU and the polygon, in degrees, of one time contour."""
        assert self._process.stdin
        assert self._process.stdout
        print(lon, lat, minutes, speed_m_s * 3.6, file=self._process.stdin, flush=True)
        spent, text = json.loads(self._process.stdout.readline())
        geometry = json.loads(text)["features"][0]["geometry"]
        return spent, shapely.from_geojson(json.dumps(geometry))


@contextmanager
def valhalla(folder: Path, town: City) -> Iterator[Valhalla]:
    """Start Valhalla on a city.

    Raises
    ------
    PeerMissing
        `./wangge bench` has made no environment for it, or it cannot build its tiles.
    """
    python = os.environ.get("BENCH_VALHALLA")
    if not python:
        raise PeerMissing("no Python 3.12 or later is on PATH to make its environment with")
    extract = folder / "city.osm.pbf"
    write_osm(extract, town)
    tiles = folder / "valhalla"
    tiles.mkdir()
    arguments = [python, "-P", "-s", str(HERE / "valhalla_peer.py"), str(tiles), str(extract)]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
    ) as process:
        assert process.stdout
        if process.stdout.readline() != "ready\n":
            raise PeerMissing("it could not build its tiles")
        yield Valhalla(process)
        assert process.stdin
        process.stdin.close()


def write_osm(path: Path, town: City) -> None:
    """Write a city as an extract of OpenStreetMap, each street a residential way."""
    with osmium.SimpleWriter(str(path)) as writer:
        for number, location in enumerate(town.nodes.tolist(), 1):
            writer.add_node(osmium.osm.mutable.Node(id=number, location=location, version=1))
        for number, ends in enumerate(np.column_stack([town.u, town.v]).tolist(), 1):
            writer.add_way(
                osmium.osm.mutable.Way(
                    id=number,
                    nodes=[end + 1 for end in ends],
                    tags={"highway": "residential"},
                    version=1,
                )
            )


class _Places(ctypes.Structure):
    """The structure `Places` of dijkstra.c."""

    _fields_ = (
        ("edge", ctypes.c_void_p),
        ("offset", ctypes.c_void_p),
        ("leg", ctypes.c_void_p),
        ("count", ctypes.c_int64),
    )

    def __init__(self, points: SnappedPoints) -> None:
        columns = (
            np.ascontiguousarray(points.edge, np.int32),
            np.ascontiguousarray(points.offset, float),
            np.ascontiguousarray(points.leg, float),
        )
        super().__init__(*(column.ctypes.data for column in columns), len(points))
        self.columns = columns  # what the addresses point to must live as long


class CDijkstra:
    """The Dijkstra of dijkstra.c on a network without private ways."""

    def __init__(self, library: ctypes.CDLL, network: Network) -> None:
        graph = network.graph
        self._label = library.label
        self._columns = [
            graph.indptr.astype(np.int32),
            graph.indices.astype(np.int32),
            graph.data.astype(float),
            network.u.astype(np.int32),
            network.v.astype(np.int32),
            network.length.astype(float),
        ]
        sizes = [ctypes.c_int64(len(network.nodes)), ctypes.c_int64(len(network.lines))]
        self._network = [*sizes, *(ctypes.c_void_p(item.ctypes.data) for item in self._columns)]

    @staticmethod
    def places(points: SnappedPoints) -> _Places:
        """Return points as `label` takes them."""
        return _Places(points)

    def label(self, sources: _Places, places: _Places, limit: float) -> Floats:
        """Return the metres from places to their nearest source; infinite beyond the limit."""
        result = np.empty(places.count)
        arguments = (ctypes.byref(sources), ctypes.byref(places), ctypes.c_double(limit))
        if self._label(*self._network, *arguments, ctypes.c_void_p(result.ctypes.data)):
            raise MemoryError
        return result


def c_dijkstra(folder: Path, network: Network) -> CDijkstra:
    """Compile dijkstra.c.

    Raises
    ------
    PeerMissing
        There is no compiler, or it fails.
    """
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise PeerMissing("no C compiler is on PATH")
    library = folder / "dijkstra.so"
    arguments = [
        compiler,
        "-O3",
        "-march=native",
        "-shared",
        "-fPIC",
        "-o",
        library,
        HERE / "dijkstra.c",
        "-lm",
    ]
    if subprocess.run([str(word) for word in arguments]).returncode:
        raise PeerMissing("the C compiler failed")
    return CDijkstra(ctypes.CDLL(str(library)), network)
