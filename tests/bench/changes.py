"""`GET /locate` over HTTP while the register changes once a second, beside the same while nothing
changes.
"""

import math
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import shapely
from shapely import LineString
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.boundaries import drafts, publish
from gis.db import engine
from gis.errors import WanggeError
from gis.ops import cluster, migration
from gis.rights.principal import system_principal
from gis.settings import Settings
from tests.bench import large
from tests.bench.http import CONNECTIONS, WORKERS, Load, by_threads, by_wrk, middle, served, wait
from tests.bench.rows import Figure, Reach, Row

BY = system_principal("bench")
BEND_DEG = 0.00003  # by which a border is bent: some three metres
MIN_BORDER_DEG = 0.0005
GRIDS = """
SELECT a.code, ST_AsBinary(b.geom) FROM boundary b JOIN area a ON a.id = b.area_id
WHERE a.level = 'grid' AND b.valid_time @> now() ORDER BY md5(a.code)"""
# what changes -> its rows in an order of their own, and how one changes
RENAMES = {
    "a person": (
        "SELECT DISTINCT holder_id FROM post WHERE holder_id IS NOT NULL LIMIT 1000",
        "UPDATE personal.person SET name = '改名' WHERE id = :id",
    ),
    "a building": (
        "SELECT id FROM building ORDER BY md5(code) LIMIT 1000",
        "UPDATE building SET name = name || '新' WHERE id = :id",
    ),
    "a ten-household unit": (
        "SELECT id FROM area WHERE level = 'unit' ORDER BY md5(code) LIMIT 1000",
        "UPDATE area SET name = name || '新' WHERE id = :id",
    ),
}
BORDER = "a border"


def measure(settings: Settings, small: bool) -> Row:
    """Serve a county, and for each kind of change ask in turns while nothing changes and while one
    does every second.
    """
    households, incidents, seconds, turns = (
        (300, 200, 0.2, 1) if small else (1_000_000, 100_000, 10, 2)
    )
    addresses = cluster.start(settings, throw_away=True)
    migration.migrate(addresses)
    points = large.make(addresses, households, incidents, 20 if small else 120)
    with engine(addresses.owner).begin() as owner:
        owner.execute(text("ANALYZE"))
    borders = draft_borders(addresses.app, math.ceil(turns * seconds))
    wrk = None if small else shutil.which("wrk")  # it takes whole seconds
    ask = by_wrk if wrk else by_threads
    paths = [f"/api/v1/locate?lon={x:.7f}&lat={y:.7f}&crs=wgs84" for x, y in points]
    seen: dict[str, tuple[Load, Load]] = {}
    with served(settings, addresses.app, 1 if small else WORKERS) as port:
        wait(port, paths[0])
        for _ in range(0 if small else 2):
            ask(port, paths, seconds)  # warm
        kinds = changes(addresses.app, borders)
        for kind in (BORDER, "a person") if small else kinds:
            pairs = []
            for _ in range(turns):
                quiet = ask(port, paths, seconds)
                with once_a_second(addresses.app, kinds[kind]):
                    pairs.append((quiet, ask(port, paths, seconds)))
            seen[kind] = tuple(middle([pair[side] for pair in pairs]) for side in (0, 1))  # type: ignore[assignment]
    quiet = middle([pair[0] for pair in seen.values()])
    slowest, *others = sorted(
        (
            Figure(
                f"beside one change a second of {kind}",
                beside.rate,
                turns,
                f"p99 {beside.p99:.1f} ms; quiet {before.rate:,.0f}, p99 {before.p99:.1f} ms",
            )
            for kind, (before, beside) in seen.items()
        ),
        key=lambda figure: figure.value,
    )
    return Row(
        "changes",
        "GET /locate while the register changes",
        f"A county of {households:,} households with {incidents:,} incidents; granian,"
        f" {WORKERS} workers, {CONNECTIONS} connections, for each kind {turns} turns of"
        f" {seconds} s quiet and {seconds} s with one change a second;"
        f" load by {'wrk' if wrk else 'threads in Python'} on the same machine.",
        "requests a second",
        slowest,
        [
            Figure("while nothing changes", quiet.rate, len(seen), f"p99 {quiet.p99:.1f} ms"),
            *others,
        ],
        [
            reach
            for kind, (before, beside) in seen.items()
            for reach in reaches(kind, before, beside)
        ],
        more_is_better=True,
        notes=["Who makes the changes shares the cores. A border is drafted before."],
    )


def reaches(kind: str, quiet: Load, beside: Load) -> tuple[Reach, Reach]:
    """What is left of the rate and of the quick answers."""
    share, times = beside.rate / quiet.rate, beside.p99 / quiet.p99
    return (
        Reach(f"{kind}: ≥ 90 % of the quiet rate: {share:.0%}", share >= 0.9),
        Reach(f"{kind}: p99 ≤ 2 × the quiet one: {times:.1f} ×", times <= 2),
    )


Change = Callable[[Session], None]


def changes(url: str, borders: Iterator[int]) -> dict[str, Change]:
    """Return for each kind what makes one change, of another row every time."""

    def rename(rows: str, change: str) -> Change:
        with Session(engine(url)) as session:
            ids = iter(session.scalars(text(rows)).all())
        return lambda session: session.execute(text(change), {"id": next(ids)}) and None

    def move(session: Session) -> None:
        if number := next(borders, None):
            publish.publish(session, BY, number, "bench", None)

    return {kind: rename(*queries) for kind, queries in RENAMES.items()} | {BORDER: move}


@contextmanager
def once_a_second(url: str, change: Change) -> Iterator[None]:
    """Make a change at once and every second until the end."""
    over = threading.Event()

    def work() -> None:
        begin = time.monotonic()
        while not over.is_set():
            with Session(engine(url)) as session:
                change(session)
                session.commit()
            over.wait(1 - (time.monotonic() - begin) % 1)

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work)
        try:
            yield
        finally:
            over.set()
        done.result()


def draft_borders(url: str, count: int) -> Iterator[int]:
    """Draft moves of so many borders that have nothing to do with each other; their numbers."""
    numbers: list[int] = []
    with Session(engine(url)) as session:
        rows = session.execute(text(GRIDS)).all()
        codes, shapes = [row[0] for row in rows], shapely.from_wkb([bytes(row[1]) for row in rows])
        tree, used = shapely.STRtree(shapes), set[int]()
        for one, shape in enumerate(shapes):
            if len(numbers) == count:
                break
            for other in tree.query(shape, predicate="touches").tolist():
                if used.isdisjoint((one, other)) and (op := _bent(codes, shapes, one, other)):
                    number = drafts.create_draft(session, BY, "bench").id
                    try:
                        drafts.add_operation(session, BY, number, op)
                    except WanggeError:  # a building in the way, or the like
                        session.rollback()
                        continue
                    session.commit()
                    numbers.append(number)
                    used.update(tree.query(shapely.union(shape, shapes[other])).tolist())
                    break
    return iter(numbers)


def _bent(codes: Sequence[str], shapes: object, one: int, other: int) -> dict[str, object] | None:
    """A border of two grids with its middle elsewhere; None if it is short or in parts."""
    a, b = shapes[one], shapes[other]  # type: ignore[index]
    border = shapely.line_merge(shapely.intersection(a.boundary, b.boundary))
    if border.geom_type != "LineString" or border.length < MIN_BORDER_DEG:
        return None
    middle_of = border.interpolate(0.5, normalized=True)
    bent = LineString(
        [border.coords[0], (middle_of.x + BEND_DEG, middle_of.y + BEND_DEG), border.coords[-1]]
    )
    return {
        "op": "move_border",
        "between": [codes[one], codes[other]],
        "line": shapely.geometry.mapping(bent),
    }
