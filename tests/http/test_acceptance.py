"""The promises of the contracts, asked from outside: the command line and HTTP of a really served
pilot.
"""

import csv
import json
import math
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import shapely
from pyproj import Geod

from tests.support.deployment import deployment_folder
from tests.support.served import Deployment, Reply, serving

GEOD = Geod(ellps="GRS80")
PLACE: dict[str, object] = {"lon": 105.95, "lat": 26.23, "crs": "wgs84"}
CENTRE = "lon=105.95&lat=26.23&crs=wgs84"
THEN, LATER = "2026-01-02T09:00:00+08:00", "2026-11-23T09:00:00+08:00"
BATCH = [
    "id",
    "county",
    "street",
    "community",
    "grid",
    "unit",
    "building",
    "people",
    "how",
    "error",
]
csv.field_size_limit(10**9)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def dumped(site: Deployment, layer: str, folder: Path) -> list[dict[str, str]]:
    done = site.run_inside("dump", layer, folder / f"{layer}.csv")
    assert done.returncode == 0, done.stderr
    return rows_of(folder / f"{layer}.csv")


@dataclass(frozen=True)
class Tower:
    """A building with several units, and its homes as (stairwell, floor, room, unit)."""

    code: str
    community: str
    estate: str
    name: str
    lon: float
    lat: float
    homes: list[tuple[str, str, str, str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("acceptance")


@pytest.fixture(scope="module")
def grids(served: Deployment, folder: Path) -> dict[str, shapely.Geometry]:
    return {row["code"]: shapely.from_wkt(row["wkt"]) for row in dumped(served, "grids", folder)}


@pytest.fixture(scope="module")
def served(served: Deployment) -> Deployment:
    """The pilot, asked with a key that is told names."""
    phrase = ("--action", "names.read", "--area", "520402", "--per-minute", "100000")
    completed = served.run_inside("key", "add", "acceptance", *phrase)
    key = re.search(r"wg_\S+", completed.stdout)
    assert key, completed.stdout + completed.stderr
    return replace(served, key=key[0])


@pytest.fixture(scope="module")
def tower(served: Deployment, folder: Path) -> Tower:
    """The building with the most units."""
    homes = defaultdict(list)
    for row in dumped(served, "households", folder):
        homes[row["building"]].append((row["stairwell"], row["floor"], row["room"], row["unit"]))
    code = max(homes, key=lambda item: len({home[3] for home in homes[item]}))
    row = next(row for row in dumped(served, "buildings", folder) if row["code"] == code)
    inside = shapely.from_wkt(row["wkt"]).representative_point()
    chain = served.get(f"/api/v1/locate?lon={inside.x}&lat={inside.y}&crs=cgcs2000")["areas"]
    community = next(area["name"] for area in chain if area["level"] == "community")
    return Tower(code, community, row["estate"], row["name"], inside.x, inside.y, homes[code])


@pytest.fixture(scope="module")
def restored(served: Deployment, folder: Path) -> Iterator[Deployment]:
    """A second deployment: a backup of the first, restored and served beside it."""
    backup = folder / "pilot.backup"
    assert served.run("db", "backup", backup).returncode == 0
    with deployment_folder() as var:
        done = Deployment(var).run("db", "restore", "--yes", backup)
        assert done.returncode == 0, done.stderr
        with serving(var, "--no-jobs") as url:
            yield Deployment(var, url, served.key)


def many(site: Deployment, points: list[dict]) -> list[dict]:
    reply = site.ask("/api/v1/locate", {"points": points})
    assert reply.status == 200, reply.body[:500]
    return reply.json()["results"]


def codes(answer: dict) -> dict[str, str]:
    return {area["level"]: area["code"] for area in answer["areas"]}


def problem(reply: Reply, status: int) -> dict:
    """The problem document of an answer, its members checked."""
    assert (reply.status, reply.kind) == (status, "application/problem+json"), reply.body[:300]
    body = reply.json()
    assert {"type", "title", "status", "detail"} <= body.keys() and body["status"] == status
    assert body["title"] and body["detail"] and "Traceback" not in body["detail"]
    return body


# the published forward formulas of GCJ-02 and BD-09, written again here


def gcj02(lon: float, lat: float) -> tuple[float, float]:
    def waves(v: float, *terms: tuple[float, float]) -> float:
        return sum(a * math.sin(f * v * math.pi) for a, f in terms) * 2 / 3

    x, y = lon - 105, lat - 35
    both = waves(x, (20, 6), (20, 2))
    dlat = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x)) + both
    dlat += waves(y, (20, 1), (40, 1 / 3)) + waves(y, (160, 1 / 12), (320, 1 / 30))
    dlon = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x)) + both
    dlon += waves(x, (20, 1), (40, 1 / 3)) + waves(x, (150, 1 / 12), (300, 1 / 30))
    a, ee = 6378245.0, 0.00669342162296594323
    phi = math.radians(lat)
    w = 1 - ee * math.sin(phi) ** 2
    return (
        lon + math.degrees(dlon / (a / math.sqrt(w) * math.cos(phi))),
        lat + math.degrees(dlat / (a * (1 - ee) / w**1.5)),
    )


def bd09(lon: float, lat: float) -> tuple[float, float]:
    x, y = gcj02(lon, lat)
    z = math.hypot(x, y) + 0.00002 * math.sin(y * math.pi * 3000 / 180)
    theta = math.atan2(y, x) + 0.000003 * math.cos(x * math.pi * 3000 / 180)
    return z * math.cos(theta) + 0.0065, z * math.sin(theta) + 0.006


SYSTEMS = {"wgs84": lambda *p: p, "cgcs2000": lambda *p: p, "gcj02": gcj02, "bd09": bd09}


# locate


def test_the_three_ways_of_asking_give_one_answer_of_the_agreed_shape(served, folder):
    got = served.get(f"/api/v1/locate?{CENTRE}&at={LATER}")
    posted = many(served, [{"id": "x", **PLACE, "at": LATER}])[0]
    completed = served.run("locate", 105.95, 26.23, "--crs", "wgs84", "--at", LATER, "--json")
    assert completed.returncode == 0 and completed.stderr == ""
    assert (
        completed.stdout.count("\n") == 1
        and json.loads(completed.stdout) == got == posted["answer"]
    )
    assert posted["id"] == "x" and posted.get("error") is None

    assert {
        "point",
        "at",
        "revision",
        "areas",
        "building",
        "unit",
        "unit_candidates",
        "people",
        "how",
    } <= got.keys()
    assert (
        got["point"]["crs"] == "cgcs2000"
        and got["at"] == LATER
        and isinstance(got["revision"], int)
    )
    assert [area["level"] for area in got["areas"]] == ["county", "street", "community", "grid"]
    assert all(area["code"] and area["name"] for area in got["areas"])
    county, street, community, grid = (area["code"] for area in got["areas"])
    assert [len(code) for code in (county, street, community, grid)] == [6, 9, 12, 15]
    assert grid.startswith(community) and community.startswith(street) and street.startswith(county)
    assert {"grid_leader", "grid_worker"} <= {person["role"] for person in got["people"]}
    assert all(
        {"role", "name", "area", "stands_in_for", "why"} <= person.keys()
        for person in got["people"]
    )
    assert [person["step"] for person in got["how"]][:3] == ["grid", "building", "unit"]
    assert all({"step", "rule", "zh", "en"} <= person.keys() for person in got["how"])
    assert all(re.search("[一-鿿]", person["zh"]) for person in got["how"])


def test_a_point_in_any_of_the_four_systems_is_the_same_place(served, grids):
    rng = random.Random(4)
    places = [(rng.uniform(105.9395, 105.958), rng.uniform(26.2245, 26.2365)) for _ in range(60)]
    shift = GEOD.inv(*places[0], *gcj02(*places[0]))[2]
    assert 400 < shift < 600  # the formulas written here do shift, as they do around Anshun
    queries = [(system, location) for location in places for system in SYSTEMS]
    points = [
        dict(zip(("lon", "lat"), SYSTEMS[s](*location), strict=True), crs=s)
        for s, location in queries
    ]
    results = many(served, points)
    by_place = defaultdict(list)
    for (_, location), result in zip(queries, results, strict=True):
        by_place[location].append(result)
    inside = 0
    for location, outcome in by_place.items():
        if "error" in outcome[0] and outcome[0]["error"]:
            assert all(item.get("error") for item in outcome)
            continue
        inside += 1
        assert len({codes(item["answer"])["grid"] for item in outcome}) == 1
        assert all(
            GEOD.inv(*location, item["answer"]["point"]["lon"], item["answer"]["point"]["lat"])[2]
            < 0.05
            for item in outcome
        )
        covering = [code for code, shape in grids.items() if shape.covers(shapely.Point(location))]
        assert not covering or codes(outcome[0]["answer"])["grid"] == min(covering)
    assert inside > 40


def test_a_point_on_a_border_belongs_to_the_lower_code_and_says_so(served, grids):
    owners = defaultdict(set)
    for code, shape in grids.items():
        for vertex in map(tuple, shapely.get_coordinates(shape).tolist()):
            owners[vertex].add(code)
    shared = {vertex: stored for vertex, stored in owners.items() if len(stored) > 1}
    assert len(shared) > 50
    results = many(served, [{"lon": x, "lat": y, "crs": "cgcs2000"} for x, y in shared])
    for stored, result in zip(shared.values(), results, strict=True):
        assert codes(result["answer"])["grid"] == min(stored)
        how = result["answer"]["how"][0]
        assert (how["step"], how["rule"]) == ("grid", "border_lower_code")
        assert (
            "代码较小" in how["zh"]
            and "lower code" in how["en"]
            and min(stored) in how["zh"]
            and min(stored) in how["en"]
        )


def test_outside_every_grid_the_nearest_within_50_m_answers_and_beyond_is_named_with_its_distance(
    served, grids
):
    west = min(shapely.get_coordinates(list(grids.values())).tolist())
    nearest = min(code for code, shape in grids.items() if shape.touches(shapely.Point(west)))
    for metres in (1, 20, 49, 51, 300, 20_000, 5_000_000):
        lon, lat, _ = GEOD.fwd(west[0], west[1], 270, metres)
        path = f"/api/v1/locate?lon={lon}&lat={lat}&crs=cgcs2000"
        if metres <= 50:
            payload = served.get(path)
            how = payload["how"][0]
            assert codes(payload)["grid"] == nearest and how["rule"] == "nearest_within_50m"
            assert re.search(r"[\d.]+米", how["zh"]) and re.search(r"[\d.]+ m\b", how["en"])
        else:
            refused = problem(served.ask(path), 404)
            assert (
                refused["distance_m"] == pytest.approx(metres, rel=0.002)
                and refused["nearest"]["code"] in grids
            )
            assert refused["nearest"]["code"] in refused["detail"]
            if metres < 1000:
                assert refused["nearest"]["code"] == nearest


def test_who_answered_then_and_who_answers_now_may_differ_and_each_stand_in_says_why(served, grids):
    middles = [shape.representative_point() for shape in grids.values()]
    points = [
        {"lon": p.x, "lat": p.y, "crs": "cgcs2000", "at": at}
        for at in (THEN, LATER)
        for p in middles
    ]
    results = [result["answer"] for result in many(served, points)]
    then, later = results[: len(middles)], results[len(middles) :]
    assert [codes(result) for result in then] == [codes(result) for result in later]
    assert {result["at"] for result in then} == {THEN} and {result["at"] for result in later} == {
        LATER
    }
    assert any(
        [p["name"] for p in a["people"]] != [p["name"] for p in b["people"]]
        for a, b in zip(then, later, strict=True)
    )
    standing_in = [p for result in results for p in result["people"] if p["stands_in_for"]]
    assert standing_in and all(p["why"] in ("leave", "vacancy") and p["name"] for p in standing_in)
    assert all(p["name"] == p["deputy"] and p["name"] != p["holder"] for p in standing_in)
    problem(served.ask(f"/api/v1/locate?{CENTRE}&at=2020-01-01"), 404)  # no boundary held then


def spoken(number: str) -> str:
    """A number below 100 in Chinese words."""
    digits = "零一二三四五六七八九"
    tens, ones = divmod(int(number), 10)
    return (
        (digits[tens] if tens > 1 else "")
        + ("十" if tens else "")
        + (digits[ones] if ones or not tens else "")
    )


def test_an_address_as_people_write_it_picks_the_unit_inside_a_tower(served, tower):
    candidates = many(served, [{"lon": tower.lon, "lat": tower.lat, "crs": "cgcs2000"}])[0][
        "answer"
    ]
    assert (
        candidates["building"]["code"] == tower.code and candidates["building"]["distance_m"] == 0
    )
    assert candidates["unit"] is None
    assert {unit_candidate["code"] for unit_candidate in candidates["unit_candidates"]} == {
        home[3] for home in tower.homes
    }

    number = "".join(re.findall(r"\d", tower.name))
    points, expected = [], []
    for stairwell, _, room, unit in tower.homes[::9]:
        named = stairwell or "1"
        for address in (
            f"{tower.community}{tower.estate}{tower.name}{named}单元{room}室",
            f"{tower.estate}{number}栋{named}单元{room}",
            f"{tower.estate}{spoken(number)}号楼{spoken(named)}单元{room}室",
            f"{number}-{named}-{room}",
            f"{number}#{named}单元{room}".translate(
                str.maketrans("0123456789#", "０１２３４５６７８９＃")
            ),
            f" {tower.name} {named}单元 {room}室 ",
        ):
            points.append(
                {"lon": tower.lon, "lat": tower.lat, "crs": "cgcs2000", "address": address}
            )
            expected.append(unit)
    results = many(served, points)
    wrong = [
        (point["address"], unit, result["answer"]["unit"])
        for point, unit, result in zip(points, expected, results, strict=True)
        if not result["answer"]["unit"] or result["answer"]["unit"]["code"] != unit
    ]
    assert not wrong
    assert len(set(expected)) > 4


def test_a_floor_decides_where_it_lies_in_one_unit_and_an_impossible_address_leaves_the_candidates(
    served, tower
):
    by_floor = defaultdict(set)
    for stairwell, floor, _, unit in tower.homes:
        by_floor[stairwell or "1", floor].add(unit)
    position = {"lon": tower.lon, "lat": tower.lat, "crs": "cgcs2000"}
    sure = [(key, units) for key, units in by_floor.items() if len(units) == 1][::4]
    queries = [
        position | {"address": f"{tower.name}{spoken(s)}单元{spoken(f)}楼"} for (s, f), _ in sure
    ]
    for (key, units), result in zip(sure, many(served, queries), strict=True):
        assert {result["answer"]["unit"]["code"]} == units, key
    lost = many(
        served,
        [
            position | {"address": f"{tower.name}1单元9901室"},
            position | {"address": "<script>alert(1)</script>"},
        ],
    )
    for result in lost:
        assert result["answer"]["building"]["code"] == tower.code
        assert result["answer"]["unit"] is None and len(result["answer"]["unit_candidates"]) > 4


BAD_POINTS: dict[str, tuple[dict[str, object], str]] = {
    "no longitude": ({"lat": 26.23, "crs": "wgs84"}, "lon"),
    "no crs": ({"lon": 105.95, "lat": 26.23}, "crs"),
    "empty crs": (PLACE | {"crs": ""}, "crs"),
    "unknown crs": (PLACE | {"crs": "epsg:4326"}, "crs"),
    "latitude first": ({"lon": 26.23, "lat": 105.95, "crs": "wgs84"}, "lon"),
    "not a number": (PLACE | {"lon": math.nan}, "lon"),
    "infinite": (PLACE | {"lat": math.inf}, "lat"),
    "longitude out of range": (PLACE | {"lon": 205.95}, "lon"),
    "latitude out of range": (PLACE | {"lat": -91}, "lat"),
    "words": (PLACE | {"lon": "east"}, "lon"),
    "GCJ-02 outside China": ({"lon": 2.35, "lat": 48.85, "crs": "gcj02"}, "crs"),
    "BD-09 outside China": ({"lon": 2.35, "lat": 48.85, "crs": "bd09"}, "crs"),
    "no time": (PLACE | {"at": "yesterday"}, "at"),
}


@pytest.mark.parametrize("case", BAD_POINTS)
def test_a_bad_point_is_refused_with_its_field_named(served, case):
    point, field = BAD_POINTS[case]
    refused = problem(
        served.ask("/api/v1/locate?" + "&".join(f"{key}={value}" for key, value in point.items())),
        422,
    )
    assert field in {error["field"] for error in refused["errors"]} and all(
        error["message"] for error in refused["errors"]
    )
    initial, second = many(served, [point, PLACE])  # in a batch it is refused alone
    assert field in {error["field"] for error in initial["error"]["errors"]} and not initial.get(
        "answer"
    )
    assert second["answer"] and not second.get("error")


@pytest.mark.parametrize(
    "body", [b"", b"nonsense", b"{", b"[]", b"{}", b'{"points": 3}', b'{"points": [3]}', b"\xff"]
)
def test_a_broken_body_is_a_problem(served, body):
    reply = served.ask("/api/v1/locate", body)
    problem(reply, 422 if reply.status == 422 else 400)


def test_ten_thousand_points_are_answered_and_one_more_is_too_many(served):
    results = many(served, [{"id": number, **PLACE} for number in range(10_000)])
    assert [result["id"] for result in results] == list(range(10_000))
    assert (
        "10,000"
        in problem(served.ask("/api/v1/locate", {"points": [PLACE] * 10_001}), 413)["detail"]
    )


def test_a_file_keeps_its_order_and_every_row_has_a_grid_or_an_error(served, tower, folder):
    rng = random.Random(7)
    queries: list[dict] = []
    for number in range(300):
        system = rng.choice([*SYSTEMS])
        lon, lat = SYSTEMS[system](rng.uniform(105.937, 105.96), rng.uniform(26.222, 26.239))
        queries.append(
            {"id": f"r{number}", "lon": lon, "lat": lat, "crs": system, "address": "", "at": LATER}
        )
    for case, (point, _) in BAD_POINTS.items():
        queries.append(
            {"id": case, "lon": "", "lat": "", "crs": "", "address": "", "at": LATER} | point
        )
    home = tower.homes[-1]
    room = f"{tower.name}{home[0] or 1}单元{home[2]}室"
    queries.append(
        {
            "id": "001",
            "lon": tower.lon,
            "lat": tower.lat,
            "crs": "cgcs2000",
            "address": room,
            "at": LATER,
        }
    )
    rng.shuffle(queries)
    source, target = folder / "in.csv", folder / "out.csv"
    with source.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["id", "lon", "lat", "crs", "address", "at"])
        writer.writeheader()
        writer.writerows(queries)
    done = served.run("locate", "--batch", source, target, "--json")
    assert done.returncode == 0, done.stderr
    rows = rows_of(target)
    summary = json.loads(done.stdout)
    assert summary["rows"] == len(queries) and summary["located"] == sum(
        bool(row["grid"]) for row in rows
    )
    assert list(rows[0]) == BATCH and [row["id"] for row in rows] == [row["id"] for row in queries]
    assert all(bool(row["grid"]) != bool(row["error"]) for row in rows)
    assert all(not any(row[key] for key in BATCH[1:9]) for row in rows if row["error"])
    by_id = {row["id"]: row for row in rows}
    assert all(by_id[case]["error"] for case in BAD_POINTS)
    assert by_id["001"]["unit"] == home[3] and by_id["001"]["building"] == tower.code

    good = [row for row in queries if row["id"] not in BAD_POINTS]
    for point, result in zip(
        good, many(served, good), strict=True
    ):  # the service says the same, point by point
        row = by_id[str(point["id"])]
        if result.get("error"):
            assert row["error"] == result["error"]["detail"]
            continue
        answer = result["answer"]
        assert {key: row[key] for key in BATCH[1:5]} == codes(answer)
        assert row["building"] == (answer["building"] or {"code": ""})["code"]
        assert row["unit"] == (answer["unit"] or {"code": ""})["code"]
        assert row["people"] == ";".join(
            f"{person['role']}:{person['name'] or ''}" for person in answer["people"]
        )
        steps = [person for person in answer["how"] if person["step"] != "answerable"]
        assert row["how"] == ";".join(f"{person['step']}:{person['rule']}" for person in steps)


def test_a_file_of_wrong_columns_or_onto_itself_is_refused_and_nothing_is_written(served, folder):
    source = folder / "wrong.csv"
    source.write_text("id,lon,lat,height\na,105.95,26.23,1\n")
    done = served.run_inside("locate", "--batch", source, folder / "never.csv")
    assert (done.returncode, done.stdout) == (1, "") and not (folder / "never.csv").exists()
    assert "missing: 'crs'" in done.stderr and "not known: 'height'" in done.stderr
    source.write_text("id,lon,lat,crs\na,105.95,26.23,wgs84\n")
    assert served.run_inside("locate", "--batch", source, source).returncode == 1
    assert source.read_text().startswith("id,lon,lat,crs")


@pytest.mark.parametrize(
    ("arguments", "code", "output"),
    [
        ("locate 26.23 105.95 --crs wgs84 --json", 1, "latitude first"),
        ("locate 105.95 26.23", 2, "--crs"),
        ("serve --nonsense", 2, "Usage"),
    ],
)
def test_exit_codes_are_1_for_refused_input_and_2_for_wrong_usage_with_the_reason_on_stderr(
    served, arguments, code, output
):
    done = served.run(*arguments.split())
    assert (done.returncode, done.stdout) == (code, "")
    assert output in done.stderr and "Traceback" not in done.stderr


# areas


@pytest.mark.parametrize(
    ("level", "count"),
    [("county", 1), ("street", 2), ("community", 3), ("grid", 35), ("unit", 510)],
)
def test_areas_page_without_loss_or_repeat(served, level, count):
    seen: list[str] = []
    cursor, pages = "", 0
    step = 97 if level == "unit" else 2
    while cursor is not None:
        page = served.get(
            f"/api/v1/areas?level={level}&limit={step}" + (f"&cursor={cursor}" if cursor else "")
        )
        assert len(page["items"]) <= step and all(item["level"] == level for item in page["items"])
        seen += [item["code"] for item in page["items"]]
        cursor, pages = page["next"], pages + 1
    assert seen == sorted(set(seen)) and len(seen) == count and pages == math.ceil(count / step)


def test_children_chain_and_geometry_agree_down_the_hierarchy(served, grids):
    names = {
        item["name"]: item["code"] for item in served.get("/api/v1/areas?level=community")["items"]
    }
    assert names == {
        "学苑社区": "520402007004",
        "西兴社区": "520402007012",
        "青松社区": "520402100001",
    }
    for community in names.values():
        parent = served.ask(f"/api/v1/areas/{community}?geometry=true")
        assert parent.kind == "application/geo+json"
        whole = shapely.geometry.shape(parent.json()["geometry"])
        children = served.get(f"/api/v1/areas/{community}/children?limit=1000")["items"]
        private = [grids[child["code"]] for child in children]
        assert {child["parent"] for child in children} == {community}
        assert (
            whole.is_valid and whole.symmetric_difference(shapely.union_all(private)).area < 1e-14
        )
        assert sum(shape.area for shape in private) == pytest.approx(
            whole.area, rel=1e-9
        )  # no gap, no overlap
    feature = served.get(f"/api/v1/areas/{children[0]['code']}?geometry=true")
    assert feature["type"] == "Feature" and "crs" not in feature["geometry"]
    assert shapely.geometry.shape(feature["geometry"]).equals(private[0])
    assert shapely.is_ccw(shapely.geometry.shape(feature["geometry"]).geoms[0].exterior)  # RFC 7946
    assert [area["level"] for area in feature["properties"]["above"]] == [
        "county",
        "street",
        "community",
    ]
    history = served.get(f"/api/v1/areas/{children[0]['code']}/history")
    assert len(history["boundaries"]) == 1 and history["boundaries"][0]["valid_to"] is None


# facilities


def test_circles_of_more_minutes_hold_those_of_fewer_and_more_households(served):
    facilities = served.get("/api/v1/facilities?limit=1000")["items"]
    assert len({item["code"] for item in facilities}) == len(facilities) > 100
    grew = 0
    for facility in facilities[:: len(facilities) // 6]:
        shapes, counts = [], []
        for minutes in (5, 10, 15):
            reply = served.ask(f"/api/v1/facilities/{facility['code']}/circle?minutes={minutes}")
            assert reply.status == 200 and reply.kind == "application/geo+json"
            body = reply.json()
            assert body["type"] == "FeatureCollection" and len(body["features"]) == 1
            feature = body["features"][0]
            assert feature["properties"]["minutes"] == minutes
            shapes.append(shapely.geometry.shape(feature["geometry"]))
            counts.append((feature["properties"]["households"], feature["properties"]["people"]))
            assert shapes[-1].is_valid and shapes[-1].area > 0
            point = shapely.Point(facility["lon"], facility["lat"])
            # nobody walks further than 1.25 m/s: the whole lies within that as the crow flies, and
            # a leg of 100 m
            east = [
                GEOD.inv(point.x, point.y, x, y)[2]
                for x, y in shapely.get_coordinates(shapes[-1]).tolist()
            ]
            assert max(east) < minutes * 75 + 1
        for small, large in ((0, 1), (1, 2)):
            assert shapes[small].difference(shapes[large]).area < 0.001 * shapes[small].area
            assert counts[small][0] <= counts[large][0] and counts[small][1] <= counts[large][1]
        grew += counts[0][0] < counts[1][0] < counts[2][0]
    assert grew >= 4


def test_the_nearest_of_each_category_is_as_far_as_its_minutes_say(served):
    items = served.get(f"/api/v1/facilities/nearest?{CENTRE}")["items"]
    assert len(items) > 5 and len({item["category"] for item in items}) == len(items)
    assert [item["walk_m"] for item in items] == sorted(item["walk_m"] for item in items)
    for item in items:
        assert (
            item["minutes"] == pytest.approx(item["walk_m"] / 75, abs=0.051)
            and item["minutes"] <= 15
        )
        assert item["walk_m"] >= GEOD.inv(105.95, 26.23, item["lon"], item["lat"])[2] - 0.1
    fewer = served.get(f"/api/v1/facilities/nearest?{CENTRE}&minutes=5")["items"]
    assert fewer == [item for item in items if item["walk_m"] <= 375]
    lon, lat = gcj02(105.95, 26.23)
    shifted = served.get(f"/api/v1/facilities/nearest?lon={lon}&lat={lat}&crs=gcj02")["items"]
    assert [item["code"] for item in shifted] == [item["code"] for item in items]


# maps


def test_tiles_are_there_empty_or_unknown_and_are_not_sent_twice(served):
    z = 15
    x = int((105.95 + 180) / 360 * 2**z)
    y = int((1 - math.asinh(math.tan(math.radians(26.23))) / math.pi) / 2 * 2**z)
    for layer in ("base", "city", "grids", "facilities"):
        full = served.ask(f"/tiles/{layer}/{z}/{x}/{y}.mvt")
        assert (
            full.status == 200
            and full.kind == "application/vnd.mapbox-vector-tile"
            and len(full.body) > 100
        )
        again = served.ask(f"/tiles/{layer}/{z}/{x}/{y}.mvt", If_None_Match=full.headers["etag"])
        assert (again.status, again.body) == (304, b"")
        empty = served.ask(f"/tiles/{layer}/{z}/3/3.mvt")
        assert (empty.status, empty.body) == (204, b"")
    problem(served.ask(f"/tiles/nothing/{z}/{x}/{y}.mvt"), 404)
    problem(served.ask(f"/tiles/grids/{z}/{2**z}/{y}.mvt"), 422)


def test_every_layer_says_itself_and_answers_a_rectangle_in_plain_geojson(served):
    layers = served.get("/api/v1/layers")
    assert {"grids", "units", "buildings", "facilities", "circles", "communities"} <= {
        error["name"] for error in layers
    }
    for layer in layers:
        assert layer["title"]["zh"] and layer["title"]["en"]
        reply = served.ask(
            f"/api/v1/layers/{layer['name']}?bbox=105.945,26.228,105.952,26.232&limit=20000"
        )
        assert (reply.status, reply.kind) == (200, "application/geo+json")
        body = reply.json()
        assert body["type"] == "FeatureCollection" and body["truncated"] is False
        for feature in body["features"]:
            assert feature["type"] == "Feature" and feature["geometry"].keys() == {
                "type",
                "coordinates",
            }
    box = shapely.box(105.945, 26.228, 105.952, 26.232)
    features = served.get("/api/v1/layers/grids?bbox=105.945,26.228,105.952,26.232")["features"]
    assert features and all(
        shapely.geometry.shape(error["geometry"]).intersects(box) for error in features
    )
    for wrong in (
        "",
        "?bbox=1,2,3",
        "?bbox=106,27,105,26",
        "?bbox=26.2,105.9,26.3,106.1",
        "?bbox=nan,1,2,3",
    ):
        refused = problem(served.ask(f"/api/v1/layers/grids{wrong}"), 422)
        assert [error["field"] for error in refused["errors"]] == ["bbox"]
    problem(served.ask("/api/v1/layers/nothing?bbox=105,26,106,27"), 404)


def test_pages_load_nothing_from_another_host_and_say_that_the_pilot_is_made_up(served):
    for path in ("/", "/docs"):
        page = served.ask(path, Accept="text/html")
        text = page.body.decode()
        assert page.status == 200 and page.kind == "text/html"
        loaded = re.findall(
            r"<(?:script|link|img|iframe|source)\b[^>]*?\b(?:src|href)\s*=\s*[\"']([^\"']+)", text
        )
        assert loaded and not [item for item in loaded if re.match(r"(?:https?:)?//", item)]
        for item in loaded:
            if item.startswith("/"):
                asset = served.ask(item)
                assert asset.status == 200, item
                if item.split("?")[0].endswith(".css"):
                    assert not re.search(
                        rb"(?:url\(|@import)\s*[\"']?(?:https?:)?//", asset.body
                    ), item
    assert re.search("虚构|示例", served.ask("/", Accept="text/html").body.decode())


# running it


DOCUMENTED = """/api/v1/locate /api/v1/areas /api/v1/areas/{code} /api/v1/areas/{code}/children
/api/v1/areas/{code}/history /api/v1/facilities /api/v1/facilities/{code}/circle /tiles/{layer}/{z}/{x}/{y}.mvt
/api/v1/layers/{layer} /healthz /readyz /metrics"""  # noqa: E501


def test_openapi_is_3_1_and_lists_every_documented_path(served):
    described = served.get("/openapi.json")
    assert (
        described["openapi"].startswith("3.1")
        and set(DOCUMENTED.split()) <= described["paths"].keys()
    )
    assert {"get", "post"} <= described["paths"]["/api/v1/locate"].keys()
    for path, operations in described["paths"].items():
        for operation in operations.values():
            assert operation["summary"] and operation["responses"], path
            for status, response in operation["responses"].items():
                assert status < "400" or list(response["content"]) == [
                    "application/problem+json"
                ], path
    tile = described["paths"]["/tiles/{layer}/{z}/{x}/{y}.mvt"]["get"]["responses"]
    assert "application/vnd.mapbox-vector-tile" in tile["200"]["content"] and "204" in tile


def test_health_readiness_and_figures(served):
    assert served.ask("/healthz").status == served.ask("/readyz").status == 200
    served.get(f"/api/v1/locate?{CENTRE}")
    figures = served.ask("/metrics")
    assert figures.kind == "text/plain"
    assert re.search(rb'^\w+\{[^}]*locate[^}]*status="200"[^}]*\} [1-9]', figures.body, re.M)


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/api/v1/nothing", "GET", 404),
        ("/nothing", "GET", 404),
        ("/api/v1/areas", "DELETE", 405),
        ("/api/v1/areas/999", "GET", 404),
        ("/api/v1/areas/999/children", "GET", 404),
        ("/api/v1/areas/999/history", "GET", 404),
        ("/api/v1/areas?level=planet", "GET", 422),
        ("/api/v1/areas?limit=0", "GET", 422),
        ("/api/v1/areas?cursor=@@", "GET", 422),
        ("/api/v1/areas?at=x", "GET", 422),
        ("/api/v1/facilities/none/circle", "GET", 404),
        ("/api/v1/facilities?category=none", "GET", 422),
        ("/api/v1/facilities?bbox=1,2,3", "GET", 422),
        ("/api/v1/facilities?area=999", "GET", 404),
        (f"/api/v1/facilities/nearest?{CENTRE}&minutes=0", "GET", 422),
        ("/api/v1/facilities/nearest?lon=26.23&lat=105.95&crs=wgs84", "GET", 422),
        ("/api/v1/search?q=", "GET", 422),
    ],
)
def test_whatever_is_wrong_is_answered_as_a_problem(served, path, method, status):
    refused = problem(served.ask(path, method=method), status)
    assert (status == 422) == bool(refused.get("errors"))


def test_a_circle_of_unknown_walkers_or_no_minutes_is_refused(served):
    code = served.get("/api/v1/facilities?limit=1")["items"][0]["code"]
    for queries, field in (
        ("minutes=0", "minutes"),
        ("minutes=x", "minutes"),
        ("profile=bird", "profile"),
    ):
        refused = problem(served.ask(f"/api/v1/facilities/{code}/circle?{queries}"), 422)
        assert [error["field"] for error in refused["errors"]] == [field]


def test_serving_on_a_taken_port_says_so(served):
    port = served.url.rsplit(":", 1)[1]
    done = served.run("serve", "--port", port)
    assert done.returncode == 1 and port in done.stderr and "--port" in done.stderr
    assert served.ask("/healthz").status == 200


# a second deployment: backup and restore, loads


def test_a_restored_backup_served_beside_the_first_answers_the_same(served, restored, grids):
    assert restored.url != served.url and restored.var != served.var
    rng = random.Random(3)
    points = [
        {
            "lon": rng.uniform(105.938, 105.959),
            "lat": rng.uniform(26.223, 26.238),
            "crs": "wgs84",
            "at": at,
        }
        for at in (THEN, LATER)
        for _ in range(200)
    ]
    assert many(restored, points) == many(served, points)
    code = served.get("/api/v1/facilities?limit=1")["items"][0]["code"]
    circle = f"/api/v1/facilities/{code}/circle"
    assert restored.get(circle) == served.get(circle)


def test_a_broken_backup_changes_nothing(restored, folder):
    broken = folder / "broken.backup"
    broken.write_bytes((folder / "pilot.backup").read_bytes()[:20_000])
    done = restored.run("db", "restore", "--yes", broken)
    assert done.returncode == 1 and done.stderr and "Traceback" not in done.stderr
    assert restored.get(f"/api/v1/locate?{CENTRE}")["areas"]


def test_a_paper_and_people_are_written_by_command(served, folder):
    file, people = folder / "weekly.docx", folder / "people.csv"
    asked = ("--area", "520402007004", "--period", "2026", "--format", "docx", "--out", file)
    done = served.run_inside("paper", "weekly", *asked)
    assert done.returncode == 0, done.stderr
    assert file.read_bytes().startswith(b"PK")
    assert served.run_inside("paper", "stars", *asked).returncode == 0
    formula = folder / "formula.xlsx"
    assert served.run_inside("formula", "dump", "points", formula).returncode == 0
    year = str(datetime.now(ZoneInfo("Asia/Shanghai")).year)
    asked = ("points", "520402", year)
    published = served.run_inside("formula", "publish", *asked, formula)
    assert "Dry run" in published.stdout, published.stderr
    assert "handled in time (urgent): 1" in served.run_inside("formula", "show", *asked).stdout
    assert "not over" in served.run_inside("formula", "close", *asked).stderr
    assert served.run_inside("dump", "people", people).returncode == 0
    report = json.loads(served.run_inside("load", "people", people, "--json").stdout)
    assert report["refused"] == []
    assert {name: report["counts"][name] for name in ("new_posts", "changed_posts")} == {
        "new_posts": 0,
        "changed_posts": 0,
    }


def test_a_dump_loads_back_as_unchanged(restored, folder):
    file = folder / "grids.gpkg"
    assert restored.run_inside("dump", "grids", file).returncode == 0
    done = restored.run_inside("load", "areas", file, "--level", "grid", "--commit", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 0 and report["committed"] and not report["refused"]
    assert report["counts"]["rows"] == report["counts"]["unchanged"] == 35
    assert report["counts"]["new"] == report["counts"]["changed"] == 0


def test_a_rehearsal_changes_nothing_and_committing_twice_changes_nothing_more(restored, folder):
    code = "520402007004001"
    file, position = folder / "renamed.geojson", f"/api/v1/areas/{code}"
    feature = restored.get(f"{position}?geometry=true")
    old, name = restored.get(f"{position}/history"), "学苑<b>一</b>网格"
    feature["properties"] = {"code": code, "name": name}
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    load = ("load", "areas", file, "--level", "grid", "--json")

    rehearsed = json.loads(restored.run_inside(*load).stdout)
    assert rehearsed["counts"]["changed"] == 1 and not rehearsed["committed"]
    assert (
        restored.get(position)["name"] == "学苑第1网格"
        and restored.get(f"{position}/history") == old
    )

    initial, second = (json.loads(restored.run_inside(*load, "--commit").stdout) for _ in range(2))
    assert (
        initial["committed"]
        and initial["counts"]["changed"] == 1
        and restored.get(position)["name"] == name
    )
    assert (
        second["counts"]["changed"] == second["counts"]["new"] == 0
        and second["counts"]["unchanged"] == 1
    )
    new = restored.get(f"{position}/history")
    assert new["boundaries"] == old["boundaries"] and len(new["changes"]) == len(old["changes"]) + 1
    assert name.encode() not in restored.ask("/", Accept="text/html").body


def test_refused_shapes_are_named_and_nothing_of_their_file_is_kept(restored, folder):
    shapes = {
        "520402007004091": shapely.geometry.mapping(shapely.box(105.97, 26.22, 105.98, 26.23)),
        "520402007004092": {"type": "Polygon", "coordinates": [[[105.99, 26.2]] * 4]},
        "520402007004093": shapely.geometry.mapping(shapely.box(26.22, 105.97, 26.23, 105.98)),
    }
    features = [
        {
            "type": "Feature",
            "properties": {"code": code, "name": f"第{code[-2:]}网格"},
            "geometry": shape,
        }
        for code, shape in shapes.items()
    ]
    file = folder / "refused.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    done = restored.run_inside("load", "areas", file, "--level", "grid", "--commit")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert re.search("latitude", done.stderr), done.stderr
    problem(restored.ask("/api/v1/areas/520402007004091"), 404)


def test_json_is_one_document_on_stdout_and_progress_only_on_stderr(restored):
    status = restored.run("db", "status", "--json")
    circles = restored.run_inside("circles", "--minutes", "5", "--json")
    for done in (status, circles):
        assert done.returncode == 0, done.stderr
        json.loads(done.stdout)
