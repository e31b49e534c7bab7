"""The reporter's pages: `/report`, a form in four taps, and `/track`, where a report stands and who holds it."""

from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _

from gis.incidents import photo_files, photos
from gis.incidents.catalogue import danger, editions
from gis.incidents.lifecycle.moves import MAX_DESCRIPTION_CHARS
from gis.incidents.states import STATES
from gis.rights.access import ACCESS_ROLES as ACCESS
from gis.rights.roles import ROLES
from layers.facilities import FACILITIES
from layers.folium_map import PageParts, live_map, vector_tiles
from layers.overview import Overview, overview
from layers.registry import MAP_LAYERS
from web.http import i18n, params
from web.http.db import session
from web.pages.map.views import asset_digest, map_centre
from web.pages.shell.page import render_page
from web.security.csrf import csrf_token

bp = Blueprint("report", __name__)

COMMON = ("06010", "09009", "06028")  # offered before a word is written
# the loop as a reporter needs it: which states make one step
STEPS = (
    ("reported",), ("accepted", "returned"), ("dispatched",), ("taken", "suspended"), ("handled", "checked"), ("closed",),
)  # fmt: skip


@bp.get("/report")
def report() -> Response:
    """The form; `p=lon,lat` is the place to begin with, as the map's own address has it."""
    figures = overview(session(), params.parse_datetime(None))
    edition = editions.active_edition(session())
    offered = [one for one in edition.categories.values() if one.public]
    data = {
        "csrf": csrf_token(),
        "words": report_words(),
        "bbox": figures.bbox,
        "categories": [
            {"code": one.code, "zh": one.zh, "en": one.en, "major_zh": one.major_zh, "major_en": one.major_en,
             "words": list(one.words)} for one in offered
        ],
        "common": [code for code in COMMON if any(one.code == code for one in offered)],
        "most_photos": photos.MAX_PHOTOS_PER_EVENT,
        "longest_side": photo_files.LONGEST_SIDE,
        "track": url_for("report.mine"),
    }  # fmt: skip
    return render_page(
        "report.html", script="report.js", data=data, parts=base_map(figures), figures=figures, longest=MAX_DESCRIPTION_CHARS,
        most=photos.MAX_PHOTOS_PER_EVENT, numbers=danger.numbers(session()),
    )  # fmt: skip


@bp.get("/track")
def mine() -> Response:
    """My reports, as this browser remembers them; the server does not know which they are."""
    return tracking(None)


@bp.get("/track/<uuid:incident_id>")
def track(incident_id: UUID) -> Response:
    """Where one report stands. Its secret is in the address's fragment, which browsers keep to themselves."""
    return tracking(incident_id)


def tracking(incident_id: UUID | None) -> Response:
    """The tracking page; the same for every number, whether there is such an incident or not."""
    named = {role.zh: role.en for role in ROLES} | {zh: en for zh, en, _may in ACCESS.values()} | SPEAKER_BY_ROLE
    data = {
        "csrf": csrf_token(),
        "words": track_words(),
        "id": None if incident_id is None else str(incident_id),
        "roles": named,
        "states": {state.value: {"zh": zh, "en": en} for state, (zh, en) in STATES.items()},
        "steps": [list(step) for step in STEPS],
        "step_words": [_("Filed"), _("Accepted"), _("Sent on"), _("In hand"), _("Done"), _("Closed")],
        "track": url_for("report.mine"),
        "report": url_for("report.report"),
        "most_photos": photos.MAX_PHOTOS_PER_EVENT,
        "longest_side": photo_files.LONGEST_SIDE,
    }
    response = render_page(
        "track.html", script="track.js", data=data, longest=MAX_DESCRIPTION_CHARS, one=incident_id is not None
    )
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


# others who appear in a timeline, as gis/incidents/reading/incidents.py calls them
SPEAKER_BY_ROLE = {"居民": "resident", "上报人": "reporter", "程序": "program", "系统": "system"}


def base_map(figures: Overview) -> PageParts:
    """The map under the pin: the areas, without facilities."""
    shown = [layer.name for layer in MAP_LAYERS if layer.choice and layer.shown and layer.name != "facilities"]
    root = url_for("map.index").rstrip("/")
    given = request.args.get("p", "").split(",")
    at = map_centre(figures)
    if len(given) == 2:
        at = params.parse_float(given[0], "p"), params.parse_float(given[1], "p")
    return live_map(
        static=url_for("static", filename="").rstrip("/"), release=asset_digest(), centre=at,
        zoom=16 if figures.bbox else 5,
        layer=vector_tiles(root + "/tiles", figures.version, i18n.chosen(), shown, list(FACILITIES.styles)),
    )  # fmt: skip


def danger_words() -> dict[str, str]:
    """What is on screen as soon as words tell of danger."""
    return {
        "danger_title": _("This sounds like danger: {danger}. Call first:"),
        "danger_call": _("Call {number}"),
        "danger_next": _(
            "Then send it here too: the grid leader, the community and the command centre are told at once."
        ),
    }


def report_words() -> dict[str, str]:
    """What report.js puts on screen."""
    return {
        **danger_words(),
        "offline": _("No connection. What you wrote is kept on this phone."),
        "error": _("This did not work"),
        "retry": _("Try again"),
        "photo_remove": _("Remove photo {n}"),
        "photo_alt": _("Photo {n}"),
        "photo_bad": _("“{name}” cannot be read as a photo. Use JPEG, PNG or WebP."),
        "photo_refused": _("Photo {n} was not accepted. Remove it or take it again."),
        "photo_most": _("At most {n} photos."),
        "photo_working": _("Preparing the photo…"),
        "gps_working": _("Looking for your position…"),
        "gps_found": _("Your position, accurate to about {n} m."),
        "gps_rough": _("Rough position only, accurate to about {n} m. Move the map until the pin is right."),
        "gps_denied": _("The browser may not use your position. Move the map until the pin is right."),
        "gps_failed": _("No position could be found. Move the map until the pin is right."),
        "place_set": _("The place is where the pin stands."),
        "place_looking": _("Looking up whose patch this is…"),
        "place_whose": _("{area} answers for this place"),
        "place_role": _("First to go: {role}"),
        "place_nobody": _("Nobody is on duty here just now; once it is sent you are told who has it."),
        "place_outside": _("No grid here. Move the pin to where it happened."),
        "place_nearest": _("The nearest grid, {name}, is {n} m away."),
        "nearest_go": _("Move the pin there"),
        "chips_words": _("Suggested from your words"),
        "chips_common": _("Often reported"),
        "chips_why": _("because of “{words}”"),
        "no_category": _("No kind fits “{q}”. Try another word, or only describe it above."),
        "near_some": _("{n} of the same kind within 50 m in the last 7 days"),
        "near_next": _("If it is the same matter it will be linked; you can report it all the same."),
        "near_open": _("look"),
        "metres": _("{n} m away"),
        "needs": _("Still needed: {what}"),
        "needs_place": _("the place"),
        "needs_category": _("the kind or a few words"),
        "ready": _("Ready to send"),
        "sending": _("Sending… {n} %"),
        "waiting": _("Sent; waiting for the answer…"),
        "unanswered": _(
            "No answer came. It may have arrived; trying again never files it twice. Everything is kept here."
        ),
        "refused": _("Not accepted: {why}"),
        "busy": _("Too many reports just now. Try again in a minute."),
        "send": _("Send the report"),
        "discard": _("Give this report up"),
        "discard_sure": _("Give up? It may have arrived already; look it up by telephone before you report it again."),
    }


def track_words() -> dict[str, str]:
    """What track.js puts on screen."""
    return {
        **danger_words(),
        "offline": _("No connection. This is the state last seen."),
        "offline_first": _("No connection. Nothing has been seen of this report yet."),
        "error": _("This did not work"),
        "retry": _("Try again"),
        "unknown": _("There is no such report, or the code is not its own"),
        "unknown_next": _("Check the link or the code you were given when you reported."),
        "number": _("Report number"),
        "reported_on": _("Reported {time}"),
        "holds": _("Held by"),
        "holds_none": _("Somebody is being looked for"),
        "since": _("since {time}"),
        "limit": _("Next step due {time}"),
        "limit_green": _("in time"),
        "limit_amber": _("nearly due"),
        "limit_red": _("overdue"),
        "supervised": _("Supervised from above"),
        "is_suspended": _("The clock is stopped until it can go on."),
        "is_void": _("It was made void."),
        "is_returned": _("It is being passed on to the right person."),
        "timeline": _("What happened"),
        "to": _("to {role}"),
        "photo_alt": _("Photo {n}"),
        "photo_gone": _("A photo cannot be shown"),
        "photo_open": _("Open photo {n}"),
        "photo_bad": _("“{name}” cannot be read as a photo. Use JPEG, PNG or WebP."),
        "photo_most": _("At most {n} photos."),
        "close": _("Close"),
        "rate_title": _("Are you satisfied?"),
        "rate_solved": _("Is it solved?"),
        "yes": _("Yes, solved"),
        "no": _("No, not yet"),
        "star1": _("very unhappy"),
        "star2": _("unhappy"),
        "star3": _("so so"),
        "star4": _("satisfied"),
        "star5": _("very satisfied"),
        "rate_words": _("Anything to add? (optional)"),
        "rate_send": _("Send the rating"),
        "rate_needs": _("Choose one to five, and whether it is solved."),
        "rated": _("Your rating: {n} of 5, {word}"),
        "rated_solved": _("solved"),
        "rated_unsolved": _("not solved"),
        "rate_again": _("Change the rating"),
        "reopen_title": _("Not solved? Have it taken up again"),
        "reopen_words": _("What is still wrong?"),
        "reopen_send": _("Take it up again"),
        "note_title": _("Add something"),
        "note_words": _("What should they know?"),
        "note_send": _("Send the note"),
        "note_photo": _("Add a photo"),
        "words_needed": _("Write a few words."),
        "sending": _("Sending…"),
        "sent": _("Sent. Thank you."),
        "changed": _("It has moved on in the meantime. Look again and send once more."),
        "unanswered": _("No answer came. What you wrote is kept; try again."),
        "near": _("{n} of the same kind had been reported nearby within 7 days; the community looks at them together."),
        "copy": _("Copy the link"),
        "copied": _("Copied"),
        "copy_by_hand": _("Copy the address of this page from the address bar."),
        "mine": _("My reports on this device"),
        "mine_none": _("No reports are remembered on this device."),
        "mine_next": _("Report something, or open the link you were given."),
        "mine_note": _(
            "Only this browser knows them. Whoever uses this device can read them; forget them on a shared one."
        ),
        "forget": _("Forget"),
        "forget_one": _("Forget “{name}”"),
        "forget_all": _("Forget all"),
        "forget_sure": _("Forget all reports on this device? Without their links they cannot be looked up again."),
        "forget_this": _("Forget this report? Without its link it cannot be looked up again."),
        "report": _("Report something"),
        "updated": _("Looked up {time}"),
    }
