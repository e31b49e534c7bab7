"""The language of the reader: Chinese unless `?lang=en` asks for English, kept in a cookie."""

from flask import Flask, Response, request
from flask_babel import Babel

from gis.messages import LOCALES, LOCALES_PATH

LANGUAGE_COOKIE = "wangge_lang"
YEAR = 365 * 24 * 3600  # seconds


def chosen() -> str:
    """Return the language, zh or en: from the address, else the cookie, else zh."""
    for language in (request.args.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if language in LOCALES:
            return language
    return "zh"


def init_app(app: Flask) -> None:
    """Translate the pages; remember a language asked for in the address."""
    Babel(
        app,
        default_locale=LOCALES["zh"],
        default_translation_directories=str(LOCALES_PATH),
        locale_selector=lambda: LOCALES[chosen()],
    )

    @app.after_request
    def remember(response: Response) -> Response:
        language = request.args.get("lang")
        if language in LOCALES and language != request.cookies.get(LANGUAGE_COOKIE):
            response.set_cookie(
                LANGUAGE_COOKIE,
                language,
                max_age=YEAR,
                samesite="Lax",
                secure=request.is_secure,
                httponly=True,
            )
        return response
