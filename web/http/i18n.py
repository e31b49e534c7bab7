"""The language of the screen: Chinese unless the reader asks for English (`?lang=en`, kept in a cookie)."""

from pathlib import Path

from flask import Flask, Response, request
from flask_babel import Babel

LANGUAGES = {"zh": "zh_Hans_CN", "en": "en"}  # as in addresses -> as Babel calls it
COOKIE = "wangge_lang"
YEAR = 365 * 24 * 3600  # seconds


def chosen() -> str:
    """zh or en: from the address, else the cookie, else zh."""
    for asked in (request.args.get("lang"), request.cookies.get(COOKIE)):
        if asked in LANGUAGES:
            return asked
    return "zh"


def init_app(app: Flask) -> None:
    """Translate the pages; remember a language asked for in the address."""
    Babel(
        app,
        default_locale=LANGUAGES["zh"],
        default_translation_directories=str(Path(__file__).resolve().parent.parent / "translations"),
        locale_selector=lambda: LANGUAGES[chosen()],
    )

    @app.after_request
    def remember(response: Response) -> Response:
        asked = request.args.get("lang")
        if asked in LANGUAGES and asked != request.cookies.get(COOKIE):
            response.set_cookie(COOKIE, asked, max_age=YEAR, samesite="Lax", secure=request.is_secure, httponly=True)
        return response
