"""Elevation rasters of a stated shape, as GeoTIFF."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray

from gis import crs
from gis.files.raster import RasterHeights
from gis.files.raster_reader import read_heights

Floats = NDArray[np.float64]
ZONE = 4544  # CGCS2000 Gauss-Krüger, 105°E, of the made-up networks


def write_raster(
    path: Path,
    height: Callable[[Floats, Floats], Floats],
    transform: Affine,
    size: tuple[int, int],
    *,
    epsg: int | None = ZONE,
    surface_epsg: int = ZONE,
    dtype: str = "float64",
    hole: Callable[[Floats, Floats], NDArray[np.bool_]] | None = None,
    **options: object,
) -> Path:
    """Write heights of a surface at the centres of cells.

    Parameters
    ----------
    height
        Metres at x and y of `surface_epsg`.
    transform
        Of the raster, in `epsg`.
    size
        Rows and columns.
    hole
        Where there is no height: -9999.
    """
    row, column = np.mgrid[0 : size[0], 0 : size[1]]
    x, y = transform @ (column + 0.5, row + 0.5)
    if epsg and epsg != surface_epsg:
        x, y = crs.get_transformer(epsg, surface_epsg).transform(x, y)
    cells = np.asarray(height(x, y), float)
    if hole:
        cells = np.where(hole(x, y), -9999, cells)
        options["nodata"] = -9999
    if np.dtype(dtype).kind in "iu":
        cells = cells.round()
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=size[0],
        width=size[1],
        count=1,
        dtype=dtype,
        crs=f"EPSG:{epsg}" if epsg else None,
        transform=transform,
        **options,
    ) as raster:
        raster.write(cells.astype(dtype), 1)
    return path


def read_in_process(path: Path, points: Floats, crs_name: str | None = None) -> RasterHeights:
    """As `gis.files.raster.read_raster`, without a child process: each would take a second."""
    (system, notes), *parts = read_heights(path, crs_name, points)
    metres = np.concatenate([np.empty(0), *(np.frombuffer(part) for part in parts)])
    return RasterHeights(metres, system, notes)
