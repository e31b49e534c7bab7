"""Visibility of incidents: conditions for rows, facts of a row, names and points."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.rights.actions import OPERATOR, Action
from gis.rights.living import LIVING
from gis.rights.principal import Principal
from gis.rights.roles import ROLE_BY_KEY, organisation_name


class Fact(StrEnum):
    """A fact of an incident, or of the people responsible for a place, that is not public."""

    INTERNAL = "internal"  # notes among those who work on it, and their photos
    NAMES = "names"  # of the responsible people
    CONTACT = "contact"  # of the reporter


# the action that makes a fact visible in the areas it lies in
ACTION_BY_FACT = {
    Fact.INTERNAL: Action.READ,
    Fact.NAMES: Action.NAMES,
    Fact.CONTACT: Action.CONTACTS,
}


# channels of residents; reports of staff and devices are not public
PUBLIC_CHANNELS = ("mini_program", "web", "phone", "in_person", "woodpecker", "open311")


PUBLIC_STEP_DEG = 1e-4  # rounding for the public, about ten metres


def can_see(
    principal: Principal, fact: Fact, areas: Iterable[int], holder_id: int | None = None
) -> bool:
    """Return whether a fact is visible in the areas (an incident's chain) that it lies in.

    Parameters
    ----------
    areas
        Ids. A right in other areas does not count.
    holder_id
        Who holds the incident: they may read its notes.
    """
    if principal.is_allowed(ACTION_BY_FACT[fact], areas):
        return True
    return fact == Fact.INTERNAL and holder_id is not None and holder_id == principal.person_id


def holder_label(
    principal: Principal,
    areas: Iterable[int],
    role: str | None,
    place_name: str,
    name: str | None,
    holder_id: int | None,
) -> str | None:
    """Return the label of an incident's holder: name, else organisation, else None.

    Parameters
    ----------
    place_name
        Of the area or estate that the post is for.
    name, holder_id
        Of the person; None means that the post is vacant.

    Notes
    -----
    The name is returned if the principal may see names in the areas.
    """
    if (
        name is None
        or holder_id == principal.person_id is not None
        or can_see(principal, Fact.NAMES, areas)
    ):
        return name
    return (
        organisation_name(role, place_name)
        if role in ROLE_BY_KEY and ROLE_BY_KEY[role].public
        else None
    )


def visibility_clause(principal: Principal, incident: str = "i") -> tuple[str, dict[str, Any]]:
    """Return the SQL condition and parameters that limit incidents to those the principal may see.

    Every reader of incidents puts it in its WHERE: lists, single reads, counts, tiles, exports,
    streams.
    """
    if principal.kind == "system":
        return "true", {}
    areas = principal.areas_by_action.get(Action.READ, frozenset())
    if areas is None:
        return "true", {}
    condition = (
        f"({incident}.area_ids && CAST(:see_areas AS bigint[])"
        f" OR {incident}.holder_id = :see_person"
        f" OR {incident}.organisation_id = ANY(CAST(:see_teams AS bigint[]))"
        f" OR {incident}.id = :see_incident"
        f" OR {incident}.account_id = :see_account OR {incident}.key_id = :see_key"
        f" OR {incident}.dispatch_mode = 'order' AND {incident}.state = 'dispatched'"
        f" AND EXISTS (SELECT FROM order_offer o"
        f" WHERE o.incident_id = {incident}.id AND o.person_id = :see_person)"
        f"{f' OR {waits_for_operator(principal, incident)}' if principal.operates else ''})"
    )
    return condition, {
        "see_areas": sorted(areas),
        "see_person": principal.person_id,
        "see_teams": sorted(principal.teams),
        "see_account": principal.account_id,
        "see_key": principal.key_id,
        "see_incident": principal.incident_id,
        "see_at": principal.at,
        "see_operated": sorted(principal.areas_by_action.get(Action.ACCOUNTS) or ()),
    }


def names_clause(principal: Principal, incident: str = "i") -> tuple[str, dict[str, Any]]:
    """Return the SQL condition and parameters of incidents whose holder's name may be shown."""
    if principal.kind == "system":
        return "true", {}
    areas = principal.areas_by_action.get(ACTION_BY_FACT[Fact.NAMES], frozenset())
    if areas is None:
        return "true", {}
    condition = (
        f"({incident}.area_ids && CAST(:name_areas AS bigint[])"
        f" OR {incident}.holder_id = :name_person)"
    )
    return condition, {"name_areas": sorted(areas), "name_person": principal.person_id}


def internal(principal: Principal, incident: str = "i") -> str:
    """Return the SQL condition of `Fact.INTERNAL`, with the parameters of `visibility_clause`."""
    if (
        principal.kind == "system"
        or principal.areas_by_action.get(Action.READ, frozenset()) is None
    ):
        return "true"
    return (
        f"({incident}.area_ids && CAST(:see_areas AS bigint[])"
        f" OR {incident}.holder_id = :see_person)"
    )


def open_to_all(incident: str = "i") -> tuple[str, dict[str, Any]]:
    """Return the SQL condition and parameters of incidents that are public.

    Notes
    -----
    Their existence, category and rough location are public if residents reported them and the
    category is of public space: a five-digit code of GB/T 47678.5 that residents may choose.
    Disputes, requests for help, patrols and alarms are not public.
    """
    condition = (
        rf"({incident}.category ~ '^\d{{5}}$' AND {incident}.channel = ANY(:public_channels)"
        rf" AND EXISTS ("
        f"SELECT FROM incident_category kind WHERE kind.public"
        f" AND kind.edition_id = {incident}.edition_id"
        f" AND kind.code = {incident}.category))"
    )
    return condition, {"public_channels": list(PUBLIC_CHANNELS)}


def location(seen: str, incident: str = "i") -> str:
    """Return the SQL of an incident's point, rounded for the public.

    Parameters
    ----------
    seen
        SQL condition under which the point is as stored.

    Notes
    -----
    Take distances and neighbourhoods from it too; else the exact location could be found by
    repeated queries.
    """
    return (
        f"CASE WHEN {seen} THEN {incident}.geom ELSE ST_SnapToGrid({incident}.geom,"
        f" {PUBLIC_STEP_DEG}) END"
    )


def waits_for_operator(principal: Principal, incident: str = "i") -> str:
    """Return the SQL condition that an incident is in the principal's operator queue.

    Its parameters are those of `visibility_clause`.
    """
    if not principal.operates:
        return "false"
    everywhere = (OPERATOR, None) in principal.roles
    in_operated_areas = (
        "true" if everywhere else f"{incident}.area_ids && CAST(:see_operated AS bigint[])"
    )
    open_ = f"{incident}.state NOT IN ('closed', 'void')"
    return f"({open_} AND {in_operated_areas} AND NOT {LIVING.owned(incident, ':see_at')})"


def reveal_contacts(session: Session) -> None:
    """Let this transaction read reporters' contacts.

    Call `require(Action.CONTACTS, …)` first, and `hide_contacts` after one read.
    """
    session.execute(text("SELECT set_config('wangge.contacts', 'on', true)"))


def hide_contacts(session: Session) -> None:
    """Hide reporters' contacts from this transaction again."""
    session.execute(text("SELECT set_config('wangge.contacts', '', true)"))
