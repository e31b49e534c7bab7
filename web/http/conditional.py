"""Conditional requests (RFC 9110): versions as entity tags."""

import re
from typing import Any

import orjson
from flask import Response, request

from gis.errors import invalid_field

ETAG = re.compile(r'(?:W/)?"?(\d{1,18})"?', re.ASCII)  # of an incident: its version


def if_match() -> list[int]:
    """The versions in `If-Match` (RFC 9110, 13.1.1), any of which will do; none when there is no such header, or `*`.

    Raises:
        InvalidInput: It names no version of ours.
    """
    given = request.headers.get("If-Match", "*").strip()
    if given == "*":
        return []
    found = [int(tag[1]) for part in given.split(",") if (tag := ETAG.fullmatch(part.strip()))]
    if not found:
        raise invalid_field("If-Match", "request.version_malformed", value=given[:40])
    return found


def with_etag(told: dict[str, Any], version: int) -> Response:
    """An incident with its version as the ETag; names are not kept on the way."""
    response = Response(orjson.dumps(told), mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    response.set_etag(str(version))
    return response
