"""Two drafts side by side as a table: .csv or .xlsx, a grid a row."""

from pathlib import Path

from gis.boundaries.draft_comparison import COMPARED_VERSIONS, ComparedGrid, DraftComparison
from gis.files.table_writer import write_values

FIGURE_LABELS = {
    "households": "户数",
    "people": "人数",
    "hectares": "公顷",
    "compactness": "紧凑度",
}


def write_comparison(compared: DraftComparison, path: Path) -> None:
    """Write the figures of each grid as published and in both drafts, and those of b less a.

    An empty cell: the grid has no land there.
    """
    labels = {"published": "已发布", "a": f"草案{compared.a.id}", "b": f"草案{compared.b.id}"}
    header = ["编码", "网格"]
    for figure in FIGURE_LABELS.values():
        header += [f"{figure}·{labels[side]}" for side in COMPARED_VERSIONS]
        header.append(f"{figure}·{labels['b']}减{labels['a']}")
    write_values(path, header, [_row(grid) for grid in compared.grids])


def figures_of(grid: ComparedGrid) -> dict[str, dict[str, float] | None]:
    """Return the figures of a grid by side, as pages and tables show them: land in hectares."""
    return {
        side: None
        if values is None
        else {
            "households": values.households,
            "people": values.people,
            "hectares": round(values.area_m2 / 10_000, 2),
            "compactness": round(values.compactness, 2),
        }
        for side, values in grid.sides.items()
    }


def _row(grid: ComparedGrid) -> list[str | int | float]:
    sides = figures_of(grid)
    row: list[str | int | float] = [grid.code, grid.name]
    for figure in FIGURE_LABELS:
        values = {side: None if cells is None else cells[figure] for side, cells in sides.items()}
        row += ["" if values[side] is None else values[side] for side in COMPARED_VERSIONS]  # type: ignore[misc]
        row.append(round((values["b"] or 0) - (values["a"] or 0), 2))
    return row
