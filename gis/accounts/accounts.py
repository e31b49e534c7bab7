"""Accounts: who signs in, tries to sign in and the pause after too many, grants of access roles, and who may change them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import takewhile
from types import MappingProxyType
from typing import Any

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gis.accounts import credentials
from gis.accounts.models import AccessGrant, Account, EndedSession, SignIn
from gis.areas.models import Area
from gis.errors import Conflict, FieldError, Forbidden, InvalidInput, NotFound, RateLimited
from gis.people.models import Person
from gis.rights.actions import ACCESS_ROLES, Action
from gis.rights.principal import Principal, account_principal
from gis.rights.roles import ACCESS_ROLE_BY_POST, role_label

USERNAME = re.compile(r"[\w][\w.@-]{1,39}")
MAX_FAILED_ATTEMPTS = 5  # in a row, within `WINDOW`, slow a name down
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (15, 30, 60, 120))  # after 5, 6, 7, 8 and more
MAX_STRANGE_FAILURES = 30  # for one name in `WINDOW`, from networks it was never signed in from
STRANGE_PAUSE = timedelta(seconds=10)  # between tries of such networks from then on
LOCKOUT_PERIOD = timedelta(minutes=15)  # within which they count
SIGN_IN_RETENTION = timedelta(days=90)  # that tries are kept
ROLES_WITHOUT_AREA = frozenset({"resident", "administrator"})  # access roles that need no area


@dataclass(frozen=True)
class AccountStatus:
    """What a session of an account rests on, and its rights now."""

    stamp: int
    active: bool
    must_change: bool
    principal: Principal


@dataclass(frozen=True)
class SignInAttempt:
    """A try to sign in, written down; what the account of that name has, if there is one."""

    id: int
    username: str
    account_id: int | None = None
    password_hash: str | None = field(default=None, repr=False)
    active: bool = False
    stamp: int = 0
    must_change: bool = False


# --- signing in -----------------------------------------------------------------------------------------------------


def normalise_username(username: str) -> str:
    """A name as it is kept: lower case, cut to what a name can be."""
    return username.replace("\0", "").strip().lower()[:80]


def begin_sign_in(
    session: Session,
    username: str,
    now: datetime,
    network: str = "",
    browser: str = "",
    stamps: Mapping[int, int] = MappingProxyType({}),
) -> SignInAttempt:
    """Write down a try before its password is looked at, so that many at once count as many.

    Failures count for a name together with where they come from, and slow down what comes from there: nobody can lock
    a colleague out. A browser that the account signed in from before counts by itself, whatever happens at its
    address; strangers count by their network. A name tried from many networks is slowed down for all but those it was
    signed in from before.

    Args:
        browser, stamps: The browser's number and, by account, the stamp with which it signed in there last.

    The caller commits, asks `is_right`, which takes a while, and then calls `try_succeeds`.

    Raises:
        TooMany: Five tries or more in a row failed from there, see `PAUSES`. Names that do not exist are slowed down
            just the same. Or strangers' failures for this name are too many, see `MAX_STRANGE_FAILURES`.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('sign_in ' || :name, 0))"), {"name": username})
    found = session.execute(
        select(Account.id, Account.password_hash, Account.active, Account.stamp, Account.must_change).where(
            Account.username == username
        )
    ).one_or_none()
    trusted = bool(browser and found and stamps.get(found.id) == found.stamp)
    mark = f" browser {browser}"
    source = SignIn.network.endswith(mark, autoescape=True) if trusted else SignIn.network == network
    last = session.execute(
        select(SignIn.at, SignIn.succeeded)
        .where(SignIn.username == username, source, SignIn.at > now - 2 * LOCKOUT_PERIOD)
        .order_by(SignIn.at.desc(), SignIn.id.desc())
        .limit(MAX_FAILED_ATTEMPTS + len(PAUSES) - 1)
    ).all()
    failures = list(takewhile(lambda one: not one.succeeded, last))
    if len(failures) >= MAX_FAILED_ATTEMPTS and failures[0].at - failures[MAX_FAILED_ATTEMPTS - 1].at <= LOCKOUT_PERIOD:
        _wait(failures[0].at + PAUSES[len(failures) - MAX_FAILED_ATTEMPTS], now)
    if not trusted:
        _slow_down(session, username, now, network)
    tried = SignIn(username=username, at=now, succeeded=False, network=network + mark if trusted else network)
    session.add(tried)
    session.flush()
    return SignInAttempt(tried.id, username, *found) if found else SignInAttempt(tried.id, username)


def _wait(until: datetime, now: datetime) -> None:
    """Raise TooMany until a moment."""
    left = (until - now).total_seconds()
    if left > 0:
        minutes, seconds = int(left // 60) + 1, int(left) + 1
        raise RateLimited(
            "sign_in.too_many_attempts", seconds=seconds, extra={"minutes": minutes, "retry_after": seconds}
        )


STRANGE = """
WITH trusted AS (SELECT DISTINCT split_part(network, ' ', 1) AS network FROM personal.sign_in
                 WHERE username = :name AND succeeded AND at > :long_ago)
SELECT count(*) AS failures, max(at) AS last, (SELECT :network IN (SELECT network FROM trusted)) AS is_trusted
FROM personal.sign_in
WHERE username = :name AND NOT succeeded AND at > :since
  AND split_part(network, ' ', 1) NOT IN (SELECT network FROM trusted)
"""


def _slow_down(session: Session, username: str, now: datetime, network: str) -> None:
    params = {"name": username, "network": network, "since": now - LOCKOUT_PERIOD, "long_ago": now - SIGN_IN_RETENTION}
    row = session.execute(text(STRANGE), params).one()
    if row.failures >= MAX_STRANGE_FAILURES and not row.is_trusted:
        _wait(row.last + STRANGE_PAUSE, now)


def end_session(session: Session, session_id: str, until: datetime) -> None:
    """Write down that a session is signed out, and forget those that would have ended by now.

    Args:
        until: When its cookie would have expired.
    """
    session.execute(delete(EndedSession).where(EndedSession.until < func.now()))
    session.execute(insert(EndedSession).values(id=session_id, until=until).on_conflict_do_nothing())


def is_ended(session: Session, session_id: str) -> bool:
    """Whether a session is signed out."""
    return session.get(EndedSession, session_id) is not None


def password_matches(tried: SignInAttempt, password: str) -> bool:
    """Whether the password is right and the account may sign in; takes as long for a name that does not exist."""
    return credentials.verify_password(tried.password_hash, password) and tried.active


def complete_sign_in(session: Session, tried: SignInAttempt, password: str) -> None:
    """Write down that a try was right; make the hash anew when its costs are outdated."""
    if tried.password_hash and credentials.needs_rehash(tried.password_hash):
        session.execute(
            update(Account)
            .where(Account.id == tried.account_id, Account.password_hash == tried.password_hash)
            .values(password_hash=credentials.hash_password(password))
        )
    session.execute(update(SignIn).where(SignIn.id == tried.id).values(succeeded=True))


def by_subject(session: Session, subject: str, now: datetime) -> Account | None:
    """The account linked to a subject ("issuer|sub") of the identity provider; writes down that it signed in."""
    found = session.scalars(select(Account).where(Account.subject == subject, Account.active)).one_or_none()
    if found:
        session.add(SignIn(username=found.username, at=now, succeeded=True))
    return found


def forget_tries(session: Session, now: datetime) -> int:
    """Delete tries older than 90 days; how many there were."""
    return len(session.scalars(delete(SignIn).where(SignIn.at < now - SIGN_IN_RETENTION).returning(SignIn.id)).all())


def account_status(session: Session, account_id: int, now: datetime) -> AccountStatus | None:
    """What an account is and may do now; None when there is none."""
    row = session.execute(
        select(Account.username, Account.person_id, Account.stamp, Account.active, Account.must_change).where(
            Account.id == account_id
        )
    ).one_or_none()
    if row is None:
        return None
    principal = account_principal(session, account_id, row.person_id, row.username, now)
    return AccountStatus(row.stamp, row.active, row.must_change, principal)


def change_password(session: Session, account_id: int, old: str, new: str) -> int:
    """Change one's own password; ends the account's other sessions.

    Returns:
        The new stamp, for the session that goes on.

    Raises:
        InvalidInput: On `old` or `password`.
    """
    account = session.get(Account, account_id, with_for_update=True)
    if account is None or account.password_hash is None:
        raise _wrong("old", "password.at_provider")
    if not credentials.verify_password(account.password_hash, old):
        raise _wrong("old", "password.wrong")
    credentials.check_password(new, account.username)
    if credentials.verify_password(account.password_hash, new):
        raise _wrong("password", "password.unchanged")
    account.password_hash, account.must_change = credentials.hash_password(new), False
    account.stamp += 1
    session.flush()
    return account.stamp


# --- administering --------------------------------------------------------------------------------------------------


def add(
    session: Session,
    by: Principal,
    username: str,
    *,
    person: str = "",
    subject: str = "",
    must_change: bool = True,
) -> tuple[Account, str]:
    """Make an account.

    Args:
        person: Code of the person whose posts count; empty: none.
        subject: "issuer|sub", when it signs in at the identity provider; empty: not yet.

    Returns:
        The account and its first password, which is kept nowhere else; none for one with a subject.

    Raises:
        InvalidInput: A field is wrong. Forbidden: not for the asker.
    """
    by.need(Action.ACCOUNTS)
    username = normalise_username(username)
    if not USERNAME.fullmatch(username):
        raise _wrong("username", "account.name_wrong")
    if session.scalar(select(Account.id).where(Account.username == username)):
        raise _wrong("username", "account.name_taken")
    password = "" if subject else credentials.generate_initial_password()
    stored = credentials.hash_password(password) if password else None
    made = Account(username=username, password_hash=stored, must_change=must_change and bool(password))
    session.add(made)
    _flush(session, "username", "account.name_taken")
    if person or subject:
        link(session, by, made, person=person or None, subject=subject or None)
    return made, password


def link(
    session: Session, by: Principal, account: Account, *, person: str | None = None, subject: str | None = None
) -> None:
    """Link an account to a person, or to a subject at the identity provider; "" unlinks, None leaves as it is.

    Raises:
        InvalidInput: There is no such person, the subject is not "issuer|sub", or another account has it.
    """
    require_account_admin(session, by, account)
    if person is not None:
        found = session.scalar(select(Person.id).where(Person.code == person)) if person else None
        if person and found is None:
            raise _wrong("person", "account.person_unknown")
        if found and session.scalar(select(Account.id).where(Account.person_id == found, Account.id != account.id)):
            raise _wrong("person", "account.person_taken")
        account.person_id = found
    if subject is not None:
        subject = subject.strip()
        if subject and not re.fullmatch(r"https?://[^|\s]+\|\S[^|\0]{0,254}", subject):
            raise _wrong("subject", "account.subject_wrong")
        if subject and session.scalar(select(Account.id).where(Account.subject == subject, Account.id != account.id)):
            raise _wrong("subject", "account.subject_taken")
        account.subject = subject or None
    account.stamp += 1
    _flush(session, "subject", "account.subject_taken")
    if subject == "" and account.password_hash is None:
        _somebody_stays(session, by, account)
    require_account_admin(session, by, account)  # a person whose posts are out of reach cannot be linked either


def grant(session: Session, by: Principal, account: Account, role: str, area: str = "") -> None:
    """Give an access role for an area.

    Raises:
        InvalidInput: There is no such role or area. Conflict: it is given already. Forbidden: not for the asker.
    """
    require_account_admin(session, by, account)
    area_id = _place(session, by, role, area)
    if session.scalar(select(AccessGrant.id).where(*_same(account, role, area_id))):
        raise Conflict("account.role_granted_already")
    session.add(AccessGrant(account_id=account.id, role=role, area_id=area_id))
    session.flush()


def revoke_role(session: Session, by: Principal, account: Account, role: str, area: str = "") -> None:
    """Take an access role back.

    Raises:
        NotFound: It was not given. Conflict: nobody could administer accounts afterwards.
    """
    require_account_admin(session, by, account)
    area_id = _place(session, by, role, area)
    gone = session.scalars(delete(AccessGrant).where(*_same(account, role, area_id)).returning(AccessGrant.id)).all()
    if not gone:
        raise NotFound("account.role_not_granted")
    _somebody_stays(session, by, account)


def block(session: Session, by: Principal, account: Account) -> None:
    """Let an account no longer sign in, and end its sessions.

    Raises:
        Conflict: It is the asker's own, or the last administrator's.
    """
    require_account_admin(session, by, account)
    if account.id == by.account_id:
        raise Conflict("account.not_oneself")
    account.active = False
    account.stamp += 1
    session.flush()
    _somebody_stays(session, by, account)


def unblock(session: Session, by: Principal, account: Account) -> None:
    """Let an account sign in again; also lifts the pause after failed tries."""
    require_account_admin(session, by, account)
    account.active = True
    session.execute(delete(SignIn).where(SignIn.username == account.username, ~SignIn.succeeded))
    session.flush()


def reset_password(session: Session, by: Principal, account: Account, *, must_change: bool = True) -> str:
    """A new first password, to be shown once; ends the account's sessions and lifts the pause after failed tries."""
    require_account_admin(session, by, account)
    password = credentials.generate_initial_password()
    account.password_hash, account.must_change = credentials.hash_password(password), must_change
    account.stamp += 1
    session.execute(delete(SignIn).where(SignIn.username == account.username, ~SignIn.succeeded))
    session.flush()
    return password


def end_sessions(session: Session, by: Principal, account: Account) -> None:
    """Sign an account out everywhere; everybody may do so with their own."""
    if account.id != by.account_id:
        require_account_admin(session, by, account)
    account.stamp += 1
    session.flush()


def get_account(session: Session, username: str) -> Account:
    """The account of a name.

    Raises:
        NotFound: There is none.
    """
    found = session.scalars(select(Account).where(Account.username == normalise_username(username))).one_or_none()
    if found is None:
        raise NotFound("account.unknown", name=username[:40])
    return found


@dataclass(frozen=True)
class RoleGrant:
    """An access role of an account. source: grant or post; area: code and name, empty for everywhere or one's own."""

    role: str
    zh: str
    en: str
    area: str
    area_name: str
    source: str


@dataclass(frozen=True)
class AccountView:
    """An account for a list. sign_in: password, first (a first password, to be changed), oidc or none."""

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


LISTED = """
SELECT a.id, a.username, coalesce(p.code, '') AS person, coalesce(p.name, '') AS person_name,
  coalesce(a.subject, '') AS subject, a.active,
  CASE WHEN a.password_hash IS NULL THEN CASE WHEN a.subject IS NULL THEN 'none' ELSE 'oidc' END
       WHEN a.must_change THEN 'first' ELSE 'password' END AS sign_in,
  (SELECT max(s.at) FROM personal.sign_in s WHERE s.username = a.username AND s.succeeded) AS last,
  coalesce((SELECT count(*) = :failures AND NOT bool_or(t.succeeded) AND max(t.at) - min(t.at) <= :window
            FROM (SELECT s.at, s.succeeded FROM personal.sign_in s WHERE s.username = a.username AND s.at > :now - 2 * CAST(:window AS interval)
                  ORDER BY s.at DESC, s.id DESC LIMIT :failures) t HAVING max(t.at) > :now - CAST(:window AS interval)), false) AS locked
FROM personal.account a LEFT JOIN personal.person p ON p.id = a.person_id
WHERE CAST(:like AS text) IS NULL OR a.username LIKE :like OR p.name LIKE :like OR p.code LIKE :like
ORDER BY a.username LIMIT :limit
"""

ROLES_OF = """
SELECT r.account_id, r.role, r.source, coalesce(a.code, '') AS area, coalesce(a.name, '') AS area_name
FROM (SELECT g.account_id, g.role, g.area_id, 'grant' AS source FROM personal.access_grant g WHERE g.account_id = ANY(:ids)
      UNION ALL
      SELECT DISTINCT c.id, m.access, p.area_id, 'post' FROM personal.account c
      JOIN post p ON c.person_id IN (p.holder_id, p.deputy_id) AND p.valid @> CAST(:at AS timestamptz)
      JOIN (SELECT unnest(CAST(:posts AS text[])) AS post, unnest(CAST(:access AS text[])) AS access) m ON m.post = p.role
      WHERE c.id = ANY(:ids)) r
LEFT JOIN area a ON a.id = r.area_id ORDER BY r.account_id, r.source, r.role, a.code
"""


def list_accounts(
    session: Session, by: Principal, now: datetime, search: str = "", limit: int = 200
) -> list[AccountView]:
    """Accounts by name, those the asker may change.

    Args:
        search: Part of a user name, a person's name or code.
    """
    by.need(Action.ACCOUNTS)
    plain = re.sub(r"([%_\\])", r"\\\1", search.strip())
    like = f"%{plain}%" if plain else None
    params = {"failures": MAX_FAILED_ATTEMPTS, "window": LOCKOUT_PERIOD, "now": now, "like": like, "limit": limit}
    rows = [dict(row) for row in session.execute(text(LISTED), params).mappings()]
    roles = _roles_of(session, [row["id"] for row in rows], now)
    reach = _reach(session, by)
    return [
        AccountView(**row, roles=roles.get(row["id"], [])) for row in rows if _within(roles.get(row["id"], []), reach)
    ]


def require_account_admin(session: Session, by: Principal, account: Account) -> None:
    """Raise Forbidden unless the asker may change an account: every role it has lies in the asker's areas."""
    by.need(Action.ACCOUNTS)
    session.flush()
    now = session.scalar(text("SELECT now()"))
    if not _within(_roles_of(session, [account.id], now).get(account.id, []), _reach(session, by)):
        raise Forbidden("account.out_of_reach")


def _roles_of(session: Session, ids: Iterable[int], now: Any) -> dict[int, list[RoleGrant]]:
    params = {"ids": list(ids), "at": now, "posts": [*ACCESS_ROLE_BY_POST], "access": [*ACCESS_ROLE_BY_POST.values()]}
    found: dict[int, list[RoleGrant]] = {}
    for row in session.execute(text(ROLES_OF), params):
        zh, en = role_label(row.role, "zh"), role_label(row.role)
        found.setdefault(row.account_id, []).append(RoleGrant(row.role, zh, en, row.area, row.area_name, row.source))
    return found


def _reach(session: Session, by: Principal) -> frozenset[str] | None:
    """Codes of the areas whose accounts the asker may change; None: everywhere."""
    areas = by.may_in[Action.ACCOUNTS]
    if areas is None:
        return None
    below = text(
        "WITH RECURSIVE below AS (SELECT id, code FROM area WHERE id = ANY(:ids)"
        " UNION SELECT a.id, a.code FROM area a JOIN below b ON a.parent_id = b.id) SELECT code FROM below"
    )
    return frozenset(session.scalars(below, {"ids": sorted(areas)}))


def _within(roles: Iterable[RoleGrant], reach: frozenset[str] | None) -> bool:
    return reach is None or all(one.area in reach if one.area else one.role != "administrator" for one in roles)


def _place(session: Session, by: Principal, role: str, area: str) -> int | None:
    """Id of the area of a grant; None for everywhere or one's own."""
    if role not in ACCESS_ROLES:
        raise _wrong("role", "account.role_unknown")
    if role == "resident" and area:
        raise _wrong("area", "account.area_not_allowed")
    if not area and role not in ROLES_WITHOUT_AREA:
        raise _wrong("area", "account.area_needed")
    area_id = session.scalar(select(Area.id).where(Area.code == area, Area.retired_at.is_(None))) if area else None
    if area and area_id is None:
        raise _wrong("area", "account.area_unknown")
    if not _within([RoleGrant(role, "", "", area, "", "grant")], _reach(session, by)):
        raise Forbidden("account.out_of_reach")
    return area_id


def _same(account: Account, role: str, area_id: int | None) -> tuple[Any, ...]:
    return (
        AccessGrant.account_id == account.id,
        AccessGrant.role == role,
        AccessGrant.area_id.is_not_distinct_from(area_id),
    )


def _somebody_stays(session: Session, by: Principal, account: Account) -> None:
    """Raise Conflict when a change leaves no operator who can sign in: what nobody answers for would be seen by nobody.

    The command line may, while there is no other account.
    """
    signs_in = (Account.active, func.coalesce(Account.password_hash, Account.subject).is_not(None))
    left = (
        select(Account.id)
        .join(AccessGrant, AccessGrant.account_id == Account.id)
        .where(AccessGrant.role == "administrator", AccessGrant.area_id.is_(None), *signs_in)
    )
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('administrators', 0))"))  # two at once: in turn
    if session.scalar(left.limit(1)) is not None:
        return
    others = select(Account.id).where(Account.id != account.id, *signs_in).limit(1)
    if by.kind == "account" or session.scalar(others) is not None:
        raise Conflict("account.last_administrator")


def _flush(session: Session, name: str, taken_code: str) -> None:
    """Write; raise InvalidInput when somebody else was first with a value that is one account's only."""
    try:
        session.flush()
    except IntegrityError as error:
        raise _wrong(name, taken_code) from error


def _wrong(name: str, code: str) -> InvalidInput:
    return InvalidInput(code, [FieldError(name, code)])
