"""`/docs`: how to get a key, one example of every operation, and every field of the API."""

from itertools import groupby
from typing import Any

from flask import Blueprint, Response, current_app, request, url_for
from flask_babel import gettext

from gis.messages import Message, render
from layers.overview import sample
from web.http import i18n, params
from web.http.db import session
from web.pages.docs.example_inputs import INPUTS
from web.pages.docs.examples import Example, examples
from web.pages.shell.page import render_page

bp = Blueprint("docs", __name__)


def api_examples() -> list[Example]:
    """Return an example of every operation, with what there is in this deployment."""
    # the one that /openapi.json sends; `app.spec` would generate it anew, a seventh of a second
    spec: dict[str, Any] = current_app._get_spec("json")  # type: ignore[attr-defined]
    return examples(spec, INPUTS, sample(session(), params.parse_datetime(None)))


@bp.get("/docs")
def docs() -> Response:
    """Show the API to read and to try."""
    by_tag = sorted(api_examples(), key=lambda example: example.tag)
    response = render_page(
        "docs/docs.html",
        script="docs/docs.js",
        data={"spec": url_for("openapi.spec")},
        groups=[(tag, [*those]) for tag, those in groupby(by_tag, key=lambda each: each.tag)],
        say=gettext,
        reason=lambda code: render(Message(code), i18n.chosen()),
        root=request.url_root.rstrip("/"),
    )
    # Swagger UI writes style attributes and draws its icons from data: addresses
    policy = response.headers["Content-Security-Policy"]
    response.headers["Content-Security-Policy"] = policy.replace(
        "style-src 'self'", "style-src 'self' 'unsafe-inline'"
    )
    return response
