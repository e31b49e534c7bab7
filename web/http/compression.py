"""Answers packed with brotli or gzip, for whoever accepts it.

Pages that hold a token against forged forms are sent as they are: the length of a packed page
that also repeats words of its address would give the token away letter by letter (BREACH).
"""

import gzip
from collections.abc import Mapping
from functools import lru_cache

import brotli
from flask import Flask, Response, g, request

from web.http.responses import GEOJSON, JSON_MEDIA_TYPE

MIN_BYTES = 1_000  # less fits one packet as it is
CSRF_TOKEN_KEY = "csrf_token"  # where Flask-WTF keeps the token that it gave this request
MVT = "application/vnd.mapbox-vector-tile"
PACKED = frozenset(
    {
        JSON_MEDIA_TYPE,
        GEOJSON,
        MVT,
        "application/javascript",
        "application/problem+json",
        "application/xml",
        "image/svg+xml",
        "text/css",
        "text/csv",
        "text/html",
        "text/javascript",
        "text/plain",
        "text/xml",
    }
)
QUALITY = {"br": 4, "gzip": 5}  # of answers made for one request
# of those so long that sending takes longer: figures of a county a third shorter, at twice the time
LONG_BYTES, LONG_QUALITY = 1_000_000, QUALITY | {"br": 5}
FILE_QUALITY = {"br": 9, "gzip": 9}  # of files, packed once
CONTENT_ENCODINGS = tuple(QUALITY)  # the best first


def init_app(app: Flask) -> None:
    """Pack every answer that gains by it, after everything else has looked at it."""
    app.after_request(pack)


def pack(response: Response) -> Response:
    """Pack a whole answer in the best encoding that is accepted."""
    if response.mimetype not in PACKED or "Content-Encoding" in response.headers:
        return response
    response.vary.add("Accept-Encoding")
    encoding = accepted()
    if not encoding or not _gains(response):
        return response
    is_file = response.direct_passthrough
    response.direct_passthrough = False
    packed, encoding = (_encode_file if is_file else encode)(response.get_data(), encoding)
    if not encoding:
        return response
    etag, _ = response.get_etag()
    response.set_data(packed)
    response.headers["Content-Encoding"] = encoding
    # what nobody may store has an ETag only as its version, for If-Match, which is strong
    if etag and not response.cache_control.no_store:
        response.set_etag(etag, weak=True)
    return response


def encode(
    data: bytes, encoding: str, quality: Mapping[str, int] | None = None
) -> tuple[bytes, str]:
    """Return data packed, and how; as it is where that gains nothing.

    Parameters
    ----------
    encoding
        One of CONTENT_ENCODINGS; empty: as it is.
    quality
        By encoding; None: as suits an answer of this length.
    """
    quality = quality or (QUALITY if len(data) < LONG_BYTES else LONG_QUALITY)
    if not encoding or len(data) < MIN_BYTES:
        return data, ""
    if encoding == "br":
        return brotli.compress(data, quality=quality[encoding]), encoding
    return gzip.compress(data, quality[encoding], mtime=0), encoding


@lru_cache(maxsize=512)
def _encode_file(data: bytes, encoding: str) -> tuple[bytes, str]:
    return encode(data, encoding, FILE_QUALITY)


def accepted() -> str:
    """Return the best encoding that the request accepts; empty for none."""
    sent = request.accept_encodings
    return next((name for name in CONTENT_ENCODINGS if sent.quality(name) > 0), "")


def _gains(response: Response) -> bool:
    """Return whether an answer is whole, has a body and may be packed."""
    if response.status_code in (204, 206, 304):
        return False
    if response.mimetype == "text/html" and CSRF_TOKEN_KEY in g:
        return False
    return response.direct_passthrough or not response.is_streamed
