"""Read heights out of an elevation raster (GeoTIFF).

`gis.files.raster_reader` reads the file in a child process with limits.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gis.errors import InvalidInput
from gis.files import sandbox
from gis.files.raster_reader import Floats, environment, read_heights
from gis.files.sandbox import Limits
from gis.messages import Message

RASTER_EXTENSIONS = (".tif", ".tiff")
TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # TIFF and BigTIFF
RASTER_LIMITS = Limits(cpu_s=30, wall_s=45)
POINT_BYTES = 300  # memory of a point while it is worked on


@dataclass(frozen=True)
class RasterHeights:
    """Heights at points.

    Attributes
    ----------
    metres
        By point; NaN where the raster has no height.
    crs
        The system of the raster, or the one given, in words.
    notes
        What was guessed or dropped.
    """

    metres: Floats
    crs: str
    notes: list[Message]


def read_raster(path: Path, points: Floats, crs: str | None = None) -> RasterHeights:
    """Return the heights of points by a raster, bilinear between the centres of its cells.

    Parameters
    ----------
    points
        Longitude and latitude, degrees, EPSG:4490, shape (n, 2).
    crs
        The system of the raster when it names none, or is drawn over a shifted map: a name of
        `gis.crs.SUPPORTED_CRS`, or EPSG:number.

    Raises
    ------
    InvalidInput
        No such file, no GeoTIFF, damaged, several bands, no heights in metres, not georeferenced,
        without or with a contradictory system.

    Notes
    -----
    Memory does not grow with the file: only windows around the points are read.
    """
    _check_file(path)
    limits = RASTER_LIMITS.scaled(path.stat().st_size, seconds_per_mb=0.2, growth=0)
    extra = len(points) * POINT_BYTES
    limits = replace(
        limits,
        cpu_s=limits.cpu_s + len(points) / 50_000,
        wall_s=limits.wall_s + len(points) / 25_000,
        memory_bytes=limits.memory_bytes + extra,
        returned_bytes=limits.returned_bytes + extra,
    )
    items = sandbox.iterate(
        read_heights,
        path.absolute(),
        crs,
        points,
        limits=limits,
        name=path.name,
        environment=environment(),
        types=[Message],
    )
    crs_name, notes = next(items)
    parts = [np.frombuffer(part) for part in items]
    return RasterHeights(np.concatenate([np.empty(0), *parts]), crs_name, notes)


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise InvalidInput("file.not_found", file=str(path))
    if path.suffix.lower() not in RASTER_EXTENSIONS:
        raise InvalidInput(
            "elevation.wrong_ending",
            file=path.name,
            ending=path.suffix or Message("file.no_ending"),
        )
    if path.stat().st_size == 0:
        raise InvalidInput("file.is_empty", file=path.name)
    with path.open("rb") as file:
        if file.read(4) not in TIFF_SIGNATURES:
            raise InvalidInput(
                "map_file.wrong_signature", file=path.name, ending=path.suffix.lower()
            )
