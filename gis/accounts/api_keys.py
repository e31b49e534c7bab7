"""API keys of programs: create, authenticate, rotate, revoke.

A program is known by its name; each secret is one row.
"""

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from gis.accounts.credentials import KEY_PATTERN, hash_secret, new_key
from gis.accounts.models import ApiKey
from gis.areas.models import Area
from gis.errors import Conflict, FieldError, NotFound, invalid_field, invalid_fields
from gis.rights.actions import KEY_ACTIONS, Action
from gis.rights.principal import Principal

KEY_NAME_PATTERN = re.compile(r"[\w][\w .-]{1,39}")
MAX_REQUESTS_PER_MINUTE = 100_000
MAX_OVERLAP_HOURS = 30 * 24  # of an old secret after a rotation

# A row of the key, and the first row of its program, which identifies the program after a rotation.
ACTIVE_KEY_SQL = """
SELECT k.secret_hash, k.actions, in_counties(k.area_ids) AS area_ids, k.per_minute, k.name,
  (SELECT min(f.id) FROM personal.api_key f WHERE f.name = k.name) AS program
FROM personal.api_key k
WHERE k.key_id = :key_id AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > :now)
"""


@dataclass(frozen=True)
class AuthenticatedKey:
    """A valid key: its principal, and the requests a minute it may make."""

    principal: Principal
    per_minute: int


def authenticate_key(session: Session, secret_text: str, now: datetime) -> AuthenticatedKey | None:
    """Return the program that a key as sent ("wg_…_…") belongs to.

    None if it is unknown, revoked or expired.
    """
    shape = KEY_PATTERN.fullmatch(secret_text)
    row = (
        shape
        and session.execute(text(ACTIVE_KEY_SQL), {"key_id": shape[1], "now": now}).one_or_none()
    )
    if (
        not shape
        or not row
        or not hmac.compare_digest(hash_secret(shape[2]), bytes(row.secret_hash))
    ):
        return None
    areas = frozenset(row.area_ids)
    areas_by_action = {Action(action): areas for action in row.actions if action in KEY_ACTIONS}
    return AuthenticatedKey(
        Principal("key", f"program {row.name}", areas_by_action, key_id=row.program, name=row.name),
        row.per_minute,
    )


def add(
    session: Session,
    name: str,
    actions: Sequence[str],
    areas: Sequence[str],
    now: datetime,
    *,
    per_minute: int = 600,
    days: int | None = None,
) -> str:
    """Create the key of a new program.

    Parameters
    ----------
    name
        Name of the program; unique.
    actions
        Values of `Action` that a key may have.
    areas
        Codes of the areas the actions are allowed in.
    per_minute
        Requests a minute.
    days
        Days until it expires; None means never.

    Returns
    -------
    str
        The key. It is not stored and can be shown only this once.

    Raises
    ------
    InvalidInput
        A field is wrong.
    Conflict
        The name is taken.
    """
    ids, wrong = area_ids(session, areas)
    allowed = sorted(action.value for action in KEY_ACTIONS)
    if not KEY_NAME_PATTERN.fullmatch(name):
        wrong.append(FieldError("name", "key.name_wrong"))
    if unknown := [action for action in actions if action not in allowed]:
        wrong.append(
            FieldError(
                "action", "key.action_not_grantable", {"action": unknown[0], "allowed": allowed}
            )
        )
    if not actions:
        wrong.append(FieldError("action", "key.action_missing", {"allowed": allowed}))
    if not 1 <= per_minute <= MAX_REQUESTS_PER_MINUTE:
        wrong.append(
            FieldError(
                "per_minute", "field.not_between", {"low": 1, "high": MAX_REQUESTS_PER_MINUTE}
            )
        )
    if days is not None and not 1 <= days <= 3650:
        wrong.append(FieldError("days", "field.not_between", {"low": 1, "high": 3650}))
    if wrong:
        raise invalid_fields(wrong)
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended('api_key ' || :name, 0))"),
        {"name": name},
    )
    if session.scalar(select(ApiKey.id).where(ApiKey.name == name).limit(1)):
        raise Conflict("key.name_taken", name=name)
    return _insert(
        session,
        name,
        sorted(set(actions)),
        ids,
        per_minute,
        now + timedelta(days=days) if days else None,
    )


def rotate(session: Session, name: str, now: datetime, keep_hours: float = 24) -> str:
    """Create a new secret of a program; the old one stays valid for some hours.

    Returns
    -------
    str
        The new key, to be shown once.

    Raises
    ------
    NotFound
        No valid key has the name.
    InvalidInput
        `keep_hours` is out of range.
    """
    if not 0 <= keep_hours <= MAX_OVERLAP_HOURS:
        raise invalid_field("keep_hours", "field.not_between", low=0, high=MAX_OVERLAP_HOURS)
    # with a row lock, so that two rotations at once do not both keep the old secret as the newest
    newest = session.scalars(
        select(ApiKey)
        .where(
            ApiKey.name == name,
            ApiKey.revoked_at.is_(None),
            (ApiKey.expires_at.is_(None)) | (ApiKey.expires_at > now),
        )
        .order_by(ApiKey.id.desc())
        .limit(1)
        .with_for_update()
    ).first()
    if newest is None:
        raise NotFound("key.not_in_use", name=name)
    end, expires_at = now + timedelta(hours=keep_hours), newest.expires_at
    session.execute(
        update(ApiKey)
        .where(ApiKey.name == name, ApiKey.revoked_at.is_(None))
        .where(ApiKey.expires_at.is_(None) | (ApiKey.expires_at > end))
        .values(expires_at=end)
    )
    return _insert(session, name, newest.actions, newest.area_ids, newest.per_minute, expires_at)


def revoke(session: Session, name: str, now: datetime) -> int:
    """Revoke every secret of a program and return how many were valid.

    Raises
    ------
    NotFound
        No key has the name.
    """
    if not session.scalar(select(ApiKey.id).where(ApiKey.name == name).limit(1)):
        raise NotFound("key.unknown", name=name)
    live = (ApiKey.name == name) & ApiKey.revoked_at.is_(None)
    return len(
        session.scalars(
            update(ApiKey).where(live).values(revoked_at=now).returning(ApiKey.id)
        ).all()
    )


@dataclass(frozen=True)
class KeyView:
    """A key as it may be shown: everything but the secret.

    state: live, ending (replaced, still valid until expires_at), expired or revoked.
    """

    id: int
    name: str
    public: str
    actions: list[str]
    areas: list[str]
    per_minute: int
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    state: str


KEYS_SQL = """
SELECT k.id, k.name, k.key_id AS public, k.actions,
  ARRAY(SELECT a.code FROM area a WHERE a.id = ANY(k.area_ids) ORDER BY a.code) AS areas,
  k.per_minute, k.created_at, k.expires_at, k.revoked_at,
  CASE WHEN k.revoked_at IS NOT NULL THEN 'revoked' WHEN k.expires_at <= :now THEN 'expired'
       WHEN k.id < max(k.id) OVER (PARTITION BY k.name) THEN 'ending' ELSE 'live' END AS state
FROM personal.api_key k ORDER BY k.name, k.id DESC
"""


def list_keys(session: Session, now: datetime) -> list[KeyView]:
    """List every key by name, the newest secret first."""
    return [KeyView(**row) for row in session.execute(text(KEYS_SQL), {"now": now}).mappings()]


def area_ids(session: Session, codes: Sequence[str]) -> tuple[list[int], list[FieldError]]:
    """Return ids of areas by code, and errors of the codes."""
    rows = session.execute(
        select(Area.code, Area.id).where(Area.code.in_(codes), Area.retired_at.is_(None))
    )
    ids_by_code = {row.code: row.id for row in rows}
    wrong = [
        FieldError("area", "field.area_unknown", {"code": code})
        for code in codes
        if code not in ids_by_code
    ]
    if not codes:
        wrong.append(FieldError("area", "key.area_missing"))
    return sorted(ids_by_code.values()), wrong


def _insert(
    session: Session,
    name: str,
    actions: list[str],
    areas: list[int],
    per_minute: int,
    expires_at: datetime | None,
) -> str:
    key_id, secret = new_key()
    session.add(
        ApiKey(
            name=name,
            key_id=key_id,
            secret_hash=hash_secret(secret),
            actions=actions,
            area_ids=areas,
            per_minute=per_minute,
            expires_at=expires_at,
        )
    )
    session.flush()
    return f"wg_{key_id}_{secret}"
