"""GeoJSON of a layer: for a rectangle or for one code.

Coordinates are longitude, latitude (RFC 7946).
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Text, cast, func, select
from sqlalchemy.orm import Session

from gis.db import STORAGE_SRID
from gis.errors import InvalidInput
from layers.layer import Layer

MAX_RESPONSE_FEATURES = 5_000  # features in one answer, unless asked for fewer
COORDINATE_DECIMALS = 7  # the stored precision


def feature_collection(
    session: Session,
    layer: Layer,
    at: datetime,
    *,
    bbox: tuple[float, float, float, float] | None = None,
    code: str | None = None,
    limit: int = MAX_RESPONSE_FEATURES,
    decimals: int = COORDINATE_DECIMALS,
) -> dict[str, Any]:
    """Return the features of a layer as a FeatureCollection, sorted by code.

    Parameters
    ----------
    bbox
        (west, south, east, north) in degrees; only features that touch it.
    code
        Only the feature of this code.

    Returns
    -------
    dict
        GeoJSON; its member `truncated` tells whether there are more than `limit`.

    Raises
    ------
    InvalidInput
        `layer.without_codes`: a code is asked for, but the layer has none.
    """
    rows = layer.query(at).subquery()
    shape = func.ST_PointOnSurface(rows.c.geom) if layer.geometry_type == "point" else rows.c.geom
    properties = [column for column in rows.c if column.name not in ("geom", "min_zoom")]
    if layer.dissolved:
        shape = func.ST_Union(shape)
    question = select(
        cast(func.ST_AsGeoJSON(func.ST_ForcePolygonCCW(shape), decimals, 0), Text).label(
            "geometry"
        ),
        *properties,
    )
    if layer.dissolved:
        question = question.having(func.count() > 0)
    if bbox is not None:
        box = func.ST_MakeEnvelope(*bbox, STORAGE_SRID)
        question = question.where(rows.c.geom.op("&&")(box), func.ST_Intersects(rows.c.geom, box))
    if code is not None:
        if "code" not in rows.c:
            raise InvalidInput("layer.without_codes", layer=layer.name)
        question = question.where(rows.c.code == code)
    if "code" in rows.c:
        question = question.order_by(rows.c.code)
    records = session.execute(question.limit(limit + 1)).mappings().all()
    return {
        "type": "FeatureCollection",
        "layer": layer.name,
        "truncated": len(records) > limit,
        "features": [
            {
                "type": "Feature",
                "geometry": orjson.loads(record["geometry"]),
                "properties": {key: value for key, value in record.items() if key != "geometry"},
            }
            for record in records[:limit]
        ],
    }


def visible_collections(
    session: Session,
    layers: Iterable[Layer],
    at: datetime,
    bbox: tuple[float, float, float, float],
    zoom: int,
) -> list[tuple[Layer, dict[str, Any]]]:
    """Return those of some layers that a map of that zoom shows, with their features in a box.

    A layer with more features than one answer holds is left out.
    """
    pairs = [
        (layer, feature_collection(session, layer, at, bbox=bbox))
        for layer in layers
        if zoom - 1 >= layer.zooms.start
    ]
    return [(layer, collection) for layer, collection in pairs if not collection["truncated"]]
