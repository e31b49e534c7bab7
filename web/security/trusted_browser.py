"""Browsers that an account signed in from before, whose failed attempts count apart.

A signed cookie, for the server only, names the browser by a random number and, for each account
that signed in there, the account's stamp. Whatever ends the sessions of an account (a new password,
blocking) raises its stamp, and with it every browser is a stranger again. Nobody else can send the
cookie, so nobody behind the same address can use up a colleague's attempts.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from flask import Response, current_app, g, request
from itsdangerous import BadData, URLSafeTimedSerializer

BROWSER_COOKIE = "wangge_browser"
MAX_AGE_S = 90 * 24 * 3600  # since the last time somebody signed in there
MAX_ACCOUNTS = 20  # of one browser, as of a counter that many share; the earliest is forgotten
ID_PATTERN = re.compile(r"[\w-]{16,40}")


@dataclass(frozen=True)
class Browser:
    """The browser that sent a request. id: empty for a stranger.

    Stamps: by account, when it last signed in there.
    """

    id: str = ""
    session_versions: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))


def read() -> Browser:
    """Return the browser of this request.

    A cookie that is not ours, or too old, is a stranger's.
    """
    cookie = request.cookies.get(BROWSER_COOKIE)
    if not cookie:
        return Browser()
    try:
        content: Any = _serializer().loads(cookie, max_age=MAX_AGE_S)
        session_versions = {
            int(account): int(session_version) for account, session_version in content["accounts"]
        }
        browser = Browser(str(content["id"]), session_versions)
    except (BadData, KeyError, TypeError, ValueError):
        return Browser()
    return browser if ID_PATTERN.fullmatch(browser.id) else Browser()


def trust(account_id: int, session_version: int) -> None:
    """Have the answer to this request write down that an account signed in from this browser."""
    browser = read()
    session_versions = {
        account: value
        for account, value in browser.session_versions.items()
        if account != account_id
    } | {account_id: session_version}
    g.trusted_browser = {
        "id": browser.id or secrets.token_urlsafe(16),
        "accounts": list(session_versions.items())[-MAX_ACCOUNTS:],
    }


def write_cookie(response: Response, *, path: str, secure: bool) -> None:
    """Set the cookie, if `trust` was called."""
    content = g.pop("trusted_browser", None)
    if content is not None:
        response.set_cookie(
            BROWSER_COOKIE,
            _serializer().dumps(content),
            MAX_AGE_S,
            path=path,
            secure=secure,
            httponly=True,
            samesite="Lax",
        )


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(current_app.secret_key), salt="trusted-browser")
