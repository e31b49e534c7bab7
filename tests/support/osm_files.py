"""Maker of tiny .osm files whose answer you can see in your head.

Places are given in steps of 0.001 degrees (about 100 m) from 105.95 E, 26.23 N.
"""

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

LON, LAT, STEP = 105.95, 26.23, 0.001
Point = tuple[float, float]


def degrees(x: float, y: float) -> Point:
    """A place in steps as longitude and latitude, rounded as OSM rounds."""
    return round(LON + x * STEP, 7), round(LAT + y * STEP, 7)


class OsmFile:
    """An OSM file in the making; ids run from 1 for each kind of object."""

    def __init__(self) -> None:
        self._nodes: dict[int, str] = {}
        self._ways: dict[int, str] = {}
        self._relations: dict[int, str] = {}
        self._at: dict[Point, int] = {}
        self.box: tuple[Point, Point] | None = None  # lower left and upper right, in steps

    def node(self, x: float, y: float, tags: dict[str, str] | None = None, **extra: str) -> int:
        """A new node; two nodes may have one place."""
        number = len(self._nodes) + 1
        lon, lat = degrees(x, y)
        body = _tags({**(tags or {}), **extra})
        self._nodes[number] = (
            f'<node id="{number}" version="1" lat="{lat:.7f}" lon="{lon:.7f}">{body}</node>'
        )
        self._at.setdefault((x, y), number)
        return number

    def way(
        self, nodes: Sequence[int | Point], tags: dict[str, str] | None = None, **extra: str
    ) -> int:
        """A new way through nodes, or through places (one node a place, shared by all
        ways there).
        """
        number = len(self._ways) + 1
        refs = [
            node if isinstance(node, int) else self._at.get(node) or self.node(*node)
            for node in nodes
        ]
        body = "".join(f'<nd ref="{ref}"/>' for ref in refs) + _tags({**(tags or {}), **extra})
        self._ways[number] = f'<way id="{number}" version="1">{body}</way>'
        return number

    def square(
        self, x: float, y: float, size: float, tags: dict[str, str] | None = None, **extra: str
    ) -> int:
        """A closed way, its lower left corner at (x, y)."""
        corners = [(x, y), (x + size, y), (x + size, y + size), (x, y + size), (x, y)]
        return self.way(corners, tags, **extra)

    def relation(
        self, members: Sequence[tuple[int, str]], tags: dict[str, str] | None = None, **extra: str
    ) -> int:
        """A new multipolygon of (way, role)."""
        number = len(self._relations) + 1
        body = "".join(f'<member type="way" ref="{way}" role="{role}"/>' for way, role in members)
        body += _tags({"type": "multipolygon", **(tags or {}), **extra})
        self._relations[number] = f'<relation id="{number}" version="1">{body}</relation>'
        return number

    def without_node(self, number: int) -> "OsmFile":
        """Forget a node that ways still name, as at the edge of an extract."""
        del self._nodes[number]
        return self

    def _bounds(self) -> str:
        if self.box is None:
            return ""
        (west, south), (east, north) = (degrees(*corner) for corner in self.box)
        return f'<bounds minlon="{west}" minlat="{south}" maxlon="{east}" maxlat="{north}"/>\n'

    def write(self, path: Path) -> Path:
        """Write it as .osm XML, sorted."""
        parts = (*self._nodes.values(), *self._ways.values(), *self._relations.values())
        path.write_text(
            '<?xml version="1.0" encoding="UTF-8"?>\n<osm version="0.6" generator="test">\n'
            + self._bounds()
            + "\n".join(parts)
            + "\n</osm>\n",
            encoding="utf-8",
        )
        return path


def _tags(tags: dict[str, str]) -> str:
    return "".join(f"<tag k={quoteattr(key)} v={quoteattr(value)}/>" for key, value in tags.items())
