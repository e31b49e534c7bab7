"""Who asks: the signed-in account, the program's key, or nobody; and the sessions of browsers.

A session is a signed cookie: account, session version, when it began and when it was last used. It
ends when the account's session version is raised, after a while without use, and after 12 hours in
any case.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from flask import Flask, Request, Response, current_app, g, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from itsdangerous import BadSignature

from gis.accounts import api_keys, rate_limit, sessions
from gis.errors import AuthenticationRequired
from gis.messages import Message
from gis.rights.principal import ANONYMOUS, Principal
from gis.settings import Settings
from web.http import db
from web.security import trusted_browser

SESSION_COOKIE = "wangge_session"


MAX_SESSION_S = 12 * 3600  # seconds a session lasts at most


SESSION_REFRESH_S = 60  # seconds after which the time of last use is written anew


RIGHTS_CACHE_S = 2.0  # seconds that rights once looked up are good


MAX_CACHED_RIGHTS = 10_000  # accounts and keys


POLLING_PATHS = frozenset(
    {"/api/v1/events"}
)  # asked by pages by themselves: no sign that somebody is there


PUBLIC = (
    "/static/",
    "/tiles/",
    "/healthz",
    "/readyz",
    "/metrics",
)  # the same for everybody, and asked for often


def principal() -> Principal:
    """Return who sent this request; looked up once.

    A key, when one is sent, counts before a session.

    Raises
    ------
    AuthenticationRequired
        A key was sent that is not valid. RateLimited: it was used too often this minute.
    """
    current: Principal | None = g.get("principal")
    if current is None:
        current = g.principal = _by_key() or _by_session() or ANONYMOUS
    return current


def is_personal() -> bool:
    """Return whether the response depends on an account, a key or a reporter's secret."""
    current = g.get("principal")
    return (
        current is not None and current.kind != "anonymous"
    ) or "X-Tracking-Secret" in request.headers


@dataclass
class TimedCache:
    """What was looked up, until when it is good.

    Only for the application's own sessions, not for those of tests.
    """

    session_factory: Any
    counters: rate_limit.Counters
    entries: dict[Any, tuple[float, int, Any]]

    def get(self, key: Any, look_up: Callable[[], Any]) -> Any:
        """Return a cached value, or look it up if it is missing or expired."""
        now = time.monotonic()
        if current_app.config["SESSION_FACTORY"] is not self.session_factory:
            return look_up()
        generation = self.counters.generation
        until, looked_up_at, value = self.entries.get(key, (0.0, -1, None))
        if now >= until or looked_up_at != generation:
            value = look_up()
            if len(self.entries) >= MAX_CACHED_RIGHTS:
                self.entries.clear()
            self.entries[key] = (now + RIGHTS_CACHE_S, generation, value)
        return value


def clear_rights_cache() -> None:
    """Look rights up anew, in every worker: something about them has just been changed."""
    current_app.extensions["wangge_rights"].counters.advance()


def bearer_token() -> str | None:
    """Return the key that was sent, if one was."""
    return read_bearer(request.headers.get("Authorization", ""))


def read_bearer(header: str) -> str | None:
    """Return the key in the header `Authorization`, if there is one."""
    return header[7:].strip() if header[:7].lower() == "bearer " else None


def is_stranger() -> bool:
    """Return whether a request shows neither a valid key nor a session that we signed.

    For addresses of `PUBLIC`: it touches no session, so that their answers vary with no cookie.
    """
    token, cookie = bearer_token(), request.cookies.get(SESSION_COOKIE)
    if token is not None:
        return _authenticated_key(token) is None
    serializer = Cookies().get_signing_serializer(current_app._get_current_object())  # type: ignore[attr-defined]
    if cookie is None or serializer is None:
        return True
    try:
        return "account" not in serializer.loads(cookie, max_age=MAX_SESSION_S)
    except BadSignature:
        return True


def _authenticated_key(token: str) -> api_keys.AuthenticatedKey | None:
    cache: TimedCache = current_app.extensions["wangge_rights"]
    key: api_keys.AuthenticatedKey | None = cache.get(
        blake2b(token.encode(), digest_size=16).digest(),
        lambda: api_keys.authenticate_key(db.session(), token, datetime.now(UTC)),
    )
    return key


def _by_key() -> Principal | None:
    token = bearer_token()
    if token is None:
        return None
    key = _authenticated_key(token)
    if key is None:
        raise AuthenticationRequired("key.invalid")
    settings: Settings = current_app.config["SETTINGS"]
    rate_limit.check_rate_limit(
        settings.var,
        f"key {key.principal.key_id}",
        key.per_minute,
        time.time(),
        Message("counted.requests_with_key"),
    )
    return key.principal


def _by_session() -> Principal | None:
    if SESSION_COOKIE not in request.cookies or "account" not in session:
        return None
    account, session_version, began, seen = session["account"]
    now = int(time.time())
    settings: Settings = current_app.config["SETTINGS"]
    cache: TimedCache = current_app.extensions["wangge_rights"]
    status: sessions.AccountStatus | None = None
    if now - began < MAX_SESSION_S and now - seen < settings.idle_minutes * 60:
        status = cache.get((account, session.get("id")), lambda: _standing(account))
    if status is None or not status.active or status.session_version != session_version:
        session.clear()
        return None
    if (
        now - seen >= SESSION_REFRESH_S
        and request.path not in POLLING_PATHS
        and not request.path.startswith(PUBLIC)
    ):
        session["account"] = [account, session_version, began, now]
    g.must_change = status.must_change and "at_provider" not in session
    if g.must_change and request.path.startswith(PUBLIC):
        return None  # `guard` does not look at these
    return status.principal


def _standing(account_id: int) -> sessions.AccountStatus | None:
    """Return the status of the account of this session, None if the session was signed out."""
    if "id" in session and sessions.is_ended(db.session(), session["id"]):
        return None
    return sessions.account_status(db.session(), account_id, datetime.now(UTC))


def start_session(account_id: int, session_version: int, *, at_provider: bool = False) -> None:
    """Begin the session of an account in this browser, in place of what there was.

    Parameters
    ----------
    at_provider
        Signed in at the identity provider: a first password here is then no matter.
    """
    now = int(time.time())
    session.clear()
    session["account"] = [account_id, session_version, now, now]
    session["id"] = secrets.token_urlsafe(16)
    if at_provider:
        session["at_provider"] = True
    trusted_browser.trust(account_id, session_version)
    g.pop("principal", None)
    clear_rights_cache()


def extend_session(session_version: int) -> None:
    """Keep this browser's session while all others of the account end."""
    account, _, began, seen = session["account"]
    session["account"] = [account, session_version, began, seen]
    trusted_browser.trust(account, session_version)
    clear_rights_cache()


def end_session() -> None:
    """End this browser's session, also for copies of its cookie."""
    if "id" in session and "account" in session:
        until = datetime.fromtimestamp(session["account"][2] + MAX_SESSION_S, UTC)
        sessions.end_session(db.session(), session["id"], until)
        db.session().commit()
        clear_rights_cache()
    session.clear()
    g.pop("principal", None)


class Cookies(SecureCookieSessionInterface):
    """Session cookies that browsers send back over TLS only, where the service is reached by it."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return the session of the cookie; most requests have none and nothing is checked."""
        if SESSION_COOKIE not in request.cookies:
            return self.session_class()  # most requests: nothing to check
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Write the session's cookie and that of the trusted browser."""
        super().save_session(app, session, response)
        trusted_browser.write_cookie(
            response, path=self.get_cookie_path(app), secure=self.get_cookie_secure(app)
        )

    def get_cookie_secure(self, app: Flask) -> bool:
        """Return whether cookies are for HTTPS only."""
        return request.is_secure or str(app.config["SETTINGS"].address).startswith("https:")
