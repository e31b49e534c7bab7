"""Today's incidents on the map: whose points are exact, and that nobody else is told more than
Open311 tells everybody.
"""

from uuid import UUID

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from gis.incidents.reading import today
from tests.support.access_table import Asker
from tests.support.incident_town import NOW, IncidentTown
from tests.support.secret_world import CLOSE, FINDING, SecretWorld
from web.api.events import views

HIDDEN = ("severity", "colour", "due")  # from who may not see the incident


@pytest.fixture
def world(app: APIFlask, session: Session, client: FlaskClient) -> SecretWorld:
    """Incidents of all sorts and somebody of every role; nobody listens to the stream."""
    stored = views.feed(app).streams
    assert stored.acquire(timeout=60)
    created = SecretWorld(app, session, client)
    stored.release()
    return created


def shown(world: SecretWorld, asker: Asker, query: str = "") -> dict[str, dict]:
    """The features that somebody is sent, by number."""
    answer = world.ask(asker, "GET", f"/api/v1/incidents/today{query}")
    assert answer.status_code == 200 and answer.mimetype == "application/geo+json"
    return {feature["id"]: feature for feature in answer.json["features"]}


def test_every_role_sees_its_own_exactly_and_the_public_ones_as_open311(world: SecretWorld) -> None:
    address = "/open311/v2/requests.json?start_date=2026-11-01T00:00Z"
    published = {
        request["service_request_id"]: request
        for request in world.ask(world.who("anonymous"), "GET", address).json
    }
    exact: dict[str, set[str]] = {}
    for asker in world.askers:
        features = shown(world, asker)
        exact[asker.name] = {
            number for number, feature in features.items() if feature["properties"]["exact"]
        }
        incidents = world.ask(asker, "GET", "/api/v1/incidents?state=open&limit=200")
        visible = incidents.json["items"] if incidents.status_code == 200 else []
        assert exact[asker.name] == {incident["id"] for incident in visible}, asker.name
        assert features.keys() == exact[asker.name] | published.keys()
        for number in features.keys() - exact[asker.name]:
            feature, request = features[number], published[number]
            assert feature["geometry"]["coordinates"] == [request["long"], request["lat"]]
            assert {feature["properties"][name] for name in HIDDEN} == {None}
    assert str(world.public) in published and str(world.finding) not in published
    assert exact["anonymous"] == set() and exact["resident"] == {str(world.own)}
    assert str(world.finding) in exact["grid leader"]
    features = shown(world, world.who("grid leader"))
    assert features[str(world.public)]["geometry"]["coordinates"] == [CLOSE["lon"], CLOSE["lat"]]
    assert features[str(world.public)]["properties"]["severity"]
    # a box takes points as they are shown: repeated questions do not find the exact one
    rounded = {name: round(value, 4) for name, value in CLOSE.items()}
    for actor, point, number, sees in (
        ("anonymous", CLOSE, world.public, False),
        ("anonymous", rounded, world.public, True),
        ("grid leader", CLOSE, world.public, True),
        ("grid leader", FINDING, world.finding, True),
        ("anonymous", FINDING, world.finding, False),
    ):
        box = [point["lon"] - 1e-6, point["lat"] - 1e-6, point["lon"] + 1e-6, point["lat"] + 1e-6]
        query = f"?bbox={','.join(map(str, box))}"
        assert (str(number) in shown(world, world.who(actor), query)) == sees, (actor, point)


def test_today_is_what_is_open_and_what_came_since_midnight(session: Session) -> None:
    town = IncidentTown(session)
    last_night, midnight = NOW.replace(day=23, hour=15, minute=59), NOW.replace(day=23, hour=16)
    ended_before, ended, still_open = (
        town.report(at=at).id for at in (last_night, midnight, last_night)
    )
    for number in (ended_before, ended):
        town.do(number, "request_void", "王网格", note="看错了")
        town.do(number, "approve_void", "街道办")

    def listed(**limit: int) -> tuple[list[UUID], int]:
        rows, total = today.list_today(
            session, town.who("赵社工"), NOW, since=midnight, bbox=None, **limit
        )
        return [row.id for row in rows], total

    assert listed() == ([still_open, ended], 2)  # what has a clock comes first
    assert listed(limit=1) == ([still_open], 2)
