"""Accounts and their administration: made, linked, granted roles, blocked.

And who may change them.
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
from gis.areas.models import Area
from gis.errors import Conflict, Forbidden, NotFound
from gis.people.models import Person
from gis.rights.actions import ACCESS_ROLES, Action
from gis.rights.principal import Principal

USERNAME = re.compile(r"[\w][\w.@-]{1,39}")
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
    """Make an account.

    Parameters
    ----------
    person
        Code of the person whose posts count; empty: none.
    subject
        "issuer|sub", when it signs in at the identity provider; empty: not yet.

    Returns
    -------
    tuple[Account, str]
        The account and its first password, which is kept nowhere else; none for one with a subject.

    Raises
    ------
    InvalidInput
        A field is wrong.
    Forbidden
        Not for the principal.
    """
    principal.require(Action.ACCOUNTS)
    username = normalise_username(username)
    if not USERNAME.fullmatch(username):
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

    "" unlinks, None leaves as it is.

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
        _somebody_stays(session, principal, account)
    require_account_admin(
        session, principal, account
    )  # a person whose posts are out of reach cannot be linked either


def grant(
    session: Session, principal: Principal, account: Account, role: str, area: str = ""
) -> None:
    """Give an access role for an area.

    Raises
    ------
    InvalidInput
        There is no such role or area.
    Conflict
        It is given already.
    Forbidden
        Not for the principal.
    """
    require_account_admin(session, principal, account)
    area_id = _place(session, principal, role, area)
    if session.scalar(select(AccessGrant.id).where(*_same(account, role, area_id))):
        raise Conflict("account.role_granted_already")
    session.add(AccessGrant(account_id=account.id, role=role, area_id=area_id))
    session.flush()


def revoke_role(
    session: Session, principal: Principal, account: Account, role: str, area: str = ""
) -> None:
    """Take an access role back.

    Raises
    ------
    NotFound
        It was not given.
    Conflict
        Nobody could administer accounts afterwards.
    """
    require_account_admin(session, principal, account)
    area_id = _place(session, principal, role, area)
    gone = session.scalars(
        delete(AccessGrant).where(*_same(account, role, area_id)).returning(AccessGrant.id)
    ).all()
    if not gone:
        raise NotFound("account.role_not_granted")
    _somebody_stays(session, principal, account)


def block(session: Session, principal: Principal, account: Account) -> None:
    """Let an account no longer sign in, and end its sessions.

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
    _somebody_stays(session, principal, account)


def unblock(session: Session, principal: Principal, account: Account) -> None:
    """Let an account sign in again; also lifts the pause after failed tries."""
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
    """Sign an account out everywhere; everybody may do so with their own."""
    if account.id != principal.account_id:
        require_account_admin(session, principal, account)
    account.session_version += 1
    session.flush()


def get_account(session: Session, username: str) -> Account:
    """Return the account of a name.

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
    """Raise Forbidden unless the principal may change an account: every role it has lies in the
    principal's areas.
    """
    principal.require(Action.ACCOUNTS)
    session.flush()
    now = session.scalar(text("SELECT now()"))
    if not is_within_reach(
        roles_of(session, [account.id], now).get(account.id, []),
        reachable_areas(session, principal),
    ):
        raise Forbidden("account.out_of_reach")


def _place(session: Session, principal: Principal, role: str, area: str) -> int | None:
    """Id of the area of a grant; None for everywhere or one's own."""
    if role not in ACCESS_ROLES:
        raise credentials.account_field_error("role", "account.role_unknown")
    if role == "resident" and area:
        raise credentials.account_field_error("area", "account.area_not_allowed")
    if not area and role not in ROLES_WITHOUT_AREA:
        raise credentials.account_field_error("area", "account.area_needed")
    area_id = (
        session.scalar(select(Area.id).where(Area.code == area, Area.retired_at.is_(None)))
        if area
        else None
    )
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


def _somebody_stays(session: Session, principal: Principal, account: Account) -> None:
    """Raise Conflict when a change leaves no operator who can sign in: what nobody answers for
    would be seen by nobody.

    The command line may, while there is no other account.
    """
    signs_in = (Account.active, func.coalesce(Account.password_hash, Account.subject).is_not(None))
    left = (
        select(Account.id)
        .join(AccessGrant, AccessGrant.account_id == Account.id)
        .where(AccessGrant.role == "administrator", AccessGrant.area_id.is_(None), *signs_in)
    )
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended('administrators', 0))")
    )  # two at once: in turn
    if session.scalar(left.limit(1)) is not None:
        return
    others = select(Account.id).where(Account.id != account.id, *signs_in).limit(1)
    if principal.kind == "account" or session.scalar(others) is not None:
        raise Conflict("account.last_administrator")


def _flush(session: Session, name: str, taken_code: str) -> None:
    """Write.

    Raise InvalidInput when somebody else was first with a value that is one account's only.
    """
    try:
        session.flush()
    except IntegrityError as error:
        raise credentials.account_field_error(name, taken_code) from error
