"""The points of rows: each says its coordinate system, and comes into the storage system."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gis import crs as systems
from gis.files.report import LoadReport
from gis.files.table_rows import Row
from gis.files.tables import Table
from gis.messages import Message


@dataclass(frozen=True)
class InputPoint:
    """A point as a row gives it; degrees in `crs`."""

    lon: float | None
    lat: float | None
    crs: str | None


def points_to_storage(
    points: Sequence[InputPoint],
) -> tuple[list[tuple[float, float] | None], dict[int, tuple[str, Message]]]:
    """Convert the points of rows to the storage system.

    Returns
    -------
    Longitude and latitude (degrees, EPSG:4490, on the 1e-7 lattice, so that a file gives the same
    numbers on every machine), None where the point is missing or invalid; and the field and reason
    of invalid ones by index of the list.
    """
    positions: list[tuple[float, float] | None] = [None] * len(points)
    faults: dict[int, tuple[str, Message]] = {}
    by_system: dict[str, list[int]] = {}
    for nth, point in enumerate(points):
        if point.lon is None and point.lat is None:
            continue
        if point.lon is None or point.lat is None:
            faults[nth] = ("lon" if point.lon is None else "lat", Message("cell.half_point"))
        elif point.crs is None:
            faults[nth] = ("crs", Message("cell.crs_missing", {"systems": systems.SUPPORTED_CRS}))
        else:
            by_system.setdefault(point.crs, []).append(nth)
    for system, members in by_system.items():
        lon = np.array([points[nth].lon for nth in members], dtype=float)
        lat = np.array([points[nth].lat for nth in members], dtype=float)
        for fault in systems.find_invalid_points(lon, lat, system):
            faults[members[fault.index]] = (fault.field, Message(fault.code, dict(fault.params)))
        x, y = systems.to_storage(lon, lat, system)
        for nth, point_x, point_y in zip(
            members, x.round(7).tolist(), y.round(7).tolist(), strict=True
        ):
            if nth not in faults:
                positions[nth] = (point_x, point_y)
    return positions, faults


def read_points(
    table: Table, rows: Sequence[Row], crs: str | None, report: LoadReport
) -> tuple[list[tuple[float, float] | None], list[int]]:
    """Convert the points of a table with the columns lon, lat and crs.

    Parameters
    ----------
    crs
        System of the points of rows that name none.
    report
        Where invalid points are refused.

    Returns
    -------
    The points as `points_to_storage` gives them, and the indices of the rows that have none.
    """
    points, wrong = points_to_storage(
        [InputPoint(row["lon"], row["lat"], row["crs"] or crs) for row in rows]
    )
    report.refused += [table.refuse(rows[nth].number, *fault) for nth, fault in wrong.items()]
    return points, [nth for nth, point in enumerate(points) if point is None and nth not in wrong]
