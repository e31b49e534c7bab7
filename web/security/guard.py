"""Checks before every request: forged forms, budgets of strangers, first passwords."""

from typing import NoReturn, cast
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, redirect, request, url_for
from flask_wtf.csrf import CSRFError

from gis.accounts import credentials, rate_limit
from gis.errors import AuthenticationRequired, Forbidden, RateLimited
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.settings import Settings
from web.http import db, errors
from web.security import anonymous_budget
from web.security.csrf import answer_csrf_failure, csrf_protect, csrf_token
from web.security.session import (
    PUBLIC,
    SESSION_COOKIE,
    Cookies,
    TimedCache,
    bearer_token,
    is_stranger,
    principal,
)

SIGN_IN = frozenset({"account.submit_sign_in"})
# what an account with a first password may still ask for
ALLOWED_BEFORE_PASSWORD_CHANGE = frozenset(
    {
        "account.password",
        "account.change_password",
        "account.sign_out",
        "static",
        "shell.versioned",
        "shell.messages",
        "shell.colour_tokens",
    }
)


def require(action: Action) -> Principal:
    """Return who sent this request, if they may do the action somewhere.

    Raises
    ------
    AuthenticationRequired
        Nobody is signed in.
    Forbidden
        They may not.
    """
    current = principal()
    if current.kind == "anonymous" and not current.is_allowed(action):
        raise_sign_in_required()
    current.require(action)
    return current


def raise_sign_in_required() -> NoReturn:
    """Raise AuthenticationRequired.

    Raises
    ------
    AuthenticationRequired
        Always.
    """
    raise AuthenticationRequired("sign_in.needed")


def safe_redirect_target(address: str | None) -> str:
    """Return an address to go to after signing in, the map unless it is of this deployment."""
    home = url_for("map.index")
    if (
        not address
        or not address.startswith(home)
        or address.startswith(("//", "/\\"))
        or any(ord(c) < 33 for c in address)
    ):
        return home
    parts = urlsplit(address)
    if parts.scheme or parts.netloc or "\\" in address or parts.path.startswith("//"):
        return home
    return address


def check_request() -> Response | None:
    """Refuse forged forms and, until the first password is changed, everything else.

    Charge strangers for the rest.

    Raises
    ------
    Forbidden
        The first password has not been changed yet.
    """
    if request.path.startswith(PUBLIC):
        if request.path.startswith("/tiles/") and is_stranger():
            anonymous_budget.charge()
        return None
    changes = request.method not in db.READ_METHODS
    if (
        changes and request.endpoint in SIGN_IN
    ):  # also without a session, or one could be signed in as somebody else
        csrf_protect.protect()
    if bearer_token() is None and SESSION_COOKIE not in request.cookies:
        anonymous_budget.charge()
        return None
    if principal().kind != "account":  # a key is looked at even where nobody asks who it is
        if principal().kind == "anonymous":
            anonymous_budget.charge()
        return None
    if changes and request.endpoint not in SIGN_IN:
        csrf_protect.protect()
    if g.must_change and request.endpoint not in ALLOWED_BEFORE_PASSWORD_CHANGE:
        if request.method in ("GET", "HEAD") and not request.path.startswith(
            ("/api/", "/open311/", "/ogc/")
        ):
            return cast(Response, redirect(url_for("account.password")))
        raise Forbidden("sign_in.password_change_needed")
    return None


def add_retry_after(error: RateLimited) -> Response:
    """Say in a header when to try again, as the body does."""
    response = errors.handle_domain_error(error)
    if "retry_after" in error.extra:
        response.headers["Retry-After"] = str(error.extra["retry_after"])
    return response


def referring_page() -> str:
    """Return path and query of the page of ours that led here, empty if there is none.

    The query is kept because it holds the view of the map.
    """
    referrer = urlsplit(request.referrer or "")
    if referrer.netloc != request.host or referrer.path.startswith(
        (url_for("account.sign_in"), url_for("account.password"))
    ):
        return ""
    return referrer.path + (f"?{referrer.query}" if referrer.query else "")


def _page_of_form() -> str:
    """Return the address of the page whose form was sent.

    A form with errors is shown again at the address that it was sent to. Where that answers no GET,
    the nearest page above it is meant: `/accounts` for `/accounts/zhang`.
    """
    routes = current_app.create_url_adapter(request)
    path, _, query = referring_page().partition("?")
    page = path.removeprefix(request.script_root)
    while page and routes and not routes.test(page, "GET"):
        page, query = page.rpartition("/")[0], ""
    return request.script_root + (page or "/") + (f"?{query}" if query else "")


def answer_unauthenticated(error: AuthenticationRequired) -> Response:
    """Lead a page to the sign-in form and back; tell anybody else how to send a key.

    A form that was sent from a page of ours had a session: the sign-in form says that it ended.
    """
    response = errors.handle_domain_error(error)
    if response.mimetype == "text/html":
        address, ended = None, None
        if request.method == "GET":
            address = request.script_root + request.full_path.rstrip("?")
        elif referring_page():
            address, ended = _page_of_form(), "1"
        return cast(Response, redirect(url_for("account.sign_in", next=address, ended=ended), 303))
    response.headers["WWW-Authenticate"] = 'Bearer realm="wangge"'
    return response


def init_app(app: Flask, settings: Settings) -> None:
    """Give the application its sessions and their protection."""
    app.secret_key = credentials.signing_key(settings.var)
    app.config.update(
        SESSION_COOKIE_NAME=SESSION_COOKIE,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session
    )
    app.session_interface = Cookies()
    csrf_protect.init_app(app)
    app.extensions["wangge_rights"] = TimedCache(
        app.config["SESSION_FACTORY"], rate_limit.counters(settings.var), {}
    )
    app.before_request(check_request)
    app.register_error_handler(CSRFError, answer_csrf_failure)
    app.register_error_handler(RateLimited, add_retry_after)
    app.register_error_handler(AuthenticationRequired, answer_unauthenticated)
    app.jinja_env.globals.update(csrf=csrf_token, principal=principal)


def require_sign_in() -> Principal:
    """Return who asks; raise AuthenticationRequired for nobody."""
    by = principal()
    if by.kind == "anonymous":
        raise_sign_in_required()
    return by
