"""`/posts`: community workers by community, planned, filled and vacant posts."""

from typing import cast

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask_babel import gettext as _

from gis.db import audit_context
from gis.errors import Forbidden, InvalidInput, NotFound, invalid_field
from gis.messages import Message
from gis.people import plans
from gis.rights.actions import Action
from gis.rights.principal import Principal
from web.http.db import session
from web.http.downloads import list_table, wants_table
from web.http.errors import localised_detail, problem_type
from web.http.params import parse_datetime
from web.pages.shell.page import render_page
from web.security.disclosures import record_export
from web.security.guard import require

bp = Blueprint("posts_page", __name__)


@bp.get("/posts")
def list_posts() -> Response:
    """List communities with their posts of community workers; as .xlsx where asked."""
    by = require(Action.NAMES)
    return _table(by) if wants_table() else _page(by)


@bp.post("/posts/<code>")
def set_plan(code: str) -> Response:
    """Set how many community workers a community is to have; an empty field: no number."""
    by, word = require(Action.POSTS), request.form.get("planned", "").strip()
    try:
        if word and not (word.isdecimal() and len(word) < 5):
            raise invalid_field("planned", "field.not_between", low=0, high=plans.MAX_PLANNED_POSTS)
        with audit_context(session(), by.actor, "posts page"):
            plans.set_plan(session(), by, code, int(word) if word else None, parse_datetime(None))
            session().commit()
    except (InvalidInput, Forbidden, NotFound) as error:
        session().rollback()
        response = _page(by, localised_detail(error))
        response.status_code = problem_type(error)[0]
        return response
    flash(_("It was saved."))
    return cast(Response, redirect(url_for("posts_page.list_posts"), 303))


def _table(by: Principal) -> Response:
    """Return the communities as a file."""
    rows = plans.list_plans(session(), by, parse_datetime(None))
    names = ("Community", "Code", "Planned", "Filled", "Vacant", "Who and grade")
    cells = [
        (
            row.area_name,
            row.area,
            "" if row.planned is None else row.planned,
            row.filled,
            "" if row.vacant is None else row.vacant,
            "、".join(f"{who['name']} {who['grade']}".strip() for who in row.holders),
        )
        for row in rows
    ]
    response = list_table("community-workers", [_(name) for name in names], cells)
    record_export(by, Message("shown.community_workers", {"count": len(cells)}))
    return response


def _page(by: Principal, problem: str = "") -> Response:
    rows = plans.list_plans(session(), by, parse_datetime(None))
    counted = [row for row in rows if row.planned is not None]
    return render_page(
        "posts/posts.html",
        rows=rows,
        planned=sum(row.planned or 0 for row in counted),
        filled=sum(row.filled for row in counted),
        vacant=sum(row.vacant or 0 for row in counted),
        may_change=by.is_allowed(Action.POSTS),
        problem=problem,
    )
