"""Conditional requests (RFC 9110): versions as entity tags."""

import re
from typing import Any

import orjson
from flask import Response, request

from gis.errors import invalid_field

ETAG = re.compile(r'(?:W/)?"?(\d{1,18})"?', re.ASCII)  # of an incident: its version


def if_match() -> list[int]:
    """Return the versions in `If-Match` (RFC 9110, 13.1.1), any of which will do.

    None without the header, or for `*`.

    Raises
    ------
    InvalidInput
        It names no version of ours.
    """
    header = request.headers.get("If-Match", "*").strip()
    if header == "*":
        return []
    versions = [int(tag[1]) for part in header.split(",") if (tag := ETAG.fullmatch(part.strip()))]
    if not versions:
        raise invalid_field("If-Match", "input.version_malformed", value=header[:40])
    return versions


def one_version() -> int | None:
    """Return the version in `If-Match` of what has one author at a time; None for any."""
    versions = if_match()
    return versions[0] if versions else None


def with_etag(body: dict[str, Any], version: int) -> Response:
    """Return an incident as a response with its version as the ETag.

    Names are not kept on the way.
    """
    response = Response(orjson.dumps(body), mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    response.set_etag(str(version))
    return response
