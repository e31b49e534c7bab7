"""The demo: from nothing to an answer, twice, from real files, and never over somebody's work."""

import json

import psycopg
import pytest

from gis.ops import cluster
from gis.settings import ROOT, Settings
from tests.support.served import Deployment


def test_a_made_up_town_is_there_twice_and_not_over_somebody_s_work(own_var, monkeypatch):
    monkeypatch.setattr("web.cli.demo.DEFAULT_INCIDENTS", 20)
    deployment = Deployment(own_var)
    completed = deployment.run_inside("demo", "--no-serve", "--households", "600")
    assert completed.returncode == 0, completed.stderr
    completed_command = deployment.run_inside(
        "locate", "105.9440", "26.2255", "--crs", "cgcs2000", "--json"
    )
    assert completed_command.returncode == 0, completed_command.stderr
    answer = json.loads(completed_command.stdout)
    assert [area["level"] for area in answer["areas"]][:4] == [
        "county",
        "street",
        "community",
        "grid",
    ]
    assert any(person["name"] for person in answer["people"])
    again = deployment.run_inside("demo", "--no-serve", "--households", "600")
    assert again.returncode == 0 and "already here" in again.stderr
    other = deployment.run_inside("demo", "--no-serve", "--households", "700")
    assert other.returncode == 0 and "replacing the data of another demo" in other.stderr
    addresses = cluster.start(Settings(var=own_var))
    with psycopg.connect(addresses.app) as connection:
        assert connection.execute("SELECT count(*) FROM household").fetchone() == (700,)
        connection.execute("SELECT set_config('wangge.who', '规划员', true)")
        connection.execute("UPDATE area SET name = '改过的名字' WHERE level = 'county'")
    refused = deployment.run_inside("demo", "--no-serve", "--households", "600")
    assert refused.returncode == 1
    assert "规划员" in refused.stderr and "WANGGE_VAR" in refused.stderr
    with psycopg.connect(addresses.app) as connection:
        assert connection.execute("SELECT count(*) FROM household").fetchone() == (700,)


@pytest.mark.shared
def test_a_real_extract_and_real_grids_become_a_neighbourhood_that_answers(migrated_var, shared):
    addresses = cluster.start(Settings(var=migrated_var), throw_away=True)
    deployment = Deployment(migrated_var)
    done = deployment.load_extract(shared / "beijing_cau_2026")
    assert done.returncode == 0, done.stderr
    wgs84 = json.loads(
        deployment.run_inside("locate", "116.3500", "40.0030", "--crs", "wgs84", "--json").stdout
    )
    # the same place as WeChat would send it (shifted by the published formula)
    gcj02 = json.loads(
        deployment.run_inside(
            "locate", "116.356166", "40.004348", "--crs", "gcj02", "--json"
        ).stdout
    )
    assert wgs84["areas"] == gcj02["areas"]
    assert wgs84["areas"][-1]["code"] == "110108900002002"
    with psycopg.connect(addresses.app) as connection:
        homes, units, holders, circles = connection.execute("""
            SELECT (SELECT count(*) FROM household), (SELECT count(*) FROM area
                WHERE level = 'unit'),
                   (SELECT count(*) FROM post WHERE role = 'grid_leader'), (SELECT count(*)
                       FROM service_circle)""").fetchone()
        assert homes > 1000 and units > 60 and holders == 9 and circles > 300
        assert connection.execute(
            "SELECT bool_or(made_up), string_agg(attribution, ' ') FROM dataset"
        ).fetchone()[0]
        sizes = connection.execute("""
            SELECT min(n), max(n), avg(n)::float FROM (SELECT count(*) n FROM household
                GROUP BY unit_id) t""").fetchone()
        assert 13 <= sizes[2] <= 19 and sizes[1] <= 28


@pytest.mark.parametrize(
    "arguments", [("--osm", ROOT / "pyproject.toml"), ("--areas", ROOT / "pyproject.toml")]
)
def test_one_file_without_the_other_is_wrong_usage(own_var, arguments):
    done = Deployment(own_var).run_inside("demo", *arguments)
    assert done.returncode == 2 and "both" in done.stderr
