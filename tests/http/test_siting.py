"""Siting over HTTP: what planners get, what nobody else does, and how fast a pin answers."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.facilities import siting_search
from gis.facilities.siting_request import SitingRequest
from gis.rights.actions import Action
from gis.rights.principal import ANONYMOUS, Principal
from tests.support import build, siting_town

PLACE = {"lon": build.LON + 0.0031, "lat": build.LAT + 0.0014, "crs": "cgcs2000"}
ASKED = "category=clinic&minutes=3"


@pytest.fixture
def town(session: Session) -> build.Town:
    return siting_town.make(session)


def sign_in(monkeypatch: pytest.MonkeyPatch, by: Principal) -> None:
    monkeypatch.setattr("web.security.guard.principal", lambda: by)
    monkeypatch.setattr("web.security.readers.principal", lambda: by)


def planner(*areas: int) -> Principal:
    return Principal("account", "account p", {Action.DRAFT: frozenset(areas)})


def test_a_planner_gets_sites_losses_and_pins(
    client: FlaskClient, session: Session, town: build.Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(monkeypatch, planner(town.community.id))
    response = client.get(f"/api/v1/siting?{ASKED}&sites=2")
    assert response.status_code == 200, response.json
    assert response.headers["Cache-Control"] == "no-store"
    direct = siting_search.site(session, SitingRequest("clinic", 2, 3)).to_dict()
    for key in ("sites", "curve", "closures", "total", "served", "status", "gap", "bound"):
        assert response.json[key] == direct[key], key
    initial = response.json["sites"][0]
    pinned = client.post(
        "/api/v1/siting/pin",
        json={"category": "clinic", "minutes": 3, "crs": "cgcs2000"}
        | {"lon": initial["lon"], "lat": initial["lat"]},
    )
    assert pinned.status_code == 200, pinned.json
    newly = pinned.json["newly_served"]
    assert newly == {name: initial[name] for name in newly}
    assert sum(row["people"] for row in pinned.json["buildings"]) == newly["people"] > 0
    losses = client.get(f"/api/v1/siting/closures?{ASKED}").json["items"]
    assert losses == direct["closures"] and losses[0]["code"] == "c1"


def test_who_lives_at_the_edge_of_the_data_is_said(
    client: FlaskClient, session: Session, town: build.Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(monkeypatch, Principal("account", "account p", {Action.DRAFT: None}))

    def unclear() -> tuple[int, int]:
        answer = client.get(f"/api/v1/siting?{ASKED}").json
        location = {"category": "clinic", "minutes": 3, **PLACE}
        pinned = client.post("/api/v1/siting/pin", json=location).json
        assert pinned["cannot_say"]["people"] <= pinned["newly_served"]["people"]
        return answer["cannot_say"]["people"], pinned["cannot_say"]["people"]

    assert unclear() == (0, 0)
    session.execute(text("UPDATE walk_node SET at_edge_of_data = true"))
    session.execute(text("UPDATE walk_network SET version = 'cut off'"))
    coverage = client.get(f"/api/v1/coverage?{ASKED}").json["totals"]
    everywhere, local = unclear()
    assert everywhere == coverage["cannot_say_people"] > local > 0


def test_numbers_are_of_the_planners_own_areas_only(
    client: FlaskClient, town: build.Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    east = town.community.code + "002"
    whole = planner(town.community.id)
    sign_in(monkeypatch, whole)
    of_all = client.get(f"/api/v1/siting?{ASKED}").json["total"]["people"]
    of_east = client.get(f"/api/v1/siting?{ASKED}&area={east}").json["total"]["people"]
    pinned = client.post("/api/v1/siting/pin", json={"category": "clinic", "minutes": 10, **PLACE})
    assert 0 < of_east < of_all
    grid = town.session.scalar(text("SELECT id FROM area WHERE code = :code"), {"code": east})
    sign_in(monkeypatch, planner(grid))
    assert client.get(f"/api/v1/siting?{ASKED}").json["total"]["people"] == of_east
    part = client.post("/api/v1/siting/pin", json={"category": "clinic", "minutes": 10, **PLACE})
    assert 0 < part.json["within"]["people"] < pinned.json["within"]["people"]
    for path in ("siting", "siting/closures"):
        refused = client.get(f"/api/v1/{path}?{ASKED}&area={town.community.code}")
        assert (refused.status_code, refused.json["code"]) == (403, "siting.not_allowed")


def test_nobody_else_gets_anything(
    client: FlaskClient, town: build.Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Principal("account", "account w", {Action.READ: None, Action.FIGURES: None})
    for by, status in ((ANONYMOUS, 401), (worker, 403)):
        sign_in(monkeypatch, by)
        for response in (
            client.get(f"/api/v1/siting?{ASKED}"),
            client.get(f"/api/v1/siting/closures?{ASKED}"),
            client.post("/api/v1/siting/pin", json={"category": "clinic", **PLACE}),
        ):
            assert response.status_code == status


def test_wrong_questions_are_refused(
    client: FlaskClient, town: build.Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(monkeypatch, Principal("account", "account p", {Action.DRAFT: None}))
    for query, status in (
        ("category=castle", 422),
        ("category=clinic&sites=51", 422),
        ("category=clinic&profile=bird", 422),
        ("category=clinic&model=best", 422),
        ("category=clinic&area=999", 404),
        (f"category=clinic&area={town.county.code}", 422),
    ):
        assert client.get(f"/api/v1/siting?{query}").status_code == status, query
    wrong = client.post("/api/v1/siting/pin", json={"category": "clinic", **PLACE, "crs": "mars"})
    assert wrong.status_code == 422
