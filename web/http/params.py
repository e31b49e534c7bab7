"""Text of a request as typed values, or InvalidInput that names the field and a right value."""

import base64
import binascii
import math
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from flask import current_app
from pydantic import BaseModel, Field

from gis import crs as systems
from gis.errors import invalid_field as invalid_field
from gis.files.cells import read_float
from gis.storable import YEARS
from gis.years import Year, read_year

LOST_PLUS = re.compile(r" (\d\d:?\d\d)$")  # "+08:00" whose plus a query string turned into a space


# in answers about walks
Flat = Annotated[bool, Field(description="Walks are as on the level: the network knows no heights")]


class Page(BaseModel):
    """Part of a list: at most `limit` items, from the `next` of the previous part."""

    limit: Annotated[int, Field(ge=1, le=1000, description="At most so many items")] = 100
    cursor: Annotated[
        str | None, Field(description="`next` of the page before", max_length=400)
    ] = None


class At(BaseModel):
    """The moment a question is about."""

    at: Annotated[
        str | None,
        Field(
            description="ISO 8601 date or time; without an offset it is local time; default: now",
            max_length=40,
            examples=["2026-03-03", "2026-11-23T09:00:00+08:00"],
        ),
    ] = None


def local_zone() -> ZoneInfo:
    """Return the time zone of the deployment."""
    zone: ZoneInfo = current_app.config["SETTINGS"].timezone
    return zone


def parse_float(text: str, field: str) -> float:
    """Return a finite number in an address.

    Raises
    ------
    InvalidInput
        It is none.
    """
    try:
        number = read_float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise invalid_field(field, "input.not_number", value=text[:40])
    return number


def parse_datetime(text: str | None, field: str = "at") -> datetime:
    """Return an aware time: ISO 8601, local where it has no offset.

    A bare date is its first moment; None is now.

    Raises
    ------
    InvalidInput
        It is not a time.
    """
    zone = local_zone()
    if not text:
        return datetime.now(zone)
    try:
        moment = datetime.fromisoformat(LOST_PLUS.sub(r"+\1", text.strip()))
        if moment.year not in YEARS:
            raise ValueError
    except ValueError:
        raise invalid_field(field, "input.not_time", value=text[:40]) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def parse_end(text: str, field: str) -> datetime | None:
    """Return the moment at which a time ends; None for an empty text.

    A bare date is through that day: the first moment of the next.

    Raises
    ------
    InvalidInput
        It is not a time.
    """
    if not text:
        return None
    moment = parse_datetime(text, field)
    return moment + timedelta(days=1) if len(text.strip()) == len("2026-12-31") else moment


def year_of(number: int | None) -> Year:
    """Return a year by the clock of the deployment; the present one for None.

    Raises
    ------
    InvalidInput
        Nothing is counted for it.
    """
    return read_year(number, parse_datetime(None), local_zone())


def parse_year(text: str) -> Year:
    """Return the year that an address or form names; the present one for an empty text.

    Raises
    ------
    InvalidInput
        It is no number, or nothing is counted for it.
    """
    is_year = text.isascii() and text.isdecimal() and len(text) == 4
    return year_of((int(text) if is_year else 0) if text else None)


def parse_open_at(text: str | None, field: str = "at") -> datetime | None:
    """Return the moment at which facilities should be open, in local time; None: at any.

    Raises
    ------
    InvalidInput
        It is neither `now` nor a time.
    """
    if not text:
        return None
    moment = parse_datetime(None if text == "now" else text, field)
    return moment.astimezone(local_zone())


def parse_bbox(text: str, field: str = "bbox") -> tuple[float, float, float, float]:
    """Return west, south, east, north in degrees.

    Raises
    ------
    InvalidInput
        They are not four numbers, or not in that order.
    """
    try:
        west, south, east, north = (read_float(part) for part in text.split(","))
    except ValueError:
        raise invalid_field(field, "input.bbox_malformed", value=text[:80]) from None
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise invalid_field(field, "input.bbox_out_of_range", value=text[:80])
    return west, south, east, north


def parse_points(text: str, field: str) -> list[tuple[float, float]]:
    """Return points (lon, lat) in degrees, written as lon,lat;lon,lat.

    Raises
    ------
    InvalidInput
        One is not two numbers, or not on Earth.
    """
    points = []
    for part in filter(None, text.split(";")):
        try:
            lon, lat = (read_float(number) for number in part.split(","))
        except ValueError:
            raise invalid_field(field, "input.points_malformed", value=part[:80]) from None
        if not (-180 <= lon <= 180 and -90 <= lat <= 90):
            raise invalid_field(field, "input.points_malformed", value=part[:80])
        points.append((lon, lat))
    return points


def storage_point(
    lon: float, lat: float, crs: str, names: Mapping[str, str] | None = None
) -> tuple[float, float]:
    """Return a point of a system as longitude and latitude, degrees, EPSG:4490.

    Parameters
    ----------
    names
        What the fields are called where not lon, lat and crs.

    Raises
    ------
    InvalidInput
        As `gis.crs.validate_points`.
    """
    systems.validate_points(lon, lat, crs, names)
    return systems.to_storage(lon, lat, crs)


def decode_cursor(text: str | None) -> str | None:
    """Return the key behind which the next page begins.

    Raises
    ------
    InvalidInput
        It is none of ours.
    """
    if text is None:
        return None
    try:
        key = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError):
        key = ""
    if not key or "\0" in key or encode_cursor(key) != text:
        raise invalid_field("cursor", "input.cursor_unknown")
    return key


def read_digits(written: str) -> int | None:
    """Return a number that is written in digits and that the database holds; None: it is none."""
    # not every character that isdigit() is one that int() reads
    return int(written) if written.isascii() and written.isdigit() and len(written) < 19 else None


def number_cursor(key: str | None, field: str = "cursor") -> int | None:
    """Return the number behind which the next page begins.

    Raises
    ------
    InvalidInput
        It is none.
    """
    if key is None:
        return None
    number = read_digits(key)
    if number is None:
        raise invalid_field(field, "input.cursor_unknown")
    return number


def encode_cursor(key: str) -> str:
    """Return the cursor for going on behind a key."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")
