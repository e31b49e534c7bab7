"""Who takes orders in a made-up town, their teams and points, and visits, as people enter them."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.credit.formulas import list_counties, publish
from gis.credit.rules import DEFAULT_RULES
from gis.duties.actions import VisitInput, record_visit
from gis.incidents.organisations import (
    MembershipInput,
    OrganisationInput,
    save_member,
    save_organisation,
)
from gis.incidents.takers import TakerInput, save_taker
from gis.rights.principal import system_principal
from gis.years import Year

# numbers over windows spread skills and homes among them
DEMO_TAKERS_SQL = """
WITH skill AS (
  SELECT array_agg(DISTINCT c.skill ORDER BY c.skill) AS all_of FROM incident_category c
  JOIN catalogue_edition e ON e.id = c.edition_id WHERE e.state = 'active' AND c.skill <> ''
), who AS (
  SELECT DISTINCT ON (p.holder_id) p.holder_id, p.role, p.area_id,
      row_number() OVER (ORDER BY p.id) AS n
  FROM post p WHERE p.role IN ('party_member', 'volunteer_team') AND p.holder_id IS NOT NULL
      AND upper_inf(p.valid_time)
  ORDER BY p.holder_id, p.id
), home AS (
  SELECT a.id AS area_id, ST_PointOnSurface(h.geom) AS spot,
    row_number() OVER (PARTITION BY a.id ORDER BY h.id) AS n,
        count(*) OVER (PARTITION BY a.id) AS of_them
  FROM area a JOIN boundary b ON b.area_id = a.id AND upper_inf(b.valid_time)
  JOIN building h ON b.geom && h.geom AND ST_Covers(b.geom, ST_PointOnSurface(h.geom))
  WHERE a.level = 'community' AND h.kind <> 'school'
)
SELECT o.code AS person, who.role, a.code AS area, a.name AS area_name,
  ARRAY[all_of[1 + who.n % cardinality(all_of)],
    all_of[1 + (who.n + 2) % cardinality(all_of)]] AS skills,
  ST_X(home.spot) AS lon, ST_Y(home.spot) AS lat
FROM who CROSS JOIN skill JOIN area a ON a.id = who.area_id
JOIN personal.person o ON o.id = who.holder_id
LEFT JOIN home ON home.area_id = who.area_id AND home.n = 1 + (who.n * 37) % home.of_them
WHERE cardinality(all_of) > 0
ORDER BY o.code
"""
DEMO_PRINCIPAL = system_principal("demo")
TEAM_NAMES = {"party_member": "在职党员服务队", "volunteer_team": "志愿服务队"}
TEAM_KINDS = {"party_member": "party_branch", "volunteer_team": "volunteer_team"}


def create_claimants(session: Session) -> int:
    """Let the holders of such posts claim orders, each in a team; return how many there are.

    The teams have no skills: orders are offered to their members by themselves.
    """
    now: datetime = session.execute(text("SELECT now()")).scalar_one()
    rows = session.execute(text(DEMO_TAKERS_SQL)).all()
    teams: set[str] = set()
    for row in rows:
        taker = TakerInput(
            row.person,
            row.area,
            row.skills,
            role=row.role,
            lon=row.lon,
            lat=row.lat,
            consent=now,
            consent_by="demo",
        )
        save_taker(session, DEMO_PRINCIPAL, taker, now)
        team = f"{row.area}-{row.role}"
        if team not in teams:
            teams.add(team)
            name = f"{row.area_name}{TEAM_NAMES[row.role]}"
            stated = OrganisationInput(team, name, TEAM_KINDS[row.role], area=row.area)
            save_organisation(session, DEMO_PRINCIPAL, stated, now)
        save_member(session, DEMO_PRINCIPAL, MembershipInput(team, row.person), now)
    return len(rows)


def publish_formulas(session: Session, now: datetime, zone: ZoneInfo) -> None:
    """Publish the usual formulas of points and stars of the year in every county."""
    year = Year(now.astimezone(zone).year, zone)
    for county in list_counties(session, DEMO_PRINCIPAL, ()):
        for kind, rules in DEFAULT_RULES.items():
            # nobody calls in the made-up days
            counted = [rule for rule in rules if rule.fact != "followed_up"]
            publish(session, DEMO_PRINCIPAL, kind, county, year, counted, base=0, now=now)


LEADERS_SQL = """
SELECT o.code AS person, a.code AS area FROM post p
JOIN personal.person o ON o.id = p.holder_id JOIN area a ON a.id = p.area_id
WHERE p.role = 'contact_leader' AND p.valid_time @> CAST(:since AS timestamptz) ORDER BY p.id
"""
VISIT_NOTES = ("与居民座谈，听取意见。", "查看消防通道。", "走访独居老人。", "了解停车难问题。")


def create_visits(session: Session, now: datetime, zone: ZoneInfo) -> None:
    """Write down visits of the contact leaders in the last weeks, from none to four of each."""
    first = now - timedelta(days=7 * len(VISIT_NOTES))
    for number, row in enumerate(session.execute(text(LEADERS_SQL), {"since": first})):
        for weeks, note in enumerate(VISIT_NOTES[: number % (len(VISIT_NOTES) + 1)]):
            day = (now - timedelta(days=7 * weeks + number % 7)).astimezone(zone).date()
            visit = VisitInput(day, row.person, row.area, note=note)
            record_visit(session, DEMO_PRINCIPAL, visit, now, zone)
