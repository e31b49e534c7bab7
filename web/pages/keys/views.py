"""`/keys`: the administrator's page for the API keys of programs."""

from datetime import UTC, datetime
from typing import Any, cast

from flask import Blueprint, Response, current_app, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from gis.accounts import api_keys
from gis.areas.offered_areas import list_upper_areas
from gis.db import audit_context
from gis.errors import Conflict, Forbidden, InvalidInput
from gis.messages import Message
from gis.rights.actions import KEY_ACTIONS, Action
from gis.rights.principal import Principal
from web.http import params
from web.http.db import session
from web.http.downloads import list_table, wants_table
from web.pages.shell.page import render_page
from web.security import guard
from web.security import session as browser_session
from web.security.disclosures import record_export

bp = Blueprint("keys_page", __name__)


# field of a key -> what a right value is
KEY_FIELD_HINTS = {
    "name": lazy_gettext("2 to 40 letters, digits, spaces, dots or hyphens"),
    "action": lazy_gettext("Choose at least one"),
    "area": lazy_gettext("Codes of areas that exist, with commas between"),
    "per_minute": lazy_gettext("A number from 1 to 100,000"),
    "days": lazy_gettext("A number from 1 to 3650, or nothing"),
}

# action -> label of its tick box
ACTION_LABELS = {
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


@bp.get("/keys")
def list_keys() -> Response:
    """List the keys of programs, without their secrets."""
    principal = _require_administrator_of_all()
    return _table(principal) if wants_table() else _page()


def _table(principal: Principal) -> Response:
    """Return the keys as a file, without their secrets."""
    zone = current_app.config["SETTINGS"].timezone
    cells = [
        (
            key.name,
            ", ".join(key.actions),
            ", ".join(key.areas),
            f"{key.created_at.astimezone(zone):%Y-%m-%d}",
            f"{end.astimezone(zone):%Y-%m-%d}" if (end := key.revoked_at or key.expires_at) else "",
        )
        for key in api_keys.list_keys(session(), datetime.now(UTC))
    ]
    header = [_("Program"), _("May"), _("Area"), _("Valid"), ""]
    response = list_table("keys", header, cells)
    record_export(principal, Message("shown.keys", {"count": len(cells)}))
    return response


@bp.post("/keys")
def add_key() -> Response:
    """Create a key.

    Notes
    -----
    Only the answer to this request shows the secret.
    """
    principal = _require_administrator_of_all()
    form: dict[str, Any] = {
        name: request.form.get(name, "").strip() for name in ("name", "area", "per_minute", "days")
    }
    form["action"] = request.form.getlist("action")
    numbers = {  # -1 is refused as what is no number has to be
        name: -1 if (number := params.read_digits(form[name])) is None else number
        for name in ("per_minute", "days")
        if form[name]
    }
    try:
        with audit_context(session(), principal.actor, "key page"):
            key = api_keys.add(
                session(),
                form["name"],
                form["action"],
                [code.strip() for code in form["area"].split(",") if code.strip()],
                datetime.now(UTC),
                **numbers,
            )
            session().commit()
    except InvalidInput as error:
        session().rollback()
        errors = {field.field: str(KEY_FIELD_HINTS[field.field]) for field in error.errors}
        return _page(errors=errors, form=form)
    except Conflict:
        session().rollback()
        return _page(errors={"name": _("There is a key of that name already.")}, form=form)
    return _page(key=key, key_name=form["name"])


@bp.post("/keys/<name>")
def change_key(name: str) -> Response:
    """Rotate or revoke a key, as the pressed button (`do`) says."""
    principal = _require_administrator_of_all()
    now = datetime.now(UTC)
    with audit_context(session(), principal.actor, "key page"):
        if request.form.get("do") == "rotate":
            key = api_keys.rotate(session(), name, now)
            session().commit()
            browser_session.clear_rights_cache()
            return _page(key=key, key_name=name)
        api_keys.revoke(session(), name, now)
        session().commit()
    browser_session.clear_rights_cache()
    flash(_("The key is revoked."))
    return cast(Response, redirect(url_for("keys_page.list_keys"), 303))


def _require_administrator_of_all() -> Principal:
    """Return the principal if it administers every area, since a key may reach any.

    Raises
    ------
    Forbidden
        `key.administrators_only`: the principal administers some areas only.
    """
    principal = guard.require(Action.ACCOUNTS)
    if principal.areas_by_action[Action.ACCOUNTS] is not None:
        raise Forbidden("key.administrators_only")
    return principal


def _page(
    *,
    key: str = "",
    key_name: str = "",
    errors: dict[str, str] | None = None,
    form: dict[str, Any] | None = None,
) -> Response:
    """Return the page; with errors by field, and what was submitted, as status 422.

    Parameters
    ----------
    key
        Secret of a new key, to show once.
    """
    response = render_page(
        "keys/keys.html",
        rows=api_keys.list_keys(session(), datetime.now(UTC)),
        key=key,
        key_name=key_name,
        errors=errors or {},
        form=form or {},
        actions={action: ACTION_LABELS[action] for action in Action if action in KEY_ACTIONS},
        action_labels={str(action): label for action, label in ACTION_LABELS.items()},
        areas=list_upper_areas(session()),
        new="new" in request.args,
        zone=current_app.config["SETTINGS"].timezone,
    )
    response.status_code = 422 if errors else 200
    return response
