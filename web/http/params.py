"""Text from a request as typed values, or InvalidInput that names the field and says what would be right."""

import base64
import binascii
import math
import re
from datetime import datetime
from typing import Annotated

from flask import current_app
from pydantic import BaseModel, Field

from gis.errors import invalid_field as invalid_field

LOST_PLUS = re.compile(r" (\d\d:?\d\d)$")  # "+08:00" whose plus a query string turned into a space


class Page(BaseModel):
    """Which part of a list: at most `limit` items, going on where `next` of the part before said."""

    limit: Annotated[int, Field(ge=1, le=1000, description="At most so many items")] = 100
    cursor: Annotated[str | None, Field(description="`next` of the page before", max_length=400)] = None


class At(BaseModel):
    """The moment a question is about."""

    at: Annotated[
        str | None,
        Field(description="ISO 8601 date or time; without an offset it is local time; default: now", max_length=40,
              examples=["2026-03-03", "2026-11-23T09:00:00+08:00"]),
    ] = None  # fmt: skip


def parse_float(given: str, field: str) -> float:
    """A finite number in an address.

    Raises:
        InvalidInput: It is none.
    """
    try:
        found = float(given)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise invalid_field(field, "request.not_number", value=given[:40])
    return found


def parse_datetime(given: str | None, field: str = "at") -> datetime:
    """An aware time: ISO 8601, local where it has no offset; a bare date is its first moment; None is now.

    Raises:
        InvalidInput: It is not a time.
    """
    zone = current_app.config["SETTINGS"].timezone
    if not given:
        return datetime.now(zone)
    try:
        found = datetime.fromisoformat(LOST_PLUS.sub(r"+\1", given.strip()))
        if not 1900 <= found.year <= 2999:
            raise ValueError
    except ValueError:
        raise invalid_field(field, "request.not_time", value=given[:40]) from None
    return found if found.tzinfo else found.replace(tzinfo=zone)


def parse_bbox(given: str, field: str = "bbox") -> tuple[float, float, float, float]:
    """west,south,east,north in degrees.

    Raises:
        InvalidInput: They are not four numbers, or not in that order.
    """
    try:
        west, south, east, north = (float(part) for part in given.split(","))
    except ValueError:
        raise invalid_field(field, "request.bbox_malformed", value=given[:80]) from None
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise invalid_field(field, "request.bbox_out_of_range", value=given[:80])
    return west, south, east, north


def decode_cursor(given: str | None) -> str | None:
    """The key behind which the next page begins.

    Raises:
        InvalidInput: It is none of ours.
    """
    if given is None:
        return None
    try:
        key = base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)).decode()
    except (binascii.Error, ValueError):
        key = ""
    if not key or "\0" in key or encode_cursor(key) != given:
        raise invalid_field("cursor", "request.cursor_unknown")
    return key


def number_cursor(key: str | None, field: str = "cursor") -> int | None:
    """The number behind which the next page begins.

    Raises:
        InvalidInput: It is none.
    """
    if key is None:
        return None
    if not (key.isascii() and key.isdigit() and len(key) < 19):
        raise invalid_field(field, "request.cursor_unknown")
    return int(key)


def encode_cursor(key: str) -> str:
    """The cursor for going on behind a key."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")
