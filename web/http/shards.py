"""What the dispatcher over the counties tells the application that answers."""

from flask import Flask, request

SHARD_ERROR = "wangge.shard_error"  # in the environment: why a request is for no county
ABOUT_CITY = "wangge.city"  # in the environment: it is about the whole city


def init_app(app: Flask) -> None:
    """Refuse what the dispatcher refuses, as any other error is."""

    @app.before_request
    def refuse() -> None:
        if (error := request.environ.get(SHARD_ERROR)) is not None:
            raise error


def is_about_city() -> bool:
    """Return whether a request is about all counties of the city at once."""
    return bool(request.environ.get(ABOUT_CITY))
