"""`/kinds`: the administrator's page for kinds of roles, facilities, services and the like."""

from typing import Any, cast

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask_babel import gettext as _

from gis.areas.hierarchy import areas
from gis.areas.models import Level
from gis.areas.offered_areas import MAX_OFFERED_AREAS
from gis.db import audit_context
from gis.errors import Conflict, InvalidInput, invalid_field
from gis.incidents import kind_edits
from gis.kinds import KIND_SUBJECTS, list_kinds
from gis.messages import label
from gis.rights.actions import Action
from web.http import i18n
from web.http.db import session
from web.http.downloads import list_table, wants_table
from web.http.errors import localised_detail
from web.http.params import parse_datetime
from web.pages.shell.page import render_page
from web.security.guard import require
from web.security.readers import storable_id

bp = Blueprint("kinds_page", __name__)

KIND_FIELDS = ("subject", "parent", "zh", "en", "county")
# button -> whether the kind is in use after it
ACTIVE_BY_BUTTON = {"retire": False, "restore": True}


@bp.get("/kinds")
def kinds() -> Response:
    """List the kinds that people added; the subject stands in the address; as .xlsx where asked."""
    require(Action.ACCOUNTS)
    return _table() if wants_table() else _page()


def _table() -> Response:
    """Return the kinds of all subjects as a file."""
    language = i18n.chosen()
    roots = {
        (subject, root.key): root.zh if language == "zh" else root.en
        for subject, of_subject in kind_edits.list_roots(session()).items()
        for root in of_subject
    }
    names = ("Kind", "Name", "Name in English", "Refines", "County", "retired")
    cells = [
        (
            label(f"kind_subject.{row.subject}", language),
            row.zh,
            row.en,
            roots.get((row.subject, row.parent), row.parent),
            row.county,
            "" if row.active else _("retired"),
        )
        for row in list_kinds(session())
    ]
    return list_table("kinds", [_(name) for name in names], cells)


@bp.post("/kinds")
def add_kind() -> Response:
    """Add a kind."""
    by = require(Action.ACCOUNTS)
    form: dict[str, Any] = {name: request.form.get(name, "").strip() for name in KIND_FIELDS}
    try:
        targets = _targets()
        with audit_context(session(), by.actor, "kinds page"):
            kind_edits.add_kind(
                session(),
                by,
                kind_edits.KindInput(
                    shared=True if request.form.get("shared") else None,
                    targets=kind_edits.Targets(
                        **{name: targets.get(name) for name in kind_edits.Targets._fields}
                    ),
                    **form | {"county": form["county"] or None},
                ),
            )
            session().commit()
    except (InvalidInput, Conflict) as error:
        session().rollback()
        return _page(problem=localised_detail(error), form=form)
    flash(_("The kind was added."))
    return _back(form["subject"])


@bp.post("/kinds/<int:kind_id>")
def change_kind(kind_id: int) -> Response:
    """Rename, retire or restore a kind, as the pressed button (`do`) says."""
    by, button, number = require(Action.ACCOUNTS), request.form.get("do"), storable_id(kind_id)
    try:
        changes: dict[str, Any] = (
            {"active": ACTIVE_BY_BUTTON[button]}
            if button in ACTIVE_BY_BUTTON
            else {name: request.form.get(name, "") for name in ("zh", "en")}
            | {"targets": _targets()}
        )
        with audit_context(session(), by.actor, "kinds page"):
            row = kind_edits.change_kind(session(), by, number, **changes)
            session().commit()
    except (InvalidInput, Conflict) as error:
        session().rollback()
        return _page(problem=localised_detail(error), changed=number)
    flash(_("The kind was changed."))
    return _back(row.subject)


def _targets() -> dict[str, int | None]:
    """Return the targets of a form that has them; an empty field asks nothing.

    Raises
    ------
    InvalidInput
        One is no number.
    """
    targets: dict[str, int | None] = {}
    for name in kind_edits.Targets._fields:
        word = request.form.get(name, "").strip()
        if word and not (word.isdecimal() and len(word) < 5):
            raise invalid_field(name, "kind.target_wrong", limit=kind_edits.MAX_TARGET)
        if name in request.form:
            targets[name] = int(word) if word else None
    return targets


def _back(subject: str) -> Response:
    return cast(Response, redirect(url_for("kinds_page.kinds", subject=subject), 303))


def _page(
    *, problem: str = "", form: dict[str, str] | None = None, changed: int | None = None
) -> Response:
    """Return the page; with what is wrong, as status 422.

    Parameters
    ----------
    changed
        Id of the kind whose change was refused.
    """
    rows, roots = list_kinds(session()), kind_edits.list_roots(session())
    asked = request.args.get("subject") or (form or {}).get("subject", "")
    subject = next((row.subject for row in rows if row.id == changed), asked)
    subject = subject if subject in KIND_SUBJECTS else KIND_SUBJECTS[0]
    language = i18n.chosen()
    counties = areas(session(), parse_datetime(None), level=Level.COUNTY, limit=MAX_OFFERED_AREAS)
    response = render_page(
        "kinds/kinds.html",
        subjects={key: label(f"kind_subject.{key}", language) for key in KIND_SUBJECTS},
        subject=subject,
        rows=[row for row in rows if row.subject == subject],
        roots={root.key: root.zh if language == "zh" else root.en for root in roots[subject]},
        counties=[(county.code, county.name) for county in counties],
        problem=problem,
        form=form or {},
        changed=changed,
        new="new" in request.args,
    )
    response.status_code = 422 if problem else 200
    return response
