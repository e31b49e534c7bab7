"""Tiles of the newest data, kept as they were drawn and packed, for whoever asks next."""

import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from threading import Lock
from typing import Any, NamedTuple

from flask import current_app

from layers.overview import data_version
from web.http.compression import encode
from web.http.db import session

KEPT_BYTES = 32 * 1024 * 1024  # of tiles, in each worker
MAX_KEPT_TILES = 20_000  # empty ones are without end
VERSION_S = 2.0  # seconds for which the version of the data is not read again


class Tile(NamedTuple):
    """A tile as it is sent. encoding: How its body is packed; empty: as it is."""

    body: bytes
    encoding: str
    etag: str


class KeptTiles:
    """The tiles last asked for, of one version of the data.

    Only for addresses that name this version, which browsers keep for good as well; and for the
    application's own sessions, not for those of tests.
    """

    def __init__(self, session_factory: Any) -> None:
        self.session_factory = session_factory
        self.lock = Lock()
        self.version = ""
        self.read_again_at = 0.0
        self.tiles: OrderedDict[tuple[str, str], Tile] = OrderedDict()
        self.kept_bytes = 0

    def get(self, address: str, version: str, encoding: str, draw: Callable[[], bytes]) -> Tile:
        """Return a tile, drawn where it is not kept.

        Parameters
        ----------
        address
            What is drawn: layers, tile and moment.
        version
            Of the data, as the address names it; empty: none.
        encoding
            The best that the client accepts; empty: none.
        """
        if not version or version != self._current():
            return _pack(draw(), encoding)
        key = address, encoding
        with self.lock:
            if key in self.tiles:
                self.tiles.move_to_end(key)
                return self.tiles[key]
        tile = _pack(draw(), encoding)
        with self.lock:
            if version == self.version and key not in self.tiles:
                self.tiles[key] = tile
                self.kept_bytes += len(tile.body)
                while self.kept_bytes > KEPT_BYTES or len(self.tiles) > MAX_KEPT_TILES:
                    _, oldest = self.tiles.popitem(last=False)
                    self.kept_bytes -= len(oldest.body)
        return tile

    def _current(self) -> str:
        """Return the version of the data, VERSION_S old at most; empty: keep nothing (tests)."""
        if current_app.config["SESSION_FACTORY"] is not self.session_factory:
            return ""
        now = time.monotonic()
        if now >= self.read_again_at:
            version = data_version(session())  # before the tile is drawn, which may only be newer
            with self.lock:
                if version != self.version:
                    self.version, self.kept_bytes = version, 0
                    self.tiles.clear()
                self.read_again_at = now + VERSION_S
        return self.version


def _pack(data: bytes, encoding: str) -> Tile:
    etag = sha256(data).hexdigest()[:20] if data else ""
    return Tile(*encode(data, encoding), etag)


def kept_tiles() -> KeptTiles:
    """Return the kept tiles of the application."""
    kept: KeptTiles = current_app.extensions["tiles"]
    return kept
