"""The first person to contact, and the roles passed over on the way to one who is present."""

from collections.abc import Iterable, Iterator, Sequence

from gis.people.queries import ResponsiblePerson
from gis.rights.roles import FIRST_CONTACT_ROLES, ROLE_BY_KEY, PostRole

_ORDER = {role: number for number, role in enumerate(FIRST_CONTACT_ROLES)}


def first_contact(people: Iterable[ResponsiblePerson]) -> ResponsiblePerson | None:
    """Return the first person to contact: of the nearest role that is present; None if none is.

    A role met by its holder precedes one met by a deputy.
    """
    present = [entry for entry in people if entry.name is not None and entry.role in _ORDER]
    return min(present, key=lambda entry: (_ORDER[entry.role], entry.why is not None), default=None)


def escalation_steps(
    people: Sequence[ResponsiblePerson], contact: ResponsiblePerson | None, *, unit: bool
) -> Iterator[tuple[str, PostRole, str]]:
    """Yield the roles passed over on the way up to the first person who is present.

    Parameters
    ----------
    contact
        As `first_contact` returns it.
    unit
        Whether the unit is known; while it is not, its post may or may not be vacant.

    Yields
    ------
    tuple[str, PostRole, str]
        vacant, away or no_post; the role; the code of its area, empty for no_post.
    """
    for role in FIRST_CONTACT_ROLES[: _ORDER[contact.role] if contact else None]:
        posts = [entry for entry in people if entry.role == role]
        for entry in posts:
            yield "away" if entry.why == "leave" else "vacant", ROLE_BY_KEY[role], entry.area
        if not posts and (unit or role != "unit_head"):
            yield "no_post", ROLE_BY_KEY[role], ""
