"""Any moment, past or planned: locate, areas, layers, tiles, files and the difference of two
moments agree.
"""

import json
import math
from datetime import UTC, datetime, timedelta

import pytest
import shapely
from shapely.geometry import shape
from sqlalchemy import text

from gis.areas import hierarchy, snapshot
from gis.areas.models import Area
from gis.areas.resolver import locate
from gis.boundaries import difference, drafts, publish
from gis.exchange.dump import dump
from tests.support import build, draft_town, sign_in
from tests.support.draft_town import BASE, LEAD, S, X, Y, begin, code, line

town = draft_town.town  # the fixture

PLACE = (X + 1.2 * S, Y + 1.5 * S)  # in the west of the grid in the middle


@pytest.fixture
def changed(session, town):
    """The grid in the middle gave its west to a new one, and will be merged with its eastern
    neighbour in ten days.
    """
    initial = begin(session)
    drafts.add_operation(
        session,
        LEAD,
        initial,
        {"op": "split", "code": code(5), "line": line((1.4, 0.9), (1.4, 2.1))},
    )
    done = publish.publish(session, LEAD, initial, "拆分", None).effective
    then = datetime.now(UTC) + timedelta(days=10)
    second = begin(session)
    drafts.add_operation(
        session, LEAD, second, {"op": "merge", "codes": [code(5), code(6)], "into": code(5)}
    )
    publish.publish(session, LEAD, second, "合并", then)
    session.commit()
    return done, then


MOMENTS = [
    (0, -timedelta(microseconds=1), code(5), 9),  # the last instant before
    (0, timedelta(0), code(10), 10),  # the moment itself
    (1, -timedelta(seconds=1), code(10), 10),
    (1, timedelta(0), code(10), 9),  # planned
]


@pytest.mark.parametrize(("which", "off", "grid", "count"), MOMENTS)
def test_every_way_to_ask_gives_the_same_answer_at_a_moment(
    session, changed, client, tmp_path, which, off, grid, count
):
    at = changed[which] + off
    queries = {"at": at.isoformat()}
    assert locate(session, *PLACE, "cgcs2000", at=at).areas[-1].code == grid
    codes = {row.code for row in hierarchy.areas(session, at, level="grid")}
    assert len(codes) == count and grid in codes
    listed = client.get("/api/v1/areas", query_string=queries | {"level": "grid"}).json["items"]
    assert {item["code"] for item in listed} == codes
    box = f"{X},{Y},{X + 3 * S},{Y + 3 * S}"
    layer = client.get("/api/v1/layers/grids", query_string=queries | {"bbox": box}).json[
        "features"
    ]
    assert {item["properties"]["code"] for item in layer} == codes
    [position] = [item for item in layer if shapely.contains_xy(shape(item["geometry"]), *PLACE)]
    assert position["properties"]["code"] == grid
    dump(session, "grids", tmp_path / "grids.csv", at)
    assert {
        row.split(",")[0]
        for row in (tmp_path / "grids.csv").read_text("utf-8-sig").splitlines()[1:]
        if row[:1] == "5"
    } == codes


def test_a_name_is_that_of_the_moment_in_every_way_to_ask(session, town, client):
    """A grid is renamed now and once more in ten days, its community in ten days."""
    planned = datetime.now(UTC) + timedelta(days=10)
    first = {"op": "rename", "code": code(5), "name": "花园网格"}
    second = [
        {"op": "rename", "code": code(5), "name": "明年网格"},
        {"op": "rename", "code": BASE, "name": "新社区"},
    ]
    done = publish_names(session, [first], None)
    publish_names(session, second, planned)
    instant = timedelta(microseconds=1)
    register = snapshot.read_snapshot(session, done)  # kept in memory for as long as names hold
    assert (register.since, register.until) == (snapshot.micros(done), snapshot.micros(planned))
    sign_in.signed_in(client, sign_in.account(session, "lin", "planner", BASE))
    for at, grid, community in (
        (done - instant, "第005网格", "西兴社区"),
        (done, "花园网格", "西兴社区"),
        (planned - instant, "花园网格", "西兴社区"),
        (planned, "明年网格", "新社区"),
    ):
        assert names_at(session, client, at) == [[community, grid]] * 5
    publish.apply_scheduled(session, planned)  # the job of that day changes no answer
    session.commit()
    assert names_at(session, client, planned - instant) == [["西兴社区", "花园网格"]] * 5
    assert names_at(session, client, planned) == [["新社区", "明年网格"]] * 5
    wrong = client.get(f"/sheets/{code(5)}.html?at=2026-03-03&draft=1")
    assert wrong.status_code == 422 and "草案" in wrong.text


def publish_names(session, renames, effective):
    """Publish a draft of renames; the moment from which it holds."""
    number = begin(session)
    for rename in renames:
        drafts.add_operation(session, LEAD, number, rename)
    published = publish.publish(session, LEAD, number, "更名", effective).effective
    session.commit()
    return published


def names_at(session, client, at):
    """Community and grid of the place at a moment: located, listed, alone, on the map, on paper."""
    query = {"at": at.isoformat()}
    point = {"lon": PLACE[0], "lat": PLACE[1], "crs": "cgcs2000"}
    area = client.get(f"/api/v1/areas/{code(5)}", query_string=query).json
    listed = client.get("/api/v1/areas", query_string=query | {"limit": 500}).json["items"]
    box = query | {"bbox": f"{X},{Y},{X + 3 * S},{Y + 3 * S}"}
    drawn = [
        feature["properties"]
        for layer in ("communities", "grids")
        for feature in client.get(f"/api/v1/layers/{layer}", query_string=box).json["features"]
    ]
    paper = client.get(f"/sheets/{code(5)}.html", query_string=query | {"lang": "zh"}).text
    located = client.get("/api/v1/locate", query_string=query | point).json
    by_code = [{item["code"]: item["name"] for item in items} for items in (listed, drawn)]
    on_paper = [
        next(name for name in names if name in paper)
        for names in (("西兴社区", "新社区"), ("第005网格", "花园网格", "明年网格"))
    ]
    return [
        [item["name"] for item in located["areas"] if item["level"] in ("community", "grid")],
        *([names[BASE], names[code(5)]] for names in by_code),
        [area["above"][-1]["name"], area["name"]],
        on_paper,
    ]


def test_tiles_of_two_moments_differ_and_a_page_says_the_day(session, changed, client):
    old_moment = (changed[0] - timedelta(seconds=1)).isoformat()
    n = 2**15
    x = int((PLACE[0] + 180) / 360 * n)
    y = int((1 - math.asinh(math.tan(math.radians(PLACE[1]))) / math.pi) / 2 * n)
    tile = f"/tiles/city/15/{x}/{y}.mvt"
    assert client.get(tile).data != client.get(tile, query_string={"at": old_moment}).data
    page = client.get("/", query_string={"at": "2026-03-03", "lang": "zh"}).text
    assert "2026-03-03 00:00 的边界" in page and "at=2026-03-03" in page
    assert client.get("/", query_string={"at": "nonsense"}).status_code == 422
    saved = client.get(
        "/map.html",
        query_string={"bbox": f"{X},{Y},{X + 3 * S},{Y + 3 * S}", "zoom": 16, "at": old_moment},
    ).text
    now = client.get(
        "/map.html", query_string={"bbox": f"{X},{Y},{X + 3 * S},{Y + 3 * S}", "zoom": 16}
    ).text
    name = json.dumps("西兴第10网格").strip('"')
    assert name not in saved and name in now


def test_the_difference_of_two_moments_names_the_land_that_changed_hands(session, changed, client):
    long_ago, done = changed[0] - timedelta(seconds=1), changed[0]
    result = difference.compare_boundaries(session, long_ago, done)
    assert {(grid.code, grid.change) for grid in result.grids} == {
        (code(5), "changed"),
        (code(10), "new"),
    }
    [(start, end, m2, land)] = result.pieces
    assert (
        (start, end) == (code(5), code(10))
        and m2 > 1000
        and land.area == pytest.approx(0.4 * S * S, rel=1e-5)
    )
    later = client.get(
        "/api/v1/areas/difference",
        query_string={"from": done.isoformat(), "to": changed[1].isoformat()},
    ).json
    assert {(grid["code"], grid["change"]) for grid in later["grids"]} == {
        (code(5), "changed"),
        (code(6), "gone"),
    }
    assert shape(later["grids"][0]["before"]).area == pytest.approx(0.6 * S * S, rel=1e-5)
    assert (
        client.get(
            "/api/v1/areas/difference", query_string={"from": "2026-02-01", "to": "2026-01-01"}
        ).status_code
        == 422
    )
    assert (
        client.get(
            "/api/v1/areas/difference",
            query_string={"from": "2026-01-01", "to": "2026-02-01", "within": "9"},
        ).status_code
        == 404
    )
    assert difference.compare_boundaries(session, long_ago, done, "520402007012009").grids == []


def test_the_history_of_a_grid_names_where_it_came_from_and_went(session, changed, client):
    [created] = client.get(f"/api/v1/areas/{code(10)}/history").json["lineage"]
    assert (created["relation"], created["code"]) == ("split_from", code(5))
    history = client.get(f"/api/v1/areas/{code(5)}/history").json
    assert [(item["relation"], item["code"]) for item in history["lineage"]] == [
        ("split_into", code(10)),
        ("merged_from", code(6)),
    ]
    assert len(history["boundaries"]) == 3  # before, after the split, and planned
    gone = client.get(f"/api/v1/areas/{code(6)}/history").json
    assert [item["relation"] for item in gone["lineage"]] == ["merged_into"]


@pytest.mark.parametrize(
    ("which", "off", "lineage"),
    [
        (0, -timedelta(microseconds=1), []),
        (0, timedelta(0), ["split_into"]),
        (1, -timedelta(seconds=1), ["split_into"]),
        (1, timedelta(0), ["split_into", "merged_from"]),
    ],
)
def test_the_history_at_a_moment_is_the_boundary_of_it_and_what_had_happened_by_then(
    session, changed, client, which, off, lineage
):
    at = (changed[which] + off).isoformat()
    address = f"/api/v1/areas/{code(5)}/history"
    history = client.get(address, query_string={"at": at}).json
    [held] = history["boundaries"]
    assert datetime.fromisoformat(held["valid_from"]) <= changed[which] + off
    assert [item["relation"] for item in history["lineage"]] == lineage
    early = client.get(address, query_string={"at": "2000-01-01"}).json
    assert early == {"code": code(5), "boundaries": [], "changes": [], "lineage": []}
    wrong = client.get(address, query_string={"at": "yesterday"})
    assert (wrong.status_code, wrong.json["errors"][0]["field"]) == (422, "at")


def test_a_unit_that_changed_grid_is_listed_where_it_was_at_the_moment(session, town, tmp_path):
    grid = session.execute(
        text("SELECT id FROM area WHERE code = :code"), {"code": code(5)}
    ).scalar_one()
    unit = town.unit(session.get(Area, grid), "01", [(town.houses[1], None, None, None)])
    town.boundary(unit, build.square(X + 1.4 * S, Y + 1.4 * S, 0.0002))
    number = begin(session)
    drafts.add_operation(
        session,
        LEAD,
        number,
        {
            "op": "transfer",
            "region": shapely.geometry.mapping(build.square(X + S, Y + S, 0.7 * S, S)),
            "to": code(4),
        },
    )
    done = publish.publish(session, LEAD, number, "划归", None).effective
    session.commit()
    for at, parent in ((done - timedelta(microseconds=1), code(5)), (done, code(4))):
        dump(session, "units", tmp_path / "units.csv", at)
        assert f",{parent}," in (tmp_path / "units.csv").read_text("utf-8-sig")
    parents = [
        hierarchy.areas(session, at, level="unit")[0].parent
        for at in (done - timedelta(microseconds=1), done)
    ]
    assert parents == [code(5), code(4)]
    assert [
        item.code
        for item in hierarchy.area(session, unit.code, done - timedelta(microseconds=1)).above
    ][-1] == code(5)
