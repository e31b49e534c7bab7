"""Incidents of an earlier schema get what figures count of their events."""

from datetime import UTC, datetime, timedelta

from alembic import command
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis import db
from gis.demo.generate import generate_town
from gis.demo.simulation import simulate
from gis.ops import migration
from tests.support.deployment import new_database

COUNTED = """
SELECT id, taken_at, taken_in_time, handled_at, handled_in_time, returned, reopened, watched,
  reached
FROM incident ORDER BY id
"""
REACHED = """
INSERT INTO incident_event (county, incident_id, move, from_state, to_state, who, detail)
SELECT county, id, 'follow_up', state, state, 'test', '{"outcome": "reached"}'
FROM incident WHERE state = 'closed' ORDER BY id LIMIT 3
"""
BEGIN = datetime(2026, 11, 23, 0, tzinfo=UTC)


def test_the_migration_reads_them_from_the_events(addresses):
    with new_database(addresses) as urls:
        with Session(db.engine(urls.app)) as session, session.begin():
            generate_town(session, households=800)
            end = BEGIN + timedelta(hours=12)
            simulate(session, BEGIN, end, 120)
            session.execute(text(REACHED))
        with Session(db.engine(urls.app)) as session:
            before = session.execute(text(COUNTED)).all()
            history = session.scalar(text("SELECT count(*) FROM history"))
        for column in range(1, 9):
            assert len({row[column] for row in before}) > 1, COUNTED.split()[column + 1]
        with db.engine(urls.owner).begin() as connection:
            command.downgrade(migration.config(connection), "0050")
        migration.migrate(urls)
        with Session(db.engine(urls.app)) as session:
            assert session.execute(text(COUNTED)).all() == before
            assert session.scalar(text("SELECT count(*) FROM history")) == history
        for url in (urls.app, urls.owner):
            db.engine(url).dispose()
