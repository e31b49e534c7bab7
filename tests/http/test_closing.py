"""Closing over HTTP: an end of a suspension, a split, a corrected place, and calls."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.support import build, sign_in
from tests.support.incident_town import IncidentTown, to_state

API = "/api/v1/incidents"


@pytest.fixture
def desk(session: Session, client: FlaskClient) -> tuple[IncidentTown, FlaskClient]:
    """The usual place, and its desk signed in."""
    town = IncidentTown(session)
    code = town.town.community.code
    for name in ("王网格", "邻网格员"):
        sign_in.account(session, name, person=town.town.person(name).code)
    return town, sign_in.signed_in(client, sign_in.account(session, "desk", "dispatcher", code))


def test_the_moves_take_their_fields_and_the_queue_lists_who_to_call(
    desk: tuple[IncidentTown, FlaskClient],
) -> None:
    town, client = desk
    token = re.search(r'"csrf": "([^"]+)"', client.get("/report").text)
    assert token is not None

    def move(item: object, name: str, **fields: Any) -> Any:
        body = {"move": name, "note": "x"} | fields
        return client.post(f"{API}/{item}/moves", json=body, headers={"X-CSRFToken": token[1]})

    item = town.report(phone="13800000000").id
    assert move(item, "request_suspend").get_json()["errors"][0]["field"] == "until"
    parts = [{"category": "06010", "description": message} for message in ("垃圾", "路灯")]
    assert move(item, "split", parts=parts).status_code == 200
    assert move(item, "split", parts=[*parts, {"words": "?"}]).status_code == 422
    point = {"lon": build.LON + 0.0015, "lat": build.LAT + 0.0005}
    assert move(item, "relocate", **point).status_code == 422  # no CRS
    moved = move(item, "relocate", **point, crs="cgcs2000").get_json()
    assert moved["area"] == town.beside.code and moved["clock"] == "working"
    other = town.report(phone="13800000000").id
    to_state(town, other, "take", "handle")
    body = client.get(f"{API}/follow-ups").get_json()
    assert [row["id"] for row in body["items"]] == [str(other)]
    assert body["counts"] == {"waiting": 1, "overdue": body["counts"]["overdue"], "first": 0}
    called = move(other, "follow_up", outcome="reached", solved=True, rating=5, reasons=["slow"])
    assert (called.status_code, called.get_json()["office_rating"]) == (200, 5)
    assert client.get(f"{API}/follow-ups").get_json()["items"] == []
