"""Accounts: signing in and out, the lock, sessions and their ends, forged forms, passwords, the
administrator's page.
"""

import itertools
import multiprocessing
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher
from click.testing import CliRunner
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from gis.accounts import account_list, accounts, credentials, sessions
from gis.accounts.models import AccessGrant, Account, SignIn
from gis.db import read_only_engine
from gis.demo import accounts as demo_accounts
from gis.errors import Forbidden, InvalidInput, RateLimited
from gis.rights.actions import Action
from gis.rights.principal import account_principal
from gis.settings import Settings
from tests.support import build
from tests.support.sign_in import (
    ADMIN,
    PASSWORD,
    account,
    send,
    sign_in,
    signed_in,
    token,
    with_password,
)
from web.app import create_app
from web.cli import account as account_command

NOW = datetime.now(UTC)
addresses = itertools.count(1)


@pytest.fixture
def town(session):
    return build.Town(session)


@pytest.fixture
def client(client):
    """Each test comes from an address of its own, so that the tries of others do not count."""
    number = next(addresses)
    client.environ_base = client.environ_base | {
        "REMOTE_ADDR": f"10.1.{number // 250}.{number % 250 + 1}"
    }
    return client


def who(client):
    """The name in the account menu; None for nobody."""
    page = client.get("/").text
    return (
        page.split("<summary")[1].split("<b>")[1].split("</b>")[0] if "<summary" in page else None
    )


def api(client, **headers):
    return client.get("/api/v1/areas?limit=1", headers=headers).status_code


# --- signing in -----------------------------------------------------------------------------------


def test_a_right_password_signs_in_and_the_menu_says_who(client, session):
    with_password(session, "zhang.san")
    assert who(client) is None
    answer = sign_in(client, " Ｚhang.San ")  # a letter in full width, as Chinese keyboards write
    assert (answer.status_code, answer.location) == (303, "/")
    assert who(client) == "zhang.san"
    assert session.query(SignIn).filter_by(username="zhang.san").one().succeeded


def test_the_session_s_cookie_is_for_the_server_only_and_for_tls_where_there_is_tls(
    client, session
):
    with_password(session, "zhang")
    output, browser = sign_in(client, "zhang").headers.getlist("Set-Cookie")
    assert "HttpOnly" in browser and "SameSite=Lax" in browser and "Max-Age=7776000" in browser
    assert (
        "HttpOnly" in output
        and "SameSite=Lax" in output
        and "Secure" not in output
        and "Expires" not in output
    )
    form = client.get("/sign-in", base_url="https://localhost")
    assert form.location == "/" or "Secure" in form.headers["Set-Cookie"]
    client.post("/sign-out", data={"csrf_token": token(client)})
    assert "Secure" in client.get("/sign-in", base_url="https://localhost").headers["Set-Cookie"]


def test_an_unknown_name_a_wrong_password_and_a_blocked_account_look_the_same(client, session):
    with_password(session, "zhang")
    with_password(session, "blocked", active=False)
    answers = [
        sign_in(client, name, password)
        for name, password in (("zhang", "wrong"), ("nobody", PASSWORD), ("blocked", PASSWORD))
    ]
    assert {answer.status_code for answer in answers} == {401}
    bodies = {
        answer.text.replace(name, "")
        for answer, name in zip(answers, ("zhang", "nobody", "blocked"), strict=True)
    }
    without = {body.split('role="alert"')[1].split("</p>")[0] for body in bodies}
    assert len(without) == 1
    assert who(client) is None


def test_an_unknown_name_takes_as_long(session, real_hashes):
    with_password(session, "zhang")
    spent = {}
    for name in ("zhang", "nobody", "zhang", "nobody"):
        tried = sessions.begin_sign_in(session, name, datetime.now(UTC))
        start = time.process_time()
        assert not sessions.password_matches(tried, "wrong")
        spent[name] = min(spent.get(name, 9), time.process_time() - start)
    assert 0.4 < spent["nobody"] / spent["zhang"] < 2.5


def test_a_form_without_name_or_password_is_sent_back(client):
    assert sign_in(client, "", "x").status_code == 422
    assert sign_in(client, "zhang", "").status_code == 422
    assert sign_in(client, "zhang\0", "x" * 5000).status_code == 422


def test_outdated_hashes_are_made_anew(client, session, real_hashes):
    created = with_password(session, "zhang")
    created.password_hash = weak = PasswordHasher(
        time_cost=1, memory_cost=8192, parallelism=1
    ).hash(PASSWORD)
    session.commit()
    assert sign_in(client, "zhang").status_code == 303
    session.refresh(created)
    assert created.password_hash != weak and "m=65536" in created.password_hash
    assert credentials.verify_password(created.password_hash, PASSWORD)


@pytest.mark.parametrize("name", ["zhang", "nobody"])
def test_five_failures_slow_a_name_down_and_more_slow_it_more(client, session, name, monkeypatch):
    with_password(session, "zhang")
    monkeypatch.setattr(
        credentials,
        "verify_password",
        lambda stored, password: bool(stored) and password == PASSWORD,
    )
    assert [sign_in(client, name, "wrong").status_code for _ in range(6)] == [401] * 5 + [429]
    for pause in (15, 30, 60, 120, 120):
        slowed = sign_in(client, name)
        assert (
            slowed.status_code == 429
            and pause - 10 <= int(slowed.headers["Retry-After"]) <= pause + 1
        )
        assert who(client) is None
        later = (
            "UPDATE personal.sign_in SET at = at - make_interval(secs => :s) WHERE username = :n"
        )
        session.execute(text(later), {"n": name, "s": pause})
        session.commit()
        assert sign_in(client, name, "wrong").status_code == 401
    session.execute(text(later), {"n": name, "s": 120})
    session.commit()
    assert sign_in(client, name).status_code == (303 if name == "zhang" else 401)


def test_failures_count_in_a_row_and_close_together(session):
    start = NOW - timedelta(days=2)

    def tries(minutes, succeeded=()):
        session.query(SignIn).delete()
        for number, minute in enumerate(minutes):
            session.add(
                SignIn(
                    username="z",
                    at=start + timedelta(minutes=minute),
                    succeeded=number in succeeded,
                )
            )
        session.flush()
        try:
            sessions.begin_sign_in(session, "z", start + timedelta(minutes=max(minutes)))
        except RateLimited:
            return "locked"
        return "open"

    assert tries([0, 1, 2, 3]) == "open"
    assert tries([0, 1, 2, 3, 4]) == "locked"
    assert tries([0, 1, 2, 3, 4], succeeded=[2]) == "open"
    assert tries([0, 4, 8, 12, 15]) == "locked"
    assert tries([0, 4, 8, 12, 16]) == "open"  # not within a quarter of an hour


def test_twenty_tries_at_once_count_as_twenty(engine: Engine):
    def attempt(_):
        with Session(engine) as session:
            try:
                sessions.begin_sign_in(session, "race", datetime.now(UTC))
            except RateLimited:
                return False
            session.commit()
            return True

    try:
        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(attempt, range(20))) == 5
    finally:
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM personal.sign_in WHERE username = 'race'"))


@pytest.mark.usefixtures("one_minute")
def test_one_address_has_only_so_many_tries(client, monkeypatch):
    monkeypatch.setattr("web.pages.account.views.MAX_SIGN_INS_PER_MINUTE", 3)
    codes = [sign_in(client, f"name{number}", "wrong").status_code for number in range(5)]
    assert codes == [401] * 3 + [429] * 2


@pytest.mark.parametrize(
    ("value", "goes"),
    [
        ("/?lon=105.9&lat=26.2", "/?lon=105.9&lat=26.2"),
        ("/accounts?name=zhang", "/accounts?name=zhang"),
        ("https://evil.example/", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("///evil.example", "/"),
        ("/a\\..\\evil", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_signing_in_leads_only_to_our_own_pages(client, session, value, goes):
    with_password(session, "zhang")
    assert sign_in(client, "zhang", next=value).location == goes
    assert client.get("/sign-in", query_string={"next": value}).location == goes


# --- sessions -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("began", "seen", "present"),
    [
        (0, 0, True),
        (3600, 29 * 60, True),
        (3600, 31 * 60, False),
        (11 * 3600, 60, True),
        (12 * 3600 + 1, 60, False),
    ],
)
def test_a_session_ends_without_use_and_after_twelve_hours(client, session, began, seen, present):
    signed_in(client, account(session, "zhang"))
    now = int(time.time())
    with client.session_transaction() as cookie:
        cookie["account"] = [*cookie["account"][:2], now - began, now - seen]
    assert (who(client) == "zhang") == present


def test_use_keeps_a_session_and_a_stream_does_not(client, session):
    signed_in(client, account(session, "zhang"))

    def seen(path):
        with client.session_transaction() as cookie:
            cookie["account"] = [*cookie["account"][:3], int(time.time()) - 600]
        client.get(path).close()
        with client.session_transaction() as cookie:
            return int(time.time()) - cookie["account"][3]

    assert seen("/api/v1/areas") < 5
    assert seen("/api/v1/events") >= 600
    assert seen("/tiles/areas/5/1/1.mvt") >= 600


def test_raising_the_stamp_and_blocking_end_every_session(client, session):
    created = signed_in(client, account(session, "zhang")) and session.query(Account).one()
    other = client.application.test_client()
    signed_in(other, created)
    assert who(client) == who(other) == "zhang"
    accounts.end_sessions(session, ADMIN, created)
    assert who(client) is None and who(other) is None
    signed_in(client, created)
    accounts.block(session, ADMIN, created)
    assert who(client) is None


def test_signing_out_takes_a_post_with_a_token(client, session):
    signed_in(client, account(session, "zhang"))
    assert client.get("/sign-out").status_code == 405
    assert client.post("/sign-out").status_code == 403
    assert who(client) == "zhang"
    assert send(client, "/sign-out").status_code == 303
    assert who(client) is None


def test_forged_forms_are_refused_and_programs_need_no_token(client, session):
    points = {"points": []}
    assert client.post("/api/v1/locate", json=points).status_code == 200  # nobody: nothing to forge
    assert client.post("/sign-in", data={"username": "a", "password": "b"}).status_code == 403
    signed_in(client, account(session, "zhang"))
    refused = client.post("/api/v1/locate", json=points)
    assert refused.status_code == 403 and "form" in refused.json["detail"]
    assert (
        client.post(
            "/api/v1/locate", json=points, headers={"X-CSRFToken": token(client)}
        ).status_code
        == 200
    )
    assert (
        client.post("/api/v1/locate", json=points, headers={"X-CSRFToken": "x"}).status_code == 403
    )
    other = client.application.test_client()
    signed_in(other, account(session, "li.si"))
    stolen = token(other)
    assert (
        client.post("/api/v1/locate", json=points, headers={"X-CSRFToken": stolen}).status_code
        == 403
    )


def test_the_anonymous_pay_nothing_for_accounts(client, session):
    from sqlalchemy import event

    queries = []
    connection = session.connection()
    event.listen(connection, "before_cursor_execute", lambda *fields: queries.append(fields[2]))
    client.get("/api/v1/areas?limit=1")
    assert queries and not [
        item for item in queries if "personal." in item or "access_grant" in item
    ]
    assert "Set-Cookie" not in client.get("/").headers


def test_rights_are_looked_up_at_most_every_two_seconds(settings, database_url, engine):
    """With the application's own sessions, on committed rows."""
    from sqlalchemy import event

    app = create_app(settings, database_url)
    with Session(engine) as session:
        client = signed_in(app.test_client(), account(session, "kept.a.while"))
        queries = []
        reads = read_only_engine(database_url)
        event.listen(reads, "before_cursor_execute", lambda *fields: queries.append(fields[2]))
        try:
            for _ in range(5):
                assert api(client) == 200
            assert len([item for item in queries if "personal.account" in item]) == 1
        finally:
            session.execute(text("DELETE FROM personal.account WHERE username = 'kept.a.while'"))
            session.commit()


def test_the_signing_key_is_made_once_and_is_its_owner_s(tmp_path):
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        keys = pool.map(credentials.signing_key, [tmp_path / "var"] * 8)
    assert len(set(keys)) == 1 and len(keys[0]) > 40
    assert [item.name for item in (tmp_path / "var").iterdir()] == ["session.key"]
    assert stat.S_IMODE((tmp_path / "var" / "session.key").stat().st_mode) == 0o600


def test_settings_come_from_the_environment():
    fields = {"WANGGE_IDLE_MINUTES": "10", "WANGGE_ADDRESS": "https://grid.example.cn/"}
    read = Settings.from_env(fields)
    assert (read.idle_minutes, read.address, read.oidc) == (10, "https://grid.example.cn", None)
    for wrong in ({"WANGGE_IDLE_MINUTES": "soon"}, {"WANGGE_OIDC_ISSUER": "https://id.example.cn"}):
        with pytest.raises(InvalidInput, match="WANGGE_"):
            Settings.from_env(wrong)


# --- passwords ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("password", "wrong"),
    [
        ("short1234", "password.too_short"),
        ("一二三四五六七八九", "password.too_short"),
        ("x9" * 101, "password.too_long"),
        ("Woaini1314520", "password.too_common"),
        (
            "ｐａｓｓｗｏｒｄ１２３",
            "password.too_common",
        ),  # full-width letters are the same letters
        ("aabbaabbaabb", "password.too_plain"),
        ("my-Zhang-2026", "password.has_name"),
    ],
)
def test_weak_passwords_are_refused(password, wrong):
    with pytest.raises(InvalidInput) as refused:
        credentials.check_password(password, "zhang")
    assert refused.value.code == wrong and refused.value.errors[0].field == "password"


@pytest.mark.parametrize(
    "password", ["ten chars!", "一句容易记住的短话啊吧", "x9Kp7" * 40, "correct horse battery"]
)
def test_good_passwords_are_taken(password):
    credentials.check_password(password, "zhang")
    assert credentials.verify_password(credentials.hash_password(password), password)


def test_first_passwords_differ_and_would_be_taken():
    created = {credentials.generate_initial_password() for _ in range(200)}
    assert len(created) == 200
    for item in created:
        credentials.check_password(item, "zhang")


def test_a_first_password_leads_to_the_change_page_until_it_is_changed(client, session):
    with_password(session, "zhang", must_change=True)
    other = client.application.test_client()
    assert sign_in(client, "zhang", next="/accounts").location == "/password"
    for page in ("/", "/accounts", "/docs"):
        assert client.get(page).location == "/password", page
    refused = client.get("/api/v1/areas")
    assert refused.status_code == 403 and "/password" in refused.json["detail"]
    assert client.get("/static/shared/base.css").status_code == 200
    signed_in(other, session.query(Account).one())
    new = "another long sentence"
    for form in (
        {"old": "wrong", "password": new, "again": new},
        {"old": PASSWORD, "password": new, "again": "different"},
        {"old": PASSWORD, "password": "short", "again": "short"},
        {"old": PASSWORD, "password": PASSWORD, "again": PASSWORD},
    ):
        assert send(client, "/password", **form).status_code == 422
    assert client.get("/").status_code == 302
    assert send(client, "/password", old=PASSWORD, password=new, again=new).status_code == 303
    assert who(client) == "zhang" and api(client) == 200
    assert who(other) is None
    send(client, "/sign-out")
    assert sign_in(client, "zhang").status_code == 401
    assert sign_in(client, "zhang", new).status_code == 303


def test_signing_out_everywhere_is_one_s_own_to_do(client, session):
    created = account(session, "zhang")
    other = client.application.test_client()
    signed_in(client, created), signed_in(other, created)
    assert send(client, "/sign-out-everywhere").status_code == 303
    assert who(client) is None and who(other) is None


@pytest.mark.parametrize(
    ("referrer", "onwards"),
    [
        ("http://localhost/accounts?new=1", "/accounts?new%3D1"),
        ("http://localhost/accounts/zhang", "/accounts"),  # takes forms, and shows no page
        ("http://localhost/no/page/of/ours", "/"),
    ],
)
def test_a_form_after_the_session_leads_back_to_its_page(client, referrer, onwards):
    headers = {"Accept": "text/html", "Referer": referrer}
    answer = client.post("/accounts", headers=headers)
    assert (answer.status_code, answer.location) == (303, f"/sign-in?next={onwards}&ended=1")
    assert "登录已失效" in client.get(answer.location, headers={"Accept-Language": "zh"}).text


@pytest.mark.parametrize("referrer", ["https://evil.example/accounts", "http://localhost/sign-in"])
def test_a_form_of_another_site_leads_nowhere(client, referrer):
    answer = client.post("/accounts", headers={"Accept": "text/html", "Referer": referrer})
    assert answer.location == "/sign-in"


# --- administering --------------------------------------------------------------------------------


@pytest.fixture
def admin(client, session, town):
    return signed_in(client, account(session, "admin", "administrator"))


def test_only_administrators_reach_the_pages(client, session, town):
    for page in ("/accounts", "/keys"):
        response = client.get(page, headers={"Accept": "text/html"})
        assert (response.status_code, response.location) == (303, f"/sign-in?next={page}")
        plain = client.get(page, headers={"Accept": "application/json"})
        assert plain.status_code == 401 and plain.headers["WWW-Authenticate"].startswith("Bearer")
    assert client.post("/accounts", data={"username": "x1"}).status_code == 401
    assert (
        client.post("/accounts", headers={"Accept": "text/html"}).location == "/sign-in"
    )  # the session has run out
    signed_in(client, account(session, "street", "street", town.street.code))
    for page in ("/accounts", "/keys"):
        assert client.get(page).status_code == 403
    assert send(client, "/accounts", username="x1").status_code == 403


def test_an_account_is_made_with_a_role_and_its_password_is_shown_once(admin, session, town):
    response = send(
        admin, "/accounts", username="Wang.Wu", role="dispatcher", area=town.community.code
    )
    password = response.text.split("<output>")[1].split("</output>")[0]
    assert response.status_code == 200 and response.headers["Cache-Control"] == "no-store"
    assert password not in admin.get("/accounts?name=wang.wu").text
    other = admin.application.test_client()
    assert sign_in(other, "wang.wu", password).location == "/password"
    stored = session.query(Account).filter_by(username="wang.wu").one()
    rights = account_principal(session, stored.id, None, "wang.wu", NOW)
    assert rights.is_allowed(Action.DISPATCH, [town.community.id]) and not rights.is_allowed(
        Action.DISPATCH, [town.street.id]
    )
    row = session.execute(
        text(
            "SELECT who, new FROM history WHERE table_name LIKE '%account' ORDER BY id DESC LIMIT 1"
        )
    ).one()
    assert row.who == "account admin" and "password_hash" not in row.new


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"username": "x"}, "username"),
        ({"username": "two words"}, "username"),
        ({"username": "admin"}, "username"),
        ({"username": "new", "person": "nobody"}, "person"),
        ({"username": "new", "role": "street"}, "area"),
        ({"username": "new", "role": "street", "area": "999"}, "area"),
        ({"username": "new", "role": "resident", "area": "520402"}, "area"),
        ({"username": "new", "role": "king"}, "role"),
        ({"username": "new", "subject": "12345"}, "subject"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_made(admin, session, form, field):
    refused = send(admin, "/accounts", **form)
    assert refused.status_code == 422 and "acc-wrong" in refused.text
    assert session.query(Account).count() == 1
    with pytest.raises(InvalidInput) as error:
        created, _ = accounts.add(
            session,
            ADMIN,
            form["username"],
            person=form.get("person", ""),
            subject=form.get("subject", ""),
        )
        accounts.grant(session, ADMIN, created, form["role"], form.get("area", ""))
    assert error.value.errors[0].field == field


def test_roles_are_given_and_taken_back(admin, session, town):
    created = account(session, "zhang")
    page = "/accounts/zhang"
    assert send(admin, page, do="grant", role="planner", area=town.county.code).status_code == 303
    assert send(admin, page, do="grant", role="planner", area=town.county.code).status_code == 422
    assert session.query(AccessGrant).filter_by(account_id=created.id).one().role == "planner"
    assert (
        send(admin, page, do="withdraw", role="planner", area=town.street.code).status_code == 422
    )
    assert (
        send(admin, page, do="withdraw", role="planner", area=town.county.code).status_code == 303
    )
    assert session.query(AccessGrant).filter_by(account_id=created.id).count() == 0
    assert send(admin, page, do="dance").status_code == 422
    assert send(admin, "/accounts/nobody", do="block").status_code == 422


def test_blocking_resetting_and_unblocking(admin, session):
    created = with_password(session, "zhang")
    other = admin.application.test_client()
    other.environ_base = admin.environ_base
    signed_in(other, created)
    send(admin, "/accounts/zhang", do="block")
    assert who(other) is None and sign_in(other, "zhang").status_code == 401
    send(admin, "/accounts/zhang", do="unblock")
    assert sign_in(other, "zhang").status_code == 303
    visible = send(admin, "/accounts/zhang", do="reset").text
    password = visible.split("<output>")[1].split("</output>")[0]
    assert who(other) is None and sign_in(other, "zhang").status_code == 401
    assert sign_in(other, "zhang", password).location == "/password"


def test_unblocking_lifts_the_lock(admin, session):
    with_password(session, "zhang")
    other = admin.application.test_client()
    other.environ_base = admin.environ_base
    for _ in range(5):
        sign_in(other, "zhang", "wrong")
    assert sign_in(other, "zhang").status_code == 429
    assert [
        item.locked
        for item in account_list.list_accounts(session, ADMIN, datetime.now(UTC), "zhang")
    ] == [True]
    send(admin, "/accounts/zhang", do="unblock")
    assert sign_in(other, "zhang").status_code == 303


def test_the_last_administrator_stays(admin, session):
    assert "acc-wrong" in send(admin, "/accounts/admin", do="block").text
    assert "acc-wrong" in send(admin, "/accounts/admin", do="withdraw", role="administrator").text
    account(session, "second", "administrator")
    assert send(admin, "/accounts/admin", do="withdraw", role="administrator").status_code == 303
    assert admin.get("/accounts").status_code == 403


def test_an_administrator_of_an_area_reaches_only_what_lies_in_it(client, session, town):
    grid, person = town.grid("001"), town.person("张三")
    town.post("command_centre", town.county, "张三")
    local = account(session, "local", "administrator", town.street.code)
    account(session, "inside", "grid_worker", grid.code)
    account(session, "above", "command_centre", town.county.code)
    account(session, "whole", "administrator")
    by = account_principal(session, local.id, None, "local", NOW)
    names = {item.username for item in account_list.list_accounts(session, by, NOW)}
    assert names == {"local", "inside"}
    for name in ("above", "whole"):
        with pytest.raises(Forbidden):
            accounts.reset_password(session, by, accounts.get_account(session, name))
    inside = accounts.get_account(session, "inside")
    accounts.grant(session, by, inside, "dispatcher", town.community.code)
    for role, area in (("street", town.county.code), ("administrator", "")):
        with pytest.raises(Forbidden):
            accounts.grant(session, by, inside, role, area)
    with pytest.raises(Forbidden):  # a person whose post lies above
        accounts.link(session, by, inside, person=person.code)
    signed_in(client, local)
    assert client.get("/keys").status_code == 403


def test_a_search_finds_names_and_persons_and_wildcards_are_letters(session, town):
    town.person("张三")
    account(session, "zhang", person="p-张三")
    account(session, "under_score")

    def found(message):
        return [item.username for item in account_list.list_accounts(session, ADMIN, NOW, message)]

    assert found("张") == found("zha") == found("p-张") == ["zhang"]
    assert found("_") == ["under_score"] and found("%") == found("\\") == []


def test_a_person_has_one_account_whose_posts_count(session, town):
    grid = town.grid("001")
    town.post(
        "grid_worker", grid, "张三", start=NOW - timedelta(days=1), end=NOW + timedelta(days=1)
    )
    created = account(session, "zhang", person="p-张三")
    other = account(session, "other")
    with pytest.raises(InvalidInput, match="person"):
        accounts.link(session, ADMIN, other, person="p-张三")
    stored, new = (
        sessions.account_status(session, created.id, NOW + timedelta(days=days)).principal
        for days in (0, 2)
    )
    assert stored.is_allowed(Action.HANDLE, [grid.id]) and not new.is_allowed(
        Action.HANDLE, [grid.id]
    )


# --- commands and the demo ------------------------------------------------------------------------


@pytest.fixture
def command(database_url, engine, monkeypatch, tmp_path):
    """`./wangge account …` on the tests' database; what it makes is deleted after."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("WANGGE_VAR", str(tmp_path))
    yield lambda *phrase: CliRunner().invoke(account_command.command, [*phrase])
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM personal.account WHERE username LIKE 'cli-%'"))


def test_the_commands_do_what_the_page_does(command, engine):
    created = command("add", "cli-admin", "--role", "administrator")
    assert (
        created.exit_code == 0
        and len(created.stdout.strip()) == 19
        and "shown only now" in created.stderr
    )
    assert command("grant", "cli-admin", "resident").exit_code == 0
    assert '"role": "administrator"' in command("list", "cli-", "--json").stdout
    assert (
        command("withdraw", "cli-admin", "administrator").exit_code == 0
    )  # the last one: the shell may
    assert command("block", "cli-admin").exit_code == 0
    assert "cli-admin  [blocked]  resident" in command("list", "cli-").stdout
    assert command("unblock", "cli-admin").exit_code == 0
    assert command("password", "cli-admin").stdout != created.stdout
    assert command("link", "cli-admin", "--subject", "https://id.example.cn|7").exit_code == 0
    assert "https://id.example.cn|7" in command("list", "cli-").stdout
    assert command("link", "cli-admin").exit_code == 2
    assert command("add", "cli-x", "--area", "520402").exit_code == 2
    assert "NAME_TAKEN" not in str(command("add", "cli-admin").exception)
    with engine.connect() as connection:
        actor = connection.scalar(
            text(
                "SELECT who FROM history WHERE table_name LIKE '%account' ORDER BY id DESC LIMIT 1"
            )
        )
    assert actor.startswith("command line")


def test_the_demo_has_an_account_of_each_role_and_keeps_its_passwords(session, town, tmp_path):
    grid = town.grid("001")
    town.unit(grid, "01", [])
    town.post("grid_worker", grid, "张三")
    town.post("grid_leader", grid, "李四")
    created = demo_accounts.create_demo_accounts(session, ADMIN, tmp_path, NOW)
    demo_accounts.write_accounts_file(tmp_path / demo_accounts.ACCOUNTS_FILE, created)
    assert stat.S_IMODE((tmp_path / demo_accounts.ACCOUNTS_FILE).stat().st_mode) == 0o600
    assert {item.username for item in created} == set(demo_accounts.DEMO_ACCOUNTS) - {
        "head"
    }  # nobody heads a unit here
    worker = accounts.get_account(session, "worker")
    assert worker.person_id == town.person("张三").id and not worker.must_change
    assert credentials.verify_password(
        worker.password_hash, next(item.password for item in created if item.username == "worker")
    )
    for item in created:
        account = accounts.get_account(session, item.username)
        assert sessions.account_status(session, account.id, NOW).principal.roles[0][0] == item.role
