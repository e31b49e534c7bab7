"""`/work`: the grid worker's page on a phone: my matters by urgency, a map of my patch, take, handle, return."""

from typing import Any

from flask import Blueprint, Response, url_for
from flask_babel import gettext as _
from sqlalchemy import text

from gis.incidents import photo_files, photos
from gis.incidents.states import STATES, TRANSITIONS
from gis.rights.access import Action, Principal
from layers.overview import overview
from web.http import params
from web.http.db import session
from web.pages.report.views import base_map
from web.pages.shell.page import render_page
from web.security.guard import raise_sign_in_required, require
from web.security.session import principal

bp = Blueprint("work", __name__)


@bp.get("/work")
def work() -> Response:
    """The page; what it shows it asks the API for. `incident` is the one to open."""
    by = require_worker(Action.HANDLE)
    figures = overview(session(), params.parse_datetime(None))
    data = shared() | {"words": words() | work_words(), "me": by.who, "patches": handled_areas(by)}
    return render_page("work.html", script="work.js", data=data, parts=base_map(figures), figures=figures)


def require_worker(action: Action) -> Principal:
    """Who asks, signed in and allowed.

    Raises:
        SignInNeeded, Forbidden: Nobody, or somebody who may not.
    """
    if principal().kind == "anonymous":
        raise_sign_in_required()
    return require(action)


def handled_areas(by: Principal) -> list[dict[str, str]]:
    """The areas where the asker handles matters, smallest first."""
    areas = by.may_in.get(Action.HANDLE) or frozenset()
    query = text(
        "SELECT code, name, level FROM area WHERE id = ANY(:areas) AND (retired_at IS NULL OR retired_at > now())"
        " ORDER BY array_position(ARRAY['unit', 'grid', 'community', 'street', 'county'], level), code LIMIT 20"
    )
    return [dict(row) for row in session().execute(query, {"areas": sorted(areas)}).mappings()]


def shared() -> dict[str, Any]:
    """The tables of states and moves, for incident.js."""
    return {
        "states": {state.value: words for state, words in STATES.items()},
        "moves": {name: [move.zh, move.en, move.words] for name, move in TRANSITIONS.items()},
        "most_photos": photos.MAX_PHOTOS_PER_EVENT,
        "longest_side": photo_files.LONGEST_SIDE,
        "sign_in": url_for("account.sign_in"),
        "work": url_for("work.work"),
    }


def words() -> dict[str, str]:
    """What incident.js puts on screen."""
    return {
        "offline": _("No connection"),
        "error": _("This did not work"),
        "colour_red": _("Overdue"),
        "colour_amber": _("Nearly due"),
        "colour_green": _("In time"),
        "colour_none": _("No clock runs"),
        "minutes": _("{n} min"),
        "hours": _("{h} h"),
        "hours_minutes": _("{h} h {n} min"),
        "left": _("{time} left"),
        "late": _("{time} overdue"),
        "due_at": _("Due {time}; only working time counts"),
        "clock_stopped": _("Clock stopped"),
        "no_clock": _("No clock runs"),
        "supervised": _("Supervised"),
        "asks_suspend": _("Asks to suspend"),
        "asks_extend": _("Asks for more time"),
        "asks_limit": _("Asks for another time limit"),
        "asks_void": _("Asks to make void"),
        "no_approver": _(
            "A request needs a second person, and no other account can approve here. Ask the administrator for another"
            " account that dispatches in this area (for example of the street), or work on without the request."
        ),
        "order": _("Order"),
        "severity_high": _("Serious"),
        "severity_urgent": _("Urgent"),
        "is_child": _("Linked"),
        "has_children": _("{n} linked"),
        "photo": _("Photo {n}"),
        "add_photo": _("Add photos"),
        "words": _("What is there to say"),
        "words_optional": _("What is there to say (optional)"),
        "say_why": _("Say it in a few words: who comes after you reads this."),
        "say_minutes": _("Give the working minutes as a whole number, at least 1."),
        "working_minutes": _("Working minutes"),
        "cancel": _("Cancel"),
        "close": _("Close"),
        "retry": _("Try again"),
        "nothing_to_do": _("Nothing for you to do here just now."),
        "return_not_mine": _("Not in my patch"),
        "return_not_found": _("Nothing found on the spot"),
        "return_kind": _("Another department's matter"),
        "return_twice": _("Reported twice"),
        "handle_done": _("Done on the spot"),
        "handle_told": _("Talked to those concerned, put right"),
        "handle_cleared": _("Cleared away"),
        "back_not_done": _("Not solved yet"),
        "back_no_photo": _("A photo afterwards is missing"),
        "void_nothing": _("Nothing found on the spot"),
        "void_twice": _("Reported twice"),
        "conflict": _("Somebody was faster: {why}"),
        "refused": _("Not accepted: {why}"),
        "navigate": _("Navigate there"),
        "timeline": _("What happened"),
        "why": _("Why it came here"),
        "reported": _("Reported"),
        "number": _("Number"),
        "holds": _("Held by"),
        "nobody": _("nobody yet"),
        "kind": _("Kind"),
        "where": _("Where"),
        "contact": _("How to reach who reported"),
        "no_contact": _("Nothing was left"),
        "metres": _("{n} m"),
        "kilometres": _("{n} km"),
    }


def work_words() -> dict[str, str]:
    """What work.js puts on screen besides."""
    return {
        "tab_new": _("To take"),
        "tab_doing": _("In hand"),
        "tab_done": _("Done"),
        "empty_new": _("Nothing to take. New matters appear here by themselves."),
        "empty_doing": _("Nothing in hand."),
        "empty_done": _("Nothing done in the last 30 days."),
        "waiting": _("Waits for a connection: {move}"),
        "waiting_some": _("{n} moves wait for a connection and are sent by themselves"),
        "sent": _("Sent: {move}"),
        "sign_in_again": _("Your session has ended. Sign in again: what you wrote is kept and sent then."),
        "stale": _("No connection. This is the list last seen."),
        "gone": _("This matter is no longer yours to see."),
        "distance": _("{d} from here"),
    }
