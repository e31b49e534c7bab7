"""Engines that do the job of `bulk`, file to file with people: DuckDB with its spatial extension,
and SedonaDB.

Both read the points from the CSV, the grids with their chain and people from a GeoParquet file, and
write a CSV.
"""

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import geopandas
import pyarrow.csv
from sqlalchemy import text
from sqlalchemy.orm import Session

Job = Callable[[], object]

REGISTER = """
SELECT g.code AS grid, community.code AS community, street.code AS street, county.code AS county,
  b.geom, {people}
FROM area g JOIN boundary b ON b.area_id = g.id AND b.valid_time @> now()
JOIN area community ON community.id = g.parent_id
JOIN area street ON street.id = community.parent_id
JOIN area county ON county.id = street.parent_id
WHERE g.level = 'grid'
"""
NAME = """
(SELECT p.name FROM post t JOIN personal.person p ON p.id = t.{who}_id
 WHERE t.area_id = g.id AND t.role = '{role}' AND t.valid_time @> now()) AS {role}_{who}"""
PEOPLE = [(role, who) for role in ("grid_leader", "grid_worker") for who in ("holder", "deputy")]
COLUMNS = ", ".join(
    ("p.id", "g.county", "g.street", "g.community", "g.grid", *(f"g.{r}_{w}" for r, w in PEOPLE))
)


def write_register(session: Session, path: Path) -> None:
    """Write the grids with their chain and people as GeoParquet."""
    query = REGISTER.format(people=",".join(NAME.format(role=r, who=w) for r, w in PEOPLE))
    frame = geopandas.read_postgis(text(query), session.connection(), geom_col="geom")
    frame.to_parquet(path)


def duckdb_job(source: Path, target: Path, register: Path) -> tuple[str, Job]:
    """DuckDB's name with its version, and the job; ImportError where it is not installed."""
    import duckdb
    import duckdb_extension_spatial

    folder = Path(duckdb_extension_spatial.__file__).parent
    extension = next(folder.rglob("*.duckdb_extension"))

    def run() -> None:
        with duckdb.connect() as connection:
            connection.execute(f"LOAD '{extension}'")
            connection.execute(
                f"COPY (SELECT {COLUMNS} FROM read_csv('{source}') p"
                f" JOIN read_parquet('{register}') g"
                " ON ST_Within(ST_Point(p.lon, p.lat), g.geom))"
                f" TO '{target}' (HEADER)"
            )

    return f"DuckDB {duckdb.__version__} with its spatial extension", run


def sedona_job(source: Path, target: Path, register: Path) -> tuple[str, Job]:
    """SedonaDB's name with its version, and the job; ImportError where it is not installed."""
    import sedonadb

    def run() -> None:
        context = sedonadb.connect()
        context.create_data_frame(pyarrow.csv.read_csv(source)).to_view("p")
        context.read_parquet(str(register)).to_view("g")
        joined = context.sql(
            f"SELECT {COLUMNS} FROM p JOIN g"
            " ON ST_Intersects(g.geom, ST_SetSRID(ST_Point(p.lon, p.lat), 4490))"
        )
        joined.to_csv(str(target))

    return f"SedonaDB {version('sedonadb')}", run
