"""Nine grids in three rows, and the words to draw in them."""

from datetime import UTC, datetime, timedelta

import pytest
import shapely
from shapely.geometry import mapping
from sqlalchemy import select, text

from gis.areas.models import Area
from gis.boundaries import drafts
from gis.boundaries.queries import boundaries_at
from gis.boundaries.store import publish_shapes
from gis.rights.principal import system_principal
from gis.shapes import polygon_coverage
from tests.support import build

LEAD = system_principal("test")


X, Y, S = build.LON, build.LAT, build.SIDE


BASE = "520402007012"


@pytest.fixture
def town(session):
    """Nine grids in three rows: 001 002 003 below, 007 008 009 above.

    A house in each of the middle row.
    """
    town = build.Town(session)
    for i in range(9):
        town.grid(f"{i + 1:03d}", i % 3, i // 3)
    town.houses = [
        town.building(f"{i}号楼", (i + 0.4) * S, 1.4 * S, width=0.0002, code=f"b{i}")
        for i in range(3)
    ]
    codes = [f"{BASE}{i + 1:03d}" for i in range(9)]
    grids = session.scalars(select(Area).where(Area.code.in_(codes)).order_by(Area.code)).all()
    stored = boundaries_at(session, [g.id for g in grids], datetime.now(UTC))
    shapes = polygon_coverage.node_borders([stored[g.id] for g in grids])
    publish_shapes(
        session,
        dict(zip(codes, shapes, strict=True)),
        title="base",
        author="test",
        effective=datetime.now(UTC) - timedelta(days=30),
    )
    session.commit()
    return town


def code(number: int) -> str:
    return f"{BASE}{number:03d}"


def line(*points: tuple[float, float]) -> dict:
    return mapping(shapely.LineString([(X + x * S, Y + y * S) for x, y in points]))


def land(west: float, south: float, east: float, north: float) -> dict:
    return mapping(shapely.box(X + west * S, Y + south * S, X + east * S, Y + north * S))


def shapes_of(session, at=None) -> dict[str, shapely.MultiPolygon]:
    rows = session.execute(
        text(
            "SELECT a.code, ST_AsBinary(b.geom) FROM boundary b JOIN area a ON a.id = b.area_id"
            " WHERE a.level = 'grid'"
            " AND b.valid_time @> coalesce(CAST(:at AS timestamptz), clock_timestamp())"
        ),
        {"at": at},
    )
    return {row[0]: shapely.from_wkb(row[1]) for row in rows}


def begin(session, by=LEAD, title="春季调整"):
    return drafts.create_draft(session, by, title).id
