"""Choices that several pages offer."""

from gis.facilities.categories import CATEGORY_BY_KEY
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


def service_name(key: str) -> str:
    """Return the name of a category of facilities, in the reader's language."""
    category = CATEGORY_BY_KEY[key]
    return capitalise(category.en if i18n.chosen() == "en" else category.zh)


def capitalise(name: str) -> str:
    """Return a name with a capital, as it stands alone."""
    return name[:1].upper() + name[1:]
