"""Vector tiles and GeoJSON of the layers."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Annotated

import orjson
from apiflask import APIBlueprint
from flask import Response, request
from flask.sansio.blueprints import BlueprintSetupState
from pydantic import Field

from gis.errors import NotFound, invalid_field
from gis.facilities.categories import CATEGORY_BY_KEY
from gis.facilities.circle_runs import CIRCLE_MINUTES
from layers import features as geojson
from layers import tiles
from layers.layer import Layer
from layers.registry import LAYERS, TILE_SETS
from layers.service_area import service_layers
from web.api.tiles.kept import KeptTiles, kept_tiles
from web.http import params
from web.http.compression import MVT, accepted
from web.http.db import session
from web.http.openapi import alternative_response
from web.http.responses import GEOJSON

bp = APIBlueprint("tiles", __name__, tag="Maps")


@bp.record_once
def keep_tiles(state: BlueprintSetupState) -> None:
    """Give the application its kept tiles."""
    state.app.extensions["tiles"] = KeptTiles(state.app.config["SESSION_FACTORY"])


# the address names the version, so the bytes never change
CACHE_IMMUTABLE = "public, max-age=31536000, immutable"
CACHE_REVALIDATE = (
    "public, no-cache"  # an address without a version: kept, but checked by its ETag each time
)


class FeaturesIn(params.At):
    """What part of a layer is asked for."""

    bbox: str | None = Field(
        None, description="west,south,east,north in degrees", examples=["105.94,26.22,105.96,26.24"]
    )
    code: str | None = Field(None, description="Only the feature with this code", max_length=100)
    limit: Annotated[int, Field(ge=1, le=20_000, description="At most so many features")] = (
        geojson.MAX_RESPONSE_FEATURES
    )


@bp.get("/tiles/<layer>/<int:z>/<int:x>/<int:y>.mvt")
@bp.doc(
    summary="A vector tile of a layer, or of a set of layers (base, city)",
    responses=alternative_response(MVT, {"type": "string", "format": "binary"})
    | {204: "Nothing there"},
)
def tile(layer: str, z: int, x: int, y: int) -> Response:
    """512-pixel tiles.

    `v` in the query is the data's version and lets browsers keep the answer for good; `at` another
    moment, past or planned.

    Raises
    ------
    NotFound
        There is no such layer.
    """
    if layer not in TILE_SETS:
        raise NotFound("layer.unknown", name=layer, allowed=[*TILE_SETS])
    return _tile(TILE_SETS[layer], z, x, y)


@bp.get("/tiles/service/<category>/<int:minutes>/<int:z>/<int:x>/<int:y>.mvt")
@bp.doc(
    summary="A vector tile of what one category of facilities serves within a walk",
    responses=alternative_response(MVT, {"type": "string", "format": "binary"})
    | {204: "Nothing there"},
)
def service_tile(category: str, minutes: int, z: int, x: int, y: int) -> Response:
    """Return the ground within 5, 10 or 15 minutes (`served`) and the homes beyond (`beyond`).

    Raises
    ------
    NotFound
        There is no such category, or no circles of so many minutes.
    """
    if category not in CATEGORY_BY_KEY:
        raise NotFound("layer.category_unknown", category=category)
    if minutes not in CIRCLE_MINUTES:
        raise NotFound("layer.minutes_unknown", minutes=minutes, allowed=[*CIRCLE_MINUTES])
    return _tile(service_layers(category, minutes), z, x, y)


def _tile(layers: Sequence[Layer], z: int, x: int, y: int) -> Response:
    """Send layers as a vector tile of the moment that the address names, else of now."""
    stated = request.args.get("at")
    at = params.parse_datetime(stated)
    # of what was read of the address: digits may be written in many ways
    named = "/".join(map(str, (request.view_args or {}).values()))
    address = f"{named} {at.isoformat() if stated else ''}"
    drawn = kept_tiles().get(
        address,
        request.args.get("v", ""),
        accepted(),
        lambda: tiles.tile(session(), layers, z, x, y, at),
    )
    response = Response(drawn.body, 200 if drawn.body else 204, mimetype=MVT)
    response.vary.add("Accept-Encoding")
    if drawn.encoding:
        response.headers["Content-Encoding"] = drawn.encoding
    return cacheable(response, drawn.etag, weak=bool(drawn.encoding))


@bp.get("/api/v1/layers")
@bp.doc(summary="The layers and how they are painted")
def layers() -> Response:
    """Every layer with its words, zooms, styles and labels."""
    return Response(
        orjson.dumps([layer.as_json() for layer in LAYERS.values()]), mimetype="application/json"
    )


@bp.get("/api/v1/layers/<layer>")
@bp.input(FeaturesIn, location="query")
@bp.doc(
    summary="A layer's features as GeoJSON, for a rectangle or a code",
    responses=alternative_response(GEOJSON, {"type": "object"}),
)
def layer_features(layer: str, query_data: FeaturesIn) -> Response:
    """Coordinates are longitude, latitude; `truncated` says there were more than `limit`.

    Raises
    ------
    InvalidInput
        Neither a rectangle nor a code is named.
    NotFound
        There is no such layer, or no feature with the code.
    """
    if query_data.bbox is None and query_data.code is None:
        raise invalid_field("bbox", "layer.bbox_missing")
    box = None if query_data.bbox is None else params.parse_bbox(query_data.bbox)
    collection = geojson.feature_collection(
        session(),
        require_layer(layer),
        params.parse_datetime(query_data.at),
        bbox=box,
        code=query_data.code,
        limit=query_data.limit,
    )
    if query_data.code is not None and not collection["features"]:
        raise NotFound("layer.feature_unknown", layer=layer, code=query_data.code)
    data = orjson.dumps(collection)
    return cacheable(Response(data, mimetype=GEOJSON), sha256(data).hexdigest()[:20])


def require_layer(name: str) -> Layer:
    """Return the layer of a name.

    Raises
    ------
    NotFound
        There is none; those there are are named.
    """
    if name not in LAYERS:
        raise NotFound("layer.unknown", name=name, allowed=[*LAYERS])
    return LAYERS[name]


def cacheable(response: Response, etag: str, *, weak: bool = False) -> Response:
    """Set ETag and caching; answer 304 when the asker has it already.

    Parameters
    ----------
    etag
        Empty: none.
    weak
        Whether the bytes may differ, as those of a packed answer.
    """
    response.headers["Cache-Control"] = CACHE_IMMUTABLE if "v" in request.args else CACHE_REVALIDATE
    if etag:
        response.set_etag(etag, weak=weak)
    response.make_conditional(request)
    return response
