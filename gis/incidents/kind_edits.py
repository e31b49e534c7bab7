"""Kinds that people add below those of the code: added, renamed, retired by administrators."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from gis.errors import Conflict, FieldError, Forbidden, NotFound, invalid_fields
from gis.facilities.categories import CATEGORIES
from gis.incidents.catalogue import editions
from gis.incidents.devices import DEVICE_TYPES
from gis.incidents.models.values import ORGANISATION_KINDS
from gis.kinds import KIND_SUBJECTS, Kind, KindRow, list_kinds
from gis.messages import label
from gis.rights.actions import Action
from gis.rights.principal import Principal
from gis.rights.roles import ROLES

MAX_KIND_NAME_CHARS = 40
MAX_TARGET = 1000  # a year
KIND_KEY_PATTERN = r"[a-z][a-z0-9_]{1,39}"
COUNTY_ID_SQL = "SELECT id FROM area WHERE code = :code AND level = 'county'"
NEW_KEY_SQL = "SELECT 'kind_' || nextval(pg_get_serial_sequence('kind', 'id'))"


class Targets(NamedTuple):
    """What is asked a year of each who has a duty; None: nothing."""

    visits_target: int | None
    solved_target: int | None


NO_TARGETS = Targets(None, None)


@dataclass(frozen=True)
class KindInput:
    """A kind as somebody enters it.

    parent: Key or name of the kind of the code that it refines. key: Letters, digits and low lines;
    empty: one is numbered. shared: Of a role: whether several hold it for one place at a time;
    None: as its parent. county: Code of the county that has it; None: all. targets: Of a duty: what
    is asked of each who has it, a year.
    """

    subject: str
    parent: str
    zh: str
    en: str = ""
    key: str = ""
    shared: bool | None = None
    county: str | None = None
    targets: Targets = NO_TARGETS


@dataclass(frozen=True)
class RootKind:
    """A kind that the code or the catalogue knows, which kinds of people refine."""

    key: str
    zh: str
    en: str


def list_roots(session: Session) -> Mapping[str, list[RootKind]]:
    """List the kinds that can be refined, by subject, in their order."""
    orders = [
        category
        for category in editions.active_edition(session).categories.values()
        if category.kind == "order"
    ]
    skills = {category.skill: category for category in orders}
    roles = [RootKind(role.key, role.zh, role.en) for role in ROLES]
    return {
        "role": roles,
        "facility": [RootKind(each.key, each.zh, each.en) for each in CATEGORIES],
        "device": [_labelled("device_kind", key) for key in DEVICE_TYPES],
        "service": [RootKind(order.code, order.zh, order.en) for order in orders],
        "skill": [RootKind(key, order.zh, order.en) for key, order in skills.items()],
        "organisation": [_labelled("organisation_kind", key) for key in ORGANISATION_KINDS],
        "duty": roles,
    }


def _labelled(family: str, key: str) -> RootKind:
    return RootKind(key, label(f"{family}.{key}", "zh"), label(f"{family}.{key}", "en"))


def add_kind(session: Session, principal: Principal, stated: KindInput) -> KindRow:
    """Add a kind.

    Parameters
    ----------
    principal
        Needs Action.ACCOUNTS in the county, or everywhere for a kind of all counties.

    Raises
    ------
    InvalidInput
        A field is wrong.
    Forbidden
        The principal does not administer there.
    Conflict
        There is one of that name or key.
    """
    subject, county = stated.subject, stated.county
    require_administrator(session, principal, county)
    roots = list_roots(session).get(subject, [])
    root = next((each for each in roots if stated.parent in (each.key, each.zh, each.en)), None)
    names = {"zh": stated.zh.strip(), "en": stated.en.strip()}
    faults = [*_name_faults(names, roots)]
    if subject not in KIND_SUBJECTS:
        params = {"value": subject[:40], "allowed": KIND_SUBJECTS}
        faults.append(FieldError("subject", "field.none_of", params))
    elif root is None:
        params = {"value": stated.parent[:40], "allowed": tuple(each.key for each in roots)}
        faults.append(FieldError("parent", "field.none_of", params))
    faults += _target_faults(stated.targets, subject)
    if stated.key and (stated.key in {each.key for each in roots} or not _is_key(stated.key)):
        faults.append(FieldError("key", "kind.key_wrong"))
    if faults or root is None:
        raise invalid_fields(faults)
    _require_new_name(session, subject, names["zh"], county)
    key = stated.key or str(session.scalar(text(NEW_KEY_SQL)))
    if session.scalar(select(Kind.id).where(Kind.subject == subject, Kind.key == key)):
        raise Conflict("kind.exists", name=key)
    is_shared = stated.shared if subject == "role" else None
    kind = Kind(subject=subject, key=key, parent=root.key, shared=is_shared, county=county, **names)
    kind.visits_target, kind.solved_target = stated.targets
    session.add(kind)
    session.flush()
    return _row(session, kind.id)


def change_kind(
    session: Session,
    principal: Principal,
    kind_id: int,
    *,
    zh: str | None = None,
    en: str | None = None,
    active: bool | None = None,
    targets: Mapping[str, int | None] = MappingProxyType({}),
) -> KindRow:
    """Rename a kind, retire it, or take it into use again; what has it keeps it.

    Parameters
    ----------
    principal
        As for `add_kind`.
    zh, en, active
        None leaves what is stored.
    targets
        Of a duty: those that change, by name.

    Raises
    ------
    NotFound
        There is no such kind.
    InvalidInput
        A name is wrong.
    Forbidden, Conflict
        As `add_kind`.
    """
    kind = session.get(Kind, kind_id, with_for_update=True)
    if kind is None:
        raise NotFound("kind.unknown", name=str(kind_id))
    require_administrator(session, principal, kind.county)
    names = {
        "zh": kind.zh if zh is None else zh.strip(),
        "en": kind.en if en is None else en.strip(),
    }
    faults = [*_name_faults(names, list_roots(session)[kind.subject])]
    new = Targets(kind.visits_target, kind.solved_target)._replace(**targets)
    faults += _target_faults(new, kind.subject)
    if faults:
        raise invalid_fields(faults)
    is_active = kind.active if active is None else active
    if is_active and (names["zh"] != kind.zh or not kind.active):
        _require_new_name(session, kind.subject, names["zh"], kind.county)
    kind.zh, kind.en, kind.active = names["zh"], names["en"], is_active
    kind.visits_target, kind.solved_target = new
    session.flush()
    return _row(session, kind.id)


def find_kind_id(session: Session, subject: str, key: str) -> int:
    """Return the id of a kind by its key, for commands.

    Raises
    ------
    NotFound
        There is none.
    """
    query = select(Kind.id).where(Kind.subject == subject, Kind.key == key)
    kind_id = session.scalar(query)
    if kind_id is None:
        raise NotFound("kind.unknown", name=key[:40])
    return kind_id


def require_administrator(session: Session, principal: Principal, county: str | None) -> None:
    """Raise unless the principal administers a county; None: all of them.

    Raises
    ------
    Forbidden
        It does not.
    InvalidInput
        There is no such county.
    """
    principal.require(Action.ACCOUNTS)
    if county is None:
        if principal.areas_by_action[Action.ACCOUNTS] is not None:
            raise Forbidden("kind.county_missing")
        return
    county_id = session.scalar(text(COUNTY_ID_SQL), {"code": county})
    if county_id is None:
        raise invalid_fields([FieldError("county", "kind.county_unknown", {"code": county[:40]})])
    principal.require(Action.ACCOUNTS, [county_id])


def _name_faults(names: Mapping[str, str], roots: list[RootKind]) -> list[FieldError]:
    taken = {name.lower() for root in roots for name in (root.key, root.zh, root.en)}
    faults = []
    for name, value in names.items():
        if (
            (not value and name == "zh")
            or len(value) > MAX_KIND_NAME_CHARS
            or not value.isprintable()
        ):
            faults.append(FieldError(name, "kind.name_wrong", {"limit": MAX_KIND_NAME_CHARS}))
        elif value.lower() in taken:
            faults.append(FieldError(name, "kind.name_of_root", {"name": value}))
    return faults


def _target_faults(targets: Targets, subject: str) -> list[FieldError]:
    """Return which targets no duty can have, or what is no duty has."""
    params = {"limit": MAX_TARGET}
    return [
        FieldError(name, "kind.target_wrong", params)
        for name, value in targets._asdict().items()
        if value is not None and (subject != "duty" or not 0 <= value <= MAX_TARGET)
    ]


def _is_key(key: str) -> bool:
    return re.fullmatch(KIND_KEY_PATTERN, key) is not None


def _require_new_name(session: Session, subject: str, zh: str, county: str | None) -> None:
    """Raise if a kind in use has a name already, of the county or of all.

    Raises
    ------
    Conflict
        One has.
    """
    for row in list_kinds(session, subject, active=True):
        if row.zh == zh and (county is None or row.county in (county, None)):
            raise Conflict("kind.exists", name=zh)


def _row(session: Session, kind_id: int) -> KindRow:
    return next(row for row in list_kinds(session) if row.id == kind_id)
