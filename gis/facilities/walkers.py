"""Who walks on what: the network of a walking profile, with its speed."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from gis.facilities.opening import is_gate_open
from gis.network.build import Network
from gis.network.loading import load_network
from gis.network.profile_table import find_profile
from gis.network.profiled import for_profile


@dataclass(frozen=True)
class ProfileNetwork:
    """What a profile walks on.

    Attributes
    ----------
    name
        Of the profile.
    network
        As it walks it: lengths in equivalent metres, without what is closed to it.
    speed_m_s
        Equivalent metres a second.
    version
        What labels depend on, buildings and facilities apart.
    """

    name: str
    network: Network
    speed_m_s: float
    version: str


def profile_network(session: Session, profile: str, at: datetime | None = None) -> ProfileNetwork:
    """Return the network of a walking profile.

    Parameters
    ----------
    at
        As `gis.facilities.opening.network_at`.

    Raises
    ------
    InvalidInput
        There is no such profile.
    Unavailable
        No walking network is loaded.
    """
    return walker_on(session, load_network(session, at), profile, at)


def walker_on(
    session: Session, network: Network, profile: str, at: datetime | None = None
) -> ProfileNetwork:
    """Return a network as a walking profile walks it; raise as `profile_network`."""
    walks_as = find_profile(session, profile)
    view = for_profile(network, walks_as, at, is_gate_open)
    return ProfileNetwork(profile, view, walks_as.speed_m_s, f"{view.version} {walks_as.key}")
