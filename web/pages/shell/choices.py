"""Choices that several pages offer."""

from gis.messages import label
from gis.network.profile_table import read_profiles
from web.http import i18n
from web.http.db import session


def profile_choices() -> list[tuple[str, str]]:
    """Return the key and the name of each walking profile, in the reader's language."""
    return [
        (key, capitalise(label(f"profile.{key}", i18n.chosen())))
        for key in read_profiles(session())
    ]


def capitalise(name: str) -> str:
    """Return a name with a capital, as it stands alone."""
    return name[:1].upper() + name[1:]
