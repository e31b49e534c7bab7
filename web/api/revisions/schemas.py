"""Boundary revisions as the API takes and shows them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from gis.areas.models import Operation, Revision
from gis.boundaries import operations, preview
from gis.boundaries.editor_view import EditorView
from gis.boundaries.statistics import Preview, PreviewIssue
from gis.exchange import boundary_file
from gis.rights.access import Principal
from gis.shapes.measure import geodesic_area_m2
from gis.shapes.polygon_coverage import Gap, Overlap
from web.http import params
from web.http.responses import geojson


class RevisionIn(BaseModel):
    """A new draft."""

    model_config = {"extra": "forbid"}

    title: str = Field(max_length=400, description="What the change is, in a few words", examples=["2026 春季网格调整"])
    base: int | None = Field(None, description="The published revision it starts from; null: the newest")


class RevisionsIn(params.Page):
    """Which revisions."""

    state: Annotated[Literal["draft", "published", "withdrawn"] | None, Field(description="Only these")] = None


class OperationIn(BaseModel):
    """One edit; which other fields it has depends on `op`. Shapes are GeoJSON, longitude first, degrees."""

    model_config = {"extra": "allow"}

    op: str = Field(description="; ".join(
        f"{name}: {', '.join(key if needed else f'[{key}]' for key, needed in kind.fields.items())}"
        for name, kind in operations.OPERATION_TYPES.items()
    ))  # fmt: skip


class PublishIn(BaseModel):
    """Why, and from when."""

    model_config = {"extra": "forbid"}

    reason: str = Field(max_length=2000, description="For everybody who looks at the history")
    effective: str | None = Field(None, max_length=40, description="From when, not past; null: now")


class FileIn(BaseModel):
    """How to read a file of grids."""

    title: str = Field(max_length=400, description="What the change is, in a few words")
    clean: float | None = Field(None, gt=0, le=50, description="Metres: overlaps and gaps up to this width are mended")
    crs: str | None = Field(
        None, max_length=20, description="wgs84, cgcs2000, gcj02, bd09 or EPSG:number, where it names none"
    )
    layer: str | None = Field(None, max_length=100, description="Which layer, where the file has several")


class WithinIn(BaseModel):
    """Which area."""

    within: str = Field(max_length=40, description="Code of a grid, community, street or county")


class PreviewIn(BaseModel):
    """In which form."""

    format: Literal["json", "xlsx"] = Field("json", description="xlsx: a sheet to hand round")


def revision_to_json(found: Revision, by: Principal) -> dict[str, Any]:
    """A revision without its operations."""
    keys = ("id", "title", "state", "author", "publisher", "reason", "base", "effective", "created_at", "published_at",
            "version", "reverts")  # fmt: skip
    return {key: getattr(found, key) for key in keys} | {"mine": by.kind == "system" or found.author == by.who}


def operation_to_json(made: Operation, names: Mapping[str, str]) -> dict[str, Any]:
    zh, en = operations.describe_operation(made.op, names)
    return {
        "step": made.step,
        "op": shorten_operation(made.op),
        "touched": made.touched,
        "made": sorted(made.made),
        "zh": zh,
        "en": en,
    }


def shorten_operation(op: Mapping[str, Any]) -> dict[str, Any]:
    """An operation as it was asked for; of a whole file only how many grids it has."""
    return {**op, "grids": len(op["grids"])} if "grids" in op else dict(op)


def grids_to_geojson(found: EditorView) -> dict[str, Any]:
    """Grids of a draft as GeoJSON."""
    return {"type": "FeatureCollection", "features": [
        {
            "type": "Feature",
            "id": code,
            "geometry": geojson(land),
            "properties": {
                "code": code, "name": found.names.get(code, code), "community": code[:12],
                "households": found.households.get(code), "people": found.people.get(code), "area_m2": round(geodesic_area_m2(land), 1),
                "compactness": preview.compactness(land), "editable": editable, "changed": before is not None,
                "before": None if before is None else geojson(before),
            },
        }
        for code, (land, before, editable) in sorted(found.grids.items())
    ]}  # fmt: skip


def coverage_errors_to_geojson(found: boundary_file.BoundaryFileDraft) -> dict[str, Any]:
    """The overlaps and gaps of a file as GeoJSON."""
    torn = found.torn
    faults: list[tuple[Gap | Overlap, str, list[str]]] = [
        (one, "overlap", [first, second]) for first, second, one in torn.overlaps
    ]
    faults += [(one, "gap", []) for one in torn.gaps]
    return {"type": "FeatureCollection", "features": [
        {"type": "Feature", "geometry": geojson(one.shape), "properties": {
            "kind": kind, "codes": between, "m2": round(one.m2, 1), "width_m": round(one.width, 2), "place": one.place}}
        for one, kind, between in faults
    ]}  # fmt: skip


def issue_to_json(one: PreviewIssue) -> dict[str, Any]:
    """A problem as JSON."""
    return one._asdict()


def preview_to_json(found: Preview) -> dict[str, Any]:
    """A preview as JSON, with the geometry of every changed piece."""
    fields: Callable[[Any, Sequence[str]], dict[str, Any]] = lambda one, keys: {key: getattr(one, key) for key in keys}  # noqa: E731
    return {
        "revision": found.revision, "title": found.title, "state": found.state, "totals": found.totals,
        "grids": [
            fields(one, ("code", "name", "community", "change", "area_m2", "households", "people", "buildings", "units",
                         "compactness")) | {"before": geojson(one.before), "after": geojson(one.after)}
            for one in found.grids
        ],
        "pieces": {"type": "FeatureCollection", "features": [
            {"type": "Feature", "geometry": geojson(one.shape), "properties": {
                "from": one.start, "to": one.end, "area_m2": one.area_m2, "households": one.households, "people": one.people}}
            for one in found.pieces
        ]},
        "moved": [{"kind": one.kind, "code": one.code, "name": one.name, "from": one.start, "to": one.end,
                   "households": one.households, "holder": one.holder} for one in found.moved],
        "incidents": None if found.incidents is None else [
            {"from": start, "to": end, "count": count} for (start, end), count in sorted(
                found.incidents.items(), key=lambda pair: (pair[0][0] or "", pair[0][1] or ""))],
        "incident_ids": found.incident_ids,
        "problems": [issue_to_json(one) for one in found.problems],
        "names": found.names,
    }  # fmt: skip
