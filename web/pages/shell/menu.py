"""The account menu: the pages, and who may open them."""

from typing import Any

from flask import current_app, url_for
from flask_babel import lazy_gettext

from gis.incidents.reading.organisations import LISTING
from gis.rights.actions import KEEPING, Action
from gis.rights.principal import Principal
from gis.rights.roles import role_label
from web.http import i18n
from web.security.guard import principal

# path under the root, words, the actions of which it takes one (none: any account) -> the account
# menu; only pages that exist
MENU: tuple[tuple[Any, ...], ...] = (
    ("work", lazy_gettext("My work"), Action.HANDLE),
    ("desk", lazy_gettext("Dispatcher's desk"), Action.DISPATCH),
    ("screen", lazy_gettext("Command centre screen"), Action.SUPERVISE),
    ("figures", lazy_gettext("Figures"), Action.FIGURES),
    ("papers", lazy_gettext("Papers"), Action.FIGURES),
    ("diary", lazy_gettext("My diary of visits"), Action.HANDLE),
    ("duties", lazy_gettext("Duties"), Action.HANDLE, Action.FIGURES),
    ("credit", lazy_gettext("Points"), Action.FIGURES, Action.HANDLE),
    ("stars", lazy_gettext("Stars of communities"), Action.FIGURES),
    ("spot-checks", lazy_gettext("Spot checks"), Action.SUPERVISE),
    ("checkup", lazy_gettext("Check-up of a community"), Action.FIGURES),
    ("coverage", lazy_gettext("Fifteen-minute coverage"), Action.FIGURES),
    ("editor", lazy_gettext("Boundary editor"), Action.DRAFT),
    ("revisions", lazy_gettext("Boundary revisions"), Action.PUBLISH),
    ("buildings", lazy_gettext("Buildings"), *KEEPING),
    ("units", lazy_gettext("Ten-household units"), Action.PUBLISH),
    ("registers", lazy_gettext("Registers"), *KEEPING),
    ("rules", lazy_gettext("Routing rules"), Action.RULES),
    ("formula", lazy_gettext("Formulas of points and stars"), Action.RULES),
    ("disclosures", lazy_gettext("Who was shown what"), Action.HISTORY),
    ("setup", lazy_gettext("Set up"), Action.ACCOUNTS),
    ("unanswered", lazy_gettext("Places nobody answers for"), Action.ACCOUNTS),
    ("accounts", lazy_gettext("Accounts"), Action.ACCOUNTS),
    ("organisations", lazy_gettext("Organisations"), *LISTING),
    ("takers", lazy_gettext("Who takes orders"), Action.DISPATCH),
    ("posts", lazy_gettext("Community workers"), Action.FIGURES, Action.POSTS),
    ("kinds", lazy_gettext("Kinds"), Action.ACCOUNTS),
    ("keys", lazy_gettext("Keys of programs"), Action.ACCOUNTS),
    ("nearby", lazy_gettext("My 15 minutes")),
    ("discussions", lazy_gettext("Discussions")),
    ("notices", lazy_gettext("Notices")),
    ("password", lazy_gettext("Change password")),
)


def has_page(path: str) -> bool:
    """Return whether there is a page at a path under the root."""
    extensions = current_app.extensions
    if "wangge_paths" not in extensions:
        extensions["wangge_paths"] = {rule.rule for rule in current_app.url_map.iter_rules()}
    return f"/{path}" in extensions["wangge_paths"]


def menu() -> list[tuple[str, str]]:
    """Return address and title of the pages that who asks may open."""
    root = url_for("map.index")
    by = principal()
    return [
        (root + path, str(title))
        for path, title, *actions in MENU
        if has_page(path) and (not actions or by.is_allowed_any(actions))
    ]


def role_words(by: Principal) -> str:
    """Return the strongest role of an account, in the reader's language."""
    role = by.roles[0][0] if by.roles else "resident"
    return role_label(role, i18n.chosen())
