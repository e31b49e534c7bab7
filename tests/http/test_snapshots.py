"""Saved coverage and what has changed, over HTTP and on the command line."""

import csv
import json
from contextlib import contextmanager
from pathlib import Path

import geopandas
import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from shapely.geometry import Point, box
from sqlalchemy import text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from gis.errors import InvalidInput, TooLarge
from gis.exchange import planned as planned_files
from gis.exchange.planned import read_planned
from gis.facilities.planned import PlannedFacility
from tests.support.sign_in import account, signed_in, token
from web.security.session import SESSION_COOKIE

SNAPSHOTS, DIFFERENCE = "/api/v1/coverage/snapshots", "/api/v1/coverage/difference"


pytestmark = pytest.mark.made_up(4500)


@pytest.fixture
def town(session: Session) -> Session:
    """A made-up town of three communities."""
    session.execute(text("UPDATE household SET elders = 1 WHERE people > 0"))
    session.commit()
    return session


def place(session: Session) -> dict[str, object]:
    """A building, as the body of a planned clinic."""
    lon, lat = session.execute(
        text("SELECT ST_X(p), ST_Y(p) FROM building, ST_PointOnSurface(geom) p ORDER BY id LIMIT 1")
    ).one()
    return {"category": "clinic", "lon": lon, "lat": lat, "crs": "cgcs2000", "name": "新诊所"}


def _headers(client: FlaskClient) -> dict[str, str]:
    return {"X-CSRFToken": token(client, "/password")} if client.get_cookie(SESSION_COOKIE) else {}


def _post(client: FlaskClient, body: object) -> TestResponse:
    return client.post(SNAPSHOTS, json=body, headers=_headers(client))


def _delete(client: FlaskClient, name: str) -> TestResponse:
    return client.delete(f"{SNAPSHOTS}/{name}", headers=_headers(client))


def test_a_planner_saves_compares_and_deletes_and_others_see_their_own_areas(
    client: FlaskClient, town: Session
) -> None:
    codes = town.scalars(
        text("SELECT code FROM area WHERE level = 'community' ORDER BY code")
    ).all()
    county = str(town.scalar(text("SELECT code FROM area WHERE level = 'county'")))
    resident = account(town, "resident-wang")
    desk = account(town, "desk", "dispatcher", codes[0])
    planner = account(town, "planner", "planner", county)
    body = {"name": "2026/春 现状", "category": "clinic", "minutes": 5}
    for actor, status in ((None, 401), (resident, 403), (desk, 403), (planner, 201)):
        if actor is not None:
            signed_in(client, actor)
        assert _post(client, body).status_code == status
    assert _post(client, body).status_code == 409
    plan = _post(client, body | {"name": "方案一", "planned": [place(town)]})
    assert plan.status_code == 201 and plan.json["planned"][0]["name"] == "新诊所"
    assert plan.json["is_mine"] and plan.json["author"]
    town.execute(text("DELETE FROM facility WHERE category = 'clinic'"))
    town.commit()
    query = {"from": body["name"]}
    lost = client.get(DIFFERENCE, query_string=query).json
    (item,) = lost["items"]
    assert item["totals"]["lost_people"] == item["totals"]["served_before_people"] > 0
    assert item["totals"]["lost_elders"] > 0 and lost["after"]["name"] == "now"
    gained = client.get(DIFFERENCE, query_string=query | {"to": "方案一", "by": "grid"}).json
    assert gained["items"][0]["totals"]["lost_people"] == 0
    everybody = client.get(f"{DIFFERENCE}/buildings", query_string=query | {"limit": 1000}).json
    assert everybody["features"][0]["properties"]["change"] == "lost"
    # the desk sees sums of all, buildings of its own community
    signed_in(client, desk)
    assert client.get(DIFFERENCE, query_string=query).json == lost
    mine = client.get(f"{DIFFERENCE}/buildings", query_string=query | {"limit": 1000}).json
    communities = {row["properties"]["community"] for row in mine["features"]}
    assert communities == {codes[0]}
    # with a plan, which may serve a single building, of its own community only
    for names in ({"from": "方案一"}, query | {"to": "方案一"}):
        (item,) = client.get(DIFFERENCE, query_string=names).json["items"]
        assert [row["code"] for row in item["areas"]] == [codes[0]]
    other = client.get(f"{DIFFERENCE}/buildings", query_string=query | {"area": codes[1]}).json
    assert other["features"] == []
    initial = client.get(f"{DIFFERENCE}/buildings", query_string=query | {"limit": 2}).json
    second = client.get(
        f"{DIFFERENCE}/buildings", query_string=query | {"limit": 2, "cursor": initial["next"]}
    ).json
    assert initial["features"] + second["features"] == mine["features"][:4]
    listed = client.get(SNAPSHOTS).json["items"]
    assert [row["name"] for row in listed] == ["方案一", body["name"]]
    assert {(row["author"], row["is_mine"]) for row in listed} == {("", False)}
    assert _delete(client, body["name"]).status_code == 403
    signed_in(client, resident)
    for path in (SNAPSHOTS, f"{DIFFERENCE}?from=x", f"{DIFFERENCE}/buildings?from=x"):
        assert client.get(path).status_code == 403
    # another planner of less than everywhere may not delete it
    signed_in(client, account(town, "planner2", "planner", codes[0]))
    assert _delete(client, body["name"]).status_code == 403
    signed_in(client, planner)
    assert _delete(client, body["name"]).status_code == 204
    assert _delete(client, body["name"]).status_code == 404
    assert client.get(DIFFERENCE, query_string=query).status_code == 404


WRONG: tuple[dict[str, object], ...] = (
    {"name": ""},
    {"name": "now"},
    {"name": "/"},
    {"name": "甲/../乙"},
    {"name": "2026/"},
    {"name": "春\x1b[31m"},
    {"planned": [{"category": "clinic", "lon": 999, "lat": 26.2, "crs": "wgs84"}]},
    {"name": 5},
    {"name": "x" * 81},
    {"category": "nothing"},
    {"category": ""},
    {"minutes": 61},
    {"minutes": "many"},
    {"profile": "unicyclist"},
    {"tier": "14"},
    {"at": "yesterday"},
    {"planned": "all"},
    {"planned": [{"category": "clinic"}]},
    {"planned": [{"category": "nothing", "lon": 105.9, "lat": 26.2, "crs": "wgs84"}]},
    {"planned": [{"category": "clinic", "lon": 26.2, "lat": 105.9, "crs": "wgs84"}]},
    {"planned": [{"category": "clinic", "lon": 105.9, "lat": 26.2, "crs": "moon"}]},
    {"extra": 1},
)


def test_what_cannot_be_saved_or_compared_is_refused(client: FlaskClient, town: Session) -> None:
    county = str(town.scalar(text("SELECT code FROM area WHERE level = 'county'")))
    signed_in(client, account(town, "planner", "planner", county))
    body = {"name": "a", "category": "clinic"}
    for wrong in WRONG:
        response = _post(client, body | wrong)
        assert (wrong, response.status_code) == (wrong, 422)
    assert client.get(SNAPSHOTS).json["items"] == []
    assert _post(client, body | {"tier": "15"}).status_code == 201
    for query, status in {
        "": 422,
        "from=now": 422,
        "from=a&to=b": 404,
        "from=b": 404,
        "from=a&area=nothing": 404,
        "from=a&by=unit": 422,
        "from=a%00": 422,
    }.items():
        response = client.get(f"{DIFFERENCE}?{query}")
        assert (query, response.status_code) == (query, status)
    assert client.get(f"{DIFFERENCE}/buildings?from=a").status_code == 422  # which item?
    listed = client.get(f"{DIFFERENCE}/buildings?from=a&item=health_centre")
    assert listed.json["features"] == []


def test_plans_of_files(town: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = {"code": "w1", "name": "甲", "lon": 105.95, "lat": 26.23}
    siting = tmp_path / "sites.json"
    siting.write_text(json.dumps({"category": "clinic", "sites": [site]}))
    assert read_planned(town, siting, "pharmacy") == (
        PlannedFacility("clinic", "w1", "甲", 105.95, 26.23),
    )
    for broken in (
        {"sites": [site]},
        {"category": "nothing", "sites": [site]},
        {"category": "clinic", "sites": [site | {"lon": None}]},
        {"category": "clinic", "sites": [site | {"lat": 1e9}]},
        {"category": "clinic", "sites": 5},
    ):
        siting.write_text(json.dumps(broken))
        with pytest.raises(InvalidInput, match="siting"):
            read_planned(town, siting)
    table = tmp_path / "plan.csv"

    def write(*rows: dict[str, object]) -> Path:
        with table.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["编码", "名称", "类别", "经度", "纬度", "坐标系"])
            writer.writeheader()
            writer.writerows(rows)
        return table

    row: dict[str, object] = {"编码": "P1", "名称": "乙", "经度": 105.95, "纬度": 26.23}
    row |= {"坐标系": "cgcs2000", "类别": "药店"}
    of_table = read_planned(town, write(row, row | {"类别": ""}), "clinic")
    assert [each.category for each in of_table] == ["pharmacy", "clinic"]
    assert (of_table[0].code, of_table[0].lon) == ("P1", pytest.approx(105.95))
    for cells, category in (({"类别": ""}, None), ({"类别": "飞船"}, "clinic")):
        with pytest.raises(InvalidInput, match="row 2"):
            read_planned(town, write(row | cells), category)
    parcel = tmp_path / "plan.geojson"
    geopandas.GeoDataFrame(
        {"code": ["地块1", "x"]},
        geometry=[box(105.95, 26.23, 105.951, 26.231), Point(105.95, 26.23)],
        crs=4490,
    ).to_file(parcel)
    assert [each.code for each in read_planned(town, parcel, "clinic")] == ["地块1", "x"]
    with pytest.raises(InvalidInput, match="category"):
        read_planned(town, parcel)
    monkeypatch.setattr(planned_files, "MAX_PLANNED", 1)
    with pytest.raises(TooLarge):
        read_planned(town, parcel, "clinic")
    with pytest.raises(InvalidInput):
        read_planned(town, tmp_path / "nothing.json")


def test_the_command(town: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from web.cli import coverage as module

    @contextmanager
    def scope(reason: str = ""):
        yield town

    monkeypatch.setattr(module, "session_scope", scope)
    run = lambda *arguments: CliRunner().invoke(module.command, [*arguments])  # noqa: E731
    questions = ("--category", "clinic", "--minutes", "5")
    done = run(*questions, "--save", "spring")
    assert done.exit_code == 0 and "spring: clinic within 5 minutes (adult);" in done.stdout
    plan = tmp_path / "plan.json"
    site = {"code": "", "name": "甲"} | {
        k: v for k, v in place(town).items() if k in ("lon", "lat")
    }
    plan.write_text(json.dumps({"category": "clinic", "sites": [site]}))
    now, with_plan = (
        json.loads(run(*questions, *extra, "--json").stdout)["totals"]
        for extra in ((), ("--with", str(plan)))
    )
    body = json.loads(run("--against", "spring", "--with", str(plan), "--json").stdout)
    changes = body["items"][0]["totals"]
    assert len(body["after"]["planned"]) == 1
    assert changes["gained_people"] == with_plan["served_people"] - now["served_people"]
    assert run(*questions, "--with", str(plan), "--save", "plan").exit_code == 0
    distant = tmp_path / "far.json"
    distant.write_text(json.dumps({"category": "pharmacy", "sites": [site | {"lon": 0, "lat": 0}]}))
    useless = run(*questions, "--with", str(distant)).stderr
    assert "1 of 1 planned facilities are far from" in useless and "not asked about" in useless
    printed = run("--against", "spring", "--to", "plan").stdout
    assert "from spring to plan" in printed and "all: " in printed
    assert "plan: clinic within 5 minutes (adult, 1 planned)" in run("--saved").stdout
    for file in (tmp_path / "changes.csv", tmp_path / "changes.gpkg"):
        assert run("--against", "spring", "--to", "plan", "--changes", str(file)).exit_code == 0
    with (tmp_path / "changes.csv").open(encoding="utf-8-sig") as table:
        rows = list(csv.DictReader(table))
    gained = sum(int(row["people"]) for row in rows if row["change"] == "gained")
    assert gained == changes["gained_people"] > 0 and rows[0]["crs"] == "cgcs2000"
    frame = geopandas.read_file(tmp_path / "changes.gpkg")
    assert len(frame) == len(rows) and frame["minutes_after"].notna().any()
    # of one category, which the saved state says, a table need not
    table = tmp_path / "plan.csv"
    table.write_text(f"编码,名称,经度,纬度,坐标系\nP1,甲,{site['lon']},{site['lat']},cgcs2000\n")
    body = json.loads(run("--against", "spring", "--with", str(table), "--json").stdout)
    assert body["items"][0]["totals"] == changes
    # who walks and when may be others now
    body = json.loads(run("--against", "spring", "--profile", "elder", "--json").stdout)
    assert (body["before"]["profile"], body["after"]["profile"]) == ("adult", "elder")
    elders, adults = (
        json.loads(run(*questions, "--profile", name, "--json").stdout)["totals"]["served_people"]
        for name in ("elder", "adult")
    )
    totals = body["items"][0]["totals"]
    assert totals["gained_people"] - totals["lost_people"] == elders - adults
    night = "2026-11-28T03:00"
    body = json.loads(run("--against", "spring", "--at", night, "--json").stdout)
    assert (body["before"]["open_at"], body["after"]["open_at"][:16]) == (None, night)
    tier = run("--tier", "15", "--save", "tier")
    assert tier.exit_code == 0, tier.output
    assert "health_centre" in run("--against", "tier").stdout
    assert [row["name"] for row in json.loads(run("--forget", "plan", "--json").stdout)] == [
        "tier",
        "spring",
    ]
    for arguments in (
        ("--save", "x"),
        (*questions, "--against", "spring"),
        (*questions, "--changes", "x.csv"),
        (*questions, "--score", "--with", str(plan)),
        ("--against", "spring", "--to", "tier", "--with", str(plan)),
        ("--against", "spring", "--to", "tier", "--profile", "elder"),
        ("--against", "spring", "--minutes", "15"),
        (*questions, "--to", "tier"),
    ):
        assert run(*arguments).exit_code == 2, arguments
