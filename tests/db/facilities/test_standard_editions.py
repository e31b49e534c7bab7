"""Editions of the table of standards: the newest is in force, none is changed, edits stay."""

from dataclasses import replace

from click.testing import CliRunner
from sqlalchemy import text

from gis.facilities import standard_editions, standards
from web.cli import standards as command


def test_the_default_is_loaded_and_another_edition_takes_its_place(session):
    default, _ = standards.parse(standards.STANDARDS_CSV)
    assert standard_editions.active_rows(session) == tuple(default)
    assert standard_editions.EDITIONS.load(session, default, "again.csv") is None
    changed = [replace(default[0], metres=900), *default[1:]]
    new_id = standard_editions.EDITIONS.load(session, changed, "ours.xlsx", "somebody")
    assert standard_editions.EDITIONS.active_id(session) == new_id
    assert standard_editions.active_rows(session, "15")[0].metres == 900
    # what somebody edited stays when the code comes with another default
    standard_editions.EDITIONS.fill(session.connection())
    assert standard_editions.EDITIONS.active_id(session) == new_id


def test_an_earlier_default_gives_way(session):
    default, _ = standards.parse(standards.STANDARDS_CSV)
    standard_editions.EDITIONS.load(session, default[:5], standards.STANDARDS_CSV.name)
    assert len(standard_editions.active_rows(session)) == 5
    standard_editions.EDITIONS.fill(session.connection())
    assert standard_editions.active_rows(session) == tuple(default)


def test_the_tiers_are_apart(session):
    rows = standard_editions.active_rows(session)
    by_tier = {tier: standard_editions.active_rows(session, tier) for tier in standards.TIERS}
    assert sum(map(len, by_tier.values())) == len(rows)
    assert session.scalar(text("SELECT count(*) FROM service_standard")) == 1


def test_commands_show_dump_and_load(session, monkeypatch, tmp_path):
    from contextlib import contextmanager

    @contextmanager
    def scope(reason=""):
        yield session

    monkeypatch.setattr(command, "session_scope", scope)
    monkeypatch.setattr("web.cli.editions.session_scope", scope)
    run = CliRunner().invoke
    displayed = run(command.command, ["show", "--tier", "complete"])
    assert displayed.exit_code == 0 and "kindergarten" in displayed.output
    path = tmp_path / "standards.xlsx"
    assert run(command.command, ["dump", str(path)]).exit_code == 0
    assert "nothing to do" in run(command.command, ["load", str(path)]).output
    path.with_suffix(".csv").write_text("层级,项目代码\n15,Bad\n", encoding="utf-8")
    refused = run(command.command, ["load", str(path.with_suffix(".csv"))])
    assert refused.exit_code == 1


def test_the_table_is_public(client):
    answer = client.get("/api/v1/standards?tier=5").get_json()
    assert {item["tier"] for item in answer["items"]} == {"5"}
    assert [tier["tier"] for tier in answer["tiers"]] == [*standards.TIERS]
    assert client.get("/api/v1/standards?tier=20").status_code == 422
