"""The ledger of buildings (楼栋台账): homes, people, and who answers for each."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import TooLarge
from gis.papers.data import EVERY, MAX_PAPER_ROWS, Content, Figure, Question, Row, marked_figures
from gis.rights.actions import Action
from gis.rights.principal import Principal

BUILDING_ROLES = ("building_head", "building_sponsor")
COUNTS = ("households", "people")
COLUMNS = (
    "code", "estate", "name", "address", "area_name", "kind", "floors", "stairwells", *COUNTS,
    *BUILDING_ROLES,
)  # fmt: skip
FIGURES = (EVERY, "headed", "without_head", *COUNTS)

# raw SQL: a recursive walk down the areas, and a grid by its boundary at a moment
BUILDINGS_SQL = """
WITH RECURSIVE down AS (
  SELECT id, level, name FROM area WHERE id = :area
  UNION
  SELECT a.id, a.level, a.name FROM area a JOIN down ON a.parent_id = down.id
  WHERE a.retired_at IS NULL OR a.retired_at > :at
)
SELECT b.code, b.estate, b.name, b.address, down.name AS area_name, b.kind, b.floors,
  (SELECT count(*) FROM stairwell s WHERE s.building_id = b.id) AS stairwells,
  homes.households, homes.people,
  (SELECT string_agg(o.name, '、' ORDER BY o.name) FROM post p
   JOIN personal.person o ON o.id = p.holder_id
   WHERE p.building_id = b.id AND p.role = 'building_head' AND p.valid_time @> :at)
    AS building_head,
  (SELECT string_agg(o.name, '、' ORDER BY o.name) FROM post p
   JOIN personal.person o ON o.id = p.holder_id
   WHERE p.building_id = b.id AND p.role = 'building_sponsor' AND p.valid_time @> :at)
    AS building_sponsor
FROM down
  JOIN boundary g ON g.area_id = down.id AND g.valid_time @> CAST(:at AS timestamptz)
  JOIN building b ON b.geom && g.geom AND ST_Covers(g.geom, ST_PointOnSurface(b.geom))
  CROSS JOIN LATERAL (
    SELECT count(*) AS households, coalesce(sum(h.people), 0) AS people
    FROM household h WHERE h.building_id = b.id) homes
WHERE down.level = 'grid' ORDER BY b.code LIMIT :limit
"""


def read_buildings(session: Session, by: Principal, question: Question) -> Content:
    """Return the buildings in the grids of the area, as they stand at the moment.

    Raises
    ------
    TooLarge
        They are more than a paper holds.
    """
    question.require(by, Action.NAMES)
    params = {"area": question.area_id, "at": question.moment, "limit": MAX_PAPER_ROWS + 1}
    records = session.execute(text(BUILDINGS_SQL), params).mappings().all()
    if len(records) > MAX_PAPER_ROWS:
        raise TooLarge("paper.too_many_rows", limit=MAX_PAPER_ROWS)
    rows = [
        Row(
            {name: row[name] if row[name] is not None else "" for name in COLUMNS},
            frozenset({"headed" if row["building_head"] else "without_head", *COUNTS}),
        )
        for row in records
    ]
    totals = [Figure(name, sum(row[name] for row in records)) for name in COUNTS]
    return Content([*marked_figures(rows, EVERY, "headed", "without_head"), *totals], rows)
