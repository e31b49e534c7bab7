"""Three counties on three clusters behind one service, beside one database that holds all three:
each request meets its county, and the answers are the same.
"""

import json
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session
from werkzeug.test import Client, EnvironBuilder, TestResponse

from gis.accounts import accounts, api_keys
from gis.areas.models import Area
from gis.db import allow_boundary_writes, engine
from gis.errors import Forbidden
from gis.jobs import maintenance
from gis.ops import backup, cluster, schema
from gis.ops.shards import copying, registry, states
from gis.ops.shards.people import bring_person
from gis.ops.shards.registry import ShardUrls
from gis.rights.principal import account_principal
from gis.settings import SHARD_FILE, SHARD_ID_BITS, Settings
from tests.support import build
from tests.support.map_things import tile_of
from tests.support.served import Deployment, Reply, serving, until
from tests.support.shard_city import (
    CITY,
    COUNTIES,
    WIDTH,
    ShardCity,
    border,
    inside,
    place,
    run_with,
    shard_city,
    shard_environment,
    wait_for,
)
from tests.support.sharded import empty_database
from tests.support.sign_in import ADMIN, sign_in, token, with_password
from web.shards.questions import Question
from web.shards.service import make_application

WEST, MIDDLE, EAST = COUNTIES
ACTIONS = (
    "incident.report",
    "incident.read",
    "incident.note",
    "incident.handle",
    "incident.dispatch",
    "reports.read",
    "boundary.draft",
    "boundary.publish",
)
REPORT = {"category": "06010", "description": "楼下有一堆垃圾", "channel": "web"}


@dataclass(frozen=True)
class Pair:
    """The city on shards and the same in one database, with keys for each county and the city."""

    city: ShardCity
    shards: Client
    whole: Client
    keys: dict[str, str]
    whole_keys: dict[str, str]

    def ask(
        self, path: str, body: Any = None, *, key: str = "", method: str = "", **headers: str
    ) -> TestResponse:
        """Ask the city on shards, with the key of a county or of the city."""
        return send(self.shards, path, body, self.keys.get(key, ""), method, headers)

    def ask_whole(self, path: str, body: Any = None, *, key: str = "") -> TestResponse:
        """Ask the deployment with one database the same."""
        return send(self.whole, path, body, self.whole_keys.get(key, ""), "", {})


def send(
    client: Client, path: str, body: Any, key: str, method: str, headers: dict[str, str]
) -> TestResponse:
    """Send a request, with a key or without."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    method = method or ("GET" if body is None else "POST")
    return client.open(path, method=method, json=body, headers=headers)


@pytest.fixture(scope="module")
def pair(prepared) -> Iterator[Pair]:
    with shard_city(prepared) as city:
        keys, whole_keys = (make_keys(url) for url in (city.main.owner, city.whole.owner))
        for shard in city.shards.values():
            wait_for(shard.url, "SELECT count(*) = 4 FROM personal.api_key")
        yield Pair(
            city,
            Client(make_application(city.settings, city.main.app), use_cookies=False),
            Client(make_application(city.whole_settings, city.whole.app), use_cookies=False),
            keys,
            whole_keys,
        )


def make_keys(url: str) -> dict[str, str]:
    """A key for each county, and one for the city."""
    with Session(engine(url)) as session:
        now = datetime.now(UTC)
        keys = {
            area: api_keys.add(session, f"key {area}", ACTIONS, [area], now, per_minute=100_000)
            for area in (*COUNTIES, CITY)
        }
        session.commit()
    return keys


def plain(value: Any) -> Any:
    """An answer without what differs between two databases: ids and moments."""
    differing = ("id", "revision", "at", "due", "tracking_secret", "reported_at", "version")
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items() if name not in differing}
    return [plain(item) for item in value] if isinstance(value, list) else value


POINTS = {
    "west": inside(WEST),
    "middle": inside(MIDDLE, 1),
    "east": inside(EAST),
    "border": border(MIDDLE),
    "eastern border": border(EAST),
    "just outside": place(build.LON - 0.0001, build.LAT + 0.0005),
    "outside of two": place(build.LON + 4 * build.SIDE, build.LAT + build.SIDE + 0.0002),
    "far outside": place(build.LON + 0.1, build.LAT),
    "no point": {"lon": 26.23, "lat": 105.95, "crs": "wgs84"},
    "no crs": {"lon": 105.95, "lat": 26.23, "crs": "none"},
}


@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
def test_a_place_is_located_as_in_one_deployment(pair: Pair, point):
    path = "/api/v1/locate?" + "&".join(f"{name}={value}" for name, value in point.items())
    ours, whole = pair.ask(path), pair.ask_whole(path)
    assert ours.status_code == whole.status_code
    assert plain(without_border(ours.json)) == plain(without_border(whole.json))


def without_border(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without how the grid was chosen: a county does not see that it has a neighbour."""
    if {"covers", "border_lower_code"} & {step["rule"] for step in answer.get("how", ())[:1]}:
        return answer | {"how": answer["how"][1:]}
    return answer


def test_the_common_border_is_of_the_lower_code(pair: Pair):
    answer = pair.ask("/api/v1/locate", {"points": [border(MIDDLE)]}).json["results"][0]["answer"]
    assert answer["areas"][0]["code"] == WEST


def test_many_places_of_several_counties_come_back_in_their_order(pair: Pair):
    points = [*POINTS.values(), *reversed(POINTS.values())]
    points[2] = points[2] | {"id": "mine"}
    ours, whole = (
        ask("/api/v1/locate", {"points": points}).json for ask in (pair.ask, pair.ask_whole)
    )
    assert [result["id"] for result in ours["results"]] == [
        result["id"] for result in whole["results"]
    ]
    for mine, theirs in zip(ours["results"], whole["results"], strict=True):
        assert mine.keys() == theirs.keys()
        kind = "answer" if "answer" in mine else "error"
        assert plain(without_border(mine[kind])) == plain(without_border(theirs[kind]))


def test_a_place_that_is_no_number_spoils_no_other(pair: Pair):
    points = [inside(WEST), inside(MIDDLE) | {"lon": float("nan")}, inside(EAST)]
    body = {"data": json.dumps({"points": points}), "content_type": "application/json"}
    ours, whole = (
        site.post("/api/v1/locate", **body).json["results"] for site in (pair.shards, pair.whole)
    )
    assert [("answer" in mine) for mine in ours] == [True, False, True]
    assert plain(ours[1]) == plain(whole[1])


def test_what_other_forms_name_says_its_county(pair: Pair):
    """An Open311 report by lat and long, an incident with an ending, a step of a draft."""
    application = pair.shards.application
    filed = report(pair, MIDDLE)["id"]
    with psycopg.connect(pair.city.shards[EAST].url) as connection:
        row = connection.execute("SELECT max(id) FROM revision").fetchone()
    assert row
    spot = inside(EAST)
    form = {"service_code": "06010", "lat": str(spot["lat"]), "long": str(spot["lon"])}
    for county, method, path, data in (
        (EAST, "POST", "/open311/v2/requests.json", form),
        (EAST, "GET", "/open311/v2/requests.json?" + urlencode(form), None),
        (MIDDLE, "GET", f"/open311/v2/requests/{filed}.json", None),
        (EAST, "DELETE", f"/api/v1/revisions/{row[0]}/operations/1", None),
    ):
        environ = EnvironBuilder(path, method=method, data=data).get_environ()
        assert application.choose(Question(environ, application.main)) == county, path


def report(pair: Pair, county: str, key: str = "", **headers: str) -> dict[str, Any]:
    """File the same report in a county, in both cities; what the one on shards answered."""
    body = REPORT | inside(county)
    whole = pair.ask_whole("/api/v1/incidents", body)
    ours = pair.ask("/api/v1/incidents", body, key=key, **headers)
    assert (ours.status_code, whole.status_code) == (201, 201), ours.text
    assert plain(ours.json) | {"locate": 0} == plain(whole.json) | {"locate": 0}
    return ours.json


@pytest.mark.parametrize("county", COUNTIES)
def test_a_report_lies_and_is_worked_in_its_county(pair: Pair, county):
    filed = report(pair, county)
    assert filed["assigned_to"]["area"].startswith(county)
    address = f"/api/v1/incidents/{filed['id']}"
    secret = {"X_Tracking_Secret": filed["tracking_secret"]}
    assert pair.ask(f"{address}/track", **secret).json["state"] == "dispatched"
    assert pair.ask(address, key=county).json["state"] == "dispatched"
    moved = pair.ask(f"{address}/moves", {"move": "note", "note": "在路上"}, key=county)
    assert moved.status_code == 200, moved.text
    for name, shard in pair.city.shards.items():
        with psycopg.connect(shard.url) as connection:
            row = connection.execute(
                "SELECT county FROM incident WHERE id = %s", [filed["id"]]
            ).fetchone()
        assert row == ((county,) if name == county else None)


def test_the_key_of_a_county_reaches_no_other(pair: Pair):
    address = f"/api/v1/incidents/{report(pair, EAST)['id']}"
    assert pair.ask(address, key=EAST).status_code == 200
    assert pair.ask(address, key=WEST).status_code == 404
    note = {"move": "note", "note": "不该写"}
    assert pair.ask(f"{address}/moves", note, key=WEST).status_code in (403, 404)
    listed = pair.ask("/api/v1/incidents?limit=1000", key=WEST).json["items"]
    assert {row["county"] for row in listed if "county" in row} <= {WEST}


def test_a_report_sent_twice_is_filed_once(pair: Pair):
    headers = {"Idempotency_Key": "one-and-the-same"}
    first = report(pair, MIDDLE, **headers)
    second = pair.ask("/api/v1/incidents", REPORT | inside(MIDDLE), **headers)
    assert first == second.json
    assert second.headers["Idempotency-Replayed"] == "true"
    # the answer is kept where the report is: in another county the key is new
    assert report(pair, EAST, **headers)["id"] != first["id"]


def test_the_figures_for_alarms_are_those_of_each_county(pair: Pair):
    lines = pair.ask("/metrics").text.splitlines()
    for county in COUNTIES:
        assert f'wangge_unanswered_grids{{county="{county}"}} 0.0' in lines
    assert sum(line.startswith("wangge_operators") for line in lines) == len(COUNTIES)
    assert pair.ask("/readyz").json["status"] == "ready"


def test_ids_say_their_county(pair: Pair):
    for shard in pair.city.shards.values():
        with psycopg.connect(shard.url) as connection:
            (low, high) = connection.execute("SELECT min(id), max(id) FROM boundary").fetchone()
        assert low >> SHARD_ID_BITS == high >> SHARD_ID_BITS == shard.number


FIGURES = "/api/v1/figures?since=2020-01-01"
COUNTS = ("reported", "open", "closed", "overdue", "supervised", "rated", "taken", "handled")


def test_figures_of_the_city_are_those_of_one_deployment(pair: Pair):
    for county in (WEST, MIDDLE, MIDDLE, EAST):
        report(pair, county)
    for county, moves in ((MIDDLE, ("take", "handle")), (EAST, ("take",))):
        for ask in (pair.ask, pair.ask_whole):
            listed = ask(f"/api/v1/incidents?area={county}", key=CITY)
            number = listed.json["items"][0]["id"]
            for move in moves:
                body = {"move": move, "note": "已清理"}
                done = ask(f"/api/v1/incidents/{number}/moves", body, key=county)
                assert done.status_code == 200, done.text
    whole, ours = (ask(FIGURES, key=CITY).json["items"][0] for ask in (pair.ask_whole, pair.ask))
    parts = [pair.ask(f"{FIGURES}&area={county}", key=CITY).json["items"] for county in COUNTIES]
    assert min(ours[name] for name in ("reported", "taken", "handled")) > 0
    for name in COUNTS:
        assert ours[name] == whole[name] == sum(rows[0][name] for rows in parts), name
    assert ours["rates"] == whole["rates"]
    hours = sorted(hours_to_take(pair))
    assert ours["hours_to_take"] == pytest.approx(statistics.median(hours), abs=1e-4)


def hours_to_take(pair: Pair) -> Iterator[float]:
    """The hours from report to taking of each incident, of every county, by a plain query."""
    for shard in pair.city.shards.values():
        with psycopg.connect(shard.url) as connection:
            rows = connection.execute(
                "SELECT extract(epoch FROM min(e.at) - i.reported_at) / 3600 FROM incident i"
                " JOIN incident_event e ON e.incident_id = i.id WHERE e.move = 'take'"
                " GROUP BY i.id, i.reported_at"
            )
            yield from (float(hours) for (hours,) in rows)


@pytest.mark.parametrize("per", ["county", "city", "grid", "category", "channel", "month"])
def test_figures_of_the_city_by_group_are_those_of_one_deployment(pair: Pair, per):
    whole, ours = (
        {row["key"]: (row["name"], row["reported"], row["rates"]) for row in reply.json["items"]}
        for reply in (ask(f"{FIGURES}&per={per}", key=CITY) for ask in (pair.ask_whole, pair.ask))
    )
    assert ours == whole


def test_the_list_of_the_city_is_those_of_its_counties_in_one_order(pair: Pair):
    parts = [pair.ask("/api/v1/incidents?limit=1000", key=key).json["items"] for key in COUNTIES]
    whole = sorted(
        (row for rows in parts for row in rows),
        key=lambda row: (row["reported_at"], row["id"]),
        reverse=True,
    )
    listed, path = [], "/api/v1/incidents?limit=2"
    while path:
        page = pair.ask(path, key=CITY).json
        listed += page["items"]
        path = page["next"] and f"/api/v1/incidents?limit=2&cursor={page['next']}"
    assert [row["id"] for row in listed] == [row["id"] for row in whole]
    urgent = pair.ask("/api/v1/incidents?sort=urgent&limit=1000", key=CITY).json
    assert {row["id"] for row in urgent["items"]} == {row["id"] for row in whole}
    for counted in ("situation", "counts"):
        counts = pair.ask(f"/api/v1/incidents/{counted}", key=CITY).json
        assert counts == pair.ask_whole(f"/api/v1/incidents/{counted}", key=CITY).json
    assert counts["all"] == len(whole)
    assert pair.ask("/api/v1/incidents").status_code == 401


def test_the_city_stands_over_its_counties(pair: Pair):
    differing = {"area_m2", "bbox", "point", "valid_from"}  # of shapes, which are the counties'
    for path in (f"/api/v1/areas/{CITY}", f"/api/v1/areas/{CITY}/children"):
        ours, whole = pair.ask(path).json, pair.ask_whole(path).json
        assert without(plain(ours), differing) == without(plain(whole), differing)
        assert [row["code"] for row in ours.get("items", ())] in ([], [*COUNTIES])
    for path in ("/api/v1/areas", f"/api/v1/areas/{CITY}?at=2026-01-01"):
        assert pair.ask(path).json["code"] == "shard.county_needed"


def test_a_feature_is_that_of_the_county_its_code_begins_with(pair: Pair):
    for county in COUNTIES:
        (grid, *_) = pair.ask("/api/v1/areas?level=grid", key=county).json["items"]
        path = f"/ogc/collections/grids/items/{grid['code']}"
        assert pair.ask(path).json["id"] == grid["code"]
    refused = pair.ask("/ogc/collections/grids/items").json
    assert refused["code"] == "shard.county_needed"
    assert all(county in refused["detail"] for county in COUNTIES)


def without(value: Any, names: set[str]) -> Any:
    """An answer without some members."""
    if isinstance(value, dict):
        return {name: without(item, names) for name, item in value.items() if name not in names}
    return [without(item, names) for item in value] if isinstance(value, list) else value


def test_what_is_not_of_the_whole_city_is_refused(pair: Pair):
    for path in (f"{FIGURES}&per=person", "/api/v1/facilities", "/api/v1/revisions"):
        reply = pair.ask(path, key=CITY)
        assert reply.status_code == 422, (path, reply.text)
        assert reply.json["code"].startswith("shard.")
    assert pair.ask("/api/v1/revisions", key=MIDDLE).status_code == 200


def test_a_map_over_a_border_is_that_of_the_county_one_works_in(pair: Pair, browser: Client):
    _, x, y = tile_of(build.LON + WIDTH, build.LAT, 13)
    tile = f"/tiles/city/13/{x}/{y}.mvt"
    refused = browser.get(tile)
    assert (refused.status_code, refused.json["code"]) == (422, "shard.several_counties")
    page = {"Accept": "text/html"}
    shown = browser.get(f"/?county={MIDDLE}", headers=page)
    assert f"county={MIDDLE}" in shown.text.split(".mvt?v=")[1][:60]
    chosen = browser.get(tile)
    assert chosen.status_code == 200 and f"{MIDDLE}007012".encode() in chosen.data
    assert f"{WEST}007012".encode() not in chosen.data
    # no shared cache may give it to another county
    assert "Cookie, Authorization" in chosen.headers.getlist("Vary")
    assert f"{WEST}007012".encode() in pair.ask(tile, key=WEST).data
    # the tab of a county that was shown before goes on with its own, and the choice stays
    named = browser.get(f"{tile}?county={WEST}")
    assert f"{WEST}007012".encode() in named.data
    assert "Cookie" not in str(named.headers.getlist("Vary"))
    assert browser.get(tile).data == chosen.data


def test_a_tile_that_is_none_is_refused_at_any_zoom(pair: Pair):
    for z, x, code in (
        (21, 0, "tile.unknown"),
        (1_000_000_000, 0, "tile.unknown"),
        (13, 10**30, "input.id_beyond_range"),
    ):
        reply = pair.ask(f"/tiles/city/{z}/{x}/0.mvt", key=MIDDLE)
        assert reply.json["code"] == code, reply.text


@pytest.mark.parametrize(
    "value", ["²", "9" * 5000, "-1", "0x10", "\0"], ids=["square", "long", "less", "hex", "nul"]
)
def test_an_id_that_is_none_is_no_fault_of_ours(pair: Pair, value: str):
    for name in ("post", "revision", "base", "form", "incident", "area"):
        reply = pair.ask(f"/api/v1/incidents?{urlencode({name: value})}", key=MIDDLE)
        assert reply.status_code < 500, (name, reply.text)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=40)
    | st.sampled_from([WEST, f"{EAST}007012", CITY, "wgs84", str(uuid4())]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "lon", "lat", "crs"]), inner, max_size=4)
    ),
    max_leaves=6,
)
FIELDS = ("moves", "points", "lon", "lat", "crs", "code", "codes", "between", "base", "id", "area")


@given(
    st.sampled_from(["/api/v1/incidents", "/api/v1/incidents/moves/bulk", "/api/v1/locate"]),
    st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=5) | VALUES,
)
@settings(max_examples=150, deadline=None)
def test_no_body_is_a_fault_of_ours(pair: Pair, path: str, body: Any):
    data = json.dumps(body)
    client = Client(pair.shards.application)
    reply = client.post(path, data=data, content_type="application/json")
    assert reply.status_code < 500, (data, reply.text)


@pytest.mark.parametrize("fields", [{"json": "x" * 600_000}, {f"f{n}": "x" for n in range(1500)}])
def test_a_form_that_is_too_large_is_refused(pair: Pair, fields: dict[str, str]):
    client = Client(pair.shards.application)
    reply = client.post("/api/v1/incidents", data=fields, content_type="multipart/form-data")
    assert 400 <= reply.status_code < 500, reply.text


def test_a_border_move_changes_its_county_alone(pair: Pair):
    def revisions() -> dict[str, Any]:
        return {county: pair.ask("/api/v1/revisions", key=county).json for county in COUNTIES}

    before = revisions()
    draft = pair.ask("/api/v1/revisions", {"title": "北段调整"}, key=MIDDLE)
    assert draft.status_code == 201, draft.text
    number = draft.json["id"]
    assert number >> SHARD_ID_BITS == pair.city.shards[MIDDLE].number
    west, east = (f"{MIDDLE}00701200{grid}" for grid in (1, 2))
    east_of = build.LON + 3 * build.SIDE
    line = [[east_of + 0.0002, build.LAT - 0.0001], [east_of + 0.0002, build.LAT + 0.0011]]
    operation = {
        "op": "move_border",
        "between": [west, east],
        "line": {"type": "LineString", "coordinates": line},
    }
    address = f"/api/v1/revisions/{number}"
    done = pair.ask(f"{address}/operations", operation, key=MIDDLE)
    assert done.status_code in (200, 201), done.text
    assert pair.ask(f"{address}/preview", key=WEST).status_code in (403, 404)
    published = pair.ask(f"{address}/publish", {"reason": "试"}, key=MIDDLE)
    assert published.status_code == 200, published.text
    after = revisions()
    assert {county for county in COUNTIES if before[county] != after[county]} == {MIDDLE}
    moved = place(east_of + 0.0001, build.LAT + 0.0005)
    answer = pair.ask("/api/v1/locate", {"points": [moved]}).json["results"][0]["answer"]
    assert answer["areas"][-1]["code"] == west


@pytest.fixture
def browser(pair: Pair) -> Client:
    """A browser without a session."""
    return Client(pair.shards.application)


def make_account(pair: Pair, name: str, role: str = "", area: str = "", person: str = "") -> None:
    """An account on the main database whose password is known, once every county has it.

    The deployment with one database gets the same.
    """
    for url, known in ((pair.city.main.owner, person), (pair.city.whole.owner, person[7:])):
        with Session(engine(url)) as session:
            with_password(session, name)
            created = accounts.get_account(session, name)
            if known:
                bring_person(session, pair.city.settings, known)
                accounts.link(session, ADMIN, created, person=known)
            if role:
                accounts.grant(session, ADMIN, created, role, area)
            session.commit()
    granted = "personal.access_grant g ON g.account_id = a.id"
    for shard in pair.city.shards.values():
        wait_for(
            shard.url,
            f"SELECT bool_and((a.person_id IS NOT NULL) = {bool(person)}"
            f" AND (g.id IS NOT NULL) = {bool(role)})"
            f" FROM personal.account a LEFT JOIN {granted} WHERE username = '{name}'",
        )


def test_an_account_signs_in_once_and_works_in_its_county(pair: Pair, browser: Client):
    make_account(pair, "worker", person=f"{MIDDLE}:p-员{MIDDLE}1")
    filed, elsewhere = report(pair, MIDDLE), report(pair, EAST)
    answer = sign_in(browser, "worker")
    assert answer.status_code == 303, answer.text
    assert browser.get("/work").status_code == 200
    taken = ask_as(browser, f"/api/v1/incidents/{filed['id']}/moves", {"move": "take"})
    assert (taken.status_code, taken.json["state"]) == (200, "taken"), taken.text
    refused = ask_as(browser, f"/api/v1/incidents/{elsewhere['id']}/moves", {"move": "take"})
    assert refused.status_code in (403, 404)
    assert browser.get(f"/api/v1/incidents/{elsewhere['id']}").status_code == 404
    assert browser.get("/api/v1/incidents").json["items"]


def ask_as(browser: Client, path: str, body: Any) -> TestResponse:
    """Send a change of the API as a page does."""
    return browser.post(path, json=body, headers={"X-CSRFToken": token(browser)})


def test_who_works_in_the_whole_city_chooses_the_county(pair: Pair, browser: Client):
    make_account(pair, "centre", "command_centre", CITY)
    sign_in(browser, "centre")
    page = {"Accept": "text/html"}
    asked = browser.get("/desk?state=open", headers=page)
    assert asked.status_code == 303
    choice = browser.get(asked.location, headers=page)
    assert f'href="/desk?state=open&amp;county={EAST}"' in choice.text
    assert browser.get(f"/desk?county={EAST}").status_code == 200
    assert browser.get("/desk").status_code == 200  # the browser keeps it
    rows = browser.get("/api/v1/incidents?limit=1000").json["items"]
    assert {row["id"] for row in rows} == {
        row["id"] for row in pair.ask("/api/v1/incidents?limit=1000", key=EAST).json["items"]
    }


def test_a_filter_is_counted_in_the_county_of_who_saved_it(pair: Pair, browser: Client):
    make_account(pair, "saver", "dispatcher", MIDDLE)
    pair.ask("/api/v1/incidents", REPORT | inside(MIDDLE))
    sign_in(browser, "saver")
    saved = ask_as(browser, "/api/v1/me/filters", {"name": "all", "filters": {}})
    assert (saved.status_code, saved.json["count"]) == (201, None)
    of_saver = f"SELECT EXISTS (SELECT FROM personal.saved_filter WHERE id = {saved.json['id']})"
    wait_for(pair.city.shards[MIDDLE].url, of_saver)
    (listed,) = browser.get("/api/v1/me/filters").json["items"]
    counted = pair.ask("/api/v1/incidents/counts", key=MIDDLE).json["states"]
    assert listed["count"] == sum(counted.values()) > 0


def test_a_county_admin_does_not_reach_the_people_of_another(pair: Pair):
    make_account(pair, "chief", "administrator", WEST)
    make_account(pair, "colleague", person=f"{EAST}:p-员{EAST}1")
    with Session(engine(pair.city.main.app)) as session:
        chief = accounts.get_account(session, "chief")
        rights = account_principal(session, chief.id, None, "chief", datetime.now(UTC))
        with pytest.raises(Forbidden):
            accounts.reset_password(session, rights, accounts.get_account(session, "colleague"))


def test_one_served_process_answers_for_all_counties(pair: Pair):
    with serving(pair.city.var, "--workers", "1", "--no-jobs") as url:
        site = Deployment(pair.city.var, url)
        for county in COUNTIES:
            filed = site.ask("/api/v1/incidents", REPORT | inside(county))
            assert filed.status == 201, filed.body
            track = f"/api/v1/incidents/{filed.json()['id']}/track"
            secret = {"X_Tracking_Secret": filed.json()["tracking_secret"]}
            assert site.ask(track, **secret).json()["state"] == filed.json()["state"]
        points = {"points": [inside(county) for county in reversed(COUNTIES)]}
        results = site.ask("/api/v1/locate", points).json()["results"]
        assert [result["answer"]["areas"][0]["code"] for result in results] == [EAST, MIDDLE, WEST]


def test_the_commands_add_a_shard_once_and_list_it(pair: Pair, monkeypatch):
    site, shard = Deployment(pair.city.var), pair.city.shards[EAST]
    command = ("db", "shard", "add", EAST)
    assert site.run_inside(*command).returncode == 2
    told = site.run_inside(*command, "--url", shard.url)
    assert (told.returncode, shard.url in told.stderr) == (2, False)
    before = (pair.city.var / SHARD_FILE).read_text()
    with_urls = shard_urls(pair, EAST)
    again = run_with(site, with_urls, *command)
    assert again.stdout == f"county {EAST} is shard 3 already\n", again.stderr
    assert (pair.city.var / SHARD_FILE).read_text() == before
    assert (pair.city.var / SHARD_FILE).stat().st_mode & 0o077 == 0
    other = run_with(site, with_urls, "db", "shard", "add", "520499")
    assert (other.returncode, EAST in other.stderr) == (1, True)
    listed = site.run_inside("db", "shard", "list", "--json")
    rows = json.loads(listed.stdout)
    assert [(row["county"], row["number"]) for row in rows] == list(
        zip(COUNTIES, (1, 2, 3), strict=True)
    )
    assert {row["schema"] for row in rows} == {schema.head()}
    password = make_url(shard.url).password
    assert password and password not in listed.stdout


def test_migrating_goes_over_every_database_and_keeps_what_sets_shards_apart(pair: Pair):
    told = Deployment(pair.city.var).run_inside("db", "migrate")
    assert told.stdout.count("up to date") == len(COUNTIES), told.stderr
    assert pair.ask(FIGURES, key=CITY).status_code == 200
    for shard in pair.city.shards.values():
        with (
            psycopg.connect(shard.url) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute("UPDATE kind SET active = false")


def test_the_jobs_of_a_county_run_with_the_rights_of_a_shard(pair: Pair):
    for shard in pair.city.shards.values():
        of_county = pair.city.settings.of_shard(shard)
        maintenance.run_due(engine(shard.url), datetime.now(UTC))
        maintenance.purge_expired(engine(shard.url), datetime.now(UTC), of_county.var)


def test_a_shard_is_restored_from_its_backup_and_copies_again(pair: Pair):
    site, file = Deployment(pair.city.var), pair.city.var / "county.backup"
    county = {"WANGGE_COUNTY": EAST}
    kept = pair.ask("/api/v1/incidents?limit=1", key=EAST).json["items"][0]["id"]
    saved = run_with(site, county, "db", "backup", str(file))
    assert saved.returncode == 0, saved.stderr
    urls = cluster.database_urls(Settings(var=pair.city.clusters[EAST]))
    empty = empty_database(urls, "again")
    restored = run_with(site, county, "db", "restore", str(file), "--into", "again")
    assert restored.returncode == 0, restored.stderr
    assert f"./wangge db shard add {EAST}" in restored.stdout
    added = run_with(site, shard_environment(empty), "db", "shard", "add", EAST)
    assert "is shard 3" in added.stdout, added.stderr
    assert pair.city.shards[EAST].url == empty.app
    wait_for(empty.app, f"SELECT count(*) = 1 FROM incident WHERE id = '{kept}'")
    make_account(pair, "later", "dispatcher", EAST)  # waits until it has arrived there


def test_a_county_that_does_not_copy_a_new_table_is_named(pair: Pair):
    urls = ShardUrls(*shard_urls(pair, WEST).values())
    main, shard = pair.city.main, pair.city.shards[WEST]
    rows = "SELECT count(*) FROM office_calendar"

    def take_out() -> None:  # as before the version that shares it
        without = "ALTER PUBLICATION wangge_shared DROP TABLE office_calendar"
        with psycopg.connect(main.owner, autocommit=True) as owner:
            owner.execute(without.encode())
        name = copying.shared_name(WEST)
        with psycopg.connect(urls.admin_url or urls.owner_url, autocommit=True) as admin:
            admin.execute(f"ALTER SUBSCRIPTION {name} REFRESH PUBLICATION".encode())
            admin.execute(b"DELETE FROM office_calendar")

    take_out()
    registry.migrate(pair.city.settings, main)
    assert WEST in states.list_unconnected(pair.city.settings, main)
    registry.add(pair.city.settings, main, WEST, urls)
    assert WEST not in states.list_unconnected(pair.city.settings, main)
    with psycopg.connect(main.owner) as owner:
        expected = owner.execute(rows.encode()).fetchone()
    with psycopg.connect(shard.owner_url) as owner:
        assert owner.execute(rows.encode()).fetchone() == expected


def test_the_main_database_is_restored_and_every_county_copies_again(pair: Pair):
    site, file = Deployment(pair.city.var), pair.city.var / "main.backup"
    backup.backup(pair.city.main, file, pair.city.var)
    make_account(pair, "since", "dispatcher", MIDDLE)
    with Session(engine(pair.city.main.owner)) as session:
        since = accounts.get_account(session, "since").id
        key = api_keys.add(session, "since", ACTIONS, [MIDDLE], datetime.now(UTC))
        session.commit()
    middle = pair.city.shards[MIDDLE]
    wait_for(middle.url, "SELECT EXISTS (SELECT FROM personal.api_key WHERE name = 'since')")
    until(lambda: sent_with(pair, key, MIDDLE).status_code == 201)
    with Session(engine(middle.owner_url)) as session:
        allow_boundary_writes(session)
        session.scalars(select(Area).where(Area.level == "street")).one().name = "新名街道"
        session.commit()
    backup.restore(pair.city.main, file, pair.city.var)
    assert states.list_unconnected(pair.city.settings, pair.city.main) == [*COUNTIES]
    again = "INSERT INTO personal.account (id, username) VALUES (9999, 'since')"
    with psycopg.connect(pair.city.main.owner) as connection:
        connection.execute(again.encode())  # by hand, before the counties are connected
    added = run_with(site, shard_urls(pair, WEST), "db", "shard", "add", WEST)
    assert (added.returncode, "account: 1 rows" in added.stderr) == (0, True), added.stderr
    for county in (MIDDLE, EAST):
        urls = ShardUrls(*shard_urls(pair, county).values())
        shard_added = registry.add(pair.city.settings, pair.city.main, county, urls)
        assert shard_added.recovered == {}  # by the first
    with psycopg.connect(pair.city.main.owner) as connection:
        known = "SELECT username, active FROM personal.account WHERE id = %s"
        assert connection.execute(known, [since]).fetchall() == [(f"since {since}", False)]
        named = "SELECT name FROM area WHERE county = %s AND level = 'street'"
        assert connection.execute(named, [MIDDLE]).fetchall() == [("新名街道",)]
    assert states.list_unconnected(pair.city.settings, pair.city.main) == []
    make_account(pair, "afterwards", "dispatcher", MIDDLE)
    with Session(engine(pair.city.main.owner)) as session:
        assert accounts.get_account(session, "afterwards").id > since
    until(lambda: sent_with(pair, key, MIDDLE).status_code == 401)
    assert pair.ask(FIGURES, key=CITY).status_code == 200
    for county in COUNTIES:
        assert pair.ask("/api/v1/incidents", REPORT | inside(county), key=county).status_code == 201
    with psycopg.connect(middle.owner_url) as connection:
        for reference in ("account_id", "key_id"):
            table = f"personal.{'account' if reference == 'account_id' else 'api_key'}"
            lost = f"SELECT count(*) FROM incident i WHERE {reference} IS NOT NULL AND NOT EXISTS"
            lost += f" (SELECT FROM {table} o WHERE o.id = i.{reference})"
            assert connection.execute(lost.encode()).fetchone() == (0,)


def sent_with(pair: Pair, key: str, county: str) -> TestResponse:
    """A report that a program sends with its key."""
    return send(pair.shards, "/api/v1/incidents", REPORT | inside(county), key, "POST", {})


def shard_urls(pair: Pair, county: str) -> dict[str, str]:
    """The variables that name the addresses of a shard."""
    shard = pair.city.shards[county]
    admin = cluster.database_urls(Settings(var=pair.city.clusters[county])).admin
    assert admin is not None
    admin = make_url(admin).set(database=make_url(shard.url).database).render_as_string(False)
    return shard_environment(cluster.DatabaseUrls(shard.url, shard.owner_url, admin))


def test_a_command_works_on_the_county_that_is_set(pair: Pair):
    site = Deployment(pair.city.var)
    for county in COUNTIES:
        told = run_with(site, {"WANGGE_COUNTY": county}, "locate", *WORDS, "--json")
        code = json.loads(told.stdout)["areas"][0]["code"] if told.returncode == 0 else None
        assert code == (WEST if county == WEST else None), told.stderr
    told = run_with(site, {"WANGGE_COUNTY": EAST}, "account", "add", "nobody")
    assert (told.returncode, "without WANGGE_COUNTY" in told.stderr) == (1, True)
    assert run_with(site, {"WANGGE_COUNTY": "520499"}, "db", "status").returncode == 1


WORDS = ("105.9505", "26.2305", "--crs", "cgcs2000")


def test_an_incident_goes_to_no_place_or_parent_of_another_county(pair: Pair):
    own, other = (
        pair.ask("/api/v1/incidents", REPORT | inside(county)).json for county in (WEST, EAST)
    )
    moves = f"/api/v1/incidents/{own['id']}/moves"
    for body in (
        {"move": "relocate", "note": "x"} | inside(EAST),
        {"move": "link", "parent": other["id"]},
    ):
        answer = pair.ask(moves, body, key=CITY)
        assert (answer.status_code, answer.json["code"]) == (422, "shard.several_counties")
        assert answer.json["params"] == {"counties": f"{WEST}, {EAST}"}
    # ids that begin as codes do: of no county, and of another one
    for parent in (str(uuid4()), f"123456{str(uuid4())[6:]}", f"{EAST}{str(uuid4())[6:]}"):
        unknown = pair.ask(moves, {"move": "link", "parent": parent}, key=CITY)
        assert unknown.json["code"] == "incident.unknown", parent
    within = pair.ask(moves, {"move": "relocate", "note": "x"} | inside(WEST, 1), key=CITY)
    assert within.status_code == 200, within.text


def test_a_county_whose_cluster_is_down_is_missed_and_named(pair: Pair):
    """Next to last: the cluster stays down."""
    known = pair.ask("/api/v1/incidents?limit=1", key=EAST).json["items"][0]["id"]
    cluster.stop(Settings(var=pair.city.clusters[EAST]))
    until(lambda: located(pair, EAST).status_code == 503)
    assert located(pair, EAST).json["code"] == "shard.unavailable"
    assert located(pair, EAST).json["params"] == {"county": EAST}
    for county in (WEST, MIDDLE):
        assert located(pair, county).status_code == 200
        filed = pair.ask("/api/v1/incidents", REPORT | inside(county))
        assert filed.status_code == 201
    figures = pair.ask(FIGURES, key=CITY)
    assert (figures.status_code, figures.json["params"]) == (503, {"county": EAST})
    assert pair.ask(f"{FIGURES}&area={WEST}", key=CITY).status_code == 200
    assert pair.ask(f"/api/v1/incidents/{known}", key=EAST).status_code == 503
    ready = pair.ask("/readyz")
    assert (ready.status_code, ready.json["notes"]) == (200, [f"county {EAST} is not ready"])
    mixed = {"points": [inside(WEST), inside(EAST)]}
    assert pair.ask("/api/v1/locate", mixed).status_code == 503
    assert pair.ask("/api/v1/incidents", key=CITY).json["params"] == {"county": EAST}


def test_a_county_that_is_lost_is_taken_out_of_the_city(pair: Pair):
    site = Deployment(pair.city.var)
    assert site.run_inside("db", "shard", "remove", EAST, "--yes").returncode == 1
    told = site.run_inside("db", "shard", "remove", EAST, "--yes", "--lost")
    assert told.stdout == f"county {EAST} is served no more\n", told.stderr
    assert [*pair.city.shards] == [WEST, MIDDLE]
    with psycopg.connect(pair.city.main.app) as connection:
        rows = connection.execute("SELECT DISTINCT county FROM city.incident").fetchall()
    assert {county for (county,) in rows} == {WEST, MIDDLE}


def test_a_county_that_was_removed_comes_back_with_all_it_had(pair: Pair):
    site, urls = Deployment(pair.city.var), shard_urls(pair, MIDDLE)
    kept = pair.ask("/api/v1/incidents?limit=1", key=MIDDLE).json["items"][0]["id"]
    number = pair.city.shards[MIDDLE].number
    with serving(pair.city.var, "--no-jobs") as url:
        served = Deployment(pair.city.var, url)

        def ask(path: str) -> Reply:
            return served.ask(path, Authorization=f"Bearer {pair.keys[CITY]}")

        def is_counted() -> bool:
            return MIDDLE in ask(f"{FIGURES}&per=county").body.decode()

        assert is_counted()
        told = site.run_inside("db", "shard", "remove", MIDDLE, "--yes")
        assert (told.returncode, "Traceback" in told.stderr) == (1, False)
        assert is_counted()  # nothing was ended
        told = run_with(site, urls, "db", "shard", "remove", MIDDLE, "--yes")
        assert told.returncode == 0, told.stderr
        until(lambda: not is_counted())  # nobody restarted it
        until(lambda: ask(f"/api/v1/incidents/{kept}").status == 404)
        wrong = run_with(site, urls, "db", "shard", "add", "520499")
        assert (wrong.returncode, MIDDLE in wrong.stderr) == (1, True)
        added = run_with(site, urls, "db", "shard", "add", MIDDLE)
        assert f"is shard {number}: " in added.stdout, added.stderr
        until(lambda: ask(f"/api/v1/incidents/{kept}").status == 200)
        until(is_counted)


def located(pair: Pair, county: str) -> TestResponse:
    """Who answers for a place of a county."""
    query = "&".join(f"{name}={value}" for name, value in inside(county).items())
    return pair.ask(f"/api/v1/locate?{query}")
