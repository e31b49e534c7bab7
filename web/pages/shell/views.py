"""What pages need of the application: language, account menu, scripts, styles and colours."""

from typing import Any

from flask import Blueprint, Response, current_app, request, send_from_directory
from werkzeug.exceptions import NotFound
from werkzeug.security import safe_join

from gis.messages import LOCALES
from gis.palette import PAGE_COLOURS
from web.http import errors, i18n
from web.pages.shell import assets, menu, script_messages, tokens
from web.pages.shell.page import render_page

bp = Blueprint("shell", __name__)

IMMUTABLE = "public, max-age=31536000, immutable"


@bp.record_once
def init_app(state: Any) -> None:
    """Translate the pages; let every template draw the account menu and name its assets."""
    i18n.init_app(state.app)
    state.app.jinja_env.globals.update(
        menu=menu.menu,
        role_words=menu.role_words,
        asset=assets.asset_url,
        imported=assets.imported_urls,
    )
    state.app.extensions[errors.ERROR_PAGE] = lambda values: render_page(
        "shell/error.html", **values
    )
    state.app.jinja_env.globals.update(tokens_url=tokens.tokens_url, page_colours=PAGE_COLOURS)


@bp.get("/static/v/<digest>/<path:filename>")
def versioned(digest: str, filename: str) -> Response:
    """Send a script, a style or a library under an address that changes with them.

    Raises
    ------
    NotFound
        There is no such page, folder or file.
    """
    kind, _, name = filename.partition("/")
    if kind == "pages":
        page, _, file = name.partition("/")
        folder = safe_join(str(assets.PAGES_PATH), page, "static")
        if folder is None:
            raise NotFound
        response = send_from_directory(folder, file)
    elif kind in (assets.SHARED, assets.VENDOR_FOLDER):
        response = current_app.send_static_file(filename)
    else:
        raise NotFound
    # an older page may ask for what is no more: it gets what there is, to be checked each time
    if digest == assets.asset_digest() and response.status_code == 200:
        response.headers["Cache-Control"] = IMMUTABLE
    return response


@bp.get("/static/messages/<language>.json")
def messages(language: str) -> Response:
    """Send the texts of the scripts in a language, by English text.

    Raises
    ------
    NotFound
        There is no such language.
    """
    if language not in LOCALES:
        raise NotFound
    return _cacheable(script_messages.messages_json(language), "application/json")


@bp.get("/static/tokens.css")
def colour_tokens() -> Response:
    """Send the colours of the pages as variables."""
    return _cacheable(tokens.tokens_css(), "text/css")


def _cacheable(text: str, mimetype: str) -> Response:
    """Return a file that is cached for good under an address with a digest, else revalidated."""
    response = Response(text, mimetype=mimetype)
    response.headers["Cache-Control"] = IMMUTABLE if "v" in request.args else "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response
