"""A community along one street, with homes, facilities and a walking network of its own.

The street runs east at `STREET` from 1 km west of the town to 2 km east of it. Buildings stand
33 m north of it. 0.001 degrees of longitude are 99.9 m there.
"""

import pytest
from flask.testing import FlaskClient
from geoalchemy2.shape import from_shape
from shapely.geometry import Point
from sqlalchemy.orm import Session

from gis.facilities.models import Facility
from gis.network.store import WalkEdgeRow, replace_network
from gis.ops.metadata import Building
from tests.support import build
from tests.support.build import LAT, LON
from tests.support.sign_in import account, signed_in

CODE = "520402007012"
STREET = LAT - 0.0002  # latitude


class CheckupTown:
    """The community 520402007012 with 3 buildings of homes, `near`, `middle` and `far`."""

    def __init__(self, session: Session, *, network: bool = True, homes: bool = True) -> None:
        self.session = session
        self.town = build.Town(session)
        self.grid = self.town.grid("001", shape=build.square(LON, LAT - 0.001, 0.006, 0.003))
        self.east = self.town.grid(
            "002", shape=build.square(LON + 0.006, LAT - 0.001, 0.006, 0.003)
        )
        if network:
            self.street()
        self.near, self.middle, self.far = (
            self.building(name, east)
            for name, east in (("1号楼", 0.001), ("2号楼", 0.005), ("3号楼", 0.010))
        )
        if homes:
            self.town.household(self.near, "101", people=4)
            self.town.household(self.near, "102", people=1)
            self.town.household(self.middle, "101", people=2)
            for number in range(3):
                self.town.household(self.far, f"10{number}", people=5)
        # a home of the neighbours, on the same street
        beside = self.building("邻楼", 0.015)
        self.town.household(beside, "101", people=9)

    def street(self) -> None:
        """One street, an edge each 0.005 degrees."""
        nodes = [(n, LON - 0.01 + n * 0.005, STREET) for n in range(7)]
        edges = [
            WalkEdgeRow(
                n, n, n + 1, [nodes[n][1:], nodes[n + 1][1:]], "residential", "路", False, ""
            )
            for n in range(6)
        ]
        replace_network(self.session, nodes, edges, "test")

    def building(self, name: str, east: float) -> Building:
        """A building whose middle is so far east."""
        return self.town.building(name, east - 0.0001, 0, estate="西兴苑")

    def facility(self, code: str, category: str, east: float) -> Facility:
        """A facility at the street."""
        facility_row = Facility(
            code=code,
            county=self.town.county.code,
            category=category,
            name=f"{code}号",
            geom=from_shape(Point(LON + east, STREET), 4490),
        )
        self.session.add(facility_row)
        self.session.flush()
        return facility_row


@pytest.fixture
def town(session: Session) -> CheckupTown:
    """The town with a clinic for some of its homes."""
    created = CheckupTown(session)
    created.facility("c1", "clinic", 0.001)
    return created


@pytest.fixture
def planner(session: Session, town: CheckupTown, client: FlaskClient) -> FlaskClient:
    """Who plans in the community."""
    return signed_in(client, account(session, "lin", "planner", CODE))
