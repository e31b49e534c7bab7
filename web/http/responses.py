"""The JSON API. What its reads share: bytes with an ETag, pages with a cursor, GeoJSON features."""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

import orjson
import shapely
from flask import Response, request, send_file

from gis.facilities.circles import box_ewkt
from gis.shapes.polygon_coverage import PolygonLike
from web.http.params import decode_cursor, encode_cursor, number_cursor, parse_bbox

JSON_MEDIA_TYPE = "application/json"
GEOJSON = "application/geo+json"

Item = TypeVar("Item")


def conditional_response(body: object, kind: str = JSON_MEDIA_TYPE) -> Response:
    """Return a read's answer: kept by the reader but checked each time.

    304 when it has not changed.

    Dataclasses, dates and orjson.Fragment (ready JSON text) may be inside.
    """
    data = orjson.dumps(body)
    response = Response(data, mimetype=kind)
    response.headers["Cache-Control"] = "private, no-cache"
    response.set_etag(blake2b(data, digest_size=12).hexdigest())
    response.make_conditional(request)
    return response


def photo_response(path: Path, media_type: str) -> Response:
    """Return a photo as it is stored.

    No copy stays with the reader or on the way: rights change.
    """
    response = send_file(path, media_type, conditional=False, download_name=path.name, etag=False)
    response.headers.pop("Last-Modified", None)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Disposition"] = f'inline; filename="{path.name}"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.vary.update(("Authorization", "Cookie"))
    return response


def paginate(rows: Sequence[Item], limit: int, key: Callable[[Item], str]) -> dict[str, Any]:
    """Return one page of a list.

    Ask for `limit` + 1 rows, so that the last page is known to be the last.

    `next` is the cursor for what follows; null on the last page.
    """
    items = rows[:limit]
    return {"items": items, "next": encode_cursor(key(items[-1])) if len(rows) > limit else None}


def page_by_id(
    read: Callable[..., Sequence[Any]],
    bbox: str | None,
    cursor: str | None,
    limit: int,
    to_json: Callable[[Any], object],
) -> Response:
    """Return one page of rows that have an `id`, in a box or everywhere.

    Parameters
    ----------
    read
        Takes box (EWKT or None), cursor (id or None) and limit.
    """
    rows = read(
        box=None if bbox is None else box_ewkt(*parse_bbox(bbox)),
        cursor=number_cursor(decode_cursor(cursor)),
        limit=limit + 1,
    )
    page = paginate(rows, limit, lambda row: str(row.id))
    return conditional_response(page | {"items": [to_json(row) for row in page["items"]]})


def feature(
    code: str, geometry: str | None, properties: dict[str, Any], **members: object
) -> dict[str, Any]:
    """Return a GeoJSON Feature (RFC 7946) around a geometry that is ready JSON text."""
    shape = None if geometry is None else orjson.Fragment(geometry)
    return {"type": "Feature", "id": code, **members, "geometry": shape, "properties": properties}


def wants_geojson() -> bool:
    """Return whether the Accept header prefers GeoJSON to plain JSON."""
    return request.accept_mimetypes.best_match([JSON_MEDIA_TYPE, GEOJSON]) == GEOJSON


def geojson(land: PolygonLike | None) -> dict[str, Any] | None:
    """Return a polygon as GeoJSON, outer rings counter-clockwise (RFC 7946)."""
    if land is None:
        return None
    geometry: dict[str, Any] = orjson.loads(shapely.to_geojson(shapely.orient_polygons(land)))
    return geometry
