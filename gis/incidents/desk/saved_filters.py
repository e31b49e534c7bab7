"""Filters of incidents that an account saved under a name; private to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gis.accounts.models import SavedFilter
from gis.errors import Conflict, Forbidden, NotFound
from gis.rights.principal import Principal

MAX_SAVED_FILTERS = 20  # of an account; each is counted whenever they are listed


@dataclass(frozen=True)
class SavedFilterView:
    """A saved filter. filters: Parameters of the list of incidents, by name."""

    id: int
    name: str
    filters: Mapping[str, Any]


def require_account(by: Principal) -> int:
    """Return the id of the asker's account.

    Raises
    ------
    Forbidden
        The asker is a program.
    """
    if by.account_id is None:
        raise Forbidden("saved_filter.accounts_only")
    return by.account_id


def list_saved_filters(session: Session, by: Principal) -> list[SavedFilterView]:
    """List the asker's own, by name.

    Raises
    ------
    Forbidden
        The asker is a program.
    """
    query = select(SavedFilter.id, SavedFilter.name, SavedFilter.filters)
    owned = query.where(SavedFilter.account_id == require_account(by)).order_by(SavedFilter.name)
    return [SavedFilterView(**row) for row in session.execute(owned).mappings()]


def save_filter(
    session: Session, by: Principal, name: str, filters: Mapping[str, Any]
) -> SavedFilterView:
    """Save filters under a name; those that had it before are replaced.

    Raises
    ------
    Forbidden
        The asker is a program.
    Conflict
        `MAX_SAVED_FILTERS` are saved already.
    """
    account = require_account(by)
    others = select(func.count()).where(SavedFilter.account_id == account, SavedFilter.name != name)
    if (session.scalar(others) or 0) >= MAX_SAVED_FILTERS:
        raise Conflict("saved_filter.too_many", limit=MAX_SAVED_FILTERS)
    row = insert(SavedFilter).values(account_id=account, name=name, filters=dict(filters))
    upsert = row.on_conflict_do_update(
        index_elements=["account_id", "name"], set_={"filters": row.excluded.filters}
    )
    new_id = session.execute(upsert.returning(SavedFilter.id)).scalar_one()
    return SavedFilterView(new_id, name, filters)


def delete_filter(session: Session, by: Principal, filter_id: int) -> None:
    """Delete one of the asker's own.

    Raises
    ------
    Forbidden
        The asker is a program.
    NotFound
        None of theirs has the id.
    """
    deletion = delete(SavedFilter).where(
        SavedFilter.account_id == require_account(by), SavedFilter.id == filter_id
    )
    if session.execute(deletion.returning(SavedFilter.id)).one_or_none() is None:
        raise NotFound("saved_filter.unknown")
