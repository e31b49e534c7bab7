"""Who walks: speeds, what closes a way to them, and what costs them time.

The table is long: one row for each value, with its unit and source. A quantity without a row costs
nothing and closes nothing.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from math import inf, isfinite
from pathlib import Path
from typing import NamedTuple

from gis.errors import invalid_field

PROFILES_CSV = Path(__file__).with_name("profiles.csv")
MAX_SPEED_M_S = 5.0


class ProfileValue(NamedTuple):
    """A row of the table: one quantity of one profile, its unit and where it comes from."""

    profile: str
    quantity: str
    value: float
    unit: str
    source: str
    note: str


@dataclass(frozen=True)
class WalkingProfile:
    """Who walks.

    Attributes
    ----------
    speed_m_s
        Speed on the level, metres a second.
    step_s
        Seconds a step of a stair takes; 0: a stair costs its length.
    crossing_trunk_s, crossing_primary_s, crossing_secondary_s, crossing_tertiary_s
        Seconds it costs to cross a road of that class where no light is known.
    signal_s
        Seconds it costs to cross one of those roads at a light.
    soft_factor, unpaved_factor, rough_factor
        How many times longer a metre takes on sand and mud, on gravel and earth, and on setts and
        cobbles; at least 1, or 0 where such a way is closed.
    kerb_cm, slope_pct, width_m
        The highest kerb, the steepest slope and the least width; what is not known closes nothing.
    steps
        Whether stairs may be used.
    wheels
        Whether wheelchair=* holds.
    hours
        Whether the opening hours of ways and gates hold.
    """

    name: str
    speed_m_s: float
    step_s: float = 0.0
    crossing_trunk_s: float = 0.0
    crossing_primary_s: float = 0.0
    crossing_secondary_s: float = 0.0
    crossing_tertiary_s: float = 0.0
    signal_s: float = 0.0
    soft_factor: float = 1.0
    unpaved_factor: float = 1.0
    rough_factor: float = 1.0
    kerb_cm: float = inf
    slope_pct: float = inf
    width_m: float = 0.0
    steps: bool = True
    wheels: bool = False
    hours: bool = True

    @property
    def key(self) -> str:
        """What stored results depend on: the speed alone where nothing else differs from plain."""
        plain = WalkingProfile(self.name, self.speed_m_s)
        return repr(self.speed_m_s) if self == plain else repr(astuple(self)[1:])


QUANTITIES = tuple(field.name for field in fields(WalkingProfile))[1:]
SWITCHES = ("steps", "wheels", "hours")
FACTORS = ("soft_factor", "unpaved_factor", "rough_factor")


def is_possible(quantity: str, value: float) -> bool:
    """Return whether a quantity may have a value.

    A factor below 1 would make a walk shorter than its metres, and the boxes that bound a circle
    wrong.
    """
    if not isfinite(value) or value < 0:
        return False
    if quantity == "speed_m_s":
        return 0 < value <= MAX_SPEED_M_S
    if quantity in SWITCHES:
        return value in (0, 1)
    return quantity not in FACTORS or value == 0 or value >= 1


def profiles_of(rows: Iterable[ProfileValue]) -> dict[str, WalkingProfile]:
    """Return the profiles that the rows of a table make, by name in the order of the table."""
    values: dict[str, dict[str, float]] = {}
    for row in rows:
        values.setdefault(row.profile, {})[row.quantity] = row.value
    return {name: _profile(name, of_name) for name, of_name in values.items()}


def _profile(name: str, values: Mapping[str, float]) -> WalkingProfile:
    typed = {key: bool(value) if key in SWITCHES else value for key, value in values.items()}
    return WalkingProfile(name, **typed)  # type: ignore[arg-type]


def default_rows() -> list[ProfileValue]:
    """Return the rows of the table that comes with the program."""
    with PROFILES_CSV.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        ProfileValue(
            row["profile"],
            row["quantity"],
            float(row["value"]),
            row["unit"],
            row["source"],
            row["note"],
        )
        for row in rows
    ]


PROFILES = profiles_of(default_rows())
ADULT = PROFILES["adult"]


def get_profile(name: str, profiles: Mapping[str, WalkingProfile] = PROFILES) -> WalkingProfile:
    """Return the walking profile of that name.

    Parameters
    ----------
    profiles
        Where to look; the table that comes with the program by default.

    Raises
    ------
    InvalidInput
        No profile has the name.
    """
    if name not in profiles:
        raise invalid_field("profile", "profile.unknown", name=repr(name), profiles=list(profiles))
    return profiles[name]
