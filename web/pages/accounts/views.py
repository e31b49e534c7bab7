"""`/accounts`: the administrator's page for accounts, their roles and links."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

from flask import Blueprint, Response, current_app, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from gis.accounts import account_list, accounts
from gis.accounts.models import Account
from gis.areas.offered_areas import list_upper_areas
from gis.db import audit_context
from gis.errors import Conflict, Forbidden, InvalidInput, NotFound, WanggeError, invalid_field
from gis.messages import Message
from gis.ops.shards.people import bring_person
from gis.rights.actions import ACCESS_ROLES, Action
from gis.rights.principal import Principal
from gis.rights.roles import role_label
from gis.settings import Settings
from web.http import i18n
from web.http.db import session
from web.http.downloads import MAX_LIST_ROWS, list_table, wants_table
from web.http.errors import localised_detail
from web.pages.shell.page import render_page
from web.security import guard
from web.security import session as browser_session
from web.security.disclosures import record_export

bp = Blueprint("accounts_page", __name__)

MAX_LISTED_ACCOUNTS = 200  # accounts in the list; the search finds the others
ACCOUNT_FIELDS = ("username", "person", "subject", "role", "area")

Change = Callable[[Principal, Account, Any], str | None]

# button -> what it does; a change that returns a password shows it once
ACCOUNT_CHANGES: dict[str, Change] = {
    "grant": lambda principal, account, form: accounts.grant(
        session(), principal, account, form.get("role", ""), form.get("area", "").strip()
    ),
    "withdraw": lambda principal, account, form: accounts.revoke_role(
        session(), principal, account, form.get("role", ""), form.get("area", "")
    ),
    "block": lambda principal, account, form: accounts.block(session(), principal, account),
    "unblock": lambda principal, account, form: accounts.unblock(session(), principal, account),
    "reset": lambda principal, account, form: accounts.reset_password(
        session(), principal, account
    ),
    "end": lambda principal, account, form: accounts.end_sessions(session(), principal, account),
    "link": lambda principal, account, form: accounts.link(
        session(),
        principal,
        account,
        person=_known_person(form.get("person", "").strip()),
        subject=form.get("subject", "").strip(),
    ),
}
CONFIRMATIONS = {
    "grant": lazy_gettext("The role was given."),
    "withdraw": lazy_gettext("The role was taken back."),
    "block": lazy_gettext("The account is blocked and signed out."),
    "unblock": lazy_gettext("The account may sign in again."),
    "end": lazy_gettext("The account was signed out everywhere."),
    "link": lazy_gettext("The links are saved; the account was signed out."),
}


def _known_person(code: str) -> str:
    """Return the staff number of a person, who is known here from then on if of a shard."""
    bring_person(session(), current_app.config["SETTINGS"], code)
    return code


@bp.get("/accounts")
def list_accounts() -> Response:
    """List accounts by name; `name` in the address opens one, `new` the form for another."""
    principal = guard.require(Action.ACCOUNTS)
    return _table(principal) if wants_table() else _page(principal)


def _table(principal: Principal) -> Response:
    """Return the accounts that are listed as a file; passwords are in none."""
    rows = _find_accounts(principal, request.args.get("q", "")[:80], MAX_LIST_ROWS)
    zone, language = current_app.config["SETTINGS"].timezone, i18n.chosen()
    cells = [
        (
            row.username,
            row.person_name,
            "; ".join(
                f"{role_label(role.role, language)} {role.area_name}".strip() for role in row.roles
            ),
            f"{row.last.astimezone(zone):%Y-%m-%d %H:%M}" if row.last else "",
            _("blocked") if not row.active else "",
        )
        for row in rows
    ]
    header = [_("Account"), _("Person"), _("Roles"), _("Last signed in"), _("blocked")]
    response = list_table("accounts", header, cells)
    record_export(principal, Message("shown.accounts", {"count": len(cells)}))
    return response


@bp.post("/accounts")
def add_account() -> Response:
    """Create an account and grant its role.

    Notes
    -----
    Only the answer to this request shows the first password.
    """
    principal = guard.require(Action.ACCOUNTS)
    form = {name: request.form.get(name, "").strip() for name in ACCOUNT_FIELDS}
    try:
        with audit_context(session(), principal.actor, "account page"):
            account, password = accounts.add(
                session(),
                principal,
                form["username"],
                person=_known_person(form["person"]),
                subject=form["subject"],
            )
            if form["role"]:
                accounts.grant(session(), principal, account, form["role"], form["area"])
            username = account.username
            session().commit()
    except WanggeError as error:
        session().rollback()
        return _page(principal, errors=_messages(error), form=form)
    if not password:
        flash(_("The account is made; it signs in at the identity provider."))
        return _show(username)
    return _page(principal, selected=username, password=password)


@bp.post("/accounts/<username>")
def change_account(username: str) -> Response:
    """Change an account as the pressed button (`do`) says.

    Raises
    ------
    InvalidInput
        There is no such button.
    """
    principal = guard.require(Action.ACCOUNTS)
    button = request.form.get("do", "")
    if button not in ACCOUNT_CHANGES:
        raise invalid_field("do", "field.not_one_of", allowed=list(ACCOUNT_CHANGES))
    try:
        account = accounts.get_account(session(), username)
        with audit_context(session(), principal.actor, "account page"):
            password = ACCOUNT_CHANGES[button](principal, account, request.form)
            session().commit()
    except (InvalidInput, Conflict, Forbidden, NotFound) as error:
        session().rollback()
        return _page(principal, selected=username, errors=_messages(error), form={**request.form})
    browser_session.clear_rights_cache()
    if password:
        return _page(principal, selected=account.username, password=password)
    flash(str(CONFIRMATIONS[button]))
    return _show(account.username)


def _page(
    principal: Principal,
    *,
    selected: str = "",
    password: str = "",
    errors: dict[str, str] | None = None,
    form: dict[str, str] | None = None,
) -> Response:
    """Return the page; with errors, and what was submitted, as status 422.

    Parameters
    ----------
    selected
        User name of the open account; empty means the one in the address.
    password
        First password to show once.
    errors
        Message by field, "" for the form as a whole.
    """
    settings = cast(Settings, current_app.config["SETTINGS"])
    query = request.args.get("q", "")[:80]
    rows = _find_accounts(principal, query, MAX_LISTED_ACCOUNTS + 1)
    selected = selected or request.args.get("name", "")
    account = next((row for row in rows if row.username == selected), None)
    if selected and account is None:  # not among those listed
        matches = _find_accounts(principal, selected, MAX_LISTED_ACCOUNTS)
        account = next((row for row in matches if row.username == selected), None)
    response = render_page(
        "accounts/accounts.html",
        rows=rows[:MAX_LISTED_ACCOUNTS],
        truncated=len(rows) > MAX_LISTED_ACCOUNTS,
        query=query,
        account=account,
        new="new" in request.args,
        password=password,
        errors=errors or {},
        form=form or {},
        roles=ACCESS_ROLES,
        role_label=role_label,
        areas=list_upper_areas(session()),
        oidc=settings.oidc,
        zone=settings.timezone,
    )
    response.status_code = 422 if errors else 200
    return response


def _find_accounts(principal: Principal, query: str, limit: int) -> list[account_list.AccountView]:
    return account_list.list_accounts(session(), principal, datetime.now(UTC), query, limit)


def _messages(error: WanggeError) -> dict[str, str]:
    """Return the message of each field that is wrong, in the reader's language."""
    if not error.errors:
        return {"": localised_detail(error)}
    return {field.field: field.message_in(i18n.chosen()) for field in error.errors}


def _show(username: str) -> Response:
    address = url_for("accounts_page.list_accounts", name=username)
    return cast(Response, redirect(address, 303))
