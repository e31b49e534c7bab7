"""The reporter's pages: `/report`, a form in four taps, and `/track`, the state of a report."""

from uuid import UUID

from flask import Blueprint, Response, url_for
from flask_babel import lazy_gettext

from gis.files import photo_files, photos
from gis.incidents.catalogue import danger, editions
from gis.incidents.lifecycle.intake import MAX_DESCRIPTION_CHARS
from gis.incidents.states import State
from gis.incidents.workflow import workflow
from gis.rights.actions import ACCESS_ROLES
from gis.rights.roles import ROLE_BY_KEY, role_label
from web.http.db import session
from web.pages.shell.base_map import base_map
from web.pages.shell.opening import opening
from web.pages.shell.page import render_page
from web.security.csrf import csrf_token

bp = Blueprint("report", __name__)

COMMON_CATEGORIES = ("06010", "09009", "06028")  # offered before anything is typed
# what the reporter is told beside a state
STATE_NOTES = {
    State.SUSPENDED: lazy_gettext("The clock is stopped until it can go on."),
    State.VOID: lazy_gettext("It was made void."),
    State.RETURNED: lazy_gettext("It is being passed on to the right person."),
}
# label of each `step` of gis.incidents.states.STATES
STEP_LABELS = (
    lazy_gettext("Filed"),
    lazy_gettext("Accepted"),
    lazy_gettext("Sent on"),
    lazy_gettext("In hand"),
    lazy_gettext("Done"),
    lazy_gettext("Closed"),
)
# others who appear in a timeline, as gis/incidents/reading/incidents.py calls them
SPEAKER_BY_ROLE = {"居民": "resident", "上报人": "reporter", "程序": "program", "系统": "system"}


@bp.get("/report")
def report() -> Response:
    """Show the form; `p=lon,lat` in the address is the centre of its map."""
    figures = opening()
    edition = editions.active_edition(session())
    offered = [category for category in edition.categories.values() if category.public]
    data = {
        "csrf": csrf_token(),
        "bbox": figures.bbox,
        "categories": [
            {
                "code": category.code,
                "zh": category.zh,
                "en": category.en,
                "major_zh": category.major_zh,
                "major_en": category.major_en,
                "words": list(category.words),
            }
            for category in offered
        ],
        "common": [
            code for code in COMMON_CATEGORIES if any(category.code == code for category in offered)
        ],
        "most_photos": photos.MAX_PHOTOS,
        "longest_side": photo_files.LONGEST_SIDE,
        "track": url_for("report.mine"),
    }
    return render_page(
        "report/report.html",
        script="report/report.js",
        data=data,
        parts=base_map(figures),
        figures=figures,
        max_description_chars=MAX_DESCRIPTION_CHARS,
        max_photos=photos.MAX_PHOTOS,
        numbers=danger.numbers(session()),
    )


@bp.get("/track")
def mine() -> Response:
    """Show the reports that this browser remembers; the server does not know them."""
    return _tracking_page(None)


@bp.get("/track/<uuid:incident_id>")
def track(incident_id: UUID) -> Response:
    """Show the state of a report.

    Notes
    -----
    Its secret stands in the fragment of the address, which browsers do not send.
    """
    return _tracking_page(incident_id)


def _tracking_page(incident_id: UUID | None) -> Response:
    """Return the tracking page, the same whether the incident exists or not."""
    role_names = {
        role_label(key, "zh"): role_label(key) for key in (*ROLE_BY_KEY, *ACCESS_ROLES)
    } | SPEAKER_BY_ROLE
    data = {
        "csrf": csrf_token(),
        "id": None if incident_id is None else str(incident_id),
        "roles": role_names,
        "workflow": workflow(),
        "state_notes": {state.value: str(note) for state, note in STATE_NOTES.items()},
        "steps": [str(label) for label in STEP_LABELS],
        "track": url_for("report.mine"),
        "report": url_for("report.report"),
        "most_photos": photos.MAX_PHOTOS,
        "longest_side": photo_files.LONGEST_SIDE,
    }
    response = render_page(
        "report/track.html",
        script="report/track.js",
        data=data,
        single=incident_id is not None,
    )
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
