"""What is hidden changes nothing that outsiders are answered: no row, count, order, number, date or
tag.

Everybody who does not read the home grid's incidents asks every address; things happen inside; all
is asked again. Both answers must be the same, letter by letter, but for the clock.
"""

import io
import json
import re
from collections.abc import Iterator
from uuid import UUID

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.accounts import disclosures
from gis.files import photo_files
from gis.files import photos as photo_store
from gis.incidents.lifecycle import moves, report
from gis.incidents.lifecycle.intake import IncidentReport
from gis.incidents.lifecycle.payload import MovePayload
from gis.messages import Message
from gis.rights.actions import Action
from gis.rights.principal import system_principal
from tests.support.access_table import NOW, TABLE, Asker
from tests.support.secret_world import CLOSE, EXTRA, FINDING, PAGE_READERS, SecretWorld, readable
from web.api.events import views

# what differs from one moment to the next whatever happened: minutes of clocks, forms' tokens,
# nonces, and tags made of bodies that hold them
CLOCK = re.compile(
    r'"\w+_min": ?[-\d.e]+|[0-9a-f]{24,32}|"csrf": "[^"]*"|nonce-?="?[\w-]+"?|nonce-[\w-]+'
    r"|csrf[^>]*>"
)
ASKED_AT = re.compile(r'"(at|until)":"[^"]*"')  # of locate and figures: the moment of the question
# what reads no incidents, and the two pages that hold a map
ASIDE = re.compile(
    r"/$|/(map|report|static|sign-|account|key|password|editor|revision|rules|health|ready|docs|openapi)"
    r"|/tiles/|/api/v1/(layers|areas|locate|facilities|revisions|export|rules|categories|profiles|danger|search|posts)|/services"
)
OUTSIDERS = (
    "anonymous",
    "reporter",
    "resident",
    "administrator",
    "neighbouring grid worker",
    "grid worker of another street",
)
UNSENT = ("Date", "Set-Cookie", "Content-Length", "Last-Modified")
FILTERS = (
    "limit=1",
    "sort=urgent&limit=1",
    "state=open",
    "pending=true",
    "pending=false",
    "mine=true",
    "queue=holder",
    "channel=patrol",
    "parent={public}",
    "words=请尽快",
)
MORE = [
    *(f"/api/v1/incidents?{one}" for one in FILTERS),
    *(f"/api/v1/incidents/counts?{one}" for one in ("", "pending=true")),
    "/open311/v2/requests.json?page_size=1&page=2",
    "/open311/v2/requests.json?status=open",
    "/api/v1/events?hold=0",
    "/api/v1/figures?since=2026-01-01&per=grid",
    "/track/{own}",
]


@pytest.fixture
def world(app: APIFlask, session: Session, client: FlaskClient) -> Iterator[SecretWorld]:
    """A world full of secrets; streams end with what is known."""
    stored = views.feed(app).streams
    assert stored.acquire(timeout=60)
    yield SecretWorld(app, session, client)
    stored.release()


def answers(world: SecretWorld, asker: Asker) -> dict[str, str]:
    """Address -> status, headers and body, without what the clock changes."""
    queries = [
        world.path(name.split(" ", 1)[1], TABLE[name])
        for name in readable()
        if name.startswith("GET ")
    ]
    result = {}
    for path in (*queries, *(path.format_map(vars(world)) for path in (*EXTRA, *MORE))):
        if ASIDE.match(path.partition("?")[0]):
            continue
        page = not path.startswith(("/api/", "/open311/", "/tiles/"))
        if (page and asker.name not in PAGE_READERS) or (
            "figures" in path and asker.by.is_allowed(Action.FIGURES, world.chain)
        ):
            continue
        response = world.ask(asker, "GET", path)
        headers = {name: value for name, value in response.headers if name not in UNSENT}
        body = response.get_data(as_text=True)
        if "/figures" in path:
            body = ASKED_AT.sub("~", body)
        result[path] = CLOCK.sub("~", f"{response.status_code} {json.dumps(headers)} {body}")
    return result


def picture() -> photo_files.SanitisedPhoto:
    """A photo as it is kept."""
    file = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(file, "JPEG")
    return photo_store.sanitise_photo(file.getvalue())


def happen(world: SecretWorld) -> None:
    """Findings, a matter at home, notes with photos, a request, looks at contacts."""
    session, desk, visible = world.session, world.who("community dispatcher").by, picture()
    world._at(
        FINDING, system_principal("test"), channel="patrol", description="又一处", attributes={}
    )
    filed = IncidentReport(world.private or "", "家里的事", crs="cgcs2000", channel="web", **CLOSE)
    private = report.file_report(session, system_principal("test"), filed, NOW).id
    inside: list[UUID] = [world.own, world.public, world.finding, world.abroad, private]
    for number in inside:
        wish = MovePayload(note="请尽快答复")
        moves.apply_move(
            session,
            desk,
            number,
            "note",
            NOW,
            wish,
            attached=photo_store.AttachedPhotos(world.app.config["SETTINGS"].var, [visible]),
        )
    for number in (world.public, private):
        moves.apply_move(
            session, desk, number, "request_extend", NOW, MovePayload(note="人手不够", minutes=30)
        )
    for number in (world.own, world.finding):
        disclosures.record(
            session,
            desk,
            "contact",
            Message("shown.contact"),
            source="x",
            areas=world.chain,
            incident_id=number,
            reason="回访",
        )
    session.commit()
    hear(world, inside)


def hear(world: SecretWorld, incidents: list[UUID]) -> None:
    """Let the streams know all that happened to incidents."""
    query = text(
        "SELECT id, incident_id FROM incident_event WHERE incident_id = ANY(:ids) ORDER BY id"
    )
    feed = views.feed(world.app)
    for number, incident in world.session.execute(query, {"ids": incidents}).all():
        feed._add(views.FeedEvent(number, incident, NOW.timestamp(), read=False))


@pytest.mark.usefixtures("rights_cached")
def test_what_happens_inside_changes_no_answer_to_outsiders(world: SecretWorld) -> None:
    outsiders = [world.who(name) for name in OUTSIDERS]
    assert not any(world.reads(asker) for asker in outsiders)
    hear(world, [world.own, world.public, world.finding, world.abroad])
    old = {asker.name: answers(world, asker) for asker in outsiders}
    happen(world)
    wrong = []
    for asker in outsiders:
        for path, new in answers(world, asker).items():
            was = old[asker.name][path]
            if was != new:
                at = next(
                    (n for n, (a, b) in enumerate(zip(was, new, strict=False)) if a != b),
                    min(len(was), len(new)),
                )
                wrong.append(
                    f"{asker.name} {path}\n  {was[max(0, at - 60) : at + 90]!r}\n "
                    f" {new[max(0, at - 60) : at + 90]!r}"
                )
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)
