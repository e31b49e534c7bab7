"""Headers that change what a request does are refused when they cannot be read, never passed over.

The server hands on only values of visible ASCII characters; of others the name alone is left.
`web/gateway.py` notes these, and what was sent twice, in the environment.
"""

from flask import Flask, current_app, request

from gis.errors import invalid_field

UNREADABLE, REPEATED = "wangge.unreadable_headers", "wangge.repeated_headers"
SINGLE = (
    "Idempotency-Key",
    "Authorization",
    "X-Tracking-Secret",
    "X-Wangge-Timestamp",
    "X-Wangge-Signature",
)
MEANT = (*SINGLE, "If-Match")  # If-Match may be sent several times: its values are a list


def service_root() -> str:
    """Return the address of the service, which links in files and answers begin with."""
    return str(current_app.config["SETTINGS"].address or request.url_root).rstrip("/")


def check() -> None:
    """Refuse what nobody can act on.

    Raises
    ------
    InvalidInput
        A header of `MEANT` holds other characters than printable ASCII, or one of `SINGLE` came
        twice.
    """
    refusals = (
        (UNREADABLE, MEANT, "input.header_not_ascii"),
        (REPEATED, SINGLE, "input.header_repeated"),
    )
    for note, names, code in refusals:
        refused = request.environ.get(note, ())
        name = next((name for name in names if name.lower() in refused), None)
        if name:
            raise invalid_field(name, code)


def init_app(app: Flask) -> None:
    """Look at the headers of every request first."""
    app.before_request(check)
