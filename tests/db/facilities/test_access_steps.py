"""Stored labels after single changes of paths and facilities equal those of a full run."""

import random

from shapely.geometry import Point
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.demo.generate import generate_town
from gis.facilities.access_store import read_labels, recompute_access
from gis.facilities.categories import CATEGORY_BY_KEY
from gis.facilities.path_edits import NewEdit, insert_edit
from gis.facilities.walkers import profile_network

STORED_SQL = """
SELECT building_id, category, minutes, CASE WHEN minutes <= 15 THEN facility_id END, within_5,
  within_10, within_15, edge_minutes, off_network
FROM building_access
ORDER BY building_id, category
"""


def stored(session: Session) -> list[tuple[object, ...]]:
    return [tuple(row) for row in session.execute(text(STORED_SQL))]


def middles(session: Session) -> list[Point]:
    """Places on paths of the town."""
    rows = session.execute(
        text(
            "SELECT ST_X(p), ST_Y(p) FROM walk_edge, ST_LineInterpolatePoint(geom, 0.5) p"
            " ORDER BY id"
        )
    )
    return [Point(*row) for row in rows]


def test_one_change_computes_few_labels_anew_and_equals_a_full_run(session: Session) -> None:
    generate_town(session, households=3000)
    dice = random.Random(4)
    initial = recompute_access(session)
    whole = initial.buildings * len(CATEGORY_BY_KEY)
    assert initial.labels == whole
    paths = middles(session)

    def edit(kind: str, hours: str = "") -> None:
        insert_edit(session, NewEdit(kind, dice.choice(paths), hours), source="page", author="test")

    category = session.scalar(
        text("SELECT category FROM facility GROUP BY category ORDER BY count(*) DESC LIMIT 1")
    )
    last = f"(SELECT max(id) FROM facility WHERE category = '{category}')"
    steps = {
        "gate": lambda: edit("gate", "closed"),
        "close": lambda: edit("close"),
        "withdraw": lambda: session.execute(
            text("UPDATE walk_edit SET withdrawn_at = now() WHERE kind = 'gate'")
        ),
        "facility gone": lambda: session.execute(text(f"DELETE FROM facility WHERE id = {last}")),
        "facility moved": lambda: [
            session.execute(
                text(f"UPDATE {table} SET geom = ST_Translate(geom, 0.001, 0) WHERE {key} = {last}")
            )
            for table, key in (("facility", "id"), ("entrance", "facility_id"))
        ],
    }
    for name, step in steps.items():
        step()
        # what is read without being stored is the same
        walker = profile_network(session, "adult")
        read = read_labels(session, walker, [category])[category]
        done = recompute_access(session)
        in_step = stored(session)
        assert read.minutes.tolist() == [
            float("inf") if row[2] is None else row[2] for row in in_step if row[1] == category
        ]
        print(f"{name}: {done.labels} of {whole} labels computed anew")
        # all of the town is within half an hour, and most of it within 15 minutes of any place
        assert done.labels < whole / 2
        session.execute(text("DELETE FROM access_run"))
        assert recompute_access(session).labels == whole
        assert stored(session) == in_step
    # nothing changed, nothing computed
    assert recompute_access(session).labels == 0
