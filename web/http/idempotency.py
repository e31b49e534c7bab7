"""Writes that may be sent again: the same `Idempotency-Key` runs once and gets the same answer."""

import hashlib
from collections.abc import Callable
from typing import Any

import orjson
from flask import Response, request

from gis.accounts import idempotency
from gis.accounts.idempotency import KeyClaim
from gis.errors import invalid_field
from gis.rights.principal import Principal
from web.http.client import client_network
from web.http.db import session

MIN_KEY_CHARS, MAX_KEY_CHARS = 8, 200


def run_once(
    principal: Principal,
    action: Callable[[], tuple[int, dict[str, Any]]],
    redact: Callable[[dict[str, Any]], None] | None = None,
    restore: Callable[[dict[str, Any]], None] | None = None,
) -> Response:
    """Do a write and commit, or repeat the answer of the first time.

    Parameters
    ----------
    principal
        Whose key it is; the same key of another principal is another key.
    action
        Does the write without committing; returns status and body. Raising undoes it and frees the
        key.
    redact, restore
        Take secrets out of the body that is stored for a week, and put them into a repeated one.

    Raises
    ------
    InvalidInput
        The key is too short or long, or was used for another request.

    Notes
    -----
    The key is claimed in the write's own transaction: a second request waits for the first, then
    reads its answer. A repeated answer has the header `Idempotency-Replayed: true`.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        status, body = action()
        session().commit()
        return _answer(status, body)
    claim = _claim_of(principal, key)
    if not idempotency.claim_key(session(), claim):
        return _replay(claim, restore)
    status, body = action()
    stored_body = orjson.loads(orjson.dumps(body))
    if redact is not None:
        redact(stored_body)
    idempotency.store_answer(session(), claim, status, orjson.dumps(stored_body).decode())
    session().commit()
    return _answer(status, body)


def _claim_of(principal: Principal, key: str) -> KeyClaim:
    """Return whose key it is, and of which request.

    Raises
    ------
    InvalidInput
        The key is too short, too long or not printable ASCII.
    """
    if not (MIN_KEY_CHARS <= len(key) <= MAX_KEY_CHARS and key.isprintable() and key.isascii()):
        raise invalid_field(
            "Idempotency-Key", "input.idempotency_key_wrong", low=MIN_KEY_CHARS, high=MAX_KEY_CHARS
        )
    # two strangers' same key is not one key
    address = f" {client_network()}" if principal.kind == "anonymous" else ""
    owner = f"{principal.kind} {principal.actor}{address} {request.method} {request.path}"
    return KeyClaim(owner, key, _digest())


def _replay(claim: KeyClaim, restore: Callable[[dict[str, Any]], None] | None) -> Response:
    """Give again what was answered the first time.

    Raises
    ------
    InvalidInput
        The key was used for another request.
    """
    stored = idempotency.find_answer(session(), claim)
    if stored.request_hash != claim.request_hash:
        raise invalid_field("Idempotency-Key", "input.idempotency_key_reused")
    body = stored.answer
    if restore is not None:
        restore(body)
    session().rollback()
    response = _answer(stored.status, body)
    response.headers["Idempotency-Replayed"] = "true"
    return response


def _digest() -> bytes:
    if request.mimetype != "multipart/form-data":
        return hashlib.sha256(request.get_data(cache=True)).digest()
    # the parts of a form, without the boundary that differs from try to try
    digest = hashlib.sha256(request.form.get("json", "").encode())
    for file in request.files.getlist("photo"):
        file.stream.seek(0)  # the form may have been read before
        digest.update(hashlib.sha256(file.stream.read()).digest())
        file.stream.seek(0)
    return digest.digest()


def _answer(status: int, body: dict[str, Any]) -> Response:
    response = Response(orjson.dumps(body), status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
