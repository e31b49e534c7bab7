"""Data for the scripts of pages on incidents."""

from typing import Any

from flask import url_for

from gis.files import photo_files, photos
from gis.incidents.workflow import workflow


def incident_data() -> dict[str, Any]:
    """Return states and moves, limits of photos, and addresses, for incident.js."""
    return {
        "workflow": workflow(),
        "most_photos": photos.MAX_PHOTOS,
        "longest_side": photo_files.LONGEST_SIDE,
        "sign_in": url_for("account.sign_in"),
        "work": url_for("work.work"),
    }
