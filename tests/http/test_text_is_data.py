"""Text from people is data: whatever stands in any text column is written letter by letter, and
computed nowhere.

Every text column of the models gets `HOSTILE`; a new column is covered by itself, unless the
database refuses the text there. Then every route that is read answers, for nobody and for who may
see everything.
"""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree

import orjson
import pytest
from sqlalchemy import Column, String, Table, insert, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from gis.basemap.models import BasemapFeature, Dataset
from gis.db import Base, allow_boundary_writes
from gis.exchange.dump import EXPORT_LAYERS, dump
from gis.facilities.models import Facility, ServiceCircle
from gis.files.formulas import cell_text, restore
from gis.incidents.lifecycle import moves
from gis.incidents.lifecycle.payload import MovePayload
from gis.network.store import WalkEdgeRow, replace_network
from gis.notices import delivery, mail
from gis.rights.principal import system_principal
from gis.settings import Settings, Smtp
from layers.layer import MapView
from layers.registry import MAP_LAYERS, SOURCES
from layers.saved_map import saved_map
from tests.support import access_table
from tests.support.access_table import TABLE, Asker, Row, World, routes
from tests.support.notice_office import mail_notice
from web.http.body_limit import DEFAULT_MAX_BYTES

world = access_table.world  # the fixture

COMPUTED = "3703701"  # 1234567 * 3, should anybody compute it
HOSTILE = "{{1234567*3}}{% raw %}{#${1234567*3}`</script><img src=x onerror=hit()>\"'"
SQUARE = (
    "SRID=4490;MULTIPOLYGON(((105.9502 26.2302,105.9506 26.2302,105.9506 26.2306,105.9502"
    " 26.2302)))"
)
POINT = "SRID=4490;POINT(105.9503 26.2303)"

# what no person writes and the program branches on; everything else must bear any text
CLOSED = {
    "account.password_hash": "a digest",
    "account.subject": "given by the identity provider",
    "area.code": "digits",
    "area.county": "a code",
    "facility.category": "a key of the categories",
    "basemap_feature.kind": "our own kinds",
    "basemap_feature.subkind": "our own kinds",
    "dataset.kind": "our own kinds",
    "role.key": "our own table",
    "incident_move.move": "our own table",
    "service_circle.profile": "our own profiles",
    "walk_network.version": "a digest",
    "api_key.key_id": "drawn by us",
    "photo.media_type": "our own",
    "notice.topic": "our own topics",
    "history.op": "our own",
    "post.role": "a role",
    "order_taker.role": "a role",
    "access_grant.role": "a role",
    "incident_event.move": "a move",
    "routing_rule.first_role": "a role",
    "incident_category.code": "digits",
    "notice_target.kind": "our own",
    "notice_target.address": "checked when entered",
    "notice_target.secret": "drawn by us",
    "revision.state": "our own states",
    "rule_set.state": "our own states",
    "catalogue_edition.state": "our own states",
    "notice.state": "our own states",
    "idempotency.owner": "drawn by us",
    "operation.op": "our own operations",
    "incident.rule_name": "a rule's, covered there",
    "incident.tracking_hash": "a digest",
    "account.username": "checked when entered",
    "device.code": "checked when entered",
    "household.county": "a code",
    "building.county": "a code",
    "post.county": "a code",
    "incident.role": "a role",
    "incident_event.role": "a role",
    "incident.supervisor_role": "a role",
    "incident.skill": "a key",
    "incident_category.skill": "a key",
    "routing_rule.severity": "our own",
    "routing_rule.channel": "our own",
    "routing_rule.days": "our own",
    "routing_rule.dispatch_mode": "our own",
    "routing_rule.category": "digits",
    "incident_category.old_code": "digits",
}


def text_columns() -> Iterator[tuple[Table, Column[str]]]:
    """Every text column of the models that is no key and not in CLOSED."""
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if (
                isinstance(column.type, String)
                and not column.primary_key
                and not column.foreign_keys
                and f"{table.name}.{column.name}" not in CLOSED
            ):
                yield table, column


def make_hostile(session: Session) -> set[str]:
    """Write HOSTILE into every text column where the database takes it.

    Return the columns that hold it.
    """
    hostile = set()
    for table, column in text_columns():
        savepoint = session.begin_nested()
        try:
            allow_boundary_writes(session)
            value = text(f"UPDATE {table.fullname} SET {column.name} = :value || ctid::text")
            rows = session.execute(value, {"value": HOSTILE}).rowcount  # type: ignore[attr-defined]
            savepoint.commit()
        except DBAPIError:
            savepoint.rollback()
            continue
        if rows:
            hostile.add(f"{table.name}.{column.name}")
    session.expire_all()
    return hostile


@pytest.fixture
def hostile_world(world: World) -> World:
    """The world of the access tests, with one of everything that pages show, and HOSTILE in every
    text column.
    """
    session, tower = world.session, world.home.building("2号楼", 0.0002, 0.0006)
    world.home.household(tower, "101")
    allow_boundary_writes(session)
    session.execute(
        insert(Dataset).values(kind="osm", source="x", digest="d", attribution="©", counts={})
    )
    facility = Facility(
        code="F1",
        county="520402",
        category="clinic",
        name="x",
        address="x",
        opening_hours="x",
        contact="x",
        source="file",
        geom=POINT,
    )
    session.add(facility)
    session.flush()
    session.execute(
        insert(BasemapFeature).values(
            kind="street",
            subkind="residential",
            name="x",
            source="osm",
            min_zoom=10,
            geom="SRID=4490;LINESTRING(105.9501 26.2301,105.9509 26.2309)",
        )
    )
    session.execute(
        insert(ServiceCircle).values(
            facility_id=facility.id,
            profile="adult",
            minutes=15,
            speed_m_s=1.25,
            off_network=False,
            households=1,
            people=1,
            network_version="v",
            origin_digest="x",
            geom=SQUARE,
        )
    )
    street = [(105.949, 26.2303), (105.9503, 26.2303), (105.952, 26.2303)]
    replace_network(
        session,
        [(number, *point) for number, point in enumerate(street)],
        [
            WalkEdgeRow(1, number, number + 1, [*pair], "residential", "x", False, "")
            for number, pair in enumerate(pairwise(street))
        ],
        "file",
    )
    # events are append-only: their words come by a move
    moves.apply_move(
        session,
        system_principal("test"),
        world.incident,
        "note",
        datetime.now(UTC),
        MovePayload(note=HOSTILE),
    )
    names = make_hostile(session)
    # the columns whose text people see first; were they refused, the test would say nothing
    assert {
        "area.name",
        "building.name",
        "building.estate",
        "facility.name",
        "person.name",
        "basemap_feature.name",
        "dataset.attribution",
        "incident.description",
        "revision.title",
        "incident_category.zh",
        "rule_set.name",
        "api_key.name",
    } <= names
    return world


class Elements(HTMLParser):
    """Every start tag of a page that can run something."""

    def __init__(self) -> None:
        super().__init__()
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note event attributes."""
        self.handlers += [f"<{tag} {name}>" for name, _ in attrs if name.startswith("on")]


def faults(response: TestResponse) -> list[str]:
    """What is wrong with an answer: computed or unescaped text, or a body that its own format
    cannot read.
    """
    body = response.get_data()
    if response.mimetype.endswith("sheet") or response.mimetype.endswith("zip"):
        body = b"".join(
            zipfile.ZipFile(io.BytesIO(body)).read(name)
            for name in zipfile.ZipFile(io.BytesIO(body)).namelist()
        )
    wrong = [f"status {response.status_code}"] if response.status_code >= 500 else []
    if COMPUTED.encode() in body:
        wrong.append("computed")
    if response.mimetype == "text/html":
        page = Elements()
        page.feed(body.decode())
        wrong += page.handlers
    elif response.mimetype.endswith("json") and body:
        orjson.loads(body)
    elif response.mimetype.endswith("xml"):
        ElementTree.fromstring(body)
    return wrong


def walk(world: World, asker: Asker) -> Iterator[tuple[str, TestResponse]]:
    """Every route that is read, and its answer."""
    extra = {
        "GET /api/v1/facilities/<code>": {"code": "F1"},
        "GET /api/v1/facilities/<code>/circle": {"code": "F1"},
    }
    for name in routes(world.app):
        method, rule = name.split(" ", 1)
        if method != "GET" or name.startswith(
            (
                "GET /static",
                "GET /api/v1/events",
                "GET /api/v1/facilities/nearest",
                "GET /api/v1/nearby",
                "GET /api/v1/walk",
            )
        ):
            continue
        row: Row = TABLE[name]._replace(path=TABLE[name].path | extra.get(name, {}))
        yield name, world.ask(asker, method, world.path(rule, row))
    box = "bbox=105.949,26.229,105.953,26.232"
    for layer in MAP_LAYERS:
        yield layer.name, world.ask(asker, "GET", f"/api/v1/layers/{layer.name}?{box}")
    for source in SOURCES:
        yield f"tile {source}", world.ask(asker, "GET", f"/tiles/{source}/16/52055/27816.mvt")
    yield "search", world.ask(asker, "GET", "/api/v1/search?q=1234567")
    yield (
        "saved",
        world.ask(
            asker,
            "GET",
            f"/map.html?{box}&zoom=18&facility=F1&layers=" + ",".join(x.name for x in MAP_LAYERS),
        ),
    )


@pytest.mark.usefixtures("rights_cached")
def test_every_page_shows_text_and_computes_nothing(hostile_world: World) -> None:
    wrong, seen = [], set()
    for name in ("anonymous", "administrator", "command centre", "planner"):
        for route, response in walk(hostile_world, hostile_world.who(name)):
            wrong += [f"{route}: {fault}" for fault in faults(response)]
            if b"1234567" in response.get_data():
                seen.add(route)
    assert wrong == []
    # the walk would also pass if nothing showed the text
    assert {
        "GET /",
        "saved",
        "tile base",
        "tile city",
        "GET /desk",
        "search",
        "GET /api/v1/incidents",
        "GET /rules",
        "GET /revisions",
        "GET /api/v1/locate",
        "GET /figures",
    } <= seen


def test_exports_and_notices_hold_the_text_itself(
    hostile_world: World, tmp_path, settings: Settings
) -> None:
    for layer in EXPORT_LAYERS:
        for ending in (".csv", ".xlsx", ".geojson", ".gpkg"):
            try:
                dump(hostile_world.session, layer, tmp_path / f"{layer}{ending}")
            except Exception as error:  # a layer without rows
                assert type(error).__name__ == "NotFound", (layer, ending, error)
    assert COMPUTED.encode() not in (tmp_path / "facilities.csv").read_bytes()
    assert HOSTILE[:20].encode() in (tmp_path / "facilities.csv").read_bytes()
    body = {
        "incident": "1",
        "category": "06010",
        "category_zh": HOSTILE + "\nBcc: x@example.cn",
        "area": HOSTILE,
        "state": "reported",
        "severity": "normal",
        "role": "grid_worker",
    }
    posted = replace(settings, smtp=Smtp("127.0.0.1", "a@example.cn"))
    letter = mail.build_message(posted, mail_notice("b@example.cn", "incident.report", body))
    assert letter["Bcc"] is None and HOSTILE in letter.get_content()
    rows = hostile_world.session.execute(
        text("SELECT id, at, topic, county, body FROM notice LIMIT 5")
    ).all()
    assert rows
    for notice in rows:
        assert COMPUTED.encode() not in delivery.payload(notice)


def test_a_saved_map_is_built_from_text_that_no_template_reads() -> None:
    feature = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [105.95, 26.23]}}
    point = next(layer for layer in MAP_LAYERS if layer.name == "facilities")
    for value in (
        HOSTILE,
        "{%",
        "{{",
        "{#",
        "{% include '/etc/passwd' %}",
        "}}%}#}",
        "\\u007b{7*7}}",
    ):
        shapes = {
            "features": [
                feature | {"properties": {"name": value, "code": "1", "category": "clinic"}}
            ]
        }
        page = saved_map(
            [(point, shapes)],
            MapView((105.95, 26.23, 105.95, 26.23), 16),
            language="zh",
            title=value,
            notes=[value],
            circle=shapes,
        )
        assert COMPUTED not in page and "root:" not in page
        parser = Elements()
        parser.feed(page)
        assert parser.handlers == []


@pytest.mark.parametrize(
    "value",
    [
        "=1+1",
        "+1",
        "-1",
        "@A1",
        "＝1",
        " =1",
        "\n=1",
        "\u200b=1",
        "\ufeff\u3000=1",
        "\t1",
        "\x00=1",
        "\u2060\r\n +1",
        "\u202e@x",
    ],
)
def test_formulas_are_neutralised_and_come_back(value: str) -> None:
    written = str(cell_text(value))
    assert written.startswith("'") and "\x00" not in written
    assert restore(written) == value.replace("\x00", "").strip()


@pytest.mark.parametrize("value", ["祥和苑", "3-2-501", "a=b", "'quoted'", "", 12, None, 1.5])
def test_other_cells_stay_as_they_are(value: object) -> None:
    assert cell_text(value) == value
    assert not isinstance(value, str) or restore(value) == value


def test_a_signed_in_planner_may_upload_what_a_key_may(world: World) -> None:
    large = io.BytesIO(b"SQLite format 3\0" + b"\0" * (DEFAULT_MAX_BYTES + 1_000_000))
    for name in ("planner", "command centre"):
        response = world.ask(
            world.who(name),
            "POST",
            "/api/v1/revisions/from-file?title=x",
            row=Row(lambda asker: "yes", form={"file": (large.getvalue(), "grids.gpkg")}),
        )
        assert response.status_code in (422, 403), response.data[:300]
    response = world.ask(
        world.who("planner"), "POST", "/accounts", data={"username": "x" * (DEFAULT_MAX_BYTES + 1)}
    )
    assert response.status_code == 413
