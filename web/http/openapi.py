"""The description of the API: what holds for all of it, and errors as they are sent."""

import inspect
import re
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any, TypeVar

from apiflask import APIFlask
from pydantic import BaseModel
from werkzeug.http import HTTP_STATUS_CODES

from web.docstrings import without_raises
from web.http.idempotency import MAX_KEY_CHARS, MIN_KEY_CHARS

DESCRIPTION = """\
Who answers for a place, the hierarchy of areas, facilities and their walking circles.

- Every point that comes in says its `crs`: `wgs84`, `cgcs2000`, `gcj02` or `bd09`; there is no
  default.
- Coordinates that go out are CGCS2000 longitude and latitude, which is WGS 84 to under a metre;
  GeoJSON has longitude first.
- Lists page with `limit` and `cursor`: pass `next` of one page as `cursor` of the following.
- Reads carry an `ETag`; send it back as `If-None-Match` and get 304 when nothing changed. That of
  one thing that can be changed is its version, for `If-Match`; it is always told whole.
- Once there are accounts, names of the people who answer are told to who may have them there; to
  others they are null.
- Errors are `application/problem+json` (RFC 9457).
"""

PROBLEM: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {
            "type": "string",
            "description": "The kind of error; about:blank when the status says it all",
        },
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, and what would be right"},
        "zh": {"type": "string", "description": "The same in Chinese, in short, for pages"},
        "errors": {
            "type": "array",
            "description": "The single fields, rows or shapes",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


def alternative_response(kind: str, schema: dict[str, Any]) -> dict[int | str, Any]:
    """Return the description of a 200 that is, or may be, of another kind than JSON."""
    return {200: {"content": {kind: {"schema": schema}}}}


# header -> what it says. An operation has those that its view, or what the view calls, reads.
HEADER_TEXTS = {
    "Idempotency-Key": f"{MIN_KEY_CHARS} to {MAX_KEY_CHARS} printable ASCII characters; the same"
    " request with the same key again is answered as the first time, and nothing is done twice",
    "If-Match": "The version that is meant; another one is refused with 409",
    "X-Tracking-Secret": "Of who reported it, instead of an account or a key",
    "X-Wangge-Timestamp": "Seconds since 1970",
    "X-Wangge-Signature": "`v1=` and the HMAC-SHA256 of timestamp, full stop and body, in hex",
    "Last-Event-ID": "Number of the last event that arrived",
}
READERS = {"run_once": "Idempotency-Key", "if_match": "If-Match", "one_version": "If-Match"}

IMAGE = alternative_response("image/jpeg", {"type": "string", "format": "binary"}) | {
    404: "None, or of what is hidden"
}

View = TypeVar("View", bound=Callable[..., Any])


def documents_body(model: type[BaseModel], *, files: bool = False) -> Callable[[View], View]:
    """Describe the body of a view that reads it itself; with `files` also as a form with photos."""

    def mark(view: View) -> View:
        view.takes = (model, files)  # type: ignore[attr-defined]
        return view

    return mark


def body(model: type[BaseModel], files: bool) -> dict[str, Any]:
    """Return a request body in OpenAPI."""
    schema = model.model_json_schema()
    content: dict[str, Any] = {"application/json": {"schema": schema}}
    if files:
        parts = {
            "json": {
                "type": "string",
                "contentMediaType": "application/json",
                "description": "As the JSON body",
            },
            "photo": {"type": "array", "items": {"type": "string", "format": "binary"}},
        }
        content["multipart/form-data"] = {"schema": {"type": "object", "properties": parts}}
    return {"required": True, "content": content}


def headers_of(view: Callable[..., Any]) -> list[dict[str, Any]]:
    """Return the headers that a view reads as parameters in OpenAPI."""
    mentioned = set(_mentioned(inspect.unwrap(view).__code__))
    read = mentioned | {READERS[name] for name in READERS.keys() & mentioned}
    return [
        {"name": name, "in": "header", "description": text, "schema": {"type": "string"}}
        for name, text in HEADER_TEXTS.items()
        if name in read
    ]


def _mentioned(code: CodeType) -> Iterator[str]:
    """Yield the names and texts in a function and those inside it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _mentioned(constant)
        elif isinstance(constant, str):
            yield constant


def init_app(app: APIFlask) -> None:
    """Describe the API in OpenAPI 3.1 at /openapi.json."""
    app.config.update(
        OPENAPI_VERSION="3.1.0",
        DESCRIPTION=DESCRIPTION,
        AUTO_SERVERS=False,  # it would keep the Host header of whoever asks first
        SERVERS=[{"url": "/"}],
        AUTO_OPERATION_ID=True,
        HTTP_ERROR_SCHEMA=PROBLEM,
        VALIDATION_ERROR_SCHEMA=PROBLEM,
        VALIDATION_ERROR_DESCRIPTION="A field is missing or wrong; `errors` names it",
    )

    @app.spec_processor
    def problems(spec: Any) -> Any:
        """Bodies that views read themselves; errors are problem+json, and any answer may be one."""
        for rule in app.url_map.iter_rules():
            view = app.view_functions[rule.endpoint]
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            if marked := getattr(view, "takes", None):
                spec["paths"][path]["post"]["requestBody"] = body(*marked)
            for method in rule.methods or ():
                operation = spec["paths"].get(path, {}).get(method.lower())
                if operation is not None and (headers := headers_of(view)):
                    operation["parameters"] = [*operation.get("parameters", ()), *headers]
        for path in spec["paths"].values():
            for operation in path.values():
                if description := without_raises(operation.pop("description", "")):
                    operation["description"] = description
                for status, response in operation["responses"].items():
                    response.setdefault("description", HTTP_STATUS_CODES[int(status)])
                    if status >= "400":
                        response["content"] = {
                            "application/problem+json": {
                                "schema": {"$ref": "#/components/schemas/Problem"}
                            }
                        }
        # a tag for each blueprint, some of the same name
        spec["tags"] = [*{tag["name"]: tag for tag in reversed(spec.get("tags", []))}.values()][
            ::-1
        ]
        schemas = spec.setdefault("components", {}).setdefault("schemas", {})
        for unused in ("HTTPError", "ValidationError"):
            schemas.pop(unused, None)
        schemas["Problem"] = PROBLEM
        return spec
