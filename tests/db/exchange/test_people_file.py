"""People written to a table, which loads back the same."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import allow_boundary_writes
from gis.errors import InvalidInput, NotFound
from gis.exchange.people import load_people
from gis.exchange.people_file import write_people
from gis.settings import SHANGHAI
from tests.support import build

TABLES = ("personal.person", "post", "leave")


def rows(session: Session) -> dict[str, list[Any]]:
    return {
        table: session.execute(text(f"SELECT * FROM {table} ORDER BY id")).all() for table in TABLES
    }


@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
def test_people_posts_and_leave_load_back_unchanged(
    session: Session, tmp_path: Path, ending: str
) -> None:
    file = tmp_path / f"people{ending}"
    with pytest.raises(NotFound):
        write_people(session, file, timezone=SHANGHAI)
    town = build.Town(session)
    grid, house = town.grid("001"), town.building("3号楼", 0.0002, 0.0002)
    moment = datetime(2026, 3, 1, 2, 30, 15, 123456, tzinfo=UTC)
    town.post("grid_leader", grid, "张三", deputy="李四", end=moment)
    town.post("grid_leader", grid, None, start=moment, deputy="李四")
    town.post("grid_worker", grid, "王五", start=moment)
    town.post("grid_worker", grid, "赵六")
    town.post("building_head", house, "王五")
    town.post("street_office", town.street, "=街道")
    town.leave("王五", moment, datetime(2026, 4, 1, tzinfo=SHANGHAI))
    town.person("王五").phone = "13800000001"
    session.flush()
    before = rows(session)
    assert write_people(session, file, timezone=SHANGHAI) == 8
    report = load_people(session, file, timezone=SHANGHAI)
    assert report.refused == []
    assert {name: count for name, count in report.counts.items() if count and "_" in name} == {
        "unchanged_people": 5
    }
    assert rows(session) == before


def test_posts_of_a_grid_that_ended_are_in_no_file_but_their_people_are(
    session: Session, tmp_path: Path
) -> None:
    town, file = build.Town(session), tmp_path / "people.csv"
    gone = town.grid("001")
    town.post("grid_worker", gone, "王五")
    town.post("grid_worker", town.grid("002", 2), "赵六")
    allow_boundary_writes(session)
    gone.retired_at = datetime(2026, 3, 1, tzinfo=SHANGHAI)
    session.flush()
    write_people(session, file, timezone=SHANGHAI)
    assert gone.code not in file.read_text("utf-8-sig")
    assert "王五" in file.read_text("utf-8-sig")
    before = rows(session)
    assert load_people(session, file, timezone=SHANGHAI).refused == []
    assert rows(session) == before


def test_it_loads_into_an_empty_place(session: Session, tmp_path: Path) -> None:
    town = build.Town(session)
    town.post("grid_worker", town.grid("001"), "王五", deputy="李四")
    town.leave("王五", datetime(2026, 3, 1, tzinfo=SHANGHAI), None)
    write_people(session, tmp_path / "p.csv", within=town.community.code, timezone=SHANGHAI)
    content = (tmp_path / "p.csv").read_bytes()
    for table in ("leave", "post", "personal.person"):
        session.execute(text(f"DELETE FROM {table}"))
    report = load_people(session, tmp_path / "p.csv", timezone=SHANGHAI)
    assert report.refused == [] and report.counts["new_people"] == 2
    write_people(session, tmp_path / "again.csv", within="520402007", timezone=SHANGHAI)
    assert (tmp_path / "again.csv").read_bytes() == content
    with pytest.raises(InvalidInput):
        write_people(session, tmp_path / "p.shp", timezone=SHANGHAI)
