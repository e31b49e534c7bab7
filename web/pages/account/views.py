"""Signing in and out, changing one's password, and the administrator's pages for accounts
and keys.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import OAuth
from flask import Blueprint, Flask, Response, current_app, flash, redirect, request, url_for
from flask import session as browser
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_wtf.csrf import generate_csrf
from joserfc.errors import JoseError

from gis.accounts import account_list, accounts, api_keys, rate_limit, sessions
from gis.accounts.models import Account
from gis.areas.hierarchy import list_upper_areas
from gis.db import audit_context
from gis.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    RateLimited,
    Unavailable,
    WanggeError,
    invalid_field,
)
from gis.messages import Message
from gis.rights.actions import ACCESS_ROLES, KEY_ACTIONS, Action
from gis.rights.principal import Principal
from gis.rights.roles import role_label
from gis.settings import Settings
from web.http import i18n
from web.http.client import client_network
from web.http.db import session
from web.http.errors import localised_detail
from web.pages.shell.page import render_page
from web.security import guard, trusted_browser
from web.security import session as browser_session

bp = Blueprint("account", __name__)

# tries to sign in a minute from one address, or from one browser that somebody signed in from
# before
MAX_SIGN_INS_PER_MINUTE = 60
MAX_OFFERED_AREAS = 400  # areas an area field offers; any other can be typed
MAX_LISTED_ACCOUNTS = 200  # accounts in the list; the search finds the others

# fields of a key -> what is right for them
KEY_WORDS = {
    "name": lazy_gettext("2 to 40 letters, digits, spaces, dots or hyphens"),
    "action": lazy_gettext("Choose at least one"),
    "area": lazy_gettext("Codes of areas that exist, with commas between"),
    "per_minute": lazy_gettext("A number from 1 to 100,000"),
    "days": lazy_gettext("A number from 1 to 3650, or nothing"),
}

# actions a key may have -> the words beside their tick boxes
ACTION_WORDS = {
    Action.REPORT: lazy_gettext("report incidents"),
    Action.READ: lazy_gettext("read incidents"),
    Action.NOTE: lazy_gettext("add notes"),
    Action.RATE: lazy_gettext("rate results"),
    Action.HANDLE: lazy_gettext("take and handle"),
    Action.DISPATCH: lazy_gettext("dispatch"),
    Action.NAMES: lazy_gettext("names of who answers"),
    Action.FIGURES: lazy_gettext("figures"),
    Action.EXPORT: lazy_gettext("exports"),
    Action.DRAFT: lazy_gettext("draft boundaries"),
    Action.PUBLISH: lazy_gettext("publish boundaries"),
}

# --- signing in and out ---------------------------------------------------------------------------


@bp.get("/sign-in")
def sign_in() -> Response:
    """The form, or onwards when somebody is signed in already."""
    onwards = guard.safe_redirect_target(request.args.get("next") or _came_from())
    if browser_session.principal().kind == "account":
        return to(onwards)
    return _form(onwards)


def _came_from() -> str:
    """The page of ours that led here, as its address bar had it: the map keeps its view there."""
    before = urlsplit(request.referrer or "")
    if before.netloc != request.host or before.path.startswith(
        (url_for("account.sign_in"), url_for("account.password"))
    ):
        return ""
    return before.path + (f"?{before.query}" if before.query else "")


@bp.post("/sign-in")
def submit_sign_in() -> Response:
    """Look at name and password.

    Both wrong or one wrong is said in the same words, after the same time.
    """
    onwards = guard.safe_redirect_target(request.form.get("next"))
    username, password = (
        sessions.normalise_username(request.form.get("username", "")),
        request.form.get("password", ""),
    )
    if not username or not password:
        return _form(onwards, username, _("Give a user name and a password."), 422)
    browser_before = trusted_browser.read()
    try:
        source = f"browser {browser_before.id}" if browser_before.id else client_network()
        rate_limit.check_rate_limit(
            _settings().var,
            f"sign-in {source}",
            MAX_SIGN_INS_PER_MINUTE,
            time.time(),
            Message("counted.sign_ins"),
        )
        tried = sessions.begin_sign_in(
            session(),
            username,
            datetime.now(UTC),
            client_network(),
            browser_before.id,
            browser_before.stamps,
        )
    except RateLimited as error:
        wait: Any = error.extra["retry_after"]
        minutes = -(-wait // 60)
        words = _("Too many tries; try again in %(minutes)s min.", minutes=minutes)
        response = _form(onwards, username, words, 429)
        response.headers["Retry-After"] = str(wait)
        return response
    # the try counts, whatever comes; no connection waits while the hash is worked out
    session().commit()
    if not sessions.password_matches(tried, password):
        return _form(
            onwards,
            username,
            _("User name or password is wrong, or the account may not sign in."),
            401,
        )
    with audit_context(session(), f"account {username}", "signed in"):
        sessions.complete_sign_in(session(), tried, password)
        session().commit()
    browser_session.start_session(cast(int, tried.account_id), tried.stamp)
    return to(url_for("account.password") if tried.must_change else onwards)


@bp.post("/sign-out")
def sign_out() -> Response:
    """End this browser's session."""
    browser_session.end_session()
    return to(url_for("map.index"))


@bp.post("/sign-out-everywhere")
def sign_out_everywhere() -> Response:
    """End every session of one's own account, this one too."""
    by = _account()
    with audit_context(session(), by.actor, "signed out everywhere"):
        accounts.end_sessions(session(), by, _of(by.account_id))
        session().commit()
    browser_session.end_session()
    browser_session.clear_rights_cache()
    return to(url_for("account.sign_in"))


def _form(onwards: str, username: str = "", wrong: str = "", status: int = 200) -> Response:
    response = render_page(
        "account/sign_in.html",
        onwards=onwards,
        username=username,
        wrong=wrong,
        token=generate_csrf(),
        oidc=_settings().oidc,
    )
    response.status_code = status
    return response


# --- the identity provider ------------------------------------------------------------------------


@bp.get("/sign-in/provider")
def oidc() -> Response:
    """Send the browser to the identity provider: authorisation code, PKCE, nonce and state."""
    provider = _provider()
    browser["next"] = guard.safe_redirect_target(request.args.get("next"))
    try:
        _same_issuer(provider)
        return cast(
            Response,
            provider.authorize_redirect(
                _back(), prompt="login" if "again" in request.args else None
            ),
        )
    except (requests.RequestException, AuthlibBaseError, ValueError) as error:
        raise Unavailable("sign_in.provider_unreachable") from error


@bp.get("/sign-in/provider/back")
def oidc_back() -> Response:
    """The browser comes back with a code; the account linked to the subject is signed in."""
    provider = _provider()
    onwards = guard.safe_redirect_target(browser.get("next"))
    try:
        token = provider.authorize_access_token()
        sub = token["userinfo"]["sub"]
    except requests.RequestException as error:
        raise Unavailable("sign_in.provider_unreachable") from error
    except (AuthlibBaseError, JoseError, KeyError, ValueError, TypeError):
        words = _(
            "The identity provider did not sign you in, or its answer did not hold. Try again."
        )
        return _form(onwards, wrong=words, status=401)
    subject = f"{_settings().oidc.issuer}|{sub}"  # type: ignore[union-attr]
    with current_app.config["SESSION_FACTORY"](
        False
    ) as writing:  # a GET that writes down who signed in
        account = sessions.by_subject(writing, subject, datetime.now(UTC))
        found = account and (account.id, account.stamp)
        writing.commit()
    if not found:
        response = render_page("account/unknown_subject.html", subject=subject)
        response.status_code = 403
        return response
    browser_session.start_session(*found, at_provider=True)
    return to(onwards)


def _provider() -> Any:
    provider = current_app.extensions.get("wangge_oidc")
    if provider is None:
        raise NotFound("sign_in.no_provider")
    return provider


def _same_issuer(provider: Any) -> None:
    """See that the provider's own description names the issuer we were told of (OpenID Connect
    Discovery 4.3).
    """
    said = str(provider.load_server_metadata().get("issuer", "")).rstrip("/")
    if said != _settings().oidc.issuer:  # type: ignore[union-attr]
        raise ValueError(f"the provider calls itself {said!r}")


def _back() -> str:
    path = url_for("account.oidc_back")
    return (_settings().address or request.host_url.rstrip("/")) + path


@bp.record_once
def set_up(state: Any) -> None:
    """The identity provider, where one is set."""
    app: Flask = state.app
    given: Settings = app.config["SETTINGS"]
    if given.oidc is None:
        return
    app.extensions["wangge_oidc"] = OAuth(app).register(
        "provider",
        client_id=given.oidc.client_id,
        client_secret=given.oidc.client_secret,
        server_metadata_url=given.oidc.issuer + "/.well-known/openid-configuration",
        client_kwargs={"scope": "openid", "code_challenge_method": "S256", "default_timeout": 10},
    )


# --- one's own password ---------------------------------------------------------------------------


@bp.get("/password")
def password() -> Response:
    """The form for a new password; all there is to see for who still has the first one."""
    by = _account()
    return _password_page(_of(by.account_id))


@bp.post("/password")
def change_password() -> Response:
    """Change one's own password; every other session of the account ends."""
    by = _account()
    new = request.form.get("password", "")
    try:
        if new != request.form.get("again", ""):
            return _password_page(_of(by.account_id), {"again": _("The two are not the same.")})
        rate_limit.check_rate_limit(
            _settings().var,
            f"password {by.account_id}",
            10,
            time.time(),
            Message("counted.password_changes"),
        )
        with audit_context(session(), by.actor, "changed the password"):
            stamp = sessions.change_password(
                session(), cast(int, by.account_id), request.form.get("old", ""), new
            )
            session().commit()
    except InvalidInput as error:
        session().rollback()
        return _password_page(
            _of(by.account_id), {one.field: one.message_in(i18n.chosen()) for one in error.errors}
        )
    browser_session.extend_session(stamp)
    flash(_("Your password is changed; other devices were signed out."))
    return to(url_for("account.password"))


def _password_page(account: Account, wrong: dict[str, str] | None = None) -> Response:
    response = render_page("account/password.html", account=account, wrong=wrong or {})
    response.status_code = 422 if wrong else 200
    return response


# --- the administrator's page for accounts --------------------------------------------------------


@bp.get("/accounts")
def list_accounts() -> Response:
    """Accounts by name; the one in the address with what may be done with it."""
    return _accounts_page(guard.require(Action.ACCOUNTS))


@bp.post("/accounts")
def add_account() -> Response:
    """Make an account, its role in the same step.

    The first password is on this page and nowhere else.
    """
    by = guard.require(Action.ACCOUNTS)
    given = {
        name: request.form.get(name, "").strip()
        for name in ("username", "person", "subject", "role", "area")
    }
    try:
        with audit_context(session(), by.actor, "account page"):
            made, first = accounts.add(
                session(), by, given["username"], person=given["person"], subject=given["subject"]
            )
            if given["role"]:
                accounts.grant(session(), by, made, given["role"], given["area"])
            name = made.username
            session().commit()
    except WanggeError as error:
        session().rollback()
        return _accounts_page(by, wrong=_wrong(error), given=given, status=422)
    if not first:
        flash(_("The account is made; it signs in at the identity provider."))
        return to(url_for("account.list_accounts", name=name))
    return _accounts_page(by, chosen=name, once=first)


Change = Callable[[Principal, Account, Any], str | None]

# what the buttons of an account do; one that answers with a password shows it once
CHANGES: dict[str, Change] = {
    "grant": lambda by, one, form: accounts.grant(
        session(), by, one, form.get("role", ""), form.get("area", "").strip()
    ),
    "withdraw": lambda by, one, form: accounts.revoke_role(
        session(), by, one, form.get("role", ""), form.get("area", "")
    ),
    "block": lambda by, one, form: accounts.block(session(), by, one),
    "unblock": lambda by, one, form: accounts.unblock(session(), by, one),
    "reset": lambda by, one, form: accounts.reset_password(session(), by, one),
    "end": lambda by, one, form: accounts.end_sessions(session(), by, one),
    "link": lambda by, one, form: accounts.link(
        session(),
        by,
        one,
        person=form.get("person", "").strip(),
        subject=form.get("subject", "").strip(),
    ),
}
DONE = {
    "grant": lazy_gettext("The role was given."),
    "withdraw": lazy_gettext("The role was taken back."),
    "block": lazy_gettext("The account is blocked and signed out."),
    "unblock": lazy_gettext("The account may sign in again."),
    "end": lazy_gettext("The account was signed out everywhere."),
    "link": lazy_gettext("The links are saved; the account was signed out."),
}


@bp.post("/accounts/<username>")
def change_account(username: str) -> Response:
    """One change of an account, named by the button (`do`)."""
    by = guard.require(Action.ACCOUNTS)
    do = request.form.get("do", "")
    if do not in CHANGES:
        raise invalid_field("do", "field.not_one_of", allowed=list(CHANGES))
    try:
        account = accounts.get_account(session(), username)
        with audit_context(session(), by.actor, "account page"):
            once = CHANGES[do](by, account, request.form)
            session().commit()
    except (InvalidInput, Conflict, Forbidden, NotFound) as error:
        session().rollback()
        return _accounts_page(
            by, chosen=username, wrong=_wrong(error), given={**request.form}, status=422
        )
    browser_session.clear_rights_cache()
    if once:
        return _accounts_page(by, chosen=account.username, once=once)
    flash(str(DONE[do]))
    return to(url_for("account.list_accounts", name=account.username))


def _accounts_page(
    by: Principal,
    *,
    chosen: str = "",
    once: str = "",
    wrong: dict[str, str] | None = None,
    given: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    asked = request.args.get("q", "")[:80]
    rows = account_list.list_accounts(
        session(), by, datetime.now(UTC), asked, MAX_LISTED_ACCOUNTS + 1
    )
    chosen = chosen or request.args.get("name", "")
    one = next((row for row in rows if row.username == chosen), None)
    if chosen and one is None:
        found = account_list.list_accounts(
            session(), by, datetime.now(UTC), chosen, MAX_LISTED_ACCOUNTS
        )
        one = next((row for row in found if row.username == chosen), None)
    response = render_page(
        "account/accounts.html",
        rows=rows[:MAX_LISTED_ACCOUNTS],
        more=len(rows) > MAX_LISTED_ACCOUNTS,
        asked=asked,
        one=one,
        new="new" in request.args,
        once=once,
        wrong=wrong or {},
        given=given or {},
        roles=ACCESS_ROLES,
        role_label=role_label,
        areas=list_upper_areas(session(), MAX_OFFERED_AREAS),
        oidc=_settings().oidc,
        zone=_settings().timezone,
    )
    response.status_code = status
    return response


# --- the administrator's page for keys ------------------------------------------------------------


@bp.get("/keys")
def list_keys() -> Response:
    """Keys of programs; never their secrets."""
    return _keys_page(_everywhere())


@bp.post("/keys")
def add_key() -> Response:
    """Make a key; it is on this page and nowhere else."""
    by = _everywhere()
    form = request.form
    given: dict[str, Any] = {
        name: form.get(name, "").strip() for name in ("name", "area", "per_minute", "days")
    }
    given["action"] = form.getlist("action")
    numbers = {name: given[name] for name in ("per_minute", "days") if given[name]}
    try:
        with audit_context(session(), by.actor, "key page"):
            made = api_keys.add(
                session(),
                given["name"],
                given["action"],
                [one.strip() for one in given["area"].split(",") if one.strip()],
                datetime.now(UTC),
                **{name: int(text) if text.isdigit() else -1 for name, text in numbers.items()},
            )
            session().commit()
    except InvalidInput as error:
        session().rollback()
        return _keys_page(
            by, wrong={one.field: str(KEY_WORDS[one.field]) for one in error.errors}, given=given
        )
    except Conflict:
        session().rollback()
        return _keys_page(
            by, wrong={"name": _("There is a key of that name already.")}, given=given
        )
    return _keys_page(by, once=made, of=given["name"])


@bp.post("/keys/<name>")
def change_key(name: str) -> Response:
    """Rotate or revoke a key, as the button (`do`) says."""
    by = _everywhere()
    now = datetime.now(UTC)
    with audit_context(session(), by.actor, "key page"):
        if request.form.get("do") == "rotate":
            made = api_keys.rotate(session(), name, now)
            session().commit()
            browser_session.clear_rights_cache()
            return _keys_page(by, once=made, of=name)
        api_keys.revoke(session(), name, now)
        session().commit()
    browser_session.clear_rights_cache()
    flash(_("The key is revoked."))
    return to(url_for("account.list_keys"))


def _everywhere() -> Principal:
    """Who asks, when they administer everything: a key may reach any area."""
    by = guard.require(Action.ACCOUNTS)
    if by.areas_by_action[Action.ACCOUNTS] is not None:
        raise Forbidden("key.administrators_only")
    return by


def _keys_page(
    by: Principal,
    *,
    once: str = "",
    of: str = "",
    wrong: dict[str, str] | None = None,
    given: dict[str, Any] | None = None,
) -> Response:
    response = render_page(
        "account/keys.html",
        rows=api_keys.list_keys(session(), datetime.now(UTC)),
        once=once,
        of=of,
        wrong=wrong or {},
        given=given or {},
        actions={one: ACTION_WORDS[one] for one in Action if one in KEY_ACTIONS},
        areas=list_upper_areas(session(), MAX_OFFERED_AREAS),
        new="new" in request.args,
        zone=_settings().timezone,
        names={str(one): words for one, words in ACTION_WORDS.items()},
    )
    response.status_code = 422 if wrong else 200
    return response


# --- shared ---------------------------------------------------------------------------------------


def to(address: str) -> Response:
    """Go there with a GET."""
    return cast(Response, redirect(address, 303))


def _wrong(error: WanggeError) -> dict[str, str]:
    if not error.errors:
        return {"": localised_detail(error)}
    return {field.field: field.message_in(i18n.chosen()) for field in error.errors}


def _account() -> Principal:
    by = browser_session.principal()
    if by.kind != "account":
        guard.raise_sign_in_required()
    return by


def _of(account_id: int | None) -> Account:
    return session().get_one(Account, account_id)


def _settings() -> Settings:
    return cast(Settings, current_app.config["SETTINGS"])
