"""Filters of incident lists: validated, and as SQL conditions."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from gis.db import cached_text
from gis.errors import invalid_field
from gis.incidents.catalogue import editions
from gis.incidents.models import CHANNELS, SEVERITIES
from gis.incidents.reading.event_access import progress
from gis.incidents.reading.queues import QUEUES
from gis.incidents.states import STATE_PARAMS, STATES
from gis.rights.living import LIVING
from gis.rights.principal import Principal
from gis.rights.visibility import visibility_clause

SORTS = ("urgent", "newest")


@dataclass(frozen=True)
class IncidentFilters:
    """Which incidents. area: Code; everything in it. overdue: The running stage's time is over.

    colour: green, amber or red. category: Code or its beginning. mine: Held by, or offered to, the asker.
    queue: Who has it to act on now, one of QUEUES. since, until: By when they were reported. sort: urgent (督办 first, then by due) or newest.
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
    queue: str = ""
    words: str = ""
    since: datetime | None = None
    until: datetime | None = None
    parent: UUID | None = None
    sort: str = "newest"


COLOURS = {
    "green": "i.due_at IS NOT NULL AND i.amber_at > :now",
    "amber": "i.amber_at <= :now AND i.due_at >= :now",
    "red": "i.due_at < :now",
}


# filter -> the values there are
ALLOWED_FILTER_VALUES: dict[str, Collection[str]] = {
    "state": ("open", *STATES), "colour": tuple(COLOURS), "way": ("assign", "order"), "severity": SEVERITIES,
    "channel": CHANNELS, "sort": SORTS, "queue": QUEUES,
}  # fmt: skip


def validate_filters(session: Session, wanted: IncidentFilters) -> None:
    """See that filters name what there is, so that an empty list means that nothing fits.

    Raises:
        InvalidInput: A value is none of those known, or no category ever had the code, or one beginning with it.
    """
    for name, known in ALLOWED_FILTER_VALUES.items():
        given = getattr(wanted, name)
        for value in (given,) if isinstance(given, str) else given:
            if (value or name == "sort") and value not in known:
                raise invalid_field(name, "field.none_of", value=value[:40], allowed=list(known))
    ever = "SELECT EXISTS (SELECT FROM incident_category WHERE starts_with(code, :code))"  # in an older edition, too
    if wanted.category and not session.scalar(cached_text(ever), {"code": wanted.category}):
        editions.active_edition(session).category(wanted.category)


def area_id(session: Session, code: str) -> int:
    """The id of an area, whoever asks and be it retired: codes of areas are public.

    Raises:
        InvalidInput: There never was an area of the code.
    """
    found: int | None = session.scalar(cached_text("SELECT id FROM area WHERE code = :code"), {"code": code})
    if found is None:
        raise invalid_field("area", "field.area_unknown", code=code[:40])
    return found


def filter_conditions(
    session: Session, by: Principal, wanted: IncidentFilters, now: datetime
) -> tuple[str, dict[str, Any]]:
    condition, params = visibility_clause(by, "i")
    parts = [condition]
    params |= {"me": by.person_id, "now": now}
    if wanted.state:
        states = {state for one in wanted.state for state in (STATE_PARAMS["open_states"] if one == "open" else [one])}
        parts.append("i.state = ANY(:states)")
        params["states"] = sorted(states)
    if wanted.area:
        parts.append("i.areas && CAST(ARRAY[:area] AS bigint[])")
        params["area"] = area_id(session, wanted.area)
    if wanted.colour:
        parts.append(COLOURS[wanted.colour])
    if wanted.overdue is not None:
        parts.append(COLOURS["red"] if wanted.overdue else f"({COLOURS['red']}) IS NOT TRUE")
    for name, value in (("way", wanted.way), ("severity", wanted.severity), ("channel", wanted.channel)):
        if value:
            parts.append(f"i.{name} = :{name}")
            params[name] = value
    if wanted.category:
        parts.append("starts_with(i.category, :category)")
        params["category"] = wanted.category
    if wanted.supervised is not None:
        parts.append("i.supervised" if wanted.supervised else "NOT i.supervised")
    if wanted.pending is not None:
        parts.append(f"({progress(by)[0]['pending']} <> '') = :pending")
        params["pending"] = wanted.pending
    if wanted.mine:
        parts.append(
            "(i.holder_id = :me OR i.state = 'dispatched' AND EXISTS (SELECT FROM order_offer o"
            " WHERE o.incident_id = i.id AND o.person_id = :me))"
        )
    if wanted.queue:
        parts.append(f"{LIVING.owner('i', ':now')} = :queue")
        params["queue"] = wanted.queue
    if wanted.words:
        parts.append("(strpos(lower(i.description), :words) > 0 OR strpos(lower(i.address), :words) > 0"
                     " OR starts_with(i.id::text, :words))")  # fmt: skip
        params["words"] = wanted.words.lower()
    if wanted.since is not None:
        parts.append("i.reported_at >= :since")
        params["since"] = wanted.since
    if wanted.until is not None:
        parts.append("i.reported_at < :until")
        params["until"] = wanted.until
    if wanted.parent is not None:
        other = visibility_clause(by, "x")[0]  # of a parent that is not theirs to see nobody learns what repeats it
        parts.append(f"EXISTS (SELECT FROM incident x WHERE x.id = i.parent_id AND x.id = :parent AND {other})")
        params["parent"] = wanted.parent
    return " AND ".join(f"({part})" for part in parts), params
