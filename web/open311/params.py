"""Parameters of Open311 as typed values: format, jurisdiction, filters, fields of a report."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import g, request

from gis import crs
from gis.areas.hierarchy import is_county
from gis.errors import NotFound, invalid_field
from gis.files.photos import MAX_PHOTOS
from gis.incidents.catalogue import editions
from gis.incidents.lifecycle.intake import MAX_DESCRIPTION_CHARS, UNASKED
from gis.places.queries import find_building_point
from web.http import params
from web.http.db import session

MAX_SPAN = timedelta(days=90)  # longest range of one question
MAX_URL_CHARS = 2000
MAX_UPDATE_ID_CHARS = 100
DEFAULT_RADIUS_M, MAX_RADIUS_M = 1000, 50_000
# parts of a form that hold photos: of the specification, and of FixMyStreet
PHOTO_PARTS = ("media", "photo", *(f"photo{number}" for number in range(1, MAX_PHOTOS + 2)))
ATTRIBUTE_PATTERN = re.compile(r"attribute\[([^\[\]]{1,60})\](\[\d*\])?")
URL_PATTERN = re.compile(r"https?://[^\s/]+")


def response_format() -> str:
    """Return json or xml: by the ending of the address, else by the Accept header."""
    if ending := g.get("kind"):
        return str(ending)
    best = request.accept_mimetypes.best_match(["application/json", "text/xml", "application/xml"])
    return "xml" if best and best.endswith("xml") else "json"


def county() -> str | None:
    """Return the county of `jurisdiction_id`; None is all of them, and so is our own host name.

    Raises
    ------
    NotFound
        It is none of ours.
    """
    code = request.values.get("jurisdiction_id", "").strip()
    if not code or code == request.host.partition(":")[0]:
        return None
    if not is_county(session(), code[:40]):
        raise NotFound("open311.jurisdiction_unknown", code=code[:40])
    return code


# --- filters of the list --------------------------------------------------------------------------


def parse_list(name: str) -> list[str]:
    """Return values separated by commas; the field may also be repeated."""
    return [
        part.strip()
        for text in request.args.getlist(name)
        for part in text.split(",")
        if part.strip()
    ]


def parse_service_codes() -> list[str]:
    """Return the codes asked for, which a category has or had in an older edition of the catalogue.

    Raises
    ------
    InvalidInput
        No category ever had one of them.
    """
    codes = parse_list("service_code")
    if unknown := set(codes) - editions.known_codes(session(), codes):
        raise invalid_field("service_code", "open311.service_code_unknown", code=min(unknown)[:40])
    return codes


def parse_closed() -> bool | None:
    """Return whether only closed (True) or only open (False) requests are asked for; None is both.

    Raises
    ------
    InvalidInput
        A status is neither.
    """
    statuses = set(parse_list("status"))
    if unknown := statuses - {"open", "closed"}:
        raise invalid_field("status", "open311.status_unknown", status=min(unknown)[:40])
    return None if len(statuses) != 1 else statuses == {"closed"}


def parse_range() -> tuple[datetime, datetime]:
    """Return first and last moment of `start_date` and `end_date`; without them, the last 90 days.

    Raises
    ------
    InvalidInput
        They are no times, in the wrong order, or too far apart.
    """
    start, end = (
        params.parse_datetime(text, name) if (text := request.args.get(name, "").strip()) else None
        for name in ("start_date", "end_date")
    )
    now = params.parse_datetime(None)
    since = start or (end or now) - MAX_SPAN
    until = end or (min(start + MAX_SPAN, now) if start else now)
    if until < since:
        raise invalid_field("end_date", "open311.end_before_start")
    if until - since > MAX_SPAN:
        raise invalid_field("end_date", "open311.range_too_long", days=MAX_SPAN.days)
    return since, until


def parse_updated_after() -> datetime | None:
    """Return `updated_after`; None without it.

    Raises
    ------
    InvalidInput
        It is no time, or longer ago than one question reaches.
    """
    text = request.args.get("updated_after", "").strip()
    if not text:
        return None
    moment = params.parse_datetime(text, "updated_after")
    if params.parse_datetime(None) - moment > MAX_SPAN:
        raise invalid_field("updated_after", "open311.range_too_long", days=MAX_SPAN.days)
    return moment


def parse_near() -> tuple[float, float, float] | None:
    """Return the circle of `lat`, `long` (WGS 84) and `radius` (metres); None without them.

    Longitude and latitude come back in the system of storage.

    Raises
    ------
    InvalidInput
        One of the three is missing or out of range.
    """
    texts = {name: request.args.get(name, "").strip() for name in ("lat", "long", "radius")}
    if not any(texts.values()):
        return None
    for name in ("lat", "long"):
        if not texts[name]:
            other = "long" if name == "lat" else "lat"
            raise invalid_field(name, "open311.coordinate_missing", other=other)
    texts["radius"] = texts["radius"] or str(DEFAULT_RADIUS_M)
    values = {name: params.parse_float(text, name) for name, text in texts.items()}
    for name, low, high in (("lat", -90, 90), ("long", -180, 180), ("radius", 1, MAX_RADIUS_M)):
        if not low <= values[name] <= high:
            raise invalid_field(name, "input.not_in_range", low=low, high=high)
    x, y = crs.to_storage(values["long"], values["lat"], "wgs84")
    return float(x), float(y), values["radius"]


def parse_count(name: str, default: int, limit: int) -> int:
    """Return a whole number from 1 to a limit.

    Raises
    ------
    InvalidInput
        It is none.
    """
    text = request.args.get(name, "").strip()
    if not text:
        return default
    number = params.parse_float(text, name)
    if not 1 <= number <= limit or math.floor(number) != number:
        raise invalid_field(name, "input.not_whole_number", low=1, high=limit)
    return int(number)


def parse_uuid(text: str) -> UUID | None:
    """Return a number of a request; None for what is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


# --- fields of a report ---------------------------------------------------------------------------


def form_value(name: str) -> str:
    """Return a field of the form, else of the address; empty is as good as not sent."""
    return (request.form.get(name) or request.args.get(name) or "").strip()


def parse_place() -> dict[str, Any]:
    """Return the location of a report: lat and long, else address_id, else address_string.

    Coordinates are WGS 84; address_id is the code of a building.

    Raises
    ------
    InvalidInput
        One of a pair is missing or no number, no building has the code, or no location is given.
    """
    address = form_value("address_string")
    if form_value("lat") or form_value("long"):
        for name, other in (("lat", "long"), ("long", "lat")):
            if not form_value(name):
                raise invalid_field(name, "open311.coordinate_missing", other=other)
        lat, lon = (params.parse_float(form_value(name), name) for name in ("lat", "long"))
        return {"lon": lon, "lat": lat, "crs": "wgs84", "address": address}
    if building := form_value("address_id"):
        point = find_building_point(session(), building[:60])
        if point is None:
            raise invalid_field("address_id", "open311.building_unknown", code=building[:60])
        return {"lon": point[0], "lat": point[1], "crs": "cgcs2000", "address": address}
    if address:
        return {"address": address}
    raise invalid_field("lat", "open311.place_missing")


def parse_media_url() -> str:
    """Return the address of a photo kept elsewhere; empty when none was sent.

    Raises
    ------
    InvalidInput
        It is no address of the web, or too long.
    """
    url = form_value("media_url")
    if url and (len(url) > MAX_URL_CHARS or not URL_PATTERN.match(url)):
        raise invalid_field("media_url", "open311.media_url_wrong", limit=MAX_URL_CHARS)
    return url


def full_name(given_name: str, family_name: str) -> str:
    """Return a name as people write it: family name first, unless it is in Latin letters."""
    is_latin = (given_name + family_name).isascii()
    parts = [given_name, family_name] if is_latin else [family_name, given_name]
    return (" " if is_latin else "").join(part for part in parts if part)


def parse_answers(questions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the attributes of the form as answers to a category's questions.

    They are `attribute[CODE]=…`, and `attribute[CODE][]=…` for several. Those that answer no
    question are kept under `unasked`: senders add what they have.

    Raises
    ------
    InvalidInput
        A required answer is missing, or an answer is not one of those offered.
    """
    submitted: dict[str, list[str]] = {}
    for name, values in request.form.lists():
        if match := ATTRIBUTE_PATTERN.fullmatch(name):
            submitted.setdefault(match[1], []).extend(
                value.strip() for value in values if value.strip()
            )
    by_code = {
        str(question["code"]): question for question in questions if question.get("variable", True)
    }
    unasked = {
        code: values[0] if len(values) == 1 else values
        for code, values in submitted.items()
        if code not in by_code and values
    }
    answers: dict[str, Any] = {UNASKED: unasked} if unasked else {}
    for code, question in by_code.items():
        field = f"attribute[{code}]"
        if values := submitted.get(code, []):
            answers[code] = _parse_answer(field, question, values)
        elif question.get("required", False):
            raise invalid_field(
                field, "open311.attribute_missing", question=question.get("description") or code
            )
    return answers


def _parse_answer(field: str, question: Mapping[str, Any], values: list[str]) -> Any:
    datatype = question.get("datatype", "string")
    choices = [str(choice["key"]) for choice in question.get("values") or ()]
    if datatype.endswith("valuelist") and (
        unknown := [value for value in values if value not in choices]
    ):
        raise invalid_field(field, "input.not_among", value=unknown[0][:40], allowed=choices)
    if datatype == "multivaluelist":
        return values
    if len(values) > 1:
        raise invalid_field(field, "open311.attribute_takes_one")
    if datatype == "number":
        return params.parse_float(values[0], field)
    if datatype == "datetime":
        return params.parse_datetime(values[0], field).isoformat()
    if len(values[0]) > MAX_DESCRIPTION_CHARS:
        raise invalid_field(
            field, "input.too_long", length=len(values[0]), limit=MAX_DESCRIPTION_CHARS
        )
    return values[0]


# --- fields of an update --------------------------------------------------------------------------


def parse_update() -> tuple[UUID, str, str]:
    """Return the request an update is about, its words, and its number in the sender's system.

    What the sender holds the state to be is said in the words where it is not what we said last:
    states change here by those who deal with the matter.

    Raises
    ------
    InvalidInput
        A field is missing or wrong.
    NotFound
        It is the number of no request.
    """
    number = form_value("service_request_id")
    if not number:
        raise invalid_field("service_request_id", "open311.field_missing")
    if text := form_value("updated_datetime"):
        params.parse_datetime(text, "updated_datetime")
    update_id = form_value("update_id")
    if len(update_id) > MAX_UPDATE_ID_CHARS:
        raise invalid_field("update_id", "field.longer_than", limit=MAX_UPDATE_ID_CHARS)
    texts = [form_value("description"), parse_media_url()]
    if status := form_value("status")[:40]:
        texts.append(f"（status: {status}）")
    if not any(texts[:2]):
        raise invalid_field("description", "open311.field_missing")
    incident_id = parse_uuid(number)
    if incident_id is None:
        raise NotFound("open311.request_unknown", number=number[:40])
    return incident_id, "\n".join(filter(None, texts)), update_id
