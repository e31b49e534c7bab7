"""What each edge of a walking network is, as far as it decides who walks there and from where."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from gis.network.snapping import Bools, Ints


@dataclass(frozen=True)
class EdgeFlags:
    """What is so of every edge; arrays of the length of the edges.

    Attributes
    ----------
    ends
        It is open only to those who start or end on it or behind it.
    street
        It is a street or path rather than an edge of a platform or plaza.
    ground
        It is on the ground rather than a bridge, tunnel or another storey.
    road
        Its class leads through a town, unlike a lane or path (`PUBLIC_STREET_CLASSES`).
    """

    ends: Bools
    street: Bools
    ground: Bools
    road: Bools

    @classmethod
    def plain(cls, count: int) -> Self:
        """Return the flags of public paths on the ground."""
        none, every = np.zeros(count, bool), np.ones(count, bool)
        return cls(none, every, every, none)

    def grown(self, count: int) -> "EdgeFlags":
        """Return the flags with those of more edges, public paths on the ground, at the end."""
        added = EdgeFlags.plain(count)
        return EdgeFlags(
            np.concatenate([self.ends, added.ends]),
            np.concatenate([self.street, added.street]),
            np.concatenate([self.ground, added.ground]),
            np.concatenate([self.road, added.road]),
        )

    def select(self, edges: Ints | Bools) -> "EdgeFlags":
        """Return the flags of some edges, by number or by whether each is one of them."""
        return EdgeFlags(self.ends[edges], self.street[edges], self.ground[edges], self.road[edges])
