"""What is open at a moment: facilities, and the gates of paths."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.facilities.accessibility import FacilityEntrances
from gis.facilities.hours import is_open
from gis.network.build import Network
from gis.network.profiled import network_for
from gis.network.snapping import Bools


@dataclass(frozen=True)
class OpenFacilities:
    """Which facilities are open at a moment, in the order of `FacilityEntrances`.

    Attributes
    ----------
    open
        Their hours say so.
    unknown
        No hours are known, or they do not tell; all others are closed.
    """

    open: Bools
    unknown: Bools


def find_open(session: Session, entrances: FacilityEntrances, at: datetime) -> OpenFacilities:
    """Read the opening hours of facilities and judge them for a moment.

    Parameters
    ----------
    at
        The moment, in the time zone of the place.
    """
    assert at.tzinfo is not None
    rows = session.execute(
        text("SELECT id, opening_hours FROM facility WHERE id = ANY(:ids)"),
        {"ids": entrances.id.tolist()},
    )
    hours = {row[0]: row[1] for row in rows}
    states = [is_open(hours.get(number, ""), at, at.tzinfo) for number in entrances.id.tolist()]
    return OpenFacilities(
        np.array([state is True for state in states], bool),
        np.array([state is None for state in states], bool),
    )


def is_gate_open(hours: str, at: datetime) -> bool | None:
    """Return whether a gate or path is open at a moment in local time; None: hours do not tell."""
    return is_open(hours, at, at.tzinfo or UTC)


def network_at(session: Session, profile: str, at: datetime | None) -> Network:
    """Return the stored network as a profile walks it, at a moment.

    Parameters
    ----------
    at
        In the time zone of the place: paths and gates closed then are left out, and the edits in
        force then count. None: those in force now, and every gate with hours is open.

    Raises
    ------
    InvalidInput
        No profile has the name.
    Unavailable
        No network is stored, or all of it is closed to the profile.
    """
    return network_for(session, profile, at, is_gate_open)
