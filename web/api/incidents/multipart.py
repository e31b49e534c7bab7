"""Bodies of reports and moves: JSON alone, or a form with JSON and photos."""

from typing import Any

from flask import current_app, request

from gis.incidents import photos
from web.http.validation import validate_model
from web.security import sanitising


def parse_body(model: type[Any]) -> tuple[Any, list[photos.SanitisedPhoto]]:
    """Return the request's JSON as a value of a model, and its photos.

    JSON alone, or multipart/form-data with the JSON in the part `json` and each photo in a part
    `photo`.

    Raises
    ------
    InvalidInput
        A field is missing or wrong, or a photo is none.
    """
    files: list[Any] = []
    if request.mimetype == "multipart/form-data":
        raw = sanitising.parse_json(request.form.get("json", "{}"), "json")
        files = request.files.getlist("photo")
    else:
        raw = request.get_json()
    return validate_model(model, raw), photos.sanitise_photos(
        [file.stream.read() for file in files]
    )


def photo_directory() -> Any:
    """Return the deployment's folder for photos."""
    return current_app.config["SETTINGS"].var
