"""Signing in at an identity provider: a real, small one beside us, and all the ways its answers can
be wrong.
"""

import base64
import hashlib
import json
import re
import threading
import time
import urllib.parse
import urllib.request
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from sqlalchemy.orm import Session

from gis.accounts import accounts
from gis.accounts.models import SignIn
from gis.settings import Oidc
from tests.support.sign_in import ADMIN, account
from web.app import create_app

CLIENT, SECRET = "wangge", "provider's secret"


class Provider(ThreadingHTTPServer):
    """An OpenID Connect provider of one person.

    `lies` change what it says in its ID token, `key` what signs it.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answers)
        self.issuer = f"http://127.0.0.1:{self.server_port}"
        self.published = self.key = RSAKey.generate_key(2048, {"kid": "1"})
        self.calls_itself = self.issuer
        self.lies, self.asked, self.codes = {}, {}, {}


class Answers(BaseHTTPRequestHandler):
    """Discovery, authorize, token and keys."""

    server: Provider

    def log_message(self, *_):
        pass

    def answer(self, body, status=200):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def do_GET(self):
        position, queries = (
            self.server,
            dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query)),
        )
        match urllib.parse.urlsplit(self.path).path:
            case "/.well-known/openid-configuration":
                self.answer(
                    {
                        "issuer": position.calls_itself,
                        "authorization_endpoint": f"{position.issuer}/authorize",
                        "token_endpoint": f"{position.issuer}/token",
                        "jwks_uri": f"{position.issuer}/jwks",
                        "id_token_signing_alg_values_supported": ["RS256"],
                    }
                )
            case "/jwks":
                self.answer({"keys": [position.published.as_dict(private=False)]})
            case "/authorize":
                position.asked = queries
                code = f"code-{len(position.codes)}"
                position.codes[code] = queries
                back = urllib.parse.urlencode({"code": code, "state": queries["state"]})
                self.send_response(302)
                self.send_header("Location", f"{queries['redirect_uri']}?{back}")
                self.end_headers()

    def do_POST(self):
        position = self.server
        sent = dict(
            urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode())
        )
        queries = position.codes.pop(sent.get("code"), None)
        recorded = (
            self.headers["Authorization"]
            == "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        )
        proof = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
        if (
            not recorded
            or not queries
            or base64.urlsafe_b64encode(proof).rstrip(b"=").decode() != queries["code_challenge"]
        ):
            self.answer({"error": "invalid_grant"}, 400)
            return
        now = int(time.time())
        claims = {
            "iss": position.issuer,
            "aud": CLIENT,
            "sub": "12345",
            "iat": now,
            "exp": now + 60,
            "nonce": queries["nonce"],
        }
        claims |= position.lies
        signed = jwt.encode(
            {"alg": "RS256", "kid": "1"},
            {k: v for k, v in claims.items() if v is not None},
            position.key,
        )
        self.answer({"access_token": "x", "token_type": "Bearer", "id_token": signed})


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


@pytest.fixture
def provider():
    server = Provider()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def client(settings, database_url, session, provider):
    """A client of an application that signs in at the provider, working inside the test's
    transaction.
    """
    oidc = Oidc(provider.issuer, CLIENT, SECRET, "安顺统一认证")
    app = create_app(replace(settings, oidc=oidc), database_url)
    app.config["SESSION_FACTORY"] = lambda _: Session(
        session.connection(), join_transaction_mode="create_savepoint"
    )
    return app.test_client()


def at_the_provider(client, onwards="/"):
    """Go to the provider as a browser would; the path and query it sends back to."""
    left = client.get("/sign-in/provider", query_string={"next": onwards})
    assert left.status_code == 302, left.text
    try:
        urllib.request.build_opener(NoRedirect).open(left.location)
    except urllib.error.HTTPError as moved:
        return moved.headers["Location"].removeprefix("http://localhost")
    raise AssertionError("no way back")


def linked(session, provider, sub="12345"):
    created = account(session, "zhang")
    accounts.link(session, ADMIN, created, subject=f"{provider.issuer}|{sub}")
    session.commit()
    return created


def signed_in_as(client):
    result = re.search(r"<summary.*?<b>(.*?)</b>", client.get("/").text)
    return result and result[1]


def test_the_linked_account_is_signed_in_and_goes_where_it_wanted(client, session, provider):
    linked(session, provider)
    assert "安顺统一认证" in client.get("/sign-in").text
    back = client.get(at_the_provider(client, "/?lon=105.9&lat=26.2"))
    assert (back.status_code, back.location) == (303, "/?lon=105.9&lat=26.2")
    assert signed_in_as(client) == "zhang"
    queries = provider.asked
    assert queries["response_type"] == "code" and queries["code_challenge_method"] == "S256"
    assert queries["nonce"] and queries["state"] and queries["scope"] == "openid"
    assert queries["redirect_uri"] == "http://localhost/sign-in/provider/back"
    assert session.query(SignIn).one().succeeded


def test_a_first_password_is_no_matter_to_who_signs_in_at_the_provider(client, session, provider):
    linked(session, provider).must_change = True
    session.commit()
    client.get(at_the_provider(client))
    assert signed_in_as(client) == "zhang"
    created, password = accounts.add(session, ADMIN, "li.si", subject=f"{provider.issuer}|2")
    assert password == "" and created.password_hash is None and not created.must_change


def test_a_subject_nobody_is_linked_to_gets_a_page_for_the_administrator(client, session, provider):
    account(session, "zhang")
    answer = client.get(at_the_provider(client))
    assert answer.status_code == 403 and f"{provider.issuer}|12345" in answer.text
    assert signed_in_as(client) is None


def test_a_blocked_account_is_not_signed_in(client, session, provider):
    accounts.block(session, ADMIN, linked(session, provider))
    session.commit()
    assert client.get(at_the_provider(client)).status_code == 403
    assert signed_in_as(client) is None


@pytest.mark.parametrize(
    "lies",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another client"},
        {"iss": "https://evil.example"},
        {"exp": 1000, "iat": 900},
        {"sub": None},
    ],
)
def test_a_token_that_says_something_wrong_signs_nobody_in(client, session, provider, lies):
    linked(session, provider)
    provider.lies = lies
    assert client.get(at_the_provider(client)).status_code == 401
    assert signed_in_as(client) is None


def test_a_token_signed_by_somebody_else_signs_nobody_in(client, session, provider):
    linked(session, provider)
    provider.key = RSAKey.generate_key(2048, {"kid": "1"})
    assert client.get(at_the_provider(client)).status_code == 401
    assert signed_in_as(client) is None


def test_an_answer_is_good_once_and_only_in_the_browser_that_asked(client, session, provider):
    linked(session, provider)
    back = at_the_provider(client)
    other = client.application.test_client()
    assert other.get(back).status_code == 401 and signed_in_as(other) is None
    assert client.get(back.replace("state=", "state=x")).status_code == 401
    assert client.get(back).status_code == 303
    assert client.application.test_client().get(back).status_code == 401
    assert client.get("/sign-in/provider/back?error=access_denied&state=x").status_code == 401


def test_a_provider_that_calls_itself_otherwise_or_is_down_is_said(client, provider):
    provider.calls_itself = "https://evil.example"
    assert client.get("/sign-in/provider").status_code == 503
    provider.shutdown()
    provider.server_close()
    fresh = create_app(
        client.application.config["SETTINGS"], client.application.config["DATABASE_URL"]
    )
    answer = fresh.test_client().get("/sign-in/provider")
    assert answer.status_code == 503 and "identity provider" in answer.text


def test_the_address_people_use_is_where_the_provider_sends_them_back(client, settings, provider):
    fields = replace(client.application.config["SETTINGS"], address="https://grid.example.cn")
    app = create_app(fields, client.application.config["DATABASE_URL"])
    left = app.test_client().get("/sign-in/provider", headers={"Host": "evil.example"})
    assert "redirect_uri=https%3A%2F%2Fgrid.example.cn%2Fsign-in%2Fprovider%2Fback" in left.location
    assert "Secure" in left.headers["Set-Cookie"]


def test_without_a_provider_there_is_no_such_page(app):
    assert app.test_client().get("/sign-in/provider").status_code == 404
    assert "sign-in/provider" not in app.test_client().get("/sign-in").text
