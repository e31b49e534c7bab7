"""Accounts for tests, and signing in with them."""

import re
import secrets
import time
from functools import lru_cache

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from gis.accounts import accounts
from gis.accounts.models import Account
from gis.rights.principal import Principal, system_principal

ADMIN: Principal = system_principal("test")
PASSWORD = "a quite long sentence"


def account(
    session: Session, username: str, role: str = "", area: str = "", *, person: str = ""
) -> Account:
    """An account that may sign in, with one access role.

    Nobody knows its password (see `with_password`).
    """
    created = Account(username=username, password_hash=_hash_of_nothing())
    session.add(created)
    session.flush()
    if person:
        accounts.link(session, ADMIN, created, person=person)
    if role:
        accounts.grant(session, ADMIN, created, role, area)
    session.commit()
    return created


@lru_cache(maxsize=1)
def _hash_of_nothing() -> str:
    from gis.accounts import credentials

    return credentials.hash_password(secrets.token_urlsafe(24))


def with_password(
    session: Session, username: str, password: str = PASSWORD, **values: object
) -> Account:
    """An account whose password is known."""
    from gis.accounts import credentials

    created = account(session, username)
    created.password_hash = credentials.hash_password(password)
    for name, value in values.items():
        setattr(created, name, value)
    session.commit()
    return created


def signed_in(client: FlaskClient, who: Account) -> FlaskClient:
    """The client with a session of the account, without the way through the form."""
    now = int(time.time())
    with client.session_transaction() as cookie:
        cookie["account"] = [who.id, who.session_version, now, now]
    return client


def signed_in_holder(client: FlaskClient, session: Session, code: str) -> FlaskClient:
    """The client with a session of a new account of the person of a staff number."""
    return signed_in(client, account(session, f"user-{code.encode().hex()}", person=code))


def token(client: FlaskClient, page: str = "/password") -> str:
    """The token of a page's first form."""
    result = re.search(r'name="csrf_token" value="([^"]+)"', client.get(page).text)
    assert result, page
    return result[1]


def sign_in(
    client: FlaskClient,
    username: str,
    password: str = PASSWORD,
    *,
    address: str | None = None,
    **extra: str,
):
    """Fill in and send the form, from the client's own address or from another."""
    form = {
        "csrf_token": token(client, "/sign-in"),
        "username": username,
        "password": password,
        **extra,
    }
    origin = {"environ_base": {"REMOTE_ADDR": address}} if address else {}
    return client.post("/sign-in", data=form, **origin)


def send(client: FlaskClient, address: str, **form: object):
    """Send a form of a signed-in page, with its token."""
    return client.post(address, data={"csrf_token": token(client), **form})


def ask(client: FlaskClient, method: str, url: str, body=None, **headers: str):
    """Send a change of the API as a page does."""
    headers = {"X-CSRFToken": token(client, "/password"), **headers}
    return client.open(url, method=method, json=body, headers=headers)
