"""Three counties, two of them in one city: each with a grid, people and an account of its desk."""

from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas.models import Area
from gis.exchange.areas import load_areas
from gis.files.report import LoadReport
from tests.support import build

CITY, PROVINCE = "5204", "52"
# county -> what it is called, and the city that it is loaded into
COUNTIES = {"520402": ("西秀区", CITY), "520425": ("紫云县", CITY), "520123": ("修文县", "")}


class ThreeCounties:
    """The counties of COUNTIES as towns of one grid, from west to east.

    towns, grids: By code of the county. The city over two of them stands in a province.
    """

    def __init__(self, session: Session, folder: Path) -> None:
        self.session, self.folder = session, folder
        self.grids: dict[str, Area] = {}
        self.towns = {code: build.Town(session, f"{code}007012") for code in COUNTIES}
        for column, (code, town) in enumerate(self.towns.items()):
            town.county.name = COUNTIES[code][0]
            shape = build.square(build.LON + column * build.SIDE, build.LAT)
            self.grids[code] = town.grid("001", shape=shape)
            town.boundary(town.county, shape)
        self._end()
        self.load("province", "代码,名称\n520000000000,贵州省\n")
        self.load("city", "代码,名称,上级代码\n520400,安顺市,520000\n")
        rows = "".join(f"{code},{name},{city}\n" for code, (name, city) in COUNTIES.items())
        self.load("county", f"区县代码,区县名称,市代码\n{rows}")

    def load(self, level: str, table: str) -> LoadReport:
        """Load a table of areas of a level."""
        path = self.folder / f"{level}.csv"
        path.write_text(table, encoding="utf-8")
        report = load_areas(self.session, path, level)
        self.session.flush()
        self._end()
        return report

    def area(self, code: str) -> Area:
        """Return the area with a code."""
        return self.session.query(Area).filter_by(code=code).one()

    def _end(self) -> None:
        """Take back what the transaction was allowed: each load has one of its own."""
        self.session.execute(text("SELECT set_config('wangge.publishing', '', true)"))
