"""Drawing, previewing and publishing one border move in a large county.

And questions about the past after ten years.
"""

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import shapely
from psycopg.types.range import Range
from shapely import LineString
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.areas.resolver import locate
from gis.boundaries import drafts, preview, publish
from gis.boundaries.store import write_boundaries
from gis.db import allow_boundary_writes, copy_rows, engine
from gis.errors import InvalidInput
from gis.ops import cluster, migration
from gis.rights.principal import system_principal
from gis.settings import Settings
from gis.shapes import edits
from gis.shapes.polygon_coverage import dissolve
from gis.shapes.repair import to_multipolygon
from tests.bench import grids
from tests.bench.rows import Figure, Reach, Row, median
from tests.support import ragged

BY = system_principal("bench")
PREVIEW, PUBLISH, RAGGED = 0.05, 0.2, 2.0  # seconds to reach
MONTHS = 120


def measure(settings: Settings, small: bool) -> Row:
    """A county in a database of its own; one border after the other."""
    columns, runs, queries = (12, 3, 20) if small else (100, 15, 300)
    addresses = cluster.start(settings, throw_away=True)
    migration.migrate(addresses)
    shapes = grids.lattice(columns, columns)
    with Session(engine(addresses.app)) as session:
        grids.write(session, shapes)
        _upper(session)
        session.commit()
        _analyze(addresses)
        spent: dict[str, list[float]] = {"operate": [], "preview": [], "publish": []}
        rng = np.random.default_rng(3)
        for run in range(runs + 1):
            number = drafts.create_draft(session, BY, "bench").id
            op = _border(
                shapes,
                columns,
                int(rng.integers(1, columns - 2)),
                int(rng.integers(1, columns - 1)),
            )
            session.commit()
            for name, work in (
                ("operate", lambda n=number, op=op: drafts.add_operation(session, BY, n, op)),
                ("preview", lambda n=number: preview.preview(session, BY, n)),
                ("publish", lambda n=number: publish.publish(session, BY, n, "bench", None)),
            ):
                begin = time.perf_counter()
                work()
                session.commit()
                if run:  # the first warms up
                    spent[name].append(time.perf_counter() - begin)
        _many_revisions(session, small)
        _analyze(addresses)
        now, then = _past(session, queries, small)
    took = {name: median(values) for name, values in spent.items()}
    slowest = {name: max(values) for name, values in spent.items()}
    outline, ragged_s = max(_ragged(small).items(), key=lambda pair: pair[1])
    return Row(
        "boundaries",
        "Publish one border move",
        f"A county of {columns * columns:,} grids with its communities, streets and outline;"
        f" {runs} borders, one after the"
        f" other, each drawn, previewed and published (committed to the disk)."
        f" Then {MONTHS} monthly revisions of every"
        " grid in a corner, and places in it asked about through the database.",
        "ms",
        Figure(
            "publish", took["publish"] * 1e3, runs, f"slowest {max(spent['publish']) * 1e3:.0f} ms"
        ),
        [
            Figure(
                "preview",
                took["preview"] * 1e3,
                runs,
                f"slowest {max(spent['preview']) * 1e3:.0f} ms",
            ),
            Figure(
                "draw (one operation)",
                took["operate"] * 1e3,
                runs,
                f"slowest {max(spent['operate']) * 1e3:.0f} ms",
            ),
            Figure(
                f"an outline of {ragged.N:,} vertices, the slowest of eight: {outline}",
                ragged_s * 1e3,
                1,
            ),
            Figure("a place today, after ten years of revisions", now * 1e3, queries),
            Figure("a place five years ago, after ten years of revisions", then * 1e3, queries),
        ],
        [
            Reach(
                f"publish ≤ {PUBLISH} s, the slowest: {slowest['publish']:.2f} s",
                slowest["publish"] <= PUBLISH,
            ),
            Reach(
                f"preview ≤ {PREVIEW} s, the slowest: {slowest['preview']:.2f} s",
                slowest["preview"] <= PREVIEW,
            ),
            Reach(
                f"any outline of {ragged.N:,} vertices ≤ {RAGGED} s: {ragged_s:.2f} s",
                ragged_s <= RAGGED,
            ),
            Reach(
                f"a question about the past within 1.5 × of today's: {then / now:.2f} ×",
                then <= 1.5 * now,
            ),
        ],
        absent=["No peer edits a coverage as operations; the rows beside are our own parts."],
    )


def _ragged(small: bool) -> dict[str, float]:
    """Return the seconds in which each ragged outline is drawn over three grids, or refused."""
    lands, spent = ragged.squares(), {}
    for name in ("river",) if small else ragged.RINGS:
        ring = ragged.ring(name, 300, 300)
        begin = time.perf_counter()
        with suppress(InvalidInput):
            edits.transfer(lands, ring, "c", islands=True)
        spent[name] = time.perf_counter() - begin
    return spent


def _upper(session: Session) -> None:
    """Give communities, streets and county the union of what lies below, as a load would."""
    rows = session.execute(
        text(
            "SELECT a.parent_id, ST_AsBinary(b.geom) FROM boundary b JOIN area a"
            " ON a.id = b.area_id WHERE a.level = 'grid'"
        )
    ).all()
    stored: dict[int, list[Any]] = {}
    for (parent, _), shape in zip(rows, shapely.from_wkb([row[1] for row in rows]), strict=True):
        stored.setdefault(parent, []).append(shape)
    drawn = {parent: to_multipolygon(dissolve(parts)) for parent, parts in stored.items()}
    every = dict(drawn)
    while drawn:
        above: dict[int, list[Any]] = {}
        for item, parent in session.execute(
            text("SELECT id, parent_id FROM area WHERE id = ANY(:ids)"), {"ids": list(drawn)}
        ):
            if parent is not None:
                above.setdefault(parent, []).append(drawn[item])
        drawn = {parent: to_multipolygon(dissolve(parts)) for parent, parts in above.items()}
        every |= drawn
    write_boundaries(
        session,
        every,
        title="upper",
        author="bench",
        reason=None,
        effective=datetime(2020, 1, 2, tzinfo=UTC),
    )


def _border(shapes: Any, columns: int, column: int, row: int) -> dict[str, Any]:
    """A new border between a grid and the next one east: from end to end, bent by some metres."""
    n = row * columns + column
    a, b = (
        f"{grids.COUNTY}{i // 10_000:03d}{i // 20 % 500:03d}{i % 20 + 1:03d}" for i in (n, n + 1)
    )
    shared = shapely.line_merge(shapely.intersection(shapes[n].boundary, shapes[n + 1].boundary))
    start, end = shared.coords[0], shared.coords[-1]
    middle = ((start[0] + end[0]) / 2 + 0.0002, (start[1] + end[1]) / 2)
    return {
        "op": "move_border",
        "between": [a, b],
        "line": shapely.geometry.mapping(LineString([start, middle, end])),
    }


def _analyze(addresses: cluster.DatabaseUrls) -> None:
    """As autovacuum does in time; only the owner may."""
    with (
        engine(addresses.owner)
        .connect()
        .execution_options(isolation_level="AUTOCOMMIT") as connection
    ):
        connection.execute(text("VACUUM ANALYZE area, boundary, post, leave"))


def _many_revisions(session: Session, small: bool) -> None:
    """Redraw the grids of a corner every month for ten years."""
    initial = datetime.now(UTC) - timedelta(days=30 * MONTHS)
    corner = 10 if small else 20
    allow_boundary_writes(session)
    box = {
        "west": grids.WEST,
        "south": grids.SOUTH,
        "east": grids.WEST + corner * grids.STEP,
        "north": grids.SOUTH + corner * grids.STEP,
    }
    stored = session.execute(
        text(
            "SELECT b.area_id, b.revision_id, b.geom::text FROM boundary b JOIN area a"
            " ON a.id = b.area_id"
            " WHERE a.level = 'grid' AND upper_inf(b.valid_time)"
            " AND b.geom && ST_MakeEnvelope(:west, :south, :east, :north, 4490)"
        ),
        box,
    ).all()
    session.execute(
        text("DELETE FROM boundary WHERE area_id = ANY(:ids)"), {"ids": [row[0] for row in stored]}
    )
    month = timedelta(days=30)
    spans = [
        Range(initial + n * month, initial + (n + 1) * month if n < MONTHS else None)
        for n in range(MONTHS + 1)
    ]
    copy_rows(
        session,
        "boundary",
        ("area_id", "revision_id", "geom", "valid_time"),
        ((area, revision, shape, span) for area, revision, shape in stored for span in spans),
    )
    session.commit()


def _past(session: Session, query: int, small: bool) -> tuple[float, float]:
    """Median seconds of locating through the database, today and five years back."""
    corner = 10 if small else 20
    rng = np.random.default_rng(5)
    inside = corner * grids.STEP * 0.9
    spent: tuple[list[float], list[float]] = ([], [])
    for _ in range(query):
        lon, lat = (
            grids.WEST + 0.001 + rng.uniform(0, inside),
            grids.SOUTH + 0.001 + rng.uniform(0, inside),
        )
        for side, at in zip(
            spent, (datetime.now(UTC), datetime.now(UTC) - timedelta(days=5 * 365)), strict=True
        ):
            begin = time.perf_counter()
            locate(session, lon, lat, "cgcs2000", at=at)
            side.append(time.perf_counter() - begin)
    return median(spent[0]), median(spent[1])
