"""What the scripts of pages on incidents need to know."""

from typing import Any

from flask import url_for

from gis.incidents import photo_files, photos
from gis.incidents.states import STATES, TRANSITIONS


def incident_data() -> dict[str, Any]:
    """Return the tables of states and moves, limits and addresses, for incident.js."""
    return {
        "states": {state.value: words for state, words in STATES.items()},
        "moves": {name: [move.zh, move.en, move.words] for name, move in TRANSITIONS.items()},
        "most_photos": photos.MAX_PHOTOS_PER_EVENT,
        "longest_side": photo_files.LONGEST_SIDE,
        "sign_in": url_for("account.sign_in"),
        "work": url_for("work.work"),
    }
