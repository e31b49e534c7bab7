"""`/docs`: the API to read and to try, from assets of our own."""

import secrets

from flask import Blueprint, Response, make_response, render_template

bp = Blueprint("docs", __name__, template_folder=".")


@bp.get("/docs")
def docs() -> Response:
    """Swagger UI over `/openapi.json`."""
    nonce = secrets.token_urlsafe(16)
    response = make_response(render_template("docs.html", nonce=nonce))
    # Swagger UI writes style attributes and draws its icons from data: addresses
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'self'"
    )
    return response
