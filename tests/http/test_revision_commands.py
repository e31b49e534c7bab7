"""Boundary drafts from the command line, on a deployment of its own."""

import json

import pyogrio
import pytest

from gis.ops import cluster
from gis.settings import Settings
from tests.support.served import Deployment

A, B = "520402007012004", "520402007012005"


@pytest.fixture
def town(prepared):
    with prepared.demo() as var:
        cluster.start(Settings(var=var), throw_away=True)
        yield Deployment(var)


def said(done):
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_draft_from_the_first_word_to_the_taking_back(town, tmp_path):
    number = said(town.run_inside("revision", "begin", "春季调整"))
    op = tmp_path / "merge.json"
    op.write_text(json.dumps({"op": "merge", "codes": [A, B], "into": A}))
    assert said(town.run_inside("revision", "do", number, op)) == f"step 1: {A}, {B}"
    look = said(town.run_inside("revision", "preview", number, "--xlsx", tmp_path / "look.xlsx"))
    assert f"{B} 西兴第5网格 (gone)" in look and (tmp_path / "look.xlsx").stat().st_size > 5000
    assert (
        json.loads(said(town.run_inside("revision", "preview", number, "--json")))["totals"][
            "grids"
        ]
        == 2
    )
    refused = town.run_inside("revision", "publish", number, "--reason", " ")
    assert refused.returncode == 1 and "reason" in refused.stderr
    assert "holds from" in said(
        town.run_inside("revision", "publish", number, "--reason", "人口外迁")
    )
    again = town.run_inside("revision", "publish", number, "--reason", "再来")
    assert again.returncode == 1 and "is published" in again.stderr
    back = said(town.run_inside("revision", "revert", number))
    said(town.run_inside("revision", "publish", back, "--reason", "撤销"))
    listed = json.loads(said(town.run_inside("revision", "list", "--json")))
    assert [(feature["id"], feature["state"]) for feature in listed[:2]] == [
        (int(back), "published"),
        (int(number), "published"),
    ]

    file = tmp_path / "grids.gpkg"
    said(town.run_inside("dump", "grids", file, "--within", "520402007012"))
    assert set(pyogrio.read_dataframe(file).code.str[:12]) == {"520402007012"}
    assert "no draft was made" in said(town.run_inside("revision", "from-file", file))
    grids = pyogrio.read_dataframe(file)
    pyogrio.write_dataframe(
        grids.assign(geometry=grids.geometry.translate(3e-5, 0)), tmp_path / "moved.gpkg"
    )
    torn = town.run_inside(
        "revision", "from-file", tmp_path / "moved.gpkg", "--torn", tmp_path / "torn.geojson"
    )
    assert torn.returncode == 1 and "refused; no draft was made" in torn.stderr
    assert {
        feature["properties"]["kind"]
        for feature in json.loads((tmp_path / "torn.geojson").read_text())["features"]
    } >= {"overlap"}
