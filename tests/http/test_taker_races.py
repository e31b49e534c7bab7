"""Takers from one sheet, orders claimed by many threads at once: none is taken twice.

Whole size (600 takers, 1,000 orders) with WANGGE_TAKERS=600 WANGGE_ORDERS=1000.
"""

import os
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.db import engine
from gis.errors import Conflict
from gis.exchange.organisations import load_organisation_table
from gis.incidents.lifecycle.intake import IncidentReport
from gis.incidents.lifecycle.moves import apply_move
from gis.incidents.lifecycle.report import file_report
from gis.incidents.reading.organisations import fairness, list_takers
from gis.ops import cluster
from gis.rights.principal import account_principal, system_principal
from gis.settings import Settings
from tests.support import build
from tests.support.deployment import PreparedDeployments
from tests.support.incident_town import NOW, POINT
from tests.support.load_town import SHANGHAI, write_csv

TAKERS = int(os.environ.get("WANGGE_TAKERS", "120"))
ORDERS = int(os.environ.get("WANGGE_ORDERS", "30"))
RIVALS = 3  # claims for each order, beside the one of the nearest
BATCH = 15  # orders that wait at once
US = system_principal("test")


def enter(session: Session, folder: Path) -> None:
    """Enter a grid and the takers, from one sheet."""
    town = build.Town(session)
    town.post("grid_worker", town.grid("001"), "王网格")
    town.post("community_worker", town.community, "赵社工")
    rows = [
        {
            "姓名": f"志愿者{number}",
            "电话": f"138{number:08}",
            "区域编码": town.community.code,
            "技能": "维修",
            "经度": build.LON + number % 40 * 0.0001,
            "纬度": build.LAT + number // 40 * 0.0001,
            "坐标系": "cgcs2000",
            "同意日期": "2026-03-01",
        }
        for number in range(TAKERS)
    ]
    sheet = write_csv(folder / "takers.csv", rows)
    report = load_organisation_table(session, "takers", sheet, now=NOW, timezone=SHANGHAI)
    assert (report.refused, report.counts["new"]) == ([], TAKERS)
    session.commit()


def file_order(database: str, _: int) -> tuple[UUID, list[int]]:
    """File an order; return it with whom it is offered to."""
    with Session(engine(database)) as session:
        order = IncidentReport(category="S0105", description="水管漏水", channel="web", **POINT)
        filed = file_report(session, US, order, NOW)
        query = text("SELECT person_id FROM order_offer WHERE incident_id = :id")
        people = list(session.scalars(query, {"id": filed.id}))
        session.commit()
    return filed.id, people


def claim(database: str, order: UUID, person: int, now: datetime) -> bool:
    """Claim an order; return whether it was won."""
    with Session(engine(database)) as session:
        by = account_principal(session, -1, person, f"p{person}", now)
        try:
            apply_move(session, by, order, "take", now)
        except Conflict:
            return False
        session.commit()
    return True


def test_no_order_is_taken_twice(prepared: PreparedDeployments, tmp_path: Path) -> None:
    with prepared.migrated() as var:
        addresses = cluster.start(Settings(var=var), throw_away=False)
        with Session(engine(addresses.app)) as session:
            enter(session, tmp_path)
        with ThreadPoolExecutor(8) as pool:
            winners: Counter[UUID] = Counter()
            for start in range(0, ORDERS, BATCH):
                batch = range(start, min(start + BATCH, ORDERS))
                orders = list(pool.map(partial(file_order, addresses.app), batch))
                claims = [(order, person) for order, people in orders for person in people]
                random.Random(1).shuffle(claims)
                claims = claims[: RIVALS * len(batch)] + [(o, p[0]) for o, p in orders]
                won = pool.map(lambda pair: claim(addresses.app, *pair, NOW), claims)
                winners.update(
                    order for (order, _), is_won in zip(claims, won, strict=True) if is_won
                )
        assert len(winners) == ORDERS and set(winners.values()) == {1}
        with Session(engine(addresses.app)) as session:
            takes = session.scalar(text("SELECT count(*) FROM incident_event WHERE move = 'take'"))
            spread = fairness([row.orders for row in list_takers(session, US, NOW, build.FROM)])
        assert takes == ORDERS == spread.orders
        print(f"{spread} of {TAKERS} takers and {ORDERS} orders")
        engine(addresses.app).dispose()
