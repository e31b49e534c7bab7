"""Writes that are answered once: the claim of a key, and the answer that is stored with it."""

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.orm import Session

from gis.db import cached_text

CLAIM_KEY_SQL = """
INSERT INTO idempotency (owner, key, request_hash) VALUES (:owner, :key, :request_hash)
ON CONFLICT DO NOTHING RETURNING true
"""
STORED_ANSWER_SQL = """
SELECT request_hash, status, answer FROM idempotency WHERE owner = :owner AND key = :key
"""
STORE_ANSWER_SQL = """
UPDATE idempotency SET status = :status, answer = CAST(:answer AS jsonb)
WHERE owner = :owner AND key = :key
"""


@dataclass(frozen=True)
class KeyClaim:
    """A key, whose it is and for which address, and the SHA-256 of the request."""

    owner: str
    key: str
    request_hash: bytes


@dataclass(frozen=True)
class StoredAnswer:
    """What was answered to the first request with a key, and the SHA-256 of that request."""

    request_hash: bytes
    status: int
    answer: dict[str, Any]


def claim_key(session: Session, claim: KeyClaim) -> bool:
    """Claim a key for this transaction; False if it was used before.

    Waits for another transaction that claims it, until that ends.
    """
    return session.scalar(cached_text(CLAIM_KEY_SQL), asdict(claim)) is not None


def store_answer(session: Session, claim: KeyClaim, status: int, answer: str) -> None:
    """Store the status and the JSON of the answer to the request that claimed a key."""
    params = asdict(claim) | {"status": status, "answer": answer}
    session.execute(cached_text(STORE_ANSWER_SQL), params)


def find_answer(session: Session, claim: KeyClaim) -> StoredAnswer:
    """Return what the first request with a key was answered."""
    return StoredAnswer(*session.execute(cached_text(STORED_ANSWER_SQL), asdict(claim)).one())
