"""The register in memory, patched by the keys that changes announce, is the one read whole."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random

import psycopg
import pytest
import shapely
from geoalchemy2.shape import from_shape
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis import db
from gis.areas.locate_result import LocateRequest
from gis.areas.resolver import resolve_request_json
from gis.areas.snapshot import RegistrySnapshot, micros, read_snapshot
from gis.areas.snapshot_patch import SNAPSHOT_TABLES, patch_snapshot
from gis.ops.cluster.location import DatabaseUrls
from tests.support import build
from tests.support.deployment import new_database

SIDE, LON, LAT = build.SIDE, build.LON, build.LAT
GRIDS = 6


@pytest.fixture
def committed(addresses: DatabaseUrls) -> Iterator[DatabaseUrls]:
    with new_database(addresses) as urls:
        yield urls


class Register:
    """A town whose every change is announced, and the snapshot that is patched with it."""

    def __init__(self, session: Session, listener: psycopg.Connection) -> None:
        self.session, self.listener = session, listener
        self.town = build.Town(session)
        self.number = 0
        self.grids = [self.town.grid(f"{n:03}", n) for n in range(GRIDS)]
        self.buildings = [self.new_building() for _ in range(8)]
        self.units = [self.new_unit() for _ in range(6)]
        for grid in self.grids:
            self.town.post("grid_worker", grid, f"员{grid.code[-3:]}", deputy="众人替")
        self.town.post("community_secretary", self.town.community, "书记")
        session.commit()
        list(listener.notifies(timeout=0.2))
        self.snapshot = self.read()
        self.snapshot.warm()

    def next(self) -> int:
        self.number += 1
        return self.number

    def new_building(self):
        n = self.next()
        column, place = n % GRIDS, n // GRIDS % 4
        east, north = column * SIDE + 0.00005 + 0.0002 * place, 0.0001 + 0.0003 * (n % 3)
        return self.town.building(
            f"{n}号楼", east, north, 0.00015, estate=f"小区{n % 3}", code=f"c{n * 7 % 100:02}-{n}"
        )

    def new_unit(self):
        n = self.next()
        parts = [(building, None, None, None) for building in Random(n).sample(self.buildings, 2)]
        return self.town.unit(self.grids[n % GRIDS], f"{n:02}", parts)

    def read(self) -> RegistrySnapshot:
        with Session(db.engine(str(self.session.bind.url.render_as_string(False)))) as session:  # type: ignore[union-attr]
            session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
            return read_snapshot(session, datetime.now(UTC))

    def changes(self) -> dict[str, set[int]]:
        """What was announced since, by table."""
        result: dict[str, set[int]] = {}
        for notice in self.listener.notifies(timeout=0.5, stop_after=1):
            table, _, keys = notice.payload.partition(":")
            if table not in SNAPSHOT_TABLES:
                continue
            assert keys, f"{table} is announced without keys"
            result.setdefault(table, set()).update(map(int, keys.split(",")))
        return result

    def patch(self) -> dict[str, set[int]]:
        changes = self.changes()
        self.session.rollback()
        self.snapshot = patch_snapshot(self.session, self.snapshot, changes, datetime.now(UTC))
        self.session.rollback()
        return changes


@contextmanager
def register(urls: DatabaseUrls) -> Iterator[Register]:
    with (
        psycopg.connect(urls.app, autocommit=True) as listener,
        Session(db.engine(urls.app), expire_on_commit=False) as session,
    ):
        listener.execute("LISTEN wangge_changed")
        yield Register(session, listener)


# --- what people change ---------------------------------------------------------------------------


def rename(r: Register, random: Random) -> None:
    area = random.choice([*r.grids, *r.units, r.town.community, r.town.street])
    area.name = f"新名{r.next()}"


def holder(r: Register, random: Random) -> None:
    place = random.choice([*r.grids, *r.units, *r.buildings])
    role = (
        "unit_head"
        if place in r.units
        else "building_head"
        if place in r.buildings
        else "grid_worker"
    )
    r.town.post(role, place, random.choice([None, f"人{r.next()}", "员001"]), deputy="众人替")


def vacate(r: Register, random: Random) -> None:
    r.session.execute(
        text("UPDATE post SET holder_id = NULL WHERE id = (SELECT max(id) FROM post)")
    )


def leave(r: Register, random: Random) -> None:
    start = datetime.now(UTC) + timedelta(hours=random.choice([-2, 1]))
    r.town.leave(
        random.choice(["众人替", "员001", "书记"]), start, start + timedelta(minutes=r.next())
    )


def person(r: Register, random: Random) -> None:
    random.choice([*r.town.persons.values()]).name = f"改名{r.next()}"


def add_building(r: Register, random: Random) -> None:
    r.buildings.append(r.new_building())


def move_building(r: Register, random: Random) -> None:
    east = SIDE * random.randrange(GRIDS) + 0.0007
    random.choice(r.buildings).geom = from_shape(
        build.square(LON + east, LAT + 0.0007, 0.0001), 4490
    )


def address(r: Register, random: Random) -> None:
    random.choice(r.buildings).address = f"塔山路{r.next()}号"


def add_unit(r: Register, random: Random) -> None:
    r.units.append(r.new_unit())


def retire(r: Register, random: Random) -> None:
    db.allow_boundary_writes(r.session)
    random.choice(r.units).retired_at = datetime.now(UTC)


def move_unit(r: Register, random: Random) -> None:
    query = (
        "UPDATE unit_part p SET building_id = :b WHERE id = (SELECT max(id) FROM unit_part)"
        " AND NOT EXISTS"
        " (SELECT FROM unit_part q WHERE q.unit_id = p.unit_id AND q.building_id = :b)"
    )
    r.session.execute(text(query), {"b": random.choice(r.buildings).id})


def remove_part(r: Register, random: Random) -> None:
    r.session.execute(text("DELETE FROM unit_part WHERE id = (SELECT max(id) FROM unit_part)"))


def border(r: Register, random: Random) -> None:
    """The line between two grids moves from now on."""
    n, now = random.randrange(GRIDS - 1), datetime.now(UTC)
    db.allow_boundary_writes(r.session)
    width = SIDE * (1 + random.uniform(-0.2, 0.2))
    query = (
        "UPDATE boundary SET valid_time = tstzrange(lower(valid_time), :now)"
        " WHERE area_id = ANY(:ids) AND upper(valid_time) IS NULL"
    )
    r.session.execute(text(query), {"now": now, "ids": [r.grids[n].id, r.grids[n + 1].id]})
    r.town.boundary(r.grids[n], build.square(LON + n * SIDE, LAT, width, SIDE), start=now)
    rest = build.square(LON + n * SIDE + width, LAT, 2 * SIDE - width, SIDE)
    r.town.boundary(r.grids[n + 1], rest, start=now)


CHANGES: list[Callable[[Register, Random], None]] = [
    rename,
    holder,
    vacate,
    leave,
    person,
    add_building,
    move_building,
    address,
    add_unit,
    retire,
    move_unit,
    remove_part,
    border,
]


# --- the comparison -------------------------------------------------------------------------------


def facts(snapshot: RegistrySnapshot) -> dict[str, object]:
    """All that a snapshot says, as values that can be compared."""
    people, places, grids = snapshot.people, snapshot.places, snapshot.grids
    held = {*people.areas.holder.tolist(), *people.areas.deputy.tolist()}
    held |= {*people.buildings.holder.tolist(), *people.buildings.deputy.tolist()}
    now = micros(datetime.now(UTC))
    return {
        "grids": (grids.ids.tolist(), grids.codes, grids.names, grids.parents, grids.revisions),
        "land": shapely.to_wkb(grids.shapes).tolist(),
        "upper": snapshot.upper_areas,
        "until": snapshot.until,
        "buildings": (
            places.ids.tolist(),
            places.codes,
            places.names,
            places.estates,
            places.addresses,
        ),
        "footprints": shapely.to_wkb(places.shapes).tolist(),
        "points": places.label_points.tolist(),
        "parts": (
            places.parts,
            places.part_of.tolist(),
            places.part_units.tolist(),
            places.estate_names,
        ),
        "grid of": (
            snapshot.building_grid.tolist(),
            snapshot.by_grid.tolist(),
            snapshot.by_grid_of.tolist(),
        ),
        "posts": (people.areas.rows.tolist(), people.buildings.rows.tolist()),
        "names": {key: name for key, name in people.name_by_person.items() if key in held},
        "same names": people.name_by_person
        == dict(zip(people.persons.tolist(), people.names.to_pylist(), strict=True)),
        "leave": {key: sorted(p) for key, p in people.leave_by_person.items() if key in held},
        "away": sorted(key for key in held if people.away(key, now)),
        "until somebody comes or goes": people.unchanged_around(now)[1],
    }


def answers(
    snapshot: RegistrySnapshot, points: list[tuple[float, float]], now: datetime | None = None
) -> list[bytes]:
    now = now or datetime.now(UTC)
    return [
        resolve_request_json(pytest.fail, LocateRequest(x, y, "wgs84", None, now), snapshot)
        for x, y in points
    ]  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(3))
def test_a_patched_register_is_the_one_read_whole(committed, seed):
    random = Random(seed)
    with register(committed) as r:
        inside = SIDE / 50
        points = [
            (
                LON + random.uniform(inside, GRIDS * SIDE - inside),
                LAT + random.uniform(inside, SIDE - inside),
            )
            for _ in range(60)
        ]
        for step in range(40):
            answers(r.snapshot, points)  # fills what is kept
            names = [
                change.__name__
                for change in random.choices(CHANGES, k=random.choice((1, 1, 1, 2, 3)))
            ]
            for name in names:
                globals()[name](r, random)
            r.session.commit()
            r.patch()
            whole = r.read()
            assert facts(r.snapshot) == facts(whole), (step, names)
            now = datetime.now(UTC)
            assert answers(r.snapshot, points, now) == answers(whole, points, now), (step, names)


def test_a_boundary_that_is_planned_ends_the_register_and_one_withdrawn_at_most_early(committed):
    with register(committed) as r:
        end, start = r.snapshot.until, datetime.now(UTC) + timedelta(hours=1)
        later = r.town.area("grid", f"{r.town.community.code}099", "later", r.town.community)
        r.town.boundary(later, build.square(LON + GRIDS * SIDE, LAT), start=start)
        r.session.commit()
        r.patch()
        assert r.snapshot.until == r.read().until == micros(start) < end
        db.allow_boundary_writes(r.session)
        r.session.execute(text("DELETE FROM boundary WHERE area_id = :id"), {"id": later.id})
        r.session.commit()
        r.patch()
        assert micros(start) <= r.snapshot.until <= r.read().until == end


def test_answers_of_places_that_no_change_touches_are_kept(committed):
    with register(committed) as r:
        inside = [(LON + (n + 0.5) * SIDE, LAT + 0.995 * SIDE) for n in range(GRIDS)]
        answers(r.snapshot, inside)
        assert len(r.snapshot.people.cached.results) == GRIDS
        r.town.post("grid_leader", r.grids[2], "新组长")
        r.session.commit()
        assert r.patch().keys() == {"person", "post"}
        kept = r.snapshot.people.cached.results
        assert sorted(key[0] for key in kept) == [0, 1, 3, 4, 5]
        assert "新组长".encode() in answers(r.snapshot, inside)[2]
        # what all grids name
        r.town.community.name = "东兴社区"
        r.session.commit()
        r.patch()
        assert r.snapshot.people.cached.results == {}


def test_who_still_reads_the_old_register_caches_nothing_in_the_new(committed):
    with register(committed) as r:
        inside = [(LON + SIDE / 2, LAT + 0.995 * SIDE)]
        for change in (
            lambda: setattr(r.grids[0], "name", f"改名{r.next()}网格"),
            lambda: setattr(r.buildings[0], "address", f"塔山路{r.next()}号"),
            lambda: r.town.post("grid_leader", r.grids[0], f"组长{r.next()}"),
        ):
            old = r.snapshot
            change()
            r.session.commit()
            r.patch()
            old.people.cached.results.clear()
            answers(old, inside)  # a request that began before the change
            now = datetime.now(UTC)
            assert answers(r.snapshot, inside, now) == answers(r.read(), inside, now)


def test_a_statement_that_changes_nothing_announces_nothing(committed):
    with register(committed) as r:
        r.session.execute(text("UPDATE building SET name = '' WHERE false"))
        r.session.commit()
        assert r.changes() == {}


def test_a_change_is_announced_at_commit_and_one_of_many_rows_by_its_table_alone(committed):
    query = (
        "INSERT INTO personal.person (code, name)"
        " SELECT 'many-' || %(count)s || i, 'x' FROM generate_series(1, %(count)s) i"
    )
    with (
        psycopg.connect(committed.app, autocommit=True) as listener,
        psycopg.connect(committed.app) as writer,
    ):
        listener.execute("LISTEN wangge_changed")
        for count, keys in ((350, 350), (351, 0)):
            writer.execute(query, {"count": count})
            assert list(listener.notifies(timeout=0.2)) == []
            writer.commit()
            (notice,) = listener.notifies(timeout=5, stop_after=1)
            table, _, rest = notice.payload.partition(":")
            assert table == "person" and len(rest.split(",") if rest else []) == keys


def test_an_empty_register_is_filled_and_emptied_by_patches(committed):
    with (
        psycopg.connect(committed.app, autocommit=True) as listener,
        Session(db.engine(committed.app), expire_on_commit=False) as session,
    ):
        listener.execute("LISTEN wangge_changed")
        r = Register.__new__(Register)
        r.session, r.listener, r.number = session, listener, 0
        r.snapshot = r.read()
        town = r.town = build.Town(session)
        session.commit()

        def step() -> None:
            session.commit()
            r.patch()
            r.snapshot.warm()
            assert facts(r.snapshot) == facts(r.read())

        step()
        grid = town.grid("001")
        step()
        building = town.building("1号楼", 0.0001, 0.0001)
        step()
        town.post("building_head", building, "楼长", deputy="副楼长")
        step()
        unit = town.unit(grid, "01", [(building, "1", 1, 3)])
        step()
        town.post("unit_head", unit, "户长")
        step()
        session.execute(
            text("UPDATE post SET area_id = :a WHERE area_id = :u"), {"a": grid.id, "u": unit.id}
        )
        step()
        session.execute(text("DELETE FROM post WHERE building_id IS NOT NULL"))
        session.execute(text("DELETE FROM unit_part"))
        session.execute(text("DELETE FROM stairwell"))
        step()
        session.execute(text("DELETE FROM building"))
        step()
        assert len(r.snapshot.places.ids) == 0
        db.allow_boundary_writes(session)
        now = datetime.now(UTC)
        session.execute(
            text("UPDATE boundary SET valid_time = tstzrange(lower(valid_time), :now)"),
            {"now": now},
        )
        session.execute(
            text("UPDATE area SET retired_at = :now WHERE level = 'grid'"), {"now": now}
        )
        step()
        assert len(r.snapshot.grids.ids) == 0


def test_a_unit_that_moves_to_another_grid_is_patched(committed):
    with register(committed) as r:
        unit = r.units[0]
        db.allow_boundary_writes(r.session)
        for grid in (r.grids[4], r.grids[5]):
            unit.parent_id = grid.id
            r.session.commit()
            r.patch()
            assert facts(r.snapshot) == facts(r.read())
            db.allow_boundary_writes(r.session)
