"""The reporter's pages: `/report`, a form in four taps, and `/track`, where a report stands and who
holds it.
"""

from uuid import UUID

from flask import Blueprint, Response, url_for

from gis.incidents import photo_files, photos
from gis.incidents.catalogue import danger, editions
from gis.incidents.lifecycle.intake import MAX_DESCRIPTION_CHARS
from gis.incidents.states import STATES, TRACKING_STEPS, state_labels
from gis.rights.actions import ACCESS_ROLES
from gis.rights.roles import ROLE_BY_KEY, role_label
from layers.overview import overview
from web.http import params
from web.http.db import session
from web.pages.shell.base_map import base_map
from web.pages.shell.page import render_page
from web.security.csrf import csrf_token

bp = Blueprint("report", __name__)

COMMON = ("06010", "09009", "06028")  # offered before a word is written


@bp.get("/report")
def report() -> Response:
    """The form; `p=lon,lat` is the place to begin with, as the map's own address has it."""
    figures = overview(session(), params.parse_datetime(None))
    edition = editions.active_edition(session())
    offered = [one for one in edition.categories.values() if one.public]
    data = {
        "csrf": csrf_token(),
        "bbox": figures.bbox,
        "categories": [
            {
                "code": one.code,
                "zh": one.zh,
                "en": one.en,
                "major_zh": one.major_zh,
                "major_en": one.major_en,
                "words": list(one.words),
            }
            for one in offered
        ],
        "common": [code for code in COMMON if any(one.code == code for one in offered)],
        "most_photos": photos.MAX_PHOTOS_PER_EVENT,
        "longest_side": photo_files.LONGEST_SIDE,
        "track": url_for("report.mine"),
    }
    return render_page(
        "report/report.html",
        script="report/report.js",
        data=data,
        parts=base_map(figures),
        figures=figures,
        longest=MAX_DESCRIPTION_CHARS,
        most=photos.MAX_PHOTOS_PER_EVENT,
        numbers=danger.numbers(session()),
    )


@bp.get("/track")
def mine() -> Response:
    """My reports, as this browser remembers them; the server does not know which they are."""
    return tracking(None)


@bp.get("/track/<uuid:incident_id>")
def track(incident_id: UUID) -> Response:
    """Where one report stands.

    Its secret is in the address's fragment, which browsers keep to themselves.
    """
    return tracking(incident_id)


def tracking(incident_id: UUID | None) -> Response:
    """The tracking page; the same for every number, whether there is such an incident or not."""
    named = {
        role_label(key, "zh"): role_label(key) for key in (*ROLE_BY_KEY, *ACCESS_ROLES)
    } | SPEAKER_BY_ROLE
    data = {
        "csrf": csrf_token(),
        "id": None if incident_id is None else str(incident_id),
        "roles": named,
        "states": {
            state.value: dict(zip(("zh", "en"), state_labels(state), strict=True))
            for state in STATES
        },
        "steps": [list(step) for step in TRACKING_STEPS],
        "track": url_for("report.mine"),
        "report": url_for("report.report"),
        "most_photos": photos.MAX_PHOTOS_PER_EVENT,
        "longest_side": photo_files.LONGEST_SIDE,
    }
    response = render_page(
        "report/track.html",
        script="report/track.js",
        data=data,
        longest=MAX_DESCRIPTION_CHARS,
        one=incident_id is not None,
    )
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


# others who appear in a timeline, as gis/incidents/reading/incidents.py calls them
SPEAKER_BY_ROLE = {"居民": "resident", "上报人": "reporter", "程序": "program", "系统": "system"}
