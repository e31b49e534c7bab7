"""What each asker is shown: no secret of a world full of them, on any route, and no JSON field
beyond those reviewed.

Every route of `tests.http.test_access.TABLE`, and so every route there is, is asked by every asker.
`SECRETS` says whom each string may reach. `tests/data/fields.json` holds, for each JSON route, the
fields that hold a value for each asker; after a change that is meant, write it anew with
`WANGGE_FIELDS=write` and review the difference.
"""

import io
import json
import os
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from apiflask import APIFlask
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from gis.accounts import disclosures
from gis.errors import NotFound
from gis.exchange import dump
from gis.incidents.lifecycle import moves
from gis.incidents.lifecycle.intake import IncidentReport
from gis.incidents.lifecycle.payload import MovePayload
from gis.incidents.lifecycle.report import file_report
from gis.incidents.reading import duplicates, public
from gis.messages import PARAMETER, Message, render, sentence
from gis.ops import qgis
from gis.ops.cluster import DatabaseUrls
from gis.rights.actions import Action
from gis.rights.principal import ANONYMOUS, Principal, system_principal
from gis.rights.roles import organisation_name
from gis.rights.visibility import Fact, can_see, holder_label
from gis.settings import ROOT
from tests.support import build
from tests.support.access_table import ASKERS, NOW, TABLE, Asker, faults
from tests.support.secret_world import (
    CLOSE,
    EXTRA,
    FINDING_WORDS,
    INSIDE_WORDS,
    OTHER_WORDS,
    PHONE,
    SecretWorld,
    is_walked,
    readable,
)
from web.api.events import views

A = Action
FIELDS = ROOT / "tests" / "data" / "fields.json"

# --- a world with secrets -------------------------------------------------------------------------


@pytest.fixture
def world(app: APIFlask, session: Session, client: FlaskClient) -> Iterator[SecretWorld]:
    """The world, seen by every client within the test's transaction.

    Streams end with what is known.
    """
    stored = views.feed(app).streams
    assert stored.acquire(timeout=60)
    yield SecretWorld(app, session, client)
    stored.release()


def reporter_or(rule: Callable[[SecretWorld, Asker], bool]) -> Callable[[SecretWorld, Asker], bool]:
    """The rule, or who reported it: by account or by the tracking secret."""
    return lambda world, asker: asker.name in ("reporter", "resident") or rule(world, asker)


def in_county(world: SecretWorld, asker: Asker) -> bool:
    """Names of all the county: for those with the right there or everywhere."""
    return asker.by.is_allowed(A.NAMES, [world.home.county.id])


NOBODYS = (PHONE, "报事人乙")  # without a reason
# secret -> whom it may reach
SECRETS: dict[str, Callable[[SecretWorld, Asker], bool]] = {
    **dict.fromkeys(NOBODYS, lambda world, asker: False),
    FINDING_WORDS: SecretWorld.reads,
    "9507613": SecretWorld.reads,  # its exact place
    "2303917": SecretWorld.reads,
    "9502837": reporter_or(SecretWorld.reads),
    "2307719": reporter_or(SecretWorld.reads),
    "路灯坏了丁卯": SecretWorld.reads,
    "9501739": lambda world, asker: (
        world.reads(asker) or asker.name == "grid worker of another street"
    ),
    "查看理由七八九": lambda world, asker: asker.by.is_allowed(A.HISTORY, world.chain),
    "192.0.2.7": lambda world, asker: asker.by.is_allowed(A.HISTORY, world.chain),
    INSIDE_WORDS: SecretWorld.reads,
    "王grid_worker": SecretWorld.names,
    "王community_worker": SecretWorld.names,
    "user-community-dispatcher": lambda world, asker: (
        SecretWorld.names(world, asker) or asker.name == "community dispatcher"
    ),
    "赵中队长": SecretWorld.names,
    "钱物业经理": SecretWorld.names,
    "邻格孙网格员": lambda world, asker: (
        asker.name == "neighbouring grid worker" or world.names(asker)
    ),
    "别街周调度员": lambda world, asker: (
        asker.name.endswith("of another street") or in_county(world, asker)
    ),
    "外县林调度员": lambda world, asker: (
        asker.name == "dispatcher of another county"
        or asker.by.is_allowed(A.NAMES, world.other_chain)
    ),
    "外县何网格员": lambda world, asker: asker.by.is_allowed(A.NAMES, world.other_chain),
    OTHER_WORDS: lambda world, asker: asker.by.is_allowed(A.READ, world.other_chain),
}

# routes whose answers name accounts to those who administer or audit them, wherever they are
ACCOUNTS = re.compile(r"/accounts|/keys|/password")


def words_of(response: TestResponse) -> str:
    """All that an answer says, workbooks unpacked; what is not text letter by letter."""
    data = response.get_data()
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            data = b"".join(book.read(name) for name in book.namelist())
    return data.decode("utf-8", "replace").encode().decode() + json.dumps(dict(response.headers))


def fields(value: Any, path: str = "") -> Iterator[str]:
    """The paths of a JSON document that hold a value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from fields(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for inner in value:
            yield from fields(inner, f"{path}[]")
    elif value not in (None, ""):
        yield path


def compact(seen: dict[str, dict[str, set[str]]]) -> dict[str, dict[str, str]]:
    """Route -> field -> who is shown a value in it; "all" of those who are answered at all."""
    result = {}
    for route, by_asker in sorted(seen.items()):
        every = sorted({item for paths in by_asker.values() for item in paths})
        result[route] = {
            path: "all" if len(actor) == len(by_asker) else ", ".join(actor)
            for path in every
            for actor in [sorted(asker for asker, paths in by_asker.items() if path in paths)]
        }
    return result


@pytest.mark.usefixtures("rights_cached")
def test_no_secret_reaches_whom_it_is_not_for_and_no_field_is_new(
    app: APIFlask, world: SecretWorld
) -> None:
    wrong: list[str] = []
    reached: dict[str, set[str]] = {secret: set() for secret in SECRETS}
    seen: dict[str, dict[str, set[str]]] = {}
    for asker in world.askers:
        secret_for = [secret for secret, rule in SECRETS.items() if not rule(world, asker)]

        def look(
            name: str, response: TestResponse, asker: Asker = asker, hidden: list[str] = secret_for
        ) -> None:
            output = words_of(response)
            if not ACCOUNTS.search(name):
                wrong.extend(
                    f"{name}: {asker.name} is shown {secret}"
                    for secret in hidden
                    if secret in output
                )
            for secret in SECRETS:
                if secret in output:
                    reached[secret].add(asker.name)

        queries = [(name, *name.split(" ", 1), TABLE[name]) for name in readable()]
        queries += [(f"GET {path}", "GET", path.format_map(vars(world)), None) for path in EXTRA]
        for name, method, rule, row in queries:
            if not is_walked(name, asker):
                continue
            response = world.ask(asker, method, world.path(rule, row) if row else rule, row)
            look(name, response)
            if row and asker.name in ASKERS:
                wrong.extend(faults(world, name, row, asker, response))
            if response.is_json and response.status_code < 300:
                paths = set(fields(response.json))
                seen.setdefault(name, {})[asker.name] = {
                    re.sub(r"\b5\d{11,}\b", "CODE", path) for path in paths
                }
    # the walk would also pass if nobody were shown anything
    wrong += [
        f"{secret} reaches nobody"
        for secret in SECRETS
        if not reached[secret] and secret not in NOBODYS
    ]
    if wrong:
        pytest.fail("\n".join(sorted(set(wrong))), pytrace=False)
    result = compact(seen)
    if os.environ.get("WANGGE_FIELDS") == "write":
        FIELDS.write_text(
            json.dumps(result, ensure_ascii=False, indent=1, sort_keys=True) + "\n",
            encoding="utf-8",
        )
    expected = json.loads(FIELDS.read_text(encoding="utf-8"))
    changed = [
        f"{route} {path}: {expected.get(route, {}).get(path)} -> {result.get(route, {}).get(path)}"
        for route in sorted(result.keys() | expected.keys())
        for path in sorted(result.get(route, {}).keys() | expected.get(route, {}).keys())
        if expected.get(route, {}).get(path) != result.get(route, {}).get(path)
    ]
    if changed:
        pytest.fail(
            "fields that are not in tests/data/fields.json as they are now:\n" + "\n".join(changed),
            pytrace=False,
        )


# --- one definition -------------------------------------------------------------------------------


def test_a_right_elsewhere_is_no_right_here() -> None:
    destination, position = [7], [1, 2]
    by = Principal(
        "account",
        "account a",
        {A.NAMES: frozenset(destination), A.READ: frozenset(destination)},
        person_id=5,
    )
    assert can_see(by, Fact.NAMES, destination) and not can_see(by, Fact.NAMES, position)
    assert not can_see(by, Fact.CONTACT, destination)
    assert can_see(by, Fact.INTERNAL, position, holder_id=5) and not can_see(
        by, Fact.INTERNAL, position, holder_id=6
    )
    assert not can_see(by, Fact.NAMES, position, holder_id=5)
    assert not can_see(ANONYMOUS, Fact.INTERNAL, position, holder_id=None)


@pytest.mark.parametrize(
    ("role", "location", "name"),
    [
        ("enforcement_squad", "东关街道", "东关街道综合执法中队"),
        ("street_office", "东关街道", "东关街道党工委"),
        ("street_office", "宋旗镇", "宋旗镇街道党工委"),
        ("property_company", "祥福里", "祥福里物业"),
        ("volunteer_team", "", "志愿服务队"),
    ],
)
def test_an_organisation_is_called_by_its_place(role: str, location: str, name: str) -> None:
    assert organisation_name(role, location) == name
    assert holder_label(ANONYMOUS, [1], role, location, "赵某", 9) == name
    assert holder_label(ANONYMOUS, [1], "grid_worker", location, "赵某", 9) is None
    assert holder_label(ANONYMOUS, [1], role, location, None, None) is None  # nobody is there
    assert holder_label(system_principal("test"), [1], role, location, "赵某", 9) == "赵某"


def test_a_stranger_finds_only_the_rounded_place_however_often_they_ask(session: Session) -> None:
    town = build.Town(session)
    town.post("grid_worker", town.grid("001"), "王网格")
    filed = [
        file_report(
            session,
            system_principal("test"),
            IncidentReport("06010", lon=lon, lat=lat, crs="cgcs2000", channel=channel),
            NOW,
        )
        for lon, lat, channel in (
            (105.9504601, 26.2304601, "web"),
            (105.9505399, 26.2305399, "phone"),
            (105.9505, 26.2305, "patrol"),
            (105.9505, 26.2305, "device"),
            (105.9505, 26.2305, "import"),
            (105.9505, 26.2305, "api"),
        )
    ]
    assert len(filed) == 6

    @given(st.floats(-0.0008, 0.0008), st.floats(-0.0008, 0.0008))
    @hypothesis_settings(max_examples=60)
    def ask(east: float, north: float) -> None:
        queries = (
            session,
            ANONYMOUS,
            "06010",
            105.9505 + east,
            26.2305 + north,
            NOW + timedelta(minutes=1),
        )
        visible = duplicates.find_duplicates(*queries)
        metres = {item.distance_m for item in visible}
        assert (
            len(visible) in (0, 2) and len(metres) <= 1
        )  # two places in one cell of the rounding: told apart by nobody
        assert not any(item.id for item in visible)

    ask()
    exact = duplicates.find_duplicates(
        session, system_principal("test"), "06010", 105.9505, 26.2305, NOW + timedelta(minutes=1)
    )
    assert len(exact) == 6 and len({item.distance_m for item in exact}) >= 2


def test_a_hidden_category_is_hidden_whatever_its_code(session: Session) -> None:
    """A five-digit category that residents may not choose is not of the public list, and so not
    near either.
    """
    town = build.Town(session)
    town.post("grid_worker", town.grid("001"), "王网格")
    file_report(
        session,
        system_principal("test"),
        IncidentReport("06010", channel="web", crs="cgcs2000", **CLOSE),
        NOW,
    )
    nearby = (session, ANONYMOUS, "06010", CLOSE["lon"], CLOSE["lat"], NOW + timedelta(minutes=1))
    assert (
        len(duplicates.find_duplicates(*nearby))
        == len(public.list_public_incidents(session, ANONYMOUS, public.PublicFilters(), 9))
        == 1
    )
    session.execute(text("UPDATE incident_category SET public = false WHERE code = '06010'"))
    assert (
        duplicates.find_duplicates(*nearby)
        == public.list_public_incidents(session, ANONYMOUS, public.PublicFilters(), 9)
        == []
    )


# --- organisations, timelines and photos ----------------------------------------------------------


def test_a_matter_of_a_squad_names_the_squad_and_the_staff_elsewhere_nobody(
    world: SecretWorld,
) -> None:
    street = world.who("street").by
    moves.apply_move(
        world.session, world.who("community dispatcher").by, world.abroad, "withdraw", NOW
    )
    moves.apply_move(
        world.session, street, world.abroad, "dispatch", NOW, MovePayload(role="enforcement_squad")
    )
    world.session.commit()
    named, private = world.who("grid worker"), world.who("grid worker of another street")
    body = world.ask(private, "GET", f"/api/v1/incidents/{world.abroad}").json
    assert body is not None and (body["role"], body["assigned_to"]) == (
        "enforcement_squad",
        "西航街道综合执法中队",
    )
    assert {event["who"] for event in body["timeline"]} == {None}
    assert INSIDE_WORDS not in str(body) and str(world.abroad_photo) not in str(body)
    assert world.ask(private, "GET", f"/api/v1/photos/{world.abroad_photo}").status_code == 404
    assert world.ask(named, "GET", f"/api/v1/photos/{world.abroad_photo}").status_code == 200
    body = world.ask(named, "GET", f"/api/v1/incidents/{world.abroad}").json
    assert body is not None and body["assigned_to"] == "赵中队长" and INSIDE_WORDS in str(body)


def test_a_page_opens_on_the_own_area(world: SecretWorld) -> None:
    places = {
        name: re.findall(
            r'class="place">(.*?)<', world.ask(world.who(name), "GET", "/").get_data(as_text=True)
        )
        for name in ("anonymous", "command centre of the city", "administrator", "auditor")
    }
    everything = ["安顺市、西秀区"]  # one of three counties stands in no city
    assert places == {
        "anonymous": everything,
        "administrator": everything,
        "command centre of the city": ["安顺市"],
        "auditor": ["西秀区"],
    }


def test_a_link_gives_no_id_of_a_hidden_matter(world: SecretWorld) -> None:
    desk = world.who("community dispatcher").by
    moves.apply_move(world.session, desk, world.own, "withdraw", NOW)
    moves.apply_move(world.session, desk, world.own, "link", NOW, MovePayload(parent=world.public))
    world.session.commit()
    for name, parent in (("resident", None), ("grid worker", str(world.public))):
        body = world.ask(world.who(name), "GET", f"/api/v1/incidents/{world.own}").json
        assert body is not None and body["parent"] == parent, name
        result = world.ask(world.who(name), "GET", f"/api/v1/incidents?parent={world.public}").json
        assert result is not None and len(result["items"]) == (parent is not None), name


def test_files_views_and_notices_hold_no_person_and_no_words(
    world: SecretWorld, tmp_path: Path
) -> None:
    notice_target = (
        "INSERT INTO notice_target (kind, address, topics, secret)"
        " VALUES ('webhook', 'https://a.example.cn', '{}', 'x')"
    )
    world.session.execute(text(notice_target))
    moves.apply_move(
        world.session,
        world.who("community dispatcher").by,
        world.own,
        "note",
        NOW,
        MovePayload(note=INSIDE_WORDS),
    )
    output = [str(body) for body in world.session.scalars(text("SELECT body FROM notice"))]
    output += [str(world.session.execute(text(view.query)).all()) for view in qgis.VIEWS.values()]
    for layer in dump.EXPORT_LAYERS:
        file = tmp_path / f"{layer}.csv"
        try:
            dump.dump(world.session, layer, file)
        except NotFound:
            continue  # the world has none
        output.append(file.read_text(encoding="utf-8"))
    assert len(output) > 15
    for secret in {*SECRETS, "楼下的事"}:
        assert not any(secret in item for item in output), secret


# --- who was shown what ---------------------------------------------------------------------------


def rows(
    world: SecretWorld, kind: str = "", asker: str = "auditor", query: str = ""
) -> list[dict[str, Any]]:
    """What an auditor is told."""
    answer = world.ask(world.who(asker), "GET", f"/api/v1/disclosures?kind={kind}{query}").json
    assert answer is not None
    return [row for row in answer["items"] if row["reason"] != "查看理由七八九"]


def send(world: SecretWorld, name: str, method: str, path: str, **extra: Any) -> TestResponse:
    """A request that is not undone."""
    asker = world.who(name)
    return asker.client.open(
        path, method=method, headers=asker.headers | extra.pop("headers", {}), **extra
    )


def test_a_contact_needs_a_reason_and_leaves_a_row(world: SecretWorld) -> None:
    path, item = (
        f"/api/v1/incidents/{world.own}/contact",
        f"/api/v1/incidents/{world.own}?contact=true",
    )
    for reason in ("", "   ", "。", "-", "x" * 401):
        for answer in (
            send(world, "grid worker", "POST", path, json={"reason": reason}),
            send(
                world,
                "grid worker",
                "GET",
                item.split("?")[0],
                query_string={"contact": "true", "reason": reason},
            ),
        ):
            assert answer.status_code == 422 and PHONE not in answer.get_data(as_text=True), reason
            assert answer.json is not None and [
                error["field"] for error in answer.json["errors"]
            ] == ["reason"]
    assert send(world, "grid worker", "POST", path, json={}).status_code == 422
    assert send(world, "auditor", "POST", path, json={"reason": "核对"}).status_code == 403
    assert (
        send(world, "neighbouring grid worker", "POST", path, json={"reason": "核对"}).status_code
        == 404
    )
    assert rows(world) == []
    away = {"REMOTE_ADDR": "198.51.100.23"}
    answer = send(
        world, "grid worker", "POST", path, json={"reason": " 回访 结果 "}, environ_overrides=away
    )
    assert answer.json == {"contact": {"name": "", "phone": PHONE, "email": ""}}
    assert answer.headers["Cache-Control"] == "no-store"
    answer = send(world, "street", "GET", item + "&reason=问地点")
    assert answer.json is not None and answer.json["contact"]["phone"] == PHONE
    second, initial = rows(world, "contact")
    assert (initial["who"], initial["incident"], initial["source"], initial["reason"]) == (
        "account user-grid-worker",
        str(world.own),
        "198.51.100.23",
        "回访 结果",
    )
    assert (second["who"], second["reason"]) == ("account user-street", "问地点")
    assert (
        rows(world, query="&who=street") == [second]
        and rows(world, query=f"&incident={world.public}") == []
    )
    assert rows(world, query="&until=2026-01-01") == [] and rows(world, "export") == []
    page = world.ask(world.who("auditor"), "GET", "/disclosures?kind=contact").get_data(
        as_text=True
    )
    assert "回访 结果" in page and "198.51.100.23" in page and str(world.own) in page
    assert "报事人的联系方式" in page and "contact of the reporter" not in page
    for path in (
        "/api/v1/disclosures?kind=x",
        "/disclosures?kind=x",
        "/disclosures?incident=x",
        "/disclosures?before=x",
    ):
        assert world.ask(world.who("auditor"), "GET", path).status_code == 422, path
    areas = frozenset({world.far.county.id})
    elsewhere = Principal("account", "account b", {A.HISTORY: areas})
    assert disclosures.list_disclosures(world.session, elsewhere, disclosures.Filters(), 10) == []


def test_photos_and_exports_leave_a_row_but_ones_own_photo_does_not(world: SecretWorld) -> None:
    photo = f"/api/v1/photos/{world.photo}"
    answer = send(world, "grid worker", "GET", f"{photo}?reason=核实")
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
    for header, value in (
        ("If-None-Match", "*"),
        ("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT"),
    ):
        again = send(world, "community dispatcher", "GET", photo, headers={header: value})
        assert again.status_code == 200 and "ETag" not in again.headers  # each look is a look
    assert send(world, "unit head", "GET", f"{photo}/thumbnail").status_code == 200
    assert send(world, "resident", "GET", photo).status_code == 404
    mine = world.session.scalar(
        text("SELECT min(event_id) FROM photo WHERE incident_id = :id"), {"id": world.own}
    )
    world.session.execute(
        text(
            "UPDATE photo SET event_id = (SELECT min(id) FROM incident_event"
            " WHERE incident_id = :id) WHERE event_id = :e"
        ),
        {"id": world.own, "e": mine},
    )
    world.session.commit()
    for name in ("resident", "reporter"):
        assert (
            send(world, name, "GET", f"/api/v1/photos/{world.inside_photo}").status_code == 200
        ), name
    small, *again_rows, full = rows(world, "photo")
    assert [row["who"] for row in again_rows] == ["account user-community-dispatcher"] * 2
    assert (full["subject"], full["reason"], full["who"]) == (
        f"photo {world.photo}",
        "核实",
        "account user-grid-worker",
    )
    assert (small["subject"], small["incident"]) == (
        f"thumbnail {world.photo}",
        str(world.incident),
    )
    exports = [
        (
            "planner",
            f"/api/v1/export/grids.gpkg?within={world.grid.code}&reason=上图",
            f"grids.gpkg within {world.grid.code}",
        ),
        (
            "street",
            "/figures.csv?since=2026-01-01&until=2026-01-31&per=grid",
            "figures.csv per=grid since=2026-01-01 until=2026-01-31",
        ),
        (
            "planner",
            f"/api/v1/revisions/{world.draft}/preview?format=xlsx",
            f"preview of revision {world.draft} (.xlsx)",
        ),
        ("command centre", f"/rules/{world.rules}.xlsx", f"rule set {world.rules} (.xlsx)"),
        ("command centre", "/rules/danger.xlsx", "table of danger (.xlsx)"),
    ]
    for name, path, _ in exports:
        assert send(world, name, "GET", path).status_code == 200, path
    assert [row["subject"] for row in reversed(rows(world, "export"))] == [
        subject for _, _, subject in exports
    ]
    assert rows(world, "export")[-1]["reason"] == "上图"


ROW = (
    "personal.disclosure (who, kind, subject, areas, source, {}) OVERRIDING SYSTEM VALUE"
    " VALUES ('x', 'export', 'x', '{{}}', 'x', {})"
)


@pytest.mark.parametrize(
    "statement",
    [
        f"INSERT INTO {ROW.format('at', 'now()')}",
        f"INSERT INTO {ROW.format('id', '1')}",
    ],  # when it was, the database says
)
def test_no_row_is_written_into_the_past(session: Session, statement: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        session.execute(text(statement))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE personal.disclosure SET who = 'x'",
        "DELETE FROM personal.disclosure",
        "TRUNCATE personal.disclosure CASCADE",
    ],
)
def test_what_was_shown_is_never_changed(
    session: Session, addresses: DatabaseUrls, statement: str
) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        session.execute(text(statement))
    with (
        psycopg.connect(addresses.owner) as owner,
        pytest.raises(psycopg.errors.RestrictViolation),
        owner.transaction(),
    ):
        owner.execute(statement)


PHOTO = Message("shown.photo", {"photo": "x"})
VALUES = {"area": "520402", "count": 1200, "file": "台账 1.xlsx", "filters": "per=grid since=2026"}


@pytest.mark.parametrize("key", disclosures.SUBJECTS)
def test_what_was_shown_is_said_in_the_readers_language(key: str) -> None:
    code = f"shown.{key}"
    names = PARAMETER.findall(sentence(code))
    message = Message(code, {name: VALUES.get(name, "7") for name in names})
    assert disclosures.subject_in(render(message), "zh") == render(message, "zh")
    assert disclosures.subject_in(render(message), "en") == render(message)


def test_what_an_earlier_version_wrote_is_said_as_it_stands() -> None:
    assert disclosures.subject_in("新的 something", "zh") == "新的 something"


def test_the_database_wants_a_reason_for_a_contact_too(session: Session) -> None:
    disclosures.record(session, system_principal("test"), "photo", PHOTO, source="x")
    with pytest.raises(IntegrityError, match="contact_has_reason"):
        disclosures.record(
            session, system_principal("test"), "contact", PHOTO, source="x", reason="  "
        )


def test_the_command_line_asks_for_the_reason_and_writes_it_down(
    world: SecretWorld, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from web.cli import common, dump
    from web.cli import incidents as command

    @contextmanager
    def scope(cause: str = "") -> Iterator[Session]:
        yield world.session

    for module in (common, command, dump):
        monkeypatch.setattr(module, "session_scope", scope)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(command.command, [*arguments])

    assert "reason: is missing" in str(run("contact", str(world.own)).exception)
    completed = run("contact", str(world.own), "--reason", "核对电话", "--json")
    assert json.loads(completed.stdout)["contact"]["phone"] == PHONE
    file = tmp_path / "grids.csv"
    assert CliRunner().invoke(dump.command, ["grids", str(file), "--reason", "年报"]).exit_code == 0
    export, contact = json.loads(run("disclosures", "--json", "--who", "COMMAND line").stdout)
    assert (contact["kind"], contact["reason"], contact["incident"]) == (
        "contact",
        "核对电话",
        str(world.own),
    )
    assert (export["kind"], export["subject"], export["reason"]) == ("export", "grids .csv", "年报")
    assert contact["source"].startswith("command line on ") and contact["who"].startswith(
        "command line: "
    )
    assert "核对电话" in run("disclosures", "--kind", "contact").stdout
