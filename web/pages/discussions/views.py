"""`/discussions`: proposals to residents, votes by slip, results; they need no script."""

from collections.abc import Callable
from typing import Any, cast

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask_babel import gettext as _

from gis.areas.offered_areas import list_subtree
from gis.db import audit_context
from gis.discussions import actions, queries
from gis.discussions.models import CHOICES
from gis.errors import Conflict, Forbidden, InvalidInput, NotFound, WanggeError
from gis.messages import Message, label
from gis.rights.actions import Action
from gis.rights.principal import Principal
from web.http import i18n
from web.http.db import session
from web.http.downloads import list_table, wants_table
from web.http.errors import localised_detail, problem_type
from web.http.params import local_zone, parse_datetime, parse_end
from web.pages.shell.page import render_page
from web.security.disclosures import record_export
from web.security.guard import require
from web.security.readers import storable_id
from web.security.session import principal

bp = Blueprint("discussions_page", __name__)

PROPOSAL_FIELDS = ("area", "title", "proposal", "opens_at", "closes_at", "quorum")
DEFAULT_QUORUM = "50"


@bp.get("/discussions")
def list_discussions() -> Response:
    """List the proposals, for everybody; as .xlsx where asked, for who may export."""
    by, now = principal(), parse_datetime(None)
    if not wants_table():
        return _list_page(by)
    by = require(Action.EXPORT)
    rows = queries.list_discussions(session(), by, now, request.args.get("area", "").strip())
    language, zone = i18n.chosen(), local_zone()
    names = ("Area code", "Area", "Title", "Ends", "State", "Homes", "Voted", "For", "Against")
    cells = [
        (
            row.area,
            row.area_name,
            row.title,
            f"{row.closes_at.astimezone(zone):%Y-%m-%d %H:%M}",
            label(f"discussion_state.{row.state}", language),
            row.slips,
            row.votes,
            *((row.counts or {}).get(choice) for choice in CHOICES),
            label(f"discussion_outcome.{row.outcome}", language) if row.outcome else "",
            row.conclusion,
        )
        for row in rows
    ]
    header = [*(_(name) for name in names), _("Abstentions"), _("Result"), _("What becomes of it")]
    response = list_table("discussions", header, cells)
    record_export(by, Message("shown.discussions", {"count": len(cells)}))
    return response


@bp.post("/discussions")
def propose() -> Response:
    """Put a proposal, or show the page with what is wrong."""
    by, form = require(Action.DISPATCH), request.form
    fields = {name: form.get(name, "").strip() for name in PROPOSAL_FIELDS}
    try:
        if not fields["quorum"].isdecimal() or len(fields["quorum"]) > 3:
            fields["quorum"] = "-1"  # refused with what is right
        stated = actions.Proposal(
            fields["area"],
            fields["title"],
            fields["proposal"],
            parse_end(fields["closes_at"], "closes_at") or parse_datetime(None),
            parse_datetime(fields["opens_at"], "opens_at") if fields["opens_at"] else None,
            int(fields["quorum"]),
        )
        with audit_context(session(), by.actor, "proposal"):
            number = actions.propose(session(), by, stated, parse_datetime(None))
            session().commit()
    except (InvalidInput, Forbidden) as error:
        session().rollback()
        response = _list_page(by, localised_detail(error))
        response.status_code = problem_type(error)[0]
        return response
    flash(_("The proposal is there. Now draw the slips, print them and hand one to each home."))
    return _to(number)


@bp.get("/discussions/<int:discussion_id>")
def show(discussion_id: int) -> Response:
    """Show a proposal with what its reader may do."""
    return _page(principal(), storable_id(discussion_id))


@bp.post("/discussions/<int:discussion_id>/vote")
def vote(discussion_id: int) -> Response:
    """Cast the vote of a slip, whoever holds it."""
    number, form = storable_id(discussion_id), request.form
    code, choice = form.get("code", "")[:60], form.get("choice", "")

    def write() -> None:
        actions.cast(session(), number, code, choice, parse_datetime(None))
        session().commit()

    return _done(principal(), number, write, _("Your vote counts. It is final."))


@bp.post("/discussions/<int:discussion_id>/slips")
def draw_slips(discussion_id: int) -> Response:
    """Draw the slips and show them to be printed, this once."""
    by, number, now = require(Action.DISPATCH), storable_id(discussion_id), parse_datetime(None)
    try:
        with audit_context(session(), by.actor, "slips"):
            codes = actions.draw_slips(session(), by, number, now, base=_draws())
            session().commit()
    except (InvalidInput, Forbidden, NotFound, Conflict) as error:
        return _refused(by, number, error)
    row = queries.get_discussion(session(), by, number, now)
    address = url_for("discussions_page.show", discussion_id=number, _external=True)
    return render_page(
        "discussions/slips.html",
        row=row,
        codes=codes,
        address=address,
        **_labels(i18n.chosen()),
    )


@bp.post("/discussions/<int:discussion_id>")
def change(discussion_id: int) -> Response:
    """Withdraw or conclude a proposal, as the pressed button (`do`) says."""
    by, number, form = require(Action.DISPATCH), storable_id(discussion_id), request.form

    def write() -> None:
        now = parse_datetime(None)
        with audit_context(session(), by.actor, "proposal"):
            if form.get("do") == "withdraw":
                actions.withdraw(session(), by, number, form.get("reason", ""), now)
            else:
                actions.conclude(session(), by, number, form.get("conclusion", ""), now)
            session().commit()

    return _done(by, number, write, _("It was saved."))


def _draws() -> int:
    """Return how often slips were drawn as the page showed it; -1, which none has, for nonsense."""
    try:
        return int(request.form.get("draws", "0"))
    except ValueError:
        return -1


def _done(by: Principal, number: int, write: Callable[[], None], done: str) -> Response:
    """Do a write and lead back, or show the page with what is wrong."""
    try:
        write()
    except (InvalidInput, Forbidden, NotFound, Conflict) as error:
        return _refused(by, number, error)
    flash(done)
    return _to(number)


def _refused(by: Principal, number: int, error: WanggeError) -> Response:
    session().rollback()
    response = _page(by, number, localised_detail(error))
    response.status_code = problem_type(error)[0]
    return response


def _to(number: int) -> Response:
    address = url_for("discussions_page.show", discussion_id=number)
    return cast(Response, redirect(address, 303))


def _list_page(by: Principal, problem: str = "") -> Response:
    area, language = request.args.get("area", "").strip(), i18n.chosen()
    rows = list[queries.DiscussionView]()
    try:
        rows = queries.list_discussions(session(), by, parse_datetime(None), area)
    except InvalidInput as error:
        problem = problem or localised_detail(error)
    response = render_page(
        "discussions/discussions.html",
        rows=rows,
        area=area,
        problem=problem,
        form=request.form,
        areas=list_subtree(session(), by.areas_by_action.get(Action.DISPATCH) or ()),
        may_propose=by.is_allowed(Action.DISPATCH),
        may_export=by.is_allowed(Action.EXPORT),
        limits=actions,
        default_quorum=DEFAULT_QUORUM,
        most=queries.MAX_LISTED_DISCUSSIONS,
        **_labels(language),
    )
    response.status_code = 422 if problem else 200
    return response


def _page(by: Principal, number: int, problem: str = "") -> Response:
    row = queries.get_discussion(session(), by, number, parse_datetime(None))
    return render_page(
        "discussions/discussion.html",
        row=row,
        problem=problem,
        form=request.form,
        limits=actions,
        **_labels(i18n.chosen()),
    )


def _labels(language: str) -> dict[str, Any]:
    return {
        "states": {
            each: label(f"discussion_state.{each}", language) for each in queries.DISCUSSION_STATES
        },
        "choices": {each: label(f"discussion_choice.{each}", language) for each in CHOICES},
        "outcomes": {
            each: label(f"discussion_outcome.{each}", language)
            for each in queries.OUTCOMES_OF_VOTES
        },
        "zone": local_zone(),
    }
