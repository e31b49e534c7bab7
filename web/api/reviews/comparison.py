"""Two drafts side by side as JSON."""

from typing import Any

from gis.areas.models import Revision
from gis.boundaries.draft_comparison import DraftComparison
from gis.exchange.comparison_table import figures_of
from web.http.responses import geojson


def comparison_to_json(compared: DraftComparison) -> dict[str, Any]:
    """Return two drafts side by side, with the shapes of the grids and of what differs."""
    return {
        "a": _draft(compared.a),
        "b": _draft(compared.b),
        "same_base": compared.same_base,
        "grids": [
            {
                "code": grid.code,
                "name": grid.name,
                **figures_of(grid),
                "shapes": {
                    side: None if values is None else geojson(values.shape)
                    for side, values in grid.sides.items()
                },
            }
            for grid in compared.grids
        ],
        "pieces": {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "geometry": geojson(land),
                    "properties": {"a": start, "b": end, "area_m2": area_m2},
                }
                for start, end, area_m2, land in compared.pieces
            ],
        },
    }


def _draft(revision: Revision) -> dict[str, Any]:
    keys = ("id", "title", "author", "base", "version")
    return {key: getattr(revision, key) for key in keys}
