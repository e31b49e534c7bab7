"""The hierarchy of areas."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from gis.areas import hierarchy
from gis.areas.division_codes import find_listed_codes
from gis.boundaries import difference
from web.api.areas.schemas import (
    AreaDetailOut,
    AreaIn,
    AreasIn,
    AreasOut,
    ChildrenIn,
    DifferenceIn,
    HistoryIn,
    HistoryOut,
    area_to_json,
)
from web.http import params
from web.http.db import session
from web.http.openapi import alternative_response
from web.http.responses import (
    GEOJSON,
    conditional_response,
    feature,
    geojson,
    paginate,
    wants_geojson,
)

bp = APIBlueprint("areas", __name__, url_prefix="/api/v1", tag="Areas")


@bp.get("/areas")
@bp.input(AreasIn, location="query")
@bp.output(AreasOut)
@bp.doc(summary="List areas", responses={404: "No area has the parent's code"})
def areas(query_data: AreasIn) -> Response:
    """By code, so that what stands under an area follows it."""
    return areas_page(query_data, level=query_data.level, parent=query_data.parent, q=query_data.q)


@bp.get("/areas/<code>")
@bp.input(AreaIn, location="query")
@bp.output(AreaDetailOut)
@bp.doc(summary="One area", responses=alternative_response(GEOJSON, {"type": "object"}))
def area(code: str, query_data: AreaIn) -> Response:
    """Return an area; with `geometry=true` as a GeoJSON Feature.

    Longitude first, WGS 84 (CGCS2000 differs by centimetres).
    """
    geojson = query_data.geometry or wants_geojson()
    detail = hierarchy.area(session(), code, params.parse_datetime(query_data.at), geometry=geojson)
    body = area_to_json(detail.row) | {
        "code_list": detail.code_list,
        "division_codes": find_listed_codes(session(), code),
        "above": detail.above,
        "children": detail.children,
        "area_m2": None if detail.area_m2 is None else round(detail.area_m2, 1),
        "bbox": detail.bbox,
        "point": detail.point,
    }
    if geojson:
        response = conditional_response(
            feature(code, detail.geometry, body, **({"bbox": detail.bbox} if detail.bbox else {})),
            GEOJSON,
        )
    else:
        response = conditional_response(body)
    response.vary.add("Accept")
    return response


@bp.get("/areas/<code>/children")
@bp.input(ChildrenIn, location="query")
@bp.output(AreasOut)
@bp.doc(summary="The areas directly under one")
def children(code: str, query_data: ChildrenIn) -> Response:
    """By code."""
    return areas_page(query_data, parent=code)


@bp.get("/areas/<code>/history")
@bp.input(HistoryIn, location="query")
@bp.output(HistoryOut)
@bp.doc(summary="The shapes and changes of an area")
def history(code: str, query_data: HistoryIn) -> Response:
    """Return every boundary of an area with its dates, and every change of name, parent or end.

    With `at` only the boundary that held then, and what had happened to the area by then.
    """
    at = params.parse_datetime(query_data.at) if query_data.at else None
    boundaries, changes, lineage = hierarchy.history(session(), code, at)
    return conditional_response(
        {"code": code, "boundaries": boundaries, "changes": changes, "lineage": lineage}
    )


@bp.get("/areas/difference")
@bp.input(DifferenceIn, location="query")
@bp.doc(
    summary="What changed between two moments",
    responses={404: "No such area", 413: "Too many grids; ask within one area"},
)
def between(query_data: DifferenceIn) -> Response:
    """Grids with their old and new lines, and the pieces of land that changed hands.

    Vertices alone are left out.
    """
    changes = difference.compare_boundaries(
        session(),
        params.parse_datetime(query_data.from_, "from"),
        params.parse_datetime(query_data.to, "to"),
        query_data.within,
    )
    return conditional_response(
        {
            "grids": [
                {
                    "code": grid.code,
                    "name": grid.name,
                    "change": grid.change,
                    "area_m2": grid.area_m2,
                    "before": geojson(grid.old_shape),
                    "after": geojson(grid.new_shape),
                }
                for grid in changes.grids
            ],
            "pieces": {
                "type": "FeatureCollection",
                "features": [
                    {
                        "type": "Feature",
                        "geometry": geojson(land),
                        "properties": {"from": start, "to": end, "area_m2": m2},
                    }
                    for start, end, m2, land in changes.pieces
                ],
            },
        }
    )


def areas_page(query: AreasIn | ChildrenIn, **only: Any) -> Response:
    """Return a page of areas as a response."""
    rows = hierarchy.areas(
        session(),
        params.parse_datetime(query.at),
        after=params.decode_cursor(query.cursor),
        limit=query.limit + 1,
        **only,
    )
    body = paginate(rows, query.limit, lambda row: row.code)
    return conditional_response(body | {"items": [area_to_json(row) for row in body["items"]]})
