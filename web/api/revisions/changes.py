"""What an operation changed of a draft, as the editor redraws it."""

from collections.abc import Sequence
from typing import Any

from gis.areas.models import Revision
from gis.boundaries import drafts, editor_view
from gis.rights.principal import Principal
from web.api.revisions.schemas import (
    grids_to_geojson,
)
from web.http.db import session


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
