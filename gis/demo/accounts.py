"""Accounts of the demo: one of each access role around one grid, passwords in a private file."""

import os
import secrets
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from gis.accounts import accounts, credentials
from gis.accounts.models import Account
from gis.demo.assignments import assign_matters
from gis.people.models import Person
from gis.rights.principal import Principal
from gis.rights.roles import ACCESS_ROLE_BY_POST, role_label

ACCOUNTS_FILE = "demo_accounts.txt"  # under the deployment's folder

# user name -> access role, and the level of the area it is for (empty: none)
DEMO_ACCOUNTS = {
    "resident": ("resident", ""),
    "party": ("order_taker", "community"),
    "head": ("unit_head", "unit"),
    "worker": ("grid_worker", "grid"),
    "leader": ("grid_leader", "grid"),
    "dispatcher": ("dispatcher", "community"),
    "planner": ("planner", "county"),
    "street": ("street", "street"),
    "centre": ("command_centre", "county"),
    "auditor": ("auditor", "county"),
    "admin": ("administrator", ""),
}

# The grid with the most open incidents whose worker and leader are present.
MIDDLE_GRID_SQL = """
SELECT g.id
FROM area g
JOIN post w ON w.area_id = g.id AND w.role = 'grid_worker'
  AND w.valid_time @> CAST(:at AS timestamptz) AND w.holder_id IS NOT NULL
JOIN post l ON l.area_id = g.id AND l.role = 'grid_leader'
  AND l.valid_time @> CAST(:at AS timestamptz) AND l.holder_id IS NOT NULL
WHERE NOT EXISTS (
  SELECT FROM leave v
  WHERE v.person_id IN (w.holder_id, l.holder_id) AND v.valid_time @> CAST(:at AS timestamptz))
ORDER BY w.holder_id IN (l.holder_id, l.deputy_id),
  (SELECT count(*) FROM incident i
   WHERE i.holder_id = w.holder_id AND i.state IN ('dispatched', 'taken')) DESC,
  g.code
LIMIT 1
"""
AREAS_AROUND_SQL = """
WITH RECURSIVE up AS (
  SELECT id, code, name, level, parent_id
  FROM area
  WHERE id = coalesce(
    :middle,
    (SELECT min(id) FROM area WHERE level = 'grid'),
    (SELECT min(id) FROM area WHERE level = 'community'))
  UNION ALL
  SELECT a.id, a.code, a.name, a.level, a.parent_id
  FROM area a
  JOIN up ON a.id = up.parent_id
)
SELECT id, code, name, level FROM up
UNION ALL
(
  SELECT u.id, u.code, u.name, u.level
  FROM area u
  JOIN post p ON p.area_id = u.id AND p.role = 'unit_head' AND p.holder_id IS NOT NULL
  WHERE u.level = 'unit' AND u.parent_id = :middle AND u.retired_at IS NULL
  ORDER BY u.code
  LIMIT 1
)
"""
HOLDER_SQL = """
SELECT p.holder_id
FROM post p
WHERE p.area_id = :area AND p.role = ANY(:posts) AND p.valid_time @> CAST(:at AS timestamptz)
  AND p.holder_id IS NOT NULL
  AND NOT EXISTS (SELECT FROM personal.account a WHERE a.person_id = p.holder_id)
ORDER BY (SELECT count(*) FROM post o WHERE p.holder_id IN (o.holder_id, o.deputy_id)), p.id
LIMIT 1
"""


# An account for each other person in a post, as a pilot would have. Its password is unknown until
# it is reset (./wangge account password NAME), so that all can share one hash.
STAFF_ACCOUNTS_SQL = """
INSERT INTO personal.account (username, password_hash, must_change, person_id)
SELECT lower(btrim(p.code)), :hash, true, p.id
FROM personal.person p
WHERE NOT EXISTS (SELECT FROM personal.account a WHERE a.person_id = p.id)
  AND (
    EXISTS (
      SELECT FROM post o
      WHERE p.id IN (o.holder_id, o.deputy_id) AND o.valid_time @> CAST(:at AS timestamptz))
    OR EXISTS (SELECT FROM order_taker t WHERE t.person_id = p.id AND t.active))
ON CONFLICT (username) DO NOTHING
"""


@dataclass(frozen=True)
class DemoAccount:
    """A demo account; `area_name` is empty where the role needs no area."""

    username: str
    password: str
    role: str
    zh: str
    area_name: str


def create_demo_accounts(
    session: Session, principal: Principal, var: Path, now: datetime
) -> list[DemoAccount]:
    """Return the demo's accounts: the existing ones from their file, else new ones.

    Notes
    -----
    An account is linked to a holder of a post with the role, if there is one, so that it has
    incidents to work on; else the role is granted.
    """
    file = var / ACCOUNTS_FILE
    names = set(
        session.scalars(select(Account.username).where(Account.username.in_(DEMO_ACCOUNTS)))
    )
    if names == set(DEMO_ACCOUNTS) and file.exists():
        return read(file)
    middle = session.scalar(text(MIDDLE_GRID_SQL), {"at": now})
    areas = {row.level: row for row in session.execute(text(AREAS_AROUND_SQL), {"middle": middle})}
    demo_accounts = []
    for username, (role, level) in DEMO_ACCOUNTS.items():
        area = areas.get(level)
        if level and area is None:
            continue
        if username in names:
            password = accounts.reset_password(
                session, principal, accounts.get_account(session, username), must_change=False
            )
        else:
            account, password = accounts.add(session, principal, username, must_change=False)
            posts = [post for post, access in ACCESS_ROLE_BY_POST.items() if access == role]
            holder = area and session.scalar(
                text(HOLDER_SQL), {"area": area.id, "posts": posts, "at": now}
            )
            if holder:
                accounts.link(
                    session, principal, account, person=session.get_one(Person, holder).code
                )
            else:
                accounts.grant(session, principal, account, role, area.code if area else "")
        demo_accounts.append(
            DemoAccount(username, password, role, role_label(role, "zh"), area.name if area else "")
        )
    session.flush()
    placed = {name: areas[level].id for name, (_, level) in DEMO_ACCOUNTS.items() if level in areas}
    assign_matters(session, placed, now)
    session.execute(
        text(STAFF_ACCOUNTS_SQL),
        {"at": now, "hash": credentials.hash_password(secrets.token_urlsafe(24))},
    )
    return demo_accounts


def write_accounts_file(file: Path, demo_accounts: list[DemoAccount]) -> None:
    """Write the accounts to a private file, one a line, separated by tabs."""
    temporary = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    with os.fdopen(
        os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as written:
        written.writelines("\t".join(astuple(account)) + "\n" for account in demo_accounts)
    temporary.replace(file)


def read(file: Path) -> list[DemoAccount]:
    """Read the accounts from their file."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return [DemoAccount(*line.split("\t")) for line in lines]
