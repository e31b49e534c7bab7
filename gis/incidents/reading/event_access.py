"""Which events of an incident a principal may read, and what of its progress follows from them."""

from typing import Any

from gis.incidents.states import MOVES_SHOWN_TO_REPORTER
from gis.rights.principal import Principal
from gis.rights.visibility import internal


def readable_events(by: Principal, event: str = "e") -> tuple[str, dict[str, Any]]:
    """Return the SQL that limits events `e` of `i` to those the principal may read, and parameters.

    Who reported, and who may only claim it, does not read what those who work on it say among
    themselves, nor see their photos.
    """
    notes = (
        f"{event}.move = 'note' AND ({event}.role IN ('reporter', 'anonymous', 'resident')"
        f" OR {event}.who = :see_who)"
    )
    condition = f"({internal(by)} OR {event}.move = ANY(:told_moves) OR {notes})"
    return condition, {"told_moves": [*MOVES_SHOWN_TO_REPORTER], "see_who": by.actor}


def progress(by: Principal) -> tuple[dict[str, str], dict[str, Any]]:
    """Return SQL for what the principal may know of the progress of `i`, and its parameters.

    The version, changed_at and pending.

    Who does not read what is said inside is not told either that something was: no number, time or
    request of it.
    """
    inside, (readable, readable_params) = internal(by), readable_events(by, "t")
    events = (
        f"FROM incident_event t WHERE (t.county, t.incident_id) = (i.county, i.id) AND {readable}"
    )
    outside = {
        "version": f"(SELECT count(*) {events})",
        "changed_at": f"(SELECT max(t.at) {events})",
        "pending_request": "''",
    }
    return {
        name: f"CASE WHEN {inside} THEN i.{name} ELSE {query} END"
        for name, query in outside.items()
    }, readable_params
