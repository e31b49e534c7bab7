"""Rejects what no table can hold: NUL, half a character, a number beyond 64 bits."""

import re
from collections.abc import Iterable
from typing import Any

import flask
import orjson
from flask import Flask, current_app, request

from gis.errors import FieldError, NotFound, invalid_field, invalid_fields
from gis.files import photos
from gis.storable import find_unstorable
from web.http.validation import validate_model

# in JSON as sent: what may make such a value; most bodies have none of it and are not walked
# through
SUSPECT = re.compile(rb"\0|\\u0000|\\u[dD][89a-fA-F]|\d{19}|NaN|Infinity|[eE]\+?\d{2}")
# each of its points is refused by itself
ITEMWISE_ENDPOINTS = frozenset({"locate.locate_many"})


def parse_photo_body(model: type[Any]) -> tuple[Any, photos.AttachedPhotos | None]:
    """Return the request's JSON as a value of a model, and its photos.

    JSON alone, or multipart/form-data with the JSON in the part `json` and each photo in a part
    `photo`.

    Raises
    ------
    InvalidInput
        A field is missing or wrong, or a photo is none.
    TooLarge
        A photo is too large, or they are too many.
    """
    if request.mimetype != "multipart/form-data":
        return validate_model(model, request.get_json()), None
    # a file under another name would be lost without a word
    others = (name[:80] for name in request.files if name != "photo")
    if unknown := [FieldError(name, "input.field_unknown") for name in others]:
        raise invalid_fields(unknown)
    raw = parse_json(request.form.get("json", "{}"), "json")
    return validate_model(model, raw), parse_photos("photo")


def parse_photos(*parts: str) -> photos.AttachedPhotos | None:
    """Return the photos in some parts of a form, None without any.

    A field of files that is left empty is none.

    Raises
    ------
    InvalidInput, TooLarge
        As `gis.files.photos.sanitise_photos`.
    """
    files = [file for part in parts for file in request.files.getlist(part) if file.filename]
    sanitised = photos.sanitise_photos([file.stream.read() for file in files])
    return photos.AttachedPhotos(current_app.config["SETTINGS"].var, sanitised) if files else None


def may_hold_unstorable() -> bool:
    """Return whether the body may hold such a value at all."""
    return SUSPECT.search(request.get_data()) is not None


def reject_unstorable(errors: Iterable[FieldError]) -> None:
    """Raise InvalidInput when there is anything, naming the first few.

    Raises
    ------
    InvalidInput
        There is; each names its field.
    """
    if shortened := [error for error, _ in zip(errors, range(20), strict=False)]:
        raise invalid_fields(shortened)


def parse_json(data: bytes | str, field: str = "") -> Any:
    """Return JSON of a request as a value.

    Parameters
    ----------
    field
        Name of the part it stands in; the body when empty.

    Raises
    ------
    InvalidInput
        It is no JSON, or holds what cannot be kept.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise invalid_field(field or "body", "input.not_json") from None
    reject_unstorable(find_unstorable(value, ""))
    return value


class Request(flask.Request):
    """A request whose JSON and form hold only what can be kept."""

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """Return the JSON of the body, unless it holds what cannot be stored."""
        value = super().get_json(force=force, silent=silent, cache=cache)
        if self.endpoint not in ITEMWISE_ENDPOINTS and SUSPECT.search(self.get_data()):
            reject_unstorable(find_unstorable(value, ""))
        return value

    def _load_form_data(self) -> None:
        read = "form" in self.__dict__
        super()._load_form_data()
        if not read:
            names = ((key, item.filename or "") for key, item in self.files.items(multi=True))
            pairs = (*self.form.items(multi=True), *names)
            reject_unstorable(
                wrong
                for key, item in pairs
                for text in (key, item)
                for wrong in find_unstorable(text, key)
            )


def validate_path_ids() -> None:
    """Refuse an id in the path that no row can have, and queries that cannot be stored."""
    for name, value in (request.view_args or {}).items():
        if errors := list(find_unstorable(value, name)):
            raise (
                NotFound("input.id_beyond_range", name=name)
                if isinstance(value, int)
                else invalid_fields(errors)
            )
    if b"%00" in request.query_string:
        reject_unstorable(
            wrong
            for key, item in request.args.items(multi=True)
            for text in (key, item)
            for wrong in find_unstorable(text, key)
        )


def init_app(app: Flask) -> None:
    """Read every request so."""
    app.request_class = Request
    app.before_request(validate_path_ids)
