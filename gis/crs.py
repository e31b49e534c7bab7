"""Coordinate systems of input points, and their conversion to and from storage (EPSG:4490).

`wgs84` and `cgcs2000` are taken as the same numbers (they differ by less than a metre). `gcj02`
(WeChat, AMap, Tencent) and `bd09` (Baidu) are shifted inside China by some hundred metres, so that
a point in the wrong system lands in another grid. There is therefore no default.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pyproj import Transformer

from gis.errors import FieldError, InvalidInput
from gis.messages import Message, render

STORAGE_SRID = 4490  # CGCS2000, x = longitude
SUPPORTED_CRS: tuple[str, ...] = ("wgs84", "cgcs2000", "gcj02", "bd09")
OBFUSCATED_CRS = frozenset({"gcj02", "bd09"})

Floats = NDArray[np.float64]
Forward = Callable[[Floats, Floats], tuple[Floats, Floats]]

# The rectangle in which the published algorithm shifts: west, south, east, north, degrees.
OBFUSCATED_BBOX_DEG = (72.004, 0.8293, 137.8347, 55.8271)

_A = 6378245.0  # Krasovsky 1940, metres
_EE = 0.00669342162296594323
_BD_PI = np.pi * 3000 / 180
_CLOSE = 1e-8  # degrees, a millimetre; the error left is about a hundredth of the last step
_AT_MOST = 12  # steps; each shrinks the error about a hundredfold
_BLOCK = 1 << 14  # points at a time, so that they stay in the processor's cache
_NAMED = 20  # points named in one refusal


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
            lon, lat = _inverse_point(_gcj02_to_bd09_point, lon, lat)
        return _inverse_point(_to_gcj02_point, lon, lat) if crs in OBFUSCATED_CRS else (lon, lat)
    x, y = np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)
    if crs == "bd09":
        x, y = _inverse(_gcj02_to_bd09, x, y)
    if crs in OBFUSCATED_CRS:
        x, y = _inverse(_to_gcj02, x, y)
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
        x, y = _to_gcj02(x, y)
    if crs == "bd09":
        x, y = _gcj02_to_bd09(x, y)
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
                ~_in_shift_area(x, y) if crs in OBFUSCATED_CRS else np.zeros(x.shape, bool),
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


def validate_points(lon: Any, lat: Any, crs: str | None) -> None:
    """Raise InvalidInput unless all points can be right.

    Parameters
    ----------
    lon, lat
        Degrees in `crs`, scalars or one-dimensional arrays; None means missing.
    crs
        One of `SUPPORTED_CRS`; there is no default.

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
    errors = [
        FieldError(
            f"row {point.index + 1}, {point.field}" if many else point.field,
            point.code,
            point.params,
        )
        for point in invalid[:_NAMED]
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
    if bool(_in_shift_area(np.float64(lon), np.float64(lat))) and 73.5 <= lon < 136.5:
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


def _in_shift_area(x: Any, y: Any) -> Any:
    west, south, east, north = OBFUSCATED_BBOX_DEG
    return (x >= west) & (x <= east) & (y >= south) & (y <= north)


def _waves(t: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return sin(6 pi t) + sin(2 pi t), sin(pi t), sin(pi t / 3) and sin(pi t / 12).

    Notes
    -----
    One sine and one cosine with the formulas of double and triple angles, instead of six sines: a
    million points take half the time.
    """
    twelfth, cosine = np.sin(t * (np.pi / 12)), np.cos(t * (np.pi / 12))
    sixth = 2 * twelfth * cosine
    half = 1 - 2 * twelfth * twelfth  # cos(pi t / 6)
    third, cosine = 2 * sixth * half, 1 - 2 * sixth * sixth
    sine, cosine = third * (3 - 4 * third * third), cosine * (4 * cosine * cosine - 3)
    double = 2 * sine * cosine
    return double * (4 - 4 * double * double), sine, third, twelfth


def _to_gcj02(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Convert WGS 84 to GCJ-02, degrees.

    References
    ----------
    The published algorithm, as in googollee/eviltransform on GitHub.
    """
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    fast_x, one_x, third_x, twelfth_x = _waves(x)
    _, one_y, third_y, twelfth_y = _waves(y)
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += (
        20 * (fast_x + one_y) + 40 * third_y + 160 * twelfth_y + 320 * np.sin(y * (np.pi / 30))
    ) * (2 / 3)
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += (
        20 * (fast_x + one_x) + 40 * third_x + 150 * twelfth_x + 300 * np.sin(x * (np.pi / 30))
    ) * (2 / 3)
    phi = np.radians(lat)
    sine = np.sin(phi)
    magic = 1 - _EE * sine * sine
    root = np.sqrt(magic)
    inside = _in_shift_area(lon, lat)
    north = np.where(inside, north * (180 / (_A * (1 - _EE) * np.pi)) * (magic * root), 0)
    east = np.where(inside, east * (180 / (_A * np.pi)) * (root / np.cos(phi)), 0)
    return lon + east, lat + north


def _gcj02_to_bd09(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Convert GCJ-02 to BD-09, degrees.

    References
    ----------
    The published algorithm, as in hujiulong/gcoord on GitHub.
    """
    z = np.hypot(lon, lat) + 2e-5 * np.sin(lat * _BD_PI)
    theta = np.arctan2(lat, lon) + 3e-6 * np.cos(lon * _BD_PI)
    inside = _in_shift_area(lon, lat)
    return np.where(inside, z * np.cos(theta) + 0.0065, lon), np.where(
        inside, z * np.sin(theta) + 0.006, lat
    )


def _inverse(forward: Forward, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Return the points that `forward` maps to (lon, lat).

    Notes
    -----
    Fixed-point iteration; the shift changes so slowly that it converges in a few steps.
    """
    shape = np.broadcast_shapes(np.shape(lon), np.shape(lat))
    x, y = (
        np.array(np.broadcast_to(lon, shape)).ravel(),
        np.array(np.broadcast_to(lat, shape)).ravel(),
    )
    for start in range(0, x.size, _BLOCK):
        part = slice(start, start + _BLOCK)
        goal_x, goal_y = x[part].copy(), y[part].copy()
        for _ in range(_AT_MOST):
            shifted_x, shifted_y = forward(x[part], y[part])
            step_x, step_y = goal_x - shifted_x, goal_y - shifted_y
            x[part] += step_x
            y[part] += step_y
            if max(np.abs(step_x).max(), np.abs(step_y).max()) < _CLOSE:
                break
    return x.reshape(shape), y.reshape(shape)


def _to_gcj02_point(lon: float, lat: float) -> tuple[float, float]:
    """Convert one point as `_to_gcj02` does."""
    if not _in_shift_area(lon, lat):
        return lon, lat
    x, y = lon - 105.0, lat - 35.0
    sin, pi, root = math.sin, math.pi, math.sqrt(abs(x))
    fast = 20 * sin(6 * x * pi) + 20 * sin(2 * x * pi)
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += (
        (
            fast
            + 20 * sin(y * pi)
            + 40 * sin(y / 3 * pi)
            + 160 * sin(y / 12 * pi)
            + 320 * sin(y * pi / 30)
        )
        * 2
        / 3
    )
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += (
        (
            fast
            + 20 * sin(x * pi)
            + 40 * sin(x / 3 * pi)
            + 150 * sin(x / 12 * pi)
            + 300 * sin(x / 30 * pi)
        )
        * 2
        / 3
    )
    phi = math.radians(lat)
    magic = 1 - _EE * sin(phi) ** 2
    root = math.sqrt(magic)
    north *= 180 / (_A * (1 - _EE) * pi) * (magic * root)
    east *= 180 / (_A * pi) * (root / math.cos(phi))
    return lon + east, lat + north


def _gcj02_to_bd09_point(lon: float, lat: float) -> tuple[float, float]:
    """Convert one point as `_gcj02_to_bd09` does."""
    if not _in_shift_area(lon, lat):
        return lon, lat
    z = math.hypot(lon, lat) + 2e-5 * math.sin(lat * _BD_PI)
    theta = math.atan2(lat, lon) + 3e-6 * math.cos(lon * _BD_PI)
    return z * math.cos(theta) + 0.0065, z * math.sin(theta) + 0.006


def _inverse_point(
    forward: Callable[[float, float], tuple[float, float]], lon: float, lat: float
) -> tuple[float, float]:
    """Invert `forward` for one point as `_inverse` does; NaN and infinity stay as they are."""
    if not (math.isfinite(lon) and math.isfinite(lat)):
        return lon, lat
    x, y = lon, lat
    for _ in range(_AT_MOST):
        shifted_x, shifted_y = forward(x, y)
        step_x, step_y = lon - shifted_x, lat - shifted_y
        x, y = x + step_x, y + step_y
        if max(abs(step_x), abs(step_y)) < _CLOSE:
            break
    return x, y
