"""Every row of ./wangge bench runs on toy sizes and gives sane figures."""

import math
from subprocess import CompletedProcess

import numpy as np
import pytest
import shapely

from gis.settings import Settings
from tests.bench import city, grids, http
from tests.bench.__main__ import APART, ROWS
from tests.bench.coverage import mislabelled
from tests.bench.rows import Figure, Reach, Row, markdown
from web.cli.bench import NAMES


@pytest.mark.parametrize("name", ROWS)
def test_a_row_measures_something_on_a_toy_size(name, migrated_var):
    row = ROWS[name](Settings(var=migrated_var), True)
    assert row.name == name
    assert all(
        math.isfinite(item.value) and item.value > 0 and item.runs > 0
        for item in [row.ours, *row.peers]
    )
    assert row.peers
    assert row.reaches
    assert row.job in markdown([row], [], 0)
    expected = {"circle": "F1 0.99", "coverage": "0 of 2,000 labels wrong", "bulk": "2,000 located"}
    assert row.ours.more.startswith(expected.get(name, ""))
    assert "bad answers" not in row.ours.more


def test_a_turn_in_which_nothing_was_answered_is_taken_again_for_longer(monkeypatch):
    turns = []

    def run(arguments, **_):
        turns.append(next(word for word in arguments if word.startswith("-d")))
        rate = 7.5 if len(turns) == 3 else 0.0
        output = f"50%    1.00ms\n99%    2.00ms\nRequests/sec:   {rate:.2f}\n"
        return CompletedProcess(arguments, 0, output)

    monkeypatch.setattr("tests.bench.http.subprocess.run", run)
    assert http.by_wrk(1, ["/"], 1) == http.Load(7.5, 1.0, 2.0, 0)
    assert turns == ["-d1s", "-d2s", "-d4s"]


def test_the_command_knows_every_row():
    assert (*ROWS, *APART) == NAMES


def test_a_wrong_label_is_counted():
    network = city.make(8).network
    rng = np.random.default_rng(0)
    source, places = (network.snap_degrees(*city.make(8).places(rng, count).T) for count in (1, 50))
    nothing = np.full(50, np.inf)
    assert mislabelled(network, source, places, nothing) > 0


def test_grids_of_the_lattice_are_a_coverage_on_the_precision():
    shapes = grids.lattice(5, 4)
    assert len(shapes) == 20
    assert shapely.is_valid(shapes).all()
    assert shapely.coverage_is_valid(shapes)
    points = shapely.get_coordinates(shapes)
    assert np.array_equal(points, points.round(7))


@pytest.mark.parametrize(("more_is_better", "ratio"), [(False, 2.0), (True, 0.5)])
def test_a_ratio_above_one_means_ours_is_better(more_is_better, ratio):
    row = Row(
        "x",
        "x",
        "x",
        "ms",
        Figure("ours", 2, 1),
        [Figure("peer", 4, 1)],
        [Reach("x", True)],
        more_is_better,
    )
    assert row.ratio(row.peers[0]) == ratio
