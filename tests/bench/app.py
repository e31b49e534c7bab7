"""What the HTTP row serves: the real application, and on it one view that answers a constant."""

from flask import Response

from web.gateway import Gateway
from web.wsgi import app

__all__ = ["app", "gateway"]


@app.route("/bench-constant", methods=["GET", "POST"])
def constant() -> Response:
    """The same application, logging and headers; nothing to work out."""
    return Response(b'{"ok":true}', mimetype="application/json")


gateway = Gateway(app)
