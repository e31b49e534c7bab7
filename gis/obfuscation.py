"""The shifted coordinate systems of Chinese maps, GCJ-02 and BD-09, and their inverses."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Forward = Callable[[Floats, Floats], tuple[Floats, Floats]]

# The rectangle in which the published algorithm shifts: west, south, east, north, degrees.
OBFUSCATED_BBOX_DEG = (72.004, 0.8293, 137.8347, 55.8271)

_KRASOVSKY_AXIS_M = 6378245.0  # Krasovsky 1940, metres
_EE = 0.00669342162296594323
_BD_PI = np.pi * 3000 / 180
_TOLERANCE_DEG = 1e-8  # degrees, a millimetre; the error left is about a hundredth of the last step
_MAX_STEPS = 12  # steps; each shrinks the error about a hundredfold
_BLOCK_POINTS = 1 << 14  # points at a time, so that they stay in the processor's cache


def is_in_shift_area(x: Any, y: Any) -> Any:
    """Return whether points lie in the rectangle in which the published algorithm shifts."""
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


def wgs84_to_gcj02(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
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
    inside = is_in_shift_area(lon, lat)
    north = np.where(
        inside, north * (180 / (_KRASOVSKY_AXIS_M * (1 - _EE) * np.pi)) * (magic * root), 0
    )
    east = np.where(inside, east * (180 / (_KRASOVSKY_AXIS_M * np.pi)) * (root / np.cos(phi)), 0)
    return lon + east, lat + north


def gcj02_to_bd09(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Convert GCJ-02 to BD-09, degrees.

    References
    ----------
    The published algorithm, as in hujiulong/gcoord on GitHub.
    """
    z = np.hypot(lon, lat) + 2e-5 * np.sin(lat * _BD_PI)
    theta = np.arctan2(lat, lon) + 3e-6 * np.cos(lon * _BD_PI)
    inside = is_in_shift_area(lon, lat)
    return np.where(inside, z * np.cos(theta) + 0.0065, lon), np.where(
        inside, z * np.sin(theta) + 0.006, lat
    )


def invert(forward: Forward, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
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
    for start in range(0, x.size, _BLOCK_POINTS):
        part = slice(start, start + _BLOCK_POINTS)
        goal_x, goal_y = x[part].copy(), y[part].copy()
        for _ in range(_MAX_STEPS):
            shifted_x, shifted_y = forward(x[part], y[part])
            step_x, step_y = goal_x - shifted_x, goal_y - shifted_y
            x[part] += step_x
            y[part] += step_y
            if max(np.abs(step_x).max(), np.abs(step_y).max()) < _TOLERANCE_DEG:
                break
    return x.reshape(shape), y.reshape(shape)


def wgs84_point_to_gcj02(lon: float, lat: float) -> tuple[float, float]:
    """Convert one point as `wgs84_to_gcj02` does."""
    if not is_in_shift_area(lon, lat):
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
    north *= 180 / (_KRASOVSKY_AXIS_M * (1 - _EE) * pi) * (magic * root)
    east *= 180 / (_KRASOVSKY_AXIS_M * pi) * (root / math.cos(phi))
    return lon + east, lat + north


def gcj02_point_to_bd09(lon: float, lat: float) -> tuple[float, float]:
    """Convert one point as `gcj02_to_bd09` does."""
    if not is_in_shift_area(lon, lat):
        return lon, lat
    z = math.hypot(lon, lat) + 2e-5 * math.sin(lat * _BD_PI)
    theta = math.atan2(lat, lon) + 3e-6 * math.cos(lon * _BD_PI)
    return z * math.cos(theta) + 0.0065, z * math.sin(theta) + 0.006


def invert_point(
    forward: Callable[[float, float], tuple[float, float]], lon: float, lat: float
) -> tuple[float, float]:
    """Invert `forward` for one point as `invert` does; NaN and infinity stay as they are."""
    if not (math.isfinite(lon) and math.isfinite(lat)):
        return lon, lat
    x, y = lon, lat
    for _ in range(_MAX_STEPS):
        shifted_x, shifted_y = forward(x, y)
        step_x, step_y = lon - shifted_x, lat - shifted_y
        x, y = x + step_x, y + step_y
        if max(abs(step_x), abs(step_y)) < _TOLERANCE_DEG:
            break
    return x, y
