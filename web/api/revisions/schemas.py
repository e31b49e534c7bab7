"""Boundary revisions as the API takes and shows them."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from gis.areas.models import Operation, Revision
from gis.boundaries import operations, preview
from gis.boundaries.editor_view import EditorView
from gis.boundaries.statistics import PREVIEW_LISTS, Preview, PreviewIssue
from gis.exchange import boundary_file
from gis.rights.principal import Principal
from gis.shapes.measure import geodesic_area_m2
from gis.shapes.polygon_coverage import Gap, Overlap
from web.http import params
from web.http.responses import geojson


class RevisionIn(BaseModel):
    """A new draft."""

    model_config = {"extra": "forbid"}

    title: str = Field(
        max_length=400,
        description="What the change is, in a few words",
        examples=["2026 春季网格调整"],
    )
    base: int | None = Field(
        None, description="The published revision it starts from; null: the newest"
    )


class RevisionsIn(params.Page):
    """Which revisions."""

    state: Annotated[
        Literal["draft", "published", "withdrawn"] | None, Field(description="Only these")
    ] = None


def _field_list(fields: Mapping[str, bool]) -> str:
    """Return the names of fields (name -> whether it is required), optional ones in brackets."""
    return ", ".join(name if required else f"[{name}]" for name, required in fields.items())


class OperationIn(BaseModel):
    """One edit; which other fields it has depends on `op`.

    Shapes are GeoJSON, longitude first, degrees.
    """

    model_config = {"extra": "allow"}

    op: str = Field(
        description="; ".join(
            f"{name}: {_field_list(operation_type.fields)}"
            for name, operation_type in operations.OPERATION_TYPES.items()
        )
    )


class PublishIn(BaseModel):
    """Why, and from when."""

    model_config = {"extra": "forbid"}

    reason: str = Field(max_length=2000, description="For everybody who looks at the history")
    effective: str | None = Field(None, max_length=40, description="From when, not past; null: now")


class FileIn(BaseModel):
    """How to read a file of grids."""

    title: str = Field(max_length=400, description="What the change is, in a few words")
    clean: float | None = Field(
        None, gt=0, le=50, description="Metres: overlaps and gaps up to this width are mended"
    )
    crs: str | None = Field(
        None,
        max_length=20,
        description="wgs84, cgcs2000, gcj02, bd09 or EPSG:number, where it names none",
    )
    layer: str | None = Field(
        None, max_length=100, description="Which layer, where the file has several"
    )
    missing: str | None = Field(
        None,
        max_length=20_000,
        description="Grids that the file omits: keep, retire, or the codes of those that end",
    )


class WithinIn(BaseModel):
    """Which area."""

    within: str = Field(max_length=40, description="Code of a grid, community, street or county")


class PreviewIn(BaseModel):
    """In which form."""

    format: Literal["json", "xlsx"] = Field("json", description="xlsx: a sheet to hand round")


REVISION_KEYS = (
    "id",
    "title",
    "state",
    "author",
    "publisher",
    "reason",
    "base",
    "effective",
    "created_at",
    "published_at",
    "version",
    "reverts",
)


def revision_to_json(revision: Revision, by: Principal) -> dict[str, Any]:
    """Return a revision without its operations."""
    return {key: getattr(revision, key) for key in REVISION_KEYS} | {
        "mine": by.kind == "system" or revision.author == by.actor
    }


def operation_to_json(operation: Operation, names: Mapping[str, str]) -> dict[str, Any]:
    """Return a step of a draft, with a sentence in both languages that names its grids."""
    zh, en = operations.describe_operation(operation.op, names)
    return {
        "step": operation.step,
        "op": shorten_operation(operation.op),
        "author": operation.author,
        "touched": operation.changed_codes,
        "made": sorted(operation.new_grids),
        "zh": zh,
        "en": en,
    }


def shorten_operation(op: Mapping[str, Any]) -> dict[str, Any]:
    """Return an operation as it was asked for; of a whole file only how many grids it has."""
    return {**op, "grids": len(op["grids"])} if "grids" in op else dict(op)


def grids_to_geojson(view: EditorView) -> dict[str, Any]:
    """Return the grids of a draft as GeoJSON."""
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "id": code,
                "geometry": geojson(land),
                "properties": {
                    "code": code,
                    "name": view.names.get(code, code),
                    "community": code[:12],
                    "households": view.households.get(code),
                    "people": view.people.get(code),
                    "area_m2": round(geodesic_area_m2(land), 1),
                    "compactness": preview.compactness(land),
                    "editable": editable,
                    "changed": old_land is not None,
                    "before": None if old_land is None else geojson(old_land),
                },
            }
            for code, (land, old_land, editable) in sorted(view.grids.items())
        ],
    }


def coverage_errors_to_geojson(file_draft: boundary_file.BoundaryFileDraft) -> dict[str, Any]:
    """Return the overlaps and gaps of a file as GeoJSON."""
    torn = file_draft.torn
    faults: list[tuple[Gap | Overlap, str, list[str]]] = [
        (fault, "overlap", [code, other_code]) for code, other_code, fault in torn.overlaps
    ]
    faults += [(fault, "gap", []) for fault in torn.gaps]
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": geojson(fault.shape),
                "properties": {
                    "kind": kind,
                    "codes": between,
                    "m2": round(fault.area_m2, 1),
                    "width_m": round(fault.width_m, 2),
                    "place": fault.label_point,
                },
            }
            for fault, kind, between in faults
        ],
    }


def missing_to_json(file_draft: boundary_file.BoundaryFileDraft) -> list[dict[str, str]]:
    """Return the grids that a file omits."""
    return [{"code": code, "name": name} for code, name in file_draft.missing.items()]


def issue_to_json(issue: PreviewIssue) -> dict[str, Any]:
    """Return an issue of a preview as JSON."""
    return issue._asdict()


GRID_CHANGE_FIELDS = (
    "code",
    "name",
    "community",
    "change",
    "area_m2",
    "households",
    "people",
    "buildings",
    "units",
    "compactness",
)


def preview_to_json(changes: Preview) -> dict[str, Any]:
    """Return a preview as JSON, with the geometry of every changed piece."""
    return {
        "revision": changes.revision,
        "title": changes.title,
        "state": changes.state,
        "totals": changes.totals,
        "grids": [
            {key: getattr(grid, key) for key in GRID_CHANGE_FIELDS}
            | {"before": geojson(grid.before), "after": geojson(grid.after)}
            for grid in changes.grids
        ],
        "pieces": {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "geometry": geojson(piece.shape),
                    "properties": {
                        "from": piece.start,
                        "to": piece.end,
                        "area_m2": piece.area_m2,
                        "households": piece.households,
                        "people": piece.people,
                    },
                }
                for piece in changes.pieces
            ],
        },
        "moved": [
            {
                "kind": item.kind,
                "code": item.code,
                "name": item.name,
                "from": item.start,
                "to": item.end,
                "households": item.households,
                "holder": item.holder,
            }
            for item in changes.moved
        ],
        "incidents": _incident_counts(changes),
        "incident_ids": changes.incident_ids,
        "problems": [issue_to_json(issue) for issue in changes.problems],
        "names": changes.names,
        **{key: [item._asdict() for item in getattr(changes, key)] for key in PREVIEW_LISTS},
    }


def _incident_counts(changes: Preview) -> list[dict[str, Any]] | None:
    """Return how many open incidents go from which grid to which.

    None for who may not see incidents.
    """
    if changes.incidents is None:
        return None
    by_grids = sorted(
        changes.incidents.items(), key=lambda pair: (pair[0][0] or "", pair[0][1] or "")
    )
    return [{"from": start, "to": end, "count": count} for (start, end), count in by_grids]
