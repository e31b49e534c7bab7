"""What a request says of the county it is about: codes, ids, places, and who asks."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID
from wsgiref.types import WSGIEnvironment

import orjson
from flask import Flask
from itsdangerous import BadSignature
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request

from gis.accounts.credentials import KEY_PATTERN
from gis.areas.locate_input import parse_point
from gis.areas.locate_result import LocateRequest
from gis.errors import InvalidInput
from layers import tiles
from web.http.params import parse_bbox
from web.security.session import MAX_SESSION_S, SESSION_COOKIE, read_bearer

COUNTY_COOKIE = "wangge_county"  # the county that somebody chose who may work in several
NAMED_CODE_PATTERN = re.compile(r"\d{6}[\w-]*")
ROW_ID_PATTERN = re.compile(r"[0-9]{1,19}")  # of a bigint
WIDE_PATTERN = re.compile(r"\d{2}|\d{4}")
# parameters and members of a body whose values are codes of areas, buildings or facilities
COUNTY_CODE_FIELDS = (
    "area",
    "areas",
    "between",
    "building",
    "code",
    "codes",
    "community",
    "county",
    "facility",
    "give_to",
    "grid",
    "into",
    "parent",
    "to",
    "unit",
    "within",
)
# blueprints in whose paths a code is of an area, or of a building, which begins with its grid's
CODED_BLUEPRINTS = frozenset(
    {
        "areas",
        "buildings",
        "buildings_page",
        "checkup_page",
        "checkups",
        "coverage_report",
        "ogc",
        "posts",
        "posts_page",
        "sheet",
        "units",
    }
)
# parameters of paths, and fields, whose values are ids of rows, and the tables of those
ROW_PARAMETERS = {
    "a": "revision",
    "b": "revision",
    "check_id": "spot_check",
    "discussion_id": "discussion",
    "edit": "walk_edit",
    "entrance": "entrance",
    "form_id": "paper_template",
    "number": "revision",
    "post_id": "post",
    "recipe_id": "register_recipe",
    "template_id": "answer_template",
    "visit_id": "duty_visit",
}
ROW_FIELDS = {
    "base": "revision",
    "draft": "revision",
    "form": "paper_template",
    "post": "post",
    "revision": "revision",
}
UUID_FIELDS = ("id", "incident", "incident_id", "service_request_id")
UUID_PATTERN = re.compile(r"[0-9a-fA-F-]{32,36}(\.|$)")
POINT_FIELDS = ("lon", "lat", "crs")
OPEN311_POINT_FIELDS = ("long", "lat")  # WGS 84


@dataclass
class Question:
    """A request, as far as it says which county it is about.

    Attributes
    ----------
    endpoint, arguments
        Of the route; empty if there is none.
    is_by_person
        Whether its county is that of who asks: the same address is another county's for others.
    """

    environ: WSGIEnvironment
    app: Flask
    endpoint: str = ""
    arguments: Mapping[str, Any] | None = None
    is_by_person: bool = False

    def __post_init__(self) -> None:
        """Match the route."""
        try:
            self.endpoint, self.arguments = self.app.url_map.bind_to_environ(self.environ).match()
        except HTTPException:
            self.endpoint, self.arguments = "", {}

    @property
    def method(self) -> str:
        """The method."""
        return str(self.environ["REQUEST_METHOD"])

    @property
    def path(self) -> str:
        """The path, below the root of the service."""
        return str(self.environ.get("PATH_INFO", "")).encode("latin-1").decode(errors="replace")

    @property
    def is_page(self) -> bool:
        """Whether a person reads the answer."""
        accepts = "text/html" in self.environ.get("HTTP_ACCEPT", "")
        return self.method in ("GET", "HEAD") and accepts and not self.is_data

    @property
    def is_data(self) -> bool:
        """Whether the answer is for a program or script, by its address."""
        return self.path.startswith(("/api/", "/ogc", "/open311/", "/tiles/"))

    @cached_property
    def query(self) -> dict[str, str]:
        """The parameters of the address, the first of each name."""
        pairs = parse_qsl(self.environ.get("QUERY_STRING", ""), keep_blank_values=True)
        return dict(reversed(pairs))

    @cached_property
    def request(self) -> Request:
        """The request, for cookies and forms; its body is in memory and can be read again."""
        return Request(self.environ)

    @cached_property
    def body(self) -> bytes:
        """The body; whoever reads it next begins at its start, too."""
        stream = self.environ["wsgi.input"]
        body: bytes = stream.read() if self.method not in ("GET", "HEAD", "OPTIONS") else b""
        self.environ["wsgi.input"] = BytesIO(body)
        return body

    @cached_property
    def members(self) -> dict[str, Any]:
        """The members of a JSON body or of a form; empty if it is neither."""
        kind = self.environ.get("CONTENT_TYPE", "").partition(";")[0].strip()
        if kind.endswith("json"):
            return _as_object(self.body)
        if kind not in ("multipart/form-data", "application/x-www-form-urlencoded"):
            return {}
        try:
            form = Request({**self.environ, "wsgi.input": BytesIO(self.body)}).form
        except HTTPException:  # too many or too long parts: the application refuses them
            return {}
        fields = form.to_dict()
        return fields | _as_object(fields.get("json", "").encode())

    def values(self, names: Iterable[str]) -> Iterator[Any]:
        """Yield the values of fields of the address and the body, and of lists of them."""
        for name in names:
            for source in (self.query, self.members):
                value = source.get(name)
                yield from value if isinstance(value, list) else () if value is None else (value,)

    def codes(self) -> Iterator[str]:
        """Yield the codes of areas that the request names, in its path first."""
        for value in self._named():
            if not UUID_PATTERN.match(value):  # of a parent, which may begin with six digits
                yield from (part for part in value.split(",") if NAMED_CODE_PATTERN.fullmatch(part))

    def wide_codes(self) -> Iterator[str]:
        """Yield the codes of provinces and cities that it names."""
        yield from (value for value in self._named() if WIDE_PATTERN.fullmatch(value))

    def _named(self) -> Iterator[str]:
        is_coded = self.endpoint.partition(".")[0] in CODED_BLUEPRINTS
        in_path = (self.arguments or {}).values() if is_coded else ()
        for value in (*in_path, *self.values(COUNTY_CODE_FIELDS)):
            if isinstance(value, str):
                yield value

    def rows(self) -> Iterator[tuple[str, int]]:
        """Yield the tables and ids of rows that it names."""
        for name, value in (self.arguments or {}).items():
            if isinstance(value, int) and name in ROW_PARAMETERS:
                yield ROW_PARAMETERS[name], value
        for name, table in ROW_FIELDS.items():
            for value in self.values((name,)):
                if isinstance(value, int) or (
                    isinstance(value, str) and ROW_ID_PATTERN.fullmatch(value)
                ):
                    yield table, int(value)

    def incidents(self) -> Iterator[UUID]:
        """Yield the incidents and photos that it names."""
        moves = self.values(("moves",)) if self.method == "POST" else ()
        listed = [move.get("id") for move in moves if isinstance(move, dict)]
        return _uuids((*(self.arguments or {}).values(), *self.values(UUID_FIELDS), *listed))

    def parents(self) -> Iterator[UUID]:
        """Yield the incidents that it links others to."""
        return _uuids(self.values(("parent",)))

    def point(self) -> tuple[float, float] | None:
        """Return the place that it names, in storage; None if it names none that can be."""
        is_open311 = self.endpoint.partition(".")[0] == "open311"
        for source in (self.query, self.members):
            if is_open311:
                lon, lat = (source.get(name) for name in OPEN311_POINT_FIELDS)
                source = {"lon": lon, "lat": lat, "crs": "wgs84"}
            if (point := read_point(source)) is not None:
                return point
        return None

    def box(self) -> tuple[float, float, float, float] | None:
        """Return the box or tile that it asks for: west, south, east, north in degrees."""
        arguments = self.arguments or {}
        try:
            if {"x", "y", "z"} <= arguments.keys():
                return tiles.bounds(arguments["z"], arguments["x"], arguments["y"])
            return parse_bbox(self.query["bbox"]) if self.query.get("bbox") else None
        except InvalidInput:
            return None

    def account(self) -> int | None:
        """Return the account of the cookie; whether it is good, the application decides."""
        if SESSION_COOKIE not in self.request.cookies:
            return None
        serializer: Any = self.app.session_interface.get_signing_serializer(self.app)  # type: ignore[attr-defined]
        try:
            session = serializer.loads(self.request.cookies[SESSION_COOKIE], max_age=MAX_SESSION_S)
            return int(session["account"][0])
        except (BadSignature, KeyError, TypeError, ValueError, IndexError):
            return None

    def key_id(self) -> str | None:
        """Return the open part of the key of a program."""
        token = read_bearer(str(self.environ.get("HTTP_AUTHORIZATION", "")))
        match = KEY_PATTERN.fullmatch(token or "")
        return match[1] if match else None


def _as_object(text: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(text) if text else {}
    except orjson.JSONDecodeError:
        try:
            value = json.loads(text)  # takes NaN, as the applications do
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


def read_point(source: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return the point of an object with `lon`, `lat` and `crs`, in storage; None if it is none."""
    lon, lat, crs = (source.get(name) for name in POINT_FIELDS)
    try:
        return parse_point(LocateRequest(float(lon), float(lat), str(crs or "")))  # type: ignore[arg-type]
    except (TypeError, ValueError, InvalidInput):
        return None


def _uuids(values: Iterable[object]) -> Iterator[UUID]:
    """Yield the ids among values."""
    for value in values:
        if isinstance(value, UUID):
            yield value
        elif isinstance(value, str) and UUID_PATTERN.match(value):
            try:
                yield UUID(value.partition(".")[0])  # Open311 names the form behind it
            except ValueError:
                continue
