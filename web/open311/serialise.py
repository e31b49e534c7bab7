"""Answers of Open311 as JSON and as XML, by the Spark convention of the specification."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

import orjson
from flask import Response

# name of a list in XML -> name of each of its elements
ITEM = {
    "services": "service",
    "attributes": "attribute",
    "values": "value",
    "service_requests": "request",
    "service_request_updates": "request_update",
    "endpoints": "endpoint",
    "formats": "format",
    "errors": "error",
}
INVALID_XML_PATTERN = re.compile(
    "[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)  # what XML 1.0 cannot hold
MEDIA_TYPES = {"json": "application/json; charset=utf-8", "xml": "text/xml; charset=utf-8"}


def as_xml(name: str, value: Any) -> bytes:
    """Return a value as an XML document.

    Parameters
    ----------
    name
        Of the root element; of a list, one of `ITEM`.
    value
        Mappings, lists, texts, numbers, booleans and None (an empty element).
    """
    body: bytes = ElementTree.tostring(_element(name, value), encoding="unicode").encode()
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + body


def to_response(kind: str, name: str, value: Any, status: int = 200) -> Response:
    """Return a value as a response.

    Parameters
    ----------
    kind
        Json or xml.
    name
        Of the root element in XML; JSON has none.
    """
    data = orjson.dumps(value) if kind == "json" else as_xml(name, value)
    response = Response(data, status, content_type=MEDIA_TYPES[kind])
    response.headers["Access-Control-Allow-Origin"] = "*"  # nothing here depends on cookies
    response.headers["Vary"] = "Accept"
    return response


def _element(name: str, value: Any) -> ElementTree.Element:
    element = ElementTree.Element(name)
    if isinstance(value, Mapping):
        element.extend(_element(key, item) for key, item in value.items())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        element.extend(_element(ITEM[name], item) for item in value)
    elif isinstance(value, bool):
        element.text = str(value).lower()
    elif value is not None:
        element.text = INVALID_XML_PATTERN.sub("", str(value))
    return element
