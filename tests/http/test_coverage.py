"""Coverage over HTTP and on the command line: the shares are public, single buildings are not."""

import csv
import json
import re
from collections import Counter
from pathlib import Path

import geopandas
import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import InvalidInput
from gis.exchange.gaps_file import write_gaps
from gis.facilities.capacity import CapacityRequest, capacity_coverage
from gis.facilities.coverage_gaps import Gap, gaps
from gis.facilities.coverage_summary import coverage
from gis.frames import gaps as gap_frame
from tests.support.sign_in import account, signed_in
from web.api.coverage.schemas import without_elders

pytestmark = pytest.mark.made_up(1500)


@pytest.fixture
def town(session: Session) -> Session:
    """A made-up town, of one community but where a test says otherwise."""
    return session


def test_shares_are_open_to_all_and_are_those_of_the_engine(
    client: FlaskClient, town: Session
) -> None:
    response = client.get("/api/v1/coverage?category=clinic&minutes=10")
    assert response.status_code == 200 and response.headers["ETag"]
    summary = coverage(town, ["clinic"], 10)
    body = response.json
    assert body["totals"] == without_elders(summary.totals.figures())
    assert [row["code"] for row in body["areas"]] == [row.code for row in summary.areas]
    assert body["areas"][0]["served_households"] == summary.areas[0].served.households
    parts = ("served", "beyond", "cannot_say", "off_network")
    for row in (body["totals"], *body["areas"]):
        assert sum(row[f"{part}_people"] for part in parts) == row["people"]
    by_grid = client.get(
        f"/api/v1/coverage?category=clinic,hospital&by=grid&area={summary.areas[0].code}"
    ).json
    assert {row["code"][:12] for row in by_grid["areas"]} == {summary.areas[0].code}


REFUSED = {
    "": 422,
    "category=nothing": 422,
    "category=,": 422,
    "category=clinic&minutes=61": 422,
    "category=clinic&by=unit": 422,
    "category=clinic&profile=unicyclist": 422,
    "category=clinic&area=nothing": 404,
    "category=clinic&at=yesterday": 422,
}


def test_what_cannot_be_asked_is_refused(client: FlaskClient, town: Session) -> None:
    for query, status in REFUSED.items():
        response = client.get(f"/api/v1/coverage?{query}")
        assert (query, response.status_code) == (query, status) and response.json["detail"]


def test_what_is_open_then_and_a_whole_tier(client: FlaskClient, town: Session) -> None:
    town.execute(text("UPDATE facility SET opening_hours = 'Mo-Fr 08:00-18:00'"))
    town.commit()
    query = "/api/v1/coverage?category=clinic&minutes=10"
    whenever = client.get(query).json
    assert whenever["open_at"] is None
    monday = client.get(f"{query}&at=2026-11-23T10:00").json
    assert monday["totals"] == whenever["totals"]
    assert monday["open_at"].startswith("2026-11-23T10:00:00")
    # the same moment, written with another offset
    assert client.get(f"{query}&at=2026-11-23T02:00:00Z").json["open_at"] == monday["open_at"]
    sunday = client.get(f"{query}&at=2026-11-22T10:00").json
    assert sunday["totals"]["served_households"] == 0
    tier = client.get("/api/v1/coverage/tiers/15?profile=elder&by=grid").json
    (health,) = (item for item in tier["items"] if item["item"] == "health_centre")
    assert health["totals"]["households"] == 1500 and health["areas"] and health["secondary"]
    assert client.get("/api/v1/coverage/tiers/16").status_code == 422


@pytest.mark.made_up(4500)
def test_gaps_are_for_who_may_see_the_figures_of_their_areas(
    client: FlaskClient, session: Session
) -> None:
    (town := session).commit()
    query = "/api/v1/coverage/gaps?category=clinic&minutes=2&limit=1000"
    assert client.get(query).status_code == 401
    codes = town.scalars(
        text("SELECT code FROM area WHERE level = 'community' ORDER BY code")
    ).all()
    everything = gaps(town, ["clinic"], 2)
    mine = {gap.code for gap in everything if gap.community == codes[0]}
    assert mine and len(mine) < len(everything)
    resident = account(town, "resident-wang")
    desk = account(town, "desk", "dispatcher", codes[0])
    county = str(town.scalar(text("SELECT code FROM area WHERE level = 'county'")))
    planner = account(town, "planner", "planner", county)
    signed_in(client, resident)
    assert client.get(query).status_code == 403
    signed_in(client, desk)
    body = client.get(query).json
    assert {item["id"] for item in body["features"]} == mine and body["next"] is None
    # asking for another community does not widen it
    assert client.get(f"{query}&area={codes[1]}").json["features"] == []
    signed_in(client, planner)
    body = client.get(query).json
    assert [item["id"] for item in body["features"]] == [gap.code for gap in everything]
    properties = body["features"][0]["properties"]
    assert (
        properties["households"] == everything[0].households
        and properties["elders"] == everything[0].elders
    )
    pages, cursor = [], ""
    while cursor is not None:
        page = client.get(
            "/api/v1/coverage/gaps?category=clinic&minutes=2&limit=70"
            + (f"&cursor={cursor}" if cursor else "")
        ).json
        pages += [item["id"] for item in page["features"]]
        cursor = page["next"]
    assert pages == [gap.code for gap in everything]


@pytest.mark.made_up(4500)
def test_shares_of_capacity_are_open_and_those_of_buildings_are_not(
    client: FlaskClient, session: Session
) -> None:
    (town := session).execute(text("UPDATE facility SET capacity = 3 WHERE category = 'clinic'"))
    town.execute(text("UPDATE household SET elders = 1 WHERE people > 0"))
    town.commit()
    query = "category=clinic&minutes=5"
    sums = f"/api/v1/coverage/capacity?{query}&by=grid"
    public = client.get(sums).json
    answer = capacity_coverage(town, CapacityRequest("clinic", 5), by="grid")
    everything = json.loads(json.dumps(answer.as_json()))
    assert public == without_elders(everything) != everything
    assert public["unit"] == "doctors" and public["unstated_facilities"] == 0
    assert client.get(f"{sums}&demand=elders").status_code == 401
    for wrong in ("method=4sfca", "demand=cats", "minutes=61", "by=unit"):
        status = client.get(f"/api/v1/coverage/capacity?category=clinic&{wrong}").status_code
        assert status == 422, wrong
    assert client.get("/api/v1/coverage/capacity?category=nothing").status_code == 422
    assert client.get("/api/v1/coverage/capacity").status_code == 422
    assert client.get(f"{sums}&area=nothing").status_code == 404
    listed = f"/api/v1/coverage/capacity/buildings?{query}&limit=1000"
    assert client.get(listed).status_code == 401
    codes = town.scalars(
        text("SELECT code FROM area WHERE level = 'community' ORDER BY code")
    ).all()
    signed_in(client, account(town, "resident-wang"))
    assert client.get(listed).status_code == 403
    assert client.get(f"{sums}&demand=elders").status_code == 403
    signed_in(client, account(town, "desk", "dispatcher", codes[0]))
    assert client.get(sums).json == everything
    rows = client.get(listed).json["features"]
    assert rows and {row["properties"]["community"] for row in rows} == {codes[0]}
    assert client.get(f"{listed}&area={codes[1]}").json["features"] == []
    initial = client.get(f"/api/v1/coverage/capacity/buildings?{query}&limit=5").json
    assert initial["features"] == rows[:5]
    new = client.get(
        f"/api/v1/coverage/capacity/buildings?{query}&limit=5&cursor={initial['next']}"
    ).json
    assert new["features"] == rows[5:10]


def added_up(parts: list[dict[str, dict[str, int]]]) -> dict[str, dict[str, int]]:
    """Return the sums of counts by class."""
    return {
        key: {unit: sum(part[key][unit] for part in parts) for unit in counts}
        for key, counts in parts[0].items()
    }


@pytest.mark.made_up(4500)
def test_classes_by_area_and_in_a_box_of_the_own_areas(
    client: FlaskClient, session: Session
) -> None:
    codes = session.scalars(
        text("SELECT code FROM area WHERE level = 'community' ORDER BY code")
    ).all()
    query = "/api/v1/coverage/classes?category=clinic&minutes=2"
    desk = account(session, "desk", "dispatcher", codes[0])
    signed_in(client, desk)
    body = client.get(query).json
    assert [row["code"] for row in body["areas"]] == list(codes)
    assert added_up([row["counts"] for row in body["areas"]]) == body["counts"]
    assert sum(part["households"] for part in body["counts"].values()) == 4500

    # the whole world as a box: only what the dispatcher may see of single buildings
    boxed = client.get(f"{query}&bbox=-180,-90,180,90").json
    assert [row["code"] for row in boxed["areas"]] == [codes[0]]
    assert boxed["areas"][0] == body["areas"][0] and boxed["counts"] == boxed["areas"][0]["counts"]
    # one building as a box: its gap, its class
    gap = client.get("/api/v1/coverage/gaps?category=clinic&minutes=2").json["features"][0]
    lon, lat = gap["geometry"]["coordinates"]
    box = f"{lon - 1e-6:.7f},{lat - 1e-6:.7f},{lon + 1e-6:.7f},{lat + 1e-6:.7f}"
    counts = client.get(f"{query}&bbox={box}").json["counts"]
    assert counts[gap["properties"]["access_class"]] == {
        "buildings": 1,
        "households": gap["properties"]["households"],
        "people": gap["properties"]["people"],
        "elders": gap["properties"]["elders"],
    }
    # a site may serve one building alone: it tells nothing of other areas either
    sited = client.get(f"{query}&sites={lon},{lat}").json
    assert [row["code"] for row in sited["areas"]] == [codes[0]]
    features = client.get(f"/api/v1/coverage/buildings?category=clinic&minutes=2&bbox={box}").json[
        "features"
    ]
    assert [each["properties"]["community"] for each in features] == [codes[0]]
    assert client.get(f"{query}&bbox=1,2,3").status_code == 422
    assert client.get(f"{query}&by=unit").status_code == 422


def test_straight_lines_are_those_of_the_plain_circle(client: FlaskClient, town: Session) -> None:
    county = str(town.scalar(text("SELECT code FROM area WHERE level = 'county'")))
    signed_in(client, account(town, "planner", "planner", county))
    query = "category=clinic&minutes=5&bbox=-180,-90,180,90"
    walked, straight = (
        {
            item["properties"]["code"]: item["properties"]
            for item in client.get(f"/api/v1/coverage/buildings?{query}{extra}").json["features"]
        }
        for extra in ("", "&straight=true")
    )
    inside = [item for item in straight.values() if item["class"] in "012"]
    plain = client.get("/api/v1/coverage?category=clinic&minutes=5").json["totals"]
    assert len(inside) == plain["plain_circle_buildings"] > plain["served_buildings"]
    assert not {"cannot_say", "off_network"} & {item["class"] for item in straight.values()}
    for code, item in straight.items():
        if item["minutes"] is not None and walked[code]["minutes"] is not None:
            assert item["minutes"] <= walked[code]["minutes"] + 0.11


def test_a_planned_site_serves_who_can_walk_to_it(client: FlaskClient, town: Session) -> None:
    county = str(town.scalar(text("SELECT code FROM area WHERE level = 'county'")))
    signed_in(client, account(town, "planner", "planner", county))
    query = "/api/v1/coverage/classes?category=clinic&minutes=5"
    today = client.get(query).json["counts"]
    site = client.get("/api/v1/siting?category=clinic&minutes=5&sites=1").json["sites"][0]
    location = f"{site['lon']},{site['lat']}"
    planned = client.get(f"{query}&sites={location}").json["counts"]
    newly = sum(planned[key]["people"] - today[key]["people"] for key in "012")
    assert newly == site["people"] > 0
    assert client.get(f"{query}&sites={location};{location}").json["counts"] == planned
    # far from any street nobody is served
    assert client.get(f"{query}&sites=106.5,26.9").json["counts"] == today
    for wrong in ("here", "1", "200,3", "nan,1", "1,2,3"):
        assert client.get(f"{query}&sites={wrong}").status_code == 422, wrong


def test_gaps_as_files(town: Session, tmp_path: Path) -> None:
    rows = gaps(town, ["clinic"], 2)
    risky = [
        Gap("=1+1", "@x", "", "", "", 1, 2, None, None, None, "", "", "beyond", "3", 106.0, 26.0)
    ]
    for ending in (".xlsx", ".csv", ".gpkg", ".geojson"):
        path = tmp_path / f"gaps{ending}"
        assert write_gaps([*rows, *risky], path) == len(rows) + 1
        assert path.stat().st_mode & 0o077 == 0
    sheet = load_workbook(tmp_path / "gaps.xlsx").active
    assert sheet.max_row == len(rows) + 2 and sheet.cell(2, 1).value == rows[0].code
    with (tmp_path / "gaps.csv").open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    assert table[0]["households"] == str(rows[0].households) and table[-1]["code"] == "'=1+1"
    for ending in (".gpkg", ".geojson"):
        frame = geopandas.read_file(tmp_path / f"gaps{ending}")
        assert len(frame) == len(rows) + 1 and frame["building"][0] == rows[0].code
        assert frame.geometry[0].x == pytest.approx(rows[0].lon, abs=1e-7)
    frame = gap_frame(town, "clinic", 2)
    assert list(frame.index) == [gap.code for gap in rows]
    assert len(gap_frame(town, "clinic", 60)) <= len(rows)
    assert write_gaps([], tmp_path / "none.csv") == 0 and (tmp_path / "none.csv").exists()
    with pytest.raises(InvalidInput, match="xlsx"):
        write_gaps(rows, tmp_path / "gaps.pdf")
    with pytest.raises(InvalidInput):
        write_gaps(rows, tmp_path / "nowhere" / "gaps.csv")


def test_the_command(town: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from contextlib import contextmanager

    from web.cli import coverage as module

    @contextmanager
    def scope(reason: str = ""):
        yield town

    monkeypatch.setattr(module, "session_scope", scope)
    run = lambda *arguments: CliRunner().invoke(module.command, [*arguments])  # noqa: E731
    assert run().exit_code == 2
    done = run("--category", "clinic", "--minutes", "10", "--json", "--recompute")
    assert done.exit_code == 0, done.output
    body = json.loads(done.stdout)
    assert body["totals"]["households"] == 1500
    file = tmp_path / "gaps.xlsx"
    done = run("--category", "clinic", "--minutes", "2", "--gaps", str(file))
    assert done.exit_code == 0 and file.exists() and "all: 1,500:" in done.stdout
    subject = town.scalar(text("SELECT subject FROM personal.disclosure ORDER BY id DESC LIMIT 1"))
    assert subject == "gaps of clinic .xlsx within everywhere"
    town.execute(text("UPDATE facility SET capacity = NULL"))
    shares = ("--category", "clinic", "--minutes", "10", "--capacity")
    body = json.loads(run(*shares, "--method", "3sfca", "--json").stdout)
    assert body["unit"] == "doctors" and body["totals"]["people"] > 0
    assert body["unstated_facilities"] == len(body["facilities"]) > 0
    town.execute(
        text(
            "UPDATE facility SET capacity = 3 WHERE code <> (SELECT min(code) FROM"
            " facility WHERE category = 'clinic')"
        )
    )
    printed = run(*shares).stdout
    assert "doctors for 1,000 people" in printed and "1 facilities whose doctors" in printed
    assert run("--capacity").exit_code == 2
    assert "health_centre" in run("--tier", "15").stdout
    items = json.loads(run("--tier", "complete", "--json").stdout)
    assert any(item["totals"] is None for item in items)
    assert run("--tier", "15", "--gaps", str(file)).exit_code == 2
    evening = json.loads(run("--category", "clinic", "--at", "2026-11-24T20:00", "--json").stdout)
    assert evening["open_at"].startswith("2026-11-24T20:00:00")
    marks = json.loads(run("--score", "--json").stdout)
    assert all(0 <= mark["score"] <= 100 for mark in marks)
    assert "of 100" in run("--score").stdout


def as_json(text: str) -> str:
    """Return a text as it stands within JSON."""
    return json.dumps(text)[1:-1]


@pytest.mark.made_up(4500)
def test_the_map_as_a_file_tells_households_only_where_they_may_be_taken_out(
    client: FlaskClient, session: Session
) -> None:
    codes = session.scalars(
        text("SELECT code FROM area WHERE level = 'community' ORDER BY code")
    ).all()
    county = str(session.scalar(text("SELECT code FROM area WHERE level = 'county'")))
    address = "/coverage/map.html?category=clinic&minutes=2&profile=adult&lang=zh"
    signed_in(client, account(session, "resident-wang"))
    assert client.get(address).status_code == 403

    signed_in(client, account(session, "planner", "planner", county))
    response = client.get(address)
    page = response.text
    assert response.status_code == 200 and "attachment" in response.headers["Content-Disposition"]
    assert not re.search(r"(src|href)\s*=\s*.https?:|url\(.?https?:", page)
    counts = client.get("/api/v1/coverage/classes?category=clinic&minutes=2").json["counts"]
    for part in counts.values():
        assert f"<b>{part['households']:,}</b>" in page
    (gap, *_) = gaps(session, ["clinic"], 2)
    tooltip = f"{gap.name} · {round(gap.minutes or 0, 1):g}分钟 · {gap.households} 户"
    assert as_json(tooltip) in page
    subject = session.scalar(text("SELECT subject FROM personal.disclosure ORDER BY id DESC"))
    assert subject == "coverage map.html category=clinic minutes=2"
    # only what is chosen
    chosen = client.get(f"{address}&community={codes[0]}&class=2,3").text
    assert len(chosen) < len(page) and "<b>0</b>" in chosen

    # a dispatcher takes out the households of the own community, and of no other
    signed_in(client, account(session, "desk", "dispatcher", codes[0]))
    areas = client.get("/api/v1/coverage/classes?category=clinic&minutes=2").json["areas"]
    page = client.get(address).text
    for part in areas[0]["counts"].values():
        assert f"<b>{part['households']:,}</b>" in page
    rows = gaps(session, ["clinic"], 2)
    times = Counter(row.name for row in rows)
    unique = [row for row in rows if times[row.name] == 1]
    displayed = {row.community for row in unique if as_json(row.name) in page}
    messages = {
        row.community
        for row in unique
        if as_json(f"{row.name} · {round(row.minutes or 0, 1):g}分钟 · {row.households} 户") in page
    }
    assert messages == {codes[0]} < displayed

    # an auditor sees figures but takes nothing out: the map has no household
    signed_in(client, account(session, "auditor", "auditor", county))
    page = client.get(address).text
    assert "saved-legend" in page and as_json(" 户") not in page and "户数" not in page
    for wrong in ("category=none", "profile=%27", "minutes=0", "zoom=inf", "sites=x", "at=x"):
        assert client.get(f"/coverage/map.html?{wrong}").status_code == 422, wrong
    assert client.get(f"{address}&bbox=1,2,3").status_code == 422
