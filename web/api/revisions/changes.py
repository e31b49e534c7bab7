"""What changed of a draft: by an operation, as the editor redraws it; since its approval."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gis.areas.codes import level_of
from gis.areas.models import Level, Operation, Revision
from gis.boundaries import (
    drafts,
    editor_view,
    operations,
    preview_grids,
    review_changes,
    reviews,
)
from gis.boundaries.identity_operations import names_given
from gis.rights.principal import Principal
from web.api.reviews.schemas import review_to_json
from web.api.revisions.schemas import (
    grids_to_geojson,
)
from web.http.db import session


def redrawn_grids(done: Iterable[Operation]) -> list[str]:
    """Return the grids that look different by some operations: another shape, or another name."""
    codes = {code for item in done for code in (*item.geometries, *names_given(item.op))}
    return sorted(code for code in codes if level_of(code) == Level.GRID)


def after_change(by: Principal, number: int, codes: Sequence[str]) -> dict[str, Any]:
    """Return the draft's version and, as GeoJSON, the grids that look different now.

    Without geometry: no land any more.
    """
    view = editor_view.build_editor_view(
        session(), by, drafts.list_operations(session(), number), codes, around=False
    )
    changed = grids_to_geojson(view)
    gone = [code for code in codes if code not in view.grids]
    changed["features"] += [
        {"type": "Feature", "id": code, "geometry": None, "properties": {"code": code}}
        for code in gone
    ]
    return {"version": session().get_one(Revision, number).version, "changed": changed}


def named_operations(number: int) -> list[tuple[Operation, Mapping[str, str]]]:
    """Return the steps of a revision, each with the names of the areas that it mentions."""
    steps = drafts.list_operations(session(), number)
    codes = {
        code
        for operation in steps
        for code in (
            *operations.grids_named(operation.op),
            *operation.changed_codes,
            str(operation.op.get("unit", "")),
            str(operation.op.get("parent", "")),
        )
    }
    names = preview_grids.grid_names(session(), codes, steps)
    return [(operation, names) for operation in steps]


def review_of(revision: Revision) -> dict[str, Any] | None:
    """Return where the review of a revision stands, with what changed since it lapsed."""
    review = reviews.find_review(session(), revision)
    if review is None:
        return None
    lapsed = review.state == "lapsed"
    changes = review_changes.changes_since(session(), revision, review.version) if lapsed else ()
    return review_to_json(review, changes)
