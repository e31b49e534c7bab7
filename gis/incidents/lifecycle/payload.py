"""What goes with a move, and what a move changes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from gis.areas.locate_result import LocateRequest


@dataclass(frozen=True)
class Part:
    """One of several complaints of a report: its category, and its words."""

    category: str = ""
    description: str = ""


@dataclass(frozen=True)
class MovePayload:
    """What goes with a move; each move reads what it needs.

    note: What is said; some moves need it. to, role: For dispatch: the code of a person, or a role
    of the place. way: For dispatch: assign, or order to push it to whoever claims it. category,
    severity: For accept, reclassify. minutes: For more time, and for a new limit: minutes of the
    incident's clock. until: For request_suspend, and to end it earlier for approve_suspend.
    parent: For link. rating (1 to 5), solved: For rate, and for follow_up when reached. outcome,
    again_at, reasons: For follow_up. lon and lat in crs: Where it was done; for relocate, where the
    incident is. area, building, address: For relocate, instead of a point. parts:
    For split, the incident's own first. update_id: For note: its number in the system that sends
    it.
    """

    note: str = ""
    to: str = ""
    role: str = ""
    way: str = ""
    category: str = ""
    severity: str = ""
    minutes: float | None = None
    until: datetime | None = None
    parent: UUID | None = None
    rating: int | None = None
    solved: bool | None = None
    outcome: str = ""
    again_at: datetime | None = None
    reasons: tuple[str, ...] = ()
    lon: float | None = None
    lat: float | None = None
    crs: str | None = None
    area: str = ""
    building: str = ""
    address: str = ""
    parts: tuple[Part, ...] = ()
    update_id: str = ""

    @property
    def point(self) -> LocateRequest | None:
        """Where the move was done; None without a point."""
        if self.lon is None or self.lat is None:
            return None
        return LocateRequest(self.lon, self.lat, self.crs or "")


EMPTY_PAYLOAD = MovePayload()
Effect = tuple[dict[str, Any], dict[str, Any], list[Any]]  # columns, the event's detail, offers
