"""Makers of tiny known things, for everybody's tests.

Shapes are squares whose answer you can see in your head.

    town = build.Town(session) # county, street and community around it a = town.grid("001", 0, 0) #
    a square of 0.001 degrees (about 100 m), column 0, row 0 b = town.building(a, "3号楼", 0.0002,
    0.0002) # a small square in it u = town.unit(a, "01", [(b, "2", 1, 3)]) # stairwell 2, floors 1
    to 3 town.post("grid_leader", a, "张三", deputy="李四")

Everything holds from `FROM` on, long past. Nothing is committed.
"""

from datetime import UTC, datetime

import shapely
from geoalchemy2.shape import from_shape
from shapely import MultiPolygon
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from gis.db import allow_boundary_writes
from gis.ops.metadata import (
    Area,
    Boundary,
    Building,
    Household,
    Leave,
    Person,
    Post,
    Revision,
    Stairwell,
    UnitPart,
)

FROM = datetime(2020, 1, 1, tzinfo=UTC)
LON, LAT = 105.95, 26.23  # south-west corner of the first grid
SIDE = 0.001  # degrees: about 100 m east, 111 m north


def square(
    lon: float, lat: float, width: float = SIDE, height: float | None = None
) -> MultiPolygon:
    """A rectangle by its south-west corner, on the 1e-7 degree lattice."""
    box = shapely.box(lon, lat, lon + width, lat + (width if height is None else height))
    return MultiPolygon([shapely.set_precision(box, 1e-7)])


def span(start: datetime | None = None, end: datetime | None = None) -> Range[datetime]:
    """A half-open range of time; without a start from `FROM` on."""
    return Range(start or FROM, end, bounds="[)")


class Town:
    """County 520402, street 520402007, community 520402007012 西兴社区, and what is put on them."""

    def __init__(self, session: Session, community: str = "520402007012") -> None:
        self.session = session
        self.revision = Revision(
            title="first", state="published", author="test", published_at=FROM, effective=FROM
        )
        self.county = Area(code=community[:6], level="county", name="西秀区", county=community[:6])
        self.street = Area(
            code=community[:9],
            level="street",
            name="西航街道",
            county=community[:6],
            parent=self.county,
        )
        self.community = self.area("community", community, "西兴社区", self.street)
        self.persons: dict[str, Person] = {}
        session.add_all([self.revision, self.county, self.street])
        session.flush()

    def area(self, level: str, code: str, name: str, parent: Area) -> Area:
        """An area without a shape."""
        area = Area(code=code, level=level, name=name, county=parent.county, parent=parent)
        self.session.add(area)
        self.session.flush()
        return area

    def boundary(
        self,
        area: Area,
        shape: MultiPolygon,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> Boundary:
        """A shape for an area over a range of time."""
        allow_boundary_writes(self.session)
        created = Boundary(
            area_id=area.id,
            revision_id=self.revision.id,
            geom=from_shape(shape, 4490),
            valid_time=span(start, end),
        )
        self.session.add(created)
        self.session.flush()
        return created

    def grid(
        self, number: str, column: float = 0, row: float = 0, shape: MultiPolygon | None = None
    ) -> Area:
        """A grid `SIDE` wide at a column and row counted from (`LON`, `LAT`), or of a shape of your
        own.
        """
        grid = self.area("grid", self.community.code + number, f"第{number}网格", self.community)
        self.boundary(grid, shape or square(LON + column * SIDE, LAT + row * SIDE))
        return grid

    def building(
        self,
        name: str,
        east: float,
        north: float,
        width: float = 0.0002,
        *,
        estate: str = "",
        code: str | None = None,
    ) -> Building:
        """A square building, its south-west corner so many degrees from (`LON`, `LAT`)."""
        created = Building(
            code=code or f"b-{name}-{east:.5f}-{north:.5f}",
            county=self.county.code,
            name=name,
            estate=estate,
            geom=from_shape(square(LON + east, LAT + north, width), 4490),
        )
        self.session.add(created)
        self.session.flush()
        return created

    def stairwell(self, building: Building, name: str) -> Stairwell:
        """A stairwell of a building, made when it is not there yet."""
        result = (
            self.session.query(Stairwell)
            .filter_by(building_id=building.id, name=name)
            .one_or_none()
        )
        if result is None:
            result = Stairwell(building_id=building.id, name=name)
            self.session.add(result)
            self.session.flush()
        return result

    def unit(
        self,
        grid: Area,
        number: str,
        parts: list[tuple[Building, str | None, int | None, int | None]],
    ) -> Area:
        """A ten-household unit on parts of buildings: (building, stairwell, lowest floor, highest
        floor).
        """
        unit = self.area("unit", grid.code + number, f"{number}单元", grid)
        for building, stairwell, low, high in parts:
            stairwell_id = self.stairwell(building, stairwell).id if stairwell else None
            self.session.add(
                UnitPart(
                    unit_id=unit.id,
                    building_id=building.id,
                    stairwell_id=stairwell_id,
                    floor_from=low,
                    floor_to=high,
                )
            )
        self.session.flush()
        return unit

    def household(
        self,
        building: Building,
        room: str,
        stairwell: str | None = None,
        unit: Area | None = None,
        people: int = 3,
    ) -> Household:
        """A home."""
        created = Household(
            county=self.county.code,
            building_id=building.id,
            stairwell_id=self.stairwell(building, stairwell).id if stairwell else None,
            floor=int(room[:-2]) if len(room) > 2 else None,
            room=room,
            people=people,
            unit_id=unit.id if unit else None,
        )
        self.session.add(created)
        self.session.flush()
        return created

    def person(self, name: str) -> Person:
        """A person; the same name is the same person."""
        if name not in self.persons:
            self.persons[name] = Person(code=f"p-{name}", name=name)
            self.session.add(self.persons[name])
            self.session.flush()
        return self.persons[name]

    def post(
        self,
        role: str,
        place: Area | Building,
        holder: str | None,
        deputy: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> Post:
        """A post on an area or building."""
        created = Post(
            county=self.county.code,
            role=role,
            area_id=place.id if isinstance(place, Area) else None,
            building_id=place.id if isinstance(place, Building) else None,
            holder_id=self.person(holder).id if holder else None,
            deputy_id=self.person(deputy).id if deputy else None,
            valid_time=span(start, end),
        )
        self.session.add(created)
        self.session.flush()
        return created

    def leave(self, name: str, start: datetime | None = None, end: datetime | None = None) -> Leave:
        """A time somebody is away."""
        created = Leave(person_id=self.person(name).id, valid_time=span(start, end))
        self.session.add(created)
        self.session.flush()
        return created


def many_buildings(session: Session) -> None:
    """Put 3,000 buildings, x1 to x3000, in a row from 100° east: enough to want an index."""
    session.execute(
        text(
            "INSERT INTO building (code, geom)"
            " SELECT 'x' || i, ST_Multi(ST_ReducePrecision(ST_MakeEnvelope("
            "100 + i * 0.001, 30, 100.0002 + i * 0.001, 30.0002, 4490), 1e-7))"
            " FROM generate_series(1, 3000) i"
        )
    )
    session.execute(text("ANALYZE building"))
