"""Who asks: the signed-in account, the program's key, or nobody; sessions, their end, and tokens against forged forms.

A session is a signed cookie: account, stamp, when it began and when it was last used. It ends when the account's stamp
is raised, after a while without use, and after 12 hours in any case.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, NoReturn, cast
from urllib.parse import urlsplit

from flask import Flask, Request, Response, current_app, g, redirect, request, session, url_for
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf

from gis.accounts import accounts, api_keys, credentials, rate_limit
from gis.errors import AuthenticationRequired, Forbidden, RateLimited
from gis.rights.access import ANONYMOUS, Action, Principal
from gis.settings import Settings
from web.http import db, errors
from web.security import anonymous_budget, trusted_browser

COOKIE = "wangge_session"
MAX_SESSION_S = 12 * 3600  # seconds a session lasts at most
SESSION_REFRESH_S = 60  # seconds after which the time of last use is written anew
RIGHTS_CACHE_S = 2.0  # seconds that rights once looked up are good
MAX_CACHED_RIGHTS = 10_000  # accounts and keys
POLLING_PATHS = frozenset({"/api/v1/events"})  # asked by pages by themselves: no sign that somebody is there
SIGN_IN = frozenset({"account.submit_sign_in"})
# what an account with a first password may still ask for
ALLOWED_BEFORE_PASSWORD_CHANGE = frozenset(
    {
        "account.password",
        "account.change_password",
        "account.sign_out",
        "static",
        "shell.page_asset",
        "shell.messages",
        "shell.colour_tokens",
    }
)
PUBLIC = ("/static/", "/tiles/", "/healthz", "/readyz", "/metrics")  # the same for everybody, and asked for often
CHANGE_FIRST = "change the first password before anything else, at /password"
BAD_KEY = "the key is not valid; it may be mistyped, expired or revoked"

csrf_protect = CSRFProtect()


def principal() -> Principal:
    """Who sent this request; found once. A key, when one is sent, counts before a session.

    Raises:
        SignInNeeded: A key was sent that is not valid. TooMany: it was used too often this minute.
    """
    found: Principal | None = g.get("principal")
    if found is None:
        found = g.principal = _by_key() or _by_session() or ANONYMOUS
    return found


def is_personal() -> bool:
    """Whether this request was answered to an account, a key or a reporter, and not as to anybody."""
    found = g.get("principal")
    return (found is not None and found.kind != "anonymous") or "X-Tracking-Secret" in request.headers


def require(action: Action) -> Principal:
    """Who sent this request, when they may do the action somewhere.

    Raises:
        SignInNeeded: Nobody is signed in. Forbidden: they may not.
    """
    found = principal()
    if found.kind == "anonymous" and not found.may(action):
        raise_sign_in_required()
    found.need(action)
    return found


def raise_sign_in_required() -> NoReturn:
    """Raise SignInNeeded."""
    raise AuthenticationRequired("sign in, or send a key as Authorization: Bearer KEY")


def csrf() -> str:
    """The token that a signed-in page's forms and scripts send back; empty for nobody, who needs none."""
    return generate_csrf() if principal().kind == "account" else ""


@dataclass
class TimedCache:
    """What was looked up, until when it is good; only for the application's own sessions, not for those of tests."""

    own: Any
    counters: rate_limit.Counters
    found: dict[Any, tuple[float, int, Any]]

    def get(self, key: Any, look_up: Callable[[], Any]) -> Any:
        now = time.monotonic()
        if current_app.config["SESSION_FACTORY"] is not self.own:
            return look_up()
        generation = self.counters.generation
        until, looked_up_at, value = self.found.get(key, (0.0, -1, None))
        if now >= until or looked_up_at != generation:
            value = look_up()
            if len(self.found) >= MAX_CACHED_RIGHTS:
                self.found.clear()
            self.found[key] = (now + RIGHTS_CACHE_S, generation, value)
        return value


def clear_rights_cache() -> None:
    """Look rights up anew, in every worker: something about them has just been changed."""
    current_app.extensions["wangge_rights"].counters.advance()


def bearer_token() -> str | None:
    """The key that was sent, if one was."""
    given = request.headers.get("Authorization", "")
    return given[7:].strip() if given[:7].lower() == "bearer " else None


def _by_key() -> Principal | None:
    given = bearer_token()
    if given is None:
        return None
    kept: TimedCache = current_app.extensions["wangge_rights"]
    found: api_keys.AuthenticatedKey | None = kept.get(
        blake2b(given.encode(), digest_size=16).digest(),
        lambda: api_keys.authenticate_key(db.session(), given, datetime.now(UTC)),
    )
    if found is None:
        raise AuthenticationRequired(BAD_KEY)
    settings: Settings = current_app.config["SETTINGS"]
    rate_limit.check_rate_limit(
        settings.var, f"key {found.principal.key_id}", found.per_minute, time.time(), "requests with this key"
    )
    return found.principal


def _by_session() -> Principal | None:
    if COOKIE not in request.cookies or "account" not in session:
        return None
    account, stamp, began, seen = session["account"]
    now = int(time.time())
    settings: Settings = current_app.config["SETTINGS"]
    kept: TimedCache = current_app.extensions["wangge_rights"]
    found: accounts.AccountStatus | None = None
    if now - began < MAX_SESSION_S and now - seen < settings.idle_minutes * 60:
        found = kept.get((account, session.get("id")), lambda: _standing(account))
    if found is None or not found.active or found.stamp != stamp:
        session.clear()
        return None
    if now - seen >= SESSION_REFRESH_S and request.path not in POLLING_PATHS and not request.path.startswith(PUBLIC):
        session["account"] = [account, stamp, began, now]
    g.must_change = found.must_change and "at_provider" not in session
    if g.must_change and request.path.startswith(PUBLIC):
        return None  # `guard` does not look at these
    return found.principal


def _standing(account_id: int) -> accounts.AccountStatus | None:
    """What the account of this browser's session is; None when the session has been signed out."""
    if "id" in session and accounts.is_ended(db.session(), session["id"]):
        return None
    return accounts.account_status(db.session(), account_id, datetime.now(UTC))


def start_session(account_id: int, stamp: int, *, at_provider: bool = False) -> None:
    """Begin the session of an account in this browser, in place of what there was.

    Args:
        at_provider: Signed in at the identity provider: a first password here is then no matter.
    """
    now = int(time.time())
    session.clear()
    session["account"] = [account_id, stamp, now, now]
    session["id"] = secrets.token_urlsafe(16)
    if at_provider:
        session["at_provider"] = True
    trusted_browser.trust(account_id, stamp)
    g.pop("principal", None)
    clear_rights_cache()


def extend_session(stamp: int) -> None:
    """Keep this browser's session while all others of the account end."""
    account, _, began, seen = session["account"]
    session["account"] = [account, stamp, began, seen]
    trusted_browser.trust(account, stamp)
    clear_rights_cache()


def end_session() -> None:
    """End this browser's session, also for copies of its cookie."""
    if "id" in session and "account" in session:
        until = datetime.fromtimestamp(session["account"][2] + MAX_SESSION_S, UTC)
        accounts.end_session(db.session(), session["id"], until)
        db.session().commit()
        clear_rights_cache()
    session.clear()
    g.pop("principal", None)


def safe_redirect_target(given: str | None) -> str:
    """Where to go after signing in: an address of this deployment, as it was given, or the map."""
    home = url_for("map.index")
    if not given or not given.startswith(home) or given.startswith(("//", "/\\")) or any(ord(c) < 33 for c in given):
        return home
    parts = urlsplit(given)
    if parts.scheme or parts.netloc or "\\" in given or parts.path.startswith("//"):
        return home
    return given


class Cookies(SecureCookieSessionInterface):
    """Session cookies that browsers send back over TLS only, where the service is reached by it."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if COOKIE not in request.cookies:
            return self.session_class()  # most requests: nothing to check
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        super().save_session(app, session, response)
        trusted_browser.write_cookie(response, path=self.get_cookie_path(app), secure=self.get_cookie_secure(app))

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure or str(app.config["SETTINGS"].address).startswith("https:")


def check_request() -> Response | None:
    """Before every request: no forged forms, and nothing but a new password for who still has the first one."""
    if request.path.startswith(PUBLIC):
        if request.path.startswith("/tiles/") and bearer_token() is None and COOKIE not in request.cookies:
            anonymous_budget.charge()
        return None
    changes = request.method not in db.READ_METHODS
    if changes and request.endpoint in SIGN_IN:  # also without a session, or one could be signed in as somebody else
        csrf_protect.protect()
    if bearer_token() is None and COOKIE not in request.cookies:
        anonymous_budget.charge()
        return None
    if principal().kind != "account":  # a key is looked at even where nobody asks who it is
        if principal().kind == "anonymous":
            anonymous_budget.charge()
        return None
    if changes and request.endpoint not in SIGN_IN:
        csrf_protect.protect()
    if g.must_change and request.endpoint not in ALLOWED_BEFORE_PASSWORD_CHANGE:
        if request.method in ("GET", "HEAD") and not request.path.startswith(("/api/", "/open311/", "/ogc/")):
            return cast(Response, redirect(url_for("account.password")))
        raise Forbidden(CHANGE_FIRST)
    return None


def add_retry_after(error: RateLimited) -> Response:
    """Say in a header when to try again, as the body does."""
    response = errors.handle_domain_error(error)
    if "retry_after" in error.extra:
        response.headers["Retry-After"] = str(error.extra["retry_after"])
    return response


def answer_unauthenticated(error: AuthenticationRequired) -> Response:
    """A page leads to the sign-in form and back; anything else is told how to send a key."""
    response = errors.handle_domain_error(error)
    if response.mimetype == "text/html":
        asked = request.script_root + request.full_path.rstrip("?") if request.method == "GET" else None
        return cast(Response, redirect(url_for("account.sign_in", next=asked), 303))
    response.headers["WWW-Authenticate"] = 'Bearer realm="wangge"'
    return response


def answer_csrf_failure(_: CSRFError) -> Response:
    """A form without its token, or with an old one."""
    return errors.handle_domain_error(
        Forbidden("the form is no longer valid; load the page again and send it once more")
    )


def init_app(app: Flask, settings: Settings) -> None:
    """Sessions and their protection."""
    app.secret_key = credentials.signing_key(settings.var)
    app.config.update(
        SESSION_COOKIE_NAME=COOKIE,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session
    )
    app.session_interface = Cookies()
    csrf_protect.init_app(app)
    app.extensions["wangge_rights"] = TimedCache(app.config["SESSION_FACTORY"], rate_limit.counters(settings.var), {})
    app.before_request(check_request)
    app.register_error_handler(CSRFError, answer_csrf_failure)
    app.register_error_handler(RateLimited, add_retry_after)
    app.register_error_handler(AuthenticationRequired, answer_unauthenticated)
    app.jinja_env.globals.update(csrf=csrf, principal=principal)
