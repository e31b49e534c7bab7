"""Steps of planners over HTTP, on the served pilot: done or refused in words, in two seconds, and
no land is lost.
"""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import shapely

from gis.ops import cluster
from gis.settings import Settings
from gis.shapes.polygon_coverage import dissolve
from tests.support.deployment import SHARED, PreparedDeployments
from tests.support.machine import slowdown
from tests.support.served import Deployment, Reply, serving

CASES = SHARED.parent / "cases" / "editor"
COUNTY = "520402"
# seconds; two on a quiet machine (tests/unit/shapes/test_ragged_edits.py counts the time of the
# processor)
SLOWEST = 6.0
LAST = "equal_planned_moments.json"  # plans merges on the grids that other cases use
NAMES = (
    sorted((path.name for path in CASES.glob("*.json")), key=lambda name: (name == LAST, name))
    if CASES.is_dir()
    else []
)


@pytest.fixture(scope="module")
def pilot(prepared: PreparedDeployments) -> Iterator[Deployment]:
    """A pilot of its own, which the steps may change."""
    with prepared.demo() as var:
        town = Deployment(var)
        cluster.start(Settings(var=var), throw_away=True)
        rights = ("--action", "boundary.draft", "--action", "boundary.publish", "--area", COUNTY)
        completed = town.run_inside("key", "add", "planner", *rights, "--per-minute", "100000")
        key = re.search(r"wg_\S+", completed.stdout)
        assert key is not None, completed.stderr
        with serving(var, "--no-jobs") as url:
            yield replace(town, url=url, key=key[0])


def steps(pilot: Deployment, path: Path) -> list[Reply]:
    """The answers to the steps of a file, in order; a file of one operation gets a draft first."""
    payload = json.loads(path.read_text())
    if isinstance(payload, dict):
        payload = [
            {"POST": "/api/v1/revisions", "json": {"title": path.stem}, "keep": "draft"},
            {"POST": "/api/v1/revisions/{draft}/operations", "json": payload},
            {"POST": "/api/v1/revisions/{draft}/withdraw"},
        ]
    names: dict[str, Any] = {}
    answers = []
    for step in payload:
        begin = time.perf_counter()
        answers.append(pilot.ask(step["POST"].format(**names), step.get("json", {}), method="POST"))
        assert time.perf_counter() - begin < SLOWEST * slowdown(), step
        assert answers[-1].status < 500, answers[-1].body
        if "keep" in step:
            names[step["keep"]] = answers[-1].json()["id"]
    return answers


@pytest.mark.shared
@pytest.mark.parametrize("name", NAMES)
def test_each_case_is_right(pilot: Deployment, name: str) -> None:
    old_covered = covered(pilot)
    answers = steps(pilot, CASES / name)
    assert covered(pilot).symmetric_difference(old_covered).area < 1e-11
    if name == "two_drafts_one_code.json":
        assert [answer.status for answer in answers[:3]] == [201, 201, 201]
        assert (
            answers[4].status == 200
            and answers[3].status in (409, 422)
            and answers[5].status in (409, 422)
        )
        assert "520402100001090" in answers[3].json()["detail"]
    if name == "equal_planned_moments.json":
        assert [answer.status for answer in answers] == [201, 201, 200, 201, 201, 200]
    if name == "revert_twice.json":
        assert [answer.status for answer in answers] == [
            201,
            201,
            200,
            201,
            201,
            200,
            201,
            200,
            201,
            200,
        ]


def covered(pilot: Deployment) -> Any:
    """The land of all grids."""
    out = pilot.var / "grids.geojson"
    assert pilot.run_inside("dump", "grids", out).returncode == 0
    return dissolve(
        [
            shapely.geometry.shape(feature["geometry"])
            for feature in json.loads(out.read_text())["features"]
        ]
    )
