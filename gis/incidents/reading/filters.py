"""Filters of incident lists: validated, and as SQL conditions."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from gis.areas.identity import find_area_id
from gis.db import cached_text
from gis.errors import invalid_field
from gis.incidents.catalogue import editions
from gis.incidents.models import CHANNELS, SEVERITIES
from gis.incidents.reading.event_access import progress
from gis.incidents.reading.orders import ORDERS
from gis.incidents.routing.router import INCIDENT_QUEUES
from gis.incidents.states import STATE_PARAMS, STATES
from gis.rights.living import LIVING
from gis.rights.principal import Principal
from gis.rights.visibility import names_clause, visibility_clause


@dataclass(frozen=True)
class IncidentFilters:
    """Which incidents. area: Code; everything in it. overdue: The running stage's time is over.

    colour: green, amber or red. category: Code or its beginning. mine: Held by, or offered to, the
    asker. words: Part of the description or address, the beginning of its id, or its number at a
    hotline. assignee: Code of the person who holds it, where the asker may have names. reopened:
    It was reopened at least once. queue: Who has it to act on now, one of INCIDENT_QUEUES. since,
    until: By when they were reported. sort: One of ORDERS.
    """

    state: Sequence[str] = ()
    area: str = ""
    category: str = ""
    overdue: bool | None = None
    colour: str = ""
    way: str = ""
    severity: str = ""
    channel: str = ""
    supervised: bool | None = None
    pending: bool | None = None
    mine: bool = False
    assignee: str = ""
    reopened: bool | None = None
    queue: str = ""
    words: str = ""
    since: datetime | None = None
    until: datetime | None = None
    parent: UUID | None = None
    sort: str = "newest"


COLOURS = {
    "green": "i.due_at IS NOT NULL AND i.warning_at > :now",
    "amber": "i.warning_at <= :now AND i.due_at >= :now",
    "red": "i.due_at < :now",
}


REOPENED_SQL = (
    "EXISTS (SELECT FROM incident_event e WHERE (e.county, e.incident_id) = (i.county, i.id)"
    " AND e.move = 'reopen')"
)
# filter -> the values there are
ALLOWED_FILTER_VALUES: dict[str, Collection[str]] = {
    "state": ("open", *STATES),
    "colour": tuple(COLOURS),
    "way": ("assign", "order"),
    "severity": SEVERITIES,
    "channel": CHANNELS,
    "sort": tuple(ORDERS),
    "queue": INCIDENT_QUEUES,
}


def validate_filters(session: Session, filters: IncidentFilters) -> None:
    """Raise InvalidInput unless filters name existing values.

    So an empty list means that nothing fits.

    Raises
    ------
    InvalidInput
        A value is none of those known, or no category ever had the code, or one beginning with it.
    """
    for name, allowed in ALLOWED_FILTER_VALUES.items():
        submitted = getattr(filters, name)
        for value in (submitted,) if isinstance(submitted, str) else submitted:
            if (value or name == "sort") and value not in allowed:
                raise invalid_field(name, "field.none_of", value=value[:40], allowed=list(allowed))
    # in an older edition, too
    ever = "SELECT EXISTS (SELECT FROM incident_category WHERE starts_with(code, :code))"
    if filters.category and not session.scalar(cached_text(ever), {"code": filters.category}):
        editions.active_edition(session).category(filters.category)


def area_id(session: Session, code: str, field: str = "area") -> int:
    """Return the id of an area, also of a retired one; codes of areas are public.

    Raises
    ------
    InvalidInput
        There never was an area of the code; it names the field.
    """
    area_id = find_area_id(session, code)
    if area_id is None:
        raise invalid_field(field, "field.area_unknown", code=code[:40])
    return area_id


def filter_conditions(
    session: Session, by: Principal, filters: IncidentFilters, now: datetime
) -> tuple[str, dict[str, Any]]:
    """Return the SQL condition and parameters of the visible incidents `i` that filters select."""
    condition, params = visibility_clause(by, "i")
    parts = [condition]
    params |= {"me": by.person_id, "my_teams": sorted(by.teams), "now": now}
    for part, values in _column_conditions(filters):
        parts.append(part)
        params |= values
    if filters.area:
        parts.append("i.area_ids && in_counties(CAST(ARRAY[:area] AS bigint[]))")
        params["area"] = area_id(session, filters.area)
    if filters.pending is not None:
        parts.append(f"({progress(by)[0]['pending_request']} <> '') = :pending")
        params["pending"] = filters.pending
    if filters.mine:
        parts.append(
            "(i.holder_id = :me OR i.organisation_id = ANY(CAST(:my_teams AS bigint[]))"
            " OR i.state = 'dispatched' AND EXISTS (SELECT FROM order_offer o"
            " WHERE o.incident_id = i.id AND o.person_id = :me))"
        )
    if filters.assignee:
        named, named_params = names_clause(by)
        parts.append(
            f"i.holder_id = (SELECT id FROM personal.person WHERE code = :assignee) AND {named}"  # noqa: S608
        )
        params |= named_params | {"assignee": filters.assignee}
    if filters.queue:
        parts.append(f"{LIVING.owner('i', ':now')} = :queue")
        params["queue"] = filters.queue
    if filters.parent is not None:
        other = visibility_clause(by, "x")[0]  # what repeats a hidden parent is not told either
        parts.append(
            f"EXISTS (SELECT FROM incident x WHERE x.id = i.parent_id AND x.id = :parent"
            f" AND {other})"
        )
        params["parent"] = filters.parent
    return " AND ".join(f"({part})" for part in parts), params


def _column_conditions(filters: IncidentFilters) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the conditions that columns of the incident decide alone, with their parameters."""
    if filters.state:
        states = set(filters.state) - {"open"}
        if "open" in filters.state:
            states |= set(STATE_PARAMS["open_states"])
        yield "i.state = ANY(:states)", {"states": sorted(states)}
    if filters.colour:
        yield COLOURS[filters.colour], {}
    if filters.overdue is not None:
        yield COLOURS["red"] if filters.overdue else f"({COLOURS['red']}) IS NOT TRUE", {}
    for name, value in (
        ("dispatch_mode", filters.way),
        ("severity", filters.severity),
        ("channel", filters.channel),
    ):
        if value:
            yield f"i.{name} = :{name}", {name: value}
    if filters.category:
        yield "starts_with(i.category, :category)", {"category": filters.category}
    if filters.supervised is not None:
        yield "i.supervised" if filters.supervised else "NOT i.supervised", {}
    if filters.reopened is not None:
        yield f"{'' if filters.reopened else 'NOT '}{REOPENED_SQL}", {}
    if filters.words:
        yield (
            "(strpos(lower(i.description), :words) > 0 OR strpos(lower(i.address), :words) > 0"
            " OR starts_with(i.id::text, :words)"
            " OR lower(i.attributes ->> 'external_number') = :words)",
            {"words": filters.words.lower()},
        )
    if filters.since is not None:
        yield "i.reported_at >= :since", {"since": filters.since}
    if filters.until is not None:
        yield "i.reported_at < :until", {"until": filters.until}
