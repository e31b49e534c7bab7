"""Administration of accounts: create, link, grant and revoke roles, block, reset passwords.

Every function checks that the principal may change the account.
"""

import re
from typing import Any

from sqlalchemy import delete, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gis.accounts import credentials
from gis.accounts.account_list import RoleGrant, is_within_reach, reachable_areas, roles_of
from gis.accounts.models import AccessGrant, Account, SignIn
from gis.accounts.sessions import normalise_username
from gis.areas.identity import find_present_area_id
from gis.errors import Conflict, Forbidden, NotFound
from gis.people.models import Person
from gis.rights.actions import ACCESS_ROLES, Action
from gis.rights.principal import Principal

USERNAME_PATTERN = re.compile(r"[\w][\w.@-]{1,39}")
ROLES_WITHOUT_AREA = frozenset({"resident", "administrator"})  # access roles that need no area


def add(
    session: Session,
    principal: Principal,
    username: str,
    *,
    person: str = "",
    subject: str = "",
    must_change: bool = True,
) -> tuple[Account, str]:
    """Create an account.

    Parameters
    ----------
    person
        Code of the person whose posts count; empty means none.
    subject
        "issuer|sub" if it signs in at the identity provider; empty means not yet.

    Returns
    -------
    tuple[Account, str]
        The account and its initial password, which is not stored; empty for an account with a
        subject.

    Raises
    ------
    InvalidInput
        A field is wrong.
    Forbidden
        The principal may not administer accounts.
    """
    principal.require(Action.ACCOUNTS)
    username = normalise_username(username)
    if not USERNAME_PATTERN.fullmatch(username):
        raise credentials.account_field_error("username", "account.name_wrong")
    if session.scalar(select(Account.id).where(Account.username == username)):
        raise credentials.account_field_error("username", "account.name_taken")
    password = "" if subject else credentials.generate_initial_password()
    stored = credentials.hash_password(password) if password else None
    account = Account(
        username=username, password_hash=stored, must_change=must_change and bool(password)
    )
    session.add(account)
    _flush(session, "username", "account.name_taken")
    if person or subject:
        link(session, principal, account, person=person or None, subject=subject or None)
    return account, password


def link(
    session: Session,
    principal: Principal,
    account: Account,
    *,
    person: str | None = None,
    subject: str | None = None,
) -> None:
    """Link an account to a person, or to a subject at the identity provider.

    Parameters
    ----------
    person, subject
        The empty text unlinks; None leaves the link as it is.

    Raises
    ------
    InvalidInput
        There is no such person, the subject is not "issuer|sub", or another account has it.
    """
    require_account_admin(session, principal, account)
    if person is not None:
        person_id = (
            session.scalar(select(Person.id).where(Person.code == person)) if person else None
        )
        if person and person_id is None:
            raise credentials.account_field_error("person", "account.person_unknown")
        if person_id and session.scalar(
            select(Account.id).where(Account.person_id == person_id, Account.id != account.id)
        ):
            raise credentials.account_field_error("person", "account.person_taken")
        account.person_id = person_id
    if subject is not None:
        subject = subject.strip()
        if subject and not re.fullmatch(r"https?://[^|\s]+\|\S[^|\0]{0,254}", subject):
            raise credentials.account_field_error("subject", "account.subject_wrong")
        if subject and session.scalar(
            select(Account.id).where(Account.subject == subject, Account.id != account.id)
        ):
            raise credentials.account_field_error("subject", "account.subject_taken")
        account.subject = subject or None
    account.session_version += 1
    _flush(session, "subject", "account.subject_taken")
    if subject == "" and account.password_hash is None:
        _require_administrator_left(session, principal, account)
    # again: a person whose posts are out of reach cannot be linked either
    require_account_admin(session, principal, account)


def grant(
    session: Session, principal: Principal, account: Account, role: str, area: str = ""
) -> None:
    """Grant an access role for an area.

    Raises
    ------
    InvalidInput
        There is no such role or area.
    Conflict
        The account has the role already.
    Forbidden
        The principal may not change the account.
    """
    require_account_admin(session, principal, account)
    area_id = _grant_area_id(session, principal, role, area)
    if session.scalar(select(AccessGrant.id).where(*_same(account, role, area_id))):
        raise Conflict("account.role_granted_already")
    session.add(AccessGrant(account_id=account.id, role=role, area_id=area_id))
    session.flush()


def revoke_role(
    session: Session, principal: Principal, account: Account, role: str, area: str = ""
) -> None:
    """Revoke an access role.

    Raises
    ------
    NotFound
        The account does not have the role.
    Conflict
        No administrator would be left.
    """
    require_account_admin(session, principal, account)
    area_id = _grant_area_id(session, principal, role, area)
    gone = session.scalars(
        delete(AccessGrant).where(*_same(account, role, area_id)).returning(AccessGrant.id)
    ).all()
    if not gone:
        raise NotFound("account.role_not_granted")
    _require_administrator_left(session, principal, account)


def block(session: Session, principal: Principal, account: Account) -> None:
    """Block an account from signing in, and end its sessions.

    Raises
    ------
    Conflict
        It is the principal's own, or the last administrator's.
    """
    require_account_admin(session, principal, account)
    if account.id == principal.account_id:
        raise Conflict("account.not_oneself")
    account.active = False
    account.session_version += 1
    session.flush()
    _require_administrator_left(session, principal, account)


def unblock(session: Session, principal: Principal, account: Account) -> None:
    """Let an account sign in again, and lift the pause after failed attempts."""
    require_account_admin(session, principal, account)
    account.active = True
    session.execute(delete(SignIn).where(SignIn.username == account.username, ~SignIn.succeeded))
    session.flush()


def reset_password(
    session: Session, principal: Principal, account: Account, *, must_change: bool = True
) -> str:
    """Return a new initial password, to be shown once.

    End the account's sessions and lift the pause after failed attempts.
    """
    require_account_admin(session, principal, account)
    password = credentials.generate_initial_password()
    account.password_hash, account.must_change = credentials.hash_password(password), must_change
    account.session_version += 1
    session.execute(delete(SignIn).where(SignIn.username == account.username, ~SignIn.succeeded))
    session.flush()
    return password


def end_sessions(session: Session, principal: Principal, account: Account) -> None:
    """Sign an account out everywhere; every account may do so with its own sessions."""
    if account.id != principal.account_id:
        require_account_admin(session, principal, account)
    account.session_version += 1
    session.flush()


def get_account(session: Session, username: str) -> Account:
    """Return the account of a user name.

    Raises
    ------
    NotFound
        There is none.
    """
    account = session.scalars(
        select(Account).where(Account.username == normalise_username(username))
    ).one_or_none()
    if account is None:
        raise NotFound("account.unknown", name=username[:40])
    return account


def require_account_admin(session: Session, principal: Principal, account: Account) -> None:
    """Raise Forbidden unless all roles of an account lie in areas the principal administers.

    Raises
    ------
    Forbidden
        A role of the account lies elsewhere, or the principal may not administer accounts.
    """
    principal.require(Action.ACCOUNTS)
    session.flush()
    now = session.scalar(text("SELECT now()"))
    if not is_within_reach(
        roles_of(session, [account.id], now).get(account.id, []),
        reachable_areas(session, principal),
    ):
        raise Forbidden("account.out_of_reach")


def _grant_area_id(session: Session, principal: Principal, role: str, area: str) -> int | None:
    """Return the id of the area of a grant; None for everywhere or what is the account's own.

    Raises
    ------
    InvalidInput
        There is no such role or area, or the role needs an area or may not have one.
    Forbidden
        The area is not one that the principal administers.
    """
    if role not in ACCESS_ROLES:
        raise credentials.account_field_error("role", "account.role_unknown")
    if role == "resident" and area:
        raise credentials.account_field_error("area", "account.area_not_allowed")
    if not area and role not in ROLES_WITHOUT_AREA:
        raise credentials.account_field_error("area", "account.area_needed")
    area_id = find_present_area_id(session, area) if area else None
    if area and area_id is None:
        raise credentials.account_field_error("area", "account.area_unknown")
    if not is_within_reach(
        [RoleGrant(role, "", "", area, "", "grant")], reachable_areas(session, principal)
    ):
        raise Forbidden("account.out_of_reach")
    return area_id


def _same(account: Account, role: str, area_id: int | None) -> tuple[Any, ...]:
    return (
        AccessGrant.account_id == account.id,
        AccessGrant.role == role,
        AccessGrant.area_id.is_not_distinct_from(area_id),
    )


def _require_administrator_left(session: Session, principal: Principal, account: Account) -> None:
    """Raise Conflict if a change leaves no administrator of all areas who can sign in.

    Raises
    ------
    Conflict
        `account.last_administrator`: none would be left.

    Notes
    -----
    Incidents without a responsible account would then be seen by no one. The command line may make
    such a change while there is no other account.
    """
    signs_in = (Account.active, func.coalesce(Account.password_hash, Account.subject).is_not(None))
    left = (
        select(Account.id)
        .join(AccessGrant, AccessGrant.account_id == Account.id)
        .where(AccessGrant.role == "administrator", AccessGrant.area_id.is_(None), *signs_in)
    )
    # concurrent changes wait for each other
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('administrators', 0))"))
    if session.scalar(left.limit(1)) is not None:
        return
    others = select(Account.id).where(Account.id != account.id, *signs_in).limit(1)
    if principal.kind == "account" or session.scalar(others) is not None:
        raise Conflict("account.last_administrator")


def _flush(session: Session, name: str, taken_code: str) -> None:
    """Flush the session.

    Raises
    ------
    InvalidInput
        Another transaction has stored the value first.
    """
    try:
        session.flush()
    except IntegrityError as error:
        raise credentials.account_field_error(name, taken_code) from error
