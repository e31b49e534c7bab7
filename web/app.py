"""The application: one Flask app with its settings, sessions, errors, API and pages."""

import importlib

from apiflask import APIFlask
from flask import Response, current_app, request
from werkzeug.middleware.proxy_fix import ProxyFix

from gis.db import pool_transactions
from gis.settings import Settings
from web.http import (
    body_limit,
    compression,
    db,
    errors,
    observability,
    openapi,
    request_headers,
    shards,
    snapshot,
)
from web.security import guard, sanitising
from web.security import session as browser_session

REVALIDATED = (None, "no-cache", "private, no-cache")
HSTS = "max-age=31536000"
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": (
        "geolocation=(self), camera=(self), microphone=(), payment=(), usb=(), interest-cohort=()"
    ),
}

# every blueprint of the service is the `bp` of one of these
BLUEPRINTS = (
    "web.service.health",
    "web.api.areas.views",
    "web.api.reviews.views",
    "web.api.revisions.views",
    "web.api.buildings.views",
    "web.api.units.views",
    "web.api.exports.views",
    "web.api.facilities.views",
    "web.api.entrances.views",
    "web.api.capacity.views",
    "web.api.snapshots.views",
    "web.api.spot_checks.views",
    "web.api.discussions.views",
    "web.api.edits.views",
    "web.api.coverage.views",
    "web.api.siting.views",
    "web.api.nearby.views",
    "web.api.standards.views",
    "web.api.checkups.views",
    "web.api.coverage_map.views",
    "web.api.locate.views",
    "web.api.tiles.views",
    "web.api.search.views",
    "web.api.posts.views",
    "web.api.unanswered.views",
    "web.api.photos.views",
    "web.api.incidents.views",
    "web.api.follow_ups.views",
    "web.api.parts.views",
    "web.api.desk.views",
    "web.api.today.views",
    "web.api.events.views",
    "web.api.categories.views",
    "web.api.profiles.views",
    "web.api.devices.views",
    "web.api.duties.views",
    "web.api.kinds.views",
    "web.api.organisations.views",
    "web.api.credit.views",
    "web.api.imports.views",
    "web.api.registers.views",
    "web.open311.views",
    "web.ogc.views",
    "web.api.reports.views",
    "web.api.papers.views",
    "web.api.notices.views",
    "web.api.disclosures.views",
    "web.api.rules.views",
    "web.pages.shell.views",
    "web.pages.map.views",
    "web.pages.counties.views",
    "web.pages.docs.views",
    "web.pages.account.views",
    "web.pages.accounts.views",
    "web.pages.keys.views",
    "web.pages.duties.views",
    "web.pages.kinds.views",
    "web.pages.organisations.views",
    "web.pages.credit.views",
    "web.pages.credit.formula",
    "web.pages.posts.views",
    "web.pages.report.views",
    "web.pages.nearby.views",
    "web.pages.notices.views",
    "web.pages.work.views",
    "web.pages.desk.views",
    "web.pages.rules.views",
    "web.pages.figures.views",
    "web.pages.papers.views",
    "web.pages.papers.forms",
    "web.pages.screen.views",
    "web.pages.spot_checks.views",
    "web.pages.discussions.views",
    "web.pages.checkup.views",
    "web.pages.coverage.views",
    "web.pages.coverage.report",
    "web.pages.sheet.views",
    "web.pages.coverage.map_file",
    "web.pages.coverage.tables",
    "web.pages.disclosures.views",
    "web.pages.unanswered.views",
    "web.pages.editor.views",
    "web.pages.revisions.views",
    "web.pages.buildings.views",
    "web.pages.setup.views",
    "web.pages.units.views",
    "web.pages.registers.views",
)


def create_app(settings: Settings, database_url: str) -> APIFlask:
    """Make the application.

    Parameters
    ----------
    settings
        The deployment's settings, read once; views find them under `app.config["SETTINGS"]`.
    database_url
        The server to ask, as `gis.ops.cluster.database_urls` gave it.

    Nothing is connected to yet: the first request that asks for a session connects.
    """
    app = APIFlask(
        __name__,
        title="Wangge 网格",
        version="1",
        docs_path=None,
        static_folder="static",
        template_folder="pages",
    )
    app.config.update(SETTINGS=settings, DATABASE_URL=database_url)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.json.sort_keys = False  # type: ignore[attr-defined]
    if settings.proxies:
        trusted = settings.proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=trusted, x_proto=trusted)  # type: ignore[method-assign]
    compression.init_app(app)  # the first registered is the last to see an answer
    if settings.database_listen_url:
        pool_transactions(database_url)
    db.init_app(app, database_url, settings.database_read_url)
    errors.init_app(app)
    openapi.init_app(app)
    observability.init_app(app)
    body_limit.init_app(app)
    request_headers.init_app(app)
    shards.init_app(app)
    snapshot.init_app(app)
    sanitising.init_app(app)
    guard.init_app(app, settings)
    app.after_request(add_security_headers)
    for name in BLUEPRINTS:
        app.register_blueprint(importlib.import_module(name).bp)
    return app


def add_security_headers(response: Response) -> Response:
    """Add headers that keep browsers strict; a view that needs more sets its own policy first."""
    headers = response.headers
    headers.extend({name: value for name, value in SECURITY_HEADERS.items() if name not in headers})
    if request.is_secure or str(current_app.config["SETTINGS"].address).startswith("https:"):
        headers["Strict-Transport-Security"] = HSTS
    # a personal response is not cached, unless its view sets how long
    if (
        browser_session.is_personal()
        and not (response.mimetype or "").startswith("image/")
        and headers.get("Cache-Control") in REVALIDATED
    ):
        headers["Cache-Control"] = "no-store"
    return response
