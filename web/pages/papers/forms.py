"""`/papers/forms`: forms of offices: sent, mapped, filled in, deleted."""

from typing import cast

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask_babel import gettext

from gis.errors import Conflict, Forbidden, InvalidInput, TooLarge, WanggeError
from gis.messages import Message
from gis.papers import templates
from gis.papers.data import paper_label
from gis.papers.files import file_name
from gis.papers.fill import require_file
from gis.papers.template_names import EMPTY, ROW_PREFIX
from gis.rights.actions import Action
from gis.rights.principal import Principal
from web.http import i18n
from web.http.db import session
from web.http.downloads import attachment
from web.http.errors import localised_detail
from web.http.uploads import uploaded_file
from web.pages.papers.paper_page import papers_page
from web.pages.papers.query import PaperQuery, parse_query
from web.pages.shell.page import render_page
from web.security.disclosures import record_export
from web.security.guard import require

bp = Blueprint("paper_forms", __name__)


@bp.post("/papers/forms")
def add() -> Response:
    """Keep a form, and lead to its fields; or show the page with what is wrong."""
    by, form = require(Action.FIGURES), request.form
    area, paper = form.get("area", ""), form.get("paper", "")
    try:
        with uploaded_file("input.file_missing") as sent:
            kept = templates.add_template(
                session(),
                by,
                area,
                paper,
                form.get("name", ""),
                (sent.name, sent.path.read_bytes()),
            )
    except (InvalidInput, TooLarge, Conflict, Forbidden) as error:
        session().rollback()
        return papers_page(by, PaperQuery(paper, area, parse_query().period, ""), error)
    session().commit()
    return cast(Response, redirect(url_for("paper_forms.fields", form_id=kept.id), 303))


@bp.get("/papers/forms/<int:form_id>")
def fields(form_id: int) -> Response:
    """Show what each field of a form means, to be chosen."""
    return _fields_page(require(Action.FIGURES), form_id)


def _fields_page(by: Principal, form_id: int, error: WanggeError | None = None) -> Response:
    language = i18n.chosen()
    kept = templates.get_template(session(), by, form_id)
    response = render_page(
        "papers/form.html",
        form=kept,
        paper=paper_label(kept.paper, language),
        choices={
            name: templates.choices(kept.paper, language, row=name.startswith(ROW_PREFIX))
            for name in kept.fields
        },
        empty=EMPTY,
        error=localised_detail(error) if error else "",
    )
    response.status_code = 422 if error else 200
    return response


@bp.post("/papers/forms/<int:form_id>")
def change(form_id: int) -> Response:
    """Write down what the fields of a form mean, or delete it."""
    by = require(Action.FIGURES)
    kept = templates.get_template(session(), by, form_id)
    back = url_for("papers.papers", paper=kept.paper, area=kept.area)
    try:
        if request.form.get("do") == "delete":
            templates.delete_template(session(), by, form_id)
            flash(gettext("The form “%(name)s” is deleted.", name=kept.name))
        else:
            submitted = {name: request.form.get(f"field.{name}", "") for name in kept.fields}
            chosen = {name: key for name, key in submitted.items() if key}
            templates.map_fields(session(), by, form_id, chosen)
            flash(gettext("The fields of “%(name)s” are kept.", name=kept.name))
    except (InvalidInput, Forbidden) as error:
        session().rollback()
        return _fields_page(by, form_id, error)
    session().commit()
    return cast(Response, redirect(back, 303))


@bp.get("/papers/forms/<int:form_id>/file")
def filled(form_id: int) -> Response:
    """Send a form filled in with a paper; who took it is written down."""
    by, query = require(Action.FIGURES), parse_query()
    data = query.fill(by)
    require_file(by, data)
    ending, content = templates.fill_template(session(), by, form_id, data)
    response = attachment(file_name(data, ending), content)
    record_export(
        by,
        Message("shown.paper_form", {"file": file_name(data, ending), "form": str(form_id)}),
        query.area,
    )
    return response
