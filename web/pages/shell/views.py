"""What every page needs of the application: its language, its account menu, its scripts and styles."""

from typing import Any

from flask import Blueprint, Response, send_from_directory
from werkzeug.exceptions import NotFound
from werkzeug.security import safe_join

from web.http import i18n
from web.pages.shell import assets, menu

bp = Blueprint("shell", __name__)


@bp.record_once
def init_app(state: Any) -> None:
    """Translate the pages; let every template draw the account menu and name its assets."""
    i18n.init_app(state.app)
    state.app.jinja_env.globals.update(menu=menu.menu, role_words=menu.role_words, asset=assets.asset_url)


@bp.get("/static/pages/<page>/<path:filename>")
def page_asset(page: str, filename: str) -> Response:
    """Send a script or style of one page."""
    folder = safe_join(str(assets.PAGES_PATH), page, "static")
    if folder is None:
        raise NotFound
    return send_from_directory(folder, filename)
