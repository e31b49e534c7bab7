"""The history holds what changed, and with the row itself everything that was."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.ops.history import EVENT_COLUMNS
from tests.support.incident_town import IncidentTown


@pytest.fixture
def incident_town(session: Session) -> IncidentTown:
    return IncidentTown(session)


SECRETS = {"tracking_hash"}


def row_of(session: Session, table: str, key: str) -> dict[str, Any]:
    names = "county || '/' || id" if table == "incident" else "CAST(id AS text)"
    query = f"SELECT to_jsonb(t) FROM {table} t WHERE {names} = :key"
    return dict(session.scalar(text(query), {"key": key}))


def entries(session: Session, table: str, key: str) -> list[Any]:
    query = (
        "SELECT op, old, new FROM history WHERE table_name = :table AND row_key = :key ORDER BY id"
    )
    return list(session.execute(text(query), {"table": table, "key": key}))


def test_updates_undone_give_the_row_that_was_inserted(incident_town: IncidentTown) -> None:
    session = incident_town.session
    incident = incident_town.report()
    key = session.scalar(
        text("SELECT county || '/' || id FROM incident WHERE id = :id"), {"id": incident.id}
    )
    inserted = row_of(session, "incident", key)
    for move in ("take", "handle", "check"):
        incident_town.do(incident.id, move, note="看过了")
    session.execute(text("UPDATE incident SET address = '别处', rating = 4"))
    present, steps = row_of(session, "incident", key), entries(session, "incident", key)
    assert (steps[0].op, steps[0].new) == ("insert", None)
    undone = dict(present)
    for step in reversed(steps[1:]):
        assert step.op == "update" and step.old.keys() == step.new.keys()
        assert all(step.old[name] != step.new[name] for name in step.old)
        assert not {*EVENT_COLUMNS, *SECRETS} & step.old.keys()  # the events tell of these
        assert {name: undone[name] for name in step.new} == step.new
        undone |= step.old
    told = {name: value for name, value in undone.items() if name not in EVENT_COLUMNS}
    assert told == {name: value for name, value in inserted.items() if name not in EVENT_COLUMNS}
    assert present["address"] == "别处" and inserted["address"] != "别处"


def test_an_update_that_changes_nothing_is_not_recorded(incident_town: IncidentTown) -> None:
    session = incident_town.session
    count = "SELECT count(*) FROM history"
    before = session.scalar(text(count))
    session.execute(text("UPDATE post SET role = role"))
    session.execute(text("UPDATE area SET name = name"))
    assert session.scalar(text(count)) == before


def test_a_small_table_keeps_the_inserted_row_and_what_changed(incident_town: IncidentTown) -> None:
    session = incident_town.session
    area_id = session.scalar(text("SELECT min(id) FROM area WHERE level = 'grid'"))
    session.execute(text("UPDATE area SET name = name || '甲' WHERE id = :id"), {"id": area_id})
    first, *_, last = entries(session, "area", str(area_id))
    assert first.op == "insert" and first.new["level"] == "grid"
    assert last.old.keys() == last.new.keys() == {"name"}
    assert last.new["name"] == last.old["name"] + "甲"


def test_a_row_that_gets_another_key_is_recorded_under_both(incident_town: IncidentTown) -> None:
    session = incident_town.session
    query = """
    INSERT INTO leave (person_id, valid_time) SELECT min(id), tstzrange(now(), NULL)
    FROM personal.person RETURNING id
    """
    leave_id = session.scalar(text(query))
    row = row_of(session, "leave", str(leave_id))
    session.execute(text("UPDATE leave SET id = id + 1000000 WHERE id = :id"), {"id": leave_id})
    left = entries(session, "leave", str(leave_id))[-1]
    assert left == ("update", row, dict.fromkeys(row))
    became = entries(session, "leave", str(leave_id + 1000000))[-1]
    assert became == ("update", dict.fromkeys(row), row | {"id": leave_id + 1000000})
