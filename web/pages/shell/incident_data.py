"""What the scripts of pages on incidents need to know."""

from typing import Any

from flask import url_for

from gis.incidents import photo_files, photos
from gis.incidents.states import STATES, TRANSITIONS, move_labels, state_labels


def incident_data() -> dict[str, Any]:
    """Return the tables of states and moves, limits and addresses, for incident.js."""
    return {
        "states": {state.value: state_labels(state) for state in STATES},
        "moves": {
            name: [*move_labels(name), transition.needs_note]
            for name, transition in TRANSITIONS.items()
        },
        "most_photos": photos.MAX_PHOTOS_PER_EVENT,
        "longest_side": photo_files.LONGEST_SIDE,
        "sign_in": url_for("account.sign_in"),
        "work": url_for("work.work"),
    }
