"""The strips of the sheet of first passwords."""

from collections.abc import Sequence

from gis.ops.first_accounts import FirstAccount
from gis.rights.roles import role_label


def cards(accounts: Sequence[FirstAccount], language: str) -> list[dict[str, str]]:
    """Return the lines of the sheet of first passwords."""
    return [
        {
            "name": each.name,
            "username": each.username,
            "password": each.password,
            "posts": "、".join(role_label(role, language) for role in each.roles),
            "places": "、".join(each.places),
        }
        for each in accounts
    ]
