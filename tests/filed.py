"""A catalogue and rules for tests that file reports, where the database was migrated without any."""

from sqlalchemy import text
from sqlalchemy.orm import Session

CATEGORY = """
INSERT INTO incident_category (edition_id, code, major, major_zh, major_en, zh, en, kind)
SELECT e.id, '06010', '06', '市容环境', 'city looks', '暴露垃圾', 'exposed rubbish', 'incident' FROM catalogue_edition e
WHERE e.state = 'active'
"""
RULE = """
INSERT INTO routing_rule (rule_set_id, position, name, first_role, escalation, accept_min, dispatch_min, take_min,
  handle_min, check_min)
SELECT s.id, 1, '其他', 'grid_worker', '{grid_leader,community_worker,street_office}', 30, 30, 60, 480, 240
FROM rule_set s WHERE s.state = 'active'
"""


def ready(session: Session) -> None:
    """Make sure that something can be reported."""
    for table, rows in (("catalogue_edition", CATEGORY), ("rule_set", RULE)):
        if session.scalar(text(f"SELECT count(*) FROM {table} WHERE state = 'active'")) == 0:
            session.execute(text(f"INSERT INTO {table} (name, state) VALUES ('test', 'active')"))
            session.execute(text(rows))
