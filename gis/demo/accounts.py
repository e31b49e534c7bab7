"""Accounts of a demo: one of each access role, around one grid, with passwords in a file only its
owner can read.
"""

import os
import secrets
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from gis.accounts import accounts, credentials
from gis.accounts.models import Account
from gis.people.models import Person
from gis.rights.principal import Principal
from gis.rights.roles import ACCESS_ROLE_BY_POST, role_label

FILE = "demo_accounts.txt"  # under the deployment's folder

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

# the grid with a worker and a leader in office and the most to do, and a unit of it with a head
MIDDLE = """
SELECT g.id FROM area g
JOIN post w ON w.area_id = g.id AND w.role = 'grid_worker'
  AND w.valid_time @> CAST(:at AS timestamptz)
    AND w.holder_id IS NOT NULL
JOIN post l ON l.area_id = g.id AND l.role = 'grid_leader'
  AND l.valid_time @> CAST(:at AS timestamptz)
    AND l.holder_id IS NOT NULL
WHERE NOT EXISTS (SELECT FROM leave v WHERE v.person_id IN (w.holder_id, l.holder_id)
    AND v.valid_time @> CAST(:at AS timestamptz))
ORDER BY w.holder_id IN (l.holder_id, l.deputy_id),
  (SELECT count(*) FROM incident i WHERE i.holder_id = w.holder_id AND i.state IN ('dispatched',
      'taken')) DESC, g.code LIMIT 1
"""
AROUND = """
WITH RECURSIVE up AS (
  SELECT id, code, name, level, parent_id FROM area
  WHERE id = coalesce(:middle, (SELECT min(id) FROM area WHERE level = 'grid'), (SELECT min(id)
      FROM area WHERE level = 'community'))
  UNION ALL SELECT a.id, a.code, a.name, a.level, a.parent_id FROM area a JOIN up
      ON a.id = up.parent_id
)
SELECT id, code, name, level FROM up
UNION ALL
(SELECT u.id, u.code, u.name, u.level FROM area u JOIN post p ON p.area_id = u.id
    AND p.role = 'unit_head' AND p.holder_id IS NOT NULL
 WHERE u.level = 'unit' AND u.parent_id = :middle AND u.retired_at IS NULL ORDER BY u.code LIMIT 1)
"""
HOLDER = """
SELECT p.holder_id FROM post p WHERE p.area_id = :area AND p.role = ANY(:posts)
    AND p.valid_time @> CAST(:at AS timestamptz)
  AND p.holder_id IS NOT NULL AND NOT EXISTS (SELECT FROM personal.account a
      WHERE a.person_id = p.holder_id)
ORDER BY (SELECT count(*) FROM post o WHERE p.holder_id IN (o.holder_id, o.deputy_id)), p.id LIMIT 1
"""


# everybody else in a post: an account each, as a pilot would have; its password is nobody's until
# it is given anew (./wangge account password NAME), so all may have one hash
STAFF = """
INSERT INTO personal.account (username, password_hash, must_change, person_id)
SELECT lower(btrim(p.code)), :hash, true, p.id FROM personal.person p
WHERE NOT EXISTS (SELECT FROM personal.account a WHERE a.person_id = p.id)
  AND (EXISTS (SELECT FROM post o WHERE p.id IN (o.holder_id, o.deputy_id)
      AND o.valid_time @> CAST(:at AS timestamptz))
    OR EXISTS (SELECT FROM order_taker t WHERE t.person_id = p.id AND t.active))
ON CONFLICT (username) DO NOTHING
"""


@dataclass(frozen=True)
class DemoAccount:
    """One account to try; place is the name of the area, empty where the role needs none."""

    username: str
    password: str
    role: str
    zh: str
    place: str


def create_demo_accounts(
    session: Session, by: Principal, var: Path, now: datetime
) -> list[DemoAccount]:
    """The demo's accounts: those made before with the passwords in the file, or new ones.

    A holder of the post in question is taken where there is one, so that his work is seen; else the
    role is granted.
    """
    file = var / FILE
    names = set(
        session.scalars(select(Account.username).where(Account.username.in_(DEMO_ACCOUNTS)))
    )
    if names == set(DEMO_ACCOUNTS) and file.exists():
        return read(file)
    middle = session.scalar(text(MIDDLE), {"at": now})
    places = {row.level: row for row in session.execute(text(AROUND), {"middle": middle})}
    found = []
    for username, (role, level) in DEMO_ACCOUNTS.items():
        place = places.get(level)
        if level and place is None:
            continue
        if username in names:
            password = accounts.reset_password(
                session, by, accounts.get_account(session, username), must_change=False
            )
        else:
            made, password = accounts.add(session, by, username, must_change=False)
            posts = [post for post, access in ACCESS_ROLE_BY_POST.items() if access == role]
            holder = place and session.scalar(
                text(HOLDER), {"area": place.id, "posts": posts, "at": now}
            )
            if holder:
                accounts.link(session, by, made, person=session.get_one(Person, holder).code)
            else:
                accounts.grant(session, by, made, role, place.code if place else "")
        found.append(
            DemoAccount(
                username, password, role, role_label(role, "zh"), place.name if place else ""
            )
        )
    session.flush()
    session.execute(
        text(STAFF), {"at": now, "hash": credentials.hash_password(secrets.token_urlsafe(24))}
    )
    return found


def write_accounts_file(file: Path, found: list[DemoAccount]) -> None:
    """Write the accounts to a file only its owner can read, a line each with tabs between."""
    own = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    with os.fdopen(
        os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as written:
        written.writelines("\t".join(astuple(one)) + "\n" for one in found)
    own.replace(file)


def read(file: Path) -> list[DemoAccount]:
    """The accounts of such a file."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return [DemoAccount(*line.split("\t")) for line in lines]
