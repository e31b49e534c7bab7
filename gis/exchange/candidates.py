"""Parcels and vacant rooms of a file, as places where a facility could stand."""

from collections.abc import Sequence
from pathlib import Path

import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import InvalidInput
from gis.exchange.building_match import BuildingNotFound, BuildingQuery, find_buildings
from gis.exchange.columns import CANDIDATES
from gis.facilities.siting_inputs import CandidatePlace
from gis.files.column import Column
from gis.files.points import read_points
from gis.files.report import LoadReport
from gis.files.tables import TEXTS, WORKBOOKS, Row, read_table
from gis.files.vector import VECTOR_FORMATS, read_vector
from gis.messages import Message

CODE_NAMES = ("code", "id", "编码", "编号", "地块编号", "房间编号")
NAME_NAMES = ("name", "名称", "地块名称", "房间名称")
CANDIDATE_GEOMETRY_TYPES = ("Point", "MultiPoint", "Polygon", "MultiPolygon")

CANDIDATE_POINTS_SQL = """
SELECT id, ST_AsBinary(coalesce(entrance, ST_PointOnSurface(geom)))
FROM building WHERE id = ANY(:ids)
"""


def read_candidates(session: Session, path: Path, crs: str | None = None) -> list[CandidatePlace]:
    """Read the candidates of a map file (points, polygons) or a table (points, addresses).

    Parameters
    ----------
    path
        A map file of `gis.files.vector`, or a table of `gis.exchange.columns.CANDIDATES`.
    crs
        System of the coordinates where the file names none.

    Raises
    ------
    InvalidInput
        The file cannot be read, or a row of it is no place; the first such row is named.
    TooLarge
        The file is beyond the limits of its format.
    """
    if path.suffix.lower() in TEXTS + WORKBOOKS:
        return [candidate for _, candidate in places_of_table(session, path, crs)]
    if path.suffix.lower() not in VECTOR_FORMATS:
        raise InvalidInput(
            "siting.file_ending", file=path.name, endings=[*TEXTS, *WORKBOOKS, *VECTOR_FORMATS]
        )
    file = read_vector(path, crs)
    for number, shape in enumerate(file.shapes):
        fault = file.faults.get(number)
        if fault is None and (
            shape is None
            or shape.is_empty
            or shape.geom_type not in CANDIDATE_GEOMETRY_TYPES
            or not shape.is_valid
        ):
            fault = Message("siting.shape_unusable", {})
        if fault is not None:
            row = Message("load.row", {"row": str(number + 1)})
            raise InvalidInput("siting.row_refused", file=path.name, row=row, reason=fault)
    codes, names = (
        next((file.columns[title] for title in titles if title in file.columns), None)
        for titles in (CODE_NAMES, NAME_NAMES)
    )
    return [
        CandidatePlace(
            _text(codes[number] if codes else number + 1),
            _text(names[number] if names else ""),
            shape,
        )
        for number, shape in enumerate(file.shapes)
    ]


def places_of_table(
    session: Session, path: Path, crs: str | None, columns: Sequence[Column] = CANDIDATES
) -> list[tuple[Row, CandidatePlace]]:
    """Read the places of a table, each with its row.

    Parameters
    ----------
    columns
        Those of CANDIDATES among them.

    Raises
    ------
    InvalidInput
        As of `read_candidates`.
    TooLarge
        As of `read_candidates`.
    """
    report = LoadReport("candidates", path.name)
    table = read_table(path, columns, report)
    rows = list(table.rows)
    points, pointless = read_points(table, rows, crs, report)
    matches = find_buildings(
        session, [BuildingQuery(address=rows[nth]["address"]) for nth in pointless]
    )
    buildings: dict[int, int] = {}
    for nth, match in zip(pointless, matches, strict=True):
        if not isinstance(match, BuildingNotFound):
            buildings[nth] = match
        elif rows[nth]["address"]:
            report.refused.append(table.refuse(rows[nth].number, match.field, match.reason))
        else:
            report.refused.append(table.refuse(rows[nth].number, "lon", "facility_row.no_place"))
    if report.refused:
        rejected = report.refused[0]
        raise InvalidInput(
            "siting.row_refused", file=path.name, row=rejected.location, reason=rejected.message
        )
    stored = session.execute(text(CANDIDATE_POINTS_SQL), {"ids": list(buildings.values())})
    doors = {number: shapely.from_wkb(bytes(wkb)) for number, wkb in stored}
    return [
        (
            row,
            CandidatePlace(
                row["code"],
                row["name"] or row["address"] or "",
                doors[buildings[nth]] if nth in buildings else shapely.Point(points[nth]),
            ),
        )
        for nth, row in enumerate(rows)
    ]


def _text(value: object) -> str:
    return "" if value is None else str(value)
