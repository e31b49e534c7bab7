"""Keys of programs: what they may, how often, their rotation and end.

And the counters that all workers share.
"""

import itertools
import json
import multiprocessing
import time
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from gis.accounts import api_keys
from gis.accounts.models import ApiKey
from gis.accounts.rate_limit import Counters, check_rate_limit, counters
from gis.db import read_only_engine
from gis.errors import Conflict, InvalidInput, NotFound, RateLimited
from gis.rights.actions import Action
from tests.support import build
from tests.support.sign_in import account, send, signed_in
from web.app import create_app
from web.cli import key as key_command
from web.security.guard import require

NOW = datetime.now(UTC)
ADDRESS = "/api/v1/areas?limit=1"


@pytest.fixture
def town(session):
    return build.Town(session)


def ask(client, key, address=ADDRESS):
    return client.get(address, headers={"Authorization": f"Bearer {key}"})


def may(app, key, action):
    """Whether the views' `require` lets a key pass."""
    with app.test_request_context(headers={"Authorization": f"Bearer {key}"}):
        return require(action)


def test_a_key_asks_as_its_program_in_its_areas(client, app, session, town):
    grid, other = town.grid("001"), town.grid("002", 1)
    key = api_keys.add(session, "mini", ["incident.read", "names.read"], [grid.code], NOW)
    session.commit()
    assert ask(client, key).status_code == 200
    by = may(app, key, Action.READ)
    assert (by.kind, by.actor) == ("key", "program mini")
    assert by.is_allowed(Action.READ, [town.community.id, grid.id]) and not by.is_allowed(
        Action.READ, [other.id]
    )
    with pytest.raises(Exception, match=r"You \(key\) may not"):
        may(app, key, Action.DISPATCH)


def test_only_the_hash_is_kept_and_the_history_has_not_even_that(session, town):
    key = api_keys.add(session, "mini", ["incident.read"], ["520402"], NOW)
    secret = key.split("_", 2)[2]
    row = session.execute(text("SELECT k::text AS row FROM personal.api_key k")).scalar_one()
    past = session.execute(
        text("SELECT string_agg(h::text, '') FROM history h WHERE table_name LIKE '%api_key'")
    ).scalar_one()
    assert secret not in row and secret not in past and "secret_hash" not in past
    assert len(session.query(ApiKey).one().secret_hash) == 32


@pytest.mark.parametrize(
    "broken",
    [
        lambda key: key[:-1] + ("A" if key[-1] != "A" else "B"),
        lambda key: key[:-10],
        lambda key: "wg_000000000000_" + key.split("_", 2)[2],
        lambda key: "something else",
        lambda key: "",
        lambda key: key + "\u00e9",
        lambda key: "wg_" + "a" * 5000,
    ],
)
def test_a_key_that_does_not_hold_is_401_and_never_nobody(client, session, town, broken):
    key = api_keys.add(session, "mini", ["incident.read"], ["520402"], NOW)
    refused = ask(client, broken(key))
    assert (
        refused.status_code == 401
        and refused.headers["WWW-Authenticate"] == 'Bearer realm="wangge"'
    )
    assert refused.json["detail"] == "the key is not valid; it may be mistyped, expired or revoked"


def test_expired_and_revoked_keys_get_the_same_words(client, session, town):
    expired = api_keys.add(
        session, "old", ["incident.read"], ["520402"], NOW - timedelta(days=3), days=2
    )
    revoked = api_keys.add(session, "gone", ["incident.read"], ["520402"], NOW)
    assert ask(client, revoked).status_code == 200
    assert api_keys.revoke(session, "gone", NOW) == 1
    answers = [ask(client, key) for key in (expired, revoked, "wg_000000000000_" + "x" * 43)]
    assert [item.status_code for item in answers] == [401] * 3 and len(
        {item.data for item in answers}
    ) == 1


def test_a_key_counts_before_a_session_and_needs_no_token(client, session, town):
    key = api_keys.add(session, "mini", ["incident.read"], ["520402"], NOW)
    signed_in(client, account(session, "admin", "administrator"))
    assert (
        client.post("/api/v1/locate", json={"points": []}).status_code == 403
    )  # the session's form token is missing
    headers = {"Authorization": f"Bearer {key}"}
    assert client.post("/api/v1/locate", json={"points": []}, headers=headers).status_code == 200
    assert client.get("/accounts", headers=headers).status_code == 403  # asks as the program
    assert client.get(ADDRESS, headers={"Authorization": "Bearer nonsense"}).status_code == 401


@pytest.mark.usefixtures("one_minute")
def test_the_limit_of_a_minute_is_told(client, session, town):
    key = api_keys.add(session, "slow", ["incident.read"], ["520402"], NOW, per_minute=3)
    codes = [ask(client, key).status_code for _ in range(5)]
    assert codes == [200, 200, 200, 429, 429]
    last = ask(client, key)
    assert 0 < int(last.headers["Retry-After"]) <= 60 and last.json["title"] == "Too many requests"
    assert client.get(ADDRESS).status_code == 200


def test_rotation_keeps_the_old_secret_for_a_while_and_the_program_what_it_filed(session, town):
    first_question = api_keys.add(session, "mini", ["incident.read"], ["520402"], NOW, days=30)
    second = api_keys.rotate(session, "mini", NOW, keep_hours=2)
    old, new = (api_keys.authenticate_key(session, key, NOW) for key in (first_question, second))
    assert (
        old.principal.key_id == new.principal.key_id
    )  # one program: it goes on seeing its own incidents
    later = NOW + timedelta(hours=2, seconds=1)
    assert api_keys.authenticate_key(
        session, first_question, later
    ) is None and api_keys.authenticate_key(session, second, later)
    third = api_keys.rotate(session, "mini", NOW, keep_hours=0)
    assert api_keys.authenticate_key(session, second, NOW) is None and api_keys.authenticate_key(
        session, third, NOW
    )
    assert (
        api_keys.authenticate_key(session, third, NOW + timedelta(days=31)) is None
    )  # the day it ends stays
    assert [item.state for item in api_keys.list_keys(session, NOW)] == [
        "live",
        "expired",
        "expired",
    ]
    api_keys.revoke(session, "mini", NOW)
    assert not any(
        api_keys.authenticate_key(session, key, NOW) for key in (first_question, second, third)
    )
    with pytest.raises(NotFound):
        api_keys.rotate(session, "mini", NOW)
    with pytest.raises(NotFound):
        api_keys.revoke(session, "nobody", NOW)


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 41}, "name"),
        ({"actions": []}, "action"),
        ({"actions": ["accounts.manage"]}, "action"),
        ({"actions": ["contacts.read"]}, "action"),
        ({"areas": []}, "area"),
        ({"areas": ["520402", "999"]}, "area"),
        ({"per_minute": 0}, "per_minute"),
        ({"days": 0}, "days"),
    ],
)
def test_a_wrong_field_of_a_key_is_named(session, town, value, field):
    right = {"name": "mini", "actions": ["incident.read"], "areas": ["520402"], "now": NOW}
    with pytest.raises(InvalidInput) as refused:
        api_keys.add(session, **right | value)
    assert [item.field for item in refused.value.errors] == [field]


def test_a_name_is_one_program_s(session, town):
    api_keys.add(session, "mini", ["incident.read"], ["520402"], NOW)
    with pytest.raises(Conflict, match="mini"):
        api_keys.add(session, "mini", ["incident.read"], ["520402"], NOW)


def test_a_key_is_looked_up_once_in_a_while(settings, database_url, engine):
    """With the application's own sessions, on committed rows: a busy program costs no query a
    request.
    """
    app = create_app(settings, database_url)
    with Session(engine) as session:
        key = api_keys._insert(session, "busy", ["incident.read"], [], 1000, None)
        session.commit()
        statements = []
        reads = read_only_engine(database_url)
        event.listen(reads, "before_cursor_execute", lambda *values: statements.append(values[2]))
        try:
            client = app.test_client()
            assert [ask(client, key).status_code for _ in range(5)] == [200] * 5
            assert len([item for item in statements if "api_key" in item]) == 1
        finally:
            session.execute(text("DELETE FROM personal.api_key WHERE name = 'busy'"))
            session.commit()


def test_the_page_makes_shows_once_rotates_and_revokes(client, session, town):
    signed_in(client, account(session, "admin", "administrator"))
    for number in ("many", "²", "9" * 5000):
        refused = send(client, "/keys", name="x", area="999", per_minute=number)
        assert refused.status_code == 422 and refused.text.count('class="acc-wrong"') == 4
    form = {
        "name": "mini",
        "area": "520402",
        "action": "incident.read",
        "per_minute": "60",
        "days": "",
        "do": "",
    }
    visible = send(client, "/keys", **form).text
    key = visible.split("<output>")[1].split("</output>")[0]
    assert ask(client, key).status_code == 200
    assert key not in client.get("/keys").text and key[:15] in client.get("/keys").text
    assert send(client, "/keys", **form).status_code == 422  # the name is taken
    again = send(client, "/keys/mini", do="rotate").text.split("<output>")[1].split("</output>")[0]
    assert ask(client, again).status_code == ask(client, key).status_code == 200
    assert send(client, "/keys/mini", do="revoke").status_code == 303
    assert ask(client, again).status_code == ask(client, key).status_code == 401


def test_the_commands(session, town, monkeypatch):
    monkeypatch.setattr(key_command, "session_scope", lambda reason="": nullcontext(session))

    def run(*expected):
        return CliRunner().invoke(key_command.command, [*expected])

    created = run("add", "mini", "--action", "incident.read", "--area", "520402", "--days", "9")
    assert (
        created.exit_code == 0
        and created.stdout.startswith("wg_")
        and "shown only now" in created.stderr
    )
    assert api_keys.authenticate_key(session, created.stdout.strip(), NOW).principal.is_allowed(
        Action.READ, [town.county.id]
    )
    assert "'king' cannot be given" in str(
        run("add", "other", "--action", "king", "--area", "520402").exception
    )
    assert run("add", "other", "--area", "520402").exit_code == 2
    assert "mini  [live]" in run("list").stdout
    assert run("rotate", "mini", "--keep-hours", "1").stdout.startswith("wg_")
    assert [item["state"] for item in json.loads(run("list", "--json").stdout)] == [
        "live",
        "ending",
    ]
    assert "2 revoked" in run("revoke", "mini").stdout


# --- the counters ---------------------------------------------------------------------------------


def hits(folder):
    return [counters(folder).increment("one", 1000.0) for _ in range(250)]


def test_processes_count_together(tmp_path):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        read = sorted(itertools.chain(*pool.map(hits, [tmp_path] * 4)))
    assert read == [*range(1, 1001)]


def test_a_minute_begins_anew_and_names_do_not_mix(tmp_path):
    created = Counters(tmp_path / "limits")
    assert [
        created.increment("a", 119.0),
        created.increment("a", 119.9),
        created.increment("b", 119.9),
        created.increment("a", 120.0),
    ] == [
        1,
        2,
        1,
        1,
    ]
    check_rate_limit(tmp_path, "a", 2, 120.0, "requests")
    with pytest.raises(
        RateLimited, match="more than 2 requests in a minute; try again in 19 s"
    ) as refused:
        check_rate_limit(tmp_path, "a", 2, 161.0, "requests")
    assert refused.value.extra == {"retry_after": 19}


def test_ten_thousand_names_fit_and_the_counting_is_cheap(tmp_path):
    created = Counters(tmp_path / "limits")
    start = time.process_time()
    for _ in range(3):
        for number in range(8000):
            created.increment(f"key {number}", 60.0)
    spent = (time.process_time() - start) / 24_000
    assert sum(created.increment(f"key {number}", 60.0) == 4 for number in range(8000)) > 7990
    assert spent < 200e-6  # seconds
