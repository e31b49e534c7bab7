"""Three counties on three clusters, one beside the main database, and all three in one database."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import CompletedProcess

import psycopg
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from gis.areas.models import Area
from gis.db import allow_boundary_writes, engine
from gis.ops import cluster, databases
from gis.ops.shards import registry
from gis.ops.shards.registry import ShardUrls
from gis.settings import Settings, Shard, read_shards
from tests.support import build, served
from tests.support.deployment import PreparedDeployments, deployment_folder
from tests.support.served import Deployment, environment, until
from tests.support.sharded import beside, make_logical

COUNTIES = ("520402", "520403", "520425")


CITY, PROVINCE = "5204", "52"
WIDTH = 2 * build.SIDE  # of a county: two grids


@dataclass(frozen=True)
class ShardCity:
    """The main database, and the shards by county.

    Attributes
    ----------
    var
        Folder of the deployment.
    clusters
        Folder of the cluster of each county.
    whole
        One database with all counties, and its folder.
    """

    var: Path
    main: cluster.DatabaseUrls
    clusters: dict[str, Path]
    whole: cluster.DatabaseUrls
    whole_var: Path

    @property
    def settings(self) -> Settings:
        """Its settings."""
        return Settings(
            var=self.var,
            anonymous_units_per_minute=10_000_000,
            reports_per_minute=100_000,
            min_free_mb=0,
        )

    @property
    def whole_settings(self) -> Settings:
        """Those of the deployment with one database."""
        return replace(self.settings, var=self.whole_var, database_url=self.whole.app)

    @property
    def shards(self) -> dict[str, Shard]:
        """The shards, as its file has them."""
        return read_shards(self.var)


@contextmanager
def shard_city(prepared: PreparedDeployments) -> Iterator[ShardCity]:
    """Yield a city of three counties whose clusters run, and one deployment of the same."""
    with ExitStack() as stack:
        folders = [stack.enter_context(prepared.migrated()) for _ in COUNTIES]
        whole_var = stack.enter_context(deployment_folder())
        addresses = [start(folder) for folder in folders]
        main = addresses[0]
        whole = beside(addresses[1], "whole", cluster.DATABASE)
        # an empty database becomes a shard in tests/http/test_shard_move.py
        addresses[0] = beside(main, "county", cluster.DATABASE)
        for county, urls in zip(COUNTIES, addresses, strict=True):
            given = ShardUrls(urls.app, urls.owner, urls.admin)
            registry.add(Settings(var=folders[0]), main, county, given)
        city = ShardCity(
            folders[0], main, dict(zip(COUNTIES, folders, strict=True)), whole, whole_var
        )
        _found_city([main.owner, whole.owner])
        for county, shard in city.shards.items():
            wait_for(shard.url, f"SELECT EXISTS (SELECT FROM area WHERE code = '{CITY}')")
            for url in (shard.owner_url, whole.owner):
                with Session(engine(url)) as session:
                    settle(session, county)
                    session.commit()
        wait_for(main.app, "SELECT count(*) = 3 FROM area WHERE level = 'county'")
        yield city


def start(folder: Path) -> cluster.DatabaseUrls:
    """Start the cluster of a folder, for logical replication too."""
    make_logical(folder)
    return cluster.start(Settings(var=folder), throw_away=True)


def _found_city(urls: list[str]) -> None:
    """Enter the province and the city, which all counties share."""
    for url in urls:
        with Session(engine(url)) as session:
            allow_boundary_writes(session)
            province = Area(code=PROVINCE, level="province", name="贵州省", county=PROVINCE)
            city = Area(code=CITY, level="city", name="安顺市", county=CITY, parent=province)
            session.add(city)
            session.commit()


def settle(session: Session, county: str) -> None:
    """Enter a county of two grids beside the ones before it, from west to east, with its people."""
    allow_boundary_writes(session)
    column = 2 * COUNTIES.index(county)
    town = build.Town(session, f"{county}007012")
    town.county.name = f"县{county}"
    town.county.parent = session.scalars(select(Area).where(Area.code == CITY)).one()
    grids = [town.grid(f"00{number + 1}", column + number) for number in range(2)]
    outline = build.square(build.LON + column * build.SIDE, build.LAT, WIDTH, build.SIDE)
    for area in (town.county, town.street, town.community):
        town.boundary(area, outline)
    for number, grid in enumerate(grids, 1):
        town.post("grid_worker", grid, f"员{county}{number}")
    town.post("community_worker", town.community, f"社{county}")
    town.post("street_office", town.street, f"街{county}")
    town.building("3号楼", column * build.SIDE + 0.0002, 0.0002, code=f"{county}007012001-b3")


def wait_for(url: str, query: str) -> None:
    """Wait until a query of a database answers true: what was changed elsewhere has arrived."""
    with psycopg.connect(databases.libpq(url), autocommit=True) as connection:
        until(lambda: connection.execute(query.encode()).fetchone() == (True,), words=lambda: query)


def inside(county: str, number: int = 0) -> dict[str, object]:
    """A point in a grid of a county."""
    column = 2 * COUNTIES.index(county) + number + 0.5
    return place(build.LON + column * build.SIDE, build.LAT + build.SIDE / 2)


def border(county: str) -> dict[str, object]:
    """A point on the western border of a county."""
    column = 2 * COUNTIES.index(county)
    return place(build.LON + column * build.SIDE, build.LAT + build.SIDE / 2)


def shard_environment(urls: cluster.DatabaseUrls) -> dict[str, str]:
    """The variables that name the addresses of a shard."""
    named = {"URL": urls.app, "OWNER_URL": urls.owner, "ADMIN_URL": str(urls.admin)}
    return {f"WANGGE_SHARD_{name}": url for name, url in named.items()}


def run_with(site: Deployment, env: dict[str, str], *words: object) -> CompletedProcess[str]:
    """Run a command with more in its environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(served, "environment", lambda var: environment(var) | env)
        return site.run_inside(*words)


def place(lon: float, lat: float) -> dict[str, object]:
    """A point as it is sent."""
    return {"lon": round(lon, 7), "lat": round(lat, 7), "crs": "cgcs2000"}
