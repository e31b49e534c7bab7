"""OGC API – Features at /ogc: the layers as collections for QGIS, GDAL and programs.

Parts 1 (core), 2 (coordinate reference systems) and 3 (queryables only):
https://docs.ogc.org/is/17-069r4/17-069r4.html, https://docs.ogc.org/is/18-058r1/18-058r1.html,
https://docs.ogc.org/is/19-079r2/19-079r2.html. What is offered is as public as the map.
"""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from apiflask import APIBlueprint
from flask import Response, request

from gis.errors import NotFound
from gis.messages import Message, render
from layers.collections import (
    COLLECTIONS,
    Collection,
    ItemFilter,
    Period,
    count_items,
    queryables,
    read_extent,
    read_items,
)
from web.http.db import session
from web.http.i18n import chosen
from web.http.openapi import alternative_response
from web.http.request_headers import service_root
from web.http.responses import GEOJSON, JSON_MEDIA_TYPE, conditional_response
from web.ogc import schemas
from web.ogc.schemas import CRS84, link

bp = APIBlueprint("ogc", __name__, url_prefix="/ogc", tag="Maps")

SCHEMA_JSON = "application/schema+json"
OPENAPI_JSON = "application/vnd.oai.openapi+json;version=3.0"


@bp.after_request
def require_400(response: Response) -> Response:
    """Answer 400 where the rest of the service answers 422, as the standard has it (7.5.1)."""
    if response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY and response.is_json:
        problem = dict(response.json or {}) | {"status": HTTPStatus.BAD_REQUEST}
        response.set_data(orjson.dumps(problem))
        response.status_code = HTTPStatus.BAD_REQUEST
    return response


def root() -> str:
    """Return the address of the API, without a slash at the end."""
    return f"{service_root()}{bp.url_prefix}"


def require_collection(name: str) -> Collection:
    """Return a collection by its id.

    Raises
    ------
    NotFound
        There is none.
    """
    if name not in COLLECTIONS:
        raise NotFound("layer.unknown", name=name, allowed=[*COLLECTIONS])
    return COLLECTIONS[name]


def now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


def names(collection: Collection) -> tuple[str, str]:
    """Return title and description of a collection in the reader's language."""
    layer = collection.layer
    return render(layer.title, chosen()), render(layer.hint or layer.title, chosen())


@bp.get("/")
@bp.doc(summary="OGC API – Features: where everything is")
def landing_page() -> Response:
    """Link to the collections, the conformance classes and the description of the API."""
    here = root()
    return conditional_response(
        {
            "title": render(Message("ogc.title"), chosen()),
            "description": render(Message("ogc.description"), chosen()),
            "links": [
                link(f"{here}/", "self", JSON_MEDIA_TYPE),
                link(f"{service_root()}/openapi.json", "service-desc", OPENAPI_JSON),
                link(f"{service_root()}/docs", "service-doc", "text/html"),
                link(f"{here}/conformance", "conformance", JSON_MEDIA_TYPE),
                link(f"{here}/collections", "data", JSON_MEDIA_TYPE),
            ],
        }
    )


@bp.get("/conformance")
@bp.doc(summary="OGC API – Features: the classes of requirements that are met")
def conformance() -> Response:
    """Parts 1 (core, OpenAPI 3.0, GeoJSON), 2 (CRS) and 3 (queryables as parameters)."""
    return conditional_response({"conformsTo": schemas.CONFORMANCE})


@bp.get("/collections")
@bp.doc(summary="OGC API – Features: the collections")
def list_collections() -> Response:
    """Counties, streets, communities, grids, units, buildings, facilities, service circles."""
    here = f"{root()}/collections"
    return conditional_response(
        {
            "links": [link(here, "self", JSON_MEDIA_TYPE)],
            "crs": schemas.CRS_URIS,
            "collections": [_describe(collection) for collection in COLLECTIONS.values()],
        }
    )


@bp.get("/collections/<name>")
@bp.doc(summary="OGC API – Features: one collection", responses={404: "No such collection"})
def get_collection(name: str) -> Response:
    """Its box, since when it has features, and the systems it can be had in."""
    return conditional_response(_describe(require_collection(name)))


@bp.get("/collections/<name>/queryables")
@bp.doc(
    summary="OGC API – Features: what features of a collection can be chosen by",
    responses=alternative_response(SCHEMA_JSON, {"type": "object"}) | {404: "No such collection"},
)
def get_queryables(name: str) -> Response:
    """Describe the properties by a JSON Schema; each is a parameter of the items."""
    collection = require_collection(name)
    here = f"{root()}/collections/{name}/queryables"
    title = names(collection)[0]
    document = schemas.queryables_document(here, title, queryables(collection, now()))
    return conditional_response(document, SCHEMA_JSON)


@bp.get("/collections/<name>/items")
@bp.input(schemas.ItemsIn, location="query")
@bp.doc(
    summary="OGC API – Features: the features of a collection",
    responses=alternative_response(GEOJSON, {"type": "object"}) | {404: "No such collection"},
)
def list_items(name: str, query_data: schemas.ItemsIn) -> Response:
    """Return a page in the order of codes; the link `next` leads on.

    Areas come as they are now, or with `datetime` as they were, are planned, or last were in an
    interval; other features are the same at every moment. In EPSG:4490 latitude comes first.
    """
    collection = require_collection(name)
    at = now()
    crs = schemas.parse_crs(query_data.crs, "crs")
    equal = schemas.require_known(query_data, [*queryables(collection, at)])
    bbox_crs = schemas.parse_crs(query_data.bbox_crs, "bbox-crs")
    item_filter = ItemFilter(
        schemas.parse_period(query_data.datetime_, at),
        schemas.parse_box(query_data.bbox, bbox_crs) if query_data.bbox is not None else None,
        equal,
    )
    limit = min(query_data.limit, schemas.MAX_PAGE_ITEMS)
    total = count_items(session(), collection, item_filter, at)
    rows = read_items(
        session(),
        collection,
        item_filter,
        at,
        limit=limit,
        offset=query_data.offset,
        latitude_first=crs != CRS84,
    )
    links = [
        link(_page(query_data.offset, limit), "self", GEOJSON),
        link(f"{root()}/collections/{name}", "collection", JSON_MEDIA_TYPE),
    ]
    if rows and query_data.offset + len(rows) < total:
        links.append(link(_page(query_data.offset + limit, limit), "next", GEOJSON))
    body = {
        "type": "FeatureCollection",
        "features": [schemas.feature(row) for row in rows],
        "links": links,
        "numberMatched": total,
        "numberReturned": len(rows),
    }
    return _in_crs(conditional_response(body, GEOJSON), crs)


@bp.get("/collections/<name>/items/<code>")
@bp.input(schemas.ItemIn, location="query")
@bp.doc(
    summary="OGC API – Features: one feature of a collection",
    responses=alternative_response(GEOJSON, {"type": "object"})
    | {404: "No such collection, or no feature with the code"},
)
def get_item(name: str, code: str, query_data: schemas.ItemIn) -> Response:
    """Return the feature with a code, as it is now.

    Raises
    ------
    NotFound
        There is no such collection, or no feature with the code.
    """
    collection, at = require_collection(name), now()
    schemas.require_known(query_data)
    crs = schemas.parse_crs(query_data.crs, "crs")
    item_filter = ItemFilter(Period(at, at), equal={"code": code})
    rows = read_items(
        session(), collection, item_filter, at, limit=1, offset=0, latitude_first=crs != CRS84
    )
    if not rows:
        raise NotFound("layer.feature_unknown", layer=name, code=code)
    here = f"{root()}/collections/{name}"
    links = [
        link(f"{here}/items/{quote(code)}", "self", GEOJSON),
        link(here, "collection", JSON_MEDIA_TYPE),
    ]
    return _in_crs(conditional_response(schemas.feature(rows[0]) | {"links": links}, GEOJSON), crs)


def _describe(described: Collection) -> dict[str, Any]:
    extent = read_extent(session(), described, now())
    return schemas.collection_document(root(), described, names(described), extent)


def _page(offset: int, limit: int) -> str:
    """Return the address of another page of the same request."""
    kept = [pair for pair in request.args.items(multi=True) if pair[0] not in ("offset", "limit")]
    return f"{root()}{request.path.removeprefix(str(bp.url_prefix))}?" + urlencode(
        [*kept, ("limit", limit), ("offset", offset)]
    )


def _in_crs(response: Response, crs: str) -> Response:
    response.headers["Content-Crs"] = f"<{crs}>"
    return response
