"""What every page needs of the application: its language and its account menu."""

from typing import Any

from flask import Blueprint

from web.http import i18n
from web.pages.shell import menu

bp = Blueprint("shell", __name__)


@bp.record_once
def init_app(state: Any) -> None:
    """Translate the pages, and let every template draw the account menu."""
    i18n.init_app(state.app)
    state.app.jinja_env.globals.update(menu=menu.menu, role_words=menu.role_words)
