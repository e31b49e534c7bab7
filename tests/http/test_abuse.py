"""What strangers may ask for, say and spoil: little, and never on somebody else's account."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from gis.accounts import credentials, sessions
from gis.accounts.models import SignIn
from gis.errors import RateLimited
from tests.support import build
from tests.support.sign_in import PASSWORD, account, send, sign_in, signed_in, with_password
from web.http import observability
from web.http.client import client_network
from web.security import anonymous_budget, guard, sanitising, trusted_browser

NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)
MATTER = {
    "lon": build.LON + 0.0005,
    "lat": build.LAT + 0.0005,
    "crs": "cgcs2000",
    "category": "06010",
}


@pytest.fixture
def town(session: Session) -> build.Town:
    town = build.Town(session)
    town.post("grid_worker", town.grid("001"), "王网格")
    session.commit()
    return town


def report(
    client: FlaskClient, address: str = "10.0.0.1", key: str | None = None, **fields: object
):
    """Report something from an address."""
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(
        "/api/v1/incidents",
        json=MATTER | fields,
        headers=headers,
        environ_base={"REMOTE_ADDR": address},
    )


@pytest.mark.usefixtures("one_minute")
def test_expensive_reads_have_a_budget_for_each_address(
    app: APIFlask, client: FlaskClient, town: build.Town
) -> None:
    few = replace(app.config["SETTINGS"], anonymous_units_per_minute=130)
    original, app.config["SETTINGS"] = app.config["SETTINGS"], few
    path = "/map.html?bbox=105.949,26.229,105.953,26.232&zoom=16"
    try:

        def ask(address: str) -> int:
            return client.get(path, environ_base={"REMOTE_ADDR": address}).status_code

        codes = [
            ask("2001:db8:1:2::1"),
            ask("2001:db8:1:2::ffff"),
            ask("2001:db8:1:2:3::4"),
            ask("2001:db8:1:2::9"),
        ]
        assert codes[0] == 200 and 429 in codes
        assert ask("2001:db8:1:3::1") == 200 and ask("10.1.1.1") == 200
        refused = client.get(path, environ_base={"REMOTE_ADDR": "2001:db8:1:2::1"})
        assert refused.status_code == 429
        assert 0 < int(refused.headers["Retry-After"]) <= 60
        assert (
            client.get(
                "/api/v1/locate?lon=105.9505&lat=26.2305&crs=cgcs2000",
                environ_base={"REMOTE_ADDR": "2001:db8:1:2::1"},
            ).status_code
            == 200
        )
    finally:
        app.config["SETTINGS"] = original


@pytest.mark.usefixtures("one_minute", "town")
def test_tiles_have_a_budget_also_for_made_up_keys_and_cookies(
    app: APIFlask, client: FlaskClient, session: Session
) -> None:
    few = replace(app.config["SETTINGS"], anonymous_units_per_minute=2)
    original, app.config["SETTINGS"] = app.config["SETTINGS"], few
    try:

        def ask(**headers: str) -> set[int]:
            answers = [client.get("/tiles/grids/3/6/3.mvt", headers=headers) for _ in range(4)]
            assert not any("Cookie" in answer.vary for answer in answers)
            return {answer.status_code for answer in answers}

        assert 429 in ask()
        assert ask(Authorization="Bearer wg_aaaaaaaaaaaa_" + "a" * 43) == {429}
        assert ask(Cookie="wangge_session=a") == {429}
        signed_in(client, account(session, "wang"))
        assert 429 not in ask()
    finally:
        app.config["SETTINGS"] = original


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("x", "unknown"),
    ],
)
def test_a_dual_stack_socket_does_not_make_one_network_of_all(
    app: APIFlask, address: str, network: str
) -> None:
    with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
        assert client_network() == network


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"channel": "phone"}, "channel"),
        ({"channel": "device"}, "channel"),
        ({"channel": "import"}, "channel"),
        ({"severity": "urgent"}, "severity"),
        ({"attributes": {"nothing": 1}}, "attributes.nothing"),
        ({"attributes": {"x": "a" * 20_000}}, "attributes"),
    ],
)
def test_a_stranger_says_only_what_strangers_know(
    client: FlaskClient, town: build.Town, fields: dict, field: str
) -> None:
    refused = report(client, **fields)
    assert refused.status_code == 422 and [error["field"] for error in refused.json["errors"]] == [
        field
    ]
    assert refused.json["zh"].startswith(
        {"channel": "渠道", "severity": "紧急程度"}.get(field, "补充问题")
    )


def test_two_strangers_with_one_key_are_two(client: FlaskClient, town: build.Town) -> None:
    initial, again, other = (
        report(client, address, "the-same-key") for address in ("10.0.0.1", "10.0.0.1", "10.0.0.2")
    )
    assert initial.json["id"] == again.json["id"] != other.json["id"]
    assert other.json["tracking_secret"] != initial.json["tracking_secret"]


def test_signing_out_ends_the_session_on_the_server(
    app: APIFlask, client: FlaskClient, session: Session
) -> None:
    with_password(session, "zhang")
    sign_in(client, "zhang")
    cookie = client.get_cookie("wangge_session").value
    assert client.get("/password").status_code == 200
    send(client, "/sign-out")
    thief = app.test_client()
    thief.set_cookie("wangge_session", cookie)
    assert thief.get("/password").status_code == 401
    sign_in(client, "zhang")
    assert client.get("/password").status_code == 200  # a new session is another one


def test_nobody_can_lock_a_colleague_out(client: FlaskClient, session: Session) -> None:
    with_password(session, "zhang")
    for _ in range(6):
        last = sign_in(client, "zhang", "wrong", address="10.9.9.9")
    assert last.status_code == 429
    assert sign_in(client, "zhang", PASSWORD, address="10.0.0.1").status_code == 303


@pytest.mark.usefixtures("one_minute")
def test_nobody_behind_the_same_address_can_lock_a_colleague_out(
    app: APIFlask, client: FlaskClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("zhang", "li"):
        with_password(session, name)
    monkeypatch.setattr(credentials, "verify_password", lambda _, password: password == PASSWORD)
    sign_in(client, "zhang")
    send(client, "/sign-out")
    stranger = app.test_client()
    codes = [sign_in(stranger, "zhang", f"wrong {number}").status_code for number in range(7)]
    assert codes == [401] * 5 + [429] * 2
    monkeypatch.setattr(
        "web.pages.account.views.MAX_SIGN_INS_PER_MINUTE", 3
    )  # and those of their address are used up too
    for _ in range(4):
        limited = sign_in(stranger, "nobody", "x")
    assert limited.status_code == 429
    assert sign_in(client, "zhang", "wrong").status_code == 401
    assert sign_in(client, "zhang").status_code == 303
    send(client, "/sign-out")
    assert sign_in(stranger, "zhang").status_code == 429
    # a browser is trusted by the accounts that signed in there, and slowed down by itself
    monkeypatch.setattr("web.pages.account.views.MAX_SIGN_INS_PER_MINUTE", 60)
    assert [sign_in(client, "zhang", "wrong").status_code for _ in range(6)] == [401] * 5 + [429]
    for _ in range(6):
        sign_in(stranger, "li", "wrong")
    assert sign_in(client, "li").status_code == 429


def test_a_browser_is_a_stranger_again_after_a_new_password(
    app: APIFlask, client: FlaskClient, session: Session
) -> None:
    created = with_password(session, "zhang")
    stolen, stranger = app.test_client(), app.test_client()
    for browser in (stolen, client):
        sign_in(browser, "zhang")
    new = "another quite long sentence"
    send(client, "/password", old=PASSWORD, password=new, again=new)
    send(client, "/sign-out")
    for _ in range(6):
        sign_in(stranger, "zhang", "wrong")
    assert sign_in(stolen, "zhang", new).status_code == 429
    assert sign_in(client, "zhang", new).status_code == 303
    cookie = client.get_cookie("wangge_browser").value
    stranger.set_cookie("wangge_browser", cookie[:-2] + ("AA" if cookie[-2:] != "AA" else "BB"))
    assert sign_in(stranger, "zhang", new).status_code == 429
    assert created.username not in cookie


@pytest.mark.parametrize(
    "content", [None, [], {"id": "x"}, {"id": "a b" * 8, "accounts": []}, {"id": 1, "accounts": 7}]
)
def test_a_cookie_of_another_shape_is_a_stranger_s(app: APIFlask, content: object) -> None:
    with app.test_request_context():
        cookie = trusted_browser._serializer().dumps(content)
    with app.test_request_context(headers={"Cookie": f"{trusted_browser.BROWSER_COOKIE}={cookie}"}):
        assert trusted_browser.read() == trusted_browser.Browser()


def test_a_name_tried_from_everywhere_is_slowed_for_strangers_only(session: Session) -> None:
    session.add(
        SignIn(username="zhang", at=NOW - timedelta(days=3), succeeded=True, network="10.0.0.1")
    )
    for number in range(sessions.MAX_STRANGE_FAILURES):
        session.add(SignIn(username="zhang", at=NOW, succeeded=False, network=f"10.7.0.{number}"))
    session.flush()
    with pytest.raises(RateLimited) as caught:
        sessions.begin_sign_in(session, "zhang", NOW + timedelta(seconds=3), "10.8.0.1")
    assert caught.value.extra["retry_after"] <= 10
    sessions.begin_sign_in(
        session, "zhang", NOW + timedelta(seconds=3), "10.0.0.1"
    )  # signed in here before
    sessions.begin_sign_in(session, "zhang", NOW + timedelta(seconds=11), "10.8.0.1")
    sessions.begin_sign_in(session, "li", NOW, "10.8.0.1")


def test_headers_keep_browsers_strict_and_personal_answers_out_of_caches(
    client: FlaskClient, session: Session, town: build.Town
) -> None:
    headers = client.get("/", base_url="https://grid.example.cn").headers
    assert headers["Strict-Transport-Security"].startswith("max-age=")
    assert (
        headers["Cross-Origin-Opener-Policy"] == "same-origin"
        and "geolocation=(self)" in headers["Permissions-Policy"]
    )
    assert "Strict-Transport-Security" not in client.get("/").headers
    signed_in(client, account(session, "boss", "administrator"))
    for path in (
        "/api/v1/incidents",
        "/api/v1/incidents/counts",
        "/accounts",
        "/keys",
        "/notices",
        "/api/v1/notices",
        "/api/v1/search?q=王网格",
    ):
        reply = client.get(path)
        assert reply.status_code == 200 and "no-store" in reply.headers["Cache-Control"], path


def test_the_tables_of_endpoints_name_endpoints(app: APIFlask) -> None:
    """A view that is renamed must not lose its budget, its reader or its way in."""
    named = {
        *anonymous_budget.COST_BY_ENDPOINT,
        *sanitising.ITEMWISE_ENDPOINTS,
        *guard.SIGN_IN,
        *guard.ALLOWED_BEFORE_PASSWORD_CHANGE,
    }
    named |= observability.UNLOGGED
    assert named - {rule.endpoint for rule in app.url_map.iter_rules()} == set()
