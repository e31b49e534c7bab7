"""Open matters at the places of the demo's accounts, so that each begins on a page with work."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from gis.errors import Conflict, Forbidden, InvalidInput
from gis.incidents.lifecycle import intake, moves, report
from gis.incidents.lifecycle.payload import MovePayload
from gis.rights.principal import ANONYMOUS, Principal, account_principal, system_principal

ASSIGNMENT_ACTOR = system_principal("demo office of a made-up town")


@dataclass(frozen=True)
class Matter:
    """A report, made some hours ago, and what became of it.

    Attributes
    ----------
    username
        The demo account at whose place it lies; it goes to its person, if there is one.
    moves
        Moves that this person has made since.
    by_resident
        Reported by the demo's resident, who follows it.
    offered
        To those who claim such matters, instead.
    """

    username: str
    hours: float
    category: str
    words: str
    moves: tuple[str, ...] = ()
    by_resident: bool = False
    offered: bool = False


MATTERS = (
    Matter("worker", 0.6, "06010", "楼下有一堆垃圾没人清理", by_resident=True),
    Matter("worker", 3, "06010", "绿化带里到处是生活垃圾", ("take",)),
    Matter("worker", 27, "P0101", "单元门禁坏了谁都能进", ("take",)),
    Matter("worker", 50, "06010", "墙根下一大堆烂菜叶招苍蝇", ("take", "handle")),
    Matter("leader", 5, "P0101", "大门监控坏了好久没人修不安全"),
    Matter("leader", 28, "P0102", "花盆放在窗台外面摇摇欲坠", ("take",)),
    Matter("head", 2, "06010", "电梯口丢了几袋垃圾味道难闻", by_resident=True),
    Matter("head", 20, "P0102", "晾的衣服被上面泼下来的脏水弄湿", ("take",)),
    Matter("dispatcher", 4, "P0101", "有人冒充燃气公司挨家敲门推销"),
    Matter("party", 1, "S0107", "想请人帮忙把旧沙发搬下楼", offered=True),
    Matter("party", 7, "S0107", "独居老人请志愿者代买米面", offered=True),
    Matter("street", 6, "P0101", "出租屋里天天有人聚赌"),
)

# a building of the account's area; a unit is told by its code, since others stack in its building
PLACE_SQL = """
SELECT ST_X(p) AS lon, ST_Y(p) AS lat, unit
FROM (
  SELECT ST_PointOnSurface(b.geom) AS p, b.id, CASE WHEN a.level = 'unit' THEN a.code END AS unit
  FROM building b, area a
  WHERE a.id = :area AND CASE WHEN a.level = 'unit'
    THEN EXISTS (SELECT FROM household h WHERE h.building_id = b.id AND h.unit_id = a.id)
    ELSE EXISTS (
      SELECT FROM boundary g
      WHERE g.area_id = a.id AND g.valid_time @> CAST(:at AS timestamptz)
        AND ST_Contains(g.geom, ST_PointOnSurface(b.geom)))
    END
) places
ORDER BY id
OFFSET :nth
LIMIT 1
"""
DEMO_ACCOUNTS_SQL = """
SELECT a.username, a.id, a.person_id, p.code
FROM personal.account a
LEFT JOIN personal.person p ON p.id = a.person_id
WHERE a.username = ANY(:usernames)
"""


def assign_matters(session: Session, areas: Mapping[str, int], now: datetime) -> list[UUID]:
    """Report the matters of the table at the places of accounts and give them to their people.

    Parameters
    ----------
    areas
        By user name the id of the account's area; matters of others are left out.

    Returns
    -------
    list
        Ids of the incidents.
    """
    rows = session.execute(text(DEMO_ACCOUNTS_SQL), {"usernames": [*areas, "resident"]})
    people = {row.username: row for row in rows}
    filed = []
    for number, matter in enumerate(MATTERS):
        if matter.username not in areas:
            continue
        at = now - timedelta(hours=matter.hours)
        location = session.execute(
            text(PLACE_SQL),
            {
                "area": areas[matter.username],
                "at": at,
                "nth": 0 if matter.username == "head" else number % 3,
            },
        ).first()
        if location is None:
            continue
        resident = people.get("resident") if matter.by_resident else None
        created = report.file_report(
            session,
            _reporter(session, resident.id if resident else None, at),
            intake.IncidentReport(
                category=matter.category,
                description=matter.words,
                **_place(location),
                channel="mini_program",
            ),
            at,
        )
        filed.append(created.id)
        holder = people.get(matter.username)
        if holder is not None and holder.person_id is not None and not matter.offered:
            # on a real place the person may not be one who takes such matters: it stays where the
            # rules sent it
            with suppress(InvalidInput, Conflict, Forbidden), session.begin_nested():
                _give(session, created.id, matter, holder.person_id, holder.code, at)
    return filed


def _place(row: Row[Any]) -> dict[str, Any]:
    """Return where a report is, as its fields: a unit, else a point."""
    if row.unit:
        return {"area": row.unit}
    return {"lon": row.lon, "lat": row.lat, "crs": "cgcs2000"}


def _reporter(session: Session, account: int | None, at: datetime) -> Principal:
    by = account_principal(session, account, None, "resident", at) if account else ANONYMOUS
    return _as_demo(by)


def _as_demo(by: Principal) -> Principal:
    """Return a principal under a name that the history marks as the demo's."""
    return replace(by, actor=f"demo {by.actor}")


def _give(
    session: Session, incident: UUID, matter: Matter, person: int, code: str, at: datetime
) -> None:
    """Dispatch an incident to a person, who then makes the moves of the matter."""
    at += timedelta(minutes=5)
    moves.apply_move(session, ASSIGNMENT_ACTOR, incident, "dispatch", at, MovePayload(to=code))
    by = _as_demo(account_principal(session, 0, person, f"person {person}", at))
    for name in matter.moves:
        at += timedelta(minutes=12)
        note = "已到现场处理完毕" if name == "handle" else ""
        moves.apply_move(session, by, incident, name, at, MovePayload(note=note))
