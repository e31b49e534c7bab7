"""Accounts for all who hold posts and have none, with their first passwords, to be shown once."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from gis.accounts import accounts
from gis.accounts.models import Account
from gis.ops.setup import SETUP_HOLDERS_SQL
from gis.rights.principal import Principal

PLAIN_PATTERN = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}")  # of user names that anybody can type


@dataclass(frozen=True)
class FirstAccount:
    """A line of the sheet that is handed out.

    Attributes
    ----------
    roles
        Keys of the roles of the person's posts.
    places
        Names of their areas and buildings.
    """

    name: str
    username: str
    password: str
    roles: Sequence[str]
    places: Sequence[str]


def create_first_accounts(
    session: Session, principal: Principal, now: datetime, limit: int | None = None
) -> list[FirstAccount]:
    """Make an account for each person with a post and without one, by place and name.

    The user name is the staff number in small letters, else u and a number. Passwords are stored as
    hashes only: whoever calls shows them before the commit.

    Parameters
    ----------
    limit
        At most so many; a password takes some 50 ms.
    """
    query = f"{SETUP_HOLDERS_SQL} ORDER BY min(coalesce(a.code, b.code)), h.name, h.id LIMIT :limit"
    people = session.execute(text(query), {"now": now, "limit": limit}).all()
    taken = set(session.scalars(select(Account.username)))
    created = []
    for person in people:
        username = person.code.lower()
        if not PLAIN_PATTERN.fullmatch(username) or username in taken:
            username = f"u{person.id}"
        account, password = accounts.add(session, principal, username, person=person.code)
        taken.add(account.username)
        created.append(
            FirstAccount(person.name, account.username, password, person.roles, person.places)
        )
    return created
