"""Secrets: passwords and their rules, parts of API keys, the key that signs session cookies."""

import hashlib
import hmac
import os
import re
import secrets
import unicodedata
from functools import cache
from pathlib import Path
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gis import private
from gis.errors import FieldError, InvalidInput

MIN_PASSWORD_CHARS, MAX_PASSWORD_CHARS = 10, 200
MIN_DISTINCT_CHARS = 5  # of a password
COMMON_PASSWORDS_PATH = Path(__file__).with_name("common_passwords.txt")


PASSWORD_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # without similar characters
KEY_PATTERN = re.compile(r"wg_([A-Za-z0-9]{8,32})_([A-Za-z0-9_-]{20,100})")

_HASHER = PasswordHasher()  # argon2id, RFC 9106 low memory


def check_password(password: str, username: str) -> None:
    """Raise InvalidInput unless a password may be used.

    Raises
    ------
    InvalidInput
        On the field `password`, with a code `password.*`.
    """
    plain = _clean(password).lower()
    code = next(
        (
            code
            for is_wrong, code in (
                (len(plain) < MIN_PASSWORD_CHARS, "password.too_short"),
                (len(plain) > MAX_PASSWORD_CHARS, "password.too_long"),
                (username.lower() in plain, "password.has_name"),
                (plain in common(), "password.too_common"),
                (len(set(plain)) < MIN_DISTINCT_CHARS, "password.too_plain"),
            )
            if is_wrong
        ),
        None,
    )
    if code:
        raise account_field_error("password", code)


def account_field_error(field: str, code: str) -> InvalidInput:
    """Return an error about a field of an account.

    Its sentence does not name the field, since pages show it beside the field.
    """
    return InvalidInput(code, [FieldError(field, code)])


@cache
def common() -> frozenset[str]:
    """Return the most common passwords, in lower case."""
    return frozenset(COMMON_PASSWORDS_PATH.read_text(encoding="utf-8").split())


def generate_initial_password() -> str:
    """Return an initial password to hand out: four groups of four, 79 bits."""
    return "-".join("".join(secrets.choice(PASSWORD_ALPHABET) for _ in range(4)) for _ in range(4))


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password, salt and cost included."""
    return _HASHER.hash(_clean(password))


def verify_password(stored: str | None, password: str) -> bool:
    """Return whether a password is the stored one; takes the same time when nothing is stored."""
    if len(password) > MAX_PASSWORD_CHARS:
        password, stored = "", None
    try:
        return _HASHER.verify(stored or _dummy_hash(), _clean(password)) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(stored: str) -> bool:
    """Return whether a hash was made with outdated cost parameters."""
    return _HASHER.check_needs_rehash(stored)


@cache
def _dummy_hash() -> str:
    return _HASHER.hash(secrets.token_urlsafe())


def _clean(password: str) -> str:
    return unicodedata.normalize("NFKC", password)


def new_key() -> tuple[str, str]:
    """Return the public and the secret part of a new key; the secret has 256 random bits."""
    return secrets.token_hex(6), secrets.token_urlsafe(32)


def hash_secret(secret: str) -> bytes:
    """Return the stored hash of a secret of full strength: SHA-256."""
    return hashlib.sha256(secret.encode()).digest()


def signing_key(var: Path) -> str:
    """Return the key that signs session cookies.

    Notes
    -----
    The first call creates it under `var`, readable by its owner only. Processes that start at the
    same time agree on one key.
    """
    file = var / "session.key"
    if not file.exists():
        private.create_folder(var)
        temporary = file.with_name(f"session.key.{os.getpid()}.{secrets.token_hex(4)}")
        with os.fdopen(
            os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w"
        ) as written:
            written.write(secrets.token_urlsafe(48))
        try:
            os.link(temporary, file)
        except FileExistsError:
            pass  # another process was first
        finally:
            temporary.unlink()
    return file.read_text().strip()


def derive_tracking_secret(key: str, incident_id: UUID) -> str:
    """Return the tracking secret of an incident that was filed through the API.

    Derived, so that it need not be stored: a report sent again gets the same one.

    Parameters
    ----------
    key
        As `signing_key` returns it.
    """
    return hmac.new(key.encode(), b"tracking " + incident_id.bytes, "sha256").hexdigest()[:43]
