"""Every route × every role against one table, and that a hidden incident cannot be told from one
that is not there. What shows something is asked by the walk of test_visibility, against the same
table.

A new route is one line in `TABLE`: its method and rule, who may ask it, and what to send. Without
it the walk fails and names the route.
"""

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from gis.accounts.models import Account
from gis.incidents import states
from gis.incidents.lifecycle import moves
from gis.incidents.lifecycle.payload import MovePayload
from gis.rights.principal import system_principal
from tests.support import access_table, build, secret_world
from tests.support.access_table import (
    ASKERS,
    AT,
    FAR_AWAY,
    MARK,
    NOW,
    POINT,
    POSTS,
    TABLE,
    A,
    Asker,
    World,
    routes,
    sees,
)

world = access_table.world  # the fixture


@pytest.fixture(autouse=True)
def cookies_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """No cookie is written anew in between: on a busy machine a walk lasts longer than a minute."""
    monkeypatch.setattr("web.security.session.SESSION_REFRESH_S", 3600)


# --- the walk -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("rights_cached")
def test_every_route_for_every_role(app: APIFlask, world: World) -> None:
    result = set(routes(app))
    assert sorted(result - set(TABLE)) == [], "routes without a row in TABLE"
    assert sorted(set(TABLE) - result) == [], "rows of TABLE without a route"
    wrong = []
    readable = set(secret_world.readable())
    for name, row in TABLE.items():
        method, rule = name.split(" ", 1)
        for asker in world.askers:
            if name in readable and secret_world.is_walked(name, asker):
                continue  # the walk of test_visibility, among more secrets, asks that
            response = world.ask(asker, method, world.path(rule, row), row)
            wrong += access_table.faults(world, name, row, asker, response)
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


# --- what is hidden is as what is not there -------------------------------------------------------

ABSENT = uuid4()
BULK = "/api/v1/incidents/moves/bulk"
MOVES = [
    name for name, one in states.TRANSITIONS.items() if one.by != A.SYSTEM and name != "report"
]

# of an incident, {id}, or a photo, {photo}: the request and its body
ASKED: list[tuple[str, str, Any]] = [
    ("GET", "/api/v1/incidents/{id}", None),
    ("GET", "/api/v1/incidents/{id}?contact=true", None),
    ("GET", "/api/v1/incidents/{id}?contact=true&reason=回访", None),
    ("POST", "/api/v1/incidents/{id}/contact", {"reason": "回访"}),
    ("GET", "/api/v1/incidents/{id}/candidates", None),
    ("GET", "/api/v1/incidents/{id}/track", None),
    ("GET", "/api/v1/incidents?parent={id}", None),
    ("GET", "/api/v1/incidents?words={id}", None),
    ("GET", "/api/v1/incidents/counts?words={id}", None),
    ("GET", "/api/v1/photos/{photo}", None),
    ("GET", "/api/v1/photos/{photo}/thumbnail", None),
    ("GET", "/open311/v2/requests/{id}.json", None),
    ("GET", "/open311/v2/tokens/{id}.json", None),
    ("GET", "/open311/v2/requests.json?service_request_id={id}", None),
    ("GET", "/track/{id}", None),
    *(
        ("POST", "/api/v1/incidents/{id}/moves", {"move": name, "note": "看看", "minutes": 60})
        for name in MOVES
    ),
    *(
        ("POST", BULK, {"moves": [{"id": "{id}", "move": name, "note": "看看"}]})
        for name in ("note", "take", "close")
    ),
    ("POST", "/api/v1/incidents/{home}/moves", {"move": "link", "parent": "{id}"}),
]


def filled(what: Any, places: dict[str, str]) -> Any:
    """A body or path with its places filled in."""
    if isinstance(what, dict):
        return {key: filled(value, places) for key, value in what.items()}
    if isinstance(what, list):
        return [filled(item, places) for item in what]
    if isinstance(what, str):
        for name, value in places.items():
            what = what.replace("{" + name + "}", value)
    return what


# who tries every move: with rights in one community, in a county, everywhere, and none
MOVERS = (
    "resident",
    "community dispatcher",
    "command centre",
    "administrator",
    "key with the loop",
)
BY_SECRET = re.compile("/track|/photos|note|rate|reopen")


def differences(world: World, asker: Asker, query: list[tuple[str, str, Any]]) -> Iterator[str]:
    """Requests that answer otherwise for the hidden incident than for one that is not there."""
    for method, path, body in query:
        seen = []
        for number, photo in ((world.hidden, world.hidden_photo), (ABSENT, uuid4())):
            places = {"id": str(number), "photo": str(photo), "home": str(world.incident)}
            came = world.ask(asker, method, filled(path, places), json=filled(body, places))
            data = came.get_data(as_text=True)
            for item in (str(number), str(photo)):
                data = data.replace(item, "ID")
            stored = {
                name: value
                for name, value in came.headers.items()
                if name not in ("Content-Length", "ETag")
            }
            seen.append(
                (came.status_code, strip(data), stored if came.status_code >= 400 else None)
            )
        if seen[0] != seen[1]:
            yield f"{method} {path} {body} for {asker.name}: {seen[0]} / {seen[1]}"


@pytest.mark.usefixtures("rights_cached")
def test_a_hidden_incident_answers_like_an_absent_one(world: World) -> None:
    reads = [difference for difference in ASKED if difference[0] == "GET"]
    wrong = [
        difference
        for asker in world.askers
        for difference in differences(
            world, asker, ASKED if asker.name in MOVERS else [*reads, *ASKED[-1:]]
        )
    ]
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


def test_a_hidden_draft_answers_like_an_absent_one(world: World) -> None:
    queries = [row for row in TABLE if "<int:number>" in row]
    wrong = []
    for asker in world.askers:
        for name in queries:
            method, rule = name.split(" ", 1)
            seen = []
            for number in (world.hidden_draft, 10**12):
                row = TABLE[name]._replace(path=TABLE[name].path | {"number": number})
                came = world.ask(asker, method, world.path(rule, row), row)
                seen.append(
                    (
                        came.status_code,
                        strip(came.get_data(as_text=True)).replace(str(number), "ID"),
                    )
                )
            if seen[0] != seen[1]:
                wrong.append(f"{name} for {asker.name}: {seen[0]} / {seen[1]}")
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)
    lists = [
        world.ask(asker, "GET", path).get_data(as_text=True)
        for asker in world.askers
        for path in ("/api/v1/revisions", "/revisions", "/editor")
    ]
    assert not any(MARK in output for output in lists)


def test_neither_does_a_wrong_tracking_secret_tell(world: World) -> None:
    by_secret = [item for item in ASKED if BY_SECRET.search(f"{item[1]} {item[2]}")]
    wrong = []
    for name in ("anonymous", "resident", "community dispatcher"):
        asker = world.who(name)
        guess = asker._replace(headers=asker.headers | {"X-Tracking-Secret": "not-its-secret"})
        wrong += differences(world, guess, by_secret)
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


def strip(reported: str) -> str:
    """A page without its nonces and tokens."""
    return re.sub(
        r'v=[0-9a-f]+|nonce="[^"]*"|csrf_token" value="[^"]*"|"csrf": ?"[^"]*"|ms=[0-9.]+',
        "",
        reported,
    )


def test_lists_counts_and_figures_are_as_if_the_hidden_one_were_not_there(world: World) -> None:
    """The same bytes before and after something happens in the far county."""
    paths = [
        "/api/v1/incidents",
        "/api/v1/incidents?sort=urgent&state=open",
        "/api/v1/incidents/counts",
        f"/api/v1/incidents?area={world.far.county.code}",
        f"/api/v1/incidents/counts?area={world.far.county.code}",
        "/api/v1/figures?since=2026-01-01",
        f"/api/v1/figures?since=2026-01-01&area={world.far.county.code}",
        "/api/v1/notices",
        "/open311/v2/requests.json",
        "/api/v1/incidents/today",
        f"/api/v1/incidents/{world.incident}",
        "/api/v1/search?q=" + MARK[:4],
        f"/api/v1/incidents/near?{FAR_AWAY}&category={world.private}",
    ]

    def look() -> dict[tuple[str, str], str]:
        result = {}
        for asker in world.askers:
            for path in paths:
                data = world.ask(asker, "GET", path).get_data(as_text=True)
                result[asker.name, path] = re.sub(r'"(until|\w+_min)": ?[^,}]+', "", data)
        return result

    old_look = look()
    for _ in range(2):
        number = world._report(POINT["lon"] + 50 * build.SIDE, MARK)
        moves.apply_move(
            world.session, system_principal("test"), number, "note", NOW, MovePayload(note=MARK)
        )
    new_look = look()
    assert [key for key in old_look if old_look[key] != new_look[key]] == []
    assert not any(str(world.hidden) in data or MARK in data for data in new_look.values())


def test_a_report_beside_a_hidden_quarrel_is_not_told_of_it(world: World) -> None:
    sent = {
        "lon": POINT["lon"] + 50 * build.SIDE,
        "lat": POINT["lat"],
        "crs": "cgcs2000",
        "category": world.private,
    }
    for name in ("anonymous", "resident", "community dispatcher"):
        came = world.ask(world.who(name), "POST", "/api/v1/incidents", json=sent)
        assert came.json is not None
        assert came.json.get("duplicates", []) == [], name


def test_who_sees_the_home_incident_sees_it_whole(world: World) -> None:
    """The walk would also pass if nobody saw anything."""
    seen = {
        asker.name: world.ask(asker, "GET", "/api/v1/incidents/counts").json["all"]  # type: ignore[index]
        for asker in world.askers
        if asker.name != "anonymous"
    }
    see = {"auditor", *POSTS, "key with the loop"}
    assert seen == {name: int(name in see) for name in seen}


def test_who_hears_of_it_is_who_sees_it(world: World) -> None:
    for asker in world.askers:
        data = world.ask(asker, "GET", "/api/v1/events?last=0").get_data(as_text=True)
        assert (str(world.incident) in data) is (sees(asker) == "yes"), asker.name
        assert str(world.hidden) not in data


def test_contacts_are_for_who_may_call_back(world: World) -> None:
    visible = set()
    for asker in world.askers:
        came = world.ask(
            asker, "GET", f"/api/v1/incidents/{world.incident}?contact=true&reason=回访"
        )
        if "13900000000" in came.get_data(as_text=True):
            visible.add(asker.name)
    assert visible == {name for name in ASKERS if world.who(name).by.is_allowed(A.CONTACTS)}
    assert visible and "unit head" not in visible and "auditor" not in visible


# --- names ----------------------------------------------------------------------------------------


def test_names_of_who_answers_are_for_who_may_have_them(world: World) -> None:
    """By locating one place or many, and by search.

    The far county's are for nobody of the home county's people.
    """
    distant = {"lon": POINT["lon"] + 50 * build.SIDE, "lat": POINT["lat"], "crs": "cgcs2000"}
    for asker in world.askers:
        named = asker.by.is_allowed(A.NAMES)
        item = world.ask(asker, "GET", f"/api/v1/locate?{AT}").json
        many = world.ask(asker, "POST", "/api/v1/locate", json={"points": [POINT, distant]}).json
        result = world.ask(asker, "GET", "/api/v1/search?q=王grid").json
        assert item is not None and many is not None and result is not None
        answers = [item, many["results"][0]["answer"]]
        for answer in answers:
            assert answer["named"] is named, asker.name
            names = {entry["role"]: entry["name"] for entry in answer["people"]}
            assert names.keys() == set(POSTS.values()), asker.name
            assert set(names.values()) == (
                {f"王{role}" for role in POSTS.values()} if named else {None}
            ), asker.name
            assert answer["answerable"]["role"] == "unit_head"
            assert not re.search("王[a-z]+_", str(answer["how"]))
        assert bool(result["items"]) is named or asker.name == "unit head", asker.name
        everywhere = asker.name == "administrator"
        destination = many["results"][1]["answer"]
        assert (destination["named"], [entry["name"] for entry in destination["people"]]) == (
            everywhere,
            ["远网格员" if everywhere else None],
        )
        elsewhere = world.ask(asker, "GET", "/api/v1/search?q=远网格员").json
        assert elsewhere is not None and bool(elsewhere["items"]) is everywhere


def test_before_any_account_names_are_for_everybody(session: Session, client: FlaskClient) -> None:
    town = build.Town(session)
    town.post("grid_worker", town.grid("001"), "王网格")
    session.commit()
    path = f"/api/v1/locate?{AT}"
    assert [person["name"] for person in client.get(path).json["people"]] == ["王网格"]  # type: ignore[index]
    session.add(Account(username="first"))
    session.commit()
    answer = client.get(path).json
    assert answer is not None and (
        [person["name"] for person in answer["people"]],
        answer["named"],
    ) == (
        [None],
        False,
    )


def test_a_deputy_and_the_reason_are_not_told_either(session: Session, client: FlaskClient) -> None:
    town = build.Town(session)
    town.post("grid_worker", town.grid("001"), "王网格", deputy="陈代理")
    town.leave("王网格")
    session.add(Account(username="first"))
    session.commit()
    data = client.get(f"/api/v1/locate?{AT}").get_data(as_text=True)
    assert "王网格" not in data and "陈代理" not in data
    assert "代理人代理" in data  # that a deputy stands in is no secret
