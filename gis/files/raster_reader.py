"""The reader of elevation rasters, as the child process of `gis.files.raster` runs it.

Reads windows around the points that are asked for, never the whole raster.
"""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from pyproj.exceptions import ProjError
from rasterio.enums import ColorInterp
from rasterio.errors import RasterioError
from rasterio.windows import Window

from gis.errors import InvalidInput
from gis.files.vector_crs import conversion_from_storage, parse_crs_option
from gis.messages import Message

Floats = NDArray[np.float64]

GDAL_RASTER_DRIVERS = frozenset({"GTiff"})
WINDOW_CELLS = 4_000_000  # about as many are in memory at a time
WINDOW_COLUMNS = 2_048
MAX_BLOCK_CELLS = 16_000_000  # cells that the file holds as one piece, to be unpacked at once
METRES = ("", "m", "metre", "metres", "meter", "meters")
LOWEST_M, HIGHEST_M = -500.0, 9_000.0  # land; what lies outside is a mark for "no height"
AT_CENTRE = 1e-6  # cells; closer to the outermost centres than rounding is on them
RETURNED_POINTS = 500_000  # heights in one item


def environment() -> dict[str, str]:
    """Return the child's environment: GDAL has only `GDAL_RASTER_DRIVERS`, and no network."""
    with rasterio.Env() as env:
        others = set(env.drivers()) - GDAL_RASTER_DRIVERS
    return {
        "GDAL_SKIP": ",".join(sorted(others)),
        "GDAL_CACHEMAX": "64",
        "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{noext}",
        "PROJ_NETWORK": "OFF",
    }


def read_heights(path: Path, crs: str | None, points: Floats) -> Iterator[Any]:
    """Yield the system in words and the notes, then the heights of points as bytes of float64.

    Parameters
    ----------
    crs
        As `gis.files.raster.read_raster`.
    points
        Longitude and latitude, degrees, EPSG:4490, shape (n, 2).

    Yields
    ------
    tuple, then bytes
        Metres in the order of the points; NaN where there is no height.

    Raises
    ------
    InvalidInput
        The file is damaged or no raster of heights, or its system is not known or does not fit.
    """
    given_crs = parse_crs_option(crs)
    notes: list[Message] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # without a place: refused below
            with rasterio.open(path, driver="GTiff") as raster:
                _check(path.name, raster)
                of_file = raster.crs.to_wkt() if raster.crs else None
                change, crs_name = conversion_from_storage(path.name, of_file, given_crs, notes)
                heights, dropped = _interpolate(raster, change(points))
    except ProjError as error:
        raise InvalidInput("map_file.crs_does_not_fit") from error
    except RasterioError as error:
        raise InvalidInput("elevation.damaged", file=path.name) from error
    if dropped:
        params = {"count": dropped, "low": LOWEST_M, "high": HIGHEST_M}
        notes.append(Message("elevation.cells_dropped", params))
    yield crs_name, notes
    for begin in range(0, len(heights), RETURNED_POINTS):
        yield heights[begin : begin + RETURNED_POINTS].tobytes()


def _check(name: str, raster: Any) -> None:
    """Raise InvalidInput where the raster is not one band of metres that stands on the earth.

    Raises
    ------
    InvalidInput
        It has several bands, other values, another unit, no place, or blocks too large to read.
    """
    if raster.count != 1:
        raise InvalidInput("elevation.several_bands", file=name, count=raster.count)
    kind = np.dtype(raster.dtypes[0]).kind
    if kind not in "iuf" or raster.colorinterp[0] == ColorInterp.palette:
        raise InvalidInput("elevation.no_heights", file=name)
    if (unit := (raster.units[0] or "").strip().lower()) not in METRES:
        raise InvalidInput("elevation.not_metres", file=name, unit=unit[:20])
    transform = np.array(tuple(raster.transform)[:6])
    a, b, _, d, e, _ = transform
    if raster.transform.is_identity or not np.isfinite(transform).all() or a * e == b * d:
        raise InvalidInput("elevation.without_place", file=name)
    if min(raster.width, raster.height) < 2:
        raise InvalidInput("elevation.too_small", file=name)
    rows, columns = raster.block_shapes[0]
    if rows * columns > MAX_BLOCK_CELLS:
        raise InvalidInput("elevation.not_tiled", file=name)


def _interpolate(raster: Any, points: Floats) -> tuple[Floats, int]:
    """Return heights at points of the raster's system, and how many cells read are no heights.

    Notes
    -----
    Bilinear between the centres of cells; no height where one of the cells that weigh has none.
    """
    a, b, c, d, e, f = tuple(~raster.transform)[:6]
    x, y = points[:, 0], points[:, 1]
    heights = np.full(len(points), np.nan)
    with np.errstate(invalid="ignore"):  # where the system does not reach, they are infinite
        column, row = a * x + b * y + c - 0.5, d * x + e * y + f - 0.5
        inside = np.flatnonzero(
            (column >= -AT_CENTRE)
            & (column <= raster.width - 1 + AT_CENTRE)
            & (row >= -AT_CENTRE)
            & (row <= raster.height - 1 + AT_CENTRE)
        )
    column = np.clip(column[inside], 0, raster.width - 1)
    row = np.clip(row[inside], 0, raster.height - 1)
    left = np.minimum(column.astype(np.int64), raster.width - 2)
    top = np.minimum(row.astype(np.int64), raster.height - 2)
    dropped = 0
    for group in _groups(raster, left, top):
        cells, impossible = _read_cells(raster, left[group], top[group])
        dropped += impossible
        at_row, at_column = top[group] - top[group].min(), left[group] - left[group].min()
        right, down = column[group] - left[group], row[group] - top[group]
        total = np.zeros(len(group))
        for rows, columns, weight in (
            (0, 0, (1 - right) * (1 - down)),
            (0, 1, right * (1 - down)),
            (1, 0, (1 - right) * down),
            (1, 1, right * down),
        ):
            value = cells[at_row + rows, at_column + columns]
            total += np.where(weight > 0, value * weight, 0.0)
        heights[inside[group]] = total
    return heights, dropped


def _groups(raster: Any, left: NDArray[np.int64], top: NDArray[np.int64]) -> Iterator[Any]:
    """Yield the numbers of the points of one window after the other, windows of whole blocks."""
    if not left.size:
        return
    rows, columns = raster.block_shapes[0]
    wide = columns * max(1, WINDOW_COLUMNS // columns)
    high = rows * max(1, WINDOW_CELLS // (wide * rows))
    window = (top // high) * (raster.width // wide + 1) + left // wide
    order = np.argsort(window, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(window[order])) + 1)


def _read_cells(raster: Any, left: NDArray[np.int64], top: NDArray[np.int64]) -> tuple[Floats, int]:
    """Return the cells around points, in metres, NaN for none, and how many are impossible."""
    window = Window(left.min(), top.min(), np.ptp(left) + 2, np.ptp(top) + 2)
    read = raster.read(1, window=window, masked=True)
    cells = read.astype(np.float64).filled(np.nan)
    if (raster.scales[0], raster.offsets[0]) != (1.0, 0.0):
        cells = cells * raster.scales[0] + raster.offsets[0]
    with np.errstate(invalid="ignore"):
        impossible = (cells < LOWEST_M) | (cells > HIGHEST_M)
    cells[impossible] = np.nan
    return cells, int(impossible.sum())
