"""Signing in and out, by password or at the identity provider, and changing one's password."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import OAuth
from flask import Blueprint, Flask, Response, current_app, flash, redirect, request, url_for
from flask import session as browser
from flask_babel import gettext as _
from flask_wtf.csrf import generate_csrf
from joserfc.errors import JoseError

from gis.accounts import accounts, rate_limit, sessions
from gis.accounts.models import Account
from gis.db import audit_context
from gis.errors import InvalidInput, NotFound, RateLimited, Unavailable
from gis.messages import Message
from gis.rights.principal import ANONYMOUS, Principal
from gis.settings import Settings
from web.http import i18n, shards
from web.http.client import client_network
from web.http.db import session
from web.pages.shell.home import home_address
from web.pages.shell.page import render_page
from web.security import guard, trusted_browser
from web.security import session as browser_session

bp = Blueprint("account", __name__)

# attempts to sign in a minute from one network, or from one browser that an account signed in
# from before
MAX_SIGN_INS_PER_MINUTE = 60
MAX_PASSWORD_CHANGES_PER_MINUTE = 10

# --- signing in and out ---------------------------------------------------------------------------


@bp.get("/sign-in")
def sign_in() -> Response:
    """Show the sign-in form, or go on if an account is signed in already."""
    onwards = Onwards(request.args.get("next", ""), guard.referring_page())
    if browser_session.principal().kind == "account":
        return _go_to(onwards.address(browser_session.principal()))
    ended = _("Your session has ended. What you sent was not saved; sign in and enter it again.")
    return _form(onwards, message=ended if "ended" in request.args else "")


@dataclass(frozen=True)
class Onwards:
    """Where to go on after signing in. asked: The address asked for. back: The page that led here.

    Both may be empty, or addresses of others.
    """

    asked: str
    back: str

    def address(self, by: Principal) -> str:
        """Return the address asked for, else the principal's own page, else the page before."""
        if self.asked:
            return guard.safe_redirect_target(self.asked)
        if by.person_id is not None and shards.has_counties():
            return url_for("counties.start")  # the posts, and what they allow, are in the county
        return home_address(by) or guard.safe_redirect_target(self.back)

    def address_of_account(self, account_id: int) -> str:
        """Return the address for an account that has just signed in."""
        status = sessions.account_status(session(), account_id, datetime.now(UTC))
        return self.address(status.principal if status else ANONYMOUS)


@bp.post("/sign-in")
def submit_sign_in() -> Response:
    """Check user name and password, and sign in.

    Notes
    -----
    A wrong name and a wrong password get the same message after the same time.
    """
    onwards = Onwards(request.form.get("next", ""), request.form.get("back", ""))
    username = sessions.normalise_username(request.form.get("username", ""))
    password = request.form.get("password", "")
    if not username or not password:
        return _form(onwards, username, _("Give a user name and a password."), 422)
    trusted = trusted_browser.read()
    try:
        source = f"browser {trusted.id}" if trusted.id else client_network()
        rate_limit.check_rate_limit(
            _settings().var,
            f"sign-in {source}",
            MAX_SIGN_INS_PER_MINUTE,
            time.time(),
            Message("counted.sign_ins"),
        )
        attempt = sessions.begin_sign_in(
            session(),
            username,
            datetime.now(UTC),
            client_network(),
            trusted.id,
            trusted.session_versions,
        )
    except RateLimited as error:
        wait_s: Any = error.extra["retry_after"]
        message = _("Too many tries; try again in %(minutes)s min.", minutes=-(-wait_s // 60))
        response = _form(onwards, username, message, 429)
        response.headers["Retry-After"] = str(wait_s)
        return response
    # the attempt counts in any case, and no connection is held while the hash is computed
    session().commit()
    if not sessions.password_matches(attempt, password):
        message = _("User name or password is wrong, or the account may not sign in.")
        return _form(onwards, username, message, 401)
    with audit_context(session(), f"account {username}", "signed in"):
        sessions.complete_sign_in(session(), attempt, password)
        session().commit()
    account_id = cast(int, attempt.account_id)
    browser_session.start_session(account_id, attempt.session_version)
    if attempt.must_change:
        return _go_to(url_for("account.password"))
    return _go_to(onwards.address_of_account(account_id))


@bp.post("/sign-out")
def sign_out() -> Response:
    """End this browser's session."""
    browser_session.end_session()
    return _go_to(url_for("map.index"))


@bp.post("/sign-out-everywhere")
def sign_out_everywhere() -> Response:
    """End every session of the account that is signed in, this one too."""
    principal = _require_account()
    with audit_context(session(), principal.actor, "signed out everywhere"):
        accounts.end_sessions(session(), principal, _get_account(principal))
        session().commit()
    browser_session.end_session()
    browser_session.clear_rights_cache()
    return _go_to(url_for("account.sign_in"))


def _form(onwards: Onwards, username: str = "", message: str = "", status: int = 200) -> Response:
    response = render_page(
        "account/sign_in.html",
        onwards=onwards,
        username=username,
        error=message,
        token=generate_csrf(),
        oidc=_settings().oidc,
    )
    response.status_code = status
    return response


# --- the identity provider ------------------------------------------------------------------------


@bp.get("/sign-in/provider")
def oidc() -> Response:
    """Send the browser to the identity provider: authorisation code, PKCE, nonce and state.

    Raises
    ------
    Unavailable
        The identity provider does not answer, or calls itself otherwise.
    """
    provider = _provider()
    browser["next"] = request.args.get("next", ""), request.args.get("back", "")
    try:
        _require_issuer(provider)
        return cast(
            Response,
            provider.authorize_redirect(
                _callback_address(), prompt="login" if "again" in request.args else None
            ),
        )
    except (requests.RequestException, AuthlibBaseError, ValueError) as error:
        raise Unavailable("sign_in.provider_unreachable") from error


@bp.get("/sign-in/provider/back")
def oidc_back() -> Response:
    """Sign in the account linked to the subject with whose code the browser comes back.

    Raises
    ------
    Unavailable
        The identity provider does not answer.
    """
    provider = _provider()
    onwards = Onwards(*browser.get("next", ("", "")))
    try:
        token = provider.authorize_access_token()
        sub = token["userinfo"]["sub"]
    except requests.RequestException as error:
        raise Unavailable("sign_in.provider_unreachable") from error
    except (AuthlibBaseError, JoseError, KeyError, ValueError, TypeError):
        message = _(
            "The identity provider did not sign you in, or its answer did not hold. Try again."
        )
        return _form(onwards, message=message, status=401)
    subject = f"{_settings().oidc.issuer}|{sub}"  # type: ignore[union-attr]
    # a session of its own, since this GET records who signed in
    with current_app.config["SESSION_FACTORY"](False) as writing:
        account = sessions.by_subject(writing, subject, datetime.now(UTC))
        identity = account and (account.id, account.session_version)
        writing.commit()
    if not identity:
        response = render_page("account/unknown_subject.html", subject=subject)
        response.status_code = 403
        return response
    browser_session.start_session(*identity, at_provider=True)
    return _go_to(onwards.address_of_account(identity[0]))


def _provider() -> Any:
    provider = current_app.extensions.get("wangge_oidc")
    if provider is None:
        raise NotFound("sign_in.no_provider")
    return provider


def _require_issuer(provider: Any) -> None:
    """Raise ValueError unless the provider's metadata name the issuer of the settings.

    Raises
    ------
    ValueError
        They name another, or none.

    References
    ----------
    OpenID Connect Discovery 1.0, section 4.3.
    """
    issuer = str(provider.load_server_metadata().get("issuer", "")).rstrip("/")
    if issuer != _settings().oidc.issuer:  # type: ignore[union-attr]
        raise ValueError(f"the provider calls itself {issuer!r}")


def _callback_address() -> str:
    path = url_for("account.oidc_back")
    return (_settings().address or request.host_url.rstrip("/")) + path


@bp.record_once
def set_up(state: Any) -> None:
    """Register the identity provider, if one is set."""
    app: Flask = state.app
    provider = cast(Settings, app.config["SETTINGS"]).oidc
    if provider is None:
        return
    app.extensions["wangge_oidc"] = OAuth(app).register(
        "provider",
        client_id=provider.client_id,
        client_secret=provider.client_secret,
        server_metadata_url=provider.issuer + "/.well-known/openid-configuration",
        client_kwargs={"scope": "openid", "code_challenge_method": "S256", "default_timeout": 10},
    )


# --- one's own password ---------------------------------------------------------------------------


@bp.get("/password")
def password() -> Response:
    """Show the form for a new password, the only page for who still has the first one."""
    return _password_page(_get_account(_require_account()))


@bp.post("/password")
def change_password() -> Response:
    """Change one's own password; every other session of the account ends."""
    principal = _require_account()
    new = request.form.get("password", "")
    try:
        if new != request.form.get("again", ""):
            errors = {"again": _("The two are not the same.")}
            return _password_page(_get_account(principal), errors)
        rate_limit.check_rate_limit(
            _settings().var,
            f"password {principal.account_id}",
            MAX_PASSWORD_CHANGES_PER_MINUTE,
            time.time(),
            Message("counted.password_changes"),
        )
        with audit_context(session(), principal.actor, "changed the password"):
            stamp = sessions.change_password(
                session(), cast(int, principal.account_id), request.form.get("old", ""), new
            )
            session().commit()
    except InvalidInput as error:
        session().rollback()
        errors = {field.field: field.message_in(i18n.chosen()) for field in error.errors}
        return _password_page(_get_account(principal), errors)
    browser_session.extend_session(stamp)
    flash(_("Your password is changed; other devices were signed out."))
    return _go_to(url_for("account.password"))


def _password_page(account: Account, errors: dict[str, str] | None = None) -> Response:
    response = render_page("account/password.html", account=account, errors=errors or {})
    response.status_code = 422 if errors else 200
    return response


# --- shared ---------------------------------------------------------------------------------------


def _go_to(address: str) -> Response:
    """Redirect to an address of ours, with a GET."""
    return cast(Response, redirect(address, 303))


def _require_account() -> Principal:
    principal = browser_session.principal()
    if principal.kind != "account":
        guard.raise_sign_in_required()
    return principal


def _get_account(principal: Principal) -> Account:
    return session().get_one(Account, principal.account_id)


def _settings() -> Settings:
    return cast(Settings, current_app.config["SETTINGS"])
