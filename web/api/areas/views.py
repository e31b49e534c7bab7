"""The hierarchy of areas."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from gis.areas import hierarchy
from gis.areas.hierarchy import AreaRow
from gis.areas.models import Level
from gis.boundaries import difference
from web.http import params
from web.http.db import session
from web.http.openapi import alternative_response
from web.http.responses import GEOJSON, conditional_response, feature, geojson, paginate, wants_geojson

bp = APIBlueprint("areas", __name__, url_prefix="/api/v1", tag="Areas")


class AreasIn(params.Page, params.At):
    """Which areas."""

    level: Annotated[Level | None, Field(description="Only this level")] = None
    parent: Annotated[str | None, Field(description="Only those directly under this code", max_length=40)] = None
    q: Annotated[str | None, Field(description="Beginning of a code, or part of a name", max_length=100)] = None


class ChildrenIn(params.Page, params.At):
    """Which part of the children, and when."""


class AreaIn(params.At):
    """How much of an area."""

    geometry: Annotated[bool, Field(description="Answer a GeoJSON Feature; so does Accept: application/geo+json")] = (
        False
    )


class AreaName(BaseModel):
    """An area in a chain."""

    level: Level
    code: str
    name: str


class AreaOut(AreaName):
    """An area as it stood at the moment asked about."""

    level_zh: str
    parent: str | None = Field(description="Code of the area one level up; null for a county")
    county: str = Field(description="Code of its county")
    revision: int | None = Field(description="Boundary revision in force; null for an area without a shape")
    valid_from: datetime | None = Field(description="Since when that shape holds")
    valid_to: datetime | None = Field(description="Until when, the moment itself out; null: still")


class AreaDetailOut(AreaOut):
    """One area with its surroundings."""

    above: list[AreaName] = Field(description="The areas over it, county first")
    children: int = Field(description="How many areas stand directly under it")
    area_m2: float | None = Field(description="Square metres on the ellipsoid")
    bbox: tuple[float, float, float, float] | None = Field(description="West, south, east, north in degrees")
    point: tuple[float, float] | None = Field(description="A place inside it: longitude, latitude")


class AreasOut(BaseModel):
    """A page of areas."""

    items: list[AreaOut]
    next: str | None = Field(description="`cursor` of the next page; null on the last")


class BoundaryOut(BaseModel):
    """One shape an area has had."""

    revision: int
    title: str
    reason: str | None
    valid_from: datetime
    valid_to: datetime | None
    area_m2: float


class ChangeOut(BaseModel):
    """A change of name, parent or retirement."""

    at: datetime
    field: str
    old: str | None
    new: str | None
    why: str


class LineageOut(BaseModel):
    """A grid that this one came from, or went into."""

    relation: str = Field(description="split_from, split_into, merged_from or merged_into")
    code: str
    name: str
    revision: int
    title: str
    at: datetime = Field(description="Since when")


class HistoryOut(BaseModel):
    """How an area came to be, oldest first; a planned boundary begins later than now."""

    code: str
    boundaries: list[BoundaryOut]
    changes: list[ChangeOut]
    lineage: list[LineageOut]


class DifferenceIn(BaseModel):
    """Which two moments, and where."""

    from_: str = Field(alias="from", max_length=40, description="The earlier moment: ISO 8601", examples=["2026-01-01"])
    to: str = Field(max_length=40, description="The later moment; may be in the future", examples=["2026-12-01"])
    within: str = Field("", max_length=40, description="Only grids under the area with this code")


@bp.get("/areas")
@bp.input(AreasIn, location="query")
@bp.output(AreasOut)
@bp.doc(summary="List areas", responses={404: "No area has the parent's code"})
def areas(query_data: AreasIn) -> Response:
    """By code, so that what stands under an area follows it."""
    return listed(query_data, level=query_data.level, parent=query_data.parent, q=query_data.q)


@bp.get("/areas/<code>")
@bp.input(AreaIn, location="query")
@bp.output(AreaDetailOut)
@bp.doc(summary="One area", responses=alternative_response(GEOJSON, {"type": "object"}))
def area(code: str, query_data: AreaIn) -> Response:
    """With `geometry=true` a GeoJSON Feature: longitude first, WGS 84 (CGCS2000 differs by centimetres)."""
    geojson = query_data.geometry or wants_geojson()
    found = hierarchy.area(session(), code, params.parse_datetime(query_data.at), geometry=geojson)
    body = as_json(found.row) | {
        "above": found.above,
        "children": found.children,
        "area_m2": None if found.area_m2 is None else round(found.area_m2, 1),
        "bbox": found.bbox,
        "point": found.point,
    }
    if geojson:
        response = conditional_response(
            feature(code, found.geometry, body, **({"bbox": found.bbox} if found.bbox else {})), GEOJSON
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
    return listed(query_data, parent=code)


@bp.get("/areas/<code>/history")
@bp.output(HistoryOut)
@bp.doc(summary="The shapes and changes of an area")
def history(code: str) -> Response:
    """Every boundary with its dates and revision, and every change of name, parent and retirement."""
    boundaries, changes, lineage = hierarchy.history(session(), code)
    return conditional_response({"code": code, "boundaries": boundaries, "changes": changes, "lineage": lineage})


@bp.get("/areas/difference")
@bp.input(DifferenceIn, location="query")
@bp.doc(
    summary="What changed between two moments",
    responses={404: "No such area", 413: "Too many grids; ask within one area"},
)
def between(query_data: DifferenceIn) -> Response:
    """Grids with their old and new lines, and the pieces of land that changed hands; vertices alone are left out."""
    asked = query_data
    found = difference.compare_boundaries(
        session(), params.parse_datetime(asked.from_, "from"), params.parse_datetime(asked.to, "to"), asked.within
    )
    return conditional_response({
        "grids": [
            {"code": one.code, "name": one.name, "change": one.change, "area_m2": one.area_m2,
             "before": geojson(one.before), "after": geojson(one.after)}
            for one in found.grids
        ],
        "pieces": {"type": "FeatureCollection", "features": [
            {"type": "Feature", "geometry": geojson(land), "properties": {"from": start, "to": end, "area_m2": m2}}
            for start, end, m2, land in found.pieces
        ]},
    })  # fmt: skip


def listed(asked: AreasIn | ChildrenIn, **only: Any) -> Response:
    """A page of areas."""
    found = hierarchy.areas(
        session(),
        params.parse_datetime(asked.at),
        after=params.decode_cursor(asked.cursor),
        limit=asked.limit + 1,
        **only,
    )
    body = paginate(found, asked.limit, lambda row: row.code)
    return conditional_response(body | {"items": [as_json(row) for row in body["items"]]})


def as_json(row: AreaRow) -> dict[str, Any]:
    """An area as the API shows it."""
    return asdict(row) | {"level_zh": Level(row.level).zh}
