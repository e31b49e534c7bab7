"""Walking profiles from outside: the API, circles by profile, and the command."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from shapely.geometry import shape
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.demo.generate import generate_town
from gis.network import profile_table
from gis.network.profiles import PROFILES, QUANTITIES, default_rows


def test_everybody_reads_the_profiles_with_their_sources(
    client: FlaskClient, session: Session
) -> None:
    answer = client.get("/api/v1/profiles").get_json()
    assert answer["edition"] == profile_table.active_edition_id(session)
    assert [profile["name"] for profile in answer["profiles"]] == list(PROFILES)
    assert [profile["zh"] for profile in answer["profiles"]] == [
        "成年人",
        "老年人",
        "儿童",
        "轮椅使用者",
    ]
    values = [value for profile in answer["profiles"] for value in profile["values"]]
    assert len(values) == len(default_rows())
    assert all(value["unit"] and value["source"] for value in values)
    assert {value["quantity"] for value in values} <= set(QUANTITIES)
    rows = [*default_rows(), default_rows()[0]._replace(profile="toddler", value=0.4)]
    profile_table.load(session, rows, "own.csv")
    later = client.get("/api/v1/profiles").get_json()
    assert later["edition"] > answer["edition"]
    assert (later["profiles"][-1]["zh"], later["profiles"][-1]["en"]) == ("toddler", "toddler")


def test_the_circle_of_every_profile_is_answered(client: FlaskClient, session: Session) -> None:
    generate_town(session, households=500)
    code = session.scalar(text("SELECT code FROM facility WHERE category = 'clinic' LIMIT 1"))
    answers = {}
    for name in PROFILES:
        response = client.get(f"/api/v1/facilities/{code}/circle?minutes=10&profile={name}")
        (feature,) = response.get_json()["features"]
        assert response.status_code == 200
        assert feature["properties"]["profile"] == name
        assert feature["properties"]["speed"] == PROFILES[name].speed_m_s
        answers[name] = feature["properties"]["people"], shape(feature["geometry"]).area
    adult = answers.pop("adult")
    assert all(0 < people <= adult[0] and area < adult[1] for people, area in answers.values())


def test_the_command_shows_dumps_and_loads(
    session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from web.cli import profiles as command

    @contextmanager
    def scope(reason: str = "") -> Iterator[Session]:
        yield session

    monkeypatch.setattr(command, "session_scope", scope)
    monkeypatch.setattr("web.cli.editions.session_scope", scope)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(command.command, [*arguments])

    displayed = run("show").output
    assert "elder 老年人" in displayed and "  speed_m_s 0.8 m/s (Asher" in displayed
    edition = json.loads(run("show", "--json").output)
    assert len(edition["rows"]) == len(default_rows())
    file = tmp_path / "profiles.xlsx"
    assert f"{len(default_rows())} rows" in run("dump", str(file)).output
    assert "all right" in run("check", str(file)).output
    assert "nothing to do" in run("load", str(file), "--commit").output
    rows = [row._replace(value=1.3) if row[0] == "adult" else row for row in default_rows()]
    profile_table.dump(rows, file)
    assert "is in force" in run("load", str(file), "--commit").output
    assert profile_table.find_profile(session, "adult").speed_m_s == 1.3
    bad = tmp_path / "bad.csv"
    bad.write_text("profile,quantity,value,unit,source,note\nelder,speed_m_s,-1,m/s,own,\n")
    assert run("check", str(bad)).exit_code != 0
