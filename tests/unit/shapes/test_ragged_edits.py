"""Outlines of 10,000 vertices: every operation is done, whole, or refused in words, in two seconds
of work.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import shapely

from gis.boundaries.difference import transferred_pieces
from gis.errors import InvalidInput
from gis.shapes import edits, measure, polygon_coverage
from gis.shapes.edits import ChangedGeometries, GridGeometries
from tests.support import ragged
from tests.support.machine import slowdown

SLOWEST = 2.0  # seconds of work; other programs on the machine do not count
STRAIGHT, RAGGED = ragged.squares(), ragged.base()
CORNER = tuple(RAGGED["b"].exterior.coords[4_000])

DRAWN: dict[str, tuple[GridGeometries, Callable[[GridGeometries], ChangedGeometries]]] = {
    **{
        f"transfer {name}": (
            STRAIGHT,
            lambda lands, name=name: edits.transfer(
                lands, ragged.ring(name, 300, 300), "c", islands=True
            ),
        )
        for name in ragged.RINGS
    },
    **{
        f"reshape {name}": (
            STRAIGHT,
            lambda lands, name=name: edits.reshape(
                lands, "b", ragged.ring(name, 450, 300), islands=True
            ),
        )
        for name in ("river", "saw", "spiral")
    },
    **{
        f"add {name}": (
            STRAIGHT,
            lambda lands, name=name: edits.add(lands, "z", ragged.ring(name, 900, 300)),
        )
        for name in ("river", "spiral", "saw", "comb")
    },
    "transfer on ragged": (
        RAGGED,
        lambda lands: edits.transfer(lands, ragged.ring("spiral", 150, 300), "c", islands=True),
    ),
    "split": (RAGGED, lambda lands: edits.split(lands, "b", line=ragged.path(450))),
    "split along the border": (
        RAGGED,
        lambda lands: edits.split(lands, "b", line=ragged.path(305)),
    ),
    "move_border": (RAGGED, lambda lands: edits.move_border(lands, "a", "b", ragged.path(280))),
    "move_border over the old one": (
        RAGGED,
        lambda lands: edits.move_border(lands, "a", "b", ragged.path(300)),
    ),
    "merge": (RAGGED, lambda lands: edits.merge(lands, ["a", "b"], "a")),
    "retire": (RAGGED, lambda lands: edits.retire(lands, "b", give_to="a")),
    "move_vertex": (
        RAGGED,
        lambda lands: edits.move_vertex(lands, CORNER, (CORNER[0] + 3e-7, CORNER[1] + 2e-7)),
    ),
}
REFUSED = ("scribble", "eight", "doubled", "along", "over the old")
DONE = (
    "transfer river",
    "transfer star",
    "transfer spiral",
    "split",
    "move_border",
    "merge",
    "retire",
    "move_vertex",
    "add river",
)


@pytest.mark.parametrize("name", DRAWN)
def test_ten_thousand_vertices_are_cut_or_refused_in_bounded_time(name):
    lands, work = DRAWN[name]
    begin = time.process_time()
    try:
        changed: dict[str, Any] | None = work(lands)
    except InvalidInput as refused:
        changed = None
        assert name not in DONE and len(refused.detail) > 20
    assert time.process_time() - begin < SLOWEST * slowdown()
    if changed is not None:
        assert not any(word in name for word in REFUSED)
        new = [shape for shape in (lands | changed).values() if shape is not None]
        assert polygon_coverage.is_valid(new)
        lost = shapely.difference(
            polygon_coverage.dissolve(list(lands.values())), polygon_coverage.dissolve(new)
        )
        assert lost.area < 1e-12


def test_what_moves_is_found_in_bounded_time():
    changed = edits.transfer(STRAIGHT, ragged.ring("star", 300, 300), "c", islands=True)
    new = {code: shape for code, shape in (STRAIGHT | changed).items() if shape is not None}
    begin = time.process_time()
    pieces = transferred_pieces(STRAIGHT, new, sorted(changed))
    assert time.process_time() - begin < SLOWEST / 2 * slowdown()
    assert {(start, end) for start, end, _ in pieces} == {("a", "c"), ("b", "c")}
    gained = new["c"].area - STRAIGHT["c"].area
    assert sum(land.area for *_, land in pieces) == pytest.approx(gained, rel=1e-6)


@pytest.mark.parametrize("name", ragged.RINGS)
def test_a_width_is_compared_with_a_limit_as_the_largest_circle_says(name):
    shape = (
        shapely.make_valid(ragged.ring(name, 0, 0))
        if name not in ("scribble", "doubled")
        else ragged.ring("star", 5, 5)
    )
    flat = measure.to_local_metres(np.array([shape]), latitude=26.23)[0]
    wide = 2 * max(
        shapely.length(shapely.maximum_inscribed_circle(part, tolerance=0.01))
        for part in shapely.get_parts(flat)
        if part.area > 1
    )
    result = measure.wider(np.array([shape, shape, shape]), 1.0)
    assert result.all() == (wide >= 1.0)
    assert measure.inscribed_diameters_m(np.array([shape]))[0] == pytest.approx(wide, rel=0.1)
