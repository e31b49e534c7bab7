"""Coordinate systems of input points, and their conversion to and from storage (EPSG:4490).

`wgs84` and `cgcs2000` are taken as the same numbers (they differ by less than a metre). `gcj02`
(WeChat, AMap, Tencent) and `bd09` (Baidu) are shifted inside China by some hundred metres, so that
a point in the wrong system lands in another grid. There is therefore no default.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike
from pyproj import Transformer

from gis.errors import FieldError, InvalidInput
from gis.messages import Message, render
from gis.obfuscation import (
    Floats,
    gcj02_point_to_bd09,
    gcj02_to_bd09,
    invert,
    invert_point,
    is_in_shift_area,
    wgs84_point_to_gcj02,
    wgs84_to_gcj02,
)

STORAGE_SRID = 4490  # CGCS2000, x = longitude
SUPPORTED_CRS: tuple[str, ...] = ("wgs84", "cgcs2000", "gcj02", "bd09")
OBFUSCATED_CRS = frozenset({"gcj02", "bd09"})
_MAX_NAMED_POINTS = 20  # points named in one refusal


@overload
def to_storage(lon: float, lat: float, crs: str) -> tuple[float, float]: ...
@overload
def to_storage(lon: ArrayLike, lat: ArrayLike, crs: str) -> tuple[Floats, Floats]: ...
def to_storage(lon: Any, lat: Any, crs: str) -> tuple[Any, Any]:
    """Convert points to the storage system.

    Parameters
    ----------
    lon, lat
        Degrees in `crs`, scalars or arrays of one shape.
    crs
        One of `SUPPORTED_CRS`.

    Returns
    -------
    tuple
        Longitude and latitude, degrees, EPSG:4490, exact to well under a centimetre; floats for
        floats.

    Raises
    ------
    InvalidInput
        The system is not one of `SUPPORTED_CRS`.

    Notes
    -----
    Points outside `OBFUSCATED_BBOX_DEG` are not shifted; NaN stays NaN. `validate_points` refuses
    points that cannot be right.
    """
    _check_name(crs)
    # one point, as in an API request: arrays would take 50 times longer
    if isinstance(lon, float) and isinstance(lat, float):
        if crs == "bd09":
            lon, lat = invert_point(gcj02_point_to_bd09, lon, lat)
        return invert_point(wgs84_point_to_gcj02, lon, lat) if crs in OBFUSCATED_CRS else (lon, lat)
    x, y = np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)
    with np.errstate(invalid="ignore"):  # of what is no number the result is none
        if crs == "bd09":
            x, y = invert(gcj02_to_bd09, x, y)
        if crs in OBFUSCATED_CRS:
            x, y = invert(wgs84_to_gcj02, x, y)
    return _like(lon, lat, x, y)


@overload
def from_storage(lon: float, lat: float, crs: str) -> tuple[float, float]: ...
@overload
def from_storage(lon: ArrayLike, lat: ArrayLike, crs: str) -> tuple[Floats, Floats]: ...
def from_storage(lon: Any, lat: Any, crs: str) -> tuple[Any, Any]:
    """Convert points from the storage system (EPSG:4490, degrees) to `crs`; inverts `to_storage`.

    Raises
    ------
    InvalidInput
        The system is not one of `SUPPORTED_CRS`.
    """
    _check_name(crs)
    x, y = np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)
    if crs in OBFUSCATED_CRS:
        x, y = wgs84_to_gcj02(x, y)
    if crs == "bd09":
        x, y = gcj02_to_bd09(x, y)
    return _like(lon, lat, x, y)


@dataclass(frozen=True)
class PointError:
    """An error of one point of an array.

    Attributes
    ----------
    index
        Position in the array.
    field
        lon, lat or crs.
    code, params
        Message of the catalogue.
    """

    index: int
    field: str
    code: str
    params: Mapping[str, object]

    @property
    def message(self) -> str:
        """The English sentence, without the field."""
        return render(Message(self.code, self.params))


def find_invalid_points(lon: ArrayLike, lat: ArrayLike, crs: str) -> list[PointError]:
    """Find the points that cannot be right, at most one error each, in their order.

    Parameters
    ----------
    lon, lat
        Degrees in `crs`, one-dimensional or scalars; missing values are NaN.
    crs
        One of `SUPPORTED_CRS`.

    Raises
    ------
    InvalidInput
        The system is missing or not one of `SUPPORTED_CRS`.
    """
    _check_name(crs)
    x, y = np.atleast_1d(np.asarray(lon, dtype=float)), np.atleast_1d(np.asarray(lat, dtype=float))
    with np.errstate(invalid="ignore"):
        swapped = ((np.abs(y) > 90) & (np.abs(y) <= 180) & (np.abs(x) <= 90)) | (
            # a point in western China with latitude first is a valid point in the Barents Sea
            (x >= 27) & (x <= 50) & (y >= 73) & (y <= 90)
        )
        rules = (
            ("lon", ~np.isfinite(x), "point.longitude_not_number"),
            ("lat", ~np.isfinite(y), "point.latitude_not_number"),
            ("lon", swapped, "point.latitude_first"),
            ("lon", np.abs(x) > 180, "point.longitude_out_of_range"),
            ("lat", np.abs(y) > 90, "point.latitude_out_of_range"),
            (
                "crs",
                ~is_in_shift_area(x, y) if crs in OBFUSCATED_CRS else np.zeros(x.shape, bool),
                "point.outside_china",
            ),
        )
    error_by_index: dict[int, PointError] = {}
    for field, wrong, code in rules:
        for i in map(int, np.flatnonzero(wrong)):
            error_by_index.setdefault(
                i, PointError(i, field, code, {"lon": float(x[i]), "lat": float(y[i]), "crs": crs})
            )
    return [error_by_index[i] for i in sorted(error_by_index)]


def validate_points(
    lon: Any, lat: Any, crs: str | None, names: Mapping[str, str] | None = None
) -> None:
    """Raise InvalidInput unless all points can be right.

    Parameters
    ----------
    lon, lat
        Degrees in `crs`, scalars or one-dimensional arrays; None means missing.
    crs
        One of `SUPPORTED_CRS`; there is no default.
    names
        What the fields are called where not lon, lat and crs.

    Raises
    ------
    InvalidInput
        A coordinate or the system is missing or unknown, NaN, infinite, out of range, latitude
        first, or outside China for gcj02 and bd09. `errors` names the fields, and in an array the
        rows.
    """
    missing = [name for name, value in (("lon", lon), ("lat", lat)) if value is None]
    if missing:
        errors = [FieldError(name, "point.coordinate_missing") for name in missing]
        raise InvalidInput("point.missing", errors, names=" and ".join(missing))
    if crs is None:
        crs = ""
    invalid = find_invalid_points(lon, lat, crs)
    if not invalid:
        return
    many = np.ndim(lon) > 0
    names = names or {}
    fields = [names.get(point.field, point.field) for point in invalid[:_MAX_NAMED_POINTS]]
    errors = [
        FieldError(
            f"row {point.index + 1}, {field}" if many else field,
            point.code,
            point.params,
        )
        for point, field in zip(invalid, fields, strict=False)
    ]
    problem = Message(invalid[0].code, invalid[0].params)
    if len(invalid) > 1:
        raise InvalidInput(
            "point.invalid_several",
            errors,
            name=errors[0].field,
            problem=problem,
            count=len(invalid) - 1,
        )
    raise InvalidInput("point.invalid", errors, name=errors[0].field, problem=problem)


def metric_epsg(lon: float, lat: float) -> int:
    """Return the EPSG code of the metric system to measure in around a point.

    Parameters
    ----------
    lon, lat
        Degrees, EPSG:4490.

    Returns
    -------
    int
        In China the CGCS2000 / 3-degree Gauss-Kruger zone without zone prefix (4534 at 75 E to 4554
        at 135 E), elsewhere the WGS 84 / UTM zone.
    """
    if bool(is_in_shift_area(np.float64(lon), np.float64(lat))) and 73.5 <= lon < 136.5:
        return 4534 + int((lon - 73.5) // 3)
    return (32600 if lat >= 0 else 32700) + int((lon + 180) // 6) % 60 + 1


@lru_cache(maxsize=64)
def get_transformer(from_epsg: int, to_epsg: int) -> Transformer:
    """Return the pyproj transformer between two systems, longitude or easting first.

    Cached; safe in threads.
    """
    return Transformer.from_crs(from_epsg, to_epsg, always_xy=True)


def _check_name(crs: str) -> None:
    if crs not in SUPPORTED_CRS:
        allowed = list(SUPPORTED_CRS)
        if not crs:
            errors = [FieldError("crs", "crs.missing", {"allowed": allowed})]
            raise InvalidInput("point.crs_missing", errors, allowed=allowed)
        errors = [FieldError("crs", "crs.unknown", {"crs": repr(crs), "allowed": allowed})]
        raise InvalidInput("point.crs_unknown", errors, crs=repr(crs), allowed=allowed)


def _like(lon: Any, lat: Any, x: Floats, y: Floats) -> tuple[Any, Any]:
    if np.ndim(lon) or np.ndim(lat):
        return x, y
    return float(x), float(y)
