"""The application: one Flask app with its settings, sessions, errors, API and pages."""

import importlib

from apiflask import APIFlask
from flask import Response, current_app, request
from werkzeug.middleware.proxy_fix import ProxyFix

from gis.settings import Settings
from web import auth, body_limit, db, errors, fit, observe, openapi, request_headers

REVALIDATED = (None, "no-cache", "private, no-cache")
HSTS = "max-age=31536000"
SEALS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(self), camera=(self), microphone=(), payment=(), usb=(), interest-cohort=()",
}

# every blueprint of the service is the `bp` of one of these
BLUEPRINTS = (
    "web.health",
    "web.docs",
    "web.api.areas",
    "web.api.revisions",
    "web.api.exports",
    "web.api.facilities",
    "web.api.locate",
    "web.api.tiles",
    "web.api.search",
    "web.api.posts",
    "web.api.unanswered",
    "web.api.photos",
    "web.api.incidents",
    "web.api.events",
    "web.api.categories",
    "web.api.devices",
    "web.api.imports",
    "web.open311",
    "web.api.reports",
    "web.api.notices",
    "web.api.disclosures",
    "web.api.rules",
    "web.pages.map",
    "web.pages.account",
    "web.pages.report",
    "web.pages.notices",
    "web.pages.work",
    "web.pages.desk",
    "web.pages.rules",
    "web.pages.figures",
    "web.pages.disclosures",
    "web.pages.unanswered",
    "web.pages.editor",
    "web.pages.revisions",
)


def create_app(settings: Settings, database_url: str) -> APIFlask:
    """Make the application.

    Args:
        settings: The deployment's settings, read once; views find them under `app.config["SETTINGS"]`.
        database_url: The server to ask, as `gis.cluster.addresses` gave it.

    Nothing is connected to yet: the first request that asks for a session connects.
    """
    app = APIFlask(__name__, title="Wangge 网格", version="1", docs_path=None, static_folder="static")
    app.config.update(SETTINGS=settings, DATABASE_URL=database_url)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.json.sort_keys = False  # type: ignore[attr-defined]
    if settings.proxies:
        trusted = settings.proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=trusted, x_proto=trusted)  # type: ignore[method-assign]
    db.init_app(app, database_url, settings.database_read_url)
    errors.init_app(app)
    openapi.init_app(app)
    observe.init_app(app)
    body_limit.init_app(app)
    request_headers.init_app(app)
    fit.init_app(app)
    auth.init_app(app, settings)
    app.after_request(sealed)
    for name in BLUEPRINTS:
        app.register_blueprint(importlib.import_module(name).bp)
    return app


def sealed(response: Response) -> Response:
    """Headers that keep browsers strict; a view that needs more sets its own policy first."""
    given = response.headers
    given.extend({name: value for name, value in SEALS.items() if name not in given})
    if request.is_secure or str(current_app.config["SETTINGS"].address).startswith("https:"):
        given["Strict-Transport-Security"] = HSTS
    # what is answered to somebody in particular stays in no cache, unless its view says for how long
    if (
        auth.is_personal()
        and not (response.mimetype or "").startswith("image/")
        and given.get("Cache-Control") in REVALIDATED
    ):
        given["Cache-Control"] = "no-store"
    return response
