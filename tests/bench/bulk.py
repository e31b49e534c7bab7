"""A file of points located, file to file with people, beside joins that only find the grid."""

import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.csv
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas.batch import locate_file
from gis.db import engine
from gis.ops import cluster, migration
from gis.settings import Settings
from tests.bench import grids
from tests.bench.joins import Job, duckdb_job, sedona_job, write_register
from tests.bench.rows import Figure, Reach, Row, median, seconds

JOIN = """
SELECT count(*) FROM bench_point p
JOIN boundary b ON ST_Covers(b.geom, p.geom) AND b.valid_time @> now()"""

# by a small process of its own, as a child's highest figure includes its parent's before `exec`
CHILDREN_MEMORY = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"""


def measure(settings: Settings, small: bool) -> Row:
    """Locate the points of a file.

    The joins have points and grids in memory, or in the database, already.
    """
    columns, rows, count, joined, runs = (
        (12, 10, 2_000, 500, 1) if small else (400, 250, 1_000_000, 100_000, 3)
    )
    shapes = grids.lattice(columns, rows)
    rng = np.random.default_rng(4)
    inside = (
        0.001  # degrees: borders waver, and a point outside all grids would be another question
    )
    low = np.array([grids.WEST, grids.SOUTH]) + inside
    high = low - 2 * inside + np.array([columns, rows]) * grids.STEP
    points = rng.uniform(low, high, (count, 2)).round(7)
    addresses = cluster.start(settings, throw_away=True)
    migration.migrate(addresses)
    with TemporaryDirectory(dir=settings.var) as folder, Session(engine(addresses.app)) as session:
        grids.write(session, shapes)
        session.commit()
        with engine(addresses.owner).begin() as owner:
            owner.execute(text("ANALYZE"))
        source, target = Path(folder) / "in.csv", Path(folder) / "out.csv"
        names = pa.array(np.arange(count)).cast(pa.string())
        table = pa.table(
            {"id": names, "lon": points[:, 0], "lat": points[:, 1], "crs": np.full(count, "wgs84")}
        )
        pyarrow.csv.write_csv(table, source)
        now = datetime.now(settings.timezone)
        result = 0

        def ours() -> None:
            nonlocal result
            result = locate_file(session, source, target, now).located

        left = geopandas.GeoDataFrame(geometry=shapely.points(points), crs=4490)
        right = geopandas.GeoDataFrame({"code": np.arange(len(shapes))}, geometry=shapes, crs=4490)

        def sjoin() -> None:
            geopandas.sjoin(left, right, predicate="intersects")

        jobs, absent = whole_jobs(session, source, Path(folder))
        for job in (ours, *jobs.values()):
            job()
        spent, peer = [], []
        whole: dict[str, list[float]] = {name: [] for name in jobs}
        for _ in range(runs):  # in turns, so that a busy moment meets all
            spent.append(seconds(ours))
            peer.append(seconds(sjoin))
            for name, job in jobs.items():
                whole[name].append(seconds(job))
        memory = command_memory(source, target, settings.var, addresses.app)
        written = {name: count_lines(Path(folder) / f"{name.split()[0]}.csv") - 1 for name in jobs}
        session.execute(text("CREATE TEMP TABLE bench_point (geom geometry(Point, 4490))"))
        session.execute(
            text(
                "INSERT INTO bench_point SELECT ST_SetSRID(ST_MakePoint(x, y), 4490)"
                " FROM unnest(CAST(:x AS float[]), CAST(:y AS float[])) p(x, y)"
            ),
            {"x": points[:joined, 0].tolist(), "y": points[:joined, 1].tolist()},
        )
        session.execute(text("ANALYZE bench_point"))
        postgis = seconds(lambda: session.execute(text(JOIN)).all())
        session.rollback()
    rate = count / median(spent)
    return Row(
        "bulk",
        "Locate in bulk, file to file with people",
        f"{count:,} points × {len(shapes):,} grids of {4 * grids.CUTS} corners,"
        f" each with a leader and a worker with deputies.",
        "points a second",
        Figure(
            "ours: CSV in, chain, people and reasons, CSV out", rate, runs, f"{result:,} located"
        ),
        [
            *(
                Figure(
                    f"{name}: the whole job",
                    count / median(times),
                    runs,
                    f"{written[name]:,} written",
                )
                for name, times in whole.items()
            ),
            Figure("geopandas.sjoin: the join alone, in memory", count / median(peer), runs),
            Figure(
                f"PostGIS: the join alone, in the database ({joined:,} points)", joined / postgis, 1
            ),
        ],
        [
            Reach("≥ 400,000 points a second", rate >= 400_000),
            Reach(f"`./wangge locate --batch` in ≤ 300 MB: {memory:.0f} MB", memory <= 300),
            *(
                Reach(f"not slower than {name}", rate >= count / median(times))
                for name, times in whole.items()
            ),
        ],
        more_is_better=True,
        notes=[
            (
                "Ours reads the grids and people from the database in every run and says why;"
                " DuckDB and SedonaDB read them from a GeoParquet file; the other joins read and"
                " write nothing and name nobody."
            )
        ],
        absent=absent,
    )


def whole_jobs(session: Session, source: Path, folder: Path) -> tuple[dict[str, Job], list[str]]:
    """The jobs of the engines that are installed by name, and who is absent, and why."""
    register, jobs, absent = folder / "register.parquet", {}, []
    write_register(session, register)
    for name, peer in (("DuckDB", duckdb_job), ("SedonaDB", sedona_job)):
        try:
            full_name, job = peer(source, folder / f"{name}.csv", register)
            jobs[full_name] = job
        except ImportError as error:
            absent.append(f"{name}: {error}")
    return jobs, absent


def command_memory(source: Path, target: Path, var: Path, address: str) -> float:
    """The most that `./wangge locate --batch`, or a process that it starts, holds, in MB."""
    command = [sys.executable, "-m", "web", "locate", "--batch", str(source), str(target)]
    environment = os.environ | {"WANGGE_VAR": str(var), "DATABASE_URL": address}
    measured = subprocess.run(
        [sys.executable, "-c", CHILDREN_MEMORY, *command],
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    return int(measured.stdout.split()[-1]) / 1024


def count_lines(path: Path) -> int:
    """The lines of a file, or of the files in a folder."""
    files = [path] if path.is_file() else sorted(path.glob("*"))
    return sum(file.read_bytes().count(b"\n") for file in files)
