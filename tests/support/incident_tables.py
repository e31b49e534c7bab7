"""Tables of incidents for the town of `incident_town`, and what a load refused of them."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from gis.files.report import LoadReport
from tests.support import build

LON, LAT = build.LON + 0.0005, build.LAT + 0.0005
GOOD = {
    "编号": "R1",
    "类别": "06010",
    "描述": "一堆垃圾",
    "经度": str(LON),
    "纬度": str(LAT),
    "坐标系": "cgcs2000",
}


def table(path: Path, rows: Sequence[Mapping[str, object]], name: str = "incidents.csv") -> Path:
    """A CSV of rows; the columns are those of all of them."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    file = path / name
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return file


def refused(report: LoadReport) -> list[tuple[str, str]]:
    """Where, and which column."""
    return [(row.where, row.field) for row in report.refused]
