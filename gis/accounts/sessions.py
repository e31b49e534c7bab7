"""Sign-in: attempts and the pause after failures, the state behind a session, the own password."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import takewhile
from types import MappingProxyType

from sqlalchemy import ColumnElement, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gis.accounts import credentials
from gis.accounts.models import Account, EndedSession, SignIn
from gis.errors import RateLimited
from gis.rights.principal import Principal, account_principal

MAX_FAILED_ATTEMPTS = 5  # in a row, within `LOCKOUT_PERIOD`, before a pause
# the pause after 5, 6, 7, 8 and more failures
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (15, 30, 60, 120))
# for one name within `LOCKOUT_PERIOD`, from networks that it was never signed in from
MAX_STRANGE_FAILURES = 30
STRANGE_PAUSE = timedelta(seconds=10)  # between further attempts from such networks
LOCKOUT_PERIOD = timedelta(minutes=15)  # within which failures count
SIGN_IN_RETENTION = timedelta(days=90)  # of attempts


@dataclass(frozen=True)
class AccountStatus:
    """The state of an account that its sessions depend on, and its present rights."""

    session_version: int
    active: bool
    must_change: bool
    principal: Principal


@dataclass(frozen=True)
class SignInAttempt:
    """A recorded attempt to sign in, with the account of that name, if there is one."""

    id: int
    username: str
    account_id: int | None = None
    password_hash: str | None = field(default=None, repr=False)
    active: bool = False
    session_version: int = 0
    must_change: bool = False


def normalise_username(username: str) -> str:
    """Return a user name as it is stored: NFKC in lower case, cut to its maximum length.

    So ａｄｍｉｎ, as Chinese keyboards write it in full width, is admin.
    """
    return unicodedata.normalize("NFKC", username).replace("\0", "").strip().lower()[:80]


def begin_sign_in(
    session: Session,
    username: str,
    now: datetime,
    network: str = "",
    browser: str = "",
    session_versions: Mapping[int, int] = MappingProxyType({}),
) -> SignInAttempt:
    """Record an attempt before its password is checked, so that concurrent attempts all count.

    Failures count for a name together with the network they come from, and slow down that network
    only, so that one user cannot lock out another. A browser that the account signed in from before
    is counted by itself. A name tried from many networks is slowed down for all networks but those
    it was signed in from before.

    The caller commits, calls `password_matches`, which takes a while, and then `complete_sign_in`.

    Parameters
    ----------
    browser, session_versions
        Number of the browser and, by account, the session version with which it signed in there
        last.

    Raises
    ------
    RateLimited
        Five or more attempts in a row failed from there, see `PAUSES`; names that do not exist are
        slowed down as well. Or unknown networks have failed too often for this name, see
        `MAX_STRANGE_FAILURES`.
    """
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended('sign_in ' || :name, 0))"),
        {"name": username},
    )
    account = session.execute(
        select(
            Account.id,
            Account.password_hash,
            Account.active,
            Account.session_version,
            Account.must_change,
        ).where(Account.username == username)
    ).one_or_none()
    trusted = bool(
        browser and account and session_versions.get(account.id) == account.session_version
    )
    mark = f" browser {browser}"
    source = (
        SignIn.network.endswith(mark, autoescape=True) if trusted else SignIn.network == network
    )
    _pause_after_failures(session, username, source, now)
    if not trusted:
        _slow_down(session, username, now, network)
    tried = SignIn(
        username=username, at=now, succeeded=False, network=network + mark if trusted else network
    )
    session.add(tried)
    session.flush()
    return (
        SignInAttempt(tried.id, username, *account)
        if account
        else SignInAttempt(tried.id, username)
    )


def _pause_after_failures(
    session: Session, username: str, source: ColumnElement[bool], now: datetime
) -> None:
    """Raise RateLimited during the pause after too many failures in a row from a source."""
    last = session.execute(
        select(SignIn.at, SignIn.succeeded)
        .where(SignIn.username == username, source, SignIn.at > now - 2 * LOCKOUT_PERIOD)
        .order_by(SignIn.at.desc(), SignIn.id.desc())
        .limit(MAX_FAILED_ATTEMPTS + len(PAUSES) - 1)
    ).all()
    failures = list(takewhile(lambda attempt: not attempt.succeeded, last))
    if (
        len(failures) >= MAX_FAILED_ATTEMPTS
        and failures[0].at - failures[MAX_FAILED_ATTEMPTS - 1].at <= LOCKOUT_PERIOD
    ):
        _wait(failures[0].at + PAUSES[len(failures) - MAX_FAILED_ATTEMPTS], now)


def _wait(until: datetime, now: datetime) -> None:
    """Raise RateLimited if a moment has not come yet.

    Raises
    ------
    RateLimited
        It is later than now; `retry_after` says by how many seconds.
    """
    left = (until - now).total_seconds()
    if left > 0:
        minutes, seconds = int(left // 60) + 1, int(left) + 1
        raise RateLimited(
            "sign_in.too_many_attempts",
            seconds=seconds,
            extra={"minutes": minutes, "retry_after": seconds},
        )


STRANGE_FAILURES_SQL = """
WITH trusted AS (
  SELECT DISTINCT split_part(network, ' ', 1) AS network
  FROM personal.sign_in
  WHERE username = :name AND succeeded AND at > :long_ago
)
SELECT count(*) AS failures, max(at) AS last,
  (SELECT :network IN (SELECT network FROM trusted)) AS is_trusted
FROM personal.sign_in
WHERE username = :name AND NOT succeeded AND at > :since
  AND split_part(network, ' ', 1) NOT IN (SELECT network FROM trusted)
"""


def _slow_down(session: Session, username: str, now: datetime, network: str) -> None:
    params = {
        "name": username,
        "network": network,
        "since": now - LOCKOUT_PERIOD,
        "long_ago": now - SIGN_IN_RETENTION,
    }
    row = session.execute(text(STRANGE_FAILURES_SQL), params).one()
    if row.failures >= MAX_STRANGE_FAILURES and not row.is_trusted:
        _wait(row.last + STRANGE_PAUSE, now)


def end_session(session: Session, session_id: str, until: datetime) -> None:
    """Record that a session is signed out, and delete the records of expired ones.

    Parameters
    ----------
    until
        Moment at which its cookie expires.
    """
    session.execute(delete(EndedSession).where(EndedSession.until < func.now()))
    session.execute(
        insert(EndedSession).values(id=session_id, until=until).on_conflict_do_nothing()
    )


def is_ended(session: Session, session_id: str) -> bool:
    """Return whether a session is signed out."""
    return session.get(EndedSession, session_id) is not None


def password_matches(tried: SignInAttempt, password: str) -> bool:
    """Return whether the password is right and the account may sign in.

    Takes as long for a name that does not exist.
    """
    return credentials.verify_password(tried.password_hash, password) and tried.active


def complete_sign_in(session: Session, tried: SignInAttempt, password: str) -> None:
    """Record that an attempt succeeded; rehash the password if the cost parameters are outdated."""
    if tried.password_hash and credentials.needs_rehash(tried.password_hash):
        session.execute(
            update(Account)
            .where(Account.id == tried.account_id, Account.password_hash == tried.password_hash)
            .values(password_hash=credentials.hash_password(password))
        )
    session.execute(update(SignIn).where(SignIn.id == tried.id).values(succeeded=True))


def by_subject(session: Session, subject: str, now: datetime) -> Account | None:
    """Return the account linked to a subject of the identity provider, and record its sign-in.

    Parameters
    ----------
    subject
        "issuer|sub".

    Returns
    -------
    Account or None
        None if no active account is linked to the subject.
    """
    account = session.scalars(
        select(Account).where(Account.subject == subject, Account.active)
    ).one_or_none()
    if account:
        session.add(SignIn(username=account.username, at=now, succeeded=True))
    return account


def account_status(session: Session, account_id: int, now: datetime) -> AccountStatus | None:
    """Return the state and present rights of an account; None if it does not exist."""
    row = session.execute(
        select(
            Account.username,
            Account.person_id,
            Account.session_version,
            Account.active,
            Account.must_change,
        ).where(Account.id == account_id)
    ).one_or_none()
    if row is None:
        return None
    principal = account_principal(session, account_id, row.person_id, row.username, now)
    return AccountStatus(row.session_version, row.active, row.must_change, principal)


def change_password(session: Session, account_id: int, old: str, new: str) -> int:
    """Change the account's own password and end its other sessions.

    Returns
    -------
    int
        The new session version, for the session that continues.

    Raises
    ------
    InvalidInput
        On `old` or `password`.
    """
    account = session.get(Account, account_id, with_for_update=True)
    if account is None or account.password_hash is None:
        raise credentials.account_field_error("old", "password.at_provider")
    if not credentials.verify_password(account.password_hash, old):
        raise credentials.account_field_error("old", "password.wrong")
    credentials.check_password(new, account.username)
    if credentials.verify_password(account.password_hash, new):
        raise credentials.account_field_error("password", "password.unchanged")
    account.password_hash, account.must_change = credentials.hash_password(new), False
    account.session_version += 1
    session.flush()
    return account.session_version
