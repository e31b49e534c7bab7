"""A county of any number of grids, as arrays and in a database: neighbours share their borders
vertex for vertex.
"""

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import STORAGE_SRID, allow_boundary_writes, copy_rows, new_ids

STEP, CUTS = 0.003, 6  # degrees between corners, about 300 m; straight pieces of each border
WEST, SOUTH = 105.95, 26.23
COUNTY = "520402"
EVER = "[2020-01-01,)"


def lattice(columns: int, rows: int, seed: int = 1) -> NDArray[np.object_]:
    """columns × rows polygons, degrees on the 1e-7 lattice, row by row from the south-west."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(columns + 1.0), np.arange(rows + 1.0))
    corner = np.stack([x, y], axis=-1) + rng.uniform(-0.25, 0.25, (rows + 1, columns + 1, 2))
    share = (np.arange(CUTS) / CUTS)[:, None]

    def border(start: Any, end: Any) -> Any:
        line = start[..., None, :] + (end - start)[..., None, :] * share
        line[..., 1:, :] += rng.uniform(-0.03, 0.03, line[..., 1:, :].shape)
        return line

    across, up = border(corner[:, :-1], corner[:, 1:]), border(corner[:-1], corner[1:])
    back = slice(None, 0, -1)  # a border walked the other way, without its first corner
    ring = np.concatenate(
        [
            across[:-1],
            up[:, 1:],
            corner[1:, 1:, None],
            across[1:, :, back],
            corner[1:, :-1, None],
            up[:, :-1, back],
            corner[:-1, :-1, None],
        ],
        axis=2,
    )
    degrees = np.round(ring * STEP + [WEST, SOUTH], 7).reshape(columns * rows, -1, 2)
    shapes: NDArray[np.object_] = shapely.polygons(degrees)
    return shapes


def write(session: Session, shapes: NDArray[np.object_]) -> None:
    """Write grids with their county, streets, communities (20 grids each), and a leader and a
    worker for each grid.

    The upper levels get no shapes: locating asks only those of grids.
    """
    allow_boundary_writes(session)
    count = len(shapes)
    communities = -(-count // 20)
    streets = -(-communities // 500)
    ids = new_ids(session, "area", 1 + streets + communities + count)
    county, street = ids[0], ids[1 : 1 + streets]
    community, grid = ids[1 + streets : 1 + streets + communities], ids[1 + streets + communities :]
    rows: list[tuple[object, ...]] = [(county, COUNTY, "county", "示例县", COUNTY, None)]
    rows += [
        (person, f"{COUNTY}{n:03d}", "street", f"示例{n}街道", COUNTY, county)
        for n, person in enumerate(street)
    ]
    for n, person in enumerate(community):
        code = f"{COUNTY}{n // 500:03d}{n % 500:03d}"
        rows.append((person, code, "community", f"示例{n}社区", COUNTY, street[n // 500]))
    for n, person in enumerate(grid):
        code = f"{COUNTY}{n // 10_000:03d}{n // 20 % 500:03d}{n % 20 + 1:03d}"
        rows.append((person, code, "grid", f"示例第{n}网格", COUNTY, community[n // 20]))
    copy_rows(session, "area", ("id", "code", "level", "name", "county", "parent_id"), rows)
    revision = session.scalar(
        text(
            "INSERT INTO revision (title, state, author, published_at)"
            " VALUES ('bench', 'published', 'bench', now()) RETURNING id"
        )
    )
    multi = shapely.multipolygons(shapes, indices=np.arange(count))
    wkb = shapely.to_wkb(shapely.set_srid(multi, STORAGE_SRID), hex=True, include_srid=True)
    copy_rows(
        session,
        "boundary",
        ("area_id", "revision_id", "geom", "valid_time"),
        ((person, revision, shape, EVER) for person, shape in zip(grid, wkb, strict=True)),
    )
    people = new_ids(session, "personal.person", 2 * count)
    copy_rows(
        session,
        "personal.person",
        ("id", "code", "name"),
        ((person, f"B{n}", f"张示{n}") for n, person in enumerate(people)),
    )
    copy_rows(
        session,
        "post",
        ("county", "role", "area_id", "holder_id", "deputy_id", "valid_time"),
        (
            (COUNTY, role, person, people[2 * n + k], people[2 * n + 1 - k], EVER)
            for n, person in enumerate(grid)
            for k, role in enumerate(("grid_leader", "grid_worker"))
        ),
    )
