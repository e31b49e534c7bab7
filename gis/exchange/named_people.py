"""Persons of registers without staff numbers: known by name and telephone, with codes of ours."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.messages import Message
from gis.people.persons import new_person_codes

# The persons of some names, with the counties where they hold or held posts.
KNOWN_SQL = """
SELECT p.code, p.name, p.phone,
  ARRAY(SELECT DISTINCT county FROM post WHERE holder_id = p.id OR deputy_id = p.id) AS counties
FROM personal.person p WHERE p.name = ANY(:names) ORDER BY p.id
"""


@dataclass(frozen=True)
class NamedPerson:
    """A person as a row names it.

    Attributes
    ----------
    county
        Code of the county the row is about; None where it is not known.
    holder
        Code of the person who holds the post that the row is about.
    """

    name: str
    phone: str | None = None
    county: str | None = None
    holder: str | None = None


@dataclass(frozen=True)
class Identity:
    """Who a row means.

    Attributes
    ----------
    code
        Code of the person, known or new.
    by_name
        Whether a known person was taken for it without the same telephone.
    """

    code: str
    by_name: bool = False


@dataclass
class _Known:
    code: str
    phone: str
    counties: frozenset[str]


def identify(session: Session, people: Sequence[NamedPerson]) -> list[Identity | Message]:
    """Return who each row means, in their order, or why that cannot be said.

    The same name and telephone are the same person. Without a telephone in the row, or among what
    is known, it is who holds the post already, else the only one of that name in the county. Others
    are new.

    The caller stores the new ones, and holds a lock on the register meanwhile.
    """
    by_name: dict[str, list[_Known]] = defaultdict(list)
    names = sorted({person.name for person in people})
    for row in session.execute(text(KNOWN_SQL), {"names": names}):
        by_name[row.name].append(_Known(row.code, row.phone, frozenset(row.counties)))
    codes = iter(new_person_codes(session, len(people)))
    identities: list[Identity | Message] = []
    for person in people:
        identity = _identity(person, by_name[person.name])
        if identity is None:
            identity = Identity(next(codes))
            counties = frozenset(filter(None, [person.county]))
            by_name[person.name].append(_Known(identity.code, person.phone or "", counties))
        identities.append(identity)
    return identities


def _identity(person: NamedPerson, known: Sequence[_Known]) -> Identity | Message | None:
    """Return who of the known ones of a name it is; None for a new person."""
    same = [each for each in known if person.phone and each.phone == person.phone]
    if len(same) == 1:
        return Identity(same[0].code)
    if any(each.code == person.holder for each in same or known):
        assert person.holder is not None
        return Identity(person.holder, by_name=bool(person.phone))
    here = same or [
        each
        for each in known
        if (not each.counties or person.county in each.counties)
        and not (person.phone and each.phone)
    ]
    if len(here) > 1:
        return Message("named_person.several", {"name": person.name, "count": len(here)})
    if not here:
        return None
    if person.phone:
        here[0].phone = person.phone
    return Identity(here[0].code, by_name=True)
