"""A town of two grids and three buildings to load tables into, and writers of tables."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from shapely import MultiPolygon, Polygon, box
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from gis.areas.models import Area, Boundary, Revision
from gis.db import allow_boundary_writes
from gis.places.models import Building

SHANGHAI = ZoneInfo("Asia/Shanghai")
COMMUNITY = "520402007004"


WEST, EAST = f"{COMMUNITY}001", f"{COMMUNITY}002"


Rows = Iterable[Mapping[str, object]]


def shape(polygon: Polygon) -> str:
    return f"SRID=4490;{MultiPolygon([polygon]).wkt}"


@pytest.fixture
def town(session: Session) -> Session:
    """Grids WEST (from 105.950) and EAST (to 105.952).

    W1, w2 (桂花苑) in WEST, w3 (金桂园) in EAST.
    """
    allow_boundary_writes(session)
    drawn = Revision(
        title="first",
        state="published",
        author="test",
        published_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    parent = None
    for level, area_code, name in (
        ("county", "520402", "西秀区"),
        ("street", "520402007", "西航街道"),
        ("community", COMMUNITY, "学苑社区"),
    ):
        parent = Area(code=area_code, level=level, name=name, county="520402", parent=parent)
        session.add(parent)
    for area_code, west in ((WEST, 105.950), (EAST, 105.951)):
        grid = Area(
            code=area_code, level="grid", name=area_code[-3:], county="520402", parent=parent
        )
        session.add(grid)
        session.flush()
        session.add(drawn)
        session.flush()
        land = shape(box(west, 26.230, round(west + 0.001, 3), 26.231))
        valid = text("'[2026-01-01,)'::tstzrange")
        session.execute(
            insert(Boundary).values(
                area_id=grid.id, revision_id=drawn.id, geom=land, valid_time=valid
            )
        )
    for building, estate, name, west in (
        ("w1", "桂花苑", "3号楼", 105.9502),
        ("w2", "桂花苑", "4号楼", 105.9506),
        ("w3", "金桂园", "3号楼", 105.9512),
    ):
        footprint = shape(box(west, 26.2302, round(west + 0.0002, 7), 26.2304))
        session.add(
            Building(
                code=building, county="520402", estate=estate, name=name, floors=6, geom=footprint
            )
        )
    session.flush()
    return session


def write_csv(path: Path, rows: Rows, encoding: str = "utf-8-sig") -> Path:
    rows = list(rows)
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_xlsx(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(list(row))
    book.save(path)
    return path


def leader(who: str, since: str, **extra: object) -> dict[str, object]:
    return {
        "工号": who,
        "姓名": f"姓名{who}",
        "岗位": "网格长",
        "区域编码": WEST,
        "自": since,
    } | extra
