"""Accounts as they are listed: their roles, and which of them an administrator reaches."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.accounts.sessions import LOCKOUT_PERIOD, MAX_FAILED_ATTEMPTS
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.rights.roles import ACCESS_ROLE_BY_POST, role_label
from gis.settings import SHARD_ID_BITS


@dataclass(frozen=True)
class RoleGrant:
    """An access role of an account.

    Attributes
    ----------
    area, area_name
        Of the area it is for; empty for everywhere, or for what is the account's own.
    source
        grant or post.
    """

    role: str
    zh: str
    en: str
    area: str
    area_name: str
    source: str


@dataclass(frozen=True)
class AccountView:
    """An account for a list.

    Attributes
    ----------
    sign_in
        password, first (an initial password that must be changed), oidc or none.
    last
        Moment of the last successful sign-in; None if there is none.
    locked
        Whether the pause after too many failed attempts applies.
    """

    id: int
    username: str
    person: str
    person_name: str
    subject: str
    active: bool
    sign_in: str
    last: datetime | None
    locked: bool
    roles: list[RoleGrant]


ACCOUNTS_SQL = """
SELECT a.id, a.username, coalesce(p.code, '') AS person, coalesce(p.name, '') AS person_name,
  coalesce(a.subject, '') AS subject, a.active,
  CASE WHEN a.password_hash IS NULL THEN CASE WHEN a.subject IS NULL THEN 'none' ELSE 'oidc' END
    WHEN a.must_change THEN 'first' ELSE 'password' END AS sign_in,
  (SELECT max(s.at) FROM personal.sign_in s WHERE s.username = a.username AND s.succeeded) AS last,
  coalesce((
    SELECT count(*) = :failures AND NOT bool_or(t.succeeded)
      AND max(t.at) - min(t.at) <= :window
    FROM (
      SELECT s.at, s.succeeded
      FROM personal.sign_in s
      WHERE s.username = a.username AND s.at > :now - 2 * CAST(:window AS interval)
      ORDER BY s.at DESC, s.id DESC
      LIMIT :failures
    ) t
    HAVING max(t.at) > :now - CAST(:window AS interval)
  ), false) AS locked
FROM personal.account a
LEFT JOIN personal.person p ON p.id = a.person_id
WHERE CAST(:like AS text) IS NULL OR a.username LIKE :like OR p.name LIKE :like OR p.code LIKE :like
ORDER BY a.username
LIMIT :limit
"""


ROLES_SQL = """
SELECT r.account_id, r.role, r.source,
  coalesce(a.code, '') AS area, coalesce(a.name, '') AS area_name
FROM (
  SELECT g.account_id, g.role, g.area_id, 'grant' AS source
  FROM personal.access_grant g
  WHERE g.account_id = ANY(:ids)
  UNION ALL
  SELECT DISTINCT c.id, m.access, p.area_id, 'post'
  FROM personal.account c
  JOIN post p ON c.person_id IN (p.holder_id, p.deputy_id)
    AND p.valid_time @> CAST(:at AS timestamptz)
  JOIN (
    SELECT unnest(CAST(:posts AS text[])) AS post, unnest(CAST(:access AS text[])) AS access
  ) m ON m.post = p.role
  WHERE c.id = ANY(:ids)
  -- posts of another database's people are not known here: their county stands for them
  UNION ALL
  SELECT c.id, 'resident', county.id, 'post'
  FROM personal.account c
  JOIN area county ON county.level = 'county' AND county.id >> :id_bits = c.person_id >> :id_bits
  WHERE c.id = ANY(:ids) AND c.person_id >> :id_bits > 0
) r
LEFT JOIN area a ON a.id = r.area_id
ORDER BY r.account_id, r.source, r.role, a.code
"""


def list_accounts(
    session: Session, principal: Principal, now: datetime, search: str = "", limit: int = 200
) -> list[AccountView]:
    """List accounts by name, those the principal may change.

    Parameters
    ----------
    search
        Part of a user name, a person's name or code.
    """
    principal.require(Action.ACCOUNTS)
    plain = re.sub(r"([%_\\])", r"\\\1", search.strip())
    like = f"%{plain}%" if plain else None
    params = {
        "failures": MAX_FAILED_ATTEMPTS,
        "window": LOCKOUT_PERIOD,
        "now": now,
        "like": like,
        "limit": limit,
    }
    rows = [dict(row) for row in session.execute(text(ACCOUNTS_SQL), params).mappings()]
    roles = roles_of(session, [row["id"] for row in rows], now)
    reach = reachable_areas(session, principal)
    return [
        AccountView(**row, roles=roles.get(row["id"], []))
        for row in rows
        if is_within_reach(roles.get(row["id"], []), reach)
    ]


def roles_of(session: Session, ids: Iterable[int], now: Any) -> dict[int, list[RoleGrant]]:
    """Return the access roles of accounts at a moment, granted or by a post, by account id."""
    params = {
        "ids": list(ids),
        "at": now,
        "posts": [*ACCESS_ROLE_BY_POST],
        "access": [*ACCESS_ROLE_BY_POST.values()],
        "id_bits": SHARD_ID_BITS,
    }
    grants_by_account: dict[int, list[RoleGrant]] = {}
    for row in session.execute(text(ROLES_SQL), params):
        zh, en = role_label(row.role, "zh"), role_label(row.role)
        grants_by_account.setdefault(row.account_id, []).append(
            RoleGrant(row.role, zh, en, row.area, row.area_name, row.source)
        )
    return grants_by_account


def reachable_areas(session: Session, principal: Principal) -> frozenset[str] | None:
    """Return the codes of areas whose accounts the principal may change; None means everywhere."""
    areas = principal.areas_by_action[Action.ACCOUNTS]
    if areas is None:
        return None
    below = text(
        "WITH RECURSIVE below AS (SELECT id, code FROM area WHERE id = ANY(:ids)"
        " UNION SELECT a.id, a.code FROM area a JOIN below b ON a.parent_id = b.id) SELECT code"
        " FROM below"
    )
    return frozenset(session.scalars(below, {"ids": sorted(areas)}))


def is_within_reach(roles: Iterable[RoleGrant], reach: frozenset[str] | None) -> bool:
    """Return whether all roles of an account lie in reachable areas."""
    return reach is None or all(
        role.area in reach if role.area else role.role != "administrator" for role in roles
    )
